"""The W3C SPARQL cases over real HTTP: what fails is listed by name in docs/conformance.md, and nothing else."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT.parent / "shared" / "suites" / "sparql_http" / "suite.py"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[str]:
    """Give the address of a server on an empty store that everybody may write to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = os.pathsep.join(str(ROOT / name) for name in ("shapes", "loaders", "server"))
    program = "from circkg_server.cli import main; main()"
    arguments = ["serve", "--store", str(tmp_path / "store"), "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": path, "CIRCKG_WRITES": "open"}
    with subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment) as server:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{address}/health")
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield address
        server.terminate()


@pytest.mark.skipif(not SUITE.exists(), reason="the W3C cases are not at hand (../shared/suites)")
def test_nothing_fails_but_what_is_listed(instance: str, tmp_path: Path) -> None:
    out = tmp_path / "cases.json"
    done = subprocess.run(
        [sys.executable, str(SUITE), "--query", f"{instance}/sparql", "--update", f"{instance}/update",
         "--gsp", f"{instance}/graph-store", "--json", str(out)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    failed = set(re.findall(r"^FAIL \S+ sparql/(\S+?):? ", done.stdout, re.MULTILINE))
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\S+)` \|", text, re.MULTILINE))
    assert {case.rstrip(":") for case in failed} == listed
    cases = json.loads(out.read_text(encoding="utf-8"))
    assert f"Of the {cases['total']} cases" in text
    assert f"{cases['passed']} pass" in text
