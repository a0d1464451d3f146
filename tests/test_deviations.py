"""The register of deviations holds what it says: pySHACL and ours differ there, and in the way that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from circkg_shapes import Shapes, validate

from .shacl_cases import by_pyshacl, lines, rows, triples

REGISTER = Path(__file__).parent / "shacl" / "deviations.yaml"
DEVIATIONS: Sequence[Mapping[str, str]] = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))
PAGE = Path(__file__).parents[1] / "docs" / "validator.md"


@pytest.mark.parametrize("entry", DEVIATIONS, ids=lambda entry: entry["id"])
def test_entry(entry: Mapping[str, str]) -> None:
    shapes, data = Shapes.of(triples(entry["shapes"])), triples(entry["data"])
    report = validate(data, [], shapes)
    assert report.engine.startswith("CircKG ")
    assert lines(rows(report)) == sorted(entry["ours"])
    assert entry["ours"] != entry["pyshacl"]
    if entry["pyshacl"] == "error":
        with pytest.raises(Exception):  # noqa: B017, PT011 - of many kinds, even those that Python itself raises
            by_pyshacl(data, shapes)
    else:
        assert lines(by_pyshacl(data, shapes)) == sorted(entry["pyshacl"])


def test_entries_are_named_once_and_say_what_decides() -> None:
    names = [entry["id"] for entry in DEVIATIONS]
    assert len(names) == len(set(names))
    for entry in DEVIATIONS:
        assert entry["departs"] in ("pyshacl", "ours")
        assert entry["clause"]
        assert entry["says"].endswith(".")


def test_the_page_names_every_entry() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [entry["id"] for entry in DEVIATIONS if f"`{entry['id']}`" not in page] == []
