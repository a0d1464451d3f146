"""Template, filled in with what is published, read: the published triples, for every kind, in several languages.

Cells are written into the file that a contributor gets; what is expected comes from the data, not from the writer.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

import openpyxl
import pytest

from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.columns import Column, columns_of
from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.faults import Severity
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.reading import read, read_bytes
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.files import Templates
from circkg_loaders.contributed.templates.workbook import FIRST, HEADER
from circkg_loaders.load import load
from circkg_loaders.registry import Role
from circkg_server.contributions.judging import judge, our_shapes
from circkg_server.contributions.knowledge import Curated, Knowledge
from circkg_shapes.forms import TYPE, Form, Kind
from circkg_shapes.terms import XSD, Term, Triple, iri_text, literal, literal_parts

ROOT = Path(__file__).resolve().parents[2]
FORMS = {form.key: form for form in our_forms()}
THREE = ("en", "fi", "pl")
SOME = 16
"""Things of each kind, evenly spread; the nightly run takes all of them, in all languages."""

MANIFOLD = ("practice", "organisation", "participation", "amount", "claim")
"""Kinds that have every sort of column between them: their workbooks are filled in in each of the three languages."""

WORKBOOKS = [
    (kind, language) for number, kind in enumerate(FORMS)
    for language in (THREE if kind in MANIFOLD else (THREE[number % 3],))
]  # fmt: skip
ORDINARY = [(kind, language) for kind in FORMS for language in THREE]
NIGHTLY = [pytest.param(kind, language, marks=pytest.mark.nightly) for kind in FORMS for language in LANGUAGES]


@cache
def published() -> Mapping[Term, list[tuple[Term, Term]]]:
    """Return what the data of this checkout say, by subject."""
    found: defaultdict[Term, list[tuple[Term, Term]]] = defaultdict(list)
    for subject, predicate, value in load().of_role(Role.STATED, Role.PROVENANCE):
        found[subject].append((predicate, value))
    return found


@cache
def owners() -> Mapping[tuple[Term, Term], list[Term]]:
    """Return which things have a thing as a value, by property and value."""
    found: defaultdict[tuple[Term, Term], list[Term]] = defaultdict(list)
    for subject, said in published().items():
        for predicate, value in said:
            found[predicate, value].append(subject)
    return found


@cache
def things_of(kind: str) -> tuple[Term, ...]:
    return tuple(sorted(set(owners()[TYPE, FORMS[kind].target])))


def some_of(kind: str) -> tuple[Term, ...]:
    things = things_of(kind)
    return things[:: max(1, len(things) // SOME)][:SOME]


def values_of(thing: Term, column: Column) -> list[Term]:
    """Return the values of a thing that a column is for, in order."""
    field = column.field
    assert field is not None
    if field.inverse:
        return sorted(owners()[field.path, thing])
    values = sorted({value for predicate, value in published()[thing] if predicate == field.path})
    if field.kind is not Kind.TEXT:
        return values
    return [value for value in values if (literal_parts(value)[1] or "") == column.language]


def expected(form: Form, things: Iterable[Term]) -> set[Triple]:
    """Return all that is published of things and that the form has a field for."""
    paths = {field.path for field in form.fields if not field.inverse}
    inverse = [field.path for field in form.fields if field.inverse]
    found: set[Triple] = set()
    for thing in things:
        found.add((thing, TYPE, form.target))
        found |= {(thing, predicate, value) for predicate, value in published()[thing] if predicate in paths}
        found |= {(owner, path, thing) for path in inverse for owner in owners()[path, thing]}
    return found


def needed(form: Form, columns: Sequence[Column], things: Iterable[Term]) -> list[Column]:
    """Return columns that a contributor adds, as the help says: for other languages, and for a second text in one."""
    most: Counter[Column] = Counter()
    for thing in things:
        for field in form.fields:
            if field.kind is Kind.TEXT:
                tags = {literal_parts(v)[1] or "" for predicate, v in published()[thing] if predicate == field.path}
                for column in (Column(field, tag) for tag in tags):
                    count = len(values_of(thing, column))
                    most[column] = max(most[column], 1 if column.several and not column.language else count)
    there = Counter((column.field, column.language) for column in columns)
    return [c for c, count in most.items() for _ in range(count - there[c.field, c.language])]


def cells_of(thing: Term, form: Form, columns: Sequence[Column], writer: CellWriter) -> list[str]:
    """Return the cells of the row of a thing."""
    used: Counter[tuple[object, str]] = Counter()
    cells: list[str] = []
    for column in columns:
        if column.field is None:
            own = iri_text(thing).removeprefix(form.space or iri_text(thing))
            cells.append(own if own and "/" not in own else iri_text(thing))
            continue
        texts: list[str] = []
        for value in values_of(thing, column):
            text = writer.text(value, column.field)
            assert text is not None, f"no cell of {column.name} means {value}"
            texts.append(text)
        if column.field.kind is Kind.TEXT and (column.language or not column.field.plain):
            number = used[column.field, column.language]
            used[column.field, column.language] += 1
            texts = texts[number : number + 1]
        cells.append("; ".join(texts))
    return cells


def filled_workbook(
    content: bytes, form: Form, language: str, things: Sequence[Term], writer: CellWriter, *, typed: bool = True
) -> bytes:
    """Return a template with a row for each thing.

    :param typed: numbers are typed as numbers; else they keep their form, such as 122578.50.
    """
    book = openpyxl.load_workbook(io.BytesIO(content))
    page = book.worksheets[0]
    columns = list(columns_of(form, tuple(dict.fromkeys((language, "en")))))
    assert [cell.value for cell in page[HEADER]] == [column.header(language) for column in columns]
    for column in needed(form, columns, things):
        columns.append(column)
        page.cell(HEADER, len(columns)).value = column.title(language)
    for row, thing in enumerate(things, start=FIRST):
        for number, (text, column) in enumerate(zip(cells_of(thing, form, columns, writer), columns, strict=True), 1):
            if typed and text and column.field and column.field.kind in (Kind.NUMBER, Kind.WHOLE_NUMBER):
                page.cell(row, number).value = float(text) if "." in text else int(text)
            elif text:
                page.cell(row, number).value = text
                page.cell(row, number).data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_numbers(triples: Iterable[Triple]) -> set[Triple]:
    """Return triples with decimals by their value: a workbook does not keep 3799120.80."""
    found: set[Triple] = set()
    for subject, predicate, value in triples:
        if value.endswith(f"^^<{XSD}decimal>"):
            plain = f"{Decimal(literal_parts(value)[0]).normalize():f}"
            found.add((subject, predicate, literal(plain, datatype=f"{XSD}decimal")))
        else:
            found.add((subject, predicate, value))
    return found


def assert_sound(found: Contribution, rows: int) -> None:
    assert [fault for fault in found.faults if fault.severity is Severity.VIOLATION] == []
    assert [(sheet.loaded, sheet.rejected) for sheet in found.sheets] == [(rows, 0)]
    assert not [column for column in found.sheets[0].columns if column.role == "unknown"]


@pytest.fixture(scope="module")
def templates(known: Known) -> Templates:
    return Templates(known)


@pytest.fixture(scope="module")
def writers(known: Known) -> Mapping[tuple[str, bool], CellWriter]:
    return {(tag, codes): CellWriter(known, tag, codes=codes) for tag in LANGUAGES for codes in (False, True)}


Writers = Mapping[tuple[str, bool], CellWriter]


def round_trip_workbook(
    templates: Templates, writers: Writers, known: Known, kind: str, language: str, things: Sequence[Term]
) -> None:
    content = templates.file(f"{kind}.xlsx", language)
    filled = filled_workbook(content, FORMS[kind], language, things, writers[language, False])
    found = read_bytes(filled, "contributed.xlsx", Options(known=known))
    assert_sound(found, len(things))
    assert as_numbers(found.triples) == as_numbers(expected(FORMS[kind], things))


@pytest.mark.parametrize(("kind", "language"), WORKBOOKS)
def test_a_workbook_filled_in_is_read_as_it_was_published(
    templates: Templates, writers: Writers, known: Known, kind: str, language: str
) -> None:
    round_trip_workbook(templates, writers, known, kind, language, some_of(kind))


@pytest.mark.parametrize(("kind", "language"), NIGHTLY)
def test_all_things_in_a_workbook_are_read_as_they_were_published(
    templates: Templates, writers: Writers, known: Known, kind: str, language: str
) -> None:
    round_trip_workbook(templates, writers, known, kind, language, things_of(kind))


@pytest.mark.parametrize("with_metadata", [True, False], ids=["metadata", "headers"])
@pytest.mark.parametrize(("kind", "language"), ORDINARY)
def test_a_text_table_filled_in_is_read_as_it_was_published(
    templates: Templates, writers: Writers, known: Known, tmp_path: Path, kind: str, language: str, with_metadata: bool
) -> None:
    form, things, writer = FORMS[kind], some_of(kind), writers[language, with_metadata]
    (header,) = csv.reader(io.StringIO(templates.file(f"{kind}.csv", language).decode("utf-8-sig")))
    columns = list(columns_of(form, tuple(dict.fromkeys((language, "en"))), key_required=True))
    assert header == [column.header(language) for column in columns]
    columns += needed(form, columns, things)
    path = tmp_path / f"{kind}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(header + [column.title(language) for column in columns[len(header) :]])
        rows.writerows(cells_of(thing, form, columns, writer) for thing in things)
    if with_metadata:
        (tmp_path / f"{kind}.csv-metadata.json").write_bytes(templates.file(f"{kind}.csv-metadata.json", language))
    found = read(path, Options(known=known))
    assert_sound(found, len(things))
    assert set(found.triples) == expected(form, things)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Curated()


def test_what_was_filled_in_is_valid(
    templates: Templates, writers: Writers, knowledge: Knowledge, known: Known
) -> None:
    contributions = []
    for kind, form in FORMS.items():
        content = templates.file(f"{kind}.xlsx", "it")
        filled = filled_workbook(content, form, "it", some_of(kind), writers["it", False], typed=False)
        contributions.append(read_bytes(filled, f"{kind}.xlsx", Options(known=known)))
    judgement = judge(contributions, knowledge, our_shapes(), language="it")
    assert [fault for fault in judgement.faults if fault.severity is Severity.VIOLATION] == []
    assert judgement.report.checked >= sum(len(some_of(kind)) for kind in FORMS)


def test_the_commands_make_a_template_and_take_it_filled_in(writers: Writers, tmp_path: Path) -> None:
    def circkg(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = f"import sys; sys.path[:0] = {[str(ROOT / each) for each in ('shapes', 'loaders', 'server')]}"
        command = [sys.executable, "-c", f"{program}; from circkg_server.cli import main; main()", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    made = circkg("template", "amount", "-o", "amount.xlsx", "--lang", "fr")
    assert made.returncode == 0, made.stderr
    path = tmp_path / "amount.xlsx"
    things, writer = some_of("amount"), writers["fr", False]
    path.write_bytes(filled_workbook(path.read_bytes(), FORMS["amount"], "fr", things, writer, typed=False))
    judged = circkg("validate", "amount.xlsx", "--lang", "fr")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    again = circkg("template", "amount", "-o", "amount.xlsx")
    assert again.returncode == 2, "a file that somebody filled in is not replaced"
    assert "--force" in again.stderr
