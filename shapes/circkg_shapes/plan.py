"""Compiled shapes, made once from the triples of the shapes, and the run in which they find what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from circkg_shapes.encoding import Columns, Dictionary
from circkg_shapes.footprint import CLASS_READ, Chain, Footprint, Link, one
from circkg_shapes.pairs import Ids, Mask, Pairs, Rows, same
from circkg_shapes.paths import Path
from circkg_shapes.report import Messages
from circkg_shapes.terms import Term, literal_parts
from circkg_shapes.values import Value, value
from circkg_shapes.walking import instances, walk

_CONFORMS: Final = 1
_FAILS: Final = 2


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


class Run:
    """One validation of columns: what has been found out already is not asked again."""

    def __init__(self, data: Columns) -> None:
        self.data = data
        self._instances: dict[Term, Ids] = {}
        self._verdicts: dict[Shape, np.ndarray[tuple[int], np.dtype[np.int8]]] = {}
        self._values: dict[int, Value | None] = {}

    @property
    def dictionary(self) -> Dictionary:
        """The terms by number."""
        return self.data.dictionary

    @property
    def size(self) -> int:
        """How many terms there are; a column of flags has this length."""
        return len(self.data.dictionary)

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if it has none."""
        return self.data.dictionary.find(term)

    def step(self, nodes: Ids, predicate: int) -> Pairs:
        """Return the triples of a predicate with these nodes as subject: subject and object."""
        return self.data.step(nodes, predicate)

    def value(self, number: int) -> Value | None:
        """Return what a literal stands for; ``None`` for other terms, ill-typed literals and texts in a language."""
        if number not in self._values:
            term = self.dictionary.terms[number]
            text, tag, datatype = literal_parts(term) if term[0] == '"' else ("", "", "")
            self._values[number] = None if tag is not None else value(text, datatype)
        return self._values[number]

    def instances(self, kind: Term) -> Ids:
        """Return the nodes that are of a class or of a subclass of it (SHACL, section 1.1, "SHACL instance")."""
        if kind not in self._instances:
            self._instances[kind] = instances(self.data, kind)
        return self._instances[kind]

    def findings(self, shape: Shape, nodes: Ids) -> list[Finding]:
        """Return what is wrong with these nodes, in order and each once, by a shape."""
        if shape.is_off or not len(nodes):
            return []
        values = Values(nodes, walk(self.data, shape.path, nodes) if shape.path else same(nodes))
        return [found for constraint in shape.constraints for found in constraint.find(self, shape, values)]

    def failing(self, shape: Shape, nodes: Ids) -> Mask:
        """Tell of each of these nodes, in order and each once, whether it does not conform to a shape."""
        known = self._verdicts.get(shape)
        if known is None or len(known) < self.size:
            grown = np.zeros(self.size, np.int8)
            if known is not None:
                grown[: len(known)] = known
            known = self._verdicts[shape] = grown
        unknown = nodes[known[nodes] == 0]
        if len(unknown):
            broken = [found.owners for found in self.findings(shape, unknown)]
            known[unknown] = _CONFORMS
            if broken:
                known[np.concatenate(broken)] = _FAILS
        failing: Mask = known[nodes] == _FAILS
        return failing


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
