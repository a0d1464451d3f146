"""Which column says what: by keys, labels, properties and languages; and what is said of columns that say nothing."""

from __future__ import annotations

import pytest
from tests.contributed.conftest import Reading, codes, workbook

from circkg_loaders.contributed.headers import FormNames, Heading
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.limits import MAX_PLACES
from circkg_loaders.contributed.mapping_files import parse_mapping
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.reading import Options, Style, read_bytes


@pytest.fixture(scope="module")
def practice() -> FormNames:
    return FormNames(next(form for form in our_forms() if form.key == "practice"))


@pytest.mark.parametrize(
    ("header", "field", "language"),
    [
        ("start_date", "start_date", ""),
        ("START DATE", "start_date", ""),
        ("Start", "start_date", ""),
        ("  Start *", "start_date", ""),
        ("Identified by:", "initiatives", ""),
        ("dct:title", "title", ""),
        ("<http://purl.org/dc/terms/title>", "title", ""),
        ("https://schema.org/startDate", "start_date", ""),
        ("startDate", "start_date", ""),
        ("Title (fi)", "title", "fi"),
        ("Title [fi]", "title", "fi"),
        ("title@fi", "title", "fi"),
        ("title_fi", "title", "fi"),
        ("Title (Finnish)", "title", "fi"),
        ("Title (suomi)", "title", "fi"),
        ("Title (required)", "title", ""),
        ("Place (NUTS)", "place", ""),
        ("Description\nof the practice / Description", "description", ""),
        ("Titulek / Title", "title", ""),
        ("Theme 2", "themes", ""),
        ("Initiative", "initiatives", ""),
        ("Themes 2", "themes", ""),
        ("properties.title", "title", ""),
        ("Start (fi)", "start_date", ""),
        ("Website", None, ""),
        ("", None, ""),
    ],
)
def test_a_column_is_found_by_any_of_its_names(
    practice: FormNames, header: str, field: str | None, language: str
) -> None:
    heading = practice.heading(header)
    found = (heading.field.key, heading.language) if heading and heading.field else (None, "")
    assert found == (field, language)


def test_every_label_of_every_form_in_every_language_is_found() -> None:
    lost = []
    for form in our_forms():
        names = FormNames(form)
        for field in form.fields:
            for language, label in field.names:
                heading = names.heading(label)
                if heading is None or heading.field is not field:
                    lost.append((form.key, field.key, language, label))
    assert lost == []


@pytest.mark.parametrize("header", ["id", "ID", "IRI", "Practice id", "slug"])
def test_the_column_of_keys_is_found(practice: FormNames, header: str) -> None:
    assert practice.heading(header) == Heading("key")


@pytest.mark.parametrize(
    ("header", "meant"), [("Contry", "Country"), ("Descripton", "Description"), ("Startt", "Start")]
)
def test_a_misspelt_header_is_told_once_with_what_is_meant(header: str, meant: str, read_text: Reading) -> None:
    found = read_text(f"Title,{header}\nToy library,x\nRepair café,y\n")
    (fault,) = found.faults
    assert (fault.code, fault.place.cell, fault.place.raw) == ("header-unknown", "B1", header)
    assert meant in [suggestion.text for suggestion in fault.suggestions]


def test_the_header_is_found_below_titles_and_may_be_declared(read_text: Reading) -> None:
    text = "List of practices\n\nas of 2024\nTitle,Country\nToy library,FI\n"
    assert read_text(text).sheets[0].header_rows == (4,)
    assert read_text(text, style=Style(header_rows=(4,))).rows["loaded"] == 1
    wrong = read_text(text, style=Style(header_rows=(3,)))
    assert "header-missing" in codes(wrong)


def test_without_a_header_no_row_is_told_to_have_no_name(read_text: Reading) -> None:
    found = read_text("Tytuł projektu;Beneficjent\nA;B\nC;D\n")
    assert codes(found) == ["header-missing"]
    assert (found.rows["in"], found.rows["rejected"]) == (2, 2)


def test_a_header_that_names_no_column_is_told_the_columns_and_what_is_nearly_one(read_text: Reading) -> None:
    missing, near = read_text("Titel der Praktik;Lland\nA;B\n").faults
    told = dict(missing.messages)
    assert (missing.code, len(told)) == ("header-missing", 8)
    assert told["fi"].startswith("practice: Nimi, Esiin nostanut aloite, Lähde, ")
    assert (near.code, near.place.cell, near.suggestions[0].text) == ("header-unknown", "B1", "Land")


