"""The files of a release say what the release says, term by term, and are the same wherever they are made."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Dataset, Graph

from circkg_loaders.registry import DataSet, Role
from circkg_server.build import Build
from circkg_server.publishing import outputs
from circkg_server.publishing.distributions import (
    Distribution,
    distributions,
    index_path,
    make_distributions,
    path_of,
)
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError, Release
from circkg_shapes.terms import Triple, from_rdflib, iri, is_iri, literal, literal_parts

XSD = "http://www.w3.org/2001/XMLSchema#"
CIRC = "https://w3id.org/circkg/def#"
TYPE = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
A, B = iri("https://w3id.org/circkg/id/practice/a"), iri("https://w3id.org/circkg/id/practice/a--b")
TITLE, NOTE = iri("http://purl.org/dc/terms/title"), iri("https://example.org/notes?of=it")
HOSTILE = 'say "=1+1" \\ | \t and\nmore'
TRIPLES: list[Triple] = [
    (A, TYPE, iri(f"{CIRC}Practice")),
    (A, TYPE, iri("https://example.org/kinds/Odd")),
    (A, TITLE, literal("óleo", lang="pt-BR")),
    (A, TITLE, literal("Öl", lang="de")),
    (A, TITLE, literal("zweites Öl", lang="de")),
    (A, NOTE, literal(HOSTILE)),
    (A, NOTE, literal("=HYPERLINK(1)", lang="en")),
    (A, iri(f"{CIRC}number"), literal("05", datatype=f"{XSD}integer")),
    (A, iri(f"{CIRC}number"), literal("-5", datatype=f"{XSD}integer")),
    (A, iri(f"{CIRC}value"), literal("1.50", datatype=f"{XSD}decimal")),
    (A, iri(f"{CIRC}place"), iri("geo:48.2,16.4")),
    (A, iri(f"{CIRC}place"), iri("mailto:nobody.example")),
    (A, iri(f"{CIRC}of"), literal("x", datatype="urn:example:type")),
    (B, TYPE, iri(f"{CIRC}Practice")),
    (B, TITLE, literal("ends with a stop.")),
    (B, iri("http://purl.org/dc/terms/a.b."), B),
    (iri("urn:example:thing"), TITLE, literal("")),
]


def released(folder: Path, triples: list[Triple]) -> tuple[Archive, Release]:
    archive = Archive(folder)
    found = DataSet("odd", "Odd", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    return archive, archive.release(found, triples)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Archive, Release]:
    archive, release = released(tmp_path, TRIPLES)
    assert make_distributions(archive, release)
    return archive, release


def content(archive: Archive, release: Release, kind: str, title: str = "") -> bytes:
    (found,) = [one for one in distributions(archive, release) if one.kind == kind and title in one.title]
    data = path_of(archive, found).read_bytes()
    return gzip.decompress(data) if found.compression else data


def of_rdflib(graph: Graph) -> set[Triple]:
    return {(from_rdflib(s), from_rdflib(p), from_rdflib(o)) for s, p, o in graph}


@pytest.fixture(autouse=True)
def lexical_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rdflib keep what is written, so that it can judge."""
    import rdflib

    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)


def test_turtle_and_trig_say_what_the_release_says(made: tuple[Archive, Release]) -> None:
    archive, release = made
    assert of_rdflib(Graph().parse(content(archive, release, "ttl"), format="turtle")) == set(TRIPLES)
    trig = Dataset().parse(content(archive, release, "trig"), format="trig")
    assert {str(quad[3]) for quad in trig.quads()} == {release.graph}
    assert {(from_rdflib(s), from_rdflib(p), from_rdflib(o)) for s, p, o, _ in trig.quads()} == set(TRIPLES)


def test_turtle_is_the_same_for_another_parser(made: tuple[Archive, Release]) -> None:
    archive, release = made
    read = {str(quad.triple) for quad in parse(content(archive, release, "ttl"), RdfFormat.TURTLE)}
    expected = {str(quad.triple) for quad in parse(archive.quads(release), RdfFormat.N_QUADS)}
    assert read == expected


def test_json_ld_says_what_the_release_says(made: tuple[Archive, Release]) -> None:
    archive, release = made
    text = content(archive, release, "jsonld")
    document = json.loads(text)
    assert "geo" not in document["@context"], "geo:48.2,16.4 would be read as a prefixed name"
    read = {str(quad.triple) for quad in parse(text, RdfFormat.JSON_LD)}
    assert read == {str(quad.triple) for quad in parse(archive.quads(release), RdfFormat.N_QUADS)}
    (node,) = [node for node in document["@graph"] if node["@id"] == "circid:practice/a"]
    assert {"@value": "óleo", "@language": "pt-BR"} in node["dct:title"], "the tag is as written"
    assert {"@value": "05", "@type": "xsd:integer"} in node["circ:number"]


def test_parquet_holds_every_quad(made: tuple[Archive, Release], tmp_path: Path) -> None:
    archive, release = made
    path = tmp_path / "quads.parquet"
    path.write_bytes(content(archive, release, "parquet"))
    rows = pq.read_table(path).to_pylist()
    assert {row["graph"] for row in rows} == {release.graph}
    read = set()
    for row in rows:
        if row["object_kind"] == "iri":
            value = iri(row["object"])
        else:
            datatype = None if row["language"] else row["datatype"]
            value = literal(row["object"], lang=row["language"], datatype=datatype)
        read.add((iri(row["subject"]), iri(row["predicate"]), value))
    assert len(rows) == len(TRIPLES)
    assert read == set(TRIPLES)


