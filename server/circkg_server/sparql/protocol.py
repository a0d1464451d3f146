"""The SPARQL endpoint as an ASGI application: protocol, negotiation, limits, cache.

An answer is complete, or it says that it is not: what fails while the answer is still held is a problem with its own
status; what fails later ends the connection without the last chunk, so that no client takes the part for the whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from circkg_server.coding import COMPRESSED_FROM, coded, pack
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import AnswerStream, Engine
from circkg_server.engines.pool import Answer, Failure
from circkg_server.engines.service import NoSuchSnapshotError, SnapshotGoneError
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings
from circkg_server.sparql.cache import LARGEST, Cache
from circkg_server.sparql.exchange import Exchange, Headers, Receive, Scope, Send, too_long
from circkg_server.sparql.formats import GRAPHS, Format, prefers_page
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
from circkg_server.sparql.responses import RETRY_AFTER, format_for, headers_of, problem_of, tag_of
from circkg_server.sparql.tokens import Token, needs_named_graphs, varies
from circkg_server.store.dataset import Dataset

METHODS = ("GET", "HEAD", "POST", "QUERY", "OPTIONS")
HELD_FOR = 1.0
"""Seconds for which an answer is held before its first part is sent, while it fits the buffer."""
LONG = 16 * 1024
"""Length from which a query is read in a thread, and an answer compressed in one: others are served meanwhile."""


class ClientLeftError(Exception):
    """The client has left; nobody waits for the answer."""


class AnswerAbortedError(Exception):
    """An answer of which a part has been sent cannot be completed; the connection ends without its last chunk."""


Rewrite = Callable[[str, Dataset | None, int], Awaitable[str]]
"""Takes a query, its dataset and its snapshot's number; returns it with what no engine may do done."""
Observe = Callable[[str, float, str, str], None]
"""Is told of each query: outcome, seconds, query id, engine's snapshot."""
Page = Callable[[Exchange, list[tuple[str, str]]], Awaitable[None]]
"""Answers a person: takes the exchange and the parameters of the request, read already."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A query that is being answered.

    :param number: of the snapshot that it is asked of.
    :param tag: under which the answer is kept; ``None``: it is not.
    """

    exchange: Exchange
    asked: Asked
    chosen: Format
    headers: Headers
    number: int
    id: str
    tag: str | None


