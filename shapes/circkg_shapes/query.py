"""What the query of a SPARQL-based constraint says: read, refused where SHACL forbids it, made ready to be asked.

``$this`` is bound in every group of the query by a list of the focus nodes, which is what pre-binding asks for (SHACL,
section 5.3.1), so one query judges them all. A query that counts over all solutions is asked with one node in the list
at a time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias

from rdflib import Literal, URIRef
from rdflib import Variable as Name
from rdflib.paths import AlternativePath, InvPath, MulPath, SequencePath
from rdflib.paths import Path as PropertyPath
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import Identifier

from circkg_shapes.footprint import ANY, ANY_READ, Chain, Footprint
from circkg_shapes.paths import Alternative, Path, Repeat, Sequence, Step, inverse
from circkg_shapes.report import SH
from circkg_shapes.terms import XSD, XSD_STRING, Term
from circkg_shapes.vocabulary import OWL, RDF, RDFS

FOCUS: Final = "urn:x-circkg:focus"
"""Name of the graph that lists the focus nodes, and of the subject and predicate of its triples."""

_BINDING: Final = f" GRAPH <{FOCUS}> {{ <{FOCUS}> <{FOCUS}> ?this }} "
_TOKEN: Final = re.compile(
    r"""#[^\n]*|<[^<>"{}|^`\\\x00-\x20]*>|\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*'''"""
    r"""|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'|[$?]\w+|.""",
    re.DOTALL,
)
_PLACE: Final = re.compile(r"\s*\(at char \d+\), \(line:(\d+), col:(\d+)\)")
_AS_THIS: Final = re.compile(r"\bAS\s*[$?]this\b", re.IGNORECASE)
_ASKS_FOR_FORMS: Final = frozenset({"Builtin_STR", "Builtin_DATATYPE", "Builtin_sameTerm", "Group"})
_USUAL_PREFIXES: Final = {
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "sh": SH,
    "xsd": XSD,
}
"""Known to queries without a declaration, as pySHACL knows them."""

_MAX_PATTERNS: Final = 16
_PATTERN_LENGTH: Final = 3

Pattern: TypeAlias = tuple[object, object, object]


class QueryError(ValueError):
    """A query cannot be used in a constraint; the message says what to change."""


class NotHereError(Exception):
    """A query is for the other engine; the message says what it has."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A query of a constraint.

    :param plain: with prefixes and path, ``bound`` with ``$this`` bound by the list of focus nodes too.
    :param together: all focus nodes can be in the list at once.
    :param asks_for_forms: its solutions can depend on how a number or time is written.
    :param value_of: the predicates of the focus node whose objects ``?value`` is; ``*`` if it is
        a variable. Empty if it is read elsewhere, or computed.
    :param footprint: what it looks at from a focus node.
    """

    plain: str
    bound: str
    together: bool
    asks_for_forms: bool
    value_of: frozenset[Term]
    footprint: Footprint


@lru_cache(maxsize=256)
def _algebra(head: str, text: str) -> CompValue:
    """Return the algebra of a query.

    :param head: declarations of prefixes, which come before what was written: lines are counted without them.
    """
    try:
        return prepareQuery(head + text).algebra
    except Exception as error:  # rdflib's parser raises many kinds
        raise QueryError(f"the query is not SPARQL: {placed(error, head.count(chr(10)))}.") from error


def placed(error: Exception, before: int = 0) -> str:
    """Return what rdflib's parser says, with its place.

    :param before: lines that were put before what was written.

    >>> placed(ValueError("Expected '}'  (at char 30), (line:3, col:9)"), before=2)
    "Expected '}' at line 1, column 9"
    """
    return _PLACE.sub(lambda at: f" at line {int(at[1]) - before}, column {at[2]}", str(error))


