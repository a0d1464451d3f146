"""Carries the rooms without Python into the wheel, where ``circkg_shapes.rooms`` finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # the interface is generic only in its own type hints
    """Includes what is read of each room below ``circkg_shapes/_rooms``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files of each room; an editable install reads the checkout instead."""
        if version == "editable":
            return
        root = Path(self.root)
        for room, patterns in {
            "ontology": ("**/*.ttl", "**/*.rq"),
            "shapes": ("*.ttl", "languages/*.ttl"),
            "queries": ("**/*.rq",),
            "data": ("**/*.csv",),
            "docs": ("operations.md",),  # circkg serve --help lists its tables
        }.items():
            for pattern in patterns:
                for path in sorted((root / room).glob(pattern)):
                    build_data["force_include"][str(path)] = f"circkg_shapes/_rooms/{path.relative_to(root).as_posix()}"
