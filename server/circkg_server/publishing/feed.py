"""The change feed: what came, changed and went among the data sets, as a Linked Data Event Stream.

After DCAT-AP Feeds (https://semiceu.github.io/LDES-DCAT-AP-feeds/), LDES (https://w3id.org/ldes/specification) and TREE
(https://w3id.org/tree/specification): each change is an activity of ActivityStreams; the description of the set stands
in a named graph of the activity's IRI. Activities, and pages that are full, never change: they are made from the
numbered manifests only, and everything in them but the addresses of pages has the frozen base.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyoxigraph import RdfFormat, parse, serialize

from circkg_loaders.iris import BASE, set_iri
from circkg_loaders.prefixes import expand, prefixes
from circkg_server.catalogue import authorities
from circkg_server.publishing.publication import Publication
from circkg_server.releases.history import Change, changes
from circkg_server.releases.manifest import Release
from circkg_shapes.terms import XSD, Term, iri, literal

PAGE_SIZE = 100
"""Activities of a page. It is never changed, or pages that are kept for ever would change."""
STREAM = f"{BASE}feed"
SHAPE = "https://semiceu.github.io/LDES-DCAT-AP-feeds/shape.ttl#ActivityShape"
POLLING_SECONDS = 3600
_PREFIXES = {
    "as": "https://www.w3.org/ns/activitystreams#", "ldes": "https://w3id.org/ldes#", "tree": "https://w3id.org/tree#",
}  # fmt: skip

Quad = tuple[Term, Term, Term, Term]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the feed."""

    media_type: str
    ending: str
    syntax: RdfFormat


FORMS = (
    Form("application/trig", "trig", RdfFormat.TRIG),
    Form("application/ld+json", "jsonld", RdfFormat.JSON_LD),
)


def activity_iri(change: Change) -> str:
    """Return the IRI of the activity of a change."""
    return f"{STREAM}#{change.number}-{change.set}"


def pages(publication: Publication) -> list[tuple[Change, ...]]:
    """Return the changes of each page, the oldest first. All pages but the last are full and never change."""
    found = changes(publication.archive, publication.manifest)
    return [found[begin : begin + PAGE_SIZE] for begin in range(0, len(found), PAGE_SIZE)]


def is_full(page: tuple[Change, ...]) -> bool:
    """Tell whether nothing can be added to a page."""
    return len(page) == PAGE_SIZE


def entry(publication: Publication, form: Form) -> bytes:
    """Return the document that names all pages and has no member itself."""
    here = f"{publication.address}/feed.{form.ending}"
    quads = [*_stream(here)]
    for number, page in enumerate(pages(publication), start=1):
        relation = f"{here}#page-{number}"
        quads.append(_quad(here, "tree:relation", iri(relation)))
        quads.append(_quad(relation, "tree:node", iri(page_address(publication, number, form))))
        if page[0].day:
            quads.append(_quad(relation, "rdf:type", _name("tree:GreaterThanOrEqualToRelation")))
            quads.append(_quad(relation, "tree:path", _name("as:published")))
            quads.append(_quad(relation, "tree:value", _moment(page[0].day)))
        else:
            quads.append(_quad(relation, "rdf:type", _name("tree:Relation")))
    return _written(quads, form)


def page(publication: Publication, number: int, form: Form) -> bytes:
    """Return a page: its activities in their order, and the link to the entry.

    :raises IndexError: if there is no page of that number; the first is 1.
    """
    members = pages(publication)[number - 1]
    here = page_address(publication, number, form)
    quads = [*_stream(here)]
    quads.append(_quad(here, "dct:isPartOf", iri(f"{publication.address}/feed.{form.ending}")))
    if is_full(members):
        quads.append(_quad(here, "ldes:immutable", literal("true", datatype=f"{XSD}boolean")))
    for change in members:
        quads.append(_quad(STREAM, "tree:member", iri(activity_iri(change))))
        quads += _activity(change)
    return _written(quads, form)


def page_address(publication: Publication, number: int, form: Form) -> str:
    """Return the address of a page; it ends as its form does, so that it is the same on a static host."""
    return f"{publication.address}/feed/{number}.{form.ending}"


