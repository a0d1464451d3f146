"""A sheet: rows of cells and their places, whatever kind of file they come from."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from circkg_loaders.contributed.faults import Fault
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.style import Style

Cell: TypeAlias = "str | bool | int | float | datetime.date | datetime.time | datetime.timedelta | Several | None"
"""A cell: text as it stands, or what a workbook or JSON holds as a number, a date or a truth value, or several."""


@dataclass(frozen=True, slots=True)
class Several:
    """Several values in one cell, as JSON has them.

    :param items: each value with its language tag, empty if it has none.
    """

    items: tuple[tuple[Cell, str], ...]


@dataclass(slots=True)
class Sheet:
    """The rows of a sheet, the first row of the file at index 0; rows may differ in length.

    :param name: name of the sheet; ``None`` in a file that has only one.
    :param merged: merged ranges: first row, first column, last row, last column, from 1.
    :param pointers: JSON Pointer of each row, in a sheet that comes from JSON; its first row names the members.
    :param keys: end of the JSON Pointer of each column.
    """

    file: str
    name: str | None
    rows: Sequence[Sequence[Cell]]
    hidden: bool = False
    merged: Sequence[tuple[int, int, int, int]] = ()
    pointers: Sequence[str] = ()
    keys: Sequence[str] = ()

    def cell(self, row: int, column: int) -> Cell:
        """Return a cell by row and column, from 1; ``None`` where the row is shorter."""
        cells = self.rows[row - 1]
        return cells[column - 1] if column <= len(cells) else None

    def place(self, row: int, column: int = 0, header: str | None = None) -> Place:
        """Return the place of a cell, or of a row where the column is 0."""
        if self.pointers:
            pointer = f"{self.pointers[row - 1]}/{self.keys[column - 1]}" if column else self.pointers[row - 1]
            return Place(
                self.file, header=header, raw=shown(self.cell(row, column)) if column else None, pointer=pointer
            )
        if not column:
            return Place(self.file, self.name, row=row)
        return Place(self.file, self.name, row=row, column=column, header=header, raw=shown(self.cell(row, column)))


@dataclass(slots=True)
class Book:
    """What a file of tables holds: its sheets, how it is written, and what is wrong with its form."""

    sheets: list[Sheet]
    style: Style
    faults: list[Fault] = field(default_factory=list)


def shown(cell: Cell) -> str:
    """Return the text of a cell: numbers in plain digits, dates as ISO 8601 writes them.

    >>> shown(4226000.0), shown(3330410.6), shown(datetime.datetime(2022, 5, 13)), shown(None), shown(True)
    ('4226000', '3330410.6', '2022-05-13', '', 'true')
    """
    match cell:
        case None:
            return ""
        case Several():
            return "; ".join(shown(item) for item, _ in cell.items)
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case float():
            # Spreadsheets show 15 digits; those that follow come from the binary form: 3330410.6000000001.
            return f"{Decimal(f'{cell:.15g}'):f}" if 1e-10 < abs(cell) < 1e15 else repr(cell)
        case datetime.datetime() if cell.time() == datetime.time():
            return cell.date().isoformat()
    return str(cell) if isinstance(cell, int) else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
