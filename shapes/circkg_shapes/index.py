"""Triples in memory, looked up by subject and by object: how shapes themselves are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from circkg_shapes.terms import Term, Triple
from circkg_shapes.vocabulary import FIRST, NIL, REST


class ListError(ValueError):
    """An RDF list is not well formed."""


class Index:
    """Triples by predicate and subject, and by predicate and object."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.triples: set[Triple] = set(triples)
        self._forward: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        self._inverse: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for subject, predicate, value in sorted(self.triples):
            self._forward[predicate][subject].append(value)
            self._inverse[predicate][value].append(subject)

    @cached_property
    def by_subject(self) -> Mapping[Term, list[Triple]]:
        """Every triple by its subject."""
        found: defaultdict[Term, list[Triple]] = defaultdict(list)
        for triple in sorted(self.triples):
            found[triple[0]].append(triple)
        return dict(found)

    def objects(self, subject: Term, predicate: Term) -> Sequence[Term]:
        """Return the objects of a subject and predicate, in order."""
        found = self._forward.get(predicate)
        return found.get(subject, ()) if found else ()

    def subjects(self, predicate: Term, value: Term) -> Sequence[Term]:
        """Return the subjects of a predicate and object, in order."""
        found = self._inverse.get(predicate)
        return found.get(value, ()) if found else ()

    def one(self, subject: Term, predicate: Term) -> Term | None:
        """Return the object of a subject and predicate, the first in order if there are several."""
        return next(iter(self.objects(subject, predicate)), None)

    def pairs(self, predicate: Term) -> Iterator[tuple[Term, Term]]:
        """Return subject and object of every triple with a predicate."""
        for subject, values in self._forward.get(predicate, {}).items():
            for value in values:
                yield subject, value

    def items(self, head: Term) -> list[Term]:
        """Return the members of an RDF list.

        :raises ListError: if it has a cell without exactly one member and one rest, or goes in a circle.
        """
        found: list[Term] = []
        while head != NIL:
            items, rests = self.objects(head, FIRST), self.objects(head, REST)
            if len(items) != 1 or len(rests) != 1 or len(found) > len(self.triples):
                raise ListError(f"The list at {head} is not well formed.")
            found.append(items[0])
            head = rests[0]
        return found
