"""Measures the build of the curated graph and the start of the server, each as a whole process.

Run by ``make bench``. Prints processor and elapsed seconds of several runs, their medians and the counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.table import Table

CIRCKG = str(Path(sys.executable).with_name("circkg"))
GOAL = {"build": 30.0, "start": 2.0}
"""Elapsed seconds that the project aims at on two cores."""


def build_once(store: Path) -> tuple[float, float]:
    """Return processor and elapsed seconds of one build into an empty store."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([CIRCKG, "build", "--store", str(store)], check=True, stdout=subprocess.DEVNULL)
    elapsed = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed


def start_once(store: Path, port: int) -> tuple[float, float]:
    """Return processor and elapsed seconds from the start of the command to the first answer."""
    started = time.perf_counter()
    with subprocess.Popen(
        [CIRCKG, "serve", "--store", str(store), "--port", str(port)], stderr=subprocess.DEVNULL
    ) as server:
        try:
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                        json.load(answer)
                    break
                except (urllib.error.URLError, ConnectionError):
                    if server.poll() is not None:
                        raise
                    time.sleep(0.01)
            elapsed = time.perf_counter() - started
            ticks = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        finally:
            server.terminate()
    return processor, elapsed


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8765)
    arguments = parser.parse_args()
    console = Console()
    figures: dict[str, list[tuple[float, float]]] = {"build": [], "start": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.rounds):
            store = Path(folder) / str(turn)
            figures["build"].append(build_once(store))
            figures["start"].append(start_once(store, arguments.port))
        manifest = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    table = Table(title=f"{arguments.rounds} rounds on {os.cpu_count()} cores", title_justify="left")
    for name in ("what", "processor s (median)", "elapsed s (median)", "elapsed s (min to max)", "goal s"):
        table.add_column(name)
    for what, runs in figures.items():
        processor, elapsed = zip(*runs, strict=True)
        table.add_row(
            what, f"{statistics.median(processor):.2f}", f"{statistics.median(elapsed):.2f}",
            f"{min(elapsed):.2f} to {max(elapsed):.2f}", f"{GOAL[what]:.0f}",
        )  # fmt: skip
    console.print(table)
    total = sum(entry["quads"] for entry in manifest["sets"])
    console.print(f"{total:,} triples in {len(manifest['sets'])} sets:")
    for entry in manifest["sets"]:
        console.print(f"  {entry['set']:<22}{entry['quads']:>9,}", highlight=False)


if __name__ == "__main__":
    main()
