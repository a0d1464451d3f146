"""Validates contributed files against the shapes, in the light of what is known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from circkg_loaders.contributed import read_rdf
from circkg_loaders.load import load
from circkg_loaders.prefixes import expand, shorten
from circkg_loaders.registry import Role
from circkg_shapes.report import Report, Result
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, Triple, iri, iri_text, is_iri
from circkg_shapes.validate import Shapes, validate

_KNOWN_OF_THINGS = frozenset(iri(expand(name)) for name in ("rdf:type", "skos:prefLabel", "dct:title"))


def background() -> list[Triple]:
    """Return what is known without a store: vocabularies and regions, and class and label of every curated thing."""
    loaded = load()
    things = (triple for triple in loaded.of_role(Role.STATED) if triple[1] in _KNOWN_OF_THINGS)
    return [*loaded.of_role(Role.VOCABULARY), *things]


def check_files(files: Sequence[Path], shapes: Sequence[Path] = ()) -> Report:
    """Return the report on contributed RDF files.

    :param shapes: files of shapes to use instead of our own.
    :raises ContributionError: if a file cannot be read.
    """
    focus = [triple for file in files for triple in read_rdf(file)]
    return validate(focus, background(), Shapes.load(shapes or sorted(room("shapes").glob("*.ttl"))))


def _short(term: Term | None) -> str:
    if term is None:
        return ""
    return shorten(iri_text(term)) if is_iri(term) else term


def as_text(report: Report) -> RenderableType:
    """Return a report for a terminal: what is wrong where, and what to do."""
    if not report.results:
        return Text("Conforms: nothing to mend.", style="green")
    parts: list[RenderableType] = []
    for result in report.results:
        lines = Text()
        lines.append(f"{result.message()}\n", style="bold")
        lines.append(f"about  {_short(result.focus_node)}\n")
        if result.path:
            lines.append(f"path   {_path(result)}\n")
        if result.value is not None:
            lines.append(f"value  {_short(result.value)}\n")
        lines.append(f"rule   {_short(result.source_shape)}")
        severity = result.severity.rpartition("#")[2].rstrip(">")
        colour = "red" if severity == "Violation" else "yellow"
        parts.append(Panel(lines, title=severity, title_align="left", border_style=colour))
    outcome = "Conforms, with remarks." if report.conforms else "Does not conform."
    return Group(*parts, f"{outcome} {len(report.results)} results by {report.engine}.")


def _path(result: Result) -> str:
    return _short(result.path) if result.path and is_iri(result.path) else str(result.path)


def as_csv(report: Report) -> str:
    """Return a report as CSV, one result a row, safe to open in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("severity", "focus_node", "path", "value", "component", "shape", "message"))
    for result in report.results:
        cells = (
            result.severity, result.focus_node, result.path, result.value, result.component, result.source_shape,
            result.message(),
        )  # fmt: skip
        writer.writerow(_safe(cell or "") for cell in cells)
    return text.getvalue()


def _safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def as_json(report: Report) -> str:
    """Return a report as JSON."""
    return json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"
