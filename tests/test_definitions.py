"""Ontology, shapes, context and vocabularies as published things, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph

from circkg_loaders.iris import BASE, DEF
from circkg_loaders.prefixes import prefixes
from circkg_loaders.rdf_files import read_turtle
from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.build import Build
from circkg_server.linked_data.jsonld import Context
from circkg_server.linked_data.terms import Terms
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.store.snapshot import Snapshot, make
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import Triple, iri, literal

CLIENT = httpx.Client(timeout=60)
RDF = {
    "ttl": "text/turtle",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
    "nt": "application/n-triples",
}
Triples = set[tuple[str, str, str]]


def get(site: str, path: str, accept: str = "*/*", language: str = "en") -> httpx.Response:
    return CLIENT.get(f"{site}{path}", headers={"Accept": accept, "Accept-Language": language})


def read(response: httpx.Response) -> Triples:
    format_ = RdfFormat.from_media_type(response.headers["content-type"])
    assert format_ is not None
    return {(str(q.subject), str(q.predicate), str(q.object)) for q in parse(response.content, format_)}


def terms() -> set[str]:
    graph = Graph().parse(room("ontology") / "circkg.ttl")
    return {str(subject) for subject in graph.subjects() if str(subject).startswith(DEF)}


def vocabularies() -> dict[str, Path]:
    return {path.stem: path for path in sorted((room("ontology") / "vocabularies").glob("*.ttl"))}


# -- ontology -----------------------------------------------------------------------------------------------------


def test_the_ontology_comes_as_it_stands_in_its_file(site: str) -> None:
    expected = set(read_turtle(room("ontology") / "circkg.ttl"))
    aligned = set(read_turtle(room("ontology") / "alignments.ttl"))
    for extension, media_type in RDF.items():
        assert read(get(site, f"/def.{extension}")) == expected, extension
        assert read(get(site, "/def", media_type)) == expected
        assert read(get(site, f"/def/alignments.{extension}")) == aligned
        assert read(get(site, f"/def/axioms.{extension}")) == set(read_turtle(room("ontology") / "axioms.ttl"))


def test_every_term_has_its_place_on_the_page(site: str) -> None:
    page = get(site, "/def", "text/html")
    assert page.headers["content-type"].startswith("text/html")
    anchors = set(re.findall(r'id="([^"]*)"', page.text))
    assert {term.removeprefix(DEF) for term in terms()} <= anchors
    section = re.search(r'<section class="term" id="Barrier">(.*?)</section>', page.text, re.DOTALL)
    assert section
    for shown in ("Hindrance on the way", "circsh:BarrierShape", "circ:barrierType", "m8g:Constraint"):
        assert shown in section[1], shown


def test_uses_are_counted_exactly(site: str, built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    page = get(site, "/def", "text/html").text
    for term, query in (
        ("Practice", f"SELECT (COUNT(*) AS ?n) {{ ?s a <{DEF}Practice> }}"),
        ("barrierType", f"SELECT (COUNT(*) AS ?n) {{ ?s <{DEF}barrierType> ?o }}"),
    ):
        count = int(next(iter(Snapshot.open(archive).query(query)))["n"].value)
        section = re.search(rf'<section class="term" id="{term}">(.*?)</section>', page, re.DOTALL)
        assert section
        assert count > 50
        assert re.search(rf"<dd>{count:,} (things|statements)</dd>", section[1])


def test_the_version_iri_resolves(site: str) -> None:
    for path in ("/def.ttl", "/def/alignments.ttl"):
        found = read(get(site, path))
        version = next(o[1:-1] for _, p, o in found if p.endswith("#versionIRI>"))
        assert version.startswith(BASE)
        assert read(get(site, f"/{version.removeprefix(BASE)}", "text/turtle")) == found
    assert get(site, "/def/0.1.0", "text/html").status_code == 200


def test_an_earlier_version_stays(tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]) -> None:
    archive = Archive(tmp_path)

    def ontology(version: str) -> list[Triple]:
        term, owl = iri(f"{DEF}Old{version[0]}"), "http://www.w3.org/2002/07/owl#"
        type_ = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
        return [
            (iri(f"{BASE}def"), type_, iri(f"{owl}Ontology")),
            (iri(f"{BASE}def"), iri(f"{owl}versionInfo"), literal(version)),
            (term, type_, iri(f"{owl}Class")),
            (term, iri("http://www.w3.org/2000/01/rdf-schema#label"), literal(f"old {version}", "en")),
        ]

    for version in ("1.0.0", "2.0.0"):
        found = DataSet("ontology", "Ontology", Role.VOCABULARY, "ontology", version, "CC-BY-4.0", "For a test.")
        with archive.writing():
            manifest = archive.next_manifest([archive.release(found, ontology(version))])
            make(archive, manifest)
            archive.publish(manifest)
    with serve_app(build_app(archive, Settings())) as site:
        assert "Old2" in get(site, "/def.ttl").text
        assert read(get(site, "/def/1.0.0.ttl")) == set(ontology("1.0.0"))
        assert 'id="Old1"' in get(site, "/def/1.0.0", "text/html").text
        assert "Old1" in get(site, "/def/1.0.0/context.jsonld").json()["@context"]
        assert get(site, "/def/3.0.0.ttl").status_code == 404


# -- context ------------------------------------------------------------------------------------------------------


def context_of_rooms() -> Context:
    shapes = [triple for path in shape_files() for triple in read_turtle(path)]
    return Context.of(Terms.of_triples(list(read_turtle(room("ontology") / "circkg.ttl")), shapes))


def test_the_context_is_made_of_prefixes_ontology_and_shapes_alone(site: str) -> None:
    response = get(site, "/def/context.jsonld")
    assert response.headers["content-type"] == "application/ld+json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.content == context_of_rooms().written()
    assert get(site, "/def/0.1.0/context.jsonld").content == response.content


def test_the_context_names_every_term(site: str) -> None:
    context = get(site, "/def/context.jsonld").json()["@context"]
    defined = {
        value if isinstance(value, str) else value["@id"] for value in context.values() if not isinstance(value, float)
    }
    annotations = {f"{DEF}inverseLabel"}
    assert {f"circ:{term.removeprefix(DEF)}" for term in terms() - annotations} <= defined
    assert context["id"] == "@id"
    assert context["startDate"] == "schema:startDate"
    assert context["prefLabel"] == {"@id": "skos:prefLabel", "@container": "@language"}
    assert context["barrierType"] == {"@id": "circ:barrierType", "@type": "@id"}
    assert {name for name in prefixes() if name not in ("country", "currency")} <= set(context)


def test_a_description_reads_like_plain_json(site: str) -> None:
    document = get(site, "/doc/initiative/ceci.jsonld").json()
    assert list(document)[:2] == ["@context", "id"]
    assert document["type"] == "Initiative"
    assert document["title"]["en"] == "Citizen Involvement in Circular Economy Implementation"
    assert document["hasTheme"]["prefLabel"]["en"] == "resource management"
    assert document["hasAmount"]["value"] == "1508765"
    roles = [one["hasRole"]["prefLabel"]["en"] for one in document["@reverse"]["participationIn"]]
    assert "lead partner" in roles


# -- shapes, vocabularies -----------------------------------------------------------------------------------------


def test_the_shapes_have_a_page_with_an_anchor_for_each(site: str) -> None:
    found = read(get(site, "/def/shapes.nt"))
    expected = {triple for path in shape_files() for triple in read_turtle(path)}
    assert found == expected
    shapes = {s.rpartition("#")[2][:-1] for s, p, o in found if p.endswith("#type>") and o.endswith("Shape>")}
    anchors = set(re.findall(r'id="([^"]*)"', get(site, "/def/shapes", "text/html").text))
    assert len(shapes & anchors) > 200
    assert {shape for shape in shapes - anchors if "-" not in shape} == set()


@pytest.mark.parametrize("slug", vocabularies())
def test_a_vocabulary_comes_whole(site: str, slug: str) -> None:
    expected = set(read_turtle(vocabularies()[slug]))
    assert read(get(site, f"/def/{slug}.nt")) == expected
    concepts = {s[1:-1] for s, p, o in expected if p.endswith("#inScheme>")}
    page = get(site, f"/def/{slug}", "text/html").text
    assert {f"{BASE}{href}" for href in re.findall(r'href="/(def/[^"#]*/[^"#]*)"', page)} >= concepts


def test_concepts_lead_to_their_pages(site: str) -> None:
    for slug, path in vocabularies().items():
        concept = min(s[1:-1] for s, p, _ in read_turtle(path) if p.endswith("#inScheme>"))
        response = get(site, f"/{concept.removeprefix(BASE)}", "text/html")
        assert response.status_code == 200, slug
        assert f'<link rel="canonical" href="{site}/{concept.removeprefix(BASE)}">' in response.text


def test_a_vocabulary_is_a_tree_in_the_language_of_its_reader(site: str) -> None:
    page = get(site, "/def/barrier-type", "text/html", "fi").text
    financial = re.search(
        r'href="/def/barrier-type/financial">Taloudelliset esteet</a>.*?</summary><ul>(.*?)</ul>', page, re.DOTALL
    )
    assert financial
    children = set(re.findall(r'href="/def/barrier-type/([^"]*)"', financial[1]))
    triples = set(read_turtle(vocabularies()["barrier-type"]))
    me = iri(f"{BASE}def/barrier-type/financial")
    assert children == {s[1:-1].rpartition("/")[2] for s, p, o in triples if p.endswith("#broader>") and o == me}


def test_official_labels_and_ours_are_told_apart(site: str) -> None:
    page = get(site, "/def/theme/circular-economy", "text/html").text
    marks = dict(re.findall(r'<span lang="([a-z]+)">[^<]*</span> <span class="mark( official)?"', page))
    official = {
        s.rpartition("#label-")[2].rstrip(">")
        for s, p, _ in read_turtle(vocabularies()["theme"])
        if s.startswith(f"<{BASE}def/theme/circular-economy#label-") and p.endswith("/source>")
    }
    assert official
    assert {lang for lang, mark in marks.items() if mark} == official
    assert set(marks.values()) <= {" official", ""}


def test_the_list_of_vocabularies_has_all(site: str) -> None:
    page = get(site, "/def/vocabularies", "text/html").text
    assert {f"/def/{slug}" for slug in vocabularies()} <= set(re.findall(r'href="(/def/[^"]*)"', page))
    assert "nuts%2Fscheme%2F2024" in page


def test_profiles_are_described_where_their_iri_leads(site: str) -> None:
    page = get(site, "/def/profiles", "text/html").text
    assert 'id="description"' in page
    listed = get(site, "/def/profiles", "application/json").json()["profiles"]
    assert [profile["token"] for profile in listed] == ["circkg", "schema"]
