"""The registry of data sets: ``data/sets.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

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
    """

    slug: str
    title: str
    role: Role
    reader: str
    version: str
    licence: str
    description: str

    @property
    def iri(self) -> str:
        """Return the IRI of the set, which is its named graph."""
        return set_iri(self.slug)


def read_retired(data: Path) -> dict[str, str]:
    """Return the reason of each IRI that was withdrawn: ``data/retired.csv``. Such an IRI is never used again.

    :raises RegistryError: if the file cannot be read.
    """
    try:
        with (data / "retired.csv").open(encoding="utf-8-sig", newline="") as file:
            return {row["iri"]: row["reason"] for row in csv.DictReader(file, strict=True)}
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, csv.Error, KeyError) as error:
        raise RegistryError(f"retired.csv cannot be read: {error}.") from error


def read_registry(data: Path) -> list[DataSet]:
    """Return the data sets of the registry in its order.

    :raises RegistryError: if a row is not complete or a slug stands twice.
    """
    path = data / "sets.csv"
    sets: dict[str, DataSet] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, strict=True), start=2):
                try:
                    found = DataSet(
                        row["slug"], row["title"], Role(row["role"]), row["reader"], row["version"], row["licence"],
                        row["description"],
                    )  # fmt: skip
                except (KeyError, ValueError) as error:
                    raise RegistryError(f"sets.csv, row {number}: {error}.") from error
                if not is_slug(found.slug) or found.slug in sets:
                    raise RegistryError(f"sets.csv, row {number}: {found.slug!r} is no slug, or stands there twice.")
                if not all((found.title, found.reader, found.version, found.licence, found.description)):
                    raise RegistryError(f"sets.csv, row {number}: a cell is empty.")
                sets[found.slug] = found
    except FileNotFoundError as error:
        raise RegistryError(f"{path} is missing. It lists the data sets.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RegistryError(f"sets.csv is not UTF-8 CSV: {error}.") from error
    return list(sets.values())
