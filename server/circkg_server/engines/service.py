"""The engines of a server: which snapshot is served by which readers, and how a new one takes over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from circkg_server.engines.frames import Job
from circkg_server.engines.pool import Answer, EngineKind, Failure, Pool
from circkg_server.engines.quickness import Quickness
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, ManifestError
from circkg_server.settings import Settings
from circkg_server.sparql.tokens import Token
from circkg_server.store.snapshot import NothingPublishedError, make, path_of

BYTES_PER_QUAD = 400
"""Memory of a quad in the in-memory store, rounded up."""
DRAIN = 150.0
"""Seconds that running queries have to end on their snapshot after a new one took over."""
WATCH = 1.0
OLD_KEPT = 2
"""Earlier snapshots whose readers are kept ready at once."""


class SnapshotGoneError(LookupError):
    """A snapshot is not kept for queries any more; its manifest still names the dumps."""


@dataclass(slots=True)
class Served:
    """One snapshot and its readers."""

    manifest: Manifest
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
    _old: dict[int, Pool] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
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
            if not path_of(self.archive, manifest).exists():
                with self.archive.writing():
                    await asyncio.to_thread(make, self.archive, manifest)
            pool = self._pool(EngineKind.CHECKPOINT, manifest)
            await pool.start()
            before, self.current = self.current, Served(manifest, pool)
            if before is not None:
                for old in before.pools:
                    self._task(old.drain(DRAIN))
            self._task(self._load_memory(self.current, before))

    async def _load_memory(self, served: Served, before: Served | None) -> None:
        """Load the memory image of a snapshot, after the one before has gone."""
        if not self._wants_memory(served.manifest):
            return
        if before is not None and before.memory is not None:
            await before.memory.drain(DRAIN)
        pool = self._pool(EngineKind.MEMORY, served.manifest)
        try:
            await pool.start()
        except Failure:
            self.on_event("memory-image-failed")
            return
        if self.current is served:
            served.memory = pool
        else:
            await pool.stop()

    def _wants_memory(self, manifest: Manifest) -> bool:
        if self.settings.engine != "auto":
            return self.settings.engine == "memory"
        quads = sum(release.quads for release in manifest.releases if release.role.in_default_graph)
        return quads * BYTES_PER_QUAD < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 3

    def _pool(self, kind: EngineKind, manifest: Manifest, size: int | None = None) -> Pool:
        return Pool(
            kind, self.archive.folder, manifest.number, size or self.settings.reader_count,
            self.settings.query_memory, self.settings.queue, self.on_event,
        )  # fmt: skip

    async def _watch(self) -> None:
        """Publish what a build publishes while the server runs."""
        while True:
            await asyncio.sleep(WATCH)
            try:
                manifest = self.archive.current()
            except (ManifestError, OSError):
                self.on_event("manifest-unreadable")
                continue
            if manifest is not None and self.current is not None and manifest != self.current.manifest:
                with contextlib.suppress(Failure, RuntimeError, OSError):
                    await self.publish(manifest)

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
        """
        quick = self.quickness.expects_quick(query)
        if snapshot is not None and (self.current is None or snapshot != self.current.manifest.number):
            pool = await self._earlier(snapshot)
        else:
            served = self.current
            if served is None:
                raise Failure("stopped", "No snapshot is served yet. Try again in a while.")
            pool = served.checkpoint if named_graphs or served.memory is None else served.memory
        return await pool.ask(id_, job, timeout, quick=quick)

    async def _earlier(self, number: int) -> Pool:
        """Return the pool of an earlier snapshot, opened when it is first asked for."""
        async with self._opening:
            pool = self._old.pop(number, None)
            if pool is None:
                try:
                    manifest = self.archive.number(number)
                except ManifestError as error:
                    raise LookupError(f"There is no snapshot {number}.") from error
                if not path_of(self.archive, manifest).exists():
                    raise SnapshotGoneError(f"Snapshot {number} is not kept for queries any more.")
                pool = self._pool(EngineKind.CHECKPOINT, manifest, 2)
                await pool.start()
            self._old[number] = pool
            while len(self._old) > OLD_KEPT:
                self._task(self._old.pop(next(iter(self._old))).drain(DRAIN))
            return pool

    def cancel(self, id_: str) -> bool:
        """End a running query; tell whether there was one of that id."""
        return any(pool.cancel(id_) for pool in self.pools)

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
            for pool in self.pools
            for running in pool.running.values()
        ]  # fmt: skip

    async def stop(self) -> None:
        """End all readers."""
        for task in list(self._tasks):
            task.cancel()
        pools, self.current = self.pools, None
        self._old.clear()
        await asyncio.gather(*(pool.stop() for pool in pools))

    def _task(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
