"""The endpoint over real HTTP, with real readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.store.snapshot import make
from circkg_shapes.terms import iri, literal

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


@pytest.fixture(scope="module")
def server(serve_app: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    archive = Archive(tmp_path_factory.mktemp("endpoint"))
    found = DataSet("a", "A <b>", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    triples = [(iri("http://example.org/s"), iri("http://example.org/p"), literal(text, "en")) for text in "ab"]
    label = (iri("http://example.org/s"), iri("http://www.w3.org/2004/02/skos/core#prefLabel"), literal("label", "en"))
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, [*triples, label])])
        make(archive, manifest)
        archive.publish(manifest)
    with serve_app(build_app(archive, Settings())) as address:
        yield address


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/sparql-results+json", "application/sparql-results+json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv"),
        ("text/tab-separated-values", "text/tab-separated-values"),
        ("*/*", "application/sparql-results+json"),
        ("image/png, text/csv;q=0.4, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        ("text/html;q=0.8, text/csv;q=0.4, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        ("text/html, text/csv;q=0.4, application/sparql-results+xml;q=0.9", "text/html"),
        ("application/json", "application/sparql-results+json"),
    ],
)
def test_a_table_comes_in_the_format_asked_for(server: str, accept: str, media_type: str) -> None:
    response = httpx.get(f"{server}/sparql", params={"query": COUNT}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert "3" in response.text
    assert response.headers["vary"].startswith("Accept")


@pytest.mark.parametrize(
    "accept", ["text/turtle", "application/ld+json", "application/n-triples", "application/rdf+xml"]
)
def test_a_graph_comes_in_the_format_asked_for(server: str, accept: str) -> None:
    response = httpx.get(f"{server}/sparql", params={"query": ALL}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == accept
    assert "example.org" in response.text


def test_both_ways_to_post_answer_alike(server: str) -> None:
    form = httpx.post(f"{server}/sparql", data={"query": COUNT})
    body = httpx.post(f"{server}/sparql", content=COUNT, headers={"Content-Type": "application/sparql-query"})
    assert form.json() == body.json()
    assert form.json()["results"]["bindings"][0]["n"]["value"] == "3"


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ({"params": {"query": ""}}, 400, "query"),
        ({"params": {"query": "SELECT * WHERE { ?s ?p }"}}, 400, "SPARQL"),
        ({"params": [("query", COUNT), ("query", COUNT)]}, 400, "Several"),
        ({"params": {"query": "INSERT DATA { <a:a> <a:b> <a:c> }"}}, 400, "release"),
        ({"params": {"query": COUNT, "update": "CLEAR ALL"}}, 400, "release"),
        ({"params": {"query": COUNT}, "headers": {"Accept": "image/png"}}, 406, "text/csv"),
        ({"params": {"query": "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"}}, 403, "127.0.0.1"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_a_way_out(
    server: str, request_: dict[str, object], status: int, says: str
) -> None:
    response = httpx.get(f"{server}/sparql", **request_)  # type: ignore[arg-type]  # cases are plain dictionaries
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = json.loads(response.text)
    assert {"type", "title", "detail", "status"} <= problem.keys()
    assert says in response.text
    assert httpx.get(f"{server}/health").status_code == 200


def test_a_syntax_error_names_its_line(server: str) -> None:
    response = httpx.get(f"{server}/sparql", params={"query": "SELECT *\nWHERE { ?s ?p }"})
    assert response.json()["line"] == 2


def test_other_media_types_are_refused(server: str) -> None:
    response = httpx.post(f"{server}/sparql", content=COUNT, headers={"Content-Type": "text/plain"})
    assert response.status_code == 415


def test_a_query_that_is_too_long_is_refused(server: str) -> None:
    long = COUNT + "#" * 5_000_000
    response = httpx.post(f"{server}/sparql", content=long, headers={"Content-Type": "application/sparql-query"})
    assert response.status_code == 413


def test_the_start_page_names_the_sets_and_escapes_them(server: str) -> None:
    text = httpx.get(f"{server}/").text
    assert "https://w3id.org/circkg/set/a" in text
    assert 'href="/set/a"' in text
    assert "A &lt;b&gt;" in text


def test_health_and_readiness(server: str) -> None:
    assert httpx.get(f"{server}/health").json() == {"status": "ok"}
    assert httpx.get(f"{server}/ready").json() == {"ready": True, "snapshot": 1}


DEEP = {
    "parentheses": "ASK { FILTER(" + "(" * 20_000 + "1" + ")" * 20_000 + ") }",
    "groups": "ASK " + "{" * 20_000 + "}" * 20_000,
    "negations": "ASK { FILTER(" + "!" * 20_000 + "true) }",
    "paths": "ASK { ?s " + "(" * 20_000 + "<a:p>" + ")" * 20_000 + " ?o }",
    "optionals": "ASK " + "{ OPTIONAL " * 20_000 + "{}" + " }" * 20_000,
    "unions": "ASK { {}" + " UNION {}" * 20_000 + " }",
    "subqueries": "ASK " + "{ SELECT * " * 20_000 + "{}" + " }" * 20_000,
    "blank nodes": "ASK { ?s <a:p> " + "[ <a:p> " * 20_000 + "1" + " ]" * 20_000 + " }",
    "calls": "ASK { FILTER(" + "STR(" * 20_000 + "1" + ")" * 20_000 + ") }",
    "sequence": "ASK { ?s <a:p>" + "/<a:p>" * 20_000 + " ?o }",
}


@pytest.mark.parametrize("query", DEEP.values(), ids=DEEP.keys())
def test_no_nesting_takes_the_service_down(server: str, query: str) -> None:
    response = httpx.post(
        f"{server}/sparql?timeout=3", content=query, headers={"Content-Type": "application/sparql-query"}, timeout=30
    )
    assert response.status_code in (200, 400, 503), response.text
    assert httpx.get(f"{server}/health").status_code == 200
    again = httpx.get(f"{server}/sparql", params={"query": COUNT}, timeout=30)
    assert again.json()["results"]["bindings"][0]["n"]["value"] == "3"


def test_an_answer_has_a_tag_and_is_not_sent_again(server: str) -> None:
    first = httpx.get(f"{server}/sparql", params={"query": COUNT})
    tag = first.headers["etag"]
    again = httpx.get(f"{server}/sparql", params={"query": COUNT}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = httpx.get(f"{server}/sparql", params={"query": COUNT}, headers={"Accept": "text/csv"})
    assert other.headers["etag"] != tag


def test_a_query_that_varies_has_no_tag(server: str) -> None:
    asked = {"query": "SELECT (RAND() AS ?n) {}"}
    one, two = (httpx.get(f"{server}/sparql", params=asked) for _ in range(2))
    assert "etag" not in one.headers
    assert one.json() != two.json()


def test_every_answer_may_be_read_from_any_origin(server: str) -> None:
    for path in ("/health", "/sparql?query=nonsense", "/nowhere", f"/sparql?query={COUNT}"):
        assert httpx.get(server + path).headers["access-control-allow-origin"] == "*"
    preflight = httpx.options(
        f"{server}/sparql",
        headers={"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "queryid"},
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "queryid"


def test_head_options_and_other_methods(server: str) -> None:
    head = httpx.head(f"{server}/sparql", params={"query": COUNT})
    assert (head.status_code, head.content) == (200, b"")
    assert "GET" in httpx.options(f"{server}/sparql").headers["allow"]
    refused = httpx.put(f"{server}/sparql", content=b"")
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]
    query = httpx.request(
        "QUERY", f"{server}/sparql/", content=COUNT, headers={"Content-Type": "application/sparql-query"}
    )
    assert query.status_code == 200


def test_the_description_is_rdf_and_names_every_graph(server: str) -> None:
    for accept in ("text/turtle", "application/ld+json", "application/rdf+xml", "application/n-triples"):
        response = httpx.get(f"{server}/sparql", headers={"Accept": accept})
        assert response.headers["content-type"].startswith(accept)
        assert "https://w3id.org/circkg/set/a" in response.text
    assert httpx.get(f"{server}/sparql", headers={"Accept": "image/png"}).status_code == 406


def test_text_is_found_in_sparql_and_by_the_api(server: str) -> None:
    service = "SERVICE <https://w3id.org/circkg/text-search> { ?s text:query 'labl' ; text:score ?score }"
    query = f"PREFIX text: <https://w3id.org/circkg/def/text-search#> SELECT ?s ?score {{ {service} }}"
    response = httpx.get(f"{server}/sparql", params={"query": query})
    assert response.status_code == 200, response.text
    found = [row["s"]["value"] for row in response.json()["results"]["bindings"]]
    assert found == ["http://example.org/s"], "with one typing error"
    hits = httpx.get(f"{server}/api/search", params={"q": "label"}).json()
    assert hits["hits"][0]["iri"] == "http://example.org/s"
    assert httpx.get(f"{server}/api/search", params={"q": "x" * 300}).status_code == 400
    assert httpx.get(f"{server}/api/search", params={"q": "a", "type": "nothing:X"}).status_code == 400


def test_control_characters_are_not_put_into_xml(server: str) -> None:
    asked = {"query": 'SELECT ("a\\u0001b" AS ?x) {}'}
    assert httpx.get(f"{server}/sparql", params=asked, headers={"Accept": "text/csv"}).status_code == 200
    refused = httpx.get(f"{server}/sparql", params=asked, headers={"Accept": "application/sparql-results+xml"})
    assert refused.status_code == 406
    assert "JSON" in refused.text


def test_the_command_asks_an_endpoint_and_a_store_alike(server: str, tmp_path: Path) -> None:
    from circkg_server.asking import ask_endpoint

    assert b'"3"' in bytes(str(ask_endpoint(f"{server}/sparql", COUNT, "json")), "utf-8")
    assert ask_endpoint(f"{server}/sparql", ALL, "ntriples")
    assert tmp_path.exists()


def test_no_write_is_taken_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    monkeypatch.setenv("CIRCKG_WRITES", "open")
    monkeypatch.setenv("CIRCKG_RESERVE", str(2**60))
    with TestClient(build_app(Archive(tmp_path / "empty"), Settings())) as client:  # type: ignore[arg-type]  # an ASGI application
        refused = client.post("/update", data={"update": "INSERT DATA { <a:a> <a:b> 1 }"})
        assert refused.status_code == 507
        assert client.get("/sparql", params={"query": COUNT}).status_code == 200


def test_what_is_not_there_is_told_with_a_way_out(server: str) -> None:
    missing = httpx.get(f"{server}/nowhere")
    assert missing.status_code == 404
    assert missing.json()["detail"].startswith("There is nothing at /nowhere. / shows")
    refused = httpx.post(f"{server}/health")
    assert refused.status_code == 405
    assert refused.json()["detail"] == "Use GET."


def test_the_form_of_the_start_page_asks_in_each_format_that_it_offers(server: str) -> None:
    page = httpx.get(f"{server}/").text
    offered = re.findall(r'<option value="(\w*)"', page)
    assert {"html", "csv"} <= set(offered)
    for format_ in offered:
        response = httpx.get(f"{server}/query", params={"query": COUNT, "format": format_})
        assert response.status_code == 200, format_
        assert format_ in response.headers["content-type"].replace("tab-separated", "tsv")
