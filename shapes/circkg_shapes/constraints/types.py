"""Value type constraint components (SHACL, section 4.1): ``sh:class``, ``sh:datatype``, ``sh:nodeKind``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from circkg_shapes.constraints.base import Reader, ValueTest
from circkg_shapes.encoding import BLANK, IRI
from circkg_shapes.footprint import CLASS_READ, Chain, Footprint
from circkg_shapes.pairs import Ids, Mask
from circkg_shapes.plan import Run
from circkg_shapes.terms import Term, iri_text
from circkg_shapes.values import has_known_forms, value
from circkg_shapes.vocabulary import sh

_KINDS: Final = {
    sh("IRI"): (True, False, False),
    sh("BlankNode"): (False, True, False),
    sh("Literal"): (False, False, True),
    sh("BlankNodeOrIRI"): (True, True, False),
    sh("BlankNodeOrLiteral"): (False, True, True),
    sh("IRIOrLiteral"): (True, False, True),
}
_KIND_TEXTS: Final = {
    sh("IRI"): "an IRI",
    sh("BlankNode"): "a blank node",
    sh("Literal"): "a literal",
    sh("BlankNodeOrIRI"): "an IRI or a blank node",
    sh("BlankNodeOrLiteral"): "a literal or a blank node",
    sh("IRIOrLiteral"): "an IRI or a literal",
}


@dataclass(frozen=True, slots=True, eq=False)
class Class(ValueTest):
    """``sh:class``: each value node is an instance of a class, or of a subclass of it."""

    parameters = ("class",)

    wanted: Term

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a class."""
        return cls(name, reader.iri(shape, name, value))

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is not of the class {self.wanted}."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are no instance."""
        return ~np.isin(nodes, run.instances(self.wanted), assume_unique=True)

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look at the classes of the value nodes."""
        for end in ends:
            footprint.add(end + CLASS_READ)


@dataclass(frozen=True, slots=True, eq=False)
class Datatype(ValueTest):
    """``sh:datatype``: each value node is a literal of a datatype, in a form that the datatype has."""

    parameters = ("datatype",)
    is_single = True

    wanted: str

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a datatype."""
        return cls(name, iri_text(reader.iri(shape, name, value)))

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is no well-formed literal of the datatype <{self.wanted}>."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are of another datatype or ill-typed."""
        of_type = np.array([datatype == self.wanted for _, datatype in run.dictionary.endings()])
        kinds = run.dictionary.kinds()[nodes]
        broken: Mask = (kinds < 0) | ~of_type[np.maximum(kinds, 0)]
        if has_known_forms(self.wanted):
            for place in np.flatnonzero(~broken).tolist():
                broken[place] = value(run.dictionary.text(int(nodes[place])), self.wanted) is None
        return broken


@dataclass(frozen=True, slots=True, eq=False)
class NodeKind(ValueTest):
    """``sh:nodeKind``: each value node is an IRI, a blank node or a literal."""

    parameters = ("nodeKind",)
    is_single = True

    wanted: Term

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a kind."""
        if value not in _KINDS:
            raise reader.refuse(
                shape, f"sh:nodeKind is {value}. It is one of sh:IRI, sh:Literal, sh:BlankNode, or two."
            )
        return cls(name, value)

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is not {_KIND_TEXTS[self.wanted]}."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are of another kind."""
        iris, blanks, literals = _KINDS[self.wanted]
        kinds = run.dictionary.kinds()[nodes]
        good: Mask = ((kinds == IRI) & iris) | ((kinds == BLANK) & blanks) | ((kinds >= 0) & literals)
        return ~good
