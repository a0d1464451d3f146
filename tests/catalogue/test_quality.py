"""The quality score: ours over a real server, others' with what is missing, and what hostile catalogues cannot do."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rdflib import RDF, Graph, Namespace, URIRef
from typer.testing import CliRunner

from circkg_loaders.prefixes import expand
from circkg_server.catalogue.quality import fetching
from circkg_server.catalogue.quality.command import measure
from circkg_server.catalogue.quality.compliance import OWN_CHECK, check
from circkg_server.catalogue.quality.fetching import Fetcher, FetchError
from circkg_server.catalogue.quality.metrics import (
    MACHINE_READABLE,
    METRICS,
    MOST,
    NON_PROPRIETARY,
    RATINGS,
    Dimension,
)
from circkg_server.catalogue.quality.reading import Metadata, read_catalogue
from circkg_server.catalogue.quality.scoring import Quality
from circkg_server.cli import app
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest

DQV = Namespace("http://www.w3.org/ns/dqv#")
OA = Namespace("http://www.w3.org/ns/oa#")
PV = Namespace("https://piveau.eu/ns/voc#")
MQA = Path(__file__).resolve().parents[3] / "shared" / "standards" / "dcat-ap" / "authority-tables" / "mqa"
needs_mqa = pytest.mark.skipif(not MQA.is_dir(), reason="the tables of the MQA are not in ../shared/standards")


# The table


def test_the_points_are_those_of_the_methodology() -> None:
    by_dimension = {
        dimension: sum(metric.points for metric in METRICS if metric.dimension is dimension) for dimension in Dimension
    }
    assert list(by_dimension.values()) == [100, 100, 110, 75, 20]
    assert MOST == 405
    assert [least for least, _, _ in RATINGS] == [351, 221, 121, 0]


@needs_mqa
def test_every_metric_is_that_of_the_table_in_use() -> None:
    with (MQA / "mqa-metrics.csv").open(encoding="utf-8") as file:
        rows = {row["metric_uri"]: row for row in csv.DictReader(file)}
    assert {metric.iri: metric.points for metric in METRICS} == {iri: int(row["points"]) for iri, row in rows.items()}
    for metric in METRICS:
        assert metric.dimension.value == rows[metric.iri]["dimension"].lower()
        assert (metric.of_distribution and "Distribution" in rows[metric.iri]["entity"]) or (
            not metric.of_distribution and "Dataset" in rows[metric.iri]["entity"]
        )


@needs_mqa
@pytest.mark.parametrize(
    ("name", "ours"),
    [("edp-machine-readable-format.rdf", MACHINE_READABLE), ("edp-non-proprietary-format.rdf", NON_PROPRIETARY)],
)
def test_the_lists_of_formats_are_those_of_the_portal(name: str, ours: frozenset[str]) -> None:
    listed = {str(one) for one in Graph().parse(MQA / name).subjects() if "/file-type/" in str(one)}
    assert listed == ours


# Our own catalogue


@pytest.fixture(scope="module")
def ours(server: Any, archive: Archive) -> Quality:
    return measure(archive, f"{server.address}/catalogue", [], [], offline=False)


def test_every_set_has_a_distribution_of_which_nothing_is_missing(ours: Quality, manifest: Manifest) -> None:
    assert {data_set.iri for data_set in ours.data_sets} == {release.graph for release in manifest.releases}
    for data_set in ours.data_sets:
        assert data_set.best.points == data_set.best.most == MOST, data_set.best.missing
        assert data_set.best.rating == "Excellent"
        for found in data_set.distributions:
            assert found.points >= 380, (found.iri, found.missing)
    assert ours.is_excellent


def test_addresses_were_really_asked(ours: Quality) -> None:
    for data_set in ours.data_sets:
        for found in data_set.distributions:
            statuses = {one.metric.name: one.value for one in found.measured if one.metric.needs_network}
            assert statuses == {"accessUrlStatusCode": 200, "downloadUrlStatusCode": 200}


def test_a_base_is_asked_elsewhere_and_that_is_told(server: Any, archive: Archive) -> None:
    frozen = "https://w3id.org/circkg/"
    found = measure(archive, f"{frozen}catalogue", [f"{frozen}={server.address}/"], [], offline=False)
    assert found.is_excellent
    assert f"Addresses that begin with {frozen} were asked at {server.address}/." in found.notes


def test_what_the_server_does_not_answer_costs_points(server: Any, archive: Archive, tmp_path: Path) -> None:
    broken = server.get("/catalogue").text.replace("/dumps/ccri/", "/dumps/nothing/")
    path = tmp_path / "catalogue.ttl"
    path.write_text(broken, encoding="utf-8")
    found = measure(archive, str(path), [f"{server.address}/={server.address}/"], [], offline=False)
    ccri = next(one for one in found.data_sets if one.iri.endswith("/set/ccri"))
    turtle = next(one for one in ccri.distributions if one.iri.endswith("#ttl"))
    assert turtle.points == MOST - 30
    assert "gives 404" in turtle.missing[0]


def test_the_store_is_scored_without_a_network(archive: Archive, manifest: Manifest) -> None:
    assert manifest.releases
    found = measure(archive, None, [], [], offline=True)
    assert {data_set.best.points for data_set in found.data_sets} == {MOST - 80}
    assert {data_set.best.most for data_set in found.data_sets} == {MOST - 80}
    assert {data_set.best.rating for data_set in found.data_sets} == {""}
    assert "publisher is an example" in found.not_ready
    assert not found.is_excellent


# Any catalogue

POOR = """
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
<http://city.test/catalogue> a dcat:Catalog ; dcat:dataset <http://city.test/a>, <http://city.test/b> .
<http://city.test/a> a dcat:Dataset ; dct:title "Tähti"@fi, "Star"@en ; dct:description "A set."@en ;
  dcat:keyword "star"@en ; dct:accessRights "open" ; dcat:distribution <http://city.test/a.xls>, [
    a dcat:Distribution ; dct:format "CSV" ; dct:license <http://creativecommons.org/licenses/by/4.0/> ] .
