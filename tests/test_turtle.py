"""Turtle that is put together says what it was made of."""

from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat, parse

from circkg_loaders.prefixes import expand, prefixes
from circkg_server.linked_data.turtle import written
from circkg_shapes.terms import XSD, Triple, literal

ME, P = f"<{expand('circid:initiative')}/a>", f"<{expand('dct:title')}>"
IRIS = [
    f"<{expand('nuts:FI1C3')}>",
    *(f"<{expand('circ:Barrier')}{end}>" for end in ("", ".", ".a", "-", "(x)", "%20", "'", "~", ":", "ä", "/b")),
    f"<{prefixes()['circ']}>",
    f"<{prefixes()['circ']}-a>",
    f"<{prefixes()['circ']}0>",
    f"<{expand('circid:initiative')}/a>",
    "<urn:x>",
    "_:b0",
]
LITERALS = [
    *(
        literal(text)
        for text in ("", "a", 'say "hi"', "back\\slash", "line\nline\r\t", "\x00\x07\x7f", "<b>&amp;", "🜚 ä")
    ),
    literal("a", "en"),
    literal("a", "pt-br"),
    *(literal(text, datatype=f"{XSD}integer") for text in ("5", "-05", "+5", "5.", "five", "")),
    *(literal(text, datatype=f"{XSD}decimal") for text in ("1.5", "-.5", "1", "1.", "1.5e3")),
    *(literal(text, datatype=f"{XSD}boolean") for text in ("true", "false", "1", "True")),
    literal("2019-08", datatype=f"{XSD}gYearMonth"),
    literal("1e5", datatype=f"{XSD}double"),
    literal("any", datatype="urn:type"),
]


def read(content: bytes, format_: RdfFormat) -> set[str]:
    return {str(quad) for quad in parse(content, format_, without_named_graphs=True)}


@pytest.mark.parametrize("o", [*IRIS, *LITERALS])
def test_each_term_is_read_back(o: str) -> None:
    triples = [(ME, P, o), (ME, P, '"more"'), (ME, f"<{expand('rdf:type')}>", IRIS[0])]
    lines = "".join(f"{s} {p} {o} .\n" for s, p, o in triples).encode()
    assert read(written(triples), RdfFormat.TURTLE) == read(lines, RdfFormat.N_TRIPLES)


def test_any_order_is_read_back() -> None:
    subjects = [term for term in IRIS if term != "_:b0"]
    triples: list[Triple] = [(s, p, o) for o in LITERALS for p in (P, "<urn:p>") for s in subjects]
    lines = "".join(f"{s} {p} {o} .\n" for s, p, o in triples).encode()
    for ordered in (triples, sorted(triples)):
        assert read(written(ordered), RdfFormat.TURTLE) == read(lines, RdfFormat.N_TRIPLES)


def test_nothing_is_said_of_nothing() -> None:
    assert written([]) == b""


def test_only_what_is_used_is_declared() -> None:
    assert written([(ME, P, '"a"')]).decode() == f'@prefix dct: <{prefixes()["dct"]}> .\n{ME} dct:title "a" .\n'
