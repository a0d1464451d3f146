"""Imports go one way: server, loaders, shapes."""

from __future__ import annotations

import ast
from collections.abc import Collection
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


def module_of(folder: Path, path: Path) -> str:
    return ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")


def modules_imported(path: Path, modules: Collection[str]) -> set[str]:
    """Return which of these modules a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in names}
    return found & {*modules}


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


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {module_of(folder, path): path for folder, _ in PACKAGES.values() for path in folder.rglob("*.py")}
    left = {name: modules_imported(path, modules) - {name} for name, path in modules.items()}
    while free := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in free}
    assert not left, f"in a circle, or above one: {sorted(left)}"
