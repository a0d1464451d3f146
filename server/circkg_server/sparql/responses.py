"""What is said with an answer or instead of it: format, headers, entity tag, and what a failure is to its client."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from circkg_server.engines.pool import Failure
from circkg_server.sparql import plain
from circkg_server.sparql.exchange import Headers
from circkg_server.sparql.formats import BOOLEANS, GRAPHS, TABLES, Format, negotiate
from circkg_server.sparql.requests import QueryRequest, RequestProblem
from circkg_server.sparql.syntax import explain

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
    "broken": HTTPStatus.INTERNAL_SERVER_ERROR,
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
    "broken": "The store cannot be read",
}


def problem_of(failure: Failure, request: QueryRequest, id_: str) -> RequestProblem:
    """Return a failure as its client is told."""
    more: dict[str, Any] = {"queryId": id_}
    detail = str(failure)
    if failure.kind == "syntax":
        members = explain(request.text, detail)
        detail = members.pop("detail")
        more |= members
    found = RequestProblem(_STATUS[failure.kind], _TITLE[failure.kind], detail, **more)
    if found.status is HTTPStatus.SERVICE_UNAVAILABLE:
        found.headers["retry-after"] = RETRY_AFTER
    return found


def _with_charset(found: Format) -> str:
    return f"{found.media_type}; charset=utf-8" if found.media_type.startswith("text/") else found.media_type


def format_for(request: QueryRequest, accept: str) -> Format:
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


def headers_of(number: int, id_: str, tag: str, chosen: Format, *, stable: bool) -> Headers:
    """Return the headers of an answer.

    :param stable: whether the same query has the same answer again, so that it may be kept.
    """
    headers: Headers = [
        (b"content-type", _with_charset(chosen).encode()),
        (b"vary", b"Accept, Accept-Encoding"),
        (b"x-circkg-snapshot", str(number).encode()),
        (b"x-circkg-query-id", id_.encode()),
        (b"content-disposition", f'inline; filename="circkg-{tag[:8]}.{chosen.ending}"'.encode()),
    ]
    if stable:
        return [*headers, (b"etag", f'"{tag}"'.encode()), (b"cache-control", b"public, max-age=0, must-revalidate")]
    return [*headers, (b"cache-control", b"no-store")]


def tag_of(number: int, content: str, request: QueryRequest, chosen: Format, url: str) -> str:
    """Return the entity tag of an answer, known before it is evaluated."""
    start = plain.new_hash(plain.tag_start(content, chosen.name, url, repr(request.dataset)))
    return plain.tag_of(number, start, request.text)
