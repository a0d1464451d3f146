"""``POST /api/validate`` over real HTTP: every format, nothing kept, and whatever hostile uploads try."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import contextlib
import csv
import io
import json
import socket
import time
import zipfile
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from fastapi import Response
from openpyxl import load_workbook
from rdflib import Graph

from circkg_server.contributions.desk import Desk, TooBigError, TooLongError
from circkg_server.contributions.itb import REPORT
from circkg_server.contributions.itb_api import itb_answered
from circkg_server.contributions.jobs import Outcome, job_of
from circkg_server.contributions.settings import ValidateSettings
from circkg_server.contributions.uploads import CrowdingError
from circkg_server.contributions.validation import Validation

from .conftest import GOOD, PATIENCE, PREFIXES, Served, practice, until

SHARED = Path(__file__).resolve().parents[3] / "shared" / "standards" / "dcat-ap"
TURTLE = {"Content-Type": "text/turtle"}
FAULTY = PREFIXES + practice("a", "A").replace("authority/country/FIN", "authority/country/Finland") + ""
TABLE = "id,Title,Description,Identified by,Country,Source\nrepair-x,Repair café X,=cmd|' /C calc'!A0,ceci,Suomi,page\n"
SHAPES = """\
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix ex: <http://e/> .
ex:S a sh:NodeShape ; sh:targetClass ex:C ;
  sh:property [ sh:path ex:p ; sh:minCount 1 ; sh:message "Give p."@en, "Donnez p."@fr ] .
"""


def post(
    served: Served, content: str | bytes, *, headers: dict[str, str] | None = None, **query: str
) -> httpx.Response:
    return httpx.post(
        f"{served.url}/api/validate", params=query, content=content, headers=TURTLE | (headers or {}), timeout=PATIENCE
    )


def left_behind(served: Served) -> list[str]:
    """Return what uploads left in the store, once nothing is under way."""
    folder = served.folder / "contributions"
    return [path.name for path in folder.iterdir() if path.name != ".lock" and path.name.endswith(".tmp")]


def nothing_is_left(served: Served) -> None:
    until(lambda: left_behind(served) == [])


# ------------------------------------------------------------------ our own form


def test_what_conforms_and_what_does_not(served: Served) -> None:
    good, bad = post(served, GOOD), post(served, FAULTY)
    assert (good.status_code, good.json()["conforms"]) == (200, True)
    assert (bad.status_code, bad.json()["conforms"]) == (200, False)
    nothing_is_left(served)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("json", "application/json"),
        ("html", "text/html"),
        ("turtle", "text/turtle"),
        ("csv", "text/csv"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_the_report_comes_as_asked_by_parameter_or_accept(served: Served, name: str, media_type: str) -> None:
    table = {"Content-Type": "text/csv"}
    by_parameter = post(served, TABLE, headers=table, form="practice", language="en", format=name)
    by_accept = post(served, TABLE, headers=table | {"Accept": media_type}, form="practice", language="en")
    for response in (by_parameter, by_accept):
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].partition(";")[0] == media_type
    content = by_parameter.content
    if name == "xlsx":
        cells = [cell for sheet in load_workbook(io.BytesIO(content)) for row in sheet for cell in row]
        assert any("cmd|" in str(cell.value) for cell in cells)
        assert all(cell.data_type != "f" or str(cell.value).startswith("=HYPERLINK(") for cell in cells)
    elif name == "csv":
        for row in csv.reader(io.StringIO(content.decode())):
            assert not any(cell[:1] in ("=", "+", "@") for cell in row)
    elif name == "turtle":
        assert len(Graph().parse(data=content, format="turtle"))
    elif name == "html":
        assert "<script" not in content.decode().lower()


def test_a_report_names_the_cell_in_the_language_that_is_asked(served: Served) -> None:
    answer = post(served, TABLE, headers={"Content-Type": "text/csv"}, form="practice", language="en", lang="fi")
    assert answer.headers["content-language"] == "fi"
    told = answer.json()
    assert told["language"] == "fi"
    # It was the first one that the header names, however little it is liked.
    by_header = {"Content-Type": "text/csv", "Accept-Language": "de;q=0.1, sv, pt-BR;q=0.8"}
    answer = post(served, TABLE, headers=by_header, form="practice", language="en")
    assert answer.headers["content-language"] == "pt"
    assert any(fault["place"].get("row") == 2 for fault in told["faults"])


def test_a_form_with_a_file_is_judged_like_a_body(served: Served) -> None:
    files = {"file": ("../../practices.ttl", FAULTY.encode(), "application/octet-stream")}
    response = httpx.post(f"{served.url}/api/validate", files=files, data={"lang": "en"}, timeout=PATIENCE)
    assert response.status_code == 200, response.text
    assert {fault["place"]["file"] for fault in response.json()["faults"]} == {"practices.ttl"}
    page = httpx.post(f"{served.url}/api/validate", files=files, headers={"Accept": "text/html"}, timeout=PATIENCE)
    assert page.headers["content-type"].startswith("text/html")
    nothing_is_left(served)


def test_the_page_posts_what_the_api_takes(served: Served) -> None:
    page = httpx.get(f"{served.url}/validate", timeout=PATIENCE).text
    assert 'action="/api/validate"' in page
    assert 'value="practice"' in page
    boundary = "y" * 20
    # As browsers send it: a file field that nobody filled has an empty name, other fields are empty texts.
    parts = [f'name="file"; filename="a.ttl"\r\nContent-Type: text/turtle\r\n\r\n{GOOD}']
    parts += ['name="mapping"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n']
    parts += [f'name="{name}"\r\n\r\n' for name in ("form", "language", "lang")]
    parts += ['name="format"\r\n\r\nhtml']
    body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    response = httpx.post(
        f"{served.url}/api/validate", content=body + f"--{boundary}--\r\n", headers=headers, timeout=PATIENCE
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/html")


def test_a_set_is_not_compared_with_its_earlier_self(served: Served) -> None:
    """The small set describes an initiative; with ``set`` a file may describe it anew."""
    again = (
        PREFIXES
        + """
