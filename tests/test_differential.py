"""Ours and pySHACL say the same about data that are wrong in many ways: made by rule, mutated, and drawn by Hypothesis.

What is drawn stays clear of the register of deviations (tests/shacl/deviations.yaml); everything else must be equal:
the multiset of focus node, path, value, component, source shape and severity.
"""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import RdfFormat

from circkg_shapes import Shapes, validate
from circkg_shapes.encoding import Columns
from circkg_shapes.terms import Triple

from .benchmarks import flawed
from .shacl_cases import PREFIXES, by_pyshacl, rows, triples

XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(scope="module")
def made_shapes() -> Shapes:
    return Shapes.load([flawed.SHAPES])


def made(size: int) -> list[Triple]:
    text = "".join(flawed.lines(size)).encode()
    return list(Columns.parse(text, RdfFormat.N_TRIPLES).triples())


# --- data made by rule ------------------------------------------------------------------------------------------------


def test_there_are_many_kinds_of_flaws() -> None:
    assert len(flawed.FLAWS) >= 12
    assert {flawed.flaw_of(unit) for unit in range(flawed.units(10_000))} == {"", *flawed.FLAWS}


@pytest.mark.parametrize("size", [10_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_same_as_pyshacl_on_made_data(made_shapes: Shapes, size: int) -> None:
    data = made(size)
    report = validate(data, [], made_shapes)
    assert report.engine.startswith("CircKG ")
    assert rows(report) == by_pyshacl(data, made_shapes)


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_every_flaw_that_was_made_is_found(made_shapes: Shapes, size: int) -> None:
    report = validate(made(size), [], made_shapes)
    found = {(result.focus_node, result.source_shape, result.component_name) for result in report.results}
    assert [flaw for flaw in flawed.flaws(size) if flaw not in found] == []


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 20))])
def test_same_as_pyshacl_on_mutated_data(made_shapes: Shapes, seed: int) -> None:
    """One triple in ten gets a value of another kind, but none that the register of deviations is about."""
    chance = random.Random(seed)
    odd = [
        '"x"@en', '""', '"EN"@en', f'"7"^^<{XSD}integer>', f'"07"^^<{XSD}integer>', f'"1.50"^^<{XSD}decimal>',
        f'"x"^^<{XSD}integer>', f'"true"^^<{XSD}boolean>', "<https://example.org/id/odd>", '"completed"', "_:odd",
    ]  # fmt: skip
    compared = {flawed.term(name) for name in ("start", "end", "from", "to")}
    dates = [f'"20{year}-03-04"^^<{XSD}date>' for year in (10, 20, 30)]
    data = []
    for subject, predicate, value in made(10_000)[seed % 3 :: 2]:
        if chance.random() < 0.1 and predicate != flawed.TYPE:
            value = chance.choice(dates if predicate in compared else odd)  # noqa: PLW2901 - the mutation
        data.append((subject, predicate, value))
    numbers = {flawed.term(name) for name in ("budget", "share", "staff", "level", "weight", "founded")}
    # rdflib orders values of different kinds: see range-of-another-type in the register.
    data = [t for t in data if not (t[1] in numbers and ("boolean" in t[2] or '"x"^^' in t[2] or "founded" in t[1]))]
    found = validate(data, [], made_shapes)
    assert len(found.results) > 100
    assert rows(found) == by_pyshacl(data, made_shapes)


# --- drawn data and shapes --------------------------------------------------------------------------------------------

NODES = [f"ex:n{number}" for number in range(5)]
PROPERTIES = ["ex:p", "ex:q", "ex:r"]
NUMBERS = ["0", "1", "2", "3", '"02"^^xsd:integer', "1.5", "2.0", '"2"^^xsd:byte', '"x"^^xsd:integer']
TEXTS = ['""', '"a"', '"ab"', '"abc"', '"Ab"', '"a"@en', '"ab"@en', '"ab"@en-GB', '"b"@fr', '"é"@fr', '"a\\n"@de']
DATES = ['"2020-01-01"^^xsd:date', '"2021-06-30"^^xsd:date', '"2020-02-30"^^xsd:date']
VALUES = [*NODES, "_:b1", "_:b2", *NUMBERS, *TEXTS, *DATES, "true", '"1"^^xsd:boolean']
COMPARABLE = ["0", "1", "2", "3", "1.5", "2.0", '"02"^^xsd:integer']

statements = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([*NODES, "_:b1"]), st.sampled_from(PROPERTIES), st.sampled_from(VALUES)),
        st.tuples(st.sampled_from(NODES), st.just("a"), st.sampled_from(["ex:C", "ex:D", "ex:E"])),
        # Only numbers stand where something is compared: the register tells how others differ.
        st.tuples(st.sampled_from(NODES), st.sampled_from(["ex:low", "ex:high"]), st.sampled_from(COMPARABLE)),
        st.just(("ex:D", "rdfs:subClassOf", "ex:C")),
    ),
    min_size=1,
    max_size=25,
)

