"""The ontology files are sound, and each verify query finds its fault and no other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
import yaml

from circkg_server.build import Build
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import literal_parts

ROOT = Path(__file__).resolve().parents[1]
ONTOLOGY = ROOT / "ontology"
SEMIC = ROOT.parent / "shared" / "standards" / "semic" / "style-guide-shapes" / "semic-shapes_owl.ttl"
ALIGNMENTS = ROOT.parent / "shared" / "facts" / "links" / "ontology_alignments.csv"
VERIFY = sorted((ONTOLOGY / "verify").glob("*.rq"))
DEF = "https://w3id.org/circkg/def"
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")

Rows = list[tuple[str, ...]]
Engine = Callable[[str, rdflib.Graph], Rows]

PREFIXES = """
@prefix circ: <https://w3id.org/circkg/def#> .
@prefix circid: <https://w3id.org/circkg/id/> .
@prefix circsh: <https://w3id.org/circkg/def/shapes#> .
@prefix country: <http://publications.europa.eu/resource/authority/country/> .
@prefix currency: <http://publications.europa.eu/resource/authority/currency/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix kind: <https://w3id.org/circkg/def/kind/> .
@prefix nuts: <http://data.europa.eu/nuts/code/> .
@prefix nutsdef: <http://data.europa.eu/nuts/scheme/> .
@prefix org: <http://www.w3.org/ns/org#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix rank: <https://w3id.org/circkg/def/claim-rank/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix schema: <https://schema.org/> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix v: <https://w3id.org/circkg/def/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""

# Small graphs without a fault, one for each kind of file that a verify query is run over.
TERMS = """
<https://w3id.org/circkg/def> a owl:Ontology .
circ:Good a owl:Class ; rdfs:isDefinedBy <https://w3id.org/circkg/def> ; rdfs:label "good"@en ;
  skos:definition "Thing made for this test."@en ; skos:example "This one."@en .
circ:goodness a owl:DatatypeProperty ; rdfs:isDefinedBy <https://w3id.org/circkg/def> ; rdfs:label "goodness"@en ;
  skos:definition "Says how well a thing was made."@en ; skos:example "1"@en .
"""
CONCEPTS = """
v:kind a skos:ConceptScheme ; dct:title "Kinds"@en ; owl:versionIRI <https://w3id.org/circkg/def/kind/0.1.0> .
kind:one a skos:Concept ; skos:inScheme v:kind ; skos:prefLabel "one"@en , "uno"@it ; skos:definition "First."@en .
kind:two a skos:Concept ; skos:inScheme v:kind ; skos:prefLabel "two"@en ; skos:definition "Second."@en ;
  skos:broader kind:one .
"""
SHAPES = """
circsh:Good-end a sh:PropertyShape ; sh:path circ:startEarliest ; sh:lessThanOrEquals circ:endLatest ;
  sh:class circ:Territory .
"""
DATA = """
rank:preferred a skos:Concept . rank:normal a skos:Concept . kind:one a skos:Concept .
nuts:BE2 a skos:Concept ; skos:inScheme nutsdef:2024 .
circid:source\\/s a circ:SourceDocument .
circid:record\\/r a circ:Record ; circ:recordOf circid:practice\\/p ; prov:wasDerivedFrom circid:source\\/s .
circid:initiative\\/i a circ:Initiative ; dct:title "Title"@en , "Titel"@de ; circ:partOf circid:initiative\\/j ;
  schema:endDate "2023"^^xsd:gYear ; circ:endEarliest "2023-01-01"^^xsd:date ; circ:hasAmount circid:amount\\/a .
circid:initiative\\/j a circ:Initiative ; dct:title "Whole"@en ; circ:totalBudgetEur 5.5 .
circid:amount\\/a a circ:Amount ; circ:currency currency:EUR ; schema:value 1.5 .
circid:territory\\/t a circ:Territory ; skos:prefLabel "T"@sr-Latn ; circ:country country:BEL ;
  circ:locatedIn circid:territory\\/u .
circid:territory\\/u a circ:Territory ; skos:prefLabel "U"@en ; circ:sameExtentAs nuts:BE2 .
circid:practice\\/p a circ:Practice ; dct:title "P"@en ; circ:identifiedBy circid:initiative\\/i ;
  circ:locatedIn circid:territory\\/t .
circid:barrier\\/b a circ:Barrier ; skos:prefLabel "B"@en ; circ:barrierType kind:one .
circid:driver\\/d a circ:Driver ; skos:prefLabel "D"@en ; circ:driverType kind:one .
circid:participation\\/x a circ:Participation ; circ:participationIn circid:initiative\\/i ;
  circ:participant circid:territory\\/t ; circ:hasRole kind:one .
circid:claim\\/c a circ:Claim ; rdf:subject circid:initiative\\/i ; rdf:predicate schema:endDate ;
  rdf:object "2023"^^xsd:gYear ; circ:hasRank rank:preferred ; prov:wasDerivedFrom circid:source\\/s .
circid:claim\\/d a circ:Claim ; rdf:subject circid:initiative\\/i ; rdf:predicate schema:endDate ;
  rdf:object "2024"^^xsd:gYear ; circ:hasRank rank:normal ; prov:wasDerivedFrom circid:source\\/s .
circid:claim\\/e a circ:Claim ; rdf:subject circid:initiative\\/i ; rdf:predicate schema:startDate ;
  rdf:object "2020"^^xsd:gYear ; circ:hasRank rank:normal ; prov:wasDerivedFrom circid:source\\/s .
"""

