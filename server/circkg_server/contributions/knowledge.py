"""What is known before a contribution comes: vocabularies, regions, and the things that are published."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from circkg_loaders.contributed.known import Known
from circkg_loaders.load import load
from circkg_loaders.nuts import Nuts, load_countries
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_server.contributions.bounds import date_bounds
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.store.background import open_background, open_names
from circkg_shapes.background import Background
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, Triple, iri, iri_text, is_iri, literal_parts

TYPE: Final = iri(expand("rdf:type"))
NAMES: Final = tuple(iri(expand(name)) for name in ("dct:title", "skos:prefLabel"))
SOURCE: Final = iri(expand("dct:source"))
ADDRESS: Final = iri(expand("schema:url"))
DEFINED_BY: Final = iri(expand("rdfs:isDefinedBy"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a published statement was read: the IRI of its source, and its title or else its address."""

    iri: str
    title: str


class Knowledge(ABC):
    """What is known before a contribution comes."""

    vocabularies: Mapping[str, str]
    """Version of each data set of the role vocabulary, by slug."""
    snapshot: int | None
    """Number of the published snapshot; ``None`` for the curated data of this installation."""

    @property
    @abstractmethod
    def background(self) -> Sequence[Triple] | Background:
        """Vocabularies, regions and published things with the bounds of their dates, as the validator takes them."""

    @property
    @abstractmethod
    def names(self) -> Known:
        """Names of what is known, to read and suggest them by."""

    @property
    @abstractmethod
    def defined(self) -> frozenset[Term]:
        """The classes, properties and concepts that some ontology or vocabulary defines."""

    @abstractmethod
    def about(self, subject: Term) -> Iterable[Triple]:
        """Return what is known about a thing."""

    def values(self, subject: Term, predicate: Term) -> list[Term]:
        """Return the known values of a property of a thing."""
        return [value for _, found, value in self.about(subject) if found == predicate]

    def name(self, subject: Term, language: str = "en") -> str:
        """Return the name of a known thing in a language, else in English, else in any; empty if it has none."""
        names = [literal_parts(value)[:2] for predicate in NAMES for value in self.values(subject, predicate)]
        by_language = {tag or "": text for text, tag in reversed(names)}
        return by_language.get(language) or by_language.get("en") or next(iter(by_language.values()), "")

    def source(self, subject: Term, language: str = "en") -> Source | None:
        """Return the source in which a published thing was read; ``None`` if nothing says so."""
        found = next((value for value in sorted(self.values(subject, SOURCE)) if is_iri(value)), None)
        if found is None:
            return None
        addresses = [iri_text(value) for value in self.values(found, ADDRESS) if is_iri(value)]
        title = self.name(found, language) or next(iter(addresses), iri_text(found))
        return Source(iri_text(found), title)


class Curated(Knowledge):
    """What this installation holds, without a store."""

    def __init__(self) -> None:
        """Read the curated data.

        :raises LoadError: if they cannot be read.
        """
        loaded = load()
        stated = loaded.of_role(Role.STATED)
        self._triples = (*loaded.of_role(Role.VOCABULARY), *stated, *date_bounds(stated))
        self.vocabularies = {each.slug: each.version for each in loaded.sets if each.role is Role.VOCABULARY}
        self.snapshot = None

    @property
    def background(self) -> Sequence[Triple]:
        """All that is known."""
        return self._triples

    @cached_property
    def names(self) -> Known:
        """Names of what is known."""
        data = room("data")
        return Known.of(self._triples, Nuts.load(data / "nuts"), load_countries(data / "countries.csv"))

    @cached_property
    def defined(self) -> frozenset[Term]:
        """What some ontology or vocabulary defines."""
        return frozenset(subject for subject, predicate, _ in self._triples if predicate == DEFINED_BY)

    @cached_property
    def _by_subject(self) -> Mapping[Term, list[Triple]]:
        found: defaultdict[Term, list[Triple]] = defaultdict(list)
        for triple in self._triples:
            found[triple[0]].append(triple)
        return dict(found)

    def about(self, subject: Term) -> Iterable[Triple]:
        """Return what is known about a thing."""
        return self._by_subject.get(subject, ())


class Published(Knowledge):
    """What a store publishes: looked up in its index, never loaded as a whole."""

    def __init__(self, archive: Archive, manifest: Manifest, index: Background) -> None:
        self._archive = archive
        self._manifest = manifest
        self._index = index
        self.vocabularies = {each.set: each.version for each in manifest.releases if each.role is Role.VOCABULARY}
        self.snapshot = manifest.number

    @property
    def background(self) -> Background:
        """The index."""
        return self._index

    @cached_property
    def names(self) -> Known:
        """Names of what is published."""
        return open_names(self._archive, self._manifest)

    @cached_property
    def defined(self) -> frozenset[Term]:
        """What some ontology or vocabulary defines."""
        return frozenset(subject for subject, _, _ in self._index.with_predicate(DEFINED_BY))

    def about(self, subject: Term) -> Iterable[Triple]:
        """Return what is published about a thing."""
        return self._index.about(subject)


def knowledge_of(archive: Archive) -> Knowledge:
    """Return what a store publishes, or what this installation holds if nothing is published yet.

    :raises StoreBusyError: if the index of the store must be made anew while another process writes.
    """
    index = open_background(archive)
    return Curated() if index is None else Published(archive, archive.number(index.snapshot), index)