<https://w3id.org/circkg/id/initiative/ceci> a circ:Initiative ; dct:title "Citizens first"@en ;
  dct:source <https://w3id.org/circkg/id/source/page> .
<https://w3id.org/circkg/id/source/page> a circ:SourceDocument ; schema:url <https://example.org/> ;
  dct:type <https://w3id.org/circkg/def/source-kind/web-page> ."""
    )
    assert post(served, again).json()["conforms"] is False
    assert post(served, again, set="small").json()["conforms"] is True


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"formt": "json"}, {}, 400),
        ({"format": "pdf"}, {}, 406),
        ({}, {"Accept": "image/png"}, 406),
        ({}, {"Content-Type": "image/png"}, 415),
        ({"filename": "a.exe"}, {"Content-Type": "application/octet-stream"}, 415),
        ({"form": "nothing-like-it"}, {"Content-Type": "text/csv"}, 422),
        ({}, {"Content-Encoding": "gzip"}, 400),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    served: Served, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    response = post(served, GOOD, headers=headers, **query)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    nothing_is_left(served)


def test_fields_that_stand_twice_and_forms_that_end_too_early_are_refused(served: Served) -> None:
    boundary = "x" * 20
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="lang"\r\n\r\nfi\r\n'
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.ttl"\r\n\r\n{GOOD}\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for body, says in (
        (part + part + file + f"--{boundary}--\r\n", "lang stands 2 times"),
        (part + file, "ends too early"),
        (file + file + f"--{boundary}--\r\n", "one at a time"),
        ("no form at all", "not the multipart form"),
        (part + f"--{boundary}--\r\n", "Send one file"),
    ):
        response = httpx.post(f"{served.url}/api/validate", content=body, headers=headers, timeout=PATIENCE)
        assert response.status_code == 400, body
        assert says in response.json()["detail"]
    nothing_is_left(served)


def raw(served: Served) -> socket.socket:
    address = urlsplit(served.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE)


