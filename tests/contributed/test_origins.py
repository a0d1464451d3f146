"""Where things come from: cells and rows of tables, lines of N-Triples, words to search for in other RDF."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contributed.conftest import Reading

from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import Options, read_bytes, read_together
from circkg_loaders.prefixes import expand
from circkg_shapes.terms import iri

A = "<https://w3id.org/circkg/id/practice/toys>"
TITLE, COUNTRY, THEME = (iri(expand(name)) for name in ("dct:title", "circ:country", "circ:hasTheme"))
START = iri(expand("schema:startDate"))
CLASS = (A, iri(expand("rdf:type")), iri(expand("circ:Practice")))


def test_every_triple_of_a_table_has_its_cells(read_text: Reading) -> None:
    found = read_text("id,Title,Country,Themes\ntoys,Toy library,FI,food\ngames,Games,PT,food;awareness\n")
    assert all(found.origins.of(triple) for triple in found.triples)
    (title,) = [triple for triple in found.triples if triple[:2] == (A, TITLE)]
    (place,) = found.origins.of(title)
    assert (place.cell, place.header, place.raw) == ("B2", "Title", "Toy library")
    assert [str(p) for p in found.origins.of(CLASS)] == ["a.csv, row 2"]
    assert found.origins.of((A, TITLE, '"else"@en')) == ()


def test_what_is_missing_has_the_row_and_the_column_that_would_hold_it(read_text: Reading) -> None:
    found = read_text("id,Title,Country\ntoys,Toy library,\n")
    empty = found.origins.of_missing(A, COUNTRY)
    assert (empty.cell, empty.header, empty.raw) == ("C2", "Country", "")
    none = found.origins.of_missing(A, START)
    assert (none.row, none.column, none.header) == (2, None, None)
    either = found.origins.of_missing(A, f"({START}|{COUNTRY})")
    assert either.cell == "C2"
    assert str(found.origins.of_missing("<x:unknown>", COUNTRY)) == "a.csv"
    focus = found.origins.of_focus(A)
    assert focus is not None
    assert (focus.row, focus.column) == (2, None)
    assert found.origins.of_focus("<x:unknown>") is None


def test_one_statement_of_two_cells_has_both_places(read_text: Reading) -> None:
    found = read_text("id,Title,Themes,Themes 2\ntoys,Toy library,food,food\n")
    (theme,) = [triple for triple in found.triples if triple[1] == THEME]
    assert [place.cell for place in found.origins.of(theme)] == ["C2", "D2"]


@pytest.mark.parametrize("name", ["a.nt", "a.nq"])
def test_statements_of_n_triples_and_n_quads_have_their_lines(name: str) -> None:
    graph = " <x:g>" if name == "a.nq" else ""
    lines = [
        "# a comment",
        f'{A} {TITLE} "Toys"@en{graph} .',
        "",
        f"{A} {THEME} _:b{graph} .",
        f'{A} {TITLE} "Toys"@en{graph} .',
    ]
    found = read_bytes("\r\n".join(lines).encode(), name)
    title, theme = found.triples[0], found.triples[1]
    assert [place.line for place in found.origins.of(title)] == [2, 5]
    assert [place.line for place in found.origins.of(theme)] == [4]
    focus = found.origins.of_focus(A)
    assert focus is not None
    assert focus.line == 2
    assert found.origins.of_missing(A, COUNTRY).line == 2


def test_other_rdf_has_what_to_search_for() -> None:
    text = f"""@prefix dct: <http://purl.org/dc/terms/> .
@prefix circid: <https://w3id.org/circkg/id/> .
@prefix p: <https://w3id.org/circkg/id/practice/> .
p:toys dct:title "Toys for all"@en ; {THEME} [] .
"""
    found = read_bytes(text.encode(), "a.ttl")
    places = {triple[1]: found.origins.of(triple)[0].search for triple in found.triples}
    assert places[TITLE] == "Toys for all"
    assert places[THEME] == "toys"
    assert all(search and search in text for search in places.values())
    focus = found.origins.of_focus(A)
    assert focus is not None
    assert focus.search == "toys"


def test_the_account_says_what_a_file_is(read_text: Reading) -> None:
    table = read_text("Title\nToys\n")
    assert (table.file, table.syntax, len(table.sha256)) == ("a.csv", "csv", 64)
    assert table.sheets[0].to_dict()["rowsIn"] == 1
    assert table.style is not None
    assert table.style.to_dict() == {"encoding": "utf-8", "delimiter": ",", "quote": '"'}
    rdf = read_bytes(b"<x:a> <x:b> <x:c> .", "a.ttl")
    assert (rdf.syntax, rdf.style, rdf.sheets, rdf.faults) == ("turtle", None, (), [])


def test_rows_of_one_file_may_name_things_of_another(tmp_path: Path, known: Known) -> None:
    page = "https://example.org/toys"
    (tmp_path / "practices.csv").write_text(f"Title,Practised by,Source\nToy library,Friends of Toys,{page}\n")
    (tmp_path / "organisations.csv").write_text(f"id,Name,Source\ntoy-friends,Friends of Toys,{page}\n")
    paths = [tmp_path / "practices.csv", tmp_path / "organisations.csv"]
    options = Options(language="en", known=known)
    alone = read_together(paths[:1], options)
    assert [fault.code for fault in alone[0].faults] == ["link-unknown"]
    practices, organisations = read_together(paths, options)
    assert practices.faults == organisations.faults == []
    (link,) = [triple for triple in practices.triples if "practisedBy" in triple[1]]
    assert link[2] == organisations.triples[0][0]
    assert practices.origins.of(link)[0].cell == "B2"
    for each in (practices, organisations):
        assert f"<{page}>" in {value for _, _, value in each.triples}, "the source is described where it is named"
