"""The data say what the sources say.

``tests/facts/*.yaml`` holds statements that were checked by hand against the five descriptions of the initiatives and
against the tables of research notes. Each entry names a triple, where it stands, and often a near miss that must not
be stated. ``disagreements.yaml`` holds the values on which sources disagree.
The tables of research notes are not part of the repository; what needs them is skipped where they are absent.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from circkg_loaders.facts.reader import read_table, table_files
from circkg_loaders.facts.tables import TABLES
from circkg_loaders.iris import BASE, source_iri
from circkg_loaders.load import Loaded, load
from circkg_loaders.origin import Origin
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_server.inference import infer, rules
from circkg_shapes.terms import Term, Triple, iri, literal_parts

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
RESEARCH = HERE.parents[1] / "shared" / "facts"
FOLDERS = ("ccri", "interreg", "urban-agenda")
LISTS = ("disagreements.yaml",)

needs_research = pytest.mark.skipif(not RESEARCH.is_dir(), reason="the tables of research notes are not here")

UNFILLED = {
    "events.nuts_code": "events name their place, which is a territory with its own code",
    "funding-programmes.identifier": "the research notes have no table of programmes, so there is no older id",
    "funding-programmes.part_of": "no page that was read says which programme is part of which",
    "practices.transferred_to": "no page that was read names the place to which a practice was transferred",
    "territories.identifier": "the research notes use the same ids",
}
"""Columns that no row fills, with the reason."""


@dataclass
class Graph:
    """Everything that is stated, inferred and noted, and which cell states it."""

    loaded: Loaded
    inferred: list[Triple]

    @cached_property
    def default(self) -> set[Triple]:
        """Return the merged default graph."""
        return {*self.loaded.of_role(Role.STATED, Role.VOCABULARY), *self.inferred}

    @cached_property
    def provenance(self) -> set[Triple]:
        """Return the records of all sets."""
        return set(self.loaded.of_role(Role.PROVENANCE))

    @cached_property
    def by_predicate(self) -> dict[Term, list[tuple[Term, Term]]]:
        """Return subjects and objects by predicate."""
        found = defaultdict(list)
        for s, p, o in self.default:
            found[p].append((s, o))
        return found

    def objects(self, subject: Term, predicate: str) -> list[Term]:
        """Return the objects of a subject, in order."""
        return sorted(o for s, o in self.by_predicate[name(predicate)] if s == subject)

    def subjects(self, predicate: str, value: Term) -> set[Term]:
        """Return the subjects that have a value."""
        return {s for s, o in self.by_predicate[name(predicate)] if o == value}

    def origins(self, triple: Triple) -> list[Origin]:
        """Return the cells that state a triple, those of records included."""
        stated = self.loaded.origins.get(triple, [])
        return stated + [s.origin for r in self.loaded.readings.values() for s in r.provenance if s.triple == triple]


@pytest.fixture(scope="session")
def graph() -> Graph:
    loaded = load()
    return Graph(loaded, infer(loaded.of_role(Role.STATED, Role.VOCABULARY))[0])


def name(text: str) -> Term:
    """Return the term of a prefixed name."""
    return iri(expand(text))


def term(text: str) -> Term:
    """Return the term of a prefixed name, an IRI in angle brackets or a literal with a prefixed datatype."""
    if text.startswith('"'):
        body, marks, datatype = text.rpartition("^^")
        return f"{body}^^{name(datatype)}" if marks else text
    return text if text.startswith("<") else name(text)


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((HERE / "facts").glob("*.yaml")):
        if path.name in LISTS:
            continue
        for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
            assert entry.keys() <= {"graph", "subject", "predicate", "object", "says", "not"}, (path.name, entry)
            yield f"{path.stem}-{number}", entry


ENTRIES = dict(entries())
DISAGREEMENTS: list[dict[str, Any]] = yaml.safe_load((HERE / "facts" / LISTS[0]).read_text(encoding="utf-8"))


@cache
def registered() -> dict[str, Term]:
    """Return the source documents by address and by id."""
    with (DATA / "sources.csv").open(encoding="utf-8", newline="") as handle:
        return {row["url"] or row["id"]: iri(source_iri(row["id"])) for row in csv.DictReader(handle)}


def triple(entry: dict[str, Any], key: str = "object") -> Triple:
    return term(entry["subject"]), name(entry["predicate"]), term(entry[key])


# -- statements checked by hand -----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
def test_the_data_say_what_the_source_says(graph: Graph, entry: dict[str, Any]) -> None:
    stated = graph.provenance if entry.get("graph") == "provenance" else graph.default
    assert entry["says"].strip()
    assert triple(entry) in stated
    if "not" in entry:
        assert triple(entry, "not") not in stated


def test_there_are_enough_entries_and_near_misses() -> None:
    assert len(ENTRIES) >= 60
    assert sum("not" in entry for entry in ENTRIES.values()) * 3 >= len(ENTRIES)
    assert len({(e["subject"], e["predicate"], e["object"]) for e in ENTRIES.values()}) == len(ENTRIES)


def filled_columns() -> set[tuple[str, str]]:
    found = set()
    for folder in sorted(p for p in DATA.iterdir() if p.is_dir() and p.name != "nuts"):
        for table, path in table_files(folder):
            for row in read_table(table, path, path.name):
                found |= {(table.name, column.name) for column in table.columns if row[column.name]}
    return found


def test_every_column_that_states_something_is_checked_by_an_entry(graph: Graph) -> None:
    filled = filled_columns()
    checked: set[tuple[str, str | None]] = set()
    for entry in ENTRIES.values():
        cells = {(Path(o.file).parts[1].removesuffix(".csv"), o.column) for o in graph.origins(triple(entry))}
        if len(cells) == 1:  # what two columns state is there although one of them is mapped wrongly
            checked |= cells
    stating = {(table.name, column.name) for table in TABLES for column in table.columns if column.predicate}
    stating |= {
        ("names", "name"), ("relations", "predicate"), ("identifiers", "value"), ("instrument-relations", "relation"),
        ("claims", "predicate"), ("claims", "value"), ("practices", "note"), ("policy-instruments", "eli"),
    }  # fmt: skip
    assert {f"{t}.{c}" for t, c in stating - filled} == UNFILLED.keys()
    assert sorted(f"{t}.{c}" for t, c in (stating & filled) - checked) == []


def test_every_set_and_every_rule_is_checked_by_an_entry(graph: Graph) -> None:
    found = [origin for entry in ENTRIES.values() for origin in graph.origins(triple(entry))]
    assert {Path(origin.file).parts[0] for origin in found} == graph.loaded.readings.keys()
    inferred = set(graph.inferred)
    checked = {entry["predicate"] for entry in ENTRIES.values() if triple(entry) in inferred}
    for path in rules():
        header = re.findall(r"#\+   - (\S+)", path.read_text(encoding="utf-8").partition("#+ makes:")[2])
        assert checked & set(header), f"{path.name} makes nothing that an entry checks"


# -- numbers that follow from the data ----------------------------------------------------------------------------


def test_the_circular_cities_and_regions_initiative_has_twelve_pilots(graph: Graph) -> None:
    ccri, pilot = name("circid:initiative/ccri"), name("circv:role/pilot-territory")
    territories = graph.subjects("rdf:type", name("circ:Territory"))
    takes_part = graph.subjects("circ:hasRole", pilot) & graph.subjects("circ:participationIn", ccri)
    direct = {o for p in takes_part for o in graph.objects(p, "circ:participant") if o in territories}
    on_behalf = {o for p in takes_part for o in graph.objects(p, "circ:onBehalfOf")}
    assert len(direct | on_behalf) == 12
    assert len(takes_part) > 12, "organisations and territories both take part, so counting rows would be wrong"


def test_no_sum_of_budgets_counts_a_disputed_value(graph: Graph) -> None:
    budget = name("circ:totalBudgetEur")
    direct = Counter(s for s, _ in graph.by_predicate[budget])
    assert max(direct.values()) == 1
    claims = graph.subjects("rdf:predicate", budget)
    preferred = graph.subjects("circ:hasRank", name("circv:claim-rank/preferred"))
    for initiative in {o for c in claims for o in graph.objects(c, "rdf:subject")}:
        values = {
            Decimal(literal_parts(o)[0])
            for c in claims & preferred & graph.subjects("rdf:subject", initiative)
            for o in graph.objects(c, "rdf:object")
        }
        stated = {Decimal(literal_parts(o)[0]) for o in graph.objects(initiative, "circ:totalBudgetEur")}
        assert stated == values, initiative
    assert graph.objects(name("circid:initiative/circpro"), "circ:totalBudgetEur") == []


def test_greece_is_one_country(graph: Graph) -> None:
    countries = {o for _, o in graph.by_predicate[name("circ:country")]}
    assert name("country:GRC") in countries
    assert not countries & {name(f"country:{code}") for code in ("GR", "EL")}
    in_greece = graph.subjects("circ:within", name("nuts:EL"))
    places = {s for s in in_greece if s.startswith(f"<{BASE}id/")}
    assert len(places) > 10
    assert {o for s in places for o in graph.objects(s, "circ:country")} == {name("country:GRC")}


def test_every_row_is_loaded_and_none_rejected(graph: Graph) -> None:
    for slug, reading in graph.loaded.readings.items():
        assert [str(rejection) for rejection in reading.rejected] == [], slug
        for file, (rows_in, rows_loaded) in reading.rows.items():
            with (DATA / file).open(encoding="utf-8", newline="") as handle:
                assert rows_in == rows_loaded == len(list(csv.DictReader(handle))), file


@pytest.mark.parametrize(
    ("column", "least"),
    [(("practices", "barriers"), 0.9), (("practices", "organisations"), 0.95), (("actions", "lead"), 0.95)],
)
def test_texts_are_linked(graph: Graph, column: tuple[str, str], least: float) -> None:
    tallies = [r.tallies[column] for r in graph.loaded.readings.values() if column in r.tallies]
    cells, linked = sum(t.cells for t in tallies), sum(t.linked for t in tallies)
    assert cells == linked + sum(t.as_text for t in tallies)
    assert linked >= least * cells, f"{linked} of {cells}"


def test_a_thing_in_two_sets_has_one_name_a_language_and_one_direct_value(graph: Graph) -> None:
    single = ("skos:prefLabel", "dct:title", "dct:description", "schema:startDate", "schema:endDate", "dct:issued",
              "circ:deadline", "circ:barrierType", "circ:actionNumber", "circ:totalBudgetEur")  # fmt: skip
    for predicate in single:
        values = defaultdict(set)
        for s, o in graph.by_predicate[name(predicate)]:
            if s.startswith((f"<{BASE}id/", "<http://data.europa.eu/eli/")):
                values[s, literal_parts(o)[1] if o.startswith('"') else None].add(o)
        assert {key: sorted(found) for key, found in values.items() if len(found) > 1} == {}, predicate


# -- disagreements ------------------------------------------------------------------------------------------------


def test_every_disagreement_is_listed(graph: Graph) -> None:
    disputed = {
        (o, p)
        for c, p in graph.by_predicate[name("rdf:predicate")]
        if c in graph.subjects("rdf:type", name("circ:Claim"))
        for o in graph.objects(c, "rdf:subject")
    }
    assert disputed == {(term(d["subject"]), name(d["predicate"])) for d in DISAGREEMENTS}


@pytest.mark.parametrize("dispute", DISAGREEMENTS, ids=lambda d: f"{d['subject'].rpartition('/')[2]}-{d['predicate']}")
def test_a_disagreement_comes_back_with_each_value_and_its_source(graph: Graph, dispute: dict[str, Any]) -> None:
    subject, predicate = term(dispute["subject"]), name(dispute["predicate"])
    expected = {
        term(v["value"]): (v["rank"], {registered()[source] for source in v["sources"]}) for v in dispute["values"]
    }
    found = {}
    for claim in graph.subjects("rdf:subject", subject) & graph.subjects("rdf:predicate", predicate):
        [value] = graph.objects(claim, "rdf:object")
        [rank] = graph.objects(claim, "circ:hasRank")
        found[value] = (rank.rpartition("/")[2].rstrip(">"), set(graph.objects(claim, "prov:wasDerivedFrom")))
    assert found == expected


@pytest.mark.parametrize("dispute", DISAGREEMENTS, ids=lambda d: f"{d['subject'].rpartition('/')[2]}-{d['predicate']}")
def test_a_disagreement_has_several_values_or_another_party(dispute: dict[str, Any]) -> None:
    assert dispute["says"].strip()
    if "with" in dispute:
        assert any(other["subject"] == dispute["with"] for other in DISAGREEMENTS)
    else:
        assert len(dispute["values"]) > 1


@pytest.mark.parametrize("dispute", DISAGREEMENTS, ids=lambda d: f"{d['subject'].rpartition('/')[2]}-{d['predicate']}")
def test_a_disputed_value_is_stated_only_if_it_is_preferred(graph: Graph, dispute: dict[str, Any]) -> None:
    stated = set(graph.objects(term(dispute["subject"]), dispute["predicate"]))
    preferred = {term(v["value"]) for v in dispute["values"] if v["rank"] == "preferred"}
    others = {term(v["value"]) for v in dispute["values"]} - preferred
    assert len(preferred) <= 1
    assert not stated & others
    if not preferred:
        assert stated == set()


# -- against the research notes -----------------------------------------------------------------------------------


def research() -> Iterator[tuple[str, str, int, dict[str, str]]]:
    """Yield folder, table, line and row of the research notes."""
    for folder in FOLDERS:
        for path in sorted((RESEARCH / folder).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as handle:
                for number, row in enumerate(csv.DictReader(handle), 2):
                    yield folder, path.stem, number, row


TYPES = {"themes": "topic", "policy_instruments": "policy-instrument", "territories": "territory"}


def type_of(table: str) -> str:
    return TYPES.get(table, table.removesuffix("s"))


def things_by_id(graph: Graph) -> dict[tuple[str, str], set[Term]]:
    """Return the things that an id of the research notes means: their slug, or an identifier that they keep."""
    tables = {table.name: table.type for table in TABLES if table.type}
    found = defaultdict(set)
    for reading in graph.loaded.readings.values():
        for record, predicate, thing in (statement.triple for statement in reading.provenance):
            if predicate != name("circ:recordOf"):
                continue
            _, table, key = record.removeprefix(f"<{BASE}id/record/").rstrip(">").split("/", 2)
            if type_ := tables.get(table):
                found[type_, key].add(thing)
                for identifier in graph.objects(thing, "dct:identifier"):
                    found[type_, literal_parts(identifier)[0]].add(thing)
    return found


@needs_research
def test_every_row_of_the_research_notes_is_in_the_data(graph: Graph) -> None:
    things = things_by_id(graph)
    missing = []
    for folder, table, number, row in research():
        if "id" in row and not things.get((type_of(table), row["id"])):
            missing.append(f"{folder}/{table}, line {number}: {row['id']}")
    assert missing == []


@needs_research
def test_every_participation_of_the_research_notes_is_in_the_data(graph: Graph) -> None:
    things = things_by_id(graph)
    missing = []
    for folder, table, number, row in research():
        if table not in ("participations", "initiative_territories"):
            continue
        type_ = "organisation" if table == "participations" else "territory"
        who = type_, row[f"{type_}_id"]
        takes_part = {
            p
            for initiative in things["initiative", row["initiative_id"]]
            for participant in things[who]
            for p in graph.subjects("circ:participationIn", initiative)
            & graph.subjects("circ:participant", participant)
        }
        if not takes_part:
            missing.append(f"{folder}/{table}, line {number}: {row['initiative_id']}, {who[1]}, {row['role']}")
    assert missing == []


@needs_research
def test_an_id_in_two_folders_is_one_thing(graph: Graph) -> None:
    folders = defaultdict(set)
    for folder, table, _, row in research():
        if "id" in row:
            folders[type_of(table), row["id"]].add(folder)
    shared = sorted(key for key, found in folders.items() if len(found) > 1)
    things = things_by_id(graph)
    assert len(shared) >= 10
    assert {key: sorted(things[key]) for key in shared if len(things[key]) != 1} == {}


@needs_research
def test_every_address_of_the_research_notes_is_registered() -> None:
    addresses = {
        row[column].strip()
        for *_, row in research()
        for column in ("source_url", "source_url_or_seed_file")
        if row.get(column, "").startswith("http")
    }
    assert addresses
    # Where an address names a private person, only its site is registered.
    names_a_person = {address for address in addresses if address.startswith("https://www.slideshare.net/")}
    assert sorted(addresses - names_a_person - registered().keys()) == []
    assert names_a_person.isdisjoint(registered())


CELLS: dict[str, tuple[str, ...]] = {
    "title": ("dct:title",),
    "label": ("skos:prefLabel",),
    "name": ("skos:prefLabel", "skos:altLabel"),
    "acronym": ("skos:altLabel",),
    "start_date": ("schema:startDate",),
    "end_date": ("schema:endDate",),
    "date": ("schema:startDate", "schema:endDate", "dct:issued"),
    "deadline": ("circ:deadline",),
    "number": ("circ:actionNumber",),
    "draft_number": ("circ:draftNumber",),
    "website": ("foaf:homepage",),
    "url": ("foaf:page",),
    "objective_own_words": ("dct:description",),
    "description_own_words": ("dct:description",),
    "target_audience": ("circ:describesAudience",),
    "grant_number": ("circ:grantNumber",),
    "city": ("circ:seatedIn",),
    "celex_or_eli": ("circ:celex",),
    "country_iso2": ("circ:country",),
    "country_iso2_or_EU": ("circ:country",),
}
"""Columns of the research notes whose cells are copied, and where they stand in the graph."""

CHANGED = {
    ("circsyst", "title"): "CORDIS has the full title",
    ("ciswefe-nex", "title"): "CORDIS has the full title",
    ("cssboost", "title"): "CORDIS has the full title",
    ("care", "title"): "CORDIS has the full title",
    ("ceap-2020", "title"): "two tables write it differently; the longer title is another name",
    ("ceci-out-ap-fi", "title"): "the Finnish title is another name",
    ("government-of-aragon", "name"): "the directorate-general is a unit of its own",
    ("ua-sharing-final-report", "url"): "the address names a private person",
    ("c3", "objective_own_words"): "two tables describe it; one description stands",
}
"""Cells whose text stands otherwise in the data, with the reason."""


@needs_research
def test_every_cell_of_the_research_notes_stands_under_its_property(graph: Graph) -> None:
    """A date may be more precise in the data, and a disputed value may stand in a claim."""
    with (DATA / "countries.csv").open(encoding="utf-8", newline="") as handle:
        countries = {row["iso2"]: row["iri"] for row in csv.DictReader(handle)} | {"EU": expand("country:EUR")}
    things = things_by_id(graph)
    values = defaultdict(set)
    for s, p, o in graph.default:
        values[s, p].add(o)
    for claim, subject in graph.by_predicate[name("rdf:subject")]:
        for predicate in values[claim, name("rdf:predicate")]:
            values[subject, predicate] |= values[claim, name("rdf:object")]
    checked, wrong = 0, []
    for folder, table, number, row in research():
        for column in CELLS.keys() & row.keys() if "id" in row else ():
            text = row[column]
            if not text or (row["id"], column) in CHANGED:
                continue
            expected = countries[text] if column.startswith("country") else text
            found = {
                o[1:-1] if o.startswith("<") else literal_parts(o)[0]
                for thing in things[type_of(table), row["id"]]
                for predicate in CELLS[column]
                for o in values[thing, name(predicate)]
            }
            checked += 1
            more_precise = "date" in column and any(value.startswith(f"{expected}-") for value in found)
            if expected not in found and not more_precise:
                wrong.append(f"{folder}/{table}, line {number}, {column}: {text!r}, not in {sorted(found)}")
    assert checked > 2000
    assert wrong == []


@needs_research
def test_every_code_of_the_research_notes_holds_what_it_stands_for(graph: Graph) -> None:
    """A place may be given more precisely, and by its code of NUTS 2024."""
    things = things_by_id(graph)
    areas = defaultdict(set)
    for predicate in ("circ:within", "circ:locatedIn", "circ:sameExtentAs", "circ:appliesTo", "circ:regionIn2021"):
        for s, o in graph.by_predicate[name(predicate)]:
            areas[s].add(o)
    wider = defaultdict(set)
    for s, o in graph.by_predicate[name("skos:broader")]:
        wider[s].add(o)

    def reached(thing: Term) -> set[Term]:
        """Return every area that a thing is in, by the codes of both versions."""
        found: set[Term] = set()
        new = {thing}
        while new:
            found |= new
            new = {area for place in new for area in areas[place] | wider[place]} - found
        return found

    wrong = []
    for folder, table, number, row in research():
        if "id" not in row or len(row.get("nuts_code", "")) < 3:
            continue
        code = name(f"nuts:{row['nuts_code']}")
        if not any(code in reached(thing) for thing in things[type_of(table), row["id"]]):
            wrong.append(f"{folder}/{table}, line {number}: {row['id']} is not in {row['nuts_code']}")
    assert wrong == []


@needs_research
def test_every_sum_and_planned_number_of_the_research_notes_is_in_the_data(graph: Graph) -> None:
    things = things_by_id(graph)
    decimals = {
        thing: {Decimal(literal_parts(o)[0]) for o in graph.objects(thing, "schema:value")}
        for thing, _ in graph.by_predicate[name("schema:value")]
    }
    owned = defaultdict(set)
    for predicate in ("circ:hasAmount", "circ:hasQuantity"):
        for owner, thing in graph.by_predicate[name(predicate)]:
            owned[owner] |= decimals[thing]
    shares = {  # the cost of these plans is what the city has of the budget of the network
        "rc-iap-zagreb": "circid:participation/resourceful-cities--city-of-zagreb--partner",
        "rc-iap-ciudad-real": "circid:participation/resourceful-cities--city-council-of-ciudad-real--partner",
    }
    wrong = []
    for folder, table, number, row in research():
        owners = things[type_of(table), row["id"]] if "id" in row else set()
        if row.get("id") in shares:
            owners = {name(shares[row["id"]])}
        wrong.extend(
            f"{folder}/{table}, line {number}, {column}: {row[column]}"
            for column in ("budget_eur", "cost_eur", "quantity_planned")
            if row.get(column) and not any(Decimal(row[column]) in owned[owner] for owner in owners)
        )
    assert wrong == []