def test_an_upload_that_says_it_is_too_long_is_not_read(served: Served) -> None:
    with raw(served) as connection:
        connection.sendall(
            b"POST /api/validate HTTP/1.1\r\nHost: a\r\nContent-Type: text/turtle\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_upload_in_chunks_is_ended_when_it_grows_too_long(served: Served) -> None:
    def endless() -> object:
        for _ in range(10_000):
            yield b"#" * 10_000

    try:
        response = httpx.post(f"{served.url}/api/validate", content=endless(), headers=TURTLE, timeout=PATIENCE)  # type: ignore[arg-type]  # a generator of bytes
        assert response.status_code == 413
    except httpx.HTTPError as error:
        # The connection may close under what is still being sent.
        assert isinstance(error, httpx.WriteError | httpx.ReadError | httpx.RemoteProtocolError)  # noqa: PT017 - either end is fine
    nothing_is_left(served)


def test_a_long_form_without_files_is_not_decoded(served: Served) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = post(served, b"form=" + b"%41" * 200_000, headers=headers)
    assert (response.status_code, "multipart/form-data" in response.text) == (413, True)
    assert post(served, b"form=practice", headers=headers).status_code == 400
    nothing_is_left(served)


def test_json_of_very_many_values_is_no_request_that_the_front_reads(served: Served) -> None:
    many = b"[" + b"[]," * 40_000 + b"[]]"
    refused = httpx.post(f"{served.url}/shacl/any/api/validate", content=many, timeout=PATIENCE)
    assert (refused.status_code, "too many members" in refused.text) == (400, True)
    long = request(contentToValidate="<http://e/s> a <http://e/C> .\n" + '# [[[[{"\n' * 50_000)
    answer = itb(served, long)
    assert answer.status_code == 200, answer.text
    hidden = json.dumps(long)[:-1].encode() + b', "x": ' + many + b"}"
    told = post(served, hidden, headers={"Content-Type": "application/json"})
    assert "bySeverity" in told.json(), "it is judged as data, by a process that can be killed"


def test_an_upload_that_trickles_is_ended(served: Served) -> None:
    with raw(served) as connection:
        connection.sendall(
            b"POST /api/validate HTTP/1.1\r\nHost: a\r\nContent-Type: text/turtle\r\nContent-Length: 1000\r\n\r\n"
        )
        connection.setblocking(False)
        answer, deadline = b"", time.monotonic() + PATIENCE
        while not answer and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                connection.send(b"#")
            time.sleep(0.2)
            with contextlib.suppress(BlockingIOError):
                answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    nothing_is_left(served)


def test_a_client_that_leaves_half_way_leaves_nothing(served: Served) -> None:
    with raw(served) as connection:
        connection.sendall(
            b"POST /api/validate HTTP/1.1\r\nHost: a\r\nContent-Type: text/turtle\r\nContent-Length: 1000\r\n\r\n<http"
        )
        until(lambda: left_behind(served) != [])
    nothing_is_left(served)


def zipped(names: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, inner in names.items():
            archive.writestr(name, inner)
    return content.getvalue()


BOMB = zipped(
    {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b" " * 300_000_000}
)
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>&b;</rdf:Description></rdf:RDF>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>&a;</rdf:Description></rdf:RDF>"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.xlsx", BOMB),
        ("no-workbook.xlsx", b"PK\x03\x04 and nothing more"),
        ("laughs.rdf", LAUGHS),
        ("outside.rdf", OUTSIDE),
        ("deep.json", b"[" * 900_000),
        ("deep.jsonld", b'{"@graph":' * 100_000),
        ("deep.ttl", b"<http://e/s> <http://e/p> " + b"[ <http://e/p> " * 50_000),
        ("remote.jsonld", b'{"@context": "http://127.0.0.1:9/c", "@id": "http://e/s"}'),
        ("nul.csv", b"id,title\n\x00\x00,\x00\n"),
        ("broken.ttl", b"\xff\xfe\x00\xff"),
        ("bad-iri.ttl", b"<http://e/ bad> a <http://e/C> ."),
        ("empty.csv", b""),
    ],
)
def test_hostile_files_get_a_clear_error_and_the_server_goes_on(served: Served, name: str, content: bytes) -> None:
    files = {"file": (name, content, "application/octet-stream")}
    response = httpx.post(f"{served.url}/api/validate", files=files, timeout=PATIENCE)
    assert response.status_code in (400, 422) or (response.status_code == 200 and not response.json()["conforms"])
    if response.status_code != 200:
        assert response.json()["detail"]
        assert "/" not in response.json()["detail"].partition("http")[0] or "root" not in response.text
    assert post(served, GOOD).status_code == 200
    nothing_is_left(served)


