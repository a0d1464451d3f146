"""Answers that are kept: least recently used first out, bounded in bytes, each evaluated by one request only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

LARGEST = 2 * 1024 * 1024
"""Largest answer that is kept, in bytes."""
_OVERHEAD = 512


@dataclass(slots=True)
class Cache:
    """Kept answers by entity tag.

    :param size: most bytes of all kept answers.
    """

    size: int
    held: int = 0
    hits: int = 0
    misses: int = 0
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    flights: dict[str, asyncio.Event] = field(default_factory=dict)

    def peek(self, tag: str) -> bytes | None:
        """Return a kept answer."""
        found = self._kept.get(tag)
        if found is not None:
            self._kept.move_to_end(tag)
        return found

    async def get(self, tag: str) -> bytes | None:
        """Return a kept answer, waited for if another request is just fetching it.

        ``None``: there is none, and this request has been noted as the one that fetches it; :meth:`end` must follow.
        """
        while (found := self.peek(tag)) is None:
            flight = self.flights.get(tag)
            if flight is None:
                self.flights[tag] = asyncio.Event()
                self.misses += 1
                return None
            await flight.wait()
        self.hits += 1
        return found

    def end(self, tag: str) -> None:
        """Say that the answer has been fetched or will not be; a request that waits for it goes on."""
        flight = self.flights.pop(tag, None)
        if flight is not None:
            flight.set()

    def put(self, tag: str, content: bytes) -> None:
        """Keep an answer, unless it is too large."""
        if len(content) + _OVERHEAD > min(LARGEST, self.size):
            return
        before = self._kept.pop(tag, None)
        if before is not None:
            self.held -= len(before) + _OVERHEAD
        self._kept[tag] = content
        self.held += len(content) + _OVERHEAD
        while self.held > self.size:
            _, oldest = self._kept.popitem(last=False)
            self.held -= len(oldest) + _OVERHEAD
