"""What tests share: the graph of the curated data, built once a session, and a served store."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from circkg_server.app import build_app
from circkg_server.build import Build, build
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings

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


@contextlib.contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve an application over HTTP in a thread of its own; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # As `circkg serve` does: the application itself knows which proxies to believe.
    config = uvicorn.Config(application, "127.0.0.1", port, log_level="error", proxy_headers=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(timeout=60)


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Give what serves an application over HTTP for the time of a block."""
    return serving


@pytest.fixture(scope="session")
def site(built: Build, archive: Archive) -> Iterator[str]:
    """Give the address of a server over the session's build."""
    assert built.manifest is not None
    with serving(build_app(archive, Settings())) as address:
        yield address