# ------------------------------------------------------------------ the Test Bed's forms


def itb(
    served: Served, body: object, domain: str = "any", path: str = "validate", accept: str = "*/*"
) -> httpx.Response:
    return httpx.post(
        f"{served.url}/shacl/{domain}/api/{path}", json=body, headers={"Accept": accept}, timeout=PATIENCE
    )


def request(**more: object) -> dict[str, object]:
    rule = {"ruleSet": SHAPES, "embeddingMethod": "STRING", "ruleSyntax": "text/turtle"}
    return {
        "contentToValidate": "<http://e/s> a <http://e/C> .", "embeddingMethod": "STRING",
        "contentSyntax": "text/turtle", "externalRules": [rule],
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("syntax", "parser"),
    [
        ("text/turtle", "turtle"), ("application/rdf+xml", "xml"), ("application/ld+json", "json-ld"),
        ("application/n-triples", "nt"),
    ],
)  # fmt: skip
def test_the_shacl_report_comes_in_the_syntax_that_is_asked(served: Served, syntax: str, parser: str) -> None:
    for response in (itb(served, request(reportSyntax=syntax)), itb(served, request(), accept=syntax)):
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].partition(";")[0] == syntax
        graph = Graph().parse(data=response.content, format=parser)
        answer = graph.query(
            "PREFIX sh: <http://www.w3.org/ns/shacl#> "
            "ASK { ?r sh:conforms false ; sh:result [ sh:focusNode <http://e/s> ; sh:resultPath <http://e/p> ] }"
        )
        assert answer.askAnswer


def test_rdf_xml_is_what_clients_get_that_ask_for_nothing(served: Served) -> None:
    assert itb(served, request()).headers["content-type"].startswith("application/rdf+xml")


def test_the_test_bed_report_in_json(served: Served) -> None:
    asked = request(
        reportSyntax="application/json", locale="fr_FR", addInputToReport=True, addShapesToReport=True,
        addRdfReportToReport=True, rdfReportSyntax="text/turtle",
    )  # fmt: skip
    told = itb(served, asked).json()
    assert told["result"] == "FAILURE"
    assert told["counters"] == {"nrOfAssertions": 0, "nrOfErrors": 1, "nrOfWarnings": 0}
    assert told["reports"] == {
        "error": [
            {"description": "Donnez p.", "location": "[Focus node] - [http://e/s] - [Result path] - [http://e/p]"}
            | {key: value for key, value in told["reports"]["error"][0].items() if key == "test"}
        ]
    }
    assert [item["name"] for item in told["context"]["items"]] == ["input", "shapes", "report"]
    assert time.strptime(told["date"], "%Y-%m-%dT%H:%M:%S.%f%z")


def test_the_test_bed_report_in_xml(served: Served) -> None:
    response = itb(served, request(reportSyntax="application/xml"))
    root = ElementTree.fromstring(response.content)  # noqa: S314 - our own server wrote it
    space = f"{{{REPORT}}}"
    assert root.tag == f"{space}TestStepReport"
    assert root.attrib["{http://www.w3.org/2001/XMLSchema-instance}type"] == "TAR"
    assert [child.tag.removeprefix(space) for child in root] == [
        "date",
        "result",
        "overview",
        "counters",
        "context",
        "reports",
    ]
    assert root.findtext(f"{space}reports/{space}error/{space}description") == "Give p."
    clean = itb(served, request(contentToValidate="<http://e/s> a <http://e/D> .", reportSyntax="text/xml"))
    assert "<result>SUCCESS</result>" in clean.text


