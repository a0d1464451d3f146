"""The releases of each data set, in the order in which manifests named them first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, ManifestError, Release


@dataclass(frozen=True, slots=True)
class Versions:
    """What was published up to a manifest.

    :param by_set: the releases of each set, the oldest first, each as the newest manifest that names it says.
    :param withdrawn: sets that an earlier manifest had and the current one has not, with the day of the first
        manifest without them.
    """

    manifest: Manifest
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


def day_of(manifest: Manifest) -> str:
    """Return the day of a manifest: the latest that editors declare for a release in it; empty if none is declared."""
    return max((release.issued for release in manifest.releases), default="")


@lru_cache(maxsize=4)
def versions(archive: Archive, current: Manifest) -> Versions:
    """Return what was published up to a manifest.

    A manifest that is missing or broken is passed over: the releases that only it names are not known then.
    """
    found: dict[str, dict[str, Release]] = {}
    withdrawn: dict[str, str] = {}
    for manifest in (*_earlier(archive, current), current):
        for release in manifest.releases:
            found.setdefault(release.set, {})[release.version] = release
        named = {release.set for release in manifest.releases}
        withdrawn = {slug: withdrawn.get(slug, day_of(manifest)) for slug in found if slug not in named}
    return Versions(current, {slug: tuple(by_version.values()) for slug, by_version in found.items()}, withdrawn)


def _earlier(archive: Archive, current: Manifest) -> list[Manifest]:
    manifests = []
    for number in range(1, current.number):
        try:
            manifests.append(archive.number(number))
        except ManifestError:
            continue
    return manifests
