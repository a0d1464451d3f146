"""SPARQL-based constraints (SHACL, section 5): ``sh:sparql`` with ``sh:select``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from circkg_shapes import query as queries
from circkg_shapes import vocabulary
from circkg_shapes.constraints.base import Component, Reader
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import ids
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.report import Messages
from circkg_shapes.solutions import solutions
from circkg_shapes.terms import Term, literal_parts

QUERY_WORDS: Final = frozenset({"select", "message", "prefixes", "deactivated"})
"""Words of a SPARQL-based constraint."""


@dataclass(frozen=True, slots=True, eq=False)
class Sparql(Component):
    """``sh:sparql``: each solution of a query is a result."""

    parameters = ("sparql",)
    component = vocabulary.component("SPARQL")
    text = "This is a solution of the query of the constraint."

    node: Term
    query: queries.Query
    own_messages: Messages
    on_property: bool

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self | None:
        """Return the constraint of a query; ``None`` if it is switched off or for the other engine."""
        for word in reader.words(value):
            if word == "severity":
                reader.remark(f"sh:severity of {value} is without effect: that of the shape counts.")
            elif word not in QUERY_WORDS:
                raise reader.refuse(
                    shape, f"its constraint {value} uses sh:{word}. It may use sh:{', sh:'.join(sorted(QUERY_WORDS))}."
                )
        select = reader.one(value, "select")
        if select is None:
            raise reader.refuse(shape, f"its constraint {value} has no sh:select.")
        messages = reader.messages(value)
        if reader.flag(value, "deactivated"):
            return None
        text = literal_parts(reader.literal(value, "select", select))[0]
        path = reader.path_text(shape)
        try:
            query = queries.read(text, reader.prefixes(shape, value), path)
        except queries.QueryError as error:
            raise reader.refuse(shape, f"its constraint {value}: {error}") from error
        except queries.NotHereError as reason:
            reader.leave_to_other_engine(f"its constraint {value} {reason}")
            return None
        return cls(name, value, query, messages, path is not None)

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the solutions about the focus nodes."""
        try:
            found = list(solutions(self.query, run.data, values.focus))
        except RecursionError:
            raise
        except (SyntaxError, RuntimeError) as error:  # of the store, which knows no functions of others
            raise queries.QueryError(f"{shape.node}: its constraint {self.node} cannot be asked: {error}") from error
        failed = next((solution for solution in found if solution.failure), None)
        if failed:
            raise queries.QueryError(f"The constraint {self.node} reports a failure for {failed.this}.")
        if not found:
            return
        book = run.dictionary
        about = ids([book.id(solution.this) for solution in found])
        own = about if not self.on_property else ids(np.full(len(found), -1))
        values_ = [
            book.id(s.value) if s.value else int(default) for s, default in zip(found, own.tolist(), strict=True)
        ]
        texts = self.own_messages or shape.messages or (("en", self.text),)
        yield Finding(
            shape,
            self,
            about,
            about,
            ids(values_),
            ids([book.id(solution.path) if solution.path else -1 for solution in found]),
            [solution.messages or solution.filled(texts) for solution in found],
        )

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:  # noqa: ARG002 - of all components
        """Look along the patterns of the query."""
        if self.query.footprint.opaque:
            footprint.opaque = True
        for chain in self.query.footprint.chains:
            footprint.add(start + chain)
