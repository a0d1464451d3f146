"""HEAD and OPTIONS for every route, and an ``Allow`` that names all methods of a path.

https://www.rfc-editor.org/rfc/rfc9110#section-9.3
"""

from __future__ import annotations

from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.routing import Match

Scope = MutableMapping[str, Any]
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")


class Methods:
    """Adds to the routes of an application the methods that follow from those which they have."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        method = scope["method"] if scope["type"] == "http" else ""
        methods = self._methods(scope) if method in ("HEAD", "OPTIONS") else set()

        async def named(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                found = self._methods(scope)
                if "OPTIONS" not in found:  # else the route names them itself
                    headers = [pair for pair in message["headers"] if pair[0] != b"allow"]
                    message = {**message, "headers": [*headers, _allow(found)]}
            await send(message)

        async def without_content(message: MutableMapping[str, Any]) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if method == "HEAD" and "GET" in methods and "HEAD" not in methods:
            await self._app({**scope, "method": "GET"}, receive, without_content)
        elif method == "OPTIONS" and methods and "OPTIONS" not in methods:
            await send({"type": "http.response.start", "status": 204, "headers": [_allow(methods)]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, named)

    def _methods(self, scope: Scope) -> set[str]:
        """Return the methods of all routes that a path leads to; the framework names those of the first."""
        return {
            method
            for method in METHODS
            if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in self._app.routes)
        }


def _allow(methods: set[str]) -> tuple[bytes, bytes]:
    added = {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
    return b"allow", ", ".join(sorted(methods | added)).encode()
