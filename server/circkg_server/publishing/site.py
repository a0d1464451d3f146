"""Everything that is published, by path: what a directory is written from, and what the server gives.

A part of the server that publishes adds one function to :data:`PARTS`: it yields its things for a publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from circkg_server.catalogue.published import published as catalogue
from circkg_server.publishing import citation, feed, pages
from circkg_server.publishing.changes import PATCH_TYPE, patch_path, summary_path
from circkg_server.publishing.citation_formats import FORMATS, Format
from circkg_server.publishing.crate import FILE as CRATE
from circkg_server.publishing.crate import crate
from circkg_server.publishing.distributions import distributions, index_path, path_of
from circkg_server.publishing.publication import HTML, JSON, Publication, Published, given, made, of_file
from circkg_server.releases.history import days, manifests
from circkg_server.releases.manifest import Manifest, to_json

Part = Callable[[Publication], Iterator[Published]]


def site(publication: Publication) -> dict[str, Published]:
    """Return everything that is published, by path; contents are made when they are asked for.

    :raises ManifestError: if the index of a release's files cannot be read.
    """
    found = {thing.path: thing for part in PARTS for thing in part(publication)}
    found |= {thing.path: thing for thing in research_object(publication)}
    return found


def find(publication: Publication, path: str, part: Part) -> Published | None:
    """Return the thing of a part that stands at a path, or ``None``."""
    return next((thing for thing in part(publication) if thing.path == path), None)


def research_object(publication: Publication) -> Iterator[Published]:
    """Yield the metadata of the whole as an RO-Crate, which lists what all parts publish."""
    day = day_of(publication, publication.manifest)

    def metadata() -> bytes:
        whole = citation.of_snapshot(publication.manifest, day, publication.editor)
        return crate(publication, whole, (thing for part in PARTS for thing in part(publication)))

    yield Published(CRATE, "application/ld+json", made(metadata), title="RO-Crate metadata")


def day_of(publication: Publication, manifest: Manifest) -> str:
    """Return the day on which a manifest counts as published; empty if no editor has declared one so far."""
    return days(publication.archive, publication.manifest).get(manifest.number, "")


def dumps(publication: Publication) -> Iterator[Published]:
    """Yield the files of all releases, each with its checksum beside, and the list of the files of each release."""
    archive = publication.archive
    for releases in publication.releases.values():
        for release in releases:
            for one in distributions(archive, release):
                title = f"{release.title}, version {release.version}: {one.title}"
                content = of_file(path_of(archive, one))
                yield Published(f"dumps/{one.file}", one.served_as, content, True, title, one.bytes, one.sha256)
                line = one.checksum_line.encode()
                yield Published(
                    f"dumps/{one.file}.sha256", "text/plain; charset=utf-8", given(line), True, f"SHA-256 of {title}"
                )
            index = index_path(archive, release.set, release.version)
            if index.is_file():
                title = f"{release.title}, version {release.version}: list of files"
                yield Published(f"dumps/{release.set}/{index.name}", JSON, of_file(index), title=title)


def dump_lists(publication: Publication) -> Iterator[Published]:
    """Yield the list of the files of what is published now: a page, and JSON."""
    yield Published("dumps/index.html", HTML, made(partial(pages.dumps, publication)), title="Files")
    yield Published("dumps.json", JSON, made(partial(pages.dumps_json, publication)), title="Files, as JSON")


def differences(publication: Publication) -> Iterator[Published]:
    """Yield what each release changed against the one before: a page, its data, and the patch."""
    archive = publication.archive
    for slug, releases in publication.releases.items():
        for release in releases[1:]:
            data, patch = summary_path(archive, slug, release.version), patch_path(archive, slug, release.version)
            if patch is None or not data.is_file():
                continue
            folder, title = f"set/{slug}/{release.version}", f"What {release.title} changed in {release.version}"
            page = made(partial(pages.difference, publication, release))
            yield Published(f"{folder}/diff/index.html", HTML, page, title=title)
            yield Published(f"{folder}/diff.json", JSON, of_file(data), True, f"{title}: summary")
            media_type = "application/gzip" if patch.suffix == ".gz" else PATCH_TYPE
            name = patch.name.replace(release.version, "diff", 1)
            yield Published(
                f"{folder}/{name}", media_type, of_file(patch), True, f"{title}: RDF Patch", patch.stat().st_size
            )


def snapshots(publication: Publication) -> Iterator[Published]:
    """Yield each snapshot: the manifest, and a page of it; and the page of all releases."""
    for manifest in manifests(publication.archive, publication.manifest):
        title, path = f"Snapshot {manifest.number}", f"snapshot/{manifest.number}"
        yield Published(f"{path}.json", JSON, given(to_json(manifest).encode()), True, f"{title}: manifest")
        page = made(partial(pages.snapshot, publication, manifest, day_of(publication, manifest)))
        yield Published(f"{path}/index.html", HTML, page, title=title)
    yield Published("releases/index.html", HTML, made(partial(pages.releases, publication)), title="All releases")
    yield Published(
        "releases.json", JSON, made(partial(pages.releases_json, publication)), title="All releases, as JSON"
    )


def citations(publication: Publication) -> Iterator[Published]:
    """Yield how to cite each release, each snapshot, and what is published now."""
    editor = publication.editor
    cited = [
        (f"cite/{release.set}/{release.version}", citation.of_release(release, editor))
        for releases in publication.releases.values()
        for release in releases
    ]
    for manifest in manifests(publication.archive, publication.manifest):
        found = citation.of_snapshot(manifest, day_of(publication, manifest), editor)
        cited.append((f"cite/snapshot-{manifest.number}", found))
    for path, found in cited:
        for form in FORMATS:
            content = made(partial(_written, form, found))
            title = f"How to cite {found.title}, version {found.version}: {form.title}"
            yield Published(f"{path}.{form.ending}", form.media_type, content, title=title)
    current = cited[-1][1]
    for form in FORMATS:
        if form.file:
            title = f"How to cite all of it: {form.title}"
            yield Published(form.file, form.media_type, made(partial(_written, form, current)), title=title)


def _written(form: Format, found: citation.Citation) -> bytes:
    return form.write(found).encode()


def change_feed(publication: Publication) -> Iterator[Published]:
    """Yield the change feed: its entry, its pages, and a page for people."""
    for form in feed.FORMS:
        entry = made(partial(feed.entry, publication, form))
        yield Published(f"feed.{form.ending}", form.media_type, entry, title="Change feed")
        for number, members in enumerate(feed.pages(publication), start=1):
            page = made(partial(feed.page, publication, number, form))
            path, title = f"feed/{number}.{form.ending}", f"Change feed, page {number}"
            yield Published(path, form.media_type, page, feed.is_full(members), title)
    yield Published("feed/index.html", HTML, made(partial(pages.feed, publication)), title="Changes")


PARTS: tuple[Part, ...] = (dumps, dump_lists, differences, snapshots, citations, change_feed, catalogue)
"""What is published. Each part yields its own things; the crate, which lists them all, comes last."""