TERM = (
    "circ:{} a owl:Class ; rdfs:isDefinedBy <https://w3id.org/circkg/def> ;"
    " rdfs:label {} ; skos:definition {} ; skos:example {} ."
)

# What makes each query find a fault: triples added to the sound graph.
PLANTED: dict[str, str] = {
    "term-without-label": "circ:Bad a owl:Class ; rdfs:label 'mal'@fr .",
    "term-without-definition": "circ:Bad a owl:Class ; skos:definition 'Mal.'@fr .",
    "term-without-example": "circ:Bad a owl:Class .",
    "term-without-ontology": "circ:bad a owl:ObjectProperty .",
    "term-definition-form": TERM.format("Bad", "'bad'@en", "'Bad is what is not good.'@en", "'x'@en"),
    "term-label-shared": TERM.format("Bad", "'good'@en", "'Thing.'@en", "'x'@en"),
    "term-name-form": TERM.format("bad", "'bad'@en", "'Thing.'@en", "'x'@en"),
    "term-undefined-in-vocabularies": "kind:one circ:gooodness 1 .",
    "term-undefined-in-data": "circid:practice\\/q a circ:Practise .",
    "term-undefined-in-shapes": "circsh:Bad sh:path circ:startEarlyest .",
    "concept-without-english-label": "kind:bad a skos:Concept ; skos:prefLabel 'mal'@fr .",
    "concept-without-english-definition": "kind:bad a skos:Concept ; skos:definition 'Mal.'@fr .",
    "concept-in-no-scheme": "kind:bad a skos:Concept ; skos:inScheme v:other .",
    "scheme-without-title": "v:bad a skos:ConceptScheme .",
    "scheme-undefined": "kind:bad a skos:Concept ; skos:inScheme v:knd .",
    "concept-with-two-labels": "kind:one skos:prefLabel 'first'@en .",
    "concept-label-shared": "kind:bad skos:inScheme v:kind ; skos:prefLabel 'one'@en .",
    "concept-broader-undefined": "kind:one skos:broader kind:none .",
    "concept-broader-than-itself": "kind:one skos:broader kind:two .",
    "label-with-outer-blanks": "kind:one skos:altLabel 'first '@en .",
    "shape-compares-dates-as-written": "circsh:Bad sh:path schema:startDate ; sh:lessThan circ:endLatest .",
    "concept-undefined": "circid:barrier\\/b dct:type kind:none .",
    "nuts-code-unknown": "circid:practice\\/p circ:locatedIn nuts:FI1C9 .",
    "country-not-from-authority": "circid:practice\\/p circ:country nuts:BE .",
    "currency-not-from-authority": "circid:amount\\/a circ:currency kind:one .",
    "schema-org-namespace": "circid:initiative\\/i <http://schema.org/startDate> '2020' .",
    "blank-node": "circid:initiative\\/i circ:hasAmount [] .",
    "language-tag-with-region": "circid:initiative\\/i dct:title 'Título'@pt-BR .",
    "value-in-open-dispute": "circid:initiative\\/i schema:startDate '2020'^^xsd:gYear .",
    "value-other-than-preferred": "circid:initiative\\/i schema:endDate '2024'^^xsd:gYear .",
    "preferred-value-missing": "circid:claim\\/z rdf:subject circid:initiative\\/i ; rdf:predicate dct:type ;"
    " rdf:object kind:one ; circ:hasRank rank:preferred .",
    "two-preferred-claims": "circid:claim\\/d circ:hasRank rank:preferred .",
    "claim-without-source": "circid:claim\\/z a circ:Claim .",
    "record-without-source": "circid:record\\/z a circ:Record .",
    "territory-without-place": "circid:territory\\/z a circ:Territory .",
    "territory-in-itself": "circid:territory\\/u circ:locatedIn circid:territory\\/t .",
    "territory-same-and-smaller": "circid:territory\\/u circ:locatedIn nuts:BE2 .",
    "participation-initiative-not-one": "circid:participation\\/x circ:participationIn circid:initiative\\/j .",
    "participation-participant-not-one": "circid:participation\\/z a circ:Participation .",
    "participation-role-not-one": "circid:participation\\/x circ:hasRole kind:two .",
    "barrier-type-not-one": "circid:barrier\\/z a circ:Barrier .",
    "driver-type-not-one": "circid:driver\\/d circ:driverType kind:two .",
    "practice-without-initiative": "circid:practice\\/z a circ:Practice .",
    "thing-undescribed": "circid:practice\\/p circ:practisedBy circid:organisation\\/nobody .",
    "thing-without-name": "circid:organisation\\/z a org:Organization .",
    "initiative-part-of-itself": "circid:initiative\\/j circ:partOf circid:initiative\\/i .",
    "amount-owner-not-one": "circid:quantity\\/z a circ:Quantity .",
    "two-total-budgets": "circid:initiative\\/j circ:totalBudgetEur 6.5 .",
    "date-unreadable": "circid:practice\\/p schema:startDate 'spring 2020' .",
}


