"""Purging: every statement about a thing goes from every release, whole after any kill; a tombstone is left."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from circkg_loaders.load import LoadError
from circkg_server import purging
from circkg_server.build import build
from circkg_server.cli import app
from circkg_server.contributions.acceptance import Decision, accept
from circkg_server.contributions.staging import Staging, State
from circkg_server.publication import publish_manifest
from circkg_server.releases.archive import Archive
from circkg_server.retired import Tombstone, retired_of
from circkg_server.store.snapshot import Snapshot

from .conftest import GOOD, PREFIXES, SOURCE, environment, practice, stage

THING = "https://w3id.org/circkg/id/practice/repair-cafe-of-test-town"
KEPT = "https://w3id.org/circkg/id/practice/library-of-things"
GONE = Tombstone(THING, "It was a person's, not a place's.", KEPT)


@pytest.fixture(scope="session")
def filled_store(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store of whose set one release has the thing and the next one too."""
    store = Archive(tmp_path_factory.mktemp("filled") / "store")
    shutil.copytree(small_store, store.folder)
    staging = Staging(store.folder / "contributions")
    both = GOOD + practice("library-of-things", "Library of things")
    accept(store, staging, stage(store, both).id, Decision("curator"))
    changed = PREFIXES + practice("library-of-things", "Library of many things") + SOURCE
    accept(store, staging, stage(store, changed).id, Decision("curator"))
    return store.folder


@pytest.fixture
def filled(filled_store: Path, tmp_path: Path) -> Archive:
    """Give a copy of that store that a test may change."""
    shutil.copytree(filled_store, tmp_path / "store")
    return Archive(tmp_path / "store")


