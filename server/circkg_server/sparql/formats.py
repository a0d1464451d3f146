"""Result formats and their choice by ``Accept``."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, QueryTriples, RdfFormat

from circkg_server.negotiation import choose


@dataclass(frozen=True, slots=True)
class Format:
    """One format of answers: its media type, short name, ending of files, and how the engine calls it."""

    media_type: str
    name: str
    ending: str
    engine: QueryResultsFormat | RdfFormat


TABLES = (
    Format("application/sparql-results+json", "json", "srj", QueryResultsFormat.JSON),
    Format("application/sparql-results+xml", "xml", "srx", QueryResultsFormat.XML),
    Format("text/csv", "csv", "csv", QueryResultsFormat.CSV),
    Format("text/tab-separated-values", "tsv", "tsv", QueryResultsFormat.TSV),
)
"""Formats of SELECT and ASK answers, the first for who does not choose."""

BOOLEANS = TABLES[:2]
"""Formats that can hold the answer of ASK (SPARQL 1.1 CSV and TSV results, section 1: no booleans)."""

GRAPHS = (
    Format("text/turtle", "turtle", "ttl", RdfFormat.TURTLE),
    Format("application/ld+json", "jsonld", "jsonld", RdfFormat.JSON_LD),
    Format("application/n-triples", "ntriples", "nt", RdfFormat.N_TRIPLES),
    Format("application/rdf+xml", "rdfxml", "rdf", RdfFormat.RDF_XML),
)
"""Formats of CONSTRUCT and DESCRIBE answers."""

FORMATS = {found.name: found for found in (*TABLES, *GRAPHS)}
"""Every format by its short name, as the parameter ``format`` gives it."""

ENDINGS = {ending: found for found in FORMATS.values() for ending in (found.ending, found.name)}
"""Every format by the ending of an address, which may also be its short name."""

ALSO = {
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
    chosen = choose(accept, [found.media_type for found in offered], ALSO)
    return next((found for found in offered if found.media_type == chosen), None)


def prefers_page(accept: str) -> bool:
    """Tell whether a client would rather have a page than any format of answers.

    >>> prefers_page("text/html,application/xml;q=0.9,*/*;q=0.8"), prefers_page("text/html, text/csv"), prefers_page("")
    (True, False, False)
    """
    if "text/html" not in accept:
        return False
    offered = [found.media_type for found in FORMATS.values()]
    return choose(accept, [*offered, "text/html"], ALSO) == "text/html"
