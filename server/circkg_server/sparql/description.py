"""The service description: what the endpoint can and may do, as it is.

https://www.w3.org/TR/sparql11-service-description/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyoxigraph import RdfFormat, parse, serialize

from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings
from circkg_server.sparql.formats import GRAPHS, negotiate
from circkg_shapes.terms import XSD, Triple, iri, literal

SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS = "http://www.w3.org/ns/formats/"
_RESULTS = (
    "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV",
    "Turtle", "JSON-LD", "N-Triples", "RDF_XML",
)  # fmt: skip
_GEOF = "http://www.opengis.net/def/function/geosparql/"
_FUNCTIONS = (
    "distance", "envelope", "convexHull", "getSRID",
    "sfEquals", "sfDisjoint", "sfIntersects", "sfTouches", "sfCrosses", "sfWithin", "sfContains", "sfOverlaps",
)  # fmt: skip


def triples(
    endpoint: str,
    manifest: Manifest | None,
    settings: Settings,
    *,
    federation: Sequence[str] = (),
    text_search: str = "",
) -> Iterator[Triple]:
    """Yield the description.

    :param federation: addresses that a query may name in SERVICE.
    :param text_search: what text search can do, in words; empty if there is none.
    """

    def sd(name: str) -> str:
        return iri(SD + name)

    def node(fragment: str) -> str:
        return iri(f"{endpoint}#{fragment}")

    type_ = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    dct = "http://purl.org/dc/terms/"
    count = iri("http://rdfs.org/ns/void#triples")
    service = iri(endpoint)
    yield service, type_, sd("Service")
    yield service, sd("endpoint"), iri(endpoint)
    yield service, sd("supportedLanguage"), sd("SPARQL11Query")
    for name in _RESULTS:
        yield service, sd("resultFormat"), iri(_FORMATS + name)
    for name in _FUNCTIONS:
        yield service, sd("extensionFunction"), iri(_GEOF + name)
        yield iri(_GEOF + name), type_, sd("Function")
    if federation:
        yield service, sd("feature"), sd("BasicFederatedQuery")
    limits = (
        f"A query may take {settings.timeout:g} seconds (parameter timeout, up to {settings.max_timeout:g}), have "
        f"{settings.max_rows:,} rows and {settings.max_bytes:,} bytes of answer, {settings.max_query:,} bytes of text "
        f"and {settings.query_memory:,} bytes of memory. A client may have {settings.per_client} queries at once; "
        f"{settings.queue} may wait. An answer that meets a limit is an error or an aborted connection, never cut off "
        "in silence. Counted rows are those of tables and N-Triples; other graphs are bounded by their bytes."
    )
    yield service, iri(f"{dct}description"), literal(limits, "en")
    if text_search:
        yield service, iri(f"{dct}description"), literal(text_search, "en")
    for address in federation:
        yield service, iri(f"{dct}requires"), iri(address)
    dataset, default = node("dataset"), node("default-graph")
    yield service, sd("defaultDataset"), dataset
    yield dataset, type_, sd("Dataset")
    yield dataset, sd("defaultGraph"), default
    yield default, type_, sd("Graph")
    for release in manifest.releases if manifest else ():
        named, graph = node(f"named-{release.set}"), node(f"graph-{release.set}")
        yield dataset, sd("namedGraph"), named
        yield named, type_, sd("NamedGraph")
        yield named, sd("name"), iri(release.graph)
        yield named, sd("graph"), graph
        yield graph, type_, sd("Graph")
        yield graph, iri(f"{dct}title"), literal(release.title, "en")
        yield graph, count, literal(str(release.quads), datatype=f"{XSD}integer")
    if manifest:
        merged = "The RDF merge of the stated, inferred and vocabulary graphs, each triple once."
        yield default, iri(f"{dct}description"), literal(merged, "en")


def count_triple(endpoint: str, quads: int) -> Triple:
    """Return how many triples the default graph has."""
    count = iri("http://rdfs.org/ns/void#triples")
    return iri(f"{endpoint}#default-graph"), count, literal(str(quads), datatype=f"{XSD}integer")


def written(content: list[Triple], accept: str) -> tuple[str, bytes] | None:
    """Return a description in the format that the client likes best, or ``None`` if none suits."""
    chosen = negotiate(accept, GRAPHS)
    if chosen is None:
        return None
    assert isinstance(chosen.engine, RdfFormat)
    lines = "".join(f"{s} {p} {o} .\n" for s, p, o in sorted(content))
    prefixes = {"sd": SD, "void": "http://rdfs.org/ns/void#", "dct": "http://purl.org/dc/terms/"}
    text = serialize(parse(lines.encode(), RdfFormat.N_TRIPLES), format=chosen.engine, prefixes=prefixes)
    assert text is not None
    return chosen.media_type, text
