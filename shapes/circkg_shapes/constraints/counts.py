"""Cardinality constraint components (SHACL, section 4.2): ``sh:minCount``, ``sh:maxCount``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from circkg_shapes.constraints.base import Bound, Component, Reader, focus
from circkg_shapes.pairs import counts
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.terms import Term


@dataclass(frozen=True, slots=True, eq=False)
class Count(Component):
    """``sh:minCount`` or ``sh:maxCount``: the number of value nodes has a bound."""

    parameters = ("minCount", "maxCount")
    is_single = True

    bound: Bound

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a bound."""
        bound = Bound.of(reader, shape, name, value)
        reader.on_properties_only(shape, name)
        return cls(name, bound)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"There are {self.bound} value{'' if self.bound.number == 1 else 's'}."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:  # noqa: ARG002 - of all components
        """Yield the focus nodes with too few or too many values."""
        broken = self.bound.broken(counts(values.pairs.left, values.focus))
        if broken.any():
            yield focus(shape, self, values.focus[broken])
