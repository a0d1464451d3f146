"""What is wrong with columns as wholes: personal data, garbled texts, cells without a header, no facts at all."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress

from circkg_loaders.contributed.faults import Fault, Severity, Suggestion
from circkg_loaders.contributed.personal import personal_data
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.plans import Plan
from circkg_loaders.contributed.sheets import shown

LEAST_FILLED = 0.05
"""Share of cells that must hold something for a sheet to hold facts, names, sources and keys not counted."""

_ROWS_TO_JUDGE = 10
"""Rows from which a share says something."""

_GARBLED = re.compile("\ufffd|[ÃÂÄÅ][\x80-\xbf\u0152-\u2122]|â€[\u0152-\u2122\x80-\xbf]?")
"""Traces of UTF-8 that was read as Windows-1252, and of signs that were lost."""


def check_columns(plan: Plan, missing: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong with the columns of a sheet, whether or not anything is taken from them.

    :param missing: texts that mean nothing, in small letters.
    """
    headers = {number: text for number, text, _ in plan.others} | {use.number: use.header for use in plan.uses}
    for number, header in sorted(headers.items()):
        cells = [
            (row, text) for row in plan.rows
            if (text := shown(plan.sheet.cell(row, number)).strip()) and text.casefold() not in missing
        ]  # fmt: skip
        for found in personal_data(header, cells):
            place = plan.sheet.place(found.row, number, header)
            values = {"field": header, "kind": found.kind, "count": str(found.count), "row": str(found.row)}
            yield Fault("personal-data", Severity.WARNING, place, values=values)
        yield from _garbled(plan, number, header, cells)


def _garbled(plan: Plan, number: int, header: str, cells: list[tuple[int, str]]) -> Iterator[Fault]:
    found = [(row, text) for row, text in cells if not text.isascii() and _GARBLED.search(text)]
    if found:
        row, text = found[0]
        values = {"value": text, "field": header, "count": str(len(found))}
        suggestions: tuple[Suggestion, ...] = ()
        with suppress(UnicodeError):
            suggestions = (Suggestion(text.encode("windows-1252").decode("utf-8"), "read-as-utf-8", score=0.9),)
        place = plan.sheet.place(row, number, header)
        yield Fault("text-garbled", Severity.WARNING, place, values=values, suggestions=suggestions)


def check_facts(plan: Plan, filled: int, fields: int) -> Iterator[Fault]:
    """Yield a fault if a sheet holds next to nothing but names.

    :param filled: cells that hold something, in columns that are neither name, key nor source.
    :param fields: number of such columns.
    """
    cells = fields * len(plan.rows)
    if len(plan.rows) >= _ROWS_TO_JUDGE and fields and filled < cells * LEAST_FILLED:
        place = Place(plan.sheet.file, plan.sheet.name)
        values = {"filled": str(filled), "cells": str(cells), "rows": str(len(plan.rows))}
        yield Fault("no-facts", Severity.VIOLATION, place, values=values)
