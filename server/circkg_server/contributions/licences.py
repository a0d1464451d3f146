"""The licences under which data may be contributed: ``data/licences.csv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.registry import RegistryError
from circkg_shapes.rooms import room


class LicenceError(ValueError):
    """A licence is not known, or not compatible with that of the graph."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence: its SPDX identifier, name and address, and whether its data may be published under CC BY 4.0.

    :param reason: why, or why not and what to do.
    """

    id: str
    label: str
    address: str
    compatible: bool
    reason: str


@cache
def licences(data: Path | None = None) -> dict[str, Licence]:
    """Return the licences by their SPDX identifiers, those that are compatible first.

    :raises RegistryError: if the list cannot be read.
    """
    path = (data or room("data")) / "licences.csv"
    columns = ("id", "label", "address", "compatible", "reason")
    return {
        row["id"]: Licence(row["id"], row["label"], row["address"], row["compatible"] == "yes", row["reason"])
        for _, row in read_rows(path, columns, RegistryError)
    }


def compatible(identifier: str) -> Licence:
    """Return the licence of an identifier if its data may be published under CC BY 4.0.

    :raises LicenceError: if they may not, or the identifier is not in the list.

    >>> compatible("cc0-1.0").id
    'CC0-1.0'
    """
    found = next((each for key, each in licences().items() if key.lower() == identifier.strip().lower()), None)
    if found is None:
        usable = ", ".join(key for key, each in licences().items() if each.compatible)
        raise LicenceError(f"The licence {identifier!r} is not in the list. Those that can be used: {usable}.")
    if not found.compatible:
        raise LicenceError(f"{found.label} is not compatible with CC BY 4.0, the licence of this graph. {found.reason}")
    return found
