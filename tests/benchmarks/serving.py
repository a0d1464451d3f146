"""Measures the endpoint against its peers, all started here on the same graph and asked in turns.

Compared: CircKG; Oxigraph's own server on disk; rdflib-endpoint; and the engine alone, in memory and without a server,
as the limit. What counts is processor time of all processes of a server, which neighbours on the machine disturb less
than elapsed time; latencies are reported. All peers must give the same answers.

    python tests/benchmarks/serving.py                                   # some ten minutes
    python tests/benchmarks/serving.py --quick                           # under two, on a small graph
    python tests/benchmarks/serving.py --report docs/benchmarks.md       # write the tables into the report

rdflib-endpoint is used if this interpreter, or that of ``--rdflib-python``, has it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from peers import CircKG, Limit, Native, Peer, RdflibEndpoint, processor_seconds, running
from pyoxigraph import RdfFormat, parse
from rich.console import Console
from synthetic import BULK, LIGHT, MIX, QUERIES, Size, graph, questions

from circkg_loaders.registry import DataSet, Role
from circkg_server.engines.allocator import allocator
from circkg_server.releases.archive import Archive
from circkg_server.store.snapshot import make

HERE = Path(__file__).parent
CLIENTS = 8
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
OURS, PLAIN, NATIVE = "CircKG", "CircKG, system allocator", "Oxigraph server, disk"
LIMIT, PLAIN_LIMIT, RDFLIB = "engine in process (limit)", "engine in process, system allocator", "rdflib-endpoint"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked.

    :param mix: queries of the small mix in a round.
    :param light: light look-ups in a round.
    :param each: queries of one kind in a round, for kinds of the mix.
    :param bulk: queries of one kind in a round, for the others.
    """

    triples: int
    rounds: int
    mix: int
    light: int
    each: int
    bulk: int
    cached: int


FULL = Plan(1_000_000, 5, 1050, 9000, 150, 4, 12000)
QUICK = Plan(120_000, 2, 560, 2400, 40, 2, 4000)


