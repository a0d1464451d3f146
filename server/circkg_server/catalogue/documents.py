"""The documents of the catalogue, by what they are of: made when asked for, and kept while nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from circkg_loaders.nuts import Country, load_countries
from circkg_server.catalogue import dcat
from circkg_server.catalogue.dcat import View
from circkg_server.catalogue.description import Form, written
from circkg_server.catalogue.editor import Editor, editor_of
from circkg_server.catalogue.versions import Versions, versions
from circkg_server.catalogue.void import void
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.rooms import room
from circkg_shapes.terms import Triple

Kind = Literal["catalogue", "void", "set", "release", "record"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where documents come from: a store, who publishes, and the countries that there are."""

    archive: Archive
    editor: Editor
    countries: Mapping[str, Country]

    @classmethod
    def of(cls, archive: Archive, setting: str = "") -> Shelf:
        """Return the shelf of a store.

        :param setting: path of ``catalogue.toml``, as ``CIRCKG_CATALOGUE`` gives it.
        :raises EditorError: if ``catalogue.toml`` cannot be used.
        """
        data = room("data")
        return cls(archive, editor_of(archive.folder, data, setting), load_countries(data / "countries.csv"))

    def __hash__(self) -> int:
        """Tell shelves apart by their store; equal ones have equal stores."""
        return hash(self.archive)

    def view(self, manifest: Manifest, address: str) -> View:
        """Return what descriptions of a manifest are made from.

        :param address: where the server is reached, without a slash at its end.
        """
        return View(self.archive, manifest, self.editor, address, self.countries)

    def versions(self, manifest: Manifest) -> Versions:
        """Return what was published up to a manifest."""
        return versions(self.archive, manifest)

    def document(
        self, kind: Kind, manifest: Manifest, address: str, form: Form, release: Release | None = None
    ) -> bytes:
        """Return a document: the same bytes for the same manifest, address and settings.

        :param release: the release that a document of a set or release is of.
        """
        return _document(self, kind, manifest, address, form, release)


@lru_cache(maxsize=32)
def _document(shelf: Shelf, kind: Kind, manifest: Manifest, address: str, form: Form, release: Release | None) -> bytes:
    view = shelf.view(manifest, address)
    return written(_triples(view, shelf.versions(manifest), kind, release), form)


def _triples(view: View, known: Versions, kind: Kind, release: Release | None) -> set[Triple]:
    if kind == "catalogue":
        return dcat.catalogue(view)
    if kind == "void":
        return void(view)
    assert release is not None
    if kind == "set":
        return dcat.set_with_releases(view, known, release)
    if kind == "release":
        return dcat.one_release(view, known, release)
    return dcat.record(view, release)
