"""The report on how FAIR the ontology is: it is what the checks find, and each check can fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from circkg_server.linked_data.foops import Answer, Assessment, Outcome, from_server, table
from circkg_server.linked_data.terms import ONTOLOGY
from circkg_shapes.rooms import room

REPORT = Path(__file__).resolve().parents[1] / "docs" / "ontology-fairness.md"
SOURCE = (room("ontology") / "circkg.ttl").read_text(encoding="utf-8")
NOT_REACHED = {"OM3"}


def test_the_report_is_what_the_checks_find(site: str) -> None:
    found = table(Assessment(ONTOLOGY, from_server(site)).outcomes())
    text = REPORT.read_text(encoding="utf-8")
    written = re.search(r"<!-- outcomes: begin -->\n\n(.*?)\n\n<!-- outcomes: end -->", text, re.DOTALL)
    assert written
    assert written[1] == found


def test_the_served_ontology_passes_what_can_be_passed_without_others(site: str) -> None:
    outcomes = list(Assessment(ONTOLOGY, from_server(site)).outcomes())
    assert len(outcomes) == len({one.test for one in outcomes}) == 24
    assert {one.test for one in outcomes if one.passed is False} == NOT_REACHED
    assert {one.test for one in outcomes if one.passed is None} == {"FIND2", "FIND3", "FIND_3_BIS", "OM4.2"}


def fake(change: Callable[[str], str], *, missing: tuple[str, ...] = (), page: str = "text/html") -> list[Outcome]:
    """Return the outcomes for an ontology that was changed, given in Turtle and as a page."""
    content = change(SOURCE).encode()

    def fetch(iri: str, accept: str) -> Answer:
        if any(part in f"{iri} {accept}" for part in missing):
            return Answer(404, "application/problem+json", b"")
        if accept == "text/html":
            return Answer(200, page, b"<html>")
        return Answer(200, "text/turtle", content)

    return list(Assessment(ONTOLOGY, fetch).outcomes())


def failed(outcomes: list[Outcome]) -> set[str]:
    return {one.test for one in outcomes if one.passed is False} - NOT_REACHED


def test_what_is_not_changed_passes() -> None:
    assert failed(fake(str)) == set()


@pytest.mark.parametrize(
    ("pattern", "tests"),
    [
        (r"  vann:preferredNamespacePrefix .*\n", {"FIND1", "OM2"}),
        (r"  vann:preferredNamespaceUri .*\n", {"FIND1", "OM1"}),
        (r"  dct:creator .*\n", {"OM1", "OM5.1"}),
        (r"  dct:bibliographicCitation .*\n", {"OM2"}),
        (r"  owl:versionIRI .*\n", {"OM1", "VER1", "VER2"}),
        (r"  dct:issued .*\n", {"OM5.2"}),
        (r"  rdfs:label \"barrier\"@en ;\n", {"VOC3"}),
        (r"  skos:definition \"Hindrance.*\n", {"VOC4"}),
        (r"  rdfs:sub(?:ClassOf|PropertyOf) .*\n", {"VOC2"}),
    ],
)
def test_what_is_missing_is_found(pattern: str, tests: set[str]) -> None:
    assert re.search(pattern, SOURCE)
    assert failed(fake(lambda text: re.sub(pattern, "", text))) == tests


def test_a_server_that_does_not_negotiate_is_found() -> None:
    assert failed(fake(str, page="text/plain")) == {"CN1", "DOC1"}
    assert failed(fake(str, missing=("0.1.0",))) == {"VER2"}
    assert {"URI1", "CN1", "RDF1", "OM1", "URI2"} <= failed(fake(str, missing=("text/turtle",)))


def test_another_iri_than_the_one_asked_for_is_found() -> None:
    assert "URI2" in failed(
        fake(lambda text: text.replace("<https://w3id.org/circkg/def> a owl:O", "<http://a/> a owl:O"))
    )


def test_only_servers_of_the_web_are_asked() -> None:
    with pytest.raises(ValueError, match="no address of a server"):
        from_server("file:///etc")