<http://city.test/a.xls> a dcat:Distribution ; dcat:accessURL <http://city.test/a.xls> ;
  dct:format <http://publications.europa.eu/resource/authority/file-type/XLS> ;
  dcat:mediaType <http://www.iana.org/assignments/media-types/application/vnd.ms-excel> ;
  dct:license <http://city.test/licence> .
<http://city.test/b> a dcat:Dataset ; dct:title "B" .
"""


@pytest.fixture
def poor(tmp_path: Path) -> Path:
    path = tmp_path / "poor.ttl"
    path.write_text(POOR, encoding="utf-8")
    return path


def test_a_poor_catalogue_is_told_what_is_missing(poor: Path, archive: Archive) -> None:
    found = measure(archive, str(poor), [], [], offline=True)
    by_title = {data_set.title: data_set for data_set in found.data_sets}
    assert set(by_title) == {"Star", "B"}
    by_title_of = {one.title: one for one in by_title["Star"].distributions}
    excel = by_title_of["http://city.test/a.xls"]
    assert {dimension.value: excel.of(dimension) for dimension in Dimension} == {
        "findability": 30, "accessibility": 0, "interoperability": 60, "reusability": 30, "contextuality": 0,
    }  # fmt: skip
    assert "a non-proprietary format" in excel.missing
    assert "a licence of the EU table" in excel.missing
    assert "dct:accessRights of the EU table" in excel.missing
    assert any("dcat:Distribution without dcat:accessURL" in one for one in excel.missing), "of its sister"
    none = by_title["B"].best
    assert none.of(Dimension.INTEROPERABILITY) == 0
    assert any("dcat:Dataset without dct:description" in one for one in none.missing)
    assert "a distribution" in none.missing
    assert found.mean == sum(s.points for d in found.data_sets for s in d.distributions) / 3


def test_own_check_and_official_shapes_are_told_apart(poor: Path) -> None:
    metadata = read_catalogue(str(poor), Fetcher())
    assert check(metadata).checked_by == OWN_CHECK
    shapes = MQA.parents[1] / "3.0.1" / "shacl-split" / "shapes.ttl"
    if not shapes.is_file():
        pytest.skip("the official shapes are not in ../shared/standards")
    by_shapes = check(metadata, [shapes])
    assert "shapes.ttl" in by_shapes.checked_by
    assert by_shapes.of(metadata, "<http://city.test/b>")
    assert by_shapes.of(metadata, "<http://city.test/a>")


def test_our_catalogue_complies_by_both(server: Any) -> None:
    metadata = read_catalogue(f"{server.address}/catalogue.rdf", named(server.address))
    assert check(metadata).faults == {}
    shapes = MQA.parents[1] / "3.0.1" / "shacl-split" / "shapes.ttl"
    if not shapes.is_file():
        pytest.skip("the official shapes are not in ../shared/standards")
    assert check(metadata, [shapes]).faults == {}


@pytest.mark.parametrize(
    ("taken", "fault"),
    [
        ("dct:title", "dcat:Dataset without dct:title"),
        ("dcat:accessURL", "dcat:Distribution without dcat:accessURL"),
        ("foaf:name", "foaf:Agent without foaf:name"),
        ("spdx:algorithm", "spdx:Checksum without spdx:algorithm"),
    ],
)
def test_what_belongs_to_a_set_counts_for_it(server: Any, taken: str, fault: str) -> None:
    whole = read_catalogue(f"{server.address}/catalogue", named(server.address))
    metadata = Metadata(triple for triple in whole.triples if triple[1] != f"<{expand(taken)}>")
    found = check(metadata).of(metadata, "<https://w3id.org/circkg/set/ccri>")
    assert fault in found


# What is fetched


class Hostile(BaseHTTPRequestHandler):
    """Answers as no server should."""

    asked: list[str] = []  # noqa: RUF012 - what the test looks at

    def do_HEAD(self) -> None:
        """Answer HEAD."""
        Hostile.asked.append(f"{self.command} {self.path}")
        if self.path == "/ok":
            self.answer(200)
        elif self.path == "/loop":
            self.answer(302, Location="/loop")
        elif self.path == "/moved":
            self.answer(301, Location="/ok")
        elif self.path == "/inside":
            self.answer(302, Location="http://127.0.0.1:9/")
        elif self.path == "/file":
            self.answer(302, Location="file:///etc/passwd")
        elif self.path == "/drip":
            threading.Event().wait(5)
        else:
            self.answer(404)

    def do_GET(self) -> None:
        """Answer GET."""
        if self.path == "/endless":
            self.answer(200, **{"Content-Type": "text/turtle"})
            try:
                while True:
                    self.wfile.write(b"#" * 65536)
            except OSError:
                return
        elif self.path == "/page":
            self.answer(200, **{"Content-Type": "text/html"})
        else:
            self.do_HEAD()

    def answer(self, status: int, **headers: str) -> None:
        """Send a status and headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def named(*addresses: str) -> Fetcher:
    fetcher = Fetcher()
    for address in addresses:
        fetcher.name(address)
    return fetcher