def unescaped(cell: str) -> list[str]:
    """Return the values of a cell, as the documentation says that it is read."""
    if not cell:
        return []
    values = [""]
    letters = iter(cell)
    for letter in letters:
        if letter == "\\":
            values[-1] += next(letters)
        elif letter == "|":
            values.append("")
        else:
            values[-1] += letter
    return values


def test_a_table_has_a_row_for_each_thing_of_its_class(made: tuple[Archive, Release]) -> None:
    archive, release = made
    practices = list(csv.DictReader(io.StringIO(content(archive, release, "csv", "circ:Practice").decode())))
    assert [row["iri"] for row in practices] == [B[1:-1], A[1:-1]], "in the order of the release"
    first = practices[1]
    assert first["dct:title@pt-BR"] == "óleo"
    assert sorted(unescaped(first["dct:title@de"])) == ["zweites Öl", "Öl"]
    assert unescaped(first[NOTE]) == [HOSTILE]
    assert first[f"{NOTE}@en"] == "'=HYPERLINK(1)", "no spreadsheet takes it for a formula"
    assert first["circ:number"] == "'-5|05"
    odd = list(csv.DictReader(io.StringIO(content(archive, release, "csv", "example.org/kinds").decode())))
    assert [row["iri"] for row in odd] == [A[1:-1]]
    untyped = list(csv.DictReader(io.StringIO(content(archive, release, "csv", "without a class").decode())))
    assert [row["iri"] for row in untyped] == ["urn:example:thing"]


def test_tables_hold_every_statement(made: tuple[Archive, Release]) -> None:
    archive, release = made
    cells = set()
    for one in distributions(archive, release):
        if one.kind == "csv":
            text = content(archive, release, "csv", one.title).decode()
            for row in csv.DictReader(io.StringIO(text)):
                cells |= {(row["iri"], value) for cell in row.values() for value in unescaped(cell.removeprefix("'"))}
    for subject, _, value in TRIPLES:
        text = value[1:-1] if is_iri(value) else literal_parts(value)[0]
        assert not text or (subject[1:-1], text) in cells


def facts(found: tuple[Distribution, ...]) -> list[tuple[str, str]]:
    return [(one.file, one.sha256) for one in found]


def test_the_same_release_gives_the_same_files_in_another_process(
    made: tuple[Archive, Release], tmp_path: Path
) -> None:
    archive, release = made
    script = (
        "import sys; sys.path[:0] = sys.argv[2].split(':')\n"
        "from pathlib import Path\n"
        "from test_distributions import TRIPLES, released, distributions, make_distributions, facts\n"
        "archive, release = released(Path(sys.argv[1]), list(reversed(TRIPLES)))\n"
        "make_distributions(archive, release)\n"
        "import json; print(json.dumps(facts(distributions(archive, release))))\n"
    )
    path = ":".join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "other"), path],
        env={"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [tuple(one) for one in json.loads(done.stdout)] == facts(distributions(archive, release))


def test_the_index_says_size_and_checksum_of_each_file(made: tuple[Archive, Release]) -> None:
    archive, release = made
    found = distributions(archive, release)
    assert [one.kind for one in found] == ["nq", "trig", "ttl", "jsonld", "parquet", "csv", "csv", "csv"]
    for one in found:
        data = path_of(archive, one).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one.bytes, one.sha256)


def test_files_are_made_once_and_again_when_they_are_gone(made: tuple[Archive, Release]) -> None:
    archive, release = made
    before = distributions(archive, release)
    assert not make_distributions(archive, release)
    path_of(archive, before[2]).unlink()
    assert make_distributions(archive, release)
    index_path(archive, release.set, release.version).unlink()
    assert facts(distributions(archive, release)) == facts(before)[:1], "what was not made is not listed"
    assert make_distributions(archive, release)
    assert distributions(archive, release) == before


def test_a_large_file_is_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "GZIP_FROM", 2_000)
    archive, release = released(tmp_path, [(iri(f"http://e/{n}"), TITLE, literal(f"{n}")) for n in range(500)])
    make_distributions(archive, release)
    by_kind = {one.kind: one for one in distributions(archive, release)}
    assert by_kind["ttl"].file == f"odd/{release.version}.ttl.gz"
    assert by_kind["ttl"].compression == "gzip"
    assert by_kind["parquet"].compression is None, "it is compressed in itself"
    assert len(Graph().parse(content(archive, release, "ttl"), format="turtle")) == 500


def test_a_release_that_was_tampered_with_leaves_no_file(tmp_path: Path) -> None:
    archive, release = released(tmp_path, TRIPLES)
    path = tmp_path / release.file
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"05", b"06")))
    with pytest.raises(ManifestError, match="not what the manifest says"):
        make_distributions(archive, release)
    assert not [path for path in (tmp_path / "dumps").rglob("*") if path.is_file()]


def test_a_build_makes_the_files_of_every_set_and_they_say_the_same(built: Build, archive: Archive) -> None:
    assert built.manifest is not None
    syntaxes = {"ttl": RdfFormat.TURTLE, "trig": RdfFormat.TRIG, "jsonld": RdfFormat.JSON_LD}
    for release in built.manifest.releases:
        files = {one.kind: one for one in distributions(archive, release)}
        assert {"nq", "csv", "parquet", *syntaxes} == set(files), release.set
        expected = {str(quad.triple) for quad in parse(archive.quads(release), RdfFormat.N_QUADS)}
        for kind, syntax in syntaxes.items():
            read = {str(quad.triple) for quad in parse(content(archive, release, kind), syntax)}
            assert read == expected, f"{release.set} {kind}"
        rows = pq.ParquetFile(path_of(archive, files["parquet"])).metadata.num_rows
        assert rows == release.quads
