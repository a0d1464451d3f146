"""The engine of a remote store, before a real one: the native Oxigraph server, and Virtuoso by `make test-virtuoso`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.engines.pool import HIGH_WATER, Failure
from circkg_server.engines.remote import RemoteEngines
from circkg_server.engines.remote_answer import _JsonRows, failure_of
from circkg_server.engines.remote_client import Address, Client, Credentials, UnreachableError
from circkg_server.engines.remote_push import MERGED, STAGING, Pusher, PushError, default_triples
from circkg_server.engines.remote_settings import RemoteSettings
from circkg_server.query_pages.application import QueryPages
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings, SettingsError
from circkg_server.sparql.protocol import Endpoint
from circkg_shapes.terms import Triple, iri, literal

EX = "http://example.org/"
SET = "https://w3id.org/circkg/set/"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
HEAVY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . FILTER(?a != ?l) }"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError, OSError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


def triple(subject: str, value: str) -> Triple:
    return iri(EX + subject), iri(f"{EX}p"), literal(value, lang="en")


def data_set(slug: str, role: Role = Role.STATED) -> DataSet:
    return DataSet(slug, slug.title(), role, "facts", "1.0.0", "CC-BY-4.0", "For a test.")


def publish(archive: Archive, content: dict[str, tuple[Role, list[Triple]]]) -> int:
    with archive.writing():
        releases = [archive.release(data_set(slug, role), triples) for slug, (role, triples) in content.items()]
        manifest = archive.next_manifest(releases)
        archive.publish(manifest)
    return manifest.number


SHARED = [triple("shared", "in both")]
FIRST = {
    "a": (Role.STATED, [*SHARED, triple("a", 'Türkü "quoted" \\ and }},{ braces'), triple("a", "two\nlines")]),
    "b": (Role.INFERRED, [*SHARED, triple("b", "beta")]),
    "c": (Role.PROVENANCE, [triple("c", "only by GRAPH")]),
}


@dataclass
class Remote:
    """A store that was started for the tests."""

    settings: RemoteSettings
    query: str

    def ask(self, query: str) -> list[dict[str, str]]:
        """Ask the store itself."""
        response = httpx.post(
            self.query, data={"query": query}, headers={"Accept": "application/sparql-results+json"}, timeout=30
        )
        rows = response.raise_for_status().json()["results"]["bindings"]
        return [{name: term["value"] for name, term in row.items()} for row in rows]


@contextlib.contextmanager
def process(command: list[str], **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        yield running
    finally:
        running.kill()
        running.wait(10)


@contextlib.contextmanager
def oxigraph(port: int = 0) -> Iterator[Remote]:
    binary = shutil.which("oxigraph", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if binary is None:
        pytest.skip("the server `oxigraph` is not installed (a development dependency)")
    port = port or free_port()
    base = f"http://127.0.0.1:{port}"
    with process([binary, "serve", "--bind", f"127.0.0.1:{port}"]):
        until(lambda: httpx.get(f"{base}/query", params={"query": "ASK {}"}).status_code == 200)
        yield Remote(RemoteSettings(f"{base}/query", f"{base}/update", f"{base}/store", "oxigraph"), f"{base}/query")


VIRTUOSO_INI = """\
[Database]
DatabaseFile = virtuoso.db
TransactionFile = virtuoso.trx
ErrorLogFile = virtuoso.log
xa_persistent_file = virtuoso.pxa
LockFile = virtuoso.lck
[TempDatabase]
DatabaseFile = temp.db
TransactionFile = temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
NumberOfBuffers = 20000
DirsAllowed = .
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = 5000
"""


@contextlib.contextmanager
def virtuoso(folder: Path) -> Iterator[Remote]:
    binary, isql = shutil.which("virtuoso-t"), shutil.which("isql-vt") or shutil.which("isql-virtuoso")
    if binary is None or isql is None:
        pytest.skip("Virtuoso is not installed (Debian: virtuoso-opensource)")
    sql, http = free_port(), free_port()
    (folder / "virtuoso.ini").write_text(VIRTUOSO_INI.format(sql=sql, http=http))
    base = f"http://127.0.0.1:{http}"
    with process([binary, "+foreground", "+configfile", "virtuoso.ini"], cwd=folder):
        until(lambda: httpx.get(f"{base}/sparql", params={"query": "ASK {}"}).status_code == 200, 60)
        known = {"user": "dba", "password": "dba"}
        yield Remote(RemoteSettings(f"{base}/sparql", f"{base}/sparql-auth", "", "virtuoso", **known), f"{base}/sparql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a store on each kind; the marker of the second stands here, where it is used."""
    if "store" in metafunc.fixturenames:
        metafunc.config.addinivalue_line("markers", "virtuoso: needs Virtuoso; run by `make test-virtuoso`")
        kinds = ["oxigraph", pytest.param("virtuoso", marks=pytest.mark.virtuoso)]
        metafunc.parametrize("store", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    started = oxigraph() if request.param == "oxigraph" else virtuoso(tmp_path_factory.mktemp("virtuoso"))
    with started as found:
        yield found


@dataclass
class Front:
    """A front before the store, in a thread of its own."""

    url: str
    engines: RemoteEngines
    archive: Archive
    events: list[str]

    def get(self, query: str, accept: str = "application/sparql-results+json", **more: Any) -> httpx.Response:
        """Ask the front."""
        return httpx.get(f"{self.url}/sparql", params={"query": query, **more}, headers={"Accept": accept}, timeout=60)

    def number(self, query: str, **more: Any) -> int:
        """Return the one number that a query asks for."""
        response = self.get(query, **more)
        assert response.status_code == 200, response.text
        return int(response.json()["results"]["bindings"][0]["n"]["value"])


@contextlib.contextmanager
def front(archive: Archive, remote: RemoteSettings, settings: Settings | None = None) -> Iterator[Front]:
    settings = settings or Settings()
    events: list[str] = []
    engines = RemoteEngines(archive, settings, remote, events.append)

    async def same(query: str, *_: object) -> str:
        return query

    endpoint = Endpoint(engines, settings, same, lambda *_: None)  # type: ignore[arg-type]
    QueryPages(endpoint)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await engines.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await engines.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await endpoint(scope, receive, send)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Front(f"http://127.0.0.1:{port}", engines, archive, events)
    finally:
        server.should_exit = True
        thread.join(timeout=15)


@pytest.fixture(scope="module")
def served(store: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    publish(archive, FIRST)
    with front(archive, store.settings, Settings(timeout=20)) as running:
        until(lambda: running.engines.ready)
        yield running


# -- publishing -----------------------------------------------------------------------------------------------------


def test_a_page_shows_what_the_store_answers(served: Front) -> None:
    page = served.get("SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s ?o", "text/html").text
    assert f"Rows: {served.number('SELECT (COUNT(*) AS ?n) { ?s ?p ?o }')} · " in page
    assert "two\nlines" in page
    assert "Türkü &#34;quoted&#34; \\ and }},{ braces" in page
    assert '<p class="lead">Yes</p>' in served.get("ASK { ?s ?p ?o }", "text/html").text
    assert "two\nlines" in served.get("CONSTRUCT WHERE { ?s ?p ?o }", "text/html").text


def test_the_default_graph_has_each_triple_once_and_no_other_graph(served: Front) -> None:
    assert served.number(COUNT) == 4
    assert served.number("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == 6


def test_only_graphs_of_the_snapshot_are_seen(served: Front) -> None:
    rows = served.get("SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g").json()["results"]["bindings"]
    assert [row["g"]["value"] for row in rows] == [f"{SET}a", f"{SET}b", f"{SET}c"]
    marker = f"{SET}manifest"
    assert served.number(f"SELECT (COUNT(*) AS ?n) FROM <{marker}> {{ ?s ?p ?o }}") == 0  # noqa: S608
    # Rows, since an old Virtuoso counts one for a graph outside the dataset.
    assert served.get(f"SELECT * {{ GRAPH <{marker}> {{ ?s ?p ?o }} }}").json()["results"]["bindings"] == []


def test_several_graphs_are_merged(served: Front) -> None:
    asked = f"SELECT (COUNT(*) AS ?n) FROM <{SET}a> FROM <{SET}b> {{ ?s ?p ?o }}"  # noqa: S608
    assert served.number(asked) == 4
    assert served.number(COUNT, **{"default-graph-uri": [f"{SET}a", f"{SET}c"]}) == 4
    assert served.number(f"SELECT (COUNT(*) AS ?n) FROM <{SET}b> {{ ?s ?p ?o }}") == 2  # noqa: S608


def test_what_is_published_while_it_runs_takes_over(served: Front, store: Remote) -> None:
    before = served.number(COUNT)
    number = publish(served.archive, FIRST | {"b": (Role.INFERRED, [*SHARED, triple("b", "beta"), triple("b", "new")])})
    until(lambda: served.engines.current and served.engines.current.manifest.number == number)
    assert served.number(COUNT) == before + 1
    answer = served.get(COUNT)
    assert answer.headers["x-circkg-snapshot"] == str(number)
    left = store.ask(f'SELECT DISTINCT ?g {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{STAGING}")) }}')
    assert left == []
    gone = publish(served.archive, {slug: FIRST[slug] for slug in ("a", "b")})
    until(lambda: served.engines.current and served.engines.current.manifest.number == gone)
    assert store.ask(f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{SET}c> {{ ?s ?p ?o }} }}") == [{"n": "0"}]
    back = publish(served.archive, FIRST)
    until(lambda: served.engines.current and served.engines.current.manifest.number == back)
    assert served.number("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == 6


def test_only_what_changed_is_pushed_again(served: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    fill = Pusher._fill

    async def noted(self: Pusher, graph: str, lines: Any) -> int:
        sent.append(graph)
        return await fill(self, graph, lines)

    monkeypatch.setattr(Pusher, "_fill", noted)
    number = publish(served.archive, FIRST | {"c": (Role.PROVENANCE, [triple("c", "changed")])})
    until(lambda: served.engines.current and served.engines.current.manifest.number == number)
    assert sent == [f"{STAGING}c"]


def test_a_front_that_starts_on_a_store_that_has_all_pushes_nothing(served: Front, store: Remote) -> None:
    reader = replace(store.settings, update="", graph_store="")
    with front(served.archive, reader) as second:
        until(lambda: second.engines.ready)
        assert second.number(COUNT) == served.number(COUNT)
        refused = second.get(f"SELECT * FROM <{SET}a> FROM <{SET}b> {{ ?s ?p ?o }}")  # noqa: S608
        assert (refused.status_code >= 400, "one FROM" in refused.text) == (True, True)


def test_a_front_without_an_update_address_does_not_serve_what_the_store_lacks(store: Remote, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for step in range(9):  # a number that no other test publishes
        publish(archive, {"a": (Role.STATED, [triple("other", str(step))])})
    with front(archive, replace(store.settings, update="", graph_store="")) as running:
        until(lambda: running.engines.problem)
        assert not running.engines.ready
        assert running.get(COUNT).status_code == 503


# -- asking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "query"),
    [
        ("application/sparql-results+json", "SELECT ?o { ?s ?p ?o }"),
        ("application/sparql-results+xml", "SELECT ?o { ?s ?p ?o }"),
        ("text/csv", "SELECT ?o { ?s ?p ?o }"),
        ("text/tab-separated-values", "SELECT ?o { ?s ?p ?o }"),
        ("text/turtle", "CONSTRUCT WHERE { ?s ?p ?o }"),
        ("application/n-triples", "CONSTRUCT WHERE { ?s ?p ?o }"),
        ("application/rdf+xml", "CONSTRUCT WHERE { ?s ?p ?o }"),
    ],
)
def test_every_format_passes(served: Front, accept: str, query: str) -> None:
    response = served.get(query, accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith(accept)
    assert "beta" in response.text


def test_literals_come_back_as_they_were(served: Front) -> None:
    rows = served.get(f"SELECT ?o {{ <{EX}a> <{EX}p> ?o }}").json()["results"]["bindings"]
    expected = {'Türkü "quoted" \\ and }},{ braces', "two\nlines"}
    assert {row["o"]["value"] for row in rows} == expected
    assert served.get("ASK {}").json()["boolean"] is True
    assert served.get("ASK { <a:a> ?p ?o }").json()["boolean"] is False
    assert "<boolean>true</boolean>" in served.get("ASK {}", "application/sparql-results+xml").text


def test_relative_iris_stand_on_the_address_of_the_endpoint(served: Front) -> None:
    answer = served.get("SELECT (STR(<there>) AS ?x) {}").json()["results"]["bindings"][0]["x"]["value"]
    assert answer == f"{served.url}/there"


def test_a_syntax_error_is_told_as_such(served: Front) -> None:
    response = served.get("SELECT * { ?s ?p }")
    assert response.status_code == 400
    assert response.json()["title"] == "The query is not SPARQL"


def test_another_snapshot_is_gone(served: Front) -> None:
    assert served.get(COUNT, snapshot="999").status_code == 410


def test_connections_are_kept(served: Front) -> None:
    for step in range(20):
        served.number(f"SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o FILTER(?o != {step}) }}")
    assert 1 <= len(served.engines._client._all) <= 3


def test_rows_and_bytes_are_limited(served: Front, store: Remote) -> None:
    for settings in (Settings(max_rows=2), Settings(max_bytes=50)):
        with front(served.archive, store.settings, settings) as running:
            until(lambda: running.engines.ready)
            response = running.get("SELECT ?o { ?s ?p ?o }")
            assert (response.status_code, response.json()["title"]) == (413, "The answer is larger than the limit")


def test_a_timeout_strikes_in_time_and_frees_its_place(served: Front) -> None:
    publish(served.archive, FIRST | {"big": (Role.STATED, [triple(f"big-{n}", str(n)) for n in range(400)])})
    until(lambda: served.engines.current and len(served.engines.current.graphs) == 4)
    begun = time.monotonic()
    response = served.get(HEAVY, timeout="1")
    assert response.status_code == 503, response.text
    assert response.json()["title"] == "The query took too long"
    assert time.monotonic() - begun < 10
    assert served.number("SELECT (COUNT(*) AS ?n) { <http://example.org/b> ?p ?o }") == 1
    assert not served.engines.running()


def test_a_running_query_is_listed_and_can_be_cancelled(served: Front) -> None:
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(served.get(HEAVY + " # listed", timeout="15")))
    asking.start()
    running = until(served.engines.running)
    assert running[0]["engine"] == "remote"
    assert "# listed" in running[0]["query"]
    assert [pool.running.keys() for pool in served.engines.pools] == [{running[0]["id"]}]
    assert served.engines.cancel(running[0]["id"])
    asking.join(10)
    assert (answers[0].status_code, answers[0].json()["title"]) == (503, "The query was cancelled")
    assert not served.engines.cancel("nothing")


def test_a_client_that_leaves_frees_its_place(served: Front) -> None:
    with contextlib.suppress(httpx.TimeoutException):
        httpx.get(f"{served.url}/sparql", params={"query": HEAVY + " # leaves"}, timeout=0.5)
    until(lambda: not served.engines.running(), 5)


def test_an_answer_that_the_store_cuts_is_not_taken_for_the_whole(served: Front, store: Remote) -> None:
    rows = "SELECT * { ?a ?b ?c . ?d ?e ?f }"
    if store.settings.kind == "virtuoso":  # its ini file says 5,000
        with contextlib.suppress(httpx.RemoteProtocolError):  # a part was sent already: the connection ends
            response = served.get(rows + " LIMIT 6000")
            assert (response.status_code, "5,000" in response.text) == (413, True)
    else:
        assert len(served.get(rows + " LIMIT 6000").json()["results"]["bindings"]) == 6000
    assert len(served.get(rows + " LIMIT 4000").json()["results"]["bindings"]) == 4000


# -- without a store of one kind ------------------------------------------------------------------------------------


def test_the_store_s_own_default_graph_can_hold_the_merge(tmp_path: Path) -> None:
    publish(Archive(tmp_path), FIRST)
    with oxigraph() as store:
        settings = replace(store.settings, default_graph="own", graph_store="")
        with front(Archive(tmp_path), settings) as running:
            until(lambda: running.engines.ready)
            assert running.number(COUNT) == 4
            assert store.ask(COUNT) == [{"n": "4"}]
            publish(running.archive, {"a": FIRST["a"]})
            until(lambda: store.ask(COUNT) == [{"n": "3"}])
            assert store.ask(f'SELECT ?g {{ GRAPH ?g {{}} FILTER(STRSTARTS(STR(?g), "{MERGED}")) }}') == []


def test_a_store_that_goes_and_comes_back(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, FIRST)
    port = free_port()
    settings = RemoteSettings(f"http://127.0.0.1:{port}/query", f"http://127.0.0.1:{port}/update", "", "oxigraph")
    with front(archive, settings) as running:
        until(lambda: "cannot be reached" in running.engines.problem)
        assert running.get(COUNT).status_code == 503
        assert not running.engines.ready
        with oxigraph(port):
            until(lambda: running.engines.ready)
            assert running.number(COUNT) == 4
        gone = running.get("SELECT (COUNT(*) AS ?n) { ?s ?p ?o . }")
        assert (gone.status_code, "cannot be reached" in gone.text) == (503, True)
        assert not running.engines.ready


def test_the_default_graph_is_merged_sorted(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    odd = [triple("x", "a"), (iri(f"{EX}x"), iri(f"{EX}p"), literal("a")), triple("x", "a b")]
    publish(archive, {"a": (Role.STATED, odd), "b": (Role.VOCABULARY, [*odd, triple("y", "a")])})
    manifest = archive.current()
    assert manifest is not None
    lines = list(default_triples(archive, manifest))
    assert lines == sorted({f"{s} {p} {o} .\n".encode() for s, p, o in [*odd, triple("y", "a")]})


class Misbehaving:
    """A server that answers with given bytes, then closes or waits."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.url = ""

    def __enter__(self) -> Misbehaving:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/sparql"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while self.answers:
                connection, _ = self._socket.accept()
                with connection:
                    self.requests.append(connection.recv(65536))
                    connection.sendall(self.answers.pop(0))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n"
ROWS = b'{"head":{"vars":["x"]},"results":{"bindings":[]}}'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n31\r\n" + ROWS + b"\r\n", "ended"),
        (HEAD + b"Content-Length: 99\r\n\r\n" + ROWS, "ended"),
        (HEAD + b"Connection: close\r\n\r\n" + ROWS, "ended"),
        (HEAD + b"X-SQL-State: S1TAT\r\nContent-Length: 49\r\n\r\n" + ROWS, "timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "evaluation"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "evaluation"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 15\r\n\r\nQuery timed out", "timeout"),
        (b"no HTTP at all\r\n\r\n", "ended"),
        (b"", "ended"),
    ],
)
def test_only_a_whole_answer_is_one(answer: bytes, kind: str, tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        from circkg_server.engines.frames import Job
        from circkg_server.engines.remote import RemoteServed

        archive = Archive(tmp_path)
        publish(archive, FIRST)
        manifest = archive.current()
        assert manifest is not None
        engines = RemoteEngines(archive, Settings(), RemoteSettings(url))
        engines.current = RemoteServed(manifest, "x:y", 1, frozenset())
        job = Job("SELECT * {}", "json", 10, 1000)
        found = await engines.ask("id", job, [], timeout=2, named_graphs=False)
        with pytest.raises(Failure) as raised:
            [chunk async for chunk in found.chunks()]
        assert raised.value.kind == kind, raised.value
        assert engines._slots.taken == 0
        await engines.stop()

    with Misbehaving(answer) as server:
        asyncio.run(ask(server.url))


def test_a_slow_client_makes_the_store_wait(tmp_path: Path) -> None:
    from circkg_server.engines.frames import Job
    from circkg_server.engines.remote import RemoteServed

    row = b"<http://example.org/a>\t" * 40 + b"\n"
    body = b"?x\n" + row * 30_000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/tab-separated-values\r\n"

    async def ask(url: str) -> None:
        archive = Archive(tmp_path)
        publish(archive, FIRST)
        manifest = archive.current()
        assert manifest is not None
        engines = RemoteEngines(archive, Settings(), RemoteSettings(url))
        engines.current = RemoteServed(manifest, "x:y", 1, frozenset())
        answer = await engines.ask("id", Job("", "tsv", 10**6, 10**9), [], timeout=20, named_graphs=False)
        most = size = 0
        async for chunk in answer.chunks():
            size += len(chunk)
            await asyncio.sleep(0.01 if size < 8_000_000 else 0)  # slower than the store for a while
            most = max(most, answer._held)
        assert size == len(body)
        assert most < 2 * HIGH_WATER
        await engines.stop()

    with Misbehaving(head + b"Content-Length: %d\r\n\r\n" % len(body) + body) as server:
        asyncio.run(ask(server.url))


def test_digest_authentication_is_answered() -> None:
    challenge = (
        b'HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n'
    )
    fine = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def ask(url: str) -> None:
        client = Client(Address.of(url), Credentials("u", "p"))
        reply = await client.exchange("POST", client.address.target, {}, b"x", timeout=5)
        assert (reply.status, reply.body) == (200, b"ok")

    with Misbehaving(challenge, fine) as server:
        asyncio.run(ask(server.url))
        assert Credentials("", "t").header() == "Bearer t"
        assert b"Authorization: Basic " in server.requests[0]
        assert b'Digest username="u", realm="r"' in server.requests[1]


def test_tls_is_spoken_and_checked(tmp_path: Path) -> None:
    import ssl

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip

    async def talk() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            writer.close()

        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ours)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        trusting = Client(Address.of(url), tls=ssl.create_default_context(cafile=str(tmp_path / "cert.pem")))
        assert (await trusting.exchange("GET", "/x", {}, timeout=5)).body == b"ok"
        with pytest.raises(UnreachableError):
            await Client(Address.of(url)).exchange("GET", "/x", {}, timeout=5)
        server.close()

    asyncio.run(talk())


def test_rows_of_json_are_counted_however_it_is_laid_out() -> None:
    rows = [{"x": {"type": "literal", "value": value}} for value in ("a", "}},{", '"}, {"', "\\", "")] + [{}, {}]
    for indent in (None, 2):
        for separators in (None, (",", ":")):
            text = {"head": {"vars": ["x"], "link": []}, "results": {"bindings": rows}}
            content = json.dumps(text, indent=indent, separators=separators).encode()
            for size in (1, 2, 3, 7, 10_000):
                counter = _JsonRows()
                for start in range(0, len(content), size):
                    counter.take(content[start : start + size])
                assert counter.rows == len(rows)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"error at 1:3: expected one of x", "syntax"),
        (400, b"Virtuoso 37000 Error SP030: SPARQL compiler, line 1: syntax error", "syntax"),
        (500, b"Virtuoso 42000 Error The estimated execution time 9999 (sec) exceeds the limit", "timeout"),
        (503, b"", "busy"),
        (401, b"", "stopped"),
        (500, b"java.lang.NullPointerException at org.example", "evaluation"),
    ],
)
def test_errors_of_the_store_are_told_by_their_meaning(status: int, body: bytes, kind: str) -> None:
    failure = failure_of(status, body)
    assert failure.kind == kind
    assert "java" not in str(failure)


def test_settings_name_what_is_wrong() -> None:
    found = RemoteSettings.from_environment({"CIRCKG_REMOTE_QUERY": "http://a/q", "CIRCKG_REMOTE_CONNECTIONS": "4"})
    assert (found.query, found.connections) == ("http://a/q", 4)
    for name, value in (
        ("QUERY", "ftp://a"), ("QUERY", "http://u:p@a"), ("KIND", "x"), ("DEFAULT_GRAPH", "x"), ("CONNECTIONS", "0"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=f"CIRCKG_REMOTE_{name}"):
            RemoteSettings.from_environment({f"CIRCKG_REMOTE_{name}": value})
    assert "secret" not in repr(Credentials("u", "secret"))


def test_a_push_that_is_refused_leaves_what_is_served(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, FIRST)
    with oxigraph() as store:

        async def push() -> None:
            broken = replace(store.settings, update=store.settings.query, graph_store="")
            engines = RemoteEngines(archive, Settings(), broken)
            manifest = archive.current()
            assert manifest is not None
            with pytest.raises(PushError):
                await engines.publish(manifest)
            assert engines.current is None
            await engines.stop()

        asyncio.run(push())
        assert store.ask(COUNT) == [{"n": "0"}]


def test_linked_data_says_the_same_from_a_store_elsewhere(
    site: str,
    archive: Archive,
    serve_app: Callable[..., contextlib.AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with oxigraph() as store:
        for name in ("query", "update", "graph_store", "kind"):
            monkeypatch.setenv(f"CIRCKG_REMOTE_{name.upper()}", getattr(store.settings, name))
        with serve_app(build_app(archive, Settings(engine="remote"))) as remote:
            until(lambda: httpx.get(f"{remote}/ready").status_code == 200, 120)
            for path in (
                "/doc/initiative/ceci", "/doc/initiative/ccri", "/def/barrier-type/financial", "/def/theme",
                "/doc/record/interreg/initiatives/ceci", "/doc.nt?iri=http://data.europa.eu/nuts/code/FI1C3",
            ):  # fmt: skip
                accept = {"Accept": "application/n-triples"}
                here, there = (httpx.get(f"{base}{path}", headers=accept, timeout=60) for base in (site, remote))
                assert here.status_code == there.status_code == 200
                assert set(here.text.splitlines()) == set(there.text.splitlines()), path
            assert httpx.get(f"{remote}/doc/initiative/ceci", headers={"Accept": "text/html"}).status_code == 200
            assert httpx.get(f"{remote}/doc/initiative/nope").status_code == 404
