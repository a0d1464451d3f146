"""Opens workbooks, which are ZIP archives of XML, without letting them fill memory or refer to anything outside.

A workbook is unpacked within limits, its XML looked through, and packed again as it is: what reads it afterwards meets
no size that lies, no entity and no cell that stands far outside the rest.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from circkg_loaders.contributed.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_PARTS,
    MAX_RATIO,
    MAX_ROWS,
    MAX_SMALL_PART,
    MAX_TEXT,
    MAX_UNPACKED,
)
from circkg_loaders.contributed.rdf import ContributionError

_COMPOUND = b"\xd0\xcf\x11\xe0"
_KEPT = (".xml", ".rels", "mimetype")
_BLANKS = re.compile(rb"(</?table:[^<>]*>)\s+(?=<)|(?<=>)\s+(?=</?table:)")
"""Blanks between the elements of a table in ODS, which say nothing and with which the library cannot do."""

_REFERENCE = re.compile(r"\$?([A-Z]{1,4})\$?([0-9]{1,10})")


@dataclass(slots=True)
class Extent:
    """What was seen of a sheet while it was looked through.

    :param rows: the last row that holds something, and ``columns`` the last column.
    :param text: characters of all texts together, each as often as it stands there.
    :param empty_formulas: row and column of formulas whose result the file does not hold.
    :param errors: row, column and text of formulas whose result is an error, such as ``#REF!``.
    :param spans: merged ranges: first row, first column, last row, last column.
    """

    rows: int = 0
    columns: int = 0
    text: int = 0
    empty_formulas: list[tuple[int, int]] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)
    spans: list[tuple[int, int, int, int]] = field(default_factory=list)

    def take(self, row: int, column: int, length: int) -> None:
        """Note a cell that holds something.

        :raises ContributionError: if the sheet grows beyond what is read.
        """
        self.rows = max(self.rows, row)
        self.columns = max(self.columns, column)
        self.text += length
        if self.rows > MAX_ROWS:
            raise ContributionError(
                f"a cell stands in row {self.rows:,}, and {MAX_ROWS:,} rows are read. Delete the rows below the table, "
                "or contribute it in parts."
            )
        if self.columns > MAX_COLUMNS:
            raise ContributionError(
                f"a cell stands in column {self.columns:,}, and {MAX_COLUMNS:,} columns are read. "
                "Delete the columns beside the table."
            )
        if self.rows * self.columns > MAX_CELLS:
            raise ContributionError(
                f"the sheet spans {self.rows:,} rows and {self.columns:,} columns, more than {MAX_CELLS:,} cells. "
                "Delete what stands far from the table, or contribute it in parts."
            )
        if self.text > MAX_TEXT:
            raise ContributionError(
                f"the texts of the sheet have more than {MAX_TEXT // 1_000_000} million characters. "
                "Contribute it in parts."
            )


@dataclass(frozen=True, slots=True)
class Package:
    """A workbook that is safe to read.

    :param content: the workbook, packed again.
    :param extents: what was seen of each sheet, by its name.
    """

    content: bytes
    extents: Mapping[str, Extent]


def open_package(content: bytes, name: str) -> Package:
    """Return a workbook that is safe to read.

    :raises ContributionError: if it is no ZIP archive, is protected, or holds more than is read or anything unsafe.
    """
    if content.startswith(_COMPOUND):
        raise ContributionError(
            f"{name} is protected by a password, or an old workbook (.xls). Save it as .xlsx without a password."
        )
    try:
        parts = _unpacked(content)
        shared = _shared_lengths(parts)
        names = _sheet_parts(parts)
        extents: dict[str, Extent] = {}
        for part, text in parts.items():
            if part.endswith(".xml"):
                extents |= _looked_through(part, text, shared)
        parts = {part: _BLANKS.sub(rb"\1", text) if part == "content.xml" else text for part, text in parts.items()}
    except ContributionError as error:
        raise ContributionError(f"{name}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ContributionError(
            f"{name} is no whole workbook ({error}). Open it in a spreadsheet program and save it again."
        ) from error
    return Package(_packed(parts), {name: extents.get(part, Extent()) for name, part in names.items()} or extents)


def _unpacked(content: bytes) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    entries = archive.infolist()
    if len(entries) > MAX_PARTS:
        raise ContributionError(f"the workbook holds {len(entries):,} files, and {MAX_PARTS:,} are read.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise ContributionError("the workbook is protected by a password. Save it without one.")
    parts: dict[str, bytes] = {}
    left = MAX_UNPACKED
    for entry in entries:
        if not entry.filename.endswith(_KEPT):
            continue
        with archive.open(entry) as file:
            text = file.read(left + 1)
        left -= len(text)
        if left < 0:
            raise ContributionError(
                f"the workbook has more than {MAX_UNPACKED // 1_000_000} MB when it is unpacked. "
                "Contribute it in parts."
            )
        if len(text) > MAX_SMALL_PART and len(text) > MAX_RATIO * max(1, entry.compress_size):
            raise ContributionError(
                f"{entry.filename} is packed more than {MAX_RATIO} times smaller than it is, as no table is. "
                "Copy the table into a new workbook."
            )
        parts[entry.filename] = text
    return parts


def _packed(parts: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


class _Other(Exception):  # noqa: N818 - the part is none that is looked through, which is no error
    pass


def _parser(part: str) -> expat.XMLParserType:
    def doctype(*_: object) -> None:
        raise ContributionError(f"{part} has a document type declaration, which no workbook has. Save it again.")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.buffer_text = True
    return parser


def _parse(parser: expat.XMLParserType, part: str, text: bytes) -> None:
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ContributionError(f"{part} is no well-formed XML: {error}. Save the workbook again.") from error


def _looked_through(part: str, text: bytes, shared: list[int]) -> dict[str, Extent]:
    parser = _parser(part)
    found: dict[str, Extent] = {}

    def root(name: str, _: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "worksheet":
            found[part] = _Worksheet(parser, shared).extent
        elif local in ("document-content", "document"):
            _Tables(parser, found)
        else:
            raise _Other

    parser.StartElementHandler = root
    try:
        _parse(parser, part, text)
    except _Other:
        return {}
    return found


def _sheet_parts(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Return the part of each sheet of an XLSX workbook, by the name of the sheet; none for ODS."""
    named: dict[str, str] = {}
    targets: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        said = {key.rpartition(":")[2]: value for key, value in attributes.items() if key != "sheetId"}
        local = name.rpartition(":")[2]
        if local == "sheet" and "name" in said:
            named[said["name"]] = said.get("id", "")
        elif local == "Relationship":
            targets[said.get("Id", "")] = said.get("Target", "")

    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        if part in parts:
            parser = _parser(part)
            parser.StartElementHandler = start
            _parse(parser, part, parts[part])
    return {
        name: target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        for name, key in named.items()
        if (target := targets.get(key))
    }


