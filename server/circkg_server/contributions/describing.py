"""The shapes as faults speak of them: parameters, fields and forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from circkg_loaders.prefixes import shorten
from circkg_shapes.forms import Field, Form, forms, in_language
from circkg_shapes.report import SH
from circkg_shapes.terms import Term, iri_text, is_blank, is_iri, literal_parts
from circkg_shapes.validate import Shapes


@dataclass(frozen=True)
class Described:
    """The shapes, as faults speak of them: parameters, fields and forms."""

    shapes: Shapes

    @cached_property
    def _said(self) -> Mapping[Term, Mapping[Term, Sequence[Term]]]:
        found: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for subject, predicate, value in self.shapes.triples:
            found[subject][predicate].append(value)
        return found

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The form of each class."""
        return forms(self.shapes.triples)

    @cached_property
    def fields(self) -> Mapping[Term, Field]:
        """The field of each property shape; shapes that only wish for a value share the field of its class."""
        found = {field.shape: field for form in self.forms for field in form.fields}
        by_target = {form.target: form for form in self.forms}
        for root, said in self._said.items():
            for target in said.get(f"<{SH}targetClass>", ()):
                form = by_target.get(target)
                for shape in said.get(f"<{SH}property>", ()) if form else ():
                    path = self.parameter(shape, "path")
                    field = form.field(path) if form and path and root != form.shape else None
                    if field:
                        found.setdefault(shape, field)
        return found

    def parameter(self, shape: Term, name: str) -> Term | None:
        """Return the value of a parameter of a shape, the first in order if there are several."""
        said = self._said.get(shape)
        return min(said.get(f"<{SH}{name}>", ()), default=None) if said else None

    def text(self, shape: Term, name: str) -> str:
        """Return the lexical form of a parameter of a shape, or its IRI shortened; empty if there is none."""
        found = self.parameter(shape, name)
        return shown(found) if found is not None else ""

    def name(self, shape: Term, language: str) -> str:
        """Return the label of a shape in a language, else in English, else in any; empty if it has none."""
        said = self._said.get(shape)
        parts = [literal_parts(value) for value in (said.get(f"<{SH}name>", ()) if said else ())]
        return in_language(tuple((tag or "", text) for text, tag, _ in parts), language)


def shown(term: Term) -> str:
    """Return a term as people read it.

    >>> shown('"05.2024"'), shown("<http://data.europa.eu/nuts/code/FI1C3>")
    ('05.2024', 'nuts:FI1C3')
    """
    if is_iri(term):
        return shorten(iri_text(term))
    return term if is_blank(term) else literal_parts(term)[0]
