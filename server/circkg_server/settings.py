"""Settings: where the store is, where the server stands."""

from __future__ import annotations

import os
from pathlib import Path


def default_store() -> Path:
    """Return the folder of the store: ``CIRCKG_STORE``, or ``.circkg`` in the current folder."""
    return Path(os.environ.get("CIRCKG_STORE", ".circkg"))
