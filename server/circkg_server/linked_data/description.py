"""The statements that describe a thing, by one rule for all things and formats: ``docs/linked-data.md`` states it.

They are looked up in an index of the snapshot (:mod:`circkg_server.store.neighbourhood`). Where there is none, and
where more than :data:`AT_ONCE` statements lead to a thing, two queries at the same time give those of the default graph
with the names of all that they link to and what stands in named graphs; to bound what leads to a thing, two more are
needed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.store.neighbourhood import NODES_FROM, NODES_TO, Around, Links, name_languages
from circkg_server.store.neighbourhood_index import AT_ONCE, NAMES
from circkg_shapes.terms import Quad, Term, Triple, iri, literal_parts

EACH = 50
"""Statements of each property that are given where more than :data:`AT_ONCE` lead to a thing."""

_NODES = f"""SELECT ?s {{
      {{ VALUES ?to {{ {" ".join(NODES_TO)} }} ?s ?to $IRI }}
      UNION {{ VALUES ?from {{ {" ".join(NODES_FROM)} }} $IRI ?from ?s }}
    }} LIMIT {AT_ONCE + 1}"""
_NAMED = f"""?s ?p ?o FILTER(?p IN ({", ".join(NAMES)}) &&
      (!STRSTARTS(STR(?s), "{BASE}def/") || LANG(?o) IN ($LANGUAGES)))"""
_WHOLE = f"""CONSTRUCT {{ ?s ?p ?o }} WHERE {{
  {{ $IRI ?p ?o BIND($IRI AS ?s) }}
  UNION {{ SELECT ?s ?p ?o {{ ?s ?p $IRI BIND($IRI AS ?o) }} LIMIT {AT_ONCE + 1} }}
  UNION {{ {{ {_NODES} }} ?s ?p ?o FILTER(?p != circ:within) }}
  UNION {{
    {{ SELECT DISTINCT ?s {{
      {{ $IRI ?a ?s FILTER(?a != rdf:type) }}
      UNION {{ SELECT ?s {{ ?s ?a $IRI }} LIMIT {AT_ONCE + 1} }}
      UNION {{ {{ {_NODES.replace("?s", "?node")} }} ?node ?a ?s FILTER(?a NOT IN (circ:within, rdf:type)) }}
    }} }}
    {_NAMED}
  }}
}}"""
_GRAPHS = f"""SELECT ?g ?s ?p ?o WHERE {{
  {{ GRAPH ?g {{ $IRI ?p ?o }} BIND($IRI AS ?s) }}
  UNION {{ {{ SELECT ?g ?s {{ GRAPH ?g {{ ?s circ:recordOf $IRI }} }} LIMIT {AT_ONCE} }} GRAPH ?g {{ ?s ?p ?o }} }}
  UNION {{
    {{ SELECT DISTINCT ?s {{
      {{ GRAPH ?records {{ ?record circ:recordOf $IRI ; prov:wasDerivedFrom ?s }} }}
      UNION {{ GRAPH ?records {{ $IRI a circ:Record ; ?says ?s FILTER(?says != rdf:type) }} }}
    }} LIMIT {AT_ONCE} }}
    ?s ?p ?o FILTER(?p IN ({", ".join(NAMES)}))
  }}
}}"""
_COUNTS = "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p $IRI } GROUP BY ?p"


@lru_cache(maxsize=64)
def _whole(language: str) -> Template:
    return Template(_WHOLE, LANGUAGES=_languages(language))


@lru_cache(maxsize=1)
def _graphs() -> Template:
    return Template(_GRAPHS)


@lru_cache(maxsize=1)
def _counts() -> Template:
    return Template(_COUNTS)


def _languages(language: str) -> str:
    return ", ".join(f'"{tag}"' for tag in name_languages(language))


@lru_cache(maxsize=1)
def _expanded() -> tuple[frozenset[Term], frozenset[Term], tuple[Term, ...]]:
    """Return the terms of :data:`NODES_TO`, :data:`NODES_FROM` and :data:`NAMES`."""
    to, from_, names = ([f"<{expand(name)}>" for name in part] for part in (NODES_TO, NODES_FROM, NAMES))
    return frozenset(to), frozenset(from_), tuple(names)


@dataclass(slots=True)
class Description:
    """What is known of a thing.

    :param outgoing: what the thing says of itself, by property.
    :param incoming: what leads to it, by property; bounded, in the order of the IRIs.
    :param counts: how many statements of each property lead to it, exactly.
    :param nodes: statements of the nodes between it and others: participations, amounts, quantities, coverage, claims.
    :param records: statements of the records of rows about it.
    :param names: statements that name what the others link to.
    :param graphs: data sets in which a statement of its own stands.
    """

    iri: str
    outgoing: Links = field(default_factory=lambda: defaultdict(list))
    incoming: Links = field(default_factory=lambda: defaultdict(list))
    counts: dict[Term, int] = field(default_factory=dict)
    nodes: dict[Term, Links] = field(default_factory=dict)
    records: dict[Term, Links] = field(default_factory=dict)
    names: dict[Term, Links] = field(default_factory=dict)
    graphs: dict[tuple[Term, Term], list[str]] = field(default_factory=lambda: defaultdict(list))
    record_graphs: dict[Term, str] = field(default_factory=dict)
    me: Term = field(init=False)
    """The term of the IRI."""

    def __post_init__(self) -> None:
        """Know the term.

        :raises TermError: if the IRI is none.
        """
        self.me = iri(self.iri)

    @property
    def exists(self) -> bool:
        """Tell whether anything is said of the thing."""
        return bool(self.outgoing)

    @property
    def cut(self) -> dict[Term, int]:
        """Return the properties of which not all statements that lead here are given, with the exact count."""
        return {p: n for p, n in self.counts.items() if n > len(self.incoming.get(p, ()))}

    @property
    def sets(self) -> list[str]:
        """Return the data sets that say something of the thing."""
        return sorted({graph for graphs in self.graphs.values() for graph in graphs})

    def types(self) -> list[str]:
        """Return the classes of the thing."""
        return [found[1:-1] for found in self.outgoing.get(f"<{expand('rdf:type')}>", ())]

    def triples(self) -> Iterator[Triple]:
        """Yield all statements: of the thing, of the nodes, of records, of what leads here, names."""
        me = self.me
        yield from ((me, p, o) for p, found in self.outgoing.items() for o in found)
        for node, links in (*self.nodes.items(), *self.records.items()):
            yield from ((node, p, o) for p, found in links.items() for o in found)
        between = self.nodes.keys() | self.records.keys()
        yield from ((s, p, me) for p, found in self.incoming.items() for s in found if s not in between)
        for named, links in self.names.items():
            yield from ((named, p, o) for p, found in links.items() for o in found)

    def literals(self, term: Term) -> list[Term]:
        """Return the literals that name a thing, of the best property that does."""
        links = self.names.get(term) or self.nodes.get(term) or {}
        if term == self.me:
            links = self.outgoing
        for name in _expanded()[2]:
            if name in links:
                return links[name]
        return []


async def describe(snapshot: Snapshot, iri_: str, language: str) -> Description:
    """Return what the snapshot says of an IRI, with names of linked concepts in a language and in English.

    :raises RequestProblem: if it cannot be asked now.
    """
    found = snapshot.around(iri_, language)
    return await _queried(snapshot, iri_, language) if found is None else _looked_up(iri_, found)


def _looked_up(iri_: str, found: Around) -> Description:
    """Return the description that the rows of an index make."""
    said = found.said
    outgoing = (
        {p: [*said.own.get(p, ()), *said.apart.get(p, ())] for p in (*said.own, *said.apart)}
        if said.apart
        else said.own
    )
    return Description(
        iri_, outgoing, found.incoming, {p: len(subjects) for p, subjects in found.incoming.items()}, found.nodes,
        {record: links for record, (_, links) in found.records.items()}, found.names,
        {(p, o): graphs for p, o, graphs in said.statements()},
        {record: graph for record, (graph, _) in found.records.items()},
    )  # fmt: skip


async def _queried(snapshot: Snapshot, iri_: str, language: str) -> Description:
    """Return what queries say of an IRI."""
    whole = _whole(language)
    found, graphs = await asyncio.gather(snapshot.triples(whole, iri_), snapshot.rows(_graphs(), iri_))
    description = _sorted_out(iri_, found)
    if sum(len(subjects) for subjects in description.incoming.values()) > AT_ONCE:
        rows = await snapshot.rows(_counts(), iri_)
        counts = {row["p"]: int(literal_parts(row["n"])[0]) for row in rows}
        description = _sorted_out(iri_, await snapshot.triples(_bounded(tuple(sorted(counts)), language), iri_))
        description.counts = counts
    else:
        description.counts = {p: len(subjects) for p, subjects in description.incoming.items()}
    _add_graphs(description, [(row["s"], row["p"], row["o"], row.get("g", "")) for row in graphs])
    return description


@lru_cache(maxsize=512)
def _bounded(properties: tuple[Term, ...], language: str) -> Template:
    """Return the query of a thing to which so much leads that each property is bounded by itself."""
    leading = [f"SELECT ?s {{ ?s {p} $IRI }} ORDER BY ?s LIMIT {EACH}" for p in properties]
    to, _, _ = _expanded()
    nodes = [part for p, part in zip(properties, leading, strict=True) if p in to]
    nodes += [f"SELECT ?s {{ $IRI {p} ?s }} ORDER BY ?s LIMIT {AT_ONCE}" for p in NODES_FROM]
    between = " UNION ".join(f"{{ {part} }}" for part in nodes)
    parts = ["{ $IRI ?p ?o BIND($IRI AS ?s) }"]
    parts += [
        f"{{ {{ {part} }} BIND({p} AS ?p) BIND($IRI AS ?o) }}" for p, part in zip(properties, leading, strict=True)
    ]
    parts.append(f"{{ {{ {between} }} ?s ?p ?o FILTER(?p != circ:within) }}")
    linked = ["{ $IRI ?a ?s FILTER(?a != rdf:type) }", *(f"{{ {part} }}" for part in leading)]
    linked.append(f"{{ {{ {between.replace('?s', '?node')} }} ?node ?a ?s FILTER(?a NOT IN (circ:within, rdf:type)) }}")
    parts.append(f"{{ {{ SELECT DISTINCT ?s {{ {' UNION '.join(linked)} }} }} {_NAMED} }}")
    return Template(
        f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {' UNION '.join(parts)} }}", LANGUAGES=_languages(language)
    )  # fmt: skip


def _sorted_out(iri_: str, found: list[Triple]) -> Description:
    """Return the description that the statements make, each in its place."""
    to, from_, _ = _expanded()
    description = Description(iri_)
    me = description.me
    between = {s for s, p, o in found if o == me and p in to} | {o for s, p, o in found if s == me and p in from_}
    type_ = f"<{expand('rdf:type')}>"
    for s, p, o in sorted(set(found), key=lambda triple: (triple[0], triple[1] != type_, triple)):
        if s == me:
            description.outgoing[p].append(o)
            continue
        if o == me:
            description.incoming[p].append(s)
        if s in between:
            description.nodes.setdefault(s, defaultdict(list))[p].append(o)
        elif o != me:
            description.names.setdefault(s, defaultdict(list))[p].append(o)
    return description


def _add_graphs(description: Description, quads: list[Quad]) -> None:
    """Add what stands in named graphs: where each statement stands, records, names of their sources."""
    me = description.me
    for s, p, o, graph_ in sorted(quads):
        graph = graph_[1:-1]
        if s == me:
            description.graphs[p, o].append(graph)
            if o not in description.outgoing[p]:  # of a record: it stands in a named graph only
                description.outgoing[p].append(o)
        elif graph:
            description.record_graphs[s] = graph
            links = description.records.setdefault(s, defaultdict(list))
            if o not in links[p]:
                links[p].append(o)
        elif o not in description.names.setdefault(s, defaultdict(list))[p]:
            description.names[s][p].append(o)
    description.names = dict(sorted(description.names.items()))
