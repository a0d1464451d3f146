"""What a front needs of an engine, whether its readers are processes here or a store elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from enum import Enum
from typing import Protocol

from circkg_server.engines.frames import Job
from circkg_server.engines.quickness import Quickness
from circkg_server.releases.manifest import Manifest
from circkg_server.sparql.tokens import Token
from circkg_server.store.neighbourhood import Neighbourhood


class EngineKind(Enum):
    """What evaluates queries."""

    MEMORY = "memory"
    """Readers that hold the default graph."""
    CHECKPOINT = "checkpoint"
    """Readers that open the snapshot on disk."""
    REMOTE = "remote"
    """A store elsewhere."""


class Serving(Protocol):
    """What is served."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of the snapshot."""
        ...

    @property
    def neighbourhood(self) -> Neighbourhood | None:
        """Return what looks up what stands around an IRI, or ``None`` if that must be queried."""
        ...


class AnswerStream(Protocol):
    """The answer of one query as it comes."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the answer; raises ``Failure`` if it does not come to its end."""
        ...

    def close(self) -> None:
        """Let go of what evaluates the query."""
        ...


class PoolFigures(Protocol):
    """The figures of those that evaluate queries on one snapshot."""

    @property
    def kind(self) -> EngineKind:
        """Return the kind of engine."""
        ...

    @property
    def number(self) -> int:
        """Return the number of the snapshot."""
        ...

    @property
    def readers(self) -> int:
        """Return how many queries may be evaluated at once now."""
        ...

    @property
    def running(self) -> Mapping[str, object]:
        """Return the running queries by id."""
        ...

    @property
    def lent(self) -> int:
        """Return the number of connections of clients that readers answer themselves."""
        ...

    @property
    def waiting(self) -> int:
        """Return how many queries wait."""
        ...

    @property
    def respawns(self) -> int:
        """Return how often a reader was replaced."""
        ...


class Engine(Protocol):
    """Evaluates queries on the snapshot that is served, and takes over the next one when it is published."""

    @property
    def current(self) -> Serving | None:
        """Return what is served, or ``None`` if nothing is yet."""
        ...

    @property
    def quickness(self) -> Quickness:
        """Return what is known of the shapes of queries."""
        ...

    @property
    def ready(self) -> bool:
        """Tell whether a snapshot is served."""
        ...

    @property
    def pools(self) -> Sequence[PoolFigures]:
        """Return the figures of all that evaluate queries now."""
        ...

    async def start(self) -> None:
        """Serve the current manifest, and every later one."""
        ...

    async def ask(
        self, id_: str, job: Job, query: list[Token], *, timeout: float, named_graphs: bool, snapshot: int | None = None
    ) -> AnswerStream:
        """Return the answer of a query."""
        ...

    def cancel(self, id_: str) -> bool:
        """End a running query; tell whether there was one of that id."""
        ...

    def running(self) -> list[dict[str, object]]:
        """Return the running queries, for administrators."""
        ...

    async def stop(self) -> None:
        """Stop serving."""
        ...
