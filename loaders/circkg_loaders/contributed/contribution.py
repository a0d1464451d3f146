"""A contributed file after reading: triples, where each comes from, what is wrong, and how the file was understood."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from circkg_loaders.contributed.faults import Fault
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.mapping import Mapping
from circkg_loaders.contributed.origins import Origins
from circkg_loaders.contributed.style import Style
from circkg_shapes.forms import Field
from circkg_shapes.report import Json
from circkg_shapes.terms import Term, Triple


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read.

    :param form: what the rows are, such as ``practice``; ``None``: found by the names of sheet, file and columns.
    :param language: language tag of texts whose column names none; empty if it is not declared.
    :param style: what is declared about the file; what it leaves out is detected.
    :param mapping: which column says what, where the headers do not say it themselves.
    :param known: what names may mean; ``None``: what this installation holds.
    """

    form: str | None = None
    language: str = ""
    style: Style = field(default_factory=Style)
    mapping: Mapping | None = None
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class ColumnAccount:
    """What became of one column.

    :param field: the property that it says; ``None`` for the key, and where nothing is taken from the column.
    :param role: ``field``, ``key``, ``language`` (of the row's texts), ``ignored`` (on purpose) or ``unknown``.
    :param language: language of its texts, empty if the column is not of texts.
    :param notation: how its dates or numbers are read, such as ``day-first`` or ``comma``; empty if it does not matter.
    :param filled: cells that hold something.
    :param values: values that were taken.
    """

    number: int
    header: str
    field: Field | None
    role: str
    language: str = ""
    notation: str = ""
    filled: int = 0
    values: int = 0


@dataclass(frozen=True, slots=True)
class SheetAccount:
    """What became of one sheet as one form: ``rows_in`` is ``loaded`` and ``rejected`` together.

    :param sheet: name of the sheet, or JSON Pointer of the array; ``None`` in a file that has only one.
    :param form: key of the form, such as ``practice``.
    :param header_rows: rows that name the columns, from 1; empty in JSON.
    :param columns: by their position in the file.
    """

    sheet: str | None
    form: str
    header_rows: tuple[int, ...]
    columns: tuple[ColumnAccount, ...]
    rows_in: int
    loaded: int
    rejected: int

    def column(self, header: str) -> ColumnAccount | None:
        """Return the column of a header, or ``None`` if there is none."""
        return next((column for column in self.columns if column.header == header), None)

    def to_dict(self) -> dict[str, Json]:
        """Return the account as values that JSON can hold."""
        return {
            "sheet": self.sheet,
            "form": self.form,
            "headerRows": list(self.header_rows),
            "rowsIn": self.rows_in,
            "loaded": self.loaded,
            "rejected": self.rejected,
            "columns": [
                {
                    "number": column.number,
                    "header": column.header,
                    "field": column.field.key if column.field else None,
                    "role": column.role,
                    "language": column.language or None,
                    "notation": column.notation or None,
                    "filled": column.filled,
                    "values": column.values,
                }
                for column in self.columns
            ],
        }


@dataclass(frozen=True, slots=True)
class Contribution:
    """A contributed file after reading.

    :param file: name of the file, without its folder.
    :param sha256: of its bytes.
    :param syntax: ``csv``, ``tsv``, ``xlsx``, ``ods``, ``json``, ``turtle``, ``n-triples``, ``n-quads``, ``trig``,
        ``rdf-xml`` or ``json-ld``.
    :param style: how the file was understood: what was declared, and what was detected; ``None`` for RDF.
    :param faults: what is wrong with the table itself.
    :param spoiled: things and properties of which a cell could not be read: that a value is missing there is no fault
        of its own.
    :param sheets: what became of each sheet; none for RDF.
    :param nameless: what rows say that have no name, or that of another, each about a blank node: judged, never taken.
    """

    file: str
    sha256: str
    syntax: str
    style: Style | None
    triples: list[Triple]
    origins: Origins
    faults: list[Fault] = field(default_factory=list)
    spoiled: frozenset[tuple[Term, Term]] = frozenset()
    sheets: tuple[SheetAccount, ...] = ()
    nameless: list[Triple] = field(default_factory=list)

    @property
    def judged(self) -> list[Triple]:
        """Return all that is judged: what is taken, and what rows say that are left out."""
        return [*self.triples, *self.nameless]

    @property
    def rows(self) -> MappingOf[str, int]:
        """Return the account of all rows: ``in``, ``loaded`` and ``rejected``."""
        return {
            "in": sum(sheet.rows_in for sheet in self.sheets),
            "loaded": sum(sheet.loaded for sheet in self.sheets),
            "rejected": sum(sheet.rejected for sheet in self.sheets),
        }
