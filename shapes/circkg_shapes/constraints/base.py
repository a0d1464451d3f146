"""What the constraint components share: how they read their parameters, and tests of single value nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import Ids, Mask, Rows, distinct, flags
from circkg_shapes.plan import Constraint, Finding, Shape, Values
from circkg_shapes.report import Messages
from circkg_shapes.shapes import ShapesError
from circkg_shapes.terms import Term
from circkg_shapes.values import Value

if TYPE_CHECKING:
    from circkg_shapes.engine import Run


class Reader(Protocol):
    """Gives a component its parameters, checked, and refuses what is ill-formed."""

    def objects(self, shape: Term, name: str) -> Sequence[Term]:
        """Return all values of a parameter."""

    def one(self, shape: Term, name: str) -> Term | None:
        """Return the only value of a parameter, ``None`` if it has none; refuse several."""

    def integer(self, shape: Term, name: str) -> int | None:
        """Return the number of a parameter; refuse what is no whole number from 0 on."""

    def flag(self, shape: Term, name: str) -> bool:
        """Tell whether a parameter is given and true; refuse what is no boolean."""

    def iri(self, shape: Term, name: str, value: Term) -> Term:
        """Return the value of a parameter; refuse what is no IRI."""

    def literal(self, shape: Term, name: str, value: Term) -> Term:
        """Return the value of a parameter; refuse what is no literal."""

    def items(self, shape: Term, name: str, head: Term) -> list[Term]:
        """Return the members of the list that is the value of a parameter; refuse what is no list."""

    def shape(self, node: Term, by: Term, name: str) -> Shape:
        """Return the shape that another one refers to; refuse a node that is no shape."""

    def subjects(self, name: str, value: Term) -> Sequence[Term]:
        """Return the shapes that have this value of a parameter."""

    def has_path(self, shape: Term) -> bool:
        """Tell whether a shape is a property shape."""

    def on_properties_only(self, shape: Term, name: str) -> None:
        """Refuse a parameter on a node shape."""

    def value(self, term: Term) -> Value | None:
        """Return what a literal stands for."""

    def messages(self, node: Term) -> Messages:
        """Return the messages of a node."""

    def path_text(self, shape: Term) -> str | None:
        """Return the path of a property shape as SPARQL writes it."""

    def prefixes(self, shape: Term, node: Term) -> dict[str, str]:
        """Return the namespaces by prefix that a query of a shape may use."""

    def words(self, node: Term) -> Sequence[str]:
        """Return the words of SHACL that a node uses, without those of a shape if it is one too."""

    def leave_to_other_engine(self, reason: str) -> None:
        """Note why the shapes cannot be compiled."""

    def remark(self, text: str) -> None:
        """Note what the shapes say without effect."""

    def refuse(self, shape: Term, text: str) -> ShapesError:
        """Return the error that says what is wrong with a shape."""


def rows(shape: Shape, constraint: Constraint, values: Values, broken: Rows) -> Finding:
    """Return the results for some value nodes, each about its focus node."""
    left = values.pairs.left[broken]
    return Finding(shape, constraint, left, left, values.pairs.right[broken])


def focus(shape: Shape, constraint: Constraint, nodes: Ids) -> Finding:
    """Return the results about focus nodes as such, without a value."""
    return Finding(shape, constraint, nodes, nodes)


class ValueTest:
    """A constraint that each value node meets or breaks by itself; asked once for each different one."""

    def find(self: ValueConstraint, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the value nodes that break it."""
        different = distinct(values.pairs.right, run.size)
        broken = different[self.broken(run, different)]
        if len(broken):
            yield rows(shape, self, values, np.flatnonzero(flags(broken, run.size)[values.pairs.right]))

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:
        """Look at nothing beyond the value nodes."""


class ValueConstraint(Constraint, Protocol):
    """A constraint that judges single nodes."""

    @abstractmethod
    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell of each of these nodes, in order and each once, whether it breaks the constraint."""
