"""Value range constraint components (SHACL, section 4.3): ``sh:minInclusive`` and the like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from circkg_shapes.constraints.base import Reader, ValueTest
from circkg_shapes.pairs import Ids, Mask
from circkg_shapes.terms import Term
from circkg_shapes.values import Value, compare
from circkg_shapes.vocabulary import component

if TYPE_CHECKING:
    from circkg_shapes.engine import Run

_RANGES: Final = {
    "minInclusive": ((0, 1), "less than"),
    "minExclusive": ((1,), "not greater than"),
    "maxInclusive": ((-1, 0), "greater than"),
    "maxExclusive": ((-1,), "not less than"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Range(ValueTest):
    """Each value node lies on one side of a bound; one that cannot be compared with it does not."""

    name: str
    bound: Term
    content: Value | None

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Range]:
        """Yield one constraint a bound."""
        for name in _RANGES:
            bound = reader.one(shape, name)
            if bound:
                yield cls(name, reader.literal(shape, name, bound), reader.value(bound))

    @property
    def component(self) -> Term:
        """The constraint component."""
        return component(self.name[0].upper() + self.name[1:])

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is {_RANGES[self.name][1]} {self.bound}, or cannot be compared with it."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes lie on the wrong side."""
        good, _ = _RANGES[self.name]
        return np.fromiter(
            (compare(run.value(node), self.content) not in good for node in nodes.tolist()), np.bool_, len(nodes)
        )