def read(text: str, prefixes: Mapping[str, str], path: str | None) -> Query:
    """Return the query of a constraint.

    :param path: the path of the property shape, which stands for ``$PATH``.
    :raises QueryError: if it is not SPARQL, or has a part that constraints may not have (SHACL, section 5.2).
    :raises NotHereError: if it has a part that is for the other engine.
    """
    known = {**_USUAL_PREFIXES, **prefixes}
    head = "".join(f"PREFIX {name}: <{space}>\n" for name, space in sorted(known.items()))
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
    if _AS_THIS.search("".join(part for part in parts if part[0] not in "#<\"'")):
        raise QueryError("a constraint must not give $this another value by AS.")
    written = "".join(parts)
    algebra = _algebra(head, written)
    if algebra.name != "SelectQuery":
        raise QueryError("sh:select is no SELECT query.")
    _refuse_forbidden(algebra)
    return Query(
        plain=head + written,
        bound=head + _bound(parts),
        together=_is_for_all(algebra),
        asks_for_forms=_asks_for_forms(algebra),
        value_of=_value_of(algebra),
        footprint=_footprint(algebra),
    )


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
        if part.name in ("Graph", "GraphGraphPattern"):
            raise QueryError("a constraint must not use GRAPH: it judges one graph.")
        inner = part.p if part.name == "ToMultiSet" else part if part.name == "SubSelect" else None
        if inner and inner.name != "values" and "this" not in _selected(inner):
            raise QueryError("a nested SELECT must give $this.")


def _selected(select: CompValue) -> set[str]:
    """Return the names of the variables that a nested SELECT gives."""
    return {str(name) for name in select.PV} if "PV" in select else _variables(select.projection)


def _asks_for_forms(algebra: CompValue) -> bool:
    """Tell whether the forms of numbers and times matter, which a store does not keep (``05`` becomes ``5``).

    So do a function that gives them, counting, patterns that look for one and the same literal, and a ``?value`` that
    is read elsewhere than right at ``$this``: which form it has there is not traced back.
    """
    objects: Counter[object] = Counter()
    for part in _parts(algebra):
        if part.name in _ASKS_FOR_FORMS or (part.name == "Function" and str(part.iri) == XSD_STRING):
            return True
        for subject, predicate, value in _triples(part):
            ends = (subject, value) if isinstance(predicate, PropertyPath) else (value,)  # it may lead backwards
            objects.update(ends)
            if Name("value") in ends and (subject != Name("this") or isinstance(predicate, PropertyPath)):
                return True
    return any(
        str(value.datatype or "").startswith(XSD)
        if isinstance(value, Literal)
        else times > 1 and isinstance(value, Name)
        for value, times in objects.items()
    )


def _value_of(algebra: CompValue) -> frozenset[Term]:
    """Return the predicates with which ``?value`` is an object of ``$this``."""
    predicates = (
        predicate
        for part in _parts(algebra)
        for subject, predicate, value in _triples(part)
        if (subject, value) == (Name("this"), Name("value"))
    )
    return frozenset(ANY if isinstance(p, Name) else f"<{p}>" for p in predicates if isinstance(p, Name | URIRef))


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
    _follow((Name("this"),), (), patterns, unseen, found)
    if unseen:
        found.opaque = True
    return found


def _triples(part: CompValue) -> Iterator[Pattern]:
    if part.name in ("BGP", "TriplesBlock"):
        flat = list(_leaves(part.triples))
        for place in range(0, len(flat), _PATTERN_LENGTH):
            subject, predicate, value = flat[place : place + _PATTERN_LENGTH]
            yield subject, predicate, value


def _follow(way: tuple[object, ...], chain: Chain, patterns: list[Pattern], unseen: set[int], found: Footprint) -> None:
    """Note what the patterns see that touch the node at the end of a chain, and go on from their other ends.

    :param way: the variables and terms that the chain leads over; what touches an earlier one is seen from there.
    """
    node = way[-1]
    for place, (subject, predicate, value) in enumerate(patterns):
        if node not in (subject, value) or found.opaque:
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
        for start, walked, end in ((subject, path, value), (value, inverse(path), subject)):
            if start == node and end not in way[:-1]:
                for longer in found.walk(chain, walked):
                    if end != node:
                        _follow((*way, end), longer, patterns, unseen, found)


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
