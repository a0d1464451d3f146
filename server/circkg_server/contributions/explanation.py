"""What ``circkg explain`` does: the documentation of a code for a terminal."""

from __future__ import annotations

import os
from difflib import get_close_matches

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.rdf import ContributionError
from circkg_server.contributions import wording


def language_of_terminal() -> str:
    """Return the language of the environment, as programs look for it (POSIX, section 8.2)."""
    return next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")


def explained(code: str | None, language: str | None) -> RenderableType:
    """Return the documentation of a code for a terminal, or the list of all codes.

    :raises ContributionError: if there is no such code.
    """
    language = codes.nearest_language(language or language_of_terminal())
    if code is None:
        table = Table.grid(padding=(0, 2))
        for name, said in codes.texts(language).items():
            table.add_row(Text(name, style="bold"), said.title)
        return table
    if code not in codes.codes():
        near = get_close_matches(code, codes.codes(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "`circkg explain` lists all of them."
        raise ContributionError(f"There is no kind of fault {code!r}. {hint}")
    said, labels = codes.text(code, language), wording.words(language)
    example = codes.examples()[code]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row(labels["message"], Text(codes.example_message(code, language)))
    table.add_row(labels["way_out"], Text(said.way_out))
    table.add_row(labels["column"], Text(example.column))
    table.add_row(labels["wrong"], Text(example.wrong, style="red"))
    table.add_row(labels["mended"], Text(example.mended, style="green"))
    return Group(Text(f"{said.title}  ").append(code, "dim"), table)
