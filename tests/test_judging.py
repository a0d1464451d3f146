"""A contribution is judged: each fault has its code, stands at its cell and knows a way out where there is one."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.reading import read_bytes
from circkg_loaders.contributed.style import Style
from circkg_loaders.prefixes import expand
from circkg_server.contributions.bounds import WRITTEN, date_bounds
from circkg_server.contributions.grouping import grouped
from circkg_server.contributions.judging import Judgement, judge, our_shapes
from circkg_server.contributions.knowledge import Curated, Knowledge
from circkg_server.contributions.suggestions import suggester
from circkg_shapes.report import SH
from circkg_shapes.terms import XSD, iri, literal, literal_parts
from circkg_shapes.validate import Shapes

ID = "https://w3id.org/circkg/id/"
PREFIXES = """
@prefix circ: <https://w3id.org/circkg/def#> .
@prefix circv: <https://w3id.org/circkg/def/> .
@prefix country: <http://publications.europa.eu/resource/authority/country/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix ex: <https://example.org/> .
@prefix nuts: <http://data.europa.eu/nuts/code/> .
@prefix org: <http://www.w3.org/ns/org#> .
@prefix schema: <https://schema.org/> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
COLUMNS = {
    "Title (en)": "Toy library",
    "Description (en)": "Parents lend one another toys and mend them together.",
    "Identified by": "ceci",
    "Strategies": "share",
    "Barrier types": "Lack of skills and practical experience",
    "Source": "https://example.org/toy-library",
}
"""A row without any fault."""


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Curated()


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return our_shapes()


