"""The short way of plain requests, compared with the ordinary one over the same server."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.operations.logs import Answered, JsonLines, RequestLog
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.sparql import plain
from circkg_server.sparql.express import Application
from circkg_server.sparql.express.shared import NOTED_EVERY
from circkg_server.store.snapshot import make
from circkg_shapes.terms import iri, literal

JSON = "application/sparql-results+json"
LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
TRIPLES = 3000
ALL = "SELECT * { ?s ?p ?o }"


def query_of(number: int) -> str:
    return f"SELECT ?o {{ <http://example.org/s{number}> <{LABEL}> ?o }}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, Application]]:
    """Yield the ports of the short and of the ordinary way into one application, and that."""
    archive = Archive(tmp_path_factory.mktemp("express"))
    found = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    triples = [(iri(f"http://example.org/s{n}"), iri(LABEL), literal(f"label “{n}”", "en")) for n in range(TRIPLES)]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)
    settings = Settings(engine="memory", readers=2, timeout=1.0, buffer=100_000, per_client=4)
    application = build_app(archive, settings)
    assert isinstance(application, Application)
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    short = uvicorn.Config(
        application, http=application.express.protocol(HttpToolsProtocol), log_level="error", server_header=False,
        proxy_headers=False,
    )  # type: ignore[arg-type]  # fmt: skip
    plain = uvicorn.Config(application, log_level="error", server_header=False, proxy_headers=False, lifespan="off")

    async def both() -> None:
        servers = [uvicorn.Server(short), uvicorn.Server(plain)]
        for server in servers:
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        running.extend(servers)
        await asyncio.gather(*(server.serve([sock]) for server, sock in zip(servers, sockets, strict=True)))

    running: list[uvicorn.Server] = []
    thread = threading.Thread(target=lambda: asyncio.run(both()), daemon=True)
    thread.start()
    ports = [sock.getsockname()[1] for sock in sockets]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if len(running) == 2 and running[0].started and running[1].started:
            pools = httpx.get(f"http://127.0.0.1:{ports[1]}/status", headers={"accept": "application/json"}).json()
            if any(pool["engine"] == "memory" and pool["readers"] for pool in pools["pools"]):
                break
    yield ports[0], ports[1], application
    for server in running:
        server.should_exit = True
    thread.join(timeout=15)


class Connection:
    """A connection on which raw bytes are sent."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self.socket.makefile("rb")

    def ask(self, query: str, accept: str = JSON, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer."""
        lines = [f"GET /sparql?query={quote(query)} HTTP/1.1", "Host: example.org", f"Accept: {accept}", *headers]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        return self.answer()

    def page(self, path: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of a page."""
        self.socket.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: example.org", *headers, "", ""]).encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer."""
        status = int(self._file.readline().split()[1])
        found = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            found[name.lower()] = value
        if "content-length" in found:
            return status, found, self._file.read(int(found["content-length"]))
        body = b""
        while size := int(self._file.readline(), 16):
            body += self._file.read(size)
            self._file.readline()
        self._file.readline()
        return status, found, body


@pytest.mark.parametrize("headers", [(), ("Accept-Encoding: gzip",), ("Connection: keep-alive", "User-Agent: x")])
@pytest.mark.parametrize(
    ("query", "accept"),
    [
        (query_of(1), JSON),
        (query_of(2), "text/csv"),
        (query_of(3), "application/sparql-results+xml;q=0.9, text/csv;q=0.1"),
        ("DESCRIBE <http://example.org/s4>", "text/turtle"),
        ("ASK { ?s ?p ?o }", "*/*"),
        (f"SELECT * {{ ?s <{LABEL}> ?o }} ORDER BY ?s LIMIT 60", JSON),
        ("SELECT (RAND() AS ?r) {} LIMIT 0", JSON),
        ("SELECT * { ?s ?p", JSON),
        ("SELECT * { GRAPH ?g { ?s ?p ?o } } LIMIT 0", JSON),
        (query_of(5), "image/png"),
        ("INSERT DATA { <a:a> <a:b> <a:c> }", JSON),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", JSON),
        ("SELECT * { ?s ?p 'a\\'b' }", JSON),
        ("", JSON),
    ],
)
def test_both_ways_answer_alike(
    served: tuple[int, int, Application], query: str, accept: str, headers: tuple[str, ...]
) -> None:
    short, ordinary, _ = served
    answers = []
    for port in (short, ordinary, short):
        connection = Connection(port)
        for _ in range(8):  # after a few, the short way lends the connection to a reader
            status, found, body = connection.ask(query, accept, *headers)
            found.pop("x-circkg-query-id", "")
            found.pop("date")
            if b"queryId" in body:
                body = json.dumps(json.loads(body) | {"queryId": ""}).encode()
                found.pop("content-length")
            answers.append((status, found, body))
    for answer in answers:
        assert answer == answers[0]


def test_a_repeated_request_is_answered_from_the_cache_under_its_own_id(served: tuple[int, int, Application]) -> None:
    connection = Connection(served[0])
    before = served[2].express.endpoint.cache.hits
    answers = [connection.ask(query_of(77)) for _ in range(3)]
    assert len({found["x-circkg-query-id"] for _, found, _ in answers}) == 3
    assert len({body for _, _, body in answers}) == 1
    assert served[2].express.endpoint.cache.hits == before + 2


def test_constants_do_not_leak_from_one_query_to_another_of_its_shape(served: tuple[int, int, Application]) -> None:
    connection = Connection(served[0])
    for number in (10, 11, 10, 12):
        rows = json.loads(connection.ask(query_of(number))[2])["results"]["bindings"]
        assert [row["o"]["value"] for row in rows] == [f"label “{number}”"]


@pytest.mark.parametrize("text", ["a\\n + %41 %zz", "Ä %C3", "\N{ROCKET}", "%", "'\\x41'"])
def test_a_query_is_read_as_it_was_written(text: str) -> None:
    for written in (quote(text), quote_plus(text)):
        head = f"GET /sparql?query={written} HTTP/1.1\r\nHost: a\r\n\r\n"
        found = plain.read(head.encode())
        assert found is None if "\\" in text else found == (text, b"Host: a\r\n")


@pytest.mark.parametrize("written", ["%zz", "%4", "%", "%C3", "%ff"])
def test_what_is_no_form_encoded_text_is_left_to_the_ordinary_way(written: str) -> None:
    assert plain.read(f"GET /sparql?query={written} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) is None


def test_a_large_answer_goes_the_ordinary_way_and_is_whole(served: tuple[int, int, Application]) -> None:
    connection = Connection(served[0])
    for _ in range(2):
        status, _, body = connection.ask(f"{ALL} # large")
        assert status == 200
        assert len(json.loads(body)["results"]["bindings"]) == TRIPLES
    assert connection.ask(query_of(1))[0] == 200


def test_a_timeout_is_a_problem_and_the_connection_goes_on(served: tuple[int, int, Application]) -> None:
    connection = Connection(served[0])
    status, found, body = connection.ask("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert status == 503
    assert found["retry-after"]
    assert found["access-control-allow-origin"] == "*"
    assert "longer" in json.loads(body)["detail"]
    assert connection.ask(query_of(21))[0] == 200


def test_requests_that_come_together_or_in_pieces_are_answered_in_turn(served: tuple[int, int, Application]) -> None:
    requests = [
        f"GET /sparql?query={quote(query_of(number))} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode()
        for number in range(30, 34)
    ]
    for pieces in ([b"".join(requests)], [requests[0], b"".join(requests[1:])], [bytes([one]) for one in requests[0]]):
        connection = Connection(served[0])
        for piece in pieces:
            connection.socket.sendall(piece)
        for number in range(30, 31 if len(pieces) > 2 else 34):
            status, _, body = connection.answer()
            assert status == 200
            assert f"label “{number}”".encode() in body


def ended(port: int, outcome: str) -> int:
    """Return how many queries have had an outcome."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.search(rf'^circkg_query_seconds_count\{{outcome="{outcome}"\}} (\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


def test_a_client_that_leaves_frees_its_reader(served: tuple[int, int, Application]) -> None:
    time.sleep(3 * NOTED_EVERY)  # the outcomes of earlier requests are told with a delay
    timeouts = ended(served[1], "timeout")
    before = timeouts + ended(served[1], "cancelled")
    for number in range(6):
        connection = Connection(served[0])
        query = quote(f"SELECT (COUNT(*) AS ?n) {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} # {number}")
        connection.socket.sendall(f"GET /sparql?query={query} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode())
        time.sleep(0.05)
        connection.socket.close()
        connection._file.close()
    assert Connection(served[0]).ask(query_of(41))[0] == 200
    deadline = time.monotonic() + 30
    while ended(served[1], "cancelled") + ended(served[1], "timeout") < before + 6:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ended(served[1], "timeout") == timeouts, "a query went on without its client"


def test_the_same_question_of_many_is_evaluated_once(served: tuple[int, int, Application]) -> None:
    cache = served[2].express.endpoint.cache
    before = cache.misses
    query = "SELECT (COUNT(*) AS ?n) { ?a ?p ?b . ?c ?p ?d FILTER(STRLEN(STR(?a)) < 18) } # together"
    connections = [Connection(served[0]) for _ in range(3)]
    text = f"GET /sparql?query={quote(query)} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode()
    for connection in connections:
        connection.socket.sendall(text)
    assert len({connection.answer()[2] for connection in connections}) == 1
    assert cache.misses == before + 1


THING = "/doc?iri=http%3A%2F%2Fexample.org%2Fs7"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (THING, ("Accept: text/turtle",)),
        (THING, ("Accept: text/html", "Accept-Language: fi", "Accept-Encoding: gzip")),
        (f"{THING}&lang=pt", ("Accept: text/html",)),
        (THING, ("Accept: image/png",)),
        ("/doc/initiative/nope", ("Accept: application/ld+json",)),
        ("/id/initiative/nope", ("Accept: */*",)),
        ("/doc?iri=x%20y", ("Accept: */*",)),
        ("/explore", ("Accept: text/html",)),
        (THING, ("Accept: text/turtle", 'If-None-Match: "x"')),
        (THING, ("Accept: text/turtle", "X-Forwarded-Host: evil.example")),
    ],
)
def test_pages_come_alike_on_both_ways(
    served: tuple[int, int, Application], path: str, headers: tuple[str, ...]
) -> None:
    answers = []
    for port in (served[0], served[1], served[0]):
        connection = Connection(port)
        for _ in range(3):
            status, found, body = connection.page(path, *headers)
            found.pop("date")
            answers.append((status, found, body))
    assert all(answer == answers[0] for answer in answers)


def test_a_page_is_repeated_from_what_is_kept(served: tuple[int, int, Application]) -> None:
    express = served[2].express
    connection = Connection(served[0])
    first = connection.page(THING.replace("s7", "s8"), "Accept: text/turtle")
    hits = express.endpoint.cache.hits
    again = connection.page(THING.replace("s7", "s8"), "Accept: text/turtle")
    assert (again[0], again[2]) == (first[0], first[2])
    assert express.endpoint.cache.hits == hits + 1
    assert any(repeated.path == "/doc" for repeated in express.repeated.values())
    # What is asked next on the same connection is answered too, be it a query or a page of another part.
    assert connection.ask(query_of(8))[0] == 200
    assert connection.page("/health", "Accept: */*")[0] == 200


def test_each_page_is_logged_once_on_both_ways(
    served: tuple[int, int, Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("circkg")
    log.setLevel(logging.INFO)
    monkeypatch.setattr(log, "handlers", [handler])
    sizes = []
    for port in served[:2]:
        connection = Connection(port)
        for path in ("/doc/initiative/made-anew", "/doc/initiative/made-anew", "/explore"):
            sizes.append(len(connection.page(path, "Accept: text/html")[2]))

    def told() -> list[tuple[str, int, int]]:
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        found = [line for line in lines if line.get("path") in ("/doc/initiative/made-anew", "/explore")]
        return [(line["path"], line["status"], line["bytes"]) for line in found]

    deadline = time.monotonic() + 30
    while len(told()) < len(sizes) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2 * NOTED_EVERY)  # whatever would be told twice has been told by then
    paths = ["/doc/initiative/made-anew", "/doc/initiative/made-anew", "/explore"] * 2
    statuses = [404, 404, 200] * 2
    assert sorted(told()) == sorted(zip(paths, statuses, sizes, strict=True))


def test_requests_that_come_together_are_answered_in_their_order(served: tuple[int, int, Application]) -> None:
    connection = Connection(served[0])
    paths = [THING.replace("s7", f"s{number}") for number in (11, 12, 13)]
    lines = "".join(f"GET {path} HTTP/1.1\r\nHost: example.org\r\nAccept: text/turtle\r\n\r\n" for path in paths)
    connection.socket.sendall(lines.encode())
    found = [connection.answer()[2] for _ in paths]
    assert [f"/s{number}>".encode() in body for number, body in zip((11, 12, 13), found, strict=True)] == [True] * 3


def test_both_ways_log_the_same_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("circkg")
    found = [
        Answered(time.time(), "127.0.0.1", "0f", "answered", 3, 200, 120, 0.01234),
        Answered(time.time(), "127.0.0.1", "", "cached", 3, 200, 9, 0.0, '/doc/a"b'),
    ]

    async def nothing(*_: object) -> None: ...

    lines = []
    log.setLevel(logging.INFO)
    for formatter in (JsonLines(), logging.Formatter()):
        with (tmp_path / "log").open("w+") as stream:
            handler = logging.StreamHandler(stream)
            records: list[logging.LogRecord] = []
            handler.setFormatter(formatter)
            if not isinstance(formatter, JsonLines):
                handler.emit = records.append  # type: ignore[method-assign]
            monkeypatch.setattr(log, "handlers", [handler])
            RequestLog(nothing).answered("/sparql", found)
            written = (tmp_path / "log").read_text().splitlines()
            told = [json.loads(line) for line in written or [JsonLines().format(record) for record in records]]
            # The server of the tests before tells in a while what it answered to them.
            lines.append([line for line in told if line.get("query_id") == "0f" or line.get("path") == '/doc/a"b'])
    quick, slow = lines
    for line in (*quick, *slow):
        line.pop("time")
        line.pop("client", "")
    assert quick == slow
    assert [line["event"] for line in quick] == ["query", "request", "request"]
    assert [line.get("path") for line in quick] == [None, "/sparql", '/doc/a"b']


def test_a_browser_gets_a_page_on_both_ways(served: tuple[int, int, Application]) -> None:
    for port in served[:2]:
        with httpx.Client(headers={"Accept": "text/html,*/*;q=0.8"}, timeout=30) as client:
            for query in ("ASK {}", query_of(1), query_of(2), query_of(3), query_of(4)):
                page = client.get(f"http://127.0.0.1:{port}/sparql", params={"query": query})
                assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
