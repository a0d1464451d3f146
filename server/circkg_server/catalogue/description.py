"""Collects the triples of a description, by prefixed names, and writes them in the formats that harvesters read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from pyoxigraph import RdfFormat, parse, serialize

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand, prefixes
from circkg_server.publishing.names import JSON_LD_LOCAL, TURTLE_LOCAL, Names
from circkg_shapes.terms import XSD, Term, Triple, iri, literal, literal_parts

_TYPE = iri(expand("rdf:type"))
_INTEGER = re.compile(rf'"([+-]?[0-9]+)"\^\^<{re.escape(XSD)}integer>')


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


FORMS = (
    Form("text/turtle", "ttl", "Turtle"),
    Form("application/ld+json", "jsonld", "JSON-LD"),
    Form("application/rdf+xml", "rdf", "RDF/XML"),
    Form("application/n-triples", "nt", "N-Triples"),
)
"""Every form, the first for who does not choose."""


def written(triples: Iterable[Triple], form: Form) -> bytes:
    """Return triples in a form: the same bytes for the same triples, whatever their order."""
    ordered = sorted(set(triples), key=_order)
    if form.ending == "ttl":
        return _turtle(ordered).encode()
    if form.ending == "jsonld":
        return _json_ld(ordered).encode()
    lines = "".join(f"{s} {p} {o} .\n" for s, p, o in ordered).encode()
    return _rdf_xml(ordered, lines) if form.ending == "rdf" else lines


def _order(triple: Triple) -> tuple[bool, Term, bool, Term, Term]:
    """Put what is ours before what it refers to, and the class of a thing before the rest."""
    subject, predicate, value = triple
    return not subject.startswith(f"<{BASE}"), subject[:-1], predicate != _TYPE, predicate, value


def _used(triples: Iterable[Triple]) -> dict[str, str]:
    """Return the prefixes that triples use, in alphabetical order."""
    iris = {term for triple in triples for term in triple if term[0] == "<"}
    iris |= {
        f"<{literal_parts(triple[2])[2]}>" for triple in triples if triple[2].endswith(">") and triple[2][0] == '"'
    }
    return {
        prefix: space
        for prefix, space in sorted(prefixes().items())
        if any(term.startswith(f"<{space}") for term in iris)
    }


def _turtle(triples: list[Triple]) -> str:
    used = _used(triples)
    names = Names(used, TURTLE_LOCAL)

    def term(text: Term) -> str:
        plain = _INTEGER.fullmatch(text)
        return plain[1] if plain else names.turtle(text)

    parts = [f"@prefix {prefix}: <{space}> .\n" for prefix, space in used.items()]
    for subject, of_subject in groupby(triples, key=itemgetter(0)):
        lines = []
        for predicate, of_predicate in groupby(of_subject, key=itemgetter(1)):
            values = " ,\n        ".join(term(value) for _, _, value in of_predicate)
            lines.append(f"{'a' if predicate == _TYPE else term(predicate)} {values}")
        parts.append(f"\n{term(subject)} " + " ;\n    ".join(lines) + " .\n")
    return "".join(parts)


def _json_ld(triples: list[Triple]) -> str:
    used = _used(triples)
    names = Names(used, JSON_LD_LOCAL)
    name, value = names.node, names.json_value
    nodes = []
    for subject, of_subject in groupby(triples, key=itemgetter(0)):
        node: dict[str, object] = {"@id": name(subject)}
        for predicate, of_predicate in groupby(of_subject, key=itemgetter(1)):
            objects = [text for _, _, text in of_predicate]
            values = [name(text) for text in objects] if predicate == _TYPE else [value(text) for text in objects]
            node["@type" if predicate == _TYPE else name(predicate)] = values[0] if len(values) == 1 else values
        nodes.append(node)
    return json.dumps({"@context": used, "@graph": nodes}, ensure_ascii=False, indent=2) + "\n"


def _rdf_xml(triples: list[Triple], lines: bytes) -> bytes:
    content = serialize(parse(lines, RdfFormat.N_TRIPLES), format=RdfFormat.RDF_XML, prefixes=_used(triples))
    assert content is not None
    # The serializer declares prefixes in no order that it would promise.
    return re.sub(
        rb"<rdf:RDF ([^>]*)>", lambda root: b"<rdf:RDF %b>" % b" ".join(sorted(root[1].split(b" "))), content, count=1
    )
