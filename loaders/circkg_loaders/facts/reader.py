"""Reads the CSV tables of a data set, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circkg_loaders.facts.schema import Table
from circkg_loaders.facts.tables import TABLES

_BY_NAME = {table.name: table for table in TABLES}
_SPLIT_TABLES = ("links", "unresolved")
MAX_CELL = 20_000
"""Longest cell that is read, in characters: far above any description, far below a memory problem."""


class TableError(ValueError):
    """A file cannot be read as the table that its name says; the message names file and place."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, its cells as text without surrounding blanks.

    :param file: path inside the data room.
    :param number: line as a spreadsheet counts it; the header is row 1.
    """

    table: Table
    file: str
    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the text of a cell; a column that the file leaves out is empty."""
        return self.cells.get(column, "")

    def items(self, column: str) -> list[str]:
        """Return the items of a cell that may hold several, separated by ``;``."""
        return [item.strip() for item in self[column].split(";") if item.strip()]

    @property
    def key(self) -> str:
        """Return the key of the row within its set and table."""
        return "--".join(self[column] for column in self.table.key)


def table_files(folder: Path) -> list[tuple[Table, Path]]:
    """Return the tables that a set's folder holds, in a stable order.

    ``links`` and ``unresolved`` are folders of files, one a subject.

    :raises TableError: if a file's name is no table.
    """
    found = []
    for path in sorted(folder.rglob("*.csv")):
        name = path.relative_to(folder).parts[0].removesuffix(".csv")
        if name not in _BY_NAME or (len(path.relative_to(folder).parts) > 1 and name not in _SPLIT_TABLES):
            raise TableError(f"{path} is no table of a data set. The tables are: {', '.join(_BY_NAME)}.")
        found.append((_BY_NAME[name], path))
    return found


def read_table(table: Table, path: Path, shown_as: str) -> Iterator[Row]:
    """Yield the rows of a file.

    :param shown_as: path to name in messages and origins.
    :raises TableError: if the file is not UTF-8 CSV with the columns of the table.
    """
    columns = {column.name for column in table.columns}
    required = {column.name for column in table.columns if column.required}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if not header:
                raise TableError(f"{shown_as} is empty. The first row must name the columns.")
            unknown = [name for name in header if name not in columns]
            if unknown:
                raise TableError(
                    f"{shown_as}, row 1: no column of {table.name!r} is called {', '.join(map(repr, unknown))}. "
                    f"The columns are: {', '.join(column.name for column in table.columns)}."
                )
            missing = sorted(required - set(header))
            if missing:
                raise TableError(f"{shown_as}, row 1: the column {', '.join(map(repr, missing))} is missing.")
            if len(set(header)) < len(header):
                raise TableError(f"{shown_as}, row 1: a column stands there twice.")
            for number, cells in enumerate(reader, start=2):
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    raise TableError(
                        f"{shown_as}, row {number}: {len(cells)} cells under {len(header)} columns. "
                        "A text with a comma needs quotation marks."
                    )
                if any(len(cell) > MAX_CELL or "\0" in cell for cell in cells):
                    raise TableError(f"{shown_as}, row {number}: a cell is longer than {MAX_CELL} or holds a NUL.")
                yield Row(table, shown_as, number, {n: c.strip() for n, c in zip(header, cells, strict=True)})
    except UnicodeDecodeError as error:
        raise TableError(f"{shown_as} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except csv.Error as error:
        raise TableError(f"{shown_as} is no well-formed CSV: {error}.") from error
