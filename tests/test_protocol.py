"""The contract of an answer over real HTTP: complete or seen to be not; kept, tagged, bounded; for whoever waits."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import brotli
import httpx
import pytest

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.releases.archive import Archive
from circkg_server.settings import MIB, Settings
from circkg_server.sparql.cache import _OVERHEAD, Cache
from circkg_server.store.snapshot import make, remove_old
from circkg_shapes.terms import iri, literal

TRIPLES = 4000
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
ENDLESS = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SOME = "SELECT ?s ?o { ?s ?p ?o } LIMIT 500"
QUERY = {"Content-Type": "application/sparql-query"}


def publish(archive: Archive, count: int, tag: str = "text") -> int:
    found = DataSet("a", "Set a", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    triples = [
        (iri(f"http://example.org/s{number}"), iri("http://example.org/p"), literal(f"{tag} {number}", "en"))
        for number in range(count)
    ]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)
        remove_old(archive, manifest)
    return manifest.number


Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def serving(serve_app: Serving) -> Serving:
    """Give the function that serves a store with settings."""

    def served(archive: Archive, **settings: object) -> AbstractContextManager[str]:
        return serve_app(build_app(archive, Settings(**({"readers": 2, "per_client": 64} | settings))))  # type: ignore[arg-type]

    return served


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = Archive(tmp_path_factory.mktemp("protocol"))
    publish(archive, TRIPLES)
    return archive


@pytest.fixture(scope="module")
def server(serving: Serving, store: Archive) -> Iterator[str]:
    with serving(store) as address:
        yield address


@pytest.fixture(scope="module")
def small(serving: Serving, store: Archive) -> Iterator[str]:
    """Serve with small limits."""
    with serving(store, max_rows=1000, max_bytes=3 * MIB, buffer=MIB, timeout=2.0) as address:
        yield address


def get(server: str, query: str, **headers: str) -> httpx.Response:
    headers = {"accept-encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{server}/sparql", params={"query": query}, headers=headers, timeout=60)


def misses(server: str) -> int:
    """Return how many answers had to be evaluated."""
    found = re.search(r"^circkg_cache_misses_total (\d+)", httpx.get(f"{server}/metrics").text, re.MULTILINE)
    assert found
    return int(found[1])


def counted(server: str, query: str = COUNT, **more: str) -> int:
    response = httpx.get(f"{server}/sparql", params={"query": query, **more}, timeout=60)
    assert response.status_code == 200, response.text
    return int(response.json()["results"]["bindings"][0]["n"]["value"])


def busy(server: str) -> tuple[int, int]:
    pools = httpx.get(f"{server}/status").json()["pools"]
    return sum(pool["running"] for pool in pools), sum(pool["waiting"] for pool in pools)


def connect(server: str, query: str, *more: str, version: str = "1.1", method: str = "GET") -> socket.socket:
    host, _, port = server.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    target = str(httpx.URL(f"{server}/sparql", params={"query": query}).raw_path, "ascii")
    lines = (f"{method} {target} HTTP/{version}", f"Host: {host}", *more, "", "")
    connection.sendall("\r\n".join(lines).encode())
    return connection


def everything(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(1 << 20):
            parts.append(data)
    return b"".join(parts)


# -- complete, or seen to be not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["json", "xml", "csv", "tsv"])
def test_too_many_rows_are_a_problem_while_the_answer_is_held(small: str, format_: str) -> None:
    asked = {"query": "SELECT * { ?s ?p ?o } LIMIT 1001", "format": format_}
    response = httpx.get(f"{small}/sparql", params=asked)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert "1,000 rows" in response.json()["detail"]
    assert response.headers["cache-control"] == "no-store"
    asked["query"] = asked["query"].replace("1001", "1000")
    assert httpx.get(f"{small}/sparql", params=asked).status_code == 200


def test_a_timeout_while_the_answer_is_held_says_when_to_ask_again(small: str) -> None:
    response = get(small, RUNAWAY)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "longer than 2 s." in response.json()["detail"]
    assert response.json()["queryId"] == response.headers["x-circkg-query-id"]


ABORTED = {
    "bytes": ({"max_bytes": 12 * MIB}, ENDLESS),
    "rows": ({"max_rows": 30_000, "buffer": MIB}, ENDLESS),
    "time": ({"timeout": 1.5, "buffer": MIB}, ENDLESS),
}


@pytest.mark.parametrize("format_", ["json", "csv", "ntriples"])
@pytest.mark.parametrize(("settings", "query"), ABORTED.values(), ids=ABORTED.keys())
def test_what_is_cut_off_later_is_seen_to_be_cut_off(
    serving: Serving, store: Archive, settings: dict[str, object], query: str, format_: str
) -> None:
    if format_ == "ntriples":
        query = query.replace("SELECT *", "CONSTRUCT { ?a ?b ?f . ?d ?e ?i . ?g ?h ?c }")
        if "max_rows" in settings:
            pytest.skip("graphs are bounded by bytes")
    with serving(store, **settings) as address:
        for encoding in ("identity", "gzip"):
            asked = {"params": {"query": query, "format": format_}, "headers": {"Accept-Encoding": encoding}}
            with httpx.stream("GET", f"{address}/sparql", timeout=30, **asked) as response:  # type: ignore[arg-type]
                assert response.status_code == 200
                with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
                    deque(response.iter_raw(), 0)
        connection = connect(address, query, "Accept-Encoding: identity")
        answer = everything(connection)
        assert b"transfer-encoding: chunked" in answer.partition(b"\r\n\r\n")[0]
        assert not answer.endswith(b"0\r\n\r\n"), "the part ends as the whole would"
        assert httpx.get(f"{address}/health").status_code == 200
        assert counted(address) == TRIPLES


def test_http_1_0_gets_a_whole_answer_or_a_problem(small: str) -> None:
    """A closed connection is how an answer of HTTP/1.0 ends: a part would be taken for the whole."""
    whole = everything(connect(small, SOME, version="1.0"))
    head, _, body = whole.partition(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0]
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert len(json.loads(body)["results"]["bindings"]) == 500
    refused = everything(connect(small, "CONSTRUCT { ?a ?b ?f } { ?a ?b ?c . ?d ?e ?f }", version="1.0"))
    assert refused.startswith(b"HTTP/1.1 505")


def test_an_answer_that_takes_long_but_is_short_comes_as_a_whole_and_is_kept(server: str) -> None:
    """The second was counted from the start of the evaluation, so that no answer that was dear was ever kept."""
    dear = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STRLEN(?c) + STRLEN(?f) > 9) }"
    started = time.monotonic()
    first = get(server, dear)
    took = time.monotonic() - started
    assert took > 1.0, "the query is not slow enough to test this"
    assert "content-length" in first.headers
    evaluated = misses(server)
    assert get(server, dear).content == first.content
    assert misses(server) == evaluated, "it was kept"


def test_head_says_what_get_would(server: str) -> None:
    for query in (COUNT, SOME):
        for encoding in ("identity", "gzip"):
            asked = {"params": {"query": query}, "headers": {"Accept-Encoding": encoding}}
            whole = httpx.get(f"{server}/sparql", **asked)  # type: ignore[arg-type]
            head = httpx.head(f"{server}/sparql", **asked)  # type: ignore[arg-type]
            assert head.content == b""
            for name in ("etag", "content-type", "content-length", "vary", "content-encoding", "content-disposition"):
                assert head.headers.get(name) == whole.headers.get(name)


def test_head_of_an_endless_answer_ends_and_frees_its_reader(server: str) -> None:
    assert httpx.head(f"{server}/sparql", params={"query": ENDLESS}, timeout=20).status_code == 200
    until(lambda: busy(server) == (0, 0))


# -- who leaves, who is slow --------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [RUNAWAY, ENDLESS])
def test_a_client_that_leaves_frees_its_reader(server: str, query: str) -> None:
    connections = [connect(server, f"{query} # {number}") for number in range(5)]
    until(lambda: sum(busy(server)) == 5)
    for connection in connections:
        connection.close()
    until(lambda: busy(server) == (0, 0), 20)  # the queries' own timeout is 30 s
    assert counted(server) == TRIPLES


def test_who_leaves_the_queue_is_not_evaluated(server: str) -> None:
    holding = connect(server, RUNAWAY)
    until(lambda: busy(server)[0] == 1)
    waiting = [connect(server, RUNAWAY + f" #{number}") for number in range(4)]
    until(lambda: busy(server)[1] == 4)
    before = sum(pool["respawns"] for pool in httpx.get(f"{server}/status").json()["pools"])
    for connection in waiting:
        connection.close()
    until(lambda: busy(server) == (1, 0))
    assert sum(pool["respawns"] for pool in httpx.get(f"{server}/status").json()["pools"]) == before
    holding.close()
    until(lambda: busy(server) == (0, 0))


def test_look_ups_are_answered_behind_runaways(server: str) -> None:
    runaways = [connect(server, RUNAWAY + f" #{number}") for number in range(2)]
    until(lambda: sum(busy(server)) == 2)
    for number in range(30):
        response = get(server, f"SELECT ?o {{ <http://example.org/s{number}> <http://example.org/p> ?o }}")
        assert f"text {number}" in response.text
    assert sum(busy(server)) == 2, "the look-ups had to wait for the runaways"
    for connection in runaways:
        connection.close()
    until(lambda: busy(server) == (0, 0))


@pytest.mark.parametrize(
    ("settings", "status", "says"), [({"queue": 2}, 503, "waiting already"), ({"per_client": 2}, 429, "may have 2")]
)
def test_a_full_queue_and_a_greedy_client_are_told_so(
    serving: Serving, store: Archive, settings: dict[str, object], status: int, says: str
) -> None:
    with serving(store, timeout=1.0, **settings) as address:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda number: get(address, f"{RUNAWAY} # {number}"), range(8)))
        told = [answer for answer in answers if says in answer.text]
        assert told
        assert {answer.status_code for answer in told} == {status}
        assert {answer.status_code for answer in answers} <= {status, 503}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert counted(address, "SELECT (COUNT(*) AS ?n) { <http://example.org/s1> ?p ?o }") == 1


def rss(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def command(archive: Archive, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve in a process of its own, by the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "from circkg_server.cli import main; main()"
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CIRCKG_READERS": "2"}
    words = [sys.executable, "-c", code, "serve", "--port", str(port), "--store", str(archive.folder)]
    process = subprocess.Popen(words, env=os.environ | path | environment, stderr=subprocess.DEVNULL)

    def is_up() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        return False

    try:
        until(is_up, 30)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def test_a_hundred_thousand_rows_go_to_a_slow_reader_in_constant_memory(store: Archive) -> None:
    query = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 100000"
    with command(store) as (address, front):
        assert counted(address) == TRIPLES
        until(lambda: len(httpx.get(f"{address}/status").json()["pools"]) == 2, 20)
        assert counted(address, COUNT + " # again") == TRIPLES
        before = rss(front.pid)
        most = rows = 0
        url, reading = f"{address}/sparql", {"Accept": "text/csv", "Accept-Encoding": "identity"}
        with httpx.stream("GET", url, params={"query": query}, headers=reading, timeout=60) as response:
            for turn, chunk in enumerate(response.iter_raw(65536)):
                rows += chunk.count(b"\n")
                if turn % 8 == 0:
                    time.sleep(0.02)
                    most = max(most, rss(front.pid))
        assert rows == 100_001
        assert most - before < 40 * MIB, f"the front grew by {(most - before) / MIB:.0f} MiB"


def test_kill_9_leaves_the_store_whole(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, 500)
    for number in range(2, 5):
        with command(archive) as (address, front):
            connection = connect(address, ENDLESS)
            publish(archive, 500 + number)
            time.sleep(0.4 * (number - 2))  # before, while and after the new snapshot takes over
            os.kill(front.pid, signal.SIGKILL)
            front.wait()
            connection.close()
        with command(archive) as (address, _):
            assert counted(address) == 500 + number


# -- the event loop -----------------------------------------------------------------------------------------------


def test_a_long_query_does_not_stop_the_front(server: str) -> None:
    """A query of a megabyte kept everybody else waiting while it was split into tokens."""
    long = "SELECT * { VALUES ?x { " + "1 " * 480_000 + "} FILTER(?x > 2) }"
    done = threading.Event()
    statuses: list[int] = []

    def send() -> None:
        for number in range(2):
            response = httpx.post(f"{server}/sparql", content=f"{long} #{number}", headers=QUERY, timeout=60)
            statuses.append(response.status_code)
        done.set()

    thread = threading.Thread(target=send)
    thread.start()
    answered = 0
    with httpx.Client() as client:
        while not done.is_set():
            assert client.get(f"{server}/health").status_code == 200
            answered += 1
            time.sleep(0.005)
    thread.join()
    assert statuses == [200, 200]
    assert answered > 10, "others were answered meanwhile"


# -- cache and tags -----------------------------------------------------------------------------------------------


def test_a_tag_stands_for_one_representation(server: str) -> None:
    plain, packed = get(server, SOME), get(server, SOME, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    tags = {plain.headers["etag"], packed.headers["etag"], get(server, SOME, accept="text/csv").headers["etag"]}
    assert len(tags) == 3
    assert all(re.fullmatch(r'"[\w-]+"', tag) for tag in tags)
    for response in (plain, packed):
        assert response.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_what_the_client_has_is_not_sent_again(server: str, encoding: str) -> None:
    first = get(server, SOME, accept_encoding=encoding)
    tag = first.headers["etag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', f'{tag}, "more"', f'"a","b",{tag}', "*"):
        again = get(server, SOME, accept_encoding=encoding, if_none_match=header)
        assert again.status_code == 304, header
        assert again.content == b""
        assert "content-length" not in again.headers
        for name in ("vary", "cache-control", "x-circkg-snapshot"):
            assert again.headers[name] == first.headers[name]
        assert again.headers["etag"] == (tag if header != "*" else again.headers["etag"])
    for header in ('"other"', "other", '""', tag.strip('"')):
        assert get(server, SOME, accept_encoding=encoding, if_none_match=header).status_code == 200
    head = httpx.head(f"{server}/sparql", params={"query": SOME}, headers={"If-None-Match": tag})
    assert head.status_code == 304


def test_a_star_matches_no_query_that_fails(server: str) -> None:
    assert get(server, "SELECT * { ?s ?p }", if_none_match="*").status_code == 400


def test_nothing_is_served_for_another_question(server: str) -> None:
    one = get(server, SOME)
    assert get(server, SOME, accept="text/csv").headers["content-type"].startswith("text/csv")
    graph = {"query": SOME, "default-graph-uri": "http://example.org/none"}
    assert httpx.get(f"{server}/sparql", params=graph).json()["results"]["bindings"] == []
    relative = "SELECT (<x> AS ?x) {}"
    host = server.removeprefix("http://")
    here, there = get(server, relative), get(server, relative, host=host.replace("127.0.0.1", "localhost"))
    assert here.json() != there.json()
    assert here.headers["etag"] != there.headers["etag"]
    assert get(server, SOME).content == one.content


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"), ("br;q=1.0, gzip;q=0.8", "br"), ("gzip, deflate, br", "br"), ("br;q=0.5, gzip", "gzip"),
        ("*", "br"), ("*;q=0, gzip", "gzip"), ("GZIP", "gzip"), ("br", "br"), ("gzip;q=0", None),
        ("gzip;q=0, br;q=0.0, *", None), ("identity", None), ("", None),
    ],
)  # fmt: skip
def test_compression_follows_the_client(server: str, accepted: str, coding: str | None) -> None:
    with httpx.stream(
        "GET", f"{server}/sparql", params={"query": SOME}, headers={"Accept-Encoding": accepted}
    ) as response:
        content = b"".join(response.iter_raw())
    assert response.headers.get("content-encoding") == coding
    whole = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[coding](content)
    assert len(json.loads(whole)["results"]["bindings"]) == 500


@pytest.mark.parametrize(("coding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_a_compressed_stream_is_whole(server: str, coding: str, unpack: Callable[[bytes], bytes]) -> None:
    query = "CONSTRUCT { ?a ?b ?f } { { SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 150000 } }"
    with httpx.stream(
        "GET", f"{server}/sparql", params={"query": query, "format": "ntriples"}, headers={"Accept-Encoding": coding},
        timeout=60,
    ) as response:  # fmt: skip
        assert response.headers["transfer-encoding"] == "chunked"
        assert unpack(b"".join(response.iter_raw())).endswith(b" .\n")


def test_equal_questions_are_evaluated_once(server: str) -> None:
    slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STRLEN(?c) + STRLEN(?f) > 8) }"
    evaluated = misses(server)
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: get(server, slow).content, range(10)))
    assert len(set(answers)) == 1
    assert misses(server) == evaluated + 1


def test_who_waits_for_another_request_keeps_its_own_deadline(server: str) -> None:
    """A request with a short timeout waited as long as the one that was evaluating the same question."""
    first = connect(server, RUNAWAY)
    until(lambda: busy(server)[0] == 1)
    response = httpx.get(f"{server}/sparql", params={"query": RUNAWAY, "timeout": "0.5"}, timeout=20)
    assert response.status_code == 503
    assert sum(busy(server)) == 1, "the first one waits no longer either"
    first.close()
    until(lambda: busy(server) == (0, 0))


def test_who_waits_goes_on_when_the_one_who_asked_leaves(server: str) -> None:
    slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STRLEN(?c) + STRLEN(?f) > 6) }"
    first = connect(server, slow)
    until(lambda: busy(server)[0] == 1)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(get, server, slow)
        time.sleep(0.2)
        first.close()
        assert second.result().status_code == 200


def test_the_cache_is_bounded_and_forgets_what_was_not_used_longest() -> None:
    cache = Cache(10 * (100 + _OVERHEAD))
    for number in range(30):
        cache.put(str(number), bytes(100))
        cache.peek("0")
    assert cache.held == 10 * (100 + _OVERHEAD)
    assert cache.peek("0") is not None
    assert cache.peek("10") is None
    cache.put("29", bytes(50))
    assert cache.held == 10 * (100 + _OVERHEAD) - 50
    cache.put("large", bytes(10**7))
    assert cache.peek("large") is None


def test_one_request_flies_for_many() -> None:
    async def run() -> None:
        cache = Cache(10**6)
        assert await cache.get("a") is None
        waiting = [asyncio.create_task(cache.get("a")) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        cache.put("a", b"x")
        cache.end("a")
        assert await asyncio.gather(*waiting[1:]) == [b"x"] * 4
        assert await cache.get("b") is None
        second = asyncio.create_task(cache.get("b"))
        await asyncio.sleep(0)
        cache.end("b")  # nothing was kept: the next one fetches
        assert await second is None
        cache.end("b")
        assert cache.flights == {}

    asyncio.run(run())


# -- snapshots ----------------------------------------------------------------------------------------------------


def test_snapshots_over_http(serving: Serving, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, 10)
    with serving(archive) as address:
        tags = set()
        for number in range(1, 8):
            if number > 1:
                publish(archive, 10 + number, f"text of {number}")
            until(lambda number=number: httpx.get(f"{address}/ready").json()["snapshot"] == number)  # type: ignore[misc]
            response = get(address, COUNT)
            assert response.status_code == 200, response.text
            assert response.headers["x-circkg-snapshot"] == str(number)
            assert response.json()["results"]["bindings"][0]["n"]["value"] == str(10 + number if number > 1 else 10)
            tags.add(response.headers["etag"])
        assert len(tags) == 7
        for number in range(3, 8):
            assert counted(address, snapshot=str(number)) == 10 + number
            asked = {"query": COUNT + " # new", "snapshot": str(number)}
            assert httpx.get(f"{address}/sparql", params=asked).headers["x-circkg-snapshot"] == str(number)
        gone = httpx.get(f"{address}/sparql", params={"query": COUNT + " # gone", "snapshot": "2"})
        assert gone.status_code == 410
        assert all(link.startswith(f"{address}/dumps/a/") for link in gone.json()["dumps"])
        assert gone.json()["dumps"]
        for number in ("0", "8", "4711"):
            assert httpx.get(f"{address}/sparql", params={"query": COUNT, "snapshot": number}).status_code == 404
        for number in ("x", "-1", "1.5"):
            assert httpx.get(f"{address}/sparql", params={"query": COUNT, "snapshot": number}).status_code == 400


def test_a_store_built_anew_has_other_tags(serving: Serving, tmp_path: Path) -> None:
    """Snapshot 1 of one store was taken for snapshot 1 of another: the client was told 304."""
    tags = []
    for name, count in (("one", 5), ("two", 6)):
        archive = Archive(tmp_path / name)
        publish(archive, count)
        with serving(archive, engine="checkpoint", public_url="https://example.org/kg") as address:
            tags.append(get(address, COUNT).headers["etag"])
    assert tags[0] != tags[1]


def test_the_public_address_is_the_base(serving: Serving, store: Archive) -> None:
    with serving(store, engine="checkpoint", public_url="https://example.org/kg/") as address:
        found = get(address, "SELECT (<x> AS ?x) {}").json()["results"]["bindings"][0]["x"]["value"]
        assert found == "https://example.org/kg/x"


# -- datasets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["checkpoint", "memory"])
def test_the_description_counts_the_default_graph_whichever_engine_serves_it(
    serving: Serving, store: Archive, engine: str
) -> None:
    with serving(store, engine=engine) as address:
        described = httpx.get(f"{address}/sparql", headers={"Accept": "application/n-triples"}).text
        count = re.search(r"#default-graph> <http://rdfs\.org/ns/void#triples> \"(\d+)\"", described)
        assert count is not None
        assert int(count[1]) == counted(address)


@pytest.mark.parametrize(
    "parameter", ["timeout=0", "snapshot=none", "default-graph-uri=relative", "query=ASK%20%7B%7D"]
)
def test_parameters_of_the_address_are_meant_when_a_form_is_posted(server: str, parameter: str) -> None:
    refused = httpx.post(f"{server}/sparql?{parameter}", data={"query": "ASK {}"})
    assert refused.status_code == 400, refused.text


def test_the_form_wins_over_the_address(server: str) -> None:
    asked = {"query": "ASK {}", "format": "xml"}
    assert "xml" in httpx.post(f"{server}/sparql?format=json", data=asked).headers["content-type"]
    del asked["format"]
    assert "xml" in httpx.post(f"{server}/sparql?format=xml", data=asked).headers["content-type"]


def test_several_graphs_are_merged_over_http(serving: Serving, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sets = [DataSet(slug, slug, Role.STATED, "facts", "1", "CC-BY-4.0", "For a test.") for slug in ("a", "b")]
    triples = [
        [(iri(f"http://example.org/{number}"), iri("http://example.org/p"), literal("x")) for number in numbers]
        for numbers in (range(10), range(5, 15))
    ]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(*pair) for pair in zip(sets, triples, strict=True)])
        make(archive, manifest)
        archive.publish(manifest)
    one, two = (f"https://w3id.org/circkg/set/{slug}" for slug in "ab")
    graphs = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    with serving(archive) as address:

        def asked(query: str, **more: object) -> int:
            response = httpx.get(f"{address}/sparql", params={"query": query} | more)  # type: ignore[arg-type]
            assert response.status_code == 200, response.text
            return int(response.json()["results"]["bindings"][0]["n"]["value"])

        assert asked(COUNT) == 15
        assert asked(COUNT, **{"default-graph-uri": [one, two]}) == 15
        assert asked(COUNT.replace("{", f"FROM <{one}> FROM <{two}> {{", 1)) == 15
        assert asked(COUNT, **{"default-graph-uri": one}) == 10
        assert asked(COUNT, **{"named-graph-uri": one}) == 0
        assert asked(graphs) == 20
        assert asked(graphs, **{"named-graph-uri": [one]}) == 10
        assert asked(graphs, **{"default-graph-uri": [one, two], "named-graph-uri": [two]}) == 10
        assert asked(COUNT.replace("{", f"FROM <{one}> {{", 1), **{"default-graph-uri": two}) == 10
        posted = httpx.post(f"{address}/sparql", data={"query": COUNT, "default-graph-uri": [one, two]})
        assert posted.json()["results"]["bindings"][0]["n"]["value"] == "15"