def test_base64_several_requests_and_a_query_over_the_report(served: Served) -> None:
    content = base64.b64encode(b"<http://e/s> a <http://e/C> .").decode()
    asked = request(contentToValidate=content, embeddingMethod="BASE64", reportSyntax="text/turtle")
    query = "PREFIX sh: <http://www.w3.org/ns/shacl#> CONSTRUCT { ?s a <http://e/Wrong> } { [] sh:focusNode ?s }"
    answers = itb(
        served,
        [asked, request(reportSyntax="application/json"), asked | {"reportQuery": query}],
        path="validateMultiple",
    ).json()
    assert [answer["reportSyntax"] for answer in answers] == ["text/turtle", "application/xml", "text/turtle"]
    assert b"<http://e/Wrong>" in base64.b64decode(answers[2]["report"])
    assert b"conforms" in base64.b64decode(answers[0]["report"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (request(contentToValidate="http://127.0.0.1:9/x", embeddingMethod="URL"), 500),
        (request(contentToValidate="https://example.org/x", embeddingMethod=None), 500),
        (request(externalRules=[{"ruleSet": "http://127.0.0.1:9/s", "embeddingMethod": "URL"}]), 500),
        (request(contentQuery="SELECT * {}", contentQueryEndpoint="http://127.0.0.1:9/"), 500),
        (request(loadImports=True), 500),
        (request(reportSyntax="text/plain"), 500),
        (request(embeddingMethod="FTP"), 500),
        (request(contentToValidate="no rdf"), 500),
        (request(validationType="nothing"), 500),
        (request(externalRules=[]), 500),
        ({"contentSyntax": "text/turtle"}, 500),
        ([], 500),
    ],
)
def test_errors_have_the_form_and_status_of_the_test_bed(served: Served, body: object, status: int) -> None:
    response = itb(served, body)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"message", "timestamp"}
    assert response.json()["message"]
    nothing_is_left(served)


def test_an_unknown_domain_is_not_found_and_what_is_no_json_is_bad(served: Served) -> None:
    assert itb(served, request(), domain="nothing").status_code == 404
    bad = httpx.post(f"{served.url}/shacl/any/api/validate", content=b"{", headers={"Content-Type": "application/json"})
    assert bad.status_code == 400


def test_its_form_is_taken_at_our_own_address_too(served: Served) -> None:
    body = {
        "contentToValidate": GOOD,
        "contentSyntax": "text/turtle",
        "reportSyntax": "application/json",
        "validationType": "circkg",
    }
    response = httpx.post(f"{served.url}/api/validate", json=body, timeout=PATIENCE)
    assert response.json()["result"] == "SUCCESS"
    info = httpx.get(f"{served.url}/shacl/circkg/api/info").json()
    assert info == {"domain": "circkg", "validationTypes": [{"type": "circkg", "description": "Data of CircKG"}]}


RULE = """\
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix ex: <http://e/> .
ex:S a sh:NodeShape ; sh:targetClass ex:C ; """
MANY = " ".join(f"?a{n} ?b{n} ?c{n} ." for n in range(14))
ALL = ", ".join(f"STR(?a{n})" for n in range(14))
VALUES = "@prefix ex: <http://e/> .\n" + "".join(f'ex:s{n} a ex:C ; ex:t "{"a" * 60}!" .\n' for n in range(40))


@pytest.mark.parametrize(
    "rule",
    [
        'sh:sparql [ sh:select "SELECT $this FROM <file:///etc/passwd> { $this ?p ?o }" ] .',
        'sh:sparql [ sh:select "SELECT $this { SERVICE <http://127.0.0.1:9/> { $this ?p ?o } }" ] .',
        "sh:node ex:S .",
    ],
)
def test_rules_of_others_read_nothing_and_end(served: Served, rule: str) -> None:
    asked = request(contentToValidate=VALUES, externalRules=[{"ruleSet": RULE + rule, "ruleSyntax": "text/turtle"}])
    response = itb(served, asked | {"reportSyntax": "application/json"})
    assert response.status_code in (200, 400), response.text
    assert "root:" not in response.text
    assert post(served, GOOD).json()["conforms"] is True
    nothing_is_left(served)


