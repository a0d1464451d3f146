"""The pages of linked data as people meet them: readable, whole, in their language, reachable for everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from circkg_loaders.iris import BASE, DEF
from circkg_loaders.prefixes import expand
from circkg_loaders.rdf_files import read_turtle
from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.build import Build
from circkg_server.linked_data.languages import PAGE_LANGUAGES
from circkg_server.linked_data.terms import Terms
from circkg_server.linked_data.words import FILE, Words
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.store.snapshot import Snapshot, make
from circkg_server.web.rendering import render
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import iri, literal

from .outline import outline

CLIENT = httpx.Client(timeout=60)
PAGES = (
    "/explore", "/explore?q=repair", "/explore?class=circ:Practice", "/explore?class=class:nuts", "/def", "/def/shapes",
    "/def/vocabularies", "/def/barrier-type", "/def/barrier-type/financial", "/def/profiles", "/doc/initiative/ceci",
    "/doc/initiative/ccri", "/doc/practice/shareable-mechelen", "/doc/organisation/lab-uas", "/doc/source/seed-ceci",
    "/doc/participation/ceci--lab-uas--lead-partner", "/doc/amount/ceci-total-budget",
    "/doc/record/interreg/initiatives/ceci", "/doc?iri=http%3A%2F%2Fdata.europa.eu%2Fnuts%2Fcode%2FFI1C3",
    "/doc/initiative/nope", "/doc/initiative/ceci?_profile=alt",
)  # fmt: skip
HIDDEN = (
    "skosxl:prefLabel", "skosxl:altLabel", "skosxl:literalForm", "rdf:subject", "rdf:predicate", "rdf:object",
    "schema:sha256", "skos:topConceptOf", "skos:hasTopConcept", "owl:imports", "circ:startEarliest", "circ:startLatest",
    "circ:endEarliest", "circ:endLatest", "circ:currency", "circ:hasRole", "circ:hasRank", "circ:hasStatus",
    "circ:participationIn", "circ:participant", "circ:onBehalfOf", "circ:expectedCount", "circ:knownCount",
    "circ:coverageOf", "circ:actionNumber", "circ:draftNumber", "circ:doi", "circ:candidateMatch",
)  # fmt: skip
"""Properties that no page of a thing names: they stand in tables, or the ontology's own name will do."""


def get(site: str, path: str, language: str = "en") -> httpx.Response:
    headers = {"Accept": "text/html", "Accept-Language": language}
    return CLIENT.get(f"{site}{path}", headers=headers)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_by_everybody(site: str, path: str) -> None:
    response = get(site, path, "pt")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = outline(response.text)
    assert page.page_language == "pt"
    assert page.count["main"] == page.count["h1"] == page.count["nav"] == 1
    assert page.headings[0] == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps), "no level of headings is left out"
    assert set(page.inputs) <= page.labelled
    assert page.cells_without_scope == 0
    assert len(page.ids) == len(set(page.ids))
    assert "#content" in page.links
    assert "viewport" in response.text
    assert "<script>" not in response.text, "no page needs JavaScript"


def test_links_lead_somewhere(site: str) -> None:
    seen: dict[str, int] = {}
    anchors: dict[str, set[str]] = {}
    found: list[str] = []
    for path in PAGES:
        found += [link for link in outline(get(site, path).text).links if link.startswith("/")]
    wanted = [link for link in dict.fromkeys(found) if not link.startswith("/sparql?")]
    for link in wanted[:: max(len(wanted) // 150, 1)]:
        page, _, anchor = link.partition("#")
        if page not in seen:
            response = get(site, page.replace("&amp;", "&"))
            seen[page] = response.status_code
            anchors[page] = set(re.findall(r'id="([^"]*)"', response.text))
        assert seen[page] == 200, link
        assert not anchor or anchor in anchors[page], link
    assert len(seen) > 75


def test_anchors_of_a_page_are_there(site: str) -> None:
    for path in PAGES:
        page = outline(get(site, path).text)
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids), path


# -- what a page says ---------------------------------------------------------------------------------------------


def test_the_page_of_an_initiative_says_what_a_reader_wants(site: str) -> None:
    text = get(site, "/doc/initiative/ceci").text
    for shown in (
        "Citizen Involvement in Circular Economy Implementation", "CECI", "1 August 2019", "1,508,765 EUR",
        "lead partner", "LAB University of Applied Sciences", "Where sources disagree", "Shareable Mechelen",
        "How complete this is",
    ):  # fmt: skip
        assert shown in text, shown
    table = re.search(r'<h2 id="participants">(.*?)</table>', text, re.DOTALL)
    assert table
    row = next(row for row in table[1].split("<tr>") if "LAB University" in row)
    assert "lead partner" in row
    number = re.search(r'href="#source-(\d+)"', row)
    assert number, "the source stands beside the statement"
    assert f'id="source-{number[1]}"' in text


def test_what_a_rule_derived_is_marked(site: str) -> None:
    text = get(site, "/doc/practice/shareable-mechelen").text
    within = re.search(r"<dt>Within(.*?)</dt>", text, re.DOTALL)
    located = re.search(r"<dt>Place(.*?)</dt>", text, re.DOTALL)
    assert within
    assert located
    assert "derived" in within[1]
    assert "derived" not in located[1]


def test_what_links_here_is_counted_and_unfolds(site: str) -> None:
    text = get(site, "/doc/initiative/ceci").text
    events = re.search(r'<h3>Events <span class="count">(\d+)</span></h3>(.*?)</section>', text, re.DOTALL)
    assert events
    assert events[2].count("<li>") == int(events[1]) == 27
    assert "<details>" in events[2]


def test_a_table_that_is_bounded_says_so(site: str, archive: Archive) -> None:
    query = f"SELECT (COUNT(*) AS ?n) {{ ?s <{DEF}participationIn> <{BASE}id/initiative/ccri> }}"
    count = int(next(iter(Snapshot.open(archive).query(query)))["n"].value)
    text = get(site, "/doc/initiative/ccri").text
    section = re.search(r'<h2 id="participants">(.*?)</section>', text, re.DOTALL)
    assert section
    assert f"50 of {count} shown" in section[1]
    assert section[1].count("<tr>") == 51


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (
            "participation/ceci--lab-uas--lead-partner",
            "LAB University of Applied Sciences · lead partner · Citizen Involve",
        ),
        ("amount/ceci-total-budget", "1,508,765 EUR · total budget"),
    ],
)
def test_what_has_no_name_is_called_by_what_it_says(site: str, path: str, title: str) -> None:
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", get(site, f"/doc/{path}").text, re.DOTALL)
    assert heading
    assert heading[1].startswith(title)