steps = st.sampled_from(PROPERTIES)
paths = st.recursive(
    steps,
    lambda inner: st.one_of(
        steps.map(lambda step: f"[ sh:inversePath {step} ]"),
        inner.map(lambda path: f"[ sh:zeroOrMorePath {path} ]"),
        inner.map(lambda path: f"[ sh:oneOrMorePath {path} ]"),
        inner.map(lambda path: f"[ sh:zeroOrOnePath {path} ]"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"( {' '.join(parts)} )"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"[ sh:alternativePath ( {' '.join(parts)} ) ]"),
    ),
    max_leaves=4,
)

on_values = st.one_of(
    st.sampled_from(["ex:C", "ex:D"]).map(lambda kind: f"sh:class {kind}"),
    st.sampled_from(["xsd:integer", "xsd:decimal", "xsd:date", "xsd:string", "rdf:langString", "xsd:boolean"]).map(
        lambda datatype: f"sh:datatype {datatype}"
    ),
    st.sampled_from(["IRI", "BlankNode", "Literal", "BlankNodeOrIRI", "BlankNodeOrLiteral", "IRIOrLiteral"]).map(
        lambda kind: f"sh:nodeKind sh:{kind}"
    ),
    st.integers(1, 3).map(lambda bound: f"sh:minLength {bound}"),
    st.integers(0, 22).map(lambda bound: f"sh:maxLength {bound}"),
    st.sampled_from(['"^a"', '"b"', '"[0-9]"', '"^.b" ; sh:flags "i"']).map(lambda pattern: f"sh:pattern {pattern}"),
    st.lists(st.sampled_from(['"en"', '"fr"', '"de"']), unique=True).map(
        lambda tags: f"sh:languageIn ( {' '.join(tags)} )"
    ),
    st.lists(st.sampled_from(VALUES[:5] + NUMBERS + TEXTS), max_size=4).map(
        lambda terms: f"sh:in ( {' '.join(terms)} )"
    ),
    st.sampled_from(VALUES[:5] + NUMBERS + TEXTS).map(lambda term: f"sh:hasValue {term}"),
    st.sampled_from(PROPERTIES).map(lambda predicate: f"sh:equals {predicate}"),
    st.sampled_from(PROPERTIES).map(lambda predicate: f"sh:disjoint {predicate}"),
    st.booleans().map(
        lambda ignored: "sh:closed true" + (" ; sh:ignoredProperties ( rdf:type ex:q )" if ignored else "")
    ),
)
on_properties = st.one_of(
    st.integers(0, 2).map(lambda bound: f"sh:minCount {bound}"),
    st.integers(0, 2).map(lambda bound: f"sh:maxCount {bound}"),
    st.just("sh:uniqueLang true"),
)


def once_each(constraints: list[str]) -> list[str]:
    """Keep one constraint of each word: most words may stand once on a shape."""
    return list({constraint.partition(" ")[0]: constraint for constraint in constraints}.values())


def node_shape(constraints: list[str], severity: str = "") -> str:
    return "[ a sh:NodeShape ; " + " ; ".join([*once_each(constraints), *filter(None, [severity])]) + " ]"


def property_shape(path: str, constraints: list[str], severity: str = "") -> str:
    return "[ " + " ; ".join([f"sh:path {path}", *once_each(constraints), *filter(None, [severity])]) + " ]"


severities = st.sampled_from(["", "sh:severity sh:Warning", "sh:severity sh:Info"])


