"""OAI-PMH 2.0: every verb, every error, by GET and POST. Section numbers are those of the specification."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from rdflib import DCAT, RDF, Graph, URIRef

from circkg_loaders.registry import DataSet, Role
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.editor import Contact, Editor
from circkg_server.catalogue.oai import NO_E_MAIL, build_router
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import iri, literal

OAI = "{http://www.openarchives.org/OAI/2.0/}"
DC = "{http://purl.org/dc/elements/1.1/}"
BASE = "https://w3id.org/circkg/set/"


def dataset(slug: str, issued: str, role: Role = Role.STATED, title: str = "") -> DataSet:
    return DataSet(slug, title or slug, role, "facts", "1", "CC-BY-4.0", "For a test.", ("one", "two"), issued)


def publish(archive: Archive, *sets: DataSet) -> Manifest:
    fact = (iri("http://example.org/s"), iri("http://example.org/p"), literal("o"))
    with archive.writing():
        manifest = archive.next_manifest([archive.release(one, [fact]) for one in sets])
        archive.publish(manifest)
    return manifest


ODD = 'Ä <b> & "q" ]]> \x0b'


@pytest.fixture
def store(tmp_path: Path) -> Archive:
    """Give a store of four sets on three days, and one that was withdrawn."""
    archive = Archive(tmp_path)
    kept = (
        dataset("a", "2026-01-01"), dataset("b", "2026-01-02", Role.SHAPES), dataset("c", "2026-01-02", title=ODD),
        dataset("d", "2026-01-03", Role.VOCABULARY),
    )  # fmt: skip
    publish(archive, *kept[:3], dataset("gone", "2026-01-01"))
    publish(archive, *kept)
    return archive


class Harvester:
    """Asks a repository of small pages."""

    def __init__(self, archive: Archive, page: int = 2) -> None:
        app = FastAPI()
        editor = Editor(contact=Contact("Desk", "", "desk@publisher.test"))
        app.include_router(build_router(Shelf(archive, editor, {}), page))
        self.client = TestClient(app, base_url="http://data.test")

    def ask(self, query: str, **more: Any) -> ElementTree.Element:
        """Return the answer to a query by GET; it is well-formed XML whatever was asked."""
        return self.read(self.client.get(f"/oai?{query}", **more))

    @staticmethod
    def read(response: httpx.Response) -> ElementTree.Element:
        """Return the root of an answer."""
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/xml")
        root = ElementTree.fromstring(response.content)  # noqa: S314 - our own answer
        assert root.tag == f"{OAI}OAI-PMH"
        assert datetime.strptime(root.findtext(f"{OAI}responseDate", ""), "%Y-%m-%dT%H:%M:%S%z")
        assert root.findtext(f"{OAI}request") == "http://data.test/oai"
        return root

    def error(self, query: str) -> str:
        """Return the code of the error that a query gives."""
        (found,) = self.ask(query).findall(f"{OAI}error")
        assert found.text
        return found.attrib["code"]

    def identifiers(self, query: str) -> list[str]:
        """Return the identifiers of all pages of a list, without the base; a deleted one has a minus."""
        root = self.ask(query)
        verb = query.partition("&")[0]
        found: list[str] = []
        while True:
            for header in root.iter(f"{OAI}header"):
                name = header.findtext(f"{OAI}identifier", "").removeprefix(BASE)
                found.append(f"-{name}" if header.get("status") == "deleted" else name)
            token = root.find(f".//{OAI}resumptionToken")
            if token is None or not token.text:
                return found
            root = self.ask(f"{verb}&resumptionToken={token.text}")


@pytest.fixture
def harvester(store: Archive) -> Harvester:
    return Harvester(store)


def test_identify(harvester: Harvester) -> None:  # 4.2
    said = {
        child.tag.removeprefix(OAI): child.text for child in harvester.ask("verb=Identify").find(f"{OAI}Identify") or ()
    }
    assert said == {
        "repositoryName": Editor().title["en"], "baseURL": "http://data.test/oai", "protocolVersion": "2.0",
        "adminEmail": "desk@publisher.test", "earliestDatestamp": "2026-01-01", "deletedRecord": "persistent",
        "granularity": "YYYY-MM-DD",
    }  # fmt: skip


def test_identify_without_an_address_names_one_that_nobody_has(store: Archive) -> None:
    app = FastAPI()
    app.include_router(build_router(Shelf(store, Editor(), {})))
    root = ElementTree.fromstring(TestClient(app).get("/oai?verb=Identify").content)  # noqa: S314 - our own answer
    assert root.findtext(f".//{OAI}adminEmail") == NO_E_MAIL


def test_formats(harvester: Harvester) -> None:  # 4.4
    for query in ("verb=ListMetadataFormats", f"verb=ListMetadataFormats&identifier={BASE}a"):
        assert [found.text for found in harvester.ask(query).iter(f"{OAI}metadataPrefix")] == ["oai_dc", "dcat"]


def test_sets(harvester: Harvester) -> None:  # 4.6
    specs = [found.text for found in harvester.ask("verb=ListSets").iter(f"{OAI}setSpec")]
    assert specs == ["stated", "vocabulary", "shapes"]


@pytest.mark.parametrize("verb", ["ListIdentifiers", "ListRecords"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ["a", "b", "c", "d", "-gone"]),
        ("&set=stated", ["a", "c", "-gone"]),
        ("&from=2026-01-02", ["b", "c", "d", "-gone"]),
        ("&until=2026-01-01", ["a"]),
        ("&from=2026-01-02&until=2026-01-02", ["b", "c"]),
        ("&from=2026-01-03&set=vocabulary", ["d"]),
    ],
)
def test_lists(harvester: Harvester, verb: str, arguments: str, expected: list[str]) -> None:  # 2.7, 4.3, 4.5
    assert harvester.identifiers(f"verb={verb}&metadataPrefix=dcat{arguments}") == expected


def test_pages_say_where_they_are(harvester: Harvester) -> None:  # 3.5
    seen = []
    query = "verb=ListIdentifiers&metadataPrefix=oai_dc"
    while True:
        token = harvester.ask(query).find(f".//{OAI}resumptionToken")
        assert token is not None
        seen.append((token.get("completeListSize"), token.get("cursor"), bool(token.text)))
        if not token.text:
            break
        query = f"verb=ListIdentifiers&resumptionToken={token.text}"
    assert seen == [("5", "0", True), ("5", "2", True), ("5", "4", False)]


def test_a_list_of_one_page_has_no_token(store: Archive) -> None:
    root = Harvester(store, page=5).ask("verb=ListRecords&metadataPrefix=dcat")
    assert root.find(f".//{OAI}resumptionToken") is None


def test_a_token_ends_with_the_manifest_that_it_is_of(store: Archive) -> None:
    harvester = Harvester(store)
    token = harvester.ask("verb=ListRecords&metadataPrefix=dcat").findtext(f".//{OAI}resumptionToken")
    assert token
    publish(store, dataset("new", "2026-02-01"))
    assert harvester.error(f"verb=ListRecords&resumptionToken={token}") == "badResumptionToken"


def test_a_record_in_dublin_core(harvester: Harvester) -> None:  # 4.1
    root = harvester.ask(f"verb=GetRecord&metadataPrefix=oai_dc&identifier={BASE}c")
    assert root.findtext(f".//{DC}title") == ODD.replace("\x0b", "")
    assert [found.text for found in root.iter(f"{DC}subject")] == ["one", "two"]
    assert [found.text for found in root.iter(f"{DC}identifier")] == [f"{BASE}c", "http://data.test/set/c"]
    assert root.findtext(f".//{DC}date") == root.findtext(f".//{OAI}datestamp") == "2026-01-02"


def test_a_record_in_dcat_is_rdf_of_the_set_by_itself(harvester: Harvester) -> None:
    root = harvester.ask(f"verb=GetRecord&metadataPrefix=dcat&identifier={BASE}a")
    (metadata,) = root.iter(f"{OAI}metadata")
    found = Graph().parse(data=ElementTree.tostring(metadata[0]), format="xml")
    assert set(found.subjects(RDF.type, DCAT.Dataset)) == {URIRef(f"{BASE}a")}
    assert set(found.subjects(RDF.type, DCAT.Distribution))


def test_a_deleted_record_has_a_header_only(harvester: Harvester) -> None:  # 2.5.1
    root = harvester.ask(f"verb=GetRecord&metadataPrefix=dcat&identifier={BASE}gone")
    (record,) = root.iter(f"{OAI}record")
    assert [child.tag for child in record] == [f"{OAI}header"]
    assert record[0].get("status") == "deleted"
    assert record[0].findtext(f"{OAI}datestamp") == "2026-01-03", "the day of the first manifest without it"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=identify", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&x=1", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=GetRecord&metadataPrefix=dcat", "badArgument"),
        (f"verb=GetRecord&identifier={BASE}a", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&metadataPrefix=dcat", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&from=2026-1-1", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&from=2026-01-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&from=2026-01-02&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&set=", "badArgument"),
        ("verb=ListRecords&metadataPrefix=dcat&resumptionToken=x", "badArgument"),
        ("verb=ListIdentifiers&metadataPrefix=marc", "cannotDisseminateFormat"),
        (f"verb=GetRecord&metadataPrefix=marc&identifier={BASE}a", "cannotDisseminateFormat"),
        (f"verb=GetRecord&metadataPrefix=dcat&identifier={BASE}x", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=%00%3C", "idDoesNotExist"),
        (f"verb=ListMetadataFormats&identifier={BASE}gone", "noMetadataFormats"),
        ("verb=ListRecords&metadataPrefix=dcat&from=2027-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=dcat&set=nothing", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=bnVsbA==", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=WyJkY2F0IiwgMV0=", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=WyJkY2F0IiwgIiIsICIiLCAiIiwgMiwgOTld", "badResumptionToken"),
        ("verb=ListSets&resumptionToken=x", "badResumptionToken"),
    ],
)
def test_errors(harvester: Harvester, query: str, code: str) -> None:  # 3.6
    assert harvester.error(query) == code


def test_the_request_is_repeated_unless_it_was_wrong(harvester: Harvester) -> None:  # 3.2
    query = "verb=ListRecords&metadataPrefix=dcat&from=2027-01-01"
    request = harvester.ask(query).find(f"{OAI}request")
    assert request is not None
    assert request.attrib == {"verb": "ListRecords", "metadataPrefix": "dcat", "from": "2027-01-01"}
    for wrong in ("verb=Nothing", "verb=Identify&x=%3Ca"):
        request = harvester.ask(wrong).find(f"{OAI}request")
        assert request is not None
        assert request.attrib == {}


def test_post_is_answered_as_get(harvester: Harvester) -> None:  # 3.1.1.2
    data = {"verb": "GetRecord", "metadataPrefix": "dcat", "identifier": f"{BASE}a"}
    by_post = harvester.read(harvester.client.post("/oai", data=data))
    by_get = harvester.ask("&".join(f"{name}={value}" for name, value in data.items()))
    verb = f"{OAI}GetRecord"
    (posted,), (got,) = by_post.iter(verb), by_get.iter(verb)
    assert ElementTree.tostring(posted) == ElementTree.tostring(got)


def test_a_post_that_is_too_long_is_refused(harvester: Harvester) -> None:
    response = harvester.client.post("/oai", content=b"verb=Identify&x=" + b"x" * 100_000)
    assert response.status_code == 413


def test_the_curated_sets_are_harvested_from_a_running_server(server: Any, manifest: Manifest) -> None:
    root = ElementTree.fromstring(server.get("/oai?verb=ListRecords&metadataPrefix=dcat").content)  # noqa: S314 - our own answer
    found = {header.findtext(f"{OAI}identifier") for header in root.iter(f"{OAI}header")}
    assert found == {release.graph for release in manifest.releases}
    for metadata in root.iter(f"{OAI}metadata"):
        assert len(Graph().parse(data=ElementTree.tostring(metadata[0]), format="xml")) > 50
