"""Shapes that are compiled, shapes that go to pySHACL, and shapes that are refused by name and with a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pyoxigraph import RdfFormat

from circkg_shapes import Report, Shapes, ShapesError, validate
from circkg_shapes.encoding import Columns
from circkg_shapes.features import features, main
from circkg_shapes.patterns import Pattern, PatternError
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import XSD
from circkg_shapes.values import compare, value

from .conftest import SHARED
from .shacl_cases import PREFIXES, by_pyshacl, rows, triples

DCAT_AP = SHARED / "standards" / "dcat-ap" / "3.0.1"


def judged(shapes: str, data: str) -> Report:
    return validate(triples(data), [], Shapes.of(triples(shapes)))


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ("sh:minCuont 1", r"uses sh:minCuont, which SHACL does not have. Did you mean sh:minCount\?"),
        ("sh:reifierShape ex:T", "uses sh:reifierShape, which SHACL does not have"),
        ("sh:js [ sh:jsFunctionName 'f' ]", "scripts are not run here"),
        ("sh:minCount 1 , 2", "there are 2 values of sh:minCount"),
        ("sh:minCount 'one'", 'sh:minCount is "one", but a whole number from 0 to 2147483647 is wanted'),
        ("sh:maxCount -1", "a whole number from 0 to 2147483647 is wanted"),
        ("sh:maxCount " + "9" * 5000, "a whole number from 0 to"),
        ("sh:maxLength 1.5", "a whole number from 0 to 2147483647 is wanted"),
        ("sh:datatype 'text'", "but an IRI is wanted"),
        ("sh:nodeKind sh:Iri", "It is one of sh:IRI"),
        ("sh:uniqueLang 'yes'", "but true or false is wanted"),
        ("sh:pattern '('", "'\\(' is no regular expression"),
        ("sh:pattern '[a-z-[aeiou]]'", "which is not understood here"),
        ("sh:pattern '\\\\i'", "which is not understood here"),
        ("sh:pattern 'a' ; sh:flags 'g'", "there is no flag 'g'"),
        ("sh:pattern '\\\\p{Nonsense}'", "is no regular expression"),
        ("sh:in ex:list", "sh:in is no list"),
        ("sh:or 5", "sh:or is no list"),
        ("sh:languageIn ( ex:en )", "but a literal is wanted"),
        ("sh:node ex:Nowhere", "refers to <https://example.org/Nowhere>, of which nothing is said"),
        ("sh:node ex:P", "which is a property shape"),
        ("sh:property ex:S", "which has no sh:path"),
        ("sh:qualifiedMinCount 1", "stands without sh:qualifiedValueShape"),
        ("sh:qualifiedValueShape [ sh:class ex:C ]", "needs sh:qualifiedMinCount or sh:qualifiedMaxCount"),
        ("sh:path ex:q", "there are 2 values of sh:path"),
        ("sh:severity 'high'", "but an IRI is wanted"),
        ("sh:message ex:m", "but a literal is wanted"),
        ("sh:targetClass 'C'", "but an IRI is wanted"),
        ("sh:minInclusive ex:b", "but a literal is wanted"),
        ("sh:sparql [ sh:ask 'ASK {}' ]", "uses sh:ask"),
        ("sh:sparql [ sh:message 'no' ]", "has no sh:select"),
        ("sh:sparql [ sh:select 'SELECT $this' ]", "the query is not SPARQL"),
        ("sh:sparql [ sh:select 'ASK { $this ?p ?o }' ]", "no SELECT query"),
        ("sh:sparql [ sh:select 'SELECT ?x { ?x ?p ?o }' ]", r"does not use \$this"),
        ("sh:sparql [ sh:select 'SELECT $this { $this ?p ?o MINUS { $this ?p 1 } }' ]", "must not use MINUS"),
        ("sh:sparql [ sh:select 'SELECT $this { VALUES ?o { 1 } $this ?p ?o }' ]", "must not use VALUES"),
        ("sh:sparql [ sh:select 'SELECT $this { SERVICE <x:y> { $this ?p ?o } }' ]", "must not use SERVICE"),
        ("sh:sparql [ sh:select 'SELECT $this { GRAPH ?g { $this ?p ?o } }' ]", "must not use GRAPH"),
        ("sh:sparql [ sh:select 'SELECT (1 AS $this) { ?s ?p ?o }' ]", r"must not give \$this another value"),
        ("sh:sparql [ sh:select 'SELECT $this { { SELECT ?o { ?s ?p ?o } } $this ?p ?o }' ]", r"must give \$this"),
        (
            "sh:sparql [ sh:prefixes ex: ; sh:select 'SELECT $this { $this ?p ?o }' ] . "
            "ex: sh:declare [ sh:prefix 'a' ; sh:namespace 'x:' ] , [ sh:prefix 'a' ; sh:namespace 'y:' ]",
            "the prefix 'a' is declared twice",
        ),
    ],
)
def test_what_is_ill_formed_is_refused(shape: str, says: str) -> None:
    text = f"ex:S sh:targetNode ex:a ; sh:nodeKind sh:IRI . ex:P sh:targetNode ex:a ; sh:path ex:p ; {shape} ."
    with pytest.raises(ShapesError, match=says) as told:
        judged(text, "ex:a ex:p 1 .")
    assert "<https://example.org/" in str(told.value)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("( ex:p )", "lists 1 path"),
        ("[ sh:inversePath ex:p ; sh:zeroOrMorePath ex:p ]", "is no path"),
        ("[ ex:other ex:p ]", "is no path"),
        ("'p'", "is no path"),
        ("[ sh:alternativePath ex:p ]", "not well formed"),
        ("[ sh:inversePath " * 70 + "ex:p" + " ]" * 70, "nested more than 64 deep"),
    ],
)
def test_paths_that_are_ill_formed_are_refused(path: str, says: str) -> None:
    with pytest.raises(ShapesError, match=says):
        judged(f"ex:P sh:targetNode ex:a ; sh:path {path} ; sh:minCount 1 .", "")


@pytest.mark.parametrize(
    "word", ["minCount 1", "maxCount 1", "uniqueLang true", "lessThan ex:q", "lessThanOrEquals ex:q"]
)
def test_words_of_property_shapes_are_refused_on_node_shapes(word: str) -> None:
    with pytest.raises(ShapesError, match="only a property shape may have it"):
        judged(f"ex:S sh:targetNode ex:a ; sh:{word} .", "")


def test_entailment_is_refused() -> None:
    with pytest.raises(ShapesError, match="Infer first"):
        judged("ex: sh:entailment <http://www.w3.org/ns/entailment/RDFS> . ex:S sh:targetNode ex:a .", "")


def test_shapes_nested_too_deep_are_refused() -> None:
    deep = "[ sh:node " * 120 + "[ sh:nodeKind sh:IRI ]" + " ]" * 120
    with pytest.raises(ShapesError, match="nested more than 100 deep"):
        judged(f"ex:S sh:targetNode ex:a ; sh:node {deep} .", "")


def test_shapes_nested_almost_too_deep_are_judged() -> None:
    deep = "[ sh:not " * 98 + "[ sh:nodeKind sh:IRI ]" + " ]" * 98
    assert len(judged(f"ex:S sh:targetNode ex:a ; sh:not {deep} .", "").results) == 1
    assert len(judged(f"ex:S sh:targetNode ex:a ; sh:node {deep} .", "").results) == 0
    assert len(judged(f"ex:S sh:targetNode 5 ; sh:node {deep} .", "").results) == 1


def test_a_failure_that_a_query_reports_is_an_error() -> None:
    query = "SELECT $this ?failure { $this <https://example.org/p> 1 BIND (true AS ?failure) }"
    with pytest.raises(ShapesError, match=r"reports a failure for <https://example\.org/a>"):
        judged(f"ex:S sh:targetNode ex:a ; sh:sparql [ sh:select '{query}' ] .", "ex:a ex:p 1 .")


# --- to the other engine ----------------------------------------------------------------------------------------------

RECURSIVE = (
    "ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:node ex:S ] , [ sh:path ex:q ; sh:minCount 1 ] ."
)
COMPONENT = """
ex:Component a sh:ConstraintComponent ; sh:parameter [ sh:path ex:longest ] ;
  sh:validator [ a sh:SPARQLAskValidator ; sh:ask "ASK { FILTER (STRLEN(STR($value)) <= $longest) }" ] .
