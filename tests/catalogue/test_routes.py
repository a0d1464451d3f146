"""The catalogue over real HTTP: forms, pages, addresses for ever, and what is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from rdflib import DCAT, RDF, Graph, URIRef

from circkg_loaders.iris import BASE
from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.editor import Editor
from circkg_server.catalogue.routes import build_router
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, Release
from circkg_server.settings import Settings
from circkg_shapes.terms import iri, literal

FORMS = {
    "text/turtle": ("ttl", "turtle"),
    "application/ld+json": ("jsonld", "json-ld"),
    "application/rdf+xml": ("rdf", "xml"),
    "application/n-triples": ("nt", "nt"),
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def kind(response: httpx.Response) -> str:
    return response.headers["content-type"].partition(";")[0]


@pytest.fixture
def ccri(manifest: Manifest) -> Release:
    release = manifest.release("ccri")
    assert release
    return release


@pytest.mark.parametrize("path", ["/catalogue", "/set/ccri", "/.well-known/void"])
@pytest.mark.parametrize("accept", FORMS)
def test_each_form_comes_by_accept_and_by_ending(server: Any, path: str, accept: str) -> None:
    by_accept = server.get(path, accept)
    assert (by_accept.status_code, kind(by_accept)) == (200, accept)
    assert by_accept.headers["vary"].startswith("Accept")
    ending, syntax = FORMS[accept]
    by_ending = server.get(f"{path.replace('/.well-known', '')}.{ending}", "text/html")
    assert (by_ending.status_code, kind(by_ending)) == (200, accept)
    assert by_ending.content == by_accept.content
    assert len(Graph().parse(data=by_ending.content, format=syntax)) > 50


def test_who_does_not_choose_gets_turtle_and_a_browser_a_page(server: Any) -> None:
    assert kind(server.get("/catalogue")) == "text/turtle"
    assert kind(server.get("/catalogue", BROWSER)) == "text/html"
    assert kind(server.get("/catalogue", "application/x-turtle")) == "text/turtle"
    assert kind(server.get("/set/ccri", BROWSER)) == "text/html"


def test_what_is_not_offered_is_told_with_what_is(server: Any) -> None:
    response = server.get("/catalogue", "image/png")
    assert (response.status_code, kind(response)) == (406, "application/problem+json")
    assert set(FORMS) <= set(response.json()["available"])


def test_head_and_conditions(server: Any) -> None:
    whole = server.get("/catalogue")
    head = httpx.head(f"{server.address}/catalogue", timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
    again = server.get("/catalogue", **{"If-None-Match": f'"other", W/{whole.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    other = server.get("/catalogue", "application/ld+json", **{"If-None-Match": whole.headers["etag"]})
    assert other.status_code == 200, "the tag is of another form"


def test_a_release_has_its_address_and_names_its_set(server: Any, ccri: Release) -> None:
    response = server.get(f"/set/ccri/{ccri.version}")
    name = URIRef(f"{BASE}set/ccri/{ccri.version}")
    found = Graph().parse(data=response.content, format="turtle")
    assert (name, RDF.type, DCAT.Dataset) in found
    by_ending = server.get(f"/set/ccri/{ccri.version}.rdf")
    assert set(Graph().parse(data=by_ending.content, format="xml")) == set(found)


@pytest.mark.parametrize(
    "path",
    ["/set/nothing", "/set/ccri/0.1.0-000000000000", "/set/ccri.pdf", "/catalogue.pdf", "/void.html", "/set/CCRI",
     "/set/..%2f..%2fmanifest.json", "/set/ccri/..%2f..%2fmanifest.json", "/catalogue/quality"],
)  # fmt: skip
def test_what_is_not_there_is_a_problem(server: Any, path: str) -> None:
    response = server.get(path)
    assert (response.status_code, kind(response)) == (404, "application/problem+json")


def links_of(response: Any) -> list[tuple[str, str]]:
    """Return relation and address of each typed link of an answer."""
    found = re.findall(r'<([^>]*)>; rel="([^"]*)"', response.headers["link"])
    return [(rel, href) for href, rel in found]


def test_a_set_and_its_releases_have_the_typed_links_of_fair_signposting(
    server: Any, archive: Archive, ccri: Release
) -> None:
    files = {f"{server.address}/dumps/{file.file}" for file in distributions(archive, ccri)}
    for path in ("/set/ccri", f"/set/ccri/{ccri.version}"):
        links = links_of(server.get(path, BROWSER))
        assert ("cite-as", BASE + path.removeprefix("/")) in links
        assert {href for rel, href in links if rel == "type"} == {
            "https://schema.org/AboutPage",
            "https://schema.org/Dataset",
        }
        assert ("license", "https://spdx.org/licenses/CC-BY-4.0") in links
        assert {href for rel, href in links if rel == "item"} == files
        assert len(files) > 5
        described = [href for rel, href in links if rel == "describedby"]
        assert len(described) == 5
        for href in [*described, *files]:
            assert httpx.head(href, timeout=60).status_code == 200, href
        (linkset,) = (href for rel, href in links if rel == "linkset")
        answer = httpx.get(linkset, timeout=60)
        assert kind(answer) == "application/linkset+json"
        first, *others = answer.json()["linkset"]
        assert first["anchor"] == server.address + path
        assert {each["href"] for each in first["item"]} == files
        back = {entry["anchor"]: {rel for rel in entry if rel != "anchor"} for entry in others}
        assert back == {href: {"collection"} for href in files} | {href: {"describes"} for href in described}
        by_accept = server.get(path, "application/linkset+json")
        assert by_accept.content == answer.content


def test_a_set_comes_in_dcat_ap_and_in_schema_org(server: Any, ccri: Release) -> None:
    schema = server.get("/set/ccri?_profile=schema")
    assert kind(schema) == "application/ld+json"
    assert (schema.json()["@type"], schema.json()["name"]) == ("Dataset", ccri.title)
    assert ("profile", "https://schema.org/") in links_of(schema)
    by_header = server.get(
        "/set/ccri", **{"Accept-Profile": "<https://schema.org/>, <http://data.europa.eu/r5r/>;q=0.5"}
    )
    assert by_header.content == schema.content
    assert by_header.headers["vary"] == "Accept, Accept-Profile"
    plain = server.get("/set/ccri")
    assert server.get("/set/ccri", **{"Accept-Profile": "<http://data.europa.eu/r5r/>"}).content == plain.content
    assert ("profile", "http://data.europa.eu/r5r/") in links_of(plain)
    listed = server.get("/set/ccri?_profile=alt").json()
    assert [each["token"] for each in listed["profiles"]] == ["dcat-ap", "schema"]
    for each in listed["profiles"]:
        for form in each["formats"]:
            answer = httpx.get(form["href"], headers={"Accept": form["media_type"]}, timeout=60)
            assert kind(answer) == form["media_type"], form


def test_a_set_says_where_the_very_form_is_that_was_chosen(server: Any) -> None:
    for accept in (*FORMS, BROWSER, "application/linkset+json"):
        chosen = server.get("/set/ccri", accept)
        there = httpx.get(chosen.headers["content-location"], headers={"Accept": accept}, timeout=60)
        assert there.content == chosen.content, accept
    schema = server.get("/set/ccri?_profile=schema")
    assert httpx.get(schema.headers["content-location"], timeout=60).content == schema.content


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/set/ccri?_profile=nothing", ""),
        ("/set/ccri.ttl?_profile=schema", ""),
        ("/set/ccri", "<https://example.org/profile>"),
    ],
)
def test_a_profile_that_there_is_not_is_told_with_those_that_there_are(server: Any, path: str, header: str) -> None:
    response = server.get(path, **({"Accept-Profile": header} if header else {}))
    assert (response.status_code, kind(response)) == (406, "application/problem+json")


def test_the_page_of_a_set_says_what_people_need(server: Any, archive: Archive, ccri: Release) -> None:
    text = server.get("/set/ccri", BROWSER).text
    for part in (ccri.title, ccri.description, ccri.version, ccri.licence, f"{ccri.quads:,}", "How to cite", "Finland"):
        assert part in text, part
    for file in distributions(archive, ccri):
        assert f'href="/dumps/{file.file}"' in text
        assert file.sha256 in text
    assert "Test &amp; Sons &lt;Publishers&gt;" in text
    assert "<Publishers>" not in text


def test_what_search_engines_read_is_json_that_ends_no_script(server: Any, ccri: Release) -> None:
    text = server.get("/set/ccri", BROWSER).text
    script = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert script
    assert "<" not in script[1]
    content = json.loads(script[1])
    assert (content["@type"], content["version"]) == ("Dataset", ccri.version)
    assert content["creator"]["name"] == "Test & Sons <Publishers>"


def test_the_links_of_pages_lead_somewhere(server: Any, ccri: Release) -> None:
    for page in ("/catalogue", "/set/ccri", f"/set/ccri/{ccri.version}"):
        text = server.get(page, BROWSER).text
        targets = {found for found in re.findall(r'href="([^"]+)"', text) if found.startswith(("/", server.address))}
        assert len(targets) > 10
        for target in targets:
            path = target.removeprefix(server.address).replace("&amp;", "&")
            assert httpx.head(server.address + path, timeout=60, follow_redirects=True).status_code in (200, 405), path


def test_behind_a_proxy_every_address_is_the_public_one(archive: Archive, manifest: Manifest, publisher: Path) -> None:
    assert manifest.releases
    app: Any = build_app(archive, Settings(readers=1, catalogue=str(publisher), public_url="https://data.test/kg"))
    client = TestClient(app, base_url="http://inside:8000")
    found = Graph().parse(data=client.get("/catalogue").content, format="turtle")
    addresses = {str(address) for address in found.objects(None, DCAT.accessURL)}
    assert addresses
    assert all(address.startswith("https://data.test/kg/") for address in addresses)
    page = client.get("/set/ccri", headers={"Accept": BROWSER}).text
    assert 'href="/kg/catalogue"' in page
    assert "inside:8000" not in page


def test_a_host_that_no_address_has_is_refused(shelf: Shelf) -> None:
    app = FastAPI()
    app.include_router(build_router(shelf))
    response = TestClient(app).get("/catalogue", headers={"Host": "a<b>"})
    assert (response.status_code, kind(response)) == (400, "application/problem+json")


def test_a_set_that_was_withdrawn_is_gone_but_its_releases_stay(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fact = (iri("http://example.org/s"), iri("http://example.org/p"), literal("o"))
    sets = [DataSet(slug, slug, Role.STATED, "facts", "1", "CC-BY-4.0", "For a test.") for slug in ("a", "b")]
    with archive.writing():
        first = archive.next_manifest([archive.release(one, [fact]) for one in sets])
        archive.publish(first)
        archive.publish(archive.next_manifest(first.releases[:1]))
    app = FastAPI()
    app.include_router(build_router(Shelf(archive, Editor(), {})))
    client = TestClient(app)
    gone = client.get("/set/b")
    assert gone.status_code == 410
    (address,) = gone.json()["releases"]
    assert client.get(address).status_code == 200
    assert "published no more" in client.get(address, headers={"Accept": BROWSER}).text
    assert client.get("/set/a").status_code == 200


def test_an_empty_store_has_no_catalogue(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(build_router(Shelf(Archive(tmp_path), Editor(), {})))
    for path in ("/catalogue", "/set/a", "/set/a/1", "/.well-known/void", "/catalogue/quality"):
        assert TestClient(app).get(path).status_code == 404


def test_without_a_publisher_the_page_says_so(archive: Archive, manifest: Manifest) -> None:
    assert manifest.releases
    app = FastAPI()
    app.include_router(build_router(Shelf.of(archive)))
    text = TestClient(app).get("/catalogue", headers={"Accept": BROWSER}).text
    assert "Example publisher" in text
    assert "Nobody has said yet who publishes this" in text
