"""Places for queries at a store elsewhere, and who waits for one."""

from __future__ import annotations

import asyncio
from collections import deque

from circkg_server.engines.pool import Failure


class Slots:
    """Places for queries at the store; the last quarter is for quick ones only."""

    def __init__(self, size: int, queue: int) -> None:
        self.size, self.queue = size, queue
        self.taken = self.slow = 0
        self._waiting: deque[tuple[asyncio.Future[None], bool]] = deque()

    @property
    def waiting(self) -> int:
        """Return how many queries wait."""
        return len(self._waiting)

    def _fits(self, *, quick: bool) -> bool:
        kept = max(self.size // 4, 1) if self.size > 1 else 0
        return self.taken < self.size and (quick or self.slow < self.size - kept)

    def _take(self, *, quick: bool) -> None:
        self.taken += 1
        self.slow += not quick

    async def take(self, timeout: float, *, quick: bool) -> None:
        """Take a place as soon as there is one.

        :raises Failure: if there is none in time, or too many wait.
        """
        if self._fits(quick=quick):
            self._take(quick=quick)
            return
        if len(self._waiting) >= self.queue:
            raise Failure("busy", f"{self.queue} queries are waiting already. Try again in a while.")
        entry = (asyncio.get_running_loop().create_future(), quick)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await entry[0]
        except BaseException as error:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif entry[0].done() and not entry[0].cancelled() and entry[0].exception() is None:
                self.give(quick=quick)  # the place came just as its taker left
            if isinstance(error, TimeoutError):
                raise Failure("timeout", f"The store was not free within {timeout:g} seconds.") from error
            raise

    def give(self, *, quick: bool) -> None:
        """Give a place back, to whoever waits for one."""
        self.taken -= 1
        self.slow -= not quick
        for entry in list(self._waiting):
            if self._fits(quick=entry[1]):
                self._waiting.remove(entry)
                if not entry[0].done():
                    self._take(quick=entry[1])
                    entry[0].set_result(None)

    def refuse(self, failure: Failure) -> None:
        """Tell all that wait that there will be none."""
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(failure)
