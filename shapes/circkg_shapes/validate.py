"""Judges triples against shapes: ``validate(focus, background, shapes) -> Report``.

*Focus* is the contribution, *background* what is already known. Both are looked at for the class of a linked thing and
the like. Results are kept for the nodes that the focus describes, and for published nodes that the focus makes wrong.

The engine is pySHACL on an rdflib memory graph, never on an Oxigraph store, which rewrites literals and so gives wrong
verdicts. Four things are done here and not left to it:

- The *targets* are found here and handed over as ``sh:targetNode`` of each property shape, so that a shape is evaluated
  once over all its nodes instead of once a node, and only over nodes that the focus can have changed. (pySHACL's own
  ``focus_nodes`` gives wrong verdicts for nested shapes.)
- The *reads* of a shape are the paths along which it can look at the data. Followed forward they give the few
  triples that the engine needs, followed backward from the focus the published nodes that it can have made wrong.
- *SPARQL constraints* of patterns and filters only are first asked once for all nodes; the engine, which asks them anew
  for each node, then judges those nodes only for which there was an answer.
- *Blank nodes* that ``sh:lessThan`` would compare are made IRIs for the engine, which else aborts the whole run.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Final, TypeAlias, cast

import pyshacl
import rdflib
from rdflib import BNode, Graph, Variable
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.sparql import Query
from rdflib.query import ResultRow
from rdflib.term import Node

from circkg_shapes.report import SH, VIOLATION, Messages, Report, Result
from circkg_shapes.terms import Term, Triple, from_rdflib, is_blank, is_iri, literal_parts, to_rdflib

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE: Final = f"<{RDF}type>"
FIRST: Final = f"<{RDF}first>"
REST: Final = f"<{RDF}rest>"
NIL: Final = f"<{RDF}nil>"
SUBCLASS: Final = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
CLASS: Final = "<http://www.w3.org/2000/01/rdf-schema#Class>"

ENGINE: Final = f"pySHACL {version('pyshacl')} on rdflib {version('rdflib')}"

_PAIRS: Final = ("equals", "disjoint", "lessThan", "lessThanOrEquals")
_NESTED: Final = ("property", "node", "not", "qualifiedValueShape")
_NESTED_LISTS: Final = ("and", "or", "xone")
_TARGETS: Final = ("targetNode", "targetClass", "targetSubjectsOf", "targetObjectsOf")
_PLAIN: Final = (
    "class",
    "datatype",
    "nodeKind",
    "minCount",
    "maxCount",
    "minExclusive",
    "minInclusive",
    "maxExclusive",
    "maxInclusive",
    "minLength",
    "maxLength",
    "pattern",
    "flags",
    "languageIn",
    "uniqueLang",
    "hasValue",
    "in",
    "closed",
    "ignoredProperties",
    "qualifiedMinCount",
    "qualifiedMaxCount",
    "qualifiedValueShapesDisjoint",
    "path",
    "name",
    "description",
    "order",
    "group",
    "defaultValue",
    "message",
    "severity",
    "deactivated",
)
_MAX_DEPTH: Final = 12
ANY: Final = "*"
"""Stands for every predicate in a step."""
_BLANK_IRI: Final = "urn:x-circkg-blank:"
_BLANK_IN_TEXT: Final = re.compile(f"<{_BLANK_IRI}([^>]*)>")


class ShapesError(ValueError):
    """The shapes cannot be read or used; the message says what to change."""


def sh(name: str) -> Term:
    """Return the term of a name of the SHACL vocabulary."""
    return f"<{SH}{name}>"


_KNOWN: Final = frozenset(sh(name) for name in (*_PAIRS, *_NESTED, *_NESTED_LISTS, *_TARGETS, *_PLAIN))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a read: any of these predicates, forward or inverse, once or any number of times."""

    links: frozenset[tuple[Term, bool]]
    star: bool = False


