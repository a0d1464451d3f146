"""What stands around an IRI in a snapshot, by lookups in an index of its own: ``docs/linked-data.md`` states the rule.

A document has one shape for all things, so that no query need be read and planned for it, and no reader be asked: the
front looks up a few rows (:mod:`circkg_server.store.neighbourhood_index`). Two queries say the same
(:mod:`circkg_server.linked_data.description`); those are asked where there is more than is given as a whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_server.store.neighbourhood_index import AT_ONCE, MOST
from circkg_shapes.terms import Term, is_iri, literal_parts

NODES_TO = ("circ:participationIn", "circ:participant", "circ:onBehalfOf", "circ:coverageOf", "rdf:subject")
"""Properties by which nodes point to the thing of which they say something: participations, coverage, claims."""
NODES_FROM = ("circ:hasAmount", "circ:hasQuantity", "skosxl:prefLabel", "skosxl:altLabel")
"""Properties by which a thing points to such nodes: amounts, quantities, labels with their source."""

_NAMES_KEPT = 8 * 1024 * 1024
"""Bytes of names that are kept, with what keeping them costs."""
_ENTRY = 700
_SAID = "SELECT content FROM said WHERE term = ?"
_NAMES = "SELECT names FROM said WHERE term = ?"
_LEADING = "SELECT content FROM leading WHERE term = ?"

Links = dict[Term, list[Term]]
"""Terms by property."""


class TooMuchError(Exception):
    """There is more around an IRI than is looked up."""


def name_languages(language: str) -> tuple[str, ...]:
    """Return the languages in which the names of our concepts are given to a reader of a language."""
    return tuple(dict.fromkeys((language, "en", "")))


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a subject.

    :param own: what the default graph says.
    :param apart: what only other graphs say.
    :param graphs: the graphs in which each of these statements stands, in their order.
    """

    own: Links = field(default_factory=dict)
    apart: Links = field(default_factory=dict)
    graphs: list[list[str]] = field(default_factory=list)

    def statements(self) -> Iterator[tuple[Term, Term, list[str]]]:
        """Yield predicate, object and graphs of each statement."""
        pairs = ((p, o) for links in (self.own, self.apart) for p, found in links.items() for o in found)
        return ((p, o, graphs) for (p, o), graphs in zip(pairs, self.graphs, strict=True))

    def within(self, graph: str) -> Links:
        """Return what a graph says."""
        if not self.own and all(graph in graphs for graphs in self.graphs):  # as it is with nearly all records
            return self.apart
        found: Links = {}
        for p, o, graphs in self.statements():
            if graph in graphs:
                found.setdefault(p, []).append(o)
        return found


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an IRI.

    :param incoming: what leads to it in the default graph, by property.
    :param nodes: what is said of the nodes between it and others.
    :param records: what the records of rows about it say, and the graph in which each does.
    :param names: statements that name what the others link to; to be left as they are, since they are kept.
    """

    said: Said
    incoming: Links
    nodes: dict[Term, Links]
    records: dict[Term, tuple[str, Links]]
    names: dict[Term, Links]


class Neighbourhood:
    """Looks up what stands around IRIs in the index of a snapshot, and keeps the names that it came across."""

    def __init__(self, path: Path) -> None:
        # The file is never written to again: no lock is asked for, none is waited for.
        self._index = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        self._index.execute(f"PRAGMA mmap_size = {1 << 30}")
        self._kept: OrderedDict[tuple[Term, str], Links] = OrderedDict()
        self.kept_bytes = 0
        """Bytes of the names that are kept."""
        self._to, self._from = (
            tuple(f"<{expand(name)}>" for name in part) for part in (NODES_TO, NODES_FROM)
        )  # fmt: skip
        self._type, self._within, self._record, self._derived = (
            f"<{expand(name)}>" for name in ("rdf:type", "circ:within", "circ:Record", "prov:wasDerivedFrom")
        )

    def around(self, iri: str, language: str) -> Around:
        """Return the statements around an IRI, with names of linked concepts for readers of a language.

        :raises TooMuchError: if they are too many.
        """
        me = f"<{iri}>"
        said = self._said(me)
        incoming, recorded = self._leading(me)
        nodes = self._nodes(me, said.own, incoming)
        records = {}
        for record, graph in recorded:
            records[record] = (graph, self._said(record).within(graph))
        linked: set[Term] = set()
        for links in (said.own, *nodes.values()):
            for p, found in links.items():
                if p != self._type:
                    linked.update(found)
        for found in incoming.values():
            linked.update(found)
        # What a record says stands in its named graph, and what it links to has names nevertheless.
        if self._record in said.apart.get(self._type, ()) or self._record in said.own.get(self._type, ()):
            linked.update(o for p, found in said.apart.items() if p != self._type for o in found)
        for _, links in records.values():
            linked.update(links.get(self._derived, ()))
        linked.discard(me)
        names = {}
        for term in sorted(linked):
            if term[0] != '"' and term not in nodes and (named := self._named(term, language)):
                names[term] = named
        return Around(said, incoming, nodes, records, names)

    def _said(self, term: Term) -> Said:
        row = self._index.execute(_SAID, (term,)).fetchone()
        if row is None:
            return Said()
        content = json.loads(row[0])
        if content is None:
            raise TooMuchError
        own, apart, kinds, places = content
        return Said(own, apart, [kinds[place] for place in places])

    def _leading(self, term: Term) -> tuple[Links, list[list[str]]]:
        row = self._index.execute(_LEADING, (term,)).fetchone()
        if row is None:
            return {}, []
        incoming, recorded = json.loads(row[0])
        if incoming is None or recorded is None:
            raise TooMuchError
        return incoming, recorded

    def _nodes(self, me: Term, own: Links, incoming: Links) -> dict[Term, Links]:
        """Return what is said of the nodes between a thing and others.

        :raises TooMuchError: if that is too much.
        """
        found = {node for p in self._to for node in incoming.get(p, ())}
        found.update(node for p in self._from for node in own.get(p, ()) if node[0] != '"')
        found.discard(me)
        if len(found) > AT_ONCE:
            raise TooMuchError
        nodes = {}
        left = MOST
        for node in sorted(found):
            nodes[node] = links = self._said(node).own
            left -= sum(map(len, links.values()))
            if left < 0:
                raise TooMuchError
            links.pop(self._within, None)
        return nodes

    def _named(self, term: Term, language: str) -> Links:
        """Return the statements that name a term."""
        key = (term, language)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        row = self._index.execute(_NAMES, (term,)).fetchone()
        found: Links = json.loads(row[0]) if row else {}
        if term.startswith(f"<{BASE}def/"):
            found = _in_languages(found, name_languages(language))
        self._kept[key] = found
        self.kept_bytes += _size(found)
        while self.kept_bytes > _NAMES_KEPT:
            self.kept_bytes -= _size(self._kept.popitem(last=False)[1])
        return found


def _in_languages(links: Links, languages: tuple[str, ...]) -> Links:
    kept = {
        p: [o for o in found if not is_iri(o) and (literal_parts(o)[1] or "") in languages]
        for p, found in links.items()
    }  # fmt: skip
    return {p: found for p, found in kept.items() if found}


def _size(links: Links) -> int:
    """Return the bytes that keeping names costs, about."""
    return _ENTRY + sum(len(text) for found in links.values() for text in found)
