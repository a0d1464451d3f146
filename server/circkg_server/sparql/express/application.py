"""The short way as Uvicorn and the application have it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from circkg_server.sparql.express.connection import Connection
from circkg_server.sparql.express.shared import Shared


class Express(Shared):
    """The short way of a server."""

    def protocol(self, ordinary: Callable[..., asyncio.Protocol]) -> Callable[..., asyncio.Protocol]:
        """Return what makes the protocol of a connection, as Uvicorn's setting ``http`` takes it.

        :param ordinary: what makes Uvicorn's own.
        """

        def make(**arguments: Any) -> asyncio.Protocol:
            config = arguments["config"]
            if config.root_path or config.is_ssl or self.endpoint.settings.public_url:
                return ordinary(**arguments)
            connections = arguments["server_state"].connections
            return Connection(self, lambda: ordinary(**arguments), connections, config.timeout_keep_alive)

        return make


class Application:
    """A web application whose server may take the short way.

    :param app: the application itself, which serves everything.
    """

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]], express: Express) -> None:
        self._app = app
        self.express = express

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)
