"""What a table of a curated data set is: its columns, how their cells are read and what each says in RDF."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum


class Kind(Enum):
    """How the text of a cell is read."""

    TEXT = "text"  # literal with the language of the column `<name>_lang`, or English
    STRING = "string"  # plain literal, without language
    DATE = "date"  # as written: 2020, 2020-05 or 2020-05-17
    INTEGER = "integer"
    DECIMAL = "decimal"  # digits, a point for decimals, nothing else
    URL = "url"  # absolute http(s) address
    COUNTRY = "country"  # ISO 3166-1 alpha-2 as in countries.csv, EU for the Union
    CURRENCY = "currency"  # ISO 4217
    NUTS = "nuts"  # NUTS code of the version in `nuts_version`, or of the newest that has it
    CONCEPT = "concept"  # slug of a concept of the vocabulary named in `target`
    REF = "ref"  # slug of a thing of the type named in `target`
    TYPED_REF = "typed-ref"  # slug of a thing whose type stands in the column `<name>_type`
    LINKED = "linked"  # free text, resolved by links.csv or listed in unresolved.csv
    SOURCE = "source"  # address of a web page, or id of a document in data/sources.csv
    AUX = "aux"  # read together with another column


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how its cells are read and which property they state.

    :param target: type of thing, or vocabulary, that the cells name.
    :param many: several items, separated by ``;``.
    :param inverse: the property leads from the thing named in the cell to the row's thing.
    :param implies: class that the row's thing also has when the cell is filled.
    """

    name: str
    kind: Kind
    predicate: str | None = None
    _: KW_ONLY
    target: str | None = None
    many: bool = False
    required: bool = False
    inverse: bool = False
    implies: str | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the type of thing that its rows describe, their class and their columns."""

    name: str
    type: str | None
    rdf_class: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    about: str = ""
