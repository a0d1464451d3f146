"""The releases of each data set, as the catalogue tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from circkg_server.releases.archive import Archive
from circkg_server.releases.history import changes, releases_of
from circkg_server.releases.manifest import Manifest, Release


@dataclass(frozen=True, slots=True)
class Versions:
    """What was published up to a manifest.

    :param by_set: the releases of each set, the oldest first.
    :param withdrawn: sets that are published no more, with the day on which they went.
    """

    by_set: dict[str, tuple[Release, ...]]
    withdrawn: dict[str, str]

    def of(self, slug: str) -> tuple[Release, ...]:
        """Return the releases of a set, the oldest first; none if there never was such a set."""
        return self.by_set.get(slug, ())

    def find(self, slug: str, version: str) -> Release | None:
        """Return a release, or ``None`` if there never was one."""
        return next((release for release in self.of(slug) if release.version == version), None)

    def before(self, release: Release) -> Release | None:
        """Return the release before, or ``None`` if it is the first."""
        known = [found.version for found in self.of(release.set)]
        place = known.index(release.version) if release.version in known else 0
        return self.of(release.set)[place - 1] if place else None


@lru_cache(maxsize=4)
def versions(archive: Archive, current: Manifest) -> Versions:
    """Return what was published up to a manifest."""
    withdrawn: dict[str, str] = {}
    for change in changes(archive, current):
        if change.after is None:
            withdrawn[change.set] = change.day
        else:
            withdrawn.pop(change.set, None)
    return Versions(releases_of(archive, current), withdrawn)
