"""Writes a template as a workbook: a sheet to fill in, an example, a help page and the lists that cells choose from.

Sheets whose names stand in brackets are for people only; the reader passes them over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from circkg_loaders.contributed.columns import Column
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.examples import Row, examples
from circkg_loaders.contributed.templates.lists import Choice, Lists
from circkg_loaders.contributed.templates.package import packed, write
from circkg_loaders.contributed.templates.published import Things
from circkg_loaders.contributed.templates.template import Template
from circkg_loaders.contributed.templates.words import words
from circkg_shapes.forms import Kind, in_language

HEADER: Final = 3
"""Row of the headers: above it stand the groups, and what to write in each column."""

FIRST: Final = HEADER + 1
"""First row to fill in."""

_FIRST_LISTED: Final = 3
_LONGEST_TITLE: Final = 31  # of a sheet
_LONGEST_PROMPT: Final = 255
_COLOURS: Final = (
    ("1F4E79", "DDEBF7"), ("375623", "E2EFDA"), ("7F6000", "FFF2CC"), ("833C0B", "FCE4D6"), ("4A3575", "E4DFEC"),
    ("205867", "DAEEF3"), ("404040", "EDEDED"),
)  # fmt: skip
"""Colours of the groups of columns: strong where a column must be filled in, light otherwise; both legible."""

_NEEDED: Final = PatternFill(bgColor="FFFF99")
_WIDTHS: Final = {
    Kind.TEXT: 38, Kind.STRING: 20, Kind.DATE: 14, Kind.NUMBER: 16, Kind.WHOLE_NUMBER: 12, Kind.COUNTRY: 18,
    Kind.CURRENCY: 12, Kind.LANGUAGE: 16, Kind.REGION: 28, Kind.CONCEPT: 30, Kind.LINK: 34, Kind.ADDRESS: 34,
    Kind.IRI: 34, Kind.ANY: 28,
}  # fmt: skip
_NUMBERS: Final = (Kind.NUMBER, Kind.WHOLE_NUMBER)
_TOP: Final = Alignment(wrap_text=True, vertical="top")
_EDGE: Final = Side(style="thin", color="BFBFBF")
_RULED: Final = Border(bottom=_EDGE)


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of the sheets."""

    data: str
    example: str
    about: str
    lists: str


def as_workbook(template: Template, lists: Lists, writer: CellWriter, things: Things, rows: int = 1_000) -> bytes:
    """Return a template as an XLSX workbook; the same bytes for the same template, lists and things.

    :param lists: what cells are chosen from, in the language of the template.
    :param writer: writes the cells of the example.
    :param things: published things of which the example is one.
    :param rows: rows that are prepared for filling in.
    """
    said = words(template.language)
    names = _Names(_title(template.name), *(f"({said[name]})" for name in ("example", "about", "lists")))
    book = Workbook()
    data = book.worksheets[0]
    data.title = names.data
    pages = [data, *(book.create_sheet(title) for title in (names.example, names.about, names.lists))]
    shown = examples(template, writer, things)
    places = _write_lists(pages[3], template, lists)
    for page in pages[:2]:
        _write_head(page, template)
    _prepare(data, template, rows, places, names)
    for number, row in enumerate(shown, start=FIRST):
        _write_row(pages[1], number, template, row)
    _write_about(pages[2], template, names, shown[0] if shown else {})
    return packed(book)


def _title(name: str) -> str:
    return "".join("-" if sign in r"\/?*[]:" else sign for sign in name)[:_LONGEST_TITLE]


# The sheet to fill in


def _write_head(page: Worksheet, template: Template) -> None:
    """Write groups, notes and headers, and give each column its width and format."""
    start = 1
    for number, column in enumerate(template.columns, start=1):
        strong, light = _colours(template, column)
        group = template.group(column)
        if number == 1 or group != template.group(template.columns[number - 2]):
            start = number
            write(page, 1, number, group)
        band = page.cell(1, number)
        band.fill, band.font = PatternFill("solid", start_color=strong), Font(bold=True, color="FFFFFF")
        if number == len(template.columns) or template.group(template.columns[number]) != group:
            if number > start:
                page.merge_cells(start_row=1, end_row=1, start_column=start, end_column=number)
        told = template.help(column)
        note = write(page, 2, number, "\n".join(filter(None, (told.meaning, told.how))))
        note.alignment, note.font = _TOP, Font(size=9, italic=True, color="595959")
        header = write(page, HEADER, number, template.header(column))
        header.alignment = Alignment(wrap_text=True, vertical="center")
        header.fill = PatternFill("solid", start_color=strong if column.required else light)
        header.font = Font(bold=True, color="FFFFFF" if column.required else "000000")
        header.border = Border(bottom=Side(style="medium", color=strong))
        header.comment = _comment("\n\n".join(filter(None, (told.need, told.meaning, told.how, told.rule))))
        _format(page, number, column)
    page.row_dimensions[1].height = 18
    page.row_dimensions[2].height = 13 * max(_lines(page, number) for number in range(1, len(template.columns) + 1))
    page.row_dimensions[HEADER].height = 32
    page.freeze_panes = page.cell(FIRST, min(3, len(template.columns)))


