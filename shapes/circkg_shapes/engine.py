"""Judges columns by compiled shapes, set-wise: each constraint once over all its nodes, whatever the nesting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from circkg_shapes.encoding import Columns, Dictionary
from circkg_shapes.footprint import Backwards
from circkg_shapes.pairs import NONE, Ids, Mask, Pairs, distinct, flags, same
from circkg_shapes.plan import Finding, Plan, Root, Shape, Target, Values
from circkg_shapes.report import Result
from circkg_shapes.terms import Term, literal_parts
from circkg_shapes.values import Value, value
from circkg_shapes.vocabulary import SUBCLASS, TYPE
from circkg_shapes.walking import walk

_CONFORMS, _FAILS = 1, 2


class Run:
    """One validation of columns: what has been found out already is not asked again."""

    def __init__(self, data: Columns) -> None:
        self.data = data
        self._instances: dict[Term, Ids] = {}
        self._verdicts: dict[Shape, np.ndarray[tuple[int], np.dtype[np.int8]]] = {}
        self._values: dict[int, Value | None] = {}

    @property
    def dictionary(self) -> Dictionary:
        """The terms by number."""
        return self.data.dictionary

    @property
    def size(self) -> int:
        """How many terms there are; a column of flags has this length."""
        return len(self.data.dictionary)

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if it has none."""
        return self.data.dictionary.find(term)

    def step(self, nodes: Ids, predicate: int) -> Pairs:
        """Return the triples of a predicate with these nodes as subject: subject and object."""
        return self.data.step(nodes, predicate)

    def value(self, number: int) -> Value | None:
        """Return what a literal stands for; ``None`` for other terms, ill-typed literals and texts in a language."""
        if number not in self._values:
            term = self.dictionary.terms[number]
            text, tag, datatype = literal_parts(term) if term[0] == '"' else ("", "", "")
            self._values[number] = None if tag is not None else value(text, datatype)
        return self._values[number]

    def instances(self, kind: Term) -> Ids:
        """Return the nodes that are of a class or of a subclass of it (SHACL, section 1.1, "SHACL instance")."""
        if kind not in self._instances:
            self._instances[kind] = instances(self.data, kind)
        return self._instances[kind]

    def findings(self, shape: Shape, nodes: Ids) -> list[Finding]:
        """Return what is wrong with these nodes, in order and each once, by a shape."""
        if shape.is_off or not len(nodes):
            return []
        values = Values(nodes, walk(self.data, shape.path, nodes) if shape.path else same(nodes))
        return [found for constraint in shape.constraints for found in constraint.find(self, shape, values)]

    def failing(self, shape: Shape, nodes: Ids) -> Mask:
        """Tell of each of these nodes, in order and each once, whether it does not conform to a shape."""
        known = self._verdicts.get(shape)
        if known is None or len(known) < self.size:
            grown = np.zeros(self.size, np.int8)
            if known is not None:
                grown[: len(known)] = known
            known = self._verdicts[shape] = grown
        unknown = nodes[known[nodes] == 0]
        if len(unknown):
            broken = [found.owners for found in self.findings(shape, unknown)]
            known[unknown] = _CONFORMS
            if broken:
                known[np.concatenate(broken)] = _FAILS
        failing: Mask = known[nodes] == _FAILS
        return failing


def instances(data: Columns, kind: Term) -> Ids:
    """Return the instances of a class and of its subclasses."""
    type_, subclass, top = data.number(TYPE), data.number(SUBCLASS), data.number(kind)
    if type_ < 0 or top < 0:
        return NONE
    kinds = np.array([top], np.int32)
    frontier = kinds
    while subclass >= 0 and len(frontier):
        below = np.unique(data.step(frontier, subclass, inverse=True).right)
        frontier = np.setdiff1d(below, kinds, assume_unique=True)
        kinds = np.union1d(kinds, frontier)
    return distinct(data.step(kinds, type_, inverse=True).right, len(data.dictionary))


def targets(data: Columns, target: Target) -> Ids:
    """Return the nodes that are a target in these data (SHACL, section 2.1.3)."""
    book = data.dictionary
    found = [np.array([book.id(node) for node in target.nodes], np.int32)]
    found += [instances(data, kind) for kind in target.classes]
    for predicates, inverse in ((target.subjects_of, False), (target.objects_of, True)):
        found += [data.pairs(book.find(predicate), inverse=inverse).left for predicate in predicates]
    return distinct(np.concatenate(found), len(book))


def all_targets(plan: Plan, data: Columns) -> dict[Root, Ids]:
    """Return all targets in these data."""
    return {root: targets(data, root.target) for root in plan.roots}


def affected(plan: Plan, focus: Columns, known: Columns, both: Columns) -> tuple[dict[Root, Ids], dict[Root, Ids]]:
    """Return the targets whose verdict the focus can change, and among them those that were targets before it.

    These are the targets that the focus describes, the published ones that can see one of its triples, and those that
    are targets only because of it.

    :param both: focus and known together.
    """
    backwards = Backwards(both, focus.minus(known))
    chosen: dict[Root, Ids] = {}
    before: dict[Root, Ids] = {}
    for root in plan.roots:
        now, earlier = targets(both, root.target), targets(known, root.target)
        size = len(both.dictionary)
        wanted = flags(focus.subjects, size)
        if root.footprint.opaque:
            wanted[now] = True
        else:
            wanted[backwards.reached(root.footprint.prefixes)] = True
        wanted[np.setdiff1d(now, earlier, assume_unique=True)] = True
        chosen[root] = now[wanted[now]]
        before[root] = earlier[wanted[earlier]]
    return chosen, before


def evaluate(data: Columns, nodes: Mapping[Root, Ids]) -> list[Result]:
    """Return the results of the shapes for these nodes, in no order."""
    run = Run(data)
    found: list[Result] = []
    for root, chosen in nodes.items():
        for finding in run.findings(root.shape, chosen):
            found += _results(run.dictionary, finding)
    return found


def _results(book: Dictionary, finding: Finding) -> Iterable[Result]:
    shape, terms = finding.shape, book.terms
    component = finding.constraint.component
    default = shape.messages or (("en", finding.constraint.text),)
    for row, about in enumerate(finding.about.tolist()):
        own = None if finding.paths is None or finding.paths[row] < 0 else terms[finding.paths[row]]
        yield Result(
            focus_node=terms[about],
            path=own or shape.path_text or None,
            value=None if finding.values is None or finding.values[row] < 0 else terms[finding.values[row]],
            component=component,
            source_shape=shape.node,
            severity=shape.severity,
            messages=default if finding.messages is None else finding.messages[row],
            name=shape.name,
            path_turtle=own or shape.path_turtle or None,
        )
