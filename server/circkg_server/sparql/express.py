"""A short way for plain requests: an HTTP protocol that answers them without a task, and leaves the rest to Uvicorn.

A connection begins here. As long as each request is the plain one of most clients (``GET /sparql?query=…``, whole in
one piece, a query of the default graph whose answer is not large) it is answered here: from the cache by the very bytes
of the request, else from a reader. With the first other request, the connection goes over to Uvicorn for good.
What a client sees is the same on both ways.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any, cast

from circkg_server import cors, federation, problems
from circkg_server.coding import COMPRESSED_FROM, Coding, coded, pack
from circkg_server.engines.frames import Job, Kind
from circkg_server.engines.lent import ID_MARK, MOST, TAG_MARK
from circkg_server.engines.loans import Form, Reason
from circkg_server.engines.pool import Answer, Failure, Pool
from circkg_server.engines.quickness import QUICK
from circkg_server.engines.service import Engines
from circkg_server.operations.logs import Answered
from circkg_server.releases.manifest import Manifest
from circkg_server.sparql import plain, responses
from circkg_server.sparql.exchange import Exchange, problem_headers
from circkg_server.sparql.express_pages import Pages, Scope
from circkg_server.sparql.formats import Format
from circkg_server.sparql.protocol import Endpoint, read_asked
from circkg_server.sparql.requests import QueryRequest, RequestProblem

MOST_SHAPES = 2048
MOST_REPEATED = 1024
NOTED_EVERY = 0.2
"""Seconds after which requests that have been answered are logged and counted."""
LENT_AFTER = 3
"""Plain, quick requests in a row after which a connection is lent to a reader."""
MOST_FORMS = 512

_forms = count(1)
_ORDINARY_HEADERS = frozenset(
    (b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"if-none-match", b"forwarded")
)


@dataclass(slots=True)
class _Head:
    """What the headers of a request say."""

    accept: str
    url: str
    coding: Coding | None


@dataclass(slots=True)
class _Shape:
    """What is known of all queries that differ in their IRIs, strings, numbers and comments only."""

    key: str
    request: QueryRequest
    stable: bool
    quick: bool
    large: bool = False
    lendable: bool = True
    formats: dict[str, Format | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Repeated:
    """A request that has been answered: under which tag its answer is kept, and the head around the query's id.

    :param path: path of a page, whose head has no id of a query.
    """

    kept: str
    before: bytes
    after: bytes
    path: str = ""


class Express:
    """What the connections of a server share.

    :param note: is told of what has been answered, a few times a second.
    :param pages: pages that are repeated here too.
    """

    def __init__(self, endpoint: Endpoint, note: Callable[[list[Answered]], None], pages: Pages | None = None) -> None:
        self.endpoint = endpoint
        self.pages = pages
        self._note = note
        self._noted: list[Answered] = []
        self.repeated: dict[bytes, _Repeated] = {}
        self.forms: dict[tuple[str, bytes], tuple[Form, _Shape]] = {}
        self.number = 0
        self._manifest: Manifest | None = None
        self._heads: dict[bytes, _Head | None] = {}
        self._shapes: dict[str, _Shape | None] = {}
        self.dates = plain.Dates()

    def protocol(self, ordinary: Callable[..., asyncio.Protocol]) -> Callable[..., asyncio.Protocol]:
        """Return what makes the protocol of a connection, as Uvicorn's setting ``http`` takes it.

        :param ordinary: what makes Uvicorn's own.
        """

        def make(**arguments: Any) -> asyncio.Protocol:
            config = arguments["config"]
            if config.root_path or config.is_ssl or self.endpoint.settings.public_url:
                return ordinary(**arguments)
            connections = arguments["server_state"].connections
            return _Connection(self, lambda: ordinary(**arguments), connections, config.timeout_keep_alive)

        return make

    def serve(self, manifest: Manifest) -> None:
        """Forget what is known of another snapshot than the one that is served."""
        if manifest is not self._manifest:
            self.repeated.clear()
            self.forms.clear()
            self._manifest, self.number = manifest, manifest.number

    def learn_form(self, asked: _Asked, size: int, seconds: float) -> None:
        """Take note of how a reader can answer queries of a shape on a connection that is lent to it, if it may.

        :param size: bytes of an answer to such a query.
        :param seconds: processor time that it took.
        """
        settings, chosen, shape = self.endpoint.settings, asked.chosen, asked.shape
        suits = shape.lendable and shape.stable and shape.quick and chosen.name not in ("xml", "rdfxml")
        bounded = settings.max_rows >= MOST and settings.max_bytes >= MOST  # a row has a byte at least
        key = (shape.key, asked.block)
        if not suits or not bounded or size > MOST or seconds >= QUICK / 2 or key in self.forms:
            return
        if len(self.forms) >= MOST_FORMS:
            self.forms.clear()
        headers = [
            *responses.headers_of(asked.number, ID_MARK, TAG_MARK, chosen, stable=True), *cors.HEADERS,
        ]  # fmt: skip
        coding = asked.head.coding
        form = Form(
            next(_forms), shape.key, asked.block.decode("latin-1"), chosen.name, asked.head.url, asked.number,
            plain.tag_start(asked.content, chosen.name, asked.head.url).decode(), _lines(headers),
            coding.value if coding else None, _lines(coded(headers, coding)) if coding else None,
        )  # fmt: skip
        self.forms[key] = (form, asked.shape)

    def forget_form(self, number: int, seconds: float) -> None:
        """Let queries of a shape be answered by the front again, which a reader found too slow or too large."""
        for key, (form, shape) in list(self.forms.items()):
            if form.id == number:
                shape.lendable = False
                self.learn(shape, seconds)
                del self.forms[key]

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
        exchange = Exchange(scope, cast(Any, None), cast(Any, None))
        return _Head(exchange.header(b"accept"), exchange.url, exchange.coding)

    def shape(self, text: str) -> _Shape | None:
        """Return the shape of a query, or ``None`` if it takes the ordinary way."""
        key = plain.shape_of(text)
        try:
            return self._shapes[key]
        except KeyError:
            pass
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        found = self._shapes[key] = self._read(key, text)
        return found

    def _read(self, key: str, text: str) -> _Shape | None:
        try:
            asked = read_asked([("query", text)], self.endpoint.settings.max_timeout)
        except RequestProblem:
            return None
        if asked.named_graphs or asked.request.dataset is not None or federation.needs_federation(text):
            return None
        quick = self.endpoint.engines.quickness.expects_quick(asked.request.stream)
        return _Shape(key, asked.request, asked.stable, quick)

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
            found = responses.format_for(shape.request, accept)
        shape.formats[accept] = found
        return found

    def learn(self, shape: _Shape, seconds: float) -> None:
        """Take note of how long a query took; what changes nothing is not noted, since noting takes long itself."""
        if seconds >= QUICK / 2 or not shape.quick:
            quickness = self.endpoint.engines.quickness
            quickness.learn(shape.request.stream, seconds)
            shape.quick = quickness.expects_quick(shape.request.stream)

    def note(
        self, client: str, id_: str, outcome: str, status: int, size: int, seconds: float, when: float | None = None,
        path: str = "",
    ) -> None:  # fmt: skip
        """Take note of a request that has been answered."""
        if not self._noted:
            asyncio.get_running_loop().call_later(NOTED_EVERY, self.tell)
        self._noted.append(
            Answered(when or time.time(), client, id_, outcome, self.number, status, size, seconds, path)
        )

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


def _lines(headers: list[tuple[bytes, bytes]]) -> str:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers).decode("latin-1")


@dataclass(slots=True)
class _Asked:
    """What a connection waits for."""

    data: bytes
    block: bytes
    request: QueryRequest
    shape: _Shape
    head: _Head
    chosen: Format
    number: int
    content: str
    tag: str
    id: str
    since: float


class _Connection(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, express: Express, ordinary: Callable[[], asyncio.Protocol], connections: set[Any], keep_alive: float
    ) -> None:
        self._express = express
        self._keep_alive = keep_alive
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
        self._lent_by: Pool | None = None
        self._in_a_row = 0
        self._spent = 0.0

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
        if self._lent_by is not None:
            self._lent_by.recall()
        if self._waits is not None:
            self._waits.cancel()
        if self._answer is not None:
            self._answer.close()

    def pause_writing(self) -> None:
        """Take no more requests while the client does not take what it asked for."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take requests again."""
        if self._lent_by is None:
            self._transport.resume_reading()

    @property
    def _is_busy(self) -> bool:
        return self._answer is not None or self._waits is not None

    def shutdown(self) -> None:
        """Close the connection as soon as nothing is under way, as Uvicorn asks when it stops."""
        self._closing = True
        self._express.tell()
        if self._lent_by is not None:
            self._lent_by.recall()
        elif not self._is_busy:
            self._transport.close()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connection if nothing has come for long."""
        left = self._busy_at + self._keep_alive - loop.time()
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
        if self._closing:
            cast(Any, ordinary).shutdown()

    # -- requests -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a request."""
        if self._is_busy:
            self._later += data
            if len(self._later) > plain.LONGEST:
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
        if served is None:
            return False
        express.serve(served.manifest)
        content = cache.peek(repeated.kept) if data in express.repeated else None
        if content is None:
            return False
        cache.hits += 1
        id_ = "" if repeated.path else os.urandom(8).hex()
        self._write(b"".join((express.dates.lines(), repeated.before, id_.encode(), repeated.after, content)))
        express.note(self._client, id_, "cached", 200, len(content), 0.0, path=repeated.path)
        if repeated.path:
            self._in_a_row = 0
        else:
            self._lend_soon()
        return True

    def _ask(self, data: bytes) -> bool:
        """Answer a request from what is kept, or by a reader; tell whether it is of those that are answered here."""
        found = plain.read(data)
        if found is None:
            return self._ask_page(data)
        text, block = found
        express, endpoint = self._express, self._express.endpoint
        head = express.head(block)
        if head is None or (shape := express.shape(text)) is None or shape.large:
            return False
        chosen = express.format(shape, head.accept)
        served = express.pool()
        if chosen is None or served is None or endpoint.clients[self._client] >= endpoint.settings.per_client:
            return False
        manifest, pool = served
        express.serve(manifest)
        request = QueryRequest(text, shape.request.stream, shape.request.form, None, "", None, None)
        content = endpoint.content_of(manifest)
        tag = responses.tag_of(manifest.number, content, request, chosen, head.url)
        now = time.monotonic()
        asked = _Asked(
            data, block, request, shape, head, chosen, manifest.number, content, tag, os.urandom(8).hex(), now
        )
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

    def _ask_page(self, data: bytes) -> bool:
        """Answer a request for a page; tell whether it is of those that are answered here."""
        express = self._express
        if express.pages is None or len(data) > plain.LONGEST:
            return False
        page = express.pages.read(data, self._client)
        if page is None or express.head(page[0]) is None:
            return False
        self._waits = asyncio.create_task(self._page(express.pages, page[1], data))
        return True

    async def _page(self, pages: Pages, scope: Scope, data: bytes) -> None:
        """Send the page that the application gives, and keep what to send if the same request comes again."""
        express = self._express
        whole = await pages.reply(scope)
        self._waits = None
        later, self._later = self._later, b""
        if self._transport.is_closing():
            return
        status = HTTPStatus(whole.status)
        before = b"".join([b"%b: %b\r\n" % pair for pair in whole.headers]) + b"\r\n"
        first, _, date = express.dates.lines().partition(b"\r\n")
        if status is not HTTPStatus.OK:
            first = f"HTTP/1.1 {status.value} {status.phrase}".encode()
        self._write(b"".join((first, b"\r\n", date, before, whole.content)))
        served = express.endpoint.engines.current
        if served is not None:
            express.serve(served.manifest)
            # A page that was begun on the snapshot before is not kept for this one.
            if status is HTTPStatus.OK and whole.tag.startswith(f"{served.manifest.number}-"):
                if len(express.repeated) >= MOST_REPEATED:
                    express.repeated.clear()
                express.repeated[data] = _Repeated(whole.tag, before, b"", scope["path"])
        self._go_on(later, lendable=False)

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
        spent, self._spent = self._spent, 0.0  # in a reader that was killed over this query
        answer = _Held(pool, asked.id, job, quick=asked.shape.quick and not spent)
        answer.most = settings.buffer
        answer.told = self._told
        endpoint.clients[self._client] += 1
        self._answer, self._asked = answer, asked
        try:
            pool.submit(answer, max(settings.timeout - spent, 0.1))
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
            express.learn_form(asked, len(content), answer.seconds)
        elif failure.kind in ("timeout", "ended"):
            express.learn(asked.shape, took)
        if self._transport.is_closing():
            express.note(self._client, asked.id, "cancelled", 0, 0, took)
            return
        if failure is None:
            self._whole(asked, content, "answered")
        else:
            self._problem(responses.problem_of(failure, asked.request, asked.id), asked, failure.kind)
        self._go_on(later, lendable=failure is None and asked.shape.lendable and asked.shape.quick)

    def _go_on(self, later: bytes, *, lendable: bool) -> None:
        """Go on after a response, with what has come meanwhile."""
        if self._closing:
            self._transport.close()
        elif later:
            self._transport.resume_reading()
            self.data_received(later)
        elif lendable:
            self._lend_soon()
        else:
            self._in_a_row = 0

    # -- lending ------------------------------------------------------------------------------------------------

    def _lend_soon(self) -> None:
        """Lend the connection to a reader if its client keeps sending plain, quick queries one after the other."""
        self._in_a_row += 1
        if self._in_a_row >= LENT_AFTER:
            asyncio.get_running_loop().call_soon(self._lend)  # when the response has gone out

    def _lend(self) -> None:
        found = self._express.pool()
        transport = self._transport
        if (
            found is None or self._lent_by is not None or self._is_busy or self._later or self._closing
            or transport.is_closing() or transport.get_write_buffer_size()
        ):  # fmt: skip
            return
        self._in_a_row = 0
        manifest, pool = found
        self._express.serve(manifest)
        transport.pause_reading()
        self._lent_by = pool
        if pool.lend(self, (form for form, _ in self._express.forms.values())):
            self._stop_watching()
        else:
            self._lent_by = None
            transport.resume_reading()

    def noted(self, when: float, kept: bool, size: int, took: float, id_: str) -> None:
        """Take note of an answer that a reader gave on this connection."""
        cache = self._express.endpoint.cache
        cache.hits += kept
        cache.misses += not kept
        self._express.note(self._client, id_, "cached" if kept else "answered", 200, size, took, when)

    def descriptor(self) -> int:
        """Return the descriptor of the connection, -1 if it has ended."""
        return -1 if self._transport.is_closing() else int(self._transport.get_extra_info("socket").fileno())

    def returned(self, reason: int, seconds: float, form: int, taken: bytes, rest: bytes) -> None:
        """Go on with a connection that a reader gives back."""
        self._lent_by = None
        if form:
            self._express.forget_form(form, seconds)
        elif reason == Reason.SLOW:
            self._spent = seconds
        if self._transport.is_closing():
            return
        if rest:
            self._transport.write(rest)
        self._watch_from_now()
        self._transport.resume_reading()
        if taken:
            self.data_received(taken)
        if self._closing and not self._is_busy and self._transport.get_protocol() is self:
            self._transport.close()

    def cut_off(self) -> None:
        """End a connection of which nobody knows how much of an answer it got."""
        self._lent_by = None
        self._transport.abort()

    # -- what is sent -------------------------------------------------------------------------------------------

    def _whole(self, asked: _Asked, content: bytes, outcome: str) -> None:
        """Send a whole answer, and keep what to send if the same request comes again."""
        express, cache = self._express, self._express.endpoint.cache
        headers = responses.headers_of(asked.number, "\0", asked.tag, asked.chosen, stable=asked.shape.stable)
        kept = asked.tag
        coding = asked.head.coding
        if coding is not None and len(content) >= COMPRESSED_FROM:
            kept = f"{asked.tag}{coding.suffix}"
            packed = cache.peek(kept) if asked.shape.stable else None
            if packed is None:
                packed = pack(content, coding)
                if asked.shape.stable:
                    cache.put(kept, packed)
            headers, content = coded(headers, coding), packed
        headers = [*headers, (b"content-length", b"%d" % len(content)), *cors.HEADERS]
        before, _, after = (b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n").partition(b"\0")
        self._write(b"".join((express.dates.lines(), before, asked.id.encode(), after, content)))
        express.note(self._client, asked.id, outcome, 200, len(content), time.monotonic() - asked.since)
        if asked.shape.stable:
            if len(express.repeated) >= MOST_REPEATED:
                express.repeated.clear()
            express.repeated[asked.data] = _Repeated(kept, before, after)

    def _problem(self, found: RequestProblem, asked: _Asked, outcome: str) -> None:
        content = problems.content(found.status, found.title, found.detail, **found.more)
        headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
        headers += problem_headers(found.more)
        headers += [(b"content-length", b"%d" % len(content)), *cors.HEADERS]
        status = HTTPStatus(found.status)
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        date = self._express.dates.lines().partition(b"\r\n")[2]
        self._write(first + date + b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n" + content)
        self._express.note(
            self._client, asked.id, outcome, status.value, len(content), time.monotonic() - asked.since
        )  # fmt: skip

    def _write(self, response: bytes) -> None:
        self._transport.write(response)
        self._watch_from_now()

    def _watch_from_now(self) -> None:
        """Let the connection be closed if nothing comes for long from now on."""
        loop = asyncio.get_running_loop()
        self._busy_at = loop.time()
        if self._watch is None:
            self._watch = loop.call_later(self._keep_alive, self._look, loop)


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
