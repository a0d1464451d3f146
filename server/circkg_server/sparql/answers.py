"""Answers a query over a snapshot: checks it, evaluates it, writes it in the format asked for."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import QueryBoolean, QueryTriples

from circkg_server.sparql.formats import BOOLEANS, GRAPHS, TABLES, negotiate, serialize
from circkg_server.sparql.tokens import check, dataset_of
from circkg_server.store.snapshot import Dataset, Snapshot

MAX_QUERY = 1_000_000
"""Longest query that is read, in characters."""


class NotAcceptableError(ValueError):
    """The client takes none of the formats that the answer can have; the message lists them."""


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in bytes, with its media type."""

    media_type: str
    content: bytes


def answer(snapshot: Snapshot, query: str, accept: str, dataset: Dataset | None = None) -> Written:
    """Return the answer of a query in the format that the client likes best.

    :param dataset: graphs of the protocol's parameters; they win over ``FROM`` (SPARQL 1.1 Protocol, section 2.1.4).
    :raises SyntaxError: if the query is not SPARQL.
    :raises QueryError: if the query is refused.
    :raises NotAcceptableError: if no format suits.
    """
    check(query)
    result = snapshot.query(query, dataset if dataset is not None else dataset_of(query))
    if isinstance(result, QueryTriples):
        offered = GRAPHS
    else:
        offered = BOOLEANS if isinstance(result, QueryBoolean) else TABLES
    chosen = negotiate(accept, offered)
    if chosen is None:
        del result  # an error would carry it to another thread, where the engine cannot drop it
        raise NotAcceptableError(f"This answer comes as {', '.join(found.media_type for found in offered)}.")
    return Written(chosen.media_type, serialize(result, chosen))
