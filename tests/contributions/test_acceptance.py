"""Acceptance: a release and a manifest, or nothing; undone to the byte; whole whatever is killed when."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import QueryBoolean

from circkg_loaders.load import load
from circkg_server.build import carry_over
from circkg_server.contributions.acceptance import Decision, NotSoundError, StaleError, accept, recover
from circkg_server.contributions.staging import Staging, StagingError, State
from circkg_server.releases.archive import Archive
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import Release
from circkg_server.store.snapshot import Snapshot

from .conftest import ABOUT, GOOD, PREFIXES, SOURCE, environment, practice, review, stage

CURATOR = Decision("curator", "Thank you.")
OLD = "https://w3id.org/circkg/id/practice/repair-cafe-of-test-town"


def digests(folder: Path) -> dict[str, str]:
    files = sorted((folder / "releases").rglob("*.nq.gz"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def says(archive: Archive, pattern: str, graph: str = "") -> bool:
    where = f"GRAPH <https://w3id.org/circkg/set/{graph}> {{ {pattern} }}" if graph else pattern
    answer = Snapshot.open(archive).query(
        f"PREFIX circ: <https://w3id.org/circkg/def#> PREFIX prov: <http://www.w3.org/ns/prov#> ASK {{ {where} }}"
    )
    assert isinstance(answer, QueryBoolean)
    return bool(answer)


def release_of(archive: Archive) -> Release:
    manifest = archive.current()
    assert manifest is not None
    release = manifest.release("test-town")
    assert release is not None
    return release


def staging_of(archive: Archive) -> Staging:
    return Staging(archive.folder / "contributions")


SETS = ("test-town", "test-town-records")


def test_an_accepted_contribution_is_a_release_with_its_provenance(store: Archive) -> None:
    before = store.current()
    assert before is not None
    found = stage(store)
    assert found.state is State.STAGED
    done = accept(store, staging_of(store), found.id, CURATOR)
    manifest = store.current()
    assert manifest is not None
    assert (done.state, done.snapshot) == (State.ACCEPTED, manifest.number)
    assert manifest.number == before.number + 1
    release, records = manifest.release("test-town"), manifest.release("test-town-records")
    assert release is not None
    assert records is not None
    assert (release.version, release.contributed, release.role.value) == (done.version, True, "stated")
    assert records.role.value == "provenance"
    assert release.issued == done.history[-1].at[:10]
    assert "Town of Test" in release.rights
    assert says(store, f"<{OLD}> a circ:Practice")
    assert says(store, f"?r circ:recordOf <{OLD}> ; prov:wasGeneratedBy ?c . ?c circ:tokenName 'turku'", records.set)
    told = store.quads(records).decode()
    assert "info@example.org" not in told
    assert "practices.ttl" not in told, "the name of a file may hold that of a person"
    assert "curator" not in told


def test_a_set_without_keywords_gets_those_of_what_it_describes(store: Archive) -> None:
    """Without any, the catalogue missed what DCAT-AP recommends, and 30 points of the portal's score."""
    accept(store, staging_of(store), stage(store, about=replace(ABOUT, keywords=())).id, CURATOR)
    manifest = store.current()
    assert manifest is not None
    words = {slug: found.keywords for slug in SETS if (found := manifest.release(slug))}
    assert words["test-town"] == ("circular economy", "practice", "source document")
    assert words["test-town-records"] == (*words["test-town"], "provenance")


def test_keywords_that_are_given_are_kept(store: Archive) -> None:
    accept(store, staging_of(store), stage(store, about=replace(ABOUT, keywords=("repair", "reuse"))).id, CURATOR)
    manifest = store.current()
    assert manifest is not None
    release = manifest.release("test-town")
    assert release is not None
    assert release.keywords == ("repair", "reuse")


def test_the_earlier_manifest_brings_back_the_same_bytes(store: Archive) -> None:
    before, files = store.current(), digests(store.folder)
    assert before is not None
    accept(store, staging_of(store), stage(store).id, CURATOR)
    assert files.items() <= digests(store.folder).items(), "no release that was there has changed"
    text = (store.folder / "manifests" / f"{before.number:06}.json").read_bytes()
    write_durably(store.folder / "manifest.json", text)
    assert store.current() == before
    assert not says(store, f"<{OLD}> a circ:Practice")


def test_what_is_inferred_follows_a_contribution(store: Archive) -> None:
    dated = GOOD.replace(
        "circ:identifiedBy", 'schema:startDate "2024"^^<http://www.w3.org/2001/XMLSchema#gYear> ;\n  circ:identifiedBy'
    )
    accept(store, staging_of(store), stage(store, dated).id, CURATOR)
    assert says(store, f"<{OLD}> circ:startLatest ?day", "inferred")


