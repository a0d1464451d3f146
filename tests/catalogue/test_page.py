"""What docs/publishing.md says is so: its commands run, its paths are served, its figures of points are right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from circkg_server.catalogue.quality.metrics import MOST
from circkg_server.cli import app
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh)?\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
OFFLINE = [line for kind, block in BLOCKS if kind for line in block.splitlines()]
ONLINE = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]


@pytest.mark.parametrize("command", OFFLINE)
def test_a_command_that_needs_no_server_runs(
    command: str, archive: Archive, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert manifest.releases
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CIRCKG_STORE", str(archive.folder))
    program, *arguments = shlex.split(command)
    assert program == "circkg"
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1, "scored, and not ready to publish"
    assert "325" in done.output or "city.example" in done.output


@pytest.mark.parametrize("command", ONLINE)
def test_a_command_that_asks_the_server_runs(
    command: str, server: Any, archive: Archive, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCKG_STORE", str(archive.folder))
    monkeypatch.setenv("CIRCKG_PUBLIC_URL", server.address)
    arguments = shlex.split(command.replace("http://127.0.0.1:8000", server.address))[1:]
    done = CliRunner().invoke(app, arguments)
    (archive.folder / "quality" / f"{manifest.number:06}.ttl").unlink(missing_ok=True)
    assert done.exit_code == 0, done.output
    assert f"405 of {MOST}" in done.output


def test_the_paths_are_served(server: Any, manifest: Manifest) -> None:
    rows = re.findall(r"^\| (`/[^|]*) \| [^|]* \|([^|]*)\|$", PAGE, re.MULTILINE)
    assert len(rows) >= 8
    version = next(release.version for release in manifest.releases if release.set == "ccri")
    for paths, forms in rows:
        for path in re.findall(r"`(/[^`]*)`", paths):
            if path == "/catalogue/quality":
                continue  # it is there once it was kept
            real = path.replace("{set}", "ccri").replace("{version}", version).replace("…", f"{version}.ttl")
            real = f"{real}?verb=Identify" if real == "/oai" else real
            assert httpx.head(server.address + real, timeout=60).status_code == 200, real
            named = rows[0][1] if "the same" in forms else forms
            for ending in re.findall(r"`(\.\w+)`", named):
                if "well-known" not in path:
                    assert httpx.head(server.address + real + ending, timeout=60).status_code == 200, real + ending
