"""The addresses elsewhere that published sets name: identifiers of other registers, pages, sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlsplit

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_server.publishing.blocks import blocks
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import Term, iri, literal_parts


class Kind(StrEnum):
    """What an address is to us."""

    IDENTIFIERS = "identifiers"
    PAGES = "pages"
    SOURCES = "sources"


_IDENTIFYING = frozenset(
    iri(expand(name))
    for name in (
        "skos:exactMatch", "skos:closeMatch", "skos:broadMatch", "skos:narrowMatch", "skos:relatedMatch", "owl:sameAs",
        "circ:regionIn2021", "circ:regionIn2024", "circ:sameExtentAs", "circ:locatedIn", "circ:appliesTo",
        "circ:country", "circ:currency", "circ:concernsInstrument", "circ:targetsInstrument", "circ:refersToInstrument",
    )
)  # fmt: skip
_PAGES = frozenset(iri(expand(name)) for name in ("foaf:page", "foaf:homepage"))
_RESOLVED = {
    iri(expand("circ:doi")): "https://doi.org/{}",
    iri(expand("circ:grantNumber")): "https://cordis.europa.eu/project/id/{}",
    iri(expand("circ:cordisRecordNumber")): "https://cordis.europa.eu/project/rcn/{}",
    iri(expand("circ:celex")): "http://publications.europa.eu/resource/celex/{}",
}
"""Where the numbers of other registers are looked up. Participant codes and VAT numbers have no address."""
_SOURCES_SET = "sources"
_URL = iri(expand("schema:url"))


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """An address elsewhere, and one thing of ours that names it."""

    address: str
    thing: str
    kind: Kind

    @property
    def host(self) -> str:
        """Return the host of the address."""
        return urlsplit(self.address).hostname or ""


def outward(archive: Archive, manifest: Manifest, kinds: Iterable[Kind] = Kind) -> list[Link]:
    """Return the addresses elsewhere that stated sets and vocabularies name, each once, by address.

    :raises ManifestError: if a release cannot be read.
    """
    wanted = set(kinds)
    found: dict[str, Link] = {}
    for release in manifest.releases:
        if release.role not in (Role.STATED, Role.VOCABULARY):
            continue
        in_sources = release.set == _SOURCES_SET
        for subject, pairs in blocks(archive, release):
            for link in _links(subject, pairs, in_sources):
                if link.kind in wanted:
                    found.setdefault(link.address, link)
    return sorted(found.values())


def _links(subject: Term, pairs: Iterable[tuple[Term, Term]], in_sources: bool) -> Iterator[Link]:
    thing = subject.strip("<>")
    for predicate, value in pairs:
        if predicate in _RESOLVED and value.startswith('"'):
            yield Link(_RESOLVED[predicate].format(quote(literal_parts(value)[0])), thing, Kind.IDENTIFIERS)
        if not value.startswith(("<http://", "<https://")) or value.startswith(f"<{BASE}"):
            continue
        address = value[1:-1].partition("#")[0]
        if in_sources and predicate == _URL:
            yield Link(address, thing, Kind.SOURCES)
        elif predicate in _PAGES:
            yield Link(address, thing, Kind.PAGES)
        elif predicate in _IDENTIFYING:
            yield Link(address, thing, Kind.IDENTIFIERS)


def spread(links: Iterable[Link], limit: int = 0) -> list[Link]:
    """Return so many links, taken from all hosts in turn, so that a part of them tells of each; 0: all.

    >>> a, b, c = (Link(f"https://{name}", "", Kind.PAGES) for name in ("x.eu/1", "x.eu/2", "y.eu/1"))
    >>> [link.address for link in spread([a, b, c], 2)]
    ['https://x.eu/1', 'https://y.eu/1']
    """
    by_host: dict[str, list[Link]] = {}
    for link in links:
        by_host.setdefault(link.host, []).append(link)
    turns = [(turn, link) for of_host in by_host.values() for turn, link in enumerate(of_host)]
    ordered = [link for _, link in sorted(turns, key=lambda pair: pair[0])]
    return ordered[:limit] if limit else ordered
