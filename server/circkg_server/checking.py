"""Validates contributed files against the shapes, in the light of what is known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from circkg_loaders.contributed.rdf import ContributionError, read_rdf
from circkg_loaders.iris import DEF
from circkg_loaders.load import load
from circkg_loaders.prefixes import expand, shorten
from circkg_loaders.registry import Role
from circkg_server.spreadsheets import safe
from circkg_shapes.report import SH, VIOLATION, WARNING, Report, Result
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import Term, Triple, iri, iri_text, is_iri
from circkg_shapes.validate import Shapes, validate

_KNOWN_OF_THINGS = frozenset(iri(expand(name)) for name in ("rdf:type", "skos:prefLabel", "dct:title"))
_DEFINED_TERMS = iri(expand("circsh:DefinedTermsShape"))


def background() -> list[Triple]:
    """Return what is known without a store: vocabularies and regions, and class and label of every curated thing."""
    loaded = load()
    things = (triple for triple in loaded.of_role(Role.STATED) if triple[1] in _KNOWN_OF_THINGS)
    return [*loaded.of_role(Role.VOCABULARY), *things]


def check_files(files: Sequence[Path], shapes: Sequence[Path] = ()) -> Report:
    """Return the report on contributed RDF files.

    :param shapes: files of shapes to use instead of our own.
    :raises ContributionError: if a file cannot be read, or nothing in the files is of a class that the shapes know.
    """
    focus = [triple for file in files for triple in read_rdf(file)]
    known = background()
    report = validate(focus, known, Shapes.load(shapes or shape_files()))
    results = report.results if shapes else (*report.results, *_unseen(focus, known))
    if not report.checked and not any(result.severity == VIOLATION for result in results):
        names = ", ".join(file.name for file in files)
        raise ContributionError(
            f"{names}: nothing was checked, since nothing there is of a class that the shapes know. "
            "Give each thing its class, such as circ:Practice."
        )
    return Report.of(results, report.engine, report.checked, report.timings)


def _unseen(focus: Sequence[Triple], known: Sequence[Triple]) -> Iterator[Result]:
    """Yield what no shape can say: terms of ours that there are not, and things without a class."""
    type_, defined_by = iri(expand("rdf:type")), iri(expand("rdfs:isDefinedBy"))
    defined = {subject for subject, predicate, _ in known if predicate == defined_by}
    for subject, predicate, value in dict.fromkeys(focus):
        for term, component in ((predicate, "Closed"), (value, "Class")):
            if term.startswith(f"<{DEF}") and term not in defined:
                yield Result(
                    subject, predicate, value, f"<{SH}{component}ConstraintComponent>", _DEFINED_TERMS, VIOLATION,
                    (("en", _no_such_term(term, defined)),),
                )  # fmt: skip
    typed = {subject for triples in (focus, known) for subject, predicate, _ in triples if predicate == type_}
    for subject in dict.fromkeys(subject for subject, _, _ in focus if subject not in typed):
        yield Result(
            subject, type_, None, f"<{SH}MinCountConstraintComponent>", _DEFINED_TERMS, WARNING,
            (("en", "Say of which class this is, such as circ:Practice; without a class it is not checked."),),
        )  # fmt: skip


def _no_such_term(term: Term, defined: set[Term]) -> str:
    name = _short(term)
    near = get_close_matches(
        name, sorted(_short(known) for known in defined if known.startswith(f"<{DEF}")), n=1, cutoff=0.8
    )
    hint = f" Did you mean {near[0]}?" if near else " The terms are in ontology/circkg.ttl."
    return f"There is no term {name}.{hint}"


def _short(term: Term | None) -> str:
    if term is None:
        return ""
    return shorten(iri_text(term)) if is_iri(term) else term


def as_text(report: Report) -> RenderableType:
    """Return a report for a terminal: what is wrong where, and what to do."""
    if not report.results:
        return Text(f"Conforms: {report.checked} things checked, nothing to mend.", style="green")
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
        writer.writerow(safe(cell or "") for cell in cells)
    return text.getvalue()


def as_json(report: Report) -> str:
    """Return a report as JSON."""
    return json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"
