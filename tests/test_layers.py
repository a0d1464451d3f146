"""Imports go one way: server, loaders, shapes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "circkg_shapes": (ROOT / "shapes" / "circkg_shapes", {"circkg_shapes"}),
    "circkg_loaders": (ROOT / "loaders" / "circkg_loaders", {"circkg_shapes", "circkg_loaders"}),
    "circkg_server": (ROOT / "server" / "circkg_server", {"circkg_shapes", "circkg_loaders", "circkg_server"}),
}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by a relative name"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    folder, allowed = PACKAGES[package]
    modules = sorted(folder.rglob("*.py"))
    assert modules
    for path in modules:
        ours = {name for name in imported(path) if name.startswith("circkg_") or name == "tests"}
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {sorted(ours - allowed)}"


@pytest.mark.parametrize("room", ["ontology", "queries", "data"])
def test_rooms_of_knowledge_hold_no_python(room: str) -> None:
    assert not list((ROOT / room).rglob("*.py"))


def test_a_checkout_reads_its_own_rooms() -> None:
    from circkg_shapes.rooms import room

    assert room("ontology") == ROOT / "ontology"