def _colours(template: Template, column: Column) -> tuple[str, str]:
    groups = [group for group, _ in template.form.groups]
    group = column.field.group if column.field else None
    return _COLOURS[groups.index(group) % len(_COLOURS) if group in groups else 0]


def _format(page: Worksheet, number: int, column: Column) -> None:
    """Give a column its width, and make it text, so that 2022-05 and 0123 stay as they are typed."""
    dimension = page.column_dimensions[get_column_letter(number)]
    dimension.width = _width(column)
    dimension.alignment = _TOP
    if column.field is None or column.field.kind not in _NUMBERS:
        dimension.number_format = "@"


def _width(column: Column) -> int:
    if column.field is None:
        return 20
    long = (column.field.max_length or 0) > 1_000
    return 60 if long else _WIDTHS[column.field.kind]


def _lines(page: Worksheet, number: int) -> int:
    """Return how many lines the note of a column needs in its width."""
    width = page.column_dimensions[get_column_letter(number)].width
    return sum(1 + int(len(line) / (width * 1.15)) for line in str(page.cell(2, number).value or "").splitlines())


def _comment(text: str) -> Comment:
    lines = sum(1 + len(line) // 48 for line in text.splitlines())
    return Comment(text, "CircKG", width=380, height=min(40 + 17 * lines, 480))


def _prepare(page: Worksheet, template: Template, rows: int, places: Mapping[Column, str], names: _Names) -> None:
    """Give the rows their lists and checks, and colour what is needed in a row that was begun."""
    last = FIRST + rows - 1
    page.print_title_rows = f"{HEADER}:{HEADER}"
    width = get_column_letter(len(template.columns))
    for number, column in enumerate(template.columns, start=1):
        letter = get_column_letter(number)
        cells = f"{letter}{FIRST}:{letter}{last}"
        check = _check(template, column, f"{quote_sheetname(names.lists)}!{places.get(column, '')}")
        if check is not None:
            check.add(cells)
            page.add_data_validation(check)
        if column.required:
            same = [n for n, each in enumerate(template.columns, start=1) if each.field is column.field]
            any_filled = ",".join(f"${get_column_letter(n)}{FIRST}" for n in same)
            formula = f"AND(COUNTA($A{FIRST}:${width}{FIRST})>0,COUNTA({any_filled})=0)"
            page.conditional_formatting.add(cells, FormulaRule(formula=[formula], fill=_NEEDED))


def _check(template: Template, column: Column, place: str) -> DataValidation | None:
    """Return what a cell is checked by while it is filled in; it may be overruled, since more is read than listed."""
    said = words(template.language)
    if not place.endswith("!"):
        check = DataValidation(
            type="list", formula1=place, allow_blank=True, errorStyle="warning",
            errorTitle=said["not_listed_title"], error=said["not_listed"][:_LONGEST_PROMPT],
        )  # fmt: skip
        check.showErrorMessage = not column.several
        if column.several:
            check.showInputMessage = True
            check.promptTitle, check.prompt = template.header(column)[:32], said["several"]
        return check
    if column.field is None or column.field.kind not in _NUMBERS:
        return None
    kind = "whole" if column.field.kind is Kind.WHOLE_NUMBER else "decimal"
    return DataValidation(
        type=kind, operator="greaterThanOrEqual", formula1=column.field.minimum or "-1E+99", allow_blank=True,
        errorStyle="warning", showErrorMessage=True, errorTitle=said["no_number_title"], error=said["no_number"],
    )  # fmt: skip


# The sheets for people


def _write_row(page: Worksheet, number: int, template: Template, row: Row) -> None:
    for position, column in enumerate(template.columns, start=1):
        text = row.get(column, "")
        cell = write(page, number, position, text)
        cell.alignment, cell.border = _TOP, _RULED
        if text and column.field is not None and column.field.kind in _NUMBERS:
            cell.value = float(text) if "." in text else int(text)
    page.row_dimensions[number].height = 15 * min(12, max(_row_lines(template, row)))


def _row_lines(template: Template, row: Row) -> Iterable[int]:
    return (1 + int(len(row.get(column, "")) / _width(column)) for column in template.columns)


def _write_about(page: Worksheet, template: Template, names: _Names, example: Row) -> None:
    """Write how the sheet is filled in, and what each column holds."""
    said = words(template.language)
    write(page, 1, 1, template.name).font = Font(bold=True, size=16)
    translated = next((c for c in template.columns if c.language), None)
    lines = [
        in_language(template.form.descriptions, template.language),
        "",
        said["fill"].format(sheet=names.data),
        said["mark"],
        said["several_in"],
        said["offered"],
        *([said["translate"].format(header=_in_swedish(template, translated)), said["repeat"]] if translated else []),
        said["brackets"],
        said["persons"],
        said["check"].format(command=f"circkg validate {template.form.key}.xlsx"),
    ]
    for number, line in enumerate(lines, start=2):
        write(page, number, 1, line)
    header = len(lines) + 3
    titles = ("column", "need", "meaning", "how", "rule", "example_value", "program_name")
    for position, title in enumerate(titles, start=1):
        cell = write(page, header, position, said[title])
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", start_color=_COLOURS[0][0])
        page.column_dimensions[get_column_letter(position)].width = (28, 14, 44, 40, 50, 40, 20)[position - 1]
    for number, column in enumerate(template.columns, start=header + 1):
        told = template.help(column)
        texts = (
            template.header(column), told.need, told.meaning, told.how, told.rule, example.get(column, ""), column.name
        )
        for position, text in enumerate(texts, start=1):
            cell = write(page, number, position, text)
            cell.alignment, cell.border = _TOP, _RULED
        page.cell(number, 1).fill = PatternFill("solid", start_color=_colours(template, column)[1])
        page.cell(number, 1).font = Font(bold=column.required)
    page.freeze_panes = page.cell(header + 1, 2)


def _in_swedish(template: Template, column: Column) -> str:
    """Return the header of a text in a language that a template rarely has: it shows how one is added."""
    tag = next(tag for tag in ("sv", "el", "nl") if tag not in template.languages or tag == "nl")
    return Column(column.field, tag).title(template.language)


def _write_lists(page: Worksheet, template: Template, lists: Lists) -> dict[Column, str]:
    """Write each list once, with what its entries mean, and return the cells in which the list of a column stands."""
    written: dict[Sequence[Choice], str] = {}
    places: dict[Column, str] = {}
    position = 1
    for column in template.columns:
        choices = lists.of(column.field) if column.field else ()
        if not choices:
            continue
        if choices not in written:
            _write_list(page, position, template, column, choices)
            letter = get_column_letter(position)
            written[choices] = f"${letter}${_FIRST_LISTED}:${letter}${_FIRST_LISTED + len(choices) - 1}"
            position += 3
        places[column] = written[choices]
    page.freeze_panes = page.cell(_FIRST_LISTED, 1)
    if not written:
        page.sheet_state = "hidden"
    return places


def _write_list(
    page: Worksheet, position: int, template: Template, column: Column, choices: Sequence[Choice]
) -> None:
    strong, light = _colours(template, column)
    assert column.field is not None
    for offset, title in enumerate((column.title(template.language), words(template.language)["definition"])):
        cell = write(page, 1, position + offset, title)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", start_color=strong)
    page.column_dimensions[get_column_letter(position)].width = 44
    page.column_dimensions[get_column_letter(position + 1)].width = 60 if choices[0].meaning.count(" ") > 2 else 28
    page.column_dimensions[get_column_letter(position + 2)].width = 3
    for number, choice in enumerate(choices, start=_FIRST_LISTED):
        cell = write(page, number, position, choice.text)
        cell.alignment = Alignment(indent=2 * choice.depth, vertical="top", wrap_text=True)
        if not choice.depth and any(each.depth for each in choices):
            cell.fill = PatternFill("solid", start_color=light)
        write(page, number, position + 1, choice.meaning).alignment = _TOP
