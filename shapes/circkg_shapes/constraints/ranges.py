"""Value range constraint components (SHACL, section 4.3): ``sh:minInclusive`` and the like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from circkg_shapes.constraints.base import Reader, ValueTest
from circkg_shapes.pairs import Ids, Mask
from circkg_shapes.plan import Run
from circkg_shapes.terms import Term
from circkg_shapes.values import Value, compare

_RANGES: Final = {
    "minInclusive": ((0, 1), "less than"),
    "minExclusive": ((1,), "not greater than"),
    "maxInclusive": ((-1, 0), "greater than"),
    "maxExclusive": ((-1,), "not less than"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Range(ValueTest):
    """Each value node lies on one side of a bound; one that cannot be compared with it does not."""

    parameters = tuple(_RANGES)
    is_single = True

    bound: Term
    content: Value | None

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a bound."""
        return cls(name, reader.literal(shape, name, value), reader.value(value))

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
