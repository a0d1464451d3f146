"""A copy of the contributor's table with the faulty cells coloured and commented, and a sheet that lists the faults.

A workbook is copied with its content and formats; charts, pictures and macros are not kept. Other tables become a
workbook with the same cells as text. Nothing that is added can be taken for a formula.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.sheets import Sheet, shown
from circkg_server.contributions import wording
from circkg_server.contributions.grouping import value_of
from circkg_server.contributions.judging import Judgement
from circkg_server.contributions.reports import accounts
from circkg_server.contributions.reports.data import PAGES

MAX_COMMENTS: Final = 2_000
"""Cells that carry a comment: spreadsheets become slow with more. All faulty cells are coloured and listed."""

MAX_COMMENT: Final = 1_000
"""Characters of a comment."""

MAX_LISTED: Final = 20_000
"""Faults that the added sheet lists."""

LIST: Final = "CircKG"
"""Name of the added sheet."""

_LONGEST_CELL: Final = 32_767  # what a cell of the format can hold
_FILLS: Final = {
    Severity.VIOLATION: PatternFill("solid", start_color="FFC7CE"),
    Severity.WARNING: PatternFill("solid", start_color="FFEB9C"),
    Severity.INFO: PatternFill("solid", start_color="DDEBF7"),
}
_WIDTHS: Final = (12, 28, 30, 50, 50, 50, 40, 24)
_LINE: Final = 14  # points
_MOST_LINES: Final = 8
_WRAPPED: Final = Alignment(wrap_text=True, vertical="top")
_LINK: Final = Font(color="0563C1", underline="single")


def as_workbook(judgement: Judgement, contribution: Contribution, content: bytes, sheets: Sequence[Sheet]) -> bytes:
    """Return a copy of a contributed table that shows its faults.

    :param contribution: the one of the judged files that is copied.
    :param content: its bytes.
    :param sheets: its cells, for what is no workbook of this format.
    """
    of_file = (fault for fault in judgement.faults if _of_file(fault, contribution.file))
    faults = sorted(of_file, key=lambda fault: -fault.severity)  # the gravest first, then by place
    kept = _copied(content) if contribution.syntax == "xlsx" else None
    book = kept or _as_text(sheets)
    notes = [] if kept or contribution.syntax != "xlsx" else [wording.words(judgement.language)["formats_lost"]]
    pages = list(book.worksheets)
    marked = _mark(pages, faults, contribution.file, judgement.language)
    if marked > MAX_COMMENTS:
        notes.append(wording.words(judgement.language)["comments_bounded"].format(count=MAX_COMMENTS))
    _list(book, pages, faults, judgement, contribution, notes)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _of_file(fault: Fault, file: str) -> bool:
    return any(place.file == file for place in (fault.place, *fault.also))


def _copied(content: bytes) -> Workbook | None:
    """Return the workbook with its formats; ``None`` if it is not written as the library expects."""
    try:
        return load_workbook(io.BytesIO(content), rich_text=True)
    except Exception:  # the library raises many kinds, and the cells themselves have been read already
        return None


def _as_text(sheets: Sequence[Sheet]) -> Workbook:
    """Return a workbook with the cells of sheets as text."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        page = book.create_sheet(_title(book, sheet.name or "1"))
        for row, cells in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(cells, start=1):
                if text := shown(cell):
                    _write(page, row, column, text)
    return book


def _title(book: Workbook, name: str) -> str:
    """Return a name that a sheet may have and none has yet."""
    base = "".join("-" if sign in r"\/?*[]:" else sign for sign in name)[:27] or "1"
    taken = {title.casefold() for title in book.sheetnames}
    numbered = (base if number == 1 else f"{base} ({number})" for number in range(1, len(taken) + 2))
    return next(title for title in numbered if title.casefold() not in taken)


def _write(page: Worksheet, row: int, column: int, text: str) -> Cell:
    """Write a text that no spreadsheet takes for a formula, even after it was edited."""
    cell = page.cell(row, column)
    assert isinstance(cell, Cell)
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)[:_LONGEST_CELL]
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


# Marks


def _mark(pages: Sequence[Worksheet], faults: Sequence[Fault], file: str, language: str) -> int:
    """Colour the faulty cells, comment on the first of them, and return how many there are."""
    by_cell: defaultdict[tuple[Worksheet, int, int], list[Fault]] = defaultdict(list)
    for fault in faults:
        for place in dict.fromkeys((fault.place, *fault.also)):
            # A wish for a column that the file does not have would mark every row.
            is_marked = place.file == file and (place.cell or fault.severity is Severity.VIOLATION)
            if is_marked and (target := _target(pages, place)):
                by_cell[target].append(fault)
    for number, ((page, row, column), of_cell) in enumerate(by_cell.items()):
        cell = page.cell(row, column)
        cell.fill = _FILLS[max(fault.severity for fault in of_cell)]
        if number < MAX_COMMENTS:
            before = f"{cell.comment.text}\n\n" if cell.comment else ""
            cell.comment = _comment(before + _remarks(of_cell, language))
    return len(by_cell)


