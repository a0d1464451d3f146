"""What exists: the things that the tables of all sets describe, and the concepts of the vocabularies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from circkg_loaders.facts.reader import Row
from circkg_loaders.iris import IriError, concept_iri, part_iri, thing_iri
from circkg_loaders.values import ValueProblem, parse_url


@dataclass(slots=True)
class Index:
    """IRIs of things by type and slug, and of concepts by vocabulary and slug."""

    things: dict[tuple[str, str], str] = field(default_factory=dict)
    concepts: set[str] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Take up the thing that a row describes; a row without a usable key is left to the reading of its cells."""
        if row.table.type is None:
            return
        try:
            iri = row_iri(row)
        except (IriError, ValueProblem):
            return
        known = self.things.get((row.table.type, row.key))
        # A thing may stand in two sets; only one of them needs to know its official IRI.
        if known is None or (row["eli"] and known != iri):
            self.things[row.table.type, row.key] = iri

    def add_all(self, rows: Iterable[Row]) -> None:
        """Take up the things of all rows."""
        for row in rows:
            self.add(row)

    def thing(self, type_: str, slug: str) -> str | None:
        """Return the IRI of a thing, or ``None`` if no table describes it."""
        return self.things.get((type_, slug))

    def concept(self, scheme: str, slug: str) -> str | None:
        """Return the IRI of a concept, or ``None`` if its vocabulary has none of that slug."""
        try:
            iri = concept_iri(scheme, slug)
        except IriError:
            return None
        return iri if iri in self.concepts else None

    def of_row(self, row: Row) -> str:
        """Return the IRI of the thing that a row describes, also if another set states its official IRI."""
        assert row.table.type is not None
        return self.things.get((row.table.type, row.key)) or row_iri(row)


def row_iri(row: Row) -> str:
    """Return the IRI of the thing that a row describes: its official one, or one that is minted from its key.

    :raises IriError: if a part of the key is no slug.
    """
    assert row.table.type is not None
    if row["eli"]:
        return parse_url(row["eli"]).text
    parts = [row[column] for column in row.table.key]
    return thing_iri(row.table.type, parts[0]) if len(parts) == 1 else part_iri(row.table.type, *parts)
