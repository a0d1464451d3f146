"""Which column says what, where the headers of a file do not say it themselves: a small YAML file that people write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from circkg_loaders.contributed.style import Style

KEY = "id"
"""Field of the column from which IRIs are made."""

LANGUAGE = "language"
"""Field of a column that says in which language the texts of its row are."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """What one column says.

    :param field: key of a field, or ``id`` for the column from which IRIs are made.
    :param language: language of its texts.
    :param separator: what stands between several values in a cell; ``None``: found out.
    :param values: what to read in place of a cell or part of it, by its folded text; nothing leaves it out.
    :param dates: order of its dates, and ``decimal`` the mark of its numbers.
    :param unit: what stands around its numbers and is not part of them, such as ``£``.
    """

    field: str
    language: str = ""
    separator: str | None = None
    values: MappingOf[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    dates: str | None = None
    decimal: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MappedTable:
    """How the rows of one sheet become things of one form.

    :param columns: what each header says; a column may say several things.
    :param constants: values that every row has, by key of a field, written as cells would be.
    :param ignore: headers from which nothing is taken on purpose.
    :param rest: nothing is taken from all other columns either.
    :param merge: several rows with the same key are one thing.
    :param complete: all columns must be there; not so where they are given by their titles in several languages.
    """

    form: str
    sheet: str | None = None
    columns: MappingOf[str, tuple[MappedColumn, ...]] = dataclasses.field(default_factory=dict)
    constants: MappingOf[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    rest: bool = False
    merge: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a file becomes things.

    :param missing: cells that mean nothing, such as ``N/A``.
    """

    tables: tuple[MappedTable, ...]
    language: str = ""
    style: Style = dataclasses.field(default_factory=Style)
    missing: tuple[str, ...] = ()
