"""Reads the catalogue that is scored, from a file or an address."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from circkg_loaders.contributed.rdf import FORMATS, ContributionError, read_rdf
from circkg_loaders.prefixes import expand
from circkg_server.catalogue.quality.fetching import Fetcher, FetchError
from circkg_shapes.terms import Term, Triple, iri

_ENDINGS = {
    "text/turtle": "ttl", "application/x-turtle": "ttl", "application/n-triples": "nt", "application/n-quads": "nq",
    "application/trig": "trig", "application/rdf+xml": "rdf", "application/xml": "rdf", "text/xml": "rdf",
    "application/ld+json": "jsonld", "application/json": "jsonld",
}  # fmt: skip
_ACCEPT = "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/n-triples;q=0.7"


class Metadata:
    """The triples of a catalogue, looked up by subject and predicate."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.triples = set(triples)
        self._values: defaultdict[tuple[Term, str], list[Term]] = defaultdict(list)
        self._typed: defaultdict[str, list[Term]] = defaultdict(list)
        type_ = iri(expand("rdf:type"))
        for subject, predicate, value in sorted(self.triples):
            self._values[subject, predicate].append(value)
            if predicate == type_:
                self._typed[value].append(subject)

    def values(self, subject: Term, name: str) -> list[Term]:
        """Return the values of a property, given by its prefixed name."""
        return self._values.get((subject, iri(expand(name))), [])

    def typed(self, name: str) -> list[Term]:
        """Return the things of a class, given by its prefixed name."""
        return self._typed.get(iri(expand(name)), [])

    def title(self, subject: Term) -> str:
        """Return the title of a thing, in English if there is one; else its address."""
        titles = self.values(subject, "dct:title")
        best = next((title for title in titles if title.endswith('"@en')), titles[0] if titles else "")
        return best[1 : best.rindex('"')] if best.startswith('"') else subject.strip("<>")


def read_catalogue(source: str, fetcher: Fetcher) -> Metadata:
    """Return the catalogue of a file or an address.

    :raises ContributionError: if it is no RDF, or describes no data set.
    :raises FetchError: if an address does not answer with one.
    """
    if not source.startswith(("http://", "https://")):
        metadata = Metadata(read_rdf(Path(source)))
    else:
        metadata = Metadata(_fetched(source, fetcher))
    if not metadata.typed("dcat:Dataset"):
        raise ContributionError(f"{source} describes no dcat:Dataset. Give a catalogue in DCAT.")
    return metadata


def _fetched(source: str, fetcher: Fetcher) -> list[Triple]:
    found = fetcher.fetch(source, accept=_ACCEPT)
    if found.status != 200:
        raise FetchError(f"<{source}> answers {found.status}. Give the address of a catalogue in RDF.")
    by_name = source.partition("?")[0].rpartition(".")[2]
    ending = _ENDINGS.get(found.media_type) or (by_name if by_name in FORMATS else "")
    if not ending:
        raise FetchError(f"<{source}> gives {found.media_type or 'no media type'}, which is not RDF that is read here.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"catalogue.{ending}"
        path.write_bytes(found.content)
        return list(read_rdf(path))
