"""The index of what is published: it gives back what was written, and judges as the whole does."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circkg_loaders.contributed.reading import read_bytes
from circkg_server.build import Build
from circkg_server.contributions.judging import judge, our_shapes
from circkg_server.contributions.knowledge import knowledge_of
from circkg_server.releases.archive import Archive
from circkg_server.store import background as stored
from circkg_shapes import Shapes, background, validate
from circkg_shapes.background import Background, BackgroundError
from circkg_shapes.encoding import Columns
from circkg_shapes.report import VIOLATION
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import Triple

from .shacl_cases import triples
from .test_differential import bounded, rooted, statements

TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
START = "<https://schema.org/startDate>"
FACTS = triples(
    """
    ex:a a ex:C ; ex:p ex:b , "05"^^xsd:integer , "ola"@pt , "a\\nb" , _:x . ex:b ex:p ex:a ; ex:q "05"^^xsd:integer .
    ex:c ex:p ex:b .
    """
)


def written(folder: Path, facts: list[Triple], snapshot: int = 1) -> Background:
    Background.write(folder / "index", facts, snapshot)
    return Background.open(folder / "index")


def test_it_gives_back_what_was_written(tmp_path: Path) -> None:
    index = written(tmp_path, [*FACTS, *FACTS], 7)
    assert index.snapshot == 7
    assert len(index) == len(FACTS)
    assert sorted(index.triples()) == sorted(FACTS)
    for subject, predicate, value in FACTS:
        assert sorted(index.about(subject)) == sorted(t for t in FACTS if t[0] == subject)
        assert sorted(index.linking(value)) == sorted(t for t in FACTS if t[2] == value)
        assert sorted(index.linking(value, predicate)) == sorted(t for t in FACTS if t[1:] == (predicate, value))
        assert sorted(index.with_predicate(predicate)) == sorted(t for t in FACTS if t[1] == predicate)


def test_terms_that_are_not_there(tmp_path: Path) -> None:
    index = written(tmp_path, FACTS)
    assert index.about("<https://example.org/none>") == []
    assert index.linking('"5"^^<http://www.w3.org/2001/XMLSchema#integer>') == []
    assert list(index.with_predicate("<https://example.org/none>")) == []
    assert index.number("<https://example.org/none>") == -1


def test_the_case_of_a_language_tag_does_not_count(tmp_path: Path) -> None:
    index = written(tmp_path, [("<x:a>", "<x:p>", '"ola"@pt-BR')])
    assert index.linking('"ola"@PT-br') == [("<x:a>", "<x:p>", '"ola"@pt-BR')]


def test_nothing_can_be_indexed_too(tmp_path: Path) -> None:
    index = written(tmp_path, [])
    assert len(index) == 0
    assert list(index.triples()) == []
    assert index.about("<x:a>") == []


def test_terms_of_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_hashes", lambda terms: np.array([len(term) % 3 for term in terms], np.uint64))
    index = written(tmp_path, FACTS)
    assert sorted(index.triples()) == sorted(FACTS)
    for subject in {triple[0] for triple in FACTS}:
        assert sorted(index.about(subject)) == sorted(t for t in FACTS if t[0] == subject)
    assert index.number("<https://example.org/none>") == -1


def test_an_index_that_is_broken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackgroundError, match="Build again"):
        Background.open(tmp_path / "none")
    for name in ("about.json", "terms.txt", "subject-others.npy", "hashes.npy"):
        folder = tmp_path / name
        Background.write(folder, FACTS, 1)
        with (folder / name).open("rb+") as file:
            file.truncate(file.seek(0, os.SEEK_END) // 2)
        with pytest.raises(BackgroundError, match="Build again"):
            Background.open(folder)
    folder = tmp_path / "format"
    Background.write(folder, FACTS, 1)
    about = (folder / "about.json").read_text().replace('"format": 1', '"format": 0')
    (folder / "about.json").write_text(about)
    with pytest.raises(BackgroundError, match="another format"):
        Background.open(folder)


@settings(max_examples=60, **bounded)
@given(st.lists(rooted, min_size=1, max_size=2), statements, st.integers(0, 2**16))
def test_an_index_judges_as_the_whole(shapes: list[str], facts: list[tuple[str, str, str]], choice: int) -> None:
    """What is loaded of the index is enough for the very results that the whole background gives."""
    text = 'ex: sh:declare [ sh:prefix "ex" ; sh:namespace "https://example.org/" ] .\n'
    compiled = Shapes.of(triples(text + "\n".join(f"ex:S{n} a sh:NodeShape ; {s} ." for n, s in enumerate(shapes))))
    data = sorted(set(triples("\n".join(f"{s} {p} {o} ." for s, p, o in facts))))
    focus = [triple for place, triple in enumerate(data) if choice >> place % 16 & 1]
    known = [*(triple for triple in data if triple not in focus), *focus[::3], ("<x:a>", "<x:p>", "<x:b>")]
    with tempfile.TemporaryDirectory() as folder:
        index = written(Path(folder), known)
        assert set(index.near(Columns.of(focus), compiled.plan)) <= set(known)
        assert Counter(validate(focus, index, compiled).results) == Counter(validate(focus, known, compiled).results)


# --- at publish -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curated() -> Shapes:
    return Shapes.load(shape_files())


def test_a_build_writes_the_default_graph(archive: Archive, built: Build) -> None:
    assert built.manifest
    index = stored.open_background(archive)
    assert index
    assert index.snapshot == built.manifest.number
    wanted = {
        triple
        for found in built.loaded.sets
        if found.role.in_default_graph
        for triple in built.loaded.triples[found.slug]
    }
    assert set(index.triples()) == wanted


@pytest.mark.usefixtures("built")
def test_a_contribution_is_judged_as_beside_the_whole_graph(archive: Archive, curated: Shapes) -> None:
    index = stored.open_background(archive)
    assert index
    whole = sorted(index.triples())
    chance = random.Random(3)
    subjects = sorted({subject for subject, predicate, _ in whole if "/id/" in subject and "rdf-syntax" in predicate})
    for number in range(5):
        chosen = set(chance.sample(subjects, 20))
        focus = [(s, p, chance.choice(whole)[2] if chance.random() < 0.1 else o) for s, p, o in whole if s in chosen]
        known = [triple for triple in whole if triple[0] not in chosen]
        report = validate(focus, index, curated)
        assert report.results == validate(focus, whole, curated).results
        assert (report.snapshot, report.shapes) == (index.snapshot, curated.version)
        if number == 0:
            assert len(list(index.near(Columns.of(focus), curated.plan))) < len(whole) / 4
            assert validate(focus, known, curated).results


def test_old_indexes_go_and_missing_ones_are_made_anew(tmp_path: Path, archive: Archive, built: Build) -> None:
    assert built.manifest
    own = Archive(tmp_path / "store")
    (own.folder).mkdir()
    for name in ("releases", "manifests", "manifest.json"):
        (own.folder / name).symlink_to(archive.folder / name)
    assert not stored.path_of(own, built.manifest).exists()
    index = stored.open_background(own)
    assert index
    assert len(index)
    left = own.folder / "background" / ".000009.1.tmp"
    left.mkdir()
    for number in range(2, 9):
        (own.folder / "background" / f"{number:06}").mkdir()
    with own.writing():
        assert not left.exists()
        stored.remove_old(own, built.manifest)
    kept = sorted(path.name for path in (own.folder / "background").iterdir())
    assert kept == ["000001", "000004", "000005", "000006", "000007", "000008"]


def test_nothing_published_is_nothing_known(tmp_path: Path) -> None:
    assert stored.open_background(Archive(tmp_path)) is None


@pytest.mark.usefixtures("built")
def test_files_are_judged_beside_the_published_graph(archive: Archive) -> None:
    """A second start is a fault of what is published."""
    index = stored.open_background(archive)
    assert index
    initiative = next(subject for subject, _, _ in index.with_predicate(START) if "/initiative/" in subject)
    said = f'{initiative} {START} "1066"^^<http://www.w3.org/2001/XMLSchema#gYear> .'
    report = judge([read_bytes(said.encode(), "a.ttl")], knowledge_of(archive), our_shapes()).report
    assert report.snapshot == index.snapshot
    violations = [(r.focus_node, r.component_name) for r in report.results if r.severity == VIOLATION]
    assert violations == [(initiative, "MaxCount")]
