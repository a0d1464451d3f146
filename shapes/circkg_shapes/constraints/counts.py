"""Cardinality constraint components (SHACL, section 4.2): ``sh:minCount``, ``sh:maxCount``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circkg_shapes.constraints.base import Reader, focus
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import counts
from circkg_shapes.plan import Finding, Shape, Values
from circkg_shapes.terms import Term
from circkg_shapes.vocabulary import component

if TYPE_CHECKING:
    from circkg_shapes.engine import Run


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """``sh:minCount`` or ``sh:maxCount``: the number of value nodes has a bound."""

    bound: int
    is_least: bool

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Count]:
        """Yield one constraint a bound."""
        for name, is_least in (("minCount", True), ("maxCount", False)):
            bound = reader.integer(shape, name)
            if bound is not None:
                reader.on_properties_only(shape, name)
                yield cls(bound, is_least)

    @property
    def component(self) -> Term:
        """The constraint component."""
        return component("MinCount" if self.is_least else "MaxCount")

    @property
    def text(self) -> str:
        """What it asks for."""
        values = f"{self.bound} value" + ("" if self.bound == 1 else "s")
        return f"There are fewer than {values}." if self.is_least else f"There are more than {values}."

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:  # noqa: ARG002 - of all components
        """Yield the focus nodes with too few or too many values."""
        found = counts(values.pairs.left, values.focus)
        broken = found < self.bound if self.is_least else found > self.bound
        if broken.any():
            yield focus(shape, self, values.focus[broken])

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:
        """Look at nothing beyond the value nodes."""
