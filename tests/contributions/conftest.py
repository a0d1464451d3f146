"""What tests of contributions share: a small store, a contribution, and a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from circkg_loaders.load import Loaded, load
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import DataSet, Role
from circkg_server.build import examine, publish
from circkg_server.contributions.jobs import JobFile, Outcome, Reading, job_of, work
from circkg_server.contributions.staging import About, Contributed, Judged, StagedFile, Staging, State
from circkg_server.releases.archive import Archive
from circkg_server.writes.tokens import Scope, Tokens
from circkg_shapes.terms import Triple, iri, literal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds that a test waits for what has to come: far more than it takes."""

PREFIXES = """\
@prefix circ: <https://w3id.org/circkg/def#> .
@prefix circid: <https://w3id.org/circkg/id/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix org: <http://www.w3.org/ns/org#> .
@prefix schema: <https://schema.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""


def practice(slug: str, title: str, description: str = "People mend things together, and learn how.") -> str:
    """Return a practice that conforms, with its source."""
    return f"""
<https://w3id.org/circkg/id/practice/{slug}> a circ:Practice ;
  dct:title "{title}"@en ; dct:description "{description}"@en ;
  circ:identifiedBy <https://w3id.org/circkg/id/initiative/ceci> ;
  circ:country <http://publications.europa.eu/resource/authority/country/FIN> ;
  dct:source <https://w3id.org/circkg/id/source/test-town> .
"""


SOURCE = """
<https://w3id.org/circkg/id/source/test-town> a circ:SourceDocument ; dct:title "Test town"@en ;
  dct:type <https://w3id.org/circkg/def/source-kind/web-page> ; schema:url <https://example.org/repair> .
"""
GOOD = PREFIXES + practice("repair-cafe-of-test-town", "Repair café of Test Town") + SOURCE


def _t(name: str) -> str:
    return iri(expand(name))


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store with one initiative, the ontology and the vocabularies: what a practice needs, and little more."""
    whole = load()
    sets = [each for each in whole.sets if each.slug in ("ontology", "vocabularies", "countries", "shapes", "inferred")]
    ceci, page = iri("https://w3id.org/circkg/id/initiative/ceci"), iri("https://w3id.org/circkg/id/source/page")
    triples: list[Triple] = [
        (ceci, _t("rdf:type"), _t("circ:Initiative")),
        (ceci, _t("dct:title"), literal("Citizen involvement", lang="en")),
        (ceci, _t("dct:source"), page),
        (page, _t("rdf:type"), _t("circ:SourceDocument")),
        (page, _t("dct:type"), iri("https://w3id.org/circkg/def/source-kind/web-page")),
        (page, _t("schema:url"), iri("https://example.org/")),
    ]
    stated = DataSet("small", "A small set", Role.STATED, "facts", "0.1", "CC-BY-4.0", "One initiative.")
    loaded = Loaded(
        [stated, *sets], {"small": triples} | {each.slug: whole.triples.get(each.slug, []) for each in sets}
    )
    archive = Archive(tmp_path_factory.mktemp("small") / "store")
    with archive.writing():
        built = examine(loaded)
        assert built.sound, (built.report.results, built.faults)
        publish(archive, built)
    return archive.folder


@pytest.fixture
def store(small_store: Path, tmp_path: Path) -> Archive:
    """Give a copy of the small store that a test may change."""
    shutil.copytree(small_store, tmp_path / "store")
    return Archive(tmp_path / "store")


ABOUT = About("test-town", "Practices of Test Town", "CC0-1.0", "Town of Test", "info@example.org")


def stage(archive: Archive, content: str = GOOD, about: About = ABOUT, by: str = "turku") -> Contributed:
    """Stage a contribution as the server does, without one."""
    staging = Staging(archive.folder / "contributions")
    scratch = staging.scratch()
    (scratch / "file-0").write_text(content, encoding="utf-8")
    file = StagedFile("file-0", "practices.ttl", "text/turtle", len(content), "0" * 64)
    found = staging.add(scratch, by, about, (file,))
    return review(archive, found)


