"""The SPARQL endpoint as an ASGI application: protocol, negotiation, limits, cache.

An answer is complete, or it says that it is not: what fails while the answer is still held is a problem with its own
status; what fails later ends the connection without the last chunk, so that no client takes the part for the whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from circkg_server import problems
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import AnswerStream, Engine
from circkg_server.engines.pool import Failure
from circkg_server.engines.service import SnapshotGoneError
from circkg_server.settings import Settings
from circkg_server.sparql.cache import Cache, Kept
from circkg_server.sparql.formats import BOOLEANS, GRAPHS, TABLES, Format, negotiate
from circkg_server.sparql.requests import (
    FORM,
    QUERY,
    UPDATE,
    QueryRequest,
    RequestProblem,
    media_type,
    parameters,
    read_query,
)
from circkg_server.sparql.tokens import needs_named_graphs, varies
from circkg_server.store.snapshot import Dataset

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

METHODS = ("GET", "HEAD", "POST", "QUERY", "OPTIONS")
HELD_FOR = 1.0
"""Seconds for which an answer is held before its first part is sent, while it fits the buffer."""
COMPRESSED_FROM = 1400
"""Shortest answer that is compressed, in bytes: below, it fits one packet anyway."""
RETRY_AFTER = "5"

_STATUS = {
    "syntax": HTTPStatus.BAD_REQUEST,
    "evaluation": HTTPStatus.INTERNAL_SERVER_ERROR,  # QueryRequestRefused (SPARQL 1.1 Protocol, section 2.1.6)
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "not-in-xml": HTTPStatus.NOT_ACCEPTABLE,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.SERVICE_UNAVAILABLE,
    "ended": HTTPStatus.SERVICE_UNAVAILABLE,
    "cancelled": HTTPStatus.SERVICE_UNAVAILABLE,
    "stopped": HTTPStatus.SERVICE_UNAVAILABLE,
    "memory": HTTPStatus.SERVICE_UNAVAILABLE,
}
_TITLE = {
    "syntax": "The query is not SPARQL",
    "evaluation": "The query cannot be evaluated",
    "too-large": "The answer is larger than the limit",
    "not-in-xml": "XML cannot carry this answer",
    "busy": "The server is busy",
    "timeout": "The query took too long",
    "ended": "The query needs too much",
    "cancelled": "The query was cancelled",
    "stopped": "The server is stopping",
}


class AnswerAbortedError(Exception):
    """An answer of which a part has been sent cannot be completed; the connection ends without its last chunk."""


Rewrite = Callable[[str, Dataset | None], Awaitable[str]]
"""Takes a query and its dataset, and returns it with what the engine cannot do, such as SERVICE, done."""
Observe = Callable[[str, float, str, str], None]
"""Is told of each query: outcome, seconds, query id, engine's snapshot."""


