"""Collects the triples of a description, by prefixed names, and writes them in the formats that harvesters read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyoxigraph import RdfFormat, parse, serialize

from circkg_loaders.prefixes import expand, prefixes
from circkg_shapes.terms import XSD, Term, Triple, iri, literal


@dataclass(slots=True)
class Description:
    """Triples in the making. Said twice is said once."""

    triples: set[Triple] = field(default_factory=set)

    def type(self, subject: str, *classes: str) -> None:
        """Say of which classes a thing is, by prefixed names."""
        for class_ in classes:
            self.triples.add((iri(subject), iri(expand("rdf:type")), iri(expand(class_))))

    def link(self, subject: str, predicate: str, *values: str) -> None:
        """Link a thing with others, by their IRIs."""
        self._add(subject, predicate, (iri(value) for value in values))

    def text(self, subject: str, predicate: str, text: str | Mapping[str, str], language: str = "en") -> None:
        """Say a text in one language, or in several; an empty one is left out."""
        texts = {language: text} if isinstance(text, str) else text
        self._add(subject, predicate, (literal(one, tag) for tag, one in texts.items() if one))

    def value(self, subject: str, predicate: str, value: str | int, datatype: str = "") -> None:
        """Say a value.

        :param datatype: name in XML Schema; none: a plain string.
        """
        self._add(subject, predicate, [literal(str(value), datatype=XSD + datatype if datatype else None)])

    def day(self, subject: str, predicate: str, day: str) -> None:
        """Say a day; nothing if it is not known."""
        if day:
            self.value(subject, predicate, day, "date")

    def _add(self, subject: str, predicate: str, values: Iterable[Term]) -> None:
        self.triples.update((iri(subject), iri(expand(predicate)), value) for value in values)


@dataclass(frozen=True, slots=True)
class Form:
    """A form in which a description is given: media type, ending of the address, and how it is called for people."""

    media_type: str
    ending: str
    name: str
    syntax: RdfFormat


FORMS = (
    Form("text/turtle", "ttl", "Turtle", RdfFormat.TURTLE),
    Form("application/ld+json", "jsonld", "JSON-LD", RdfFormat.JSON_LD),
    Form("application/rdf+xml", "rdf", "RDF/XML", RdfFormat.RDF_XML),
    Form("application/n-triples", "nt", "N-Triples", RdfFormat.N_TRIPLES),
)
"""Every form, the first for who does not choose."""


def written(triples: Iterable[Triple], form: Form) -> bytes:
    """Return triples in a form: the same bytes for the same triples."""
    lines = sorted(f"{s} {p} {o} .\n" for s, p, o in set(triples))
    content = "".join(lines).encode()
    if form.syntax == RdfFormat.N_TRIPLES:
        return content
    used = {prefix: space for prefix, space in prefixes().items() if f"<{space}".encode() in content}
    found = serialize(parse(content, RdfFormat.N_TRIPLES), format=form.syntax, prefixes=used)
    assert found is not None
    return found


def entity_tag(content: bytes) -> str:
    """Return the entity tag of a document."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