def with_references(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Draw constraints that refer to shapes which have these constraints."""
    shapes = st.lists(inner, min_size=1, max_size=2).map(node_shape)
    properties = st.builds(
        property_shape, paths, st.lists(st.one_of(inner, on_properties), min_size=1, max_size=3), severities
    )
    lists = st.lists(shapes, min_size=1, max_size=3).map(" ".join)
    return st.one_of(
        inner,
        shapes.map(lambda shape: f"sh:node {shape}"),
        shapes.map(lambda shape: f"sh:not {shape}"),
        lists.map(lambda members: f"sh:and ( {members} )"),
        lists.map(lambda members: f"sh:or ( {members} )"),
        lists.map(lambda members: f"sh:xone ( {members} )"),
        properties.map(lambda shape: f"sh:property {shape}"),
    )


constraints = st.recursive(on_values, with_references, max_leaves=8)
qualified = st.builds(
    lambda path, inner, least, most, disjoint: property_shape(
        path,
        [
            f"sh:qualifiedValueShape {node_shape(inner)}", f"sh:qualifiedMinCount {least}",
            f"sh:qualifiedMaxCount {most}", f"sh:qualifiedValueShapesDisjoint {str(disjoint).lower()}",
        ],
    ),
    paths, st.lists(on_values, min_size=1, max_size=2), st.integers(0, 2), st.integers(0, 2), st.booleans(),
)  # fmt: skip
compared = st.builds(
    lambda name, bound, word: f"[ sh:path ex:low ; sh:{name} {bound} ; sh:{word} ex:high ]",
    st.sampled_from(["minInclusive", "maxInclusive", "minExclusive", "maxExclusive"]),
    st.sampled_from(COMPARABLE),
    st.sampled_from(["lessThan", "lessThanOrEquals"]),
)
queries = st.sampled_from(
    [
        "SELECT $this ?value WHERE { $this ex:p ?value FILTER (isLiteral(?value)) }",
        "SELECT $this (ex:q AS ?path) WHERE { $this ex:p ?v . FILTER NOT EXISTS { $this ex:q ?v } }",
        "SELECT $this ?path ?value WHERE { $this ?path ?value FILTER (LANG(?value) = 'en') }",
        "SELECT DISTINCT $this WHERE { $this ex:p|ex:q ?v . { ?v a ex:C } UNION { FILTER ($this = ex:n1) } }",
        "SELECT $this ?value WHERE { $this ex:low ?value ; ex:high ?h FILTER (?value > ?h) }",
        "SELECT $this ?value WHERE { ?value ex:p|^ex:q $this OPTIONAL { ?value ex:r ?r } FILTER (!BOUND(?r)) }",
        "SELECT $this (COUNT(?v) AS ?value) WHERE { $this ex:p ?v } GROUP BY $this HAVING (COUNT(?v) > 1)",
        "SELECT $this ?value WHERE { $this ex:p ?value FILTER (STR(?value) = '02') }",
    ]
).map(lambda text: f'sh:sparql [ sh:prefixes ex: ; sh:select """{text}""" ]')
targets = st.lists(
    st.sampled_from(
        [
            "sh:targetNode ex:n0 , ex:n1", "sh:targetNode 5 , ex:nowhere", "sh:targetClass ex:C",
            "sh:targetSubjectsOf ex:p", "sh:targetObjectsOf ex:q",
        ]
    ),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip
rooted = st.builds(
    lambda where, parts, properties, severity, query: " ; ".join(
        [*where, *once_each(parts), *(f"sh:property {each}" for each in properties), *filter(None, [severity, query])]
    ),
    targets,
    st.lists(constraints, max_size=3),
    st.lists(
        st.one_of(
            st.builds(property_shape, paths, st.lists(st.one_of(constraints, on_properties), max_size=3), severities),
            qualified,
            compared,
        ),
        min_size=1, max_size=3,
    ),
    severities,
    st.one_of(st.just(""), queries),
)  # fmt: skip


def compare(shape_texts: list[str], facts: list[tuple[str, str, str]]) -> None:
    text = io.StringIO('ex: sh:declare [ sh:prefix "ex" ; sh:namespace "https://example.org/"^^xsd:anyURI ] .\n')
    text.seek(0, io.SEEK_END)
    for number, shape in enumerate(shape_texts):
        text.write(f"ex:S{number} a sh:NodeShape ; {shape} .\n")
    shapes = Shapes.of(triples(text.getvalue()))
    data = triples("\n".join(f"{s} {p} {o} ." for s, p, o in facts))
    report = validate(data, [], shapes)
    assert report.engine.startswith("CircKG "), report.engine
    assert rows(report) == by_pyshacl(data, shapes), PREFIXES + text.getvalue()


bounded = {
    "deadline": None, "derandomize": True, "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}  # fmt: skip


@settings(max_examples=200, **bounded)
@given(st.lists(rooted, min_size=1, max_size=2), statements)
def test_same_as_pyshacl_on_drawn_shapes_and_data(shapes: list[str], facts: list[tuple[str, str, str]]) -> None:
    compare(shapes, facts)


@pytest.mark.nightly
@settings(max_examples=10_000, **{**bounded, "derandomize": False})
@given(st.lists(rooted, min_size=1, max_size=3), statements)
def test_same_as_pyshacl_on_many_drawn_shapes_and_data(shapes: list[str], facts: list[tuple[str, str, str]]) -> None:
    compare(shapes, facts)


@settings(max_examples=150, **bounded)
@given(st.lists(rooted, min_size=1, max_size=2), statements, st.integers(0, 2**16))
def test_parts_say_what_the_whole_says(shapes: list[str], facts: list[tuple[str, str, str]], choice: int) -> None:
    """What is kept for a focus is what the whole says about it, and what it adds about others."""
    text = 'ex: sh:declare [ sh:prefix "ex" ; sh:namespace "https://example.org/" ] .\n'
    compiled = Shapes.of(triples(text + "\n".join(f"ex:S{n} a sh:NodeShape ; {s} ." for n, s in enumerate(shapes))))
    data = sorted(set(triples("\n".join(f"{s} {p} {o} ." for s, p, o in facts))))
    subjects = sorted({subject for subject, _, _ in data})
    chosen = {subject for place, subject in enumerate(subjects) if choice >> place & 1}
    focus = [triple for triple in data if triple[0] in chosen]
    background = [triple for triple in data if triple[0] not in chosen]
    whole = Counter(validate(data, [], compiled).results)
    before = Counter(validate(background, [], compiled).results)
    expected = Counter({result: n for result, n in whole.items() if result.focus_node in chosen})
    # If nothing is known, the focus is all there is, and targets that it does not describe are judged too.
    before = before if background else Counter()
    expected += Counter({r: n for r, n in (whole - before).items() if r.focus_node not in chosen})
    assert Counter(validate(focus, background, compiled).results) == expected
