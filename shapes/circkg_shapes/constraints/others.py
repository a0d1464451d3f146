"""Other constraint components (SHACL, section 4.8): ``sh:closed``, ``sh:hasValue``, ``sh:in``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from circkg_shapes.constraints.base import Component, Reader, ValueTest, focus
from circkg_shapes.footprint import ANY_READ, Chain, Footprint
from circkg_shapes.pairs import Ids, Mask, distinct, rows_of
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.terms import Term, is_iri


@dataclass(frozen=True, slots=True, eq=False)
class Closed(Component):
    """``sh:closed``: the value nodes have no properties but those of the shape and those ignored."""

    parameters = ("closed",)
    besides = ("ignoredProperties",)
    text = "This property is not foreseen here."

    allowed: frozenset[Term]

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Self]:
        """Yield the constraint."""
        head = reader.one(shape, "ignoredProperties")
        ignored = reader.items(shape, "ignoredProperties", head) if head else []
        if reader.flag(shape, "closed"):
            paths = [path for each in reader.objects(shape, "property") for path in reader.objects(each, "path")]
            yield cls("closed", frozenset([*ignored, *filter(is_iri, paths)]))

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the triples that are not foreseen."""
        nodes = distinct(values.pairs.right, run.size)
        for predicate in run.data.predicates:
            if run.dictionary.terms[predicate] in self.allowed:
                continue
            places, others = rows_of(run.step(nodes, predicate), values.pairs.right)
            if len(places):
                about = values.pairs.left[places]
                yield Finding(shape, self, about, about, others, np.full(len(places), predicate, np.int32))

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at all properties of the value nodes."""
        for end in ends:
            footprint.add(end + ANY_READ)


@dataclass(frozen=True, slots=True, eq=False)
class HasValue(Component):
    """``sh:hasValue``: a term is among the value nodes."""

    parameters = ("hasValue",)

    wanted: Term

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:  # noqa: ARG003 - of all components
        """Return the constraint of a term."""
        return cls(name, value)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"The value {self.wanted} is missing."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the focus nodes without the value."""
        having = values.pairs.left[values.pairs.right == run.number(self.wanted)]
        without = ~np.isin(values.focus, having, assume_unique=True)
        if without.any():
            yield focus(shape, self, values.focus[without])


@dataclass(frozen=True, slots=True, eq=False)
class In(ValueTest):
    """``sh:in``: each value node is a member of a list."""

    parameters = ("in",)
    is_single = True

    wanted: tuple[Term, ...]

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a list."""
        return cls(name, tuple(reader.items(shape, name, value)))

    @property
    def text(self) -> str:
        """What it asks for."""
        shown = ", ".join(self.wanted[:10]) + (", …" if len(self.wanted) > 10 else "")
        return f"This is none of the values that are allowed: {shown}."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are not in the list."""
        return ~np.isin(nodes, run.dictionary.ids_of(self.wanted), assume_unique=True)
