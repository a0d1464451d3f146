"""The dataset that a query asks for: the one place where a store is asked with graphs of the client's choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    Store,
)

Answer = QuerySolutions | QueryTriples | QueryBoolean


@dataclass(frozen=True, slots=True)
class Dataset:
    """The RDF dataset that a query asks for, by ``FROM`` or by the protocol's parameters.

    :param default: graphs whose RDF merge is the default graph.
    :param named: graphs that ``GRAPH`` reaches.
    """

    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


def ask(store: Store, text: str, dataset: Dataset | None = None, base: str | None = None) -> Answer:
    """Answer a SPARQL query.

    :param dataset: graphs to use instead of the store's own dataset; it overrides ``FROM`` in the query.
    :param base: IRI against which relative IRIs are resolved.
    :raises SyntaxError: if the query is not SPARQL.
    """
    if dataset is None:
        return store.query(text, base_iri=base)
    named: list[NamedNode | BlankNode] = [NamedNode(graph) for graph in dataset.named]
    if len(dataset.default) > 1:
        merged = merge(store, dataset.default, dataset.named)
        return merged.query(text, base_iri=base, default_graph=DefaultGraph(), named_graphs=named)
    default: list[NamedNode | BlankNode | DefaultGraph] = [NamedNode(graph) for graph in dataset.default]
    return store.query(text, base_iri=base, default_graph=default, named_graphs=named)


def merge(store: Store, default: Iterable[str], named: Iterable[str]) -> Store:
    """Return a store in memory whose default graph is the RDF merge of some graphs, beside named ones.

    The engine alone would give a triple once for each graph that has it.
    """
    merged = Store()
    for graph in default:
        quads = store.quads_for_pattern(None, None, None, NamedNode(graph))
        merged.bulk_extend(Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
    for graph in named:
        merged.bulk_extend(store.quads_for_pattern(None, None, None, NamedNode(graph)))
    return merged
