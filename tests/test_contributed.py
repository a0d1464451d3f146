"""Contributed files: read in any syntax, and refused quickly where they could bring the parser down."""

from __future__ import annotations

from pathlib import Path

import pytest

from circkg_loaders.contributed import rdf
from circkg_loaders.contributed.rdf import ContributionError, read_rdf

TRIPLE = ("<https://example.org/a>", "<http://purl.org/dc/terms/title>", '"Café"@fr')
XML = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/">{}</rdf:RDF>'
NODE = '<rdf:Description rdf:about="https://example.org/a"><dct:title xml:lang="fr">{}</dct:title></rdf:Description>'
BOMB = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))

GOOD = {
    "a.ttl": "<https://example.org/a> <http://purl.org/dc/terms/title> 'Café'@fr .",
    "a.nt": '<https://example.org/a> <http://purl.org/dc/terms/title> "Café"@fr .',
    "a.nq": '<https://example.org/a> <http://purl.org/dc/terms/title> "Café"@fr <https://example.org/g> .',
    "a.trig": "<https://example.org/g> { <https://example.org/a> <http://purl.org/dc/terms/title> 'Café'@fr }",
    "a.rdf": XML.format(NODE.format("Café")),
    "a.jsonld": '{"@id":"https://example.org/a","http://purl.org/dc/terms/title":{"@value":"Café","@language":"fr"}}',
}


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_any_syntax_says_the_same(name: str, mark: bytes, tmp_path: Path) -> None:
    assert list(read_rdf(written(tmp_path, name, mark + GOOD[name].encode()))) == [TRIPLE]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.rdf", f'<!DOCTYPE r [<!ENTITY l0 "lol">{BOMB}]>' + XML.format(NODE.format("&l9;")), "declares the entity"),
        ("a.rdf", '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + XML.format(NODE.format("&x;")), "entity"),
        ("a.rdf", '<!DOCTYPE r [<!ENTITY % x "y"> %x;]>' + XML.format(""), "entity"),
        ("a.rdf", "<rdf:RDF", "no well-formed XML"),
        ("a.rdf", "", "no well-formed XML"),
        ("a.jsonld", '{"@id":"x:a","x:p":' * 20_000 + "1" + "}" * 20_000, "nested more than 100 deep"),
        ("a.jsonld", "[" * 20_000, "nested more than 100 deep"),
        ("a.jsonld", '{"@context":"https://schema.org/","name":"n"}', "Put the context itself into the file"),
        ("a.ttl", b"<x:a> <x:b> 'Caf\xe9' .", "Save it as UTF-8"),
        ("a.ttl", "<x:a> <x:b> 'c' .".encode("utf-16"), "Save it as UTF-8"),
        ("a.ttl", "<< <x:a> <x:b> <x:c> >> <x:d> <x:e> .", "quoted triple"),
        ("a.docx", "", "Known: .ttl"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_and_with_a_way_out(
    name: str, content: str | bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ContributionError) as error:
        list(read_rdf(written(tmp_path, name, content)))
    assert str(error.value).startswith(name)
    assert says in str(error.value)


def test_brackets_in_texts_are_no_nesting(tmp_path: Path) -> None:
    text = '{"@id":"https://example.org/a","https://example.org/p":"' + r"\\ \" [" * 500 + '"}'
    ((_, _, value),) = read_rdf(written(tmp_path, "a.jsonld", text))
    assert value.count("[") == 500


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf, "MAX_BYTES", 10)
    with pytest.raises(ContributionError, match="Contribute it in parts"):
        list(read_rdf(written(tmp_path, "a.ttl", GOOD["a.ttl"])))
