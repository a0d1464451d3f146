"""A release says what it changed, and the patch makes it of the one before, byte for byte."""

from __future__ import annotations

import gzip
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from circkg_loaders.registry import DataSet, Role
from circkg_server.publishing import changes, outputs
from circkg_server.publishing.changes import make_changes, patch_path, summary
from circkg_server.releases.archive import Archive
from circkg_server.releases.history import changes as history
from circkg_server.releases.history import release_before, releases_of
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import Triple, iri, literal

ROOT = Path(__file__).resolve().parents[1]
SET = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.", issued="2026-01-31")
TITLE = iri("http://purl.org/dc/terms/title")


def thing(number: int, *titles: str) -> list[Triple]:
    return [(iri(f"http://example.org/{number}"), TITLE, literal(title, "en")) for title in titles]


OLD = [*thing(1, "kept"), *thing(2, "before", "stays"), *thing(3, "gone"), *thing(4, "a \\ and\n“D A”")]
NEW = [*thing(1, "kept"), *thing(2, "after", "stays"), *thing(4, "other"), *thing(5, "come", "twice")]


def publish(archive: Archive, *content: tuple[DataSet, list[Triple]]) -> Manifest:
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples) for found, triples in content])
        archive.publish(manifest)
    return manifest


@pytest.fixture
def two(tmp_path: Path) -> tuple[Archive, Release, Release]:
    archive = Archive(tmp_path)
    before, after = (publish(archive, (SET, triples)).releases[0] for triples in (OLD, NEW))
    assert make_changes(archive, before, after)
    return archive, before, after


def test_a_summary_names_what_is_new_changed_and_removed(two: tuple[Archive, Release, Release]) -> None:
    archive, before, after = two
    found = summary(archive, "a", after.version)
    assert found
    assert (found["before"], found["statements"]) == (before.version, {"removed": 3, "added": 4})
    things = {kind: [one["iri"][-1] for one in found[kind]["shown"]] for kind in ("new", "changed", "removed")}
    assert things == {"new": ["5"], "changed": ["2", "4"], "removed": ["3"]}
    changed = found["changed"]["shown"][0]
    assert changed["removed"] == [[TITLE, '"before"@en']]
    assert changed["added"] == [[TITLE, '"after"@en']]
    assert found["removed"]["shown"][0]["label"] == "gone"
    assert summary(archive, "a", before.version) is None, "the first release changed nothing"


def documented() -> str:
    """Return the commands by which the documentation applies a patch."""
    text = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- apply -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("large", [False, True])
def test_the_documented_commands_make_the_new_release_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(outputs, "GZIP_FROM", 10)
    archive = Archive(tmp_path / "store")
    before, after = (publish(archive, (SET, triples)).releases[0] for triples in (OLD, NEW))
    make_changes(archive, before, after)
    path = patch_path(archive, "a", after.version)
    assert path
    patch = path.read_bytes()
    assert path.name.endswith(".gz") is large
    (tmp_path / "old.nq.gz").write_bytes((archive.folder / before.file).read_bytes())
    (tmp_path / "diff.rdfp").write_bytes(gzip.decompress(patch) if large else patch)
    subprocess.run(["bash", "-euo", "pipefail", "-c", documented()], cwd=tmp_path, check=True)
    assert (tmp_path / "new.nq").read_bytes() == archive.quads(after)


def test_the_patch_is_an_rdf_patch_of_n_quads(two: tuple[Archive, Release, Release]) -> None:
    archive, before, after = two
    path = patch_path(archive, "a", after.version)
    assert path
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [
        f"H id <https://w3id.org/circkg/set/a/{after.version}> .",
        f"H prev <https://w3id.org/circkg/set/a/{before.version}> .",
        "TX .",
    ]
    assert lines[-1] == "TC ."
    assert {line[:2] for line in lines[3:-1]} == {"A ", "D "}
    quads = "\n".join(line[2:] for line in lines[3:-1])
    assert len(list(parse(quads, RdfFormat.N_QUADS))) == 7


def test_a_long_summary_says_how_much_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "SHOWN_THINGS", 2)
    monkeypatch.setattr(changes, "SHOWN_STATEMENTS", 3)
    archive = Archive(tmp_path)
    many = [triple for number in range(10, 20) for triple in thing(number, *"abcde")]
    before, after = (publish(archive, (SET, triples)).releases[0] for triples in (OLD, [*OLD, *many]))
    make_changes(archive, before, after)
    found = summary(archive, "a", after.version)
    assert found
    assert (found["new"]["things"], len(found["new"]["shown"])) == (10, 2)
    assert (found["new"]["shown"][0]["added_count"], len(found["new"]["shown"][0]["added"])) == (5, 3)
    path = patch_path(archive, "a", after.version)
    assert path
    assert path.read_text().count("\nA ") == 50, "the patch is whole"


def test_the_history_tells_what_came_changed_and_went(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    other = replace(SET, slug="b", issued="2025-12-01")
    publish(archive, (SET, OLD))
    publish(archive, (SET, OLD), (other, OLD))
    later = replace(SET, version="1.1.0", issued="2026-02-28")
    current = publish(archive, (later, NEW))
    told = [(c.number, c.day, c.set, bool(c.before), bool(c.after)) for c in history(archive, current)]
    assert told == [
        (1, "2026-01-31", "a", False, True),
        (2, "2026-01-31", "b", False, True),  # it was issued earlier, but published later
        (3, "2026-02-28", "a", True, True),
        (3, "2026-02-28", "b", True, False),
    ]
    known = releases_of(archive, current)
    assert [release.version[:5] for release in known["a"]] == ["1.0.0", "1.1.0"]
    assert release_before(archive, current, known["a"][1]) == known["a"][0]
    assert release_before(archive, current, known["a"][0]) is None


def test_a_release_that_comes_back_keeps_its_place(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first, second, third = (publish(archive, (SET, triples)) for triples in (OLD, NEW, OLD))
    assert third.number == 3
    assert releases_of(archive, third)["a"] == (first.releases[0], second.releases[0])
    assert release_before(archive, third, third.releases[0]) is None, "what an address gives never changes"