def _stream(here: str) -> Iterator[Quad]:
    """Yield what every document says of the stream, so that a client may begin at any."""
    yield _quad(STREAM, "rdf:type", _name("ldes:EventStream"))
    yield _quad(STREAM, "dct:title", literal("Changes of the data sets of CircKG", "en"))
    yield _quad(STREAM, "ldes:timestampPath", _name("as:published"))
    yield _quad(STREAM, "ldes:versionOfPath", _name("as:object"))
    yield _quad(STREAM, "ldes:versionCreateObject", _name("as:Create"))
    yield _quad(STREAM, "ldes:versionUpdateObject", _name("as:Update"))
    yield _quad(STREAM, "ldes:versionDeleteObject", _name("as:Delete"))
    yield _quad(STREAM, "ldes:pollingInterval", literal(str(POLLING_SECONDS), datatype=f"{XSD}integer"))
    yield _quad(STREAM, "tree:shape", iri(SHAPE))
    yield _quad(STREAM, "tree:view", iri(here))
    yield _quad(here, "rdf:type", _name("tree:Node"))


def _activity(change: Change) -> Iterator[Quad]:
    activity = activity_iri(change)
    kind = "as:Delete" if change.after is None else "as:Update" if change.before else "as:Create"
    yield _quad(activity, "rdf:type", _name(kind))
    yield _quad(activity, "as:object", iri(set_iri(change.set)))
    if change.day:
        yield _quad(activity, "as:published", _moment(change.day))
    if change.after:
        yield from _data_set(change.after, activity)


def _data_set(release: Release, graph: str) -> Iterator[Quad]:
    """Yield the description of a set at a release; the catalogue says more, as of today."""
    name, file = release.graph, f"{release.graph}#nq"
    yield _quad(name, "rdf:type", _name("dcat:Dataset"), graph)
    yield _quad(name, "dct:title", literal(release.title, "en"), graph)
    yield _quad(name, "dct:description", literal(release.description or release.title, "en"), graph)
    yield _quad(name, "dct:identifier", literal(name), graph)
    yield _quad(name, "dcat:version", literal(release.version), graph)
    yield _quad(name, "dcat:hasCurrentVersion", iri(set_iri(release.set, release.version)), graph)
    if release.issued:
        for predicate in ("dct:issued", "dct:modified"):
            yield _quad(name, predicate, literal(release.issued, datatype=f"{XSD}date"), graph)
    for keyword in release.keywords:
        yield _quad(name, "dcat:keyword", literal(keyword, "en"), graph)
    yield _quad(name, "dcat:distribution", iri(file), graph)
    yield _quad(file, "rdf:type", _name("dcat:Distribution"), graph)
    address = f"{BASE}{release.file.replace('releases/', 'dumps/', 1)}"
    for predicate in ("dcat:accessURL", "dcat:downloadURL"):
        yield _quad(file, predicate, iri(address), graph)
    yield _quad(file, "dct:license", iri(authorities.licence(release.licence)), graph)
    yield _quad(file, "dct:format", iri(f"{authorities.TABLES}file-type/RDF_N_QUADS"), graph)
    yield _quad(file, "dcat:mediaType", iri(authorities.media_type("application/n-quads")), graph)
    yield _quad(file, "dcat:compressFormat", iri(authorities.media_type("application/gzip")), graph)


def _quad(subject: str, predicate: str, value: Term, graph: str = "") -> Quad:
    return iri(subject), _name(predicate), value, iri(graph) if graph else ""


def _name(name: str) -> Term:
    prefix, _, local = name.partition(":")
    return iri(_PREFIXES[prefix] + local) if prefix in _PREFIXES else iri(expand(name))


def _moment(day: str) -> Term:
    """Return the beginning of a day: editors declare days, and nothing here knows a clock."""
    return literal(f"{day}T00:00:00Z", datatype=f"{XSD}dateTime")


def _written(quads: list[Quad], form: Form) -> bytes:
    """Return quads in a form: what is said of the stream first, then each activity before its payload."""
    lines = "".join(f"{' '.join(term for term in quad if term)} .\n" for quad in quads)
    used = {prefix: space for prefix, space in (prefixes() | _PREFIXES).items() if f"<{space}" in lines}
    found = serialize(parse(lines, RdfFormat.N_QUADS), format=form.syntax, prefixes=used)
    assert found is not None
    return found