@dataclass(slots=True)
class Endpoint:
    """The endpoint.

    :param rewrite: does what no engine may do itself; raises :class:`RequestProblem` to refuse.
    :param describe: returns the service description for an address and an Accept header, and its media type.
    """

    engines: Engine
    settings: Settings
    rewrite: Rewrite
    describe: Callable[[str, str], tuple[str, bytes] | None]
    observe: Observe = lambda *_: None
    cache: Cache = field(init=False)
    _clients: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Make the cache of the size that the settings say."""
        self.cache = Cache(self.settings.cache)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = _Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except RequestProblem as found:
            await exchange.problem(found.status, found.title, found.detail, found.headers, **found.more)

    async def _serve(self, exchange: _Exchange) -> None:
        if exchange.method == "OPTIONS":
            await exchange.reply(HTTPStatus.NO_CONTENT, [(b"allow", ", ".join(METHODS).encode())], b"")
            return
        if exchange.method not in METHODS:
            found = RequestProblem(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not served", "Use GET or POST.")
            found.headers["allow"] = ", ".join(METHODS)
            raise found
        items = parameters(exchange.scope["query_string"])
        if exchange.method in ("POST", "QUERY"):
            items = await self._body(exchange, items)
        elif not any(name in ("query", "update") for name, _ in items):
            await self._description(exchange)
            return
        request = read_query(items, self.settings.max_timeout)
        client = exchange.client
        if self._clients[client] >= self.settings.per_client:
            found = RequestProblem(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many queries at once",
                f"A client may have {self.settings.per_client} queries running. Wait for one to end.",
            )  # fmt: skip
            found.headers["retry-after"] = RETRY_AFTER
            raise found
        self._clients[client] += 1
        try:
            await self._query(exchange, request)
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def _body(self, exchange: _Exchange, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the parameters of a request with a body."""
        kind = media_type(exchange.header(b"content-type"))
        if kind not in (FORM, QUERY):
            detail = f"Post a form ({FORM}) or the query itself ({QUERY})."
            if kind == UPDATE:
                detail = "Send updates to /update."
            raise RequestProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A query cannot come as this type", detail)
        body = await exchange.body(self.settings.max_query * (3 if kind == FORM else 1))
        if kind == FORM:
            return parameters(body)
        try:
            return [*(item for item in items if item[0] != "query"), ("query", body.decode())]
        except UnicodeDecodeError as error:
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The query is not UTF-8", "Send it as UTF-8.") from error

    async def _description(self, exchange: _Exchange) -> None:
        described = self.describe(exchange.url, exchange.header(b"accept"))
        if described is None:
            offered = ", ".join(found.media_type for found in GRAPHS)
            detail = f"The description comes as {offered}."
            raise RequestProblem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", detail)
        kind, content = described
        await exchange.reply(HTTPStatus.OK, [(b"content-type", kind.encode()), (b"vary", b"Accept")], content)

    # -- one query ----------------------------------------------------------------------------------------------

    async def _query(self, exchange: _Exchange, request: QueryRequest) -> None:
        if len(request.text.encode()) > self.settings.max_query:
            raise too_long(self.settings.max_query)
        chosen = _format(request, exchange.header(b"accept"))
        served = self.engines.current
        if served is None:
            found = RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is served yet", "Try again in a while.")
            found.headers["retry-after"] = RETRY_AFTER
            raise found
        number = request.snapshot or served.manifest.number
        id_ = uuid.uuid4().hex[:16]
        tag = _tag(number, request, chosen, exchange.url)
        # An open instance has no snapshots: what it answers may change with the next write.
        stable = number > 0 and not varies(request.stream)
        headers: Headers = [
            (b"content-type", _with_charset(chosen).encode()),
            (b"vary", b"Accept, Accept-Encoding"),
            (b"x-circkg-snapshot", str(number).encode()),
            (b"x-circkg-query-id", id_.encode()),
            (b"content-disposition", f'inline; filename="circkg-{tag[:8]}.{_EXTENSION[chosen.name]}"'.encode()),
        ]
        if stable:
            headers += [(b"etag", f'"{tag}"'.encode()), (b"cache-control", b"public, max-age=0, must-revalidate")]
            if _matches(exchange.header(b"if-none-match"), tag):
                await exchange.reply(HTTPStatus.NOT_MODIFIED, headers[1:], b"")
                return
            kept = self.cache.get(tag) or await self.cache.wait(tag)
            if kept is not None:
                await exchange.answer(headers, kept.content)
                return
        else:
            headers.append((b"cache-control", b"no-store"))
        await self._evaluate(exchange, request, chosen, headers, tag if stable else None, id_)

    async def _evaluate(
        self, exchange: _Exchange, request: QueryRequest, chosen: Format, headers: Headers, tag: str | None, id_: str
    ) -> None:
        started = time.monotonic()
        outcome = "failed"
        keep: Kept | None = None
        answer: AnswerStream | None = None
        if tag:
            self.cache.begin(tag)
        try:
            text = await self.rewrite(request.text, request.dataset)
            job = Job(
                text, chosen.name, self.settings.max_rows, self.settings.max_bytes, request.dataset, exchange.url
            )  # fmt: skip
            answer = await self.engines.ask(
                id_, job, request.stream,
                timeout=request.timeout or self.settings.timeout,
                named_graphs=request.dataset is not None or needs_named_graphs(request.stream),
                snapshot=request.snapshot,
            )  # fmt: skip
            whole = await self._send(exchange, answer, headers)
            keep = Kept(chosen.media_type, whole) if whole is not None and tag else None
            outcome = "answered"
            self.engines.quickness.learn(request.stream, time.monotonic() - started)
        except Failure as failure:
            outcome = failure.kind
            if failure.kind in ("timeout", "ended"):
                self.engines.quickness.learn(request.stream, time.monotonic() - started)
            if exchange.started:
                raise AnswerAbortedError(str(failure)) from failure
            raise _told(failure, request, id_) from failure
        except SnapshotGoneError as gone:
            detail = f"{gone} The releases that it was made of stay: see /dumps/."
            raise RequestProblem(HTTPStatus.GONE, "This snapshot is gone", detail, queryId=id_) from gone
        except LookupError as missing:
            raise RequestProblem(HTTPStatus.NOT_FOUND, "There is no such snapshot", str(missing)) from missing
        finally:
            if answer is not None:
                answer.close()
            if tag:
                self.cache.end(tag, keep)
            self.observe(outcome, time.monotonic() - started, id_, str(request.snapshot or ""))

    async def _send(self, exchange: _Exchange, answer: AnswerStream, headers: Headers) -> bytes | None:
        """Send an answer; return it if it was held as a whole.

        :raises Failure: if it does not come to its end.
        """
        held: list[bytes] = []
        size = 0
        chunks = answer.chunks()
        deadline = asyncio.get_running_loop().time() + HELD_FOR
        pending: asyncio.Task[bytes] | None = None
        leaving = asyncio.create_task(exchange.gone())
        try:
            while True:
                pending = pending or asyncio.ensure_future(_next(chunks))
                left = deadline - asyncio.get_running_loop().time()
                waits = None if exchange.started or not held else max(left, 0)
                await asyncio.wait({pending, leaving}, timeout=waits, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done():
                    raise Failure("cancelled", "The client left.")
                if pending.done():
                    chunk, pending = await pending, None
                    if not chunk:
                        break
                    if exchange.started:
                        await exchange.chunk(chunk)
                        continue
                    held.append(chunk)
                    size += len(chunk)
                if size > self.settings.buffer or (held and asyncio.get_running_loop().time() >= deadline):
                    await exchange.begin(headers)
                    for chunk in held:
                        await exchange.chunk(chunk)
                    held.clear()
        finally:
            leaving.cancel()
            if pending is not None:
                pending.cancel()
        if exchange.started:
            await exchange.end()
            return None
        whole = b"".join(held)
        await exchange.answer(headers, whole)
        return whole


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the next chunk, or nothing at the end."""
    return await anext(chunks, b"")


def too_long(most: int) -> RequestProblem:
    """Return the problem of a query that is too long."""
    return RequestProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The query is too long", f"A query may have {most:,} bytes."
    )


def _told(failure: Failure, request: QueryRequest, id_: str) -> RequestProblem:
    """Return a failure as its client is told."""
    more: dict[str, Any] = {"queryId": id_}
    detail = str(failure)
    if failure.kind == "syntax":
        members = problems.syntax_members(request.text, detail)
        detail = members.pop("detail")
        more |= members
    found = RequestProblem(_STATUS[failure.kind], _TITLE[failure.kind], detail, **more)
    if found.status is HTTPStatus.SERVICE_UNAVAILABLE:
        found.headers["retry-after"] = RETRY_AFTER
    return found


_EXTENSION = {
    "json": "srj", "xml": "srx", "csv": "csv", "tsv": "tsv",
    "turtle": "ttl", "jsonld": "jsonld", "ntriples": "nt", "rdfxml": "rdf",
}  # fmt: skip


def _with_charset(found: Format) -> str:
    return f"{found.media_type}; charset=utf-8" if found.media_type.startswith("text/") else found.media_type


def _format(request: QueryRequest, accept: str) -> Format:
    """Return the format of an answer: by the parameter ``format``, else by Accept among those that fit the form."""
    offered: tuple[Format, ...] = TABLES
    if request.form in ("CONSTRUCT", "DESCRIBE"):
        offered = GRAPHS
    elif request.form == "ASK":
        offered = BOOLEANS
    if request.format:
        wanted = request.format.replace(" ", "+").lower()
        for found in offered:
            if wanted in (found.name, found.media_type):
                return found
    elif (negotiated := negotiate(accept, offered)) is not None:
        return negotiated
    listed = ", ".join(f"{found.media_type} (format={found.name})" for found in offered)
    raise RequestProblem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", f"This answer comes as {listed}.")


def _tag(number: int, request: QueryRequest, chosen: Format, url: str) -> str:
    """Return the entity tag of an answer, known before it is evaluated."""
    parts = (str(number), chosen.name, url, repr(request.dataset), request.text)
    return f"{number}-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _matches(header: str, tag: str) -> bool:
    return any(part.strip().removeprefix("W/").strip('"') in (tag, f"{tag}-gzip", "*") for part in header.split(","))


@dataclass(slots=True)
class _Exchange:
    """One request and its response."""

    scope: Scope
    receive: Receive
    send: Send
    started: bool = False
    _compressor: Any = None

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def client(self) -> str:
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def url(self) -> str:
        """Return the address of the endpoint, without parameters."""
        host = self.header(b"host") or "localhost"
        path = f"{self.scope.get('root_path', '')}{self.scope['path'].removeprefix(self.scope.get('root_path', ''))}"
        return f"{self.scope.get('scheme', 'http')}://{host}{path.rstrip('/')}"

    def header(self, name: bytes) -> str:
        return ", ".join(value.decode("latin-1") for key, value in self.scope["headers"] if key == name)

    async def body(self, most: int) -> bytes:
        """Return the body.

        :raises RequestProblem: if it is longer than may be; what is announced as too long is not read.
        """
        announced = self.header(b"content-length")
        if announced.isdecimal() and int(announced) > most:
            raise too_long(most)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise RequestProblem(HTTPStatus.BAD_REQUEST, "The request ended early", "Send it as a whole.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise too_long(most)
            if not message.get("more_body"):
                return b"".join(parts)

    async def gone(self) -> None:
        """Return when the client has left."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def reply(self, status: HTTPStatus, headers: Headers, content: bytes) -> None:
        """Send a whole response."""
        if status is not HTTPStatus.NOT_MODIFIED and status is not HTTPStatus.NO_CONTENT:
            headers = [*headers, (b"content-length", str(len(content)).encode())]
        self.started = True
        await self.send({"type": "http.response.start", "status": int(status), "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else content})

    async def problem(
        self, status: HTTPStatus, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        """Send a problem."""
        sent: Headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        sent.append((b"content-type", problems.MEDIA_TYPE.encode()))
        if "queryId" in more:
            sent.append((b"x-circkg-query-id", str(more["queryId"]).encode()))
        await self.reply(status, sent, problems.content(status, title, detail, **more))

    @property
    def _takes_gzip(self) -> bool:
        for part in self.header(b"accept-encoding").split(","):
            name, _, quality = part.strip().partition(";")
            if name.strip().lower() in ("gzip", "*"):
                return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        return False

    def _encoded(self, headers: Headers) -> Headers:
        """Return the headers of a compressed answer, whose entity tag differs from the plain one."""
        tagged = [(k, v[:-1] + b'-gzip"' if k == b"etag" else v) for k, v in headers]
        return [*tagged, (b"content-encoding", b"gzip")]

    async def answer(self, headers: Headers, content: bytes) -> None:
        """Send a whole answer, compressed where it pays."""
        if self._takes_gzip and len(content) >= COMPRESSED_FROM:
            packer = _gzip()
            content = packer.compress(content) + packer.flush()
            headers = self._encoded(headers)
        await self.reply(HTTPStatus.OK, headers, content)

    async def begin(self, headers: Headers) -> None:
        """Begin an answer that comes in parts."""
        if self._takes_gzip:
            self._compressor = _gzip()
            headers = self._encoded(headers)
        self.started = True
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def chunk(self, data: bytes) -> None:
        """Send a part; waits while the client is slow."""
        if self._compressor is not None:
            data = self._compressor.compress(data)
        if data and self.method != "HEAD":
            await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End an answer that came in parts."""
        rest = self._compressor.flush() if self._compressor is not None else b""
        await self.send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else rest})


def _gzip() -> Any:
    """Return a compressor of the gzip format, quick rather than small."""
    return zlib.compressobj(level=3, wbits=31)
