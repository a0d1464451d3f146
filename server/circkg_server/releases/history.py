"""What changed from manifest to manifest: the sets that came, became another release, or went."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, ManifestError, Release


@dataclass(frozen=True, slots=True)
class Change:
    """What a manifest changed of one set.

    :param number: of the manifest.
    :param day: on which it counts as published; empty if no editor has declared a day so far.
    :param before: what the manifest before had; ``None``: the set is new.
    :param after: what this one has; ``None``: the set is withdrawn.
    """

    number: int
    day: str
    set: str
    before: Release | None
    after: Release | None


@lru_cache(maxsize=4)
def manifests(archive: Archive, current: Manifest) -> tuple[Manifest, ...]:
    """Return the manifests up to the current one, the oldest first. One that is missing or broken is passed over."""
    found = []
    for number in range(1, current.number):
        try:
            found.append(archive.number(number))
        except ManifestError:
            continue
    return (*found, current)


@lru_cache(maxsize=4)
def changes(archive: Archive, current: Manifest) -> tuple[Change, ...]:
    """Return all changes up to the current manifest, in their order: by manifest, then as its registry lists the sets.

    Nothing here knows a clock, so the same manifests give the same changes. The day of a manifest is the latest that
    editors declare for a release which it brings; it never runs back, whatever they declare.
    """
    found: list[Change] = []
    before: dict[str, Release] = {}
    day = ""
    for manifest in manifests(archive, current):
        after = {release.set: release for release in manifest.releases}
        brought = [slug for slug in after if before.get(slug) != after[slug]]
        day = max([day, *(after[slug].issued for slug in brought)])
        gone = [slug for slug in before if slug not in after]
        found += [Change(manifest.number, day, slug, before.get(slug), after.get(slug)) for slug in (*brought, *gone)]
        before = after
    return tuple(found)


@lru_cache(maxsize=4)
def days(archive: Archive, current: Manifest) -> dict[int, str]:
    """Return the day on which each manifest counts as published, by its number: that of the last change up to it."""
    by_number = {change.number: change.day for change in changes(archive, current)}
    found: dict[int, str] = {}
    day = ""
    for manifest in manifests(archive, current):
        day = by_number.get(manifest.number, day)
        found[manifest.number] = day
    return found


@lru_cache(maxsize=4)
def releases_of(archive: Archive, current: Manifest) -> dict[str, tuple[Release, ...]]:
    """Return the releases of each set, each once: in the order in which they were first published."""
    found: dict[str, dict[str, Release]] = {}
    for change in changes(archive, current):
        if change.after:
            found.setdefault(change.set, {})[change.after.version] = change.after
    return {slug: tuple(by_version.values()) for slug, by_version in found.items()}


def release_before(archive: Archive, current: Manifest, release: Release) -> Release | None:
    """Return the release of the same set that was published before this one was first; ``None`` if it is the first."""
    known = releases_of(archive, current).get(release.set, ())
    place = next((number for number, found in enumerate(known) if found.version == release.version), 0)
    return known[place - 1] if place else None
