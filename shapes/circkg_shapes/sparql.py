"""Queries of SPARQL-based constraints, asked once for all focus nodes where that means the same.

A query runs on an Oxigraph store that holds only the triples that it can see from the focus nodes; if it cannot be told
which these are, all. ``$this`` is bound in every group of the query by a list of the focus nodes, which is what
pre-binding asks for (SHACL, section 5.3.1). A query that counts over all solutions is asked with one node in the list
at a time.

The store writes numbers and times in one form (``05`` becomes ``5``). The values of solutions are therefore traced
back to the forms that the focus node has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias, cast

import numpy as np
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse
from rdflib import URIRef
from rdflib import Variable as Name
from rdflib.paths import AlternativePath, InvPath, MulPath, SequencePath
from rdflib.paths import Path as PropertyPath
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import Identifier

from circkg_shapes.encoding import Columns
from circkg_shapes.footprint import ANY_READ, Chain, Footprint, needed
from circkg_shapes.pairs import Ids
from circkg_shapes.paths import Alternative, Path, Repeat, Sequence, Step, inverse
from circkg_shapes.report import Messages
from circkg_shapes.terms import XSD, Term, is_blank, is_iri, literal_parts

_LIST: Final = "urn:x-circkg:focus"
_BINDING: Final = f" GRAPH <{_LIST}> {{ <{_LIST}> <{_LIST}> ?this }} "
_TOKEN: Final = re.compile(
    r"""#[^\n]*|<[^<>"{}|^`\\\x00-\x20]*>|\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*'''"""
    r"""|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'|[$?]\w+|.""",
    re.DOTALL,
)
_IN_MESSAGE: Final = re.compile(r"\{[?$](\w+)\}")
_MAX_PATTERNS: Final = 16
_PATTERN_LENGTH: Final = 3

Pattern: TypeAlias = tuple[object, object, object]


class QueryError(ValueError):
    """A query cannot be used in a constraint; the message says what to change."""


class NotHereError(Exception):
    """A query is for the other engine; the message says what it has."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A query of a constraint.

    :param text: with prefixes and path, ``$this`` bound by the list of focus nodes.
    :param together: all focus nodes can be in the list at once.
    :param footprint: what it looks at from a focus node.
    """

    text: str
    together: bool
    footprint: Footprint

    def solutions(self, data: Columns, nodes: Ids) -> Iterator[Solution]:
        """Yield the solutions about these nodes, the same solution once."""
        store = _store(data, nodes, self.footprint)
        terms = data.dictionary.terms
        # The store would change the form of a literal, so that its solutions could not be told to be about it.
        literals = data.dictionary.kinds()[nodes] >= 0
        alone = literals | (not self.together)
        lists = [[terms[node]] for node in nodes[alone].tolist()]
        if not alone.all():
            lists.append([terms[node] for node in nodes[~alone].tolist()])
        forms = _Forms(data)
        for listed in lists:
            seen: set[tuple[str, ...]] = set()
            for bindings in _asked(store, self.text, listed):
                key = tuple(f"{name} {term}" for name, term in sorted(bindings.items()))
                if key in seen:
                    continue
                seen.add(key)
                this, path = bindings["this"], bindings.get("path", "")
                for found in forms.written(this, bindings.get("value")):
                    told = bindings | ({"value": found} if found else {})
                    yield Solution(this, found, path if is_iri(path) else None, _message(bindings.get("message")), told)


def _asked(store: Store, text: str, focus: list[Term]) -> Iterator[dict[str, Term]]:
    """Yield the solutions of a query about some focus nodes."""
    name = NamedNode(_LIST)
    store.remove_graph(name)
    store.bulk_extend(Quad(name, name, _node(term), name) for term in focus)
    asked = cast("QuerySolutions", store.query(text))
    names = [variable.value for variable in asked.variables]
    for row in asked:
        bindings = {name: str(term) for name, term in zip(names, row, strict=True) if term is not None}
        yield bindings | {"this": focus[0]} if len(focus) == 1 else bindings


def _node(term: Term) -> NamedNode | BlankNode | Literal:
    if is_iri(term):
        return NamedNode(term[1:-1])
    if is_blank(term):
        return BlankNode(term[2:])
    text, tag, datatype = literal_parts(term)
    return Literal(text, language=tag) if tag else Literal(text, datatype=NamedNode(datatype))


def _message(term: Term | None) -> Messages:
    """Return the message that a solution brings itself (SHACL, section 5.3.2)."""
    if not term or not term.startswith('"'):
        return ()
    text, tag, _ = literal_parts(term)
    return ((tag or "", text),)


