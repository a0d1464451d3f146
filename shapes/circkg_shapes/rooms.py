"""Finds the rooms of the repository, in a checkout and in an installed wheel.

Nothing else in the code knows where files lie.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

ROOMS = ("ontology", "shapes", "queries", "data", "docs")

_PACKAGE = Path(__file__).resolve().parent


class RoomNotFoundError(FileNotFoundError):
    """A room is neither beside the packages (checkout) nor inside them (wheel)."""


@cache
def room(name: str) -> Path:
    """Return the folder of a room.

    A checkout wins over the copy that a wheel carries, so that an editable install never reads a stale copy.

    :param name: one of :data:`ROOMS`.
    :raises RoomNotFoundError: if there is no such folder.

    >>> room("ontology").name
    'ontology'
    """
    if name not in ROOMS:
        raise RoomNotFoundError(f"There is no room called {name!r}. The rooms are: {', '.join(ROOMS)}.")
    checkout = _PACKAGE.parents[1] / name
    if (_PACKAGE.parents[1] / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    packaged = _PACKAGE / "_rooms" / name
    if packaged.is_dir():
        return packaged
    raise RoomNotFoundError(f"The room {name!r} is neither at {checkout} nor at {packaged}. Install circkg again.")


def shape_files() -> list[Path]:
    """Return the files of our shapes: first the shapes, then their words in the other languages.

    >>> [file.name for file in shape_files() if file.stem in ("practice", "fi")]
    ['practice.ttl', 'fi.ttl']
    """
    shapes = room("shapes")
    return [*sorted(shapes.glob("*.ttl")), *sorted((shapes / "languages").glob("*.ttl"))]
