"""Dumps are given byte by byte as they were released, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from circkg_loaders.registry import DataSet, Role
from circkg_server.dumps import build_router
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Release


@pytest.fixture
def released(tmp_path: Path) -> tuple[TestClient, Archive, Release]:
    archive = Archive(tmp_path)
    found = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    release = archive.release(found, [("<http://e/s>", "<http://e/p>", '"o"')])
    (tmp_path / "tokens.json").write_text("{}")
    app = FastAPI()
    app.include_router(build_router(archive))
    return TestClient(app), archive, release


def test_a_release_is_given_as_it_was_written(released: tuple[TestClient, Archive, Release]) -> None:
    client, archive, release = released
    address = "/dumps/" + release.file.removeprefix("releases/")
    response = client.get(address, headers={"Accept-Encoding": "identity"})
    assert response.status_code == 200
    assert response.content == (archive.folder / release.file).read_bytes()
    assert "immutable" in response.headers["cache-control"]
    assert client.head(address).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/dumps/a/1.0.0-000000000000.nq.gz", "/dumps/a/..%2f..%2ftokens.json", "/dumps/../tokens.json", "/dumps/a/x"],
)
def test_nothing_else_is_given(released: tuple[TestClient, Archive, Release], path: str) -> None:
    client, _, _ = released
    response = client.get(path)
    assert response.status_code == 404
    assert "{}" not in response.text
