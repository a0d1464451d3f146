"""How the sheets of a template look: colours of the groups, widths of columns, heights of rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from textwrap import wrap
from typing import Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from circkg_loaders.contributed.columns import Column
from circkg_loaders.contributed.templates.template import Template
from circkg_shapes.forms import Kind

NUMBERS: Final = (Kind.NUMBER, Kind.WHOLE_NUMBER)
"""Kinds of columns whose cells are numbers; all others are text, so that 2022-05 and 0123 stay as they are typed."""

WRAPPED: Final = Alignment(wrap_text=True, vertical="top")
RULED: Final = Border(bottom=Side(style="thin", color="BFBFBF"))

_COLOURS: Final = (
    ("1F4E79", "DDEBF7"), ("375623", "E2EFDA"), ("7F6000", "FFF2CC"), ("833C0B", "FCE4D6"), ("4A3575", "E4DFEC"),
    ("205867", "DAEEF3"), ("404040", "EDEDED"),
)  # fmt: skip
_WIDTHS: Final = {
    Kind.TEXT: 38, Kind.STRING: 20, Kind.DATE: 14, Kind.NUMBER: 16, Kind.WHOLE_NUMBER: 12, Kind.COUNTRY: 18,
    Kind.CURRENCY: 14, Kind.LANGUAGE: 16, Kind.REGION: 28, Kind.CONCEPT: 30, Kind.LINK: 34, Kind.ADDRESS: 34,
    Kind.IRI: 34, Kind.ANY: 28,
}  # fmt: skip
_KEY_WIDTH: Final = 20
_LONG_TEXT_WIDTH: Final = 60
_LONG_TEXT: Final = 1_000  # characters from which a text is a description rather than a name


@cache
def font(*, bold: bool = False, italic: bool = False, size: int = 11, color: str = "000000") -> Font:
    """Return the letters of a cell."""
    return Font(name="Calibri", bold=bold, italic=italic, size=size, color=color)


@cache
def filled(color: str) -> PatternFill:
    """Return the background of a cell."""
    return PatternFill("solid", start_color=color)


def colours(template: Template, column: Column) -> tuple[str, str]:
    """Return the colours of the group of a column: strong for white letters, and light for black ones."""
    groups = [group for group, _ in template.form.groups]
    group = column.field.group if column.field else None
    return _COLOURS[groups.index(group) % len(_COLOURS) if group in groups else 0]


def width(column: Column) -> int:
    """Return the width of a column, in characters."""
    if column.field is None:
        return _KEY_WIDTH
    return _LONG_TEXT_WIDTH if (column.field.max_length or 0) > _LONG_TEXT else _WIDTHS[column.field.kind]


def height(texts: Iterable[tuple[str, float]], *, line: float = 16) -> float:
    """Return the height of a row, in points: its texts wrapped by words in the widths of their columns.

    >>> height([("one two three", 8), ("four", 8)])
    32
    """
    return line * max(sum(_lines(part, wide) for part in text.splitlines()) for text, wide in texts)


def _lines(text: str, wide: float) -> int:
    return 1 if len(text) <= wide else len(wrap(text, max(int(wide), 1)))
