"""The catalogue, its sets and VoID as files of a published directory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from circkg_loaders.nuts import load_countries
from circkg_server.catalogue.description import FORMS, Form
from circkg_server.catalogue.documents import Kind, Shelf
from circkg_server.catalogue.pages import catalogue_page, set_page
from circkg_server.publishing.publication import HTML, Publication, Published, made
from circkg_server.releases.manifest import Release
from circkg_shapes.rooms import room

VOID = ".well-known/void"


def published(publication: Publication) -> Iterator[Published]:
    """Yield the catalogue, each set as it is now, each release, and VoID: a page and the forms for programs."""
    shelf = Shelf(publication.archive, publication.editor, load_countries(room("data") / "countries.csv"))

    def forms(path: str, kind: Kind, title: str, release: Release | None = None) -> Iterator[Published]:
        for form in FORMS:
            content = made(partial(_document, shelf, kind, publication, form, release))
            yield Published(f"{path}.{form.ending}", form.media_type, content, title=f"{title}: {form.name}")

    page = made(partial(_catalogue_page, shelf, publication))
    yield Published("catalogue/index.html", HTML, page, title="Catalogue")
    yield from forms("catalogue", "catalogue", "Catalogue in DCAT-AP")
    yield from forms("void", "void", "VoID")
    content = made(partial(_document, shelf, "void", publication, FORMS[0], None))
    yield Published(VOID, FORMS[0].media_type, content, title="VoID")
    for release in publication.manifest.releases:
        page = made(partial(_set_page, shelf, publication, release, is_current=True))
        yield Published(f"set/{release.set}/index.html", HTML, page, title=release.title)
        yield from forms(f"set/{release.set}", "set", release.title, release)
    for releases in publication.releases.values():
        for release in releases:
            path, title = f"set/{release.set}/{release.version}", f"{release.title}, version {release.version}"
            page = made(partial(_set_page, shelf, publication, release, is_current=False))
            yield Published(f"{path}/index.html", HTML, page, title=title)
            yield from forms(path, "release", title, release)


def _catalogue_page(shelf: Shelf, publication: Publication) -> bytes:
    return catalogue_page(shelf.view(publication.manifest, publication.address), publication.root).encode()


def _set_page(shelf: Shelf, publication: Publication, release: Release, *, is_current: bool) -> bytes:
    view, known = shelf.view(publication.manifest, publication.address), shelf.versions(publication.manifest)
    return set_page(view, known, release, publication.root, is_current=is_current).encode()


def _document(shelf: Shelf, kind: Kind, publication: Publication, form: Form, release: Release | None) -> bytes:
    return shelf.document(kind, publication.manifest, publication.address, form, release)
