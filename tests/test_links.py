"""Links outward are found, and checked in bounds; what could not be reached is told."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from circkg_loaders.prefixes import expand
from circkg_loaders.registry import DataSet, Role
from circkg_server.cli import app
from circkg_server.links.checking import Checker, OfflineError, Outcome
from circkg_server.links.outward import Kind, Link, outward, spread
from circkg_server.releases.archive import Archive
from circkg_shapes.terms import Triple, iri, literal


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        port = self.server.server_address[1]
        status, location = {
            "/ok": (200, ""),
            "/gone": (410, ""),
            "/moved": (303, "/ok"),
            "/host": (302, f"http://localhost:{port}/ok"),
            "/away": (302, "https://elsewhere.example.org/x"),
            "/script": (302, "javascript:alert(1)"),
            "/loop": (302, "/loop"),
            "/get-only": (200 if self.command == "GET" else 405, ""),
            "/secret": (403, ""),
            "/broken": (500, ""),
            "/wait": (429, ""),
        }.get(self.path, (404, ""))
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(600):
                try:
                    self.wfile.write(f"X-{number}: y\r\n".encode())
                except OSError:
                    return
                time.sleep(0.1)
            return
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a server, and what it was asked."""
    handler = type("Handler", (_Elsewhere,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.asked
        server.shutdown()


@pytest.fixture
def elsewhere(server: tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Give the server as if it had not been asked yet."""
    server[1].clear()
    return server


def link(address: str) -> Link:
    return Link(address, "https://w3id.org/circkg/id/organisation/a", Kind.PAGES)


@pytest.mark.parametrize(
    ("path", "outcome", "told"),
    [
        ("/ok", Outcome.RESOLVES, "200 OK"),
        ("/moved", Outcome.RESOLVES, "200 OK at http"),
        ("/away", Outcome.RESOLVES, "302 to https://elsewhere.example.org/x, which was not asked"),
        ("/get-only", Outcome.RESOLVES, "200 OK"),
        ("/host", Outcome.RESOLVES, "302 to http://localhost"),
        ("/missing", Outcome.BROKEN, "404 Not Found"),
        ("/gone", Outcome.BROKEN, "410 Gone"),
        ("/loop", Outcome.BROKEN, "more than 5 redirects"),
        ("/secret", Outcome.UNCLEAR, "403 Forbidden"),
        ("/broken", Outcome.UNCLEAR, "500 Internal Server Error"),
        ("/script", Outcome.UNCLEAR, "302 to javascript:alert(1)"),
    ],
)
def test_what_a_server_answers_is_judged(
    elsewhere: tuple[str, list[str]], path: str, outcome: Outcome, told: str
) -> None:
    address, asked = elsewhere
    (finding,) = Checker(pause=0, private=True).check([link(address + path)])
    assert finding.outcome is outcome
    assert finding.told.startswith(told)
    assert asked[0] == f"HEAD {path}"


def test_a_server_that_drips_is_left(elsewhere: tuple[str, list[str]]) -> None:
    address, _ = elsewhere
    (finding,) = Checker(timeout=0.5, pause=0, private=True).check([link(f"{address}/drip")])
    assert finding.outcome is Outcome.UNREACHABLE


def test_a_host_that_asks_to_wait_is_asked_no_more(elsewhere: tuple[str, list[str]]) -> None:
    address, asked = elsewhere
    links = [link(f"{address}/{path}") for path in ("ok", "wait", "gone", "moved")]
    findings = Checker(pause=0, private=True).check(links)
    assert sorted(asked) == ["HEAD /ok", "HEAD /wait"]
    by_path = {one.link.address.rpartition("/")[2]: one.outcome for one in findings}
    assert by_path == {
        "ok": Outcome.RESOLVES, "wait": Outcome.UNCLEAR, "gone": Outcome.NOT_ASKED, "moved": Outcome.NOT_ASKED,
    }  # fmt: skip


def test_no_private_address_is_asked(elsewhere: tuple[str, list[str]]) -> None:
    address, asked = elsewhere
    port = address.rpartition(":")[2]
    addresses = [address, f"http://localhost:{port}/", f"http://[::1]:{port}/", "http://10.0.0.1/", "http://a@b.eu/"]
    findings = Checker(pause=0).check([link(one) for one in addresses])
    assert {one.outcome for one in findings} == {Outcome.NOT_ASKED}
    assert asked == []


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    (finding,) = Checker(pause=0, private=True).check([link("http://127.0.0.1:1/")])
    assert finding.outcome is Outcome.UNREACHABLE


def test_without_a_network_nothing_is_said_of_links() -> None:
    with pytest.raises(OfflineError, match=r"no network: nowhere\.invalid"):
        Checker(pause=0).check([link("https://nowhere.invalid/")])


def test_one_host_without_address_does_not_hide_the_others(elsewhere: tuple[str, list[str]]) -> None:
    address, _ = elsewhere
    findings = Checker(pause=0, private=True).check([link(f"{address}/ok"), link("https://nowhere.invalid/")])
    assert {one.link.host: one.outcome for one in findings} == {
        "127.0.0.1": Outcome.RESOLVES, "nowhere.invalid": Outcome.UNREACHABLE,
    }  # fmt: skip


# -- what is linked -----------------------------------------------------------------------------------------------

A = iri("https://w3id.org/circkg/id/organisation/a")


def store(folder: Path, triples: list[Triple]) -> Archive:
    archive = Archive(folder)
    found = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    records = DataSet("b", "B", Role.PROVENANCE, "records", "1.0.0", "CC-BY-4.0", "For a test.")
    with archive.writing():
        own = [(A, iri(expand("foaf:page")), iri("https://provenance.example.org/"))]
        archive.publish(archive.next_manifest([archive.release(found, triples), archive.release(records, own)]))
    return archive


def linked() -> list[Triple]:
    told = {
        "skos:exactMatch": iri("https://ror.example.org/x#y"), "foaf:homepage": iri("https://a.example.org/"),
        "circ:doi": literal("10.3030/1"), "circ:celex": literal("32008L0098"), "circ:vatNumber": literal("EL1"),
        "dct:source": iri("https://w3id.org/circkg/id/source/x"), "rdf:type": iri("http://www.w3.org/ns/org#Organization"),
    }  # fmt: skip
    return [(A, iri(expand(name)), value) for name, value in told.items()]


def test_identifiers_and_pages_of_stated_sets_are_links(tmp_path: Path) -> None:
    archive = store(tmp_path, linked())
    manifest = archive.current()
    assert manifest
    found = {(one.address, one.kind) for one in outward(archive, manifest)}
    assert found == {
        ("https://ror.example.org/x", Kind.IDENTIFIERS),
        ("https://a.example.org/", Kind.PAGES),
        ("https://doi.org/10.3030/1", Kind.IDENTIFIERS),
        ("http://publications.europa.eu/resource/celex/32008L0098", Kind.IDENTIFIERS),
    }
    assert len(outward(archive, manifest, [Kind.PAGES])) == 1


def test_a_part_of_the_links_tells_of_each_host() -> None:
    links = [link(f"https://{host}/{number}") for host in ("a.eu", "b.eu") for number in range(5)]
    assert [one.address for one in spread(links, 3)] == ["https://a.eu/0", "https://b.eu/0", "https://a.eu/1"]
    assert len(spread(links)) == 10


def test_the_command_says_that_there_is_no_network(tmp_path: Path) -> None:
    store(tmp_path, [(A, iri(expand("foaf:page")), iri("https://nowhere.invalid/"))])
    done = CliRunner().invoke(app, ["links", "--check", "--store", str(tmp_path)])
    assert done.exit_code == 2
    assert "no network" in done.output


def test_the_command_lists_links(tmp_path: Path) -> None:
    store(tmp_path, linked())
    done = CliRunner().invoke(app, ["links", "--json", "--kind", "pages", "--store", str(tmp_path)])
    assert done.exit_code == 0
    assert [one["address"] for one in json.loads(done.output)] == ["https://a.example.org/"]
    assert "4 links outward" in CliRunner().invoke(app, ["links", "--store", str(tmp_path)]).output


def test_what_the_command_could_not_ask_it_says(tmp_path: Path, elsewhere: tuple[str, list[str]]) -> None:
    address, _ = elsewhere
    store(tmp_path, [(A, iri(expand("foaf:page")), iri(f"{address}/ok"))])
    done = CliRunner().invoke(app, ["links", "--check", "--store", str(tmp_path)])
    assert done.exit_code == 2
    assert "not asked: 1" in done.output
    assert "none of the links could be reached" in done.output