def table(*rows: dict[str, str], name: str = "practices.csv") -> Contribution:
    """Return practices, what a row does not say being without fault."""
    filled = [COLUMNS | row for row in rows]
    header = list(dict.fromkeys(column for row in filled for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(filled)
    return read_bytes(text.getvalue().encode(), name, Options(form="practice"))


def turtle(text: str, name: str = "a.ttl") -> Contribution:
    return read_bytes((PREFIXES + text).encode(), name)


def told(found: Judgement) -> list[tuple[str, str | None]]:
    """Return code and cell of each fault that is an error."""
    return [(fault.code, fault.place.cell) for fault in found.faults if fault.severity is Severity.VIOLATION]


def only(found: Judgement, code: str) -> Fault:
    (fault,) = (fault for fault in found.faults if fault.code == code)
    return fault


# --- codes ----------------------------------------------------------------------------------------------------------


def test_a_table_without_fault_conforms(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([table({})], knowledge, shapes)
    assert found.faults == ()
    assert found.conforms
    assert found.report.checked == 2


def test_a_row_without_a_name_is_judged_all_the_same_and_never_taken(knowledge: Knowledge, shapes: Shapes) -> None:
    nameless = {"Title (en)": "", "Place": "XX", "Start": "2022-13-45", "Description (en)": "x"}
    contribution = table({}, nameless, nameless | {"Source": ""})
    found = judge([contribution], knowledge, shapes)
    of_row = ("row-without-name", "A"), ("too-short", "B"), ("region-unknown", "G"), ("date-not-in-calendar", "H")
    assert set(told(found)) == {(code, f"{column}{row}") for code, column in of_row for row in (3, 4)} | {
        ("missing", "F4")
    }
    assert contribution.rows == {"in": 3, "loaded": 1, "rejected": 2}
    assert not any(subject.startswith("_:") for subject, _, _ in contribution.triples)
    assert all("_:" not in fault.values.get("thing", "") for fault in found.faults)


def test_a_row_with_the_key_of_another_is_judged_all_the_same(knowledge: Knowledge, shapes: Shapes) -> None:
    contribution = table({"id": "a"}, {"id": "a", "Description (en)": "x", "Place": "XX", "Source": ""})
    found = judge([contribution], knowledge, shapes)
    assert set(told(found)) == {("key-twice", "G3"), ("too-short", "B3"), ("region-unknown", "H3"), ("missing", "F3")}
    assert contribution.rows == {"in": 2, "loaded": 1, "rejected": 1}


def test_a_total_is_told_as_a_row_without_a_name_and_nothing_else(knowledge: Knowledge, shapes: Shapes) -> None:
    nothing = dict.fromkeys(COLUMNS, "")
    found = judge([table({}, nothing | {"Description (en)": "Total", "Start": "1"})], knowledge, shapes)
    assert told(found) == [("row-without-name", "A3")]


def test_a_row_that_lacks_a_part_of_its_identity_is_judged_all_the_same(knowledge: Knowledge, shapes: Shapes) -> None:
    text = "Initiative,Participant,Role,On behalf of,Source\nceci,,partner,nowhere,\nceci,nobody,partner,,page\n"
    contribution = read_bytes(text.encode(), "a.csv", Options(form="participation"))
    found = judge([contribution], knowledge, shapes)
    assert told(found) == [
        ("missing", "B2"), ("link-unknown", "D2"), ("missing", "E2"), ("link-unknown", "B3"), ("source-unknown", "E3"),
    ]  # fmt: skip
    assert contribution.rows == {"in": 2, "loaded": 0, "rejected": 2}


@pytest.mark.parametrize(("language", "name"), [("fi", "Teemat"), ("pl", "Tematy"), ("de", "Themen")])
def test_a_list_is_called_by_its_name_in_the_language_of_the_report(
    knowledge: Knowledge, shapes: Shapes, language: str, name: str
) -> None:
    found = judge([table({"Themes": "nonsense"})], knowledge, shapes, language=language)
    assert only(found, "not-in-list").values["list"] == name


CELLS = sorted(
    code for code, example in codes.examples().items()
    if example.column in (
        "Start", "Place", "Themes", "Source", "Country", "Practised by", "Identified by", "Region in 2024",
        "Title (en)", "Strategies", "Title (fr)",
    ) and not code.startswith(("quote", "row"))
)  # fmt: skip
"""Codes whose example is a cell of a practice, as it stands there."""

WRITTEN_OUT = {
    ("too-long", "wrong"): "x" * 301,
    ("too-long", "mended"): "x" * 300,
    ("too-many-values", "wrong"): ";".join(f"theme {number}" for number in range(201)),
    ("too-many-values", "mended"): "food",
}
"""Cells that an example describes instead of showing them."""


@pytest.fixture(scope="module")
def examples(knowledge: Knowledge, shapes: Shapes) -> dict[str, tuple[set[str], set[str]]]:
    """Give the codes of the wrong and of the mended example of each code, judged as a file of its own."""
    found: list[dict[str, set[str]]] = []
    for kind in ("wrong", "mended"):
        files = []
        for number, code in enumerate(CELLS):
            example = codes.examples()[code]
            text = WRITTEN_OUT.get((code, kind), getattr(example, kind))
            rows = ({"id": f"a{number}"}, {"id": f"b{number}", example.column: text})
            files.append(table(*rows, name=f"{code}.csv"))
        judged = judge(files, knowledge, shapes)
        found.append({code: {f.code for f in judged.faults if f.place.file == f"{code}.csv"} for code in CELLS})
    return {code: (found[0][code], found[1][code]) for code in CELLS}


def test_most_examples_are_cells_that_can_be_tried() -> None:
    assert len(CELLS) >= 20


@pytest.mark.parametrize("code", CELLS)
def test_the_example_of_a_code_has_the_fault_and_its_mended_form_has_not(
    code: str, examples: dict[str, tuple[set[str], set[str]]]
) -> None:
    wrong, mended = examples[code]
    assert code in wrong
    assert code not in mended


SHAPES = {
    "too-few": ("sh:path ex:p ; sh:minCount 2", "ex:p 1"),
    "too-many": ("sh:path ex:p ; sh:maxCount 1", "ex:p 1 , 2"),
    "language-not-allowed": ("sh:path ex:p ; sh:languageIn ( 'fi' )", "ex:p 'x'@sv"),
    "language-twice": ("sh:path ex:p ; sh:uniqueLang true", "ex:p 'x'@sv , 'y'@sv"),
    "wrong-type": ("sh:path ex:p ; sh:datatype xsd:boolean", "ex:p 'x'"),
    "pattern": ("sh:path ex:p ; sh:pattern '^[A-Z]+$'", "ex:p 'x'"),
    "out-of-range": ("sh:path ex:p ; sh:maxInclusive 5", "ex:p 6"),
    "not-in-list": ("sh:path ex:p ; sh:in ( 1 2 )", "ex:p 3"),
    "value-required": ("sh:path ex:p ; sh:hasValue 1", "ex:p 3"),
    "link-expected": ("sh:path ex:p ; sh:nodeKind sh:IRI", "ex:p 'x'"),
    "link-unknown": ("sh:path ex:p ; sh:class ex:Other", "ex:p ex:b"),
    "link-wrong-class": ("sh:path ex:p ; sh:class ex:Other", "ex:p ex:pattern"),
    "values-out-of-order": ("sh:path ex:p ; sh:lessThan ex:q", "ex:p 5 ; ex:q 3"),
    "values-differ": ("sh:path ex:p ; sh:equals ex:q", "ex:p 5 ; ex:q 3"),
    "values-shared": ("sh:path ex:p ; sh:disjoint ex:q", "ex:p 5 ; ex:q 5"),
    "rule-not-met": ("sh:path ex:p ; sh:not [ sh:in ( 7 ) ]", "ex:p 7"),
}
"""A rule of somebody's own shapes, and data that break it."""


@pytest.fixture(scope="module")
def by_own_shapes(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    path = tmp_path_factory.mktemp("shapes") / "shapes.ttl"
    rules = (f"ex:S-{c} a sh:NodeShape ; sh:targetClass ex:{c} ; sh:property [ {r} ] ." for c, (r, _) in SHAPES.items())
    path.write_text(PREFIXES + "\n".join(rules))
    data = " ".join(f"ex:{code} a ex:{code} ; {said} ." for code, (_, said) in SHAPES.items())
    return judge([turtle(data)], knowledge, Shapes.load([path]), ours=False)


@pytest.mark.parametrize("code", SHAPES)
def test_other_shapes_than_ours_give_codes_too(code: str, by_own_shapes: Judgement) -> None:
    faults = [fault for fault in by_own_shapes.faults if fault.focus_node == f"<https://example.org/{code}>"]
    assert {fault.code for fault in faults} == {code}
    assert all("…" not in codes.filled(codes.text(code).message, fault.values) for fault in faults)


def test_what_a_closed_shape_does_not_allow(knowledge: Knowledge, tmp_path: Path) -> None:
    path = tmp_path / "shapes.ttl"
    path.write_text(
        f"{PREFIXES} ex:S a sh:NodeShape ; sh:targetClass ex:T ; sh:closed true ;"
        " sh:ignoredProperties ( <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ) ."
    )
    found = judge([turtle("ex:a a ex:T ; ex:p 1 .")], knowledge, Shapes.load([path]), ours=False)
    assert [(fault.code, fault.values["field"]) for fault in found.faults] == [
        ("property-not-allowed", "<https://example.org/p>")
    ]


PRACTICE = f"""<{ID}practice/toy-library> a circ:Practice ; dct:title "Toy library"@en ; dct:source <{ID}source/s> ;
  circ:identifiedBy <{ID}initiative/ceci> ."""
OF_RDF = {
    "language-missing": "a circ:Practice ; dct:title 'Leikit'",
    "language-region": "a circ:Practice ; dct:title 'Brinquedos'@pt-PT",
    "language-not-wanted": "a circ:Practice ; dct:identifier 'P-17'@en",
    "term-unknown": f"a circ:Practice ; circ:identifedBy <{ID}initiative/ceci>",
    "class-missing": "dct:title 'A'@en",
    "link-wrong-class": f"a circ:Practice ; circ:practisedBy <{ID}initiative/ceci>",
    "currency-unknown": "a circ:Amount ; circ:currency '€'",
    "value-not-a-number": "a circ:Amount ; schema:value '12,5'",
    "out-of-range": "a circ:Amount ; schema:value '-5'^^xsd:decimal",
    "wrong-type": "a circ:Practice ; dct:title ex:title",
    "not-in-list": "a circ:Practice ; circ:hasTheme 'food'",
    "identifier-form": "a circ:Practice",
    "address-form": "a org:Organization ; <http://xmlns.com/foaf/0.1/homepage> 'www.example.org'",
    "dates-out-of-order": "a circ:Practice ; schema:startDate '2024'^^xsd:gYear ;"
    " schema:endDate '2023-05'^^xsd:gYearMonth",
}


@pytest.fixture(scope="module")
def of_rdf(knowledge: Knowledge, shapes: Shapes) -> Judgement:
    return judge([turtle(" ".join(f"ex:{code} {said} ." for code, said in OF_RDF.items()))], knowledge, shapes)


@pytest.mark.parametrize("code", OF_RDF)
def test_rdf_has_the_same_codes(code: str, of_rdf: Judgement) -> None:
    faults = [fault for fault in of_rdf.faults if fault.focus_node == f"<https://example.org/{code}>"]
    fault = next(fault for fault in faults if fault.code == code)
    assert "…" not in codes.filled(codes.text(code).message, fault.values)
    assert fault.place.search, "an RDF file has no cells: it says what to look for"


def test_what_two_components_say_of_one_value_is_one_fault(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([turtle(f"{PRACTICE} <{ID}practice/toy-library> circ:country 'Finland' .")], knowledge, shapes)
    of_country = [result for result in found.report.results if result.value == '"Finland"']
    assert {result.component_name for result in of_country} == {"Class", "Pattern"}
    assert only(found, "country-unknown").suggestions[0].text == "country:FIN"


# --- places ---------------------------------------------------------------------------------------------------------


def test_a_missing_value_points_at_the_row_and_the_column_that_would_hold_it(
    knowledge: Knowledge, shapes: Shapes
) -> None:
    found = judge([table({"Title (en)": "Another library"}, {"Source": ""})], knowledge, shapes)
    fault = only(found, "missing")
    assert (fault.place.cell, fault.place.header, fault.place.raw) == ("F3", "Source", "")
    assert fault.values["field"] == "Source"


def test_a_wished_value_without_a_column_points_at_the_row(knowledge: Knowledge, shapes: Shapes) -> None:
    contribution = read_bytes(
        b"Title (en),Identified by,Source\nToys,ceci,https://example.org/1\n", "a.csv", Options(form="practice")
    )
    found = judge([contribution], knowledge, shapes)
    assert found.conforms
    assert {(fault.code, fault.place.row, fault.place.column) for fault in found.faults} == {
        ("missing-wished", 2, None)
    }


def test_a_wish_that_several_columns_could_meet_points_at_the_one_that_there_is(
    knowledge: Knowledge, shapes: Shapes
) -> None:
    fault = only(judge([table({"Barrier types": ""})], knowledge, shapes), "missing-wished")
    assert (fault.place.cell, fault.path) == (
        "E2",
        "(<https://w3id.org/circkg/def#addressesBarrierType>|<https://w3id.org/circkg/def#addressesBarrier>)",
    )


def test_dates_out_of_order_point_at_both_cells(knowledge: Knowledge, shapes: Shapes) -> None:
    fault = only(judge([table({"Start": "2024-05", "End": "2023"})], knowledge, shapes), "dates-out-of-order")
    assert [fault.place.cell, *(place.cell for place in fault.also)] == ["G2", "H2"]
    assert (fault.values["start"], fault.values["end"]) == ("2024-05", "2023")


def test_two_texts_of_one_language_point_at_both_cells(knowledge: Knowledge, shapes: Shapes) -> None:
    fault = only(judge([table({"Title": "", "Title (EN)": "Library of toys"})], knowledge, shapes), "language-twice")
    assert {fault.place.cell, *(place.cell for place in fault.also)} == {"A2", "H2"}
    assert fault.values["language"] == "en"


def test_two_files_that_do_not_go_together_are_named_both(knowledge: Knowledge, shapes: Shapes) -> None:
    first, second = table({"Start": "2021"}), table({"Start": "2022"}, name="more.csv")
    fault = only(judge([first, second], knowledge, shapes), "too-many")
    assert [(place.file, place.cell) for place in (fault.place, *fault.also)] == [
        ("practices.csv", "G2"), ("more.csv", "G2"),
    ]  # fmt: skip


def test_lines_of_n_triples_are_numbered(knowledge: Knowledge, shapes: Shapes) -> None:
    text = f"""<{ID}practice/a> <{expand("rdf:type")}> <{expand("circ:Practice")}> .
<{ID}practice/a> <{expand("dct:title")}> "A" .
"""
    found = judge([read_bytes(text.encode(), "a.nt")], knowledge, shapes)
    assert only(found, "language-missing").place.line == 2
    assert {fault.place.line for fault in found.faults if fault.code == "missing"} == {1}


def test_a_clash_with_published_data_names_cell_value_and_source(knowledge: Knowledge, shapes: Shapes) -> None:
    ceci = f"<{ID}initiative/ceci>"
    published = next(value for _, p, value in knowledge.about(ceci) if p == iri(expand("schema:startDate")))
    contribution = turtle(f"{ceci} schema:startDate '1999-01-01'^^xsd:date .")
    fault = only(judge([contribution], knowledge, shapes), "clash-with-published")
    assert fault.place.search == "1999-01-01"
    assert fault.values["value"] == "1999-01-01"
    assert fault.values["published_value"] in published
    source = knowledge.source(ceci)
    assert source is not None
    assert (fault.published, fault.values["source"]) == (source.iri, source.title)
    assert source.title.startswith("http")


def test_what_is_published_is_no_clash_with_itself(knowledge: Knowledge, shapes: Shapes) -> None:
    ceci = f"<{ID}initiative/ceci>"
    value = next(value for _, p, value in knowledge.about(ceci) if p == iri(expand("schema:startDate")))
    found = judge([turtle(f"{ceci} schema:startDate {value} .")], knowledge, shapes)
    assert found.conforms


def test_a_published_thing_made_wrong_points_at_the_statement_that_did_it(knowledge: Knowledge, shapes: Shapes) -> None:
    is_amount = (iri(expand("rdf:type")), iri(expand("circ:Amount")))
    amount = next(triple[0] for triple in Curated().background if triple[1:] == is_amount)
    contribution = turtle(f"{PRACTICE} <{ID}practice/toy-library> circ:hasAmount {amount} .")
    found = judge([contribution], knowledge, shapes)
    fault = next(fault for fault in found.faults if fault.focus_node == amount)
    assert fault.code == "too-many"
    assert fault.place.search
    assert fault.place.search in amount
    assert fault.published


# --- what follows from something else is not told twice -----------------------------------------------------------


def test_a_cell_that_cannot_be_read_is_one_fault(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([table({"Identified by": "nobody knows", "Source": "somewhere"})], knowledge, shapes)
    assert told(found) == [("link-unknown", "C2"), ("source-unknown", "F2")]
    assert {result.component_name for result in found.report.results} == {"MinCount"}, "the plain report keeps them"


def test_a_remark_on_a_cell_hides_no_error_in_it(knowledge: Knowledge, shapes: Shapes) -> None:
    """What looks garbled is told once, at the first such cell; a fault of the shapes in that cell stays."""
    found = judge([table({"Title (en)": "Ã©" + "x" * 300})], knowledge, shapes)
    assert {fault.code for fault in found.faults if fault.place.cell == "A2"} == {"text-garbled", "too-long"}
    assert not found.conforms


def test_a_value_beside_one_that_cannot_be_read_is_judged(knowledge: Knowledge, shapes: Shapes) -> None:
    wrong = f"nobody knows; {ID}organisation/city-of-lahti"
    found = judge([table({"Identified by": wrong})], knowledge, shapes)
    assert told(found) == [("link-unknown", "C2"), ("link-wrong-class", "C2")]


def test_faults_of_tables_say_what_their_column_holds(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([table({"Strategies": "shaer"})], knowledge, shapes, language="fi")
    fault = only(found, "not-in-list")
    assert fault.values["list"] != "circular-strategy"
    assert dict(fault.messages)["fi"]


@pytest.mark.parametrize("text", ["", "ex:a ex:b ex:c .", "ex:a a ex:B ."])
def test_nothing_checked_is_not_called_conforming(text: str, knowledge: Knowledge, shapes: Shapes) -> None:
    with pytest.raises(ContributionError, match="nothing was checked"):
        judge([turtle(text)], knowledge, shapes)


def test_a_term_that_is_like_none_has_no_suggestion(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([turtle("ex:a a circ:Practice ; circ:zzz ex:b .")], knowledge, shapes)
    assert only(found, "term-unknown").suggestions == ()


# --- dates ----------------------------------------------------------------------------------------------------------


def test_bounds_are_those_of_the_published_rule_and_know_where_they_come_from() -> None:
    day = literal("2024-02", datatype=f"{XSD}gYearMonth")
    kinds = ("circ:Output", "circ:Amount", "circ:Quantity", "circ:Practice")
    written = sorted({name for names in WRITTEN.values() for name in names})
    derived: dict[str, set[str]] = {}
    for predicate in written:
        things = [(f"<x:{kind}>", iri(expand("rdf:type")), iri(expand(kind))) for kind in kinds]
        values = [(f"<x:{kind}>", predicate, day) for kind in kinds]
        for _, bound, value in date_bounds([*things, *values]):
            derived.setdefault(bound, set()).add(predicate)
            assert value[1:11] in ("2024-02-01", "2024-02-29")
    assert derived == {bound: set(names) for bound, names in WRITTEN.items()}


# --- suggestions ----------------------------------------------------------------------------------------------------

MEANT = [
    ("Place", "GR30", "EL30", "nuts-country-code"),
    ("Region in 2024", "NL332", "NL361", "other-version-exact"),
    ("Region in 2024", "PT17", "PT1A", "other-version-split"),
    ("Place", "FI1C39", "FI1C3", "region-above"),
    ("Country", "Untied Kingdom", "GB", "nearest"),
    ("Country", "FI1C3", "FI", "country-of-region"),
    ("Themes", "fod", "food", "nearest"),
    ("Strategies", "korjata", "repair", "nearest"),
    ("Practised by", "City of Lahtti", "City of Lahti", "nearest"),
    ("Source", "www.example.org/a", "https://www.example.org/a", "address-form"),
    ("Start", "05/04/2021", "2021-04-05", "date-reading"),
]


@pytest.fixture(scope="module")
def suggested(knowledge: Knowledge, shapes: Shapes) -> Judgement:
    files = [table({"id": f"m{n}", column: raw}, name=f"{n}.csv") for n, (column, raw, _, _) in enumerate(MEANT)]
    return judge(files, knowledge, shapes)


@pytest.mark.parametrize("number", range(len(MEANT)), ids=[raw for _, raw, _, _ in MEANT])
def test_a_suggestion_is_what_was_probably_meant(number: int, suggested: Judgement) -> None:
    _, raw, meant, reason = MEANT[number]
    (fault,) = (fault for fault in suggested.faults if (fault.place.file, fault.place.raw) == (f"{number}.csv", raw))
    assert (meant, reason) in [(each.text, each.reason) for each in fault.suggestions]
    assert reason in codes.reasons("en")


def test_a_suggestion_may_come_from_the_contribution_itself(knowledge: Knowledge, shapes: Shapes) -> None:
    organisation = turtle(
        f"<{ID}organisation/toy-makers> a org:Organization ; skos:prefLabel 'Toy makers of Kouvola'@en ."
    )
    found = judge([table({"Practised by": "Toy maker of Kouvola"}), organisation], knowledge, shapes)
    assert only(found, "link-unknown").suggestions[0].iri == f"{ID}organisation/toy-makers"


AS_TURTLE = {
    "schema:startDate '05.2024'": '"2024-05"^^xsd:gYearMonth',
    "circ:locatedIn nuts:GR30": "nuts:EL30",
    "circ:country country:GR": "country:GRC",
    "circ:country country:UK": "country:GBR",
    "circ:locatedIn nuts:fi1c7": "nuts:FI1C7",
    f"circ:practisedBy <{ID}organisation/city-of-lahtti>": f"<{ID}organisation/city-of-lahti>",
    "circ:identifedBy ex:a": "circ:identifiedBy",
}


def test_suggestions_for_rdf_are_written_as_turtle(knowledge: Knowledge, shapes: Shapes) -> None:
    things = (f"ex:t{number} a circ:Practice ; {said} ." for number, said in enumerate(AS_TURTLE))
    found = judge([turtle(" ".join(things))], knowledge, shapes)
    for number, meant in enumerate(AS_TURTLE.values()):
        faults = (fault for fault in found.faults if fault.focus_node == f"<https://example.org/t{number}>")
        assert meant in [each.text for fault in faults for each in fault.suggestions]


def test_names_like_a_value_are_looked_up_for_a_bounded_number_of_values(
    knowledge: Knowledge, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggester, "MAX_SUGGESTED", 2)
    rows = [{"id": f"n{number}", "Themes": f"fod{'x' * (number % 3)}"} for number in range(6)]
    faults = judge([table(*rows)], knowledge, shapes).faults
    assert [bool(fault.suggestions) for fault in faults] == [True, True, False, True, True, False]


def test_what_only_the_contributor_knows_is_not_guessed(knowledge: Knowledge, shapes: Shapes) -> None:
    found = judge([table({"Source": "", "Start": "2024", "End": "2023"})], knowledge, shapes)
    assert [fault.suggestions for fault in found.faults] == [(), ()]


# --- groups and accounts --------------------------------------------------------------------------------------------


def test_groups_count_by_rule_and_by_value(knowledge: Knowledge, shapes: Shapes) -> None:
    rows = [{"Title (en)": f"Library {n}", "Place": "XX" if n < 31 else f"Y{n}"} for n in range(37)]
    found = judge([table(*rows)], knowledge, shapes)
    (group,) = grouped(found.faults)
    assert (group.code, group.field, len(group.faults)) == ("region-unknown", "Place", 37)
    assert group.values[0] == ("XX", 31)
    assert len(group.listed(20)) == 20


def test_what_was_used_is_told(knowledge: Knowledge, shapes: Shapes) -> None:
    used = judge([table({})], knowledge, shapes).used
    assert used.vocabularies["nuts-2024"] == "2024"
    assert len(used.shapes) == 12
    assert used.snapshot is None
    assert used.engine


def test_the_same_files_in_another_order_have_the_same_faults(knowledge: Knowledge, shapes: Shapes) -> None:
    files = [table({"Place": "XX"}), table({"Title (en)": "Another", "Place": "YY"}, name="b.csv")]
    first, second = (judge(each, knowledge, shapes).faults for each in (files, files[::-1]))
    assert len(first) == 2
    assert set(map(repr, first)) == set(map(repr, second))


def test_a_declared_style_is_followed(knowledge: Knowledge, shapes: Shapes) -> None:
    text = "Title (en);Identified by;Source;Start\nToys;ceci;https://example.org/1;05/04/2021\n"
    options = Options(form="practice", style=Style(dates="day-first"))
    found = judge([read_bytes(text.encode(), "a.csv", options)], knowledge, shapes)
    assert found.conforms
    assert any(value.startswith('"2021-04-05"') for _, _, value in found.contributions[0].triples)


def test_components_of_our_shapes_all_have_codes_of_their_own(shapes: Shapes) -> None:
    """No kind of constraint that our own shapes use falls back on the code that says least."""
    parameters = {p for _, p, _ in shapes.triples if p.startswith(f"<{SH}")}
    known = {
        "class", "datatype", "hasValue", "in", "lessThanOrEquals", "maxCount", "maxLength", "minCount",
        "minInclusive", "minLength", "nodeKind", "or", "pattern", "uniqueLang", "node", "sparql",
    }  # fmt: skip
    describing = {
        "path", "name", "description", "message", "order", "group", "property", "severity", "targetClass",
        "targetSubjectsOf", "select", "inversePath", "alternativePath",
    }  # fmt: skip
    assert {p.rpartition("#")[2].rstrip(">") for p in parameters} <= known | describing


def test_a_number_that_restates_a_published_one_is_no_clash(knowledge: Knowledge, shapes: Shapes) -> None:
    """An amount typed as 122578.5 clashed with the published 122578.50, as two terms of one value."""
    value = iri(expand("schema:value"))
    subject, published = next(
        (s, o) for s, p, o in knowledge.background if p == value and ".50" in o and "/id/amount/" in s
    )
    key, written = subject.strip("<>").rpartition("/")[2], literal_parts(published)[0]
    for number, faults in ((written.rstrip("0"), []), (f"{written}1", ["clash-with-published"])):
        text = f"id,Value\n{key},{number}\n"
        read = read_bytes(text.encode(), "amounts.csv", Options(form="amount"))
        found = judge([read], knowledge, shapes)
        of_value = [fault for fault in found.faults if fault.path == value and fault.code != "missing"]
        assert [fault.code for fault in of_value] == faults
        stated = [o for each in found.contributions for s, p, o in each.triples if (s, p) == (subject, value)]
        assert stated == ([published] if not faults else [literal(number, datatype=f"{XSD}decimal")])
        (place,) = found.contributions[0].origins.of((subject, value, stated[0]))
        assert (place.cell, place.raw) == ("B2", number)
