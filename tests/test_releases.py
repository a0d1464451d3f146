"""Releases are canonical, the manifest changes in one step, and nothing that was published is lost."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, QueryTriples

from circkg_loaders.registry import DataSet, Role
from circkg_server.releases.archive import Archive, StoreBusyError, new_folder
from circkg_server.releases.manifest import ManifestError, to_json
from circkg_server.store.dataset import Dataset
from circkg_server.store.snapshot import Snapshot, make, path_of, remove_old
from circkg_shapes.terms import Triple, iri, literal, to_rdflib

XSD = "http://www.w3.org/2001/XMLSchema#"
SET = "https://w3id.org/circkg/set/"
ODD: list[Triple] = [
    (iri("http://example.org/a"), iri("http://example.org/p"), literal("05", datatype=f"{XSD}integer")),
    (iri("http://example.org/a"), iri("http://example.org/p"), literal("1.50", datatype=f"{XSD}decimal")),
    (iri("http://example.org/a"), iri("http://example.org/p"), literal("óleo", lang="pt-BR")),
    (iri("http://example.org/a"), iri("http://example.org/p"), literal("2020-05", datatype=f"{XSD}gYearMonth")),
]


def dataset(slug: str, role: Role = Role.STATED) -> DataSet:
    return DataSet(slug, slug.title(), role, "facts", "1.0.0", "CC-BY-4.0", "For a test.")


def publish(archive: Archive, content: dict[DataSet, list[Triple]]) -> int:
    with archive.writing():
        manifest = archive.next_manifest([archive.release(s, triples) for s, triples in content.items()])
        make(archive, manifest)
        archive.publish(manifest)
    return manifest.number


def rows(archive: Archive, query: str, asked: Dataset | None = None) -> list[tuple[str, ...]]:
    answer = Snapshot.open(archive).query(query, asked)
    assert isinstance(answer, QuerySolutions)
    return [tuple(str(term) for term in row) for row in answer]


def test_a_release_keeps_lexical_forms_and_language_tags(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    release = archive.release(dataset("odd"), ODD)
    text = gzip.decompress((tmp_path / release.file).read_bytes()).decode()
    assert all(triple[2] in text for triple in ODD)
    assert release.quads == len(ODD)


def test_the_order_of_triples_and_their_repetition_change_nothing(tmp_path: Path) -> None:
    shuffled = [*ODD, *ODD]
    random.Random(7).shuffle(shuffled)
    one = Archive(tmp_path / "one").release(dataset("odd"), ODD)
    two = Archive(tmp_path / "two").release(dataset("odd"), shuffled)
    assert one == two
    assert (tmp_path / "one" / one.file).read_bytes() == (tmp_path / "two" / two.file).read_bytes()


def test_publishing_the_same_again_makes_no_new_snapshot(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    content = {dataset("a"): ODD}
    assert publish(archive, content) == publish(archive, content) == 1
    assert publish(archive, {dataset("a"): ODD[:2]}) == 2


def test_an_earlier_manifest_brings_back_the_same_bytes(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): ODD})
    before = to_json(archive.number(1))
    quads = archive.quads(archive.number(1).releases[0])
    publish(archive, {dataset("a"): ODD[:1]})
    assert publish(archive, {dataset("a"): ODD}) == 3, "numbers are never used twice"
    archive.publish(archive.number(1))
    current = archive.current()
    assert current is not None
    assert to_json(current) == before
    assert archive.quads(current.releases[0]) == quads


def test_a_manifest_says_what_editors_declare_of_a_set(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    found = replace(dataset("odd"), keywords=("one", "two"), issued="2026-01-31", rights="© Somebody.")
    publish(archive, {found: ODD})
    manifest = archive.current()
    assert manifest
    release = manifest.releases[0]
    said = (release.description, release.keywords, release.issued, release.rights)
    assert said == ("For a test.", ("one", "two"), "2026-01-31", "© Somebody.")


def test_a_manifest_from_before_these_fields_is_still_read(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, {dataset("odd"): ODD})
    content = json.loads((tmp_path / "manifest.json").read_text())
    for name in ("description", "keywords", "issued", "temporal", "rights"):
        del content["sets"][0][name]
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    manifest = archive.current()
    assert manifest
    assert (manifest.releases[0].set, manifest.releases[0].keywords) == ("odd", ())


def test_a_release_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): ODD})
    manifest = archive.number(1)
    (tmp_path / manifest.releases[0].file).write_bytes(gzip.compress(b"<a:a> <a:b> <a:c> <a:g> .\n"))
    with pytest.raises(ManifestError, match="not what the manifest says"):
        archive.quads(manifest.releases[0])


def test_a_store_of_another_base_is_refused(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): ODD})
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace("https://w3id.org/circkg/", "https://example.org/"))
    with pytest.raises(ManifestError, match="of the base"):
        archive.current()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b"{", b'{"base": "a", "snapshot": 1, "sets": ["a"]}'])
def test_a_manifest_that_is_none_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match="Put an earlier one back"):
        Archive(tmp_path).current()


def test_only_one_writes_at_a_time(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.writing(), pytest.raises(StoreBusyError), archive.writing():
        pass


def test_a_deleted_snapshot_is_made_again(tmp_path: Path) -> None:
    import shutil

    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): ODD})
    shutil.rmtree(path_of(archive, archive.number(1)))
    assert rows(archive, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")[0][0].startswith('"4"')


S, P = iri("http://example.org/s"), iri("http://example.org/value")
SHARED_TRIPLE: Triple = (S, P, literal("10", datatype=f"{XSD}integer"))
OTHER: Triple = (S, iri("http://example.org/linked"), S)
SETS = {
    dataset("one"): [SHARED_TRIPLE, OTHER],
    dataset("two"): [SHARED_TRIPLE],
    dataset("three", Role.VOCABULARY): [SHARED_TRIPLE],
    dataset("four", Role.PROVENANCE): [SHARED_TRIPLE, (S, iri("http://example.org/only-named"), S)],
}
THREE = tuple(f"https://w3id.org/circkg/set/{name}" for name in ("one", "two", "three"))
FROM_ALL = " ".join(f"FROM <{graph}>" for graph in THREE)


@pytest.fixture
def three(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    publish(archive, SETS)
    return archive


@pytest.mark.parametrize("clause", ["", FROM_ALL])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT (COUNT(*) AS ?n) {FROM} WHERE { ?s ?p ?o }", "2"),
        ("SELECT (SUM(?v) AS ?n) {FROM} WHERE { ?s <http://example.org/value> ?v }", "10"),
        (
            "SELECT (COUNT(*) AS ?n) {FROM} WHERE "
            "{ ?s <http://example.org/value> ?v ; <http://example.org/linked> ?t . ?t <http://example.org/value> ?w }",
            "1",
        ),
    ],
)
def test_a_triple_of_three_sets_counts_once(three: Archive, clause: str, query: str, expected: str) -> None:
    from rdflib import Graph

    from circkg_server.sparql.tokens import dataset_of

    text = query.replace("{FROM}", clause)
    assert rows(three, text, dataset_of(text))[0][0].startswith(f'"{expected}"')
    # The same in a merge by rdflib.
    merged = Graph()
    for set_, triples in SETS.items():
        if set_.role.in_default_graph:
            for s, p, o in triples:
                merged.add((to_rdflib(s), to_rdflib(p), to_rdflib(o)))
    (row,) = merged.query(query.replace("{FROM}", ""))
    assert str(row[0]) == expected  # type: ignore[index]  # a SELECT query yields rows


def test_construct_over_several_graphs_repeats_no_triple(three: Archive) -> None:
    from circkg_server.sparql.tokens import dataset_of

    for clause in ("", FROM_ALL):
        text = f"CONSTRUCT {{ ?s ?p ?o }} {clause} WHERE {{ ?s ?p ?o }}"
        answer = Snapshot.open(three).query(text, dataset_of(text))
        assert isinstance(answer, QueryTriples)
        lines = [str(triple) for triple in answer]
        assert len(lines) == len(set(lines)) == 2


def test_from_named_reaches_a_graph_that_is_not_in_the_default_graph(three: Archive) -> None:
    from circkg_server.sparql.tokens import dataset_of

    text = (
        "PREFIX set: <https://w3id.org/circkg/set/> SELECT ?s FROM set:one FROM set:two FROM NAMED set:four "
        "{ GRAPH set:four { ?s <http://example.org/only-named> ?o } }"
    )
    assert len(rows(three, text, dataset_of(text))) == 1
    assert not rows(three, "SELECT ?s { ?s <http://example.org/only-named> ?o }")


def test_a_snapshot_that_was_never_published_is_not_taken_for_a_later_one(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): ODD})
    with archive.writing():  # a writer that dies after making the snapshot, before publishing it
        make(archive, archive.next_manifest([archive.release(dataset("a"), ODD[:1])]))
    publish(archive, {dataset("a"): ODD[:2]})
    assert rows(archive, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")[0][0].startswith('"2"')


def test_a_build_that_is_killed_leaves_what_was_published(tmp_path: Path) -> None:
    """Kill a real writer at many moments; each time the store must open with one whole snapshot."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "sys.path[:0] = sys.argv[2].split(':')\n"
        "from tests_writer import run\n"
        "run(Path(sys.argv[1]))\n"
    )
    writer = tmp_path / "tests_writer.py"
    writer.write_text(
        "from circkg_loaders.registry import DataSet, Role\n"
        "from circkg_server.releases.archive import Archive\n"
        "from circkg_server.store.snapshot import make\n"
        "def run(folder):\n"
        "    archive = Archive(folder)\n"
        "    found = DataSet('a', 'A', Role.STATED, 'facts', '1.0.0', 'CC-BY-4.0', 'For a test.')\n"
        "    for turn in range(10_000):\n"
        "        triples = [(f'<http://e/{n}>', '<http://e/turn>', f'\"{turn}\"') for n in range(500)]\n"
        "        with archive.writing():\n"
        "            manifest = archive.next_manifest([archive.release(found, triples)])\n"
        "            make(archive, manifest)\n"
        "            archive.publish(manifest)\n"
    )
    store = tmp_path / "store"
    archive = Archive(store)
    path = ":".join([str(tmp_path), *sys.path])
    chance = random.Random(3)
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", script, str(store), path], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        before = archive.current()
        while time.monotonic() < deadline and process.poll() is None:
            now = archive.current()
            if now is not None and now != before:
                break
            time.sleep(0.02)
        time.sleep(chance.random() * 0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counted = rows(archive, "SELECT ?turn (COUNT(?s) AS ?n) { ?s <http://e/turn> ?turn } GROUP BY ?turn")
        assert len(counted) == 1, "a snapshot belongs to one manifest"
        assert counted[0][1].startswith('"500"')
        current = archive.current()
        assert current is not None
        released = archive.quads(current.releases[0]).decode()
        assert counted[0][0] in released.splitlines()[0], "and holds what that manifest names"
    with archive.writing():
        assert not list(store.rglob(".*.tmp")), "what a killed writer left is swept by the next one"


def test_a_snapshot_that_is_kept_outlives_newer_ones_and_comes_back(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for count in (1, 2, 3):
        publish(archive, {dataset("a"): ODD[:count]})
    with archive.writing():
        archive.keep(1)
    remove_old(archive, archive.number(3), keep=1)
    assert path_of(archive, archive.number(1)).exists()
    assert not path_of(archive, archive.number(2)).exists()
    with archive.writing():
        archive.keep(1, kept=False)
        with pytest.raises(ManifestError, match="no manifest 9"):
            archive.keep(9)
    remove_old(archive, archive.number(3), keep=1)
    assert not path_of(archive, archive.number(1)).exists()


def test_a_removal_that_is_killed_leaves_no_half_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    for count in (1, 2):
        publish(archive, {dataset("a"): ODD[:count]})
    old, current = archive.number(1), archive.number(2)

    def killed(folder: Path) -> None:
        next(folder.iterdir()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("circkg_server.releases.archive.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_old(archive, current, keep=1)
    assert not path_of(archive, old).exists()
    with archive.writing():
        make(archive, old)
        archive.publish(old)
    assert len(rows(archive, "SELECT ?o { ?s ?p ?o }")) == 1
    assert not [path for path in (tmp_path / "snapshots").iterdir() if path.name.startswith(".")]


def test_a_release_is_read_as_it_was_written_and_a_damaged_one_not_at_all(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    release = archive.release(dataset("odd"), [*ODD, (ODD[0][0], ODD[0][1], literal(f"a <{SET}odd> .\n"))])
    assert set(archive.triples(release)) > set(ODD)
    assert len(archive.triples(release)) == len(ODD) + 1
    lines = list(archive.n_triples(release))
    assert lines == sorted(lines)
    assert set(lines) == {f"{s} {p} {o} .\n".encode() for s, p, o in archive.triples(release)}
    (tmp_path / release.file).write_bytes(gzip.compress(b"".join(lines)))
    with pytest.raises(ManifestError, match="is not what the manifest says"):
        archive.n_triples(release)


def test_a_folder_is_replaced_when_all_of_the_new_one_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "search" / "000001"
    for content in ("old", "new"):
        with new_folder(folder) as new:
            new.mkdir()
            (new / "file").write_text(content)
            assert not folder.exists() or (folder / "file").read_text() == "old"

    def broken_off() -> None:
        with new_folder(folder) as new:
            new.mkdir()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        broken_off()
    assert (folder / "file").read_text() == "new"
    with new_folder(folder) as new:
        new.mkdir()  # what was left unfinished is gone
    assert list(folder.parent.rglob("*")) == [folder]
