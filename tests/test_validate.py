"""The validator: what it looks at, which results it keeps, and that it says what pySHACL says by itself."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyshacl
import pytest
import rdflib
from rdflib import SH, Graph

from circkg_shapes import Report, Shapes, ShapesError, validate
from circkg_shapes.report import INFO, VIOLATION, WARNING, Result
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import Triple, from_rdflib, to_rdflib

TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
SUBCLASS = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix ex: <https://example.org/> .
"""


def ex(name: str) -> str:
    return f"<https://example.org/{name}>"


def shapes(text: str, folder: Path) -> Shapes:
    file = folder / "shapes.ttl"
    file.write_text(PREFIXES + text, encoding="utf-8")
    return Shapes.load([file])


def told(report: Report) -> list[tuple[str, str]]:
    return [(result.focus_node, result.component_name) for result in report.results]


BASIC = """
ex:S a sh:NodeShape ; sh:targetClass ex:Practice ; sh:property ex:S-title , ex:S-by , ex:S-of , ex:S-number .
ex:S-title sh:path ex:title ; sh:minCount 1 ; sh:name "Title"@en , "Nimi"@fi ;
  sh:message "Give a title."@en , "Anna nimi."@fi .
ex:S-by sh:path ex:by ; sh:class ex:Initiative .
ex:S-of sh:path [ sh:inversePath ex:has ] ; sh:maxCount 1 .
ex:S-number sh:path ex:number ; sh:datatype xsd:integer ; sh:in ( 5 ) .
"""


def practice(name: str, *more: Triple) -> list[Triple]:
    return [(ex(name), TYPE, ex("Practice")), (ex(name), ex("title"), '"A title"@en'), *more]


def test_the_background_counts_but_is_not_judged(tmp_path: Path) -> None:
    background = [(ex("ceci"), TYPE, ex("Initiative")), (ex("untitled"), TYPE, ex("Practice"))]
    focus = practice("new", (ex("new"), ex("by"), ex("ceci")))
    report = validate(focus, background, shapes(BASIC, tmp_path))
    assert report.conforms
    assert report.results == ()
    assert told(validate(focus, [], shapes(BASIC, tmp_path))) == [(ex("new"), "Class")]


def test_a_subclass_in_the_background_counts(tmp_path: Path) -> None:
    background = [(ex("ceci"), TYPE, ex("Project")), (ex("Project"), SUBCLASS, ex("Initiative"))]
    focus = practice("new", (ex("new"), ex("by"), ex("ceci")))
    assert validate(focus, background, shapes(BASIC, tmp_path)).conforms
    described = [(ex("n"), TYPE, ex("Good"))]
    report = validate(described, [(ex("Good"), SUBCLASS, ex("Practice"))], shapes(BASIC, tmp_path))
    assert told(report) == [(ex("n"), "MinCount")]


def test_a_published_node_that_the_focus_makes_wrong_is_told(tmp_path: Path) -> None:
    background = [*practice("old"), (ex("one"), ex("has"), ex("old"))]
    report = validate([(ex("two"), ex("has"), ex("old"))], background, shapes(BASIC, tmp_path))
    assert told(report) == [(ex("old"), "MaxCount")]
    assert report.results[0].path == f"^{ex('has')}"


def test_a_published_fault_that_stays_the_same_is_not_told(tmp_path: Path) -> None:
    faults = [(ex(name), ex("has"), ex("old")) for name in ("one", "two")]
    background = [(ex("old"), TYPE, ex("Practice")), *faults]
    report = validate([(ex("three"), ex("has"), ex("old"))], background, shapes(BASIC, tmp_path))
    assert report.results == ()


def test_a_focus_that_mends_a_published_node_tells_nothing(tmp_path: Path) -> None:
    background = practice("old", (ex("old"), ex("by"), ex("ceci")))
    assert validate([(ex("ceci"), TYPE, ex("Initiative"))], background, shapes(BASIC, tmp_path)).results == ()


