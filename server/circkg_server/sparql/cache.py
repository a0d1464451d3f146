"""Answers that are kept: least recently used first out, bounded in bytes, each evaluated by one request only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

LARGEST = 2 * 1024 * 1024
"""Largest answer that is kept, in bytes."""
_OVERHEAD = 512


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole answer."""

    media_type: str
    content: bytes


@dataclass(slots=True)
class Cache:
    """Kept answers by entity tag.

    :param size: most bytes of all kept answers.
    """

    size: int
    held: int = 0
    hits: int = 0
    misses: int = 0
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict)
    _flights: dict[str, asyncio.Future[Kept | None]] = field(default_factory=dict)

    def get(self, tag: str) -> Kept | None:
        """Return a kept answer."""
        found = self._kept.get(tag)
        if found is not None:
            self._kept.move_to_end(tag)
            self.hits += 1
        return found

    async def wait(self, tag: str) -> Kept | None:
        """Return the answer that another request is just fetching, or ``None`` if this one must fetch it itself."""
        flight = self._flights.get(tag)
        if flight is None:
            return None
        found = await asyncio.shield(flight)
        if found is not None:
            self.hits += 1
        return found

    def begin(self, tag: str) -> None:
        """Say that this request fetches the answer; :meth:`end` must follow."""
        self.misses += 1
        if tag not in self._flights:
            self._flights[tag] = asyncio.get_running_loop().create_future()

    def end(self, tag: str, answer: Kept | None) -> None:
        """Keep an answer, or say that there is none to keep."""
        flight = self._flights.pop(tag, None)
        if flight is not None and not flight.done():
            flight.set_result(answer)
        if answer is None or len(answer.content) > min(LARGEST, self.size):
            return
        before = self._kept.pop(tag, None)
        if before is not None:
            self.held -= len(before.content) + _OVERHEAD
        self._kept[tag] = answer
        self.held += len(answer.content) + _OVERHEAD
        while self.held > self.size:
            _, oldest = self._kept.popitem(last=False)
            self.held -= len(oldest.content) + _OVERHEAD
