"""Answers in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from circkg_server import asking
from circkg_server.releases.archive import Archive


@pytest.mark.usefixtures("built")
def test_a_text_with_square_brackets_is_shown_as_it_is(archive: Archive) -> None:
    found = asking.ask_store(archive, 'SELECT ("[/b] [red]x" AS ?text) {}', "table")
    out = io.StringIO()
    Console(file=out, width=80).print(found)
    assert "[/b] [red]x" in out.getvalue()
