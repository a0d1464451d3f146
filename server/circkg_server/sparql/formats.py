"""Result formats and their choice by ``Accept``."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, QueryTriples, RdfFormat


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

_ALSO = {"application/json": "json", "application/xml": "xml", "text/xml": "xml", "text/plain": "ntriples"}


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
    best: tuple[float, int, Format] | None = None
    for place, found in enumerate(offered):
        quality = _quality(accept or "*/*", found)
        if quality > 0 and (best is None or (-quality, place) < best[:2]):
            best = (-quality, place, found)
    return best[2] if best else None


def _quality(accept: str, found: Format) -> float:
    """Return the quality that a header gives to a format, by its most specific range."""
    specificity, result = -1, 0.0
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        kind = found.media_type.partition("/")[0]
        if media_range == found.media_type:
            how = 3
        elif _ALSO.get(media_range) == found.name:
            how = 2
        elif media_range == f"{kind}/*":
            how = 1
        elif media_range == "*/*":
            how = 0
        else:
            continue
        if how > specificity:
            specificity, result = how, quality
    return result
