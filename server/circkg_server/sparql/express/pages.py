"""Pages on the short way: the application answers a plain GET itself, and its reply is repeated from what is kept."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

LOG = logging.getLogger("circkg")
Scope = MutableMapping[str, Any]

_REQUEST = re.compile(
    rb"GET (/[\x21\x24-\x3e\x40-\x7e]*)(?:\?([\x21\x24-\x7e]*))? HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)+)\r\n"
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole reply of the application."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes

    @property
    def tag(self) -> str:
        """Return the entity tag, without quotation marks; empty if there is none."""
        return next((value.decode().strip('"') for name, value in self.headers if name == b"etag"), "")


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of an application that may take the short way.

    :param app: the application.
    :param serves: tells of a scope whether its path is one of them.
    """

    app: Callable[[Any, Any, Any], Awaitable[None]]
    serves: Callable[[Scope], bool]

    def read(self, data: bytes, client: str) -> tuple[bytes, Scope] | None:
        """Return the block of headers and the scope of a plain request for a page, or ``None`` if it is none."""
        match = _REQUEST.fullmatch(data)
        if match is None:
            return None
        path = unquote(match[1].decode())
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "root_path": "", "path": path, "raw_path": match[1], "query_string": match[2] or b"",
            "headers": [], "client": (client, 0), "server": None, "state": {},
        }  # fmt: skip
        if not self.serves(scope):
            return None
        lines = (line.partition(b":") for line in match[3].split(b"\r\n")[:-1])
        scope["headers"] = [(name.lower(), value.strip()) for name, _, value in lines]
        return match[3], scope

    async def reply(self, scope: Scope) -> Whole:
        """Return what the application replies, as a whole."""
        status = 500
        headers: list[tuple[bytes, bytes]] = []
        parts: list[bytes] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message["headers"])
            else:
                parts.append(message.get("body", b""))

        try:
            await self.app(scope, receive, send)
        except Exception:  # it has been told to the client as a problem
            LOG.exception("Exception in the application")
        return Whole(status, headers, b"".join(parts))
