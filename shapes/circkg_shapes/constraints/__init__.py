"""The constraint components of SHACL, one module a section, each read from shapes and evaluated over columns."""

from __future__ import annotations

from typing import Final

from circkg_shapes.constraints.base import Component
from circkg_shapes.constraints.counts import Count
from circkg_shapes.constraints.logic import Conforms, Property, Qualified
from circkg_shapes.constraints.others import Closed, HasValue, In
from circkg_shapes.constraints.properties import Disjoint, Equals, Order
from circkg_shapes.constraints.queries import Sparql
from circkg_shapes.constraints.ranges import Range
from circkg_shapes.constraints.strings import LanguageIn, Length, Pattern, UniqueLang
from circkg_shapes.constraints.types import Class, Datatype, NodeKind

COMPONENTS: Final[tuple[type[Component], ...]] = (
    Class, Datatype, NodeKind, Count, Range, Length, Pattern, LanguageIn, UniqueLang, Equals, Disjoint, Order,
    Conforms, Property, Qualified, Closed, HasValue, In, Sparql,
)  # fmt: skip

PARAMETERS: Final = tuple(word for each in COMPONENTS for word in (*each.parameters, *each.besides))
"""The words of a shape that these components read."""
