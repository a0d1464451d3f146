"""A snapshot: the Oxigraph store of one manifest, with the default graph materialised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import (
    RdfFormat,
    Store,
)

from circkg_server.releases.archive import Archive, keep_newest, new_folder
from circkg_server.releases.manifest import Manifest
from circkg_server.store.dataset import Answer, Dataset, ask
from circkg_server.store.merged import load_default_graph


class NothingPublishedError(RuntimeError):
    """The store has no manifest yet."""


def path_of(archive: Archive, manifest: Manifest) -> Path:
    """Return the folder of a manifest's snapshot."""
    return archive.folder / "snapshots" / f"{manifest.number:06}"


def make(archive: Archive, manifest: Manifest) -> Path:
    """Make the snapshot of a manifest from its releases, unless it is there, and return its folder.

    Every release becomes a named graph; the default graph is the merge of :mod:`circkg_server.store.merged`.
    """
    folder = path_of(archive, manifest)
    if folder.exists():
        return folder
    with new_folder(folder) as new:
        store = Store(str(new))
        for release in manifest.releases:
            store.bulk_load(archive.quads(release), RdfFormat.N_QUADS)
        load_default_graph(store, archive, manifest)
        store.optimize()
        store.flush()
        del store
    return folder


def remove_old(archive: Archive, current: Manifest, keep: int = 5) -> None:
    """Remove snapshots that nobody can ask for any more: all but the newest, and those kept for citations."""
    keep_newest(path_of(archive, current), keep, archive.kept())


@dataclass(slots=True)
class Snapshot:
    """A snapshot opened for reading. Safe to use from several threads."""

    manifest: Manifest
    _store: Store

    @classmethod
    def open(cls, archive: Archive) -> Snapshot:
        """Open the snapshot of the current manifest, made anew if somebody deleted it.

        :raises NothingPublishedError: if nothing has been published.
        :raises StoreBusyError: if the snapshot must be made anew while another process writes.
        """
        manifest = archive.current()
        if manifest is None:
            raise NothingPublishedError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
        folder = path_of(archive, manifest)
        if not folder.exists():
            with archive.writing():
                make(archive, manifest)
        return cls(manifest, Store.read_only(str(folder)))

    def query(self, text: str, dataset: Dataset | None = None) -> Answer:
        """Answer a SPARQL query.

        :param dataset: graphs to use instead of the snapshot's own dataset; it overrides ``FROM`` in the query.
        :raises SyntaxError: if the query is not SPARQL.
        """
        return ask(self._store, text, dataset)

    def __len__(self) -> int:
        """Return the number of quads, the default graph's copies included."""
        return len(self._store)
