"""Chooses a media type by ``Accept``, a language by ``Accept-Language``: RFC 9110, sections 12.5.1 and 12.5.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DOCUMENT_NAMES: Mapping[str, str] = {
    "application/xhtml+xml": "text/html",
    "application/json": "application/ld+json",
    "application/xml": "application/rdf+xml",
    "text/xml": "application/rdf+xml",
    "text/plain": "application/n-triples",
    "text/n3": "text/turtle",
    "application/x-turtle": "text/turtle",
}
"""Media types by which clients ask for forms of an RDF document or its page, and the form that each stands for."""


def choose(accept: str, offered: Sequence[str], also: Mapping[str, str] | None = None) -> str | None:
    """Return the offered media type that a client likes best, or ``None`` if it takes none.

    The most specific range of the header decides for each type; among types that are liked alike the first wins.

    :param also: types that are asked for by other names: the name, and the offered type that it stands for.

    >>> choose("text/turtle;q=0.5, application/*", ("text/turtle", "application/n-triples"))
    'application/n-triples'
    >>> choose("application/json", ("text/csv", "application/sparql-results+json"),
    ...        {"application/json": "application/sparql-results+json"})
    'application/sparql-results+json'
    """
    ranges = [_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    best: str | None = None
    liked = 0.0
    for media_type in offered:
        fitting = [(how, quality) for wanted, quality in ranges if (how := _fit(wanted, media_type, also or {}))]
        quality = max(fitting, default=(0, 0.0), key=lambda fit: fit[0])[1]
        if quality > liked:
            best, liked = media_type, quality
    return best


def choose_language(accept: str, offered: Sequence[str], also: Mapping[str, str] | None = None) -> str:
    """Return the offered language that a reader likes best, the first one if none; regions are left aside.

    :param also: other tags of offered languages.

    >>> choose_language("sv, fi-FI;q=0.5, pl;q=0.8", ("en", "fi", "pl")), choose_language("", ("en", "fi"))
    ('pl', 'en')
    """
    best, liked = offered[0], 0.0
    for part in accept.split(","):
        wanted, quality = _range(part)
        primary = wanted.partition("-")[0]
        language = (also or {}).get(primary, primary)
        if quality > liked and language in offered:
            best, liked = language, quality
    return best


def _range(part: str) -> tuple[str, float]:
    """Return a range of media types or languages and its quality."""
    wanted, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return wanted, quality


def _fit(wanted: str, media_type: str, also: Mapping[str, str]) -> int:
    """Return how specifically a range names a type; 0 if it does not."""
    if wanted == media_type:
        return 4
    if also.get(wanted) == media_type:
        return 3
    if wanted == f"{media_type.partition('/')[0]}/*":
        return 2
    return 1 if wanted == "*/*" else 0