def test_an_update_describes_anew_and_keeps_the_rest(store: Archive) -> None:
    both = GOOD + practice("library-of-things", "Library of things")
    accept(store, staging_of(store), stage(store, both).id, CURATOR)
    again = PREFIXES + practice("repair-cafe-of-test-town", "Repair café", "It moved to the old fire station.") + SOURCE
    found = stage(store, again)
    assert found.state is State.STAGED, "it does not clash with its own earlier self"
    assert found.judged is not None
    assert found.judged.counts is not None
    assert (found.judged.counts["changed"], found.judged.counts["same"]) == (1, 1)
    accept(store, staging_of(store), found.id, CURATOR)
    assert says(store, f'<{OLD}> <http://purl.org/dc/terms/title> "Repair café"@en')
    assert not says(store, f'<{OLD}> <http://purl.org/dc/terms/title> "Repair café of Test Town"@en')
    assert says(store, "<https://w3id.org/circkg/id/practice/library-of-things> a circ:Practice")
    release = store.current().release("test-town")  # type: ignore[union-attr]  # it is published
    assert release is not None
    assert release.version.startswith("2-")


def test_a_whole_set_removes_what_it_does_not_describe(store: Archive) -> None:
    both = GOOD + practice("library-of-things", "Library of things")
    accept(store, staging_of(store), stage(store, both).id, CURATOR)
    found = stage(store, GOOD, replace(ABOUT, replaces=True))
    difference = json.loads(
        (staging_of(store).folder_of(found.id) / "review" / "difference.json").read_text(encoding="utf-8")
    )
    removed = [each for each in difference if each["change"] == "removed"]
    assert [each["name"] for each in removed] == ["Library of things"]
    assert removed[0]["removed"], "what is removed is told with its statements"
    accept(store, staging_of(store), found.id, CURATOR)
    gone = "<https://w3id.org/circkg/id/practice/library-of-things>"
    assert not says(store, f"{gone} ?p ?o")
    assert not says(store, f"?record circ:recordOf {gone}", "test-town-records")


def test_a_build_carries_contributed_sets_over(store: Archive) -> None:
    accept(store, staging_of(store), stage(store).id, CURATOR)
    loaded = carry_over(store, load())
    assert any(subject == f"<{OLD}>" for subject, _, _ in loaded.triples["test-town"])
    assert {each.slug for each in loaded.sets if each.reader == "contributed"} == {"test-town", "test-town-records"}


def test_what_changed_since_it_was_compared_is_not_accepted(store: Archive) -> None:
    first, second = stage(store), stage(store, GOOD.replace("mend", "repair"))
    assert second.others == (first.id,)
    accept(store, staging_of(store), first.id, CURATOR)
    with pytest.raises(StaleError):
        accept(store, staging_of(store), second.id, CURATOR)
    again = review(store, staging_of(store).change(second.id, lambda each: each.then(State.RECEIVED)))
    accept(store, staging_of(store), again.id, CURATOR)
    assert says(
        store, f'<{OLD}> <http://purl.org/dc/terms/description> "People repair things together, and learn how."@en'
    )


def test_what_is_not_sound_as_a_whole_is_not_published(store: Archive) -> None:
    """Two contributions that are fine alone and not together: the second would give a thing two titles."""
    before = (store.folder / "manifest.json").read_bytes()
    other = replace(ABOUT, set="other-town", title="Other town")
    first, second = stage(store), stage(store, GOOD.replace("Repair café of Test Town", "Another title"), other)
    accept(store, staging_of(store), first.id, CURATOR)
    between = (store.folder / "manifest.json").read_bytes()
    assert between != before
    files = digests(store.folder)
    with pytest.raises(NotSoundError) as caught:
        accept(store, staging_of(store), second.id, CURATOR)
    assert any(OLD in fault for fault in caught.value.faults), caught.value.faults
    assert (store.folder / "manifest.json").read_bytes() == between
    assert digests(store.folder) == files, "nothing of it lies among the releases"
    assert staging_of(store).get(second.id).state is State.STAGED


@pytest.mark.parametrize(
    ("content", "says_"),
    [
        (PREFIXES + 'circ:Practice skos:note "Mine now."@en .', "no thing that contributions describe"),
        (
            PREFIXES + '<http://data.europa.eu/nuts/code/FI1C3> skos:prefLabel "Mine"@en .',
            "no thing that contributions",
        ),
        (GOOD + "<https://w3id.org/circkg/id/practice/repair-cafe-of-test-town> dct:relation [] .", "blank nodes"),
    ],
)
def test_a_contribution_says_nothing_of_what_has_other_editors(store: Archive, content: str, says_: str) -> None:
    found = stage(store, content)
    assert found.state is State.VALIDATED
    assert found.judged is not None
    assert says_ in found.judged.problem


