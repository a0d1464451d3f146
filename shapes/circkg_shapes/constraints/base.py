"""What the constraint components share: how they are read from shapes, and tests of single value nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from circkg_shapes import vocabulary
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import Ids, Mask, Rows, distinct, flags
from circkg_shapes.plan import Constraint, Finding, Run, Shape, Values
from circkg_shapes.report import Messages
from circkg_shapes.shapes_graph import ShapesError
from circkg_shapes.terms import Term
from circkg_shapes.values import Value


class Reader(Protocol):
    """Gives a component its parameters, checked, and refuses what is ill-formed."""

    def objects(self, shape: Term, name: str) -> Sequence[Term]:
        """Return all values of a parameter."""

    def one(self, shape: Term, name: str) -> Term | None:
        """Return the only value of a parameter, ``None`` if it has none; refuse several."""

    def integer(self, shape: Term, name: str, value: Term) -> int:
        """Return the value of a parameter; refuse what is no whole number from 0 on."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Component(ABC):
    """A constraint, and how it is read: each value of a parameter makes one, unless its class reads otherwise.

    :param name: the parameter that made it.
    """

    parameters: ClassVar[tuple[str, ...]]
    """The words that make a constraint."""
    besides: ClassVar[tuple[str, ...]] = ()
    """The words that are read with them."""
    is_single: ClassVar[bool] = False
    """Whether a shape has at most one value of each."""

    name: str

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Self]:
        """Yield the constraints of a shape that are of this component."""
        for name in cls.parameters:
            if cls.is_single:
                reader.one(shape, name)  # refuses several
            for value in reader.objects(shape, name):
                found = cls.of(reader, shape, name, value)
                if found is not None:
                    yield found

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self | None:
        """Return the constraint that a value of a parameter makes; ``None`` if it makes none."""
        raise NotImplementedError

    @property
    def component(self) -> Term:
        """The constraint component that it is of."""
        return vocabulary.component(self.name[0].upper() + self.name[1:])

    @property
    @abstractmethod
    def text(self) -> str:
        """What it asks for, in English: the message where the shape has none."""

    @abstractmethod
    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield what breaks it among the value nodes."""

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: B027 - most look no further
        """Note what it looks at beyond the value nodes: nothing, of most components."""


@dataclass(frozen=True, slots=True, eq=False)
class ValueTest(Component):
    """A constraint that each value node meets or breaks by itself; asked once for each different one."""

    @abstractmethod
    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell of each of these nodes, in order and each once, whether it breaks the constraint."""

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the value nodes that break it."""
        different = distinct(values.pairs.right, run.size)
        broken = different[self.broken(run, different)]
        if len(broken):
            yield rows(shape, self, values, np.flatnonzero(flags(broken, run.size)[values.pairs.right]))


@dataclass(frozen=True, slots=True)
class Bound:
    """The least or the greatest number that may be."""

    number: int
    is_least: bool

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Bound:
        """Return the value of a parameter as a bound; its name says which."""
        return cls(reader.integer(shape, name, value), "min" in name.lower())

    def broken(self, numbers: Ids | Rows) -> Mask:
        """Tell of each number whether it lies beyond."""
        broken: Mask = numbers < self.number if self.is_least else numbers > self.number
        return broken

    def __str__(self) -> str:
        """Return what lies beyond, e.g. ``fewer than 2``."""
        return f"{'fewer' if self.is_least else 'more'} than {self.number}"


def rows(shape: Shape, constraint: Constraint, values: Values, broken: Rows) -> Finding:
    """Return the results for some value nodes, each about its focus node."""
    left = values.pairs.left[broken]
    return Finding(shape, constraint, left, left, values.pairs.right[broken])


def focus(shape: Shape, constraint: Constraint, nodes: Ids) -> Finding:
    """Return the results about focus nodes as such, without a value."""
    return Finding(shape, constraint, nodes, nodes)