def test_a_class_given_by_the_focus_makes_a_target(tmp_path: Path) -> None:
    background = [(ex("old"), TYPE, ex("Plan"))]
    focus = [(ex("Plan"), SUBCLASS, ex("Practice"))]
    assert told(validate(focus, background, shapes(BASIC, tmp_path))) == [(ex("old"), "MinCount")]


def test_a_fault_seen_through_two_steps_is_told(tmp_path: Path) -> None:
    deep = """
    ex:D a sh:NodeShape ; sh:targetClass ex:Practice ;
      sh:property [ sh:path ( ex:by ex:state ) ; sh:not [ sh:hasValue ex:closed ] ] .
    """
    background = practice("old", (ex("old"), ex("by"), ex("ceci")))
    report = validate([(ex("ceci"), ex("state"), ex("closed"))], background, shapes(deep, tmp_path))
    assert told(report) == [(ex("old"), "Not")]
    assert report.results[0].path == f"{ex('by')}/{ex('state')}"


def test_lexical_forms_are_judged_and_quoted_as_written(tmp_path: Path) -> None:
    byte = f'"05"^^<{XSD}byte>'
    report = validate(practice("p", (ex("p"), ex("number"), byte)), [], shapes(BASIC, tmp_path))
    assert Counter(result.value for result in report.results) == {byte: 2}
    padded = f'"05"^^<{XSD}integer>'
    report = validate(practice("p", (ex("p"), ex("number"), padded)), [], shapes(BASIC, tmp_path))
    assert [(result.component_name, result.value) for result in report.results] == [("In", padded)]


def test_language_tags_are_quoted_as_written(tmp_path: Path) -> None:
    value = '"ola"@pt-BR'
    report = validate(practice("p", (ex("p"), ex("number"), value)), [], shapes(BASIC, tmp_path))
    assert {result.value for result in report.results} == {value}


def test_blank_nodes_are_judged(tmp_path: Path) -> None:
    text = """
    ex:B a sh:NodeShape ; sh:targetClass ex:Practice ; sh:nodeKind sh:IRI ; sh:property ex:B-start .
    ex:B-start sh:path ex:start ; sh:lessThanOrEquals ex:end .
    """
    focus = [("_:p", TYPE, ex("Practice")), ("_:p", ex("start"), "_:when"), ("_:p", ex("end"), '"2"')]
    report = validate(focus, [], shapes(text, tmp_path))
    assert [(r.focus_node, r.component_name, r.value) for r in report.results] == [
        ("_:p", "NodeKind", "_:p"),
        ("_:p", "LessThanOrEquals", "_:when"),
    ]


def test_messages_and_names(tmp_path: Path) -> None:
    (result,) = validate([(ex("p"), TYPE, ex("Practice"))], [], shapes(BASIC, tmp_path)).results
    assert result.messages == (("en", "Give a title."), ("fi", "Anna nimi."))
    assert result.message("fi") == "Anna nimi."
    assert result.name == "Title"
    assert result.source_shape == ex("S-title")


def test_sparql_constraints(tmp_path: Path) -> None:
    text = """
    ex:Q a sh:NodeShape ; sh:targetClass ex:Practice ; sh:sparql ex:Q-plain , ex:Q-far .
    ex:Q-plain sh:message "No loud titles."@en ; sh:select \"\"\"
      SELECT $this ?value WHERE { $this <https://example.org/title> ?value FILTER (UCASE(STR(?value)) = STR(?value)) }
    \"\"\" .
    ex:Q-far sh:message "The initiative is closed."@en ; sh:select \"\"\"
      SELECT $this WHERE { $this <https://example.org/by> ?by . FILTER EXISTS { ?by <https://example.org/state> ?s } }
    \"\"\" .
    """
    background = practice("old", (ex("old"), ex("by"), ex("ceci")))
    focus = [
        *[(ex("loud"), TYPE, ex("Practice")), (ex("loud"), ex("title"), '"LOUD"@en')],
        *practice("quiet"),
        (ex("ceci"), ex("state"), '"closed"'),
    ]
    both = shapes(text, tmp_path)
    assert told(validate(focus, background, both)) == [(ex("loud"), "SPARQL"), (ex("old"), "SPARQL")]
    plain = shapes(text.replace(" , ex:Q-far", ""), tmp_path)
    assert told(validate(focus, background, plain)) == [(ex("loud"), "SPARQL")]


