"""Each constraint component, path and target: what is written in the cases, said by ours and by pySHACL alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from circkg_shapes import Shapes, validate
from circkg_shapes.constraints import PARAMETERS
from circkg_shapes.shapes_graph import TARGETS
from circkg_shapes.vocabulary import sh

from .shacl_cases import by_pyshacl, lines, rows, triples

FILE = Path(__file__).parent / "shacl" / "cases.yaml"
CASES: Sequence[Mapping[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
PATHS = ("inversePath", "alternativePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: Mapping[str, str]) -> None:
    shapes, data = Shapes.of(triples(case["shapes"])), triples(case["data"])
    report = validate(data, [], shapes)
    assert report.engine.startswith("CircKG ")
    assert lines(rows(report)) == sorted(case["results"])
    assert rows(report) == by_pyshacl(data, shapes)


def test_every_word_of_shacl_core_has_a_case() -> None:
    used = {predicate for case in CASES for _, predicate, _ in triples(case["shapes"])}
    assert [word for word in (*PARAMETERS, *TARGETS, *PATHS, "deactivated", "severity") if sh(word) not in used] == []