def header(path: Path) -> dict[str, Any]:
    """Read the YAML in the `#+ ` lines of a query."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = yaml.safe_load("\n".join(line[3:] for line in lines if line.startswith("#+ ")))
    assert isinstance(found, dict)
    return found


def parsed(*texts: str) -> rdflib.Graph:
    """Parse snippets into one graph."""
    return rdflib.Graph().parse(data=PREFIXES + "\n".join(texts), format="turtle")


def merged(*paths: Path) -> rdflib.Graph:
    """Read files into one graph."""
    graph = rdflib.Graph()
    for path in paths:
        graph.parse(path)
    return graph


def in_rdflib(query: str, graph: rdflib.Graph) -> Rows:
    """Run a verify query in rdflib."""
    return [tuple(str(value) for value in row) for row in graph.query(query)]  # type: ignore[union-attr]


def in_pyoxigraph(query: str, graph: rdflib.Graph) -> Rows:
    """Run a verify query in pyoxigraph."""
    store = ox.Store()
    store.load(graph.serialize(format="nt").encode(), format=ox.RdfFormat.N_TRIPLES)
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    return [tuple(str(value) for value in row) for row in found]


ENGINES: list[Engine] = [in_rdflib, in_pyoxigraph]


@pytest.fixture(scope="module")
def core() -> rdflib.Graph:
    """Give the core ontology."""
    return merged(ONTOLOGY / "circkg.ttl")


@pytest.fixture(scope="module")
def real(core: rdflib.Graph) -> dict[str, rdflib.Graph]:
    """Give the files as they are, for each kind of file that needs no build."""
    return {
        "ontology": core,
        "vocabularies": merged(ONTOLOGY / "circkg.ttl", *sorted((ONTOLOGY / "vocabularies").glob("*.ttl"))),
        "shapes": merged(ONTOLOGY / "circkg.ttl", *shape_files()),
    }


@pytest.fixture(scope="module")
def sound(core: rdflib.Graph) -> dict[str, rdflib.Graph]:
    """Give small graphs in which there is nothing to find."""
    return {
        "ontology": parsed(TERMS),
        "vocabularies": core + parsed(CONCEPTS),
        "shapes": core + parsed(SHAPES),
        "data": core + parsed(DATA),
    }


@pytest.mark.parametrize("name", ["circkg", "alignments", "axioms"])
def test_versions_agree(name: str) -> None:
    graph = merged(ONTOLOGY / f"{name}.ttl")
    (ontology,) = graph.subjects(rdflib.RDF.type, rdflib.OWL.Ontology)
    assert str(ontology) == (DEF if name == "circkg" else f"{DEF}/{name}")
    version = graph.value(ontology, rdflib.OWL.versionInfo)
    assert str(version) == "0.1.0"
    assert str(graph.value(ontology, rdflib.OWL.versionIRI)) == f"{ontology}/{version}"
    if name != "circkg":
        assert graph.value(ontology, rdflib.OWL.imports) == rdflib.URIRef(DEF)


@pytest.mark.parametrize("name", ["circkg", "alignments", "axioms"])
def test_no_blank_nodes_and_only_listed_prefixes(name: str) -> None:
    path = ONTOLOGY / f"{name}.ttl"
    assert not [term for triple in merged(path) for term in triple if isinstance(term, rdflib.BNode)]
    pattern = r'sh:prefix "(\w+)" ; sh:namespace "([^"]+)"'
    listed = dict(re.findall(pattern, (ONTOLOGY / "prefixes.ttl").read_text(encoding="utf-8")))
    used = re.findall(r"^@prefix (\w+): <([^>]+)> \.", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {prefix: namespace for prefix, namespace in used if listed.get(prefix) != namespace} == {}


def test_the_modules_speak_only_of_terms_of_the_core(core: rdflib.Graph) -> None:
    defined = set(core.subjects(rdflib.RDFS.isDefinedBy, rdflib.URIRef(DEF)))
    for name in ("alignments", "axioms"):
        graph = merged(ONTOLOGY / f"{name}.ttl")
        ours = {term for triple in graph for term in triple if str(term).startswith(f"{DEF}#")}
        assert ours <= defined
        assert {s for s in graph.subjects() if not str(s).startswith(DEF)} == set()


def test_every_term_that_code_and_documentation_name_is_defined(core: rdflib.Graph) -> None:
    defined = {str(s).partition("#")[2] for s in core.subjects(rdflib.RDFS.isDefinedBy, rdflib.URIRef(DEF))}
    code = [ROOT / "docs" / "architecture.md"]
    code += [path for room in ("shapes", "loaders", "server") for path in sorted((ROOT / room).rglob("*.py"))]
    tables = [path for path in sorted((ROOT / "data").glob("*/*.csv")) if path.stem in {"claims", "relations"}]
    for path in [*VERIFY, *sorted((ONTOLOGY / "rules").glob("*.rq")), *tables, *code]:
        named = set(re.findall(r"\bcirc:([A-Za-z0-9]+)", path.read_text(encoding="utf-8")))
        assert named <= defined, f"{path.name}: {sorted(named - defined)}"


AGENT = "http://www.w3.org/ns/prov#Agent"
AGENTS = {"http://www.w3.org/ns/org#Organization": AGENT, f"{DEF}#Territory": AGENT}
"""What takes part is an agent: organisations by their nature, territories as the note on ``circ:participant`` says."""


def test_the_data_keep_what_the_axioms_say(core: rdflib.Graph, built: Build) -> None:
    graph = core + merged(ONTOLOGY / "axioms.ttl")
    above: dict[str, set[str]] = defaultdict(set)
    for term in {*graph.subjects(rdflib.RDFS.subClassOf), *map(rdflib.URIRef, AGENTS)}:
        above[str(term)] = {*map(str, graph.transitive_objects(term, rdflib.RDFS.subClassOf)), str(term)}
        above[str(term)] |= {AGENTS[name] for name in above[str(term)] if name in AGENTS}
    triples = [triple for of_set in built.loaded.triples.values() for triple in of_set]
    classes: dict[str, set[str]] = defaultdict(set)
    for subject, predicate, value in triples:
        if predicate == f"<{rdflib.RDF.type}>":
            classes[subject] |= above[value[1:-1]] | {value[1:-1]}
    domains, ranges = (
        {f"<{term}>": str(cls) for term, cls in graph.subject_objects(side)}
        for side in (rdflib.RDFS.domain, rdflib.RDFS.range)
    )
    faults = set()
    for subject, predicate, value in triples:
        wanted = domains.get(predicate)
        if wanted and wanted not in classes[subject]:
            faults.add((predicate, "domain", subject))
        wanted = ranges.get(predicate)
        if wanted and value.startswith('"'):
            faults |= {(predicate, "range", value)} if literal_parts(value)[2] != wanted else set()
        elif (wanted and wanted.startswith(str(rdflib.XSD))) or (
            wanted and classes[value] and wanted not in classes[value]
        ):
            faults.add((predicate, "range", value))
    for one, other in graph.subject_objects(rdflib.OWL.disjointWith):
        faults |= {(str(one), "disjoint", s) for s, found in classes.items() if {str(one), str(other)} <= found}
    assert faults == set()


@pytest.mark.skipif(not SEMIC.exists(), reason="SEMIC style-guide shapes: ../shared is not beside the repository")
def test_semic_style_guide_finds_only_what_is_accepted(core: rdflib.Graph) -> None:
    from pyshacl import validate

    shapes = merged(SEMIC)
    _, report, _ = validate(core, shacl_graph=shapes, advanced=True)
    assert isinstance(report, rdflib.Graph)
    results = {
        (
            str(report.value(result, SH.resultSeverity)).rpartition("#")[2],
            str(report.value(result, SH.focusNode)),
            str(report.value(result, SH.resultPath)),
        )
        for result in report.subjects(rdflib.RDF.type, SH.ValidationResult)
    }
    assert results == {
        ("Warning", DEF, str(rdflib.DCTERMS.license)),
        ("Info", DEF, str(rdflib.OWL.versionInfo)),
        ("Info", DEF, str(rdflib.DCTERMS.creator)),
        ("Info", DEF, str(rdflib.DCTERMS.bibliographicCitation)),
        ("Info", DEF, str(rdflib.VANN.preferredNamespacePrefix)),
        ("Info", DEF, str(rdflib.VANN.preferredNamespaceUri)),
    }


@pytest.mark.skipif(not ALIGNMENTS.exists(), reason="researched alignments: ../shared is not beside the repository")
def test_every_researched_alignment_is_made_or_left_out_with_a_reason() -> None:
    import csv

    text = (ONTOLOGY / "alignments.ttl").read_text(encoding="utf-8")
    said = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    graph = merged(ONTOLOGY / "circkg.ttl", ONTOLOGY / "alignments.ttl")
    made = {(str(s).partition("#")[2], str(o)) for s, _, o in graph if str(s).startswith(f"{DEF}#")}
    names = {"theme": "hasTheme", "withinTerritory": "within", "participatingOrganisation": "participant"}
    names |= {"hasParticipation": "participationIn", "producedBy": "outputOf", "hasOutput": "outputOf"}
    with ALIGNMENTS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            ours, target = row["our_class_or_property"], row["target_iri"]
            assert (names.get(ours, ours), target) in made or re.search(rf"\b{ours}\b", said), row


def test_verify_headers() -> None:
    assert {path.stem for path in VERIFY} == set(PLANTED)
    for path in VERIFY:
        head = header(path)
        assert list(head) == ["id", "over", "rule", "fix"]
        assert head["id"] == path.stem
        assert head["over"] in {"ontology", "vocabularies", "data", "shapes"}
        assert head["rule"].endswith(".")
        assert head["fix"].endswith(".")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", VERIFY, ids=lambda path: path.stem)
def test_a_verify_query_finds_the_planted_fault_only(
    path: Path, engine: Engine, sound: dict[str, rdflib.Graph]
) -> None:
    query = path.read_text(encoding="utf-8")
    graph = sound[header(path)["over"]]
    assert engine(query, graph) == []
    assert len(engine(query, graph + parsed(PLANTED[path.stem]))) >= 1


@pytest.mark.parametrize(
    "path", [path for path in VERIFY if header(path)["over"] != "data"], ids=lambda path: path.stem
)
def test_the_files_as_they_are_have_no_fault(path: Path, real: dict[str, rdflib.Graph]) -> None:
    """Run over files only: the queries over data are run by the build, over everything that it publishes."""
    assert in_rdflib(path.read_text(encoding="utf-8"), real[header(path)["over"]]) == []