def test_conforms_depends_on_violations_only(tmp_path: Path) -> None:
    for severity, term, conforms in (
        ("Warning", WARNING, True),
        ("Info", INFO, True),
        ("Violation", VIOLATION, False),
    ):
        wish = shapes(
            f"ex:W a sh:NodeShape ; sh:targetClass ex:Practice ; sh:property ex:W-note .\n"
            f"ex:W-note sh:path ex:note ; sh:minCount 1 ; sh:severity sh:{severity} .",
            tmp_path,
        )
        report = validate(practice("p"), [], wish)
        assert (report.conforms, report.by_severity) == (conforms, {term: 1})


def test_results_are_sorted_and_counted(tmp_path: Path) -> None:
    focus = [(ex(name), TYPE, ex("Practice")) for name in ("c", "a", "b")]
    report = validate(focus, [], shapes(BASIC, tmp_path))
    assert [result.focus_node for result in report.results] == [ex("a"), ex("b"), ex("c")]
    assert report.by_shape == {(ex("S-title"), report.results[0].component): 3}
    assert report.checked == 3


def test_shapes_have_the_same_names_however_often_they_are_read(tmp_path: Path) -> None:
    first, second = (shapes(BASIC, tmp_path) for _ in range(2))
    assert first.triples == second.triples


def test_faults_of_shape_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ShapesError, match=r"shapes\.ttl cannot be read as Turtle"):
        shapes("ex:S a sh:NodeShape ;;", tmp_path)
    with pytest.raises(ShapesError, match="No shape has a target"):
        shapes("ex:S a sh:NodeShape .", tmp_path)


def test_a_shape_used_by_others_keeps_its_properties(tmp_path: Path) -> None:
    text = """
    ex:A a sh:NodeShape ; sh:targetClass ex:Practice ; sh:nodeKind sh:IRI ; sh:property ex:A-title .
    ex:A-title sh:path ex:title ; sh:minCount 1 .
    ex:B a sh:NodeShape ; sh:targetClass ex:Holder ; sh:property [ sh:path ex:holds ; sh:node ex:A ] .
    """
    focus = [
        *[(ex("h"), TYPE, ex("Holder")), (ex("h"), ex("holds"), ex("thing"))],
        *[("_:b", TYPE, ex("Practice")), ("_:b", ex("title"), '"x"')],
    ]
    assert told(validate(focus, [], shapes(text, tmp_path))) == [(ex("h"), "Node"), ("_:b", "NodeKind")]
    found = validate(focus, [], shapes(text, tmp_path)).results
    assert found[1].source_shape == ex("A")


# --- the curated shapes -------------------------------------------------------------------------------------------


def examples() -> list[Triple]:
    """Return every valid and invalid example as one heap of triples that is wrong in many ways."""
    found: set[Triple] = set()
    for number, file in enumerate(sorted((room("shapes") / "examples").glob("*/invalid/*.ttl"))):
        for s, p, o in Graph().parse(file):
            renamed = [from_rdflib(term).replace("/id/", f"/id/n{number % 40}/", 1) for term in (s, o)]
            found.add((renamed[0], from_rdflib(p), renamed[1]))
    return sorted(found)


def mutated(triples: Iterable[Triple], seed: int) -> list[Triple]:
    """Replace some values by odd ones."""
    chance = random.Random(seed)
    odd = [
        '"x"',
        '"x"@en',
        '""@en',
        f'"5"^^<{XSD}integer>',
        f'"05"^^<{XSD}decimal>',
        f'"2020"^^<{XSD}gYear>',
        ex("odd"),
    ]
    return [(s, p, chance.choice(odd) if p != TYPE and chance.random() < 0.1 else o) for s, p, o in triples]


