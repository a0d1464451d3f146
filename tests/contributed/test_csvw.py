"""CSV on the Web: metadata beside a table are heeded, and ours say what the table holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contributed.conftest import codes
from tests.contributed.test_cells import said

from circkg_loaders.contributed.csvw import find_metadata, metadata_of, parse_metadata
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.reading import ContributionError, Options, read
from circkg_shapes.forms import Form

METADATA: dict[str, Any] = {
    "@context": ["http://www.w3.org/ns/csvw", {"@language": "pl"}],
    "url": "lista.csv",
    "dialect": {"encoding": "windows-1250", "delimiter": ";", "skipRows": 1, "headerRowCount": 1},
    "tableSchema": {
        "aboutUrl": "https://w3id.org/circkg/id/practice/{nr}",
        "columns": [
            {"name": "nr", "titles": "Nr"},
            {"name": "nazwa", "titles": {"pl": "Nazwa", "en": "Name"}, "propertyUrl": "dct:title"},
            {"name": "od", "titles": "Od", "propertyUrl": "https://schema.org/startDate",
             "datatype": {"base": "date", "format": "d/M/yyyy"}},
            {"name": "tematy", "titles": "Tematy", "propertyUrl": "circ:hasTheme", "separator": "+", "null": "brak"},
            {"name": "uwagi", "titles": "Uwagi", "suppressOutput": True},
            {"virtual": True, "propertyUrl": "circ:identifiedBy",
             "valueUrl": "https://w3id.org/circkg/id/initiative/ceci"},
        ],
    },
}  # fmt: skip
TABLE = (
    "Lista 2024;;;;\nNr;Nazwa;Od;Tematy;Uwagi\np1;Wypożyczalnia zabawek;05/06/2022;food+awareness;x\np2;Żabka;;brak;\n"
)


@pytest.fixture
def practice() -> Form:
    return next(form for form in our_forms() if form.key == "practice")


def test_metadata_beside_a_table_say_how_it_is_read(tmp_path: Path, known: Known) -> None:
    (tmp_path / "lista.csv").write_bytes(TABLE.encode("windows-1250"))
    for name in ("lista.csv-metadata.json", "csv-metadata.json"):
        (tmp_path / name).write_text(json.dumps(METADATA))
        found = read(tmp_path / "lista.csv", Options(known=known))
        assert codes(found) == []
        assert said(found, "dct:title") == {"Wypożyczalnia zabawek", "Żabka"}
        assert '"Żabka"@pl' in {value for _, _, value in found.triples}
        assert said(found, "schema:startDate") == {"2022-06-05"}
        assert said(found, "circ:hasTheme") == {"circv:theme/food", "circv:theme/awareness"}
        assert said(found, "circ:identifiedBy") == {"circid:initiative/ceci"}
        assert found.triples[0][0] == "<https://w3id.org/circkg/id/practice/p1>"
        (tmp_path / name).unlink()
    assert find_metadata(tmp_path / "lista.csv") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"@context": "https://schema.org"}, "its @context is not"),
        ({"url": "another.csv"}, "does not describe lista.csv"),
        ({"tableSchema": {"columns": []}}, "does not say what the rows"),
        ({"tableSchema": {"aboutUrl": "https://example.org/{nr}", "columns": 5}}, "does not say what the rows"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(change: dict[str, Any], says: str) -> None:
    content = json.dumps(METADATA | change).encode()
    with pytest.raises(ContributionError, match=says):
        parse_metadata(content, "m.json", "lista.csv")


@pytest.mark.parametrize("part", ["dialect", "lang", "@type"])
@pytest.mark.parametrize("value", [5, "x", [1], {"a": {"b": []}}, None])
def test_members_of_a_wrong_type_are_passed_over(part: str, value: object) -> None:
    mapping = parse_metadata(json.dumps(METADATA | {part: value}).encode(), "m.json", "lista.csv")
    assert mapping.tables[0].form == "practice"


@pytest.mark.parametrize("form", our_forms(), ids=lambda form: form.key)
def test_what_we_write_of_a_form_is_read_as_that_form(form: Form) -> None:
    written = metadata_of(form, "a.csv", languages=("en", "fi"))
    mapping = parse_metadata(json.dumps(written).encode(), "a.csv-metadata.json", "a.csv")
    (table,) = mapping.tables
    assert table.form == form.key
    assert {column.field for columns in table.columns.values() for column in columns} >= {f.key for f in form.fields}


def test_a_table_with_our_metadata_says_the_same_as_without(tmp_path: Path, practice: Form, known: Known) -> None:
    table = "id,Title (en),Title (fi),Country,Themes\ntoys,Toy library,Lelukirjasto,FI,food;awareness\n"
    (tmp_path / "practices.csv").write_text(table)
    plain = read(tmp_path / "practices.csv", Options(known=known))
    (tmp_path / "practices.csv-metadata.json").write_text(
        json.dumps(metadata_of(practice, "practices.csv", languages=("en", "fi")))
    )
    described = read(tmp_path / "practices.csv", Options(known=known))
    assert codes(plain) == codes(described) == []
    assert set(plain.triples) == set(described.triples)
    assert len(plain.triples) == 6
