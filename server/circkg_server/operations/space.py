"""Free space: a store on a full disk cannot be opened again, so a reserve is kept."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from circkg_server.problems import problem

_ADDING = ("/update", "/graph-store", "/api/contributions", "/api/validate", "/shacl")
"""Paths whose requests are written to the store, if only until they are answered."""


class LowSpaceError(RuntimeError):
    """The disk of the store is nearly full; nothing is written until there is space again."""


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """The disk of a store.

    :param reserve: bytes that must stay free.
    """

    folder: Path
    reserve: int

    def free(self) -> int:
        """Return the free bytes of the disk, as far as this user may use them."""
        folder = self.folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free

    @property
    def low(self) -> bool:
        """Tell whether the reserve is touched."""
        return self.free() < self.reserve

    def check(self, more: int = 0) -> None:
        """Refuse what would touch the reserve.

        :param more: bytes that are about to be written.
        :raises LowSpaceError: if the reserve would not stay.
        """
        free = self.free()
        if free - more < self.reserve:
            raise LowSpaceError(
                f"The disk of {self.folder} has {free // 2**20:,} MiB left, of which {self.reserve // 2**20:,} MiB "
                "must stay free (CIRCKG_RESERVE). Remove old snapshots or give it more space."
            )


class SpaceGuard:
    """Refuses what adds to the store of an application while its disk is nearly full."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]], space: FreeSpace) -> None:
        self._app = app
        self._space = space

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path.startswith(_ADDING):
                try:
                    self._space.check()
                except LowSpaceError as error:
                    full = problem(HTTPStatus.INSUFFICIENT_STORAGE, "The disk is nearly full", str(error))
                    await full(scope, receive, send)
                    return
        await self._app(scope, receive, send)