def _target(pages: Sequence[Worksheet], place: Place) -> tuple[Worksheet, int, int] | None:
    """Return sheet, row and column of the cell that stands for a place; the first cell where only the row is known."""
    page = _page(pages, place)
    if page is None or not (place.row or place.column):
        return None
    row, column = place.row or 1, place.column or 1
    if isinstance(page.cell(row, column), MergedCell):
        merged = next(each for each in page.merged_cells.ranges if (row, column) in set(each.cells))
        row, column = merged.min_row, merged.min_col
    return page, row, column


def _page(pages: Sequence[Worksheet], place: Place) -> Worksheet | None:
    if place.sheet is None:
        return pages[0] if pages else None
    return next((page for page in pages if page.title == place.sheet), None)


def _remarks(faults: Iterable[Fault], language: str) -> str:
    return "\n\n".join(dict.fromkeys(_remark(fault, language) for fault in faults))


def _remark(fault: Fault, language: str) -> str:
    parts = [
        wording.labelled(wording.severity(fault.severity, language), wording.message(fault, language), language),
        wording.expected(fault, language) or wording.way_out(fault, language),
        *(f"→ {wording.written(found, language)}" for found in fault.suggestions),
    ]
    return "\n".join(parts)


def _comment(text: str) -> Comment:
    clean = ILLEGAL_CHARACTERS_RE.sub("", text)
    if len(clean) > MAX_COMMENT:
        clean = f"{clean[: MAX_COMMENT - 2]} …"
    lines = sum(1 + len(line) // 45 for line in clean.splitlines())
    return Comment(clean, LIST, width=360, height=min(60 + 18 * lines, 500))


# The list


def _list(
    book: Workbook, pages: Sequence[Worksheet], faults: Sequence[Fault], judgement: Judgement,
    contribution: Contribution, notes: Iterable[str],
) -> None:  # fmt: skip
    """Add a first sheet that lists the faults, with links to their cells."""
    language = judgement.language
    page = book.create_sheet(_title(book, LIST), 0)
    for each in book.worksheets:
        each.sheet_view.tabSelected = each is page
    book.active = page
    if len(faults) > MAX_LISTED:
        shown_of = wording.words(language)["listed"].format(shown=MAX_LISTED, total=len(faults))
        notes = [*notes, shown_of]
    row = 0
    for row, line in enumerate(_head(judgement, contribution, notes), start=1):
        _write(page, row, 1, line).font = Font(bold=row == 1, size=14 if row == 1 else None)
    header = row + 2
    said = wording.words(language)
    labels = ("severity", "place", "value", "message", "expected", "way_out", "suggestion", "code")
    for column, name in enumerate(labels, start=1):
        _write(page, header, column, said[name]).font = Font(bold=True)
        page.column_dimensions[get_column_letter(column)].width = _WIDTHS[column - 1]
    for row, fault in enumerate(faults[:MAX_LISTED], start=header + 1):
        _list_fault(pages, page, row, fault, language)
    page.freeze_panes = page.cell(header + 1, 1)
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.auto_filter.ref = (
        f"A{header}:{get_column_letter(len(labels))}{max(header + len(faults[:MAX_LISTED]), header + 1)}"
    )


def _head(judgement: Judgement, contribution: Contribution, notes: Iterable[str]) -> Iterator[str]:
    language = judgement.language
    yield accounts.outcome(judgement)
    yield accounts.totals(judgement)
    yield from filter(None, (accounts.rows(contribution, language), accounts.style(contribution, language)))
    yield from notes
    yield " · ".join(wording.labelled(*pair, language) for pair in accounts.used(judgement))


def _list_fault(pages: Sequence[Worksheet], page: Worksheet, row: int, fault: Fault, language: str) -> None:
    texts: Mapping[int, str] = dict(
        enumerate(
            (
                wording.severity(fault.severity, language),
                wording.place(fault.place, language, with_file=False),
                value_of(fault),
                wording.message(fault, language),
                wording.expected(fault, language),
                wording.way_out(fault, language),
                "\n".join(wording.written(found, language) for found in fault.suggestions),
                fault.code,
            ),
            start=1,
        )
    )
    for column, text in texts.items():
        _write(page, row, column, text).alignment = _WRAPPED
    lines = (sum(1 + len(line) // (_WIDTHS[c - 1] - 6) for line in text.splitlines()) for c, text in texts.items())
    page.row_dimensions[row].height = _LINE * min(max(lines), _MOST_LINES)
    page.cell(row, 1).fill = _FILLS[fault.severity]
    target = _target(pages, fault.place)
    if target:
        marked, at_row, at_column = target
        quoted = marked.title.replace("'", "''")
        place = page.cell(row, 2)
        place.hyperlink = Hyperlink(ref=place.coordinate, location=f"'{quoted}'!{get_column_letter(at_column)}{at_row}")
        place.font = _LINK
    code = page.cell(row, 8)
    code.hyperlink = PAGES + fault.code
    code.font = _LINK
