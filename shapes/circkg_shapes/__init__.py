"""Shapes and the validator that judges data by them."""

from circkg_shapes.report import Report, Result
from circkg_shapes.validate import Shapes, ShapesError, validate

__all__ = ["Report", "Result", "Shapes", "ShapesError", "validate"]
