"""What ``circkg validate`` does."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.mapping_files import read_mapping
from circkg_loaders.contributed.notations import DECIMALS, ORDERS
from circkg_loaders.contributed.rdf import ContributionError, read_content
from circkg_loaders.contributed.reading import BOOKS, read_together
from circkg_loaders.contributed.style import Style
from circkg_server.contributions.explanation import language_of_terminal
from circkg_server.contributions.judging import Judgement, judge, our_shapes
from circkg_server.contributions.knowledge import knowledge_of
from circkg_server.contributions.reports import data
from circkg_server.contributions.reports.page import as_page
from circkg_server.contributions.reports.text import as_text
from circkg_server.contributions.reports.workbook import as_workbook
from circkg_server.releases.archive import Archive
from circkg_shapes.validate import Shapes

FORMATS = ("text", "json", "turtle", "csv", "html", "xlsx")
_WITH_CELLS = ("csv", "tsv", "xlsx", "ods")
_WIDTH = 100
"""Columns of a text report in a file."""


@dataclass(frozen=True)
class Asked:
    """What is asked of ``circkg validate``; its help describes each."""

    files: Sequence[Path]
    format: str
    output: Path | None
    language: str | None
    limit: int | None
    form: str | None
    mapping: Path | None
    text_language: str
    style: Style
    shapes: Sequence[Path]
    store: Path


def run(asked: Asked, out: Console, err: Console) -> bool:
    """Judge files, write the report, and tell whether they conform.

    :raises ContributionError: if something asked for is not possible, or a file cannot be read.
    :raises ShapesError: if the shapes cannot be used.
    """
    _refuse_impossible(asked)
    language = codes.nearest_language(asked.language or language_of_terminal())
    mapping = read_mapping(asked.mapping) if asked.mapping else None
    with _bar(err, len(asked.files) + 5) as step:
        step("know")
        knowledge = knowledge_of(Archive(asked.store))
        options = Options(asked.form, asked.text_language, asked.style, mapping, knowledge.names)
        contributions = read_together(asked.files, options, progress=step)
        for contribution in contributions:
            _refuse_without_cells(asked, contribution)
        step("shapes")
        shapes = Shapes.load(asked.shapes) if asked.shapes else our_shapes()
        judgement = judge(contributions, knowledge, shapes, language=language, ours=not asked.shapes, progress=step)
    _write(asked, judgement, out)
    return judgement.conforms


def _refuse_impossible(asked: Asked) -> None:
    if asked.format not in FORMATS:
        raise ContributionError(f"There is no format {asked.format!r}. The formats: {', '.join(FORMATS)}.")
    for name, value, allowed in (("dates", asked.style.dates, ORDERS), ("decimal", asked.style.decimal, DECIMALS)):
        if value is not None and value not in allowed:
            raise ContributionError(f"--{name} {value}: it can be {' or '.join(allowed)}.")
    if asked.style.delimiter is not None and len(asked.style.delimiter) != 1:
        raise ContributionError(f"--delimiter {asked.style.delimiter}: give one sign, or tab.")
    names = [path.name for path in asked.files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ContributionError(f"Two files are called {twice}. Rename one, so that the report can tell them apart.")
    if asked.format == "xlsx" and asked.output is None:
        raise ContributionError("A workbook is not shown in a terminal. Say where it goes: -o checked.xlsx")
    if asked.output and any(asked.output.resolve() == path.resolve() for path in asked.files):
        raise ContributionError(f"{asked.output} is one of the files that are judged. Write to another.")
    if asked.format == "xlsx" and asked.output and len(asked.files) > 1 and not asked.output.is_dir():
        raise ContributionError("Each file gets a workbook of its own. Give a folder that is there: -o FOLDER")


def _refuse_without_cells(asked: Asked, contribution: Contribution) -> None:
    if asked.format == "xlsx" and contribution.syntax not in _WITH_CELLS:
        raise ContributionError(f"{contribution.file} has no cells to mark. Ask for --format html or csv.")


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total)

        def step(what: str) -> None:
            bars.update(task, advance=1, description=what)

        yield step


def _write(asked: Asked, judgement: Judgement, out: Console) -> None:
    if asked.format == "text" and asked.output is None:
        out.print(as_text(judgement, asked.limit), highlight=False)
    elif asked.format == "xlsx":
        assert asked.output is not None
        for contribution, path in zip(judgement.contributions, asked.files, strict=True):
            to = asked.output / f"{path.stem}-checked.xlsx" if asked.output.is_dir() else asked.output
            to.write_bytes(_workbook(judgement, contribution, read_content(path)))
    elif asked.output is None:
        sys.stdout.write(_as_document(asked, judgement))
    else:
        asked.output.write_text(_as_document(asked, judgement), encoding="utf-8")


def _workbook(judgement: Judgement, contribution: Contribution, content: bytes) -> bytes:
    book = BOOKS[contribution.syntax](content, contribution.file, contribution.style or Style())
    return as_workbook(judgement, contribution, content, book.sheets)


def _as_document(asked: Asked, judgement: Judgement) -> str:
    match asked.format:
        case "json":
            return data.as_json(judgement, asked.limit)
        case "turtle":
            return data.as_turtle(judgement)
        case "csv":
            return data.as_csv(judgement, asked.limit)
        case "html":
            return as_page(judgement, asked.limit)
    written = io.StringIO()
    Console(width=_WIDTH, file=written).print(as_text(judgement, asked.limit), highlight=False)
    return written.getvalue()
