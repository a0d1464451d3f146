"""Property pair constraint components (SHACL, section 4.5): two properties of one node are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from circkg_shapes.constraints.base import Component, Reader, rows
from circkg_shapes.footprint import Chain, Footprint, Link, one
from circkg_shapes.pairs import EMPTY, Pairs, among, rows_of
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.terms import Term
from circkg_shapes.values import compare

_ORDERS: Final = {"lessThan": (-1,), "lessThanOrEquals": (-1, 0)}


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison(Component):
    """A constraint that looks at another property of the focus node."""

    predicate: Term

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a property."""
        return cls(name, reader.iri(shape, name, value))

    def _others(self, run: Run, values: Values) -> Pairs:
        """Return the focus nodes with their values of the other property."""
        number = run.number(self.predicate)
        return run.step(values.focus, number) if number >= 0 else EMPTY

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at the values of the other property."""
        footprint.add((*start, one(Link(self.predicate))))


@dataclass(frozen=True, slots=True, eq=False)
class Equals(_Comparison):
    """``sh:equals``: the value nodes are those of another property."""

    parameters = ("equals",)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is not a value of both this property and {self.predicate}."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the values that only one of the two has."""
        others = self._others(run, values)
        missing = np.flatnonzero(~among(values.pairs, others))
        if len(missing):
            yield rows(shape, self, values, missing)
        extra = ~among(others, values.pairs)
        if extra.any():
            yield Finding(shape, self, others.left[extra], others.left[extra], others.right[extra])


@dataclass(frozen=True, slots=True, eq=False)
class Disjoint(_Comparison):
    """``sh:disjoint``: no value node is also one of another property."""

    parameters = ("disjoint",)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is also a value of {self.predicate}."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the values that both have."""
        shared = np.flatnonzero(among(values.pairs, self._others(run, values)))
        if len(shared):
            yield rows(shape, self, values, shared)


@dataclass(frozen=True, slots=True, eq=False)
class Order(_Comparison):
    """``sh:lessThan`` or ``sh:lessThanOrEquals``: one result for each pair of values that is not in this order."""

    parameters = tuple(_ORDERS)

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a property."""
        reader.on_properties_only(shape, name)
        return cls(name, reader.iri(shape, name, value))

    @property
    def text(self) -> str:
        """What it asks for."""
        wanted = "less than" if self.name == "lessThan" else "less than or equal to"
        return f"This is not {wanted} the value of {self.predicate}, or cannot be compared with it."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the pairs of values that are not in order."""
        others = self._others(run, values)
        places, right = rows_of(others, values.pairs.left)
        if not len(places):
            return
        # Each different pair of values is compared once.
        left = values.pairs.right[places]
        different, which = np.unique((left.astype(np.int64) << 32) | right, return_inverse=True)
        good = _ORDERS[self.name]
        broken = np.fromiter(
            (compare(run.value(key >> 32), run.value(key & 0xFFFFFFFF)) not in good for key in different.tolist()),
            np.bool_,
            len(different),
        )[which]
        if broken.any():
            yield rows(shape, self, values, places[broken])
