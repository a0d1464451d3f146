"""Reads a SPARQL Protocol request: https://www.w3.org/TR/sparql11-protocol/#query-operation."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from circkg_server.sparql.tokens import QueryError, Token, dataset_of, form_of, tokens
from circkg_server.store.dataset import Dataset

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"
UPDATE_FORMS = frozenset(
    ("INSERT", "DELETE", "WITH", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "USING")
)


class RequestProblem(Exception):  # noqa: N818 - a problem of the client's, told to the client
    """A request that cannot be served: its status, title, detail and further members of the problem."""

    def __init__(self, status: HTTPStatus, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.more = status, title, detail, more
        self.headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A query as a client asks it.

    :param dataset: graphs of the protocol's parameters, which win over ``FROM`` in the query; else those of ``FROM``.
    :param format: value of the parameter ``format``, empty if there is none.
    """

    text: str
    stream: list[Token]
    form: str
    dataset: Dataset | None
    format: str
    timeout: float | None
    snapshot: int | None


def parameters(text: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a query string or form.

    :raises RequestProblem: if it is not UTF-8.
    """
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise RequestProblem(
            HTTPStatus.BAD_REQUEST, "The parameters cannot be read", "Send them as UTF-8, percent-encoded."
        ) from error


def media_type(header: str) -> str:
    """Return the media type of a Content-Type header, its character set checked.

    :raises RequestProblem: if the character set is not UTF-8.
    """
    kind, *rest = (part.strip() for part in header.split(";"))
    for part in rest:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset" and value.strip(" \"'").lower() not in ("utf-8", "utf8"):
            raise RequestProblem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This character set is not read", "Send the request as UTF-8."
            )
    return kind.lower()


def read_query(items: list[tuple[str, str]], max_timeout: float) -> QueryRequest:
    """Return the query of a request's parameters.

    :raises RequestProblem: if there is not exactly one query, or a parameter does not fit.
    """
    if any(name == "update" for name, _ in items):
        detail = "Send updates to /update. Published data change by a release only."
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "This is an update", detail)
    queries = [value for name, value in items if name == "query"]
    if len(queries) > 1:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "Several queries", "Give exactly one query.")
    if not queries or not queries[0].strip():
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "There is no query", "Give it in the parameter `query`.")
    text = queries[0]
    stream = list(tokens(text))
    form = form_of(stream) or ""
    if form in UPDATE_FORMS:
        detail = "Send updates to /update. Published data change by a release only."
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "This is an update, not a query", detail)
    default = tuple(dict.fromkeys(value for name, value in items if name == "default-graph-uri"))
    named = tuple(dict.fromkeys(value for name, value in items if name == "named-graph-uri"))
    for graph in (*default, *named):
        if ":" not in graph or any(sign in graph for sign in ' <>"{}|\\^`'):
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "A graph is no IRI", f"{graph!r} is no absolute IRI.")
    try:
        dataset = Dataset(default, named) if default or named else dataset_of(text)
    except QueryError as error:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "A graph is no IRI", str(error)) from error
    return QueryRequest(
        text, stream, form, dataset, _one(items, "format"), _timeout(_one(items, "timeout"), max_timeout),
        _snapshot(_one(items, "snapshot")),
    )  # fmt: skip


def _one(items: list[tuple[str, str]], name: str) -> str:
    return next((value for key, value in items if key == name), "")


def _timeout(text: str, most: float) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= most:
        detail = f"Give seconds between 0 and {most:g}."
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "The timeout does not fit", detail)
    return seconds


def _snapshot(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "The snapshot is no number", "Give the number of a snapshot.")
    return int(text)
