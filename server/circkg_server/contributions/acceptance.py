"""Accepts contributions: each becomes a release of its set and a new manifest, or nothing changes at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.load import RECORDS, Loaded
from circkg_loaders.registry import DataSet, Role
from circkg_server import purging
from circkg_server.accounts import faults
from circkg_server.build import examine, publish
from circkg_server.contributions.difference import merged, refused
from circkg_server.contributions.knowledge import TYPE
from circkg_server.contributions.licences import compatible
from circkg_server.contributions.provenance import Provenance, merged_records, records
from circkg_server.contributions.published import by_subject
from circkg_server.contributions.staging import Contributed, Intent, Staging, StagingError, State
from circkg_server.publication import Progress
from circkg_server.releases.archive import CONTRIBUTED, Archive, StoreBusyError, set_of
from circkg_server.releases.manifest import Manifest
from circkg_server.retired import retired_of
from circkg_server.writes.tokens import Audit
from circkg_shapes.forms import in_language
from circkg_shapes.terms import Triple

SUBJECT = "circular economy"
"""What every set is about."""

SHOWN = 50
"""Most faults of the whole that a refusal names."""


class NotSoundError(StagingError):
    """With the contribution, the graph as a whole would not be sound; the faults say why."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(
            f"With this contribution the graph as a whole has {len(found)} faults. Nothing was published. "
            "Return it with a comment, or mend what is published first."
        )
        self.faults = tuple(found[:SHOWN])


class StaleError(StagingError):
    """What is published has changed since the contribution was compared with it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a curator decides.

    :param by: name of the token.
    :param links: candidate duplicates that may be the same: pairs of IRIs, of the contribution and of what is known.
    """

    by: str
    comment: str = ""
    links: tuple[tuple[str, str], ...] = ()


def accept(
    archive: Archive, staging: Staging, id_: str, decision: Decision, progress: Progress = lambda *_: None
) -> Contributed:
    """Publish a staged contribution and return it as it is then.

    The manifest is replaced in one step, and the intent that is written before tells a later start whether it was: so a
    process that is killed leaves either all of it or nothing.

    :raises StagingError: if it is not staged, was compared with what is published no longer, or the whole is not sound.
    :raises StoreBusyError: if another process writes to the store.
    """
    with archive.writing():
        purging.finish(archive)
        settle_all(archive, staging)
        found = staging.get(id_)
        if found.state is not State.STAGED or found.judged is None:
            raise StagingError(f"It is {found.state}, so it cannot be accepted.")
        current = archive.current()
        if current is None:
            raise StagingError("Nothing is published yet. Run `circkg build` first.")
        held = current.release(found.about.set)
        if (held.version if held else "") != found.judged.base:
            raise StaleError("Its set has changed since it was compared. It is compared again; look at the difference.")
        loaded = _loaded(archive, current)
        stated = _with(loaded, archive, staging, found, decision)
        result = examine(loaded, progress=progress)
        if not result.sound:
            raise NotSoundError(faults(result))
        release = archive.release(stated, loaded.triples[stated.slug])
        intent = Intent(release.version, release.sha256, decision.by, decision.comment)
        staging.change(id_, lambda each: replace(each, intent=intent, links=decision.links))
        publish(archive, result, progress)
        done = settle(archive, staging, id_)
    Audit(archive.folder).write(decision.by, f"accept {id_}", [release.graph], release.quads, "done")
    return done


def settle_all(archive: Archive, staging: Staging) -> None:
    """Find out of each acceptance that was begun whether it took place. The caller holds the archive's lock."""
    for each in staging.all():
        if each.intent is not None and each.state is State.STAGED:
            settle(archive, staging, each.id)


def settle(archive: Archive, staging: Staging, id_: str) -> Contributed:
    """Find out of an acceptance that was begun whether it took place, by what the current manifest names."""
    current = archive.current()

    def how(found: Contributed) -> Contributed:
        intent = found.intent
        if intent is None or found.state is not State.STAGED:
            return found
        release = current.release(found.about.set) if current else None
        if current is None or release is None or release.sha256 != intent.sha256:
            return replace(found, intent=None)
        done = replace(found, intent=None, version=release.version, snapshot=current.number)
        return done.then(State.ACCEPTED, intent.by, intent.comment)

    return staging.change(id_, how)