@dataclass(slots=True)
class Endpoint:
    """The endpoint.

    :param rewrite: does what no engine may do itself; raises :class:`RequestProblem` to refuse.
    :param describe: returns the service description for an address and an Accept header, and its media type.
    :param page: serves who would rather have a page; without it, everybody gets data.
    """

    engines: Engine
    settings: Settings
    rewrite: Rewrite
    describe: Callable[[str, str], tuple[str, bytes] | None]
    observe: Observe = lambda *_: None
    page: Page | None = None
    cache: Cache = field(init=False)
    clients: Counter[str] = field(default_factory=Counter)
    _digest: tuple[Manifest, str] | None = None

    def __post_init__(self) -> None:
        """Make the cache of the size that the settings say."""
        self.cache = Cache(self.settings.cache)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = Exchange(scope, receive, send, self.settings.public_url)
        try:
            await self._serve(exchange)
        except RequestProblem as found:
            await exchange.problem(found.status, found.title, found.detail, found.headers, **found.more)

    async def _serve(self, exchange: Exchange) -> None:
        if not await exchange.is_served(METHODS, "Use GET or POST."):
            return
        items = parameters(exchange.scope["query_string"])
        if exchange.method in ("POST", "QUERY"):
            items = await self.with_body(exchange, items)
        if self.page is not None and wants_page(items, exchange.header(b"accept")):
            await self.page(exchange, items)
        elif exchange.method in ("GET", "HEAD") and not any(name in ("query", "update") for name, _ in items):
            await self._description(exchange)
        else:
            await self.ask(exchange, items)

    async def ask(self, exchange: Exchange, items: list[tuple[str, str]]) -> None:
        """Answer the query that stands in the parameters of a request.

        :raises RequestProblem: if there is no answer.
        :raises AnswerAbortedError: if a part of it has been sent.
        """
        asked = await self._read(items)
        client = exchange.client
        if self.clients[client] >= self.settings.per_client:
            found = RequestProblem(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many queries at once",
                f"A client may have {self.settings.per_client} queries running. Wait for one to end.",
            )  # fmt: skip
            found.headers["retry-after"] = RETRY_AFTER
            raise found
        self.clients[client] += 1
        try:
            await self._query(exchange, asked)
        finally:
            self.clients[client] -= 1
            if not self.clients[client]:
                del self.clients[client]

    async def _read(self, items: list[tuple[str, str]]) -> Asked:
        """Return what is asked; a long query is read in a thread, for that takes a while."""
        length = sum(len(value) for _, value in items)
        if length > self.settings.max_query or any(
            len(value.encode()) > self.settings.max_query for name, value in items if name == "query"
        ):
            raise too_long(self.settings.max_query)
        if length > LONG:
            return await asyncio.to_thread(read_asked, items, self.settings.max_timeout)
        return read_asked(items, self.settings.max_timeout)

    async def with_body(self, exchange: Exchange, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the parameters of a request with a body.

        :raises RequestProblem: if the body is no query, or too long.
        """
        kind = media_type(exchange.header(b"content-type"))
        if kind not in (FORM, QUERY):
            detail = f"Post a form ({FORM}) or the query itself ({QUERY})."
            if kind == UPDATE:
                detail = "Send updates to /update."
            raise RequestProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A query cannot come as this type", detail)
        body = await exchange.body(self.settings.max_query * (3 if kind == FORM else 1))
        if kind == FORM:
            form = await asyncio.to_thread(parameters, body) if len(body) > LONG else parameters(body)
            return [*form, *items]  # an address such as /sparql?timeout=5 means it; the form may say otherwise
        try:
            return [*(item for item in items if item[0] != "query"), ("query", body.decode())]
        except UnicodeDecodeError as error:
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The query is not UTF-8", "Send it as UTF-8.") from error

    async def _description(self, exchange: Exchange) -> None:
        described = await asyncio.to_thread(self.describe, exchange.url, exchange.header(b"accept"))
        if described is None:
            offered = ", ".join(found.media_type for found in GRAPHS)
            detail = f"The description comes as {offered}."
            raise RequestProblem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", detail)
        kind, content = described
        await exchange.reply(HTTPStatus.OK, [(b"content-type", kind.encode()), (b"vary", b"Accept")], content)

    # -- one query ----------------------------------------------------------------------------------------------

    async def _query(self, exchange: Exchange, asked: Asked) -> None:
        started = time.monotonic()
        request = asked.request
        chosen = format_for(request, exchange.header(b"accept"))
        served = self.engines.current
        if served is None:
            found = RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is served yet", "Try again in a while.")
            found.headers["retry-after"] = RETRY_AFTER
            raise found
        number = served.manifest.number if request.snapshot is None else request.snapshot
        id_ = uuid.uuid4().hex[:16]
        content = self.content_of(served.manifest) if number == served.manifest.number else ""
        tag = tag_of(number, content, request, chosen, exchange.url)
        # An open instance has no snapshots: what it answers may change with the next write.
        stable = number > 0 and asked.stable
        headers = headers_of(number, id_, tag, chosen, stable=stable)
        outcome = "failed"
        try:
            if stable and (known := exchange.matching(tag)) is not None:
                outcome = "not-modified"
                await exchange.not_modified(headers, known)
                return
            outcome = await self._answer(
                _Question(exchange, asked, chosen, headers, number, id_, tag if stable else None)
            )
        except Failure as failure:
            outcome = failure.kind
            if exchange.started:
                raise AnswerAbortedError(str(failure)) from failure
            raise problem_of(failure, request, id_) from failure
        except SnapshotGoneError as gone:
            detail = f"{gone} The releases that it was made of stay."
            dumps = [
                f"{exchange.url.removesuffix('/sparql')}/dumps/{file.removeprefix('releases/')}" for file in gone.dumps
            ]
            raise RequestProblem(HTTPStatus.GONE, "This snapshot is gone", detail, queryId=id_, dumps=dumps) from gone
        except NoSuchSnapshotError as missing:
            raise RequestProblem(HTTPStatus.NOT_FOUND, "There is no such snapshot", str(missing)) from missing
        except ClientLeftError:
            outcome = "cancelled"
        finally:
            self.observe(outcome, time.monotonic() - started, id_, str(number))

    def content_of(self, manifest: Manifest) -> str:
        """Return a digest of what a manifest names: a store that is built anew counts from 1 again."""
        if self._digest is None or self._digest[0] is not manifest:
            named = "".join(release.sha256 for release in manifest.releases)
            self._digest = (manifest, hashlib.sha256(named.encode()).hexdigest())
        return self._digest[1]

    async def _answer(self, question: _Question) -> str:
        """Answer from what is kept, or else from the engine; return the outcome."""
        loop = asyncio.get_running_loop()
        timeout = question.asked.request.timeout or self.settings.timeout
        deadline = loop.time() + timeout
        tag = question.tag
        async with _while_there(question.exchange):
            if tag is None:
                await self._evaluate(question, deadline)
                return "answered"
            try:
                async with asyncio.timeout_at(deadline):
                    kept = await self.cache.get(tag)
            except TimeoutError as error:
                raise Failure("timeout", f"The query took longer than {timeout:g} s.") from error
            if kept is not None:
                await self._whole(question, kept)
                return "cached"
            try:
                await self._evaluate(question, deadline)
            finally:
                self.cache.end(tag)
            return "answered"

    async def _evaluate(self, question: _Question, deadline: float) -> None:
        exchange, request, number = question.exchange, question.asked.request, question.number
        started = time.monotonic()
        answer: AnswerStream | None = None
        try:
            text = await self.rewrite(request.text, request.dataset, number)
            job = Job(
                text, question.chosen.name, self.settings.max_rows, self.settings.max_bytes, request.dataset,
                exchange.url, exchange.client,
            )  # fmt: skip
            answer = await self.engines.ask(
                question.id, job, request.stream,
                timeout=max(deadline - asyncio.get_running_loop().time(), 0.001),
                named_graphs=request.dataset is not None or question.asked.named_graphs,
                snapshot=(number or None) if request.snapshot is None else request.snapshot,
            )  # fmt: skip
            await self._send(question, answer)
            took = answer.seconds if isinstance(answer, Answer) else time.monotonic() - started
            self.engines.quickness.learn(request.stream, took)
        except Failure as failure:
            if failure.kind in ("timeout", "ended"):
                self.engines.quickness.learn(request.stream, time.monotonic() - started)
            raise
        finally:
            if answer is not None:
                answer.close()

    async def _send(self, question: _Question, answer: AnswerStream) -> None:
        """Send an answer, as a whole if it comes as one.

        :raises Failure: if it does not come to its end.
        """
        exchange, tag = question.exchange, question.tag
        following = _following(answer)
        clock = asyncio.get_running_loop().time
        held: list[bytes] = []
        size = 0
        begin_at: float | None = None
        while True:
            chunk: bytes | None = None
            try:
                async with asyncio.timeout_at(begin_at):
                    chunk = await following()
            except TimeoutError:
                begin_at = 0.0
            if chunk == b"":
                break
            if chunk:
                size += len(chunk)
                held.append(chunk)
                if exchange.started:
                    await exchange.chunk(chunk)
                elif begin_at is None and exchange.takes_parts:
                    begin_at = clock() + HELD_FOR
            if not exchange.started and (size > self.settings.buffer or (begin_at is not None and clock() >= begin_at)):
                begin_at = None
                await self._begin(question, held)
                if exchange.method == "HEAD":
                    await exchange.end()
                    return
            if exchange.started and size > LARGEST:
                held.clear()
        whole = b"".join(held)
        if tag and size <= LARGEST:
            self.cache.put(tag, whole)
        if exchange.started:
            await exchange.end()
        else:
            await self._whole(question, whole)

    async def _begin(self, question: _Question, held: list[bytes]) -> None:
        """Send the first parts of an answer that does not come as a whole."""
        exchange = question.exchange
        if question.tag:
            self.cache.end(question.tag)  # others do not wait for this client to take it all
        if not exchange.takes_parts:
            raise RequestProblem(
                HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 cannot carry this answer",
                f"It has more than {self.settings.buffer:,} bytes, and a part could not be told from the whole answer. "
                "Ask over HTTP/1.1; a proxy may need to be told so.",
            )  # fmt: skip
        await exchange.begin(question.headers)
        for part in held:
            await exchange.chunk(part)

    async def _whole(self, question: _Question, content: bytes) -> None:
        """Send a whole answer, compressed where it pays; what was compressed is kept too."""
        exchange, headers, tag = question.exchange, question.headers, question.tag
        if exchange.takes_any:
            await exchange.not_modified(headers, None)
            return
        coding = exchange.coding
        if coding is None or len(content) < COMPRESSED_FROM:
            await exchange.reply(HTTPStatus.OK, headers, content)
            return
        packed = self.cache.peek(f"{tag}{coding.suffix}") if tag else None
        if packed is None:
            packed = await asyncio.to_thread(pack, content, coding) if len(content) > LONG else pack(content, coding)
            if tag and len(content) < LARGEST:
                self.cache.put(f"{tag}{coding.suffix}", packed)
        await exchange.reply(HTTPStatus.OK, coded(headers, coding), packed)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and what its words tell.

    :param stable: whether it has the same answer each time that it is asked of a snapshot.
    """

    request: QueryRequest
    named_graphs: bool
    stable: bool


def read_asked(items: list[tuple[str, str]], max_timeout: float) -> Asked:
    """Return what a request asks, read once.

    :raises RequestProblem: if it cannot be served.
    """
    request = read_query(items, max_timeout)
    stable = not varies(request.stream) and not _asks_others(request.stream)
    return Asked(request, needs_named_graphs(request.stream), stable)


def wants_page(items: list[tuple[str, str]], accept: str) -> bool:
    """Tell whether a request asks for a page: by the parameter ``format``, else by Accept."""
    wanted = next((value for name, value in items if name == "format"), "")
    return wanted.lower() in ("html", "text/html") if wanted else prefers_page(accept)


def _asks_others(stream: list[Token]) -> bool:
    """Tell whether a query asks another endpoint, whose answer may change at any time."""
    for place, token in enumerate(stream):
        if token.is_word("SERVICE"):
            rest = [found for found in stream[place + 1 : place + 3] if not found.is_word("SILENT")]
            if not rest or not rest[0].text.endswith("/text-search>"):
                return True
    return False


@asynccontextmanager
async def _while_there(exchange: Exchange) -> AsyncIterator[None]:
    """End the block when the client leaves.

    :raises ClientLeftError: if it did.
    """
    task = asyncio.current_task()
    assert task is not None
    inside, left = True, False

    def leave(watch: asyncio.Task[None]) -> None:
        nonlocal left
        if inside and not watch.cancelled():
            left = True
            task.cancel()

    watch = asyncio.create_task(exchange.gone())
    watch.add_done_callback(leave)
    try:
        yield
    except asyncio.CancelledError:
        if not left:
            raise
        task.uncancel()
        raise ClientLeftError from None
    finally:
        inside = False
        watch.cancel()


def _following(answer: AnswerStream) -> Callable[[], Awaitable[bytes]]:
    """Return what gives the next chunk of an answer, nothing at its end, and may be interrupted and called again."""
    if isinstance(answer, Answer):
        return answer.next
    chunks = answer.chunks()
    pending: asyncio.Future[bytes] | None = None

    async def following() -> bytes:
        nonlocal pending
        pending = pending or asyncio.ensure_future(_next(chunks))
        chunk = await asyncio.shield(pending)
        pending = None
        return chunk

    return following


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")
