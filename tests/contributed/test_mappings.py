"""The file in which a person says what the columns of a table say."""

from __future__ import annotations

import pytest
from tests.contributed.conftest import MAPPINGS, Reading, codes
from tests.contributed.test_cells import said

from circkg_loaders.contributed.mapping_files import MAX_MAPPING, MappingError, parse_mapping
from circkg_loaders.contributed.reading import ContributionError

TABLE = """List 2024,,,,,
Nimi,Maa,Linkki,Aiheet,Summa,Huom
Lelukirjasto,SUOMI,https://example.org/toys,"Lelut, Ruoka",x,hyvä
Korjauskahvila,NO,https://example.org/repair,Ruoka,x,
"""
MAPPING = """
language: fi
style: {header_rows: 2, dates: day-first}
missing: [x]
tables:
  - form: practice
    columns:
      Nimi: title
      Maa: {field: country, values: {SUOMI: FI}}
      Linkki: [id, source]
      Aiheet:
        field: themes
        values:
          Lelut:                 # nothing of ours
          Ruoka: [food, awareness]
    constants:
      initiatives: ceci
      other_names: [one, two]
    ignore: [Huom, Summa]
"""


def test_a_mapping_says_what_each_column_says(read_text: Reading) -> None:
    found = read_text(TABLE, form=None, language="", mapping=parse_mapping(MAPPING.encode()))
    assert codes(found) == []
    assert {subject for subject, _, _ in found.triples if "/practice/" in subject} == {
        "<https://w3id.org/circkg/id/practice/toys>", "<https://w3id.org/circkg/id/practice/repair>",
    }  # fmt: skip
    assert said(found, "circ:country") == {"country:FIN", "country:NOR"}
    assert said(found, "circ:hasTheme") == {"circv:theme/food", "circv:theme/awareness"}
    assert said(found, "circ:identifiedBy") == {"circid:initiative/ceci"}
    assert said(found, "skos:altLabel") == {"one", "two"}
    titles = {value for _, predicate, value in found.triples if predicate.endswith("title>")}
    assert titles == {'"Lelukirjasto"@fi', '"Korjauskahvila"@fi'}
    roles = {(column.header, column.role) for column in found.sheets[0].columns}
    assert {("Huom", "ignored"), ("Linkki", "key"), ("Linkki", "field")} <= roles
    constant = next(triple for triple in found.triples if triple[1].endswith("identifiedBy>"))
    assert [str(place) for place in found.origins.of(constant)] == ["a.csv, row 3"]


def test_columns_that_a_mapping_leaves_out_are_found_by_their_names_unless_the_rest_is_ignored(
    read_text: Reading,
) -> None:
    table = "Nimi,Country,Mood\nLelut,FI,good\n"
    mapping = "tables: [{form: practice, columns: {Nimi: title}%s}]"
    assert said(read_text(table, mapping=parse_mapping((mapping % "").encode())), "circ:country") == {"country:FIN"}
    rest = read_text(table, mapping=parse_mapping((mapping % ", ignore: rest").encode()))
    assert said(rest, "circ:country") == set()
    assert codes(rest) == []


def test_a_mapped_column_that_is_not_there_is_told_with_what_is(read_text: Reading) -> None:
    mapping = parse_mapping("tables: [{form: practice, columns: {Titel: title, Ländr: country}}]".encode())
    found = read_text("Titel,Länder\nToys,FI\n", mapping=mapping)
    (fault,) = [fault for fault in found.faults if fault.code == "mapped-column-missing"]
    assert (fault.values["header"], fault.suggestions[0].text) == ("Ländr", "Länder")


def test_rows_of_one_thing_may_be_merged(read_text: Reading) -> None:
    table = "Number,Name,Region\n7,Toys,FI1C6\n7,Toys,FI1C7\n8,Games,FI1C6\n"
    mapping = "tables: [{form: practice, columns: {Number: id, Name: title, Region: place}, merge: %s}]"
    merged = read_text(table, mapping=parse_mapping((mapping % "true").encode()))
    assert merged.rows == {"in": 3, "loaded": 3, "rejected": 0}
    assert said(merged, "circ:locatedIn") == {"nuts:FI1C6", "nuts:FI1C7"}
    assert codes(merged) == []
    apart = read_text(table, mapping=parse_mapping((mapping % "false").encode()))
    assert apart.rows == {"in": 3, "loaded": 2, "rejected": 1}
    (fault,) = apart.faults
    assert (fault.code, fault.place.cell, fault.also[0].cell) == ("key-twice", "A3", "A2")


