"""Writes over real HTTP: tokens, drafts, update, the Graph Store Protocol, and a store that may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from typer.testing import CliRunner

from circkg_server.app import build_app
from circkg_server.releases.archive import Archive
from circkg_server.settings import SettingsError
from circkg_server.writes.drafts import DRAFTS
from circkg_server.writes.live import (
    CrashedError,
    Formats,
    KilledError,
    LiveStore,
    StoreDownError,
    TimeoutExceededError,
)
from circkg_server.writes.media import choose, parts
from circkg_server.writes.open_folder import NotThrowAwayError, open_folder
from circkg_server.writes.protocol import Writes, build_router
from circkg_server.writes.settings import Mode, WritesSettings
from circkg_server.writes.tokens import (
    Audit,
    ForbiddenError,
    NotAuthorisedError,
    Scope,
    TokenError,
    Tokens,
    token_app,
)
from circkg_server.writes.updates import (
    DEFAULT,
    UpdateError,
    UpdateForbiddenError,
    guarded,
    operations,
    with_dataset,
)

SUITE = Path(__file__).resolve().parents[2] / "shared" / "suites" / "sparql_http" / "suite.py"
TURTLE = {"Content-Type": "text/turtle"}
SPARQL = "application/sparql-update"
UPDATE = {"Content-Type": SPARQL}
PUBLISHED = "https://w3id.org/circkg/set/ceci"
ONE = "<http://e/s> <http://e/p> 1 ."


@pytest.fixture(scope="module")
def opened(serve_app: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CIRCKG_WRITES", "open")
        environment.setenv("CIRCKG_WRITE_TIMEOUT", "2")
        environment.setenv("CIRCKG_WRITE_MB", "1")
        application = build_app(Archive(tmp_path_factory.mktemp("open")))
    with serve_app(application) as url:
        yield url


@pytest.fixture
def empty(opened: str) -> str:
    httpx.post(f"{opened}/update", content="DROP ALL", headers=UPDATE).raise_for_status()
    return opened


@pytest.fixture(scope="module")
def drafts(serve_app: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str], Path]]:
    """Serve a normal instance; give its URL, the tokens and the folder."""
    folder = tmp_path_factory.mktemp("normal")
    tokens = Tokens(folder)
    texts = {
        "turku": tokens.add("turku", [Scope.CONTRIBUTE]),
        "tampere": tokens.add("tampere", [Scope.CONTRIBUTE]),
        "curator": tokens.add("curator", [Scope.CONTRIBUTE, Scope.CURATE]),
        "reader": tokens.add("reader", [Scope.CURATE]),
    }
    live = LiveStore(folder / "drafts", "drafts")

    async def published(_: Request, graph: str | None, media_type: str) -> Response | None:
        return Response("# published", media_type=media_type) if graph in (None, PUBLISHED) else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await live.start()
        yield
        await live.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(build_router(Writes(live, live.settings, tokens, Audit(folder), published)))
    with serve_app(app) as url:
        yield url, texts, folder


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def update(url: str, text: str, **more: str) -> httpx.Response:
    return httpx.post(f"{url}/update", content=text, headers=UPDATE, params=more, timeout=30)


def ask(url: str, text: str) -> bool:
    response = httpx.post(
        f"{url}/sparql", content=text, headers={"Content-Type": "application/sparql-query"}, timeout=30
    )
    response.raise_for_status()
    return bool(response.json()["boolean"])


def put(url: str, graph: str, text: str = ONE, **headers: str) -> httpx.Response:
    return httpx.put(f"{url}/graph-store", params={"graph": graph}, content=text, headers=TURTLE | headers)


def get(url: str, graph: str, accept: str = "application/n-triples", **headers: str) -> httpx.Response:
    return httpx.get(f"{url}/graph-store", params={"graph": graph}, headers={"Accept": accept} | headers)


# ------------------------------------------------------------------ W3C


@pytest.mark.skipif(not SUITE.exists(), reason="the W3C cases stand beside the repository")
def test_the_w3c_cases_of_updates_and_graph_store_pass(empty: str) -> None:
    command = [
        sys.executable, str(SUITE), "--query", f"{empty}/sparql", "--update", f"{empty}/update",
        "--gsp", f"{empty}/graph-store", "--groups", "gsp,protocol,1.1-update,1.2-update",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


# ------------------------------------------------------------------ tokens


def test_a_token_is_kept_as_a_hash_in_a_private_file(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    text = tokens.add("turku", [Scope.CONTRIBUTE])
    kept = (tmp_path / "tokens.json").read_text()
    assert text not in kept
    assert text.removeprefix("circkg_") not in kept
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    use = tokens.check(f"Bearer {text}")
    assert (use.name, use.may(Scope.CONTRIBUTE), use.sees_all) == ("turku", True, False)


def test_two_tokens_of_one_kind_have_different_hashes(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    assert tokens.add("a", [Scope.ADMIN]) != tokens.add("b", [Scope.ADMIN])
    first, second = tokens.all()
    assert first.salt != second.salt
    assert first.digest != second.digest


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer wrong", "Bearer é"])
def test_no_token_or_a_wrong_one_is_not_authorised(tmp_path: Path, header: str | None) -> None:
    tokens = Tokens(tmp_path)
    tokens.add("a", [Scope.ADMIN])
    with pytest.raises(NotAuthorisedError):
        tokens.check(header)


def test_scopes_bind_and_admin_has_them_all(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    contributor, admin = tokens.add("c", [Scope.CONTRIBUTE]), tokens.add("a", [Scope.ADMIN])
    with pytest.raises(ForbiddenError, match="curate"):
        tokens.check(f"Bearer {contributor}", Scope.CURATE)
    for scope in Scope:
        assert tokens.check(f"bearer {admin}", scope).name == "a"


def test_an_expired_or_revoked_token_is_not_taken(tmp_path: Path) -> None:
    tokens, running = Tokens(tmp_path), Tokens(tmp_path)
    text = tokens.add("a", [Scope.ADMIN], datetime.now(UTC) + timedelta(days=2))
    assert running.check(f"Bearer {text}").name == "a"
    end = tokens.all()[0].expires
    tokens.file.write_text(tokens.file.read_text().replace(end, "2025-01-31T00:00:00+00:00"))
    with pytest.raises(NotAuthorisedError, match="expired"):
        running.check(f"Bearer {text}")
    other = tokens.add("b", [Scope.ADMIN])
    assert running.check(f"Bearer {other}").name == "b"
    tokens.revoke("b")
    with pytest.raises(NotAuthorisedError):
        running.check(f"Bearer {other}")


@pytest.mark.parametrize("name", ["", "Turku", "a b", "a_b", "-a", "a" * 65, "tést"])
def test_a_name_of_a_token_is_a_slug(tmp_path: Path, name: str) -> None:
    with pytest.raises(TokenError):
        Tokens(tmp_path).add(name, [Scope.ADMIN])


def test_a_token_needs_a_scope_a_future_and_a_name_of_its_own(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    with pytest.raises(TokenError, match="scope"):
        tokens.add("a", [])
    with pytest.raises(TokenError, match="expired"):
        tokens.add("a", [Scope.ADMIN], datetime(2020, 1, 1, tzinfo=UTC))
    tokens.add("a", [Scope.ADMIN])
    with pytest.raises(TokenError, match="already"):
        tokens.add("a", [Scope.ADMIN])
    with pytest.raises(TokenError, match="no token"):
        tokens.revoke("b")


def test_a_broken_file_of_tokens_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{")
    with pytest.raises(TokenError, match="cannot be read"):
        Tokens(tmp_path).check("Bearer circkg_x")


def test_the_command_adds_lists_and_revokes(tmp_path: Path) -> None:
    run, store = CliRunner(), ["--store", str(tmp_path)]
    added = run.invoke(token_app, ["add", "turku", "--scope", "contribute", "--expires", "2099-12-31", *store])
    assert added.exit_code == 0
    text = next(line for line in added.output.splitlines() if line.startswith("circkg_"))
    assert Tokens(tmp_path).check(f"Bearer {text}").name == "turku"
    listed = run.invoke(token_app, ["list", *store]).output
    assert "turku" in listed
    assert "2100-01-01" in listed or "2099-12-31" in listed
    assert text not in listed
    assert run.invoke(token_app, ["revoke", "turku", *store]).exit_code == 0
    assert run.invoke(token_app, ["revoke", "turku", *store]).exit_code == 2
    assert run.invoke(token_app, ["add", "turku", "--scope", "nothing", *store]).exit_code == 2


# ------------------------------------------------------------------ settings


def test_settings_come_from_the_environment_or_are_refused() -> None:
    found = WritesSettings.from_environment(
        {"CIRCKG_WRITES": "off", "CIRCKG_WRITE_TIMEOUT": "5", "CIRCKG_WRITE_MB": "1"}
    )
    assert (found.mode, found.timeout, found.max_bytes) == (Mode.OFF, 5.0, 1 << 20)
    assert WritesSettings.from_environment({}) == WritesSettings()
    for wrong in ({"CIRCKG_WRITES": "yes"}, {"CIRCKG_WRITE_TIMEOUT": "soon"}, {"CIRCKG_WRITE_MB": "-1"}):
        with pytest.raises(SettingsError):
            WritesSettings.from_environment(wrong)


def test_an_open_instance_does_not_start_on_published_data(tmp_path: Path) -> None:
    assert open_folder(tmp_path) == tmp_path / "live"
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(NotThrowAwayError):
        open_folder(tmp_path)


# ------------------------------------------------------------------ the text of updates


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("INSERT DATA { GRAPH <g:a> { <a:a> <a:b> '} GRAPH <g:no> {' } }", {"g:a"}),
        ("PREFIX g: <g:> INSERT DATA { GRAPH g:a { <a:a> <a:b> 1 } GRAPH <g:b> {} }", {"g:a", "g:b"}),
        ("INSERT DATA { <a:a> <a:b> 1 . GRAPH <g:a> { <a:a> <a:b> 1 } }", {DEFAULT, "g:a"}),
        ("DELETE WHERE { GRAPH <g:a> { ?s ?p ?o } }", {"g:a"}),
        ("WITH <g:w> DELETE { ?s ?p ?o } INSERT { GRAPH <g:i> { ?s ?p 1 } } WHERE { GRAPH <g:no> { ?s ?p ?o } }",
         {"g:w", "g:i"}),
        ("INSERT { GRAPH ?g { ?s ?p ?o } } USING <g:no> WHERE { ?s ?p ?o }", set()),
        ("BASE <http://b/> CLEAR GRAPH <x> ; DROP SILENT GRAPH <y>", {"http://b/x", "http://b/y"}),
        ("CLEAR ALL", {DEFAULT}), ("DROP NAMED", {DEFAULT}), ("CREATE GRAPH <g:a>", {"g:a"}),
        ("COPY <g:a> TO GRAPH <g:b> ; ADD DEFAULT TO <g:c>", {"g:a", "g:b", "g:c", DEFAULT}),
        ("LOAD <http://x> INTO GRAPH <g:a>", {"g:a"}), ("LOAD <http://x>", {DEFAULT}),
        ("# CLEAR ALL\nCREATE GRAPH <g:a> # ; DROP ALL", {"g:a"}),
    ],
)  # fmt: skip
def test_the_graphs_that_an_update_writes_are_read_from_its_text(text: str, targets: set[str]) -> None:
    assert {graph for operation in operations(text) for graph in operation.targets()} == targets


def test_the_dataset_of_the_parameters_is_written_into_each_operation() -> None:
    text = "INSERT { ?s ?p 1 } WHERE { ?s ?p ?o } ; DELETE WHERE { ?s ?p 2 } ; INSERT DATA { <a:a> <a:b> 'WHERE' }"
    assert with_dataset(text, ["g:a"], ["g:b"]) == (
        "INSERT { ?s ?p 1 } USING <g:a> USING NAMED <g:b> WHERE { ?s ?p ?o } ; "
        "DELETE { ?s ?p 2 } USING <g:a> USING NAMED <g:b> WHERE { ?s ?p 2 } ; INSERT DATA { <a:a> <a:b> 'WHERE' }"
    )
    for conflict in ("WITH <g:a> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", "DELETE { ?s ?p ?o } USING <g:a> WHERE { }"):
        with pytest.raises(UpdateError, match="not in both"):
            with_dataset(conflict, [], ["g:b"])
    with pytest.raises(UpdateError, match="absolute"):
        with_dataset(text, ["a> <b"], [])


@pytest.mark.parametrize("isolated", [True, False])
def test_load_and_service_are_refused(isolated: bool) -> None:
    for text in ("LOAD <http://x/>", "INSERT DATA {} ; LOAD <http://x/> INTO GRAPH <g:a>",
                 "INSERT { ?s ?p ?o } WHERE { SERVICE <http://x/> { ?s ?p ?o } }"):  # fmt: skip
        with pytest.raises(UpdateForbiddenError):
            guarded(text, isolated)
    assert guarded("LOAD SILENT <http://x/>\n;CLEAR ALL", isolated) == "INSERT DATA {}\n;CLEAR ALL"
    harmless = "INSERT DATA { <a:LOAD> <a:SERVICE> 'LOAD <http://x/> SERVICE' } # LOAD"
    assert guarded(harmless, isolated) == harmless


# ------------------------------------------------------------------ update over HTTP


def test_an_update_comes_as_a_form_or_as_a_body(empty: str) -> None:
    form = httpx.post(f"{empty}/update", data={"update": "INSERT DATA { <a:a> <a:b> 'ü' }"})
    assert form.status_code == 204
    assert update(empty, "INSERT DATA { <a:a> <a:b> 'ø' }").status_code == 204
    assert ask(empty, "ASK { <a:a> <a:b> 'ü', 'ø' }")


@pytest.mark.parametrize(
    ("method", "more", "status"),
    [
        ("GET", {"params": {"update": "CLEAR ALL"}}, 405),
        ("PUT", {"content": "CLEAR ALL", "headers": UPDATE}, 405),
        ("POST", {"content": "CLEAR ALL", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", {"content": "CLEAR ALL"}, 415),
        ("POST", {"content": b"\xff\xfeC\x00", "headers": {"Content-Type": f"{SPARQL};charset=UTF-16"}}, 415),
        ("POST", {"content": b"\xff\xfe", "headers": UPDATE}, 400),
        ("POST", {"content": "CLEAR ALL", "headers": UPDATE, "params": {"update": "CLEAR ALL"}}, 400),
        ("POST", {"data": {"other": "CLEAR ALL"}}, 400),
        ("POST", {"data": {"update": "CLEAR ALL", "query": "ASK {}"}}, 400),
        ("POST", {"data": {"update": "INSERT DATA {\n <a:a> <a:b> }"}}, 400),
        ("POST", {"data": {"update": "LOAD <http://127.0.0.1:1/>"}}, 403),
        ("POST", {"data": {"update": "LOAD <http://127.0.0.1:1/> ;; CLEAR"}}, 400),
        ("POST", {"data": {"update": "INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }"}}, 403),
        ("POST", {"data": {"update": "DROP GRAPH <g:absent>"}}, 500),
        ("POST", {"data": {"update": "CLEAR ALL", "timeout": "soon"}}, 400),
        ("POST", {"content": "#" * (2 << 20), "headers": UPDATE}, 413),
        ("POST", {"content": iter([b"#" * (1 << 20)] * 2), "headers": UPDATE}, 413),
    ],
)  # fmt: skip
def test_what_is_no_update_is_a_problem(empty: str, method: str, more: dict[str, object], status: int) -> None:
    response = httpx.request(method, f"{empty}/update", **more)  # type: ignore[arg-type]  # cases are dictionaries
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert {"title", "detail", "status"} <= response.json().keys()
    if status == 405:
        assert "POST" in response.headers["allow"]


def test_a_syntax_error_has_a_place_and_is_short(empty: str) -> None:
    found = update(empty, "INSERT DATA {\n <a:a> <a:b> }").json()
    assert (found["line"], len(found["detail"]) < 400) == (2, True)


def test_an_update_of_several_operations_is_applied_wholly_or_not_at_all(empty: str) -> None:
    assert update(empty, "INSERT DATA { <a:a> <a:b> 1 } ; CREATE GRAPH <g:a> ; CREATE GRAPH <g:a>").status_code == 500
    assert ask(empty, "ASK { FILTER NOT EXISTS { ?s ?p ?o } }")


def test_the_parameters_name_the_dataset_of_an_update(empty: str) -> None:
    update(empty, "INSERT DATA { GRAPH <g:a> { <a:a> <a:b> 1 } GRAPH <g:b> { <a:a> <a:b> 2 } }")
    text = "INSERT { GRAPH <g:c> { ?s ?p ?o } } WHERE { ?s ?p ?o }"
    assert update(empty, text, **{"using-graph-uri": "g:b"}).status_code == 204
    assert ask(empty, "ASK { GRAPH <g:c> { <a:a> <a:b> 2 FILTER NOT EXISTS { <a:a> <a:b> 1 } } }")
    conflict = update(empty, f"WITH <g:a> {text}", **{"using-named-graph-uri": "g:b"})
    assert conflict.status_code == 400


def test_several_default_graphs_are_an_rdf_merge(empty: str) -> None:
    update(empty, "INSERT DATA { GRAPH <g:a> { <a:a> <a:b> 1 } GRAPH <g:b> { <a:a> <a:b> 1 } }")
    response = httpx.get(f"{empty}/sparql", params=[("query", "SELECT * { ?s ?p ?o }"), ("default-graph-uri", "g:a"),
                         ("default-graph-uri", "g:b")], headers={"Accept": "text/csv"})  # fmt: skip
    assert len(response.text.splitlines()) == 2


# ------------------------------------------------------------------ Graph Store Protocol


def test_a_graph_is_made_read_replaced_and_deleted(empty: str) -> None:
    assert get(empty, "g:a").status_code == 404
    made = put(empty, "g:a")
    assert made.status_code == 201
    assert httpx.get(made.headers["location"], headers={"Accept": "text/turtle"}).text.strip()
    assert put(empty, "g:a", "<http://e/s> <http://e/p> 2 .").status_code == 204
    assert '"2"' in get(empty, "g:a").text
    assert '"1"' not in get(empty, "g:a").text
    assert httpx.delete(f"{empty}/graph-store", params={"graph": "g:a"}).status_code == 204
    assert httpx.delete(f"{empty}/graph-store", params={"graph": "g:a"}).status_code == 404


def test_a_graph_is_named_by_its_own_url(empty: str) -> None:
    url = f"{empty}/graph-store/person/1.ttl"
    assert httpx.put(url, content="<> <http://e/p> 1 .", headers=TURTLE).status_code == 201
    assert f"<{url}>" in httpx.get(url, headers={"Accept": "application/n-triples"}).text
    assert ask(empty, f"ASK {{ GRAPH <{url}> {{ <{url}> <http://e/p> 1 }} }}")
    assert get(empty, url).status_code == 200


@pytest.mark.parametrize("path", ["/graph-store", "/graph-store/"])
def test_a_graph_posted_to_the_store_gets_a_name(empty: str, path: str) -> None:
    made = httpx.post(f"{empty}{path}", content=ONE, headers=TURTLE)
    assert made.status_code == 201
    location = made.headers["location"]
    assert httpx.get(location).status_code == 200
    assert get(empty, location).status_code == 200
    assert httpx.post(f"{empty}{path}").status_code == 204


def test_post_merges_and_blank_nodes_stay_apart(empty: str) -> None:
    for _ in range(2):
        httpx.post(f"{empty}/graph-store?graph=g:a", content="_:a <http://e/p> 1 .", headers=TURTLE).raise_for_status()
    assert len(get(empty, "g:a").text.splitlines()) == 2
    assert httpx.post(f"{empty}/graph-store?graph=g:b").status_code == 204
    assert get(empty, "g:b").status_code == 404


def test_an_empty_graph_is_there(empty: str) -> None:
    assert put(empty, "g:a", "").status_code == 201
    assert get(empty, "g:a").status_code == 200
    assert put(empty, "g:a", ONE).status_code == 204
    assert put(empty, "g:a", "").status_code == 204
    assert get(empty, "g:a").text == ""


def test_the_default_graph_is_a_graph_of_its_own(empty: str) -> None:
    assert httpx.get(f"{empty}/graph-store?default").status_code == 200
    assert httpx.put(f"{empty}/graph-store?default", content=ONE, headers=TURTLE).status_code == 204
    assert ask(empty, "ASK { <http://e/s> <http://e/p> 1 }")
    assert httpx.delete(f"{empty}/graph-store?default").status_code == 204
    assert not ask(empty, "ASK { ?s ?p ?o }")


@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        ("text/turtle; charset=utf-8", "<http://e/é> <http://e/p> 1 ."),
        ("application/n-triples", '<http://e/é> <http://e/p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .'),
        ("application/ld+json", '{"@id": "http://e/é", "http://e/p": 1}'),
        ("application/rdf+xml",
         '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/"><rdf:Description '
         'rdf:about="http://e/é"><e:p rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">1</e:p></rdf:Description>'
         "</rdf:RDF>"),
        ("application/trig", "<http://e/é> <http://e/p> 1 ."),
        ("application/n-quads", '<http://e/é> <http://e/p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .'),
        ("text/n3", "<http://e/é> <http://e/p> 1 ."),
    ],
)  # fmt: skip
def test_every_format_goes_in_and_comes_out(empty: str, media_type: str, text: str) -> None:
    assert put(empty, "g:a", text, **{"Content-Type": media_type}).status_code == 201
    assert ask(empty, "ASK { GRAPH <g:a> { <http://e/é> <http://e/p> 1 } }")
    out = get(empty, "g:a", media_type.partition(";")[0])
    assert out.headers["content-type"].partition(";")[0] == media_type.partition(";")[0]
    assert put(empty, "g:b", out.text, **{"Content-Type": media_type}).status_code == 201
    assert get(empty, "g:b").text == get(empty, "g:a").text


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "status"),
    [
        ("PUT", "", TURTLE, ONE, 400), ("GET", "", {}, "", 400), ("DELETE", "", {}, "", 400),
        ("PUT", "?graph=relative", TURTLE, ONE, 400), ("PUT", "?graph=", TURTLE, ONE, 400),
        ("PUT", "?graph=http://a b", TURTLE, ONE, 400), ("PUT", "?graph=g:a&default", TURTLE, ONE, 400),
        ("PUT", "?graph=g:a&graph=g:b", TURTLE, ONE, 400), ("PUT", "/x?default", TURTLE, ONE, 400),
        ("PUT", "?graph=%ff", TURTLE, ONE, 400),
        ("PUT", "?graph=g:a", {}, ONE, 415), ("PUT", "?graph=g:a", {"Content-Type": "text/html"}, ONE, 415),
        ("PUT", "?graph=g:a", {"Content-Type": "text/turtle; charset=latin-1"}, ONE, 415),
        ("PUT", "?graph=g:a", TURTLE | {"Content-Encoding": "gzip"}, ONE, 415),
        ("PUT", "?graph=g:a", TURTLE | {"Content-Range": "bytes 0-1/9"}, ONE, 400),
        ("PUT", "?graph=g:a", TURTLE, "<a:b>\n<a:c>\n;", 400), ("PUT", "?graph=g:a", TURTLE, b"\xff", 400),
        ("PUT", "?graph=g:a", {"Content-Type": "application/trig"}, "<g:x> { <a:b> <a:c> 1 }", 400),
        ("PUT", "?graph=g:a", {"Content-Type": "application/ld+json"},
         '{"@context": "http://127.0.0.1:1/", "@id": "a:b"}', 400),
        ("PUT", "?graph=g:a", {"Content-Type": "application/rdf+xml"},
         '<!DOCTYPE x [<!ENTITY a "b">]>\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', 400),
        ("PUT", "?graph=g:a", TURTLE, "#" * (2 << 20), 413),
        ("GET", "?default", {"Accept": "image/png"}, "", 406), ("PATCH", "?default", {}, "", 405),
        ("TRACE", "", {}, "", 405), ("GET", "?graph=g:absent", {}, "", 404), ("HEAD", "?graph=g:absent", {}, "", 404),
        ("POST", "?graph=g:a", {"Content-Type": "multipart/form-data"}, "x", 400),
        ("POST", "?graph=g:a", {"Content-Type": "multipart/form-data; boundary=y"}, "x", 400),
    ],
)  # fmt: skip
def test_what_is_no_graph_is_a_problem(
    empty: str, method: str, query: str, headers: dict[str, str], body: str, status: int
) -> None:
    response = httpx.request(method, f"{empty}/graph-store{query}", headers=headers, content=body or None)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert "PUT" in response.headers["allow"]
    assert get(empty, "g:a").status_code == 404


def test_a_parse_error_has_a_line(empty: str) -> None:
    assert put(empty, "g:a", "<a:b> <a:c> 1 .\n<a:b> <a:c> .").json()["line"] == 2


def test_a_failed_put_leaves_the_graph_as_it_was(empty: str) -> None:
    put(empty, "g:a")
    assert put(empty, "g:a", ONE + " <a:b> .").status_code == 400
    assert '"1"' in get(empty, "g:a").text


def test_files_of_a_form_are_merged(empty: str) -> None:
    files = [
        ("a", ("a.ttl", "_:x <http://e/p> 1 .", "text/turtle")),
        ("b", ("b.nt", '_:x <http://e/p> "2" .', "application/octet-stream")),
    ]
    url = f"{empty}/graph-store?graph=g:a"
    assert httpx.post(url, files=files).status_code == 201
    assert len({line.split()[0] for line in get(empty, "g:a").text.splitlines()}) == 2
    assert httpx.post(url, files=[("c", ("c.pdf", "x", "application/pdf"))]).status_code == 415


def test_parts_of_a_form_may_end_their_lines_as_they_like() -> None:
    body = (
        b'--x\nContent-Disposition: form-data; name="a"; filename="a.ttl"\nContent-Type: text/turtle\n\n<a:b> \n--x--'
    )
    assert parts("multipart/form-data; boundary=x", body) == [("text/turtle", b"<a:b> ")]


def test_head_says_what_get_would(empty: str) -> None:
    put(empty, "g:a")
    url = f"{empty}/graph-store?graph=g:a"
    with httpx.Client() as client:
        head = client.head(url, headers={"Accept": "text/turtle; charset=utf-8"})
        whole = client.get(url, headers={"Accept": "text/turtle; charset=utf-8"})
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length", "etag", "vary"):
        assert head.headers[name] == whole.headers[name]


def test_tags_guard_against_lost_writes(empty: str) -> None:
    put(empty, "g:a")
    tag = get(empty, "g:a").headers["etag"]
    assert get(empty, "g:a", **{"If-None-Match": tag}).status_code == 304
    assert get(empty, "g:a", "text/turtle").headers["etag"] != tag
    assert put(empty, "g:a", **{"If-None-Match": "*"}).status_code == 412
    assert put(empty, "g:b", **{"If-Match": "*"}).status_code == 412
    assert put(empty, "g:a", "<a:b> <a:c> 2 .", **{"If-Match": tag}).status_code == 204
    assert put(empty, "g:a", "<a:b> <a:c> 3 .", **{"If-Match": tag}).status_code == 412
    assert '"2"' in get(empty, "g:a").text
    deleted = httpx.delete(f"{empty}/graph-store?graph=g:a", headers={"If-Match": tag})
    assert deleted.status_code == 412


def test_options_name_the_methods(empty: str) -> None:
    for path in ("/update", "/graph-store?default"):
        response = httpx.options(f"{empty}{path}")
        assert (response.status_code, "POST" in response.headers["allow"]) == (204, True)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "text/turtle"), ("*/*", "text/turtle"), ("text/*;q=0.1, application/n-triples", "application/n-triples"),
        ("*/*, text/turtle;q=0", "application/n-triples"), ("text/html", None), ("text/turtle;q=x", None),
        ("application/rdf+xml;q=0.8, text/turtle; charset=utf-8; q=0.9", "text/turtle"),
    ],
)  # fmt: skip
def test_the_client_chooses_the_format(accept: str | None, chosen: str | None) -> None:
    assert choose(accept) == chosen


def test_literals_come_back_with_every_character(empty: str) -> None:
    put(empty, "g:a")
    text = r'<http://e/s> <http://e/p> "\\u0041 \u0001 \" \n \t é 💡"@en-GB .'
    assert put(empty, "g:a", text).status_code == 204
    assert r"\\u0041 " in get(empty, "g:a").text
    assert ask(empty, r"""ASK { GRAPH <g:a> { ?s ?p ?o FILTER(STRLEN(?o) = 18 && CONTAINS(?o, "💡")) } }""")


# ------------------------------------------------------------------ a store that may be killed


def test_what_takes_too_long_is_ended_and_the_store_lives_on(empty: str) -> None:
    values = " ".join(f"<a:{i}> <a:p> {i} ." for i in range(2000))
    update(empty, f"INSERT DATA {{ {values} }}")
    begun = time.monotonic()
    slow = "INSERT { <a:x> <a:x> ?n } WHERE { SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } }"
    response = update(empty, slow, timeout="1")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert time.monotonic() - begun < 25
    assert ask(empty, "ASK { <a:1> <a:p> 1 }")
    assert not ask(empty, "ASK { <a:x> <a:x> ?n }")


@pytest.mark.parametrize("brackets", ["()", "{}"])
def test_deep_nesting_costs_only_itself(empty: str, brackets: str) -> None:
    put(empty, "g:a")
    for depth in (20_000, 250_000):
        nested = brackets[0] * depth + ("1" if brackets == "()" else "") + brackets[1] * depth
        text = f"INSERT DATA {{}} ; INSERT {{}} WHERE {{ {f'FILTER({nested})' if brackets == '()' else nested} }}"
        assert update(empty, text).status_code in (204, 400, 503)
        assert get(empty, "g:a").status_code == 200


def test_a_request_that_eats_memory_costs_only_itself(tmp_path: Path) -> None:
    doubled = " ".join(f"BIND(CONCAT(?a{i}, ?a{i}) AS ?a{i + 1})" for i in range(40))
    text = f"SELECT (STRLEN(?a40) AS ?n) {{ BIND('{'a' * 64}' AS ?a0) {doubled} }}"

    async def run() -> None:
        live = LiveStore(tmp_path / "live", settings=WritesSettings(memory=256 << 20))
        await live.update("INSERT DATA { <a:a> <a:b> 1 }")
        with pytest.raises(CrashedError):
            await live.query(text)
        assert await live.counts() == (1, 0)
        await live.close()

    asyncio.run(run())


def test_acknowledged_writes_survive_a_kill(tmp_path: Path) -> None:
    async def run() -> None:
        live = LiveStore(tmp_path / "live")
        await live.start()
        acknowledged = 0
        for round_ in range(3):
            process = live._process
            assert process is not None
            timer = threading.Timer(0.2, os.kill, (process.pid, signal.SIGKILL))
            timer.start()
            number = 0
            while live._process is process:  # a kill between two requests is not noticed by any
                number += 1
                subject = f"a:{round_}-{number}"
                try:
                    await live.update(f"INSERT DATA {{ <{subject}> <a:p> 1, 2, 3 }}")
                except KilledError:
                    break
                acknowledged += 1
            timer.join()
            found = await live.query("SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s", Formats(table="text/csv"))
            rows = found.content.decode().splitlines()[1:]
            assert all(row.endswith(",3") for row in rows)
            assert acknowledged <= len(rows) <= acknowledged + round_ + 1
        assert live.restarts == 3
        assert await live.counts() == (3 * len(rows), 0)
        await live.backup(tmp_path / "copy")
        await live.close()
        copy = LiveStore(tmp_path / "copy")
        assert (await copy.counts())[0] == 3 * len(rows)
        await copy.close()

    asyncio.run(run())


def test_a_request_that_is_given_up_does_not_confuse_the_next(tmp_path: Path) -> None:
    async def run() -> None:
        live = LiveStore(tmp_path / "live")
        await live.update(f"INSERT DATA {{ {' '.join(f'<a:{i}> <a:p> <a:{i}> .' for i in range(3000))} }}")
        task = asyncio.create_task(live.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"))
        await asyncio.sleep(0.3)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        found = await live.query("ASK { <a:1> <a:p> <a:1> }")
        assert json.loads(found.content)["boolean"] is True
        with pytest.raises(TimeoutExceededError):
            await live.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", timeout=0.3)
        assert (await live.counts())[0] == 3000
        await live.close()

    asyncio.run(run())


def test_two_servers_do_not_share_a_store(tmp_path: Path) -> None:
    async def run(kind: str) -> None:
        first, second = (LiveStore(tmp_path / kind, kind) for _ in range(2))  # type: ignore[arg-type]
        await first.start()
        with pytest.raises(StoreDownError):
            await second.start()
        await first.close()
        await second.start()
        await second.close()

    asyncio.run(run("live"))
    asyncio.run(run("drafts"))


# ------------------------------------------------------------------ drafts


def test_a_write_needs_a_token_that_is_good_for_it(drafts: tuple[str, dict[str, str], Path]) -> None:
    url, tokens, _ = drafts
    for response in (put(url, f"{DRAFTS}a"), update(url, "CLEAR ALL"), get(url, f"{DRAFTS}a")):
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert put(url, f"{DRAFTS}a", **bearer(tokens["reader"])).status_code == 403
    assert put(url, f"{DRAFTS}a", **bearer("circkg_wrong")).status_code == 401


def test_a_draft_is_private_to_its_token_and_to_curators(drafts: tuple[str, dict[str, str], Path]) -> None:
    url, tokens, _ = drafts
    graph = f"{DRAFTS}private"
    assert put(url, graph, **bearer(tokens["turku"])).status_code == 201
    assert get(url, graph, **bearer(tokens["turku"])).status_code == 200
    assert "private" in get(url, graph, **bearer(tokens["turku"])).headers["cache-control"]
    assert get(url, graph, **bearer(tokens["tampere"])).status_code == 403
    assert put(url, graph, **bearer(tokens["tampere"])).status_code == 403
    assert get(url, graph, **bearer(tokens["curator"])).status_code == 200
    steal = f"INSERT {{ GRAPH <{DRAFTS}stolen> {{ ?s ?p ?o }} }} WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }}"
    headers = UPDATE | bearer(tokens["tampere"])
    assert httpx.post(f"{url}/update", content=steal, headers=headers).status_code == 200
    assert get(url, f"{DRAFTS}stolen", **bearer(tokens["curator"])).status_code == 404
    write = f"INSERT DATA {{ GRAPH <{graph}> {{ <a:a> <a:b> 9 }} }}"
    assert httpx.post(f"{url}/update", content=write, headers=headers).status_code == 403
    assert "9" not in get(url, graph, **bearer(tokens["turku"])).text


def test_an_update_changes_drafts_and_says_which(drafts: tuple[str, dict[str, str], Path]) -> None:
    url, tokens, _ = drafts
    graph, headers = f"{DRAFTS}updated", UPDATE | bearer(tokens["turku"])

    def send(text: str) -> dict[str, object]:
        response = httpx.post(f"{url}/update", content=text, headers=headers)
        assert response.status_code == 200, response.text
        found: dict[str, object] = response.json()
        return found

    assert send(f"INSERT DATA {{ GRAPH <{graph}> {{ <a:a> <a:b> 1 , 2 }} }}") == {"graphs": [graph], "quads": 2}
    assert send(f"WITH <{graph}> DELETE {{ ?s ?p 1 }} INSERT {{ ?s ?p 3 }} WHERE {{ ?s ?p 1 }}")["quads"] == 2
    assert send(f"WITH <{graph}> DELETE {{ ?s ?p 7 }} WHERE {{ ?s ?p 7 }}") == {"graphs": [], "quads": 0}
    assert len(get(url, graph, **bearer(tokens["turku"])).text.splitlines()) == 2
    assert send(f"DROP GRAPH <{graph}>") == {"graphs": [graph], "quads": 2}
    assert get(url, graph, **bearer(tokens["turku"])).status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        f"INSERT DATA {{ GRAPH <{PUBLISHED}> {{ <a:a> <a:b> 1 }} }}",
        f"INSERT DATA {{ GRAPH <{DRAFTS}mixed> {{ <a:a> <a:b> 1 }} }} ; CLEAR SILENT GRAPH <{PUBLISHED}>",
        "INSERT DATA { <a:a> <a:b> 1 }", "DROP ALL", "CLEAR DEFAULT",
        f"DELETE WHERE {{ GRAPH <{PUBLISHED}> {{ ?s ?p ?o }} }}",
        f"INSERT {{ GRAPH ?g {{ <a:a> <a:b> 1 }} }} WHERE {{ BIND(IRI('{PUBLISHED}') AS ?g) }}",
        f"INSERT {{ GRAPH ?g {{ <a:a> <a:b> 1 }} }} WHERE {{ VALUES ?g {{ <{DRAFTS}mixed> <{PUBLISHED}> }} }}",  # noqa: S608
        f"PREFIX p: <{PUBLISHED}> CREATE GRAPH p:", f"CREATE GRAPH <{DRAFTS}>",
        f"BASE <{PUBLISHED}> CREATE GRAPH <ceci>",
    ],
)  # fmt: skip
def test_a_published_graph_cannot_be_written(drafts: tuple[str, dict[str, str], Path], text: str) -> None:
    url, tokens, _ = drafts
    response = httpx.post(f"{url}/update", content=text, headers=UPDATE | bearer(tokens["curator"]))
    assert response.status_code == 403
    assert "release" in response.json()["detail"]
    assert get(url, f"{DRAFTS}mixed", **bearer(tokens["curator"])).status_code == 404


def test_a_published_graph_is_read_without_a_token_and_not_written_with_one(
    drafts: tuple[str, dict[str, str], Path],
) -> None:
    url, tokens, _ = drafts
    assert get(url, PUBLISHED).text == "# published"
    assert httpx.get(f"{url}/graph-store?default").text == "# published"
    assert get(url, "https://w3id.org/circkg/set/absent").status_code == 404
    response = put(url, PUBLISHED, **bearer(tokens["curator"]))
    assert response.status_code == 403
    assert DRAFTS in response.json()["detail"]
    assert httpx.delete(f"{url}/graph-store?default", headers=bearer(tokens["curator"])).status_code == 403


def test_a_posted_draft_gets_a_name(drafts: tuple[str, dict[str, str], Path]) -> None:
    url, tokens, _ = drafts
    made = httpx.post(f"{url}/graph-store", content=ONE, headers=TURTLE | bearer(tokens["turku"]))
    assert made.status_code == 201
    assert httpx.get(made.headers["location"], headers=bearer(tokens["turku"])).status_code == 200
    assert httpx.get(made.headers["location"]).status_code == 401


def test_the_log_names_token_graph_and_outcome_but_no_data(drafts: tuple[str, dict[str, str], Path]) -> None:
    url, tokens, folder = drafts
    graph = f"{DRAFTS}logged"
    put(url, graph, "<http://e/s> <http://e/p> 'secret' .", **bearer(tokens["turku"])).raise_for_status()
    put(url, PUBLISHED, **bearer(tokens["turku"]))
    log = folder / "audit.jsonl"
    assert log.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    done = next(line for line in lines if graph in line["graphs"])
    assert (done["token"], done["what"], done["quads"], done["outcome"]) == ("turku", "put", 1, "done")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*\+00:00", done["time"])
    assert any(PUBLISHED in line["graphs"] and line["outcome"].startswith("not done") for line in lines)
    assert "secret" not in log.read_text()
    assert not any(text in log.read_text() for text in tokens.values())


def test_drafts_survive_a_kill_and_leave_no_litter(tmp_path: Path) -> None:
    from circkg_server.writes.live import Who

    who = Who("turku")

    async def run() -> None:
        live = LiveStore(tmp_path, "drafts")
        acknowledged = -1
        for _ in range(3):
            await live.start()
            process = live._process
            assert process is not None
            timer = threading.Timer(0.2, os.kill, (process.pid, signal.SIGKILL))
            timer.start()
            number = acknowledged
            while live._process is process:  # a kill between two requests is not noticed by any
                number += 1
                text = "".join(
                    f"WITH <{DRAFTS}{name}> DELETE {{ ?s ?p ?o }} INSERT {{ <a:a> <a:p> {number} . <a:b> <a:p> 1 }} "
                    "WHERE { OPTIONAL { ?s ?p ?o } } ;"
                    for name in "ab"
                )
                try:
                    await live.update(text, who=who)
                except KilledError:
                    break
                acknowledged = number
            timer.join()
            values = set()
            for name in "ab":
                content = await live.get(f"{DRAFTS}{name}", "application/n-triples", who=who)
                values.add(re.findall(rb'<a:a> <a:p> "(\d+)"', content.content)[0])
                assert content.content.count(b"\n") == 2
            assert len(values) == 1
            assert int(values.pop()) in (acknowledged, acknowledged + 1)
        await live.delete(f"{DRAFTS}a", who=who)
        assert await live.graphs(who) == {f"{DRAFTS}b": 2}
        assert await live.graphs(Who("other")) == {}
        await live.close()
        assert len(list(tmp_path.glob("*.nt"))) == 1

    asyncio.run(run())
