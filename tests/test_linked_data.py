"""Linked data over real HTTP: every IRI leads to its description, in the format, profile and language asked for."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import rdflib
from pyoxigraph import RdfFormat, parse

from circkg_loaders.iris import BASE, record_iri
from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.description import AT_ONCE, EACH
from circkg_server.linked_data.retired import Retired, publish
from circkg_server.releases.archive import Archive
from circkg_server.retired import Tombstone, retire
from circkg_server.settings import Settings
from circkg_server.store.snapshot import Snapshot, make
from circkg_shapes.terms import iri, literal

CLIENT = httpx.Client(timeout=60)
CECI = "/doc/initiative/ceci"
NUTS = "http://data.europa.eu/nuts/code/FI1C3"
THINGS = (
    f"{BASE}id/initiative/ceci",
    f"{BASE}id/practice/shareable-mechelen",
    f"{BASE}id/organisation/lab-uas",
    f"{BASE}id/participation/ceci--lab-uas--lead-partner",
    f"{BASE}id/claim/ceci-phase-two-start-2022-01",
    f"{BASE}id/source/seed-ceci",
    f"{BASE}def/barrier-type/financial",
    f"{BASE}def/theme/circular-economy",
    record_iri("ccri", "names", "organisation--land-berlin--Land Berlin--de"),
    NUTS,
    "http://publications.europa.eu/resource/authority/country/FIN",
    "http://data.europa.eu/eli/dir/2008/98/oj",
)
"""A thing of each kind of IRI."""
Triples = set[tuple[str, str, str]]


def get(site: str, path: str, accept: str = "", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return CLIENT.get(f"{site}{path}", headers={"Accept": accept} | given if accept else given)


def at(path: str, extension: str) -> str:
    """Return the address of a format of a page."""
    stem, question, query = path.partition("?")
    return f"{stem}.{extension}{question}{query}"


def read(content: bytes, media_type: str) -> Triples:
    format_ = RdfFormat.from_media_type(media_type)
    assert format_ is not None
    return {(str(q.subject), str(q.predicate), str(q.object)) for q in parse(content, format_)}


def read_json(site: str, content: bytes) -> Triples:
    """Return the triples of JSON-LD, its context put in its place as a client would fetch it."""
    document = json.loads(content)
    address = document["@context"]
    assert address == f"{site}/def/context.jsonld"
    document["@context"] = CLIENT.get(address).json()["@context"]
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    lines = graph.serialize(format="nt", encoding="utf-8")
    return read(lines, "application/n-triples")


@pytest.fixture(scope="module")
def snapshot(site: str, archive: Archive) -> Snapshot:
    assert site
    return Snapshot.open(archive)


# -- from a thing to its document ---------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [thing for thing in THINGS if thing.startswith(f"{BASE}id/")])
def test_a_thing_leads_to_the_document_about_it(site: str, thing: str) -> None:
    path = thing.removeprefix(BASE)
    response = get(site, f"/{path}?lang=fi")
    assert response.status_code == 303
    assert response.headers["location"] == f"{site}/doc/{path.removeprefix('id/')}?lang=fi"
    found = get(site, response.headers["location"].removeprefix(site), "text/turtle")
    assert found.status_code == 200
    assert iri(thing) in {s for s, _, _ in read(found.content, "text/turtle")}


def test_the_key_of_a_record_may_be_spelt_in_other_ways(site: str) -> None:
    record = record_iri(
        "links",
        "identifiers",
        "initiative--ceci--keep-eu--https://keep.eu/projects/21513/Citizen-involvement-in-circ-EN",
    )
    path = page_of(record)
    assert (
        get(site, path.replace("%3A", ":").replace("%2F", "%2f"), "text/turtle").content
        == get(site, path, "text/turtle").content
    )


def test_the_key_of_a_record_may_end_like_a_format(
    tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    archive = Archive(tmp_path)
    record = record_iri("a", "names", "page.html")
    triples = [(iri(record), iri(f"{BASE}def#fromKey"), literal("page.html"))]
    found = DataSet("a-records", "Records", Role.PROVENANCE, "records", "1.0.0", "CC-BY-4.0", "For a test.")
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)
    with serve_app(build_app(archive, Settings())) as site:
        for path in ("/doc/record/a/names/page.html", "/doc/record/a/names/page.html.ttl"):
            assert '"page.html"' in get(site, path, "text/turtle").text
        assert (
            get(site, "/doc/record/a/names/page.html", "application/n-triples").headers["content-type"]
            == "application/n-triples"
        )


# -- negotiation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/turtle", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/n-triples", "application/n-triples"),
        ("application/trig", "application/trig"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/html;q=0.3, text/turtle;q=0.2, application/ld+json;q=0.9", "application/ld+json"),
        ("application/*", "application/ld+json"),
        ("*/*", "text/html"),
        ("application/linkset+json", "application/linkset+json"),
    ],
)
def test_a_document_comes_in_the_format_that_is_liked_best(site: str, accept: str, media_type: str) -> None:
    response = get(site, CECI, accept)
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert "Accept" in response.headers["vary"]
    located = response.headers["content-location"]
    again = CLIENT.get(located, headers={"Accept": "image/png"})
    assert (again.status_code, again.content) == (200, response.content)


def test_a_client_that_takes_none_is_told_what_there_is(site: str) -> None:
    response = get(site, CECI, "image/png")
    assert response.status_code == 406
    assert response.headers["content-type"] == "application/problem+json"
    assert {"text/html", "text/turtle", "application/ld+json", "application/trig"} <= set(response.json()["offered"])


@pytest.mark.parametrize("extension", ["ttl", "jsonld", "rdf", "nt", "trig", "html", "linkset"])
def test_an_unchanged_document_is_not_sent_again(site: str, extension: str) -> None:
    first = get(site, f"{CECI}.{extension}")
    assert get(site, f"{CECI}.{extension}", If_None_Match=first.headers["etag"]).status_code == 304
    others = [f"{CECI}.{'nt' if extension != 'nt' else 'ttl'}", f"{CECI}.{extension}?lang=pl"]
    assert all(get(site, other).headers["etag"] != first.headers["etag"] for other in others)


def test_methods(site: str) -> None:
    head, whole = CLIENT.head(f"{site}{CECI}.ttl"), CLIENT.get(f"{site}{CECI}.ttl")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(
        len(CLIENT.head(f"{site}{CECI}.ttl").content) or int(whole.headers["content-length"])
    )
    assert head.headers["link"] == whole.headers["link"]
    options = httpx.options(f"{site}{CECI}")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    refused = httpx.post(f"{site}{CECI}")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    preflight = httpx.options(f"{site}{CECI}", headers={"Access-Control-Request-Method": "GET"})
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "Link" in whole.headers["access-control-expose-headers"]
    assert whole.headers["access-control-allow-origin"] == "*"


# -- the statements -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", THINGS)
def test_all_formats_say_the_same_and_only_what_stands_in_the_snapshot(
    site: str, snapshot: Snapshot, thing: str
) -> None:
    path = page_of(thing)
    plain = read(get(site, at(path, "nt")).content, "application/n-triples")
    for extension, media_type in (("ttl", "text/turtle"), ("rdf", "application/rdf+xml"), ("trig", "application/trig")):
        assert read(get(site, at(path, extension)).content, media_type) == plain, extension
    assert read_json(site, get(site, at(path, "jsonld")).content) == plain
    assert plain
    for s, p, o in plain:
        assert snapshot.query(f"ASK {{ {{ {s} {p} {o} }} UNION {{ GRAPH ?g {{ {s} {p} {o} }} }} }}"), (s, p, o)


@pytest.mark.parametrize("thing", THINGS)
def test_a_description_is_what_the_rule_says(site: str, snapshot: Snapshot, thing: str) -> None:
    found = read(get(site, at(page_of(thing), "nt")).content, "application/n-triples")
    me = iri(thing)
    everywhere = "{ %s } UNION { GRAPH ?g { %s } }"
    own = snapshot.query(f"CONSTRUCT {{ {me} ?p ?o }} WHERE {{ {everywhere % (f'{me} ?p ?o', f'{me} ?p ?o')} }}")
    assert {(str(t.subject), str(t.predicate), str(t.object)) for t in own} == {t for t in found if t[0] == me}
    leading = {tuple(map(str, row)) for row in snapshot.query(f"SELECT ?s ?p WHERE {{ ?s ?p {me} }}")}
    recorded = {(s, p) for s, p, o in found if o == me and "/id/record/" in s}
    if len(leading) <= AT_ONCE:
        assert {(s, p) for s, p, o in found if o == me} - recorded == leading
    records = {
        str(row[0]) for row in snapshot.query(f"SELECT ?r WHERE {{ GRAPH ?g {{ ?r <{BASE}def#recordOf> {me} }} }}")
    }
    assert {s for s, _ in recorded} == records
    for source in {o for s, p, o in found if s in records and p.endswith("#wasDerivedFrom>")}:
        assert any(s == source for s, _, _ in found), source


def test_statements_of_the_thing_stand_in_their_data_sets_in_trig(site: str, snapshot: Snapshot) -> None:
    quads = list(parse(get(site, f"{CECI}.trig").content, RdfFormat.TRIG))
    named = [quad for quad in quads if "/set/" in str(quad.graph_name)]
    assert {str(quad.graph_name) for quad in named} >= {
        f"<{BASE}set/interreg>",
        f"<{BASE}set/inferred>",
        f"<{BASE}set/interreg-records>",
    }
    for quad in named:
        assert snapshot.query(f"ASK {{ GRAPH {quad.graph_name} {{ {quad.subject} {quad.predicate} {quad.object} }} }}")


def test_much_that_leads_to_a_thing_is_bounded_and_counted(site: str, snapshot: Snapshot) -> None:
    path, thing = "/doc/initiative/ccri", f"<{BASE}id/initiative/ccri>"
    query = f"SELECT ?p (COUNT(*) AS ?n) WHERE {{ ?s ?p {thing} }} GROUP BY ?p"
    counts = {row["p"].value: int(row["n"].value) for row in snapshot.query(query)}
    assert sum(counts.values()) > AT_ONCE
    response = get(site, f"{path}.nt")
    found = read(response.content, "application/n-triples")
    for property_, count in counts.items():
        given = sum((p, o) == (f"<{property_}>", thing) for _, p, o in found)
        assert given == min(count, EACH), property_
        assert (f"{property_} {EACH} of {count}" in response.headers["x-circkg-bounded"]) == (count > EACH)
    assert all(
        snapshot.query(f"ASK {{ {{ {s} {p} {o} }} UNION {{ GRAPH ?g {{ {s} {p} {o} }} }} }}") for s, p, o in found
    )
    page = get(site, path, "text/html").text
    asked = re.search(r'href="(/sparql\?query=[^"]*identifiedBy[^"]*)"', page)
    assert asked
    answer = CLIENT.get(f"{site}{asked[1]}", headers={"Accept": "application/sparql-results+json"})
    assert len(answer.json()["results"]["bindings"]) == counts[f"{BASE}def#identifiedBy"]


# -- what is not there --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/doc/initiative/nope", "/doc/initiative", "/def/barrier-type/nope", "/def/nope", "/def/9.9.9", "/doc?iri=http://example.org/nope",
     "/def/9.9.9/context.jsonld", "/def/barrier-type/0.1.0", "/doc/record/ccri/names/nope.ttl"],
)  # fmt: skip
def test_what_is_unknown_is_not_found(site: str, path: str) -> None:
    response = get(site, path, "text/turtle")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    page = get(site, path, "text/html")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/explore"' in page.text


@pytest.mark.parametrize(
    "path", ["/doc", "/doc?iri=", "/doc?iri=x", "/doc?iri=http://a/<script>", "/doc?iri=file:///etc/passwd",
             f"/doc?iri=http://a/{'a' * 3000}", f"/doc/{'a' * 3000}", "/doc/initiative/%FF", "/doc?iri=%FF"],
)  # fmt: skip
def test_what_is_no_address_is_a_problem(site: str, path: str) -> None:
    response = get(site, path, "application/ld+json")
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")


def test_nothing_in_an_address_reaches_the_query(site: str) -> None:
    for injected in ("x> ?p ?o } #", "x%3E%20%3Fp", 'x"', "x\\u003e"):
        assert get(site, f"/doc/initiative/{httpx.QueryParams({'q': injected})}".replace("q=", "")).status_code == 404


@pytest.fixture(scope="module")
def withdrawn(archive: Archive, site: str) -> str:
    retire(
        archive.folder, Tombstone(f"{BASE}id/practice/gone", "Entered twice.", f"{BASE}id/practice/shareable-mechelen")
    )
    retire(archive.folder, Tombstone(f"{BASE}id/practice/erased", "Asked for by <the> owner."))
    return site


def test_what_was_withdrawn_says_why_and_what_took_its_place(withdrawn: str) -> None:
    problem = get(withdrawn, "/doc/practice/gone", "application/json, application/problem+json")
    assert (problem.status_code, problem.json()["detail"]) == (410, "Entered twice.")
    assert problem.json()["replacedBy"] == f"{BASE}id/practice/shareable-mechelen"
    assert 'rel="successor-version"' in problem.headers["link"]
    data = get(withdrawn, "/doc/practice/gone", "text/turtle")
    assert data.status_code == 410
    replaced = (
        iri(f"{BASE}id/practice/gone"),
        "<http://purl.org/dc/terms/isReplacedBy>",
        iri(f"{BASE}id/practice/shareable-mechelen"),
    )
    assert replaced in read(data.content, "text/turtle")
    page = get(withdrawn, "/doc/practice/gone", "text/html")
    assert page.status_code == 410
    assert 'href="/doc/practice/shareable-mechelen"' in page.text


def test_what_was_withdrawn_without_a_successor_has_its_reason(withdrawn: str) -> None:
    assert "replacedBy" not in get(withdrawn, "/doc/practice/erased", "application/problem+json").json()
    assert "Asked for by &lt;the&gt; owner." in get(withdrawn, "/doc/practice/erased", "text/html").text
    assert get(withdrawn, "/doc/practice/shareable-mechelen").status_code == 200


def test_a_build_makes_the_withdrawn_known_to_the_store(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", Archive(tmp_path / "store")
    data.mkdir()
    archive.folder.mkdir()
    retire(archive.folder, Tombstone("http://a/purged", "Purged."))
    (data / "retired.csv").write_text("iri,replaced_by,reason\nhttp://a/old,http://a/new,Renamed.\n", encoding="utf-8")
    retired = Retired.of(archive)
    assert retired.find("http://a/old") is None
    publish(archive, data)
    assert retired.find("http://a/old") == Tombstone("http://a/old", "Renamed.", "http://a/new")
    assert retired.find("http://a/purged") == Tombstone("http://a/purged", "Purged.")


def test_a_list_that_cannot_be_read_hides_nothing_else(
    tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    archive = Archive(tmp_path)
    found = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    with archive.writing():
        manifest = archive.next_manifest(
            [archive.release(found, [(iri("http://a/s"), iri("http://a/p"), literal("o"))])]
        )
        make(archive, manifest)
        archive.publish(manifest)
    (tmp_path / "retired.csv").write_text("iri\n", encoding="utf-8")
    with serve_app(build_app(archive, Settings())) as site:
        assert get(site, "/doc/practice/x", "text/turtle").status_code == 404
        assert get(site, "/doc?iri=http://a/s", "text/turtle").status_code == 200


def test_bytes_that_no_address_has_are_no_error_of_ours(site: str) -> None:
    host, port = site.removeprefix("http://").split(":")
    for path in (b"/id/practice/\xc3\xa4", b"/doc/practice/\xff", b"/doc?iri=\xff"):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            status = int(connection.makefile("rb").readline().split()[1])
            assert status < 500, path


# -- languages ----------------------------------------------------------------------------------------------------


def test_the_page_speaks_the_language_of_its_reader(site: str) -> None:
    finnish = get(site, CECI, "text/html", Accept_Language="fi-FI, en;q=0.5")
    assert finnish.headers["content-language"] == "fi"
    assert '<html lang="fi">' in finnish.text
    assert "Tapahtumat" in finnish.text
    assert "1. elokuuta 2019" in finnish.text
    chosen = get(site, f"{CECI}?lang=pt", "text/html", Accept_Language="fi")
    assert '<html lang="pt">' in chosen.text
    assert 'href="/doc/organisation/lab-uas?lang=pt"' in chosen.text, "links keep the language that was chosen"
    assert 'lang="en">Citizen Involvement' in chosen.text, "what is in another language says so"


def test_names_of_concepts_come_in_the_language_and_in_english(site: str) -> None:
    practice = "/doc/practice/shareable-mechelen.nt"
    given = read(get(site, practice, Accept_Language="fi").content, "application/n-triples")
    tags = {o.rpartition("@")[2] for s, p, o in given if p.endswith("#prefLabel>") and "/def/" in s}
    assert tags == {"fi", "en"}


# -- profiles -----------------------------------------------------------------------------------------------------


def test_a_profile_is_chosen_by_header_or_parameter(site: str) -> None:
    by_header = get(site, CECI, "application/ld+json", Accept_Profile="<https://schema.org/>")
    by_token = get(site, f"{CECI}.jsonld?_profile=schema")
    assert by_header.json() == by_token.json()
    assert by_header.json()["@type"] == "Project"
    assert by_header.json()["name"] == {
        "@value": "Citizen Involvement in Circular Economy Implementation",
        "@language": "en",
    }
    assert '<https://schema.org/>; rel="profile"' in by_header.headers["link"]
    ours = get(site, CECI, "text/turtle")
    assert f'<{BASE}def/profiles#description>; rel="profile"' in ours.headers["link"]
    refused = get(site, f"{CECI}?_profile=nope", "text/turtle")
    assert refused.status_code == 406
    assert "https://schema.org/" in refused.json()["offered"]


def test_profiles_are_listed(site: str) -> None:
    listed = get(site, f"{CECI}?_profile=alt", "application/json").json()
    for profile in listed["profiles"]:
        for format_ in profile["formats"]:
            response = CLIENT.get(format_["href"])
            assert response.status_code == 200
            assert response.headers["content-type"].partition(";")[0] == format_["media_type"]
            assert f'<{profile["uri"]}>; rel="profile"' in response.headers["link"]
    turtle = read(get(site, f"{CECI}?_profile=alt", "text/turtle").content, "text/turtle")
    assert sum(p.endswith("#hasDefaultRepresentation>") for _, p, _ in turtle) == 1
    assert "Accept-Profile" in get(site, f"{CECI}?_profile=alt", "text/html").text


@pytest.mark.parametrize("thing", [thing for thing in THINGS if "/record/" not in thing])
def test_the_words_of_schema_org_stand_for_statements_of_ours(site: str, thing: str) -> None:
    path = at(page_of(thing), "nt")
    ours = read(get(site, path).content, "application/n-triples")
    theirs = read(get(site, f"{path}{'&' if '?' in path else '?'}_profile=schema").content, "application/n-triples")
    me = iri(thing)
    said = {(s, o) for s, _, o in ours}
    types = {o for s, p, o in theirs if s == me and p.endswith("#type>")}
    assert len(types) == 1
    assert {(s, o) for s, _, o in theirs} - {(me, next(iter(types)))} <= said


# -- signposting --------------------------------------------------------------------------------------------------


def links_of(response: httpx.Response) -> list[dict[str, str]]:
    found = []
    for match in re.finditer(r"<([^>]*)>((?:; \w+=\"[^\"]*\")*)", response.headers["link"]):
        found.append({"href": match[1], **dict(re.findall(r'(\w+)="([^"]*)"', match[2]))})
    return found


@pytest.mark.parametrize("thing", THINGS)
def test_typed_links_lead_to_identifier_data_licence_and_linkset(site: str, thing: str) -> None:
    page = get(site, page_of(thing), "text/html")
    links = links_of(page)
    rels: dict[str, list[dict[str, str]]] = {}
    for link in links:
        rels.setdefault(link["rel"], []).append(link)
    assert [link["href"] for link in rels["cite-as"]] == [thing]
    assert "https://schema.org/AboutPage" in [link["href"] for link in rels["type"]]
    assert rels["license"]
    assert rels["collection"]
    for link in [*rels["describedby"], *rels["item"], *rels["linkset"], *rels["alternate"]]:
        response = CLIENT.head(link["href"])
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == link["type"]
    document = CLIENT.get(rels["linkset"][0]["href"]).json()
    by_anchor = {entry["anchor"]: entry for entry in document["linkset"]}
    landing = by_anchor[f"{site}{page_of(thing)}"]
    for rel, expected in rels.items():
        if rel not in ("profile",):
            assert [target["href"] for target in landing[rel]] == [link["href"] for link in expected]
    for link in rels["describedby"]:
        assert by_anchor[link["href"]]["describes"][0]["href"] == f"{site}{page_of(thing)}"


def test_a_page_names_its_formats_and_says_itself_in_schema_org(site: str) -> None:
    page = get(site, CECI, "text/html").text
    for href in re.findall(r'<link rel="alternate" type="[^"]*" href="([^"]*)"', page):
        assert CLIENT.get(f"{site}{href}").status_code == 200
    embedded = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert embedded
    content: dict[str, Any] = json.loads(embedded[1])
    assert content["@id"] == f"{BASE}id/initiative/ceci"
    assert content["mainEntityOfPage"] == f"{site}{CECI}"


# -- IRIs of others -----------------------------------------------------------------------------------------------


def test_what_others_name_has_a_page_and_never_leads_away(site: str) -> None:
    response = get(site, f"/doc?iri={NUTS}", "text/html")
    assert response.status_code == 200
    assert "Päijät-Häme" in response.text
    assert get(site, f"/doc.ttl?iri={NUTS}").headers["content-type"].startswith("text/turtle")
    ours = get(site, f"/doc?iri={BASE}id/initiative/ceci", "text/turtle")
    assert (ours.status_code, ours.headers["location"]) == (303, f"{site}{CECI}")


def test_what_is_only_pointed_to_has_a_page_too(site: str) -> None:
    found = read(get(site, "/doc.nt?iri=http://eurovoc.europa.eu/1000").content, "application/n-triples")
    assert any(o == "<http://eurovoc.europa.eu/1000>" for _, _, o in found)


# -- sitemap ------------------------------------------------------------------------------------------------------


def test_the_sitemap_lists_pages_that_are_there(site: str, archive: Archive) -> None:
    listed = re.findall(r"<loc>(.*?)</loc>", get(site, "/sitemap.xml").text)
    assert len(listed) == len(set(listed)) > 1000
    assert f"{site}{CECI}" in listed
    manifest = archive.current()
    assert manifest is not None
    sets = [f"{site}/set/{release.set}" for release in manifest.releases]
    assert {*sets, f"{site}/catalogue"} <= set(listed)
    for address in [*sets, *listed[:: len(listed) // 25]]:
        assert CLIENT.get(address).status_code == 200, address
    robots = get(site, "/robots.txt").text
    assert f"Sitemap: {site}/sitemap.xml" in robots


def test_a_long_sitemap_is_an_index_of_parts(
    site: str, monkeypatch: pytest.MonkeyPatch, archive: Archive, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    from circkg_server.linked_data import sitemap

    whole = re.findall(r"<loc>(.*?)</loc>", get(site, "/sitemap.xml").text)
    monkeypatch.setattr(sitemap, "EACH", 700)
    with serve_app(build_app(archive, Settings())) as other:
        parts = re.findall(r"<loc>(.*?)</loc>", get(other, "/sitemap.xml").text)
        assert len(parts) >= 2
        each = [re.findall(r"<loc>(.*?)</loc>", CLIENT.get(part).text) for part in parts]
        assert all(len(part) <= 700 for part in each)
        assert CLIENT.get(f"{other}/sitemap-0.xml").status_code == 404
        found = [address for part in each for address in part]
    assert [address.removeprefix(other) for address in found] == [address.removeprefix(site) for address in whole]


# -- behind a proxy, under a sub-path ------------------------------------------------------------------------------


def test_under_a_public_address_links_use_it_and_identifiers_do_not(
    archive: Archive, site: str, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    assert site
    public = "https://data.example.org/circkg"
    with serve_app(build_app(archive, Settings(public_url=public))) as address:
        for prefix in ("", "/circkg"):  # the proxy may take the sub-path away, or leave it
            found = get(address, f"{prefix}/id/initiative/ceci")
            assert found.headers["location"] == f"{public}{CECI}"
            page = get(address, f"{prefix}{CECI}", "text/html")
            assert page.headers["content-location"] == f"{public}{CECI}.html"
            assert f'<{BASE}id/initiative/ceci>; rel="cite-as"' in page.headers["link"]
            inside = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
            assert inside
            assert [href for href in inside if not href.startswith("/circkg/")] == []
            record = page_of(record_iri("ccri", "names", "organisation--land-berlin--Land Berlin--de"))
            assert get(address, f"{prefix}{record}", "text/turtle").status_code == 200
            assert get(address, f"{prefix}{CECI}.jsonld").json()["@context"] == f"{public}/def/context.jsonld"


def test_a_trusted_proxy_says_where_the_server_is(
    archive: Archive, site: str, serve_app: Callable[..., AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site
    monkeypatch.setenv("CIRCKG_TRUSTED_PROXIES", "127.0.0.1")
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "data.example.org", "X-Forwarded-Prefix": "/circkg"}
    with serve_app(build_app(archive, Settings())) as address:
        response = CLIENT.get(f"{address}/id/initiative/ceci", headers=said)
        assert response.headers["location"] == f"https://data.example.org/circkg{CECI}"
    believed = CLIENT.get(f"{site}/id/initiative/ceci", headers=said)
    assert believed.headers["location"] == f"{site}{CECI}", "a proxy that is not trusted is not believed"
