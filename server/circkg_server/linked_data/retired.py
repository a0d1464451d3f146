"""What was withdrawn: IRIs that are never used again, each with a reason and, where there is one, what took its place.

The store's file ``retired.csv`` (``iri``, ``reason``, ``replaced_by``) is what a server knows. A build adds the rows
of the data room to it, and whoever purges a thing adds a tombstone; nothing is ever taken out.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import write_durably

COLUMNS = ("iri", "reason", "replaced_by")
FILE = "retired.csv"


class RetiredError(ValueError):
    """A list of withdrawn IRIs cannot be read; the message names file and row."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a withdrawn thing.

    :param replaced_by: IRI of what took its place; empty if nothing did.
    """

    iri: str
    reason: str
    replaced_by: str = ""


def read(path: Path) -> dict[str, Tombstone]:
    """Return the tombstones of a file by IRI; a file that is not there holds none.

    :raises RetiredError: if it cannot be read.
    """
    if not path.exists():
        return {}
    rows = read_rows(path, COLUMNS, RetiredError)
    return {row["iri"]: Tombstone(row["iri"], row["reason"], row["replaced_by"]) for _, row in rows}


def publish(archive: Archive, data: Path) -> None:
    """Add what the data room says to the store's file; who calls this holds the lock of the one that writes.

    :raises RetiredError: if one of the two files cannot be read.
    """
    known = read(archive.folder / FILE)
    merged = known | read(data / FILE)
    if merged == known:
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((found.iri, found.reason, found.replaced_by) for _, found in sorted(merged.items()))
    write_durably(archive.folder / FILE, text.getvalue().encode())


@dataclass(slots=True)
class Retired:
    """The tombstones of a store, read again when the file changes."""

    path: Path
    _stamp: tuple[int, int] | None = None
    _tombstones: dict[str, Tombstone] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Archive) -> Retired:
        """Return the tombstones of a store."""
        return cls(archive.folder / FILE)

    def find(self, iri: str) -> Tombstone | None:
        """Return the tombstone of an IRI, or ``None`` if it was not withdrawn.

        :raises RetiredError: if the file cannot be read.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._tombstones, self._stamp = read(self.path), stamp
        return self._tombstones.get(iri)
