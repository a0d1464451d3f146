"""Readers as real processes: killed, respawned, starved, bombed; and snapshots that take over from each other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QueryResultsFormat, Store

from circkg_loaders.registry import DataSet, Role
from circkg_server.engines import service
from circkg_server.engines.frames import MAX_FRAME, Frames, Job, Kind, frame
from circkg_server.engines.interface import EngineKind
from circkg_server.engines.isolation import can_deny_network
from circkg_server.engines.pool import Answer, Failure, Pool
from circkg_server.engines.quickness import Quickness, template
from circkg_server.engines.reader import RowCounter
from circkg_server.engines.service import Engines, NoSuchSnapshotError, SnapshotGoneError
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import MIB, Settings
from circkg_server.sparql.tokens import tokens
from circkg_server.store.dataset import Dataset
from circkg_server.store.snapshot import make, path_of, remove_old
from circkg_shapes.terms import Triple, iri, literal

TRIPLES = 3000
COUNT = "SELECT (COUNT(*) AS ?n) { ?s <http://example.org/p> ?o }"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
EXPORT = "SELECT * { ?a <http://example.org/p> ?b . ?c <http://example.org/p> ?d }"
"""Streams millions of rows from the first moment."""


def a_set(slug: str, role: Role = Role.STATED) -> DataSet:
    return DataSet(slug, f"Set {slug}", role, "facts", "1.0.0", "CC-BY-4.0", "For a test.")


def triples(count: int, first: int = 0) -> list[Triple]:
    predicate = iri("http://example.org/p")
    return [
        (iri(f"http://example.org/s{number}"), predicate, literal(f"text {number}", "en"))
        for number in range(first, first + count)
    ]


def publish(archive: Archive, **sets: list[Triple]) -> Manifest:
    with archive.writing():
        manifest = archive.next_manifest([archive.release(a_set(slug), content) for slug, content in sets.items()])
        make(archive, manifest)
        archive.publish(manifest)
        remove_old(archive, manifest)
    return manifest


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = Archive(tmp_path_factory.mktemp("engines"))
    publish(archive, a=triples(TRIPLES), b=triples(TRIPLES, TRIPLES // 2))
    return archive


DISTINCT = TRIPLES + TRIPLES // 2


@asynccontextmanager
async def pool_of(
    archive: Archive, kind: EngineKind = EngineKind.MEMORY, size: int = 2, memory: int = 512 * MIB, queue: int = 64
) -> AsyncIterator[Pool]:
    pool = Pool(kind, archive.folder, 1, size, memory, queue)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


_numbers = iter(range(10**9))


def ask(pool: Pool, text: str, timeout: float = 10, *, quick: bool = True, client: str = "", **more: object) -> Answer:
    job = Job(text, "json", 2_000_000, 1024 * MIB, client=client, **more)  # type: ignore[arg-type]
    return pool.ask(f"q{next(_numbers)}", job, timeout, quick=quick)


async def whole(answer: Answer) -> bytes:
    try:
        return b"".join([chunk async for chunk in answer.chunks()])
    finally:
        answer.close()


async def count(pool: Pool, text: str = COUNT, timeout: float = 10, **more: object) -> int:
    content = await whole(ask(pool, text, timeout, **more))  # type: ignore[arg-type]
    return int(json.loads(content)["results"]["bindings"][0]["n"]["value"])


async def failure(answer: Answer) -> str:
    with pytest.raises(Failure) as caught:
        await whole(answer)
    return caught.value.kind


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        await asyncio.sleep(0.005)


def processes() -> dict[int, tuple[str, int]]:
    """Return state and parent of every process, by number."""
    found: dict[int, tuple[str, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            rest = path.read_text().rpartition(")")[2].split()
            found[int(path.parent.name)] = (rest[0], int(rest[1]))
    return found


_strangers: set[int] = set()
"""Processes of servers that other tests keep for the whole session."""


@pytest.fixture(autouse=True)
def strangers() -> None:
    """Take note of the processes that were there before a test."""
    _strangers.clear()
    _strangers.update(descendants())


def descendants() -> dict[int, str]:
    """Return the states of the processes that this one and its children started, but for strangers."""
    table = processes()
    ours = {os.getpid()}
    while more := {number for number, (_, parent) in table.items() if parent in ours} - ours - _strangers:
        ours |= more
    return {number: table[number][0] for number in ours - {os.getpid()}}


def living() -> dict[int, str]:
    """Return the states of the descendants that have not ended."""
    return {number: state for number, state in descendants().items() if state != "Z"}


def zygotes(kind: str) -> list[int]:
    """Return the zygotes of a kind among our processes: those of our children that are no readers."""
    table = processes()
    found = []
    for number, (_, parent) in table.items():
        if parent == os.getpid() and number not in _strangers:
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
                if b"circkg_server.engines.zygote" in words and kind.encode() in words:
                    found.append(number)
    return found


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


# -- killing ------------------------------------------------------------------------------------------------------


async def _kills(pool: Pool, rounds: int) -> tuple[list[float], list[float]]:
    """Kill readers in every way; return overruns of timeouts, and seconds from a kill to the next answer."""
    chance = random.Random(7)
    overruns: list[float] = []
    recoveries: list[float] = []
    for turn in range(rounds):
        way = turn % 4
        if way == 0:  # by its timeout
            started = time.monotonic()
            assert await failure(ask(pool, RUNAWAY, 0.03, quick=False)) == "timeout"
            overruns.append(time.monotonic() - started - 0.03)
        elif way == 1:  # from outside, while it does nothing
            kill(chance.choice(list(pool._readers)))
        elif way == 2:  # from outside, in the middle of a query; the query is asked again
            answer = ask(pool, COUNT)
            if answer.reader is not None:
                kill(answer.reader.process)
            assert str(DISTINCT).encode() in await whole(answer)
        else:  # by a client that leaves
            answer = ask(pool, RUNAWAY, quick=False)
            await until(lambda answer=answer: answer.reader is not None)
            answer.close()
        started = time.monotonic()
        assert await count(pool) == DISTINCT
        recoveries.append(time.monotonic() - started)
    return overruns, recoveries


def descriptors() -> int:
    """Return the number of descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as quick as it gets


