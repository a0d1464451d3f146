"""The constraint components of SHACL, one module a section, each read from shapes and evaluated over columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from circkg_shapes.constraints.base import Reader
from circkg_shapes.constraints.counts import Count
from circkg_shapes.constraints.logic import Conforms, Property, Qualified
from circkg_shapes.constraints.others import Closed, HasValue, In
from circkg_shapes.constraints.properties import Disjoint, Equals, Order
from circkg_shapes.constraints.queries import Sparql
from circkg_shapes.constraints.ranges import Range
from circkg_shapes.constraints.strings import LanguageIn, Length, Pattern, UniqueLang
from circkg_shapes.constraints.types import Class, Datatype, NodeKind
from circkg_shapes.plan import Constraint
from circkg_shapes.terms import Term


class Component(Protocol):
    """Finds its constraints on a shape."""

    def read(self, reader: Reader, shape: Term) -> Iterator[Constraint]:
        """Yield the constraints of a shape that are of this component."""


COMPONENTS: Final[tuple[Component, ...]] = (
    Class, Datatype, NodeKind, Count, Range, Length, Pattern, LanguageIn, UniqueLang, Equals, Disjoint, Order,
    Conforms, Property, Qualified, Closed, HasValue, In, Sparql,
)  # fmt: skip

PARAMETERS: Final = (
    "class", "datatype", "nodeKind", "minCount", "maxCount", "minExclusive", "minInclusive", "maxExclusive",
    "maxInclusive", "minLength", "maxLength", "pattern", "flags", "languageIn", "uniqueLang", "equals", "disjoint",
    "lessThan", "lessThanOrEquals", "not", "and", "or", "xone", "node", "property", "qualifiedValueShape",
    "qualifiedMinCount", "qualifiedMaxCount", "qualifiedValueShapesDisjoint", "closed", "ignoredProperties",
    "hasValue", "in", "sparql",
)  # fmt: skip
"""The words of a shape that these components read."""
