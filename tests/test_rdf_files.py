"""The reader of our own Turtle files: same terms as another parser gives, in the form that releases have."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib

from circkg_loaders.rdf_files import RdfFileError, name_blank_nodes, read_turtle
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import from_rdflib, literal

FILES = [*sorted(room("ontology").rglob("*.ttl")), *shape_files()]


def written(folder: Path, text: str) -> Path:
    file = folder / "written.ttl"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_another_parser_reads_the_same(file: Path) -> None:
    graph = rdflib.Graph().parse(data=file.read_bytes(), format="turtle", publicID=file.as_uri())
    terms = [(from_rdflib(s), from_rdflib(p), from_rdflib(o)) for s, p, o in graph]
    assert terms
    assert read_turtle(file) == sorted(name_blank_nodes(terms))


def test_terms_have_the_form_of_releases(tmp_path: Path) -> None:
    signs = [chr(code) for code in range(1, 0x80)] + ["é", "\u00a0", "\u2028", "😀"]
    texts = [f'<x:s> <x:p> "\\U{ord(sign):08X}" .' for sign in signs]
    values = [value for _, _, value in read_turtle(written(tmp_path, "\n".join(texts)))]
    assert values == sorted(literal(sign) for sign in signs)


def test_lexical_forms_are_kept(tmp_path: Path) -> None:
    (triple,) = read_turtle(written(tmp_path, "<x:s> <x:p> 05.10 ."))
    assert triple[2] == '"05.10"^^<http://www.w3.org/2001/XMLSchema#decimal>'


def test_blank_nodes_are_named_after_what_is_said_of_them(tmp_path: Path) -> None:
    triples = read_turtle(written(tmp_path, '<x:a> <x:p> [ <x:q> "1" ] . <x:b> <x:p> [ <x:q> "1" ] , [ <x:q> "2" ] .'))
    one = {o for s, p, o in triples if s == "<x:a>"}
    both = {o for s, p, o in triples if s == "<x:b>"}
    assert len(one) == 1
    assert one < both
    assert len(both) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("<x:s> <x:p> .", "written.ttl is not well-formed Turtle"), ("_:a <x:p> _:b . _:b <x:p> _:a .", "circle")],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RdfFileError, match=says):
        read_turtle(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RdfFileError, match=r"none\.ttl cannot be read"):
        read_turtle(tmp_path / "none.ttl")