def test_a_file_whose_form_cannot_be_told_is_a_fault_with_the_forms(read_text: Reading) -> None:
    found = read_text("A,B\n1,2\n", "list.csv", form=None)
    assert codes(found) == ["form-unknown"]
    assert "practice" in found.faults[0].values["forms"]
    assert found.triples == []


def test_a_file_whose_form_cannot_be_told_is_told_the_columns_that_would_tell_it(read_text: Reading) -> None:
    found = read_text("Tytuł;Źródło;Miejsc\nA;B;C\n", "lista.csv", form=None)
    unknown, near = found.faults
    forms = unknown.values["forms"].split(", ")
    columns = {language: dict(each.split(": ") for each in text.split("; ")) for language, text in unknown.messages}
    assert len(columns) == 8
    assert list(columns["pl"]) == list(columns["fi"]) == forms
    assert columns["pl"]["practice"] == "Wskazana przez, Inne nazwy"
    assert columns["en"]["practice"] == "Identified by, Other names"
    assert (near.code, near.place.cell, near.suggestions[0].text) == ("header-unknown", "C1", "Miejsce")
    assert "practice" in near.values["form"].split(" / ")


def test_few_forms_are_told_with_more_of_their_columns(read_text: Reading) -> None:
    (unknown,) = read_text("Beneficjent;Wartość;Mood\nA;3;x\n", "lista.csv", form=None).faults
    columns = dict(each.split(": ") for each in dict(unknown.messages)["en"].split("; "))
    assert columns == {
        "amount": "Kind, Subject, Currency, Source",
        "claim": "Rank, Subject, Property, Source",
        "quantity": "Kind, Subject, Source, Date",
    }


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("practices.csv", "Title\nToys\n", "practice"),
        ("Organisation.csv", "Name\nToys\n", "organisation"),
        ("list.csv", "Title,Strategies,Barrier types\nToys,repair,x\n", "practice"),
        ("policies.csv", "Title,CELEX number,Managed by\nToys,,\n", "policy-instrument"),
    ],
)
def test_the_form_is_found_by_the_name_of_the_file_or_its_columns(
    name: str, text: str, form: str, read_text: Reading
) -> None:
    assert [sheet.form for sheet in read_text(text, name, form=None).sheets] == [form]


def test_what_became_of_each_column_is_told(read_text: Reading) -> None:
    found = read_text("id,Title (fi),Start,Mood\na,Lelut,13.5.2022,good\nb,Pelit,,\n")
    (sheet,) = found.sheets
    said = [
        (c.header, c.role, c.field and c.field.key, c.language, c.notation, c.filled, c.values) for c in sheet.columns
    ]
    assert said == [
        ("id", "key", None, "", "", 2, 0),
        ("Title (fi)", "field", "title", "fi", "", 2, 2),
        ("Start", "field", "start_date", "", "day-first", 1, 1),
        ("Mood", "unknown", None, "", "", 0, 0),
    ]
    assert sheet.column("Start") is sheet.columns[2]
    assert (sheet.rows_in, sheet.loaded, sheet.rejected) == (2, 2, 0)


@pytest.mark.parametrize(
    ("header", "cells", "kinds"),
    [
        ("Contact", ["Ada Example", "Grace Sample"], {"name": "2"}),
        ("Ansprechpartner / contact person", ["Ada Example"], {"name": "1"}),
        ("Remark", ["Ask Dr. Ada Example"], {"name": "1"}),
        ("Remark", ["write to ada@example.org", "or grace@example.org"], {"e-mail": "2"}),
        ("Remark", ["+358 40 123 4567"], {"telephone": "1"}),
        ("Telefon", ["040 1234567"], {"telephone": "1"}),
        (
            "Contact",
            ["Dr. Ada Example / ada@example.org / +358 40 123 4567", "Grace Sample <grace@example.org>"],
            {"e-mail": "2", "telephone": "1", "name": "2"},
        ),
        ("Remark", ["Exhibition hall, ada@example.org"], {"e-mail": "1"}),
        ("Remark", ["05/06/2022", "1.234.567,89", "0123 456789", "2014-2020", "4300 0123 4567"], {}),
        ("Beneficiary", ["EXAMPLE Ada", "SAMPLE Grace", "TEST Tom"], {"name": "3"}),
        ("Beneficiary", ["RTDS Group", "City of Porto", "Lahti Energia", "Universität Graz", "AIMPLAS"], {}),
    ],
)
def test_columns_that_look_personal_are_warned_about_with_counts(
    header: str, cells: list[str], kinds: dict[str, str], read_text: Reading
) -> None:
    rows = "".join(f"Practice {n};{cell}\n" for n, cell in enumerate(cells))
    found = [f for f in read_text(f"Title;{header}\n{rows}").faults if f.code == "personal-data"]
    assert {fault.values["kind"]: fault.values["count"] for fault in found} == kinds
    assert all(fault.place.column == 2 and fault.severity.name == "WARNING" for fault in found)


