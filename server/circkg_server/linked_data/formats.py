"""The formats of a document, and how statements are written in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pyoxigraph import RdfFormat, parse, serialize

from circkg_loaders.prefixes import prefixes
from circkg_server.linked_data import turtle
from circkg_server.linked_data.addresses import is_ours
from circkg_server.linked_data.description import Description
from circkg_server.negotiation import DOCUMENT_NAMES, choose
from circkg_shapes.terms import Triple


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its media type, ending and name for people."""

    media_type: str
    extension: str
    name: str

    @property
    def content_type(self) -> str:
        """Return the value of the header ``Content-Type``."""
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type


HTML = Format("text/html", "html", "HTML")
TURTLE = Format("text/turtle", "ttl", "Turtle")
JSON_LD = Format("application/ld+json", "jsonld", "JSON-LD")
RDF_XML = Format("application/rdf+xml", "rdf", "RDF/XML")
N_TRIPLES = Format("application/n-triples", "nt", "N-Triples")
TRIG = Format("application/trig", "trig", "TriG")
LINKSET = Format("application/linkset+json", "linkset", "Linkset")

DATA = (TURTLE, JSON_LD, RDF_XML, N_TRIPLES, TRIG)
"""Formats of statements."""
OFFERED = (HTML, *DATA, LINKSET)
"""Formats of a document; the first is for who does not choose."""

_ENGINE = {
    JSON_LD: RdfFormat.JSON_LD,
    RDF_XML: RdfFormat.RDF_XML,
    TRIG: RdfFormat.TRIG,
}


def negotiate(accept: str, offered: Sequence[Format] = OFFERED) -> Format | None:
    """Return the format that a client likes best, or ``None`` if it takes none of those offered.

    >>> negotiate("text/html;q=0.5, text/turtle").name, negotiate("text/n3").name
    ('Turtle', 'Turtle')
    >>> negotiate("image/png") is None
    True
    """
    types = tuple([found.media_type for found in offered])
    # Most clients send one of a few short lists; what anybody may send is not kept if it is long.
    chosen = _chosen(accept, types) if len(accept) <= 256 else choose(accept, types, DOCUMENT_NAMES)
    return next((found for found in offered if found.media_type == chosen), None)


@lru_cache(maxsize=512)
def _chosen(accept: str, types: tuple[str, ...]) -> str | None:
    return choose(accept, types, DOCUMENT_NAMES)


def by_extension(extension: str, offered: Sequence[Format] = OFFERED) -> Format | None:
    """Return the format of an ending."""
    return next((found for found in offered if found.extension == extension), None)


def written(triples: Iterable[Triple], chosen: Format) -> bytes:
    """Return triples in a format, each once, in the order in which they come; JSON-LD is flat."""
    once = dict.fromkeys(triples)
    if chosen is TURTLE:
        return turtle.written(once)
    lines = "".join([f"{s} {p} {o} .\n" for s, p, o in once])
    return lines.encode() if chosen is N_TRIPLES else _serialized(lines, chosen)


def written_with_graphs(description: Description) -> bytes:
    """Return a description in TriG: the statements of the thing and its records in the data sets that say them.

    The rest is in the default graph, of which it is part.
    """
    me = description.me
    lines: dict[str, None] = {}
    for s, p, o in description.triples():
        graphs = description.graphs.get((p, o), [""]) if s == me else [description.record_graphs.get(s, "")]
        for graph in graphs:
            lines[f"{s} {p} {o} {f'<{graph}> ' if graph else ''}.\n"] = None
    return _serialized("".join(lines), TRIG)


def _serialized(lines: str, chosen: Format) -> bytes:
    used = {name: of for name, of, mark in _short() if mark in lines}
    text = serialize(parse(lines.encode(), RdfFormat.N_QUADS), format=_ENGINE[chosen], prefixes=used)
    assert text is not None, "without a file, the text is returned"
    return text


@cache
def _short() -> list[tuple[str, str, str]]:
    """Return prefixes and namespaces with what an IRI in it begins with.

    A slash in a short name must be escaped, which reads worse than the IRI.
    """
    return [(name, of, f"<{of}") for name, of in prefixes().items() if not (is_ours(of) and of[-1] == "/")]


def json_document(content: Any) -> bytes:
    """Return JSON as a document that people can read too."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
