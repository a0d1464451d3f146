"""Logs: one JSON object a line, with the id that the answer to a query has in its headers.

No address of a client is kept: only a hash by which requests of one client can be told apart for a day, since its key
is random, stands in memory only and is replaced each day. Of a query no more is kept than the setting says.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TextIO

from circkg_server.operations.settings import OperationsSettings

LOG = logging.getLogger("circkg")
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
_QUIET = ("/health", "/ready", "/metrics")
"""Paths that machines ask all day; only their failures are logged."""


class ClientHash:
    """Turns addresses into hashes that mean something for one day in one process."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._key = b""

    def __call__(self, address: str) -> str:
        """Return the hash of an address."""
        today = datetime.now(UTC).date()
        if today != self._day:
            self._day, self._key = today, secrets.token_bytes(32)
        return hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()[:12]


class JsonLines(logging.Formatter):
    """Writes a record as a line of JSON; what was given as ``extra={"fields": …}`` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        told |= getattr(record, "fields", {})
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """Writes a record for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = getattr(record, "fields", {})
        more = " ".join(f"{name}={value}" for name, value in fields.items())
        line = " ".join(filter(None, (record.levelname, record.getMessage(), more))).replace("\n", "\\n")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: OperationsSettings, stream: TextIO | None = None) -> None:
    """Let this program and its web server log in one form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log == "json" else TextLines())
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    server = logging.getLogger("uvicorn")
    server.handlers[:] = [handler]
    server.setLevel(logging.WARNING)
    server.propagate = False
    logging.getLogger("uvicorn.error").handlers.clear()
    logging.getLogger("uvicorn.access").handlers.clear()
    logging.getLogger("uvicorn.access").disabled = True  # it would write addresses


def shortened(query: str, most: int) -> str:
    """Return a query as the log keeps it.

    >>> shortened("SELECT *   { ?s ?p ?o }", 12)
    'SELECT * { ?…'
    """
    text = " ".join(query.split())
    return text if len(text) <= most else f"{text[:most]}…"


def log_query(
    settings: OperationsSettings, outcome: str, seconds: float, id_: str, snapshot: str, query: str = ""
) -> None:
    """Log one query that was evaluated, or was not."""
    fields: dict[str, object] = {"query_id": id_, "outcome": outcome, "seconds": round(seconds, 4)}
    if snapshot:
        fields["snapshot"] = snapshot
    if query and settings.log_query:
        fields["query"] = shortened(query, settings.log_query)
    LOG.info("query", extra={"fields": fields})


class Answered(NamedTuple):
    """A plain request for a query that has been answered, for the log: both its events in one.

    :param at: seconds since 1970.
    :param path: of a page, which has no event of a query.
    """

    at: float
    client: str
    id: str
    outcome: str
    snapshot: int
    status: int
    size: int
    seconds: float
    path: str = ""


@lru_cache(maxsize=2048)
def _quoted(text: str) -> str:
    return json.dumps(text)


class RequestLog:
    """Logs each request of an application: method, path without parameters, status, bytes, time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._hash = ClientHash()

    def answered(self, path: str, found: list[Answered]) -> None:
        """Log what was answered beside the application, with the same events and members.

        Lines of JSON are put together by hand: a record for each event takes longer than a look-up.
        """
        if not LOG.isEnabledFor(logging.INFO):
            return
        hashes = {address: self._hash(address) for address in {one.client for one in found}}
        handlers = LOG.handlers
        if not (len(handlers) == 1 and isinstance(handlers[0].formatter, JsonLines)):
            for one in found:
                query = {"query_id": one.id, "outcome": one.outcome, "seconds": round(one.seconds, 4)}
                request = {"method": "GET", "path": one.path or path, "client": hashes[one.client]}
                if not one.path:
                    LOG.info("query", extra={"fields": query | {"snapshot": str(one.snapshot)}})
                    request["query_id"] = one.id
                request |= {"status": one.status, "bytes": one.size, "seconds": round(one.seconds, 4)}  # type: ignore[dict-item]
                LOG.info("request", extra={"fields": request})
            return
        lines = []
        second, stamp = -1, ""
        for one in found:
            if int(one.at) != second:
                second = int(one.at)
                stamp = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            begin = f'{{"time": "{stamp}.{int(one.at * 1000) % 1000:03}+00:00", "level": "info", "event": '
            seconds = round(one.seconds, 4)
            if one.path:
                lines.append(
                    f'{begin}"request", "method": "GET", "path": {_quoted(one.path)}, '
                    f'"client": "{hashes[one.client]}", "status": {one.status}, "bytes": {one.size}, '
                    f'"seconds": {seconds}}}\n'
                )
                continue
            lines.append(
                f'{begin}"query", "query_id": "{one.id}", "outcome": "{one.outcome}", "seconds": {seconds}, '
                f'"snapshot": "{one.snapshot}"}}\n'
                f'{begin}"request", "method": "GET", "path": "{path}", "client": "{hashes[one.client]}", '
                f'"query_id": "{one.id}", "status": {one.status}, "bytes": {one.size}, "seconds": {seconds}}}\n'
            )
        handler = handlers[0]
        if isinstance(handler, logging.StreamHandler):
            with suppress(OSError, ValueError):  # as a handler of the library: a log that fails stops nothing
                handler.acquire()
                try:
                    handler.stream.write("".join(lines))
                    handler.flush()
                finally:
                    handler.release()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        fields: dict[str, object] = {
            "method": scope["method"], "path": scope["path"],
            "client": self._hash(str(scope["client"][0]) if scope.get("client") else ""),
        }  # fmt: skip
        status, size, whole = 0, 0, False

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status, size, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message.get("headers", ()):
                    if name.lower() == b"x-circkg-query-id":
                        fields["query_id"] = value.decode("latin-1")
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
                whole = not message.get("more_body")
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            fields |= {"status": status, "bytes": size, "seconds": round(time.monotonic() - started, 4)}
            if not whole:
                fields["aborted"] = True
            if scope["path"] not in _QUIET or status >= 400 or not whole:
                LOG.info("request", extra={"fields": fields})
