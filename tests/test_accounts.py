"""The account of a build as people read it."""

from __future__ import annotations

import io

from rich.console import Console

from circkg_loaders.facts.statements import Reading
from circkg_loaders.load import Loaded
from circkg_loaders.origin import Origin, Rejection
from circkg_server import accounts
from circkg_server.build import Build
from circkg_shapes.report import Report


def test_a_cell_with_square_brackets_is_shown_as_it_is() -> None:
    rejected = [Rejection(Origin("a/b.csv", 2, "x"), f"{cell!r} is not a date.") for cell in ("[/b]", "[red]2020")]
    loaded = Loaded([], readings={"a": Reading(rejected=rejected)})
    out = Console(file=io.StringIO(), width=200)
    out.print(accounts.report(Build(loaded, {}, Report.of([], "none"), [])))
    text = out.file.getvalue()  # type: ignore[attr-defined]  # a StringIO, as made above
    assert "'[/b]' is not a date" in text
    assert "'[red]2020' is not a date" in text
