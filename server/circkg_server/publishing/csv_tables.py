"""CSV: a table for each class, a row for each thing, a column for each property and language."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from circkg_server.publishing.blocks import Pairs
from circkg_server.publishing.names import Names, turtle_names
from circkg_server.publishing.outputs import Output
from circkg_server.publishing.survey import UNTYPED, Column, Survey, classes_of, column, lexical
from circkg_server.spreadsheets import safe
from circkg_shapes.terms import Term

SEPARATOR = "|"
"""Stands between the values of a cell. In a value it is written with a backslash before it, as is a backslash."""
_HELD = 64 * 1024


class _Table:
    def __init__(self, output: Output, header: list[str], columns: list[Column]) -> None:
        self.output = output
        self._place = {found: number for number, found in enumerate(columns, start=1)}
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(header)

    def row(self, subject: Term, pairs: Pairs) -> None:
        cells: list[list[str]] = [[] for _ in range(len(self._place) + 1)]
        cells[0].append(lexical(subject))
        for predicate, value in pairs:
            text = lexical(value).replace("\\", "\\\\").replace(SEPARATOR, f"\\{SEPARATOR}")
            cells[self._place[column(predicate, value)]].append(text)
        self._writer.writerow([safe(SEPARATOR.join(values)) for values in cells])
        if self._text.tell() >= _HELD:
            self.flush()

    def flush(self) -> None:
        self.output.text(self._text.getvalue())
        self._text.seek(0)
        self._text.truncate()


class CsvWriter:
    """Writes all tables of a release.

    :param path: where the tables will stand: their names begin with this one.
    """

    def __init__(self, path: Path, found: Survey) -> None:
        self._names = turtle_names()
        self._tables: dict[Term, _Table] = {}
        for class_ in sorted(found.classes):
            columns = sorted(found.classes[class_])
            header = ["iri", *(self._header(one) for one in columns)]
            output = Output(path.with_name(f"{path.name}.{file_name(class_, self._names)}.csv"))
            self._tables[class_] = _Table(output, header, columns)

    def block(self, subject: Term, pairs: Pairs) -> None:
        """Write a row into the table of each class of a subject."""
        for class_ in classes_of(pairs):
            self._tables[class_].row(subject, pairs)

    def end(self) -> None:
        """Write what is held."""
        for table in self._tables.values():
            table.flush()

    def outputs(self) -> dict[str, Output]:
        """Return the file of each table, by the name of its class."""
        return {self._class_name(class_): table.output for class_, table in self._tables.items()}

    def _header(self, found: Column) -> str:
        name = self._names.short(found.predicate) or found.predicate
        return f"{name}@{found.language}" if found.language else name

    def _class_name(self, class_: Term) -> str:
        return "things without a class" if class_ == UNTYPED else self._names.short(class_) or class_[1:-1]


def file_name(class_: Term, names: Names) -> str:
    """Return the part of a file's name that stands for a class.

    >>> file_name("<https://w3id.org/circkg/def#Barrier>", turtle_names())
    'circ-Barrier'
    """
    if class_ == UNTYPED:
        return "untyped"
    short = names.short(class_)
    return short.replace(":", "-", 1) if short else f"class-{hashlib.sha256(class_.encode()).hexdigest()[:12]}"
