"""Purges a thing: the one exception to releases that never change, for what must not be published at all.

Every statement about it goes from every release that is kept. What changes is written first under new names; a journal
says that it is under way, so that a process which is killed is followed by one that finishes it.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_server.publication import publish_manifest
from circkg_server.releases.archive import Archive, set_of
from circkg_server.releases.durable import sync_folder, write_durably
from circkg_server.releases.manifest import Manifest, Release, from_json, to_json
from circkg_server.retired import Tombstone, retire
from circkg_shapes.terms import Term, Triple, iri, is_iri

JOURNAL = "purge.json"

_OF_IT = frozenset(
    iri(expand(name))
    for name in ("circ:recordOf", "rdf:subject", "circ:participationIn", "circ:participant", "circ:coverageOf")
)
"""Properties of things that say nothing once the thing which they are about is gone."""

_ITS_OWN = frozenset(iri(expand(name)) for name in ("circ:hasAmount", "circ:hasQuantity"))
"""Properties whose values belong to one thing alone."""

_TYPE = iri(expand("rdf:type"))
_KEPT_FOLDERS = ("releases", "manifests", "contributions", "drafts", "shapes")
_NUMBERED = re.compile(r"\d{6}")


class PurgeError(ValueError):
    """A thing cannot be purged; the message says why."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did.

    :param statements: how many went from each release, by set and version.
    :param things: IRIs of what went with it: its records, claims, participations, amounts.
    :param snapshot: number of the manifest that holds from now on.
    """

    statements: dict[str, int]
    things: tuple[str, ...]
    snapshot: int | None


def found(archive: Archive, address: str) -> dict[str, int]:
    """Return how many statements about a thing each release has, and change nothing.

    :raises PurgeError: if the address is no IRI.
    """
    return _plan(archive, _term(address)).counts


def purge(archive: Archive, tombstone: Tombstone, progress: Callable[[str], None] = lambda _: None) -> Purged:
    """Remove every statement about a thing from all releases, and leave a tombstone.

    :raises PurgeError: if no release knows the thing, or the address is no IRI.
    :raises StoreBusyError: if another process writes to the store.
    """
    with archive.writing():
        finish(archive, progress)
        plan = _plan(archive, _term(tombstone.iri))
        if not plan.counts:
            raise PurgeError(f"No release says anything about <{tombstone.iri}>.")
        journal = {"tombstone": asdict(tombstone), "gone": sorted(plan.gone), "counts": plan.counts}
        write_durably(archive.folder / JOURNAL, (json.dumps(journal, ensure_ascii=False) + "\n").encode())
        return _carry_out(archive, tombstone, plan, progress)


def finish(archive: Archive, progress: Callable[[str], None] = lambda _: None) -> Purged | None:
    """Finish a purge that a killed process began. The caller holds the archive's lock."""
    journal = archive.folder / JOURNAL
    if not journal.exists():
        return None
    begun = json.loads(journal.read_text(encoding="utf-8"))
    plan = _Plan(set(begun["gone"]), begun["counts"])
    return _carry_out(archive, Tombstone(**begun["tombstone"]), plan, progress)


def _term(address: str) -> Term:
    try:
        return iri(address.strip().removeprefix("<").removesuffix(">"))
    except ValueError as error:
        raise PurgeError(str(error)) from error


@dataclass(slots=True)
class _Plan:
    """What is to be removed.

    :param gone: the thing and what goes with it.
    :param counts: statements by release: its set and version.
    """

    gone: set[Term]
    counts: dict[str, int]

    @property
    def sets(self) -> set[str]:
        """Return the slugs of the sets that change."""
        return {release.partition("/")[0] for release in self.counts}


def _plan(archive: Archive, thing: Term) -> _Plan:
    releases = _different(_manifests(archive).values())
    _refuse_word(archive, releases, thing)
    gone = {thing}
    while True:
        # What goes with it may have records and amounts of its own.
        telling = [release for release in releases if _tells(archive, release, gone)]
        more = {each for release in telling for each in _dependent(archive.triples(release), gone)}
        if more <= gone:
            break
        gone |= more
    counts = {}
    for release in telling:
        number = sum(_is_about(triple, gone) for triple in archive.triples(release))
        if number:
            counts[f"{release.set}/{release.version}"] = number
    return _Plan(gone, counts)


def _refuse_word(archive: Archive, releases: Iterable[Release], thing: Term) -> None:
    """Refuse what statements are made of: with a property or class, every statement that uses it would go.

    :raises PurgeError: if the thing is a property, a class or a part of a vocabulary, or a document that has some.
    """
    for release in releases:
        if not _tells(archive, release, {thing}):
            continue
        for subject, predicate, value in archive.triples(release):
            words = [predicate]
            if predicate == _TYPE:
                words.append(value)
            if release.role is Role.VOCABULARY:
                words.append(subject)
            if any(_is_about((word,), {thing}) for word in words):
                raise PurgeError(
                    f"{thing} is a word that {release.set} {release.version} is written with, not a thing that it is "
                    "about. Change the vocabulary in the repository instead."
                )


