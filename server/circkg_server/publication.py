"""Publishes a manifest: makes what is derived from it, and makes it the current one. Builds, acceptances, purges do."""

from __future__ import annotations

from collections.abc import Callable

from circkg_server import search
from circkg_server.catalogue import statistics
from circkg_server.publishing.files import make_files
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.store import background, neighbourhood_index
from circkg_server.store.snapshot import make, remove_old

Progress = Callable[[str, str], None]
"""Is told the step that begins and what it works on."""


def publish_manifest(archive: Archive, manifest: Manifest, progress: Progress = lambda *_: None) -> None:
    """Make what is derived from a manifest, then make it the current one in one step.

    The caller holds the archive's lock.
    """
    progress("publish", f"snapshot {manifest.number}")
    make(archive, manifest)
    neighbourhood_index.make(archive, manifest)
    search.make(archive, manifest)
    background.make(archive, manifest)
    statistics.make(archive, manifest, lambda title: progress("count", title))
    make_files(archive, manifest, manifest.releases, lambda title: progress("files", title))
    archive.publish(manifest)
    remove_old(archive, manifest)
    neighbourhood_index.remove_old(archive, manifest)
    search.remove_old(archive, manifest)
    background.remove_old(archive, manifest)
    statistics.remove_old(archive, manifest)