def _shared_lengths(parts: Mapping[str, bytes]) -> list[int]:
    """Return the length of each shared string of an XLSX workbook, in order."""
    lengths: list[int] = []

    def start(name: str, _: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "si":
            lengths.append(0)

    def characters(text: str) -> None:
        if lengths:
            lengths[-1] += len(text)

    for part, text in parts.items():
        if part.lower().endswith("sharedstrings.xml"):
            parser = _parser(part)
            parser.StartElementHandler = start
            parser.CharacterDataHandler = characters
            _parse(parser, part, text)
    return lengths


class _Worksheet:
    """Looks through a sheet of XLSX (ECMA-376, part 1, 18.3)."""

    def __init__(self, parser: expat.XMLParserType, shared: list[int]) -> None:
        self.extent = Extent()
        self._shared = shared
        self._row = self._column = 0
        self._kind = ""
        self._texts: list[str] | None = None
        self._has_value = self._has_formula = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._row = int(attributes.get("r") or self._row + 1)
                self._column = 0
            case "c":
                self._column += 1
                if "r" in attributes:
                    self._row, self._column = _position(attributes["r"])
                self._kind = attributes.get("t", "")
                self._has_value = self._has_formula = False
            case "v" | "is":
                self._texts = []
            case "f":
                self._has_formula = True
            case "mergeCell":
                first, _, last = attributes.get("ref", "").partition(":")
                if last:
                    self.extent.spans.append((*_position(first), *_position(last)))

    def _characters(self, text: str) -> None:
        if self._texts is not None:
            self._texts.append(text)

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "v" | "is":
                text = "".join(self._texts or ())
                self._texts = None
                self._has_value = bool(text)
                if self._kind == "e":
                    self.extent.errors.append((self._row, self._column, text))
                length = len(text)
                if self._kind == "s" and text.strip().isdigit():
                    number = int(text)
                    length = self._shared[number] if number < len(self._shared) else 0
                self.extent.take(self._row, self._column, length)
            case "c" if self._has_formula and not self._has_value:
                self.extent.take(self._row, self._column, 0)
                self.extent.empty_formulas.append((self._row, self._column))


def _position(reference: str) -> tuple[int, int]:
    """Return row and column of a cell, from 1.

    >>> _position("AA10")
    (10, 27)
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ContributionError(f"the workbook names a cell {reference[:20]!r}, which there is not. Save it again.")
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]), column


class _Tables:
    """Looks through the sheets of an ODS workbook (OpenDocument 1.3, part 3, section 9)."""

    def __init__(self, parser: expat.XMLParserType, found: dict[str, Extent]) -> None:
        self._found = found
        self._extent = Extent()
        self._depth = 0
        self._row = self._repeated_rows = 0
        self._column = self._last_filled = self._row_length = 0
        self._repeated_columns = self._length = 0
        self._filled = self._formula = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local not in ("table", "table-row", "table-cell", "covered-table-cell"):
            return
        said = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if local == "table":
            self._depth += 1
            if self._depth == 1:
                self._extent = self._found.setdefault(said.get("name", ""), Extent())
                self._row = 0
        elif local == "table-row":
            self._repeated_rows = max(1, int(said.get("number-rows-repeated", 1)))
            self._column = self._last_filled = self._row_length = 0
        else:
            self._repeated_columns = max(1, int(said.get("number-columns-repeated", 1)))
            self._length = 0
            self._filled = "value-type" in said
            self._formula = "formula" in said
            rows, columns = int(said.get("number-rows-spanned", 1)), int(said.get("number-columns-spanned", 1))
            if rows > 1 or columns > 1:
                row, column = self._row + 1, self._column + 1
                self._extent.spans.append((row, column, row + rows - 1, column + columns - 1))

    def _characters(self, text: str) -> None:
        self._filled = self._filled or not text.isspace()
        self._length += len(text)

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "table-cell" | "covered-table-cell":
                if self._formula and not self._filled:
                    self._extent.empty_formulas.append((self._row + 1, self._column + 1))
                self._column += self._repeated_columns
                if self._filled or self._formula:
                    self._last_filled = self._column
                    self._row_length += self._length * self._repeated_columns
                self._filled = self._formula = False
            case "table-row":
                self._row += self._repeated_rows
                if self._last_filled:
                    self._extent.take(self._row, self._last_filled, self._row_length * self._repeated_rows)
            case "table":
                self._depth -= 1
