"""Lets pages of any origin read every answer, errors too: the data are open. https://fetch.spec.whatwg.org/#http-cors-protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from circkg_server import problems

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_EXPOSED = (
    b"Content-Location, ETag, Link, Location, Retry-After, X-CircKG-Bounded, X-CircKG-Snapshot, X-CircKG-Query-Id"
)
HEADERS = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED))
"""What every response has."""


class Cors:
    """Adds the headers to every response of an application, and answers preflights."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"])
        started = False

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), *HEADERS],
                }
            await send(message)

        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            wanted = asked.get(b"access-control-request-headers", b"content-type, accept, authorization")
            headers = [
                (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE, QUERY, OPTIONS"),
                (b"access-control-allow-headers", wanted),
                (b"access-control-max-age", b"86400"),
            ]
            await with_headers({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception:
            if not started:
                # The traceback goes to the log by the server; the client gets a problem that it can read.
                body = problems.content(
                    HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here", "It has been logged."
                )
                headers = [(b"content-type", problems.MEDIA_TYPE.encode())]
                await with_headers({"type": "http.response.start", "status": 500, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            raise