def recover(archive: Archive, staging: Staging) -> None:
    """Settle what a killed process left, unless another one is at work on it."""
    try:
        with archive.writing():
            purging.finish(archive)
            settle_all(archive, staging)
    except StoreBusyError:
        return


def _loaded(archive: Archive, manifest: Manifest) -> Loaded:
    """Return all that a manifest names, as a build has it; what is inferred is inferred anew."""
    return Loaded(
        [set_of(release) for release in manifest.releases],
        {r.set: archive.triples(r) for r in manifest.releases if r.role is not Role.INFERRED},
    )


def _with(loaded: Loaded, archive: Archive, staging: Staging, found: Contributed, decision: Decision) -> DataSet:
    """Put the contribution into what is published, and return its set as it will be."""
    about = found.about
    by_file = reviewed_triples(staging.folder_of(found.id))
    triples = [triple for of_file in by_file.values() for triple in of_file]
    refusals = refused(triples, retired_of(archive.folder))
    if refusals:
        raise StagingError(" ".join(refusals[:10]))
    current = {each.slug: each for each in loaded.sets}
    known = current.get(about.set)
    if known is not None and known.reader != CONTRIBUTED:
        raise StagingError(f"The set {about.set} is kept in the tables of the repository. Choose another slug.")
    before = by_subject(loaded.triples.get(about.set, []))
    after = merged(before, triples, about.replaces)
    stated = _stated(found, known, after)
    kept = DataSet(
        about.set + RECORDS, f"Records of {stated.title}", Role.PROVENANCE, CONTRIBUTED, stated.version,
        stated.licence, f"Where the statements of the set {about.set} come from, by whom and how they were checked.",
        keywords=(*stated.keywords, "provenance"), issued=stated.issued, rights=stated.rights,
    )  # fmt: skip
    told = Provenance(found, date.fromisoformat(stated.issued), decision.links)
    loaded.triples[about.set] = after
    things = {number: {subject for subject, _, _ in of_file} for number, of_file in by_file.items()}
    loaded.triples[kept.slug] = merged_records(
        loaded.triples.get(kept.slug, []), records(told, things), {subject for subject, _, _ in after}
    )
    loaded.sets[:] = _replaced(loaded.sets, (stated, kept))
    return stated


def _replaced(sets: Iterable[DataSet], new: tuple[DataSet, ...]) -> list[DataSet]:
    by_slug = {each.slug: each for each in new}
    return [by_slug.pop(each.slug, each) for each in sets] + list(by_slug.values())


def _stated(found: Contributed, known: DataSet | None, triples: Iterable[Triple]) -> DataSet:
    about = found.about
    licence = compatible(about.licence)
    number = int(known.version) + 1 if known else 1
    rights = f"Contributed by {about.publisher} under {licence.label}."
    return DataSet(
        about.set, about.title or (known.title if known else about.set), Role.STATED, CONTRIBUTED, str(number),
        "CC-BY-4.0", about.description or (known.description if known else about.title),
        about.keywords or (known.keywords if known else ()) or _keywords(triples), date.today().isoformat(),
        rights=rights,
    )  # fmt: skip


def _keywords(triples: Iterable[Triple]) -> tuple[str, ...]:
    """Return words to find a set by of which nobody gave any: portals lay stress on them."""
    kinds = {value for _, predicate, value in triples if predicate == TYPE}
    described = (form for form in our_forms() if form.target in kinds)
    return (SUBJECT, *(in_language(form.names, "en").lower() for form in described))


def reviewed_triples(folder: Path) -> dict[int, list[Triple]]:
    """Return the triples of a contribution as they were judged, by the number of the file that says them."""
    return {
        int(path.stem.rpartition("-")[2]): [_triple(line) for line in path.read_text("utf-8").split("\n") if line]
        for path in sorted((folder / "review").glob("triples-*.nt"))
    }


def _triple(line: str) -> Triple:
    subject, predicate, rest = line.split(" ", 2)
    return subject, predicate, rest.removesuffix(" .")
