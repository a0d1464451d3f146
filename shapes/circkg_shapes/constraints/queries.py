"""SPARQL-based constraints (SHACL, section 5): ``sh:sparql`` with ``sh:select``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from circkg_shapes import query as queries
from circkg_shapes.constraints.base import Reader
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import ids
from circkg_shapes.plan import Finding, Shape, Values
from circkg_shapes.report import Messages
from circkg_shapes.solutions import solutions
from circkg_shapes.terms import Term, literal_parts
from circkg_shapes.vocabulary import component

if TYPE_CHECKING:
    from circkg_shapes.engine import Run

QUERY_WORDS: Final = frozenset({"select", "message", "prefixes", "deactivated"})
"""Words of a SPARQL-based constraint."""


@dataclass(frozen=True, slots=True, eq=False)
class Sparql:
    """``sh:sparql``: each solution of a query is a result."""

    node: Term
    query: queries.Query
    own_messages: Messages
    on_property: bool
    component = component("SPARQL")
    text = "This is a solution of the query of the constraint."

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Sparql]:
        """Yield one constraint a query."""
        for node in reader.objects(shape, "sparql"):
            for word in reader.words(node):
                if word == "severity":
                    reader.remark(f"sh:severity of {node} is without effect: that of the shape counts.")
                elif word not in QUERY_WORDS:
                    raise reader.refuse(
                        shape,
                        f"its constraint {node} uses sh:{word}. It may use sh:{', sh:'.join(sorted(QUERY_WORDS))}.",
                    )
            select = reader.one(node, "select")
            if select is None:
                raise reader.refuse(shape, f"its constraint {node} has no sh:select.")
            messages = reader.messages(node)
            if reader.flag(node, "deactivated"):
                continue
            text = literal_parts(reader.literal(node, "select", select))[0]
            path = reader.path_text(shape)
            try:
                query = queries.read(text, reader.prefixes(shape, node), path)
            except queries.QueryError as error:
                raise reader.refuse(shape, f"its constraint {node}: {error}") from error
            except queries.NotHereError as reason:
                reader.leave_to_other_engine(f"its constraint {node} {reason}")
                continue
            yield cls(node, query, messages, path is not None)

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the solutions about the focus nodes."""
        found = list(solutions(self.query, run.data, values.focus))
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
