"""Takes a number of a table that restates a published one as that is written: 122578.5 where 122578.50 is published.

A spreadsheet keeps no final zeros, and for SHACL the two are different values of a property that may have only one.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.origins import TableOrigins
from circkg_server.contributions.knowledge import Knowledge
from circkg_shapes.terms import XSD, Term, Triple, literal_parts

_NUMBERS = tuple(f"^^<{XSD}{name}>" for name in ("decimal", "integer"))


def restated(contribution: Contribution, knowledge: Knowledge) -> Contribution:
    """Return a contribution whose numbers are written as the equal ones that are published of the same things.

    What comes as RDF stays as it was written.
    """
    if not isinstance(contribution.origins, TableOrigins):
        return contribution
    found = {
        triple: (*triple[:2], known)
        for triple in contribution.triples
        if triple[2].endswith(_NUMBERS) and (known := _published(triple, knowledge)) is not None
    }
    if not found:
        return contribution
    cells = {found.get(triple, triple): places for triple, places in contribution.origins.cells.items()}
    return replace(
        contribution,
        triples=[found.get(triple, triple) for triple in contribution.triples],
        origins=replace(contribution.origins, cells=cells),
    )


def _published(triple: Triple, knowledge: Knowledge) -> Term | None:
    """Return the published number that has the value and datatype of a contributed one, but is written otherwise."""
    subject, predicate, value = triple
    number = _number(value)
    if number is None:
        return None
    known = [each for each in knowledge.values(subject, predicate) if each.endswith(_NUMBERS)]
    if value in known:
        return None
    return next((each for each in sorted(known) if _same_type(each, value) and _number(each) == number), None)


def _same_type(one: Term, other: Term) -> bool:
    return one.rpartition("^^")[2] == other.rpartition("^^")[2]


def _number(term: Term) -> Decimal | None:
    try:
        return Decimal(literal_parts(term)[0])
    except InvalidOperation:
        return None
