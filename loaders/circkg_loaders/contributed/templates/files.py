"""The files of templates: a workbook for people, and a text table with its metadata for programs."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Final

from circkg_loaders.contributed.columns import columns_of
from circkg_loaders.contributed.csvw import metadata_of
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.lists import Lists
from circkg_loaders.contributed.templates.published import our_things
from circkg_loaders.contributed.templates.template import NoSuchTemplateError, Template, TemplateError, template
from circkg_loaders.contributed.templates.workbook import as_workbook

METADATA: Final = "-metadata.json"
"""What follows the name of a table in the name of its metadata (Model for Tabular Data, section 5.3)."""

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    f"csv{METADATA}": "application/csvm+json",
}
"""Media types by what follows the first full stop of a file's name; that of metadata is in annex A
of the Metadata Vocabulary for Tabular Data."""

ROWS: Final = 1_000
"""Rows that are prepared if nothing else is asked for."""

MAX_ROWS: Final = 100_000
"""Rows that are prepared at most."""


class Templates:
    """Makes the files of templates; what they share is made once.

    :param known: what cells may name; ``None``: what this installation holds.
    """

    def __init__(self, known: Known | None = None) -> None:
        """Take what cells may name; :meth:`file` makes a file."""
        self._known = known
        self._made: dict[str, tuple[Lists, CellWriter]] = {}

    def file(
        self, name: str, language: str = "en", languages: Sequence[str] = (), rows: int = ROWS, table: str = ""
    ) -> bytes:
        """Return a file; the same bytes each time, as long as forms, names and things are the same.

        :param name: key of the form and kind of file, such as ``practice.xlsx`` or ``practice.csv-metadata.json``.
        :param language: language of headers and help.
        :param languages: languages of the texts; none: the language of the headers, and English.
        :param rows: rows that a workbook is prepared for.
        :param table: name of the file that metadata are about; empty: that of the template.
        :raises NoSuchTemplateError: if there is no such form or kind of file.
        :raises TemplateError: if there is no such language, or the number of rows is out of range.
        :raises LoadError: if the data of this installation cannot be read.

        >>> Templates().file("topic.csv", "fr")[3:28].decode()
        'id *,Nom (fr) *,Nom (en),'
        """
        kind, _, ending = name.partition(".")
        if ending not in MEDIA_TYPES:
            endings = ", ".join(f".{each}" for each in MEDIA_TYPES)
            also = " Spreadsheet programs open .xlsx and save it as .ods, which is read too." if ending == "ods" else ""
            raise NoSuchTemplateError(f"There is no template {name!r}: it must end in one of {endings}.{also}")
        if not 1 <= rows <= MAX_ROWS:
            raise TemplateError(f"A template is prepared for 1 to {MAX_ROWS:,} rows, not for {rows:,}.")
        asked = template(kind, language, languages)
        if ending == "xlsx":
            return as_workbook(asked, *self._of_language(language), our_things(), rows)
        if ending == "csv":
            return _text_table(asked)
        metadata = metadata_of(asked.form, table or f"{kind}.csv", languages=asked.languages)
        return (json.dumps(metadata, ensure_ascii=False, indent=2) + "\n").encode()

    def _of_language(self, language: str) -> tuple[Lists, CellWriter]:
        if language not in self._made:
            known = self._known or Known.of_rooms()
            writer = CellWriter(known, language)
            self._made[language] = Lists(known, our_things(), writer), writer
        return self._made[language]


def _text_table(asked: Template) -> bytes:
    """Return the header as CSV (RFC 4180), with the mark by which spreadsheet programs know that it is UTF-8."""
    written = io.StringIO(newline="")
    columns = columns_of(asked.form, asked.languages, key_required=True)
    csv.writer(written).writerow(map(asked.header, columns))
    return codecs.BOM_UTF8 + written.getvalue().encode()
