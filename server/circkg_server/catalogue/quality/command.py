"""The command ``circkg quality``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from circkg_server.catalogue.dcat import catalogue
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.quality.compliance import check
from circkg_server.catalogue.quality.fetching import Fetcher, FetchError
from circkg_server.catalogue.quality.reading import Metadata, read_catalogue
from circkg_server.catalogue.quality.reports import as_json, as_turtle
from circkg_server.catalogue.quality.scoring import Quality, score
from circkg_server.releases.archive import Archive
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings
from circkg_server.store.snapshot import NothingPublishedError

WRITERS: dict[str, Callable[[Quality], str]] = {"json": as_json, "turtle": as_turtle}


def default_source() -> str:
    """Return the address of the catalogue of the server of this machine, or of ``CIRCKG_PUBLIC_URL``."""
    port = os.environ.get("CIRCKG_PORT", "8000")
    return f"{os.environ.get('CIRCKG_PUBLIC_URL') or f'http://127.0.0.1:{port}'}/catalogue"


def measure(
    archive: Archive,
    source: str | None,
    resolve: list[str],
    shapes: list[Path],
    *,
    offline: bool,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Quality:
    """Return the score of a catalogue.

    :param archive: the store, whose own catalogue is scored offline if no other is named.
    :param source: file or address; ``None``: our own catalogue, from the running server or offline from the store.
    :param resolve: pairs ``BASE=URL``.
    :raises FetchError: if a pair is none, or the address of the catalogue does not answer.
    :raises ContributionError: if the catalogue cannot be read.
    :raises ShapesError: if the shapes cannot be used.
    """
    fetcher = _fetcher(resolve)
    if source is None and offline:
        source, metadata = f"the store {archive.folder}", _own(archive)
    else:
        source = source or default_source()
        if source.startswith(("http://", "https://")):
            if offline:
                raise FetchError("--offline asks no address. Give the catalogue as a file.")
            fetcher.name(fetcher.resolved(source))
        metadata = read_catalogue(source, fetcher)
    return score(source, metadata, check(metadata, shapes), None if offline else fetcher, progress)


def _fetcher(resolve: list[str]) -> Fetcher:
    fetcher = Fetcher()
    for pair in resolve:
        base, equals, to = pair.partition("=")
        if not equals or not base:
            raise FetchError(f"Write --resolve BASE=URL, not {pair!r}.")
        fetcher.resolve[base] = to
        fetcher.name(to)
    return fetcher


def _own(archive: Archive) -> Metadata:
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
    shelf = Shelf.of(archive, Settings.from_environment().catalogue)
    return Metadata(catalogue(shelf.view(manifest, default_source().removesuffix("/catalogue"))))


def kept_path(archive: Archive, manifest: Manifest) -> Path:
    """Return where the measurements of a manifest's catalogue stand, which the server gives at /catalogue/quality."""
    return archive.folder / "quality" / f"{manifest.number:06}.ttl"


def keep(archive: Archive, quality: Quality) -> Path:
    """Keep the measurements of the current manifest's catalogue for the server to give.

    :raises NothingPublishedError: if nothing is published in the store.
    """
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
    path = kept_path(archive, manifest)
    write_durably(path, as_turtle(quality).encode())
    return path