ex:S sh:targetClass ex:C ; sh:property ex:P . ex:P sh:path ex:q ; ex:longest 2 .
"""
RULE = """
ex:S sh:targetClass ex:C ; sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate ex:q ; sh:object ex:made ] ;
  sh:property [ sh:path ex:q ; sh:nodeKind sh:Literal ] .
"""
SHAPE_OF_QUERY = (
    "ex:S sh:targetClass ex:C ; sh:sparql [ sh:select 'SELECT $this { FILTER (BOUND($currentShape)) $this ?p 5 }' ] ."
)


@pytest.mark.parametrize(
    ("shapes", "reason", "advanced"),
    [
        (RECURSIVE, r"recursive \(<https://example.org/S> → .* → <https://example.org/S>\)", False),
        (COMPONENT, "declares the constraint component <https://example.org/Component>", False),
        (RULE, "uses sh:rule of SHACL Advanced Features", True),
        (SHAPE_OF_QUERY, r"uses \$currentShape", False),
    ],
    ids=["recursion", "component", "rule", "currentShape"],
)
def test_what_is_not_compiled_goes_to_pyshacl_and_the_report_says_why(shapes: str, reason: str, advanced: bool) -> None:
    data = triples("ex:a a ex:C ; ex:p ex:b ; ex:q 5 . ex:b a ex:C ; ex:p ex:a . ex:c a ex:C ; ex:q 'long' .")
    read = Shapes.of(triples(shapes))
    report = validate(data, [], read)
    assert report.engine.startswith("pySHACL ")
    assert report.results
    assert re.search(f", since .*{reason}", report.engine)
    assert rows(report) == by_pyshacl(data, read, advanced=advanced)


def test_pyshacl_gives_the_same_report_from_any_number_of_processes() -> None:
    several = RECURSIVE + RECURSIVE.replace("ex:S ", "ex:T ").replace("ex:C", "ex:D")
    data = triples("ex:a a ex:C ; ex:p ex:b . ex:b a ex:C . ex:d a ex:D ; ex:p 1 . ex:e a ex:D ; ex:q _:x .")
    shapes = Shapes.of(triples(several))
    reports = [validate(data, [], shapes, processes=number) for number in (1, 2, 3)]
    assert reports[0].results
    assert reports[0] == reports[1] == reports[2]


def test_what_pyshacl_keeps_is_what_the_focus_is_about() -> None:
    """As with our own engine: the background counts, its faults are told only if the focus makes them."""
    shapes = Shapes.of(
        triples(
            RECURSIVE + " ex:U sh:targetClass ex:C ; sh:property [ sh:path [ sh:inversePath ex:p ] ; sh:maxCount 1 ] ."
        )
    )
    known = triples("ex:a a ex:C ; ex:q 1 . ex:b a ex:C . ex:x ex:p ex:a .")
    report = validate(triples("ex:new a ex:C ; ex:p ex:a ."), known, shapes)
    assert {(r.focus_node.rpartition("/")[2], r.component_name) for r in report.results} == {
        ("new>", "MinCount"), ("a>", "MaxCount"),
    }  # fmt: skip


# --- without effect ---------------------------------------------------------------------------------------------------


def test_words_without_effect_are_told() -> None:
    report = judged("ex:P sh:targetNode ex:a ; sh:path ex:p ; sh:shape ex:Other ; sh:minCount 1 .", "")
    assert report.engine.startswith("CircKG ")
    assert [result.component_name for result in report.results] == ["MinCount"]
    assert [remark for remark in report.remarks if remark.startswith("sh:shape, used 1 times, is without effect")]
    assert report.to_dict()["remarks"] == list(report.remarks)


# --- messages ---------------------------------------------------------------------------------------------------------


def test_messages_of_queries_in_each_language_with_the_values_of_the_solution() -> None:
    shapes = """
    ex:S sh:targetNode ex:a ; sh:sparql [ sh:message "{?value} of {$this} is not {?other}."@en , "{?value} ei käy."@fi ;
      sh:select "SELECT $this ?value { $this <https://example.org/p> ?value }" ] .
    """
    (result,) = judged(shapes, 'ex:a ex:p "05"^^xsd:integer .').results
    assert result.messages == (("en", "05 of https://example.org/a is not {?other}."), ("fi", "05 ei käy."))


def test_a_query_can_bring_its_own_message() -> None:
    query = "SELECT $this ?message { $this <https://example.org/p> ?v BIND ('No.'@en AS ?message) }"
    (result,) = judged(f'ex:S sh:targetNode ex:a ; sh:sparql [ sh:select "{query}" ] .', "ex:a ex:p 1 .").results
    assert result.messages == (("en", "No."),)


def test_every_component_has_a_message_of_its_own() -> None:
    cases = yaml.safe_load((Path(__file__).parent / "shacl" / "cases.yaml").read_text(encoding="utf-8"))
    texts = {}
    for case in cases:
        for result in judged(case["shapes"], case["data"]).results:
            assert result.message()
            texts[result.component] = result.message()
    assert len(texts) > 25
    assert all(text.endswith((".", "$")) or "pattern" in text for text in texts.values()), texts


# --- which features ---------------------------------------------------------------------------------------------------


def test_our_shapes_are_all_judged_by_our_own_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file) for file in shape_files()]) == 0
    assert "Our own engine takes all of them." in capsys.readouterr().out
    found = features(Shapes.load(shape_files()))
    assert {feature.engine for feature in found} == {"ours"}
    assert "lessThanOrEquals" in {feature.name for feature in found}


@pytest.mark.skipif(not DCAT_AP.is_dir(), reason="the DCAT-AP shapes are not beside the checkout")
@pytest.mark.parametrize(
    "file", [*sorted((DCAT_AP / "shacl-split").glob("*shape*.ttl")), DCAT_AP / "shacl-split"], ids=lambda p: p.name
)
def test_dcat_ap_shapes_are_all_judged_by_our_own_engine(file: Path) -> None:
    shapes = Shapes.load([file])
    assert shapes.plan.unsupported == ()
    assert len(shapes.plan.roots) >= 7


@pytest.mark.skipif(not DCAT_AP.is_dir(), reason="the DCAT-AP shapes are not beside the checkout")
def test_dcat_ap_examples_are_judged_as_by_pyshacl() -> None:
    shapes = Shapes.load([DCAT_AP / "shacl-split" / "shapes.ttl", DCAT_AP / "shacl-split" / "range.ttl"])
    seen = 0
    for file in sorted((DCAT_AP / "examples").glob("*.ttl")):
        try:
            data = Columns.parse(file, RdfFormat.TURTLE)
        except SyntaxError:
            continue  # two of the official examples are no Turtle
        report = validate(data, [], shapes)
        assert rows(report) == by_pyshacl(data.triples(), shapes), file.name
        seen += len(report.results)
    assert seen > 20


def test_features_of_shapes_for_the_other_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.ttl").write_text(PREFIXES + RULE, encoding="utf-8")
    assert main([str(tmp_path)]) == 1
    assert "To pySHACL, since" in capsys.readouterr().out
    (tmp_path / "a.ttl").write_text(PREFIXES + "ex:S sh:targetNode ex:a ; sh:minCuont 1 .", encoding="utf-8")
    assert main([str(tmp_path)]) == 2
    assert "cannot be used" in capsys.readouterr().out


# --- values and patterns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("datatype", "smaller", "greater"),
    [
        ("date", "2020-02-28", "2020-02-29"), ("date", "-0044-03-15", "0001-01-01"),
        ("date", "9999-12-31", "10000-01-01"), ("boolean", "0", "true"),
        ("date", "2020-01-01+02:00", "2020-01-01Z"), ("dateTime", "2020-01-01T23:59:59.9Z", "2020-01-01T24:00:00Z"),
        ("dateTime", "2020-01-01T00:00:00+01:00", "2020-01-01T00:00:00Z"), ("time", "09:00:00", "10:00:00.5"),
        ("gYearMonth", "2019-12", "2020-01"), ("gMonthDay", "--02-28", "--02-29"), ("gDay", "---01", "---31"),
        ("dayTimeDuration", "PT23H59M59.9S", "P1D"), ("yearMonthDuration", "-P1Y", "P1M"),
        ("integer", "9" * 30, "1" + "0" * 30), ("decimal", "-0.1", ".0"), ("double", "-INF", "1e300"),
    ],
)  # fmt: skip
def test_order_of_values(datatype: str, smaller: str, greater: str) -> None:
    left, right = value(smaller, XSD + datatype), value(greater, XSD + datatype)
    assert (compare(left, right), compare(right, left), compare(left, left)) == (-1, 1, 0)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("2020-01-01T00:00:00", "dateTime"), ("2020-01-01T10:00:00Z", "dateTime")),
        (("P1M", "duration"), ("P30D", "duration")), (("P1M1D", "duration"), ("P1M1D", "duration")),
        (("NaN", "double"), ("NaN", "double")), (("1", "integer"), ("1", "string")),
        (("AA", "hexBinary"), ("AB", "hexBinary")), (("x", "integer"), ("1", "integer")),
        (("x", "NCName"), ("x", "NCName")),
    ],
)  # fmt: skip
def test_values_that_cannot_be_compared(left: tuple[str, str], right: tuple[str, str]) -> None:
    assert compare(*(value(text, XSD + datatype) for text, datatype in (left, right))) is None


def test_a_number_of_a_million_digits_is_read() -> None:
    assert compare(value("1" * 1_000_000, XSD + "integer"), value("2" * 1_000_000, XSD + "integer")) == -1


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "matches"),
    [
        ("a$", "", "ba", True), ("a$", "", "a\n", False), ("a$", "m", "a\nb", True), ("[$]", "", "a$", True),
        (r"\$$", "", "a$", True), ("a.b", "", "a\nb", False), ("a.b", "s", "a\nb", True), ("a b", "x", "ab", True),
        ("a[ ]b", "x", "a b", True), ("a.b", "q", "a.b", True), ("a.b", "q", "axb", False), ("A", "qi", "xa", True),
        (r"\p{Lu}+$", "", "ÄÖ", True), (r"\p{Lu}", "i", "ä", True), (r"^\P{L}$", "", "5", True), ("", "", "", True),
    ],
)  # fmt: skip
def test_patterns(pattern: str, flags: str, text: str, matches: bool) -> None:
    assert Pattern.of(pattern, flags).matches(["", text])[1] is matches


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", r"\p{Nonsense}", "*", r"(?P<a>"])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(PatternError, match="is no regular expression"):
        Pattern.of(pattern)
