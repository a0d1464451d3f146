"""Writes a template as a workbook: a sheet to fill in, an example, a help page and the lists that cells choose from.

Sheets whose names stand in brackets are for people only; the reader passes them over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from circkg_loaders.contributed.columns import Column
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.examples import examples
from circkg_loaders.contributed.templates.layout import NUMBERS, WRAPPED, colours, filled, font, height, width
from circkg_loaders.contributed.templates.lists import Lists
from circkg_loaders.contributed.templates.package import packed, write
from circkg_loaders.contributed.templates.pages import write_about, write_lists, write_row
from circkg_loaders.contributed.templates.published import Things
from circkg_loaders.contributed.templates.template import Template
from circkg_loaders.contributed.templates.words import words
from circkg_shapes.forms import Kind

HEADER: Final = 3
"""Row of the headers: above it stand the groups, and what to write in each column."""

FIRST: Final = HEADER + 1
"""First row to fill in."""

_LONGEST_TITLE: Final = 31  # of a sheet
_LONGEST_PROMPT: Final = 255
_LONGEST_PROMPT_TITLE: Final = 32
_WHITE: Final = Side(style="thin", color="FFFFFF")
_NEEDED: Final = DifferentialStyle(fill=PatternFill(bgColor="FFFF99"))


def as_workbook(template: Template, lists: Lists, writer: CellWriter, things: Things, rows: int) -> bytes:
    """Return a template as an XLSX workbook; the same bytes for the same template, lists and things.

    :param lists: what cells are chosen from, in the language of the template.
    :param writer: writes the cells of the example.
    :param things: published things, of which the example shows some.
    :param rows: rows that are prepared for filling in.
    """
    said = words(template.language)
    book = Workbook()
    data = book.worksheets[0]
    data.title = _title(template.name)
    example, about, listed = (book.create_sheet(f"({said[name]})") for name in ("example", "about", "lists"))
    places = write_lists(listed, template, lists)
    _write_head(data, template)
    _write_head(example, template)
    _prepare(data, template, rows, {column: f"{quote_sheetname(listed.title)}!{c}" for column, c in places.items()})
    shown = examples(template, writer, things)
    for number, row in enumerate(shown, start=FIRST):
        write_row(example, number, template, row)
    write_about(about, template, data.title, shown[0] if shown else {})
    return packed(book)


def _title(name: str) -> str:
    """Return a name as a sheet may have it."""
    return "".join("-" if sign in r"\/?*[]:" else sign for sign in name)[:_LONGEST_TITLE]


def _write_head(page: Worksheet, template: Template) -> None:
    """Write groups, notes and headers, and give each column its width and format."""
    _write_groups(page, template)
    notes: list[tuple[str, float]] = []
    for number, column in enumerate(template.columns, start=1):
        told = template.help(column)
        note = write(page, 2, number, "\n".join(filter(None, (told.meaning, told.how))))
        note.alignment, note.font = WRAPPED, font(size=9, italic=True, color="595959")
        notes.append((str(note.value or ""), width(column) * 1.1))  # the letters are smaller
        _write_header(page, number, template, column)
        dimension = page.column_dimensions[get_column_letter(number)]
        dimension.width = width(column)
        dimension.alignment, dimension.font = WRAPPED, font()
        if column.field is None or column.field.kind not in NUMBERS:
            dimension.number_format = "@"
    page.row_dimensions[1].height = 18
    page.row_dimensions[2].height = height(notes, line=12.5)
    page.row_dimensions[HEADER].height = 32
    page.freeze_panes = f"C{FIRST}"
    page.print_title_rows = f"{HEADER}:{HEADER}"


def _write_groups(page: Worksheet, template: Template) -> None:
    """Write the name of each group of columns above all of them."""
    labels = [template.group(column) for column in template.columns]
    start = 1
    for number, column in enumerate(template.columns, start=1):
        band = write(page, 1, number, labels[number - 1] if number == start else "")
        band.fill, band.font = filled(colours(template, column)[0]), font(bold=True, color="FFFFFF")
        if number == len(labels) or labels[number] != labels[number - 1]:
            if number > start:
                page.merge_cells(start_row=1, end_row=1, start_column=start, end_column=number)
            start = number + 1


def _write_header(page: Worksheet, number: int, template: Template, column: Column) -> None:
    strong, light = colours(template, column)
    header = write(page, HEADER, number, template.header(column))
    header.alignment = Alignment(wrap_text=True, vertical="center")
    header.fill = filled(strong if column.required else light)
    header.font = font(bold=True, color="FFFFFF" if column.required else "000000")
    header.border = Border(bottom=Side(style="medium", color=strong), left=_WHITE, right=_WHITE)
    told = template.help(column)
    text = "\n\n".join(filter(None, (told.need, told.meaning, told.how, told.rule)))
    lines = sum(1 + len(line) // 48 for line in text.splitlines())
    header.comment = Comment(text, "CircKG", width=380, height=min(40 + 17 * lines, 480))


def _prepare(page: Worksheet, template: Template, rows: int, lists: Mapping[Column, str]) -> None:
    """Give the rows their lists and checks, and colour what is needed in a row that was begun.

    :param lists: cells in which the list of a column stands.
    """
    last = FIRST + rows - 1
    letters = [get_column_letter(number) for number in range(1, len(template.columns) + 1)]
    for letter, column in zip(letters, template.columns, strict=True):
        cells = f"{letter}{FIRST}:{letter}{last}"
        check = _list_check(template, column, lists[column]) if column in lists else _number_check(template, column)
        if check is not None:
            check.add(cells)
            page.add_data_validation(check)
        if column.required:
            same = (
                f"${other}{FIRST}" for other, each in zip(letters, template.columns, strict=True)
                if each.field is column.field
            )  # fmt: skip
            begun = f"COUNTA(${letters[0]}{FIRST}:${letters[-1]}{FIRST})>0"
            empty = f"COUNTA({','.join(same)})=0"
            page.conditional_formatting.add(
                cells, Rule(type="expression", dxf=_NEEDED, formula=[f"AND({begun},{empty})"])
            )


def _list_check(template: Template, column: Column, place: str) -> DataValidation:
    """Return a list to choose from. It may be overruled, since names in other languages, codes and IRIs are read too.

    Where several values are allowed nothing is objected to: a spreadsheet takes them for one.
    """
    said = words(template.language)
    check = DataValidation(type="list", formula1=place, allow_blank=True, errorStyle="warning")
    if column.several:
        check.showInputMessage = True
        check.promptTitle, check.prompt = template.header(column)[:_LONGEST_PROMPT_TITLE], said["several"]
    else:
        check.showErrorMessage = True
        check.errorTitle, check.error = said["not_listed_title"], said["not_listed"][:_LONGEST_PROMPT]
    return check


def _number_check(template: Template, column: Column) -> DataValidation | None:
    said = words(template.language)
    if column.field is None or column.field.kind not in NUMBERS:
        return None
    return DataValidation(
        type="whole" if column.field.kind is Kind.WHOLE_NUMBER else "decimal", operator="greaterThanOrEqual",
        formula1=column.field.minimum or "-1E+99", allow_blank=True, errorStyle="warning", showErrorMessage=True,
        errorTitle=said["no_number_title"], error=said["no_number"],
    )  # fmt: skip
