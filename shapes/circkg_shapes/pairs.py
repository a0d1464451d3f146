"""Sets of pairs of numbers, as two columns: what the engine joins, selects and walks.

A column is an array of ``int32``; pairs are sorted by their left and then by their right number, each pair once.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = "npt.NDArray[np.int32]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"
Rows: TypeAlias = "npt.NDArray[np.intp]"

NONE: Final[Ids] = np.zeros(0, np.int32)
NONE.flags.writeable = False

_FEW: Final = 16
"""So many times fewer nodes than rows, and looking each node up is quicker than going through the rows."""


class Pairs(NamedTuple):
    """Pairs in order, each once."""

    left: Ids
    right: Ids


EMPTY: Final = Pairs(NONE, NONE)


def pairs(left: Ids, right: Ids) -> Pairs:
    """Return pairs in order, each once.

    >>> pairs(ids([2, 1, 2]), ids([5, 7, 5]))
    Pairs(left=array([1, 2], dtype=int32), right=array([7, 5], dtype=int32))
    """
    if len(left) == 0:
        return EMPTY
    keys = np.unique((left.astype(np.int64) << 32) | right)
    return Pairs((keys >> 32).astype(np.int32), keys.astype(np.int32))


def ids(numbers: object) -> Ids:
    """Return a column of numbers."""
    return np.asarray(numbers, np.int32)


def flipped(both: Pairs) -> Pairs:
    """Return the pairs with left and right exchanged."""
    return pairs(both.right, both.left)


def same(nodes: Ids) -> Pairs:
    """Return each node paired with itself."""
    return Pairs(nodes, nodes)


def union(*many: Pairs) -> Pairs:
    """Return the pairs that are in any of the sets."""
    some = [each for each in many if len(each.left)]
    if len(some) < 2:
        return some[0] if some else EMPTY
    return pairs(np.concatenate([each.left for each in some]), np.concatenate([each.right for each in some]))


def flags(nodes: Ids, size: int) -> Mask:
    """Return a column of ``size`` that is true at these numbers."""
    found = np.zeros(size, np.bool_)
    found[nodes] = True
    return found


def distinct(numbers: Ids, size: int) -> Ids:
    """Return the different numbers of a column in order; all are less than ``size``."""
    if len(numbers) * _FEW < size:
        return np.unique(numbers)
    return np.flatnonzero(flags(numbers, size)).astype(np.int32)


def ranges(starts: Rows, ends: Rows) -> tuple[Rows, Rows]:
    """Return, for each place from a start up to its end, the number of the range and the place itself."""
    counts = ends - starts
    owners = np.repeat(np.arange(len(starts)), counts)
    offsets = np.cumsum(counts) - counts
    return owners, np.arange(len(owners)) - offsets[owners] + starts[owners]


def bounds(column: Ids, nodes: Ids) -> tuple[Rows, Rows]:
    """Return where the rows of each node begin and end in a sorted column."""
    return np.searchsorted(column, nodes, "left"), np.searchsorted(column, nodes, "right")


def counts(column: Ids, nodes: Ids) -> Rows:
    """Return how many rows each node has in a sorted column."""
    starts, ends = bounds(column, nodes)
    return ends - starts


def selected(both: Pairs, nodes: Ids, size: int) -> Pairs:
    """Return the pairs whose left number is among these nodes, which are in order and each once."""
    if len(nodes) * _FEW < len(both.left):
        _, places = ranges(*bounds(both.left, nodes))
        return Pairs(both.left[places], both.right[places])
    wanted = flags(nodes, size)[both.left]
    return both if wanted.all() else Pairs(both.left[wanted], both.right[wanted])


def rows_of(both: Pairs, column: Ids) -> tuple[Rows, Ids]:
    """Return, for each number of a column in any order and each pair that begins with it, its place and the right."""
    owners, places = ranges(*bounds(both.left, column))
    return owners, both.right[places]


def joined(first: Pairs, second: Pairs) -> Pairs:
    """Return the pairs that lead from a left of the first over a shared number to a right of the second.

    >>> joined(pairs(ids([1, 1]), ids([2, 3])), pairs(ids([2, 3]), ids([9, 9])))
    Pairs(left=array([1], dtype=int32), right=array([9], dtype=int32))
    """
    owners, right = rows_of(second, first.right)
    return pairs(first.left[owners], right)


def among(both: Pairs, others: Pairs) -> Mask:
    """Tell of each pair whether it is in another set of pairs too."""
    found: Mask = np.isin(_keys(both), _keys(others), assume_unique=True)
    return found


def _keys(both: Pairs) -> npt.NDArray[np.int64]:
    keys: npt.NDArray[np.int64] = (both.left.astype(np.int64) << 32) | both.right
    return keys
