"""The published ontology and shapes as pages need them, read once a snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from circkg_loaders.iris import BASE, set_iri
from circkg_loaders.prefixes import expand
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.languages import best
from circkg_shapes.terms import Term, Triple, is_iri, literal_parts

ONTOLOGY = f"{BASE}def"
KINDS = {
    expand("owl:Class"): "class",
    expand("owl:ObjectProperty"): "object property",
    expand("owl:DatatypeProperty"): "datatype property",
    expand("owl:AnnotationProperty"): "annotation property",
}
_GROUP_ORDER = 99.0
_MOST_KEPT = 8192
P = ParamSpec("P")
R = TypeVar("R")


def _graph(slug: str) -> Template:
    return Template(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{set_iri(slug)}> {{ ?s ?p ?o }} }}")


@dataclass(frozen=True, slots=True)
class PropertyShape:
    """What a shape says of a property of a class.

    :param names: its name by language.
    :param place: order of its group, and its own in it.
    """

    iri: str
    node_shape: str
    path: str
    names: dict[str, str]
    group: str
    place: tuple[float, float]
    datatype: str


@dataclass(frozen=True, slots=True)
class ShapePage:
    """A node shape: what it judges, and each of its properties with description, least and most values."""

    iri: str
    name: str
    description: str
    targets: list[str]
    rows: list[tuple[PropertyShape, str, str, str]]


def _once(method: Callable[Concatenate[Terms, P], R]) -> Callable[Concatenate[Terms, P], R]:
    """Keep what a method says of the same arguments: pages ask it for each of their properties."""

    def kept(terms: Terms, /, *given: P.args, **named: P.kwargs) -> R:
        key = (method.__name__, *given, *named.items())
        if key not in terms.kept:
            if len(terms.kept) >= _MOST_KEPT:
                terms.kept.clear()
            terms.kept[key] = method(terms, *given, **named)
        found: R = terms.kept[key]
        return found

    kept.__doc__ = method.__doc__
    return kept


@dataclass(slots=True)
class Terms:
    """Ontology and shapes.

    :param said: statements of the ontology by subject and property, IRIs as terms.
    :param targets: class that each node shape judges.
    :param kept: what has been said, by what was asked.
    """

    said: dict[Term, dict[Term, list[Term]]] = field(default_factory=dict)
    shapes: dict[Term, dict[Term, list[Term]]] = field(default_factory=dict)
    targets: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    properties: list[PropertyShape] = field(default_factory=list)
    _places: dict[str, list[PropertyShape]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[tuple[Hashable, ...], Any] = field(default_factory=dict)

    @classmethod
    async def of(cls, snapshot: Snapshot) -> Terms:
        """Return what a snapshot publishes.

        :raises RequestProblem: if it cannot be asked now.
        """
        return cls.of_triples(await snapshot.triples(_graph("ontology")), await snapshot.triples(_graph("shapes")))

    @classmethod
    def of_triples(cls, ontology: list[Triple], shapes: list[Triple]) -> Terms:
        """Return the terms and shapes that some triples define."""
        terms = cls(_by_subject(ontology))
        terms.add_shapes(_by_subject(shapes))
        return terms

    def add_shapes(self, shapes: dict[Term, dict[Term, list[Term]]]) -> None:
        """Take shapes into account."""
        self.shapes = shapes
        sh = {name: f"<{expand(f'sh:{name}')}>" for name in
              ("targetClass", "property", "path", "name", "group", "order", "datatype")}  # fmt: skip
        for shape, said in sorted(self.shapes.items()):
            for target in said.get(sh["targetClass"], ()):
                self.targets[target[1:-1]].append(shape[1:-1])
            for node in said.get(sh["property"], ()):
                about = self.shapes.get(node, {})
                path = _first(about, sh["path"])
                group = _first(about, sh["group"])
                place = (self._number(group, sh["order"]), self._number(node, sh["order"]))
                found = PropertyShape(
                    node[1:-1], shape[1:-1], path[1:-1], _texts(about, sh["name"]), group[1:-1], place,
                    _first(about, sh["datatype"])[1:-1],
                )  # fmt: skip
                self.properties.append(found)
                self._places[found.path].append(found)

    def _number(self, node: Term, property_: Term) -> float:
        text = _text(self.shapes.get(node, {}), property_)
        return float(text) if text else _GROUP_ORDER

    @_once
    def place(self, property_: str, types: tuple[str, ...]) -> tuple[str, tuple[float, float]]:
        """Return the group of a property and where it stands in it, as the shape of one of the classes says."""
        found = self._places.get(property_, [])
        own = [shape for shape in found if any(shape.node_shape in self.targets[type_] for type_ in types)]
        first = min(own or found, key=lambda shape: shape.place, default=None)
        if first is None:
            return "", (_GROUP_ORDER, _GROUP_ORDER)
        return first.group.rpartition("#")[2], first.place

    @_once
    def name(self, property_: str, types: tuple[str, ...], language: str) -> tuple[str, bool]:
        """Return what a property is called, and whether the shape of one of the classes says so; else any shape."""
        found = [shape for shape in self._places.get(property_, ()) if language in shape.names]
        own = [shape for shape in found if any(shape.node_shape in self.targets[type_] for type_ in types)]
        return next((shape.names[language] for shape in own or found), ""), bool(own)

    @_once
    def group(self, name: str, language: str) -> str:
        """Return the heading of a group of properties; empty if the shapes have none of that name."""
        return _texts(self.shapes.get(f"<{ONTOLOGY}/shapes#{name}>", {}), f"<{expand('rdfs:label')}>").get(language, "")

    @_once
    def class_name(self, iri: str, language: str) -> str:
        """Return what the shape of a class calls it; empty if it has none."""
        # A class may have a second shape, on what is worth having; the first asks for what must be there.
        shape = max(self.targets.get(iri, ()), key=lambda shape: not shape.endswith("CompletenessShape"), default="")
        return _texts(self.shapes.get(f"<{shape}>", {}), f"<{expand('sh:name')}>").get(language, "")

    @_once
    def label(self, iri: str) -> str:
        """Return the label of a term; empty if the ontology has none."""
        return _text(self.said.get(f"<{iri}>", {}), f"<{expand('rdfs:label')}>")

    def text(self, iri: str, property_: str) -> list[str]:
        """Return the texts that the ontology gives for a property of a term, in English or without a language."""
        parts = [literal_parts(term) for term in self.values(iri, property_) if not is_iri(term)]
        return [text for text, lang, _ in parts if lang in ("en", None)]

    def values(self, iri: str, property_: str) -> list[Term]:
        """Return the values of a property of a term, as terms."""
        return self.said.get(f"<{iri}>", {}).get(f"<{expand(property_)}>", [])

    def of_kind(self, kind: str) -> list[str]:
        """Return the terms of a kind, by name."""
        wanted = {f"<{class_}>" for class_, name in KINDS.items() if name == kind}
        type_ = f"<{expand('rdf:type')}>"
        return sorted(
            s[1:-1] for s, said in self.said.items()
            if s.startswith(f"<{ONTOLOGY}#") and wanted & set(said.get(type_, ()))
        )  # fmt: skip

    def shape_pages(self) -> list[ShapePage]:
        """Return the node shapes as their page shows them, by name."""
        pages = []
        for shape, said in self.shapes.items():
            if f"<{expand('sh:NodeShape')}>" not in said.get(f"<{expand('rdf:type')}>", ()):
                continue
            own = [found for found in self.properties if found.node_shape == shape[1:-1]]
            rows = [
                (found, self._said(found, "sh:description"), self._said(found, "sh:minCount"),
                 self._said(found, "sh:maxCount"))
                for found in sorted(own, key=lambda found: found.place)
            ]  # fmt: skip
            pages.append(
                ShapePage(
                    shape[1:-1], _text(said, f"<{expand('sh:name')}>"),
                    _text(said, f"<{expand('sh:description')}>"),
                    [term[1:-1] for term in said.get(f"<{expand('sh:targetClass')}>", ())], rows,
                )
            )  # fmt: skip
        return sorted(pages, key=lambda page: page.name)

    def _said(self, shape: PropertyShape, name: str) -> str:
        return _text(self.shapes[f"<{shape.iri}>"], f"<{expand(name)}>")

    def shapes_of(self, iri: str) -> list[str]:
        """Return the shapes that judge a class, or the property shapes of a property."""
        return sorted({*self.targets.get(iri, ()), *(shape.iri for shape in self._places.get(iri, ()))})


def _by_subject(triples: list[Triple]) -> dict[Term, dict[Term, list[Term]]]:
    said: dict[Term, dict[Term, list[Term]]] = {}
    for s, p, o in sorted(triples):
        said.setdefault(s, {}).setdefault(p, []).append(o)
    return said


def _first(said: dict[Term, list[Term]], property_: Term) -> Term:
    return next(iter(said.get(property_, ())), "")


def _texts(said: dict[Term, list[Term]], property_: Term) -> dict[str, str]:
    """Return the texts of a property by language; those without one count as English."""
    parts = [literal_parts(term) for term in said.get(property_, ()) if not is_iri(term)]
    return {lang or "en": text for text, lang, _ in parts}


def _text(said: dict[Term, list[Term]], property_: Term) -> str:
    """Return the text of a property: the English one where there are several languages."""
    return best([term for term in said.get(property_, ()) if not is_iri(term)], "en")[0]
