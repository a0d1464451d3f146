"""Rows that show how a table is filled in, made from published things."""

from __future__ import annotations

from collections.abc import Mapping

from circkg_loaders.contributed.columns import SEPARATOR, Column
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.published import Things
from circkg_loaders.contributed.templates.template import Template
from circkg_shapes.terms import Term, iri_text

MAX_EXAMPLES = 3
"""Rows of an example."""

Row = Mapping[Column, str]
"""The filled cells of a row."""


def row_of(thing: Term, template: Template, writer: CellWriter, things: Things) -> Row:
    """Return the row that describes a thing; what no cell can hold is left out."""
    found: dict[Column, str] = {}
    for column in template.columns:
        texts = [_key(thing, template)] if column.field is None else _texts(thing, column, writer, things)
        if texts:
            found[column] = f"{SEPARATOR} ".join(texts if column.several else texts[:1])
    return found


def _key(thing: Term, template: Template) -> str:
    """Return what stands in the column of keys: the last part of an IRI of ours, else the IRI."""
    full = iri_text(thing)
    local = full.removeprefix(template.form.space or full)
    return local if local and "/" not in local else full


def _texts(thing: Term, column: Column, writer: CellWriter, things: Things) -> list[str]:
    assert column.field is not None
    written = (writer.text(value, column.field) for value in things.values_in(thing, column))
    return [text for text in written if text is not None]


def examples(template: Template, writer: CellWriter, things: Things) -> list[Row]:
    """Return rows of published things that together fill the most columns, the fullest row first."""
    rows = [row_of(thing, template, writer, things) for thing in things.of(template.form)]
    chosen: list[Row] = []
    shown: set[Column] = set()
    while rows and len(chosen) < MAX_EXAMPLES:
        best = max(rows, key=lambda row: (len(row.keys() - shown), len(row)))
        if not best.keys() - shown:
            break
        chosen.append(best)
        shown |= best.keys()
        rows.remove(best)
    return chosen