def test_statuses_and_redirects(hostile: str) -> None:
    fetcher = named(hostile)
    assert fetcher.status(f"{hostile}/ok") == 200
    assert fetcher.status(f"{hostile}/moved#part") == 200
    assert fetcher.status(f"{hostile}/nothing") == 404
    Hostile.asked.clear()
    assert fetcher.status(f"{hostile}/ok") == 200
    assert Hostile.asked == [], "what is known is not asked again"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/loop", "redirects were followed"),
        ("/inside", "is inside a network"),
        ("/file", "is not an address of the form"),
    ],
)
def test_redirects_lead_nowhere_bad(hostile: str, path: str, message: str) -> None:
    with pytest.raises(FetchError, match=message):
        named(hostile).status(hostile + path)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://10.0.0.1/", "http://169.254.169.254/x",
     "http://2130706433/", "http://user@127.0.0.1/", "file:///etc/passwd", "ftp://example.org/", "gopher://x", "x"],
)  # fmt: skip
def test_what_nobody_named_inside_a_network_is_not_asked(address: str) -> None:
    with pytest.raises(FetchError):
        Fetcher().status(address)


def test_an_answer_that_does_not_end_is_cut(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1_000_000)
    with pytest.raises(FetchError, match="has more than 1 MB"):
        named(hostile).fetch(f"{hostile}/endless")
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    with pytest.raises(FetchError, match=r"no answer in 0\.5 seconds"):
        named(hostile).status(f"{hostile}/drip")


def test_what_is_no_catalogue_is_told(hostile: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="text/html, which is not RDF"):
        read_catalogue(f"{hostile}/page", named(hostile))
    with pytest.raises(FetchError, match="answers 404"):
        read_catalogue(f"{hostile}/nothing", named(hostile))
    empty = tmp_path / "empty.ttl"
    empty.write_text("<http://e.org/a> a <http://e.org/B> .")
    with pytest.raises(ValueError, match="describes no dcat:Dataset"):
        read_catalogue(str(empty), Fetcher())


