"""What bounds a text search, and what can be wrong with one."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_server.settings import FromVariables


class SearchError(ValueError):
    """A search cannot be understood or asks for too much; the message says what to change."""


class SearchUnavailableError(RuntimeError):
    """There is no text search on this server; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SearchSettings(FromVariables):
    """Bounds of a search; each is set by ``CIRCKG_SEARCH_`` and its name in capitals.

    :param limit: hits of an answer that asks for no number of them.
    :param sparql_limit: the same for a search inside a SPARQL query.
    :param max_limit: most hits of one answer.
    :param max_offset: most hits that can be skipped.
    :param max_characters: longest text searched for.
    :param max_words: most words in it.
    :param max_blocks: most searches in one SPARQL query.
    :param few: where fewer things match as written, those that match with typing errors are added below them.
    :param heap_mb: memory that a build of the index may fill before it writes a segment.

    >>> SearchSettings.from_environment({"CIRCKG_SEARCH_LIMIT": "50"}).limit
    50
    """

    prefix = "CIRCKG_SEARCH_"
    least = dict.fromkeys(("limit", "sparql_limit", "max_limit", "max_characters", "max_words", "max_blocks"), 1) | {
        "heap_mb": 15
    }

    limit: int = 20
    sparql_limit: int = 100
    max_limit: int = 1000
    max_offset: int = 10_000
    max_characters: int = 200
    max_words: int = 12
    max_blocks: int = 8
    few: int = 5
    heap_mb: int = 1000
