"""Brings the releases of a manifest into a remote store, and knows which it has already.

A graph comes in parts into a graph of its own; one update then moves all that came to where it belongs and notes what
the store has. Until then queries see the snapshot before; a push that ends half-way is done again from its parts.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote, urlencode

from circkg_loaders.iris import BASE
from circkg_server.engines.remote_client import Client, Reply
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest

MARKER = f"{BASE}set/manifest"
"""Graph that says which release of which graph the store has."""
STAGING = f"{BASE}set/staging/"
MERGED = f"{BASE}set/merged/"
"""Start of the names of the graphs that hold the default graph of a snapshot."""
CURRENT, STALE = "current", "stale"
_VERSION = "http://www.w3.org/2002/07/owl#versionInfo"
_COUNT = "http://rdfs.org/ns/void#triples"
REQUEST_TIME = 600.0
UPDATE_BATCH = 256 * 1024
"""Bytes of data in one update; Virtuoso takes no longer ones."""
GRAPH_STORE_BATCH = 8 * 1024 * 1024


class PushError(RuntimeError):
    """The store did not take what it was sent."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store has: the version of each graph, and how many triples the default graph has."""

    versions: dict[str, str]
    triples: int
    stale: frozenset[str] = frozenset()
    """Graphs with earlier default graphs, or merges that queries asked for, which no new query needs."""


def default_triples(archive: Archive, manifest: Manifest) -> Iterator[bytes]:
    """Yield the lines of the default graph as sorted N-Triples, each triple once however many graphs have it.

    Releases are sorted, and stay so without the name of their graph: they are merged as they are read.
    """
    parts = (archive.n_triples(release) for release in manifest.releases if release.role.in_default_graph)
    return (line for line, _ in groupby(heapq.merge(*parts)))


def default_version(manifest: Manifest) -> str:
    """Return a name for the content of the default graph."""
    parts = sorted(release.sha256 for release in manifest.releases if release.role.in_default_graph)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(slots=True)