@dataclass(slots=True)
class Figures:
    """What was measured, by peer and cell: one value a round."""

    processor: dict[tuple[str, str], list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    latency: dict[tuple[str, str], list[tuple[float, float]]] = field(
        default_factory=lambda: collections.defaultdict(list)
    )
    rate: dict[tuple[str, str], list[float]] = field(default_factory=lambda: collections.defaultdict(list))

    def each(self, peer: str, cell: str) -> float:
        """Return the median processor seconds of one answer."""
        return statistics.median(self.processor[peer, cell])

    def ratios(self, peer: str, other: str, cell: str, other_cell: str = "") -> tuple[float, float, float]:
        """Return how many times less a peer uses than another: of the medians, and the least and most of a round."""
        mine, theirs = self.processor[peer, cell], self.processor[other, other_cell or cell]
        pairs = [b / a for a, b in zip(mine, theirs, strict=False)]
        return statistics.median(theirs) / statistics.median(mine), min(pairs), max(pairs)


def prepare(folder: Path, size: Size) -> tuple[Archive, Path, Path, int]:
    """Publish the graph, load it for the others; return our store, the others' file, Oxigraph's store and the size."""
    archive = Archive(folder / "store")
    found = DataSet("synthetic", "Synthetic", Role.STATED, "facts", "1", "CC0-1.0", "For the benchmark.")
    with archive.writing():
        release = archive.release(found, graph(size))
        manifest = archive.next_manifest([release])
        make(archive, manifest)
        archive.publish(manifest)
    suffix = f" <{release.graph}> .".encode()
    triples = folder / "default-graph.nt"
    triples.write_bytes(archive.quads(release).replace(suffix, b" ."))
    native = folder / "oxigraph"
    Native.load(native, triples)
    return archive, triples, native, release.quads


def rows(content: bytes, media_type: str) -> tuple[int, str]:
    """Return the number of rows or triples of an answer, and a digest that does not depend on their order."""
    if media_type.endswith("json"):
        parsed = json.loads(content)
        found = [
            repr(sorted((name, term["type"], term["value"], term.get("xml:lang")) for name, term in row.items()))
            for row in parsed["results"]["bindings"]
        ]
    elif media_type == "text/csv":
        found = content.decode().splitlines()[1:]
    else:
        # rdflib-endpoint sends a DESCRIBE as RDF/XML under the media type of tables.
        format_ = RdfFormat.from_media_type(media_type) or RdfFormat.RDF_XML
        found = sorted({str(quad.triple) for quad in parse(content, format_)})
    return len(found), hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def check(peers: list[Peer], size: Size, console: Console) -> dict[str, int]:
    """Have every server answer every kind of query; return the numbers of rows.

    :raises SystemExit: if two do not agree.
    """
    counts: dict[str, int] = {}
    for name, query in QUERIES.items():
        for number in (3, 11) if name in MIX else (3,):
            answers = {peer.name: rows(*peer.ask(query.text(number, size), query.media_type)) for peer in peers}
            if len({answer if query.exact else answer[0] for answer in answers.values()}) != 1:
                raise SystemExit(f"The answers to {name!r} differ: {answers}")
            counts[name] = next(iter(answers.values()))[0]
    console.print(f"{len(peers)} servers give the same answers to {len(QUERIES)} kinds of queries.")
    return counts


def load(peer: Peer, asked: list[tuple[str, str]], clients: int, seconds: float) -> tuple[float, dict[str, Any]]:
    """Return the processor seconds that a server used for one answer, and what the load generator saw.

    :raises SystemExit: if an answer was not 200 OK.
    """
    plan = {"port": peer.port, "path": peer.path, "questions": asked, "clients": clients, "seconds": seconds}
    with subprocess.Popen(
        [sys.executable, str(HERE / "load.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as generator:
        before = processor_seconds(peer.pid)
        out, _ = generator.communicate(json.dumps(plan), timeout=seconds + 180)
        used = processor_seconds(peer.pid) - before
    seen = json.loads(out)
    if seen["failed"]:
        raise SystemExit(f"{peer.name}: {seen['failed']} of {seen['answered']} answers were not 200 OK.")
    return used / seen["answered"], seen


class Numbers:
    """Gives numbers of queries that no run has had before, so that every text is new."""

    def __init__(self) -> None:
        self._next = 100

    def take(self, count: int) -> int:
        """Return the first of so many new numbers."""
        first = self._next
        self._next += count
        return first


def measure(peers: list[Peer], limits: list[Limit], size: Size, plan: Plan, console: Console) -> Figures:  # noqa: PLR0912
    """Ask all peers in turns."""
    figures = Figures()
    numbers = Numbers()
    servers = collections.deque(peers)
    for peer in peers:
        load(peer, questions(MIX, size, numbers.take(14), 14), 4, 5)
    for turn in range(plan.rounds):
        began = time.perf_counter()
        mixed = questions(MIX, size, numbers.take(plan.mix), plan.mix)
        light = questions(LIGHT, size, numbers.take(plan.light), plan.light)
        single = {}
        for name in MIX:
            wanted = plan.each * (8 if name in LIGHT else 1)  # the clock of processes ticks a hundred times a second
            single[name] = questions((name,), size, numbers.take(wanted), wanted)
        bulk = {name: questions((name,), size, numbers.take(plan.bulk), plan.bulk) for name in BULK}
        for limit in limits:
            for cell, asked in {"mix": mixed, "light": light, **single, **bulk}.items():
                figures.processor[limit.name, cell].append(limit.run(asked) / len(asked))
        for cell, asked in {"mix": mixed, "light": light}.items():
            for peer in servers:
                slow = isinstance(peer, RdflibEndpoint)
                some = asked[: 21 if cell == "mix" else 90] if slow else asked
                used, seen = load(peer, some, CLIENTS, 30)
                figures.processor[peer.name, cell].append(used)
                figures.latency[peer.name, f"{cell} {CLIENTS}"].append((seen["p50"], seen["p99"]))
                figures.rate[peer.name, f"{cell} {CLIENTS}"].append(seen["answered"] / seen["elapsed"])
        for clients in (1, 32):
            # Other texts for these, or the cache would answer.
            again = questions(MIX, size, numbers.take(plan.mix // 2), plan.mix // 2)
            for peer in servers:
                if not isinstance(peer, RdflibEndpoint):
                    _, seen = load(peer, again, clients, 20)
                    figures.latency[peer.name, f"mix {clients}"].append((seen["p50"], seen["p99"]))
                    figures.rate[peer.name, f"mix {clients}"].append(seen["answered"] / seen["elapsed"])
        for cell, asked in (single | bulk).items():
            for peer in servers:
                slow = isinstance(peer, RdflibEndpoint)
                if slow and turn and cell in BULK:
                    continue  # once will do: it takes seconds
                used, _ = load(peer, asked[: (3 if cell in MIX else 1) if slow else None], 1 if slow else 2, 20)
                figures.processor[peer.name, cell].append(used)
        for peer in servers:
            if isinstance(peer, CircKG):
                repeated = questions(LIGHT, size, numbers.take(84), 84)
                load(peer, repeated, 1, 20)
                used, seen = load(peer, repeated * (plan.cached // 84), CLIENTS, 20)
                figures.processor[peer.name, "cached"].append(used)
                figures.rate[peer.name, f"cached {CLIENTS}"].append(seen["answered"] / seen["elapsed"])
        servers.rotate(1)
        console.print(f"Round {turn + 1} of {plan.rounds}: {time.perf_counter() - began:.0f} s")
    return figures


RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def interruptions(store: Path, size: Size, times: int = 9) -> tuple[list[float], list[float]]:
    """Return by how much timeouts of a second were overrun, and how long after a kill the next answer came.

    The server has one reader, so that the next answer comes from the one that took its place.
    """
    overruns, gaps = [], []
    peer = CircKG("one reader", store, limits={"CIRCKG_READERS": "1"})
    with running(peer):
        for number in range(times):
            began = time.perf_counter()
            try:
                peer.ask(f"{RUNAWAY} # {number}", "application/sparql-results+json", timeout="1")
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
            overruns.append(time.perf_counter() - began - 1)
            _first_answer(peer, size, 10_000 + number)
            victim = peer.reader()
            began = time.perf_counter()
            os.kill(victim, signal.SIGKILL)
            _first_answer(peer, size, 20_000 + number)
            gaps.append(time.perf_counter() - began)
    return overruns, gaps


def _first_answer(peer: Peer, size: Size, number: int) -> None:
    """Ask a look-up until it is answered."""
    query = QUERIES["look-up"]
    while True:
        with contextlib.suppress(urllib.error.HTTPError):
            peer.ask(query.text(number, size), query.media_type)
            return


def text_search(quick: bool) -> tuple[str, float]:
    """Return what ``search.py`` prints, and its least ratio for one word or two."""
    command = [sys.executable, str(HERE / "search.py"), *(["--labels", "20000", "--rounds", "3"] if quick else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "110"}
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    ratios = [int(found) for found in re.findall(r"│\s+(\d+)\s+│\s+(?:not )?reached", text)]
    return text.strip(), min(ratios)


# -- report -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goal:
    """A row of the table of goals."""

    what: str
    wanted: str
    measured: str
    reached: bool | None

    def row(self) -> str:
        """Return the row."""
        verdict = {True: "yes", False: "no", None: "reported"}[self.reached]
        return f"| {self.what} | {self.wanted} | {self.measured} | {verdict} |"


def _goal(what: str, wanted: float, found: tuple[float, float, float], *, gate: bool = True) -> Goal:
    ratio, least, most = found
    digits = 2 if ratio < 20 else 0
    measured = f"{ratio:.{digits}f}× ({least:.{digits}f} to {most:.{digits}f})"
    return Goal(what, f"{wanted:g}×", measured, ratio >= wanted if gate else None)


def goals(figures: Figures, overruns: list[float], gaps: list[float], search: float, *, rdflib: bool) -> list[Goal]:
    """Return the rows of the table of goals."""
    export = "100,000 rows, "
    found = [
        _goal("small mix, against Oxigraph's server on disk", 2.5, figures.ratios(OURS, NATIVE, "mix")),
        _goal("light look-ups, against the same", 1.5, figures.ratios(OURS, NATIVE, "light")),
        _goal("small mix, against the engine in process (share of it)", 0.8, figures.ratios(OURS, LIMIT, "mix")),
        _goal("100,000 rows JSON, against Oxigraph's server", 2.5, figures.ratios(OURS, NATIVE, f"{export}JSON")),
        _goal("100,000 rows CSV, against the same", 4, figures.ratios(OURS, NATIVE, f"{export}CSV")),
        _goal("repeated light look-ups, against the same without repetition", 15,
              figures.ratios(OURS, NATIVE, "cached", "light")),
    ]  # fmt: skip
    if rdflib:
        found.append(_goal("small mix, against rdflib-endpoint", 40, figures.ratios(OURS, RDFLIB, "mix")))
    found.append(Goal("text search, 100 hits, against a regular expression", "30×", f"{search:.0f}×", search >= 30))
    for clients in (8, 32):
        mine, theirs = (
            statistics.median(p99 for _, p99 in figures.latency[name, f"mix {clients}"]) for name in (OURS, NATIVE)
        )
        found.append(
            Goal(f"p99 latency, {clients} clients, small mix, against Oxigraph's server", "4× lower",
                 f"{theirs / mine:.1f}× lower ({mine:.1f} ms, {theirs:.1f} ms)", None)
        )  # fmt: skip
    for what, wanted, values in (
        ("overrun of a timeout of 1 s", 0.25, overruns),
        ("killed reader to next answer", 0.1, gaps),
    ):
        measured = f"{statistics.median(values):.3f} s (most {max(values):.3f} s of {len(values)})"
        found.append(Goal(what, f"≤ {wanted} s", measured, None))
    return found


def machine() -> str:
    """Return what the figures were measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    preloaded = allocator()
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Python {platform.python_version()}, "
        f"pyoxigraph {version('pyoxigraph')}, oxigraph {version('oxigraph')}, "
        f"allocator of the readers and of the limit: {preloaded.name if preloaded else 'the one of the system'}, "
        f"load average at the end {os.getloadavg()[0]:.1f} (the machine is shared)."
    )


def tables(figures: Figures, found: list[Goal], counts: dict[str, int], peers: list[str], rounds: int) -> Iterator[str]:
    """Yield the lines of the report's tables."""
    yield "| what (processor time, unless said otherwise) | goal | median (least to most of a round) | reached |"
    yield "| --- | --- | --- | --- |"
    yield from (goal.row() for goal in found)
    yield ""
    yield f"Answers per second of processor, medians of {rounds} rounds:"
    yield ""
    yield "| peer | small mix | light look-ups | light, repeated |"
    yield "| --- | ---: | ---: | ---: |"
    for name in peers:
        cells = [
            f"{1 / figures.each(name, cell):,.0f}" if figures.processor[name, cell] else ""
            for cell in ("mix", "light", "cached")
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "Latency in ms (p50 / p99) and answers per second of the small mix, by clients, medians of rounds:"
    yield ""
    yield "| peer | 1 | 8 | 32 | answers/s 1 | 8 | 32 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name in peers:
        if figures.latency[name, "mix 32"]:
            cells = []
            for clients in (1, 8, 32):
                pairs = figures.latency[name, f"mix {clients}"]
                half, most = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
                cells.append(f"{half:.1f} / {most:.1f}")
            cells += [f"{statistics.median(figures.rate[name, f'mix {clients}']):,.0f}" for clients in (1, 8, 32)]
            yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "Processor time in ms of one answer, by kind of query (medians):"
    yield ""
    yield f"| query | rows | {' | '.join(peers)} |"
    yield f"| --- | ---: | {' | '.join('---:' for _ in peers)} |"
    for kind in QUERIES:
        cells = [_milliseconds(figures, name, kind) for name in peers]
        yield f"| {kind} | {counts[kind]:,} | {' | '.join(cells)} |"


def _milliseconds(figures: Figures, peer: str, kind: str) -> str:
    if not figures.processor[peer, kind]:
        return ""
    value = 1000 * figures.each(peer, kind)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def main() -> None:
    """Prepare, measure, print, and write the report if it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph, two rounds, no second allocator")
    parser.add_argument("--rounds", type=int, help="rounds, at least 5 for the report")
    parser.add_argument("--rdflib-python", default=sys.executable, help="interpreter that has rdflib-endpoint")
    parser.add_argument("--report", type=Path, help="file whose tables are replaced")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = Plan(plan.triples, options.rounds, plan.mix, plan.light, plan.each, plan.bulk, plan.cached)
    console = Console(width=130)
    size = Size.of(plan.triples)
    with tempfile.TemporaryDirectory() as name:
        archive, triples, native, count = prepare(Path(name), size)
        console.print(f"{count:,} triples.")
        peers: list[Peer] = [CircKG(OURS, archive.folder), Native(NATIVE, native)]
        limits = [Limit(LIMIT, triples)]
        if allocator() and not options.quick:
            second = Path(name) / "store-of-the-second"  # a server writes drafts to its store, and locks it
            shutil.copytree(archive.folder, second)
            peers.append(CircKG(PLAIN, second, preload=False))
            limits.append(Limit(PLAIN_LIMIT, triples, preload=False))
        rdflib = RdflibEndpoint.installed(options.rdflib_python)
        if rdflib:
            peers.append(RdflibEndpoint(RDFLIB, triples, options.rdflib_python))
        else:
            console.print("rdflib-endpoint is not there: `pip install rdflib-endpoint` to compare with it.")
        with running(*peers, *limits):
            counts = check(peers, size, console)
            figures = measure(peers, limits, size, plan, console)
        overruns, gaps = interruptions(archive.folder, size)
    searched, ratio = text_search(options.quick)
    found = goals(figures, overruns, gaps, ratio, rdflib=rdflib)
    names = [OURS, NATIVE, LIMIT, *([PLAIN, PLAIN_LIMIT] if len(limits) > 1 else []), *([RDFLIB] if rdflib else [])]
    lines = [
        f"{count:,} triples, {plan.rounds} rounds. {machine()}", "",
        *tables(figures, found, counts, names, plan.rounds), "", "Text search, by `tests/benchmarks/search.py`:", "",
        "```text", searched, "```",
    ]  # fmt: skip
    text = "\n".join(lines)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    if options.quick:
        console.print("The goals hold for the full graph; a small one fits into the native server's caches.")
    if options.report:
        before, _, rest = options.report.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        options.report.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
