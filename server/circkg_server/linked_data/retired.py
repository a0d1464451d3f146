"""What a server knows of withdrawn IRIs: the store's ``retired.csv``, read again when it changes.

A build adds the rows of the data room to that file, and whoever purges a thing adds a tombstone; none is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.registry import RegistryError
from circkg_server.releases.archive import Archive
from circkg_server.retired import COLUMNS, Tombstone, retire, retired_of

_FILE = "retired.csv"


def publish(archive: Archive, data: Path) -> None:
    """Add what the data room says to the store's file; who calls this holds the lock of the one that writes.

    :raises RegistryError: if one of the two files cannot be read.
    """
    if not (data / _FILE).exists():
        return
    known = retired_of(archive.folder)
    for _, row in read_rows(data / _FILE, COLUMNS, RegistryError):
        tombstone = Tombstone(row["iri"], row["reason"], row["replaced_by"])
        if known.get(tombstone.iri) != tombstone:
            retire(archive.folder, tombstone)


@dataclass(slots=True)
class Retired:
    """The tombstones of a store."""

    store: Path
    _stamp: tuple[int, int] | None = None
    _tombstones: dict[str, Tombstone] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Archive) -> Retired:
        """Return the tombstones of a store."""
        return cls(archive.folder)

    def find(self, iri: str) -> Tombstone | None:
        """Return the tombstone of an IRI, or ``None`` if it was not withdrawn.

        :raises RegistryError: if the file cannot be read.
        """
        try:
            status = (self.store / _FILE).stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._tombstones, self._stamp = retired_of(self.store), stamp
        return self._tombstones.get(iri)
