"""Measures what the catalogue costs: figures counted at publish, documents made from them, a score over HTTP left out.

Prints processor seconds (medians) and the largest memory. Counting runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics as median_of
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from publishing import memory, synthetic
from rich.console import Console
from rich.table import Table

from circkg_server.build import build
from circkg_server.catalogue import statistics
from circkg_server.catalogue.description import FORMS
from circkg_server.catalogue.documents import Kind, Shelf, _document
from circkg_server.catalogue.oai import Repository
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import NothingPublishedError

ADDRESS = "https://data.test"
REPEATS = 5


def count(folder: Path) -> None:
    """Count the figures of the current manifest anew, and print what it cost as JSON."""
    archive = Archive(folder)
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(str(folder))
    for path in (folder / statistics.FOLDER).rglob("*.json"):
        path.unlink()
    before, started = memory(), time.process_time()
    statistics.make(archive, manifest)
    spent = time.process_time() - started
    quads = sum(release.quads for release in manifest.releases)
    sys.stdout.write(json.dumps({"seconds": spent, "quads": quads, "before": before, "after": memory()}))


def counted(folder: Path) -> dict[str, float]:
    """Return the median of counting in fresh processes."""
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, __file__, "--count", str(folder)], capture_output=True, text=True, check=True
        )
        runs.append(json.loads(done.stdout))
    return sorted(runs, key=lambda run: run["seconds"])[1]


def seconds(make: Callable[[], object]) -> float:
    """Return the median processor time of something, nothing kept from the run before."""
    spent = []
    for _ in range(REPEATS):
        _document.cache_clear()
        started = time.process_time()
        make()
        spent.append(time.process_time() - started)
    return median_of.median(spent)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=1_500_000, help="size of the synthetic set")
    parser.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.count:
        count(given.count)
        return
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        curated = Archive(folder / "curated")
        build(curated)
        synthetic(folder / "synthetic", given.triples)
        table = Table("counted at publish", "quads", "CPU s", "quads/s", "MB before", "MB most")
        for name in ("curated", "synthetic"):
            run = counted(folder / name)
            table.add_row(
                name, f"{run['quads']:,.0f}", f"{run['seconds']:.2f}", f"{run['quads'] / run['seconds']:,.0f}",
                f"{run['before']:.0f}", f"{run['after']:.0f}",
            )  # fmt: skip
        out = Console()
        out.print(table)
        shelf, manifest = Shelf.of(curated), curated.current()
        assert manifest is not None
        table = Table("document of the curated graph", "form", "bytes", "CPU ms")
        kinds: tuple[Kind, ...] = ("catalogue", "void")
        for kind in kinds:
            for form in FORMS:
                content = shelf.document(kind, manifest, ADDRESS, form)
                spent = seconds(lambda kind=kind, form=form: shelf.document(kind, manifest, ADDRESS, form))  # type: ignore[misc]  # the defaults bind the loop's values
                table.add_row(kind, form.name, f"{len(content):,}", f"{spent * 1000:.0f}")
        repository = Repository(shelf, manifest, ADDRESS)
        asked = (("verb", "ListRecords"), ("metadataPrefix", "dcat"))
        spent = seconds(lambda: repository.answer(asked))
        table.add_row("OAI-PMH ListRecords", "dcat", f"{len(repository.answer(asked)):,}", f"{spent * 1000:.0f}")
        out.print(table)


if __name__ == "__main__":
    main()
