"""The server: what is reached where."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from circkg_loaders.prefixes import expand, prefixes
from circkg_server import federation, page, problems, search
from circkg_server.cors import Cors
from circkg_server.engines.allocator import allocator
from circkg_server.engines.interface import Engine
from circkg_server.engines.isolation import can_deny_network
from circkg_server.engines.service import Engines, Served
from circkg_server.published import PublishedGraphs
from circkg_server.releases.archive import Archive
from circkg_server.rewriting import Rewriting
from circkg_server.search.api import build_router as search_router
from circkg_server.settings import Settings
from circkg_server.sparql import description
from circkg_server.sparql.protocol import Endpoint
from circkg_server.writes.engine import LiveEngine
from circkg_server.writes.live import LiveStore
from circkg_server.writes.open_app import open_folder
from circkg_server.writes.protocol import Writes, build_router
from circkg_server.writes.settings import Mode, WritesSettings
from circkg_server.writes.tokens import Audit, Tokens

LOG = logging.getLogger("circkg")
App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def build_app(archive: Archive, settings: Settings | None = None) -> App:
    """Return the web application over a store; nothing happens before its start-up.

    With ``CIRCKG_WRITES=open`` the store must be empty: everybody may write to it, and nothing is published.
    """
    settings = settings or Settings.from_environment()
    writing = WritesSettings.from_environment(os.environ)
    engine: Engine
    if writing.mode is Mode.OPEN:
        live = LiveStore(open_folder(archive.folder), settings=writing)
        engine = LiveEngine(live)
        writes = Writes(live, writing)
    else:
        engine = Engines(archive, settings, LOG.info)
        live = LiveStore(archive.folder / "drafts", "drafts", writing)
        published = PublishedGraphs(engine, settings)
        writes = Writes(live, writing, Tokens(archive.folder), Audit(archive.folder), published, prefixes=prefixes())

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        yield
        await live.close()
        await engine.stop()

    pages = FastAPI(
        title="CircKG", docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json", lifespan=life
    )
    _routes(pages, engine, settings)
    pages.include_router(build_router(writes))
    gate = federation.Gate(federation.FederationSettings.from_environment(os.environ))
    rewriting = Rewriting(engine, archive, gate, search.SearchSettings.from_environment(os.environ))
    pages.include_router(search_router(rewriting.index, expand))

    def describe(address: str, accept: str) -> tuple[str, bytes] | None:
        served = engine.current
        content = list(
            description.triples(
                address, served.manifest if served else None, settings,
                federation=[str(found.address) for found in gate.settings.endpoints], text_search=_text_search(),
            )
        )  # fmt: skip
        if isinstance(served, Served) and served.memory:
            content.append(description.count_triple(address, served.memory.image_quads))
        return description.written(content, accept)

    endpoint = Endpoint(engine, settings, rewriting, describe, _observe)

    async def dispatch(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == "/sparql" and not _wants_page(scope):
            await endpoint(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return Cors(dispatch)


def _wants_page(scope: MutableMapping[str, Any]) -> bool:
    """Tell whether a browser asks for the endpoint without a query, and so for a page."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] in ("GET", "HEAD") and not scope["query_string"] and b"text/html" in accept


def _text_search() -> str:
    """Return what text search can do, in words."""
    languages = search.features()
    known = "; ".join(f"{how}: {', '.join(tags)}" for how, tags in sorted(languages.items()))
    return f"Text search: SERVICE <{search.SERVICE}> with the properties of <{search.NAMESPACE}>. Languages by {known}."


def _observe(outcome: str, seconds: float, id_: str, snapshot: str) -> None:
    LOG.info("query %s %s in %.3f s %s", id_, outcome, seconds, snapshot)


def _routes(pages: FastAPI, engine: Engine, settings: Settings) -> None:
    @pages.exception_handler(HTTPException)
    async def as_problem(_: object, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        response = problems.problem(status, status.phrase, f"{status.description or status.phrase}.")
        response.headers.update(error.headers or {})
        return response

    @pages.get("/health")
    def health() -> JSONResponse:
        """Tell that the server lives, whatever its queries do."""
        return JSONResponse({"status": "ok"})

    @pages.get("/ready")
    def ready() -> JSONResponse:
        """Tell whether a snapshot is served."""
        number = engine.current.manifest.number if engine.current else None
        return JSONResponse({"ready": engine.ready, "snapshot": number}, 200 if engine.ready else 503)

    @pages.get("/status")
    def status() -> JSONResponse:
        """Tell what is served by which readers, and the limits that a query meets."""
        return JSONResponse(
            {
                "snapshot": engine.current.manifest.number if engine.current else None,
                "pools": [
                    {
                        "engine": pool.kind.value, "snapshot": pool.number, "readers": pool.readers,
                        "running": len(pool.running), "waiting": pool.waiting, "respawns": pool.respawns,
                    }
                    for pool in engine.pools
                ],
                "allocator": str(allocator().name) if allocator() else "the system's",  # type: ignore[union-attr]
                "readers_have_network": not can_deny_network(),
                "limits": {
                    name: getattr(settings, name)
                    for name in ("timeout", "max_timeout", "max_rows", "max_bytes", "max_query", "query_memory",
                                 "queue", "per_client", "buffer")
                },
            }
        )  # fmt: skip

    @pages.get("/")
    @pages.get("/sparql")
    def start() -> HTMLResponse:
        """Show what is here and how to ask."""
        assert engine.current is not None  # the server does not start without
        return HTMLResponse(page.start(engine.current.manifest))
