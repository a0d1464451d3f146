"""What tests share: the graph of the curated data, built once a session, and a served store."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(application: Any, port: int = 0) -> Iterator[str]:
    """Serve an application in a thread of its own, and give the address."""
    port = port or _free_port()
    # As `circkg serve` does: the application itself knows which proxies to believe.
    config = uvicorn.Config(application, port=port, log_level="error", proxy_headers=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(timeout=60)


@contextmanager
def _served(archive: Archive, path: str = "") -> Iterator[str]:
    """Serve a store, and give the address.

    :param path: sub-path of the public address; empty: none is set, and links are as the request says.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}{path}"
    settings = replace(Settings(), readers=1, public_url=address if path else "")
    with _serving(build_app(archive, settings), port):
        yield address


Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Give the function that serves a store by a real server, as a context, and gives its address."""
    return _served


@pytest.fixture(scope="session")
def serve_app() -> Serve:
    """Give the function that serves an application by a real server, as a context, and gives its address."""
    return _serving


@pytest.fixture(scope="session")
def site(built: Build, archive: Archive) -> Iterator[str]:
    """Give the address of a server over the session's build."""
    assert built.manifest is not None
    with _served(archive) as address:
        yield address
