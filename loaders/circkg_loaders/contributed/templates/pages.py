"""The sheets of a template that are for people: how it is filled in, an example, and the lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from circkg_loaders.contributed.columns import Column
from circkg_loaders.contributed.templates.examples import Row
from circkg_loaders.contributed.templates.layout import (
    NUMBERS,
    RULED,
    WRAPPED,
    colours,
    filled,
    font,
    height,
    width,
)  # fmt: skip
from circkg_loaders.contributed.templates.lists import Choice, Lists
from circkg_loaders.contributed.templates.package import write
from circkg_loaders.contributed.templates.template import Template
from circkg_loaders.contributed.templates.words import words
from circkg_shapes.forms import in_language

_FIRST_LISTED: Final = 3
_LINE: Final = 16  # height of a row with one line
_ABOUT: Final = (
    ("column", 28), ("need", 14), ("meaning", 44), ("how", 40), ("rule", 50), ("example_value", 40),
    ("program_name", 20),
)  # fmt: skip
"""Words above the columns of the help, and their widths."""

_ADDED_LANGUAGES: Final = ("sv", "el", "nl")
"""Languages of which one shows how a column for a further language is named."""


def write_row(page: Worksheet, number: int, template: Template, row: Row) -> None:
    """Write a row of the example as a contributor would: numbers as numbers, all else as text."""
    for position, column in enumerate(template.columns, start=1):
        text = row.get(column, "")
        cell = write(page, number, position, text)
        cell.alignment, cell.border, cell.font = WRAPPED, RULED, font()
        if text and column.field is not None and column.field.kind in NUMBERS:
            cell.value = float(text) if "." in text else int(text)
    page.row_dimensions[number].height = height((row.get(each, ""), width(each)) for each in template.columns)


def write_about(page: Worksheet, template: Template, sheet: str, example: Row) -> None:
    """Write how a sheet is filled in, and what each column holds.

    :param sheet: name of the sheet to fill in.
    """
    said = words(template.language)
    write(page, 1, 1, template.name).font = font(bold=True, size=16)
    lines = [in_language(template.form.descriptions, template.language), "", *_advice(template, sheet)]
    for number, line in enumerate(lines, start=2):
        write(page, number, 1, line).font = font()
    header = len(lines) + 3
    for position, (title, wide) in enumerate(_ABOUT, start=1):
        cell = write(page, header, position, said[title])
        cell.font, cell.fill = font(bold=True, color="FFFFFF"), filled("1F4E79")
        page.column_dimensions[get_column_letter(position)].width = wide
    for number, column in enumerate(template.columns, start=header + 1):
        told = template.help(column)
        texts = (
            template.header(column),
            told.need,
            told.meaning,
            told.how,
            told.rule,
            example.get(column, ""),
            column.name,
        )
        for position, text in enumerate(texts, start=1):
            cell = write(page, number, position, text)
            cell.alignment, cell.border, cell.font = WRAPPED, RULED, font(bold=column.required and position == 1)
        page.cell(number, 1).fill = filled(colours(template, column)[1])
        page.row_dimensions[number].height = height(zip(texts, (wide for _, wide in _ABOUT), strict=True))
    page.freeze_panes = f"B{header + 1}"


def _advice(template: Template, sheet: str) -> list[str]:
    said = words(template.language)
    tagged = next((column for column in template.columns if column.language), None)
    if tagged:
        tag = next(tag for tag in _ADDED_LANGUAGES if tag not in template.languages or tag == _ADDED_LANGUAGES[-1])
        further = Column(tagged.field, tag).title(template.language)
    return [
        said["fill"].format(sheet=sheet),
        said["mark"],
        said["several_in"],
        said["offered"],
        *([said["translate"].format(header=further), said["repeat"]] if tagged else []),
        said["brackets"],
        said["persons"],
        said["check"].format(command=f"circkg validate {template.form.key}.xlsx"),
    ]


def write_lists(page: Worksheet, template: Template, lists: Lists) -> dict[Column, str]:
    """Write each list once, with what its entries mean, and return the cells in which the list of a column stands."""
    wanted = {column: lists.of(column.field) for column in template.columns if column.field}
    wanted = {column: choices for column, choices in wanted.items() if choices}
    written: dict[Sequence[Choice], tuple[int, int]] = {}
    places: dict[Column, str] = {}
    for column, choices in wanted.items():
        whole = _holder(choices, wanted.values())
        if whole not in written:
            position = 3 * len(written) + 1
            _write_list(page, position, template, next(each for each in wanted if wanted[each] == whole), whole)
            written[whole] = position, _FIRST_LISTED + len(whole) - 1
        position, last = written[whole]
        letter = get_column_letter(position)
        places[column] = f"${letter}${last - len(choices) + 1}:${letter}${last}"
    page.freeze_panes = f"A{_FIRST_LISTED}"
    if not written:
        page.sheet_state = "hidden"
    return places


def _holder(choices: Sequence[Choice], others: Iterable[Sequence[Choice]]) -> Sequence[Choice]:
    """Return the longest list that ends in a list, so that it need not be written twice: places end in regions."""
    return max((other for other in others if other[-len(choices) :] == choices), key=len)


def _write_list(
    page: Worksheet, position: int, template: Template, column: Column, choices: Sequence[Choice]
) -> None:  # fmt: skip
    strong, light = colours(template, column)
    for offset, title in enumerate((column.title(template.language), words(template.language)["definition"])):
        head = write(page, 1, position + offset, title)
        head.font, head.fill = font(bold=True, color="FFFFFF"), filled(strong)
    tree = any(choice.depth for choice in choices)
    widths = (46, 70 if any(" " in choice.meaning for choice in choices) else 30, 3)
    for offset, wide in enumerate(widths):
        page.column_dimensions[get_column_letter(position + offset)].width = wide
    for number, choice in enumerate(choices, start=_FIRST_LISTED):
        cell = write(page, number, position, choice.text)
        meaning = write(page, number, position + 1, choice.meaning)
        if tree and not choice.depth:
            cell.fill = filled(light)
        needed = height(((choice.text, widths[0] - 4 * choice.depth), (choice.meaning, widths[1])))
        if needed > (page.row_dimensions[number].height or _LINE):
            page.row_dimensions[number].height = needed
        if tree or needed > _LINE:  # long lists are left plain, since formats make a workbook large and slow
            cell.alignment = Alignment("left", "top", indent=2 * choice.depth, wrap_text=True)
            meaning.alignment = WRAPPED