@pytest.mark.parametrize(
    "rule",
    [
        r'sh:sparql [ sh:select "SELECT $this FRO\\u004D <file:///etc/passwd> { $this ?p ?o }" ] .',
        r'sh:target [ sh:select "SELECT ?this { \\U00000053ERVICE <http://127.0.0.1:9/> { ?this ?p ?o } }" ] .',
        r'sh:target [ sh:prefixes [ sh:declare [ sh:prefix "a" ; sh:namespace "http://e/> SELECT * FROM <file:///etc/pa'
        r'sswd> {} #" ] ] ; sh:select "SELECT ?this { ?this ?p ?o }" ] .',
        r'sh:target [ sh:prefixes [ sh:declare [ sh:prefix "a: <http://e/> SELECT * FROM <file:///etc/passwd> {} #" ; '
        r'sh:namespace "http://e/" ] ] ; sh:select "SELECT ?this { ?this ?p ?o }" ] .',
    ],
)
def test_rules_that_hide_what_they_read_are_refused(served: Served, rule: str) -> None:
    asked = request(contentToValidate=VALUES, externalRules=[{"ruleSet": RULE + rule, "ruleSyntax": "text/turtle"}])
    message = itb(served, asked).json()["message"]
    assert message.startswith(("A rule has SPARQL with ", "A rule declares a prefix as ")), message


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        (r'sh:sparql [ sh:select "SELECT $this\nWHERE { $this a ?x . FILTER( " ] .', "line 2, column 22"),
        ('sh:sparql [ sh:select "SELECT $this { $this a ?x FILTER(<http://e/f>(?x)) }" ] .', "function <http://e/f>"),
        ('sh:sparql [ sh:select "SELECT $this (COUNT(?x) AS ?n) { $this a ?x }" ] .', "unbound"),
        ('sh:sparql [ sh:select "SELECT $this { FILTER(?currentShape = " ] .', "sh:select is not SPARQL"),
        ('sh:rule [ a sh:SPARQLRule ; sh:construct "CONSTRUCT { $this " ] .', "sh:construct is not SPARQL"),
        ('sh:target [ a sh:SPARQLTarget ; sh:select "SELECT ?this { " ] .', "line 1, column 16"),
        ("sh:target [ a sh:SPARQLTarget ] .", "cannot use the shapes"),
        ("sh:rule [ a sh:TripleRule ; sh:subject 5 ] .", "cannot use the shapes"),
        ('sh:property [ sh:path ex:p ; sh:pattern "(" ] .', "<http://e/S>, at the path <http://e/p>: sh:pattern"),
        ("sh:property [ ", "rule-set-1.ttl is not well-formed"),
    ],
)
def test_rules_that_cannot_be_used_are_a_fault_of_the_request_and_say_where(
    served: Served, rule: str, place: str
) -> None:
    """Broken SPARQL, and whatever else pySHACL stumbled over, was told as a fault of ours."""
    asked = request(
        contentToValidate="<http://e/s> a <http://e/C> .",
        externalRules=[{"ruleSet": RULE + rule, "ruleSyntax": "text/turtle"}],
    )
    for response in (
        itb(served, asked),
        httpx.post(f"{served.url}/api/validate", json=asked, timeout=PATIENCE),
    ):
        assert response.status_code == 400, response.text
        assert place in response.json()["message"]


def test_a_query_over_the_report_that_cannot_be_answered_is_a_fault_of_the_request(served: Served) -> None:
    for query in ("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o FILTER(<http://e/f>(?s)) }", "SELECT * {}", "CONSTRUCT {"):
        message = itb(served, request(reportSyntax="text/turtle", reportQuery=query)).json()["message"]
        assert message.startswith("reportQuery "), message


def test_who_asks_too_much_at_once_is_told_so_in_the_form_of_the_test_bed() -> None:
    async def crowded() -> Response:
        raise CrowdingError("4 of your files are being judged or wait.")

    response = asyncio.run(itb_answered(crowded()))
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert json.loads(bytes(response.body))["message"] == "4 of your files are being judged or wait."


@pytest.mark.parametrize(
    "rule",
    [
        f'sh:sparql [ sh:select "SELECT $this {{ {MANY} $this ?p ?o FILTER(STRLEN(CONCAT({ALL})) > 9000) }}" ] .',
        'sh:property [ sh:path ex:t ; sh:pattern "^(a+)+$" ] .',
    ],
)
def test_rules_without_end_are_killed(small_store: Path, tmp_path: Path, rule: str) -> None:
    async def judged() -> None:
        desk = Desk(small_store, 1, 1)
        try:
            await desk.do(itb_job(tmp_path, VALUES, RULE + rule, small_store), seconds=3, memory=2**31)
        finally:
            await desk.close()

    with pytest.raises(TooLongError):
        asyncio.run(judged())