async def _soak(archive: Archive, kind: EngineKind, rounds: int) -> str:
    before = descriptors()
    async with pool_of(archive, kind) as pool:
        overruns, recoveries = await _kills(pool, rounds)
        await until(lambda: pool.readers == pool.size)
        assert len(pool._idle) == pool.size
        assert not pool._answers
        assert not pool._waiting
        assert not pool._unclear
        assert pool.respawns >= rounds * 0.9
        await until(lambda: "Z" not in descendants().values() and len(descendants()) <= 1 + pool.size)
        assert set(pool._readers) <= descendants().keys()
        assert len(descendants()) == 1 + pool.size, "a process was leaked or lost"
        assert descriptors() < before + 40, "sockets are leaked"
    assert descendants() == {}
    overruns.sort()
    recoveries.sort()
    return (
        f"{kind.value}: {rounds} kills, overrun median {overruns[rounds // 8]:.3f} s, most {overruns[-1]:.3f} s; "
        f"killed to next answer median {recoveries[rounds // 2]:.3f} s, most {recoveries[-1]:.3f} s"
    )


@pytest.mark.parametrize("kind", EngineKind)
def test_no_kill_loses_a_reader_or_an_answer(store: Archive, kind: EngineKind) -> None:
    print(asyncio.run(_soak(store, kind, 80)))  # noqa: T201 - figures for who runs it with -s


@pytest.mark.nightly
@pytest.mark.parametrize("kind", EngineKind)
def test_a_thousand_kills_lose_no_reader_and_no_answer(store: Archive, kind: EngineKind) -> None:
    print(asyncio.run(_soak(store, kind, 1000)))  # noqa: T201 - figures for who runs it with -s


def test_a_killed_zygote_is_started_anew_and_its_queries_are_asked_again(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store) as pool:
            before: list[int] = []
            for _ in range(3):
                await until(lambda before=before: bool(found := zygotes("memory")) and found != before)
                slow = ask(pool, "SELECT (COUNT(*) AS ?n) { ?a <http://example.org/p> ?b . ?c ?d ?b }", 20, quick=False)
                before = zygotes("memory")
                kill(before[0])
                assert await count(pool) == DISTINCT
                assert b'"n"' in await whole(slow)
            # The front may still count readers that went with the last zygote, so those that live are looked at.
            await until(lambda: pool.readers == 2 and set(pool._readers) <= living().keys())
            assert len(living()) == 3, "the restart made readers that nobody counts"
        assert descendants() == {}

    asyncio.run(run())


