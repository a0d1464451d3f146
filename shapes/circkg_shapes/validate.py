"""Judges triples against shapes: ``validate(focus, background, shapes) -> Report``.

*Focus* is the contribution, *background* what is already known. Both are looked at for the class of a linked thing and
the like. Results are kept for the nodes that the focus describes, and for published nodes that the focus makes wrong.

Shapes are compiled once (:mod:`circkg_shapes.compile`) and evaluated set-wise over columns of encoded terms
(:mod:`circkg_shapes.engine`). Shapes that cannot be compiled go, as a whole, to pySHACL
(:mod:`circkg_shapes.reference`), and the report says why.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import numpy as np

from circkg_shapes import engine
from circkg_shapes.background import Background
from circkg_shapes.encoding import Columns
from circkg_shapes.pairs import Ids
from circkg_shapes.plan import Plan, Root
from circkg_shapes.query import QueryError
from circkg_shapes.report import Report, Result
from circkg_shapes.shapes import Shapes
from circkg_shapes.shapes_graph import ShapesError
from circkg_shapes.terms import Triple

__all__ = ["Shapes", "ShapesError", "validate"]


def _version() -> str:
    try:
        return version("circkg")
    except PackageNotFoundError:
        return "(not installed)"


ENGINE: Final = f"CircKG {_version()}"


def validate(
    focus: Iterable[Triple] | Columns,
    background: Iterable[Triple] | Columns | Background,
    shapes: Shapes,
    *,
    processes: int = 1,
) -> Report:
    """Judge the focus in the light of the background.

    :param focus: the contribution; columns that were parsed are quickest.
    :param background: what is already known: vocabularies, regions, published things. Of an index that was made at
        publish only what the shapes can see from the focus is loaded. If nothing is known, the focus is all there is,
        and all targets are judged, those that it does not describe too.
    :param processes: worker processes that share the work if it goes to pySHACL; the report is the same for any number.
    :raises ShapesError: if the shapes are ill-formed or cannot be used.
    """
    started = time.perf_counter()
    plan = shapes.plan
    timings = {}
    mine = focus if isinstance(focus, Columns) else Columns.of(focus)
    snapshot = background.snapshot if isinstance(background, Background) else None
    if isinstance(background, Background):
        known = Columns.of(background.near(mine, plan), mine.dictionary)
    elif isinstance(background, Columns) and background.dictionary is mine.dictionary:
        known = background
    else:
        triples = background.triples() if isinstance(background, Columns) else background
        known = Columns.of(triples, mine.dictionary)
    both = mine.merged(known)
    timings["index"] = time.perf_counter() - started

    started = time.perf_counter()
    is_all = not len(known) and not isinstance(background, Background)
    chosen, before = (engine.all_targets(plan, mine), {}) if is_all else engine.affected(plan, mine, known, both)
    timings["plan"] = time.perf_counter() - started

    started = time.perf_counter()
    found = _evaluate(both, shapes, plan, chosen, processes)
    timings["evaluate"] = time.perf_counter() - started

    started = time.perf_counter()
    terms = mine.dictionary.terms
    described = {terms[node] for node in mine.subjects.tolist()}
    kept = [result for result in found if result.focus_node in described]
    others = Counter(result for result in found if result.focus_node not in described)
    if others and not is_all:
        suspects = mine.dictionary.ids_of({result.focus_node for result in others})
        again = {root: np.intersect1d(nodes, suspects, assume_unique=True) for root, nodes in before.items()}
        others -= Counter(_evaluate(known, shapes, plan, again, processes))
    kept += others.elements()
    timings["before"] = time.perf_counter() - started
    checked = len(np.unique(np.concatenate(list(chosen.values())))) if chosen else 0
    return Report.of(
        kept, _engine(plan), checked, timings, shapes=shapes.version, snapshot=snapshot, remarks=plan.remarks
    )


def _engine(plan: Plan) -> str:
    if not plan.unsupported:
        return ENGINE
    from circkg_shapes import reference  # noqa: PLC0415 - pySHACL is loaded only where it is needed

    more = f" and {len(plan.unsupported) - 1} more" if len(plan.unsupported) > 1 else ""
    return f"{reference.ENGINE}, since {plan.unsupported[0]}{more}"


def _evaluate(data: Columns, shapes: Shapes, plan: Plan, nodes: Mapping[Root, Ids], processes: int) -> list[Result]:
    if not plan.unsupported:
        try:
            return engine.evaluate(data, nodes)
        except QueryError as error:
            raise ShapesError(str(error)) from error
    from circkg_shapes import reference  # noqa: PLC0415 - pySHACL is loaded only where it is needed

    return reference.evaluate(data, shapes, nodes, processes)