Chain: TypeAlias = tuple[Step, ...]
_ANY_READ: Final = (Step(frozenset({(ANY, False)})),)
_TYPE_READ: Final = (
    Step(frozenset({(TYPE, False)})),
    Step(frozenset({(SUBCLASS, False)}), star=True),
)


class Index:
    """Triples by predicate and subject, and by predicate and object."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.triples: set[Triple] = set(triples)
        self._forward: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        self._inverse: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for subject, predicate, value in self.triples:
            self._forward[predicate][subject].append(value)
            self._inverse[predicate][value].append(subject)

    @cached_property
    def by_subject(self) -> Mapping[Term, list[Triple]]:
        """Every triple by its subject."""
        found: defaultdict[Term, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            found[triple[0]].append(triple)
        return found

    def objects(self, subject: Term, predicate: Term) -> Sequence[Term]:
        """Return the objects of a subject and predicate."""
        found = self._forward.get(predicate)
        return found.get(subject, ()) if found else ()

    def subjects(self, predicate: Term, value: Term) -> Sequence[Term]:
        """Return the subjects of a predicate and object."""
        found = self._inverse.get(predicate)
        return found.get(value, ()) if found else ()

    def one(self, subject: Term, predicate: Term) -> Term | None:
        """Return the object of a subject and predicate, the first in order if there are several."""
        return min(self.objects(subject, predicate), default=None)

    def pairs(self, predicate: Term) -> Iterator[tuple[Term, Term]]:
        """Return subject and object of every triple with a predicate."""
        for subject, values in self._forward.get(predicate, {}).items():
            for value in values:
                yield subject, value

    def items(self, head: Term) -> list[Term]:
        """Return the members of an RDF list."""
        found: list[Term] = []
        while head != NIL:
            item, rest = self.one(head, FIRST), self.one(head, REST)
            if item is None or rest is None or len(found) > len(self.triples):
                raise ShapesError(f"The list at {head} is not well formed.")
            found.append(item)
            head = rest
        return found

    def step(self, nodes: Iterable[Term], step: Step, used: set[Triple] | None = None) -> set[Term]:
        """Return the nodes that one step leads to; the triples on the way are added to ``used``."""
        reached: set[Term] = set(nodes) if step.star else set()
        frontier = set(nodes)
        while frontier:
            fresh: set[Term] = set()
            for predicate, inverse in step.links:
                if predicate == ANY:
                    of_nodes = [triple for node in frontier for triple in self.by_subject.get(node, ())]
                    fresh.update(triple[2] for triple in of_nodes)
                    if used is not None:
                        used.update(of_nodes)
                    continue
                for node in frontier:
                    ends = self.subjects(predicate, node) if inverse else self.objects(node, predicate)
                    fresh.update(ends)
                    if used is not None:
                        used.update((end, predicate, node) if inverse else (node, predicate, end) for end in ends)
            frontier = fresh - reached if step.star else set()
            reached |= fresh
        return reached


@dataclass(frozen=True, slots=True)
class PlainQuery:
    """A SPARQL constraint of patterns and filters only, which means the same for one node and for all at once.

    :param local: every pattern has the node itself as its subject.
    """

    query: Query
    local: bool


@lru_cache(maxsize=64)
def _plain_query(text: str, prefixes: tuple[tuple[str, str], ...]) -> PlainQuery | None:
    """Return a query if it is made of patterns and filters only, else nothing."""
    try:
        query = prepareQuery(text, initNs=dict(prefixes))
    except Exception:  # rdflib's parser raises many kinds; the engine tells the author of the shape
        return None
    patterns: list[tuple[Node, Node, Node]] = []
    waiting = [query.algebra]
    while waiting:
        part = waiting.pop()
        if part.name == "BGP":
            patterns += part.triples
        elif part.name == "Filter":
            if "EXISTS" in repr(part.expr):
                return None
            waiting.append(part.p)
        elif part.name in ("SelectQuery", "Project", "Distinct", "ToMultiSet"):
            waiting.append(part.p)
        else:
            return None
    this = Variable("this")
    variables = {str(term) for pattern in patterns for term in pattern if isinstance(term, Variable)}
    if "this" not in variables or variables & {"shapesGraph", "currentShape", "PATH"}:
        return None
    return PlainQuery(query, all(subject == this for subject, _, _ in patterns))


@dataclass(frozen=True)
class Shapes:
    """Shapes as triples, read once and used for many validations.

    Blank nodes get names from their content, so that the same shapes have the same names however often they are read.
    """

    triples: tuple[Triple, ...]

    def __reduce__(self) -> tuple[type[Shapes], tuple[tuple[Triple, ...]]]:
        return Shapes, (self.triples,)  # to another process without what was derived

    @classmethod
    def load(cls, paths: Iterable[FilePath]) -> Shapes:
        """Read shapes from Turtle files; of a folder, its ``*.ttl``.

        :raises ShapesError: if a file cannot be read as Turtle, or none holds a shape with a target.
        """
        found: set[Triple] = set()
        for path in paths:
            for file in sorted(path.glob("*.ttl")) if path.is_dir() else [path]:
                graph = Graph()
                try:
                    with _lexical_forms_kept():
                        graph.parse(file, format="turtle")
                except Exception as error:  # rdflib's parsers raise many kinds
                    raise ShapesError(f"{file} cannot be read as Turtle: {error}") from error
                found |= _with_content_names(graph)
        return cls.of(found)

    @classmethod
    def of(cls, triples: Iterable[Triple]) -> Shapes:
        """Return shapes from triples.

        :raises ShapesError: if no shape has a target.
        """
        shapes = cls(tuple(sorted(set(triples))))
        if not shapes.rooted:
            raise ShapesError("No shape has a target, so nothing would be judged. Give a shape an sh:targetClass.")
        return shapes

    @cached_property
    def index(self) -> Index:
        """The triples, indexed."""
        return Index(self.triples)

    @cached_property
    def rooted(self) -> tuple[Term, ...]:
        """The shapes with a target of their own, in order."""
        found = {shape for name in _TARGETS for shape, _ in self.index.pairs(sh(name))}
        for shape, kind in self.index.pairs(TYPE):
            if kind == sh("NodeShape") and CLASS in self.index.objects(shape, TYPE):
                found.add(shape)
        return tuple(sorted(shape for shape in found if not self._off(shape)))

    def _off(self, shape: Term) -> bool:
        return any(literal_parts(value)[0] in ("true", "1") for value in self.index.objects(shape, sh("deactivated")))

    def targets(self, shape: Term, data: Index) -> set[Term]:
        """Return the nodes of the data that a shape targets."""
        found = set(self.index.objects(shape, sh("targetNode")))
        classes = set(self.index.objects(shape, sh("targetClass")))
        if CLASS in self.index.objects(shape, TYPE):
            classes.add(shape)
        subclasses = data.step(classes, Step(frozenset({(SUBCLASS, True)}), star=True))
        for kind in subclasses:
            found.update(data.subjects(TYPE, kind))
        for predicate in self.index.objects(shape, sh("targetSubjectsOf")):
            found.update(subject for subject, _ in data.pairs(predicate))
        for predicate in self.index.objects(shape, sh("targetObjectsOf")):
            found.update(value for _, value in data.pairs(predicate))
        return found

    @cached_property
    def _nested(self) -> frozenset[Term]:
        """Shapes that another shape than by plain sh:property refers to, or that a property shape holds."""
        found = {value for name in _NESTED if name != "property" for _, value in self.index.pairs(sh(name))}
        for name in _NESTED_LISTS:
            for _, head in self.index.pairs(sh(name)):
                found.update(self.index.items(head))
        return frozenset(found)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """What is evaluated by itself: each property shape of a rooted shape, and that shape's own constraints."""
        found: list[Unit] = []
        for root in self.rooted:
            properties = self.index.objects(root, sh("property"))
            hoisted = [] if self.index.objects(root, sh("path")) else [p for p in properties if not self._off(p)]
            found += [Unit(root, shape, *self._reads_of(shape)) for shape in sorted(hoisted)]
            own = self._words(root)
            unhoisted = [] if hoisted else properties
            if unhoisted or own - _SILENT:
                reads, opaque = self._reads_of(root, without_properties=bool(hoisted))
                found.append(Unit(root, root, reads, opaque))
        return tuple(found)

    @cached_property
    def _custom(self) -> frozenset[Term]:
        """The parameters of constraint components that the shapes themselves declare."""
        return frozenset(
            path for _, node in self.index.pairs(sh("parameter")) for path in self.index.objects(node, sh("path"))
        )

    def _words(self, shape: Term) -> set[Term]:
        """Return the predicates of a shape that can judge something, or belong to SHACL."""
        said = {predicate for _, predicate, _ in self.index.by_subject.get(shape, ())}
        return {predicate for predicate in said if predicate.startswith(f"<{SH}") or predicate in self._custom}

    def _reads_of(self, shape: Term, *, without_properties: bool = False) -> tuple[frozenset[Chain], bool]:
        reads: set[Chain] = set()
        opaque = self._collect(shape, (), reads, 0, without_properties=without_properties)
        return frozenset(reads), opaque

    def _collect(
        self, shape: Term, chain: Chain, reads: set[Chain], depth: int, *, without_properties: bool = False
    ) -> bool:
        """Add to ``reads`` what a shape looks at from a node at the end of a chain; true if that cannot be told."""
        if depth > _MAX_DEPTH:
            return True
        if self._words(shape) - _KNOWN - {sh("sparql")}:
            return True  # a custom component or a word of a later SHACL: it may look anywhere
        opaque = False
        path = self.index.one(shape, sh("path"))
        ends = [chain + way for way in self.ways(path)] if path else [chain]
        reads.update(ends)
        if self.index.objects(shape, sh("sparql")):
            queries = self.plain_queries(shape)
            if not queries or not all(query.local for query in queries):
                return True
            reads.add(chain + _ANY_READ)
        for name in _PAIRS:
            reads.update((*chain, Step(frozenset({(other, False)}))) for other in self.index.objects(shape, sh(name)))
        if self.index.objects(shape, sh("class")):
            reads.update(end + _TYPE_READ for end in ends)
        if self.index.objects(shape, sh("closed")):
            reads.update(end + _ANY_READ for end in ends)
        inner = [
            value
            for name in _NESTED
            if not (without_properties and name == "property")
            for value in self.index.objects(shape, sh(name))
        ]
        for name in _NESTED_LISTS:
            for head in self.index.objects(shape, sh(name)):
                inner += self.index.items(head)
        for value in inner:
            for end in ends:
                opaque = self._collect(value, end, reads, depth + 1) or opaque
        return opaque

    def plain_queries(self, shape: Term) -> list[PlainQuery]:
        """Return the SPARQL constraints of a shape as queries for all nodes at once; empty if any cannot be so."""
        found: list[PlainQuery] = []
        path = self.index.one(shape, sh("path"))
        for node in self.index.objects(shape, sh("sparql")):
            select = self.index.one(node, sh("select"))
            query = None
            if select:
                text = literal_parts(select)[0]
                if path and is_iri(path):
                    text = re.sub(r"[$?]PATH\b", path, text)
                query = _plain_query(text, tuple(sorted(self._prefixes(node).items())))
            if query is None:
                return []
            found.append(query)
        return found

    def _prefixes(self, node: Term) -> dict[str, str]:
        found: dict[str, str] = {}
        for holder in self.index.objects(node, sh("prefixes")):
            for each in self.index.objects(holder, sh("declare")):
                prefix, space = self.index.one(each, sh("prefix")), self.index.one(each, sh("namespace"))
                if prefix and space:
                    found[literal_parts(prefix)[0]] = literal_parts(space)[0]
        return found

    def only_asks(self, shape: Term) -> bool:
        """Tell whether SPARQL constraints are all that a shape judges by."""
        return self._words(shape) - _SILENT - {sh("path")} == {sh("sparql")}

    def ways(self, path: Term) -> list[Chain]:
        """Return the chains of steps that a path can take."""
        if is_iri(path):
            return [(Step(frozenset({(path, False)})),)]
        inverse = self.index.one(path, sh("inversePath"))
        if inverse:
            return [
                tuple(Step(frozenset((p, not back) for p, back in step.links), step.star) for step in reversed(way))
                for way in self.ways(inverse)
            ]
        alternatives = self.index.one(path, sh("alternativePath"))
        if alternatives:
            return [way for item in self.index.items(alternatives) for way in self.ways(item)]
        optional = self.index.one(path, sh("zeroOrOnePath"))
        if optional:
            return [(), *self.ways(optional)]
        repeated = self.index.one(path, sh("zeroOrMorePath")) or self.index.one(path, sh("oneOrMorePath"))
        if repeated:
            return [(Step(frozenset(link for way in self.ways(repeated) for s in way for link in s.links), star=True),)]
        ways: list[Chain] = [()]
        for item in self.index.items(path):
            ways = [way + more for way in ways for more in self.ways(item)]
        return ways

    def path_text(self, path: Term) -> str:
        """Return a path as SPARQL writes it, e.g. ``^<https://…>/<https://…>``."""
        if is_iri(path):
            return path
        for name, before, after in (
            ("inversePath", "^", ""),
            ("zeroOrMorePath", "", "*"),
            ("oneOrMorePath", "", "+"),
            ("zeroOrOnePath", "", "?"),
        ):
            inner = self.index.one(path, sh(name))
            if inner:
                text = self.path_text(inner)
                return f"{before}{text if is_iri(inner) else f'({text})'}{after}"
        alternatives = self.index.one(path, sh("alternativePath"))
        if alternatives:
            return "(" + "|".join(self.path_text(item) for item in self.index.items(alternatives)) + ")"
        return "/".join(self.path_text(item) for item in self.index.items(path))

    def path_turtle(self, path: Term) -> str:
        """Return a path as SHACL writes it in Turtle."""
        if is_iri(path):
            return path
        for name in ("inversePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath", "alternativePath"):
            inner = self.index.one(path, sh(name))
            if inner:
                return f"[ {sh(name)} {self.path_turtle(inner)} ]"
        return "( " + " ".join(self.path_turtle(item) for item in self.index.items(path)) + " )"

    def name(self, shape: Term) -> str:
        """Return the label of a shape, in English if it has one."""
        names = sorted(
            (tag not in ("en", None), tag or "", text)
            for text, tag, _ in map(literal_parts, self.index.objects(shape, sh("name")))
        )
        return names[0][2] if names else ""

    @cached_property
    def compared(self) -> frozenset[Term]:
        """Predicates whose values sh:lessThan or sh:lessThanOrEquals compares."""
        found: set[Term] = set()
        for name in ("lessThan", "lessThanOrEquals"):
            for shape, other in self.index.pairs(sh(name)):
                found.add(other)
                found.update(self.index.objects(shape, sh("path")))
        return frozenset(found)

    def for_engine(self, targets: Mapping[Unit, Iterable[Term]]) -> set[Triple]:
        """Return the shapes with these target nodes instead of their own targets, each unit standing by itself."""
        target_words = {sh(name) for name in _TARGETS}
        rooted = set(self.rooted)
        hoisted = {(unit.root, sh("property"), unit.shape) for unit in self.units if unit.root != unit.shape}
        hoisted_roots = {root for root, _, _ in hoisted}
        kept: set[Triple] = set()
        for triple in self._reachable({unit.shape for unit in targets}):
            subject, predicate, value = triple
            if predicate in target_words or (predicate == TYPE and value == CLASS and subject in rooted):
                continue
            if triple in hoisted and subject not in self._nested:
                continue
            kept.add(triple)
        for unit, nodes in targets.items():
            shape = unit.shape
            if shape == unit.root and shape in hoisted_roots and shape in self._nested:
                # The node shape is also used by others, who need its properties: evaluate a copy without them.
                shape = f"<urn:x-circkg-own:{shape.strip('<>_:')}>"
                kept.update((shape, p, v) for s, p, v in self.triples if s == unit.shape and p != sh("property"))
                kept = {t for t in kept if not (t[0] == shape and t[1] in target_words)}
            kept.update((shape, sh("targetNode"), node) for node in nodes)
        return kept

    def _reachable(self, starts: Iterable[Term]) -> Iterable[Triple]:
        """Return what is said of these shapes and of all that they refer to."""
        if self._custom:
            return self.triples  # a component is found by its parameters, not by a reference
        seen = set(starts)
        waiting = list(seen)
        found: list[Triple] = []
        while waiting:
            said = self.index.by_subject.get(waiting.pop(), [])
            found += said
            fresh = {value for _, _, value in said} - seen
            seen |= fresh
            waiting += fresh
        return found


