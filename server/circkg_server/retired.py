"""IRIs that were withdrawn from a store: ``retired.csv`` of its folder. They are never used again."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.registry import RegistryError
from circkg_server.releases.durable import write_durably

COLUMNS = ("iri", "reason", "replaced_by")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a withdrawn IRI.

    :param replaced_by: IRI of what took its place; empty if nothing did.
    """

    iri: str
    reason: str
    replaced_by: str = ""


def retired_of(store: Path) -> dict[str, Tombstone]:
    """Return the tombstones of a store by their IRIs.

    :raises RegistryError: if the file cannot be read.
    """
    path = store / "retired.csv"
    if not path.exists():
        return {}
    return {
        row["iri"]: Tombstone(row["iri"], row["reason"], row["replaced_by"])
        for _, row in read_rows(path, COLUMNS, RegistryError)
    }


def retire(store: Path, tombstone: Tombstone) -> None:
    """Add a tombstone; the file is there as before or as a whole."""
    known = {**retired_of(store), tombstone.iri: tombstone}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((each.iri, each.reason, each.replaced_by) for _, each in sorted(known.items()))
    write_durably(store / "retired.csv", text.getvalue().encode())
