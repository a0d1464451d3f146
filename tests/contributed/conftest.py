"""What the tests of contributed files share: ways to write such files, and what is known."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import Contribution, Options, read_bytes

Reading = Callable[..., Contribution]

_ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
  xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
  xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">
<office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"""
_MANIFEST = """<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>
</manifest:manifest>"""


@pytest.fixture(scope="session")
def known() -> Known:
    """Give what this checkout holds."""
    return Known.of_rooms()


@pytest.fixture
def read_text(known: Known) -> Reading:
    """Give a function that reads a text table as practices in English, unless it is told otherwise."""

    def read(text: str | bytes, name: str = "a.csv", **options: Any) -> Contribution:
        content = text if isinstance(text, bytes) else text.encode()
        chosen: dict[str, Any] = {"form": "practice", "language": "en", "known": known, **options}
        return read_bytes(content, name, Options(**chosen))

    return read


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], change: Callable[[Any], None] | None = None) -> bytes:
    """Return an XLSX workbook, written by openpyxl.

    :param change: is given the workbook before it is saved.
    """
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_parts(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return a workbook with its parts changed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return changed.getvalue()


def ods(tables: str) -> bytes:
    """Return an ODS workbook with the given ``table:table`` elements."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", _ODS.format(tables))
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
    return file.getvalue()


def codes(contribution: Contribution) -> list[str]:
    """Return the codes of the faults of a contribution."""
    return [fault.code for fault in contribution.faults]


MAPPINGS = Path(__file__).parent / "mappings"
