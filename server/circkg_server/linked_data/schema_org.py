"""The same thing in the words of schema.org, for search engines and whoever knows no other.

Each statement stands for one of ours; what schema.org has no word for is left out. https://schema.org/ (30.0)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from circkg_loaders.prefixes import expand
from circkg_server.linked_data.description import Description
from circkg_shapes.terms import Term, Triple, is_iri, literal_parts

NAMESPACE = "https://schema.org/"
CLASSES = {
    "circ:Initiative": "Project",
    "circ:Practice": "HowTo",
    "circ:Territory": "AdministrativeArea",
    "circ:PolicyInstrument": "CreativeWork",
    "eli:LegalResource": "Legislation",
    "circ:FundingProgramme": "FundingScheme",
    "circ:Action": "Action",
    "circ:Output": "CreativeWork",
    "circ:SupportService": "Service",
    "circ:Topic": "DefinedTerm",
    "circ:Amount": "MonetaryAmount",
    "circ:Quantity": "QuantitativeValue",
    "circ:SourceDocument": "CreativeWork",
    "circ:Claim": "Claim",
    "org:Organization": "Organization",
    "org:OrganizationalUnit": "Organization",
    "schema:Event": "Event",
    "skos:Concept": "DefinedTerm",
    "skos:ConceptScheme": "DefinedTermSet",
}
"""Class of schema.org that stands for a class; of several, the last one listed here is the most telling."""
PROPERTIES = {
    "skos:prefLabel": "name",
    "dct:title": "name",
    "skos:altLabel": "alternateName",
    "dct:description": "description",
    "skos:definition": "description",
    "foaf:homepage": "url",
    "schema:url": "url",
    "foaf:page": "subjectOf",
    "schema:startDate": "startDate",
    "schema:endDate": "endDate",
    "schema:value": "value",
    "schema:unitText": "unitText",
    "schema:inLanguage": "inLanguage",
    "schema:organizer": "organizer",
    "schema:contributor": "contributor",
    "dct:issued": "datePublished",
    "dct:identifier": "identifier",
    "circ:locatedIn": "location",
    "circ:within": "containedInPlace",
    "circ:hasTheme": "about",
    "circ:fundedBy": "funder",
    "circ:partOf": "parentOrganization",
    "circ:vatNumber": "vatID",
    "circ:celex": "legislationIdentifier",
    "circ:offeredBy": "provider",
    "skos:inScheme": "inDefinedTermSet",
    "skos:notation": "termCode",
    "skos:exactMatch": "sameAs",
    "owl:sameAs": "sameAs",
}
"""Property of schema.org that stands for a property of a thing."""
_ONLY_FOR = {
    "containedInPlace": {"AdministrativeArea"},
    "parentOrganization": {"Project"},  # a project is an organisation there
    "location": {"Project", "Organization", "Event", "Action"},
}
"""Classes to which a property is confined; the others are as general as they are used here."""


@cache
def _classes() -> list[tuple[str, str]]:
    return [(expand(ours), name) for ours, name in CLASSES.items()]


@cache
def _properties() -> list[tuple[Term, str]]:
    return [(f"<{expand(ours)}>", name) for ours, name in PROPERTIES.items()]


def class_of(description: Description) -> str:
    """Return the class of schema.org that says most of a thing, by its name there."""
    found = set(description.types())
    return next((name for ours, name in reversed(_classes()) if ours in found), "Thing")


def triples(description: Description) -> Iterator[Triple]:
    """Yield the statements about a thing in the words of schema.org, and the names of what they link to."""
    me = description.me
    kind = class_of(description)
    yield me, f"<{expand('rdf:type')}>", f"<{NAMESPACE}{kind}>"
    named: dict[Term, None] = {}
    for ours, name in _properties():
        confined = _ONLY_FOR.get(name)
        if confined is not None and kind not in confined:
            continue
        for value in description.outgoing.get(ours, ()):
            yield me, f"<{NAMESPACE}{name}>", value
            if is_iri(value):
                named[value] = None
    for term in named:
        for text in description.literals(term):
            if not is_iri(text):
                yield term, f"<{NAMESPACE}name>", text


def document(description: Description) -> dict[str, Any]:
    """Return the statements as JSON-LD in the context of schema.org."""
    me = description.me
    about: dict[str, list[Any]] = {}
    names: dict[Term, list[Term]] = {}
    statements = list(triples(description))
    for s, _, o in statements:
        if s != me:
            names.setdefault(s, []).append(o)
    for s, p, o in statements:
        if s == me:
            key = "@type" if p.endswith("#type>") else p[1:-1].removeprefix(NAMESPACE)
            about.setdefault(key, []).append(o[1:-1].removeprefix(NAMESPACE) if key == "@type" else _value(o, names))
    content = {key: values[0] if len(values) == 1 else values for key, values in about.items()}
    return {"@context": NAMESPACE, "@id": description.iri, **content}


def _value(term: Term, names: dict[Term, list[Term]]) -> Any:
    if is_iri(term):
        node: dict[str, Any] = {"@id": term[1:-1]}
        if texts := names.get(term):
            node["name"] = _one([_value(text, {}) for text in texts])
        return node
    text, lang, _ = literal_parts(term)
    return {"@value": text, "@language": lang} if lang else text


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def in_page(description: Description, page: str) -> str:
    """Return the JSON-LD that stands in a page, where no text can end the script that holds it.

    :param page: address of the page.
    """
    text = json.dumps(document(description) | {"mainEntityOfPage": page}, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
