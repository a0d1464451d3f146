"""The index of what stands around IRIs: made at publish from the releases, opened for reading, deletable.

A folder ``neighbourhoods/{number}`` of the store holds an SQLite database of the manifest of that number: what is said
of each subject and what leads to each object, grouped as a document shows it, so that a document takes a few rows and
no query. However large the graph is, a batch of it is held at once: releases are sorted by subject, and SQLite sorts
by object.
"""

from __future__ import annotations

import heapq
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from pyoxigraph import RdfFormat, Store, parse

from circkg_loaders.prefixes import expand
from circkg_server.releases.archive import Archive, keep_newest, new_folder, triple_of
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import Term, literal, literal_parts

AT_ONCE = 300
"""Most statements that lead to a thing and are given as a whole."""
MOST = 5000
"""Most statements of one subject that are looked up."""
NAMES = ("skos:prefLabel", "dct:title", "rdfs:label", "schema:url")
"""Properties that name a thing, the best first; the last is that of a source without a title."""
FILE = "around.sqlite"

_FORMAT = 1
"""Raised when what an index holds changes: an index of another format is made anew."""
_BATCH = 1000
"""Subjects that are held at once."""
_TABLES = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA user_version = {_FORMAT};
CREATE TABLE said (term TEXT PRIMARY KEY, names TEXT, content TEXT);
CREATE TABLE leading (term TEXT PRIMARY KEY, content TEXT);
CREATE TEMP TABLE link (object TEXT, subject TEXT, predicate TEXT);
CREATE TEMP TABLE record (object TEXT, subject TEXT, graph TEXT);
"""
_LINKS = "SELECT * FROM link ORDER BY object, subject, predicate"
_RECORDS = "SELECT * FROM record ORDER BY object, subject, graph"
_Row = tuple[str, str, str]
_Statement = tuple[Term, Term, str, bool]
"""Predicate, object, graph, and whether the graph is part of the default graph."""


def path_of(archive: Archive, manifest: Manifest) -> Path:
    """Return the file of a manifest's index."""
    return archive.folder / "neighbourhoods" / f"{manifest.number:06}" / FILE


