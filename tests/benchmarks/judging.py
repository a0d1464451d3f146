"""What a report costs: CPU time of each step for a table with and without faults, medians of several runs.

    python tests/benchmarks/judging.py [STORE]

With a store, its published graph is what the table is judged by; without one, the curated data.
"""

from __future__ import annotations

import csv
import io
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from circkg_loaders.contributed.contribution import Options
from circkg_loaders.contributed.reading import BOOKS, read_bytes
from circkg_loaders.contributed.style import Style
from circkg_server.contributions.judging import judge, our_shapes
from circkg_server.contributions.knowledge import Curated, Knowledge, knowledge_of
from circkg_server.contributions.reports import data
from circkg_server.contributions.reports.page import as_page
from circkg_server.contributions.reports.text import as_text
from circkg_server.contributions.reports.workbook import as_workbook
from circkg_server.releases.archive import Archive
from circkg_shapes.validate import Shapes

ROWS, RUNS = 1_000, 5
HEADER = ("id", "Title (en)", "Identified by", "Place", "Themes", "Start", "End", "Practised by", "Source")


def table(*, faulty: bool) -> bytes:
    """Return a table; a faulty one has about four errors a row, half of them the same in many rows."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for n in range(ROWS):
        good = ("FI1C7", "food", "2020", "2021", "City of Lahti", f"https://example.org/{n}")
        bad = ("XX" if n % 2 else f"FI{n}", f"fod {n % 50}", "2022", "2021", f"City {n % 90} of Lahtti", "example.org")
        writer.writerow((f"b{n}", f"Library {n}", "ceci", *(bad if faulty else good)))
    return text.getvalue().encode()


def measure(content: bytes, knowledge: Knowledge, shapes: Shapes) -> tuple[dict[str, float], int]:
    """Return CPU seconds of each step, and the number of faults."""
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], object]) -> object:
        started = time.process_time()
        made = step()
        seconds[name] = time.process_time() - started
        return made

    contribution = read_bytes(content, "practices.csv", Options(known=knowledge.names))
    timed("read", lambda: read_bytes(content, "practices.csv", Options(known=knowledge.names)))
    judgement = judge([contribution], knowledge, shapes)
    timed("judge", lambda: judge([contribution], knowledge, shapes))
    sheets = BOOKS["csv"](content, "practices.csv", Style()).sheets
    timed("text", lambda: Console(file=io.StringIO(), width=100).print(as_text(judgement)))
    timed("json", lambda: data.as_json(judgement))
    timed("csv", lambda: data.as_csv(judgement))
    timed("html", lambda: as_page(judgement))
    timed("xlsx", lambda: as_workbook(judgement, contribution, content, sheets))
    return seconds, len(judgement.faults)


def main() -> None:
    """Print the table of medians."""
    knowledge = knowledge_of(Archive(Path(sys.argv[1]))) if len(sys.argv) > 1 else Curated()
    shapes = our_shapes()
    for faulty in (False, True):
        content = table(faulty=faulty)
        runs: defaultdict[str, list[float]] = defaultdict(list)
        faults = 0
        for _ in range(RUNS):
            seconds, faults = measure(content, knowledge, shapes)
            for name, value in seconds.items():
                runs[name].append(value)
        figures = ", ".join(f"{name} {statistics.median(values):.2f}" for name, values in runs.items())
        sys.stdout.write(f"{ROWS:,} rows, {faults:,} faults: {figures} s of CPU time\n")


if __name__ == "__main__":
    main()
