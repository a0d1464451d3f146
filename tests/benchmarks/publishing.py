"""Measures what publishing costs: the files of releases, of the curated graph and of a large synthetic set.

Prints processor seconds (medians), the largest memory, and sizes. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from synthetic import Size, graph

from circkg_loaders.registry import DataSet, Role
from circkg_server.publishing.distributions import distributions, make_distributions
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import NothingPublishedError

CIRCKG = str(Path(sys.executable).with_name("circkg"))
GOALS = {"curated": 15.0, "synthetic": 180.0}
"""Processor seconds that the project aims at."""


def synthetic(folder: Path, triples: int) -> Archive:
    """Publish one synthetic set, without a snapshot."""
    archive = Archive(folder)
    found = DataSet("synthetic", "Synthetic", Role.STATED, "facts", "1.0.0", "CC0-1.0", "For a benchmark.")
    with archive.writing():
        archive.publish(archive.next_manifest([archive.release(found, graph(Size.of(triples)))]))
    return archive


def memory() -> float:
    """Return the largest memory that this process has had, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(folder: Path) -> None:
    """Make all files of the current manifest, and print what it cost as JSON."""
    archive = Archive(folder)
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(str(folder))
    before = memory()
    started = time.process_time()
    for release in manifest.releases:
        make_distributions(archive, release)
    spent = time.process_time() - started
    files = [one for release in manifest.releases for one in distributions(archive, release)]
    told = {
        "seconds": spent, "quads": sum(release.quads for release in manifest.releases), "files": len(files),
        "bytes": sum(one.bytes for one in files), "before": before,
        "memory": memory(),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told))


def run(folder: Path) -> dict[str, float]:
    """Measure in a process of its own, after the files of the run before were removed."""
    subprocess.run(["rm", "-rf", str(folder / "dumps")], check=True)
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(folder)], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--triples", type=int, default=1_500_000)
    parser.add_argument("--measure", type=Path)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    table = Table(title=f"Files of releases, {arguments.rounds} rounds", title_justify="left")
    for name in ("graph", "quads", "files", "MB", "processor s (median)", "goal s", "MB of memory", "of it at start"):
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        curated = Path(folder) / "curated"
        subprocess.run([CIRCKG, "build", "--store", str(curated)], check=True, stdout=subprocess.DEVNULL)
        stores = {"curated": curated}
        for name, size in (("synthetic, a tenth", arguments.triples // 10), ("synthetic", arguments.triples)):
            stores[name] = synthetic(Path(folder) / name.replace(" ", ""), size).folder
        for name, store in stores.items():
            runs = [run(store) for _ in range(arguments.rounds)]
            one = runs[0]
            table.add_row(
                name, f"{one['quads']:,}", f"{one['files']}", f"{one['bytes'] / 1e6:.1f}",
                f"{statistics.median(found['seconds'] for found in runs):.2f}",
                f"{GOALS[name]:.0f}" if name in GOALS else "",
                f"{max(found['memory'] for found in runs):.0f}", f"{one['before']:.0f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
