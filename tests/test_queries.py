"""The query catalogue: headers, terms, the same answer from two engines, expected answers, mutations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, QueryBoolean, QuerySolutions, RdfFormat, Store
from pyoxigraph import Literal as OxLiteral
from rdflib import Dataset, Literal, URIRef, Variable
from rdflib.plugins.sparql import prepareQuery

from circkg_loaders.load import load
from circkg_loaders.prefixes import expand, prefixes
from circkg_loaders.registry import Role
from circkg_server.inference import infer
from circkg_server.questions import TYPES, Question, read_question
from circkg_shapes.rooms import room
from circkg_shapes.terms import Triple, to_rdflib

QUERIES = sorted(room("queries").glob("**/*.rq"))
LOCAL = [path for path in QUERIES if path.parent.name != "federated"]
COMPETENCY = [path for path in LOCAL if path.parent.name == "competency"]
LEAST = {"competency": 40, "analysis": 5, "federated": 4}
STATUSES = ("answered", "implementing")
NUTS = "<http://data.europa.eu/nuts/code/"
BASE = "https://w3id.org/circkg/"
SET = f"{BASE}set/"

Row = tuple[str | None, ...]
"""One row of an answer: a text a cell, numbers in one form, ``None`` where nothing is bound."""


def by_name(paths: Iterable[Path]) -> pytest.MarkDecorator:
    """Run a test once for each query file."""
    return pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in paths])


# -- the graph that queries see ---------------------------------------------------------------------------------


@cache
def graphs() -> dict[str, list[Triple]]:
    """Return the merged default graph under the empty name, and each provenance set under its IRI.

    NUTS regions that nothing links to are left out, for the sake of rdflib.
    """
    loaded = load()
    known = loaded.of_role(Role.STATED, Role.VOCABULARY)
    merged = known + infer(known)[0]
    named = {f"{SET}{found.slug}": loaded.triples[found.slug] for found in loaded.sets if found.role is Role.PROVENANCE}
    linked = {o for s, _, o in merged if o.startswith(NUTS) and not s.startswith(NUTS)}
    wider = {o for s, _, o in merged if s in linked and o.startswith(NUTS)}
    kept = linked | wider
    return {"": sorted({t for t in merged if not t[0].startswith(NUTS) or t[0] in kept}), **named}


@cache
def oxigraph() -> Store:
    """Return the graphs in an Oxigraph store."""
    store = Store()
    for name, triples in graphs().items():
        lines = "".join(f"{s} {p} {o} .\n" for s, p, o in triples)
        store.bulk_load(lines.encode(), RdfFormat.N_TRIPLES, to_graph=NamedNode(name) if name else DefaultGraph())
    return store


@cache
def rdflib_dataset() -> Dataset:
    """Return the graphs in an rdflib dataset, literals in the form written."""
    dataset = Dataset()
    terms = cache(to_rdflib)
    for name, triples in graphs().items():
        graph = dataset.graph(URIRef(name)) if name else dataset.default_graph
        for s, p, o in triples:
            graph.add((terms(s), terms(p), terms(o)))  # type: ignore[arg-type]
    return dataset


# -- asking ------------------------------------------------------------------------------------------------------


def _cell(text: str, datatype: str | None) -> str:
    if datatype and re.search(r"#(integer|decimal|double|float|long|int)$", datatype):
        try:
            return format(Decimal(text).normalize(), "f")
        except InvalidOperation:
            return text
    return text


def ask_oxigraph(text: str, store: Store | None = None) -> list[Row]:
    """Return the rows (for CONSTRUCT: the triples) that Oxigraph answers."""

    def cell(term: object) -> str | None:
        if isinstance(term, OxLiteral):
            return _cell(term.value, term.datatype.value)
        assert term is None or isinstance(term, (NamedNode, BlankNode))
        return None if term is None else term.value

    answer = (store or oxigraph()).query(text)
    assert not isinstance(answer, QueryBoolean)
    if isinstance(answer, QuerySolutions):
        return [tuple(cell(term) for term in row) for row in answer]
    return sorted({(cell(t.subject), cell(t.predicate), cell(t.object)) for t in answer}, key=str)


def ask_rdflib(text: str) -> list[Row]:
    """Return the rows (for CONSTRUCT: the triples) that rdflib answers."""

    def cell(term: object) -> str | None:
        if isinstance(term, Literal):
            return _cell(str(term), str(term.datatype) if term.datatype else None)
        return None if term is None else str(term)

    answer = rdflib_dataset().query(text)
    rows = [tuple(cell(term) for term in row) for row in answer]  # type: ignore[union-attr]
    return rows if answer.type == "SELECT" else sorted(set(rows), key=str)


@cache
def columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a SELECT query."""
    answer = Store().query(path.read_text(encoding="utf-8"))
    return tuple(v.value for v in answer.variables) if isinstance(answer, QuerySolutions) else ("s", "p", "o")


