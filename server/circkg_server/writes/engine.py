"""The live store as an engine: the query endpoint of an open instance asks it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from circkg_server.engines.frames import Job
from circkg_server.engines.interface import PoolFigures
from circkg_server.engines.pool import Failure
from circkg_server.engines.quickness import Quickness
from circkg_server.releases.manifest import Manifest
from circkg_server.sparql.formats import FORMATS
from circkg_server.sparql.tokens import Token
from circkg_server.writes.live import (
    BusyError,
    CrashedError,
    FormatError,
    Formats,
    LiveError,
    LiveStore,
    SyntaxFaultError,
    TimeoutExceededError,
    TooLargeError,
)

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (SyntaxFaultError, "syntax"),
    (TimeoutExceededError, "timeout"),
    (TooLargeError, "too-large"),
    (BusyError, "busy"),
    (CrashedError, "ended"),
    (FormatError, "evaluation"),
)


@dataclass(frozen=True, slots=True)
class _Serving:
    """What an open instance serves: no manifest ever names it."""

    manifest: Manifest = field(default_factory=lambda: Manifest(0, ()))
    neighbourhood: None = None


@dataclass(frozen=True, slots=True)
class _Whole:
    """An answer that came as a whole."""

    content: bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the answer."""
        if self.content:
            yield self.content

    def close(self) -> None:
        """Let nothing go: the store is free already."""


@dataclass(slots=True)
class LiveEngine:
    """Evaluates queries in the process that takes the writes, so that each sees all writes before it."""

    live: LiveStore
    quickness: Quickness = field(default_factory=Quickness)
    _running: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def current(self) -> _Serving:
        """Return what is served."""
        return _Serving()

    @property
    def ready(self) -> bool:
        """Tell whether the store is there: its process is started again for the next request if it died."""
        return True

    @property
    def pools(self) -> Sequence[PoolFigures]:
        """Return no pools: there is one process."""
        return ()

    async def start(self) -> None:
        """Start the process of the store."""
        await self.live.start()

    async def stop(self) -> None:
        """End it."""
        await self.live.close()

    async def ask(
        self,
        id_: str,
        job: Job,
        _query: list[Token],
        *,
        timeout: float,
        named_graphs: bool,
        snapshot: int | None = None,
    ) -> _Whole:
        """Return the answer of a query.

        :raises Failure: if it is not answered.
        """
        del named_graphs, snapshot  # all graphs are in the one store, which has no earlier states
        media_type = FORMATS[job.format].media_type
        dataset = job.dataset
        self._running[id_] = {"id": id_, "engine": "live", "since": time.monotonic(), "query": job.text}
        try:
            answer = await self.live.query(
                job.text, Formats(media_type, media_type, media_type), base=job.base, timeout=timeout,
                default_graphs=dataset.default if dataset else None, named_graphs=dataset.named if dataset else None,
            )  # fmt: skip
        except (LiveError, SyntaxFaultError) as error:
            kind = next((kind for class_, kind in _KINDS if isinstance(error, class_)), "evaluation")
            raise Failure(kind, str(error)) from error
        finally:
            del self._running[id_]
        return _Whole(answer.content)

    def cancel(self, _id: str) -> bool:
        """Cancel nothing: the time limit ends a query of an open instance."""
        return False

    def running(self) -> list[dict[str, object]]:
        """Return the running queries."""
        now = time.monotonic()
        return [{**found, "seconds": round(now - float(str(found["since"])), 3)} for found in self._running.values()]
