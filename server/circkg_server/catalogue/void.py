"""What the graph is made of, in VoID: figures, links outward, and which classes have which properties of which classes.

https://www.w3.org/TR/void/. Partitions nest as SPARQL editors read them: class, its properties, and for each the
classes or datatypes of the values. The figures are those of :mod:`circkg_server.catalogue.statistics`.
"""

from __future__ import annotations

import hashlib
import re

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import shorten
from circkg_server.catalogue import authorities
from circkg_server.catalogue.dcat import View
from circkg_server.catalogue.description import Description
from circkg_server.catalogue.statistics import Statistics, of_default_graph, of_release
from circkg_server.catalogue.targets import TARGETS
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.manifest import Release
from circkg_shapes.terms import Triple

DESCRIPTION = f"{BASE}void"
DEFAULT_GRAPH = f"{BASE}set#default-graph"
_FORMATS = "http://www.w3.org/ns/formats/"
_DUMPS = {"ttl": "Turtle", "nq": "N-Quads", "trig": "TriG", "jsonld": "JSON-LD"}


def void(view: View) -> set[Triple]:
    """Return the description of the default graph and of each set of the current manifest."""
    said = Description()
    said.type(DESCRIPTION, "void:DatasetDescription")
    said.text(DESCRIPTION, "dct:title", "What CircKG is made of")
    said.link(DESCRIPTION, "foaf:topic", DEFAULT_GRAPH, *(release.graph for release in view.manifest.releases))
    said.link(DESCRIPTION, "foaf:primaryTopic", DEFAULT_GRAPH)
    said.text(DEFAULT_GRAPH, "dct:title", "Default graph")
    said.text(
        DEFAULT_GRAPH, "dct:description",
        "The RDF merge of the stated, inferred and vocabulary graphs, each triple once: what a query asks that names "
        "no graph.",
    )  # fmt: skip
    merged = of_default_graph(view.archive, view.manifest)
    _figures(said, DEFAULT_GRAPH, merged)
    said.link(DEFAULT_GRAPH, "void:sparqlEndpoint", view.endpoint)
    linked = set(merged.links)
    for release in view.manifest.releases:
        found = of_release(view.archive, release)
        linked |= set(found.links)
        _set(said, view, release, found)
        if release.role.in_default_graph:
            said.link(DEFAULT_GRAPH, "void:subset", release.graph)
    for target in TARGETS:
        if target.slug in linked:
            name = target_iri(target.slug)
            said.type(name, "void:Dataset")
            said.text(name, "dct:title", target.title)
            said.link(name, "foaf:page", target.page)
            said.value(name, "void:uriSpace", target.space)
    return said.triples


def target_iri(slug: str) -> str:
    """Return the IRI by which we speak of a data set elsewhere."""
    return f"{DESCRIPTION}#{slug}"


def _set(said: Description, view: View, release: Release, found: Statistics) -> None:
    name = release.graph
    said.text(name, "dct:title", release.title)
    said.text(name, "dct:description", release.description)
    said.link(name, "dct:license", authorities.licence(release.licence))
    said.day(name, "dct:modified", release.issued)
    said.link(name, "foaf:homepage", view.page_address(name))
    said.link(name, "void:sparqlEndpoint", view.endpoint)
    for file in distributions(view.archive, release):
        if file.kind in _DUMPS:
            said.link(name, "void:dataDump", view.file_address(file))
            said.link(name, "void:feature", _FORMATS + _DUMPS[file.kind])
    _figures(said, name, found)


