"""A judgement for programs: JSON, CSV, and the standard report in Turtle."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.faults import Fault, Severity, Suggestion
from circkg_loaders.contributed.places import Place, column_letter
from circkg_loaders.contributed.rdf import BASE as CONTRIBUTED
from circkg_loaders.iris import BASE
from circkg_server.contributions import wording
from circkg_server.contributions.grouping import grouped
from circkg_server.contributions.judging import Judgement
from circkg_server.spreadsheets import safe
from circkg_shapes.report import INFO, VIOLATION, WARNING, Json, Result
from circkg_shapes.terms import iri, literal

PAGES: Final = f"{BASE}docs/faults/"
"""Where the documentation of each code is: its IRI."""

_SEVERITIES: Final = {Severity.VIOLATION: VIOLATION, Severity.WARNING: WARNING, Severity.INFO: INFO}

COLUMNS: Final = (
    "severity", "code", "file", "sheet", "row", "column", "header", "line", "pointer", "search", "value", "message",
    "expected", "way_out", "suggestion", "also", "thing", "focus_node", "path", "component", "shape", "published",
)  # fmt: skip
"""Columns of the CSV."""


def as_json(judgement: Judgement, limit: int | None = None) -> str:
    """Return a judgement as JSON; docs/validation.md describes its members.

    :param limit: faults of each group that are listed; all by default. Counts are always of all.
    """
    groups = grouped(judgement.faults)
    kept = {id(fault) for group in groups for fault in group.listed(limit)}
    used = judgement.used
    faults: list[Json] = [fault_dict(f, judgement.language) for f in judgement.faults if id(f) in kept]
    # The members of a plain report stay; its own verdict gives way, since a table may be at fault too.
    said: dict[str, Json] = judgement.report.to_dict() | {
        "conforms": judgement.conforms,
        "language": judgement.language,
        "counts": {each.name.lower(): judgement.count(each) for each in reversed(Severity)},
        "faults": faults,
        "faultsListed": len(faults),
        "groups": [group.to_dict() for group in groups],
        "account": [_account(each) for each in judgement.contributions],
        "used": {
            "engine": used.engine,
            "shapes": used.shapes,
            "vocabularies": dict(used.vocabularies),
            "snapshot": used.snapshot,
        },
    }
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def fault_dict(fault: Fault, language: str) -> dict[str, Json]:
    """Return a fault as values that JSON can hold."""
    values: dict[str, Json] = dict(fault.values)
    return {
        "code": fault.code,
        "severity": fault.severity.name.lower(),
        "title": wording.title(fault, language),
        "message": wording.message(fault, language),
        "expected": wording.expected(fault, language) or None,
        "wayOut": wording.way_out(fault, language),
        "documentation": PAGES + fault.code,
        "place": fault.place.to_dict(),
        "also": [place.to_dict() for place in fault.also],
        "values": values,
        "suggestions": [_suggestion(each, language) for each in fault.suggestions],
        "focusNode": fault.focus_node,
        "path": fault.path,
        "value": fault.value,
        "component": fault.component,
        "sourceShape": fault.source_shape,
        "published": fault.published,
    }


def _suggestion(found: Suggestion, language: str) -> dict[str, Json]:
    return {
        "text": found.text,
        "label": found.label or None,
        "iri": found.iri,
        "reason": found.reason,
        "because": wording.because(found, language) or None,
        "score": found.score,
    }


def _account(contribution: Contribution) -> dict[str, Json]:
    rows: dict[str, Json] = dict(contribution.rows)
    return {
        "file": contribution.file,
        "sha256": contribution.sha256,
        "syntax": contribution.syntax,
        "style": contribution.style.to_dict() if contribution.style else None,
        "triples": len(contribution.triples),
        "rows": rows if contribution.sheets else None,
        "sheets": [sheet.to_dict() for sheet in contribution.sheets],
    }


def as_csv(judgement: Judgement, limit: int | None = None) -> str:
    """Return a judgement as CSV, one fault a row, safe to open in a spreadsheet.

    :param limit: faults of each group that are listed; all by default.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    kept = {id(fault) for group in grouped(judgement.faults) for fault in group.listed(limit)}
    for fault in judgement.faults:
        if id(fault) in kept:
            writer.writerow(safe(cell) for cell in _cells(fault, judgement.language))
    return text.getvalue()


def _cells(fault: Fault, language: str) -> Iterator[str]:
    place = fault.place
    value = place.raw if place.raw is not None else fault.values.get("value", "")
    found: Sequence[str | int | None] = (
        fault.severity.name.lower(), fault.code, place.file, place.sheet, place.row,
        column_letter(place.column) if place.column else None, place.header, place.line, place.pointer, place.search,
        value, wording.message(fault, language), wording.expected(fault, language), wording.way_out(fault, language),
        " | ".join(wording.written(each, language) for each in fault.suggestions),
        " | ".join(wording.place(each, language) for each in fault.also), fault.values.get("thing"),
        fault.focus_node, fault.path, fault.component, fault.source_shape, fault.published,
    )  # fmt: skip
    return ("" if cell is None else str(cell) for cell in found)


def as_turtle(judgement: Judgement) -> str:
    """Return a judgement as the standard ``sh:ValidationReport``.

    Faults of a table are results too: their focus node is the place (RFC 7111 where it is a cell), their component and
    shape the page of the code.
    """
    report = judgement.report
    tables = [_as_result(fault, judgement.language) for fault in judgement.faults if fault.component is None]
    return report.with_results((*report.results, *tables)).to_turtle()


def _as_result(fault: Fault, language: str) -> Result:
    page = iri(PAGES + fault.code)
    value = literal(fault.place.raw) if fault.place.raw else None
    text = f"{wording.message(fault, language)} {wording.way_out(fault, language)}"
    return Result(
        iri(_address(fault.place)), None, value, page, page, _SEVERITIES[fault.severity], ((language, text),)
    )  # fmt: skip


def _address(place: Place) -> str:
    """Return the IRI of a place in a contributed file.

    >>> _address(Place("my list.csv", row=12, column=3))
    'https://w3id.org/circkg/contributed/my%20list.csv#cell=12,3'
    """
    base = CONTRIBUTED + quote(place.file, safe="")
    if place.sheet:
        base += f"/{quote(place.sheet, safe='')}"
    if place.cell:
        return f"{base}#cell={place.row},{place.column}"
    if place.row or place.column:
        return f"{base}#row={place.row}" if place.row else f"{base}#col={place.column}"
    return f"{base}#line={place.line}" if place.line else base
