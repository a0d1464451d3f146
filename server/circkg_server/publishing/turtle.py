"""Turtle and TriG: one block a subject, in the order of the release, lexical forms as they are."""

from __future__ import annotations

from circkg_loaders.prefixes import prefixes
from circkg_server.publishing.blocks import Pairs
from circkg_server.publishing.names import turtle_names
from circkg_server.publishing.outputs import Output
from circkg_server.publishing.survey import TYPE
from circkg_shapes.terms import Term


class TurtleWriter:
    """Writes Turtle, or TriG if the graph is named.

    :param graph: term of the named graph that holds everything; ``None``: Turtle, which names no graph.
    """

    def __init__(self, output: Output, graph: Term | None = None) -> None:
        self.output = output
        self._term = turtle_names().turtle
        self._graph = graph
        for prefix, namespace in prefixes().items():
            output.text(f"@prefix {prefix}: <{namespace}> .\n")
        if graph is not None:
            output.text(f"\n{self._term(graph)} {{\n")

    def block(self, subject: Term, pairs: Pairs) -> None:
        """Write what is said of a subject, its classes first."""
        pairs = sorted(pairs, key=lambda pair: pair[0] != TYPE)
        parts = ["\n", self._term(subject)]
        before: Term | None = None
        for predicate, value in pairs:
            if predicate == before:
                parts += (" ,\n        ", self._term(value))
            else:
                name = "a" if predicate == TYPE else self._term(predicate)
                parts += (" " if before is None else " ;\n    ", name, " ", self._term(value))
                before = predicate
        parts.append(" .\n")
        self.output.text("".join(parts))

    def end(self) -> None:
        """Write what comes after the last subject."""
        if self._graph is not None:
            self.output.text("\n}\n")
