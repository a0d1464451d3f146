"""The W3C SHACL test suite, as far as it is beside the checkout: each case gives what the suite expects.

A case expects a report or a failure. Of a report ``sh:conforms`` and the multiset of results are compared: focus node,
path, value, component, source shape, severity. Blank nodes stand for any blank node.
"""

from __future__ import annotations

import urllib.parse
from collections import Counter
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from circkg_shapes import Shapes, ShapesError, validate
from circkg_shapes import paths as property_paths
from circkg_shapes.index import Index
from circkg_shapes.shapes_graph import read_turtle
from circkg_shapes.terms import Triple, is_blank, literal_parts
from circkg_shapes.vocabulary import sh

from .conftest import SHARED

SUITE = SHARED / "suites" / "w3c-shacl"
MF = "<http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
SHT = "<http://www.w3.org/ns/shacl-test#"
CASES = sorted(file for file in SUITE.rglob("*.ttl") if "sht:Validate" in file.read_text("utf-8"))

NOT_BY_PYSHACL = {"sparql/pre-binding/shapesGraph-001.ttl"}
"""Cases that pySHACL does not pass: it has no $shapesGraph."""

BY_PYSHACL = {
    "sparql/component/optional-001.ttl",
    "sparql/component/propertyValidator-select-001.ttl",
}
"""Cases with constraint components of their own, which go to pySHACL."""


def name(file: Path) -> str:
    return str(file.relative_to(SUITE))


def of_blank(term: str | None) -> str:
    return "_:" if term and is_blank(term) else term or ""


def expected(index: Index, report: str) -> tuple[bool, Counter[tuple[str, ...]]]:
    """Return what a report of the suite says."""
    found: Counter[tuple[str, ...]] = Counter()
    for node in index.objects(report, sh("result")):
        path = index.one(node, sh("resultPath"))
        row = [
            index.one(node, sh(name))
            for name in ("focusNode", "value", "sourceConstraintComponent", "sourceShape", "resultSeverity")
        ]
        found[(*map(of_blank, row), property_paths.text(index, path) if path else "")] += 1
    conforms = index.one(report, sh("conforms"))
    assert conforms
    return literal_parts(conforms)[0] == "true", found


@pytest.mark.skipif(not CASES, reason="the W3C SHACL suite is not beside the checkout")
def test_the_suite_is_there() -> None:
    assert len(CASES) == 66


@pytest.mark.parametrize("file", CASES, ids=name)
def test_case(file: Path) -> None:
    index = Index(triples(file))
    (case,) = index.subjects("<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", f"{SHT}Validate>")
    action = index.one(case, f"{MF}action>")
    result = index.one(case, f"{MF}result>")
    assert action
    assert result
    data, shapes = (of_address(index.one(action, f"{SHT}{kind}>")) for kind in ("dataGraph", "shapesGraph"))
    if name(file) in NOT_BY_PYSHACL or result == f"{SHT}Failure>":
        with pytest.raises(ShapesError):
            validate(triples(data), [], Shapes.of(read_turtle(shapes, base=shapes.as_uri())))
        return
    report = validate(triples(data), [], Shapes.of(read_turtle(shapes, base=shapes.as_uri())))
    assert report.engine.startswith("pySHACL") == (name(file) in BY_PYSHACL)
    found = Counter(
        (*map(of_blank, (r.focus_node, r.value, r.component, r.source_shape, r.severity)), r.path or "")
        for r in report.results
    )
    conforms, rows = expected(index, result)
    assert found == rows
    assert (not report.results) == conforms


def of_address(address: str | None) -> Path:
    """Return the file of a ``file:`` IRI."""
    assert address
    return Path(urllib.parse.unquote(urllib.parse.urlsplit(address.strip("<>")).path))


def triples(file: Path) -> list[Triple]:
    """Return what a file says, blank nodes as they are."""
    quads = parse(path=str(file), format=RdfFormat.TURTLE, base_iri=file.as_uri())
    return [(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads]
