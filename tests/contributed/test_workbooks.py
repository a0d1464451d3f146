"""XLSX and ODS: what spreadsheets hold beside texts, and sheets that are not as they say."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from tests.contributed.conftest import codes, ods, with_parts, workbook

from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import Contribution, ContributionError, Options, Style, read_bytes
from circkg_loaders.contributed.sheets import shown
from circkg_loaders.contributed.workbooks import read_workbook
from circkg_shapes.terms import literal_parts

ROWS = [["Title", "Country", "Start", "End"], ["Toy library", "FI", datetime.date(2022, 5, 13), 2023]]
ODS_ROWS = """<table:table table:name="Practices">
<table:table-row><table:table-cell office:value-type="string"><text:p>Title</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Country</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Start</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>End</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="16380"/></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>Toy library</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>FI</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2022-05-13"><text:p>13.5.</text:p></table:table-cell>
<table:table-cell office:value-type="float" office:value="2023"><text:p>2023</text:p></table:table-cell>
</table:table-row>
<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>
</table:table-row></table:table>"""


def read(content: bytes, known: Known, name: str = "a.xlsx", **options: Any) -> Contribution:
    return read_bytes(content, name, Options(**{"language": "en", "known": known, **options}))


def dates(contribution: Contribution) -> list[str]:
    return sorted(literal_parts(value)[0] for _, predicate, value in contribution.triples if "Date" in predicate)


@pytest.mark.parametrize(("name", "content"), [("a.xlsx", workbook({"Practices": ROWS})), ("a.ods", ods(ODS_ROWS))])
def test_dates_and_years_of_workbooks_have_no_order_to_find(name: str, content: bytes, known: Known) -> None:
    found = read(content, known, name)
    assert dates(found) == ["2022-05-13", "2023"]
    assert codes(found) == []
    assert [(s.sheet, s.form, s.rows_in, s.loaded) for s in found.sheets] == [("Practices", "practice", 1, 1)]


def test_a_sheet_that_says_a_wrong_size_is_read_whole() -> None:
    for size in (b"A1", b"A1:XFD1048576"):
        content = with_parts(
            workbook({"Practices": ROWS}),
            lambda _, part, size=size: part.replace(b'ref="A1:D2"', b'ref="' + size + b'"'),  # type: ignore[misc]
        )
        assert size in with_parts_of(content)
        (sheet,) = read_workbook(content, "a.xlsx", Style()).sheets
        assert [len(row) for row in sheet.rows] == [4, 4]


def with_parts_of(content: bytes) -> bytes:
    seen: list[bytes] = []
    with_parts(content, lambda _, part: seen.append(part) or part)  # type: ignore[func-returns-value]
    return b"".join(seen)


def test_each_sheet_has_its_own_form_and_rows_may_name_rows_of_other_sheets(known: Known) -> None:
    content = workbook(
        {
            "Read me": [["How to fill this in"], ["Ask us."]],
            "Organisations": [["id", "Name", "Country"], ["toy-friends", "Friends of Toys", "FI"]],
            "Practices": [["Title", "Practised by"], ["Toy library", "friends of toys"]],
        }
    )
    found = read(content, known)
    assert {s.sheet: s.form for s in found.sheets} == {"Organisations": "organisation", "Practices": "practice"}
    assert [fault.place.sheet for fault in found.faults if fault.code == "sheet-not-read"] == ["Read me"]
    assert any(value.endswith("/organisation/toy-friends>") and "practisedBy" in p for _, p, value in found.triples)


def test_hidden_sheets_are_left_out_unless_they_are_asked_for(known: Known) -> None:
    def hide(book: Any) -> None:
        book["Old practices"].sheet_state = "hidden"

    content = workbook({"Practices": ROWS, "Old practices": [["Title"], ["Old"]]}, hide)
    assert [sheet.sheet for sheet in read(content, known).sheets] == ["Practices"]
    asked = read(content, known, form="practice", style=Style(sheet="old practices"))
    assert [sheet.sheet for sheet in asked.sheets] == ["Old practices"]
    with pytest.raises(ContributionError, match="Its sheets are “Practices”, “Old practices”"):
        read(content, known, style=Style(sheet="Nowhere"))


def test_titles_merged_cells_and_two_header_rows_come_before_the_data(known: Known) -> None:
    def merge(book: Any) -> None:
        book["Liste"].merge_cells("A1:D1")
        book["Liste"].merge_cells("C4:D4")

    rows = [
        ["List of practices 2024"], [], ["Stand: 1.1.2024"],
        ["Titel", "Land", "Dauer"], ["Title", "Country", "Start", "End"], ["Toy library", "FI", 2022, 2023],
    ]  # fmt: skip
    found = read(workbook({"Liste": rows}, merge), known, form="practice")
    assert found.sheets[0].header_rows in ((4, 5), (5,))
    assert dates(found) == ["2022", "2023"]
    declared = read(workbook({"Liste": rows}, merge), known, form="practice", style=Style(header_rows=(4, 5)))
    assert [column.header for column in declared.sheets[0].columns] == [
        "Titel / Title", "Land / Country", "Dauer / Start", "Dauer / End",
    ]  # fmt: skip


def test_values_of_formulas_are_taken_and_those_without_are_told(known: Known) -> None:
    rows = [["Title", "Country", "Start", "End"], ["Toy library", "#REF!", '="20"&"22"', 2023]]
    found = read(workbook({"Practices": rows}), known)
    assert [(fault.code, fault.place.cell) for fault in found.faults] == [
        ("formula-without-value", "C2"), ("formula-error", "B2"),
    ]  # fmt: skip

    def calculated(_: str, part: bytes) -> bytes:
        return (
            part.replace(b"<v></v>", b"<v>2022</v>").replace(b"<v />", b"<v>2022</v>").replace(b"<v/>", b"<v>2022</v>")
        )

    content = with_parts(workbook({"Practices": rows}), calculated)
    assert dates(read(content, known)) == ["2022", "2023"]


def test_cells_are_shown_as_a_person_would_write_them(known: Known) -> None:
    rows = [["Title", "Country", "Start"], [12.5, True, datetime.datetime(2022, 5, 13, 10, 30)], ["x", 1e20, 44694]]
    found = read(workbook({"Practices": rows}), known)
    faults = {fault.place.cell: (fault.code, fault.place.raw) for fault in found.faults}
    assert faults["B2"] == ("country-unknown", "true")
    assert faults["C3"] == ("value-not-a-date", "44694")
    assert ("2022-05-13") in dates(found)
    assert shown(read_workbook(workbook({"a": rows}), "a.xlsx", Style()).sheets[0].cell(2, 1)) == "12.5"


def test_numbers_of_a_workbook_have_no_decimal_mark_to_find(known: Known) -> None:
    rows = [["Title", "Total budget in euros"], ["A", 1234.5], ["B", "1.234"], ["C", "1,5"]]
    found = read(workbook({"Initiatives": rows}), known, form="initiative")
    budgets = {literal_parts(v)[0] for _, p, v in found.triples if p.endswith("totalBudgetEur>")}
    assert budgets == {"1234.5", "1234", "1.5"}
    assert codes(found) == []


def test_a_comment_in_a_cell_is_no_part_of_it(known: Known) -> None:
    rows = ODS_ROWS.replace(
        "<text:p>Toy library</text:p>",
        "<office:annotation><text:p>check!</text:p></office:annotation><text:p>Toy</text:p>",
    )
    found = read(ods(rows), known, "a.ods")
    assert '"Toy"@en' in {value for _, _, value in found.triples}
