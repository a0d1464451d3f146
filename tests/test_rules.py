"""Each rule makes what it should, and nothing else, in rdflib and in pyoxigraph."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
import yaml

Engine = Callable[[str, str], set[tuple[str, str, str]]]
RULES = sorted((Path(__file__).resolve().parents[1] / "ontology" / "rules").glob("*.rq"))

PREFIXES = """
@prefix circ: <https://w3id.org/circkg/def#> .
@prefix country: <http://publications.europa.eu/resource/authority/country/> .
@prefix currency: <http://publications.europa.eu/resource/authority/currency/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix kind: <https://w3id.org/circkg/def/amount-kind/> .
@prefix nuts: <http://data.europa.eu/nuts/code/> .
@prefix rank: <https://w3id.org/circkg/def/claim-rank/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix schema: <https://schema.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix : <https://example.org/> .
"""

NUTS = """
nuts:BE skos:inScheme <http://data.europa.eu/nuts/scheme/2021> , <http://data.europa.eu/nuts/scheme/2024> ;
  skos:exactMatch country:BEL .
nuts:BE2 skos:inScheme <http://data.europa.eu/nuts/scheme/2024> ; skos:broader nuts:BE .
nuts:BE21 skos:inScheme <http://data.europa.eu/nuts/scheme/2024> ; skos:broader nuts:BE2 .
nuts:BE212 skos:inScheme <http://data.europa.eu/nuts/scheme/2021> ; skos:broader nuts:BE21 .
nuts:NL skos:inScheme <http://data.europa.eu/nuts/scheme/2024> ;
  skos:exactMatch country:NLD , <https://example.org/other-list/NL> .