def test_a_reader_that_died_before_the_front_noticed_costs_no_query(store: Archive) -> None:
    """A query sent to a dead reader was answered with 503 and the words that it needs too much memory."""

    async def run() -> None:
        async with pool_of(store) as pool:
            for _ in range(10):
                await until(lambda: len(pool._idle) == 2)
                for process in list(pool._readers):
                    kill(process)
                assert await count(pool) == DISTINCT

    asyncio.run(run())


def test_a_reader_that_was_given_up_answers_nobody_else(store: Archive) -> None:
    """An answer that became whole while its reader was being killed gave the dead reader to the next query."""

    async def run() -> None:
        async with pool_of(store, size=1) as pool:
            for turn in range(30):
                answer = ask(pool, COUNT)
                await asyncio.sleep(turn / 3000)
                answer.close()
                assert await count(pool) == DISTINCT

    asyncio.run(run())


def test_who_leaves_the_queue_takes_no_reader_along(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store, size=1) as pool:
            for _ in range(20):
                first = ask(pool, COUNT)
                second = asyncio.create_task(whole(ask(pool, COUNT)))
                await first.next()
                second.cancel()
                assert await first.next() == b""
                assert await count(pool, timeout=5) == DISTINCT

    asyncio.run(run())


def test_what_the_query_itself_killed_is_not_asked_again(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store, memory=64 * MIB) as pool:
            started = pool.respawns
            assert await failure(ask(pool, BOMBS["huge sort"], 30)) == "ended"
            assert pool.respawns == started + 1
            assert await count(pool) == DISTINCT

    asyncio.run(run())


