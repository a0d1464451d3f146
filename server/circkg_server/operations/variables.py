"""The variables of all settings, as ``circkg serve --help`` lists them: read from the page that documents them."""

from __future__ import annotations

import re
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from circkg_shapes.rooms import room

_ROW = re.compile(r"\| `(CIRCKG_\w+)` \|([^|]*)\|(.*)\|")
_LINK = re.compile(r" ?\[([^]]*)]\([^)]*\)")


def variables() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of every variable, in the order of the page.

    >>> variables()[1]
    ('CIRCKG_HOST', '127.0.0.1', 'address to listen at')
    """
    rows = map(_ROW.fullmatch, (room("docs") / "operations.md").read_text(encoding="utf-8").splitlines())
    return [(row[1], _plain(row[2]), _plain(row[3])) for row in rows if row]


def _plain(text: str) -> str:
    return _LINK.sub(r" \1", text).replace("`", "").strip()


class WithVariables(TyperCommand):
    """A command whose help ends with the variables of all settings."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # Typer carries Click's types in itself
        """Write the help."""
        super().format_help(ctx, formatter)
        table = Table("variable", "default", "what it is", title="Settings", title_justify="left", expand=True)
        for name, default, text in variables():
            table.add_row(Text(name, no_wrap=True), Text(default), Text(text))
        Console(width=None if sys.stdout.isatty() else 120).print(table)
