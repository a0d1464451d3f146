"""The default graph of a manifest: the RDF merge of its stated, inferred and vocabulary graphs."""

from __future__ import annotations

import io
from collections.abc import Iterator

from pyoxigraph import RdfFormat, Store

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest


class _Lines(io.RawIOBase):
    """A file of lines that are made as they are read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # typeshed has no name for a writable buffer in 3.11
        while len(self._left) < len(view):
            line = next(self._lines, None)
            if line is None:
                break
            self._left += line
        taken = self._left[: len(view)]
        self._left = self._left[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


def load_default_graph(store: Store, archive: Archive, manifest: Manifest) -> None:
    """Load the default graph of a manifest into a store, each triple once however many graphs have it.

    An engine that concatenates graphs would count a triple that stands in three of them three times.
    """
    for release in manifest.releases:
        if release.role.in_default_graph:
            lines = _Lines(archive.n_triples(release))
            store.bulk_load(io.BufferedReader(lines, 1 << 20), RdfFormat.N_TRIPLES)
