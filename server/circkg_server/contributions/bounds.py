"""The first and last days between which the dates of a contribution lie, so that shapes can compare them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyoxigraph import QueryTriples

from circkg_loaders.prefixes import expand
from circkg_server.inference import as_store
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, Triple, iri

RULE: Final = "10-date-bounds.rq"
"""The published rule that derives the bounds; it is run here as it is."""

TYPE: Final = iri(expand("rdf:type"))
_START = tuple(iri(expand(name)) for name in ("schema:startDate", "dct:issued", "dct:date"))
_END = tuple(iri(expand(name)) for name in ("schema:endDate", "circ:deadline"))
WRITTEN: Final = {
    iri(expand(f"circ:{name}{bound}")): written
    for name, written in (("start", _START), ("end", _END))
    for bound in ("Earliest", "Latest")
}
"""The properties, as people write them, that a derived property comes from."""

_READ = frozenset((TYPE, *_START, *_END))


def date_bounds(triples: Iterable[Triple]) -> list[Triple]:
    """Return the bounds of all dates, in order.

    >>> thing, day = "<https://example.org/a>", f'"2024-05"^^<{expand("xsd:gYearMonth")}>'
    >>> [value[:12] for _, _, value in date_bounds([(thing, iri(expand("schema:startDate")), day)])]
    ['"2024-05-01"', '"2024-05-31"']
    """
    read = [triple for triple in triples if triple[1] in _READ]
    if not any(predicate != TYPE for _, predicate, _ in read):
        return []
    answer = as_store(read).query((room("ontology") / "rules" / RULE).read_text(encoding="utf-8"))
    assert isinstance(answer, QueryTriples)
    return sorted({(str(found.subject), str(found.predicate), str(found.object)) for found in answer})


def written_as(predicate: Term) -> tuple[Term, ...]:
    """Return the properties in which people write what a property says: itself, unless it is derived."""
    return WRITTEN.get(predicate, (predicate,))
