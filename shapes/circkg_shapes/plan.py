"""Compiled shapes: what the engine evaluates, made once from the triples of the shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from circkg_shapes.footprint import CLASS_READ, Chain, Footprint, Link, one
from circkg_shapes.pairs import Ids, Pairs, Rows
from circkg_shapes.paths import Path
from circkg_shapes.report import Messages
from circkg_shapes.terms import Term

if TYPE_CHECKING:
    from circkg_shapes.engine import Run


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The focus nodes of a shape, in order, and each of them with its value nodes."""

    focus: Ids
    pairs: Pairs


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What one constraint found: columns of the same length, one row a result.

    :param owners: the focus nodes of the shape that was asked, to which the results belong.
    :param about: the focus nodes of the results; others than the owners if ``sh:property`` led to them.
    :param values: the value nodes; ``None`` if the results have none.
    :param paths: predicates of the results, if these differ from the path of the shape.
    :param messages: texts of each result, if they are not those of the shape.
    """

    shape: Shape
    constraint: Constraint
    owners: Ids
    about: Ids
    values: Ids | None = None
    paths: Ids | None = None
    messages: Sequence[Messages] | None = None

    def of(self, owners: Ids, rows: Rows) -> Finding:
        """Return some rows, for other owners."""
        return Finding(
            self.shape,
            self.constraint,
            owners,
            self.about[rows],
            None if self.values is None else self.values[rows],
            None if self.paths is None else self.paths[rows],
            None if self.messages is None else [self.messages[row] for row in rows.tolist()],
        )


class Constraint(Protocol):
    """One constraint of a shape."""

    @property
    def component(self) -> Term:
        """The constraint component that it is of."""

    @property
    def text(self) -> str:
        """What it asks for, in English: the message where the shape has none."""

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield what breaks it among the value nodes."""

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:
        """Note what it looks at from a focus node (``start``) and from its value nodes (``ends``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A node shape or, if it has a path, a property shape.

    :param path_text: the path as SPARQL writes it, ``path_turtle`` as SHACL does; empty without a path.
    """

    node: Term
    path: Path | None
    path_text: str
    path_turtle: str
    severity: Term
    messages: Messages
    name: str
    is_off: bool
    constraints: tuple[Constraint, ...]

    def reads(self, footprint: Footprint, start: Chain) -> None:
        """Note what the shape looks at from the end of a chain."""
        if self.is_off:
            return
        ends = footprint.walk(start, self.path) if self.path else [start]
        for constraint in self.constraints:
            constraint.reads(footprint, start, ends)


@dataclass(frozen=True, slots=True)
class Target:
    """What a shape says about the nodes that it is for (SHACL, section 2.1.3)."""

    nodes: tuple[Term, ...]
    classes: tuple[Term, ...]
    subjects_of: tuple[Term, ...]
    objects_of: tuple[Term, ...]

    def reads(self, footprint: Footprint) -> None:
        """Note what makes a node a target."""
        if self.classes:
            footprint.add(CLASS_READ)
        for predicate in self.subjects_of:
            footprint.add((one(Link(predicate)),))
        for predicate in self.objects_of:
            footprint.add((one(Link(predicate, inverse=True)),))


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A shape with a target, and what it looks at from there."""

    shape: Shape
    target: Target
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Plan:
    """All shapes with a target.

    :param unsupported: why these shapes go to the other engine; empty if they do not.
    :param remarks: what the shapes say without effect.
    """

    roots: tuple[Root, ...]
    unsupported: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
