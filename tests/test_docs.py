"""What the documentation says is so: its commands run, its answers are the real ones, its references are whole."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions
from typer.main import get_command

from circkg_loaders.facts.reference import page
from circkg_server.build import Build
from circkg_server.cli import app
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import Snapshot

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[str]:
    """Return the commands of the README's shell blocks that are our own."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("circkg ")]


def test_the_readme_has_commands() -> None:
    assert len(commands()) >= 4


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(command: str, built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    program = "import sys; sys.path[:0] = ['shapes', 'loaders', 'server']; from circkg_server.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *shlex.split(command)[1:]],
        cwd=ROOT, env={"CIRCKG_STORE": str(archive.folder), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_query_of_the_readme_has_its_real_answer(built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    query = re.search(r"<!-- query: first -->\n```sparql\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    shown = re.search(r"<!-- answer: first -->\n\n((?:\|.*\n)+)", README)
    assert query
    assert shown
    answer = Snapshot.open(archive).query(query[1])
    assert isinstance(answer, QuerySolutions)
    names = [variable.value for variable in answer.variables]
    lines = [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |"]
    lines += [f"| {' | '.join(term.value for term in row)} |" for row in answer]
    assert shown[1].splitlines() == lines


def test_the_table_reference_is_the_one_that_the_tables_make() -> None:
    assert (ROOT / "docs" / "data-tables.md").read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_command_is_told_in_the_readme_or_the_docs() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    group = get_command(app)
    for name in group.commands:  # type: ignore[attr-defined]  # the command is a group
        assert f"circkg {name}" in text, name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:ontology|shapes|loaders|queries|server|data|tests|docs)/[\w./-]+\.\w+)`", text):
        assert (ROOT / name).exists(), name