def test_one_sheet_may_hold_things_of_several_forms_that_refer_to_one_another(read_text: Reading) -> None:
    mapping = parse_mapping(b"""
tables:
- {form: initiative, merge: true, columns: {Project: title}, ignore: rest}
- {form: organisation, merge: true, columns: {Partner: name}, ignore: rest}
- form: participation
  columns: {Project: initiative, Partner: participant, Role: {field: role, values: {LP: lead-partner}}}
""")
    found = read_text("Project,Partner,Role\nToys,City A,LP\nToys,City B,partner\n", mapping=mapping)
    assert codes(found) == []
    assert {subject for subject, _, _ in found.triples if "/participation/" in subject} == {
        "<https://w3id.org/circkg/id/participation/toys--city-a--lead-partner>",
        "<https://w3id.org/circkg/id/participation/toys--city-b--partner>",
    }


HEAD = "tables:\n- form: practice\n  columns:\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "tables: name at least one table"),
        ("just text", "line 1, the file: write a name, a colon"),
        ("tables: [", "no well-formed YAML"),
        ("langage: fi\n", "line 1, langage: there is no “langage”. Did you mean “language”?"),
        ("language: klingonish\n", "line 1, language: “klingonish” names no language"),
        ("tables:\n- form: practise", "line 2, tables[0].form: there is no “practise”. Did you mean “practice”?"),
        ("tables:\n- columns: {A: title}", "line 2, tables[0].form: say what the rows are"),
        ("tables:\n- form: practice", "line 2, tables[0].columns: say what at least one column says"),
        (f"{HEAD}    A: tittle", "line 4, tables[0].columns.A: practice has no field “tittle”. Did you mean “title”?"),
        (f"{HEAD}    A: title\n    A: country", "line 5, tables[0].columns.A: this name stands there twice"),
        (f"{HEAD}    A: {{language: fi}}", "line 4, tables[0].columns.A: say which field"),
        (f"{HEAD}    A: {{field: [a]}}", "line 4, tables[0].columns.A.field: write one text"),
        (f"{HEAD}  - title", "line 4, tables[0].columns: write a name, a colon"),
        (
            f"{HEAD}    A: title\n  constants: {{initiative: x}}",
            "has no field “initiative”. Did you mean “initiatives”?",
        ),
        (f"{HEAD}    A: title\n  merge: maybe", "line 5, tables[0].merge: there is no “maybe”. Known: true, false."),
        ("style: {dates: dayfirst}", "style.dates: there is no “dayfirst”. Did you mean “day-first”?"),
        ("style: {encoding: utf8}", "style.encoding: there is no “utf8”. Did you mean “utf-8”?"),
        ("style: {decimal: ';'}", "style.decimal: there is no “;”"),
        ("style: {delimiter: xx}", "style.delimiter: write one sign"),
        ("style: {header_rows: none}", "style.header_rows: write the number of the row"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_the_way_out(text: str, says: str) -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping(text.encode(), "m.yaml")
    lines = str(error.value).splitlines()
    assert all(line.startswith("m.yaml: ") for line in lines)
    assert [line for line in lines if says in line]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(MappingError) as error:
        parse_mapping(f"langage: fi\nstyle: {{dates: x}}\n{HEAD}    A: tittle\n    B: lond".encode())
    assert len(error.value.problems) == 4


@pytest.mark.parametrize("content", [b"[" * 5_000, b"\xff", b"a: &a [*a]", b"x" * (MAX_MAPPING + 1), b"? [a]: b"])
def test_a_mapping_that_would_harm_is_refused(content: bytes) -> None:
    with pytest.raises(MappingError):
        parse_mapping(content)


def test_a_sheet_that_a_mapping_names_must_be_there(read_text: Reading) -> None:
    mapping = parse_mapping(b"tables: [{form: practice, sheet: Data, columns: {A: title}}]")
    with pytest.raises(ContributionError, match="no sheet “Data”"):
        read_text("A\nb\n", mapping=mapping)


def test_the_mappings_of_the_samples_are_sound() -> None:
    assert len([parse_mapping(path.read_bytes(), path.name) for path in sorted(MAPPINGS.glob("*.yaml"))]) >= 12
