"""The endpoint over real HTTP: a real server process on the curated graph's code path."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import Snapshot, make
from circkg_shapes.terms import iri, literal

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    archive = Archive(tmp_path_factory.mktemp("endpoint"))
    found = DataSet("a", "A <b>", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    triples = [(iri("http://example.org/s"), iri("http://example.org/p"), literal(text, "en")) for text in "ab"]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(build_app(Snapshot.open(archive)), host="127.0.0.1", port=port, log_level="error")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(timeout=10)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/sparql-results+json", "application/sparql-results+json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv"),
        ("text/tab-separated-values", "text/tab-separated-values"),
        ("*/*", "application/sparql-results+json"),
        ("text/html, text/csv;q=0.4, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        ("application/json", "application/sparql-results+json"),
    ],
)
def test_a_table_comes_in_the_format_asked_for(server: str, accept: str, media_type: str) -> None:
    response = httpx.get(f"{server}/sparql", params={"query": COUNT}, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert "2" in response.text
    assert response.headers["vary"] == "Accept"


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
    assert form.json()["results"]["bindings"][0]["n"]["value"] == "2"


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ({"params": {}}, 400, "query"),
        ({"params": {"query": "SELECT * WHERE { ?s ?p }"}}, 400, "SPARQL"),
        ({"params": [("query", COUNT), ("query", COUNT)]}, 400, "Several"),
        ({"params": {"query": "INSERT DATA { <a:a> <a:b> <a:c> }"}}, 400, ""),
        ({"params": {"query": COUNT, "update": "CLEAR ALL"}}, 403, "release"),
        ({"params": {"query": COUNT}, "headers": {"Accept": "image/png"}}, 406, "text/csv"),
        ({"params": {"query": "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"}}, 400, "SERVICE"),
        ({"params": {"query": "ASK " + "{" * 20_000 + "}" * 20_000}}, 400, "nests"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_a_way_out(
    server: str, request_: dict[str, object], status: int, says: str
) -> None:
    if "{" * 100 in str(request_):
        query = request_["params"]["query"]  # type: ignore[index]  # the one long query comes as a body
        response = httpx.post(f"{server}/sparql", content=query, headers={"Content-Type": "application/sparql-query"})
    else:
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
    assert "A &lt;b&gt;" in text


def test_health_names_the_snapshot(server: str) -> None:
    assert httpx.get(f"{server}/health").json() == {"status": "ok", "snapshot": 1}


def test_the_command_asks_an_endpoint_and_a_store_alike(server: str, tmp_path: Path) -> None:
    from circkg_server.asking import ask_endpoint

    assert b'"2"' in bytes(str(ask_endpoint(f"{server}/sparql", COUNT, "json")), "utf-8")
    assert ask_endpoint(f"{server}/sparql", ALL, "ntriples")
    assert tmp_path.exists()
