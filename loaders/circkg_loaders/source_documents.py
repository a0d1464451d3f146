"""The documents and web pages from which statements were read: ``data/sources.csv``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.facts.index import Index
from circkg_loaders.iris import concept_iri, is_slug, source_iri
from circkg_loaders.prefixes import expand
from circkg_loaders.values import ValueProblem, parse_language, parse_url
from circkg_shapes.terms import Triple, iri, literal

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SourceError(ValueError):
    """The list of sources has a fault; the message names the row and the way out."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One source: a web page with its address, or a document with its SHA-256."""

    id: str
    url: str
    title: str
    language: str
    kind: str
    subject: str
    sha256: str
    note: str

    @property
    def iri(self) -> str:
        """Return the IRI of the source."""
        return source_iri(self.id)


def read_sources(data: Path) -> list[SourceDocument]:
    """Return the sources in the order of the file.

    :raises SourceError: if a row has no address or hash, a cell cannot be read, or an id or address stands twice.
    """
    found: list[SourceDocument] = []
    seen: dict[str, int] = {}
    for number, row in read_rows(data / "sources.csv", SourceDocument.__slots__, SourceError):
        source = SourceDocument(**{name: row[name].strip() for name in SourceDocument.__slots__})
        if not is_slug(source.id):
            raise SourceError(f"sources.csv, row {number}: {source.id!r} is no slug.")
        if not is_slug(source.kind):
            raise SourceError(f"sources.csv, row {number}: {source.kind!r} is no kind of source.")
        if not source.url and not _SHA256.fullmatch(source.sha256):
            raise SourceError(f"sources.csv, row {number}: give an address, or the SHA-256 of the document.")
        try:
            if source.url:
                parse_url(source.url)
            if source.language:
                parse_language(source.language)
        except ValueProblem as problem:
            raise SourceError(f"sources.csv, row {number}: {problem}") from problem
        for key in filter(None, (source.id, source.url)):
            if key in seen:
                raise SourceError(f"sources.csv, row {number}: {key!r} stands in row {seen[key]} already.")
            seen[key] = number
        found.append(source)
    return found


def by_address(sources: list[SourceDocument]) -> Mapping[str, str]:
    """Return the IRI of each source by its address and by its id, the two ways in which a cell may name it."""
    return {key: source.iri for source in sources for key in (source.id, source.url) if key}


def source_triples(sources: list[SourceDocument], index: Index) -> Iterator[Triple]:
    """Yield what is known of each source.

    :raises SourceError: if the subject of a source is no initiative of ours.
    """
    type_ = iri(expand("rdf:type"))
    for source in sources:
        subject = iri(source.iri)
        yield subject, type_, iri(expand("circ:SourceDocument"))
        yield subject, iri(expand("dct:type")), iri(concept_iri("source-kind", source.kind))
        if source.url:
            yield subject, iri(expand("schema:url")), iri(parse_url(source.url).text)
        if source.title:
            language = parse_language(source.language) if source.language else None
            yield subject, iri(expand("dct:title")), literal(source.title, lang=language)
        if source.language:
            yield subject, iri(expand("schema:inLanguage")), literal(parse_language(source.language))
        if source.sha256:
            yield subject, iri(expand("schema:sha256")), literal(source.sha256)
        if source.subject:
            topic = index.thing("initiative", source.subject)
            if topic is None:
                raise SourceError(f"sources.csv, {source.id}: there is no initiative {source.subject!r}.")
            yield subject, iri(expand("foaf:primaryTopic")), iri(topic)
        if source.note:
            yield subject, iri(expand("skos:editorialNote")), literal(source.note, lang="en")
