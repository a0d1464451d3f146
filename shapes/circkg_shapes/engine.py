"""Judges columns by compiled shapes, set-wise: each constraint once over all its nodes, whatever the nesting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from circkg_shapes.encoding import Columns, Dictionary
from circkg_shapes.footprint import Backwards
from circkg_shapes.pairs import Ids, distinct, flags
from circkg_shapes.plan import Finding, Plan, Root, Run, Target
from circkg_shapes.report import Result
from circkg_shapes.walking import instances


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
