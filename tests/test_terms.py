"""Terms keep what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, RdfFormat, parse

from circkg_shapes.terms import TermError, from_rdflib, iri, literal, literal_parts, to_rdflib

ODD_LITERALS = [
    literal("05", datatype="http://www.w3.org/2001/XMLSchema#integer"),
    literal("1", datatype="http://www.w3.org/2001/XMLSchema#boolean"),
    literal("1.50", datatype="http://www.w3.org/2001/XMLSchema#decimal"),
    literal("7", datatype="http://www.w3.org/2001/XMLSchema#nonNegativeInteger"),
    literal("not a date", datatype="http://www.w3.org/2001/XMLSchema#date"),
    literal("óleo usado", lang="pt-BR"),
    literal('tab\t quote " back\\slash \x01 \x7f new\nline'),
    literal(""),
]


@pytest.mark.parametrize("term", ODD_LITERALS)
def test_a_literal_comes_back_from_rdflib_as_it_went_in(term: str) -> None:
    assert from_rdflib(to_rdflib(term)) == term


@given(st.text())
def test_any_text_survives_escaping(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    term = literal(text, lang="en")
    assert literal_parts(term)[0] == text
    (quad,) = parse(f"<a:s> <a:p> {term} .\n".encode(), RdfFormat.N_TRIPLES)
    assert isinstance(quad.object, Literal)
    assert quad.object.value == text


@pytest.mark.parametrize("text", ["no scheme", "http://a b", "http://a/<x>", 'http://a/"', "", "http://a/\n", "x y:z"])
def test_what_is_no_iri_is_refused(text: str) -> None:
    with pytest.raises(TermError):
        iri(text)
