"""The barrier and driver types carry the barriers that were reported, and the obstacles that practices name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from rdflib import RDF, SKOS, Graph, URIRef

from circkg_loaders.iris import BASE
from circkg_shapes.rooms import room

DATA = room("data")
FACTS = DATA.parent.parent / "shared" / "facts"
BARRIER_TYPES = f"{BASE}def/barrier-type"
DRIVER_TYPES = f"{BASE}def/driver-type"
LEAST_LINKED = 0.9

# Barriers whose type stands under another category than the one their fact file gave them. The type is shared with
# barriers of other initiatives, and a type has one category.
OTHER_CATEGORY = {
    "agrifood-digitalisation": "Missing digital tools are one type with underdeveloped platforms, which are technical.",
    "beyond-waste-water": "Being stuck in waste is a way of seeing the subject, as two other initiatives report it.",
    "biowaste-economic": "Products of low value are a matter of cost and return, so financial.",
    "citizen-awareness": "Low awareness is one type with citizens who are poorly informed, which is knowledge.",
    "circpro-lt-late-stage-focus": "Work that stays with waste is a way of seeing the subject.",
    "consumption-patterns": "Consumption habits are one type with consumer behaviour, which is social.",
    "esif-no-reference": "Rules and calendar of a funding programme make one type, under governance.",
    "governance-delivery-national": "A missing framework is one type with a missing national plan, governance.",
    "more-romsdal-incineration": "Burning instead of dismantling is one type with cheap disposal, which is market.",
}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _tables(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row of one table or folder of tables over all sets, with the name of its set."""
    for path in sorted(DATA.glob(f"*/{name}.csv")):
        for row in _rows(path):
            yield path.relative_to(DATA).parts[0], row


def _items(cell: str) -> list[str]:
    return [item.strip() for item in cell.split(";") if item.strip()]


@cache
def _graph(name: str) -> Graph:
    return Graph().parse(room("ontology") / "vocabularies" / f"{name}.ttl")


@cache
def _categories() -> dict[str, str]:
    """Map each barrier type to its category, both as slugs."""
    return {
        str(kind).removeprefix(f"{BARRIER_TYPES}/"): str(category).removeprefix(f"{BARRIER_TYPES}/")
        for kind, category in _graph("barrier-type").subject_objects(SKOS.broader)
    }


@cache
def _links() -> list[tuple[str, str, str, str]]:
    """Set, text, key and target of each link from an obstacle of a practice to a barrier type."""
    return [
        (place, row["text"], row["key"], row["target"])
        for place, row in _tables("links/*")
        if (row["table"], row["column"]) == ("practices", "barriers")
    ]


@cache
def _unresolved() -> list[tuple[str, str, str]]:
    return [
        (place, row["text"], row["key"])
        for place, row in _tables("unresolved/*")
        if (row["table"], row["column"]) == ("practices", "barriers")
    ]


def test_barrier_types_have_two_levels() -> None:
    graph = _graph("barrier-type")
    concepts = set(graph.subjects(RDF.type, SKOS.Concept))
    top = set(graph.subjects(SKOS.topConceptOf, URIRef(BARRIER_TYPES)))
    types = concepts - top
    assert len(top) == 10
    assert 40 <= len(types) <= 60
    assert not [category for category in top if list(graph.objects(category, SKOS.broader))]
    for kind in types:
        assert [category in top for category in graph.objects(kind, SKOS.broader)] == [True], kind
    assert {URIRef(f"{BARRIER_TYPES}/{slug}") for slug in _categories().values()} == top, "a category without types"


def test_driver_types_name_the_category_they_answer() -> None:
    graph = _graph("driver-type")
    top = set(graph.subjects(SKOS.topConceptOf, URIRef(DRIVER_TYPES)))
    assert top == set(graph.subjects(RDF.type, SKOS.Concept))
    assert 8 <= len(top) <= 14
    categories = {URIRef(f"{BARRIER_TYPES}/{slug}") for slug in _categories().values()}
    for kind in top:
        assert [target in categories for target in graph.objects(kind, SKOS.relatedMatch)] == [True], kind


