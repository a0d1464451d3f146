"""Runs the web server, and stops it gracefully."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvicorn

from circkg_server.operations import logs
from circkg_server.operations.connections import Http
from circkg_server.operations.settings import OperationsSettings
from circkg_server.sparql.express import Application


def run(
    app: Callable[..., Awaitable[Any]], host: str, port: int, settings: OperationsSettings, *, unix_socket: str = ""
) -> None:
    """Serve until SIGTERM or SIGINT: then take no more connections, let running requests end, and stop.

    A request that has not ended when the time to drain is over is aborted, so that its client does not take a part
    for the whole.
    """
    logs.configure(settings)
    http: Any = partial(Http, patience=settings.patience)
    if isinstance(app, Application) and not unix_socket:
        http = app.express.protocol(http)
    config = uvicorn.Config(
        app, host=host, port=port, uds=unix_socket or None, log_config=None, access_log=False, server_header=False,
        proxy_headers=False,  # the middleware of ours knows which proxies to believe
        timeout_graceful_shutdown=settings.drain, timeout_keep_alive=settings.keep_alive, http=http,
    )  # fmt: skip
    uvicorn.Server(config).run()