def review(archive: Archive, found: Contributed) -> Contributed:
    """Judge a contribution in this process."""
    import json

    staging = Staging(archive.folder / "contributions")
    job = staging.scratch()
    folder = staging.folder_of(found.id)
    reading = Reading(
        (JobFile(str(folder / "file-0"), "practices.ttl", "text/turtle"),), str(archive.folder), found.about.form,
        found.about.language, found.about.set, found.about.replaces,
    )  # fmt: skip
    job_of("review", job, reading=reading, numbers=[0], language="en", retired=[], root="")
    if work(job) is Outcome.REFUSED:
        judged = Judged(False, json.loads((job / "problem.json").read_text(encoding="utf-8"))["detail"])
    else:
        judged = Judged(**json.loads((job / "result.json").read_text(encoding="utf-8")))
    return staging.put_review(found.id, job, judged)


@dataclass(slots=True)
class Served:
    """A server that runs."""

    url: str
    folder: Path
    tokens: dict[str, str]
    process: subprocess.Popen[bytes]

    def headers(self, by: str) -> dict[str, str]:
        """Return the header that shows a token."""
        return {"Authorization": f"Bearer {self.tokens[by]}"}

    def contribute(self, by: str = "turku", content: str = GOOD, **fields: str) -> httpx.Response:
        """Send a contribution."""
        data = {
            "set": "test-town", "title": "Practices of Test Town", "licence": "CC0-1.0", "publisher": "Town of Test",
            "contact": "info@example.org",
        } | fields  # fmt: skip
        files = {"file": ("practices.ttl", content.encode(), "text/turtle")}
        return httpx.post(
            f"{self.url}/api/contributions", data=data, files=files, headers=self.headers(by), timeout=PATIENCE
        )

    def status(self, id_: str, by: str = "curator") -> dict[str, object]:
        """Return where a contribution stands."""
        response = httpx.get(f"{self.url}/api/contributions/{id_}", headers=self.headers(by), timeout=PATIENCE)
        response.raise_for_status()
        found: dict[str, object] = response.json()
        return found

    def when(self, id_: str, *states: State) -> dict[str, object]:
        """Return a contribution once it is in one of these states."""
        found: dict[str, object] = {}

        def there() -> bool:
            found.update(self.status(id_))
            return found["state"] in states and not found["accepting"]

        until(there)
        return found

    def decide(self, id_: str, verb: str, by: str = "curator", **body: object) -> httpx.Response:
        """Send a decision."""
        address = f"{self.url}/api/contributions/{id_}/{verb}"
        return httpx.post(address, json=body, headers=self.headers(by), timeout=PATIENCE)


def until(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join(str(ROOT / name) for name in ("shapes", "loaders", "server"))
    return os.environ | {"PYTHONPATH": path, "CIRCKG_RESERVE": "0", "CIRCKG_READERS": "1"} | more


def start(folder: Path, log: Path, **settings: str) -> Served:
    """Start a real server over a store, and wait until it answers."""
    known = Tokens(folder)
    tokens = {
        "turku": known.add("turku", [Scope.CONTRIBUTE]), "lahti": known.add("lahti", [Scope.CONTRIBUTE]),
        "curator": known.add("curator", [Scope.CURATE]),
    } if not known.all() else {}  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from circkg_server.cli import main; main()", "serve", "--store", str(folder),
             "--port", str(port)],
            env=environment(**settings), stdout=output, stderr=output,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            return httpx.get(f"{url}/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers)
    return Served(url, folder, tokens, process)


def stop(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)
    try:
        served.process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        served.process.kill()
        served.process.wait()


@pytest.fixture(scope="session")
def served(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server over the small store, with limits that tests can meet."""
    folder = tmp_path_factory.mktemp("served") / "store"
    shutil.copytree(small_store, folder)
    running = start(
        folder, folder.parent / "log", CIRCKG_VALIDATE_TIMEOUT="20", CIRCKG_VALIDATE_MAX_BYTES="2000000",
        CIRCKG_VALIDATE_UPLOAD_TIMEOUT="6", CIRCKG_VALIDATE_CONCURRENCY="1", CIRCKG_VALIDATE_QUEUE="2",
        CIRCKG_CONTRIBUTION_OPEN="30",
    )  # fmt: skip
    yield running
    stop(running)
