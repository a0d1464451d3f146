"""Templates are made from shapes, vocabularies and published things, and help those who fill them in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from circkg_loaders.contributed.cells import CellReader, Context
from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.columns import Column, columns_of
from circkg_loaders.contributed.headers import FormNames
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.reading import ContributionError, Options, read_bytes
from circkg_loaders.contributed.style import Style
from circkg_loaders.contributed.templates.files import Templates
from circkg_loaders.contributed.templates.template import TemplateError, template
from circkg_loaders.contributed.templates.words import words
from circkg_loaders.contributed.templates.workbook import FIRST, HEADER
from circkg_loaders.load import load
from circkg_loaders.nuts import Nuts
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_shapes.forms import Kind, in_language
from circkg_shapes.terms import iri, literal

ROOT = Path(__file__).resolve().parents[2]
FORMS = {form.key: form for form in our_forms()}
KINDS = pytest.mark.parametrize("kind", FORMS)
EVERY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def templates(known: Known) -> Templates:
    return Templates(known)


@cache
def workbook_of(templates: Templates, kind: str, language: str) -> bytes:
    return templates.file(f"{kind}.xlsx", language)


@cache
def opened(templates: Templates, kind: str, language: str) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook_of(templates, kind, language)))


def reached(column: Column) -> tuple[str, object, str]:
    """Return what the reader should take a column for."""
    return ("key", None, "") if column.field is None else ("field", column.field, column.language)


@EVERY_LANGUAGE
@KINDS
def test_every_header_is_read_as_its_column(kind: str, language: str) -> None:
    names = FormNames(FORMS[kind])
    for column in columns_of(FORMS[kind], (language, "en", "el")):
        for header in (column.header(language), column.title(language), column.name):
            heading = names.heading(header)
            assert heading is not None, header
            assert (heading.role, heading.field, heading.language) == reached(column), header


@KINDS
def test_the_columns_are_the_fields_of_the_form_in_their_order(kind: str) -> None:
    columns = template(kind, "fi", ("fi", "sv")).columns
    fields = list(dict.fromkeys(column.field.key for column in columns if column.field))
    assert fields == [field.key for field in FORMS[kind].fields]
    texts = [column.language for column in columns if column.field and column.field.kind is Kind.TEXT]
    assert set(texts) <= {"fi", "sv", ""}
    untold = [
        column.field for column in columns if column.field and column.field.kind is Kind.TEXT and not column.language
    ]
    assert all(field.plain for field in untold)


def test_what_belongs_to_a_thing_names_it_in_a_column_of_its_own() -> None:
    amount = {field.key: field for field in FORMS["amount"].fields}
    assert amount["subject"].inverse
    assert amount["subject"].required
    assert iri(expand("circ:Initiative")) in amount["subject"].classes
    assert FORMS["amount"].field(amount["subject"].path) is None, "an amount has no amount"
    assert template("participation").columns[0].name == "role", "it is made up of its parts"


@EVERY_LANGUAGE
def test_words_are_whole_in_every_language(language: str) -> None:
    english, said = words("en"), words(language)
    assert list(said) == list(english)
    for name, text in english.items():
        assert re.findall(r"\{\w+\}", said[name]) == re.findall(r"\{\w+\}", text), name
        assert said[name].strip()
    titles = [f"({said[name]})" for name in ("about", "example", "lists")]
    assert len(set(titles)) == 3
    assert all(len(title) <= 31 for title in titles)
    assert max(len(said[name]) for name in ("not_listed", "no_number", "several")) <= 255, "spreadsheets cut them"
    assert max(len(said[name]) for name in ("not_listed_title", "no_number_title")) <= 32
    assert {f"kinds.{kind.value}" for kind in Kind} - {"kinds.text"} <= set(said)


@KINDS
def test_a_workbook_helps_with_each_column(templates: Templates, kind: str) -> None:
    asked = template(kind, "de")
    book = opened(templates, kind, "de")
    page = book.worksheets[0]
    assert page.title == in_language(FORMS[kind].names, "de")
    assert [sheet.title for sheet in book.worksheets[1:]] == ["(Beispiel)", "(Anleitung)", "(Listen)"]
    for number, column in enumerate(asked.columns, start=1):
        header = page.cell(HEADER, number)
        assert header.value == asked.header(column)
        assert str(header.value).endswith(" *") is column.required
        assert header.comment is not None
        assert asked.help(column).meaning in header.comment.text
        assert asked.help(column).rule in header.comment.text
        assert asked.help(column).meaning in str(page.cell(HEADER - 1, number).value)
        numeric = column.field is not None and column.field.kind in (Kind.NUMBER, Kind.WHOLE_NUMBER)
        letter = openpyxl.utils.get_column_letter(number)
        assert page.column_dimensions[letter].number_format == ("General" if numeric else "@")
    assert page.max_row == HEADER, "nothing stands where one fills in"
    about = {str(cell.value) for row in book["(Anleitung)"].iter_rows() for cell in row}
    assert {asked.header(column) for column in asked.columns} <= about
    assert {column.name for column in asked.columns} <= about
    ruled = {str(cells.sqref).partition(":")[0] for cells in page.conditional_formatting}
    needed = {f"{page.cell(HEADER, n).column_letter}{FIRST}" for n, c in enumerate(asked.columns, 1) if c.required}
    assert ruled == needed


OFFERED = (("practice", "fi"), ("participation", "pl"), ("amount", "fr"), ("source", "pt"), ("territory", "es"))
LISTED = (Kind.CONCEPT, Kind.COUNTRY, Kind.CURRENCY, Kind.LANGUAGE, Kind.REGION)


def offered(book: Workbook, columns: tuple[Column, ...]) -> dict[Column, list[str]]:
    """Return what the cells of each column may be chosen from, as a spreadsheet program finds it."""
    found: dict[Column, list[str]] = {}
    for check in book.worksheets[0].data_validations.dataValidation:
        if check.type == "list":
            sheet, _, cells = check.formula1.rpartition("!")
            (first, *_) = check.sqref.ranges
            listed = book[sheet.strip("'")][cells.replace("$", "")]
            found[columns[first.min_col - 1]] = [str(cell.value) for (cell,) in listed]
    return found


@pytest.mark.parametrize(("kind", "language"), OFFERED)
def test_what_a_list_offers_is_read_as_one_thing_of_the_field(
    templates: Templates, known: Known, kind: str, language: str
) -> None:
    columns = template(kind, language).columns
    reader = CellReader(known)
    lists = offered(opened(templates, kind, language), columns)
    for column, texts in lists.items():
        assert column.field is not None
        meant = {reader.term(text, column.field, Context()) for text in texts}
        assert len(meant) == len(texts) > 1, column.name
    assert {column for column in columns if column.field and column.field.kind in LISTED} <= set(lists)


def test_lists_are_in_the_language_and_hold_what_is_published(templates: Templates) -> None:
    columns = template("practice", "fi").columns
    lists = {column.name: texts for column, texts in offered(opened(templates, "practice", "fi"), columns).items()}
    assert "Suomi" in lists["country"]
    assert "kiertotalous" in lists["themes"]
    assert "FI1C6 – Päijät-Häme" in lists["region_2024"]
    assert "Lahti" in lists["place"]
    assert "Citizen Involvement in Circular Economy Implementation" in lists["initiatives"]
    assert "source" not in lists, "a source is given by its address"


def test_a_list_stands_below_its_broader_concept(templates: Templates) -> None:
    page = opened(templates, "barrier", "en")["(Lists)"]
    cells = [page.cell(row, 1) for row in range(3, 71)]
    assert {cell.alignment.horizontal for cell in cells} == {"left"}, "only then is anything indented"
    depth = {str(cell.value): cell.alignment.indent for cell in cells}
    assert depth["Financial barriers"] == 0
    names = list(depth)
    assert depth[names[names.index("Financial barriers") + 1]] == 2
    assert page.cell(names.index("Data barriers") + 3, 2).value == (
        "Missing, scattered or incomparable data, indicators and measurements."
    )


@KINDS
def test_the_example_is_published(templates: Templates, known: Known, kind: str) -> None:
    content = workbook_of(templates, kind, "de")
    found = read_bytes(content, "a.xlsx", Options(form=kind, style=Style(sheet="(Beispiel)"), known=known))
    published = set(load().of_role(Role.STATED, Role.PROVENANCE))
    assert found.triples
    assert set(found.triples) <= published


def test_the_reader_passes_over_help_example_and_lists(templates: Templates, known: Known) -> None:
    book = openpyxl.load_workbook(io.BytesIO(templates.file("topic.xlsx", "es")))
    page = book.worksheets[0]
    page.cell(FIRST, 2).value = "Reutilización"
    notes = book.create_sheet("(Notas)")
    notes.append(["id", "Título (es)", "Fuente"])
    notes.append(["a", "b", "c"])
    file = io.BytesIO()
    book.save(file)
    for form in (None, "topic"):
        found = read_bytes(file.getvalue(), "a.xlsx", Options(form=form, known=known))
        assert [(sheet.sheet, sheet.form, sheet.loaded) for sheet in found.sheets] == [(page.title, "topic", 1)]
        assert found.faults == []


def test_an_empty_template_is_said_to_be_empty(templates: Templates, known: Known) -> None:
    for name in ("practice.xlsx", "practice.csv"):
        with pytest.raises(ContributionError, match="nothing is filled in below the header"):
            read_bytes(templates.file(name, "it"), name, Options(known=known))


def test_nothing_published_becomes_a_formula() -> None:
    bad = [
        ("<https://w3id.org/circkg/id/initiative/evil>", iri(expand("rdf:type")), iri(expand("circ:Initiative"))),
        ("<https://w3id.org/circkg/id/initiative/evil>", iri(expand("dct:title")), literal("=1+1", lang="en")),
    ]
    known = Known.of(bad, Nuts.load(ROOT / "data" / "nuts"), {})
    book = openpyxl.load_workbook(io.BytesIO(Templates(known).file("topic.xlsx")))
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert [cell.value for cell in cells if cell.value == "=1+1"] == ["=1+1"]
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_the_same_template_has_the_same_bytes_in_another_process(templates: Templates) -> None:
    names = ("practice.xlsx", "amount.xlsx", "practice.csv", "practice.csv-metadata.json")
    program = (
        "import sys, hashlib; sys.path[:0] = ['shapes', 'loaders'];"
        "from circkg_loaders.contributed.templates.files import Templates;"
        f"print(*(hashlib.sha256(Templates().file(name, 'fi')).hexdigest() for name in {names}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [hashlib.sha256(templates.file(name, "fi")).hexdigest() for name in names]


@pytest.mark.parametrize(
    ("name", "language", "languages", "rows", "told"),
    [
        ("practise.xlsx", "en", (), 10, "Is practice meant"),
        ("practice.ods", "en", (), 10, "save it as .ods"),
        ("practice", "en", (), 10, "must end in one of .xlsx"),
        ("practice.xlsx", "sv", (), 10, "The languages: en, pt, fi"),
        ("practice.xlsx", "en", ("klingon",), 10, "is no language"),
        ("practice.xlsx", "en", (), 0, "1 to 100,000 rows"),
        ("../practice.xlsx", "en", (), 10, "no template"),
    ],
)
def test_what_cannot_be_had_is_told_with_what_can(
    templates: Templates, name: str, language: str, languages: tuple[str, ...], rows: int, told: str
) -> None:
    with pytest.raises(TemplateError, match=re.escape(told)):
        templates.file(name, language, languages, rows)


# -- CSV on the Web ---------------------------------------------------------------------------------------------

DATATYPES = {"string", "decimal", "integer", "anyURI"}


def titles_of(column: dict[str, Any]) -> list[str]:
    """Return the titles of a column in all languages."""
    titles = column["titles"]
    each = [titles] if not isinstance(titles, dict) else titles.values()
    return [text for texts in each for text in (texts if isinstance(texts, list) else [texts])]


def assert_column(column: dict[str, Any], names: list[str]) -> None:
    datatype = column["datatype"]
    parts = {"base": datatype} if isinstance(datatype, str) else datatype
    assert parts["base"] in DATATYPES
    assert set(parts) <= {"base", "format", "minimum", "minLength", "maxLength"}
    if "format" in parts:
        re.compile(parts["format"])
    assert ("propertyUrl" in column) is not column.get("suppressOutput", False)
    if "propertyUrl" in column:
        assert re.match("https?://", column["propertyUrl"])
    if "valueUrl" in column:
        assert "separator" not in column, "a list has no one value"
        assert set(re.findall(r"\{\+?(\w+)\}", column["valueUrl"])) == {column["name"]} <= set(names)


@KINDS
def test_metadata_are_as_the_vocabulary_wants_them(templates: Templates, kind: str) -> None:
    """Check what the Metadata Vocabulary for Tabular Data (sections 5.3 to 5.6) says of a table, schema and column."""
    said = json.loads(templates.file(f"{kind}.csv-metadata.json", "pl", ("pl", "uk")))
    header = templates.file(f"{kind}.csv", "pl", ("pl", "uk")).decode("utf-8-sig").strip().split(",")
    assert said["@context"] == "http://www.w3.org/ns/csvw"
    assert said["url"] == f"{kind}.csv"
    schema = said["tableSchema"]
    columns = schema["columns"]
    real = [column for column in columns if not column.get("virtual")]
    assert columns[: len(real)] == real, "virtual columns come last (section 5.6)"
    names = [column["name"] for column in real]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.]*", name) for name in names)
    assert len(header) == len(real)
    for text, column in zip(header, real, strict=True):
        assert text in titles_of(column)
        assert_column(column, names)
    key = schema["primaryKey"]
    keys = key if isinstance(key, list) else [key]
    assert set(keys) <= set(names)
    assert all(column.get("required") for column in real if column["name"] in keys)
    assert set(re.findall(r"\{\+?(\w+)\}", schema["aboutUrl"])) == set(keys)
    (type_,) = columns[len(real) :]
    assert type_["valueUrl"] == FORMS[kind].target.strip("<>")
