"""The catalogue says what is so, in the terms of DCAT-AP, the same for the same manifest."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from rdflib import DCAT, DCTERMS, RDF, XSD, Graph, Literal, Namespace, URIRef

from circkg_loaders.contributed.rdf import read_rdf
from circkg_loaders.iris import BASE
from circkg_loaders.registry import DataSet, Role
from circkg_server.catalogue.dcat import catalogue, one_release, set_with_releases
from circkg_server.catalogue.description import FORMS, Form, written
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.editor import Editor
from circkg_server.catalogue.versions import versions
from circkg_server.publishing.distributions import distributions
from circkg_server.releases import history
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import XSD as XSD_
from circkg_shapes.terms import Triple, iri, literal

ADDRESS = "https://data.test/sub"
SPDX = Namespace("http://spdx.org/rdf/terms#")
TABLES = "http://publications.europa.eu/resource/authority/"
ROOT = Path(__file__).resolve().parents[2]


def graph(triples: set[Triple]) -> Graph:
    return Graph().parse(data=written(triples, FORMS[0]), format="turtle")


@pytest.fixture(scope="module")
def said(shelf: Shelf, manifest: Manifest) -> Graph:
    return graph(catalogue(shelf.view(manifest, ADDRESS)))


def test_every_set_is_in_the_catalogue_and_every_file_of_it(said: Graph, shelf: Shelf, manifest: Manifest) -> None:
    sets = set(said.objects(URIRef(f"{BASE}catalogue"), DCAT.dataset))
    assert sets == {URIRef(release.graph) for release in manifest.releases}
    for release in manifest.releases:
        downloads = {
            str(said.value(node, DCAT.downloadURL)): node
            for node in said.objects(URIRef(release.graph), DCAT.distribution)
        }
        files = [file for file in distributions(shelf.archive, release) if file.file_type]
        assert {"nq", "trig", "ttl", "jsonld", "csv"} == {file.kind for file in files}, "the EU knows no Parquet"
        assert len(downloads) == len(files) + 1, "each file, and the endpoint"
        for file in files:
            node = downloads[f"{ADDRESS}/dumps/{file.file}"]
            checksum = said.value(node, SPDX.checksum)
            assert said.value(node, DCAT.byteSize) == Literal(str(file.bytes), datatype=XSD.nonNegativeInteger)
            assert str(said.value(checksum, SPDX.checksumValue, default="")).lower() == file.sha256
            assert said.value(node, DCTERMS.format) == URIRef(f"{TABLES}file-type/{file.file_type}")


def test_iris_keep_the_base_and_addresses_are_those_of_the_server(said: Graph) -> None:
    for node in said.subjects(RDF.type, DCAT.Distribution):
        assert str(node).startswith(BASE)
        for address in (*said.objects(node, DCAT.accessURL), *said.objects(node, DCAT.downloadURL)):
            assert str(address).startswith(f"{ADDRESS}/")
    assert str(said.value(URIRef(f"{BASE}sparql"), DCAT.endpointURL)) == f"{ADDRESS}/sparql"


def test_no_node_is_blank(said: Graph) -> None:
    assert all(isinstance(node, URIRef) for node in said.subjects())
    assert all(isinstance(node, (URIRef, Literal)) for node in said.objects())


def test_rights_of_others_are_told_of_each_of_their_files(said: Graph, manifest: Manifest) -> None:
    release = manifest.release("nuts-2024")
    assert release
    assert "European Union" in release.rights
    rdfs_label = URIRef("http://www.w3.org/2000/01/rdf-schema#label")
    for node in said.objects(URIRef(release.graph), DCAT.distribution):
        rights = said.value(node, DCTERMS.rights)
        assert str(said.value(rights, rdfs_label)) == release.rights


def test_coverage_is_what_the_data_hold(said: Graph, shelf: Shelf, archive: Archive, manifest: Manifest) -> None:
    def places(slug: str) -> set[str]:
        return {str(place).removeprefix(TABLES) for place in said.objects(URIRef(f"{BASE}set/{slug}"), DCTERMS.spatial)}

    def covered(slug: str) -> tuple[str, str]:
        period = said.value(URIRef(f"{BASE}set/{slug}"), DCTERMS.temporal)
        return str(said.value(period, DCAT.startDate)), str(said.value(period, DCAT.endDate))

    assert places("ontology") == {"continent/EUROPE"}, "no country occurs in it"
    assert {"country/FIN", "country/GRC"} <= places("nuts-2021"), "EL of NUTS is GRC of the EU table"
    release = manifest.release("nuts-successors")
    assert release
    codes = {code.decode() for code in re.findall(rb"nuts/code/(..)", archive.quads(release))}
    by_code = {country.nuts: country.iri.removeprefix(TABLES) for country in shelf.countries.values()}
    assert places("nuts-successors") == {by_code[code] for code in codes}
    assert covered("nuts-2021") == ("2021-01-01", "2023-12-31"), "as its editors declare"
    issued = next(release.issued for release in manifest.releases if release.set == "nuts-2024")
    assert covered("nuts-2024") == ("2024-01-01", issued), "an open end is known up to the day of issue"
    assert covered("vocabularies") == (issued, issued), "no date in it: the state of the day of issue"


def test_all_forms_say_the_same(shelf: Shelf, manifest: Manifest) -> None:
    triples = catalogue(shelf.view(manifest, ADDRESS))
    syntaxes = {"ttl": "turtle", "jsonld": "json-ld", "rdf": "xml", "nt": "nt"}
    graphs = [set(Graph().parse(data=written(triples, form), format=syntaxes[form.ending])) for form in FORMS]
    assert len(graphs[0]) == len(triples)
    assert all(one == graphs[0] for one in graphs)


ODD = {
    (iri("http://e/s"), iri("http://purl.org/dc/terms/title"), literal('"quoted" \\ and\nlines\t', lang="pt")),
    (iri("http://e/s"), iri("http://purl.org/dc/terms/title"), literal("plain")),
    (iri("http://e/s"), iri("http://www.w3.org/ns/dcat#version"), literal("007", datatype=f"{XSD_}integer")),
    (iri("http://e/s"), iri("http://www.w3.org/ns/dcat#version"), literal("7", datatype="http://e/odd")),
    (iri(f"{BASE}set/a#b.c-"), iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"), iri(f"{BASE}def#Practice")),
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.ending)
def test_odd_values_keep_their_form(form: Form, tmp_path: Path) -> None:
    path = tmp_path / f"odd.{form.ending}"
    path.write_bytes(written(ODD, form))
    assert set(read_rdf(path)) == ODD


def test_another_process_writes_the_same_bytes(shelf: Shelf, manifest: Manifest, publisher: Path) -> None:
    program = (
        "import sys; sys.path[:0] = ['shapes', 'loaders', 'server']\n"
        "from hashlib import sha256\nfrom pathlib import Path\n"
        "from circkg_server.catalogue.description import FORMS\n"
        "from circkg_server.catalogue.documents import Shelf\n"
        "from circkg_server.releases.archive import Archive\n"
        "archive = Archive(Path(sys.argv[1])); shelf = Shelf.of(archive, sys.argv[2]); manifest = archive.current()\n"
        "for kind in ('catalogue', 'void'):\n"
        "    for form in FORMS:\n"
        "        print(sha256(shelf.document(kind, manifest, sys.argv[3], form)).hexdigest())\n"
    )
    ours = [
        sha256(shelf.document(kind, manifest, ADDRESS, form)).hexdigest()
        for kind in ("catalogue", "void")
        for form in FORMS
    ]
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(shelf.archive.folder), str(publisher), ADDRESS],
            cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert done.stdout.split() == ours


def dataset(slug: str, **more: str) -> DataSet:
    found = DataSet(slug, slug.title(), Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.", ("test",))
    return replace(found, **{"issued": "2026-01-01", **more})


def fact(text: str) -> Triple:
    return iri("http://example.org/s"), iri("http://example.org/p"), literal(text)


def publish(archive: Archive, content: dict[DataSet, list[Triple]]) -> Manifest:
    with archive.writing():
        manifest = archive.next_manifest([archive.release(s, triples) for s, triples in content.items()])
        archive.publish(manifest)
    return manifest


@pytest.fixture
def three(tmp_path: Path) -> tuple[Shelf, Manifest]:
    """Give a store whose set a has three releases, and whose set b was withdrawn."""
    archive = Archive(tmp_path)
    publish(archive, {dataset("a"): [fact("1")], dataset("b"): [fact("b")]})
    publish(archive, {dataset("a", issued="2026-02-01"): [fact("2")], dataset("b"): [fact("b")]})
    manifest = publish(archive, {dataset("a", issued="2026-03-01", version="1.1.0"): [fact("3")]})
    return Shelf(archive, Editor(), {}), manifest


def test_releases_are_a_series_in_their_order(three: tuple[Shelf, Manifest]) -> None:
    shelf, manifest = three
    known = shelf.versions(manifest)
    assert [release.issued for release in known.of("a")] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    current = manifest.release("a")
    assert current
    said = graph(set_with_releases(shelf.view(manifest, ADDRESS), known, current))
    first, second, third = (URIRef(f"{BASE}set/a/{release.version}") for release in known.of("a"))
    series = URIRef(f"{BASE}set/a#releases")
    assert said.value(first, DCAT["prev"]) is None
    assert said.value(second, DCAT["prev"]) == first
    assert said.value(third, DCAT["prev"]) == second
    assert set(said.subjects(DCAT["inSeries"], series)) == {URIRef(f"{BASE}set/a"), first, second, third}
    assert said.value(URIRef(f"{BASE}set/a"), DCAT["hasCurrentVersion"]) == third


def test_an_earlier_release_is_described_with_its_own_files(three: tuple[Shelf, Manifest]) -> None:
    shelf, manifest = three
    known = shelf.versions(manifest)
    first: Release = known.of("a")[0]
    said = graph(one_release(shelf.view(manifest, ADDRESS), known, first))
    name = URIRef(f"{BASE}set/a/{first.version}")
    downloads = {str(said.value(node, DCAT.downloadURL)) for node in said.objects(name, DCAT.distribution)}
    assert downloads == {f"{ADDRESS}/dumps/a/{first.version}.nq.gz"}
    assert said.value(name, DCTERMS.issued) == Literal("2026-01-01", datatype=XSD.date)


def test_what_was_withdrawn_is_known_with_its_day(three: tuple[Shelf, Manifest]) -> None:
    shelf, manifest = three
    assert shelf.versions(manifest).withdrawn == {"b": "2026-03-01"}


def test_the_catalogue_does_not_depend_on_what_was_before(three: tuple[Shelf, Manifest], tmp_path: Path) -> None:
    shelf, manifest = three
    alone = Archive(tmp_path / "alone")
    same = publish(alone, {dataset("a", issued="2026-03-01", version="1.1.0"): [fact("3")]})
    assert catalogue(Shelf(alone, Editor(), {}).view(same, ADDRESS)) == catalogue(shelf.view(manifest, ADDRESS))


def test_a_broken_earlier_manifest_is_passed_over(three: tuple[Shelf, Manifest]) -> None:
    shelf, manifest = three
    (shelf.archive.folder / "manifests" / "000002.json").write_text("no JSON")
    for cached in (versions, history.changes, history.manifests):
        cached.cache_clear()
    assert [release.issued for release in shelf.versions(manifest).of("a")] == ["2026-01-01", "2026-03-01"]


def test_a_licence_that_the_eu_table_lacks_is_that_of_spdx(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    manifest = publish(archive, {dataset("a", licence="CC-BY-3.0-IGO"): [fact("1")]})
    said = graph(catalogue(Shelf(archive, Editor(), {}).view(manifest, ADDRESS)))
    licence = URIRef("https://spdx.org/licenses/CC-BY-3.0-IGO")
    assert licence in set(said.objects(None, DCTERMS.license))
    assert (licence, RDF.type, DCTERMS.LicenseDocument) in said
