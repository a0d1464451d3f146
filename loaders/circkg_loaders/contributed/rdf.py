"""Reads contributed RDF files: any syntax, nothing fetched, lexical forms kept."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from xml.parsers import expat

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

MAX_BYTES = 50_000_000
"""Largest file that is read: far above anything that people contribute, below what fills the memory."""

MAX_DEPTH = 100
"""Deepest nesting of JSON-LD that is read: the parser's stack ends at a few thousand."""

_JSON_MARK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


class ContributionError(ValueError):
    """A contributed file cannot be read; the message names the file, the place and the way out."""


def read_rdf(path: Path) -> Iterator[Triple]:
    """Yield the triples of an RDF file, whatever graphs they stand in.

    Language tags come in lower case, as the parser gives them; lexical forms are as written.

    :raises ContributionError: if the syntax is unknown, or the file is not well-formed or too large or deep.
    """
    _syntax(path.name)
    yield from parse_rdf(read_content(path), path.name)


def parse_rdf(content: bytes, name: str, ending: str = "") -> Iterator[Triple]:
    """Yield the triples of the content of an RDF file.

    :param name: name of the file: its ending says the syntax, unless another ending is given.
    :raises ContributionError: if the syntax is unknown, or the content is not well-formed or too large or deep.
    """
    syntax = _syntax(f"a.{ending}" if ending else name)
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        if syntax == RdfFormat.RDF_XML:
            _refuse_entities(content)
        if syntax == RdfFormat.JSON_LD:
            refuse_depth(content)
        for quad in parse(input=content, format=syntax, base_iri=BASE):
            yield _term(quad.subject), _term(quad.predicate), _term(quad.object)
    except ContributionError as error:
        raise ContributionError(f"{name}: {error}") from error
    except SyntaxError as error:
        raise ContributionError(f"{name} is not well-formed: {_explained(error)}") from error


def read_content(path: Path) -> bytes:
    """Return the bytes of a file.

    :raises ContributionError: if it cannot be read or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ContributionError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    if len(content) > MAX_BYTES:
        raise ContributionError(
            f"{path.name}: the file has more than {MAX_BYTES // 1_000_000} MB. Contribute it in parts."
        )
    return content


def _syntax(name: str) -> RdfFormat:
    ending = PurePath(name).suffix
    syntax = FORMATS.get(ending.lower().removeprefix("."))
    if syntax is None:
        known = ", ".join(f".{suffix}" for suffix in FORMATS)
        raise ContributionError(f"{name}: the ending {ending or '(none)'} is not known. Known: {known}.")
    return syntax


class _RootReached(Exception):  # noqa: N818 - the end of the part that is looked at, not an error
    pass


def _refuse_entities(content: bytes) -> None:
    """Refuse XML that declares entities: a few lines of them can stand for gigabytes."""

    def entity(*declared: object) -> None:
        name = declared[0]
        raise ContributionError(
            f"the XML declares the entity {name!r}. Write out what it stands for, without <!ENTITY."
        )

    def root(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = entity
    parser.StartElementHandler = root
    try:
        parser.Parse(content, True)
    except _RootReached:
        pass
    except expat.ExpatError as error:
        raise ContributionError(f"the file is no well-formed XML: {error}.") from error


def refuse_depth(content: bytes) -> None:
    """Refuse JSON that is nested so deeply that a parser's stack could end.

    :raises ContributionError: if it is.
    """
    depth = 0
    for mark in _JSON_MARK.finditer(content):
        if mark[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise ContributionError(
                    f"the JSON is nested more than {MAX_DEPTH} deep. Describe things side by side, linked by @id."
                )
        elif mark[0] in (b"]", b"}"):
            depth -= 1


def _explained(error: SyntaxError) -> str:
    """Return what the parser says, with the way out where people need one."""
    text = str(error.msg)
    if "LoadDocumentCallback" in text:
        return "it names a context elsewhere, and nothing is fetched. Put the context itself into the file."
    if "utf-8" in text.lower():
        return f"{text}. Save it as UTF-8."
    return text


def _term(node: object) -> Term:
    if isinstance(node, NamedNode):
        return iri(node.value)
    if isinstance(node, BlankNode):
        return f"_:{node.value}"
    if isinstance(node, Literal):
        return literal(node.value, lang=node.language, datatype=None if node.language else node.datatype.value)
    raise ContributionError(f"{node} is a quoted triple, which RDF 1.1 does not have. State it as a claim.")
