"""Measures what publishing costs: the files of releases, and the whole directory with pages, catalogue and feed.

Of the curated graph, and of synthetic sets of two sizes, which show whether memory grows with the set. Prints processor
seconds (medians), the largest memory, and sizes. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
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
from circkg_server.catalogue.editor import Editor
from circkg_server.publishing.directory import write_directory
from circkg_server.publishing.files import make_files
from circkg_server.publishing.publication import Publication
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
    """Publish the current manifest as a directory, and print what it cost as JSON."""
    archive = Archive(folder)
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(str(folder))
    before = memory()
    started = time.process_time()
    make_files(archive, manifest, manifest.releases)
    made, memory_made = time.process_time(), memory()
    publication = Publication(archive, manifest, Editor(), "https://data.example.org/circkg")
    with tempfile.TemporaryDirectory() as target:
        written = write_directory(publication, Path(target))
        size = sum(path.stat().st_size for path in Path(target).rglob("*") if path.is_file())
    told = {
        "made": made - started, "written": time.process_time() - made, "files": written, "bytes": size,
        "quads": sum(release.quads for release in manifest.releases), "before": before, "memory_made": memory_made,
        "memory": memory(),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told))


def run(folder: Path) -> dict[str, float]:
    """Measure in a process of its own, after the files of the run before were removed."""
    for name in ("dumps", "statistics"):
        shutil.rmtree(folder / name, ignore_errors=True)
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
    table = Table(title=f"Published directories, {arguments.rounds} rounds", title_justify="left")
    for name in ("graph", "quads", "files", "MB", "files s", "pages s", "all s", "goal s", "memory MB", "at start"):
        table.add_column(name, justify="right", no_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        curated = Path(folder) / "curated"
        subprocess.run([CIRCKG, "build", "--store", str(curated)], check=True, stdout=subprocess.DEVNULL)
        stores = {"curated": curated}
        for name, size in (("synthetic, a tenth", arguments.triples // 10), ("synthetic", arguments.triples)):
            stores[name] = synthetic(Path(folder) / name.replace(" ", ""), size).folder
        for name, store in stores.items():
            runs = [run(store) for _ in range(arguments.rounds)]
            one = runs[0]
            medians = {part: statistics.median(found[part] for found in runs) for part in ("made", "written")}
            table.add_row(
                name, f"{one['quads']:,}", f"{one['files']}", f"{one['bytes'] / 1e6:.1f}",
                f"{medians['made']:.2f}", f"{medians['written']:.2f}", f"{sum(medians.values()):.2f}",
                f"{GOALS[name]:.0f}" if name in GOALS else "",
                f"{one['memory_made']:.0f} / {max(found['memory'] for found in runs):.0f}", f"{one['before']:.0f}",
            )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