def mentions(folder: Path, kept: tuple[str, ...] = ("contributions", "retired.csv", "audit.jsonl")) -> list[str]:
    """Return the files of a store that hold the IRI in whatever form, those that may left out."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(kept):
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            if THING.encode() in content or b"repair-cafe-of-test-town" in content:
                found.append(name)
    return found


def check_gone(archive: Archive) -> None:
    manifest = archive.current()
    assert manifest is not None
    for path in (archive.folder / "manifests").glob("*.json"):
        for release in archive.number(int(path.stem)).releases:
            assert THING.encode() not in archive.quads(release)
    assert f"<{KEPT}>".encode() in archive.quads(manifest.release("test-town"))  # type: ignore[arg-type]  # it is there
    answer = Snapshot.open(archive).query(
        f"ASK {{ GRAPH ?g {{ <{KEPT}> ?p ?o }} FILTER NOT EXISTS {{ <{THING}> ?q ?r }} }}"
    )
    assert bool(answer)
    assert retired_of(archive.folder) == {THING: GONE}
    assert not (archive.folder / purging.JOURNAL).exists()


def test_a_purge_leaves_a_tombstone_and_nothing_else(filled: Archive) -> None:
    assert mentions(filled.folder)
    before = filled.current()
    assert before is not None
    done = purging.purge(filled, GONE)
    check_gone(filled)
    assert mentions(filled.folder) == []
    assert done.snapshot == before.number + 1, "a running server sees that something else is to be served"
    assert sum(done.statements.values()) > 6
    assert any("/record/test-town/practice/repair-cafe-of-test-town" in thing for thing in done.things)
    assert Archive(filled.folder).number(before.number).releases != before.releases


def test_what_no_release_knows_is_not_purged(filled: Archive) -> None:
    with pytest.raises(purging.PurgeError, match="No release"):
        purging.purge(filled, Tombstone("https://w3id.org/circkg/id/practice/nothing", "None"))
    with pytest.raises(purging.PurgeError):
        purging.purge(filled, Tombstone("no iri", "None"))
    assert retired_of(filled.folder) == {}


def test_a_name_that_only_begins_alike_stays(filled: Archive) -> None:
    staging = Staging(filled.folder / "contributions")
    more = GOOD.replace("repair-cafe-of-test-town", "repair-cafe-of-test-town-2")
    accept(filled, staging, stage(filled, more).id, Decision("curator"))
    purging.purge(filled, GONE)
    manifest = filled.current()
    assert manifest is not None
    content = filled.quads(manifest.release("test-town"))  # type: ignore[arg-type]  # it is there
    assert f"<{THING}-2>".encode() in content
    assert f"<{THING}>".encode() not in content


def test_what_was_purged_comes_back_by_no_way(filled: Archive) -> None:
    waiting = stage(filled)
    purging.purge(filled, GONE)
    staging = Staging(filled.folder / "contributions")
    assert waiting.state is State.STAGED
    with pytest.raises(Exception, match=r"withdrawn|changed since"):
        accept(filled, staging, waiting.id, Decision("curator"))
    again = filled.current()
    assert again is not None
    purged = Tombstone("https://w3id.org/circkg/id/initiative/ceci", "For this test.")
    purging.retire(filled.folder, purged)
    with pytest.raises(LoadError, match="withdrawn"):
        build(filled)


def test_the_command_asks_first_and_is_audited(filled: Archive) -> None:
    arguments = ["purge", THING, "--reason", GONE.reason, "--replaced-by", KEPT, "--store", str(filled.folder)]
    asked = CliRunner().invoke(app, arguments, input="n\n")
    assert asked.exit_code == 1
    assert mentions(filled.folder)
    done = CliRunner().invoke(app, [*arguments, "--yes"])
    assert done.exit_code == 0, done.output
    check_gone(filled)
    assert f"purge {THING}" in (filled.folder / "audit.jsonl").read_text(encoding="utf-8")


def purge_in_a_process(folder: Path, after: float) -> bool:
    """Begin a purge, kill the process after a while, and tell whether it had ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from circkg_server.cli import main; main()", "purge", THING, "--yes", "--reason",
         GONE.reason, "--replaced-by", KEPT, "--store", str(folder)],
        env=environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return process.wait(timeout=after) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def moments(filled: Archive, tmp_path: Path, number: int) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(filled.folder, whole)
    began = time.monotonic()
    assert purge_in_a_process(whole, 600)
    seconds = time.monotonic() - began
    check_gone(Archive(whole))
    begun = 0
    for step in range(number):
        copy = Archive(tmp_path / f"copy-{step}")
        shutil.copytree(filled.folder, copy.folder)
        purge_in_a_process(copy.folder, seconds * (0.3 + 0.7 * (step + 1) / number))
        begun += (copy.folder / purging.JOURNAL).exists()
        manifest = copy.current()
        assert manifest is not None
        for release in manifest.releases:
            copy.quads(release)
        if retired_of(copy.folder) or (copy.folder / purging.JOURNAL).exists():
            # Whoever writes next finishes it.
            with copy.writing():
                purging.finish(copy)
            check_gone(copy)
            assert mentions(copy.folder) == []
        else:
            publish_manifest(copy, manifest)
            assert mentions(copy.folder)
        shutil.rmtree(copy.folder)
    assert begun, "no process was killed in time"


def test_a_purge_that_breaks_off_is_finished(filled: Archive, tmp_path: Path) -> None:
    """Each step that a purge tells of is the last one of some process."""
    steps: list[str] = []
    whole = Archive(tmp_path / "whole")
    shutil.copytree(filled.folder, whole.folder)
    purging.purge(whole, GONE, steps.append)
    assert len(steps) > 3
    for last in (0, len(steps) // 2, len(steps) - 1):
        copy = Archive(tmp_path / f"copy-{last}")
        shutil.copytree(filled.folder, copy.folder)
        left = iter(range(last))

        def step(_: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            purging.purge(copy, GONE, step)
        assert (copy.folder / purging.JOURNAL).exists()
        with copy.writing():
            purging.finish(copy)
        check_gone(copy)
        assert mentions(copy.folder) == []


@pytest.mark.nightly
def test_a_purge_that_is_killed_at_very_many_moments_is_finished(filled: Archive, tmp_path: Path) -> None:
    moments(filled, tmp_path, 60)


@pytest.mark.parametrize(
    "word",
    [
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns",
        "https://w3id.org/circkg/def#Practice",
        "https://w3id.org/circkg/def/source-kind/web-page",
    ],
)
def test_a_word_of_the_vocabulary_is_not_purged(filled: Archive, word: str) -> None:
    before = (filled.folder / "manifest.json").read_bytes()
    with pytest.raises(purging.PurgeError, match="is a word"):
        purging.purge(filled, Tombstone(word, "A slip of the hand."))
    assert (filled.folder / "manifest.json").read_bytes() == before
    assert not (filled.folder / purging.JOURNAL).exists()
