"""Reads the CSV files that stand beside the tables of the sets: registry, sources, countries, NUTS."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def read_rows(path: Path, columns: Sequence[str], error: type[Exception]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row, as a spreadsheet counts it, and its cells by column.

    :param columns: columns that the header must name.
    :param error: what is raised if the file is missing, not UTF-8 CSV, or lacks a column or cell.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise error(f"{path.name} lacks the column {missing[0]}. Add it to the header row.")
            for number, cells in enumerate(reader, start=2):
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise error(
                        f"{path.name}, row {number}: {len(cells)} cells under {len(header)} columns. "
                        "A text with a comma needs quotation marks."
                    )
                yield number, dict(zip(header, cells, strict=True))
    except FileNotFoundError as missing_file:
        raise error(f"{path} is missing. Put it back.") from missing_file
    except UnicodeDecodeError as problem:
        raise error(f"{path.name} is not UTF-8 (byte {problem.start}). Save it as UTF-8.") from problem
    except csv.Error as problem:
        raise error(f"{path.name} is no well-formed CSV: {problem}.") from problem