def _store(data: Columns, nodes: Ids, footprint: Footprint) -> Store:
    """Return a store with what a query can see from these nodes."""
    if not footprint.opaque:
        used = needed(data, {0: (nodes, footprint.prefixes)})
        columns: dict[int, list[tuple[Ids, Ids]]] = {}
        for predicate, both in used:
            columns.setdefault(predicate, []).append(both)
        data = Columns.of_pairs(
            data.dictionary,
            (
                (predicate, np.concatenate([left for left, _ in many]), np.concatenate([right for _, right in many]))
                for predicate, many in columns.items()
            ),
        )
    store = Store()
    text = "".join(f"{s} {p} {o} .\n" for s, p, o in data.triples())
    store.bulk_extend(parse(input=text.encode(), format=RdfFormat.N_TRIPLES, lenient=True))
    return store


class _Forms:
    """Finds the forms in which the data write a value of which the store knows one form."""

    def __init__(self, data: Columns) -> None:
        self._data = data
        self._stored: dict[Term, Term] = {}

    def written(self, this: Term, found: Term | None) -> list[Term | None]:
        """Return the forms that a node has of a value, else the value as found."""
        if found is None or f"^^<{XSD}" not in found:
            return [found]
        book = self._data.dictionary
        own = np.array([book.find(this)], np.int32)
        objects = (
            {book.terms[n] for _, both in self._data.around(own) for n in both.right.tolist()} if own[0] >= 0 else set()
        )
        forms = sorted(term for term in objects if f"^^<{XSD}" in term and self._form(term) == found)
        return list(forms) or [found]

    def _form(self, term: Term) -> Term:
        if term not in self._stored:
            scratch = Store()
            scratch.add(Quad(NamedNode("urn:x-circkg:is"), NamedNode("urn:x-circkg:is"), _node(term)))
            self._stored[term] = str(next(iter(scratch)).object)
        return self._stored[term]


@lru_cache(maxsize=256)
def _algebra(text: str) -> CompValue:
    try:
        return prepareQuery(text).algebra
    except Exception as error:  # rdflib's parser raises many kinds
        raise QueryError(f"the query is not SPARQL: {error}") from error


def read(text: str, prefixes: Mapping[str, str], path: str | None) -> Query:
    """Return the query of a constraint.

    :param path: the path of the property shape, which stands for ``$PATH``.
    :raises QueryError: if it is not SPARQL, or has a part that constraints may not have (SHACL, section 5.2).
    :raises NotHereError: if it has a part that is for the other engine.
    """
    head = "".join(f"PREFIX {name}: <{space}>\n" for name, space in sorted(prefixes.items()))
    parts = _TOKEN.findall(text)
    variables = {part[1:] for part in parts if part[:1] in "$?" and len(part) > 1}
    for name in ("shapesGraph", "currentShape"):
        if name in variables:
            raise NotHereError(f"uses ${name}")
    if "PATH" in variables and path is None:
        raise QueryError("the query uses $PATH, but its shape has no sh:path.")
    parts = [f"({path})" if path and part in ("$PATH", "?PATH") else part for part in parts]
    if "this" not in variables:
        raise QueryError("the query does not use $this.")
    whole = head + "".join(parts)
    algebra = _algebra(whole)
    if algebra.name != "SelectQuery":
        raise QueryError("sh:select is no SELECT query.")
    _refuse_forbidden(algebra)
    return Query(head + _bound(parts), _is_for_all(algebra), _footprint(algebra))


def _bound(parts: list[str]) -> str:
    """Return a query in which each group begins with the binding of ``$this``, but for those that are a SELECT."""
    found: list[str] = []
    for place, part in enumerate(parts):
        found.append(part)
        if part == "{":
            rest = (each for each in parts[place + 1 :] if not each.isspace() and not each.startswith("#"))
            if "".join(islice(rest, 6)).upper() != "SELECT":
                found.append(_BINDING)
    return "".join(found)


def _inside(part: object) -> Iterable[object]:
    """Return what a part of a query is made of."""
    if isinstance(part, CompValue):
        return [value for key, value in part.items() if key != "_vars"]
    return part if isinstance(part, Iterable) and not isinstance(part, str) else ()


def _parts(part: object) -> Iterator[CompValue]:
    """Yield every part of a query that has a name, itself included."""
    if isinstance(part, CompValue):
        yield part
    for inner in _inside(part):
        yield from _parts(inner)


