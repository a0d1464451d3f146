"""A snapshot: the Oxigraph store of one manifest, with the default graph materialised."""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
)

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, sync_folder
from circkg_server.store.merged import load_default_graph

Answer = QuerySolutions | QueryTriples | QueryBoolean
MERGED_KEPT = 4
"""How many merges of several graphs are kept in memory."""


class NothingPublishedError(RuntimeError):
    """The store has no manifest yet."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The RDF dataset that a query asks for, by ``FROM`` or by the protocol's parameters.

    :param default: graphs whose RDF merge is the default graph.
    :param named: graphs that ``GRAPH`` reaches.
    """

    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


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
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    folder.parent.mkdir(parents=True, exist_ok=True)
    store = Store(str(temporary))
    for release in manifest.releases:
        store.bulk_load(archive.quads(release), RdfFormat.N_QUADS)
    load_default_graph(store, archive, manifest)
    store.optimize()
    store.flush()
    del store
    sync_folder(temporary)
    temporary.rename(folder)
    sync_folder(folder.parent)
    return folder


def remove_old(archive: Archive, current: Manifest, keep: int = 5) -> None:
    """Remove snapshots that nobody can ask for any more: all but the newest ``keep``. Releases stay."""
    folders = sorted(path for path in path_of(archive, current).parent.glob("[0-9]*") if path.is_dir())
    for folder in folders[:-keep]:
        if folder != path_of(archive, current):
            # Renamed first: a folder that was removed in part would later be taken for the whole snapshot.
            shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}.{os.getpid()}.tmp")))


@dataclass(slots=True)
class Snapshot:
    """A snapshot opened for reading. Safe to use from several threads."""

    manifest: Manifest
    _store: Store
    _merged: OrderedDict[Dataset, Store] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

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
        if dataset is None:
            return self._store.query(text)
        named: list[NamedNode | BlankNode] = [NamedNode(graph) for graph in dataset.named]
        if len(dataset.default) > 1:
            return self._merge(dataset).query(text, default_graph=DefaultGraph(), named_graphs=named)
        default: list[NamedNode | BlankNode | DefaultGraph] = [NamedNode(graph) for graph in dataset.default]
        return self._store.query(text, default_graph=default, named_graphs=named)

    def graphs(self) -> Iterator[str]:
        """Yield the IRIs of the named graphs."""
        return (node.value for node in self._store.named_graphs() if isinstance(node, NamedNode))

    def __len__(self) -> int:
        """Return the number of quads, the default graph's copies included."""
        return len(self._store)

    def _merge(self, dataset: Dataset) -> Store:
        with self._lock:
            store = self._merged.get(dataset)
            if store is None:
                store = Store()
                for graph in dataset.default:
                    quads = self._store.quads_for_pattern(None, None, None, NamedNode(graph))
                    store.extend(Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
                for graph in dataset.named:
                    store.extend(self._store.quads_for_pattern(None, None, None, NamedNode(graph)))
                self._merged[dataset] = store
                while len(self._merged) > MERGED_KEPT:
                    self._merged.popitem(last=False)
            self._merged.move_to_end(dataset)
            return store
