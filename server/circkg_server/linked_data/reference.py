"""The reference of the ontology: every term with what it means, where it stands, how it is used."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_loaders.prefixes import expand, shorten
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.questions_about import questions_about
from circkg_server.linked_data.terms import KINDS, ONTOLOGY, Terms
from circkg_server.linked_data.values import Value
from circkg_server.questions import Question
from circkg_shapes.terms import is_iri, literal_parts

MATCHES = ("skos:exactMatch", "skos:closeMatch", "skos:broadMatch", "skos:narrowMatch", "skos:relatedMatch")
"""Properties by which a term is aligned with terms of other ontologies, the closest first."""
_CLASSES = Template("SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c")
_PROPERTIES = Template("SELECT ?c (COUNT(*) AS ?n) WHERE { ?s ?c ?o } GROUP BY ?c")


@dataclass(frozen=True, slots=True)
class Entry:
    """A term as the reference shows it.

    :param used_with: of a class, the properties that its shape knows; of a property, the classes whose shapes do.
    :param uses: how many things are of the class, or statements have the property.
    """

    iri: str
    name: str
    label: str
    kind: str
    definition: str
    notes: list[str]
    examples: list[str]
    above: list[Value]
    below: list[Value]
    used_with: list[Value]
    shapes: list[Value]
    matches: list[tuple[str, Value]]
    questions: list[Question]
    uses: int


async def uses(snapshot: Snapshot) -> dict[str, int]:
    """Return how many things are of each class, and statements have each property.

    :raises RequestProblem: if the snapshot cannot be asked now.
    """
    rows = [*await snapshot.rows(_CLASSES), *await snapshot.rows(_PROPERTIES)]
    return {row["c"][1:-1]: int(literal_parts(row["n"])[0]) for row in rows}


def entries(terms: Terms, counts: dict[str, int]) -> dict[str, list[Entry]]:
    """Return the terms by kind, each kind by name."""
    return {kind: [_entry(terms, iri, kind, counts) for iri in terms.of_kind(kind)] for kind in KINDS.values()}


def _entry(terms: Terms, iri: str, kind: str, counts: dict[str, int]) -> Entry:
    parent = "rdfs:subClassOf" if kind == "class" else "rdfs:subPropertyOf"
    children = sorted(s[1:-1] for s, said in terms.said.items() if f"<{iri}>" in said.get(f"<{expand(parent)}>", ()))
    if kind == "class":
        with_ = [shape.path for shape in sorted(terms.properties, key=lambda shape: shape.place)
                 if shape.node_shape in terms.targets.get(iri, ()) and "/.well-known/" not in shape.path]  # fmt: skip
    else:
        with_ = sorted({class_ for class_, shapes in terms.targets.items()
                        for shape in terms.properties if shape.path == iri and shape.node_shape in shapes})  # fmt: skip
    return Entry(
        iri, iri.rpartition("#")[2], terms.label(iri), kind, " ".join(terms.text(iri, "skos:definition")),
        terms.text(iri, "skos:scopeNote"), terms.text(iri, "skos:example"),
        [_value(term[1:-1]) for term in terms.values(iri, parent) if is_iri(term)],
        [_value(child) for child in children],
        [_value(one) for one in dict.fromkeys(with_)],
        [_value(shape) for shape in terms.shapes_of(iri)],
        [(name.partition(":")[2], _value(term[1:-1])) for name in MATCHES for term in terms.values(iri, name)],
        questions_about(iri), counts.get(iri, 0),
    )  # fmt: skip


def _value(iri: str) -> Value:
    """Return a term by its short name, leading to its place in the reference or to its ontology."""
    name = shorten(iri).strip("<>")
    if iri.startswith(ONTOLOGY):
        return Value(name, href=f"/def{iri.removeprefix(ONTOLOGY)}")
    return Value(name, href=iri, outside=True)
