"""How to cite: a release of a set, a snapshot of the whole graph, the answer to a query, the software.

Each fact has one source. Of data it is the manifest, which has it from ``data/sets.csv``, and ``catalogue.toml``, which
says who publishes; of the software it is ``pyproject.toml``, through the metadata of the installed package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import metadata
from urllib.parse import quote

from circkg_loaders.iris import BASE, set_iri
from circkg_server.catalogue.editor import Editor
from circkg_server.releases.manifest import Manifest, Release

PROJECT = "CircKG"


@dataclass(frozen=True, slots=True)
class Citation:
    """What a reference says.

    :param key: of the reference among others: letters, digits and hyphens.
    :param kind: ``dataset`` or ``software``.
    :param issued: day, as ISO 8601 writes it; empty if no editor has declared one.
    :param licences: SPDX identifiers.
    :param part_of: IRI of what this is a version of; empty: of nothing.
    :param credit: whom else than the authors the licence asks to name, and how; empty: nobody.
    :param remark: what else a reader must know.
    """

    key: str
    kind: str
    title: str
    authors: tuple[str, ...]
    publisher: str
    version: str
    issued: str
    url: str
    licences: tuple[str, ...]
    keywords: tuple[str, ...]
    abstract: str
    part_of: str = ""
    credit: str = ""
    remark: str = ""

    @property
    def note(self) -> str:
        """Return credit and remark in one, for formats that have one place for both."""
        return " ".join(filter(None, (self.credit, self.remark)))

    @property
    def year(self) -> str:
        """Return the year of issue; empty if no day is known."""
        return self.issued[:4]


def authors() -> tuple[str, ...]:
    """Return who made it, as the package says."""
    return tuple(name.strip() for name in (metadata("circkg")["Author"] or "").split(",") if name.strip())


def project_title() -> str:
    """Return the title of the whole, as the package describes itself.

    >>> project_title()
    "CircKG: the knowledge graph of the circular economy in Europe's cities and regions"
    """
    summary = metadata("circkg")["Summary"]
    return f"{PROJECT}: {summary[:1].lower()}{summary[1:]}"


def of_release(release: Release, editor: Editor) -> Citation:
    """Return how to cite a release of a data set."""
    return Citation(
        key=_key(release.set, release.version),
        kind="dataset",
        title=f"{release.title} ({PROJECT})",
        authors=authors(),
        publisher=editor.publisher.name,
        version=release.version,
        issued=release.issued,
        url=set_iri(release.set, release.version),
        licences=(release.licence,),
        keywords=release.keywords,
        abstract=release.description,
        part_of=release.graph,
        credit=release.rights,
    )


def snapshot_iri(number: int) -> str:
    """Return the IRI of a snapshot: of the whole graph as one manifest names it."""
    return f"{BASE}snapshot/{number}"


def of_snapshot(manifest: Manifest, day: str, editor: Editor) -> Citation:
    """Return how to cite the whole graph as it was.

    :param day: on which the snapshot counts as published.
    """
    quads = sum(release.quads for release in manifest.releases)
    held = "; ".join(f"{release.set} {release.version}" for release in manifest.releases)
    return Citation(
        key=_key("snapshot", str(manifest.number)),
        kind="dataset",
        title=project_title(),
        authors=authors(),
        publisher=editor.publisher.name,
        version=f"snapshot {manifest.number}",
        issued=day,
        url=snapshot_iri(manifest.number),
        licences=tuple(dict.fromkeys(release.licence for release in manifest.releases)),
        keywords=tuple(dict.fromkeys(word for release in manifest.releases for word in release.keywords)),
        abstract=f"{len(manifest.releases)} data sets, {quads:,} triples: {held}.",
        part_of=BASE,
    )


def of_query(text: str, manifest: Manifest, day: str, editor: Editor, address: str) -> Citation:
    """Return how to cite the answer to a query, which the address pins to a snapshot.

    :param address: where the endpoint is reached, without a slash at its end.
    """
    whole = of_snapshot(manifest, day, editor)
    return Citation(
        key=f"{whole.key}-query",
        kind="dataset",
        title=f"{whole.title}: answer to a SPARQL query",
        authors=whole.authors,
        publisher=whole.publisher,
        version=whole.version,
        issued=whole.issued,
        url=f"{address}/sparql?query={quote(text, safe='')}&snapshot={manifest.number}",
        licences=whole.licences,
        keywords=(),
        abstract=text,
        part_of=whole.url,
        remark="Servers answer queries of newer snapshots and of those they keep; the releases of all stay for ever.",
    )


def of_software(editor: Editor | None = None) -> Citation:
    """Return how to cite the software."""
    package = metadata("circkg")
    return Citation(
        key=f"{PROJECT.lower()}-software",
        kind="software",
        title=project_title(),
        authors=authors(),
        publisher=editor.publisher.name if editor else "",
        version=package["Version"],
        issued="",
        url=BASE,
        licences=(package["License-Expression"],),
        keywords=tuple(word.strip() for word in (package["Keywords"] or "").split(",")),
        abstract=f"{package['Summary']}.",
    )


def _key(*parts: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{PROJECT} {' '.join(parts)}".lower())
