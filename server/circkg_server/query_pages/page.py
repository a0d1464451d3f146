"""A page with an answer: what is asked, what came of it, and where the same is found as data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlencode

from circkg_server.coding import Coding
from circkg_server.conditional import tags_of
from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.requests import Asked, tag_of
from circkg_server.linked_data.values import Value
from circkg_server.publishing.routes import LONGEST_ADDRESS
from circkg_server.query_pages import answers
from circkg_server.query_pages.answers import Answer
from circkg_server.query_pages.cells import LONGEST, cell, names_of
from circkg_server.sparql.exchange import Headers
from circkg_server.sparql.formats import BOOLEANS, GRAPHS, TABLES, Format
from circkg_server.sparql.protocol import Endpoint
from circkg_server.sparql.requests import RequestProblem
from circkg_shapes.terms import Term

_GRAPH = ("subject", "predicate", "object")

Named = list[tuple[str, Format]]
"""Formats, each by its name for people."""


def named(formats: tuple[Format, ...]) -> Named:
    """Return formats by their names for people.

    >>> [name for name, _ in named((*BOOLEANS, *GRAPHS))]
    ['JSON', 'XML', 'Turtle', 'JSON-LD', 'N-Triples', 'RDF/XML']
    """
    own = {"turtle": "Turtle", "jsonld": "JSON-LD", "ntriples": "N-Triples", "rdfxml": "RDF/XML"}
    return [(own.get(found.name, found.name.upper()), found) for found in formats]


@dataclass(slots=True)
class Page:
    """A page, from the request to what is shown.

    :param kept: parameters of the protocol that the reader gave, but for the query.
    :param text: the query.
    :param problem: why there is no answer.
    """

    asked: Asked
    kept: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    answer: Answer | None = None
    problem: RequestProblem | None = None
    rows: list[list[Value]] = field(default_factory=list)

    async def ask(self, endpoint: Endpoint, items: list[tuple[str, str]] | None = None) -> None:
        """Ask the query, and look up what its answer names.

        :param items: parameters as they came, where the request may say more than one query.
        :raises RequestProblem: if there is no answer.
        :raises UnchangedError: if the client has the page.
        :raises ClientLeftError: if the client has left.
        """
        exchange = self.asked.exchange
        items = items or [("query", self.text), *self.kept]
        self.answer = await answers.ask(endpoint, exchange, items, self._known())
        language, rows = self.asked.language, self.answer.rows
        names: dict[str, list[Term]] = {}
        served = endpoint.engines.current
        # Names are those of now; beside an answer of an earlier snapshot they might not be true.
        if served is not None and self.answer.headers.get("x-circkg-snapshot") == str(served.manifest.number):
            snapshot = Snapshot(endpoint.engines, endpoint.settings, served.manifest, client=exchange.client)
            names = await names_of(snapshot, rows, language)
        self.rows = await asyncio.to_thread(lambda: [[cell(term, names, language) for term in row] for row in rows])

    # -- entity tags --------------------------------------------------------------------------------------------

    @property
    def _suffix(self) -> str:
        asked = self.asked
        query = bytes(asked.exchange.scope["query_string"])
        return f"-{tag_of(asked.path, query, asked.site, asked.language, asked.chose_language)[:10]}"

    def _known(self) -> list[str]:
        """Return the entity tags of the answers whose page the client has."""
        exchange = self.asked.exchange
        if exchange.method not in ("GET", "HEAD"):
            return []
        ends = [f"{self._suffix}{coding}" for coding in (*(each.suffix for each in Coding), "")]
        tags = tags_of(exchange.header(b"if-none-match"))
        return [tag.removesuffix(end) for tag in tags for end in ends if tag.endswith(end)]

    def headers(self, of: dict[str, str]) -> Headers:
        """Return the headers of the page of an answer, by those of the answer.

        The tag is a weak one: the page says how long the answer took, and means the same the next time.
        """
        found: list[tuple[str, str]] = [
            (name, of[name]) for name in ("x-circkg-snapshot", "x-circkg-query-id", "cache-control") if name in of
        ]
        if "etag" in of:
            found.append(("etag", f'W/"{of["etag"].strip(chr(34))}{self._suffix}"'))
        return [(name.encode(), value.encode()) for name, value in found]

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return _GRAPH if self.answer is not None and self.answer.is_graph else self.answer.names if self.answer else ()

    @property
    def snapshot(self) -> str:
        """Return the number of the snapshot that answered; empty if there is none, or none that stays."""
        number = self.answer.headers.get("x-circkg-snapshot", "") if self.answer else ""
        return "" if number == "0" else number

    @property
    def is_cut(self) -> bool:
        """Tell whether a cell shows less than there is."""
        return any(len(value.text) > LONGEST for row in self.rows for value in row)

    @property
    def formats(self) -> Named:
        """Return the formats in which the answer can be had."""
        offered: tuple[Format, ...] = TABLES
        if self.answer is not None and self.answer.is_graph:
            offered = GRAPHS
        elif self.answer is not None and self.answer.truth is not None:
            offered = BOOLEANS
        return named(offered)

    @property
    def citation(self) -> str:
        """Return where it is said how to cite the answer; empty if no address could hold the query."""
        if not self.snapshot:
            return ""
        found = f"/cite?{urlencode({'snapshot': self.snapshot, 'query': self.text})}"
        return found if len(self.asked.site) + len(found) <= LONGEST_ADDRESS else ""

    def pinned(self, path: str, items: list[tuple[str, str]]) -> str:
        """Return the address of this page whose answer stays the same; empty if there is none."""
        if not self.snapshot:
            return ""
        rest = [item for item in items if item[0] != "snapshot"]
        return f"{path}?{urlencode([*rest, ('snapshot', self.snapshot)])}"
