"""Measures the text search in SPARQL against ``FILTER(REGEX(…))``, in the same engine in memory, on the same graph.

Prints processor seconds of both, medians of interleaved rounds, and their ratio. Both must find the same things. What
the search costs is all of it: the index, the rewriting, the engine's answer to ``VALUES`` joined with the labels, and
the writing of the results.

    python tests/benchmarks/search.py [--labels 120000] [--rounds 7]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyoxigraph import QueryResultsFormat, QuerySolutions, RdfFormat, Store
from rich.console import Console
from rich.table import Table

from circkg_loaders.registry import Role
from circkg_server.releases.archive import Archive, compress
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import Manifest, Release
from circkg_server.search import NAMESPACE, SERVICE, Index, open_index, rewrite

GOAL = 30
"""How many times less processor time than the regular expression the project aims at, for 100 hits."""

GRAPH = "https://w3id.org/circkg/set/benchmark"
LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
HITS = 100
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "ou", "ä", "é")]


def labels(count: int) -> dict[str, str]:
    """Return synthetic labels of as many things: four words of a skewed vocabulary each, in one of four languages.

    A hundred of them hold the word *zymurgia*, another hundred *xylofonia* beside the common word *metsä*.
    """
    chance = random.Random(42)
    vocabulary = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(10, len(vocabulary) + 10)]
    drawn = chance.choices(vocabulary, weights, k=4 * count)
    things = {}
    for number in range(count):
        words = drawn[4 * number : 4 * number + 4]
        if number % 12 == 0:
            words[number % 4] = "metsä"
        if number % (count // HITS) == 7:
            words[1] = "zymurgia"
        if number % (count // HITS) == 0:
            words[1:3] = ["xylofonia", "metsä"]
        things[f"https://w3id.org/circkg/id/thing/n{number:07}"] = " ".join(words).capitalize()
    return things


def published(folder: Path, things: dict[str, str]) -> tuple[Archive, Manifest]:
    """Write the labels as the release of a data set."""
    languages = ("en", "fr", "de", "fi")
    content = "".join(
        f'<{iri}> <{LABEL}> "{label}"@{languages[position % 4]} <{GRAPH}> .\n'
        for position, (iri, label) in enumerate(things.items())
    ).encode()
    digest = hashlib.sha256(content).hexdigest()
    file = "releases/benchmark/1.nq.gz"
    write_durably(folder / file, compress(content))
    release = Release("benchmark", "1", Role.STATED, GRAPH, "Benchmark", "", file, digest, len(things))
    return Archive(folder), Manifest(1, (release,))


def by_search(text: str, index: Index) -> str:
    """Return the query that searches, as the engine gets it."""
    block = f'?s text:query "{text}" ; text:limit {HITS} ; text:score ?score'
    return rewrite(
        f"PREFIX text: <{NAMESPACE}> SELECT ?s ?label {{ SERVICE <{SERVICE}> {{ {block} }} ?s <{LABEL}> ?label }} "
        "ORDER BY DESC(?score) ?s",
        index,
    )


def by_regex(*patterns: str, order: str = "") -> str:
    """Return the query that filters."""
    tests = " && ".join(f'REGEX(?label, "{pattern}", "i")' for pattern in patterns)
    return f"SELECT ?s ?label {{ ?s <{LABEL}> ?label FILTER({tests}) }} {order} LIMIT {HITS}"


def answer(store: Store, query: str) -> list[str]:
    """Return the things of an answer, written as JSON and read again."""
    result = store.query(query)
    assert isinstance(result, QuerySolutions)
    text = result.serialize(format=QueryResultsFormat.JSON)
    assert text
    return [row["s"]["value"] for row in json.loads(text)["results"]["bindings"]]


def seconds(call: Callable[[], object], times: int) -> float:
    """Return processor seconds of one of several calls, in all threads of the process."""
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    things = labels(options.labels)
    with tempfile.TemporaryDirectory() as folder:
        archive, manifest = published(Path(folder), things)
        started = time.process_time()
        index = open_index(archive, manifest)
        built = time.process_time() - started
        store = Store()
        quads = archive.quads(manifest.releases[0]).replace(f" <{GRAPH}> .\n".encode(), b" .\n")
        store.bulk_load(quads, RdfFormat.N_TRIPLES)
        size = sum(path.stat().st_size for path in (Path(folder) / "search").rglob("*") if path.is_file())
        kinds = {
            f"one word, {HITS} hits": ("ZYMURGIA", by_regex("zymurgia")),
            f"two words, {HITS} hits": ("metsä xylofonia", by_regex("metsä", "xylofonia")),
            f"common word, best {HITS}": ("metsä", by_regex("metsä", order="ORDER BY STRLEN(?label) ?s")),
        }
        table = Table(title=f"Text search in SPARQL, {len(things):,} labels, medians of {options.rounds} rounds")
        for column in ("query", "search, ms CPU", "regex, ms CPU", "ratio", f"goal {GOAL}"):
            table.add_column(column, justify="right" if "CPU" in column or column == "ratio" else "left")
        for kind, (text, regex) in kinds.items():
            found, filtered = answer(store, by_search(text, index)), answer(store, regex)
            assert len(found) == len(filtered) == HITS, (kind, len(found), len(filtered))
            assert "best" in kind or sorted(found) == sorted(filtered), kind
            quick, slow = [], []
            for _ in range(options.rounds):
                quick.append(seconds(lambda text=text: answer(store, by_search(text, index)), 20))
                slow.append(seconds(lambda regex=regex: answer(store, regex), 3))
            search, filter_ = statistics.median(quick), statistics.median(slow)
            ratio = filter_ / search
            met = "reached" if ratio >= GOAL else "not reached"
            table.add_row(kind, f"{1000 * search:.2f}", f"{1000 * filter_:.1f}", f"{ratio:.0f}", met)
        console = Console()
        console.print(table)
        console.print(f"The index was built in {built:.1f} s CPU and has {size / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
