"""The engines of a server: which snapshot is served by which readers, and how a new one takes over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from circkg_server.engines.frames import Job
from circkg_server.engines.interface import EngineKind
from circkg_server.engines.pool import Answer, Failure, Pool
from circkg_server.engines.quickness import Quickness
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import Manifest, ManifestError
from circkg_server.settings import Settings
from circkg_server.sparql.tokens import Token
from circkg_server.store import neighbourhood_index
from circkg_server.store.dataset import Dataset
from circkg_server.store.neighbourhood import Neighbourhood
from circkg_server.store.snapshot import NothingPublishedError, make, path_of

BYTES_PER_QUAD = 400
"""Memory of a quad in the in-memory store, rounded up."""
DRAIN = 150.0
"""Seconds that running queries have at least to end on their snapshot after a new one took over."""
WATCH = 1.0
OLD_KEPT = 2
"""Earlier snapshots whose readers are kept ready at once."""
OLD_READERS = 2
_TRIES = (1.0, 10.0, 60.0)
"""Seconds after which the memory image is loaded again if it could not be."""


class NoSuchSnapshotError(LookupError):
    """A snapshot of that number has never been published."""


class SnapshotGoneError(LookupError):
    """A snapshot is not kept for queries any more; its manifest still names the dumps."""

    def __init__(self, message: str, dumps: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.dumps = dumps


@dataclass(slots=True)
class Served:
    """One snapshot and its readers."""

    manifest: Manifest
    neighbourhood: Neighbourhood | None
    checkpoint: Pool
    memory: Pool | None = None

    @property
    def pools(self) -> list[Pool]:
        """Return the pools that serve it."""
        return [self.checkpoint, *([self.memory] if self.memory else [])]


@dataclass(slots=True)
class Engines:
    """All readers of a server.

    Publishing a snapshot: its checkpoint readers start first and serve at once; then the old memory image ends and the
    new one loads, so that there are never two. Running queries finish on the snapshot on which they began.
    """

    archive: Archive
    settings: Settings
    on_event: Callable[[str], None] = lambda _: None
    current: Served | None = None
    quickness: Quickness = field(default_factory=Quickness)
    _old: OrderedDict[int, Pool] = field(default_factory=OrderedDict)
    _live: set[Pool] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Serve the current manifest, and every later one as it is published.

        :raises NothingPublishedError: if nothing has been published.
        """
        manifest = self.archive.current()
        if manifest is None:
            raise NothingPublishedError(f"Nothing is published in {self.archive.folder} yet. Run `circkg build` first.")
        await self.publish(manifest)
        self._task(self._watch())

    async def publish(self, manifest: Manifest) -> None:
        """Let a snapshot take over.

        :raises Failure: if its readers cannot be started; the snapshot served before stays.
        """
        async with self._publishing:
            await self._make(manifest)
            neighbourhood = await self._neighbourhood(manifest)
            pool = self._pool(EngineKind.CHECKPOINT, manifest)
            await pool.start()
            before, self.current = self.current, Served(manifest, neighbourhood, pool)
            if before is not None:
                if before.memory is not None:
                    before.memory.recall()
                self._keep_ready(before.manifest.number, before.checkpoint)
            self._task(self._load_memory(self.current, before.memory if before else None))

    async def _make(self, manifest: Manifest) -> None:
        """Make the snapshot of a manifest if somebody deleted it."""
        if not path_of(self.archive, manifest).exists():
            with self.archive.writing():
                await asyncio.to_thread(make, self.archive, manifest)

    async def _neighbourhood(self, manifest: Manifest) -> Neighbourhood | None:
        """Open the index of what stands around IRIs, made if it is not there; without one, that is queried."""
        path = neighbourhood_index.path_of(self.archive, manifest)
        try:
            if not neighbourhood_index.is_whole(path):
                with self.archive.writing():
                    await asyncio.to_thread(neighbourhood_index.make, self.archive, manifest)
            return Neighbourhood(path)
        except (ManifestError, StoreBusyError, OSError, sqlite3.Error) as error:
            self.on_event(f"no-neighbourhoods: {error}")
            return None

    async def _load_memory(self, served: Served, before: Pool | None) -> None:
        """Load the memory image of a snapshot, after the one before has gone."""
        async with self._loading:
            if before is not None:
                await self._drain(before)
            for pause in (*_TRIES, None):
                if self.current is not served or not self._wants_memory(served.manifest):
                    return
                pool = self._pool(EngineKind.MEMORY, served.manifest)
                try:
                    await pool.start()
                except Failure:
                    self._live.discard(pool)
                    self.on_event("memory-image-failed")
                    if pause is not None:
                        await asyncio.sleep(pause)
                    continue
                if self.current is served:
                    served.memory = pool
                else:
                    await self._drain(pool)
                return

    async def _drain(self, pool: Pool) -> None:
        await pool.drain(max(DRAIN, self.settings.max_timeout))
        self._live.discard(pool)

    def _wants_memory(self, manifest: Manifest) -> bool:
        if self.settings.engine != "auto":
            return self.settings.engine == "memory"
        quads = sum(release.quads for release in manifest.releases if release.role.in_default_graph)
        return quads * BYTES_PER_QUAD < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 3

    def _pool(self, kind: EngineKind, manifest: Manifest, size: int | None = None) -> Pool:
        async def mend() -> None:
            if self.current is not None and self.current.manifest == manifest:
                with contextlib.suppress(ManifestError, StoreBusyError, OSError):
                    await self._make(manifest)

        pool = Pool(
            kind, self.archive.folder, manifest.number, size or self.settings.reader_count,
            self.settings.query_memory, self.settings.queue, self.on_event, mend,
        )  # fmt: skip
        self._live.add(pool)
        return pool

    async def _watch(self) -> None:
        """Publish what a build publishes while the server runs."""
        while True:
            await asyncio.sleep(WATCH)
            try:
                manifest = self.archive.current()
                if manifest is not None and self.current is not None and manifest != self.current.manifest:
                    await self.publish(manifest)
            except Exception as error:  # the snapshot served before stays, and the next look may go better
                self.on_event(f"not-published: {error}")

    # -- asking -------------------------------------------------------------------------------------------------

    async def ask(
        self, id_: str, job: Job, query: list[Token], *, timeout: float, named_graphs: bool, snapshot: int | None = None
    ) -> Answer:
        """Return the answer of a query from the engine that it needs.

        :param query: the tokens of the query, by which its quickness is guessed.
        :param named_graphs: whether it needs more than the default graph.
        :param snapshot: number of an earlier snapshot; ``None``: the current one.
        :raises Failure: if it is not answered.
        :raises SnapshotGoneError: if that snapshot is not kept.
        :raises NoSuchSnapshotError: if there never was such a snapshot.
        """
        served = self.current
        if served is None:
            raise Failure("stopped", "No snapshot is served yet. Try again in a while.")
        pool = served.checkpoint
        if snapshot is not None and snapshot != served.manifest.number:
            pool = await self._earlier(snapshot)
        elif not named_graphs and served.memory is not None and served.memory.readers:
            pool = served.memory
        if job.dataset is not None and len(job.dataset.default) > 1:
            self._check_merge(job.dataset, self.manifest(pool.number))
        return pool.ask(id_, job, timeout, quick=self.quickness.expects_quick(query))

    def manifest(self, number: int) -> Manifest:
        """Return the manifest of a snapshot that has been published.

        :raises NoSuchSnapshotError: if there is none of that number.
        """
        current = self.current.manifest if self.current else None
        if current is not None and number == current.number:
            return current
        try:
            if current is None or number > current.number:  # a build writes its manifest before it publishes
                raise ManifestError
            return self.archive.number(number)
        except ManifestError as error:
            raise NoSuchSnapshotError(f"There is no snapshot {number}.") from error

    def _check_merge(self, dataset: Dataset, manifest: Manifest) -> None:
        """Refuse to merge graphs that a reader's memory cannot hold, before one tries and dies of it."""
        sizes = {release.graph: release.quads for release in manifest.releases}
        quads = sum(sizes.get(graph, 0) for graph in {*dataset.default, *dataset.named})
        if quads * BYTES_PER_QUAD > self.settings.query_memory:
            message = f"These graphs have {quads:,} triples, too many to be merged for a query. Name one, or none."
            raise Failure("too-large", message)

    async def _earlier(self, number: int) -> Pool:
        """Return the pool of an earlier snapshot, opened when it is first asked for."""
        async with self._opening:
            manifest = await asyncio.to_thread(self.manifest, number)
            pool = self._old.pop(number, None)
            if not path_of(self.archive, manifest).exists():
                if pool is not None:
                    self._task(self._drain(pool))
                dumps = tuple(release.file for release in manifest.releases)
                raise SnapshotGoneError(f"Snapshot {number} is not kept for queries any more.", dumps)
            if pool is None:
                pool = self._pool(EngineKind.CHECKPOINT, manifest, OLD_READERS)
                await pool.start()
            self._keep_ready(number, pool)
            return pool

    def _keep_ready(self, number: int, pool: Pool) -> None:
        """Keep the readers of an earlier snapshot, and let those go that were not asked for longest."""
        self._old[number] = pool
        while len(self._old) > OLD_KEPT:
            self._task(self._drain(self._old.popitem(last=False)[1]))

    def cancel(self, id_: str) -> bool:
        """End a running query; tell whether there was one of that id."""
        return any(pool.cancel(id_) for pool in self._live)

    @property
    def pools(self) -> list[Pool]:
        """Return every pool that serves queries now."""
        return [*(self.current.pools if self.current else []), *self._old.values()]

    @property
    def ready(self) -> bool:
        """Tell whether a snapshot is served."""
        return self.current is not None and self.current.checkpoint.readers > 0

    def running(self) -> list[dict[str, object]]:
        """Return the running queries, for administrators."""
        return [
            {
                "id": running.id, "engine": pool.kind.value, "snapshot": pool.number, "reader": running.reader,
                "seconds": round(time.monotonic() - running.since, 3), "query": running.job.text,
            }
            for pool in self._live
            for running in pool.running.values()
        ]  # fmt: skip

    async def stop(self) -> None:
        """End all readers."""
        for task in list(self._tasks):
            task.cancel()
        self.current = None
        self._old.clear()
        await asyncio.gather(*(pool.stop() for pool in self._live))
        self._live.clear()

    def _task(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
