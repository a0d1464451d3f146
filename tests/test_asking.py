"""Answers in a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from circkg_server import asking
from circkg_server.questions import QuestionError, find
from circkg_server.releases.archive import Archive


@pytest.mark.usefixtures("built")
def test_a_text_with_square_brackets_is_shown_as_it_is(archive: Archive) -> None:
    found = asking.ask_store(archive, 'SELECT ("[/b] [red]x" AS ?text) {}', "table")
    out = io.StringIO()
    Console(file=out, width=80).print(found)
    assert "[/b] [red]x" in out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff\xfe", "Save it as UTF-8"), (b"#+ : [\nASK {}", "no YAML mapping"), (b"#+ a\nASK {}", "no YAML mapping")],
)
def test_a_query_file_that_cannot_be_read_is_one_clear_error(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.rq"
    file.write_bytes(content)
    with pytest.raises(QuestionError, match=r"^mine\.rq") as error:
        find(str(file))
    assert says in str(error.value)
