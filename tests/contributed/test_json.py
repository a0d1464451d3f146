"""JSON: arrays of objects as tables, places as JSON Pointers, texts by language, values in arrays."""

from __future__ import annotations

import json
from typing import Any

from tests.contributed.conftest import Reading, codes

from circkg_shapes.terms import iri_text


def test_each_array_of_objects_is_a_table_of_its_form(read_text: Reading) -> None:
    value = {
        "meta": {"count": 1},
        "data": {
            "practices": [{"id": "toys", "title": "Toy library", "organisations": ["toy-friends"], "start_date": 2022}],
            "organisations": [{"id": "toy-friends", "name": "Friends of Toys", "country": "FI"}],
        },
    }
    found = read_text(json.dumps(value), "a.json", form=None)
    assert [(s.sheet, s.form, s.header_rows, s.loaded) for s in found.sheets] == [
        ("practices", "practice", (), 1), ("organisations", "organisation", (), 1),
    ]  # fmt: skip
    assert codes(found) == []
    pointers = {place.pointer for triple in found.triples for place in found.origins.of(triple)}
    assert {"/data/practices/0", "/data/practices/0/start_date", "/data/organisations/0/country"} <= pointers


def test_a_fault_stands_at_its_json_pointer(read_text: Reading) -> None:
    found = read_text(json.dumps([{"title": "A"}, {"title": "B", "a/b": 1, "country": "Atlantis"}]), "a.json")
    assert [(fault.code, fault.place.pointer, fault.place.raw) for fault in found.faults] == [
        ("header-unknown", "/1/a~1b", "a/b"), ("country-unknown", "/1/country", "Atlantis"),
    ]  # fmt: skip


def test_texts_by_language_and_several_values(read_text: Reading) -> None:
    value = [{
        "id": "toys", "title": {"en": "Toy library", "fi": "Lelukirjasto"}, "description": None,
        "themes": ["agriculture", {"id": "awareness"}], "country": "FI, PT",
    }]  # fmt: skip
    found = read_text(json.dumps(value), "a.json", language="")
    values = {value for _, _, value in found.triples}
    assert {'"Toy library"@en', '"Lelukirjasto"@fi'} <= values
    themes = {iri_text(v).rpartition("/")[2] for _, p, v in found.triples if p.endswith("hasTheme>")}
    assert themes == {"agriculture", "awareness"}
    assert codes(found) == []


def test_inner_objects_are_columns_and_one_object_is_one_row(read_text: Reading) -> None:
    value: dict[str, Any] = {"properties": {"title": "Toy library", "place": {"country": "FI"}}}
    found = read_text(json.dumps(value), "a.json")
    assert [column.header for column in found.sheets[0].columns] == ["properties.title", "properties.place.country"]
    assert found.rows == {"in": 1, "loaded": 1, "rejected": 0}
    assert [place.pointer for place in found.origins.of(found.triples[1])] == ["/properties/title"]


def test_json_ld_is_read_as_such_whatever_its_ending(read_text: Reading) -> None:
    value = {"@id": "https://example.org/a", "@type": "https://w3id.org/circkg/def#Practice"}
    found = read_text(json.dumps(value), "a.json")
    assert found.syntax == "json-ld"
    assert [subject for subject, _, _ in found.triples] == ["<https://example.org/a>"]
    assert found.style is None


def test_numbers_keep_their_digits(read_text: Reading) -> None:
    found = read_text('[{"title": "A", "total_budget": 333746.87}, {"title": "B", "total_budget": 1e3}]', "a.json",
                      form="initiative")  # fmt: skip
    budgets = [value.partition("^")[0] for _, p, value in found.triples if p.endswith("totalBudgetEur>")]
    assert budgets == ['"333746.87"', '"1000"']
