"""Cells and files of workbooks that are safe and always the same: no formulas, no times."""

from __future__ import annotations

import io
import re
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.worksheet.worksheet import Worksheet

_LONGEST_CELL: Final = 32_767  # what a cell of the format can hold
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP archive can name
_TIMES: Final = re.compile(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>")


def write(page: Worksheet, row: int, column: int, text: str) -> Cell:
    """Write a text that no spreadsheet takes for a formula, even after it was edited."""
    cell = page.cell(row, column)
    assert isinstance(cell, Cell)
    if text:
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)[:_LONGEST_CELL]
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@"
    return cell


def packed(book: Workbook) -> bytes:
    """Return a workbook as a file that holds no time of its making, so that equal workbooks are equal files."""
    raw = io.BytesIO()
    book.save(raw)
    fixed = io.BytesIO()
    with ZipFile(raw) as before, ZipFile(fixed, "w", ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "docProps/core.xml":
                content = _TIMES.sub(b"", content)
            entry = ZipInfo(name, _EPOCH)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            after.writestr(entry, content)
    return fixed.getvalue()
