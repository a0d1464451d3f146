"""Drafts: named graphs that are not published, each of one token, each in a file of its own.

``index.json`` names the file of each draft and is replaced as a whole, so a change of several drafts is there wholly or
not at all, whatever is killed when. A file is named by its content and never changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse, serialize

from circkg_loaders.iris import BASE
from circkg_server.releases.durable import write_durably

DRAFTS = f"{BASE}set/draft/"
"""What the IRI of each draft starts with."""


class DraftsForbiddenError(ValueError):
    """A draft of somebody else, or a graph that is no draft."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft: the token that made it, the file that holds it, and how many quads that has."""

    owner: str
    file: str
    quads: int


def is_draft(graph: str) -> bool:
    """Tell whether an IRI is one of a draft.

    >>> is_draft("https://w3id.org/circkg/set/draft/turku"), is_draft("https://w3id.org/circkg/set/ceci")
    (True, False)
    """
    return graph.startswith(DRAFTS) and len(graph) > len(DRAFTS)


def way_out(graph: str) -> str:
    """Say why a graph cannot be written, and what to do."""
    what = f"<{graph}> is not a draft" if graph else "The default graph is made from what is published"
    return (
        f"{what}: published data change only by a release (`circkg build`, or a contribution that a curator accepts). "
        f"Write to a draft instead, a graph whose IRI starts with {DRAFTS}."
    )


class Drafts:
    """The drafts in a folder, in memory too so that they can be asked."""

    def __init__(self, folder: Path) -> None:
        """Read the drafts.

        :raises ValueError: if the index or a file cannot be read, or if another process has the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"Another server has the drafts in {folder} open.") from error
        self.store = Store()
        self._index: dict[str, Draft] = {}
        if self._file.exists():
            entries = json.loads(self._file.read_text(encoding="utf-8"))["drafts"]
            self._index = {graph: Draft(**entry) for graph, entry in entries.items()}
        for graph, draft in self._index.items():
            name = NamedNode(graph)
            content = (folder / draft.file).read_bytes()
            self.store.add_graph(name)
            quads = parse(content, RdfFormat.N_TRIPLES)
            self.store.extend(Quad(quad.subject, quad.predicate, quad.object, name) for quad in quads)
        self._sweep()

    @property
    def _file(self) -> Path:
        return self.folder / "index.json"

    def visible(self, owner: str, every: bool) -> list[str]:
        """Return the IRIs of the drafts that a token may read."""
        return [graph for graph, draft in self._index.items() if every or draft.owner == owner]

    def has(self, graph: str, owner: str, every: bool) -> bool:
        """Tell whether there is a draft of this name.

        :raises DraftsForbiddenError: if it is another token's.
        """
        self._check(graph, owner, every)
        return graph in self._index

    def quads(self, graph: str) -> Iterator[Quad]:
        """Yield the quads of a draft."""
        return self.store.quads_for_pattern(None, None, None, NamedNode(graph))

    def count(self, graph: str) -> int:
        """Return how many quads a draft has."""
        return self._index[graph].quads

    def replace(self, graph: str, quads: Iterable[Quad], owner: str, every: bool, merge: bool) -> int:
        """Write a draft and return how many quads were added and removed.

        :param merge: keep what it has already.
        """
        self._check(graph, owner, every)
        old, new = set(self.quads(graph)), set(quads)
        if merge:
            new |= old
        self._commit({graph: new}, owner)
        return len(old ^ new)

    def delete(self, graph: str, owner: str, every: bool) -> int:
        """Delete a draft and return how many quads it had."""
        self._check(graph, owner, every)
        count = self.count(graph)
        self._commit({graph: None}, owner)
        return count

    def update(self, text: str, base: str | None, owner: str, every: bool) -> tuple[list[str], int]:
        """Apply a SPARQL update to the drafts that a token may write: all of it, or nothing.

        It runs on a copy that holds these drafts only, so nothing else can be read by it or come to harm; what the copy
        has afterwards is then checked and committed.

        :return: the drafts that changed, and how many quads were added and removed.
        :raises DraftsForbiddenError: if it writes to what is no draft, or to a draft of another token.
        """
        copy = Store()
        names = self.visible(owner, every)
        for graph in names:
            copy.add_graph(NamedNode(graph))
            copy.extend(self.quads(graph))
        copy.update(text, base_iri=base)
        after: dict[str, set[Quad]] = {graph.value: set() for graph in copy.named_graphs()}
        for quad in copy:
            if isinstance(quad.graph_name, DefaultGraph):
                raise DraftsForbiddenError(way_out(""))
            after.setdefault(quad.graph_name.value, set()).add(quad)
        for graph in after:
            if graph not in names:
                self._check(graph, owner, every)
        changed: dict[str, set[Quad] | None] = {graph: None for graph in names if graph not in after}
        quads = sum(self.count(graph) for graph in changed)
        for graph, found in after.items():
            before = set(self.quads(graph)) if graph in names else None
            if found != before:
                changed[graph] = found
                quads += len(found ^ (before or set()))
        if changed:
            self._commit(changed, owner)
        return list(changed), quads

    def _check(self, graph: str, owner: str, every: bool) -> None:
        if not is_draft(graph):
            raise DraftsForbiddenError(way_out(graph))
        if graph in self._index and not every and self._index[graph].owner != owner:
            raise DraftsForbiddenError(f"<{graph}> is a draft of another token. Take another name.")

    def _commit(self, changed: dict[str, set[Quad] | None], owner: str) -> None:
        """Write drafts, the index last: that is the one step that changes what is there."""
        index = dict(self._index)
        for graph, quads in changed.items():
            if quads is None:
                index.pop(graph, None)
                continue
            triples = (Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
            content = serialize(triples, format=RdfFormat.N_TRIPLES)
            assert content is not None
            content = b"".join(sorted(content.splitlines(keepends=True)))
            file = f"{hashlib.sha256(content).hexdigest()[:32]}.nt"
            if not (self.folder / file).exists():
                write_durably(self.folder / file, content)
            keeper = index[graph].owner if graph in index else owner
            index[graph] = Draft(keeper, file, len(quads))
        entries = {
            graph: {"owner": draft.owner, "file": draft.file, "quads": draft.quads} for graph, draft in index.items()
        }
        write_durably(self._file, (json.dumps({"drafts": entries}, indent=1) + "\n").encode())
        self._index = index
        for graph, quads in changed.items():
            name = NamedNode(graph)
            if self.store.contains_named_graph(name):
                self.store.remove_graph(name)
            if quads is not None:
                self.store.add_graph(name)
                self.store.extend(quads)
        self._sweep()

    def _sweep(self) -> None:
        """Remove the files that no draft has any more."""
        wanted = {draft.file for draft in self._index.values()}
        for path in self.folder.iterdir():
            if path.suffix in (".nt", ".tmp") and path.name not in wanted:
                path.unlink()
