"""Measures documents of linked data against DESCRIBE of the same things by the endpoint of the same server.

    python tests/benchmarks/linked_data.py                                    # the curated graph, some three minutes
    python tests/benchmarks/linked_data.py --rounds 1                         # one
    python tests/benchmarks/linked_data.py --report docs/linked-data.md       # write the table into the page

Each is asked of a server that keeps nothing (every answer is made) and of one that keeps answers (every answer has been
made before). Readers keep answers to queries on connections that are lent to them, whatever the server is told to keep:
a query that shall be answered anew has a comment that no other has had. What counts is processor time of the server
with all its processes for one answer; a description is larger than the answer to DESCRIBE, so the number of triples is
given too.
"""

from __future__ import annotations

import argparse
import collections
import os
import platform
import random
import re
import statistics
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from peers import CircKG, running
from rich.console import Console
from serving import load

from circkg_loaders.iris import BASE
from circkg_server.build import build
from circkg_server.linked_data.addresses import page_of
from circkg_server.releases.archive import Archive

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
DESCRIBE = "DESCRIBE, Turtle"
ACCEPT = {
    "document, Turtle": "text/turtle",
    "document, N-Triples": "application/n-triples",
    "document, JSON-LD": "application/ld+json",
    "page, HTML": "text/html",
}
CLIENTS = 4
SECONDS = 120
_numbers = count(1)
GOALS = {"document, Turtle": 1.0, "page, HTML": 0.5}
"""Answers per second of processor that are wanted, against DESCRIBE."""


def things(server: CircKG) -> list[str]:
    """Return the IRIs of the things that have a page of their own.

    Those with ``service`` in their name are left out: a query about them does not take the short way of the endpoint,
    and nor do the queries that follow it on the same connection.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/sitemap.xml", timeout=60) as answer:
        pages = re.findall(r"<loc>http://[^/]*(/[^<]*)</loc>", answer.read().decode())
    documents = [f"{BASE}id/{page.removeprefix('/doc/')}" for page in pages if page.startswith("/doc/")]
    concepts = [f"{BASE}{page[1:]}" for page in pages if page.count("/") == 3 and page.startswith("/def/")]
    return [iri for iri in (*documents, *concepts) if "service" not in iri]


def questions(kind: str, iris: list[str], *, anew: bool = False) -> list[tuple[str, str]]:
    """Return what is asked of a server about some things.

    :param anew: whether no reader may have answered it before.
    """
    if kind == DESCRIBE and anew:
        return [(f"DESCRIBE <{iri}> # {next(_numbers)}", "text/turtle") for iri in iris]
    if kind == DESCRIBE:
        return [(f"DESCRIBE <{iri}>", "text/turtle") for iri in iris]
    return [(page_of(iri), ACCEPT[kind]) for iri in iris]


@contextmanager
def servers(store: Path) -> Iterator[dict[str, CircKG]]:
    """Have a server that keeps nothing, and one that keeps all."""
    new = CircKG("nothing kept", store, limits={"CIRCKG_CACHE": "0"})
    kept = CircKG("kept", store, limits={"CIRCKG_CACHE": str(512 * 1024 * 1024)})
    with running(new, kept):
        yield {"new": new, "kept": kept}


def measure(store: Path, rounds: int, each: int, console: Console) -> list[str]:
    """Ask, and return the lines of the report."""
    used: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    latency: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    kinds = [DESCRIBE, *ACCEPT]
    chance = random.Random(1)
    with servers(store) as found:
        all_things = things(found["new"])
        some = sorted(chance.sample(all_things, min(each, len(all_things))))
        sizes = {kind: _triples(found["new"], kind, some[:100]) for kind in (DESCRIBE, "document, Turtle")}
        for kind in kinds:  # readers touch their pages, the server reads its templates, answers are kept
            for server in found.values():
                load(server, questions(kind, some), CLIENTS, SECONDS)
        for turn in range(rounds):
            for state, server in found.items():
                for kind in kinds[turn % 2 :] + kinds[: turn % 2]:
                    times = 24 if state == "kept" else 4 if kind == DESCRIBE else 1
                    if state == "kept":
                        load(server, questions(kind, some), CLIENTS, SECONDS)
                    anew = state == "new"
                    processor, _ = load(server, questions(kind, some * times, anew=anew), CLIENTS, SECONDS)
                    used[state, kind].append(processor)
                    _, alone = load(server, questions(kind, some[:200], anew=anew), 1, SECONDS)
                    latency[state, kind].append(alone["p50"])
            console.print(f"Round {turn + 1} of {rounds}.")
    return _report(used, latency, kinds, sizes, len(some), rounds)


def _triples(server: CircKG, kind: str, iris: list[str]) -> float:
    """Return the mean number of triples of an answer."""
    total = 0
    for iri in iris:
        if kind == DESCRIBE:
            content, _ = server.ask(f"DESCRIBE <{iri}>", "application/n-triples")
        else:
            request = urllib.request.Request(
                f"http://127.0.0.1:{server.port}{page_of(iri)}", headers={"Accept": "application/n-triples"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
        total += content.count(b"\n")
    return total / len(iris)


def _report(
    used: dict[tuple[str, str], list[float]], latency: dict[tuple[str, str], list[float]], kinds: list[str],
    sizes: dict[str, float], count: int, rounds: int,
) -> list[str]:  # fmt: skip
    lines = [
        f"{count} things of the curated graph, {rounds} rounds, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, load average at the end {os.getloadavg()[0]:.1f} (the machine is shared). "
        f"An answer to DESCRIBE has {sizes[DESCRIBE]:.0f} triples in the mean, "
        f"a document {sizes['document, Turtle']:.0f}.",
        "",
        "| what | state | processor ms | answers per processor second | against DESCRIBE | wanted | p50, one client |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for state, name in (("new", "made anew"), ("kept", "kept")):
        for kind in kinds:
            mine, theirs = statistics.median(used[state, kind]), statistics.median(used[state, DESCRIBE])
            wanted = f"{GOALS[kind]:g}×" if kind in GOALS else ""
            lines.append(
                f"| {kind} | {name} | {1000 * mine:.2f} | {1 / mine:,.0f} | {theirs / mine:.2f}× | {wanted} "
                f"| {statistics.median(latency[state, kind]):.2f} ms |"
            )
    return lines


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="a store that was built; by default one is built for this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--things", type=int, default=1000)
    parser.add_argument("--report", type=Path, help="page in which the figures are written")
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        store = given.store or Path(folder) / "store"
        if given.store is None:
            build(Archive(store))
        lines = measure(store, given.rounds, given.things, console)
    console.print("\n".join(lines), markup=False, soft_wrap=True)
    if given.report:
        text = given.report.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        given.report.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
