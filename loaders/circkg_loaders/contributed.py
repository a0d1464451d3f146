"""Reads contributed RDF files: any syntax, nothing fetched, lexical forms kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, parse

from circkg_shapes.terms import Term, Triple, iri, literal

FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "nq": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "rdf": RdfFormat.RDF_XML,
    "xml": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
}
"""RDF syntaxes by file name extension. The parser fetches nothing: a remote JSON-LD context is an error."""

BASE = "https://w3id.org/circkg/contributed/"
"""Base of relative IRIs in contributed files."""


class ContributionError(ValueError):
    """A contributed file cannot be read; the message names the file, the place and the way out."""


def read_rdf(path: Path) -> Iterator[Triple]:
    """Yield the triples of an RDF file, whatever graphs they stand in.

    Language tags come in lower case, as the parser gives them; lexical forms are as written.

    :raises ContributionError: if the syntax is unknown or the file is not well-formed.
    """
    syntax = FORMATS.get(path.suffix.lower().removeprefix("."))
    if syntax is None:
        known = ", ".join(f".{suffix}" for suffix in FORMATS)
        raise ContributionError(f"{path.name}: the ending {path.suffix or '(none)'} is not known. Known: {known}.")
    try:
        for quad in parse(path=str(path), format=syntax, base_iri=BASE):
            yield _term(quad.subject), _term(quad.predicate), _term(quad.object)
    except SyntaxError as error:
        raise ContributionError(f"{path.name} is not well-formed: {error}") from error
    except OSError as error:
        raise ContributionError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _term(node: object) -> Term:
    if isinstance(node, NamedNode):
        return iri(node.value)
    if isinstance(node, BlankNode):
        return f"_:{node.value}"
    if isinstance(node, Literal):
        return literal(node.value, lang=node.language, datatype=None if node.language else node.datatype.value)
    raise ContributionError(f"{node} is a quoted triple. Use RDF 1.1.")
