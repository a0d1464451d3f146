"""The registry of data sets: ``data/sets.csv``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.iris import is_slug, set_iri


class Role(Enum):
    """What a graph is for. Stated, inferred and vocabulary graphs together make the default graph."""

    STATED = "stated"
    INFERRED = "inferred"
    VOCABULARY = "vocabulary"
    PROVENANCE = "provenance"
    SHAPES = "shapes"

    @property
    def in_default_graph(self) -> bool:
        """Tell whether graphs of this role are part of the default graph."""
        return self in (Role.STATED, Role.INFERRED, Role.VOCABULARY)


class RegistryError(ValueError):
    """The registry of data sets has a fault; the message names the row."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: a named graph with a role, a licence and a version that its editors declare.

    :param reader: how it comes to be: ``facts`` (a folder of tables), or a name of ``circkg_loaders.load.READERS``.
    :param keywords: English words by which catalogues find it.
    :param issued: the day on which its editors declare this version, as ISO 8601 writes it. No build sets a date.
    :param temporal: when what it holds is valid, if no date in it says so: two days with a slash between, as ISO 8601
        writes an interval, ``..`` for an end that is open.
    :param rights: who else than the publisher must be named, and how; empty if nobody.
    """

    slug: str
    title: str
    role: Role
    reader: str
    version: str
    licence: str
    description: str
    keywords: tuple[str, ...] = ()
    issued: str = ""
    temporal: str = ""
    rights: str = ""

    @property
    def iri(self) -> str:
        """Return the IRI of the set, which is its named graph."""
        return set_iri(self.slug)


def read_retired(data: Path) -> dict[str, str]:
    """Return the reason of each IRI that was withdrawn: ``data/retired.csv``. Such an IRI is never used again.

    :raises RegistryError: if the file cannot be read; a data room that never published anything needs none.
    """
    path = data / "retired.csv"
    if not path.exists():
        return {}
    return {row["iri"]: row["reason"] for _, row in read_rows(path, ("iri", "reason"), RegistryError)}


def read_registry(data: Path) -> list[DataSet]:
    """Return the data sets of the registry in its order.

    :raises RegistryError: if the registry lists none, a row is not complete or a slug stands twice.
    """
    sets: dict[str, DataSet] = {}
    texts = ("slug", "title", "reader", "version", "licence", "description", "issued", "temporal", "rights")
    columns = (*texts, "role", "keywords")
    for number, row in read_rows(data / "sets.csv", columns, RegistryError):
        if row["role"] not in {role.value for role in Role}:
            allowed = ", ".join(role.value for role in Role)
            raise RegistryError(f"sets.csv, row {number}: the role {row['role']!r} is none of {allowed}.")
        keywords = tuple(word.strip() for word in row["keywords"].split(";") if word.strip())
        found = DataSet(**{name: row[name] for name in texts}, role=Role(row["role"]), keywords=keywords)
        if not is_slug(found.slug) or found.slug in sets:
            raise RegistryError(f"sets.csv, row {number}: {found.slug!r} is no slug, or stands there twice.")
        if not all(row[name] for name in columns if name not in ("temporal", "rights")):
            raise RegistryError(f"sets.csv, row {number}: a cell is empty. Only those of temporal and rights may be.")
        if not _is_date(found.issued):
            raise RegistryError(f"sets.csv, row {number}: issued is {found.issued!r}. Write the day as 2026-11-25.")
        if found.temporal and not _is_interval(found.temporal):
            raise RegistryError(
                f"sets.csv, row {number}: temporal is {found.temporal!r}. Write 2021-01-01/2023-12-31 (.. is open)."
            )
        sets[found.slug] = found
    if not sets:
        raise RegistryError(f"{data / 'sets.csv'} lists no data set. Nothing would be published.")
    return list(sets.values())


def _is_date(text: str) -> bool:
    """Tell whether a text is a day as YYYY-MM-DD.

    >>> _is_date("2026-11-25"), _is_date("20261125"), _is_date("2026-11-31")
    (True, False, False)
    """
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_interval(text: str) -> bool:
    """Tell whether a text is an interval of two days in order, one of which may be left open.

    >>> [_is_interval(text) for text in ("2021-01-01/2023-12-31", "2024-01-01/..", "../..", "2024")]
    [True, True, False, False]
    """
    start, slash, end = text.partition("/")
    ends = [day for day in (start, end) if day != ".."]
    return bool(slash and ends) and all(_is_date(day) for day in ends) and ends == sorted(ends)
