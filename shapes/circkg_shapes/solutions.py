"""Asks the queries of SPARQL-based constraints about all focus nodes at once, on an Oxigraph store.

The store holds only the triples that the query can see from the focus nodes; if it cannot be told which these are, all.
It writes numbers and times in one form (``05`` becomes ``5``). The values of solutions are therefore traced back to the
forms that the focus node has; and where the solutions themselves can depend on a form that the store does not keep,
the nodes that see it are judged by rdflib, one by one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

import numpy as np
from pyoxigraph import NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse
from rdflib import Graph
from rdflib.query import ResultRow
from rdflib.term import Identifier

from circkg_shapes.encoding import Columns
from circkg_shapes.footprint import ANY, Backwards, Footprint, needed
from circkg_shapes.pairs import Ids, Pairs, pairs
from circkg_shapes.query import FOCUS, Query
from circkg_shapes.report import Messages
from circkg_shapes.terms import XSD, Term, Triple, from_rdflib, is_blank, is_iri, literal_parts, to_rdflib

Bindings: TypeAlias = dict[str, Term]

_IN_MESSAGE: Final = re.compile(r"\{[?$](\w+)\}")
_OF_XSD: Final = f"^^<{XSD}"


@dataclass(frozen=True, slots=True)
class Solution:
    """One solution of a query, as terms."""

    this: Term
    value: Term | None
    path: Term | None
    messages: Messages
    bindings: Mapping[str, Term] = field(repr=False)

    @property
    def failure(self) -> bool:
        """Whether the query says that it could not judge (SHACL, section 5.3.2)."""
        return self.bindings.get("failure", "").startswith('"true"')

    def filled(self, texts: Messages) -> Messages:
        """Return messages with the values of this solution for ``{?name}`` and ``{$name}``."""
        return tuple((tag, _IN_MESSAGE.sub(self._shown, text)) for tag, text in texts)

    def _shown(self, match: re.Match[str]) -> str:
        term = self.bindings.get(match[1])
        if term is None:
            return match[0]
        return term[1:-1] if is_iri(term) else term if is_blank(term) else literal_parts(term)[0]


def solutions(query: Query, data: Columns, nodes: Ids) -> Iterator[Solution]:
    """Yield the solutions of a query about these nodes, the same solution once."""
    seen_data = data if query.footprint.opaque else _seen(data, nodes, query.footprint)
    by_form = _seeing_forms(query, seen_data, nodes) if query.asks_for_forms else nodes[:0]
    rest = np.setdiff1d(nodes, by_form, assume_unique=True)
    by_store = _different(_by_store(query, seen_data, rest))
    forms = _Forms(data, query.value_of, by_store)
    for bindings in by_store:
        for value in forms.written(bindings["this"], bindings.get("value")):
            yield _solution(bindings | ({"value": value} if value else {}))
    for bindings in _different(_by_rdflib(query, seen_data, by_form)):
        yield _solution(bindings)


def _different(rows: Iterable[Bindings]) -> Collection[Bindings]:
    """Return each of the rows once, in their first order."""
    return {tuple(sorted(bindings.items())): bindings for bindings in rows}.values()


def _solution(bindings: Bindings) -> Solution:
    path = bindings.get("path", "")
    own = _message(bindings.get("message"))
    return Solution(bindings["this"], bindings.get("value"), path if is_iri(path) else None, own, bindings)


def _message(term: Term | None) -> Messages:
    """Return the message that a solution brings itself (SHACL, section 5.3.2)."""
    if not term or not term.startswith('"'):
        return ()
    text, tag, _ = literal_parts(term)
    return ((tag or "", text),)


def _seen(data: Columns, nodes: Ids, footprint: Footprint) -> Columns:
    """Return the triples that lie on the chains of a footprint from these nodes."""
    columns: dict[int, list[Pairs]] = {}
    for predicate, both in needed(data, {0: (nodes, footprint.prefixes)}):
        columns.setdefault(predicate, []).append(both)
    parts = (
        (predicate, np.concatenate([each.left for each in many]), np.concatenate([each.right for each in many]))
        for predicate, many in columns.items()
    )
    return Columns.of_pairs(data.dictionary, parts)


def _by_store(query: Query, data: Columns, nodes: Ids) -> Iterator[Bindings]:
    if not len(nodes):
        return
    store = _store(data.triples())
    terms = data.dictionary.terms
    # The store would change the form of a literal, so that it would not be told which one a solution is about.
    alone = (data.dictionary.kinds()[nodes] >= 0) | (not query.together)
    lists = [[terms[node]] for node in nodes[alone].tolist()]
    if not alone.all():
        lists.append([terms[node] for node in nodes[~alone].tolist()])
    name = NamedNode(FOCUS)
    for focus in lists:
        store.remove_graph(name)
        text = "".join(f"<{FOCUS}> <{FOCUS}> {term} <{FOCUS}> .\n" for term in focus)
        store.bulk_extend(parse(input=text.encode(), format=RdfFormat.N_QUADS, lenient=True))
        asked = cast("QuerySolutions", store.query(query.bound))
        names = [variable.value for variable in asked.variables]
        for row in asked:
            bindings = {name: str(term) for name, term in zip(names, row, strict=True) if term is not None}
            yield bindings | {"this": focus[0]} if len(focus) == 1 else bindings


def _store(triples: Iterable[Triple]) -> Store:
    store = Store()
    text = "".join(f"{subject} {predicate} {value} .\n" for subject, predicate, value in triples)
    store.bulk_extend(parse(input=text.encode(), format=RdfFormat.N_TRIPLES, lenient=True))
    return store


def _seeing_forms(query: Query, data: Columns, nodes: Ids) -> Ids:
    """Return those of the nodes that see a literal whose form a store does not keep."""
    terms = data.dictionary.terms
    typed = [
        number
        for predicate in data.predicates
        for number in np.unique(data.pairs(predicate).right).tolist()
        if _OF_XSD in terms[number]
    ]
    stored = _stored({terms[number] for number in typed})
    changed = np.unique(np.array([number for number in typed if stored[terms[number]] != terms[number]], np.int32))
    if not len(changed):
        return nodes[:0]
    if query.footprint.opaque:
        return nodes
    odd: dict[int, Pairs] = {}
    for predicate in data.predicates:
        both = data.pairs(predicate)
        here = np.isin(both.right, changed)
        if here.any():
            odd[predicate] = pairs(both.left[here], both.right[here])
    return np.intersect1d(nodes, Backwards(data, odd).reached(query.footprint.prefixes), assume_unique=True)


def _by_rdflib(query: Query, data: Columns, nodes: Ids) -> Iterator[Bindings]:
    if not len(nodes):
        return
    here = data if query.footprint.opaque else _seen(data, nodes, query.footprint)
    graph = Graph(bind_namespaces="none")
    for subject, predicate, value in here.triples():
        graph.add((to_rdflib(subject), to_rdflib(predicate), to_rdflib(value)))
    for node in nodes.tolist():
        this = data.dictionary.terms[node]
        for row in graph.query(query.plain, initBindings={"this": cast("Identifier", to_rdflib(this))}):
            found = {str(name): from_rdflib(term) for name, term in cast("ResultRow", row).asdict().items()}
            yield {**found, "this": this}


class _Forms:
    """Knows the forms in which focus nodes write a value of which the store knows one form.

    :param predicates: whose objects the values are.
    """

    def __init__(self, data: Columns, predicates: frozenset[Term], rows: Iterable[Bindings]) -> None:
        book = data.dictionary
        self._written: defaultdict[Term, set[Term]] = defaultdict(set)
        nodes = book.ids_of({row["this"] for row in rows if _OF_XSD in row.get("value", "")})
        typed = np.array([tag is None and datatype.startswith(XSD) for tag, datatype in book.endings()])
        for predicate, both in data.around(nodes) if predicates else ():
            if book.terms[predicate] not in predicates and ANY not in predicates:
                continue
            kinds = book.kinds()[both.right]
            here = (kinds >= 0) & typed[np.maximum(kinds, 0)]
            for left, right in zip(both.left[here].tolist(), both.right[here].tolist(), strict=True):
                self._written[book.terms[left]].add(book.terms[right])
        self._stored = _stored(set().union(*self._written.values()))

    def written(self, this: Term, found: Term | None) -> list[Term | None]:
        """Return the forms that a node has of a value, else the value as found."""
        if found is None or _OF_XSD not in found:
            return [found]
        own = self._written.get(this, set())
        forms: list[Term | None] = [*sorted(term for term in own if self._stored[term] == found)]
        return forms or [found]


def _stored(terms: set[Term]) -> dict[Term, Term]:
    """Return literals with the form in which a store keeps each of them."""
    listed = sorted(terms)
    scratch = _store((f"<urn:x:{place}>", f"<{FOCUS}>", term) for place, term in enumerate(listed))
    return {
        listed[int(cast("NamedNode", quad.subject).value[6:])]: str(quad.object)
        for quad in cast("Iterable[Quad]", scratch)
    }
