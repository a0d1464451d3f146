"""Value type constraint components (SHACL, section 4.1): ``sh:class``, ``sh:datatype``, ``sh:nodeKind``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from circkg_shapes.constraints.base import Reader, ValueTest
from circkg_shapes.encoding import BLANK, IRI
from circkg_shapes.footprint import CLASS_READ, Chain, Footprint
from circkg_shapes.pairs import Ids, Mask
from circkg_shapes.terms import Term, iri_text
from circkg_shapes.values import has_known_forms, value
from circkg_shapes.vocabulary import component, sh

if TYPE_CHECKING:
    from circkg_shapes.engine import Run

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

    wanted: Term
    component = component("Class")

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Class]:
        """Yield one constraint a class."""
        for each in reader.objects(shape, "class"):
            yield cls(reader.iri(shape, "class", each))

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

    wanted: str
    component = component("Datatype")

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Datatype]:
        """Yield the constraint."""
        wanted = reader.one(shape, "datatype")
        if wanted:
            yield cls(iri_text(reader.iri(shape, "datatype", wanted)))

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

    wanted: Term
    component = component("NodeKind")

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[NodeKind]:
        """Yield the constraint."""
        wanted = reader.one(shape, "nodeKind")
        if wanted is None:
            return
        if wanted not in _KINDS:
            raise reader.refuse(
                shape, f"sh:nodeKind is {wanted}. It is one of sh:IRI, sh:Literal, sh:BlankNode, or two."
            )
        yield cls(wanted)

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
