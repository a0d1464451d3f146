"""JSON-LD as people read it: one published context, the thing at the top, what it links to as references with names.

https://www.w3.org/TR/json-ld11/. The context is made of prefixes, ontology and shapes, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from circkg_loaders.prefixes import prefixes
from circkg_server.linked_data.description import Description
from circkg_server.linked_data.formats import json_document
from circkg_server.linked_data.terms import ONTOLOGY, Terms
from circkg_server.store.neighbourhood import Links
from circkg_shapes.terms import XSD, XSD_STRING, Term, is_iri, literal_parts

_LANG_STRING = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_TEXTS = frozenset(
    f"http://www.w3.org/2004/02/skos/core#{name}"
    for name in ("prefLabel", "altLabel", "definition", "scopeNote", "example", "note", "editorialNote")
)
_KEYWORDS = frozenset(("id", "type", "graph", "reverse"))


@dataclass(slots=True)
class Context:
    """The context: short names of terms, and how their values are written.

    :param names: short name of each property and class.
    :param datatypes: datatype that all values of a property have.
    :param texts: properties whose values are texts by language.
    :param links: properties whose values are IRIs.
    """

    version: str
    names: dict[str, str] = field(default_factory=dict)
    datatypes: dict[str, str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    content: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, terms: Terms) -> Context:
        """Return the context of an ontology and its shapes: the same for the same."""
        context = cls(next(iter(terms.text(ONTOLOGY, "owl:versionInfo")), ""))
        kinds: dict[str, set[str]] = {}
        for shape in terms.properties:
            if "://" in shape.path and "/.well-known/" not in shape.path:
                kinds.setdefault(shape.path, set()).add(shape.datatype)
        own = {kind: terms.of_kind(kind) for kind in ("class", "object property", "datatype property")}
        context.links = set(own["object property"])
        for path, found in kinds.items():
            if found & {_LANG_STRING} or path in _TEXTS:
                context.texts.add(path)
            elif len(found) == 1 and (datatype := next(iter(found))).startswith(XSD) and datatype != XSD_STRING:
                context.datatypes[path] = datatype
        context.texts |= _TEXTS
        classes = [*own["class"], *terms.targets]
        named = dict.fromkeys(
            [*classes, *own["object property"], *own["datatype property"], *sorted(kinds), *sorted(_TEXTS)]
        )
        context._name([iri_ for iri_ in named if iri_ != _TYPE])
        context._write()
        return context

    def _name(self, iris: list[str]) -> None:
        """Give each term its last part as a name, unless that is taken already."""
        taken = Counter(_KEYWORDS)
        for iri_ in iris:
            local = iri_.rpartition("#")[2].rpartition("/")[2]
            if not taken[local]:
                taken[local] += 1
                self.names[iri_] = local

    def _write(self) -> None:
        content: dict[str, Any] = {"@version": 1.1}
        # A name wins over a prefix that is spelt alike, such as that of countries.
        content |= {name: of for name, of in prefixes().items() if name not in self.names.values()}
        content |= {"id": "@id", "type": "@type"}
        for iri_, name in sorted(self.names.items(), key=lambda pair: pair[1]):
            short = self.compact(iri_, with_names=False)
            if iri_ in self.texts:
                content[name] = {"@id": short, "@container": "@language"}
            elif iri_ in self.links:
                content[name] = {"@id": short, "@type": "@id"}
            elif iri_ in self.datatypes:
                content[name] = {"@id": short, "@type": self.compact(self.datatypes[iri_], with_names=False)}
            else:
                content[name] = short
        self.content = content

    def compact(self, iri_: str, *, with_names: bool = True) -> str:
        """Return a property, class or datatype by its short name, or with a prefix, or whole."""
        if with_names and iri_ in self.names:
            return self.names[iri_]
        fitting = [(len(of), name) for name, of in prefixes().items() if iri_.startswith(of)]
        if fitting:
            length, prefix = max(fitting)
            if iri_[length:] and "/" not in iri_[length:]:
                return f"{prefix}:{iri_[length:]}"
        return iri_

    def written(self) -> bytes:
        """Return the context as a document."""
        return json_document({"@context": self.content})


@dataclass(slots=True)
class _Writer:
    context: Context
    description: Description

    def statements(self, links: Links, reach: int) -> dict[str, Any]:
        """Return statements by the short names of their properties.

        :param reach: how many links further names and nodes are written.
        """
        found: dict[str, Any] = {}
        for p, terms in links.items():
            property_ = p[1:-1]
            if property_ == _TYPE:
                found["type"] = _one([self.context.compact(term[1:-1]) for term in terms])
            elif property_ not in self.context.texts:
                found[self.context.compact(property_)] = _one([self.value(property_, term, reach) for term in terms])
            elif all(_is_text(term) for term in terms):
                found[self.context.compact(property_)] = _by_language(terms)
            else:
                name = self.context.compact(property_, with_names=False)
                found[name] = _one([self.value(property_, term, reach) for term in terms])
        return found

    def value(self, property_: str, term: Term, reach: int) -> Any:
        """Return a value as the context lets it be written."""
        if is_iri(term):
            return self.thing(term, reach)
        text, lang, datatype = literal_parts(term)
        if lang:
            return {"@value": text, "@language": lang}
        if self.context.datatypes.get(property_, XSD_STRING) == datatype and property_ not in self.context.links:
            return text
        if datatype == XSD_STRING:
            return {"@value": text}
        return {"@value": text, "@type": self.context.compact(datatype, with_names=False)}

    def thing(self, term: Term, reach: int) -> dict[str, Any]:
        """Return a thing that is linked to: its IRI and names, or all of a node between it and the thing described."""
        description, node = self.description, {"id": term[1:-1]}
        if reach:
            between = description.nodes.get(term) or description.records.get(term)
            node |= self.statements(between or description.names.get(term, {}), reach - 1)
        return node


def _is_text(term: Term) -> bool:
    if is_iri(term):
        return False
    _, lang, datatype = literal_parts(term)
    return bool(lang) or datatype == XSD_STRING


def _by_language(terms: list[Term]) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for term in terms:
        text, lang, _ = literal_parts(term)
        found.setdefault(lang or "@none", []).append(text)
    return {lang: _one(texts) for lang, texts in sorted(found.items())}


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def framed(description: Description, context: Context, context_address: str) -> bytes:
    """Return a description with the thing at the top.

    :param context_address: where the context is.
    """
    writer = _Writer(context, description)
    document: dict[str, Any] = {"@context": context_address, "id": description.iri}
    document |= writer.statements(description.outgoing, reach=2)
    reverse = {
        context.compact(p[1:-1]): [writer.thing(subject, reach=2) for subject in subjects]
        for p, subjects in description.incoming.items()
    }
    if description.records:
        name = context.compact(f"{ONTOLOGY}#recordOf")
        reverse[name] = [*reverse.get(name, []), *(writer.thing(record, reach=2) for record in description.records)]
    if reverse:
        document["@reverse"] = reverse
    return json_document(document)
