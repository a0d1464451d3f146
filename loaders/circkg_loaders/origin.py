"""Where a statement comes from, and why a row was not taken."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_shapes.terms import Triple


@dataclass(frozen=True, slots=True)
class Origin:
    """The cell that a statement was made from.

    :param file: path inside the data room.
    :param row: line of the file as a spreadsheet counts it; the header is row 1.
    :param column: name of the column, or ``None`` where the row as a whole says it.
    :param raw: text of the cell as written.
    """

    file: str
    row: int
    column: str | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One triple and the cell that it was made from."""

    triple: Triple
    origin: Origin


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken, with the cell at fault and what to do about it."""

    origin: Origin
    reason: str

    def __str__(self) -> str:
        """Return place and reason in one line."""
        column = f", column {self.origin.column}" if self.origin.column else ""
        return f"{self.origin.file}, row {self.origin.row}{column}: {self.reason}"
