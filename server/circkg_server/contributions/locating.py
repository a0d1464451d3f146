"""Finds the places of a result in the contributed files: cells, lines, rows and the columns that lack a value."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.places import Place
from circkg_server.contributions.bounds import written_as
from circkg_server.contributions.knowledge import Knowledge
from circkg_shapes.terms import Term, Triple

_STEP: Final = re.compile(r"(\^?)(<[^>]*>)")
_FARTHEST: Final = 6
"""Steps that are followed along a path with a star."""


def steps(path: str | None) -> list[tuple[Term, bool]]:
    """Return the properties that a path names, in order, each with whether it is followed backwards.

    >>> steps("^<x:a>/(<x:b>|<x:c>)")
    [('<x:a>', True), ('<x:b>', False), ('<x:c>', False)]
    """
    return [(found[2], bool(found[1])) for found in _STEP.finditer(path or "")]


class Locator:
    """Knows where in the contributed files each statement stands."""

    def __init__(self, contributions: Sequence[Contribution], knowledge: Knowledge) -> None:
        self._contributions = contributions
        self._knowledge = knowledge
        forward: defaultdict[Term, list[Triple]] = defaultdict(list)
        backward: defaultdict[Term, list[Triple]] = defaultdict(list)
        for triple in dict.fromkeys(triple for each in contributions for triple in each.judged):
            forward[triple[0]].append(triple)
            backward[triple[2]].append(triple)
        self._forward: Mapping[Term, Sequence[Triple]] = dict(forward)
        self._backward: Mapping[Term, Sequence[Triple]] = dict(backward)

    def about(self, subject: Term) -> Sequence[Triple]:
        """Return what the files say about a thing, in their order."""
        return self._forward.get(subject, ())

    def of(self, triples: Iterable[Triple]) -> tuple[Place, ...]:
        """Return the places of statements, each once; none of what the files do not say."""
        return tuple(dict.fromkeys(p for t in triples for each in self._contributions for p in each.origins.of(t)))

    def of_values(self, focus: Term, path: str | None, value: Term | None = None) -> tuple[Place, ...]:
        """Return the places of the values at the end of a path: of one, or of all."""
        named = steps(path)
        if len(named) == 1 and path == named[0][0]:
            written = written_as(path)
            found = [t for t in self.about(focus) if t[1] in written]
            if value is None or written != (path,):
                return self.of(found)
            return self.of(triple for triple in found if triple[2] == value)
        walked = list(self._walk(focus, named))
        ends = [triple for triple in walked if value in (triple[0], triple[2])] if value is not None else []
        return self.of(ends or walked)

    def _walk(self, focus: Term, named: Sequence[tuple[Term, bool]]) -> Iterator[Triple]:
        """Yield what the files say along the properties of a path, from the focus on; published steps are passed."""
        forward = {predicate for predicate, backwards in named if not backwards}
        backward = {predicate for predicate, backwards in named if backwards}
        seen, frontier = {focus}, [focus]
        for _ in range(_FARTHEST):
            fresh: list[Term] = []
            for node in frontier:
                said = [t for t in self.about(node) if t[1] in forward]
                back = [t for t in self._backward.get(node, ()) if t[1] in backward]
                yield from (*said, *back)
                fresh += [t[2] for t in said] + [t[0] for t in back]
                fresh += [t[2] for t in self._knowledge.about(node) if t[1] in forward]
            frontier = [node for node in dict.fromkeys(fresh) if node not in seen]
            seen.update(frontier)
            if not frontier:
                return

    def of_missing(self, focus: Term, path: str | None) -> Place | None:
        """Return the row of a thing and the column that would hold what is missing, the first that the file has."""
        written = "|".join(predicate for name, _ in steps(path) for predicate in written_as(name))
        holding = [each.origins for each in self._contributions if each.origins.of_focus(focus) is not None]
        places = [origins.of_missing(focus, written) for origins in holding]
        return next((place for place in places if place.header is not None), places[0] if places else None)

    def of_focus(self, focus: Term) -> tuple[Place, ...]:
        """Return the rows or lines that describe a thing, else the places that name it."""
        rows = [place for each in self._contributions if (place := each.origins.of_focus(focus)) is not None]
        return tuple(dict.fromkeys(rows)) or self.of(self._backward.get(focus, ()))

    def row_of(self, focus: Term) -> int | None:
        """Return the row of a table that describes a thing; ``None`` if none does."""
        return next((place.row for place in self.of_focus(focus) if place.row), None)

    def of_change(self, focus: Term, path: str | None) -> tuple[Place, ...]:
        """Return the places that made a published thing wrong: along the path, else wherever the files name it."""
        return self.of_values(focus, path) or self.of(self._backward.get(focus, ()))

    @property
    def files(self) -> tuple[Place, ...]:
        """The files as a whole: where a fault has no other place."""
        return tuple(Place(each.file) for each in self._contributions)
