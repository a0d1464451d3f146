"""The index of what a manifest publishes, in whose light contributions are judged, and of the names in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from circkg_loaders.contributed.known import Known, write_known
from circkg_server.releases.archive import Archive, keep_newest, new_folder, triple_of
from circkg_server.releases.manifest import Manifest
from circkg_shapes.background import Background, BackgroundError
from circkg_shapes.terms import Triple

NAMES = "names.sqlite"
"""File of the index that holds the names of what is published."""


def path_of(archive: Archive, manifest: Manifest) -> Path:
    """Return the folder of a manifest's index."""
    return archive.folder / "background" / f"{manifest.number:06}"


def make(archive: Archive, manifest: Manifest) -> Path:
    """Make the index of a manifest from its releases, unless it is there, and return its folder.

    The one who calls holds the archive's lock. A process that dies leaves only a folder that the next one removes.

    :raises ManifestError: if a release cannot be read.
    """
    folder = path_of(archive, manifest)
    if _opened(folder):
        return folder
    with new_folder(folder) as new:
        Background.write(new, _triples(archive, manifest), manifest.number)
        write_known(new / NAMES, _triples(archive, manifest))
    return folder


def remove_old(archive: Archive, current: Manifest, keep: int = 5) -> None:
    """Remove the indexes of snapshots that nobody can ask for any more: all but the newest ``keep``."""
    keep_newest(path_of(archive, current), keep)


def open_background(archive: Archive) -> Background | None:
    """Open the index of the current manifest, made anew if it is missing; ``None`` if nothing is published.

    :raises StoreBusyError: if the index must be made anew while another process writes.
    """
    manifest = archive.current()
    if manifest is None:
        return None
    found = _opened(path_of(archive, manifest))
    if found is None:
        with archive.writing():
            found = Background.open(make(archive, manifest))
    return found


def open_names(archive: Archive, manifest: Manifest) -> Known:
    """Open the names of what a manifest publishes; :func:`open_background` made them, if they were missing."""
    return Known.open(path_of(archive, manifest) / NAMES)


def _opened(folder: Path) -> Background | None:
    try:
        return Background.open(folder) if (folder / NAMES).exists() else None
    except BackgroundError:
        return None


def _triples(archive: Archive, manifest: Manifest) -> Iterator[Triple]:
    """Yield the default graph as the releases write it."""
    for release in manifest.releases:
        if release.role.in_default_graph:
            yield from map(triple_of, archive.n_triples(release))