def test_the_readers_end_with_a_front_that_is_killed(store: Archive, tmp_path: Path) -> None:
    """A runaway outlived the front, and ran for ever."""
    script = f"""
import asyncio, os
from pathlib import Path
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import EngineKind
from circkg_server.engines.pool import Pool
async def main():
    pool = Pool(EngineKind.MEMORY, Path({str(store.folder)!r}), 1, 2, 1 << 29, 8)
    await pool.start()
    pool.ask("q", Job({RUNAWAY!r}, "json", 10, 10), 60, quick=True)
    await asyncio.sleep(0.3)
    print(*pool._readers, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    import subprocess
    import sys

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    front = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, cwd=tmp_path)
    assert front.stdout is not None
    readers = [int(word) for word in front.stdout.readline().split()]
    assert readers
    front.kill()
    front.wait()
    end = time.monotonic() + 5
    while any(processes().get(reader, ("Z", 0))[0] != "Z" for reader in readers):
        assert time.monotonic() < end, "a reader runs on"
        time.sleep(0.02)


# -- starvation and fairness --------------------------------------------------------------------------------------


def test_look_ups_are_not_starved_by_runaways(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store) as pool:
            runaways = [ask(pool, RUNAWAY, 60, quick=False) for _ in range(3)]
            await asyncio.sleep(0.1)
            for _ in range(20):
                assert await count(pool, timeout=50) == DISTINCT
            assert not any(answer.ended for answer in runaways), "the look-ups had to wait for a runaway"
            for answer in runaways:
                answer.close()

    asyncio.run(run())


def test_a_runaway_that_looks_quick_gives_the_kept_reader_back(store: Archive) -> None:
    """Two cross products of named predicates took both readers for their whole timeout."""

    async def run() -> None:
        async with pool_of(store) as pool:
            runaways = [ask(pool, RUNAWAY, 60, quick=True) for _ in range(4)]
            await asyncio.sleep(0.05)
            assert await count(pool, timeout=50) == DISTINCT
            assert not any(answer.ended for answer in runaways), "the look-up had to wait for a runaway"
            for answer in runaways:
                answer.close()
            await until(lambda: pool.readers == 2 and not pool._answers)

    asyncio.run(run())


def test_slow_clients_do_not_take_the_reader_kept_for_look_ups(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store) as pool:
            exports = [ask(pool, EXPORT, 60, quick=True) for _ in range(2)]
            for export in exports:
                await export.next()
            assert await count(pool, timeout=50) == DISTINCT
            assert not any(export.ended for export in exports), "the look-up had to wait for an export"
            for export in exports:
                export.close()
            await until(lambda: len(pool._readers) == len(pool._idle) == 2)

    asyncio.run(run())


def test_the_queue_is_bounded_and_fair(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store, size=1, queue=4) as pool:
            first = ask(pool, RUNAWAY, 2, client="greedy")
            greedy = [ask(pool, RUNAWAY, 2, client="greedy") for _ in range(3)]
            other = asyncio.create_task(count(pool, timeout=5, client="modest"))
            await asyncio.sleep(0)
            with pytest.raises(Failure, match="waiting already") as caught:
                ask(pool, COUNT)
            assert caught.value.kind == "busy"
            first.close()
            greedy[0].close()
            assert await other == DISTINCT
            for answer in greedy:
                answer.close()

    asyncio.run(run())


def test_the_client_with_fewer_running_queries_goes_first(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store, size=3) as pool:
            long = [ask(pool, RUNAWAY, 5, quick=False, client="greedy") for _ in range(4)]
            modest = ask(pool, RUNAWAY, 5, quick=False, client="modest")
            long[0].close()
            await until(lambda: modest.running is not None)
            assert long[2].running is None
            for answer in (*long, modest):
                answer.close()

    asyncio.run(run())


# -- limits and safety --------------------------------------------------------------------------------------------

BOMBS = {
    "cross product": RUNAWAY,
    "path explosion": "SELECT (COUNT(*) AS ?n) { ?a (<a:x>|!<a:x>)* ?b . ?c (<a:x>|!<a:x>)* ?d }",
    "string doubling": "SELECT (STRLEN(?z) AS ?n) { BIND('xxxxxxxxxxxxxxxx' AS ?a0) "
    + " ".join(f"BIND(CONCAT(?a{n}, ?a{n}) AS ?a{n + 1})" for n in range(40))
    + " BIND(?a40 AS ?z) }",
    "huge sort": "SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?d",
    "huge distinct": "SELECT DISTINCT ?a ?d { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "group bomb": "SELECT ?a ?d (GROUP_CONCAT(?i) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d",
    "regex bomb": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER REGEX(STR(?f), '(x+x+)+y{1,500}(a|b)*c') }",
    "regex size": "SELECT (REGEX('x', '((x{1,900}){1,900}){1,900}') AS ?n) {}",
    "replace": "SELECT (STRLEN(REPLACE(?c, '', 'xxxxxxxxxxxxxxxxxxxxxxxx')) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "values": "SELECT * { VALUES ?x { " + "1 " * 300_000 + "} VALUES ?y { " + "2 " * 100_000 + "} }",
}


@pytest.mark.parametrize("query", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_time_and_memory(store: Archive, query: str) -> None:
    async def run() -> None:
        memory = 256 * MIB
        async with pool_of(store, memory=memory) as pool:
            answer = ask(pool, query, 2)
            most = size = 0

            async def watch() -> None:
                nonlocal most
                while True:
                    if answer.reader is not None:
                        with contextlib.suppress(OSError):
                            pages = Path(f"/proc/{answer.reader.process}/statm").read_text().split()[1]
                            most = max(most, int(pages) * 4096)
                    await asyncio.sleep(0.01)

            watching = asyncio.create_task(watch())
            started = time.monotonic()
            with contextlib.suppress(Failure):
                async for chunk in answer.chunks():
                    size += len(chunk)
            assert time.monotonic() - started < 10
            watching.cancel()
            answer.close()
            assert most < memory + 200 * MIB
            assert await count(pool) == DISTINCT

    asyncio.run(run())


@pytest.mark.skipif(not can_deny_network(), reason="the platform has no filter for system calls")
def test_a_reader_has_no_network(store: Archive) -> None:
    called: list[object] = []
    canary = socket.create_server(("127.0.0.1", 0))
    canary.settimeout(1.5)
    port = canary.getsockname()[1]

    def listen() -> None:
        with contextlib.suppress(OSError):
            called.append(canary.accept())

    thread = threading.Thread(target=listen)
    thread.start()

    async def run() -> None:
        async with pool_of(store) as pool:
            address = f"http://127.0.0.1:{port}/sparql"
            assert await failure(ask(pool, f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}")) in (
                "broken",
                "evaluation",
            )
            silent = await whole(ask(pool, f"SELECT * {{ SERVICE SILENT <{address}> {{ ?s ?p ?o }} }}"))
            assert json.loads(silent)["results"]["bindings"] in ([], [{}])
            assert await failure(ask(pool, f"LOAD <{address}>")) == "syntax"
            await whole(ask(pool, f"SELECT * FROM <{address}> {{ ?s ?p ?o }}"))  # noqa: S608
            process = next(iter(pool._readers))
            status = Path(f"/proc/{process}/status").read_text()
            assert "Seccomp:\t2" in status
            assert "NoNewPrivs:\t1" in status

    asyncio.run(run())
    thread.join()
    canary.close()
    assert called == []


@pytest.mark.parametrize(("rows", "fits"), [(7, True), (6, False)])
@pytest.mark.parametrize("format_", ["json", "xml", "csv", "tsv"])
def test_the_limit_of_rows_is_exact(store: Archive, format_: str, rows: int, fits: bool) -> None:
    async def run() -> None:
        async with pool_of(store, size=1) as pool:
            job = Job("SELECT * { ?s ?p ?o } LIMIT 7", format_, rows, MIB)
            answer = pool.ask("q", job, 5, quick=True)
            if fits:
                assert await whole(answer)
            else:
                assert await failure(answer) == "too-large"
            assert pool.readers == 1
            assert pool.respawns == 0, "a limit that the reader itself sees costs no reader"

    asyncio.run(run())


NASTY = (
    '}},{"', "},{", '"},{"', 'x},{"a', "},{}", "<result>", "line\nbreak", 'quote"', '""', "\r\n", '\\"', "\\", '"\n"',
    "tab\t", '\\"},{"x', "{},{}", "",
)  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 8192])
@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_rows_are_counted_as_they_are(name: str, size: int) -> None:
    """A literal ending in ``}},{`` counted as a row, the line of names too, and a row more than the limit passed."""
    engine = {
        "json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML,
        "csv": QueryResultsFormat.CSV, "tsv": QueryResultsFormat.TSV,
    }[name]  # fmt: skip
    graph = Store()
    for number, text in enumerate(NASTY * 3):
        graph.add(Quad(NamedNode(f"a:{number}"), NamedNode("a:p"), Literal(text)))
    for query in ("SELECT ?s ?o { ?s ?p ?o }", "SELECT ?o { ?s ?p ?o }", "SELECT ?s ?x ?o { ?s ?p ?o }"):
        content = graph.query(query).serialize(format=engine)  # type: ignore[union-attr, call-arg]
        assert content is not None
        counter = RowCounter(name)
        for start in range(0, len(content), size):
            counter.take(content[start : start + size])
        assert counter.rows == len(NASTY) * 3


def test_frames_come_whole_however_they_are_cut() -> None:
    sent = b"".join(frame(kind, os.urandom(number * 37)) for number, kind in enumerate(Kind))
    frames = Frames()
    got = [one for start in range(0, len(sent), 5) for one in frames.feed(sent[start : start + 5])]
    assert b"".join(frame(kind, content) for kind, content in got) == sent
    with pytest.raises(ValueError, match="too long"):
        list(Frames().feed((MAX_FRAME + 1).to_bytes(4, "little") + b"\1"))


def test_a_slow_client_makes_its_reader_wait(store: Archive) -> None:
    """The front holds a megabyte or two of an answer, however slowly it is taken."""

    async def run() -> None:
        async with pool_of(store) as pool:
            answer = ask(pool, EXPORT, 5)
            await answer.next()
            await asyncio.sleep(0.5)
            assert answer._held < 4 * MIB
            reader = answer.reader
            assert reader is not None
            before = Path(f"/proc/{reader.process}/stat").read_text().split()[13]
            await asyncio.sleep(0.3)
            assert Path(f"/proc/{reader.process}/stat").read_text().split()[13] == before, "the reader works on"
            for _ in range(200):
                assert await answer.next()
            answer.close()
            assert await count(pool) == DISTINCT

    asyncio.run(run())


def test_what_a_paused_answer_left_does_not_wake_the_next(store: Archive) -> None:
    async def run() -> None:
        async with pool_of(store, size=1) as pool:
            first = ask(pool, "SELECT * { ?s ?p ?o }", quick=True)
            await until(lambda: first.ended)
            second = ask(pool, EXPORT, 5, quick=False)
            await until(lambda: second._paused)
            await whole(first)
            await asyncio.sleep(0.2)
            assert second._paused
            assert second._held < 4 * MIB
            second.close()

    asyncio.run(run())


# -- quickness ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "quick"),
    [
        ("SELECT * { <a:s> ?p ?o }", True),
        ("DESCRIBE <a:s>", True),
        ("SELECT * { ?s ?p ?o }", False),
        ("SELECT * { ?s <a:p>* ?o }", False),
        ("SELECT * { ?s <a:p>+ ?o }", False),
        ("SELECT (COUNT(*) AS ?n) { ?s <a:p> ?o }", False),
    ],
)
def test_the_shape_of_a_query_tells_whether_it_is_quick(query: str, quick: bool) -> None:
    known = Quickness()
    stream = list(tokens(query))
    assert known.expects_quick(stream) is quick
    for _ in range(20):
        known.learn(stream, 5.0 if quick else 0.001)
    assert known.expects_quick(stream) is not quick


def test_other_names_of_variables_are_the_same_shape() -> None:
    one, two = ("SELECT * { ?a <a:p> ?b }", "SELECT * { ?x <a:q> $y }")
    assert template(list(tokens(one))) == template(list(tokens(two)))


# -- snapshots ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def engines_of(archive: Archive, **settings: object) -> AsyncIterator[Engines]:
    engines = Engines(archive, Settings(**({"readers": 2} | settings)))  # type: ignore[arg-type]
    await engines.start()
    try:
        yield engines
    finally:
        await engines.stop()


async def ask_engines(
    engines: Engines, text: str = COUNT, *, named: bool = False, snapshot: int | None = None,
    dataset: Dataset | None = None, timeout: float = 10,
) -> Answer:  # fmt: skip
    job = Job(text, "json", 2_000_000, 1024 * MIB, dataset)
    number = f"e{next(_numbers)}"
    return await engines.ask(
        number, job, list(tokens(text)), timeout=timeout, named_graphs=named or dataset is not None, snapshot=snapshot
    )


async def counted(asked: Awaitable[Answer]) -> int:
    return int(json.loads(await whole(await asked))["results"]["bindings"][0]["n"]["value"])


async def in_memory(engines: Engines, seconds: float = 20) -> None:
    await until(lambda: engines.current is not None and engines.current.memory is not None, seconds)


def test_snapshots_take_over_while_queries_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WATCH", 0.05)
    archive = Archive(tmp_path)
    publish(archive, a=triples(500))
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(zygotes("memory")))
            await asyncio.sleep(0.01)

    async def run() -> None:
        nonlocal most
        async with engines_of(archive) as engines:
            await in_memory(engines)
            watching = asyncio.create_task(watch())
            for number in range(2, 8):
                slow = await ask_engines(engines, EXPORT)  # runs in the old image, and goes on
                first = await slow.next()
                await asyncio.to_thread(publish, archive, a=triples(500 + number))
                await until(lambda number=number: engines.current.manifest.number == number)  # type: ignore[union-attr]
                assert await counted(ask_engines(engines)) == 500 + number
                assert first
                assert await slow.next(), "a running query was ended by a publish"
                slow.close()
            await in_memory(engines)
            watching.cancel()
            assert most == 1, "two memory images at once"
            assert await counted(ask_engines(engines)) == 507
            # Numbers 3 to 7 are kept; what is asked of them is what they held.
            for number in range(3, 8):
                assert await counted(ask_engines(engines, snapshot=number)) == 500 + number
            for number in (1, 2):
                with pytest.raises(SnapshotGoneError) as gone:
                    await ask_engines(engines, snapshot=number)
                assert all(name.startswith("releases/a/") for name in gone.value.dumps)
                assert gone.value.dumps
            for number in (0, 8, 99):
                with pytest.raises(NoSuchSnapshotError):
                    await ask_engines(engines, snapshot=number)
            await until(lambda: len(engines._live) <= 4)
        assert descendants() == {}

    asyncio.run(run())


def test_what_is_not_published_yet_cannot_be_asked(tmp_path: Path) -> None:
    """A build writes manifest and snapshot before it publishes; the number could be asked for at once."""
    archive = Archive(tmp_path)
    publish(archive, a=triples(5))
    with archive.writing():
        make(archive, archive.next_manifest([archive.release(a_set("a"), triples(6))]))

    async def run() -> None:
        async with engines_of(archive, engine="checkpoint") as engines:
            with pytest.raises(NoSuchSnapshotError):
                await ask_engines(engines, snapshot=2)

    asyncio.run(run())


def test_two_publishes_in_a_row_load_one_image_at_a_time(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, a=triples(20_000))
    most = 0

    async def run() -> None:
        nonlocal most
        async with engines_of(archive) as engines:
            for number in (2, 3, 4):
                await engines.publish(await asyncio.to_thread(publish, archive, a=triples(20_000 + number)))
                most = max(most, len(zygotes("memory")))
            while engines.current is not None and engines.current.memory is None:
                most = max(most, len(zygotes("memory")))
                await asyncio.sleep(0.005)
            assert most == 1
            assert await counted(ask_engines(engines)) == 20_004

    asyncio.run(run())


def test_a_deleted_snapshot_is_made_anew_while_it_is_served(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    manifest = publish(archive, a=triples(50))

    async def run() -> None:
        async with engines_of(archive, engine="checkpoint") as engines:
            shutil.rmtree(path_of(archive, manifest))
            pool = engines.current.checkpoint  # type: ignore[union-attr]
            for process in list(pool._readers):
                kill(process)
            assert await counted(ask_engines(engines, named=True)) == 50
            await until(lambda: pool.readers == 2)
            assert path_of(archive, manifest).exists()
            assert pool.respawns < 12, "readers were forked as fast as they died"

    asyncio.run(run())


def test_a_damaged_snapshot_is_told_with_the_way_out(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    publish(archive, a=triples(50))
    for file in (tmp_path / "snapshots").rglob("*.sst"):
        file.write_bytes(b"damaged")

    async def run() -> None:
        with pytest.raises(Failure, match="cannot be loaded") as caught:
            async with engines_of(archive, engine="checkpoint"):
                pass
        folder = re.search(r"delete its folder in (\S+):", str(caught.value))
        assert folder is not None
        shutil.rmtree(Path(folder[1]) / "000001")
        async with engines_of(archive, engine="checkpoint") as engines:
            assert await counted(ask_engines(engines)) == 50

    asyncio.run(run())


def test_a_broken_manifest_does_not_stop_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WATCH", 0.05)
    archive = Archive(tmp_path)
    publish(archive, a=triples(5))

    async def run() -> None:
        async with engines_of(archive, engine="checkpoint") as engines:
            good = (tmp_path / "manifest.json").read_text()
            (tmp_path / "manifest.json").write_text(
                good.replace('"snapshot": 1', '"snapshot": 7').replace(".nq.gz", ".x")
            )
            await asyncio.sleep(0.5)
            (tmp_path / "manifest.json").write_text(good)
            while True:
                with contextlib.suppress(StoreBusyError):  # the server may be at the snapshot of the broken manifest
                    await asyncio.to_thread(publish, archive, a=triples(6))
                    break
            await until(lambda: engines.current.manifest.number == 2)  # type: ignore[union-attr]
            assert await counted(ask_engines(engines)) == 6

    asyncio.run(run())


def test_several_graphs_are_asked_as_their_merge(store: Archive) -> None:
    base = "https://w3id.org/circkg/set/"

    async def run() -> None:
        async with engines_of(store) as engines:
            await in_memory(engines)
            both = Dataset((f"{base}a", f"{base}b"))
            assert await counted(ask_engines(engines, dataset=both)) == DISTINCT
            assert await counted(ask_engines(engines, dataset=Dataset((f"{base}a",)))) == TRIPLES
            assert await counted(ask_engines(engines, dataset=Dataset(named=(f"{base}a",)))) == 0
            graphs = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
            assert await counted(ask_engines(engines, graphs, dataset=Dataset(named=(f"{base}a",)))) == TRIPLES
            assert await counted(ask_engines(engines, graphs, dataset=Dataset(both.default, (f"{base}b",)))) == TRIPLES
            assert await counted(ask_engines(engines, graphs, named=True)) == 2 * TRIPLES
            assert (
                await counted(ask_engines(engines, dataset=Dataset((f"{base}a", "http://example.org/no")))) == TRIPLES
            )

    asyncio.run(run())


def test_a_merge_that_no_reader_can_hold_is_refused(store: Archive) -> None:
    base = "https://w3id.org/circkg/set/"

    async def run() -> None:
        async with engines_of(store, engine="checkpoint", query_memory=MIB) as engines:
            with pytest.raises(Failure) as caught:
                await ask_engines(engines, dataset=Dataset((f"{base}a", f"{base}b")))
            assert caught.value.kind == "too-large"

    asyncio.run(run())