def test_hosts_of_a_catalogue_are_asked_only_if_public(hostile: str, archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "trap.ttl"
    path.write_text(POOR.replace("http://city.test/a.xls> ;\n  dct:format", f"{hostile}/ok> ;\n  dct:format"))
    Hostile.asked.clear()
    found = measure(archive, str(path), ["http://city.test/=http://city.invalid/"], [], offline=False)
    missing = [told for data_set in found.data_sets for one in data_set.distributions for told in one.missing]
    assert Hostile.asked == []
    assert any("is inside a network" in told and "--resolve" in told for told in missing)


# The command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["quality", *arguments])


def test_the_command_scores_and_says_what_it_did(server: Any) -> None:
    done = run(f"{server.address}/catalogue")
    assert done.exit_code == 0, done.output
    assert "405 of 405" in done.output
    assert "our own check of the mandatory properties" in " ".join(done.output.split())
    assert "Ready to publish." in done.output


def test_the_command_writes_json(poor: Path) -> None:
    done = run(str(poor), "--offline", "--format", "json")
    assert done.exit_code == 1
    content = json.loads(done.stdout)
    assert content["most"] == 405
    assert {one["title"] for one in content["datasets"]} == {"Star", "B"}
    assert content["datasets"][0]["distributions"][0]["measurements"]["accessUrlStatusCode"] is None


def test_the_command_keeps_the_score_in_dqv_for_the_server(server: Any, archive: Archive, manifest: Manifest) -> None:
    assert server.get("/catalogue/quality").status_code == 404
    done = run(f"{server.address}/catalogue", "--keep", "--store", str(archive.folder), "--format", "turtle")
    assert done.exit_code == 0, done.output
    try:
        given = server.get("/catalogue/quality")
        assert (given.status_code, given.text) == (200, done.stdout)
    finally:
        (archive.folder / "quality" / f"{manifest.number:06}.ttl").unlink()
    found = Graph().parse(data=done.stdout, format="turtle")
    for release in manifest.releases:
        measured = {
            str(found.value(one, DQV.isMeasurementOf)): found.value(one, DQV.value)
            for one in found.objects(URIRef(release.graph), DQV.hasQualityMeasurement)
        }
        assert set(measured) == {metric.iri for metric in METRICS if not metric.of_distribution} | {str(PV.score)}
        assert int(str(measured[str(PV.score)])) == MOST
    turtle = URIRef("https://w3id.org/circkg/set/ccri#ttl")
    statuses = {
        str(found.value(one, DQV.isMeasurementOf)): str(found.value(one, DQV.value))
        for one in found.objects(turtle, DQV.hasQualityMeasurement)
    }
    assert statuses[str(PV.accessUrlStatusCode)] == "200"
    assert (None, RDF.type, DQV.QualityMeasurement) in found
    rated = found.value(turtle, DQV.hasQualityAnnotation)
    assert str(found.value(rated, OA.hasBody)) == "https://piveau.eu/ns/scoring#excellent"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("http://127.0.0.1:1/catalogue",), "does not answer"),
        (("nothing.ttl",), "cannot be read"),
        (("http://127.0.0.1:1/catalogue", "--offline"), "Give the catalogue as a file"),
        (("x.ttl", "--resolve", "nothing"), "Write --resolve BASE=URL"),
        (("x.ttl", "--resolve", "http://a/=ftp://b/"), "is not an address of the form"),
        (("x.ttl", "--format", "xml"), "There is no format 'xml'"),
        (("--offline", "--store", "nowhere"), "Nothing is published in nowhere yet"),
    ],
)
def test_what_cannot_be_scored_is_told(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


def test_the_example_publisher_is_not_ready(archive: Archive, manifest: Manifest) -> None:
    assert manifest.releases
    done = run("--offline", "--store", str(archive.folder))
    assert done.exit_code == 1
    assert "Not ready to publish: the publisher is an example" in " ".join(done.output.split())


def test_without_a_server_nothing_starts_that_asks(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(fetching.socket, "create_connection", never)
    monkeypatch.setattr(fetching.socket, "getaddrinfo", never)
    assert measure(archive, None, [], [], offline=True).data_sets
