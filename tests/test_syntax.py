"""What is said of queries that are not SPARQL: the place at which people look, and what they probably meant."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pyoxigraph import Store
from typer.testing import CliRunner

from circkg_server.cli import app
from circkg_server.releases.archive import Archive
from circkg_server.sparql.syntax import explain

CIRC = "PREFIX circ: <https://w3id.org/circkg/def#>\n"
CASES = {
    "prefix of ours": (
        "SELECT ?x WHERE {\n  ?x a circ:Barrier }",
        (2, 8),
        "the prefix circ: is not declared. Write PREFIX circ: <https://w3id.org/circkg/def#> at the start",
    ),
    "second prefix": (CIRC + "SELECT * { ?x a circ:A ; foo:bar ?y }", (2, 26), "Write PREFIX foo: <IRI>"),
    "short name": (
        "SELECT * {\n  ?s y:q ?o }",
        (2, 6),
        "the prefix y: is not declared. Write PREFIX y: <IRI> at the start",
    ),
    "prefix in a text": ("SELECT * { ?x ?p 'a:b' ; ex:q ?y }", (1, 26), "the prefix ex: is not declared"),
    "form": ("SELEC ?x WHERE { ?x ?p ?t }", (1, 1), "Is SELECT meant?"),
    "no form": ("hello", (1, 1), "SELECT, ASK, CONSTRUCT or DESCRIBE"),
    "aggregate": ("SELECT ?x COUNT(?t) WHERE { ?x ?p ?t }", (1, 11), "(COUNT(?x) AS ?name)"),
    "full stop": (CIRC + "SELECT ?x { ?x a circ:A  circ:b ?t }", (2, 26), "full stop, a semicolon"),
    "over lines": (CIRC + "SELECT ?x {\n ?x a circ:A\n circ:b ?t }", (4, 2), "full stop, a semicolon"),
    "quotation mark": ('SELECT ?x { ?x ?p ?y FILTER(?x = "a) }', (1, 34), "Is the quotation mark closed?"),
    "curly quotes": ("SELECT ?x { ?x ?p \u201ca\u201d }", None, "straight quotation marks"),
    "keyword": ("SELECT ?x { ?x ?p ?y . OPTIONL { ?x ?q ?z } }", (1, 24), "Is OPTIONAL meant?"),
    "variable": ("SELECT x { ?x ?p ?y }", (1, 8), "Variables begin with ?"),
    "filter": ("SELECT ?x { ?x ?p ?y FILTER ?y > 3 }", (1, 29), "parentheses"),
    "parts": ("SELECT * WHERE { ?s ?p }", (1, 18), "a subject, a predicate and an object"),
    "brace missing": ("SELECT * {\n ?s ?p ?o\n", (3, 1), "A } is missing"),
    "brace too many": ("SELECT * { ?s ?p ?o }}", None, "there is a } too many"),
    "colon of a prefix": ("PREFIX a <http://a/> ASK {}", (1, 1), "Write PREFIX name: <IRI>"),
    "not grouped": ("SELECT ?x ?y { ?x ?p ?y } GROUP BY ?x", None, "contains a variable that is unbound"),
    "nothing": ("", (1, 1), "the query cannot end here"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_at_its_place_with_a_way_out(name: str) -> None:
    query, place, says = CASES[name]
    with pytest.raises(SyntaxError) as error:
        Store().query(query)
    members = explain(query, str(error.value))
    assert says in members["detail"]
    assert "\\u{" not in members["detail"]
    if place:
        assert (members["line"], members["column"]) == place


@pytest.mark.parametrize(
    "query", ["PREFIX" + " " * 1_000_000, "WHERE " * 150_000, "x" * 1_000_000, "SELECT " + "y" * 1_000_000]
)
def test_a_long_query_is_explained_too(query: str) -> None:
    """It runs in the process that serves everybody, so it must not take time that grows with the square."""
    assert len(explain(query, f"error at 1:{len(query) + 1}: expected [_]")["detail"]) < 2_000
    assert len(explain(query, "error at 1:1: expected CONSTRUCT")["detail"]) < 2_000


@pytest.mark.usefixtures("built")
def test_the_command_line_says_the_same(archive: Archive, tmp_path: Path) -> None:
    query = tmp_path / "mine.rq"
    query.write_text("SELEC ?x { ?x ?p ?y }", encoding="utf-8")
    told = CliRunner().invoke(app, ["query", str(query), "--store", str(archive.folder)])
    assert told.exit_code == 2
    assert "Is SELECT meant?" in " ".join(told.output.split())


def test_a_parameter_that_cannot_be_read_is_a_problem(site: str) -> None:
    for address, names in (("/api/search", "q"), ("/api/search?q=a&limit=many", "limit")):
        response = httpx.get(site + address)
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"].startswith(f"{names}: ")
