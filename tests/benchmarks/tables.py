"""Measures how contributed tables are read, against what merely opens the same files.

Run by hand: ``python tests/benchmarks/tables.py``. Prints medians of processor milliseconds, and ratios to the peers.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import openpyxl
from rich.console import Console
from rich.table import Table

from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import Options, read_bytes

HEADER = (
    "id", "Title (en)", "Title (fi)", "Description (en)", "Identified by", "Country", "Place", "Start", "End", "Themes",
    "Strategies", "Barrier types", "Practised by", "Source",
)  # fmt: skip


def row(number: int) -> list[str]:
    """Return a row as a contributor would write it."""
    return [
        f"practice-{number}", f"Toy library number {number}", f"Lelukirjasto numero {number}", "Toys are lent. " * 20,
        "CECI", ("Finland", "PT", "Niemcy")[number % 3], ("FI1C6", "PT170", "DE300")[number % 3],
        f"{number % 28 + 1:02}.05.2022", "2023", "awareness; food", "reuse, repair",
        "Lack of skills and practical experience", "LAB University of Applied Sciences", f"https://example.org/{number}",
    ]  # fmt: skip


def files(rows: int) -> dict[str, bytes]:
    """Return the same table as files of several kinds."""
    table = [list(HEADER), *(row(number) for number in range(rows))]
    text = io.StringIO()
    csv.writer(text).writerows(table)
    book = openpyxl.Workbook()
    for cells in table:
        book.active.append(cells)
    workbook = io.BytesIO()
    book.save(workbook)
    objects = [dict(zip(HEADER, cells, strict=True)) for cells in table[1:]]
    return {
        "practices.csv": text.getvalue().encode(),
        "practices.xlsx": workbook.getvalue(),
        "practices.json": json.dumps(objects).encode(),
    }


def peer(name: str, content: bytes) -> None:
    """Open a file and touch its cells with the usual library, nothing more."""
    if name.endswith(".csv"):
        list(csv.reader(io.StringIO(content.decode())))
    elif name.endswith(".json"):
        json.loads(content)
    else:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for sheet in book.worksheets:
            list(sheet.iter_rows(values_only=True))


def median(work: Callable[[], Any], runs: int) -> float:
    """Return the median of processor milliseconds."""
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append((time.process_time() - started) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    options = Options(form="practice", known=Known.of_rooms())
    table = Table("file", "rows", "triples", "faults", "read ms", "peer ms", "ratio", title="Contributed tables")
    for rows in arguments.rows:
        for name, content in files(rows).items():
            found = read_bytes(content, name, options)
            ours = median(lambda name=name, content=content: read_bytes(content, name, options), arguments.runs)
            theirs = median(lambda name=name, content=content: peer(name, content), arguments.runs)
            table.add_row(
                name, f"{rows:,}", f"{len(found.triples):,}", str(len(found.faults)), f"{ours:,.0f}", f"{theirs:,.0f}",
                f"{ours / theirs:.1f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
