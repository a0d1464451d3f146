"""An answer that goes out as a whole."""

from __future__ import annotations

from collections.abc import Callable

from circkg_server.engines.frames import Job, Kind
from circkg_server.engines.pool import Answer, Failure, Pool


class Held(Answer):
    """An answer that is held until it is whole, and then told."""

    def __init__(self, pool: Pool, id_: str, job: Job, *, quick: bool) -> None:
        super().__init__(pool, id_, job, quick=quick)
        self.parts: list[bytes] = []
        self.size = 0
        self.most = 0
        self._from: object = None
        self.told: Callable[[Held, Failure | None], None] | None = None

    def take(self, kind: Kind, content: bytes) -> None:
        """Take a frame from the reader."""
        if kind is not Kind.CHUNK:
            super().take(kind, content)
            return
        if self.reader is not self._from:  # the first reader may have been killed; nothing has gone out yet
            self._from = self.reader
            self.parts.clear()
            self.size = 0
        self.parts.append(content)
        self.size += len(content)
        if self.size > self.most and self.told is not None:
            told, self.told = self.told, None
            told(self, None)

    def end(self, failure: Failure | None) -> None:
        """End the answer."""
        super().end(failure)
        if self.told is not None:
            told, self.told = self.told, None
            told(self, failure)