def test_keys_that_are_not_taken_as_they_are_written_are_told_once_a_column(read_text: Reading) -> None:
    found = read_text(
        "id;Title\ntoy-library;Toys\nRepair Café;Repair\nhttps://example.org/list/games;Games\n"
        "circid:practice/dolls;Dolls\nhttps://w3id.org/circkg/id/practice/cars;Cars\n"
    )
    (fault,) = found.faults
    assert (fault.code, fault.severity.name, fault.place.cell) == ("key-changed", "INFO", "A3")
    assert fault.values == {"value": "Repair Café", "written": "repair-cafe", "field": "id", "count": "2"}
    subjects = {subject for subject, _, _ in found.triples}
    assert "<https://w3id.org/circkg/id/practice/repair-cafe>" in subjects
    assert "<https://w3id.org/circkg/id/practice/games>" in subjects


def test_a_key_that_is_kept_as_an_identifier_too_is_no_hint(read_text: Reading) -> None:
    mapping = parse_mapping(b"tables:\n- form: practice\n  columns: {Nr: [id, identifier], Title: title}\n", "m.yaml")
    found = read_text("Nr;Title\nA/17;Toys\n", mapping=mapping)
    assert codes(found) == []


def test_texts_of_a_wrong_encoding_are_told_with_what_they_were(read_text: Reading) -> None:
    found = read_text("Title\nKierrÃ¤tys\nCafé Ärger\n")
    (fault,) = found.faults
    assert (fault.code, fault.values["count"], fault.suggestions[0].text) == ("text-garbled", "1", "Kierrätys")


def test_names_without_facts_are_told(read_text: Reading) -> None:
    rows = "".join(f"Practice {n},N/A,https://example.org/{n}\n" for n in range(20))
    assert codes(read_text(f"Title,Country,Source\n{rows}")) == ["no-facts"]
    assert codes(read_text(f"Title,Country,Source\n{rows.replace('N/A', 'FI')}")) == []


def test_one_key_for_two_things_is_told_at_both_rows(read_text: Reading) -> None:
    found = read_text("id,Title\na,Toys\nb,Games\na,Dolls\nb,Games\n,Cars\n,Cars\n,\n")
    assert [(fault.code, fault.place.cell, [place.cell for place in fault.also]) for fault in found.faults] == [
        ("key-twice", "A4", ["A2"]), ("row-twice", "A5", ["A3"]), ("row-twice", "A7", ["A6"]),
    ]  # fmt: skip
    assert found.rows == {"in": 6, "loaded": 3, "rejected": 3}


def test_one_key_in_two_sheets_is_told(known: Known) -> None:
    content = workbook({"Practices": [["id", "Title"], ["a", "Toys"]], "practice": [["id", "Title"], ["a", "Dolls"]]})
    found = read_bytes(content, "a.xlsx", Options(language="en", known=known))
    (fault,) = found.faults
    assert (fault.code, fault.place.sheet, fault.also[0].sheet) == ("key-twice", "practice", "Practices")


def test_a_source_of_many_rows_has_some_of_its_places(read_text: Reading) -> None:
    rows = "".join(f"Practice {n},https://example.org/list\n" for n in range(MAX_PLACES + 20))
    found = read_text(f"Title,Source\n{rows}")
    (url,) = [triple for triple in found.triples if triple[1].endswith("/url>")]
    assert len(found.origins.of(url)) == MAX_PLACES
