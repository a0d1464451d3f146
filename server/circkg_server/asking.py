"""Asks a query: of the local store, or of any SPARQL endpoint."""

from __future__ import annotations

import json
from typing import Any

from pyoxigraph import QueryTriples
from rich.table import Table
from rich.text import Text
from SPARQLWrapper import POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

from circkg_loaders.prefixes import shorten
from circkg_server.federation import needs_federation
from circkg_server.questions import QuestionError
from circkg_server.releases.archive import Archive
from circkg_server.sparql.formats import GRAPHS, TABLES, Format, serialize
from circkg_server.sparql.syntax import explain
from circkg_server.sparql.tokens import QueryError, check, dataset_of
from circkg_server.store.snapshot import Snapshot

TIMEOUT = 60
"""Seconds that a remote endpoint may take."""


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
    wrapper = SPARQLWrapper(address, agent="circkg")
    wrapper.setMethod(POST)
    wrapper.setTimeout(TIMEOUT)
    wrapper.setQuery(query)
    is_graph = wrapper.queryType in ("CONSTRUCT", "DESCRIBE")
    wanted = ("turtle" if is_graph else "json") if format_ == "table" else format_
    wrapper.setOnlyConneg(True)
    wrapper.addCustomHttpHeader("Accept", offered[wanted])
    try:
        content = wrapper.query().response.read()
    except (SPARQLWrapperException, OSError) as error:
        raise QuestionError(f"{address} did not answer: {' '.join(str(error).split())[:300]}") from error
    return content if format_ != "table" or is_graph else _table(json.loads(content))


def _table(answer: dict[str, Any]) -> Table:
    table = Table(show_header=True, header_style="bold")
    if "boolean" in answer:
        table.add_column("answer")
        table.add_row("yes" if answer["boolean"] else "no")
        return table
    for name in answer["head"]["vars"]:
        table.add_column(name, overflow="fold")
    for row in answer["results"]["bindings"]:
        table.add_row(*(Text(_cell(row.get(name))) for name in answer["head"]["vars"]))
    table.caption = f"{len(answer['results']['bindings'])} rows"
    table.caption_justify = "left"
    return table


def _cell(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    return shorten(term["value"]) if term["type"] == "uri" else term["value"]
