"""What the page about tables says is so: its tables and its mapping are read without a fault."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contributed.conftest import Reading, codes
from tests.contributed.test_cells import said

from circkg_loaders.contributed.mapping_files import parse_mapping

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def block(kind: str, name: str) -> str:
    """Return a block of the page by its mark."""
    found = re.search(rf"<!-- {kind}: {name} -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_simple_table_is_read(read_text: Reading) -> None:
    found = read_text(block("table", "simple"), "practices.csv", form=None, language="")
    assert codes(found) == []
    assert found.rows == {"in": 2, "loaded": 2, "rejected": 0}
    assert said(found, "schema:startDate") == {"2022-05", "2022-05-13"}
    assert len({triple[1] for triple in found.triples if "/practice/" in triple[0]}) == 8


def test_the_mapped_list_is_read(read_text: Reading) -> None:
    mapping = parse_mapping(block("mapping", "mapped").encode())
    found = read_text(block("table", "mapped"), "lista.csv", form=None, language="", mapping=mapping)
    assert codes(found) == []
    assert said(found, "circ:totalBudgetEur") == {"1234", "2500"}
    assert said(found, "schema:startDate") == {"2022-06-05"}
    assert said(found, "skos:prefLabel") == {"City of Łódź", "Fundacja Żabka"}
    assert said(found, "dct:identifier") == {"A-17", "A-18"}
    assert "<https://w3id.org/circkg/id/initiative/a-17>" in {triple[0] for triple in found.triples}


def test_the_cells_that_the_page_shows_are_read(read_text: Reading) -> None:
    dates, numbers = (re.search(rf"^\| {kind} \| (.*?) \|$", PAGE, re.MULTILINE) for kind in ("dates", "numbers"))
    assert dates
    assert numbers
    for text in dates[1].split(", "):
        found = read_text(f"Title\tStart\nA\t{text}\n")
        assert codes(found) == [], text
    for text in re.split(r", (?=1)", numbers[1]):
        found = read_text(f"Title\tTotal budget in euros\nA\t{text}\n", form="initiative")
        assert codes(found) == [], text
