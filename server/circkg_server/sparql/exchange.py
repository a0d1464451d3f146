"""One request and its response, as ASGI has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from circkg_server import problems
from circkg_server.coding import Coding, Compressor, coded, coding_for, compressor
from circkg_server.conditional import tags_of
from circkg_server.sparql.requests import RequestProblem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Exchange:
    """One request and its response."""

    scope: Scope
    receive: Receive
    send: Send
    public_url: str = ""
    started: bool = False
    _compressor: Compressor | None = None

    @property
    def method(self) -> str:
        """Return the method."""
        return str(self.scope["method"])

    @property
    def client(self) -> str:
        """Return the address of the client."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def url(self) -> str:
        """Return the address of the endpoint, without parameters."""
        if self.public_url:
            return self.public_url.rstrip("/") + str(self.scope["path"]).rstrip("/")
        host = self.header(b"host") or "localhost"
        path = f"{self.scope.get('root_path', '')}{self.scope['path'].removeprefix(self.scope.get('root_path', ''))}"
        return f"{self.scope.get('scheme', 'http')}://{host}{path.rstrip('/')}"

    def header(self, name: bytes) -> str:
        """Return the value of a header, several joined by commas; empty if there is none."""
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

    async def is_served(self, methods: Sequence[str], way_out: str) -> bool:
        """Tell whether a request is still to be served: one for the options of a path has been answered.

        :param methods: those that the path takes.
        :param way_out: what to do instead.
        :raises RequestProblem: if the method is none of them.
        """
        allowed = ", ".join(methods)
        if self.method == "OPTIONS":
            await self.reply(HTTPStatus.NO_CONTENT, [(b"allow", allowed.encode())], b"")
            return False
        if self.method not in methods:
            found = RequestProblem(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not served", way_out)
            found.headers["allow"] = allowed
            raise found
        return True

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
        sent += problem_headers(more)
        await self.reply(status, sent, problems.content(status, title, detail, **more))

    @property
    def takes_parts(self) -> bool:
        """Tell whether a part of an answer can be told from the whole: HTTP/1.0 has no last chunk."""
        return self.scope.get("http_version") != "1.0"

    @property
    def coding(self) -> Coding | None:
        """Return the content coding in which the client takes answers, if any."""
        return coding_for(self.header(b"accept-encoding"))

    @property
    def takes_any(self) -> bool:
        """Tell whether the client has the answer, whatever it is (``If-None-Match: *``)."""
        return self._is_conditional and self.header(b"if-none-match").strip() == "*"

    @property
    def _is_conditional(self) -> bool:
        return self.method in ("GET", "HEAD", "QUERY")

    def matching(self, tag: str) -> str | None:
        """Return the entity tag that the client has, if it is that of the answer, compressed or not."""
        if not self._is_conditional:
            return None
        has = tags_of(self.header(b"if-none-match"))
        return next((known for known in (*(f"{tag}{each.suffix}" for each in Coding), tag) if known in has), None)

    async def not_modified(self, headers: Headers, known: str | None) -> None:
        """Say that what the client has is the answer."""
        tagged = [(k, f'"{known}"'.encode() if k == b"etag" and known else v) for k, v in headers]
        await self.reply(HTTPStatus.NOT_MODIFIED, [pair for pair in tagged if pair[0] != b"content-type"], b"")

    async def begin(self, headers: Headers) -> None:
        """Begin an answer that comes in parts."""
        if (coding := self.coding) is not None:
            self._compressor = compressor(coding)
            headers = coded(headers, coding)
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


def too_long(most: int) -> RequestProblem:
    """Return the problem of a query that is too long."""
    return RequestProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The query is too long", f"A query may have {most:,} bytes."
    )


def problem_headers(more: dict[str, Any]) -> Headers:
    """Return the headers of a problem, given its further members."""
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()), (b"vary", b"Accept, Accept-Encoding"),
        (b"cache-control", b"no-store"),
    ]  # fmt: skip
    if "queryId" in more:
        headers.append((b"x-circkg-query-id", str(more["queryId"]).encode()))
    return headers
