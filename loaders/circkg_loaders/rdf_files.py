"""Reads RDF files of the repository: ontology, vocabularies, shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from rdflib import Graph

from circkg_loaders.iris import BASE
from circkg_shapes.terms import Term, Triple, from_rdflib, iri, is_blank


class RdfFileError(ValueError):
    """An RDF file cannot be read; the message names the file and what is wrong."""


def read_turtle(path: Path) -> list[Triple]:
    """Return the triples of a Turtle file, its blank nodes named by their content.

    :raises RdfFileError: if the file is not well-formed.
    """
    try:
        graph = Graph().parse(data=path.read_bytes(), format="turtle", publicID=path.as_uri())
    except OSError as error:
        raise RdfFileError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # rdflib's parsers raise many types, SyntaxError among them
        raise RdfFileError(f"{path.name} is not well-formed Turtle: {' '.join(str(error).split())[:300]}") from error
    return sorted(name_blank_nodes((from_rdflib(s), from_rdflib(p), from_rdflib(o)) for s, p, o in graph))


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
