"""The figures of VoID are those that the endpoint counts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
from rdflib import DCTERMS, RDF, VOID, Graph, Literal, Namespace, URIRef

from circkg_loaders.registry import DataSet, Role
from circkg_server.catalogue import statistics
from circkg_server.catalogue.statistics import Partition, Statistics, count, of_release
from circkg_server.catalogue.targets import TARGETS
from circkg_server.catalogue.void import DEFAULT_GRAPH, target_iri
from circkg_server.publishing.blocks import Pairs
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import XSD, iri, literal

VOIDEXT = Namespace("http://ldf.fi/void-ext#")
SETS = ["", "ccri", "interreg", "links", "inferred", "vocabularies", "nuts-2024", "interreg-records", "shapes"]
"""Sets that are counted at the endpoint; the first is the default graph."""


@pytest.fixture(scope="module")
def said(server: Any) -> Graph:
    return Graph().parse(data=server.get("/.well-known/void").content, format="turtle")


def rows(server: Any, slug: str, pattern: str, select: str, group: str = "") -> list[list[str]]:
    """Return rows of a query over the default graph, or over the graph of a set."""
    graph = f"GRAPH <https://w3id.org/circkg/set/{slug}>" if slug else ""
    query = f"SELECT {select} WHERE {{ {graph} {{ {pattern} }} }} {group}"
    response = httpx.post(
        f"{server.address}/sparql", data={"query": query}, headers={"Accept": "text/tab-separated-values"}, timeout=120
    )
    assert response.status_code == 200, response.text
    return [line.split("\t") for line in response.text.splitlines()[1:]]


def node_of(slug: str) -> URIRef:
    return URIRef(f"https://w3id.org/circkg/set/{slug}" if slug else DEFAULT_GRAPH)


def number(said: Graph, subject: Any, predicate: Any) -> int:
    value = said.value(subject, predicate)
    assert isinstance(value, Literal), (subject, predicate)
    return int(value)


def rewritten(archive: Archive, manifest: Manifest, slug: str) -> int:
    """Return how many objects the endpoint takes for another: its store writes 1.50 and 1.5 alike, we do not."""
    forms: dict[Decimal, set[bytes]] = {}
    for release in manifest.releases:
        if release.set == slug or (not slug and release.role.in_default_graph):
            for form in re.findall(rb'"([0-9.+-]+)"\^\^<[^>]*#decimal>', archive.quads(release)):
                forms.setdefault(Decimal(form.decode()), set()).add(form)
    return sum(len(same) - 1 for same in forms.values())


@pytest.mark.parametrize("slug", SETS)
def test_totals(server: Any, said: Graph, archive: Archive, manifest: Manifest, slug: str) -> None:
    select = "(COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?a) (COUNT(DISTINCT ?o) AS ?b) (COUNT(DISTINCT ?p) AS ?c)"
    ((triples, subjects, objects, properties),) = rows(server, slug, "?s ?p ?o", select)
    ((entities, classes),) = rows(server, slug, "?s a ?c", "(COUNT(DISTINCT ?s) AS ?n) (COUNT(DISTINCT ?c) AS ?m)")
    node = node_of(slug)
    assert number(said, node, VOID.triples) == int(triples)
    assert number(said, node, VOID.distinctSubjects) == int(subjects)
    assert number(said, node, VOID.distinctObjects) == int(objects) + rewritten(archive, manifest, slug)
    assert number(said, node, VOID.properties) == int(properties)
    assert number(said, node, VOID.entities) == int(entities)
    assert number(said, node, VOID.classes) == int(classes)


@pytest.mark.parametrize("slug", SETS)
def test_classes_and_properties(server: Any, said: Graph, slug: str) -> None:
    counted = rows(server, slug, "?s a ?c", "?c (COUNT(DISTINCT ?s) AS ?n)", "GROUP BY ?c")
    assert {
        str(said.value(part, VOID["class"])): number(said, part, VOID.entities)
        for part in said.objects(node_of(slug), VOID.classPartition)
    } == {class_.strip("<>"): int(n) for class_, n in counted}
    counted = rows(server, slug, "?s ?p ?o", "?p (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m)", "GROUP BY ?p")
    assert {
        str(said.value(part, VOID.property)): (
            number(said, part, VOID.triples), number(said, part, VOID.distinctSubjects),
        )
        for part in said.objects(node_of(slug), VOID.propertyPartition)
    } == {property_.strip("<>"): (int(n), int(m)) for property_, n, m in counted}  # fmt: skip


@pytest.mark.parametrize("slug", SETS)
def test_which_class_has_which_property_of_which_class(server: Any, said: Graph, slug: str) -> None:
    found: dict[tuple[str, str, str], int] = {}
    for part in said.objects(node_of(slug), VOID.classPartition):
        for of_property in said.objects(part, VOID.propertyPartition):
            for inner in said.objects(of_property, VOID.classPartition):
                key = (part, VOID["class"]), (of_property, VOID.property), (inner, VOID["class"])
                found[tuple(str(said.value(*one)) for one in key)] = number(said, inner, VOID.triples)  # type: ignore[index]  # three parts
    counted = rows(
        server, slug, f"?s a ?c ; ?p ?o . ?o a ?d FILTER(?p != <{RDF.type}>)", "?c ?p ?d (COUNT(*) AS ?n)",
        "GROUP BY ?c ?p ?d",
    )  # fmt: skip
    assert found == {(c.strip("<>"), p.strip("<>"), d.strip("<>")): int(n) for c, p, d, n in counted}


@pytest.mark.parametrize("slug", ["", "ccri", "interreg-records"])
def test_which_class_has_which_property_of_which_datatype(server: Any, said: Graph, slug: str) -> None:
    found: dict[tuple[str, ...], int] = {}
    for part in said.objects(node_of(slug), VOID.classPartition):
        for of_property in said.objects(part, VOID.propertyPartition):
            for inner in said.objects(of_property, VOIDEXT.datatypePartition):
                key = (part, VOID["class"]), (of_property, VOID.property), (inner, VOIDEXT.datatype)
                found[tuple(str(said.value(*one)) for one in key)] = number(said, inner, VOID.triples)
    counted = rows(
        server, slug, "?s a ?c ; ?p ?o FILTER(isLiteral(?o)) BIND(DATATYPE(?o) AS ?d)", "?c ?p ?d (COUNT(*) AS ?n)",
        "GROUP BY ?c ?p ?d",
    )  # fmt: skip
    assert found == {tuple(one.strip("<>") for one in key): int(n) for *key, n in counted}


@pytest.mark.parametrize("slug", SETS)
def test_links_outward(server: Any, said: Graph, slug: str) -> None:
    for target in TARGETS:
        apart = "".join(f" && !STRSTARTS(STR(?o), '{one}') " for one in target.apart)
        apart_subject = "".join(f" || STRSTARTS(STR(?s), '{one}') " for one in target.apart)
        counted = rows(
            server, slug,
            f"?s ?p ?o FILTER(isIRI(?o) && ?p != <{RDF.type}> && STRSTARTS(STR(?o), '{target.space}') {apart}"
            f" && (!STRSTARTS(STR(?s), '{target.space}') {apart_subject}))",
            "?p (COUNT(*) AS ?n)", "GROUP BY ?p",
        )  # fmt: skip
        expected = {property_.strip("<>"): int(n) for property_, n in counted}
        sets = [
            one
            for one in said.subjects(VOID.objectsTarget, URIRef(target_iri(target.slug)))
            if (one, VOID.subjectsTarget, node_of(slug)) in said
        ]
        whole = [one for one in sets if (node_of(slug), VOID.subset, one) in said]
        assert len(whole) == bool(expected), target.slug
        for linkset in whole:
            assert number(said, linkset, VOID.triples) == sum(expected.values())
            parts = list(said.objects(linkset, VOID.subset)) or [linkset]
            assert {
                str(said.value(part, VOID.linkPredicate)): number(said, part, VOID.triples) for part in parts
            } == expected


def test_examples_and_spaces_are_of_the_set(server: Any, said: Graph, manifest: Manifest) -> None:
    for release in manifest.releases:
        node = URIRef(release.graph)
        for example in said.objects(node, VOID.exampleResource):
            assert rows(server, release.set, f"<{example}> a ?c", "?c")
        for space in said.objects(node, VOID.uriSpace):
            outside = rows(server, release.set, f"?s ?p ?o FILTER(!STRSTARTS(STR(?s), '{space}'))", "?s", "LIMIT 1")
            assert outside == []


def test_subsets_of_the_default_graph_are_those_of_its_roles(said: Graph, manifest: Manifest) -> None:
    inside = {URIRef(release.graph) for release in manifest.releases if release.role.in_default_graph}
    linksets = set(said.subjects(RDF.type, VOID.Linkset))
    assert set(said.objects(URIRef(DEFAULT_GRAPH), VOID.subset)) - linksets == inside
    assert (URIRef("https://w3id.org/circkg/void"), DCTERMS.title, None) in said


def test_figures_are_written_at_publish_and_made_again_if_deleted(archive: Archive, manifest: Manifest) -> None:
    for release in manifest.releases:
        path = archive.folder / "statistics" / release.set / f"{release.version}.json"
        assert path.is_file()
    written = of_release(archive, release)
    content = path.read_bytes()
    path.unlink()
    statistics.of_release.cache_clear()
    assert of_release(archive, release) == written
    statistics.make(archive, manifest)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 0}', '{"format": 1, "odd": 1}', '{"format": 1, "partitions": 1}']
)
def test_a_broken_file_of_figures_is_counted_anew(tmp_path: Any, content: str) -> None:
    archive = Archive(tmp_path)
    found = DataSet("a", "A", Role.STATED, "facts", "1", "CC-BY-4.0", "For a test.")
    release = archive.release(found, [(iri("http://e.org/s"), iri("http://e.org/p"), literal("o"))])
    path = tmp_path / "statistics" / "a" / f"{release.version}.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert of_release(archive, release).triples == 1


def block(subject: str, *pairs: tuple[str, str]) -> tuple[str, Pairs]:
    return iri(f"http://e.org/{subject}"), [(iri(p) if ":" in p else iri(f"http://e.org/{p}"), o) for p, o in pairs]


def test_what_is_counted_of_a_small_graph() -> None:
    type_ = str(RDF.type)
    blocks = [
        block("a", (type_, iri("http://e.org/A")), ("p", iri("http://e.org/b")), ("p", literal("x", lang="fi"))),
        block(
            "b",
            (type_, iri("http://e.org/B")),
            (type_, iri("http://e.org/C")),
            ("q", literal("2020-02", datatype=f"{XSD}gYearMonth")),
        ),
        block("c", ("q", literal("1999", datatype=f"{XSD}gYear")), ("r", iri("http://data.europa.eu/nuts/code/FI1C3"))),
    ]
    month = Partition(1, 1, {}, {f"{XSD}gYearMonth": 1})
    found = count(lambda: iter(blocks))
    assert found == Statistics(
        triples=8, subjects=3, objects=8, entities=2,
        classes={"http://e.org/A": 1, "http://e.org/B": 1, "http://e.org/C": 1},
        properties={type_: [3, 2], "http://e.org/p": [2, 1], "http://e.org/q": [2, 2], "http://e.org/r": [1, 1]},
        partitions={
            "http://e.org/A": {
                type_: Partition(1, 1),
                "http://e.org/p": Partition(2, 1, {"http://e.org/B": 1, "http://e.org/C": 1}, {str(RDF.langString): 1}),
            },
            "http://e.org/B": {type_: Partition(2, 1), "http://e.org/q": month},
            "http://e.org/C": {type_: Partition(2, 1), "http://e.org/q": month},
        },
        links={"nuts": {"http://e.org/r": 1}}, space="http://e.org/", languages={"fi": 1}, countries=[],
        nuts_countries=["FI"], earliest="1999-01-01", latest="2020-02-29",
        examples=["http://e.org/a", "http://e.org/b"],
    )  # fmt: skip