nuts:NL3 skos:inScheme <http://data.europa.eu/nuts/scheme/2024> ; skos:broader nuts:NL .
"""

# Rule, what is given, what exactly comes out. What a rule reads from an earlier rule is given here by hand.
CASES: dict[str, tuple[str, str, str]] = {
    "full date": (
        "date-bounds",
        ':a schema:startDate "2020-05-17"^^xsd:date ; schema:endDate "2021-12-31"^^xsd:date .',
        ':a circ:startEarliest "2020-05-17"^^xsd:date ; circ:startLatest "2020-05-17"^^xsd:date ;'
        ' circ:endEarliest "2021-12-31"^^xsd:date ; circ:endLatest "2021-12-31"^^xsd:date .',
    ),
    "year": (
        "date-bounds",
        ':a schema:startDate "2020"^^xsd:gYear .',
        ':a circ:startEarliest "2020-01-01"^^xsd:date ; circ:startLatest "2020-12-31"^^xsd:date .',
    ),
    "months of 31, 30 and 28 days": (
        "date-bounds",
        ':a schema:startDate "2021-01"^^xsd:gYearMonth . :b schema:startDate "2021-11"^^xsd:gYearMonth .'
        ' :c schema:endDate "2021-02"^^xsd:gYearMonth .',
        ':a circ:startEarliest "2021-01-01"^^xsd:date ; circ:startLatest "2021-01-31"^^xsd:date .'
        ' :b circ:startEarliest "2021-11-01"^^xsd:date ; circ:startLatest "2021-11-30"^^xsd:date .'
        ' :c circ:endEarliest "2021-02-01"^^xsd:date ; circ:endLatest "2021-02-28"^^xsd:date .',
    ),
    "February of leap years": (
        "date-bounds",
        ':a circ:deadline "2024-02"^^xsd:gYearMonth . :b circ:deadline "2000-02"^^xsd:gYearMonth .'
        ' :c circ:deadline "1900-02"^^xsd:gYearMonth . :d circ:deadline "2012-02"^^xsd:gYearMonth .',
        ':a circ:endEarliest "2024-02-01"^^xsd:date ; circ:endLatest "2024-02-29"^^xsd:date .'
        ' :b circ:endEarliest "2000-02-01"^^xsd:date ; circ:endLatest "2000-02-29"^^xsd:date .'
        ' :c circ:endEarliest "1900-02-01"^^xsd:date ; circ:endLatest "1900-02-28"^^xsd:date .'
        ' :d circ:endEarliest "2012-02-01"^^xsd:date ; circ:endLatest "2012-02-29"^^xsd:date .',
    ),
    "days that do not exist have no bounds": (
        "date-bounds",
        ':a schema:startDate "2021-02-29" . :b schema:startDate "2021-13" . :c schema:startDate "2021-04-31" .'
        ' :d schema:startDate "spring 2021" . :e schema:startDate "2021Z" . :f schema:startDate "2024-02-29" .',
        ':f circ:startEarliest "2024-02-29"^^xsd:date ; circ:startLatest "2024-02-29"^^xsd:date .',
    ),
    "dates of outputs, amounts and quantities, not of other things": (
        "date-bounds",
        ':o a circ:Output ; dct:issued "2018-02-09"^^xsd:date . :d a circ:SourceDocument ;'
        ' dct:issued "2018"^^xsd:gYear .'
        ' :a a circ:Amount ; dct:date "2020"^^xsd:gYear . :q a circ:Quantity ; dct:date "2020-04"^^xsd:gYearMonth .'
        ' :x dct:date "2020"^^xsd:gYear .',
        ':o circ:startEarliest "2018-02-09"^^xsd:date ; circ:startLatest "2018-02-09"^^xsd:date .'
        ' :a circ:startEarliest "2020-01-01"^^xsd:date ; circ:startLatest "2020-12-31"^^xsd:date .'
        ' :q circ:startEarliest "2020-04-01"^^xsd:date ; circ:startLatest "2020-04-30"^^xsd:date .',
    ),
    "several starts of one thing": (
        "date-bounds",
        ':a schema:startDate "2019"^^xsd:gYear , "2020-02"^^xsd:gYearMonth .',
        ':a circ:startEarliest "2019-01-01"^^xsd:date , "2020-02-01"^^xsd:date ;'
        ' circ:startLatest "2019-12-31"^^xsd:date , "2020-02-29"^^xsd:date .',
    ),
    "nested territories": (
        "within",
        NUTS + ":district a circ:Territory ; circ:locatedIn :city . :city a circ:Territory ; circ:locatedIn nuts:BE21 ."
        " :practice circ:locatedIn :district .",
        "nuts:BE2 circ:within nuts:BE . nuts:BE21 circ:within nuts:BE2 , nuts:BE ."
        " nuts:BE212 circ:within nuts:BE21 , nuts:BE2 , nuts:BE . nuts:NL3 circ:within nuts:NL ."
        " :city circ:within nuts:BE21 , nuts:BE2 , nuts:BE . :district circ:within :city , nuts:BE21 , nuts:BE2 ,"
        " nuts:BE ."
        " :practice circ:within :district , :city , nuts:BE21 , nuts:BE2 , nuts:BE .",
    ),
    "a territory of the same extent": (
        "within",
        NUTS + ":flanders a circ:Territory ; circ:sameExtentAs nuts:BE2 . :barrier circ:locatedIn nuts:BE212 .",
        "nuts:BE2 circ:within nuts:BE . nuts:BE21 circ:within nuts:BE2 , nuts:BE ."
        " nuts:BE212 circ:within nuts:BE21 , nuts:BE2 , nuts:BE . nuts:NL3 circ:within nuts:NL ."
        " :flanders circ:within nuts:BE2 , nuts:BE ."
        " :barrier circ:within nuts:BE212 , nuts:BE21 , nuts:BE2 , nuts:BE , :flanders .",
    ),
    "participations lie where the territory lies": (
        "within",
        ":city a circ:Territory ; circ:locatedIn nuts:X . :o circ:locatedIn nuts:Y ."
        " :p circ:participant :o ; circ:onBehalfOf :city . :q circ:participant :city . :r circ:participant :o .",
        ":city circ:within nuts:X . :o circ:within nuts:Y . :p circ:within :city , nuts:X . :q circ:within :city ,"
        " nuts:X .",
    ),
    "broader concepts are no places": (
        "within",
        ":topic skos:broader :wider ; skos:inScheme :scheme . :wider skos:broader :widest .",
        "",
    ),
    "nothing is within itself": (
        "within",
        ":a circ:locatedIn :b . :b circ:locatedIn :a .",
        ":a circ:within :b . :b circ:within :a .",
    ),
    "country of the region": (
        "country",
        NUTS + "nuts:NL3 circ:within nuts:NL . :a circ:within nuts:NL3 , nuts:NL . :b circ:within nuts:NL ;"
        " circ:country country:BEL .",
        ":a circ:country country:NLD .",
    ),
    "country of a territory outside the classification": (
        "country",
        ":city a circ:Territory ; circ:country country:UKR . :practice circ:within :city . :lost circ:within :sea .",
        ":practice circ:country country:UKR .",
    ),
    "participants and whom they stand for": (
        "participates-in",
        ":p circ:participationIn :i ; circ:participant :o ; circ:onBehalfOf :t . :q circ:participant :x ."
        " :i circ:partOf :whole .",
        ":o circ:participatesIn :i . :t circ:participatesIn :i .",
    ),
    "places of an initiative": (
        "active-in",
        ":t a circ:Territory . :o circ:locatedIn :seat ."
        " :p circ:participationIn :i ; circ:participant :t ; circ:locatedIn nuts:BE2 ."
        " :q circ:participationIn :i ; circ:participant :o ; circ:onBehalfOf :u ."
        " :practice circ:identifiedBy :i ; circ:locatedIn :v . :action circ:actionOf :i ; circ:locatedIn :w ."
        " :event circ:eventOf :i ; circ:locatedIn :hall .",
        ":i circ:activeIn :t , nuts:BE2 , :u , :v , :w .",
    ),
    "barrier types of an initiative": (
        "barrier-types",
        ":b circ:reportedBy :i ; circ:barrierType :one . :c circ:reportedBy :j ; circ:barrierType :two ."
        " :practice circ:identifiedBy :i ; circ:addressesBarrierType :three ; circ:addressesBarrier :c ."
        " :action circ:actionOf :k ; circ:addressesBarrier :b . :one skos:broader :category ."
        " :d circ:barrierType :four .",
        ":i circ:reportsBarrierType :one , :two , :three . :j circ:reportsBarrierType :two ."
        " :k circ:reportsBarrierType :one .",
    ),
    "barrier types of a place": (
        "barrier-types-of-places",
        ":b circ:locatedIn :t ; circ:barrierType :one . :practice circ:locatedIn nuts:BE2 ;"
        " circ:addressesBarrierType :two ;"
        " circ:addressesBarrier :b . :elsewhere circ:barrierType :three . :t circ:locatedIn nuts:NL .",
        ":t circ:facesBarrierType :one . nuts:BE2 circ:facesBarrierType :one , :two .",
    ),
    "one total in euros": (
        "total-budget",
        ":i a circ:Initiative ; circ:hasAmount :a , :b , :c ."
        " :a dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 1508765.5 ."
        " :b dct:type kind:eu-contribution ; circ:currency currency:EUR ; schema:value 1.5 ."
        " :c dct:type kind:total-budget ; circ:currency currency:SEK ; schema:value 2.5 ."
        " :practice a circ:Practice ; circ:hasAmount :d ."
        " :d dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 3.5 .",
        ":i circ:totalBudgetEur 1508765.5 .",
    ),
    "two totals": (
        "total-budget",
        ":i a circ:Initiative ; circ:hasAmount :a , :b ."
        " :a dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 1.5 ."
        " :b dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 2.5 .",
        "",
    ),
    "a total in dispute": (
        "total-budget",
        ":i a circ:Initiative ; circ:hasAmount :a ."
        " :a dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 1.5 ."
        " :c a circ:Claim ; rdf:subject :i ; rdf:predicate circ:totalBudgetEur ; rdf:object 2.5 ;"
        " circ:hasRank rank:normal .",
        "",
    ),
    "a preferred claim decides": (
        "total-budget",
        ":i a circ:Initiative ; circ:hasAmount :a , :b ."
        " :a dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 1.5 ."
        " :b dct:type kind:total-budget ; circ:currency currency:EUR ; schema:value 2.5 ."
        " :c a circ:Claim ; rdf:subject :i ; rdf:predicate circ:totalBudgetEur ; rdf:object 2.5 ;"
        " circ:hasRank rank:preferred ."
        " :d a circ:Claim ; rdf:subject :i ; rdf:predicate circ:totalBudgetEur ; rdf:object 1.5 ;"
        " circ:hasRank rank:normal ."
        " :e a circ:Claim ; rdf:subject :i ; rdf:predicate schema:endDate ; rdf:object 9 ;"
        " circ:hasRank rank:preferred .",
        ":i circ:totalBudgetEur 2.5 .",
    ),
}


def header(text: str) -> dict[str, Any]:
    """Read the YAML in the `#+ ` lines of a query."""
    found = yaml.safe_load("\n".join(line[3:] for line in text.splitlines() if line.startswith("#+ ")))
    assert isinstance(found, dict)
    return found


def triples(turtle: str) -> set[tuple[str, str, str]]:
    """Parse a snippet into triples as text."""
    return {(str(s), str(p), str(o)) for s, p, o in rdflib.Graph().parse(data=PREFIXES + turtle, format="turtle")}


def in_rdflib(query: str, turtle: str) -> set[tuple[str, str, str]]:
    """Run a rule in rdflib."""
    graph = rdflib.Graph().parse(data=PREFIXES + turtle, format="turtle")
    return {(str(row[0]), str(row[1]), str(row[2])) for row in graph.query(query)}  # type: ignore[index]


def in_pyoxigraph(query: str, turtle: str) -> set[tuple[str, str, str]]:
    """Run a rule in pyoxigraph."""
    store = ox.Store()
    store.load((PREFIXES + turtle).encode(), format=ox.RdfFormat.TURTLE)
    made = store.query(query)
    assert isinstance(made, ox.QueryTriples)
    return {(t.subject.value, t.predicate.value, t.object.value) for t in made}


@pytest.fixture(scope="module")
def rules() -> dict[str, str]:
    """Every rule by its id."""
    return {header(path.read_text(encoding="utf-8"))["id"]: path.read_text(encoding="utf-8") for path in RULES}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("engine", [in_rdflib, in_pyoxigraph])
def test_a_rule_makes_exactly_this(rules: dict[str, str], engine: Engine, name: str) -> None:
    rule, given, expected = CASES[name]
    assert engine(rules[rule], given) == triples(expected)


def test_bounds_are_typed_as_dates(rules: dict[str, str]) -> None:
    graph = rdflib.Graph().parse(data=PREFIXES + ':a schema:startDate "2020-02"^^xsd:gYearMonth .', format="turtle")
    made = graph.query(rules["date-bounds"]).graph
    assert made is not None
    assert {term.datatype for term in made.objects() if isinstance(term, rdflib.Literal)} == {rdflib.XSD.date}


def test_every_rule_has_a_case(rules: dict[str, str]) -> None:
    assert set(rules) == {rule for rule, _, _ in CASES.values()}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_the_header_says_what_the_rule_reads_and_makes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = header(text)
    assert list(head) == ["id", "reads", "makes", "why"]
    assert re.fullmatch(rf"[0-9]{{2}}-{head['id']}", path.stem)
    assert head["why"].endswith(".")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "PREFIX")))
    code = re.sub(r'"[^"]*"|<[^>]*>', "", code)
    used = set(re.findall(r"\b[a-z]+:[A-Za-z]+", code)) - {"xsd:date"}
    assert used == set(head["reads"]) | set(head["makes"])
    template = re.sub(r'"[^"]*"|<[^>]*>', "", text[text.index("CONSTRUCT") : text.index("WHERE")])
    assert set(re.findall(r"\b[a-z]+:[A-Za-z]+", template)) <= set(head["makes"])
    assert not re.search(r"\[|_:", template), "a rule makes no blank nodes"
