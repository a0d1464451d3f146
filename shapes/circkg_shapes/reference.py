"""pySHACL on an rdflib memory graph: the engine for shapes that are not compiled, and the one ours is compared with.

Never on an Oxigraph store, which rewrites literals and so gives wrong verdicts. Three things are done here and not
left to it:

- The *targets* are found here and handed over as ``sh:targetNode``, so that only those are judged that the focus can
  have changed. (pySHACL's own ``focus_nodes`` gives wrong verdicts for nested shapes.)
- Only triples that a shape can see are given, if that can be told.
- *Blank nodes* that ``sh:lessThan`` would compare are made IRIs for the engine, which else aborts the whole run.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Final, TypeAlias

import pyshacl
import rdflib
from pyshacl.errors import ShapeRecursionWarning
from rdflib import Graph
from rdflib.plugins.sparql.parser import parseQuery, parseUpdate
from rdflib.term import Node

from circkg_shapes.encoding import Columns
from circkg_shapes.index import Index
from circkg_shapes.pairs import Ids
from circkg_shapes.plan import Root
from circkg_shapes.query import placed
from circkg_shapes.report import VIOLATION, Messages, Result
from circkg_shapes.shapes import Shapes
from circkg_shapes.shapes_graph import TARGETS, ShapesError
from circkg_shapes.terms import Term, Triple, from_rdflib, is_blank, is_iri, literal_parts, to_rdflib
from circkg_shapes.vocabulary import TYPE, sh

ENGINE: Final = f"pySHACL {version('pyshacl')} on rdflib {version('rdflib')}"

_BLANK_IRI: Final = "urn:x-circkg-blank:"
_QUERIES: Final = {"select": parseQuery, "ask": parseQuery, "construct": parseQuery, "update": parseUpdate}
_BLANK_IN_TEXT: Final = re.compile(f"<?{_BLANK_IRI}([^>\\s]*)>?")

Targets: TypeAlias = Mapping[Term, list[Term]]

# That shapes are recursive is what the report says anyway, and shorter.
warnings.filterwarnings("ignore", category=ShapeRecursionWarning)


def evaluate(data: Columns, shapes: Shapes, nodes: Mapping[Root, Ids], processes: int = 1) -> list[Result]:
    """Return the results of shapes for these nodes, in no order.

    :param processes: worker processes that share the shapes.
    :raises ShapesError: if the engine cannot use the shapes.
    """
    terms = data.dictionary.terms
    work = {root.shape.node: [terms[node] for node in chosen.tolist()] for root, chosen in nodes.items() if len(chosen)}
    finds_targets = any(shapes.index.pairs(sh("target")))  # by a query, which the engine asks itself
    if not work and not finds_targets:
        return []
    triples = list(data.triples())
    shares = _shares(work, 1 if finds_targets else processes)
    if len(shares) == 1:
        return _run(triples, shapes, shares[0])
    # A fork starts at once, but is safe only while no other thread runs.
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    method = "fork" if forks else "spawn"
    with ProcessPoolExecutor(len(shares) - 1, multiprocessing.get_context(method)) as pool:
        pending = [pool.submit(_run, triples, shapes, share) for share in shares[1:]]
        found = _run(triples, shapes, shares[0])
        for future in pending:
            found += future.result()
    return found


def _shares(work: Targets, processes: int) -> list[dict[Term, list[Term]]]:
    """Divide shapes among processes, the one with most nodes first to whoever has least."""
    shares: list[dict[Term, list[Term]]] = [{} for _ in range(max(1, processes))]
    for shape in sorted(work, key=lambda shape: (-len(work[shape]), shape)):
        least = min(shares, key=lambda share: sum(map(len, share.values())))
        least[shape] = work[shape]
    return [share for share in shares if share] or [{}]


def _with_targets(shapes: Shapes, targets: Targets) -> set[Triple]:
    """Return the shapes with these target nodes instead of their own targets."""
    words = {sh(name) for name in TARGETS}
    rooted = set(shapes.rooted)
    kept = {
        (subject, predicate, value)
        for subject, predicate, value in shapes.triples
        if predicate not in words and not (predicate == TYPE and subject in rooted and value != sh("PropertyShape"))
    }
    # A shape that was a class too would have its instances as targets, so it is said anew what it is.
    kept |= {(shape, TYPE, sh("NodeShape")) for shape in rooted if not shapes.index.objects(shape, sh("path"))}
    return kept | {(shape, sh("targetNode"), node) for shape, nodes in targets.items() for node in nodes}


@contextmanager
def lexical_forms_kept() -> Iterator[None]:
    """Switch off rdflib's rewriting of literals (``05`` to ``5``) for a while."""
    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def _run(triples: Iterable[Triple], shapes: Shapes, targets: Targets) -> list[Result]:
    """Run the engine on these triples and return its results."""
    data, renamed = _graph(triples, _compared(shapes))
    asked = {shape: [renamed.get(node, node) for node in nodes] for shape, nodes in targets.items()}
    shape_graph, _ = _graph(_with_targets(shapes, asked), frozenset())
    try:
        with lexical_forms_kept():
            _, report, text = pyshacl.validate(
                data, shacl_graph=shape_graph, inplace=True, inference="none", advanced=True, do_owl_imports=False
            )
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # the engine and its parsers raise many kinds for shapes that are not right
        said = _unreadable_query(shapes) or f"{ENGINE} cannot use the shapes: {error or type(error).__name__}"
        raise ShapesError(said) from error
    if not isinstance(report, Graph):
        raise ShapesError(f"{ENGINE} cannot use the shapes: {text}")
    return _results(report, shapes)


def _unreadable_query(shapes: Shapes) -> str:
    """Return what is wrong with the first query of the shapes that is not SPARQL; empty if all are."""
    for word, read in _QUERIES.items():
        for node, written in shapes.index.pairs(sh(word)):
            try:
                read(literal_parts(written)[0])
            except Exception as error:
                return f"{shapes.called(node)}: its sh:{word} is not SPARQL: {placed(error)}."
    return ""


def _compared(shapes: Shapes) -> frozenset[Term]:
    """Return the predicates whose values sh:lessThan or sh:lessThanOrEquals compares."""
    found: set[Term] = set()
    for name in ("lessThan", "lessThanOrEquals"):
        for shape, other in shapes.index.pairs(sh(name)):
            found.add(other)
            found.update(shapes.index.objects(shape, sh("path")))
    return frozenset(found)


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


def _term(node: Node) -> Term:
    term = from_rdflib(node)
    return f"_:{term[len(_BLANK_IRI) + 1 : -1]}" if term.startswith(f"<{_BLANK_IRI}") else term
