"""Connections that are lent to readers: the same answers, nothing lost when a reader is killed, nobody starved."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.engines.lent import TOLD_EVERY
from circkg_server.engines.loans import CAN_LEND
from circkg_server.engines.pool import Pool
from circkg_server.engines.service import Engines
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.sparql.express import Application
from circkg_server.store.snapshot import make
from circkg_shapes.terms import iri, literal

pytestmark = pytest.mark.skipif(not CAN_LEND, reason="readers take no connections on this platform")

LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
TRIPLES = 3000
QUICK_ONLY_IF_ABSENT = "SELECT (COUNT(*) AS ?n) {{ ?a <{0}> ?b . ?c <{0}> ?d . ?e <{0}> ?f . ?g <{0}> ?h }}"
ABSENT = "http://example.org/absent"


def publish(archive: Archive, version: str) -> None:
    found = DataSet("a", "A", Role.STATED, "facts", version, "CC-BY-4.0", "For a test.")
    triples = [(iri(f"http://example.org/s{n}"), iri(LABEL), literal(f"{version} {n}", "en")) for n in range(TRIPLES)]
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)


class Served:
    """A server on the short way."""

    def __init__(self, archive: Archive, *, keep_alive: int = 600, **settings: object) -> None:
        self.archive = archive
        publish(archive, "1.0.0")
        chosen = {"engine": "memory", "readers": 2, "timeout": 8.0, "per_client": 64} | settings
        self.application = build_app(archive, Settings(**chosen))  # type: ignore[arg-type]
        assert isinstance(self.application, Application)
        config = uvicorn.Config(
            self.application, http=self.application.express.protocol(HttpToolsProtocol), log_level="error",
            server_header=False, proxy_headers=False, timeout_keep_alive=keep_alive,
        )  # type: ignore[arg-type]  # fmt: skip
        self.server = uvicorn.Server(config)
        self.server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([listening])), daemon=True)
        self.thread.start()
        until(lambda: self.server.started and self.memory is not None)

    @property
    def memory(self) -> Pool | None:
        """Return the memory readers, once there is one."""
        engines = self.application.express.endpoint.engines
        assert isinstance(engines, Engines)
        pool = engines.current.memory if engines.current else None
        return pool if pool is not None and pool.readers == 2 else None

    @property
    def lent(self) -> int:
        """Return the number of connections that readers have."""
        return self.memory.lent if self.memory else 0

    def readers(self) -> list[int]:
        """Return the process numbers of the memory readers."""
        return list(self.memory._readers) if self.memory else []

    def stop(self) -> None:
        """End the server."""
        self.server.should_exit = True
        self.thread.join(timeout=30)


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(Archive(tmp_path_factory.mktemp("lending")))
    yield server
    server.stop()


class Client:
    """A connection of a client that keeps it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.socket = socket.create_connection(("127.0.0.1", served.port), timeout=60)
        self._file = self.socket.makefile("rb")

    def send(self, query: str) -> None:
        """Send a query."""
        self.socket.sendall(request(query))

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next answer.

        :raises ConnectionError: if there is none.
        """
        first = self._file.readline()
        if not first:
            raise ConnectionError
        found: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            found[name.lower()] = value
        body = self._file.read(int(found["content-length"]))
        if len(body) < int(found["content-length"]):
            raise ConnectionError
        return int(first.split()[1]), found, body

    def ask(self, query: str) -> tuple[int, dict[str, str], bytes]:
        """Send a query and return its answer."""
        self.send(query)
        return self.answer()

    def label(self, number: int) -> str:
        """Return the label of a thing."""
        status, _, body = self.ask(look_up(number))
        assert status == 200, body
        (row,) = json.loads(body)["results"]["bindings"]
        return str(row["o"]["value"])

    def borrow(self) -> Client:
        """Send look-ups until a reader has the connection."""
        before = self.served.lent
        for number in range(200):
            self.label(number)
            if self.served.lent > before:
                return self
            time.sleep(0.01)
        raise AssertionError("the connection is never lent")

    def close(self) -> None:
        """Leave."""
        self.socket.close()
        self._file.close()


def look_up(number: int) -> str:
    return f"SELECT ?o {{ <http://example.org/s{number}> <{LABEL}> ?o }}"


def request(query: str) -> bytes:
    return f"GET /sparql?query={quote(query)} HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n".encode()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    until(lambda: served.lent == 0)
    found = Client(served).borrow()
    yield found
    found.close()
    until(lambda: served.lent == 0)


# -- what a reader answers, and what it gives back ----------------------------------------------------------------


def test_a_lent_connection_has_the_answers_of_any_other(client: Client) -> None:
    for number in (1, 2, 1, 3):
        status, found, body = client.ask(look_up(number))
        other = httpx.post(f"http://127.0.0.1:{client.served.port}/sparql", data={"query": look_up(number)})
        assert status == other.status_code == 200
        assert body == other.content
        assert re.fullmatch(r"1-[0-9a-f]{24}", found["etag"].strip('"'))
        assert found["x-circkg-snapshot"] == "1"
        assert found["access-control-allow-origin"] == "*"
    assert client.served.lent == 1


def test_each_answer_has_an_id_of_its_own_and_is_counted(client: Client) -> None:
    cache = client.served.application.express.endpoint.cache
    time.sleep(5 * TOLD_EVERY)  # what was answered before is told with a delay
    hits, misses = cache.hits, cache.misses
    ids = {client.ask(look_up(number))[1]["x-circkg-query-id"] for number in (2001, 2001, 2002, 2001)}
    assert len(ids) == 4
    until(lambda: (cache.hits - hits, cache.misses - misses) == (2, 2))


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (
            b"POST /sparql HTTP/1.1\r\nHost: a\r\nContent-Type: application/sparql-query\r\n"
            b"Content-Length: 6\r\n\r\nASK {}",
            200,
        ),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET /sparql?query=ASK HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ],
    ids=["post", "another path", "no query", "another method"],
)  # fmt: skip
def test_what_a_reader_does_not_do_comes_back(client: Client, raw: bytes, status: int) -> None:
    client.socket.sendall(raw)
    assert client.answer()[0] == status
    until(lambda: client.served.lent == 0)


def test_a_request_in_pieces_and_requests_at_once_come_back_whole(served: Served) -> None:
    until(lambda: served.lent == 0)
    one, two = request(look_up(7)), request(look_up(8))
    for pieces in ([one[:20], one[20:]], [one + two, b""], [one, two]):
        client = Client(served).borrow()
        for piece in pieces:
            client.socket.sendall(piece)
            time.sleep(0.05)
        assert b"1.0.0 7" in client.answer()[2]
        if two in pieces or two in pieces[0]:
            assert b"1.0.0 8" in client.answer()[2]
        client.close()
        until(lambda: served.lent == 0)


def test_an_answer_that_is_too_long_for_a_reader_comes_whole(client: Client) -> None:
    query = f"SELECT ?s ?o {{ ?s <{LABEL}> ?o }} ORDER BY ?s LIMIT "
    for limit in (1, 2, 1, 2, 2900, 1, 2900):
        status, _, body = client.ask(f"{query}{limit}")
        assert status == 200
        assert len(json.loads(body)["results"]["bindings"]) == limit


def test_a_client_that_does_not_read_gets_every_answer_in_turn(client: Client) -> None:
    query = f"SELECT ?s ?o {{ ?s <{LABEL}> ?o }} LIMIT 250"
    size = len(client.ask(query)[2])
    count = 12_000_000 // size  # more than the buffers of both ends hold
    sender = threading.Thread(target=lambda: [(client.send(query), time.sleep(0.001)) for _ in range(count)])
    sender.start()
    time.sleep(1)
    for _ in range(count):
        status, _, body = client.answer()
        assert (status, len(body)) == (200, size)
    sender.join()


def test_a_connection_that_is_idle_comes_back_and_is_closed_by_the_front(tmp_path: Path) -> None:
    served = Served(Archive(tmp_path), keep_alive=1)
    idle = Client(served).borrow()
    assert idle.socket.recv(1) == b""
    assert served.lent == 0
    served.stop()


def test_a_connection_whose_client_leaves_comes_back(client: Client) -> None:
    assert client.served.lent == 1
    client.close()
    until(lambda: client.served.lent == 0)


# -- kills --------------------------------------------------------------------------------------------------------


def test_a_killed_reader_loses_no_request(client: Client) -> None:
    served = client.served
    others = [Client(served).borrow() for _ in range(3)]
    for number in range(10):
        until(lambda: served.memory is not None)
        for reader in served.readers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(reader, signal.SIGKILL)
        for each in (client, *others):
            assert each.label(number) == f"1.0.0 {number}"
    for each in others:
        each.close()


def _soak(served: Served, kills: int) -> int:
    """Kill readers while clients ask; return how many connections were cut off.

    Of a query whose reader was killed three times a client is told so, and asks again.
    """
    stop = threading.Event()
    cut: list[int] = []
    wrong: list[str] = []

    def ask() -> None:
        chance = random.Random(threading.get_ident())
        client = Client(served)
        while not stop.is_set():
            number = chance.randrange(TRIPLES)
            try:
                status, _, body = client.ask(look_up(number))
                if f'"1.0.0 {number}"'.encode() not in body and (status != 503 or b"from outside" not in body):
                    wrong.append(f"{status} {body!r}")
            except ConnectionError:
                cut.append(number)
                client = Client(served)
        client.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    chance = random.Random(7)
    for _ in range(kills):
        until(lambda: served.memory is not None)
        time.sleep(chance.random() * 0.05)
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(served.readers()), signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a request was never answered"
    assert wrong == []
    return len(cut)


def test_kills_among_many_clients_lose_nothing(served: Served) -> None:
    assert _soak(served, 60) == 0


@pytest.mark.nightly
def test_a_thousand_kills_among_many_clients_lose_nothing(served: Served) -> None:
    assert _soak(served, 1000) == 0


# -- slow queries -------------------------------------------------------------------------------------------------


def test_a_query_that_turns_out_slow_is_ended_in_time_and_starves_nobody(client: Client) -> None:
    served = client.served
    for number in range(8):
        assert client.ask(QUICK_ONLY_IF_ABSENT.format(f"{ABSENT}{number}"))[0] == 200
    others = [Client(served).borrow() for _ in range(3)]
    client.send(QUICK_ONLY_IF_ABSENT.format(LABEL))
    for number in range(30):
        for each in others:
            assert each.label(number) == f"1.0.0 {number}"
    status, found, body = client.answer()
    assert status == 503
    assert found["retry-after"]
    assert "longer than" in json.loads(body)["detail"]
    for each in others:
        each.close()


def test_jobs_that_turn_out_slow_give_back_what_their_readers_have(client: Client) -> None:
    served = client.served
    for number in range(4):
        assert client.ask(QUICK_ONLY_IF_ABSENT.format(f"{ABSENT}a{number}"))[0] == 200
    lookers = [Client(served).borrow() for _ in range(3)]
    slow = [
        threading.Thread(
            target=httpx.post, args=(f"http://127.0.0.1:{served.port}/sparql",),
            kwargs={"data": {"query": QUICK_ONLY_IF_ABSENT.format(LABEL) + f" # {number}"}, "timeout": 60},
        )
        for number in range(2)
    ]  # fmt: skip
    for thread in slow:
        thread.start()
    pool = served.memory
    assert pool is not None
    until(lambda: any("# 0" in one.job.text or "# 1" in one.job.text for one in pool.running.values()))
    for number in range(30):
        for each in lookers:
            assert each.label(number) == f"1.0.0 {number}"
    assert any(thread.is_alive() for thread in slow), "the look-ups had to wait for the runaways"
    for thread in slow:
        thread.join()
    for each in lookers:
        each.close()


# -- snapshots and stops ------------------------------------------------------------------------------------------


def test_a_new_snapshot_is_answered_from_at_once_and_a_stop_ends_all(tmp_path: Path) -> None:
    served = Served(Archive(tmp_path))
    lent, asked_before = Client(served).borrow(), Client(served)
    assert asked_before.label(5) == lent.label(5) == "1.0.0 5"
    publish(served.archive, "2.0.0")
    until(lambda: httpx.get(f"http://127.0.0.1:{served.port}/ready").json()["snapshot"] == 2)
    assert lent.label(5) == "2.0.0 5"
    until(lambda: served.memory is not None and served.memory.number == 2)
    assert Client(served).label(6) == "2.0.0 6"
    assert asked_before.label(5) == "2.0.0 5", "an answer that was kept is of another snapshot"
    again = Client(served).borrow()
    assert again.ask(look_up(5))[1]["x-circkg-snapshot"] == "2"
    served.stop()
    assert not served.thread.is_alive()
    again.socket.setblocking(True)
    assert again.socket.recv(1) == b""
