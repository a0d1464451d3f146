"""A short way for plain requests: an HTTP protocol that answers them without a task, and leaves the rest to Uvicorn.

A connection begins here. As long as each request is the plain one of most clients (``GET /sparql?query=…``, whole in
one piece, a query of the default graph whose answer is not large) it is answered here: from the cache by the very bytes
of the request, else from a reader. With the first other request, the connection goes over to Uvicorn for good.
What a client sees is the same on both ways.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from circkg_server import cors, federation, problems
from circkg_server.coding import Coding, coded, pack
from circkg_server.engines.frames import Job, Kind
from circkg_server.engines.pool import Answer, Failure, Pool
from circkg_server.engines.quickness import QUICK
from circkg_server.engines.service import Engines
from circkg_server.operations.logs import Answered
from circkg_server.releases.manifest import Manifest
from circkg_server.sparql import protocol
from circkg_server.sparql.formats import Format
from circkg_server.sparql.protocol import Endpoint
from circkg_server.sparql.requests import QueryRequest, RequestProblem

LONGEST = 8192
"""Longest request that is read here, in bytes."""
MOST_SHAPES = 2048
MOST_REPEATED = 1024
NOTED_EVERY = 0.2
"""Seconds after which requests that have been answered are logged and counted."""
IDLE = 5.0
"""Seconds after which a connection without requests is closed."""

_REQUEST = re.compile(
    rb"GET /sparql\?query=([\x21\x24\x25\x27-\x3a\x3c-\x7e]*) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)+)\r\n"
)
_ORDINARY_HEADERS = frozenset(
    (b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"if-none-match", b"forwarded")
)
_HARD_TO_READ = re.compile(r"\\|\"\"\"|'''|service", re.IGNORECASE)
"""What a query may not hold to be answered here: escapes, long strings, and whatever may look like SERVICE."""
_CONSTANT = re.compile(r"""<[^<>"{}|^`\\\x00-\x20]*>|"[^"\r\n]*"|'[^'\r\n]*'|\d+|\#[^\r\n]*""")


@dataclass(slots=True)
class _Head:
    """What the headers of a request say."""

    accept: str
    url: str
    coding: Coding | None


@dataclass(slots=True)
class _Shape:
    """What is known of all queries that differ in their IRIs, strings, numbers and comments only."""

    request: QueryRequest
    stable: bool
    quick: bool
    large: bool = False
    formats: dict[str, Format | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Repeated:
    """A request that has been answered: under which tag its answer is kept, and the head around the query's id."""

    kept: str
    before: bytes
    after: bytes


class Express:
    """What the connections of a server share.

    :param note: is told of what has been answered, a few times a second.
    """

    def __init__(self, endpoint: Endpoint, note: Callable[[list[Answered]], None]) -> None:
        self.endpoint = endpoint
        self._note = note
        self._noted: list[Answered] = []
        self.repeated: dict[bytes, _Repeated] = {}
        self.manifest: Manifest | None = None
        self.number = 0
        self._heads: dict[bytes, _Head | None] = {}
        self._shapes: dict[str, _Shape | None] = {}
        self._date = (0, b"")

    def protocol(self, ordinary: Callable[..., asyncio.Protocol]) -> Callable[..., asyncio.Protocol]:
        """Return what makes the protocol of a connection, as Uvicorn's setting ``http`` takes it.

        :param ordinary: what makes Uvicorn's own.
        """

        def make(**arguments: Any) -> asyncio.Protocol:
            config = arguments["config"]
            if config.root_path or config.is_ssl or self.endpoint.settings.public_url:
                return ordinary(**arguments)
            return _Connection(self, lambda: ordinary(**arguments), arguments["server_state"].connections)

        return make

    def date(self) -> bytes:
        """Return the line of the date, made once a second."""
        now = int(time.time())
        if now != self._date[0]:
            self._date = (now, b"HTTP/1.1 200 OK\r\ndate: " + formatdate(now, usegmt=True).encode() + b"\r\n")
        return self._date[1]

    def head(self, block: bytes) -> _Head | None:
        """Return what a block of headers says, or ``None`` if it takes the ordinary way."""
        try:
            return self._heads[block]
        except KeyError:
            pass
        if len(self._heads) >= MOST_SHAPES:
            self._heads.clear()
        found = self._heads[block] = self._read_head(block)
        return found

    def _read_head(self, block: bytes) -> _Head | None:
        lines = [line.partition(b":") for line in block.split(b"\r\n")[:-1]]
        headers = [(name.lower(), value.strip()) for name, _, value in lines]
        for name, value in headers:
            if name in _ORDINARY_HEADERS or name.startswith(b"x-forwarded"):
                return None
            if name == b"connection" and value.lower() != b"keep-alive":
                return None
        if sum(name == b"host" for name, _ in headers) != 1:
            return None
        scope = {"type": "http", "method": "GET", "path": "/sparql", "headers": headers, "scheme": "http"}
        exchange = protocol.Exchange(scope, cast(Any, None), cast(Any, None))
        return _Head(exchange.header(b"accept"), exchange.url, exchange.coding)

    def shape(self, text: str) -> _Shape | None:
        """Return the shape of a query, or ``None`` if it takes the ordinary way."""
        key = _CONSTANT.sub("0", text)
        try:
            return self._shapes[key]
        except KeyError:
            pass
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        found = self._shapes[key] = self._read(text)
        return found

    def _read(self, text: str) -> _Shape | None:
        try:
            asked = protocol.read_asked([("query", text)], self.endpoint.settings.max_timeout)
        except RequestProblem:
            return None
        if asked.named_graphs or asked.request.dataset is not None or federation.needs_federation(text):
            return None
        quick = self.endpoint.engines.quickness.expects_quick(asked.request.stream)
        return _Shape(asked.request, asked.stable, quick)

    def format(self, shape: _Shape, accept: str) -> Format | None:
        """Return the format that suits, or ``None`` if the ordinary way must say that none does."""
        try:
            return shape.formats[accept]
        except KeyError:
            pass
        if len(shape.formats) >= 64:
            shape.formats.clear()
        found = None
        with suppress(RequestProblem):
            found = protocol.format_for(shape.request, accept)
        shape.formats[accept] = found
        return found

    def learn(self, shape: _Shape, seconds: float) -> None:
        """Take note of how long a query took; what changes nothing is not noted, since noting takes long itself."""
        if seconds >= QUICK / 2 or not shape.quick:
            quickness = self.endpoint.engines.quickness
            quickness.learn(shape.request.stream, seconds)
            shape.quick = quickness.expects_quick(shape.request.stream)

    def note(self, client: str, id_: str, outcome: str, status: int, size: int, seconds: float) -> None:
        """Take note of a request that has been answered."""
        if not self._noted:
            asyncio.get_running_loop().call_later(NOTED_EVERY, self.tell)
        self._noted.append(Answered(time.time(), client, id_, outcome, self.number, status, size, seconds))

    def tell(self) -> None:
        """Tell what has been noted."""
        noted, self._noted = self._noted, []
        if noted:
            self._note(noted)

    def pool(self) -> tuple[Manifest, Pool] | None:
        """Return the manifest that is served and its memory readers, or ``None`` if there are none."""
        engines = self.endpoint.engines
        served = engines.current if isinstance(engines, Engines) else None
        if served is None or served.memory is None or not served.memory.readers:
            return None
        return served.manifest, served.memory


class _Held(Answer):
    """An answer that is held until it is whole, and then told."""

    def __init__(self, pool: Pool, id_: str, job: Job, *, quick: bool) -> None:
        super().__init__(pool, id_, job, quick=quick)
        self.parts: list[bytes] = []
        self.size = 0
        self.most = 0
        self._from: object = None
        self.told: Callable[[_Held, Failure | None], None] | None = None

    def take(self, kind: Kind, content: bytes) -> None:
        """Take a frame from the reader."""
        if kind is not Kind.CHUNK:
            super().take(kind, content)
            return
        if self.reader is not self._from:  # the first reader may have been killed; nothing has gone out yet
            self._from = self.reader
            self.parts.clear()
            self.size = 0
        self.parts.append(content)
        self.size += len(content)
        if self.size > self.most and self.told is not None:
            told, self.told = self.told, None
            told(self, None)

    def end(self, failure: Failure | None) -> None:
        """End the answer."""
        super().end(failure)
        if self.told is not None:
            told, self.told = self.told, None
            told(self, failure)


@dataclass(slots=True)
class _Asked:
    """What a connection waits for."""

    data: bytes
    request: QueryRequest
    shape: _Shape
    head: _Head
    chosen: Format
    number: int
    tag: str
    id: str
    since: float


class _Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, express: Express, ordinary: Callable[[], asyncio.Protocol], connections: set[Any]) -> None:
        self._express = express
        self._ordinary = ordinary
        self._connections = connections
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._client = ""
        self._asked: _Asked | None = None
        self._answer: _Held | None = None
        self._waits: asyncio.Task[None] | None = None
        self._later = b""
        self._busy_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._closing = False

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""

    def connection_lost(self, _exc: Exception | None) -> None:
        """End; a reader that is at an answer nobody waits for is ended too."""
        self._connections.discard(self)
        self._stop_watching()
        if self._waits is not None:
            self._waits.cancel()
        if self._answer is not None:
            self._answer.close()

    def pause_writing(self) -> None:
        """Take no more requests while the client does not take what it asked for."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take requests again."""
        self._transport.resume_reading()

    @property
    def _is_busy(self) -> bool:
        return self._answer is not None or self._waits is not None

    def shutdown(self) -> None:
        """Close the connection as soon as nothing is under way, as Uvicorn asks when it stops."""
        self._closing = True
        self._express.tell()
        if not self._is_busy:
            self._transport.close()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connection if nothing has come for long."""
        left = self._busy_at + IDLE - loop.time()
        if not self._is_busy and left <= 0:
            self._transport.close()
        else:
            self._watch = loop.call_later(max(left, 0.1), self._look, loop)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _hand_over(self, data: bytes) -> None:
        """Let Uvicorn have the connection, from this request on."""
        self._connections.discard(self)
        self._stop_watching()
        ordinary = self._ordinary()
        self._transport.set_protocol(ordinary)
        ordinary.connection_made(self._transport)
        ordinary.data_received(data)

    # -- requests -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a request."""
        if self._is_busy:
            self._later += data
            if len(self._later) > LONGEST:
                self._transport.pause_reading()
        elif not self._repeat(data) and not self._ask(data):
            self._hand_over(data)

    def _repeat(self, data: bytes) -> bool:
        """Answer a request whose very bytes have been answered before."""
        express = self._express
        repeated = express.repeated.get(data)
        if repeated is None:
            return False
        cache, served = express.endpoint.cache, express.endpoint.engines.current
        if served is None or served.manifest is not express.manifest:
            express.repeated.clear()
            return False
        content = cache.peek(repeated.kept)
        if content is None:
            return False
        cache.hits += 1
        id_ = os.urandom(8).hex()
        self._write(b"".join((express.date(), repeated.before, id_.encode(), repeated.after, content)))
        express.note(self._client, id_, "cached", 200, len(content), 0.0)
        return True

    def _ask(self, data: bytes) -> bool:
        """Answer a request from what is kept, or by a reader; tell whether it is of those that are answered here."""
        if len(data) > LONGEST or (match := _REQUEST.fullmatch(data)) is None:
            return False
        express, endpoint = self._express, self._express.endpoint
        head = express.head(match[2])
        if head is None:
            return False
        try:
            text = unquote_to_bytes(match[1].replace(b"+", b" ")).decode()
        except UnicodeDecodeError:
            return False
        if _HARD_TO_READ.search(text) or (shape := express.shape(text)) is None or shape.large:
            return False
        chosen = express.format(shape, head.accept)
        found = express.pool()
        if chosen is None or found is None or endpoint.clients[self._client] >= endpoint.settings.per_client:
            return False
        manifest, pool = found
        express.manifest, express.number = manifest, manifest.number
        request = QueryRequest(text, shape.request.stream, shape.request.form, None, "", None, None)
        content = endpoint.content_of(manifest)
        tag = protocol.tag_of(manifest.number, content, request, chosen, head.url)
        now = time.monotonic()
        asked = _Asked(data, request, shape, head, chosen, manifest.number, tag, os.urandom(8).hex(), now)
        if shape.stable:
            kept = endpoint.cache.peek(tag)
            if kept is not None:
                endpoint.cache.hits += 1
                self._whole(asked, kept, "cached")
                return True
            flight = endpoint.cache.flights.get(tag)
            if flight is not None:
                self._waits = asyncio.create_task(self._wait(flight, data))
                return True
            endpoint.cache.flights[tag] = asyncio.Event()
            endpoint.cache.misses += 1
        self._evaluate(asked, pool)
        return True

    async def _wait(self, flight: asyncio.Event, data: bytes) -> None:
        """Ask again when another request has fetched the same answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._express.endpoint.settings.timeout):
                await flight.wait()
        self._waits = None
        later, self._later = self._later, b""
        if not self._transport.is_closing() and not self._ask(data):
            self._hand_over(data + later)
        elif later:
            self.data_received(later)

    def _evaluate(self, asked: _Asked, pool: Pool) -> None:
        endpoint, settings = self._express.endpoint, self._express.endpoint.settings
        job = Job(
            asked.request.text, asked.chosen.name, settings.max_rows, settings.max_bytes, None, asked.head.url,
            self._client,
        )  # fmt: skip
        answer = _Held(pool, asked.id, job, quick=asked.shape.quick)
        answer.most = settings.buffer
        answer.told = self._told
        endpoint.clients[self._client] += 1
        self._answer, self._asked = answer, asked
        try:
            pool.submit(answer, settings.timeout)
        except Failure as failure:
            answer.told = None
            self._told(answer, failure)

    # -- answers ------------------------------------------------------------------------------------------------

    def _told(self, answer: _Held, failure: Failure | None) -> None:
        """Send what came, whole or failed."""
        asked, express, endpoint = self._asked, self._express, self._express.endpoint
        assert asked is not None
        self._answer = self._asked = None
        clients = endpoint.clients
        clients[self._client] -= 1
        if not clients[self._client]:
            del clients[self._client]
        later, self._later = self._later, b""
        if not answer.ended and failure is None:
            # It is larger than what is held: the ordinary way sends it in parts, and those of its shape from now on.
            answer.close()
            endpoint.cache.end(asked.tag)
            asked.shape.large = True
            if not self._transport.is_closing():
                self._hand_over(asked.data + later)
            return
        content = answer.parts[0] if len(answer.parts) == 1 else b"".join(answer.parts)
        if asked.shape.stable:
            if failure is None:
                endpoint.cache.put(asked.tag, content)
            endpoint.cache.end(asked.tag)
        took = time.monotonic() - asked.since
        if failure is None:
            express.learn(asked.shape, answer.seconds)
        elif failure.kind in ("timeout", "ended"):
            express.learn(asked.shape, took)
        if self._transport.is_closing():
            express.note(self._client, asked.id, "cancelled", 0, 0, took)
            return
        if failure is None:
            self._whole(asked, content, "answered")
        else:
            self._problem(protocol.problem_of(failure, asked.request, asked.id), asked, failure.kind)
        if self._closing:
            self._transport.close()
        elif later:
            self._transport.resume_reading()
            self.data_received(later)

    def _whole(self, asked: _Asked, content: bytes, outcome: str) -> None:
        """Send a whole answer, and keep what to send if the same request comes again."""
        express, cache = self._express, self._express.endpoint.cache
        headers = protocol.headers_of(asked.number, "\0", asked.tag, asked.chosen, stable=asked.shape.stable)
        kept = asked.tag
        coding = asked.head.coding
        if coding is not None and len(content) >= protocol.COMPRESSED_FROM:
            kept = f"{asked.tag}{coding.suffix}"
            packed = cache.peek(kept) if asked.shape.stable else None
            if packed is None:
                packed = pack(content, coding)
                if asked.shape.stable:
                    cache.put(kept, packed)
            headers, content = coded(headers, coding), packed
        headers = [*headers, (b"content-length", b"%d" % len(content)), *cors.HEADERS]
        before, _, after = (b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n").partition(b"\0")
        self._write(b"".join((express.date(), before, asked.id.encode(), after, content)))
        express.note(self._client, asked.id, outcome, 200, len(content), time.monotonic() - asked.since)
        if asked.shape.stable:
            if len(express.repeated) >= MOST_REPEATED:
                express.repeated.clear()
            express.repeated[asked.data] = _Repeated(kept, before, after)

    def _problem(self, found: RequestProblem, asked: _Asked, outcome: str) -> None:
        content = problems.content(found.status, found.title, found.detail, **found.more)
        headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
        headers += protocol.problem_headers(found.more)
        headers += [(b"content-length", b"%d" % len(content)), *cors.HEADERS]
        status = HTTPStatus(found.status)
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        date = self._express.date().partition(b"\r\n")[2]
        self._write(first + date + b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n" + content)
        self._express.note(
            self._client, asked.id, outcome, status.value, len(content), time.monotonic() - asked.since
        )  # fmt: skip

    def _write(self, response: bytes) -> None:
        self._transport.write(response)
        loop = asyncio.get_running_loop()
        self._busy_at = loop.time()
        if self._watch is None:
            self._watch = loop.call_later(IDLE, self._look, loop)


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
