"""Walks over columns, from many nodes at once: along a property path, and down to the instances of a class."""

from __future__ import annotations

import numpy as np

from circkg_shapes.encoding import Columns
from circkg_shapes.pairs import EMPTY, NONE, Ids, Pairs, among, distinct, joined, same, union
from circkg_shapes.paths import Alternative, Path, Repeat, Sequence, Step
from circkg_shapes.terms import Term
from circkg_shapes.vocabulary import SUBCLASS, TYPE


def walk(data: Columns, path: Path, nodes: Ids) -> Pairs:
    """Return each of these nodes, in order and each once, with the nodes that a path leads to from it."""
    if isinstance(path, Step):
        predicate = data.number(path.predicate)
        return data.step(nodes, predicate, inverse=path.inverse) if predicate >= 0 else EMPTY
    if isinstance(path, Sequence):
        found = walk(data, path.parts[0], nodes)
        for part in path.parts[1:]:
            found = joined(found, walk(data, part, np.unique(found.right)))
        return found
    if isinstance(path, Alternative):
        return union(*(walk(data, part, nodes) for part in path.parts))
    return _repeated(data, path, nodes)


def _repeated(data: Columns, path: Repeat, nodes: Ids) -> Pairs:
    once = walk(data, path.inner, nodes)
    found, frontier, known, walked = once, once, once, nodes
    while path.many and len(frontier.left):
        ends = np.setdiff1d(frontier.right, walked)
        known = union(known, walk(data, path.inner, ends))
        walked = np.union1d(walked, ends)
        further = joined(frontier, known)
        fresh = ~among(further, found)
        frontier = Pairs(further.left[fresh], further.right[fresh])
        found = union(found, frontier)
    return union(found, same(nodes)) if path.zero else found


def instances(data: Columns, kind: Term) -> Ids:
    """Return the nodes that are of a class or of a subclass of it (SHACL, section 1.1, "SHACL instance")."""
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
