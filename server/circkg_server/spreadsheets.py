"""Cells that are safe to open in a spreadsheet."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> safe("=HYPERLINK(1)"), safe("-5"), safe("-5+A1")
    ("'=HYPERLINK(1)", '-5', "'-5+A1")
    """
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
