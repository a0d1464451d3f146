"""What a page shows of an answer: asked of the endpoint, counted to its end, held only as far as it is shown."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from circkg_server.engines.pool import Failure
from circkg_server.linked_data.asking import triples
from circkg_server.sparql.exchange import Exchange
from circkg_server.sparql.protocol import AnswerAbortedError, ClientLeftError, Endpoint
from circkg_server.sparql.requests import RequestProblem
from circkg_shapes.terms import Term

ROWS = 500
"""Most rows that a page shows."""
BYTES = 1024 * 1024
"""Most bytes of rows that a page shows."""
_ACCEPT = b"text/tab-separated-values, application/n-triples, application/sparql-results+json;q=0.9"
"""Formats with a row a line, for tables and graphs; an answer of yes or no has none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The beginning of an answer.

    :param headers: of the endpoint's reply.
    :param names: of the columns; those of a graph are none.
    :param rows: terms as N-Triples or Turtle write them, an empty one where nothing is bound.
    :param total: number of all rows, shown or not.
    :param truth: the answer of ASK.
    """

    headers: dict[str, str]
    seconds: float
    names: tuple[str, ...] = ()
    rows: tuple[tuple[Term, ...], ...] = ()
    total: int = 0
    truth: bool | None = None
    is_graph: bool = False


@dataclass(slots=True)
class _Beginning:
    """Takes a reply of the endpoint, and keeps its first lines."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    count: int = 0
    _part: bytes = b""
    _size: int = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Take a message as an ASGI server does."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            return
        chunk = message.get("body", b"")
        self.count += chunk.count(b"\n")
        if self._size > BYTES or len(self.lines) > ROWS:
            return
        *whole, self._part = (self._part + chunk).split(b"\n")
        for line in whole:
            self._size += len(line)
            if self._size > BYTES or len(self.lines) > ROWS:
                self._part = b""
                return
            self.lines.append(line)
        if len(self._part) > BYTES:
            self._size, self._part = BYTES + 1, b""

    def end(self) -> None:
        """Take the last line, which may have no end."""
        if self._part:
            self.count += 1
            self.lines.append(self._part)


class UnchangedError(Exception):
    """The client has the answer.

    :param headers: of the endpoint's reply.
    """

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("The answer has not changed.")
        self.headers = headers


async def ask(endpoint: Endpoint, exchange: Exchange, items: list[tuple[str, str]], known: list[str]) -> Answer:
    """Return the beginning of an answer.

    :param items: parameters of the request.
    :param known: entity tags of answers that the client has.
    :raises RequestProblem: if there is no answer, or none to its end.
    :raises UnchangedError: if the client has the answer.
    :raises ClientLeftError: if the client has left.
    """
    beginning = _Beginning()
    headers = [(b"accept", _ACCEPT), *(pair for pair in exchange.scope["headers"] if pair[0] == b"host")]
    if known:
        headers.append((b"if-none-match", ", ".join(f'"{tag}"' for tag in known).encode()))
    scope = {**exchange.scope, "method": "GET", "path": "/sparql", "http_version": "1.1", "headers": headers}
    inner = Exchange(scope, exchange.receive, beginning, exchange.public_url)
    started = time.monotonic()
    try:
        await endpoint.ask(inner, [item for item in items if item[0] != "format"])
    except AnswerAbortedError as aborted:
        failure = aborted.__cause__
        too_large = isinstance(failure, Failure) and failure.kind == "too-large"
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.SERVICE_UNAVAILABLE
        raise RequestProblem(status, "The answer could not be completed", str(aborted)) from aborted
    if not beginning.status:
        raise ClientLeftError
    if beginning.status == HTTPStatus.NOT_MODIFIED:
        raise UnchangedError(beginning.headers)
    beginning.end()
    return _read(beginning, time.monotonic() - started)


def _read(beginning: _Beginning, seconds: float) -> Answer:
    headers, lines = beginning.headers, beginning.lines
    kind = headers["content-type"].partition(";")[0]
    if kind == "application/sparql-results+json":
        truth = bool(json.loads(b"\n".join(lines))["boolean"])
        return Answer(headers, seconds, truth=truth)
    if kind == "application/n-triples":
        statements = tuple(triples(b"\n".join(lines[:ROWS])))
        return Answer(headers, seconds, (), statements, beginning.count, is_graph=True)
    first, *rest = [line.decode(errors="replace").removesuffix("\r") for line in lines] or [""]
    names = tuple(name.lstrip("?$") for name in first.split("\t") if name)
    rows = tuple(tuple(line.split("\t")) for line in rest[:ROWS])
    return Answer(headers, seconds, names, rows, max(beginning.count - 1, 0))
