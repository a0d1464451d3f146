"""What is published of things that a contribution is about, read from the releases as a stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import Term, Triple, iri, literal_parts

TYPE: Final = iri(expand("rdf:type"))
NAMES: Final = tuple(iri(expand(name)) for name in ("skos:prefLabel", "dct:title", "skos:altLabel"))
IDENTIFIERS: Final = {
    iri(expand(name)): label
    for name, label in (
        ("circ:participantCode", "PIC"),
        ("circ:vatNumber", "VAT number"),
        ("circ:grantNumber", "grant number"),
        ("circ:cordisRecordNumber", "CORDIS record"),
        ("circ:doi", "DOI"),
        ("circ:celex", "CELEX number"),
        ("circ:cciNumber", "CCI number"),
    )
}
"""Properties whose equal values say that two things are the same, and what they are called."""

HOMEPAGE: Final = iri(expand("foaf:homepage"))
COUNTRY: Final = iri(expand("circ:country"))
PLACE: Final = iri(expand("circ:locatedIn"))
_KEPT: Final = frozenset((TYPE, *NAMES, *IDENTIFIERS, HOMEPAGE, COUNTRY, PLACE))

Statements = dict[Term, list[tuple[Term, Term]]]
"""What is said of each thing: pairs of property and value."""


def by_subject(triples: Iterable[Triple]) -> Statements:
    """Return what triples say of each of their subjects."""
    found: defaultdict[Term, list[tuple[Term, Term]]] = defaultdict(list)
    for subject, predicate, value in triples:
        found[subject].append((predicate, value))
    return dict(found)


def name_of(statements: Iterable[tuple[Term, Term]]) -> str:
    """Return the name of a thing, in English if it has one; empty if it has none.

    >>> name_of([(NAMES[0], '"Turku"@fi'), (NAMES[0], '"Åbo"@sv')])
    'Turku'
    """
    names = [literal_parts(value)[:2] for predicate, value in statements if predicate in NAMES[:2]]
    return next((text for text, tag in names if tag == "en"), names[0][0] if names else "")


@dataclass(slots=True)
class Published:
    """What is published in stated sets.

    :param set: statements of the set that a contribution is for, by subject; empty if there is no such set yet.
    :param elsewhere: statements of other sets about things that the contribution describes, with the set of each.
    :param traits: of all published things, what tells them apart: classes, names, identifiers, country, place.
    """

    set: Statements = field(default_factory=dict)
    elsewhere: dict[Term, list[tuple[str, Term, Term]]] = field(default_factory=dict)
    traits: Statements = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Archive, manifest: Manifest, set_: str, things: Collection[Term]) -> Published:
        """Read the stated releases of a manifest.

        :param things: subjects of the contribution.
        :raises ManifestError: if a release cannot be read.
        """
        found = cls()
        elsewhere: defaultdict[Term, list[tuple[str, Term, Term]]] = defaultdict(list)
        traits: defaultdict[Term, list[tuple[Term, Term]]] = defaultdict(list)
        for release in manifest.releases:
            if release.role is not Role.STATED:
                continue
            triples = archive.triples(release)
            if release.set == set_:
                found.set = by_subject(triples)
            for subject, predicate, value in triples:
                if predicate in _KEPT:
                    traits[subject].append((predicate, value))
                if release.set != set_ and subject in things:
                    elsewhere[subject].append((release.set, predicate, value))
        found.elsewhere, found.traits = dict(elsewhere), dict(traits)
        return found