def _tells(archive: Archive, release: Release, gone: set[Term]) -> bool:
    return _holds(archive.quads(release), gone)


def _holds(content: bytes, gone: set[Term]) -> bool:
    return any(term[1:-1].encode() in content for term in gone)


def _different(manifests: Iterable[Manifest]) -> list[Release]:
    return list({release.file: release for manifest in manifests for release in manifest.releases}.values())


def _dependent(triples: Iterable[Triple], gone: set[Term]) -> set[Term]:
    return {
        subject if predicate in _OF_IT else value
        for subject, predicate, value in triples
        if (predicate in _OF_IT and value in gone) or (predicate in _ITS_OWN and subject in gone)
    }


def _is_about(triple: Iterable[Term], gone: set[Term]) -> bool:
    """Tell whether a statement names a thing that goes, or a part of it, or its IRI as a text."""
    return any(
        term in gone or (is_iri(term) and f"{term.partition('#')[0]}>" in gone) or f"<{term[1:-1]}>" in gone
        for term in triple
    )


def _carry_out(archive: Archive, tombstone: Tombstone, plan: _Plan, progress: Callable[[str], None]) -> Purged:
    """Do what the journal says; every step can be done again."""
    manifests = _manifests(archive)
    renewed = {
        release.file: _renewed(archive, release, plan.gone, progress)
        for release in _different(manifests.values())
        if f"{release.set}/{release.version}" in plan.counts
    }
    for path, manifest in manifests.items():
        if path.name != "manifest.json":
            write_durably(path, to_json(_with(manifest, renewed)).encode())
    # What was made of releases of these sets, such as their changes against each other, may tell of it too.
    _remove_files(archive, plan.sets)
    current = archive.current()
    if current is not None and any(release.file in renewed for release in current.releases):
        progress("publish")
        publish_manifest(archive, archive.next_manifest(_with(current, renewed).releases))
        current = archive.current()
    progress("remove what was derived")
    _remove_derived(archive, current.number if current else 0)
    kept = {release.file for release in _different(_manifests(archive).values())}
    for path in (archive.folder / "releases").glob("*/*.nq.gz"):
        unnamed = path.relative_to(archive.folder).as_posix() not in kept
        if unnamed and (path.parent.name in plan.sets or _holds(gzip.decompress(path.read_bytes()), plan.gone)):
            path.unlink()
    retire(archive.folder, tombstone)
    (archive.folder / JOURNAL).unlink()
    sync_folder(archive.folder)
    things = tuple(sorted(term[1:-1] for term in plan.gone - {_term(tombstone.iri)}))
    return Purged(plan.counts, things, current.number if current else None)


def _manifests(archive: Archive) -> dict[Path, Manifest]:
    """Return every manifest that is kept, by its file."""
    paths = [*sorted((archive.folder / "manifests").glob("[0-9]*.json")), archive.folder / "manifest.json"]
    return {path: from_json(path.read_text(encoding="utf-8")) for path in paths if path.exists()}


def _renewed(archive: Archive, release: Release, gone: set[Term], progress: Callable[[str], None]) -> Release:
    """Write a release without what goes, and return its entry."""
    progress(f"{release.set} {release.version}")
    left = [triple for triple in archive.triples(release) if not _is_about(triple, gone)]
    return archive.release(set_of(release), left)


def _with(manifest: Manifest, renewed: dict[str, Release]) -> Manifest:
    def entry(release: Release) -> Release:
        new = renewed.get(release.file)
        if new is None:
            return release
        return replace(release, version=new.version, file=new.file, sha256=new.sha256, quads=new.quads)

    return replace(manifest, releases=tuple(entry(release) for release in manifest.releases))


def _remove_derived(archive: Archive, current: int) -> None:
    """Remove what was made from manifests and is not of the current one; it is made again when it is asked for."""
    for folder in archive.folder.iterdir():
        if not folder.is_dir() or folder.name in _KEPT_FOLDERS or folder.name.startswith("."):
            continue
        if folder.name == "account":
            shutil.rmtree(folder)
            continue
        for path in folder.iterdir():
            number = _NUMBERED.match(path.name)
            if number and int(number[0]) != current:
                _remove(path)


def _remove_files(archive: Archive, sets: Iterable[str]) -> None:
    """Remove whatever was made of the releases of some sets."""
    for folder in archive.folder.iterdir():
        if folder.is_dir() and folder.name not in _KEPT_FOLDERS and not folder.name.startswith("."):
            for slug in sets:
                shutil.rmtree(folder / slug, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
