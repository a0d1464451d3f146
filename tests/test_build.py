"""The build of the real data: whole, the same everywhere, and careful with what was published."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions

from circkg_server.build import Build
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import Snapshot
from circkg_shapes.rooms import room

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    path = os.pathsep.join(str(ROOT / name) for name in ("shapes", "loaders", "server"))
    return subprocess.run(
        [sys.executable, "-c", "from circkg_server.cli import main; main()", *arguments],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | environment,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def releases(store: Path) -> dict[str, str]:
    manifest = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    return {entry["set"]: entry["sha256"] for entry in manifest["sets"]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a copy of the data room that a test may spoil."""
    copy = tmp_path / "elsewhere" / "data"
    shutil.copytree(room("data"), copy)
    return copy


def test_the_curated_data_are_sound_and_published(built: Build) -> None:
    assert [str(r) for reading in built.loaded.readings.values() for r in reading.rejected] == []
    assert [result for result in built.report.results if result.severity.endswith("#Violation>")] == []
    assert built.faults == []
    assert built.loaded.unused_links == []
    assert built.manifest is not None


def test_every_row_in_is_loaded_or_rejected(built: Build) -> None:
    for slug, reading in built.loaded.readings.items():
        for path in (room("data") / slug).rglob("*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                rows = sum(1 for _ in csv.reader(file)) - 1
            if rows:
                rows_in, loaded = reading.rows[path.relative_to(room("data")).as_posix()]
                assert (rows_in, loaded) == (rows, rows)


def test_the_default_graph_holds_each_triple_of_its_graphs_once(built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    merged: set[bytes] = set()
    for release in built.manifest.releases:
        if release.role.in_default_graph:
            suffix = f" <{release.graph}> .".encode()
            merged |= {line.removesuffix(suffix) for line in archive.quads(release).splitlines()}
    answer = Snapshot.open(archive).query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert isinstance(answer, QuerySolutions)
    assert int(next(answer)[0].value) == len(merged)


def test_no_inferred_triple_repeats_a_stated_one_and_no_node_is_blank(built: Build) -> None:
    triples = built.loaded.triples
    known = {t for found in built.loaded.sets if found.role.in_default_graph and found.slug != "inferred"
             for t in triples[found.slug]}  # fmt: skip
    assert not known & set(triples["inferred"])
    assert not any(term.startswith("_:") for of_set in triples.values() for t in of_set for term in t)


def test_the_same_bytes_come_from_anywhere(built: Build, data: Path, tmp_path: Path) -> None:
    """Build in another folder, with other hash seed, time zone and locale, and with the rows of each table shuffled."""
    assert built.manifest is not None
    chance = random.Random(11)
    for path in data.rglob("*.csv"):
        if path.name == "sets.csv":
            continue
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = list(csv.reader(file))
        chance.shuffle(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    store = tmp_path / "another store"
    done = run(
        "build", "--store", str(store), "--data", str(data), "--processes", "1",
        PYTHONHASHSEED="4711", TZ="Pacific/Kiritimati", LC_ALL="C",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert releases(store) == {release.set: release.sha256 for release in built.manifest.releases}


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda data: (data / "interreg" / "practices.csv").write_bytes(b"id,title\n\xff\xfe"), 2, "practices.csv"),
        (lambda data: (data / "sets.csv").unlink(), 2, "sets.csv"),
        (lambda data: (data / "ccri" / "odd.csv").write_text("id\n"), 2, "odd.csv"),
        (
            lambda data: _append(data / "interreg" / "events.csv", {"id": "late", "start_date": "31.12.2020"}),
            1,
            "31.12.2020",
        ),
    ],
)
def test_a_broken_build_leaves_what_was_published(
    built: Build, archive: Archive, data: Path, tmp_path: Path, spoil: object, code: int, says: str
) -> None:
    assert built.manifest is not None
    store = tmp_path / "store"
    shutil.copytree(archive.folder, store)
    before = (store / "manifest.json").read_bytes()
    assert callable(spoil)
    spoil(data)
    done = run("build", "--store", str(store), "--data", str(data))
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (store / "manifest.json").read_bytes() == before
    assert len(Snapshot.open(Archive(store))) > 0


def _append(path: Path, cells: dict[str, str]) -> None:
    """Copy the last row of a table with some cells changed."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        *_, last = reader
        names = list(reader.fieldnames or ())
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, names, lineterminator="\n").writerow(last | cells)


def test_building_again_changes_nothing(built: Build, archive: Archive, tmp_path: Path) -> None:
    assert built.manifest is not None
    store = tmp_path / "store"
    shutil.copytree(archive.folder, store)
    done = run("build", "--store", str(store))
    assert done.returncode == 0
    assert "nothing has changed" in done.stdout
    assert [path.name for path in (store / "manifests").iterdir()] == ["000001.json"]


def test_the_account_names_every_linked_column(built: Build, tmp_path: Path) -> None:
    from circkg_server import accounts

    accounts.write(built, tmp_path)
    links = {(entry["table"], entry["column"]): entry for entry in json.loads((tmp_path / "links.json").read_text())}
    for (table, column), entry in links.items():
        assert entry["cells"] == entry["linked"] + entry["as text"], (table, column)
        assert all(kept["reason"] for kept in entry["kept"])
    barriers = links["practices", "barriers"]
    assert barriers["linked"] / barriers["cells"] >= 0.90
    for place in (("practices", "organisations"), ("actions", "lead")):
        assert links[place]["linked"] / links[place]["cells"] >= 0.95, place
    assert "rows in = loaded + rejected" in (tmp_path / "account.txt").read_text(encoding="utf-8")


def test_validate_tells_good_from_bad_by_its_exit_code(tmp_path: Path) -> None:
    good = ROOT / "docs" / "examples" / "practice.ttl"
    bad = ROOT / "docs" / "examples" / "practice-with-faults.ttl"
    (tmp_path / "broken.ttl").write_text("<a> <b> ", encoding="utf-8")
    assert run("validate", str(good)).returncode == 0
    refused = run("validate", str(bad), "--format", "json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["conforms"] is False
    for name in ("broken.ttl", "absent.ttl", "table.docx"):
        done = run("validate", str(tmp_path / name))
        assert done.returncode == 2, done.stdout
        assert name in done.stderr
        assert "Traceback" not in done.stderr


def test_square_brackets_in_a_message_are_no_markup() -> None:
    done = run("query", "[/b]")
    assert done.returncode == 2
    assert "[/b]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_is_printed_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    done = run("token", "add", "portal", "--scope", "contribute", "--store", str(tmp_path))
    assert done.returncode == 0, done.stderr
    token = done.stdout.split()[-1]
    assert len(token) > 30
    assert token not in (tmp_path / "tokens.json").read_text()
