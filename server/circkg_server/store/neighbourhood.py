"""What stands around an IRI in a snapshot, by lookups in its indexes: ``docs/linked-data.md`` states the rule.

A document has one shape for all things, so that no query need be read and planned for it: looking its statements up
takes less than half the time of the two queries that say the same (:mod:`circkg_server.linked_data.description`).
Those are asked where there is more than is given as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, serialize

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand

AT_ONCE = 300
"""Most statements that lead to a thing and are given as a whole."""
NAMES = ("skos:prefLabel", "dct:title", "rdfs:label", "schema:url")
"""Properties that name a thing, the best first; the last is that of a source without a title."""
NODES_TO = ("circ:participationIn", "circ:participant", "circ:onBehalfOf", "circ:coverageOf", "rdf:subject")
"""Properties by which nodes point to the thing of which they say something: participations, coverage, claims."""
NODES_FROM = ("circ:hasAmount", "circ:hasQuantity", "skosxl:prefLabel", "skosxl:altLabel")
"""Properties by which a thing points to such nodes: amounts, quantities, labels with their source."""

MOST = 5000
"""Most statements that are looked up at once."""
_NAMES_KEPT = 8 * 1024 * 1024
"""Bytes of names that a reader keeps, with what keeping them costs."""
_ENTRY = 300
_Node = NamedNode | BlankNode


class TooMuchError(Exception):
    """There is more around an IRI than is looked up."""


def name_languages(language: str) -> tuple[str, ...]:
    """Return the languages in which the names of our concepts are given to a reader of a language."""
    return tuple(dict.fromkeys((language, "en", "")))


class Neighbourhood:
    """Looks up what stands around IRIs in a store that does not change, and keeps the names that it came across."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[_Node, str], bytes] = OrderedDict()
        self.kept_bytes = 0
        """Bytes of the names that are kept."""
        self._default = DefaultGraph()
        self._names = [NamedNode(expand(name)) for name in NAMES]
        self._to, self._from = (
            frozenset(NamedNode(expand(name)) for name in part) for part in (NODES_TO, NODES_FROM)
        )  # fmt: skip
        self._type, self._within, self._record, self._record_of, self._derived = (
            NamedNode(expand(name))
            for name in ("rdf:type", "circ:within", "circ:Record", "circ:recordOf", "prov:wasDerivedFrom")
        )

    def around(self, iri: str, language: str) -> bytes:
        """Return the statements around an IRI as N-Quads, with names of linked concepts for readers of a language.

        :raises TooMuchError: if they are too many.
        """
        me, default, look = NamedNode(iri), self._default, self._store.quads_for_pattern
        outgoing = _bounded(look(me, None, None, None), MOST)
        incoming = _bounded(look(None, None, me, default), AT_ONCE)
        recorded = _bounded(look(None, self._record_of, me, None), AT_ONCE)
        nodes = self._nodes(outgoing, incoming)
        between: list[Quad] = []
        for node in nodes:
            found = _bounded(look(node, None, None, default), MOST - len(between))
            between += [quad for quad in found if quad.predicate != self._within]
        records: list[Quad] = []
        for quad in recorded:
            if quad.graph_name != default:
                records += _bounded(look(quad.subject, None, None, quad.graph_name), MOST - len(records))
        # What a record says stands in its named graph, and what it links to has names nevertheless.
        is_record = any(quad.object == self._record and quad.predicate == self._type for quad in outgoing)
        linked = [
            *(q.object for q in outgoing if q.predicate != self._type and (is_record or q.graph_name == default)),
            *(quad.subject for quad in incoming),
            *(quad.object for quad in between if quad.predicate != self._type),
            *(quad.object for quad in records if quad.predicate == self._derived),
        ]
        names = [
            self._named(term, language) for term in dict.fromkeys(linked)
            if isinstance(term, NamedNode | BlankNode) and term not in nodes and term != me
        ]  # fmt: skip
        return _written([*outgoing, *incoming, *between, *records]) + b"".join(names)

    def _nodes(self, outgoing: list[Quad], incoming: list[Quad]) -> dict[_Node, None]:
        """Return the nodes between a thing and others.

        :raises TooMuchError: if they are too many.
        """
        leading = [quad.subject for quad in incoming if quad.predicate in self._to]
        led_to = [quad.object for quad in outgoing if quad.predicate in self._from and quad.graph_name == self._default]
        nodes = dict.fromkeys(node for node in (*leading, *led_to) if isinstance(node, NamedNode | BlankNode))
        if len(nodes) > AT_ONCE:
            raise TooMuchError
        return nodes

    def _named(self, term: _Node, language: str) -> bytes:
        """Return the statements that name a term.

        :raises TooMuchError: if they are too many.
        """
        key = (term, language)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        quads: list[Quad] = []
        for name in self._names:
            quads += _bounded(self._store.quads_for_pattern(term, name, None, self._default), MOST - len(quads))
        if isinstance(term, NamedNode) and term.value.startswith(f"{BASE}def/"):
            wanted = name_languages(language)
            quads = [
                quad for quad in quads if isinstance(quad.object, Literal) and (quad.object.language or "") in wanted
            ]
        found = self._kept[key] = _written(quads)
        self.kept_bytes += len(found) + _ENTRY
        while self.kept_bytes > _NAMES_KEPT:
            self.kept_bytes -= len(self._kept.popitem(last=False)[1]) + _ENTRY
        return found


def _bounded(quads: Iterator[Quad], most: int) -> list[Quad]:
    """Return quads as a list.

    :raises TooMuchError: if they are more than that.
    """
    found = list(islice(quads, max(most, 0) + 1))
    if len(found) > most:
        raise TooMuchError
    return found


def _written(quads: Iterable[Quad]) -> bytes:
    text = serialize(quads, format=RdfFormat.N_QUADS)
    assert text is not None, "without a file, the text is returned"
    return text
