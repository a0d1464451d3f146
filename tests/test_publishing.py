"""What is published is the same in a directory and from the server, and a directory needs no server of ours."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx
import pytest
from rdflib import Graph, Namespace
from typer.testing import CliRunner

from circkg_server.catalogue.editor import Editor
from circkg_server.cli import app
from circkg_server.publishing.directory import DirectoryError, write_directory
from circkg_server.publishing.files import make_files
from circkg_server.publishing.publication import Publication
from circkg_server.publishing.site import site
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Release
from circkg_server.store.snapshot import Snapshot

Serve = Callable[..., AbstractContextManager[str]]
FIXTURE = Path(__file__).parent / "fixtures" / "release-0.1"
PLAIN = {"Accept-Encoding": "identity"}


@dataclass(frozen=True)
class World:
    """A served store, and the directory that was written of it for the same address."""

    publication: Publication
    folder: Path

    @property
    def address(self) -> str:
        """Return where the store is served."""
        return self.publication.address

    @property
    def newest(self) -> Release:
        """Return the newest release of a set that has two."""
        return self.publication.releases["interreg"][-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("published")
    archive = Archive(folder / "store")
    shutil.copytree(FIXTURE, archive.folder)
    manifest = archive.current()
    assert manifest
    with archive.writing():
        earlier = archive.number(1)
        make_files(archive, manifest, [*earlier.releases, *manifest.releases])
    with serve(archive, "/circkg") as address:
        publication = Publication(archive, manifest, Editor(), address)
        write_directory(publication, folder / "site")
        yield World(publication, folder / "site")


def test_a_store_of_version_0_1_is_read_and_asked(world: World) -> None:
    found = httpx.get(f"{world.address}/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).json()
    assert found["results"]["bindings"][0]["n"]["value"] == "159"
    assert len(Snapshot.open(world.publication.archive)) == 159 + 165
    for releases in world.publication.releases.values():
        for release in releases:
            assert len(world.publication.archive.quads(release).splitlines()) == release.quads


def test_a_store_of_version_0_1_says_what_changed(world: World) -> None:
    response = httpx.get(f"{world.address}/set/interreg/{world.newest.version}/diff.json")
    found = response.json()
    things = {kind: [one["iri"].rpartition("/")[2] for one in found[kind]["shown"]] for kind in ("new", "removed")}
    assert things == {"new": ["ceci-be-food-safety"], "removed": ["ceci-withdrawn"]}
    assert [one["label"] for one in found["changed"]["shown"]] == ["Consumer behaviour"]


def test_every_path_gives_the_same_bytes_from_directory_and_server(world: World) -> None:
    things = site(world.publication)
    assert len(things) > 100
    with httpx.Client(headers=PLAIN, follow_redirects=True) as client:
        for path, thing in things.items():
            client.headers["accept"] = thing.media_type
            response = client.get(f"{world.address}/{path.removesuffix('index.html')}")
            assert response.status_code == 200, path
            assert response.content == (world.folder / path).read_bytes(), path
            assert response.headers["content-type"].partition(";")[0] == thing.media_type.partition(";")[0], path
            head = client.head(f"{world.address}/{path.removesuffix('index.html')}")
            assert (head.status_code, head.content) == (200, b""), path
            assert head.headers["content-length"] == str(len(response.content)), path


def test_a_directory_holds_what_is_published_and_little_else(world: World) -> None:
    there = {path.relative_to(world.folder).as_posix() for path in world.folder.rglob("*") if path.is_file()}
    own = {"index.html", "favicon.svg", ".htaccess", "_headers", "nginx.conf", ".nojekyll"}
    assert there == set(site(world.publication)) | own


def test_writing_again_changes_nothing_that_never_changes(world: World) -> None:
    dump = world.folder / "dumps" / world.newest.file.removeprefix("releases/")
    before = dump.stat().st_mtime_ns
    content = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    again = write_directory(world.publication, world.folder)
    assert again == 5, "only the directory's own files, whose text is always written"
    assert dump.stat().st_mtime_ns == before
    assert {path: path.read_bytes() for path in content} == content


def test_hosts_are_told_every_media_type(world: World) -> None:
    apache = (world.folder / ".htaccess").read_text(encoding="utf-8")
    netlify = (world.folder / "_headers").read_text(encoding="utf-8")
    nginx = (world.folder / "nginx.conf").read_text(encoding="utf-8")
    for ending, media_type in (("ttl", "text/turtle"), ("trig", "application/trig"), ("gz", "application/gzip")):
        assert re.search(rf"^AddType '{media_type}[^']*' \.{ending}$", apache, re.MULTILINE)
        assert re.search(rf"^/circkg/\*\.{ending}\n  Content-Type: {media_type}", netlify, re.MULTILINE)
        assert re.search(rf"^  {media_type} (?:\w+ )*{ending}\b", nginx, re.MULTILINE)
    assert '<Files "void">\n  ForceType \'text/turtle' in apache
    assert "/circkg/.well-known/void\n  Content-Type: text/turtle" in netlify
    assert "location = /circkg/.well-known/void {" in nginx


def test_a_folder_of_somebody_else_is_not_written_to(world: World, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DirectoryError, match="was not made by `circkg publish`"):
        write_directory(world.publication, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def static(world: World, tmp_path: Path) -> Iterator[str]:
    """Serve the directory by the server of the standard library, under the path for which it was made."""
    (tmp_path / "circkg").symlink_to(world.folder)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_link_in_the_pages_of_a_directory_leads_somewhere(world: World, static: str) -> None:
    start, public = f"{static}/circkg/", world.address.removesuffix("/circkg")
    seen, waiting = {start}, [start]
    with httpx.Client(follow_redirects=True) as client:
        while waiting:
            address = waiting.pop()
            response = client.get(address)
            assert response.status_code == 200, address
            if "text/html" not in response.headers["content-type"]:
                continue
            for link in re.findall(r'href="([^"]+)"', response.text):
                target = urldefrag(urljoin(address, link).replace(public, static)).url
                if target.startswith(static) and target not in seen:
                    seen.add(target)
                    waiting.append(target)
    assert len(seen) > 60


def test_a_harvester_follows_the_feed_of_a_directory(world: World, static: str) -> None:
    entry = httpx.get(f"{static}/circkg/feed.trig").text
    (page,) = re.findall(r"tree:node <([^>]+)>", entry)
    assert page == f"{world.address}/feed/1.trig"
    assert "as:Create" in httpx.get(static + urlsplit(page).path).text


def test_a_harvester_finds_every_file_of_the_catalogue_of_a_directory(static: str) -> None:
    dcat = Namespace("http://www.w3.org/ns/dcat#")
    catalogue = Graph().parse(httpx.get(f"{static}/circkg/catalogue.ttl").content, format="turtle")
    files = {
        str(url): catalogue.value(subject, dcat.byteSize)
        for subject, url in catalogue.subject_objects(dcat.downloadURL)
        if "/sparql?" not in url
    }
    assert len(files) >= 15
    for url, size in files.items():
        response = httpx.get(static + urlsplit(url).path, headers=PLAIN)
        assert (response.status_code, len(response.content)) == (200, int(str(size))), url


def test_the_server_negotiates(world: World) -> None:
    version = world.newest.version
    expected = {
        ("/feed", "*/*"): "application/trig",
        ("/feed", "application/ld+json"): "application/ld+json",
        ("/feed", "text/html"): "text/html",
        ("/feed/1", "application/trig;q=0.5, application/ld+json"): "application/ld+json",
        ("/releases", "text/html,*/*;q=0.1"): "text/html",
        ("/releases", "application/json"): "application/json",
        ("/snapshot/2", "application/json"): "application/json",
        (f"/set/interreg/{version}/diff", "application/json"): "application/json",
        (f"/set/interreg/{version}/diff", "text/html"): "text/html",
    }
    for (path, accept), media_type in expected.items():
        response = httpx.get(world.address + path, headers={"Accept": accept})
        assert response.status_code == 200, path
        assert response.headers["content-type"].partition(";")[0] == media_type
        assert response.headers["vary"] == "Accept"
        named = httpx.get(urljoin(world.address, response.headers["content-location"]))
        assert named.content == response.content
        for known in (named.headers["etag"], f"W/{named.headers['etag']}"):
            again = httpx.get(named.url, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
    refused = httpx.get(f"{world.address}/feed", headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert "application/trig" in refused.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/feed/9", "/feed/9.trig", "/feed/0.trig", "/feed/x", "/snapshot/3", "/snapshot/0.json", "/set/interreg/1/diff",
        "/set/nuts-successors/0.1.0-83d9968c2cd3/diff", "/cite/interreg/1.bib", "/cite/snapshot-3.bib", "/feed.ttl",
        "/cite?set=none", "/cite?set=interreg&version=9", "/cite?snapshot=3", "/cite/..%2f..%2fmanifest.json",
    ],
)  # fmt: skip
def test_what_is_not_published_is_not_found(world: World, path: str) -> None:
    response = httpx.get(world.address + path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


# -- citations ----------------------------------------------------------------------------------------------------


def test_what_is_cited_is_found_at_its_address(world: World) -> None:
    page = httpx.get(f"{world.address}/cite", params={"set": "interreg"})
    assert page.headers["content-type"].startswith("text/html")
    assert world.newest.version in page.text
    whole = httpx.get(f"{world.address}/cite", params={"format": "csl"}).json()[0]
    assert whole["URL"] == "https://w3id.org/circkg/snapshot/2"
    assert httpx.get(world.address + urlsplit(whole["URL"]).path.removeprefix("/circkg")).status_code == 200
    assert httpx.get(f"{world.address}/cite?format=x").status_code == 400
    assert httpx.get(f"{world.address}/cite?snapshot=x").status_code == 400


def test_a_query_is_cited_by_an_address_that_answers_it_for_ever_alike(world: World) -> None:
    query = 'SELECT ?s { ?s ?p "Consumer behaviour"@en } # 100 % & more'
    cited = httpx.get(f"{world.address}/cite", params={"query": query, "snapshot": 2, "format": "csl"}).json()[0]
    assert cited["abstract"] == query
    answer = httpx.get(cited["URL"], headers={"Accept": "text/csv"})
    assert answer.text.splitlines() == ["s", "https://w3id.org/circkg/id/barrier/ceci-consumer-behaviour"]
    assert answer.headers["x-circkg-snapshot"] == "2"


def test_an_earlier_snapshot_that_is_cited_can_be_kept(world: World) -> None:
    store = str(world.publication.archive.folder)
    query = {"query": "ASK { <https://w3id.org/circkg/id/barrier/ceci-withdrawn> ?p ?o }", "snapshot": "1"}
    assert httpx.get(f"{world.address}/sparql", params=query).status_code == 410
    assert CliRunner().invoke(app, ["keep", "1", "--store", store]).exit_code == 0
    assert httpx.get(f"{world.address}/sparql", params=query).json()["boolean"] is True
    assert CliRunner().invoke(app, ["keep", "1", "--drop", "--store", store]).exit_code == 0
    assert world.publication.archive.kept() == frozenset()
    assert "There is no manifest 7" in CliRunner().invoke(app, ["keep", "7", "--store", store]).output


def test_a_query_that_is_too_long_for_an_address_is_not_cited(world: World) -> None:
    response = httpx.get(f"{world.address}/cite", params={"query": "x" * 8000})
    assert response.status_code == 414
    assert "Cite the snapshot" in response.json()["detail"]


# -- RO-Crate: the MUSTs of https://www.researchobject.org/ro-crate/specification/1.1/ ------------------------------


@pytest.fixture
def entities(world: World) -> dict[str, dict[str, Any]]:
    crate = json.loads((world.folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    found = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(found) == len(crate["@graph"]), "an identifier stands for one entity"
    return found


def test_the_crate_describes_itself_and_its_root(entities: dict[str, dict[str, Any]]) -> None:
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = entities["./"]
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", root["datePublished"])
    assert [entities[licence["@id"]]["name"] for licence in root["license"]] == ["CC-BY-4.0"]
    assert entities[root["publisher"]["@id"]]["name"] == "Example publisher"


def test_the_crate_is_flat_and_whole(entities: dict[str, dict[str, Any]]) -> None:
    for entity in entities.values():
        assert entity["@type"]
        for value in entity.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    assert list(one) == ["@id"], "entities are not nested"
                    assert one["@id"] in entities or one["@id"].startswith("https://w3id.org/ro/crate/")
    reached, waiting = set(), ["./"]
    while waiting:
        for part in entities[waiting.pop()].get("hasPart", []):
            reached.add(part["@id"])
            waiting.append(part["@id"])
    files = {name for name, entity in entities.items() if entity["@type"] == "File"}
    assert files <= reached, "every file is part of the crate, directly or by a folder"


def test_the_crate_names_the_files_that_are_there(world: World, entities: dict[str, dict[str, Any]]) -> None:
    files = {unquote(name): entity for name, entity in entities.items() if entity["@type"] == "File"}
    assert set(files) == set(site(world.publication)) - {"ro-crate-metadata.json"}
    for name, entity in files.items():
        content = (world.folder / name).read_bytes()
        assert entity.get("contentSize", str(len(content))) == str(len(content))
        assert entity.get("sha256", hashlib.sha256(content).hexdigest()) == hashlib.sha256(content).hexdigest()
    assert (world.folder / "dumps" / "interreg").is_dir()
    assert entities["dumps/interreg/"]["version"] == world.newest.version


# -- commands -----------------------------------------------------------------------------------------------------


def test_the_command_publishes(world: World, tmp_path: Path) -> None:
    store = str(world.publication.archive.folder)
    runner = CliRunner()
    done = runner.invoke(app, ["publish", str(tmp_path / "out"), "--store", store, "--url", f"{world.address}/"])
    assert done.exit_code == 0, done.output
    for path in site(world.publication):
        assert (tmp_path / "out" / path).read_bytes() == (world.folder / path).read_bytes(), path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["publish", "out"], "--url https://"),
        (["publish", "out", "--url", "example.org"], "is no address of a site"),
        (["cite", "--set", "none"], "There is no data set 'none'. There is interreg"),
        (["cite", "--format", "word"], "The formats: text, bibtex"),
    ],
)
def test_a_command_that_cannot_run_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*arguments, "--store", str(world.publication.archive.folder)])
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


def test_the_command_cites(world: World) -> None:
    store = ["--store", str(world.publication.archive.folder)]
    done = CliRunner().invoke(app, ["cite", "--set", "interreg", "--format", "bibtex", *store])
    assert done.exit_code == 0
    assert done.output.encode() == (world.folder / "cite" / "interreg" / f"{world.newest.version}.bib").read_bytes()


def documented() -> list[str]:
    text = (Path(__file__).resolve().parents[1] / "docs" / "releases.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("circkg ")]


@pytest.mark.parametrize("command", documented())
def test_a_documented_command_runs(command: str, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(world.publication.archive.folder, tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIRCKG_STORE", str(tmp_path / "store"))
    done = CliRunner().invoke(app, shlex.split(command.replace(" ccri", " interreg"))[1:])
    assert done.exit_code == 0, done.output


def test_checksums_hold(world: World) -> None:
    folder = world.folder / "dumps" / "interreg"
    names = sorted(path.name for path in folder.glob("*.sha256"))
    assert len(names) > 10
    done = subprocess.run(["sha256sum", "--check", *names], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == len(names)
