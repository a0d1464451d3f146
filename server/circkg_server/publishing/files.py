"""Makes the files of releases and of their changes: at the end of a build, and again where somebody deleted them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from circkg_server.publishing.changes import make_changes
from circkg_server.publishing.distributions import make_distributions
from circkg_server.releases.archive import Archive
from circkg_server.releases.history import release_before
from circkg_server.releases.manifest import Manifest, Release


def make_files(
    archive: Archive, manifest: Manifest, releases: Iterable[Release], progress: Callable[[str], None] = lambda _: None
) -> None:
    """Make what is missing of the files of some releases. The caller holds the lock of the archive.

    :param manifest: the current one, or the one that becomes it: it says which release came before which.
    :param progress: is told the title of each release as work on it begins.
    :raises ManifestError: if a release cannot be read, or is not what the manifest says.
    """
    for release in releases:
        progress(release.title)
        make_distributions(archive, release)
        before = release_before(archive, manifest, release)
        if before:
            make_changes(archive, before, release)