def _leaves(part: object) -> Iterator[object]:
    """Yield the terms and paths of a part of a query, in the order in which they are written."""
    if isinstance(part, Name | Identifier | PropertyPath):
        yield part
    else:
        for inner in _inside(part):
            yield from _leaves(inner)


def _variables(part: object) -> set[str]:
    """Return the names of all variables in a part of a query."""
    return {str(leaf) for leaf in _leaves(part) if isinstance(leaf, Name)}


def _refuse_forbidden(algebra: CompValue) -> None:
    for part in _parts(algebra):
        if part.name in ("Minus", "MinusGraphPattern"):
            raise QueryError("a constraint must not use MINUS. Use FILTER NOT EXISTS.")
        if part.name in ("values", "InlineData", "ValuesClause"):
            raise QueryError("a constraint must not use VALUES. Use FILTER (… IN (…)).")
        if part.name == "ServiceGraphPattern":
            raise QueryError("a constraint must not use SERVICE: nothing is fetched.")
        if part.name == "Extend" and str(part.var) == "this":
            raise QueryError("a constraint must not give $this another value by AS.")
        if part.name in ("Graph", "GraphGraphPattern"):
            raise NotHereError("uses GRAPH")
        if part.name in ("ToMultiSet", "SubSelect"):
            inner = part.p if part.name == "ToMultiSet" else part
            if "this" not in {str(name) for name in inner.get("PV") or inner.get("projection") or ()}:
                raise QueryError("a nested SELECT must give $this.")


def _is_for_all(algebra: CompValue) -> bool:
    """Tell whether the solutions for many nodes are those for each of them: nothing counts or cuts over all."""
    if Name("this") not in algebra.PV:
        return False
    for part in _parts(algebra):
        if part.name in ("Slice", "LimitOffset", "SubSelect"):
            return False
        if part.name == "Group" and "this" not in _variables(part.expr):
            return False
    return True


# --- what a query looks at --------------------------------------------------------------------------------------------


def _footprint(algebra: CompValue) -> Footprint:
    """Return the chains of patterns that lead away from ``$this``; opaque if some pattern is on none."""
    found = Footprint()
    patterns = [pattern for part in _parts(algebra) for pattern in _triples(part)]
    nested = any(part.name in ("ToMultiSet", "SubSelect") for part in _parts(algebra))
    if nested or len(patterns) > _MAX_PATTERNS:
        found.opaque = True  # a variable of a nested query may be another one of the same name
        return found
    unseen = set(range(len(patterns)))
    _follow(Name("this"), (), patterns, frozenset(), unseen, found)
    if unseen:
        found.opaque = True
    return found


def _triples(part: CompValue) -> Iterator[Pattern]:
    if part.name in ("BGP", "TriplesBlock"):
        flat = list(_leaves(part.triples))
        for place in range(0, len(flat), _PATTERN_LENGTH):
            subject, predicate, value = flat[place : place + _PATTERN_LENGTH]
            yield subject, predicate, value


def _follow(
    node: object, chain: Chain, patterns: list[Pattern], used: frozenset[int], unseen: set[int], found: Footprint
) -> None:
    """Note what the patterns see that touch a node at the end of a chain, and go on from their other ends."""
    for place, (subject, predicate, value) in enumerate(patterns):
        if place in used or node not in (subject, value) or found.opaque:
            continue
        unseen.discard(place)
        if isinstance(predicate, Name):
            others = [term for at, pattern in enumerate(patterns) if at != place for term in pattern]
            if node != subject or value in others or predicate in others or node == value:
                found.opaque = True
            else:
                found.add(chain + ANY_READ)
            continue
        path = _path(predicate)
        if path is None:
            found.opaque = True
            continue
        for start, way, end in ((subject, path, value), (value, inverse(path), subject)):
            if start == node:
                for longer in found.walk(chain, way):
                    _follow(end, longer, patterns, used | {place}, unseen, found)


def _path(predicate: object) -> Path | None:
    """Return the path of a pattern, ``None`` for a negated one."""
    if isinstance(predicate, URIRef):
        return Step(f"<{predicate}>")
    if isinstance(predicate, InvPath):
        inner = _path(predicate.arg)
        return inverse(inner) if inner else None
    if isinstance(predicate, MulPath):
        inner = _path(predicate.path)
        return Repeat(inner, bool(predicate.zero), bool(predicate.more)) if inner else None
    if isinstance(predicate, SequencePath | AlternativePath):
        parts = [_path(arg) for arg in predicate.args]
        if any(part is None for part in parts):
            return None
        known = tuple(part for part in parts if part)
        return Sequence(known) if isinstance(predicate, SequencePath) else Alternative(known)
    return None
