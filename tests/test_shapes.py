"""The shapes: each constraint judges as its examples say, and each shape is fit for forms and documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyshacl
import pytest
from rdflib import OWL, RDF, SH, BNode, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from circkg_shapes import Shapes, validate
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import Triple, from_rdflib

SHAPES = room("shapes")
CIRC = "https://w3id.org/circkg/def#"
CIRCSH = Namespace("https://w3id.org/circkg/def/shapes#")
EXAMPLES = sorted((SHAPES / "examples").glob("*/*/*.ttl"))
STYLE_GUIDE = (
    Path(__file__).parents[2] / "shared" / "standards" / "semic" / "style-guide-shapes" / "semic-shapes_shacl.ttl"
)
KNOWN = "# known already:"

PARAMETERS = {
    SH[name]
    for name in (
        "minCount",
        "maxCount",
        "datatype",
        "nodeKind",
        "minInclusive",
        "maxInclusive",
        "minExclusive",
        "maxExclusive",
        "minLength",
        "maxLength",
        "pattern",
        "languageIn",
        "uniqueLang",
        "hasValue",
        "in",
        "node",
        "or",
        "and",
        "not",
        "xone",
        "equals",
        "disjoint",
        "lessThan",
        "lessThanOrEquals",
        "closed",
        "sparql",
        "qualifiedMinCount",
        "qualifiedMaxCount",
        "class",
    )
}


@cache
def shapes() -> Shapes:
    return Shapes.load(shape_files())


@cache
def shapes_graph() -> Graph:
    graph = Graph()
    for file in shape_files():
        graph.parse(file)
    return graph


@cache
def prefixes() -> Mapping[str, str]:
    text = (room("ontology") / "prefixes.ttl").read_text(encoding="utf-8")
    return dict(re.findall(r'sh:prefix "(\w+)" ; sh:namespace "([^"]+)"', text))


def expanded(text: str) -> str:
    """Write the prefixed names of a path in full."""
    return re.sub(r"(?<![<\w])(\w+):([\w-]+)", lambda match: f"<{prefixes()[match[1]]}{match[2]}>", text)


def triples(turtle: str) -> list[Triple]:
    return [(from_rdflib(s), from_rdflib(p), from_rdflib(o)) for s, p, o in Graph().parse(data=turtle, format="turtle")]


def read(example: Path) -> tuple[list[Triple], list[Triple], dict[str, str]]:
    """Return focus, background and expectation of an example."""
    text = example.read_text(encoding="utf-8")
    head = "\n".join(line for line in text.splitlines() if line.startswith("@prefix"))
    focus, _, background = text.partition(KNOWN)
    expectation = dict(re.findall(r"^# (focus|path|component): (.+)$", text, re.MULTILINE))
    return triples(focus), triples(f"{head}\n{background}"), expectation


def local(node: Node) -> str:
    return str(node).removeprefix(str(CIRCSH))


def named_shapes(kind: URIRef) -> list[Node]:
    return sorted(shapes_graph().subjects(RDF.type, kind))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_example(example: Path) -> None:
    focus, background, expectation = read(example)
    report = validate(focus, background, shapes())
    found = [(r.focus_node, r.path or "-", r.component) for r in report.results]
    if example.parent.name == "valid":
        assert not expectation
        assert found == []
        return
    assert found == [(expectation["focus"], expanded(expectation["path"]), expanded(expectation["component"]))]
    source = report.results[0].source_shape.strip("<>").removeprefix(str(CIRCSH))
    assert source == example.parts[-3]


def test_every_constraint_has_examples() -> None:
    graph = shapes_graph()
    missing = []
    for kind in (SH.NodeShape, SH.PropertyShape):
        for shape in named_shapes(kind):
            folder = SHAPES / "examples" / local(shape)
            wanted = {local(p).rpartition("#")[2] for p in graph.predicates(shape) if p in PARAMETERS}
            have = {path.stem.partition(".")[0] for path in folder.glob("invalid/*.ttl")}
            if wanted != have or (wanted and not list(folder.glob("valid/*.ttl"))):
                missing.append((local(shape), sorted(wanted ^ have)))
    assert missing == []


def test_every_folder_of_examples_belongs_to_a_shape() -> None:
    names = {local(shape) for kind in (SH.NodeShape, SH.PropertyShape) for shape in named_shapes(kind)}
    assert {folder.name for folder in (SHAPES / "examples").iterdir() if folder.is_dir()} <= names


@pytest.mark.parametrize("shape", named_shapes(SH.PropertyShape), ids=local)
def test_property_shape_can_be_shown_in_a_form(shape: Node) -> None:
    graph = shapes_graph()
    assert isinstance(shape, URIRef)
    assert re.fullmatch(r"[A-Z][A-Za-z]+-[a-z][a-z0-9_]*", local(shape))
    for text in (SH.name, SH.description, SH.message):
        values = [value for value in graph.objects(shape, text) if isinstance(value, Literal)]
        assert [value.language for value in values].count("en") == 1, text
        assert len({value.language for value in values}) == len(values), text
    assert len(list(graph.objects(shape, SH.path))) == 1
    assert len(list(graph.objects(shape, SH.order))) == 1
    group = graph.value(shape, SH.group, any=False)
    assert group is not None
    assert graph.value(group, URIRef("http://www.w3.org/2000/01/rdf-schema#label")) is not None
    assert graph.value(group, SH.order) is not None
    assert len(list(graph.subjects(SH.property, shape))) == 1


def test_orders_are_distinct_within_a_shape() -> None:
    graph = shapes_graph()
    for shape in named_shapes(SH.NodeShape):
        orders = [graph.value(each, SH.order) for each in graph.objects(shape, SH.property)]
        assert len(orders) == len(set(orders)), shape


def test_one_target_class_a_file() -> None:
    for file in SHAPES.glob("*.ttl"):
        graph = Graph().parse(file)
        assert len(set(graph.objects(None, SH.targetClass))) <= 1, file.name


def test_severity_stands_on_the_node_shape_or_on_all_its_properties() -> None:
    graph = shapes_graph()
    for shape in named_shapes(SH.NodeShape):
        own = list(graph.objects(shape, SH.severity))
        inner = [list(graph.objects(each, SH.severity)) for each in graph.objects(shape, SH.property)]
        # SHACL does not pass the severity of a node shape on to its property shapes.
        assert (own == [SH.Violation] and not any(inner)) or (not own and set(map(tuple, inner)) == {(SH.Warning,)})


def test_every_term_of_ours_is_defined() -> None:
    ontology = Graph().parse(room("ontology") / "circkg.ttl")
    defined = {
        term
        for kind in (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty)
        for term in ontology.subjects(RDF.type, kind)
    }
    graph = shapes_graph()
    used = {term for term in graph.all_nodes() if isinstance(term, URIRef) and term.startswith(CIRC)}
    assert used - defined == set()


def test_every_list_named_is_a_vocabulary() -> None:
    for scheme in shapes_graph().objects(None, SH.hasValue):
        if str(scheme).startswith("http://data.europa.eu/nuts/scheme/"):
            continue
        name = str(scheme).rpartition("/")[2]
        assert (room("ontology") / "vocabularies" / f"{name}.ttl").is_file(), scheme


def test_dates_of_mixed_precision_are_never_compared() -> None:
    graph = shapes_graph()
    bounds = {URIRef(CIRC + name) for name in ("startEarliest", "startLatest", "endEarliest", "endLatest")}
    for parameter in (SH.lessThan, SH.lessThanOrEquals):
        for shape, other in graph.subject_objects(parameter):
            assert {other, graph.value(shape, SH.path)} <= bounds


@pytest.mark.skipif(not STYLE_GUIDE.is_file(), reason="the SEMIC style-guide shapes are not beside the checkout")
@pytest.mark.parametrize("file", [*sorted(SHAPES.glob("*.ttl")), None], ids=lambda file: file.name if file else "all")
def test_semic_style_guide(file: Path | None) -> None:
    graph = Graph().parse(file) if file else shapes_graph()
    _, report, text = pyshacl.validate(graph, shacl_graph=Graph().parse(STYLE_GUIDE))
    assert isinstance(report, Graph)
    assert not list(report.subjects(RDF.type, SH.ValidationResult)), text


def test_no_blank_shape_stands_under_a_named_shape_without_reason() -> None:
    graph = shapes_graph()
    for shape in named_shapes(SH.NodeShape):
        assert not [each for each in graph.objects(shape, SH.property) if isinstance(each, BNode)], shape