def _figures(said: Description, name: str, found: Statistics) -> None:
    said.type(name, "void:Dataset")
    _number(said, name, "void:triples", found.triples)
    _number(said, name, "void:entities", found.entities)
    _number(said, name, "void:distinctSubjects", found.subjects)
    _number(said, name, "void:distinctObjects", found.objects)
    _number(said, name, "void:classes", len(found.classes))
    _number(said, name, "void:properties", len(found.properties))
    said.link(name, "void:vocabulary", *found.vocabularies)
    said.link(name, "void:exampleResource", *found.examples)
    if found.space:
        said.value(name, "void:uriSpace", found.space)
    for class_, entities in found.classes.items():
        part = _part(name, f"class-{_slug(class_)}")
        said.link(name, "void:classPartition", part)
        said.type(part, "void:Dataset")
        said.link(part, "void:class", class_)
        _number(said, part, "void:entities", entities)
        _properties(said, part, found, class_)
    for property_, (triples, subjects) in found.properties.items():
        part = _part(name, f"property-{_slug(property_)}")
        said.link(name, "void:propertyPartition", part)
        _property(said, part, property_, triples, subjects)
    _linksets(said, name, found)


def _properties(said: Description, name: str, found: Statistics, class_: str) -> None:
    for property_, partition in found.partitions.get(class_, {}).items():
        part = _part(name, f"property-{_slug(property_)}")
        said.link(name, "void:propertyPartition", part)
        _property(said, part, property_, partition.triples, partition.subjects)
        for object_class, triples in partition.classes.items():
            inner = _part(part, f"class-{_slug(object_class)}")
            said.link(part, "void:classPartition", inner)
            said.link(inner, "void:class", object_class)
            _number(said, inner, "void:triples", triples)
        for datatype, triples in partition.datatypes.items():
            inner = _part(part, f"datatype-{_slug(datatype)}")
            said.link(part, "voidext:datatypePartition", inner)
            said.link(inner, "voidext:datatype", datatype)
            _number(said, inner, "void:triples", triples)


def _property(said: Description, part: str, property_: str, triples: int, subjects: int) -> None:
    said.type(part, "void:Dataset")
    said.link(part, "void:property", property_)
    _number(said, part, "void:triples", triples)
    _number(said, part, "void:distinctSubjects", subjects)


def _linksets(said: Description, name: str, found: Statistics) -> None:
    """Say where links lead: a linkset for each target, and in it one for each property."""
    for target, by_property in found.links.items():
        linkset = _part(name, f"links-{target}")
        said.link(name, "void:subset", linkset)
        _linkset(said, linkset, name, target, found.linked[target])
        for property_, triples in by_property.items():
            said.link(linkset, "void:linkPredicate", property_)
            if len(by_property) > 1:
                part = _part(linkset, _slug(property_))
                said.link(linkset, "void:subset", part)
                _linkset(said, part, name, target, triples)
                said.link(part, "void:linkPredicate", property_)


def _linkset(said: Description, linkset: str, name: str, target: str, triples: int) -> None:
    said.type(linkset, "void:Linkset")
    said.link(linkset, "void:subjectsTarget", name)
    said.link(linkset, "void:objectsTarget", target_iri(target))
    _number(said, linkset, "void:triples", triples)


def _number(said: Description, subject: str, predicate: str, number: int) -> None:
    said.value(subject, predicate, number, "integer")


def _part(name: str, part: str) -> str:
    """Return the IRI of a part of something, which may be a part itself.

    >>> _part("https://w3id.org/circkg/set/ccri", "links-nuts"), _part("https://w3id.org/circkg/set#a", "b")
    ('https://w3id.org/circkg/set/ccri#links-nuts', 'https://w3id.org/circkg/set#a.b')
    """
    return f"{name}{'.' if '#' in name else '#'}{part}"


def _slug(iri: str) -> str:
    """Return the name of a term in a fragment: that by its prefix, or a digest if it has none that is plain.

    >>> _slug("https://w3id.org/circkg/def#Practice"), _slug("http://example.org/x")
    ('circ-Practice', 'xb973f368')
    """
    short = shorten(iri)
    if re.fullmatch(r"\w+:\w+", short, re.ASCII):
        return short.replace(":", "-")
    return f"x{hashlib.sha256(iri.encode()).hexdigest()[:8]}"
