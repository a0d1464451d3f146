"""The change feed is a Linked Data Event Stream after DCAT-AP Feeds, and what it has said it never says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyshacl
import pytest
from rdflib import RDF, Dataset, Graph, Literal, Namespace, URIRef

from circkg_loaders.registry import DataSet, Role
from circkg_server.catalogue.editor import Editor
from circkg_server.publishing import feed
from circkg_server.publishing.feed import FORMS, PAGE_SIZE, STREAM
from circkg_server.publishing.publication import Publication
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import literal

STANDARDS = Path(__file__).resolve().parents[2] / "shared" / "standards"
SHAPE = STANDARDS / "semic" / "ldes" / "ldes-dcat-ap-feeds-shape.ttl"
DCAT_AP = STANDARDS / "dcat-ap" / "3.0.1"
AS = Namespace("https://www.w3.org/ns/activitystreams#")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
LDES = Namespace("https://w3id.org/ldes#")
TREE = Namespace("https://w3id.org/tree#")
TRIG, JSON_LD = FORMS


def data_set(number: int, issued: str = "2026-01-31") -> DataSet:
    return DataSet(
        f"set-{number}", f"Set {number}", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "A set.", ("test",), issued
    )


def publish(archive: Archive, *sets: DataSet, text: str = "a") -> Manifest:
    triples = [("<http://example.org/s>", "<http://example.org/p>", literal(text))]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples) for found in sets])
        archive.publish(manifest)
    return manifest


def seen(archive: Archive, manifest: Manifest, address: str = "https://data.example.org") -> Publication:
    return Publication(archive, manifest, Editor(), address)


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    archive = Archive(tmp_path)
    publish(archive, data_set(1), data_set(2))
    publish(archive, replace(data_set(1, "2026-02-28"), version="1.1.0"), data_set(2), text="b")
    return seen(archive, publish(archive, replace(data_set(1, "2026-02-28"), version="1.1.0"), text="b"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.ending)
def test_a_page_tells_every_change_with_its_payload_in_a_graph_of_its_own(
    publication: Publication, form: feed.Form
) -> None:
    page = Dataset().parse(feed.page(publication, 1, form), format=form.ending.replace("jsonld", "json-ld"))
    members = set(page.objects(URIRef(STREAM), TREE.member))
    told = {}
    for member in members:
        (kind,), (about,), (when,) = (
            list(page.objects(member, predicate)) for predicate in (RDF.type, AS.object, AS.published)
        )
        payload = page.graph(member)
        assert (about, RDF.type, DCAT.Dataset) in payload or kind == AS.Delete
        versions = [str(value)[:5] for value in payload.objects(about, DCAT.version)]
        told[str(member).partition("#")[2]] = (kind, str(about).rpartition("/")[2], str(when)[:10], versions)
    assert told == {
        "1-set-1": (AS.Create, "set-1", "2026-01-31", ["1.0.0"]),
        "1-set-2": (AS.Create, "set-2", "2026-01-31", ["1.0.0"]),
        "2-set-1": (AS.Update, "set-1", "2026-02-28", ["1.1.0"]),
        "2-set-2": (AS.Update, "set-2", "2026-02-28", ["1.0.0"]),
        "3-set-2": (AS.Delete, "set-2", "2026-02-28", []),
    }


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.ending)
def test_the_entry_leads_to_every_page(publication: Publication, form: feed.Form) -> None:
    entry = Dataset().parse(feed.entry(publication, form), format=form.ending.replace("jsonld", "json-ld"))
    assert {str(node) for node in entry.objects(None, TREE.node)} == {f"https://data.example.org/feed/1.{form.ending}"}
    stream = URIRef(STREAM)
    assert (stream, RDF.type, LDES.EventStream) in entry
    assert (stream, LDES.timestampPath, AS.published) in entry
    assert (stream, LDES.versionOfPath, AS.object) in entry
    assert set(entry.objects(stream, TREE.view)) == {URIRef(f"https://data.example.org/feed.{form.ending}")}


def test_a_full_page_never_changes_and_says_so(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    many = [data_set(number) for number in range(PAGE_SIZE - 1)]
    first = seen(archive, publish(archive, *many))
    before = feed.page(first, 1, TRIG)
    assert b"ldes:immutable" not in before
    second = seen(archive, publish(archive, *many, data_set(1000), data_set(1001)))
    full = feed.page(second, 1, TRIG)
    assert b"ldes:immutable true" in full
    third = seen(archive, publish(archive, *many[1:], text="b"))
    assert feed.page(third, 1, TRIG) == full
    assert [len(page) for page in feed.pages(third)] == [PAGE_SIZE, PAGE_SIZE, 2]
    times = [change.day for page in feed.pages(third) for change in page]
    assert times == sorted(times)
    last = Dataset().parse(feed.entry(third, TRIG), format="trig")
    assert len(list(last.objects(None, TREE.node))) == 3
    with pytest.raises(IndexError):
        feed.page(third, 4, TRIG)


def test_only_links_to_pages_depend_on_the_address(publication: Publication) -> None:
    other = seen(publication.archive, publication.manifest, "http://127.0.0.1:1/x")
    there = feed.page(other, 1, TRIG).replace(b"http://127.0.0.1:1/x", b"https://data.example.org")
    assert sorted(there.splitlines()) == sorted(feed.page(publication, 1, TRIG).splitlines())


def test_a_manifest_without_days_is_told_without_them(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    found = seen(archive, publish(archive, data_set(1, issued="")))
    assert b'as:published "' not in feed.page(found, 1, TRIG)
    assert b"a tree:Relation" in feed.entry(found, TRIG)


def flat(*documents: bytes) -> Graph:
    graph = Graph()
    for document in documents:
        for s, p, o, _ in Dataset().parse(document, format="trig").quads():
            graph.add((s, p, o))
    return graph


def shapes() -> Graph:
    graph = Graph().parse(SHAPE)
    graph.remove((None, URIRef("http://www.w3.org/2002/07/owl#imports"), None))
    return graph


@pytest.mark.skipif(not SHAPE.exists(), reason=f"{SHAPE.name} is not there")
def test_the_feed_has_the_shape_of_semic(publication: Publication) -> None:
    data = flat(feed.entry(publication, TRIG), feed.page(publication, 1, TRIG))
    conforms, _, text = pyshacl.validate(data, shacl_graph=shapes(), inference="none")
    assert conforms, text
    activity = URIRef(f"{STREAM}#1-set-1")
    data.remove((activity, AS.object, None))
    data.add((activity, AS.object, Literal("no entity")))
    conforms, _, text = pyshacl.validate(data, shacl_graph=shapes(), inference="none")
    assert not conforms, "the shape looks at the activities"


@pytest.mark.skipif(not DCAT_AP.exists(), reason="the shapes of DCAT-AP 3.0.1 are not there")
def test_payloads_are_dcat_ap(publication: Publication) -> None:
    (path,) = DCAT_AP.rglob("shapes.ttl")
    page = Dataset().parse(feed.page(publication, 1, TRIG), format="trig")
    payloads = [graph for graph in page.graphs() if str(graph.identifier).startswith(STREAM)]
    assert len(payloads) == 4
    for payload in payloads:
        alone = Graph()
        for triple in payload:
            alone.add(triple)
        conforms, _, text = pyshacl.validate(alone, shacl_graph=Graph().parse(path), inference="none")
        assert conforms, text
