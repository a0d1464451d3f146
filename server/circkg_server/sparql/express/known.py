"""What is known of requests: their headers, the shape of their queries, and what has been answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from circkg_server.coding import Coding
from circkg_server.sparql.formats import Format
from circkg_server.sparql.requests import QueryRequest


@dataclass(slots=True)
class Head:
    """What the headers of a request say."""

    accept: str
    url: str
    coding: Coding | None


@dataclass(slots=True)
class Shape:
    """What is known of all queries that differ in their IRIs, strings, numbers and comments only."""

    key: str
    request: QueryRequest
    stable: bool
    quick: bool
    large: bool = False
    lendable: bool = True
    formats: dict[str, Format | None] = field(default_factory=dict)


@dataclass(slots=True)
class Asked:
    """What a connection waits for."""

    data: bytes
    block: bytes
    request: QueryRequest
    shape: Shape
    head: Head
    chosen: Format
    number: int
    content: str
    tag: str
    id: str
    since: float


@dataclass(slots=True)
class Repeated:
    """A request that has been answered: under which tag its answer is kept, and the head around the query's id.

    :param path: path of a page, whose head has no id of a query.
    """

    kept: str
    before: bytes
    after: bytes
    path: str = ""
