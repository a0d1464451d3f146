"""What shapes look at: chains of steps from a focus node along the triples.

Followed forward from the nodes that are judged they give all triples that a verdict can depend on. Followed backward
from a new triple they give the nodes whose verdict it can change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

import numpy as np

from circkg_shapes.pairs import NONE, Ids, Pairs
from circkg_shapes.paths import Alternative, Path, Sequence, Step, steps
from circkg_shapes.terms import Term
from circkg_shapes.vocabulary import SUBCLASS, TYPE

MAX_CHAINS: Final = 4096
"""More ways than these are taken for all data."""

ANY: Final = "*"
"""Stands for every predicate, forward only."""


@dataclass(frozen=True, slots=True)
class Link:
    """A predicate, followed from subject to object or back."""

    predicate: Term
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """One step of a chain: any of these links, once or any number of times."""

    links: frozenset[Link]
    star: bool = False

    def back(self) -> Reach:
        """Return the step walked from its end."""
        return Reach(frozenset(Link(link.predicate, not link.inverse) for link in self.links), self.star)


Chain: TypeAlias = tuple[Reach, ...]


def one(*links: Link) -> Reach:
    """Return the step over any of these links once."""
    return Reach(frozenset(links))


ANY_READ: Final[Chain] = (one(Link(ANY)),)
CLASS_READ: Final[Chain] = (one(Link(TYPE)), Reach(frozenset({Link(SUBCLASS)}), star=True))


@dataclass(slots=True, eq=False)
class Footprint:
    """The chains that shapes look along.

    :param opaque: it cannot be told what they look at, so it is all data.
    """

    chains: set[Chain] = field(default_factory=set)
    opaque: bool = False

    def add(self, chain: Chain) -> None:
        """Note a chain."""
        if len(self.chains) >= MAX_CHAINS:
            self.opaque = True
        else:
            self.chains.add(chain)

    def walk(self, start: Chain, path: Path) -> list[Chain]:
        """Note the ways that a path can take from the end of a chain, and return them."""
        ends = [start + way for way in ways(path)][:MAX_CHAINS]
        for end in ends:
            self.add(end)
        return ends

    @property
    def prefixes(self) -> frozenset[Chain]:
        """The chains and all their beginnings, shared by whoever follows them step by step."""
        return frozenset(chain[:end] for chain in self.chains for end in range(1, len(chain) + 1))


def ways(path: Path) -> list[Chain]:
    """Return the chains that a path can take; repeats of longer paths are widened to any order of their steps.

    >>> from circkg_shapes.paths import Repeat
    >>> [len(way) for way in ways(Repeat(Step("<a>"), zero=True, many=False))]
    [0, 1]
    """
    if isinstance(path, Step):
        return [(one(Link(path.predicate, path.inverse)),)]
    if isinstance(path, Alternative):
        return [way for part in path.parts for way in ways(part)][:MAX_CHAINS]
    if isinstance(path, Sequence):
        found: list[Chain] = [()]
        for part in path.parts:
            found = [way + more for way in found for more in ways(part)][:MAX_CHAINS]
        return found
    if path.many:
        links = frozenset(Link(step.predicate, step.inverse) for step in steps(path.inner))
        return [(Reach(links, star=True),)]
    return [(), *ways(path.inner)]


class Graph(Protocol):
    """Encoded triples that can be walked."""

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if no triple has it."""

    def step(self, nodes: Ids, predicate: int, *, inverse: bool = False) -> Pairs:
        """Return the triples of a predicate that begin, or if inverse end, at these nodes: node first, other end."""

    def around(self, nodes: Ids) -> Iterable[tuple[int, Pairs]]:
        """Yield, by predicate, the triples that have these nodes as subject."""


def follow(graph: Graph, nodes: Ids, reach: Reach, used: list[tuple[int, Pairs]] | None = None) -> Ids:
    """Return the nodes that one step leads to; the triples on the way, subject first, are added to ``used``."""
    seen = nodes if reach.star else NONE
    frontier = nodes
    while len(frontier):
        ends: list[Ids] = []
        for link in reach.links:
            for predicate, both in _over(graph, frontier, link):
                ends.append(both.right)
                if used is not None and len(both.left):
                    used.append((predicate, Pairs(both.right, both.left) if link.inverse else both))
        reached = np.unique(np.concatenate(ends)) if ends else NONE
        if not reach.star:
            return reached
        frontier = np.setdiff1d(reached, seen, assume_unique=True)
        seen = np.union1d(seen, frontier)
    return seen


def _over(graph: Graph, nodes: Ids, link: Link) -> Iterable[tuple[int, Pairs]]:
    if link.predicate == ANY:
        return graph.around(nodes)
    predicate = graph.number(link.predicate)
    return [(predicate, graph.step(nodes, predicate, inverse=link.inverse))] if predicate >= 0 else []


def needed(graph: Graph, starts: Mapping[int, tuple[Ids, frozenset[Chain]]]) -> list[tuple[int, Pairs]]:
    """Return the triples, by predicate, that lie on these chains from these nodes; some may come twice."""
    used: list[tuple[int, Pairs]] = []
    for nodes, prefixes in starts.values():
        reached: dict[Chain, Ids] = {(): nodes}
        for prefix in sorted(prefixes, key=len):
            reached[prefix] = follow(graph, reached[prefix[:-1]], prefix[-1], used)
    return used


class Backwards:
    """From new triples back to the nodes that can see one of them."""

    def __init__(self, graph: Graph, fresh: Mapping[int, Pairs]) -> None:
        self._graph = graph
        self._fresh = fresh
        self._known: dict[Chain, Ids] = {}

    def reached(self, prefixes: Iterable[Chain]) -> Ids:
        """Return the nodes from which one of these chains ends in a new triple."""
        found = [self._starts(prefix) for prefix in prefixes]
        return np.unique(np.concatenate(found)) if found else NONE

    def _starts(self, prefix: Chain) -> Ids:
        if prefix not in self._known:
            *before, last = prefix
            nodes = self._ends_before(last)
            if last.star:
                nodes = follow(self._graph, nodes, last.back())
            for reach in reversed(before):
                nodes = follow(self._graph, nodes, reach.back())
            self._known[prefix] = nodes
        return self._known[prefix]

    def _ends_before(self, last: Reach) -> Ids:
        """Return the nodes at which a new triple would be entered by the last step."""
        found: list[Ids] = []
        for link in last.links:
            if link.predicate == ANY:
                found += [both.left for both in self._fresh.values()]
                continue
            both = self._fresh.get(self._graph.number(link.predicate))
            if both is not None:
                found.append(both.right if link.inverse else both.left)
        return np.unique(np.concatenate(found)) if found else NONE