def test_only_a_staged_contribution_is_accepted(store: Archive) -> None:
    staging = staging_of(store)
    found = stage(store)
    staging.change(found.id, lambda each: each.decided(State.RETURNED, "curator", "Not yet."))
    with pytest.raises(StagingError, match="returned"):
        accept(store, staging, found.id, CURATOR)


def test_a_candidate_that_the_curator_keeps_is_no_statement(store: Archive) -> None:
    known = "https://w3id.org/circkg/id/practice/known"
    found = stage(store)
    accept(store, staging_of(store), found.id, Decision("curator", "", ((OLD, known),)))
    assert says(store, f'<{OLD}> circ:candidateMatch "{known}"', "test-town-records")
    assert not says(store, f"<{OLD}> circ:candidateMatch ?other")


def killed(store: Archive, id_: str, after: float) -> bool:
    """Begin to accept, kill the process after a while, and tell whether it had ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "circkg_server.contributions.accepting", str(store.folder), id_],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps({"by": "curator", "comment": "", "links": []}).encode())
    process.stdin.close()
    try:
        process.wait(timeout=after)
        return True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


def check_whole(store: Archive, id_: str) -> bool:
    """Check that everything is there as before or as it was to be; tell whether it was published."""
    staging = staging_of(store)
    recover(store, staging)
    manifest = store.current()
    assert manifest is not None
    for release in manifest.releases:
        store.quads(release)
    published = manifest.release("test-town") is not None
    found = staging.get(id_)
    assert found.state is (State.ACCEPTED if published else State.STAGED)
    assert found.intent is None
    assert says(store, f"<{OLD}> a circ:Practice") is published
    assert not list((store.folder / "releases").rglob(".*.tmp"))
    return published


def moments(store: Archive, tmp_path: Path, number: int) -> None:
    """Kill acceptances at so many moments, spread over the time that a whole one takes."""
    found = stage(store)
    whole = Archive(tmp_path / "whole")
    shutil.copytree(store.folder, whole.folder)
    began = time.monotonic()
    assert killed(whole, found.id, 600)
    seconds = time.monotonic() - began
    assert check_whole(whole, found.id)
    outcomes = set()
    for step in range(number):
        copy = Archive(tmp_path / f"copy-{step}")
        shutil.copytree(store.folder, copy.folder)
        # The last quarter, in which things are published, is looked at most closely.
        part = 0.1 + 0.9 * ((step + 1) / number) ** 0.5
        killed(copy, found.id, seconds * part)
        if not check_whole(copy, found.id):
            # What was interrupted can be done again.
            outcomes.add("interrupted")
            if step % 4 == 0:
                assert killed(copy, found.id, 600)
                assert check_whole(copy, found.id)
        shutil.rmtree(copy.folder)
    assert outcomes == {"interrupted"}, "no process was killed in time"


def test_an_acceptance_that_breaks_off_leaves_nothing_and_can_be_done_again(store: Archive, tmp_path: Path) -> None:
    """Steps that an acceptance tells of, from the first release to the last file, are each the last of a process."""
    found = stage(store)
    steps: list[str] = []
    whole = Archive(tmp_path / "whole")
    shutil.copytree(store.folder, whole.folder)
    accept(whole, staging_of(whole), found.id, CURATOR, lambda step, _: steps.append(step))
    first, publishing = steps.index("release"), steps.index("publish")
    for last in (first, publishing, len(steps) - 1):
        copy = Archive(tmp_path / f"copy-{last}")
        shutil.copytree(store.folder, copy.folder)
        left = iter(range(last))

        def step(_: str, __: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            accept(copy, staging_of(copy), found.id, CURATOR, step)
        assert not check_whole(copy, found.id), "the manifest is replaced after all that it names is there"
        accept(copy, staging_of(copy), found.id, CURATOR)
        assert check_whole(copy, found.id)
        assert release_of(copy).sha256 == release_of(whole).sha256


@pytest.mark.nightly
def test_an_acceptance_that_is_killed_at_very_many_moments_leaves_all_of_it_or_nothing(
    store: Archive, tmp_path: Path
) -> None:
    moments(store, tmp_path, 60)


def test_an_acceptance_that_was_published_but_not_noted_is_found(store: Archive) -> None:
    staging = staging_of(store)
    found = stage(store)
    accept(store, staging, found.id, CURATOR)
    release = store.current().release("test-town")  # type: ignore[union-attr]  # it is published
    assert release is not None
    from circkg_server.contributions.staging import Intent

    intent = Intent(release.version, release.sha256, "curator", "Thank you.")
    staging.change(
        found.id, lambda each: replace(each, history=each.history[:-1], intent=intent, version="", snapshot=None)
    )
    assert staging.get(found.id).state is State.STAGED
    recover(store, staging)
    done = staging.get(found.id)
    assert (done.state, done.version, done.history[-1].by) == (State.ACCEPTED, release.version, "curator")
