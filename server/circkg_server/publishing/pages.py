"""The pages of releases, snapshots, changes and citations, for people."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from circkg_loaders.prefixes import shorten
from circkg_server.publishing import changes
from circkg_server.publishing.citation import Citation, of_release, of_snapshot
from circkg_server.publishing.citation_formats import FORMATS, text
from circkg_server.publishing.distributions import distributions
from circkg_server.publishing.publication import Publication
from circkg_server.releases import history
from circkg_server.releases.manifest import Manifest, ManifestError, Release
from circkg_server.web.rendering import render
from circkg_shapes.terms import is_iri, literal_parts

_SHOWN_CHANGES = 200


def releases(publication: Publication) -> bytes:
    """Return the page of all releases of all sets, the newest first, with their files."""
    sets = [
        {
            "title": found[-1].title,
            "slug": slug,
            "withdrawn": publication.manifest.release(slug) is None,
            "releases": [
                {
                    "release": release,
                    "files": distributions(publication.archive, release),
                    "diff": changes.summary_path(publication.archive, slug, release.version).is_file(),
                    "citation": text(of_release(release, publication.editor)),
                }
                for release in reversed(found)
            ],
        }
        for slug, found in publication.releases.items()
    ]
    snapshots = [manifest.number for manifest in history.manifests(publication.archive, publication.manifest)]
    return _page("releases.html", publication, sets=sets, snapshots=snapshots[::-1])


def releases_json(publication: Publication) -> bytes:
    """Return the releases of all sets as JSON, the oldest first."""
    content = {
        slug: [
            {
                "version": release.version, "issued": release.issued, "quads": release.quads,
                "sha256": release.sha256, "licence": release.licence, "rights": release.rights,
                "files": f"{publication.address}/dumps/{slug}/{release.version}.json",
                "n-quads": f"{publication.address}/{release.file.replace('releases/', 'dumps/', 1)}",
            }
            for release in found
        ]
        for slug, found in publication.releases.items()
    }  # fmt: skip
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def dumps(publication: Publication) -> bytes:
    """Return the page of the files of what is published now."""
    sets = [(release, distributions(publication.archive, release)) for release in publication.manifest.releases]
    return _page(
        "dumps.html",
        publication,
        manifest=publication.manifest,
        sets=sets,
        total=sum(file.bytes for _, files in sets for file in files),
    )


def dumps_json(publication: Publication) -> bytes:
    """Return the files of what is published now as JSON."""
    content = {
        "snapshot": publication.manifest.number,
        "files": [
            {
                "set": release.set, "version": release.version, "issued": release.issued, "licence": release.licence,
                "rights": release.rights, "title": f"{release.title}: {file.title}", "mediaType": file.media_type,
                "compression": file.compression, "bytes": file.bytes, "sha256": file.sha256,
                "url": f"{publication.address}/dumps/{file.file}",
            }
            for release in publication.manifest.releases
            for file in distributions(publication.archive, release)
        ],
    }  # fmt: skip
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def snapshot(publication: Publication, manifest: Manifest, day: str) -> bytes:
    """Return the page of a snapshot: which release of each set it holds."""
    citation = of_snapshot(manifest, day, publication.editor)
    found = [change for change in _changes(publication) if change.number == manifest.number]
    return _page(
        "snapshot.html", publication, manifest=manifest, day=day, citation=text(citation), changes=found,
        is_current=manifest.number == publication.manifest.number, forms=FORMATS,
    )  # fmt: skip


def difference(publication: Publication, release: Release) -> bytes:
    """Return the page of what a release changed against the one before.

    :raises ManifestError: if nobody has made the summary.
    """
    found = changes.summary(publication.archive, release.set, release.version)
    if found is None:
        raise ManifestError(f"What {release.set} {release.version} changed was not made. Build again.")
    return _page(
        "difference.html", publication, release=release, found=found, statement=statement, short=shorten,
        patch=f"diff{found['patch']['name'].removeprefix(release.version)}",
    )  # fmt: skip


def statement(pair: list[str]) -> dict[str, str]:
    """Return predicate and object of a statement as people read them.

    >>> statement(["<http://purl.org/dc/terms/title>", '"Öl"@de'])
    {'predicate': 'dct:title', 'value': 'Öl', 'language': 'de', 'iri': '', 'datatype': ''}
    """
    predicate, value = pair
    shown = {"predicate": shorten(predicate[1:-1]), "value": value, "language": "", "iri": "", "datatype": ""}
    if is_iri(value):
        return shown | {"value": shorten(value[1:-1]), "iri": value[1:-1]}
    if value.startswith('"'):
        lexical, language, datatype = literal_parts(value)
        kind = "" if language or datatype.endswith("#string") else shorten(datatype)
        return shown | {"value": lexical, "language": language or "", "datatype": kind}
    return shown


def feed(publication: Publication) -> bytes:
    """Return the page of the change feed, the newest change first."""
    found = _changes(publication)
    shown = list(islice(reversed(found), _SHOWN_CHANGES))
    return _page("feed.html", publication, changes=shown, total=len(found))


def cite(publication: Publication, citation: Citation) -> bytes:
    """Return the page of a citation in all its forms."""
    forms = [(form, form.write(citation)) for form in FORMATS]
    return _page("cite.html", publication, citation=citation, forms=forms)


def _changes(publication: Publication) -> tuple[history.Change, ...]:
    return history.changes(publication.archive, publication.manifest)


def _page(template: str, publication: Publication, **values: Any) -> bytes:
    return render(template, root=publication.root, **values).encode()
