"""Helpers of the validator's tests: results as comparable tuples, and pySHACL asked by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

import pyshacl
from pyoxigraph import RdfFormat, parse
from rdflib import SH, Graph
from rdflib.term import Node

from circkg_shapes import Report, Shapes
from circkg_shapes.reference import lexical_forms_kept
from circkg_shapes.terms import Term, Triple, from_rdflib, is_blank, to_rdflib
from circkg_shapes.vocabulary import sh

PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix ex: <https://example.org/> .
"""

Row: TypeAlias = tuple[str, ...]
"""Focus node, path, value, component, source shape, severity; blank nodes of shapes and paths as written out."""


def triples(turtle: str) -> list[Triple]:
    """Return the triples of Turtle with the usual prefixes, lexical forms as written."""
    quads = parse(input=(PREFIXES + turtle).encode(), format=RdfFormat.TURTLE)
    return [(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads]


def rows(report: Report) -> Counter[Row]:
    """Return the results of a report."""
    return Counter(
        (r.focus_node, r.path or "", r.value or "", r.component, r.source_shape, r.severity) for r in report.results
    )


def by_pyshacl(triples: Iterable[Triple], shapes: Shapes, **options: bool) -> Counter[Row]:
    """Return the results of pySHACL asked by itself, of all data at once."""
    with lexical_forms_kept():
        _, report, text = pyshacl.validate(
            graph_of(triples), shacl_graph=graph_of(shapes.triples), inplace=True, inference="none", **options
        )
    assert isinstance(report, Graph), text
    return rows_of_graph(report, shapes)


def graph_of(triples: Iterable[Triple]) -> Graph:
    """Return triples as an rdflib graph, lexical forms kept."""
    graph = Graph()
    for triple in triples:
        graph.add(tuple(map(to_rdflib, triple)))  # type: ignore[arg-type]  # three terms
    return graph


def rows_of_graph(report: Graph, shapes: Shapes) -> Counter[Row]:
    """Return the results of a report graph; a path is looked up at the shape that the result names."""
    found: Counter[Row] = Counter()
    for node in report.objects(None, SH.result):
        shape = _term(report.value(node, SH.sourceShape))
        path = _term(report.value(node, SH.resultPath))
        if is_blank(path):
            path = shapes.path_text(shapes.index.objects(shape, sh("path"))[0])
        found[
            (
                _term(report.value(node, SH.focusNode)),
                path,
                _term(report.value(node, SH.value)),
                _term(report.value(node, SH.sourceConstraintComponent)),
                shape,
                _term(report.value(node, SH.resultSeverity)),
            )
        ] += 1
    return found


def _term(node: Node | None) -> Term:
    return "" if node is None else from_rdflib(node)


NAMES = {
    "https://example.org/": "ex:",
    "http://www.w3.org/2001/XMLSchema#": "xsd:",
    "http://www.w3.org/2000/01/rdf-schema#": "rdfs:",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf:",
}


def short(term: str) -> str:
    """Write an IRI, or the datatype of a literal, with its prefix."""
    before, bracket, iri = term.rpartition("<")
    for space, prefix in NAMES.items():
        if bracket and iri.startswith(space):
            return f"{before}{prefix}{iri[len(space) : -1]}"
    return "_:b" if term.startswith("_:") else term


def lines(rows: Counter[Row]) -> list[str]:
    """Write results as the register does."""
    found = []
    for focus, _, value, component, _, _ in rows.elements():
        name = component.rpartition("#")[2].removesuffix("ConstraintComponent>")
        found.append(" ".join(filter(None, (short(focus), name, short(value)))))
    return sorted(found)
