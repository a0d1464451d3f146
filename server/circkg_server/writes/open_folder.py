"""The folder of an instance to which everybody may write."""

from __future__ import annotations

from pathlib import Path


class NotThrowAwayError(ValueError):
    """Everybody may write only where nothing can be lost."""


def open_folder(store: Path) -> Path:
    """Return the folder of the live store of an open instance.

    :raises NotThrowAwayError: if the store holds what was published.
    """
    if (store / "manifest.json").exists():
        raise NotThrowAwayError(
            f"{store} holds published data, and with CIRCKG_WRITES=open everybody could write. Give an empty --store."
        )
    return store / "live"
