"""SPARQL 1.1 update and Graph Store Protocol over HTTP.

- https://www.w3.org/TR/sparql11-protocol/#update-operation
- https://www.w3.org/TR/sparql11-http-rdf-update/
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from circkg_server.conditional import tags_of
from circkg_server.problems import problem
from circkg_server.writes import live as live_store
from circkg_server.writes.drafts import DRAFTS, is_draft, way_out
from circkg_server.writes.live import ANY, NOBODY, Conditions, LiveStore, SyntaxFaultError, Who
from circkg_server.writes.media import NAMES, WRITTEN, MediaTypeError, choose, parts, read_type, require_utf8
from circkg_server.writes.settings import Mode, WritesSettings
from circkg_server.writes.tokens import Audit, ForbiddenError, NotAuthorisedError, Scope, TokenError, Tokens
from circkg_server.writes.updates import (
    DEFAULT,
    UpdateError,
    UpdateForbiddenError,
    checked_iri,
    guarded,
    operations,
    with_dataset,
)

FORM, UPDATE = "application/x-www-form-urlencoded", "application/sparql-update"
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY", "TRACE"]
UPDATE_ALLOWS = "POST, OPTIONS"
GRAPH_ALLOWS = "GET, HEAD, PUT, POST, DELETE, OPTIONS"
STORE_ALLOWS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
RETRY_SECONDS = "5"
_SHORT = 300

Published = Callable[[Request, str | None, str], Awaitable[Response | None]]
"""Answers with a published graph (``None``: the default one) in a media type, or ``None`` if there is no such graph."""


class TooLongError(ValueError):
    """A body is longer than allowed."""


class BadRequestError(ValueError):
    """A request is not what the protocol asks for."""


_FAILURES: tuple[tuple[tuple[type[Exception], ...], HTTPStatus, str], ...] = (
    ((UpdateError, BadRequestError), HTTPStatus.BAD_REQUEST, "The request is not right"),
    ((UnicodeDecodeError,), HTTPStatus.BAD_REQUEST, "The text is not UTF-8"),
    ((MediaTypeError,), HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This media type is not read here"),
    ((TooLongError,), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long"),
    ((NotAuthorisedError,), HTTPStatus.UNAUTHORIZED, "A token is needed"),
    ((ForbiddenError, UpdateForbiddenError, live_store.RefusedError), HTTPStatus.FORBIDDEN, "This is not allowed"),
    ((live_store.NotThereError,), HTTPStatus.NOT_FOUND, "There is no such graph"),
    ((live_store.ChangedError,), HTTPStatus.PRECONDITION_FAILED, "The condition does not hold"),
    ((live_store.TooLargeError,), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The answer is too large"),
    ((live_store.CrashedError,), HTTPStatus.BAD_REQUEST, "The request is too deep or too big"),
    ((live_store.TimeoutExceededError,), HTTPStatus.SERVICE_UNAVAILABLE, "This took too long"),
    ((live_store.KilledError,), HTTPStatus.SERVICE_UNAVAILABLE, "This was interrupted"),
    ((live_store.BusyError,), HTTPStatus.SERVICE_UNAVAILABLE, "The store is busy"),
    ((TokenError,), HTTPStatus.SERVICE_UNAVAILABLE, "The tokens cannot be read"),
    ((live_store.StoreDownError,), HTTPStatus.SERVICE_UNAVAILABLE, "The store does not start"),
    # SPARQL 1.1 Protocol, section 2.2.4: 400 for what is not SPARQL, 500 for what fails though it is.
    ((live_store.LiveError,), HTTPStatus.INTERNAL_SERVER_ERROR, "It could not be done"),
)


def public_url(request: Request) -> str:
    """Return the URL of a request as the client wrote it, without its query string."""
    path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    found: str = path.decode("latin-1").partition("?")[0]
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}{found}"


@dataclass(frozen=True, slots=True)
class Writes:
    """What the handlers work with.

    :param tokens: who may write; not needed on an open instance.
    :param published: gives the published graphs; without it they are not found.
    :param url: the public URL of a request, where a proxy hides it.
    """

    live: LiveStore
    settings: WritesSettings
    tokens: Tokens | None = None
    audit: Audit | None = None
    published: Published | None = None
    url: Callable[[Request], str] = public_url
    prefixes: dict[str, str] | None = None

    @property
    def open(self) -> bool:
        """Tell whether everybody may write everything."""
        return self.settings.mode is Mode.OPEN

    def who(self, request: Request, scope: Scope = Scope.CONTRIBUTE) -> Who:
        """Return whose drafts a request is about.

        :raises NotAuthorisedError: if it has no token that is good.
        :raises ForbiddenError: if the token lacks the scope, or if nothing may be written here.
        """
        if self.open:
            return NOBODY
        if self.settings.mode is Mode.OFF or self.tokens is None:
            raise ForbiddenError("Nothing can be written here. Published data change by a release only.")
        use = self.tokens.check(request.headers.get("authorization"), scope)
        return Who(use.name, use.sees_all)

    def log(self, who: Who, what: str, graphs: Iterable[str], quads: int | None, outcome: str) -> None:
        """Log a write, unless everybody may write."""
        if self.audit is not None and not self.open:
            self.audit.write(who.owner, what, graphs, quads, outcome)


def build_router(writes: Writes) -> APIRouter:
    """Return the routes ``/update`` and ``/graph-store``."""
    router = APIRouter()

    async def update(request: Request) -> Response:
        return await answered(handle_update(writes, request), request)

    async def graph_store(request: Request) -> Response:
        return await answered(handle_graph(writes, request), request)

    for path in ("/update", "/update/"):
        router.add_route(path, update, methods=METHODS, include_in_schema=False)
    for path in ("/graph-store", "/graph-store/{rest:path}"):
        router.add_route(path, graph_store, methods=METHODS, include_in_schema=False)
    return router


async def answered(handling: Awaitable[Response], request: Request) -> Response:
    """Return the answer of a handler, or the problem that it met. An answer to HEAD has no body."""
    try:
        response = await handling
    except Exception as error:
        found = failure(error)
        if found is None:
            raise
        response = found
    if request.method == "HEAD":
        response.body = b""
    return response


def failure(error: Exception) -> Response | None:
    """Return an error of writes as a problem, or ``None`` if it is none of them."""
    if isinstance(error, SyntaxFaultError):
        return syntax_fault(error)
    for kinds, status, title in _FAILURES:
        if isinstance(error, kinds):
            response = problem(status, title, str(error))
            if isinstance(error, NotAuthorisedError):
                response.headers.update(error.headers)
            if status is HTTPStatus.SERVICE_UNAVAILABLE:
                response.headers["Retry-After"] = RETRY_SECONDS
            return response
    return None


def syntax_fault(error: SyntaxFaultError) -> Response:
    """Return the problem of a text that is not what it should be, with its place."""
    text, line, column = str(error), error.line, error.column
    place = re.match(r"error at (\d+):(\d+): ?", text)
    if place:
        line, column, text = int(place[1]), int(place[2]), text[place.end() :]
    if len(text) > _SHORT:
        text = text[: text.rfind(",", 0, _SHORT)] + ", …"
    if line is not None and not text.startswith("Parser error"):
        text = f"Line {line}" + (f", column {column}" if column is not None else "") + f": {text}"
    more = {name: value for name, value in (("line", line), ("column", column)) if value is not None}
    return problem(HTTPStatus.BAD_REQUEST, "This is not well-formed", text, **more)


async def handle_update(writes: Writes, request: Request) -> Response:
    """Apply an update."""
    if request.method != "POST":
        return _not_allowed(request, UPDATE_ALLOWS, "An update is sent by POST.")
    who = writes.who(request)
    kind, parameters = read_type(request.headers.get("content-type", ""))
    if kind not in (FORM, UPDATE):
        raise MediaTypeError(f"Post a form ({FORM}) or the update itself ({UPDATE}).")
    require_utf8(parameters)
    text = (await body_of(request, writes.settings.max_bytes)).decode()
    items = parse_qsl(request.url.query, keep_blank_values=True, errors="strict")
    if kind == UPDATE:
        items.append(("update", text))
    else:
        items += parse_qsl(text, keep_blank_values=True, errors="strict")
    update, timeout = _one_update(items, writes.settings.timeout)
    base = writes.url(request)
    using = [value for name, value in items if name == "using-graph-uri"]
    named = [value for name, value in items if name == "using-named-graph-uri"]
    graphs: set[str] = set()
    try:
        update = with_dataset(await _guarded(writes.live, update, base), using, named, base)
        if not writes.open:
            graphs = {graph for operation in operations(update, base) for graph in operation.targets()}
            for graph in sorted(graphs):
                if graph == DEFAULT or not is_draft(graph):
                    raise UpdateForbiddenError(way_out(graph))
        changed, quads = await writes.live.update(update, base=base, timeout=timeout, who=who)
    except Exception as error:
        writes.log(who, "update", graphs - {DEFAULT}, None, f"not done: {type(error).__name__}")
        raise
    if writes.open:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    writes.log(who, "update", changed, quads, "done")
    return JSONResponse({"graphs": sorted(changed), "quads": quads})


async def _guarded(live: LiveStore, update: str, base: str) -> str:
    """Return an update from which nothing reaches out; what is not even SPARQL is told so first."""
    try:
        return guarded(update, live.isolated)
    except UpdateForbiddenError:
        if live.isolated:
            await live.check(update, base=base)
        raise


def _one_update(items: list[tuple[str, str]], longest: float) -> tuple[str, float]:
    updates = [value for name, value in items if name == "update"]
    if any(name == "query" for name, _ in items):
        raise BadRequestError("Send a query to /sparql, and only an update to /update.")
    if len(updates) != 1:
        raise BadRequestError("Give exactly one update, in the parameter `update` or as the body.")
    timeout = longest
    for name, value in items:
        if name == "timeout":
            try:
                timeout = float(value)
            except ValueError:
                timeout = 0.0
            if not 0 < timeout < float("inf"):
                raise BadRequestError("timeout is a number of seconds.")
    return updates[0], min(timeout, longest)


async def handle_graph(writes: Writes, request: Request) -> Response:
    """Read or write a graph, named directly or in the query string."""
    graph, is_store = _graph_of(writes, request)
    method = request.method
    if method not in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        return _not_allowed(request, STORE_ALLOWS if is_store else GRAPH_ALLOWS, "Use SPARQL Update to change parts.")
    if is_store and method != "POST":
        raise BadRequestError("Name the graph: ?graph=IRI, or ?default.")
    if method in ("GET", "HEAD"):
        return await _read_graph(writes, request, graph)
    who = writes.who(request)
    if is_store:
        name = str(uuid.uuid4())
        graph = f"{writes.url(request).rstrip('/')}/{name}" if writes.open else DRAFTS + name
    try:
        if not writes.open and (graph is None or not is_draft(graph)):
            raise ForbiddenError(way_out(graph or ""))
        return await _write_graph(writes, request, graph, who, is_store)
    except Exception as error:
        writes.log(who, method.lower(), [graph] if graph else [], None, f"not done: {type(error).__name__}")
        raise


def _graph_of(writes: Writes, request: Request) -> tuple[str | None, bool]:
    """Return the IRI of the graph that a request names (``None``: the default graph), and whether it names none."""
    # In a URL a plus is a plus; only forms write a blank so, and no IRI has a blank.
    found: dict[str, list[str]] = {}
    for item in filter(None, request.url.query.split("&")):
        name, _, value = item.partition("=")
        found.setdefault(unquote(name), []).append(unquote(value, errors="strict"))
    graphs, default = found.get("graph", []), "default" in found
    direct = request.path_params.get("rest", "") != ""
    if len(graphs) + default + direct > 1 or len(found.get("default", [])) > 1:
        raise BadRequestError("Name one graph: ?graph=IRI, or ?default, or the URL of the graph itself.")
    if direct:
        return checked_iri(writes.url(request)), False
    if graphs:
        return checked_iri(graphs[0]), False
    return None, not default


async def _read_graph(writes: Writes, request: Request, graph: str | None) -> Response:
    media_type = choose(request.headers.get("accept"))
    if media_type is None:
        detail = f"A graph comes as {', '.join(WRITTEN)}."
        return _with(problem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", detail), {"Vary": "Accept"})
    who = NOBODY
    if not writes.open:
        if graph is None or not is_draft(graph):
            found = await writes.published(request, graph, media_type) if writes.published else None
            if found is None:
                return problem(HTTPStatus.NOT_FOUND, "There is no such graph", f"<{graph}> is not published here.")
            return found
        who = writes.who(request)
    unless = _tags(request.headers.get("if-none-match", ""))
    content = await writes.live.get(graph, media_type, unless=unless, prefixes=writes.prefixes, who=who)
    name = NAMES[media_type]
    headers = {"ETag": f'"{content.etag}.{name}"', "Vary": "Accept"}
    if not writes.open:
        headers = {"ETag": headers["ETag"], "Vary": "Accept, Authorization", "Cache-Control": "private, no-cache"}
    if content.same:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content.content, media_type=media_type, headers=headers)


async def _write_graph(writes: Writes, request: Request, graph: str | None, who: Who, new: bool) -> Response:
    conditions = _conditions(request)
    what = request.method.lower()
    if what == "delete":
        deleted = await writes.live.delete(graph, conditions=conditions, who=who)
        writes.log(who, what, [graph or ""], deleted.quads, "done")
        return Response(status_code=HTTPStatus.NO_CONTENT)
    if request.headers.get("content-range"):
        raise BadRequestError("A graph is sent as a whole, without Content-Range.")
    body = await body_of(request, writes.settings.max_bytes)
    if what == "post" and not body:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    try:
        files = parts(request.headers.get("content-type", ""), body)
    except MediaTypeError:
        raise
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    base = graph or writes.url(request)
    send = writes.live.put if what == "put" else writes.live.post
    done = await send(graph, files, base, conditions=conditions, who=who)
    writes.log(who, what, [graph or ""], done.quads, "done")
    if not done.created:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(status_code=HTTPStatus.CREATED, headers={"Location": _location(writes, request, graph, new)})


def _location(writes: Writes, request: Request, graph: str | None, new: bool) -> str:
    """Return the URL that a graph which was just made is read at."""
    if graph is None or (new and writes.open) or request.path_params.get("rest"):
        return graph or writes.url(request)
    return f"{writes.url(request).rstrip('/')}?graph={quote(graph, safe='')}"


async def body_of(request: Request, most: int) -> bytes:
    """Return the body of a request.

    :raises TooLongError: if it is longer than allowed; what says so in its header is not read at all.
    :raises MediaTypeError: if it is compressed.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise MediaTypeError("Send it uncompressed, without Content-Encoding.")
    message = f"Up to {most:,} bytes are taken. Send it in parts, by POST or several updates."
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise TooLongError(message)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise TooLongError(message)
    return bytes(content)


def _conditions(request: Request) -> Conditions:
    match, unless = request.headers.get("if-match"), request.headers.get("if-none-match")
    if match is None and unless is None:
        return ANY
    return Conditions(None if match is None else tuple(_tags(match)), (unless or "").strip() == "*")


def _tags(header: str) -> list[str]:
    """Return the tags of a header, without the name of the format that each ends with."""
    return [tag.partition(".")[0] for tag in tags_of(header)]


def _not_allowed(request: Request, allowed: str, detail: str) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
    title = f"{request.method} is not allowed here"
    return _with(problem(HTTPStatus.METHOD_NOT_ALLOWED, title, detail), {"Allow": allowed})


def _with(response: Response, headers: dict[str, Any]) -> Response:
    response.headers.update(headers)
    return response
