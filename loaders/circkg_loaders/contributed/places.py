"""Where in a contributed file something stands: a cell, a line, a JSON Pointer, or what to search for."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_shapes.report import Json


def column_letter(number: int) -> str:
    """Return the letters by which a spreadsheet names a column.

    :param number: 1 for the first column.

    >>> [column_letter(number) for number in (1, 26, 27, 703)]
    ['A', 'Z', 'AA', 'AAA']
    """
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a contributed file.

    :param file: name of the file, without its folder.
    :param sheet: name of the sheet of a workbook.
    :param row: row as a spreadsheet counts it, from 1, title rows and header included.
    :param column: number of the column, from 1.
    :param header: text of the column's header as it stands in the file.
    :param raw: text of the cell as it stands in the file; empty if the cell is empty, ``None`` if no cell is meant.
    :param line: line of a file of N-Triples or N-Quads, from 1.
    :param pointer: JSON Pointer (RFC 6901) into a JSON file.
    :param search: text to look for in a file whose parser gives no positions.
    """

    file: str
    sheet: str | None = None
    row: int | None = None
    column: int | None = None
    header: str | None = None
    raw: str | None = None
    line: int | None = None
    pointer: str | None = None
    search: str | None = None

    @property
    def cell(self) -> str | None:
        """Return the cell as a spreadsheet names it, or ``None`` where the place is none.

        >>> Place("a.xlsx", "Practices", row=12, column=3).cell
        'C12'
        """
        return f"{column_letter(self.column)}{self.row}" if self.column and self.row else None

    def __str__(self) -> str:
        """Return the place in one line.

        >>> str(Place("a.xlsx", "Practices", row=12, column=3, header="Country"))
        'a.xlsx, sheet “Practices”, row 12, column C “Country”'
        """
        parts = [self.file]
        if self.sheet:
            parts.append(f"sheet “{self.sheet}”")
        if self.row:
            parts.append(f"row {self.row}")
        if self.column:
            name = " ".join((self.header or "").split())
            parts.append(f"column {column_letter(self.column)}" + (f" “{name}”" if name else ""))
        if self.line:
            parts.append(f"line {self.line}")
        if self.pointer is not None:
            parts.append(f"at {self.pointer or 'the top'}")
        if self.search:
            parts.append(f"search for {self.search}")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Json]:
        """Return what is known of the place as values that JSON can hold."""
        known: dict[str, Json] = {
            "file": self.file,
            "sheet": self.sheet,
            "row": self.row,
            "column": column_letter(self.column) if self.column else None,
            "header": self.header,
            "raw": self.raw,
            "line": self.line,
            "pointer": self.pointer,
            "search": self.search,
        }
        return {name: value for name, value in known.items() if value is not None}
