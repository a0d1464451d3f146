"""What every vocabulary of the project must hold, whichever file it is in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from rdflib import DCTERMS, OWL, RDF, SKOS, BNode, Graph, Literal, Namespace, URIRef

from circkg_loaders.facts.schema import Kind
from circkg_loaders.facts.tables import TABLES
from circkg_loaders.iris import BASE, is_slug
from circkg_shapes.rooms import room

FILES = sorted((room("ontology") / "vocabularies").glob("*.ttl"))
LANGUAGES = {"en", "pt", "fi", "fr", "de", "es", "it", "pl"}
MAPPINGS = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)
SKOSXL = Namespace("http://www.w3.org/2008/05/skos-xl#")

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@cache
def graph(path: Path) -> Graph:
    return Graph().parse(path, format="turtle")


def scheme(path: Path) -> URIRef:
    return URIRef(f"{BASE}def/{path.stem}")


def concepts(path: Path) -> Iterator[URIRef]:
    yield from sorted(URIRef(str(concept)) for concept in graph(path).subjects(RDF.type, SKOS.Concept))


def texts(path: Path, subject: URIRef, predicate: URIRef) -> list[Literal]:
    return [value for value in graph(path).objects(subject, predicate) if isinstance(value, Literal)]


def test_there_are_vocabularies() -> None:
    assert FILES


def test_each_vocabulary_that_a_column_names_has_a_file() -> None:
    named = {column.target for table in TABLES for column in table.columns if column.kind is Kind.CONCEPT}
    assert named <= {path.stem for path in FILES}


@each_file
def test_the_file_holds_one_described_scheme_of_its_name(path: Path) -> None:
    assert is_slug(path.stem)
    assert list(graph(path).subjects(RDF.type, SKOS.ConceptScheme)) == [scheme(path)]
    titles = [text.language for text in texts(path, scheme(path), DCTERMS.title)]
    assert sorted(filter(None, titles)) == sorted(LANGUAGES)
    assert [text.language for text in texts(path, scheme(path), DCTERMS.description)] == ["en"]
    (version,) = texts(path, scheme(path), OWL.versionInfo)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


@each_file
def test_all_that_is_described_lies_inside_the_scheme(path: Path) -> None:
    inside = re.compile(re.escape(scheme(path)) + r"/([a-z0-9-]+)(#(alt-)?label-[a-z]{2})?")
    for subject in set(graph(path).subjects()) - {scheme(path)}:
        match = inside.fullmatch(str(subject))
        assert match, subject
        assert is_slug(match[1]), subject
    assert not [term for triple in graph(path) for term in triple if isinstance(term, BNode)]


@each_file
def test_a_concept_is_in_the_scheme_under_its_slug(path: Path) -> None:
    for concept in concepts(path):
        assert list(graph(path).objects(concept, SKOS.inScheme)) == [scheme(path)], concept
        assert texts(path, concept, SKOS.notation) == [Literal(concept.rpartition("/")[2])], concept


@each_file
def test_a_concept_has_one_label_in_each_language_and_a_definition(path: Path) -> None:
    for concept in concepts(path):
        languages = Counter(label.language for label in texts(path, concept, SKOS.prefLabel))
        assert set(languages) >= LANGUAGES, concept
        assert set(languages.values()) == {1}, concept
        (definition,) = texts(path, concept, SKOS.definition)
        assert definition.language == "en", concept
        assert re.fullmatch(r"[A-Z].+\.", definition), concept


@each_file
def test_no_label_is_empty_padded_or_shared_by_two_concepts(path: Path) -> None:
    labels = Counter(label for concept in concepts(path) for label in texts(path, concept, SKOS.prefLabel))
    assert [label for label, count in labels.items() if count > 1] == []
    assert [label for label in labels if not label or str(label) != " ".join(label.split())] == []


@each_file
def test_a_hidden_label_has_no_language_and_leads_to_one_concept(path: Path) -> None:
    owners: dict[str, set[URIRef]] = {}
    for concept in concepts(path):
        owners.setdefault(concept.rpartition("/")[2], set()).add(concept)
        for label in texts(path, concept, SKOS.hiddenLabel):
            assert label.language is None, label
            owners.setdefault(str(label), set()).add(concept)
    assert {label: found for label, found in owners.items() if len(found) > 1} == {}


@each_file
def test_a_concept_is_a_top_concept_or_has_a_broader_one(path: Path) -> None:
    known = set(concepts(path))
    tops = set(graph(path).objects(scheme(path), SKOS.hasTopConcept))
    assert tops == set(graph(path).subjects(SKOS.topConceptOf, scheme(path)))
    for concept in known:
        broader = set(graph(path).objects(concept, SKOS.broader))
        assert broader <= known, concept
        assert bool(broader) != (concept in tops), concept


@each_file
def test_no_concept_is_broader_than_itself(path: Path) -> None:
    for concept in concepts(path):
        above = {node for parent in graph(path).objects(concept, SKOS.broader) for node in ancestors(path, parent)}
        assert concept not in above


def ancestors(path: Path, node: object) -> set[object]:
    """Return a concept and all that are broader, also in a graph with cycles."""
    assert isinstance(node, URIRef)
    return set(graph(path).transitive_objects(node, SKOS.broader))


@each_file
def test_an_official_label_names_its_source_and_is_a_label_of_the_concept(path: Path) -> None:
    nodes = set(graph(path).subjects(RDF.type, SKOSXL.Label))
    held: set[object] = set()
    for predicate, plain, mark in ((SKOSXL.prefLabel, SKOS.prefLabel, ""), (SKOSXL.altLabel, SKOS.altLabel, "alt-")):
        for concept, node in graph(path).subject_objects(predicate):
            assert isinstance(node, URIRef)
            (literal,) = texts(path, node, SKOSXL.literalForm)
            (source,) = graph(path).objects(node, DCTERMS.source)
            assert str(node) == f"{concept}#{mark}label-{literal.language}"
            assert (concept, plain, literal) in graph(path), literal
            assert {(concept, match, source) for match in MAPPINGS} & set(graph(path)), f"{concept} is not matched"
            held.add(node)
    assert held == nodes


@each_file
def test_a_match_leads_out_of_the_scheme_and_is_of_one_strength(path: Path) -> None:
    for concept in concepts(path):
        targets = [target for match in MAPPINGS for target in graph(path).objects(concept, match)]
        assert [target for target, count in Counter(targets).items() if count > 1] == [], concept
        assert [target for target in targets if str(target).startswith(f"{scheme(path)}/")] == [], concept


@each_file
def test_the_prefixes_are_those_of_the_project(path: Path) -> None:
    text = (room("ontology") / "prefixes.ttl").read_text(encoding="utf-8")
    known = dict(re.findall(r'sh:prefix "(\w+)" ; sh:namespace "([^"]+)"', text))
    used = dict(re.findall(r"^@prefix (\w+): <([^>]+)>", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert used.items() <= known.items()