def test_every_property_and_class_of_the_graph_has_a_name_in_every_language(built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    snapshot = Snapshot.open(archive)
    hidden = {expand(name) for name in HIDDEN}
    about_things = f'FILTER(STRSTARTS(STR(?s), "{BASE}id/") || STRSTARTS(STR(?s), "http://data.europa.eu/"))'
    outgoing = {row["p"].value for row in snapshot.query(f"SELECT DISTINCT ?p WHERE {{ ?s ?p ?o {about_things} }}")}
    classes = {row["o"].value for row in snapshot.query(f"SELECT DISTINCT ?o WHERE {{ ?s a ?o {about_things} }}")}
    shapes = Terms.of_triples([], [triple for path in shape_files() for triple in read_turtle(path)])
    for language in PAGE_LANGUAGES:
        words = Words(language)
        for name in outgoing - hidden:
            assert words.find(name) or shapes.name(name, (), language)[0], (language, name)
        for name in classes:
            assert words.find(name) or shapes.class_name(name, language), (language, name)
    to_ours = f'FILTER(ISIRI(?o) && (STRSTARTS(STR(?o), "{BASE}id/") || STRSTARTS(STR(?o), "{BASE}def/")))'
    incoming = {
        row["p"].value for row in snapshot.query(f"SELECT DISTINCT ?p WHERE {{ ?s ?p ?o {about_things} {to_ours} }}")
    }
    assert {name for name in incoming - hidden if Words("en").find(name, "^") is None} == set()


def test_no_word_is_missing_in_a_language() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"key,{','.join(PAGE_LANGUAGES)}"
    for key in (line.partition(",")[0] for line in lines[1:]):
        texts = [Words(language)(key) for language in PAGE_LANGUAGES]
        assert all(text.strip() == text != "" for text in texts), key
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in texts}) == 1, key


# -- hostile texts, colours ---------------------------------------------------------------------------------------


def test_texts_of_the_graph_cannot_become_markup(
    tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    evil = '</script><script>alert(1)</script><b title="x">&'
    thing = f"{BASE}id/practice/evil"
    archive = Archive(tmp_path)
    triples = [
        (iri(thing), iri(expand("rdf:type")), iri(f"{DEF}Practice")),
        (iri(thing), iri(expand("dct:title")), literal(evil, "en")),
        (iri(thing), iri(expand("foaf:homepage")), iri("javascript:alert(1)")),
        (iri(thing), iri(expand("foaf:page")), iri("http://a/?x=%22%3E%3Cscript%3E")),
    ]
    found = DataSet("a", evil, Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    with archive.writing():
        manifest = archive.next_manifest([archive.release(found, triples)])
        make(archive, manifest)
        archive.publish(manifest)
    with serve_app(build_app(archive, Settings())) as site:
        text = get(site, "/doc/practice/evil").text
        assert "<script>" not in text
        assert "<b title" not in text
        assert outline(text).count["script"] == 1
        assert 'href="javascript' not in text


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_read_by_day_and_by_night() -> None:
    """Contrast of WCAG 2.2, success criterion 1.4.3."""
    schemes = re.findall(r":root \{(.*?)\}", render("profiles.html", words=Words("en"), to=str, profiles=(), iri=""))
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        paper = _luminance(colours["paper"])
        for name in ("ink", "soft", "accent", "good", "warn", "bad"):
            light, dark = sorted((paper, _luminance(colours[name])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name