@pytest.mark.parametrize(("scheme", "table"), [(BARRIER_TYPES, "barrier"), (DRIVER_TYPES, "driver")])
def test_every_type_is_used_or_says_why_it_stands(scheme: str, table: str) -> None:
    used = {row[f"{table}_type"] for _, row in _tables(f"{table}s")}
    if table == "barrier":
        used |= {target for *_, target in _links()}
    graph = _graph(f"{table}-type")
    categories = set(_categories().values()) if table == "barrier" else set()
    for kind in graph.subjects(RDF.type, SKOS.Concept):
        slug = str(kind).removeprefix(f"{scheme}/")
        if slug not in categories:
            assert slug in used or graph.value(kind, SKOS.scopeNote), slug


def test_every_barrier_and_driver_has_a_type_of_the_scheme() -> None:
    barriers = list(_tables("barriers"))
    drivers = list(_tables("drivers"))
    assert len({row["id"] for _, row in barriers}) == len(barriers) >= 95
    assert len({row["id"] for _, row in drivers}) == len(drivers) >= 6
    assert [row["id"] for _, row in barriers if row["barrier_type"] not in _categories()] == []
    known = {
        str(kind).removeprefix(f"{DRIVER_TYPES}/") for kind in _graph("driver-type").subjects(RDF.type, SKOS.Concept)
    }
    assert [row["id"] for _, row in drivers if row["driver_type"] not in known] == []


def test_some_types_are_shared_by_initiatives() -> None:
    initiatives: dict[str, set[str]] = {}
    for _, row in _tables("barriers"):
        initiatives.setdefault(row["barrier_type"], set()).add(row["initiative"])
    assert sum(len(reporters) > 1 for reporters in initiatives.values()) >= 15


def test_types_agree_with_the_category_that_the_fact_file_gave() -> None:
    if not FACTS.is_dir():
        pytest.skip("the fact files lie beside the checkout only where the data are edited")
    given = {
        (path.parent.name, row["id"]): row["category"].replace("legal_procedural", "legal-and-procedural")
        for path in sorted(FACTS.glob("*/barriers.csv"))
        for row in _rows(path)
    }
    ours = {(place, row["identifier"] or row["id"]): row for place, row in _tables("barriers")}
    assert sorted(given.keys() - ours.keys()) == [], "a reported barrier was lost"
    differing = {
        ours[key]["id"] for key, category in given.items() if _categories()[ours[key]["barrier_type"]] != category
    }
    assert differing == set(OTHER_CATEGORY)


def test_every_obstacle_of_a_practice_is_linked_or_listed() -> None:
    total = linked = 0
    missing: list[tuple[str, str, str]] = []
    both: list[tuple[str, str, str]] = []
    for place, row in _tables("practices"):
        for item in _items(row["barriers"]):
            total += 1
            has_link = any((place, item) == link[:2] and link[2] in ("", row["id"]) for link in _links())
            has_reason = any((place, item) == left[:2] and left[2] in ("", row["id"]) for left in _unresolved())
            linked += has_link
            if not has_link and not has_reason:
                missing.append((place, row["id"], item))
            if has_link and has_reason:
                both.append((place, row["id"], item))
    if not total:
        pytest.skip("no practices yet")
    assert missing == []
    assert both == []
    assert linked / total >= LEAST_LINKED


def test_links_lead_from_what_stands_to_what_stands() -> None:
    standing = {(place, item) for place, row in _tables("practices") for item in _items(row["barriers"])}
    assert [link for link in _links() if link[:2] not in standing] == []
    assert [left for left in _unresolved() if left[:2] not in standing] == []
    assert [link for link in _links() if link[3] not in _categories()] == []
