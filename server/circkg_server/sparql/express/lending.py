"""When a connection is lent to a reader, and what becomes of it when it comes back."""

from __future__ import annotations

import asyncio
from typing import Protocol

from circkg_server.engines.loans import Reason
from circkg_server.engines.pool import Pool
from circkg_server.sparql.express.shared import Shared

LENT_AFTER = 3
"""Plain, quick requests in a row after which a connection is lent to a reader."""


class Lender(Protocol):
    """A connection that may be lent."""

    transport: asyncio.Transport
    client: str

    @property
    def is_free(self) -> bool:
        """Tell whether nothing is under way, so that the connection may be lent."""

    def stop_watching(self) -> None:
        """Let the connection stay open, however long nothing comes."""

    def came_back(self, taken: bytes, rest: bytes) -> None:
        """Go on after what is still to be sent, with what was taken and is not answered."""


class Lending:
    """The lending of one connection, whose client keeps sending plain, quick queries one after the other."""

    def __init__(self, express: Shared, connection: Lender) -> None:
        self._express, self._connection = express, connection
        self._pool: Pool | None = None
        self._in_a_row = 0
        self._spent = 0.0

    @property
    def is_lent(self) -> bool:
        """Tell whether a reader has the connection."""
        return self._pool is not None

    def one_more(self) -> None:
        """Take note of a request that a reader might have answered, and lend the connection after a few of them."""
        self._in_a_row += 1
        if self._in_a_row >= LENT_AFTER:
            asyncio.get_running_loop().call_soon(self._lend)  # when the response has gone out

    def no_more(self) -> None:
        """Take note of another request: the row begins anew."""
        self._in_a_row = 0

    def _lend(self) -> None:
        found = self._express.pool()
        if found is None or self.is_lent or not self._connection.is_free:
            return
        self._in_a_row = 0
        manifest, pool = found
        self._express.serve(manifest)
        self._connection.transport.pause_reading()
        self._pool = pool
        if pool.lend(self, self._express.forms):
            self._connection.stop_watching()
        else:
            self._pool = None
            self._connection.transport.resume_reading()

    def recall(self) -> None:
        """Have the connection come back, if it is lent."""
        if self._pool is not None:
            self._pool.recall()

    def take_spent(self) -> float:
        """Return the seconds that the query that came back last has cost already, in a reader killed over it."""
        spent, self._spent = self._spent, 0.0
        return spent

    # -- what the desk of the reader calls ----------------------------------------------------------------------

    def noted(self, when: float, kept: bool, size: int, took: float, id_: str) -> None:
        """Take note of an answer that the reader gave."""
        cache = self._express.endpoint.cache
        cache.hits += kept
        cache.misses += not kept
        outcome = "cached" if kept else "answered"
        self._express.note(self._connection.client, id_, outcome, 200, size, took, when)

    def descriptor(self) -> int:
        """Return the descriptor of the connection, -1 if it has ended."""
        transport = self._connection.transport
        return -1 if transport.is_closing() else int(transport.get_extra_info("socket").fileno())

    def returned(
        self, reason: int = Reason.OTHER, seconds: float = 0.0, form: int = 0, taken: bytes = b"", rest: bytes = b""
    ) -> None:
        """Go on with the connection; queries that the reader found too slow or too large are the front's again."""
        self._pool = None
        if form:
            shape = self._express.forms.forget(form)
            if shape is not None:
                self._express.learn(shape, seconds)
        elif reason == Reason.SLOW:
            self._spent = seconds
        self._connection.came_back(taken, rest)

    def cut_off(self) -> None:
        """End the connection: nobody knows how much of an answer it got."""
        self._pool = None
        self._connection.transport.abort()
