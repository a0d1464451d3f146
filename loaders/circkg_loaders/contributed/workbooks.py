"""Reads workbooks: XLSX and ODS, with cached values of formulas, dates as dates and merged cells."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import cast

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.limits import MAX_KEPT, MAX_SHEETS
from circkg_loaders.contributed.packages import Extent, open_package
from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.sheets import Book, Cell, Sheet
from circkg_loaders.contributed.style import Style


def read_workbook(content: bytes, name: str, declared: Style) -> Book:
    """Return the sheets of a workbook.

    :raises ContributionError: if it cannot be read, is protected, or holds more than is read.
    """
    package = open_package(content, name)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(package.content)) as workbook:
            tables = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
            if not tables:
                raise ContributionError(f"{name} has no sheet of cells. Write a table into one.")
            if len(tables) > MAX_SHEETS:
                raise ContributionError(f"{name} has {len(tables)} sheets, and {MAX_SHEETS} are read.")
            sheets = [
                _sheet(workbook.get_sheet_by_name(each.name), name, each.visible != SheetVisibleEnum.Visible)
                for each in tables
            ]
    except CalamineError as error:
        raise _unreadable(name, error) from error
    except BaseException as error:
        # A panic of the library that reads workbooks is no Exception; the file is at fault, not the program.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(name, error) from error
    faults: list[Fault] = []
    for number, sheet in enumerate(sheets):
        extent = package.extents.get(sheet.name or "", Extent())
        sheets[number] = replace(sheet, merged=sheet.merged or tuple(extent.spans))
        for row, column, text in extent.errors:  # for which the library gives an empty text too
            if row <= len(sheet.rows) and column <= len(sheet.rows[row - 1]):
                cast(list[list[Cell]], sheet.rows)[row - 1][column - 1] = text
        for row, column in extent.empty_formulas[:MAX_KEPT]:
            if row <= len(sheet.rows):
                faults.append(Fault("formula-without-value", Severity.WARNING, sheet.place(row, column)))
    return Book(sheets, replace(declared, encoding=None, delimiter=None, quote=None), faults)


def _sheet(table: CalamineSheet, name: str, hidden: bool) -> Sheet:
    # The library gives an empty text for an empty cell.
    rows = cast(list[list[Cell]], table.to_python(skip_empty_area=False))
    merged = [
        (top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in table.merged_cell_ranges or ()
    ]
    return Sheet(name, table.name, rows, hidden, merged)


def _unreadable(name: str, error: BaseException) -> ContributionError:
    return ContributionError(
        f"{name} is no whole workbook ({error}). Open it in a spreadsheet program and save it again."
    )
