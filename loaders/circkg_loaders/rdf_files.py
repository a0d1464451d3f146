"""Reads RDF files of the repository: ontology, vocabularies, shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyoxigraph import RdfFormat, parse

from circkg_loaders.iris import BASE
from circkg_shapes.terms import Term, Triple, iri, is_blank


class RdfFileError(ValueError):
    """An RDF file cannot be read; the message names the file and what is wrong."""


def read_turtle(path: Path) -> list[Triple]:
    """Return the triples of a Turtle file, its blank nodes named by their content.

    Lexical forms are as written; language tags come in lower case, as the parser gives them.

    :raises RdfFileError: if the file is not well-formed.
    """
    try:
        quads = parse(input=path.read_bytes(), format=RdfFormat.TURTLE, base_iri=path.as_uri())
        triples = [(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads]
    except OSError as error:
        raise RdfFileError(f"{path} cannot be read: {error.strerror}.") from error
    except SyntaxError as error:
        raise RdfFileError(f"{path.name} is not well-formed Turtle: {error.msg}") from error
    return sorted(name_blank_nodes(triples))


def name_blank_nodes(triples: Iterable[Triple]) -> Iterator[Triple]:
    """Yield the triples with an IRI in place of each blank node, made from the SHA-256 of what is said about it.

    Published data have no blank nodes: so sorted distinct N-Quads are canonical, and a difference between two releases
    is readable. Two blank nodes about which the same is said become one, which leaves the meaning as it is.

    :raises RdfFileError: if blank nodes form a circle, which lists and nested descriptions never do.
    """
    triples = list(triples)
    about: dict[Term, list[tuple[Term, Term]]] = {}
    for subject, predicate, object_ in triples:
        if is_blank(subject):
            about.setdefault(subject, []).append((predicate, object_))
    names: dict[Term, Term] = {}

    def name(node: Term, path: tuple[Term, ...]) -> Term:
        if not is_blank(node):
            return node
        if node in path:
            raise RdfFileError("Blank nodes point at one another in a circle. Give one of them an IRI.")
        if node not in names:
            content = sorted(f"{p} {name(o, (*path, node))}" for p, o in about.get(node, []))
            digest = hashlib.sha256("\n".join(content).encode()).hexdigest()[:20]
            names[node] = iri(f"{BASE}.well-known/genid/{digest}")
        return names[node]

    for subject, predicate, object_ in triples:
        yield name(subject, ()), predicate, name(object_, ())
