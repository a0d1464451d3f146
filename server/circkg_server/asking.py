"""Asks a query: of the local store, or of any SPARQL endpoint."""

from __future__ import annotations

import json
import warnings
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, build_opener

from pyoxigraph import QueryTriples
from rich.table import Table
from rich.text import Text
from SPARQLWrapper import POST, SPARQLWrapper, Wrapper

from circkg_loaders.prefixes import shorten
from circkg_server.federation import needs_federation
from circkg_server.questions import QuestionError
from circkg_server.releases.archive import Archive
from circkg_server.sparql.formats import GRAPHS, TABLES, Format, serialize
from circkg_server.sparql.syntax import explain
from circkg_server.sparql.tokens import QueryError, check, dataset_of
from circkg_server.store.snapshot import Snapshot
from circkg_server.terminal import visible

TIMEOUT = 60
"""Seconds that a remote endpoint may take."""
MOST_SAID = 300
"""Most characters that are shown of what an endpoint says without being a problem of RFC 9457."""


class _Refusals(HTTPErrorProcessor):
    """Gives refusals as responses: the exceptions of SPARQLWrapper keep what was said as the ``repr`` of bytes only."""

    def http_response(self, request: Any, response: Any) -> Any:
        """Return the response, whatever its status; redirects are followed as ever."""
        return response if response.status >= 400 else super().http_response(request, response)

    https_response = http_response


Wrapper.urlopener = build_opener(_Refusals).open  # type: ignore[attr-defined, assignment]  # it has no other place


def ask_store(archive: Archive, query: str, format_: str) -> bytes | Table:
    """Return the answer of the local store, as a table for a terminal or as bytes of a format.

    :raises QuestionError: if the query cannot be answered.
    """
    try:
        check(query)
        if needs_federation(query):
            raise QueryError(
                "The local store does not ask other endpoints. Start a server that may: see CIRCKG_SERVICE."
            )
        answer = Snapshot.open(archive).query(query, dataset_of(query))
    except SyntaxError as error:
        raise QuestionError(f"The query is not SPARQL. {explain(query, str(error))['detail']}") from error
    except QueryError as error:
        raise QuestionError(f"The query cannot be answered: {error}") from error
    if isinstance(answer, QueryTriples):
        return serialize(answer, _format("turtle" if format_ == "table" else format_, GRAPHS))
    if format_ == "table":
        return _table(json.loads(serialize(answer, TABLES[0])))
    return serialize(answer, _format(format_, TABLES))


def _format(name: str, offered: tuple[Format, ...]) -> Format:
    for found in offered:
        if found.name == name:
            return found
    raise QuestionError(f"This answer comes as {', '.join(found.name for found in offered)}, not as {name}.")


def ask_endpoint(address: str, query: str, format_: str) -> bytes | Table:
    """Return the answer of a SPARQL endpoint elsewhere.

    :raises QuestionError: if the endpoint cannot be reached or refuses the query.
    """
    offered = {found.name: found.media_type for found in (*TABLES, *GRAPHS)}
    if format_ != "table" and format_ not in offered:
        raise QuestionError(f"There is no format {format_!r}. The formats: table, {', '.join(offered)}.")
    if not _is_address(address):
        raise QuestionError(f"{address!r} is no address of an endpoint. It begins with http:// or https://.")
    wrapper = SPARQLWrapper(address, agent="circkg")
    wrapper.setMethod(POST)
    wrapper.setTimeout(TIMEOUT)
    with warnings.catch_warnings():  # of what is no query it warns; the endpoint will say it better
        warnings.simplefilter("ignore", RuntimeWarning)
        wrapper.setQuery(query)
    if wrapper.isSparqlUpdateRequest():
        raise QuestionError("This is an update. `circkg query` asks, and changes nothing.")
    is_graph = wrapper.queryType in ("CONSTRUCT", "DESCRIBE")
    wanted = ("turtle" if is_graph else "json") if format_ == "table" else format_
    wrapper.setOnlyConneg(True)
    wrapper.addCustomHttpHeader("Accept", offered[wanted])
    try:
        response = wrapper.query().response
        content = response.read()
    except (HTTPException, OSError) as error:
        raise QuestionError(f"{address} did not answer: {getattr(error, 'reason', error)}") from error
    if response.status >= 400:
        raise QuestionError(f"{address} answered {response.status}: {_reason(response, content)}")
    if format_ != "table" or is_graph:
        return bytes(content)
    try:
        return _table(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        said = response.headers.get_content_type()
        raise QuestionError(f"{address} answered with {said} that is no result of a query.") from error


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _reason(response: Any, content: bytes) -> str:
    """Return why an endpoint refused: the members of a problem (RFC 9457), else the beginning of a plain text."""
    media_type = response.headers.get_content_type()
    text = content.decode("utf-8", "replace")
    said = [str(response.reason or "")]
    try:
        problem = json.loads(text) if media_type.endswith("json") else None
    except (ValueError, RecursionError):
        problem = None
    if isinstance(problem, dict):
        said = [str(problem.get(name) or "").strip().rstrip(".") for name in ("title", "detail")]
        place = [f"{name} {problem[name]}" for name in ("line", "column") if isinstance(problem.get(name), int)]
        if place and not all(each in said[1].lower() for each in place):
            said.append(", ".join(place).capitalize())
    elif media_type == "text/plain":
        said.append(" ".join(text.split())[:MOST_SAID].rstrip("."))
    if retry := response.headers.get("retry-after", ""):
        said.append(f"Try again in {retry} seconds" if retry.isdecimal() else f"Try again after {retry}")
    return f"{'. '.join(filter(None, said))}."


def _table(answer: dict[str, Any]) -> Table:
    table = Table(show_header=True, header_style="bold")
    if "boolean" in answer:
        table.add_column("answer")
        table.add_row("yes" if answer["boolean"] else "no")
        return table
    for name in answer["head"]["vars"]:
        table.add_column(name, overflow="fold")
    for row in answer["results"]["bindings"]:
        table.add_row(*(Text(visible(_cell(row.get(name)))) for name in answer["head"]["vars"]))
    table.caption = f"{len(answer['results']['bindings'])} rows"
    table.caption_justify = "left"
    return table


def _cell(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    return shorten(term["value"]) if term["type"] == "uri" else term["value"]
