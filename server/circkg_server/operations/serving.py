"""Runs the web server, and stops it gracefully."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvicorn

from circkg_server.operations import logs
from circkg_server.operations.connections import Http
from circkg_server.operations.settings import OperationsSettings
from circkg_server.sparql.express import Application


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a socket bound to each address of a host, so that it is known at once whether they are free.

    :param port: 0 for one that the system chooses.
    :raises OSError: if an address cannot be had; the message names it.
    """
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listening = socket.socket(family, kind, protocol)
            bound.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            chosen = bound[0].getsockname()[1] if len(bound) > 1 else port
            listening.bind((address[0], chosen, *address[2:]))
    except OSError as error:
        for listening in bound:
            listening.close()
        raise OSError(f"The server cannot listen at {host}, port {port}: {error.strerror}.") from error
    return bound


def run(app: Callable[..., Awaitable[Any]], sockets: list[socket.socket], settings: OperationsSettings) -> None:
    """Serve until SIGTERM or SIGINT: then take no more connections, let running requests end, and stop.

    A request that has not ended when the time to drain is over is aborted, so that its client does not take a part
    for the whole.
    """
    logs.configure(settings)
    http: Any = partial(Http, patience=settings.patience)
    if isinstance(app, Application):
        http = app.express.protocol(http)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False,
        proxy_headers=False,  # the middleware of ours knows which proxies to believe
        timeout_graceful_shutdown=settings.drain, timeout_keep_alive=settings.keep_alive, http=http,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets)