#: Words on a node shape that judge nothing by themselves.
_SILENT: Final = frozenset(
    sh(name)
    for name in (*_TARGETS, "property", "name", "description", "order", "group", "message", "severity", "deactivated")
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A shape evaluated by itself over the targets of its root.

    :param opaque: it cannot be told what the shape looks at, so it gets all data.
    """

    root: Term
    shape: Term
    reads: frozenset[Chain] = field(compare=False, repr=False)
    opaque: bool = field(compare=False, repr=False)


def validate(focus: Iterable[Triple], background: Iterable[Triple], shapes: Shapes, *, processes: int = 1) -> Report:
    """Judge the focus in the light of the background.

    :param focus: the contribution.
    :param background: what is already known: vocabularies, regions, published things.
    :param processes: worker processes that share the work; the report is the same for any number.
    """
    started = time.perf_counter()
    focus_index = Index(focus)
    background_index = Index(background)
    union = Index(focus_index.triples | background_index.triples)
    timings = {"index": time.perf_counter() - started}

    started = time.perf_counter()
    described = {subject for subject, _, _ in focus_index.triples}
    fresh: defaultdict[Term, list[Triple]] = defaultdict(list)
    for triple in focus_index.triples - background_index.triples:
        fresh[triple[1]].append(triple)
        fresh[ANY].append(triple)
    targets: dict[Unit, set[Term]] = {}
    known_targets: dict[Term, set[Term]] = {}
    all_targets: dict[Term, set[Term]] = {}
    for unit in shapes.units:
        if unit.root not in all_targets:
            all_targets[unit.root] = shapes.targets(unit.root, union)
            known_targets[unit.root] = shapes.targets(unit.root, background_index)
        everyone, known = all_targets[unit.root], known_targets[unit.root]
        published = known - described
        if published and not unit.opaque:
            published &= _reached_backwards(unit, fresh, union)
        targets[unit] = (everyone & described) | (everyone & published) | (everyone - known)
    timings["plan"] = time.perf_counter() - started

    started = time.perf_counter()
    found = _evaluate(union, shapes, targets, processes)
    timings["evaluate"] = time.perf_counter() - started

    started = time.perf_counter()
    kept = [result for result in found if result.focus_node in described]
    others = Counter(result for result in found if result.focus_node not in described)
    if others:
        suspects = {result.focus_node for result in others}
        again = {
            unit: nodes & suspects & known_targets[unit.root] for unit, nodes in targets.items() if nodes & suspects
        }
        others -= Counter(_evaluate(background_index, shapes, again, processes))
        kept += others.elements()
    timings["before"] = time.perf_counter() - started
    checked = len(set().union(*targets.values())) if targets else 0
    return Report.of(kept, ENGINE, checked, timings)


def _reached_backwards(unit: Unit, fresh: Mapping[Term, list[Triple]], union: Index) -> set[Term]:
    """Return the nodes from which a unit can see a new triple.

    :param fresh: the new triples by predicate, and all of them under :data:`ANY`.
    """
    found: set[Term] = set()
    for part in {chain[: end + 1] for chain in unit.reads for end in range(len(chain))}:
        last = part[-1]
        if len(part) == 1 and not last.star and not any(inverse for _, inverse in last.links):
            continue  # a triple of the node itself: then the focus describes the node
        starts = {
            triple[2] if inverse else triple[0]
            for predicate, inverse in last.links
            for triple in fresh.get(predicate, ())
        }
        if last.star:
            starts = union.step(starts, _flipped(last))
        for step in reversed(part[:-1]):
            starts = union.step(starts, _flipped(step))
        found |= starts
    return found


def _flipped(step: Step) -> Step:
    return Step(frozenset((predicate, not inverse) for predicate, inverse in step.links), step.star)


def _needed(units: Mapping[Unit, set[Term]], data: Index) -> set[Triple]:
    """Return the triples that the units can look at from their targets."""
    if any(unit.opaque and nodes for unit, nodes in units.items()):
        return data.triples
    used: set[Triple] = set()
    memo: dict[tuple[Term, Chain], set[Term]] = {}
    by_root: dict[Term, set[Term]] = defaultdict(set)
    for unit, nodes in units.items():
        by_root[unit.root] |= nodes
    for unit in units:
        for chain in unit.reads:
            nodes = by_root[unit.root]
            for length in range(1, len(chain) + 1):
                key = (unit.root, chain[:length])
                if key not in memo:
                    memo[key] = data.step(nodes, chain[length - 1], used)
                nodes = memo[key]
    return used


def _evaluate(data: Index, shapes: Shapes, targets: Mapping[Unit, set[Term]], processes: int) -> list[Result]:
    """Return the results of the units over their targets, in no order."""
    work = {unit: nodes for unit, nodes in targets.items() if nodes}
    if not work:
        return []
    shares = [share for share in _shares(work, processes) if share]
    tasks = [(_needed(share, data), shapes, share) for share in shares]
    if len(tasks) == 1:
        return _run(*tasks[0])
    # A fork starts at once, but is safe only while no other thread runs.
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    method = "fork" if forks else "spawn"
    with ProcessPoolExecutor(len(tasks) - 1, multiprocessing.get_context(method)) as pool:
        pending = [pool.submit(_run, *task) for task in tasks[1:]]
        found = _run(*tasks[0])
        for future in pending:
            found += future.result()
    return found


def _shares(work: Mapping[Unit, set[Term]], processes: int) -> list[dict[Unit, set[Term]]]:
    """Divide units among processes, the dearest first to whoever has least."""
    shares: list[dict[Unit, set[Term]]] = [{} for _ in range(max(1, processes))]
    costs = [0] * len(shares)
    for unit in sorted(work, key=lambda unit: (-len(work[unit]) * len(unit.reads), unit.shape)):
        least = costs.index(min(costs))
        shares[least][unit] = work[unit]
        costs[least] += len(work[unit]) * (1 + len(unit.reads))
    return shares


@contextmanager
def _lexical_forms_kept() -> Iterator[None]:
    """Switch off rdflib's rewriting of literals (``05`` to ``5``) for a while."""
    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def _run(triples: Iterable[Triple], shapes: Shapes, targets: Mapping[Unit, set[Term]]) -> list[Result]:
    """Run the engine on these triples and return its results."""
    data, names = _graph(triples, shapes.compared)
    asked: dict[Unit, list[Term]] = {}
    for unit, nodes in targets.items():
        asked[unit] = [names.get(node, node) for node in nodes]
        queries = shapes.plain_queries(unit.shape) if shapes.only_asks(unit.shape) else []
        if queries:
            answered = {_row_term(row) for query in queries for row in data.query(query.query)}
            asked[unit] = [node for node in asked[unit] if node in answered]
    asked = {unit: nodes for unit, nodes in asked.items() if nodes}
    if not asked:
        return []
    shape_triples = shapes.for_engine(asked)
    shape_graph, _ = _graph(shape_triples, frozenset())
    with _lexical_forms_kept():
        _, report, text = pyshacl.validate(
            data, shacl_graph=shape_graph, inplace=True, inference="none", advanced=False, do_owl_imports=False
        )
    if not isinstance(report, Graph):
        raise ShapesError(f"The engine could not use the shapes: {text}")
    return _results(report, shapes)


def _graph(triples: Iterable[Triple], compared: frozenset[Term]) -> tuple[Graph, dict[Term, Term]]:
    """Return an rdflib graph of triples, and the IRIs given to blank nodes that the engine cannot compare."""
    triples = list(triples)
    renamed = {
        value: f"<{_BLANK_IRI}{value[2:]}>"
        for _, predicate, value in triples
        if predicate in compared and is_blank(value)
    }
    cache: dict[Term, Node] = {}

    def node(term: Term) -> Node:
        made = cache.get(term)
        if made is None:
            made = cache[term] = to_rdflib(renamed.get(term, term))
        return made

    graph = Graph(bind_namespaces="none")
    for subject, predicate, value in triples:
        graph.add((node(subject), node(predicate), node(value)))
    return graph, renamed


def _results(report: Graph, shapes: Shapes) -> list[Result]:
    """Read the results of an engine's report graph."""
    index = Index((_term(s), _term(p), _term(o)) for s, p, o in report)
    found: list[Result] = []
    names: dict[Term, str] = {}
    for _, node in index.pairs(sh("result")):
        shape = index.one(node, sh("sourceShape")) or ""
        if shape.startswith("<urn:x-circkg-own:"):
            shape = next(s for s in shapes.rooted if s.strip("<>_:") == shape[len("<urn:x-circkg-own:") : -1])
        path = index.one(node, sh("resultPath"))
        if path is not None and not is_iri(path):
            path = shapes.index.one(shape, sh("path"))
        if shape not in names:
            names[shape] = shapes.name(shape)
        messages: Messages = tuple(
            sorted(
                (tag or "", _BLANK_IN_TEXT.sub(r"_:\1", text))
                for text, tag, _ in map(literal_parts, index.objects(node, sh("resultMessage")))
            )
        )
        result = Result(
            focus_node=index.one(node, sh("focusNode")) or "",
            path=None if path is None else shapes.path_text(path),
            value=index.one(node, sh("value")),
            component=index.one(node, sh("sourceConstraintComponent")) or "",
            source_shape=shape,
            severity=index.one(node, sh("resultSeverity")) or VIOLATION,
            messages=messages,
            name=names[shape],
        )
        found.append(result if path is None else replace(result, path_turtle=shapes.path_turtle(path)))
    return found


def _row_term(row: object) -> Term:
    return from_rdflib(cast("ResultRow", row)["this"])


def _term(node: Node) -> Term:
    term = from_rdflib(node)
    return f"_:{term[len(_BLANK_IRI) + 1 : -1]}" if term.startswith(f"<{_BLANK_IRI}") else term


def _with_content_names(graph: Graph) -> set[Triple]:
    """Return the triples of a graph, its blank nodes named after what is said about them."""
    names: dict[BNode, Term] = {}

    def name(node: BNode, above: frozenset[BNode]) -> Term:
        if node in above:
            return "_:self"
        if node not in names:
            inside = above | {node}
            said = sorted(
                (from_rdflib(p), name(o, inside) if isinstance(o, BNode) else from_rdflib(o))
                for p, o in graph.predicate_objects(node)
            )
            digest = hashlib.sha256(repr(said).encode()).hexdigest()[:16]
            if above:
                return f"_:b{digest}"
            names[node] = f"_:b{digest}"
        return names[node]

    def term(node: Node) -> Term:
        return name(node, frozenset()) if isinstance(node, BNode) else from_rdflib(node)

    return {(term(s), term(p), term(o)) for s, p, o in cast("Iterable[tuple[Node, Node, Node]]", graph)}
