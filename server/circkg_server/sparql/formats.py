"""Result formats and their choice by ``Accept``."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, QueryTriples, RdfFormat

from circkg_server.negotiation import choose


@dataclass(frozen=True, slots=True)
class Format:
    """One format of answers: its media type, short name and how the engine calls it."""

    media_type: str
    name: str
    engine: QueryResultsFormat | RdfFormat


TABLES = (
    Format("application/sparql-results+json", "json", QueryResultsFormat.JSON),
    Format("application/sparql-results+xml", "xml", QueryResultsFormat.XML),
    Format("text/csv", "csv", QueryResultsFormat.CSV),
    Format("text/tab-separated-values", "tsv", QueryResultsFormat.TSV),
)
"""Formats of SELECT and ASK answers, the first for who does not choose."""

BOOLEANS = TABLES[:2]
"""Formats that can hold the answer of ASK (SPARQL 1.1 CSV and TSV results, section 1: no booleans)."""

GRAPHS = (
    Format("text/turtle", "turtle", RdfFormat.TURTLE),
    Format("application/ld+json", "jsonld", RdfFormat.JSON_LD),
    Format("application/n-triples", "ntriples", RdfFormat.N_TRIPLES),
    Format("application/rdf+xml", "rdfxml", RdfFormat.RDF_XML),
)
"""Formats of CONSTRUCT and DESCRIBE answers."""

FORMATS = {found.name: found for found in (*TABLES, *GRAPHS)}
"""Every format by its short name, as the parameter ``format`` gives it."""

_ALSO = {
    "application/json": "application/sparql-results+json",
    "application/xml": "application/sparql-results+xml",
    "text/xml": "application/sparql-results+xml",
    "text/plain": "application/n-triples",
}
"""Media types that clients ask for and that stand for one of ours."""


def serialize(answer: QuerySolutions | QueryBoolean | QueryTriples, found: Format) -> bytes:
    """Return an answer in a format.

    :raises TypeError: if the format is not one for this kind of answer.
    """
    content: bytes | None = None
    if isinstance(answer, QueryTriples):
        if isinstance(found.engine, RdfFormat):
            content = answer.serialize(format=found.engine)
    elif isinstance(found.engine, QueryResultsFormat):
        content = answer.serialize(format=found.engine)
    if content is None:
        raise TypeError(f"{found.name} does not hold this kind of answer.")
    return content


def negotiate(accept: str, offered: tuple[Format, ...]) -> Format | None:
    """Return the offered format that a client likes best, or ``None`` if it takes none (RFC 9110, section 12.5.1).

    >>> negotiate("text/csv;q=0.5, application/sparql-results+xml", TABLES).name
    'xml'
    """
    chosen = choose(accept, [found.media_type for found in offered], _ALSO)
    return next((found for found in offered if found.media_type == chosen), None)
