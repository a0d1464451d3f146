"""The documents and web pages from which statements were read: ``data/sources.csv``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from circkg_loaders.facts.index import Index
from circkg_loaders.iris import concept_iri, is_slug, source_iri
from circkg_loaders.prefixes import expand
from circkg_loaders.values import parse_language, parse_url
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

    :raises SourceError: if a row has no address or hash, or an id or address stands twice.
    """
    path = data / "sources.csv"
    found: list[SourceDocument] = []
    seen: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, strict=True), start=2):
                try:
                    source = SourceDocument(**{name: row[name].strip() for name in SourceDocument.__slots__})
                except (KeyError, AttributeError) as error:
                    raise SourceError(f"sources.csv, row {number}: the cell {error} is missing.") from error
                if not is_slug(source.id):
                    raise SourceError(f"sources.csv, row {number}: {source.id!r} is no slug.")
                if not source.url and not _SHA256.fullmatch(source.sha256):
                    raise SourceError(f"sources.csv, row {number}: give an address, or the SHA-256 of the document.")
                for key in filter(None, (source.id, source.url)):
                    if key in seen:
                        raise SourceError(f"sources.csv, row {number}: {key!r} stands in row {seen[key]} already.")
                    seen[key] = number
                found.append(source)
    except FileNotFoundError as error:
        raise SourceError(f"{path} is missing. It lists the sources.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"sources.csv is not UTF-8 CSV: {error}.") from error
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
