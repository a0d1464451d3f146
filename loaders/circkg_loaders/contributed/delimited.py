"""Reads text tables: CSV, TSV and their kin, with any delimiter and encoding of real lists."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from circkg_loaders.contributed.decoding import decode
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.limits import MAX_COLUMNS, MAX_ROWS
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.sheets import Book, Sheet
from circkg_loaders.contributed.style import Style

DELIMITERS = (",", ";", "\t", "|")
"""Delimiters that are tried where none is declared."""

_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_OPENED = re.compile(r'"[^"]*"?')
"""A cell that a quotation mark opens, closed or not: there such marks are no signs like others."""

_SAMPLE_ROWS = 60


def read_delimited(content: bytes, name: str, declared: Style) -> Book:
    """Return the one sheet of a text table.

    :raises ContributionError: if the content is no text, is not in the declared encoding, or is too large.
    """
    decoded = decode(content, name, declared.encoding)
    text = decoded.text
    announced = _SEPARATOR_LINE.match(text)
    delimiter = declared.delimiter or (announced[1] if announced else None)
    if delimiter is None:
        delimiter = "\t" if name.lower().endswith(".tsv") else _delimiter(text)
    rows, quote, faults = _rows(text, name, delimiter, declared.quote)
    if announced:
        rows[0] = []
    if decoded.rivals:
        values = {"encoding": decoded.encoding, "others": ", ".join(decoded.rivals)}
        faults.append(Fault("encoding-guessed", Severity.WARNING, Place(name), values=values))
    elif not decoded.sure:
        values = {"encoding": decoded.encoding}
        faults.append(Fault("encoding-by-letters", Severity.INFO, Place(name), values=values))
    style = Style(decoded.encoding, delimiter, quote).over(replace(declared, encoding=None, delimiter=None, quote=None))
    return Book([Sheet(name, None, rows)], style, faults)


def _rows(text: str, name: str, delimiter: str, quote: str | None) -> tuple[list[list[str]], str, list[Fault]]:
    """Return the rows, the quotation mark by which they were read, and what is wrong with such marks.

    :param quote: declared quotation mark, empty for none; ``None``: found out.
    """
    sound = 0
    mark = '"' if quote is None else quote
    rows: list[list[str]] = []
    try:
        for cells in _read(text, name, delimiter, mark, strict=True):
            rows.append(cells)
        return rows, mark, []
    except csv.Error as error:
        sound = len(rows)
        closed = "end of data" not in str(error)
    if quote is None and _holds_marks_as_text(text, delimiter):
        return list(_read(text, name, delimiter, "", strict=False)), "", []
    rows = list(_read(text, name, delimiter, mark, strict=False))
    if closed:
        return rows, mark, [Fault("quote-inside", Severity.WARNING, Place(name, row=sound + 1))]
    return rows, mark, [Fault("quote-not-closed", Severity.VIOLATION, Place(name, row=len(rows)))]


def _holds_marks_as_text(text: str, delimiter: str) -> bool:
    """Tell whether quotation marks are signs like others: all rows are as long as each other without regard to them."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    if len({len(cells) for cells in rows if cells}) > 1:
        return False
    return delimiter == "\t" or not any(_OPENED.fullmatch(cell) for cells in rows for cell in cells)


def _read(text: str, name: str, delimiter: str, quote: str, *, strict: bool) -> Iterator[list[str]]:
    """Yield rows up to the limits.

    :raises csv.Error: if ``strict`` and a quotation mark is not where one may be.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote or None, strict=strict,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )  # fmt: skip
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field larger" not in str(error):
                raise
            raise ContributionError(
                f"{name}, row {number}: a cell is longer than {csv.field_size_limit():,} characters. "
                "Look for a quotation mark that is not closed."
            ) from error
        if number > MAX_ROWS:
            raise ContributionError(f"{name} has more than {MAX_ROWS:,} rows. Contribute it in parts.")
        if len(cells) > MAX_COLUMNS:
            raise ContributionError(
                f"{name}, row {number}: {len(cells):,} cells, more than {MAX_COLUMNS:,}. Declare the delimiter."
            )
        yield cells


def _delimiter(text: str) -> str:
    r"""Return the delimiter by which most rows have as many cells as each other, the more the better.

    >>> _delimiter("name;sum\nLahti, Finland;1,5\nPorto;2,5\n")
    ';'
    """
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            rows = [cells for cells in islice(reader, _SAMPLE_ROWS) if any(cells)]
        except csv.Error:
            continue
        # A delimiter at the end of each line makes a column that nothing stands in.
        used = {number for cells in rows for number, cell in enumerate(cells) if cell.strip()}
        width, alike = Counter(map(len, rows)).most_common(1)[0] if len(used) > 1 else (0, 0)
        score = (alike / len(rows), width) if width else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best
