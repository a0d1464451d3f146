"""What tests share: the graph of the curated data, built once a session, and a served store."""

from __future__ import annotations

from pathlib import Path

import pytest

from circkg_server.build import Build, build
from circkg_server.releases.archive import Archive

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Standards and suites that are not part of the repository; tests that need them are skipped where they are absent."""


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Give the folder of a store that the session's build is published in."""
    return Archive(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def built(archive: Archive) -> Build:
    """Give the build of the curated data, made once a session."""
    return build(archive)
