"""What tests of the catalogue share: a server of the curated data that has a publisher."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from circkg_server.app import build_app
from circkg_server.build import Build
from circkg_server.catalogue.documents import Shelf
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings

PUBLISHER = """
[catalogue]
title = { en = "Circular governance", fi = "Kiertotalouden hallinta" }
description = "For a test."
homepage = "https://catalogue.test/"
languages = ["en", "fi"]

[publisher]
iri = "https://publisher.test/id"
name = "Test & Sons <Publishers>"
type = "Academia-ScientificOrganisation"
homepage = "https://publisher.test/"

[contact]
name = "Test desk"
url = "https://publisher.test/contact"
email = "desk@publisher.test"
"""


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ``catalogue.toml`` that says who publishes."""
    path = tmp_path_factory.mktemp("publisher") / "catalogue.toml"
    path.write_text(PUBLISHER, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def manifest(built: Build) -> Manifest:
    """Give the manifest of the curated data."""
    assert built.manifest is not None
    return built.manifest


@pytest.fixture(scope="session")
def shelf(archive: Archive, manifest: Manifest, publisher: Path) -> Shelf:
    """Give the documents of the curated data."""
    assert manifest.releases
    return Shelf.of(archive, str(publisher))


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    :param address: where it is reached, without a slash at its end.
    """

    address: str

    def get(self, path: str, accept: str = "*/*", **more: str) -> httpx.Response:
        """Return the answer of a path."""
        return httpx.get(self.address + path, headers={"Accept": accept, **more}, timeout=60)


@pytest.fixture(scope="session")
def server(serve_app: Any, archive: Archive, manifest: Manifest, publisher: Path) -> Iterator[Server]:
    """Give a real server of the curated data."""
    assert manifest.releases
    with serve_app(build_app(archive, Settings(readers=1, catalogue=str(publisher)))) as address:
        found = Server(address)
        deadline = time.monotonic() + 120
        while found.get("/ready").status_code != 200:
            assert time.monotonic() < deadline, "the server did not become ready"
            time.sleep(0.05)
        yield found
