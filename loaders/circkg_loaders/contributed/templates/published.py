"""The things and vocabularies that come with the program, for lists and examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from circkg_loaders.contributed.columns import Column
from circkg_loaders.load import load
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_shapes.forms import TYPE, Field, Form
from circkg_shapes.terms import Term, Triple, iri, literal_parts

_DEFINITION = iri(expand("skos:definition"))
_BROADER = iri(expand("skos:broader"))


class Things:
    """What triples say, by thing and property in both directions."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        """Take triples; their order does not matter."""
        forward: defaultdict[tuple[Term, Term], list[Term]] = defaultdict(list)
        backward: defaultdict[tuple[Term, Term], list[Term]] = defaultdict(list)
        for subject, predicate, value in triples:
            forward[subject, predicate].append(value)
            backward[value, predicate].append(subject)
        self._forward: Mapping[tuple[Term, Term], Sequence[Term]] = dict(forward)
        self._backward: Mapping[tuple[Term, Term], Sequence[Term]] = dict(backward)

    def of(self, form: Form) -> list[Term]:
        """Return the things of a form, in order of their IRIs."""
        return sorted(set(self._backward.get((form.target, TYPE), ())))

    def values(self, thing: Term, field: Field) -> list[Term]:
        """Return the values of a field, in order."""
        found = self._backward if field.inverse else self._forward
        return sorted(set(found.get((thing, field.path), ())))

    def values_in(self, thing: Term, column: Column) -> list[Term]:
        """Return the values that a column is for: of texts those in its language."""
        if column.field is None:
            return []
        values = self.values(thing, column.field)
        if column.field.plain or column.language:
            return [value for value in values if (literal_parts(value)[1] or "") == column.language]
        return values

    def definition(self, concept: Term, language: str) -> str:
        """Return what a concept means in a language, else in English; empty if nothing says it."""
        parts = [literal_parts(value) for value in self._forward.get((concept, _DEFINITION), ())]
        by_language = {tag: text for text, tag, _ in parts}
        return by_language.get(language) or by_language.get("en") or ""

    def broader(self, concept: Term) -> Term | None:
        """Return the concept above a concept, if there is one."""
        return min(self._forward.get((concept, _BROADER), ()), default=None)


@cache
def our_things() -> Things:
    """Return what this checkout or wheel holds: published things, their records, and vocabularies.

    :raises LoadError: if its data cannot be read.
    """
    return Things(load().of_role(Role.STATED, Role.PROVENANCE, Role.VOCABULARY))
