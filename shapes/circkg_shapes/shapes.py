"""Shapes that can be judged by: read once, compiled once."""

from __future__ import annotations

from functools import cached_property

from circkg_shapes.compile import compile_shapes
from circkg_shapes.plan import Plan
from circkg_shapes.shapes_graph import ShapesGraph


class Shapes(ShapesGraph):
    """A shapes graph and its plan."""

    @cached_property
    def plan(self) -> Plan:
        """The shapes, compiled once.

        :raises ShapesError: if a shape is ill-formed or uses a word that SHACL does not have.
        """
        return compile_shapes(self)