def is_whole(path: Path) -> bool:
    """Tell whether there is an index of this format."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            return bool(found.execute("PRAGMA user_version").fetchone() == (_FORMAT,))
    except sqlite3.Error:
        return False


def make(archive: Archive, manifest: Manifest) -> Path:
    """Make the index of a manifest from its releases, unless it is there, and return its file.

    The one who calls holds the archive's lock. A process that dies leaves only a folder that the next one removes.

    :raises ManifestError: if a release cannot be read.
    """
    path = path_of(archive, manifest)
    if not is_whole(path):
        with new_folder(path.parent) as new:
            new.mkdir()
            write(new / FILE, merged(archive, manifest))
            with (new / FILE).open("rb") as file:
                os.fsync(file.fileno())
    return path


def remove_old(archive: Archive, current: Manifest, keep: int = 2) -> None:
    """Remove the indexes of all but the newest ``keep`` snapshots: documents are of the current one."""
    keep_newest(path_of(archive, current).parent, keep)


def merged(archive: Archive, manifest: Manifest) -> Iterator[tuple[Term, list[_Statement]]]:
    """Yield what all releases of a manifest say of each subject, in the order of the subjects."""
    lines = heapq.merge(*(_statements(archive, release) for release in manifest.releases), key=itemgetter(0))
    for subject, found in groupby(lines, key=itemgetter(0)):
        yield subject, [statement for _, statement in found]


def _statements(archive: Archive, release: Release) -> Iterator[tuple[Term, _Statement]]:
    ending = f" <{release.graph}>"
    is_default = release.role.in_default_graph
    for line in archive.lines(release):
        subject, predicate, rest = triple_of(line)
        yield subject, (predicate, as_stored(rest.removesuffix(ending)), release.graph, is_default)


@lru_cache(maxsize=65_536)
def _rewritten(term: Term) -> Term:
    store = Store()
    store.extend(parse(f"<x:s> <x:p> {term} .".encode(), RdfFormat.N_TRIPLES))
    text, lang, datatype = literal_parts(str(next(iter(store)).object))
    return literal(text, lang) if lang else literal(text, datatype=datatype)


def as_stored(term: Term) -> Term:
    """Return a term in the form in which answers of the snapshot's store have it.

    >>> as_stored('"05"^^<http://www.w3.org/2001/XMLSchema#integer>')
    '"5"^^<http://www.w3.org/2001/XMLSchema#integer>'
    """
    return _rewritten(term) if term[0] == '"' and term[-1] != '"' else term


def write(path: Path, merged_: Iterable[tuple[Term, list[_Statement]]]) -> None:
    """Write the index of what is said of subjects, which come in their order."""
    record_of = f"<{expand('circ:recordOf')}>"
    with closing(sqlite3.connect(path)) as index:
        index.executescript(_TABLES)
        subjects = iter(merged_)
        while batch := list(islice(subjects, _BATCH)):
            index.executemany("INSERT INTO said VALUES (?, ?, ?)", (_said(s, found) for s, found in batch))
            index.executemany(
                "INSERT INTO link VALUES (?, ?, ?)",
                {(o, s, p) for s, found in batch for p, o, _, default in found if default and o[0] != '"'},
            )
            index.executemany(
                "INSERT INTO record VALUES (?, ?, ?)",
                {(o, s, g) for s, found in batch for p, o, g, default in found if not default and p == record_of},
            )
        index.executemany("INSERT INTO leading VALUES (?, ?)", _leading(_ordered(index)))
        index.commit()


def _said(subject: Term, found: list[_Statement]) -> _Row:
    """Return the row of a subject: its names, and its statements with the graphs in which each stands."""
    type_, names = _expanded()
    graphs: dict[tuple[Term, Term], set[str]] = {}
    default = set()
    for p, o, graph, is_default in found:
        graphs.setdefault((p, o), set()).add(graph)
        if is_default:
            default.add((p, o))
    own = sorted(default, key=lambda pair: (pair[0] != type_, pair))
    apart = sorted(graphs.keys() - default)
    if len(own) + sum(map(len, graphs.values())) > MOST:
        return subject, "{}", "null"
    kinds: dict[tuple[str, ...], int] = {}
    places = [kinds.setdefault(tuple(sorted(graphs[pair])), len(kinds)) for pair in (*own, *apart)]
    named = _grouped(pair for pair in own if pair[0] in names)
    return subject, _written(named), _written([_grouped(own), _grouped(apart), list(kinds), places])


def _ordered(index: sqlite3.Connection) -> Iterator[tuple[Term, list[_Row], list[_Row]]]:
    """Yield each object with the links and the records that lead to it, at most one more than are given."""
    rows = heapq.merge(
        ((row, 0) for row in index.execute(_LINKS)), ((row, 1) for row in index.execute(_RECORDS)),
        key=lambda pair: pair[0][0],
    )  # fmt: skip
    for object_, found in groupby(rows, key=lambda pair: pair[0][0]):
        both: tuple[list[_Row], list[_Row]] = ([], [])
        for row, place in found:
            if len(both[place]) <= AT_ONCE:
                both[place].append(row)
        yield object_, *both


def _leading(ordered: Iterable[tuple[Term, list[_Row], list[_Row]]]) -> Iterator[tuple[Term, str]]:
    """Yield the row of each object; what is more than is given as a whole is null."""
    for object_, links, records in ordered:
        incoming = _grouped((p, s) for _, s, p in links) if len(links) <= AT_ONCE else None
        recorded = [(s, graph) for _, s, graph in records] if len(records) <= AT_ONCE else None
        yield object_, _written([incoming, recorded])


def _grouped(pairs: Iterable[tuple[Term, Term]]) -> dict[Term, list[Term]]:
    found: dict[Term, list[Term]] = {}
    for p, o in pairs:
        found.setdefault(p, []).append(o)
    return found


@lru_cache(maxsize=1)
def _expanded() -> tuple[Term, frozenset[Term]]:
    return f"<{expand('rdf:type')}>", frozenset(f"<{expand(name)}>" for name in NAMES)


def _written(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
