"""The provenance of what was contributed, in PROV-O (https://www.w3.org/TR/prov-o/): organisations, no person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from anyascii import anyascii

from circkg_loaders.iris import BASE, concept_iri, record_iri, source_iri, thing_iri
from circkg_loaders.prefixes import expand
from circkg_server.contributions.licences import compatible
from circkg_server.contributions.staging import Contributed
from circkg_server.contributions.suggestions.suggester import slugified
from circkg_shapes.terms import XSD, Term, Triple, iri, literal

_ID: Final = f"{BASE}id/"
_SOURCES: Final = f"<{_ID}source/"


def _t(name: str) -> Term:
    return iri(expand(name))


TYPE, RECORD_OF, RECORD = _t("rdf:type"), _t("circ:recordOf"), _t("circ:Record")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is said of a contribution once it is accepted.

    :param links: candidate duplicates that the curator wants kept as such: pairs of IRIs.
    """

    contribution: Contributed
    accepted: date
    links: tuple[tuple[str, str], ...]

    @property
    def activity(self) -> Term:
        """Return the IRI of the contribution."""
        return iri(thing_iri("contribution", self.contribution.id))

    def source(self, number: int) -> Term:
        """Return the IRI of a file as a source, counted from 0."""
        return iri(source_iri(f"contribution-{self.contribution.id}" + (f"-{number + 1}" if number else "")))

    def publisher(self) -> tuple[Term, list[Triple]]:
        """Return the organisation that answers for the data, and what is said of it unless it is published already."""
        text = self.contribution.about.publisher
        if text.startswith(_ID):
            return iri(text), []
        agent = iri(thing_iri("publisher", slugified(anyascii(text)) or "unnamed"))
        return agent, [(agent, TYPE, _t("prov:Organization")), (agent, _t("foaf:name"), literal(text))]

    def described(self) -> list[Triple]:
        """Return what is said of the contribution itself: its files, publisher, token, checks and days."""
        found, judged = self.contribution, self.contribution.judged
        assert judged is not None
        agent, triples = self.publisher()
        sent = found.history[0].at[:10]
        day = f"{XSD}date"
        triples += [
            (self.activity, TYPE, _t("circ:Contribution")),
            (self.activity, _t("dct:identifier"), literal(found.id)),
            (self.activity, _t("dct:dateSubmitted"), literal(sent, datatype=day)),
            (self.activity, _t("dct:dateAccepted"), literal(self.accepted.isoformat(), datatype=day)),
            (self.activity, _t("dct:license"), iri(compatible(found.about.licence).address)),
            (self.activity, _t("prov:wasAssociatedWith"), agent),
            (self.activity, _t("circ:tokenName"), literal(found.token)),
            (self.activity, _t("circ:validatorVersion"), literal(judged.validator)),
            (self.activity, _t("circ:shapesVersion"), literal(judged.shapes)),
        ]
        rows = (judged.counts or {}).get("rows", 0)
        if rows:
            triples.append((self.activity, _t("circ:rowCount"), literal(str(rows), datatype=f"{XSD}integer")))
        title = f"Contribution {found.id} to the set {found.about.set}"
        for number, file in enumerate(found.files):
            if file.file == found.mapping:
                continue
            source = self.source(number)
            triples += [
                (self.activity, _t("prov:used"), source),
                (source, TYPE, _t("circ:SourceDocument")),
                (source, _t("dct:type"), iri(concept_iri("source-kind", "data-set"))),
                (source, _t("dct:title"), literal(title + (f", file {number + 1}" if number else ""), lang="en")),
                (source, _t("schema:sha256"), literal(file.sha256)),
            ]
        triples += [(iri(new), _t("circ:candidateMatch"), literal(known)) for new, known in self.links]
        return triples


def records(told: Provenance, things: Mapping[int, Collection[Term]]) -> list[Triple]:
    """Return a record of each thing but sources that the files describe, and what is said of the contribution.

    :param things: the things that each file describes, by its number.
    """
    triples = told.described()
    for number, described in things.items():
        for thing in described:
            if thing.startswith(_SOURCES):
                continue
            table, key = _place(thing)
            record = iri(record_iri(told.contribution.about.set, table, key))
            triples += [
                (record, TYPE, RECORD),
                (record, RECORD_OF, thing),
                (record, _t("circ:fromTable"), literal(table)),
                (record, _t("circ:fromKey"), literal(key)),
                (record, _t("prov:wasDerivedFrom"), told.source(number)),
                (record, _t("prov:wasGeneratedBy"), told.activity),
            ]
    return triples


def _place(thing: Term) -> tuple[str, str]:
    """Return the table and key of a thing's record: type and slug of its IRI.

    >>> _place("<https://w3id.org/circkg/id/practice/repair-cafe>")
    ('practice', 'repair-cafe')
    """
    text = thing[1:-1]
    type_, slash, slug = text.removeprefix(_ID).partition("/")
    return (type_, slug) if text.startswith(_ID) and slash else ("act", text)


def merged_records(old: Iterable[Triple], new: Iterable[Triple], left: Collection[Term]) -> list[Triple]:
    """Return the records of a set after a contribution: of what is left in the set, the newest of each thing.

    What is said of earlier contributions stays.

    :param left: things that the set describes afterwards.
    """
    old, new = list(old), list(new)
    replaced = {value for _, predicate, value in new if predicate == RECORD_OF}
    about: dict[Term, Term] = {s: value for s, predicate, value in old if predicate == RECORD_OF}
    gone = {record for record, thing in about.items() if thing in replaced or thing not in left}
    return sorted({*new, *(triple for triple in old if triple[0] not in gone)})
