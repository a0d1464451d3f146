"""Dumps are given byte by byte as they were made, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from circkg_loaders.registry import DataSet, Role
from circkg_server.dumps import build_router
from circkg_server.publishing.distributions import distributions, make_distributions, path_of
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Release

PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def released(tmp_path: Path) -> tuple[TestClient, Archive, Release]:
    archive = Archive(tmp_path)
    found = DataSet("a", "A", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")
    release = archive.release(found, [("<http://e/s>", "<http://e/p>", '"o"')])
    make_distributions(archive, release)
    (tmp_path / "tokens.json").write_text("{}")
    app = FastAPI()
    app.include_router(build_router(archive))
    return TestClient(app), archive, release


def test_every_file_is_given_as_it_was_written(released: tuple[TestClient, Archive, Release]) -> None:
    client, archive, release = released
    types = {}
    for one in distributions(archive, release):
        response = client.get(f"/dumps/{one.file}", headers=PLAIN)
        assert response.status_code == 200
        assert response.content == path_of(archive, one).read_bytes()
        assert "immutable" in response.headers["cache-control"]
        digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
        assert response.headers["repr-digest"] == f"sha-256=:{digest}:"
        head = client.head(f"/dumps/{one.file}", headers=PLAIN)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(response.content))
        types[one.kind] = response.headers["content-type"]
    assert types == {
        "nq": "application/gzip", "trig": "application/trig", "ttl": "text/turtle; charset=utf-8",
        "jsonld": "application/ld+json", "parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8",
    }  # fmt: skip


def test_a_part_is_given_and_an_unchanged_file_is_not_sent_again(released: tuple[TestClient, Archive, Release]) -> None:
    client, _, release = released
    address = f"/dumps/a/{release.version}.ttl"
    whole = client.get(address, headers=PLAIN)
    part = client.get(address, headers={**PLAIN, "Range": "bytes=5-9", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    assert client.get(address, headers={**PLAIN, "Range": "bytes=999999-"}).status_code == 416
    for known in (whole.headers["etag"], f'"other", W/{whole.headers["etag"]}', "*"):
        again = client.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", whole.headers["etag"])
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_checksum_stands_beside(released: tuple[TestClient, Archive, Release]) -> None:
    client, _, release = released
    address = f"/dumps/a/{release.version}.nq.gz"
    digest = hashlib.sha256(client.get(address).content).hexdigest()
    assert client.get(f"{address}.sha256").text == f"{digest}  {release.version}.nq.gz\n"


def test_the_list_of_files_is_given(released: tuple[TestClient, Archive, Release]) -> None:
    client, archive, release = released
    listed = client.get(f"/dumps/a/{release.version}.json").json()
    assert [one["file"] for one in listed["files"]] == [one.file for one in distributions(archive, release)]


@pytest.mark.parametrize(
    "path",
    [
        "/dumps/a/1.0.0-000000000000.nq.gz", "/dumps/a/1.0.0-000000000000.json", "/dumps/a/..%2f..%2ftokens.json",
        "/dumps/../tokens.json", "/dumps/a/x", "/dumps/a/{version}.rdf", "/dumps/a/{version}.ttl.sha256.sha256",
        "/dumps/b/{version}.nq.gz", "/dumps/a/{version}.", "/dumps/a/{version}.ttl%00", "/dumps/a/.{version}.ttl",
    ],
)  # fmt: skip
def test_nothing_else_is_given(released: tuple[TestClient, Archive, Release], path: str) -> None:
    client, _, release = released
    response = client.get(path.format(version=release.version))
    assert response.status_code == 404
    assert "{}" not in response.text


def test_a_damaged_index_is_told(released: tuple[TestClient, Archive, Release]) -> None:
    client, archive, release = released
    (archive.folder / "dumps" / "a" / f"{release.version}.json").write_text("{")
    response = client.get(f"/dumps/a/{release.version}.ttl")
    assert response.status_code == 503
    assert "Build again" in response.json()["detail"]
