"""Logical and shape-based constraint components (SHACL, sections 4.6 and 4.7): those that refer to other shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from circkg_shapes.constraints.base import Bound, Component, Reader, ValueTest, focus
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import Ids, Mask, counts, distinct, flags, ranges
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.terms import Term, is_blank

_LISTS: Final = {
    "and": "This does not conform to all of {shapes}.",
    "or": "This conforms to none of {shapes}.",
    "xone": "This does not conform to exactly one of {shapes}.",
}


def _named(shapes: Sequence[Shape]) -> str:
    return ", ".join(shape.name or ("a shape" if is_blank(shape.node) else shape.node) for shape in shapes)


def _read_all(shapes: Sequence[Shape], footprint: Footprint, ends: Sequence[Chain]) -> None:
    for shape in shapes:
        for end in ends:
            shape.reads(footprint, end)


@dataclass(frozen=True, slots=True, eq=False)
class Property(Component):
    """``sh:property``: what a property shape finds for each value node is found."""

    parameters = ("property",)
    text = ""

    inner: Shape

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a property shape."""
        if not reader.has_path(value):
            raise reader.refuse(shape, f"sh:property refers to {value}, which has no sh:path.")
        return cls(name, reader.shape(value, shape, name))

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:  # noqa: ARG002 - of all components
        """Yield what the property shape finds, as often as focus nodes have the value node."""
        both = values.pairs
        if both.left is both.right:
            yield from run.findings(self.inner, both.right)
            return
        by_value = np.argsort(both.right, kind="stable")
        ordered = both.right[by_value]
        for found in run.findings(self.inner, distinct(both.right, run.size)):
            starts, ends = (
                np.searchsorted(ordered, found.owners, "left"),
                np.searchsorted(ordered, found.owners, "right"),
            )
            which, places = ranges(starts, ends)
            yield found.of(both.left[by_value[places]], which)

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at what the property shape looks at from the value nodes."""
        _read_all([self.inner], footprint, ends)


@dataclass(frozen=True, slots=True, eq=False)
class Conforms(ValueTest):
    """``sh:node``, ``sh:not``, ``sh:and``, ``sh:or``, ``sh:xone``: how many of some shapes a value node conforms to."""

    parameters = ("node", "not", *_LISTS)

    shapes: tuple[Shape, ...]

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a shape or list of shapes."""
        if name == "node" and reader.has_path(value):
            raise reader.refuse(shape, f"sh:node refers to {value}, which is a property shape.")
        members = reader.items(shape, name, value) if name in _LISTS else [value]
        return cls(name, tuple(reader.shape(each, shape, name) for each in members))

    @property
    def text(self) -> str:
        """What it asks for."""
        if self.name in _LISTS:
            return _LISTS[self.name].format(shapes=f"{len(self.shapes)} shapes: {_named(self.shapes)}")
        return f"This {'conforms' if self.name == 'not' else 'does not conform'} to {_named(self.shapes)}."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes conform to the wrong number of the shapes."""
        failing = [run.failing(shape, nodes) for shape in self.shapes]
        if self.name == "not":
            return ~failing[0]
        conforming = len(failing) - np.sum(failing, axis=0) if failing else np.zeros(len(nodes), np.intp)
        if self.name == "or":
            return np.asarray(conforming == 0)
        return np.asarray(conforming != (1 if self.name == "xone" else len(failing)))

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at what the shapes look at from the value nodes."""
        _read_all(self.shapes, footprint, ends)


@dataclass(frozen=True, slots=True, eq=False)
class Qualified(Component):
    """``sh:qualifiedValueShape``: so many value nodes conform to a shape and, if wanted, to no sibling shape."""

    parameters = ("qualifiedMinCount", "qualifiedMaxCount")
    besides = ("qualifiedValueShape", "qualifiedValueShapesDisjoint")

    inner: Shape
    siblings: tuple[Shape, ...]
    bound: Bound

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Self]:
        """Yield one constraint a bound."""
        inner = reader.one(shape, "qualifiedValueShape")
        bounds = [(name, reader.one(shape, name)) for name in cls.parameters]
        given = [(name, Bound.of(reader, shape, name, bound)) for name, bound in bounds if bound is not None]
        disjoint = reader.flag(shape, "qualifiedValueShapesDisjoint")
        if inner is None:
            if given:
                raise reader.refuse(shape, f"sh:{given[0][0]} stands without sh:qualifiedValueShape.")
            return
        reader.on_properties_only(shape, "qualifiedValueShape")
        if not given:
            raise reader.refuse(shape, "sh:qualifiedValueShape needs sh:qualifiedMinCount or sh:qualifiedMaxCount.")
        siblings: dict[Term, None] = {}
        if disjoint:
            parents = reader.subjects("property", shape)
            besides = [each for parent in parents for each in reader.objects(parent, "property")]
            siblings = dict.fromkeys(each for other in besides for each in reader.objects(other, "qualifiedValueShape"))
        compiled = reader.shape(inner, shape, "qualifiedValueShape")
        others = tuple(reader.shape(each, shape, "qualifiedValueShape") for each in siblings if each != inner)
        for name, bound in given:
            yield cls(name, compiled, others, bound)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"{str(self.bound).capitalize()} values conform to {_named([self.inner])}."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the focus nodes with too few or too many values that conform."""
        nodes = distinct(values.pairs.right, run.size)
        good = ~run.failing(self.inner, nodes)
        for sibling in self.siblings:
            good &= run.failing(sibling, nodes)
        conforming = flags(nodes[good], run.size)[values.pairs.right]
        broken = self.bound.broken(counts(values.pairs.left[conforming], values.focus))
        if broken.any():
            yield focus(shape, self, values.focus[broken])

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at what the shapes look at from the value nodes."""
        _read_all([self.inner, *self.siblings], footprint, ends)