def fits(row: Row, names: tuple[str, ...], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a row has the wanted cells, given as text, as prefixed names or as IRIs in angle brackets."""
    cells = dict(zip(names, row, strict=True))
    return all(cells[name] is not None and cells[name] in readings(str(value)) for name, value in wanted.items())


@cache
def readings(wanted: str) -> frozenset[str]:
    """Return what a cell of an expectation can mean."""
    if wanted.startswith("<"):
        return frozenset({wanted.strip("<>")})
    prefix, colon, _ = wanted.partition(":")
    return frozenset({wanted, expand(wanted)} if colon and prefix in prefixes() else {wanted})


def broken(question: Question, rows: list[Row]) -> list[str]:
    """Return in what an answer does not meet the expectation of its query."""
    expects, names = question.expects, columns(question.path)
    found = []
    if len(rows) < expects["min_rows"]:
        found.append(f"{len(rows)} rows, {expects['min_rows']} expected")
    found += [f"no row {w}" for w in expects["contains"] if not any(fits(row, names, w) for row in rows)]
    found += [f"a row {w}" for w in expects["lacks"] if any(fits(row, names, w) for row in rows)]
    return found


# -- headers and terms -------------------------------------------------------------------------------------------


def test_the_catalogue_is_complete() -> None:
    counted = Counter(path.parent.name for path in QUERIES)
    assert set(counted) == set(LEAST)
    assert {kind: counted[kind] for kind, least in LEAST.items() if counted[kind] < least} == {}
    assert len({path.stem for path in QUERIES}) == len(QUERIES)


@by_name(QUERIES)
def test_header(path: Path) -> None:
    question = read_question(path)
    assert question.id == path.stem
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", question.id)
    assert question.question.endswith("?")
    assert question.question[0].isupper()
    assert len(question.keywords) >= 2
    assert question.header["status"] in STATUSES
    assert set(question.header) <= {"id", "question", "keywords", "parameters", "expects", "status", "endpoints"}
    for parameter in question.parameters:
        assert parameter.type in TYPES
        assert parameter.description.endswith(".")
    if question.kind == "federated":
        assert question.endpoints
        assert all(endpoint.startswith("https://") for endpoint in question.endpoints)
    else:
        assert set(question.expects) == {"columns", "min_rows", "contains", "lacks"}
        assert tuple(question.expects["columns"]) == columns(path)
        assert question.expects["min_rows"] >= 1
        # What is not answered yet has no row of which we could know that it must be there.
        assert bool(question.expects["contains"]) == (question.header["status"] == "answered")
        assert question.expects["lacks"]
        for row in question.expects["contains"] + question.expects["lacks"]:
            assert set(row) <= set(columns(path))


@by_name(QUERIES)
def test_prefixes_are_those_of_the_project(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    declared = dict(re.findall(r"^PREFIX (\w+): <([^>]*)>$", text, re.MULTILINE))
    assert len(re.findall(r"\bPREFIX\b", text)) == len(declared)
    foreign = {prefix: iri for prefix, iri in declared.items() if prefixes().get(prefix) != iri}
    assert foreign == {}
    body = _code(text.split("\n\n", 1)[1])
    unused = [prefix for prefix in declared if not re.search(rf"(?<![\w-]){prefix}:", body.replace("PREFIX ", "#"))]
    assert [prefix for prefix in unused if body.count(f"{prefix}:") < 2] == []


def _code(text: str) -> str:
    """Return a query without comments, texts and IRIs."""
    return re.sub(r'<[^<>\s]*>|"[^"]*"|#[^\n]*', "", text)


@cache
def _subjects() -> frozenset[str]:
    return frozenset(s[1:-1] for s, _, _ in graphs()[""])


@by_name(QUERIES)
def test_terms_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    body = text.split("\n\n", 1)[1]
    terms = {expand(name) for name in re.findall(r"\bcirc:\w+", _code(body)) if name != "circ:"}
    named = {iri for iri in re.findall(r"<([^<>\s]*)>", body) if iri.startswith((f"{BASE}def/", f"{BASE}id/"))}
    assert sorted((terms | named) - _subjects() - set(re.findall(r"PREFIX \w+: <([^>]*)>", text))) == []


@by_name(QUERIES)
def test_both_engines_parse_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    prepared = prepareQuery(text)
    names = tuple(str(v) for v in prepared.algebra.get("PV", ()) if isinstance(v, Variable))
    # Oxigraph parses at once and answers only as rows are taken, so no service is called here.
    if names:
        assert columns(path) == names
    assert re.search(r"\b(DISTINCT|GROUP BY|CONSTRUCT)\b", text), "rows could stand twice"


# -- answers -----------------------------------------------------------------------------------------------------


@by_name(LOCAL)
def test_both_engines_answer_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rows = ask_oxigraph(text)
    assert len(set(rows)) == len(rows)
    # Both as multisets and in order: every query orders its rows by all that tells them apart.
    assert ask_rdflib(text) == rows


@by_name(LOCAL)
def test_answer_is_as_expected(path: Path, request: pytest.FixtureRequest) -> None:
    question = read_question(path)
    if question.header["status"] == "implementing":
        request.applymarker(pytest.mark.xfail(strict=True, reason="the graph does not answer this yet"))
    assert broken(question, ask_oxigraph(question.text)) == []


# -- parameters --------------------------------------------------------------------------------------------------

OTHER_VALUES = {
    "date": ("2018-01-01", "2021-06-30", "2024-12-31"),
    "integer": ("1", "2", "3"),
    "language": ("de", "pt"),
    "string": ("x",),
}

PARAMETERS = [
    pytest.param(path, parameter.name, id=f"{path.stem}-{parameter.name}")
    for path in LOCAL
    for parameter in read_question(path).parameters
]


def _others(type_: str, default: str) -> Iterable[str]:
    """Yield other values for a parameter: for an IRI, its neighbours in the same namespace."""
    if type_ != "iri":
        return OTHER_VALUES[type_]
    space = default[: max(default.rfind("/"), default.rfind("#")) + 1]
    return sorted(s for s in _subjects() if s.startswith(space) and s != default)


@pytest.mark.parametrize(("path", "name"), PARAMETERS)
def test_parameter_changes_the_answer(path: Path, name: str) -> None:
    question = read_question(path)
    parameter = next(p for p in question.parameters if p.name == name)
    block = parameter.block.search(question.text)
    assert block is not None
    default = re.sub(r"\^\^\S+$", "", block.group(1).strip()).strip('<>"')
    if parameter.type == "iri" and not default.startswith("http"):
        default = expand(default)
    answer = ask_oxigraph(question.text)
    assert ask_oxigraph(question.with_values({name: default})) == answer
    tried = (ask_oxigraph(question.with_values({name: other})) for other in _others(parameter.type, default))
    assert any(rows and rows != answer for rows in islice(tried, 400)), "no other value gives another answer"


# -- mutations ---------------------------------------------------------------------------------------------------

LABELS = {expand(name) for name in ("skos:prefLabel", "dct:title", "rdf:type")}


def _needed(question: Question, wanted: Mapping[str, Any], store: Store) -> list[Quad]:
    """Return triples without which the answer has no such row; those that are no mere names come first."""
    names = columns(question.path)
    row = next(row for row in ask_oxigraph(question.text, store) if fits(row, names, wanted))
    named = set(re.findall(rf"<({BASE}id/[^>]*)>", question.text))
    things = [NamedNode(cell) for cell in {*row, *named} if cell and re.match(r"https?://", cell)]
    quads = {quad for thing in things for quad in store.quads_for_pattern(thing, None, None, None)}
    quads |= {quad for thing in things for quad in store.quads_for_pattern(None, None, thing, None)}
    groups: dict[tuple[bool, str], list[Quad]] = {}
    for quad in quads:
        groups.setdefault((quad.predicate.value in LABELS, str(quad.predicate)), []).append(quad)
    for _, group in sorted(groups.items()):
        # All statements of one property at once: a row may rest on any of several.
        for quad in group:
            store.remove(quad)
        gone = bool(broken(question, ask_oxigraph(question.text, store)))
        for quad in group:
            store.add(quad)
        if gone:
            return group
    return []


@pytest.fixture(scope="module")
def mutable() -> Store:
    """Return a copy of the graphs that a test may change, if it puts back what it takes."""
    store = Store()
    store.extend(iter(oxigraph()))
    return store


@pytest.mark.nightly
@by_name(COMPETENCY)
def test_expectation_fails_without_a_needed_triple(path: Path, mutable: Store) -> None:
    question = read_question(path)
    if question.header["status"] == "implementing":
        pytest.skip("nothing is answered yet")
    group = _needed(question, question.expects["contains"][0], mutable)
    assert group, "no triple about the expected row is needed for it"
    for quad in group:
        mutable.remove(quad)
    try:
        assert broken(question, ask_oxigraph(question.text, mutable))
    finally:
        mutable.extend(group)
    assert broken(question, ask_oxigraph(question.text, mutable)) == []