def test_one_client_does_not_take_all_places(small_store: Path, tmp_path: Path) -> None:
    """Two slow files of one client, and eight that waited, kept everybody else from being judged for minutes."""

    async def judged() -> None:
        desk = Desk(small_store, 1, 8)
        validation = Validation(small_store, cast(Any, None), desk, ValidateSettings(per_client=2), cast(Any, None))
        folders = [tmp_path / str(number) for number in range(4)]
        for folder in folders:
            folder.mkdir()
        jobs = [
            asyncio.ensure_future(validation.job(client, folder, "validate", reading=None))
            for client, folder in zip(("one", "one", "one", "another"), folders, strict=True)
        ]
        try:
            with pytest.raises(CrowdingError, match="2 of your files"):
                await jobs[2]
            assert not jobs[0].done()
            assert validation.clients == {"one": 2, "another": 1}
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await desk.close()
        assert not validation.clients

    asyncio.run(judged())


def test_what_needs_too_much_memory_is_ended(small_store: Path, tmp_path: Path) -> None:
    content = "@prefix ex: <http://e/> .\n" + "".join(f"ex:s{n} ex:p{n} ex:o{n} .\n" for n in range(60_000))

    async def judged(memory: int) -> Outcome:
        folder = tmp_path / str(memory)
        folder.mkdir()
        desk = Desk(small_store, 1, 1)
        try:
            return await desk.do(
                itb_job(folder, content, RULE + "sh:nodeKind sh:IRI .", small_store), seconds=PATIENCE, memory=memory
            )
        finally:
            await desk.close()

    assert asyncio.run(judged(2**31)) is Outcome.DONE
    with pytest.raises(TooBigError):
        asyncio.run(judged(2**23))


def itb_job(folder: Path, content: str, rules: str, store: Path) -> Path:
    (folder / "content").write_text(content, encoding="utf-8")
    (folder / "rule").write_text(rules, encoding="utf-8")
    asked = {
        "content": str(folder / "content"), "content_type": "text/turtle", "language": "en", "report_query": "",
        "rules": [{"path": str(folder / "rule"), "media_type": "text/turtle"}], "add_input": False,
        "add_shapes": False, "add_rdf_report": False, "rdf_report_syntax": "text/turtle",
    }  # fmt: skip
    job_of(
        "itb", folder, store=str(store), ours=False, validation_type="", syntax="text/turtle", shapes=[],
        background=[], request=asked,
    )  # fmt: skip
    return folder


@pytest.mark.skipif(not SHARED.is_dir(), reason="the official shapes stand beside the repository")
def test_dcat_ap_once_its_official_shapes_are_installed(served: Served) -> None:
    from typer.testing import CliRunner

    from circkg_server.cli import app

    before = itb(served, {"contentToValidate": GOOD, "validationType": "dcatap.3_0_1_base0"}, domain="semic-shacl")
    assert "circkg shapes fetch dcat-ap" in before.json()["message"]
    done = CliRunner().invoke(app, ["shapes", "fetch", "dcat-ap", "--from", str(SHARED), "--store", str(served.folder)])
    assert done.exit_code == 0, done.output
    catalogue = "@prefix dcat: <http://www.w3.org/ns/dcat#> . <http://e/c> a dcat:Catalog ."
    types = {each["type"] for each in httpx.get(f"{served.url}/shacl/dcat-ap/api/info").json()["validationTypes"]}
    assert {"dcatap.3_0_1_base0", "dcatap.3_0_1_full", "dcatap_hvd.3_0_0_base0"} <= types
    body = {"contentToValidate": catalogue, "contentSyntax": "text/turtle", "reportSyntax": "application/json"}
    for type_, errors in (("dcatap.3_0_1_base0", 3), ("dcatap.3_0_1_range0", 0)):
        told = itb(served, body | {"validationType": type_}, domain="semic-shacl").json()
        assert told["counters"]["nrOfErrors"] == errors, told


def test_many_at_once_are_told_to_come_back(served: Served) -> None:
    """One is judged and two wait; whoever comes then is asked to try again, and nobody is lost."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: post(served, GOOD), range(12)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {200, 503}
    assert 200 in codes
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
    nothing_is_left(served)
