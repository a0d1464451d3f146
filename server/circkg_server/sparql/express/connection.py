"""One connection that takes the short way."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from circkg_server import cors, problems
from circkg_server.coding import COMPRESSED_FROM, coded, pack
from circkg_server.engines.frames import Job
from circkg_server.engines.pool import Failure, Pool
from circkg_server.sparql import plain, responses
from circkg_server.sparql.exchange import problem_headers
from circkg_server.sparql.express.held import Held
from circkg_server.sparql.express.known import Asked, Repeated
from circkg_server.sparql.express.lending import Lending
from circkg_server.sparql.express.pages import Pages, Scope
from circkg_server.sparql.express.shared import Shared
from circkg_server.sparql.requests import QueryRequest, RequestProblem

MOST_REPEATED = 1024


class Connection(asyncio.Protocol):
    """One connection, from its first request to the first that takes the ordinary way."""

    def __init__(
        self, express: Shared, ordinary: Callable[[], asyncio.Protocol], connections: set[Any], keep_alive: float
    ) -> None:
        self._express = express
        self._keep_alive = keep_alive
        self._ordinary = ordinary
        self._connections = connections
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.client = ""
        self._asked: Asked | None = None
        self._answer: Held | None = None
        self._waits: asyncio.Task[None] | None = None
        self._later = b""
        self._busy_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._closing = False
        self._lending = Lending(express, self)

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) else ""
        self._watch_from_now()

    def connection_lost(self, _exc: Exception | None) -> None:
        """End; a reader that is at an answer nobody waits for is ended too."""
        self._connections.discard(self)
        self.stop_watching()
        self._lending.recall()
        if self._waits is not None:
            self._waits.cancel()
        if self._answer is not None:
            self._answer.close()

    def pause_writing(self) -> None:
        """Take no more requests while the client does not take what it asked for."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Take requests again."""
        if not self._lending.is_lent:
            self.transport.resume_reading()

    @property
    def _is_busy(self) -> bool:
        return self._answer is not None or self._waits is not None

    def shutdown(self) -> None:
        """Close the connection as soon as nothing is under way, as Uvicorn asks when it stops."""
        self._closing = True
        self._express.tell()
        if self._lending.is_lent:
            self._lending.recall()
        elif not self._is_busy:
            self.transport.close()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connection if nothing has come for long."""
        left = self._busy_at + self._keep_alive - loop.time()
        if not self._is_busy and left <= 0:
            self.transport.close()
        else:
            self._watch = loop.call_later(max(left, 0.1), self._look, loop)

    def stop_watching(self) -> None:
        """Let the connection stay open, however long nothing comes."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _hand_over(self, data: bytes) -> None:
        """Let Uvicorn have the connection, from this request on."""
        self._connections.discard(self)
        self.stop_watching()
        ordinary = self._ordinary()
        self.transport.set_protocol(ordinary)
        ordinary.connection_made(self.transport)
        ordinary.data_received(data)
        if self._closing:
            cast(Any, ordinary).shutdown()

    # -- requests -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a request."""
        if self._is_busy:
            self._later += data
            if len(self._later) > plain.LONGEST:
                self.transport.pause_reading()
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
        express.note(self.client, id_, "cached", 200, len(content), 0.0, path=repeated.path)
        if repeated.path:
            self._lending.no_more()
        else:
            self._lending.one_more()
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
        if "text/html" in head.accept:  # what goes wrong is a page then
            return False
        chosen = express.format(shape, head.accept)
        served = express.pool()
        if chosen is None or served is None or endpoint.clients[self.client] >= endpoint.settings.per_client:
            return False
        manifest, pool = served
        express.serve(manifest)
        request = QueryRequest(text, shape.request.stream, shape.request.form, None, "", None, None)
        content = endpoint.content_of(manifest)
        tag = responses.tag_of(manifest.number, content, request, chosen, head.url)
        now = time.monotonic()
        asked = Asked(
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
        page = express.pages.read(data, self.client)
        if page is None or express.head(page[0]) is None:
            return False
        self._waits = asyncio.create_task(self._page(express.pages, page[1], data))
        return True

    async def _page(self, pages: Pages, scope: Scope, data: bytes) -> None:
        """Send the page that the application gives, and keep what to send if the same request comes again."""
        express = self._express
        began = time.monotonic()
        try:
            whole = await pages.reply(scope)
        except asyncio.CancelledError:
            express.note(self.client, "", "cancelled", 0, 0, time.monotonic() - began, path=scope["path"])
            raise
        took = time.monotonic() - began
        self._waits = None
        later, self._later = self._later, b""
        express.note(self.client, "", "answered", whole.status, len(whole.content), took, path=scope["path"])
        if self.transport.is_closing():
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
                express.repeated[data] = Repeated(whole.tag, before, b"", scope["path"])
        self._go_on(later, lendable=False)

    async def _wait(self, flight: asyncio.Event, data: bytes) -> None:
        """Ask again when another request has fetched the same answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._express.endpoint.settings.timeout):
                await flight.wait()
        self._waits = None
        later, self._later = self._later, b""
        if not self.transport.is_closing() and not self._ask(data):
            self._hand_over(data + later)
        elif later:
            self.data_received(later)

    def _evaluate(self, asked: Asked, pool: Pool) -> None:
        endpoint, settings = self._express.endpoint, self._express.endpoint.settings
        job = Job(
            asked.request.text, asked.chosen.name, settings.max_rows, settings.max_bytes, None, asked.head.url,
            self.client,
        )  # fmt: skip
        spent = self._lending.take_spent()
        answer = Held(pool, asked.id, job, quick=asked.shape.quick and not spent)
        answer.most = settings.buffer
        answer.told = self._told
        endpoint.clients[self.client] += 1
        self._answer, self._asked = answer, asked
        try:
            pool.submit(answer, max(settings.timeout - spent, 0.1))
        except Failure as failure:
            answer.told = None
            self._told(answer, failure)

    # -- answers ------------------------------------------------------------------------------------------------

    def _told(self, answer: Held, failure: Failure | None) -> None:
        """Send what came, whole or failed."""
        asked, express, endpoint = self._asked, self._express, self._express.endpoint
        assert asked is not None
        self._answer = self._asked = None
        clients = endpoint.clients
        clients[self.client] -= 1
        if not clients[self.client]:
            del clients[self.client]
        later, self._later = self._later, b""
        if not answer.ended and failure is None:
            # It is larger than what is held: the ordinary way sends it in parts, and those of its shape from now on.
            answer.close()
            endpoint.cache.end(asked.tag)
            asked.shape.large = True
            if not self.transport.is_closing():
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
            express.forms.learn(asked, len(content), answer.seconds)
        elif failure.kind in ("timeout", "ended"):
            express.learn(asked.shape, took)
        if self.transport.is_closing():
            express.note(self.client, asked.id, "cancelled", 0, 0, took)
            return
        if failure is None:
            self._whole(asked, content, "answered")
        else:
            self._problem(responses.problem_of(failure, asked.request, asked.id), asked, failure.kind)
        self._go_on(later, lendable=failure is None and asked.shape.lendable and asked.shape.quick)

    def _go_on(self, later: bytes, *, lendable: bool) -> None:
        """Go on after a response, with what has come meanwhile."""
        if self._closing:
            self.transport.close()
        elif later:
            self.transport.resume_reading()
            self.data_received(later)
        elif lendable:
            self._lending.one_more()
        else:
            self._lending.no_more()

    # -- lending ------------------------------------------------------------------------------------------------

    @property
    def is_free(self) -> bool:
        """Tell whether nothing is under way, so that the connection may be lent."""
        transport = self.transport
        return not (
            self._is_busy or self._later or self._closing or transport.is_closing() or transport.get_write_buffer_size()
        )  # fmt: skip

    def came_back(self, taken: bytes, rest: bytes) -> None:
        """Go on after what is still to be sent, with what was taken and is not answered."""
        if self.transport.is_closing():
            return
        if rest:
            self.transport.write(rest)
        self._watch_from_now()
        self.transport.resume_reading()
        if taken:
            self.data_received(taken)
        if self._closing and not self._is_busy and self.transport.get_protocol() is self:
            self.transport.close()

    # -- what is sent -------------------------------------------------------------------------------------------

    def _whole(self, asked: Asked, content: bytes, outcome: str) -> None:
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
        express.note(self.client, asked.id, outcome, 200, len(content), time.monotonic() - asked.since)
        if asked.shape.stable:
            if len(express.repeated) >= MOST_REPEATED:
                express.repeated.clear()
            express.repeated[asked.data] = Repeated(kept, before, after)

    def _problem(self, found: RequestProblem, asked: Asked, outcome: str) -> None:
        content = problems.content(found.status, found.title, found.detail, **found.more)
        headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
        headers += problem_headers(found.more)
        headers += [(b"content-length", b"%d" % len(content)), *cors.HEADERS]
        status = HTTPStatus(found.status)
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        date = self._express.dates.lines().partition(b"\r\n")[2]
        self._write(first + date + b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n" + content)
        self._express.note(
            self.client, asked.id, outcome, status.value, len(content), time.monotonic() - asked.since
        )  # fmt: skip

    def _write(self, response: bytes) -> None:
        if self.transport.is_closing():  # of several requests in a row, the client left before the last was answered
            return
        self.transport.write(response)
        self._watch_from_now()

    def _watch_from_now(self) -> None:
        """Let the connection be closed if nothing comes for long from now on."""
        loop = asyncio.get_running_loop()
        self._busy_at = loop.time()
        if self._watch is None:
            self._watch = loop.call_later(self._keep_alive, self._look, loop)