def plain_pyshacl(triples: Iterable[Triple], text: Graph) -> Counter[tuple[str, ...]]:
    """Ask pySHACL by itself, with the shapes as they are."""
    graph = Graph()
    for s, p, o in triples:
        graph.add((to_rdflib(s), to_rdflib(p), to_rdflib(o)))
    _, report, _ = pyshacl.validate(graph, shacl_graph=text, inplace=True)
    assert isinstance(report, Graph)
    return counted(report)


def counted(report: Graph) -> Counter[tuple[str, ...]]:
    properties = (SH.focusNode, SH.value, SH.sourceConstraintComponent, SH.sourceShape, SH.resultSeverity)
    return Counter(
        tuple(
            "" if value is None else from_rdflib(value) for value in (report.value(node, each) for each in properties)
        )
        for node in report.objects(None, SH.result)
    )


def of_results(report: Report) -> Counter[tuple[str, ...]]:
    return Counter((r.focus_node, r.value or "", r.component, r.source_shape, r.severity) for r in report.results)


@pytest.fixture(scope="module")
def curated() -> Shapes:
    return Shapes.load(shape_files())


@pytest.fixture(scope="module")
def curated_graph() -> Graph:
    graph = Graph()
    for file in shape_files():
        graph.parse(file)
    return graph


@pytest.mark.parametrize("seed", range(3))
def test_same_as_pyshacl_by_itself(curated: Shapes, curated_graph: Graph, seed: int) -> None:
    triples = mutated(examples(), seed)[seed::3]
    report = validate(triples, [], curated)
    assert len(report.results) > 100
    assert of_results(report) == plain_pyshacl(triples, curated_graph)


def test_same_report_from_any_number_of_processes(curated: Shapes) -> None:
    triples = examples()
    reports = [validate(triples[::2], triples[1::2], curated, processes=number) for number in (1, 2, 3)]
    assert reports[0].results
    assert reports[0] == reports[1] == reports[2]


def test_same_results_whatever_the_order_of_the_triples(curated: Shapes) -> None:
    triples = examples()[::3]
    shuffled = triples.copy()
    random.Random(1).shuffle(shuffled)
    assert validate(triples, [], curated) == validate(shuffled + triples, [], curated)


def test_focus_and_background_in_parts_say_what_the_whole_says(curated: Shapes) -> None:
    """What is kept for a focus is what the whole says about it, and what it adds about others."""
    triples = examples()
    subjects = sorted({s for s, _, _ in triples})
    chosen = set(subjects[::5])
    focus = [t for t in triples if t[0] in chosen]
    background = [t for t in triples if t[0] not in chosen]
    whole = Counter(validate(triples, [], curated).results)
    before = Counter(validate(background, [], curated).results)
    expected = Counter({r: n for r, n in whole.items() if r.focus_node in chosen})
    expected += Counter({r: n for r, n in (whole - before).items() if r.focus_node not in chosen})
    assert Counter(validate(focus, background, curated).results) == expected


def test_report_as_turtle_and_json(curated: Shapes, monkeypatch: pytest.MonkeyPatch) -> None:
    report = validate(mutated(examples(), 7)[::4], [], curated)
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    graph = Graph().parse(data=report.to_turtle(), format="turtle")
    assert counted(graph) == of_results(report)
    paths = {result.path_turtle for result in report.results if result.path and not result.path.startswith("<")}
    assert any(path and "inversePath" in path for path in paths)
    assert [str(value) for value in graph.objects(None, SH.conforms)] == ["false"]
    told_json = json.loads(json.dumps(report.to_dict()))
    assert told_json["conforms"] is False
    assert len(told_json["results"]) == len(report.results)
    assert told_json["engine"].startswith("CircKG ")
    assert set(report.timings) == {"index", "plan", "evaluate", "before"}


def test_report_without_results() -> None:
    report = Report.of([], "engine")
    assert report.conforms
    assert "true" in report.to_turtle()
    assert Report.of([Result("_:b", None, None, ex("c"), ex("s"), VIOLATION)], "e").to_turtle().count("_:b") == 1
