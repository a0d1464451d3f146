"""What is known when something is judged: the snapshot of a store, or the curated data where nothing is published."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from circkg_loaders.registry import Role
from circkg_server.contributions.bounds import WRITTEN, date_bounds
from circkg_server.contributions.knowledge import Knowledge
from circkg_server.contributions.published import Published
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import Term, Triple


@dataclass(frozen=True, slots=True)
class Background:
    """What is known, of one snapshot.

    :param manifest: of the snapshot; ``None`` if nothing is published.
    """

    archive: Archive
    manifest: Manifest | None
    knowledge: Knowledge


def background(store: Path) -> Background:
    """Return what is known of the current snapshot of a store; it is read once for each snapshot."""
    manifest = Archive(store).current()
    return _background(store, manifest.number if manifest else None)


@lru_cache(maxsize=1)
def _background(store: Path, _number: int | None) -> Background:
    archive = Archive(store)
    manifest = archive.current()
    if manifest is None:
        return Background(archive, None, _with_names(Knowledge.of_data()))
    vocabularies = [release for release in manifest.releases if release.role is Role.VOCABULARY]
    stated = [
        triple for release in manifest.releases if release.role is Role.STATED for triple in archive.triples(release)
    ]
    triples = (*(t for release in vocabularies for t in archive.triples(release)), *stated, *date_bounds(stated))
    versions = {release.set: release.version for release in vocabularies}
    return Background(archive, manifest, _with_names(Knowledge(triples, versions, manifest.number)))


def _with_names(knowledge: Knowledge) -> Knowledge:
    """Read the names now, so that no job has to."""
    _ = knowledge.names
    return knowledge


def without(knowledge: Knowledge, published: Published, things: Set[Term], replaces: bool) -> Knowledge:
    """Leave out what a contribution takes the place of, so that it does not clash with its own earlier self.

    :param things: what the contribution describes.
    :param replaces: the contribution is the whole set.
    """
    gone: set[Triple] = set()
    for thing, statements in published.set.items():
        if replaces or thing in things:
            elsewhere = {(predicate, value) for _, predicate, value in published.elsewhere.get(thing, ())}
            gone |= {
                (thing, predicate, value) for predicate, value in statements if (predicate, value) not in elsewhere
            }
    if not gone:
        return knowledge
    again = {thing for thing, _, _ in gone}
    kept = (each for each in knowledge.triples if each not in gone and not (each[0] in again and each[1] in WRITTEN))
    return replace(knowledge, triples=tuple(kept))
