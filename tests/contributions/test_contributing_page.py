"""The commands of docs/contributing-data.md run against a real server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from circkg_server.build import Build
from circkg_server.contributions.api import FIELDS
from circkg_server.contributions.staging import State
from circkg_server.contributions.validate_api import FIELDS as VALIDATE_FIELDS
from circkg_server.releases.archive import Archive

from .conftest import PATIENCE, ROOT, environment, start, stop

PAGE = (ROOT / "docs" / "contributing-data.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_do_what_the_page_says(built: Build, archive: Archive, tmp_path: Path) -> None:
    assert built.manifest is not None
    shutil.copytree(archive.folder, tmp_path / "store")
    running = start(tmp_path / "store", tmp_path / "log")
    variables = {
        "SERVER": running.url, "TOKEN": running.tokens["turku"], "CURATOR": running.tokens["curator"],
        "CIRCKG_STORE": str(running.folder),
    }  # fmt: skip
    known = re.compile(r"\$(SERVER|TOKEN|CURATOR|ID)\b")
    answers = []
    try:
        for command in commands():
            if "ID" not in variables and "$ID" in command:
                listed = httpx.get(f"{running.url}/api/contributions", headers=running.headers("turku")).json()
                variables["ID"] = listed["contributions"][0]["id"]
                running.when(variables["ID"], State.STAGED, State.VALIDATED)
            words = [known.sub(lambda match: variables[match[1]], word) for word in shlex.split(command)]
            if words[0] == "circkg":
                words[:1] = [sys.executable, "-c", "from circkg_server.cli import main; main()"]
            words = [str(tmp_path / "checked.xlsx") if word == "checked.xlsx" else word for word in words]
            done = subprocess.run(
                words, cwd=ROOT, env=environment(CIRCKG_STORE=str(running.folder), COLUMNS="200"),
                capture_output=True, text=True, check=False, timeout=PATIENCE * 2,
            )  # fmt: skip
            assert done.returncode == 0, command + done.stdout + done.stderr
            assert '"status":' not in done.stdout or '"type": "about:blank"' not in done.stdout, done.stdout
            answers.append(done.stdout)
        assert answers[0].startswith("severity,code,file")
        assert (tmp_path / "checked.xlsx").read_bytes().startswith(b"PK")
        assert json.loads(answers[2])["state"] == "received"
        assert running.when(variables["ID"], State.ACCEPTED)["version"]
    finally:
        stop(running)


def test_the_page_names_every_field_and_state() -> None:
    for name in (*FIELDS, *VALIDATE_FIELDS, *State):
        assert f"`{name}`" in PAGE, name