class Pusher:
    """Pushes snapshots.

    :param query: client of the store's query address.
    :param update: client of its update address.
    :param graph_store: client of its Graph Store address, by which much data come faster; ``None``: by update.
    :param own_default: whether the store has a default graph of its own that is to hold the merge.
    """

    query: Client
    update: Client | None
    graph_store: Client | None = None
    own_default: bool = False

    async def held(self) -> Held:
        """Return what the store has.

        :raises UnreachableError: if it cannot be reached.
        :raises PushError: if it does not answer the question.
        """
        question = f"SELECT ?g ?v ?n {{ GRAPH <{MARKER}> {{ ?g <{_VERSION}> ?v OPTIONAL {{ ?g <{_COUNT}> ?n }} }} }}"
        headers = {"content-type": _FORM, "accept": "application/sparql-results+json"}
        body = urlencode({"query": question}).encode()
        reply = await self.query.exchange("POST", self.query.address.target, headers, body, timeout=60)
        _expect(reply, "say what it holds")
        try:
            rows = json.loads(reply.body)["results"]["bindings"]
            versions = {row["g"]["value"]: row["v"]["value"] for row in rows}
            triples = next((int(row["n"]["value"]) for row in rows if "n" in row), 0)
        except (ValueError, KeyError, TypeError) as error:
            raise PushError("The store did not answer in JSON what it holds.") from error
        return Held(versions, triples)

    def default_graph(self, manifest: Manifest) -> str:
        """Return the graph that holds the default graph of a manifest; its name changes with its content."""
        return f"{MERGED}{default_version(manifest)}"

    async def push(self, archive: Archive, manifest: Manifest) -> Held:
        """Make the store hold a manifest, and return what it then holds.

        :raises UnreachableError: if the store goes away.
        :raises PushError: if it refuses; what queries see is then as it was.
        """
        held = await self.held()
        merged = self.default_graph(manifest)
        stale = frozenset(graph for graph in held.versions if graph.startswith(MERGED) and graph != merged)
        wanted = {release.graph: release.version for release in manifest.releases}
        wanted |= {merged: CURRENT, MARKER: str(manifest.number)}
        if wanted.items() <= held.versions.items():
            return Held(held.versions, held.triples, stale)
        if self.update is None:
            raise PushError(
                f"The store does not hold snapshot {manifest.number}, and there is no address to update it at."
            )
        steps: list[str] = []
        for release in manifest.releases:
            if held.versions.get(release.graph) != release.version:
                staging = f"{STAGING}{release.set}"
                filled = await self._fill(staging, archive.n_triples(release))
                steps.append(_move(staging, f"GRAPH <{release.graph}>", filled))
        triples = held.triples
        if held.versions.get(merged) != CURRENT:
            target = f"{STAGING}default-graph" if self.own_default else merged
            triples = await self._fill(target, default_triples(archive, manifest))
            if self.own_default:
                steps.append(_move(target, "DEFAULT", triples))
        known = held.versions.keys() - wanted.keys() - stale
        steps += [f"CLEAR SILENT GRAPH <{graph}>" for graph in sorted(known)]
        versions = wanted | dict.fromkeys(stale, STALE)
        marks = [f'<{graph}> <{_VERSION}> "{version}" .' for graph, version in sorted(versions.items())]
        marks.append(f"<{merged}> <{_COUNT}> {triples} .")
        steps.append(f"CLEAR SILENT GRAPH <{MARKER}>")
        steps.append(f"INSERT DATA {{ GRAPH <{MARKER}> {{ {' '.join(marks)} }} }}")
        await self.run(" ;\n".join(steps))
        return Held(versions, triples, stale)

    async def merge(self, name: str, graphs: Iterable[str]) -> None:
        """Make a graph hold the merge of several, noted as one to be removed in the end.

        :raises PushError: if the store refuses.
        """
        copies = [
            f"INSERT {{ GRAPH <{name}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH <{of}> {{ ?s ?p ?o }} }}" for of in graphs
        ]
        mark = f'INSERT DATA {{ GRAPH <{MARKER}> {{ <{name}> <{_VERSION}> "{STALE}" }} }}'
        await self.run(" ;\n".join([mark, f"CLEAR SILENT GRAPH <{name}>", *copies]))

    async def run(self, text: str) -> None:
        """Run an update.

        :raises PushError: if the store refuses it.
        """
        assert self.update is not None
        headers = {"content-type": "application/sparql-update", "accept": "*/*"}
        reply = await self.update.exchange(
            "POST", self.update.address.target, headers, text.encode(), timeout=REQUEST_TIME
        )
        _expect(reply, "run an update")

    async def remove(self, graph: str) -> None:
        """Remove a graph and what is noted of it, if it is there."""
        await self.run(f"CLEAR SILENT GRAPH <{graph}> ;\nDELETE WHERE {{ GRAPH <{MARKER}> {{ <{graph}> ?p ?o }} }}")

    async def _fill(self, graph: str, lines: Iterable[bytes]) -> int:
        """Make a graph hold these lines and nothing else; return their number."""
        await self.run(f"CLEAR SILENT GRAPH <{graph}>")
        count = 0
        size = GRAPH_STORE_BATCH if self.graph_store else UPDATE_BATCH
        for batch in _batches(lines, size):
            count += len(batch)
            content = b"".join(batch)
            if self.graph_store is None:
                await self.run(f"INSERT DATA {{ GRAPH <{graph}> {{\n{content.decode()}}} }}")
                continue
            target = self.graph_store.address.target
            target += ("&" if "?" in target else "?") + "graph=" + quote(graph, safe="")
            headers = {"content-type": "application/n-triples"}
            reply = await self.graph_store.exchange("POST", target, headers, content, timeout=REQUEST_TIME)
            _expect(reply, "take a graph")
        return count


_FORM = "application/x-www-form-urlencoded"


def _move(staging: str, to: str, count: int) -> str:
    """Return the update that moves a graph; one without triples is none in many stores, and cannot be moved."""
    target = to.removeprefix("GRAPH ")
    return f"MOVE <{staging}> TO {target}" if count else f"CLEAR SILENT {to}"


def _batches(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    held = 0
    for line in lines:
        batch.append(line)
        held += len(line)
        if held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _expect(reply: Reply, what: str) -> None:
    if not 200 <= reply.status < 300:
        told = " ".join(reply.body[:600].decode("utf-8", "replace").split())[:300]
        raise PushError(f"The store did not {what} (status {reply.status}): {told}")
