"""The server: its parts put together, and what is reached where."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from circkg_loaders.prefixes import expand, prefixes
from circkg_server import federation, problems, search
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.oai import build_router as oai_router
from circkg_server.catalogue.routes import build_router as catalogue_router
from circkg_server.catalogue.statistics import of_default_graph
from circkg_server.contributions.fault_pages import build_router as fault_pages_router
from circkg_server.contributions.routes import ContributionRoutes
from circkg_server.contributions.template_routes import build_router as templates_router
from circkg_server.cors import Cors
from circkg_server.dumps import build_router as dumps_router
from circkg_server.engines.interface import Engine
from circkg_server.engines.remote import RemoteEngines, RemoteServed
from circkg_server.engines.remote_settings import RemoteSettings
from circkg_server.engines.service import Engines, Served
from circkg_server.linked_data.application import LinkedData
from circkg_server.methods import Methods
from circkg_server.operations.logs import Answered, RequestLog, log_query
from circkg_server.operations.metrics import Metrics
from circkg_server.operations.proxy import Proxied
from circkg_server.operations.routes import Operations, router
from circkg_server.operations.settings import OperationsSettings
from circkg_server.operations.space import FreeSpace, SpaceGuard
from circkg_server.published import PublishedGraphs
from circkg_server.publishing.routes import build_router as publishing_router
from circkg_server.query_pages.application import QueryPages
from circkg_server.query_pages.routes import build_router as query_router
from circkg_server.releases.archive import Archive
from circkg_server.rewriting import Rewriting
from circkg_server.search.api import build_router as search_router
from circkg_server.settings import Settings
from circkg_server.sparql import description
from circkg_server.sparql.express import Application, Express
from circkg_server.sparql.express.pages import Pages
from circkg_server.sparql.protocol import Endpoint
from circkg_server.web.problem_pages import ProblemPages
from circkg_server.web.rendering import ICON
from circkg_server.web.start import start as start_page
from circkg_server.writes.engine import LiveEngine
from circkg_server.writes.live import LiveStore
from circkg_server.writes.open_folder import open_folder
from circkg_server.writes.protocol import Writes
from circkg_server.writes.protocol import build_router as writes_router
from circkg_server.writes.settings import Mode, WritesSettings
from circkg_server.writes.tokens import Audit, ForbiddenError, NotAuthorisedError, Scope, Tokens

LOG = logging.getLogger("circkg")
App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
LIMITS = (
    "timeout", "max_timeout", "max_rows", "max_bytes", "max_query", "query_memory", "queue", "per_client", "buffer",
)  # fmt: skip
"""Settings that a query meets as limits, shown on the status page."""


def build_app(archive: Archive, settings: Settings | None = None) -> App:
    """Return the web application over a store; nothing happens before its start-up.

    With ``CIRCKG_WRITES=open`` the store must be empty: everybody may write to it, and nothing is published.

    :raises SettingsError: if a setting cannot be used.
    :raises NotThrowAwayError: if everybody could write to what was published.
    """
    settings = settings or Settings.from_environment()
    writing = WritesSettings.from_environment(os.environ)
    operating = OperationsSettings.from_environment()
    tokens = Tokens(archive.folder)
    events: list[Callable[[str], None]] = [LOG.info]

    def tell(event: str) -> None:
        for listener in events:
            listener(event)

    engine, writes = _engine_and_writes(archive, settings, writing, tokens, tell)
    gate = federation.Gate(federation.FederationSettings.from_environment(os.environ))
    rewriting = Rewriting(engine, archive, gate, search.SearchSettings.from_environment(os.environ))

    def describe(address: str, accept: str) -> tuple[str, bytes] | None:
        served = engine.current
        content = list(
            description.triples(
                address, served.manifest if served else None, settings,
                federation=[str(found.address) for found in gate.settings.endpoints], text_search=_text_search(),
            )
        )  # fmt: skip
        if isinstance(served, Served):
            content.append(description.count_triple(address, of_default_graph(archive, served.manifest).triples))
        elif isinstance(served, RemoteServed):
            content.append(description.count_triple(address, served.triples))
        return description.written(content, accept)

    def observe(outcome: str, seconds: float, id_: str, snapshot: str) -> None:
        metrics.observe(outcome, seconds)
        log_query(operating, outcome, seconds, id_, snapshot)

    endpoint = Endpoint(engine, settings, rewriting, describe, observe)
    linked = LinkedData(engine, settings, archive, endpoint.cache, endpoint.content_of, rewriting.index)
    space = FreeSpace(archive.folder, operating.reserve)
    metrics = Metrics(engine, endpoint.cache, space)
    events.append(metrics.event)
    contributions = ContributionRoutes(archive, tokens if writing.mode is Mode.DRAFTS else None, space)
    limits = {name: getattr(settings, name) for name in LIMITS}
    refused = ((NotAuthorisedError, HTTPStatus.UNAUTHORIZED), (ForbiddenError, HTTPStatus.FORBIDDEN))

    def allow(header: str | None) -> None:
        tokens.check(header, Scope.ADMIN)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        async with contributions.life():
            yield
        await writes.live.close()
        await engine.stop()

    pages = FastAPI(
        title="CircKG", docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json", lifespan=life
    )
    shelf = Shelf.of(archive, settings.catalogue)
    for part in (
        router(Operations(engine, metrics, space, limits, allow, refused)),
        writes_router(writes),
        query_router(QueryPages(endpoint)),
        search_router(rewriting.index, expand),
        dumps_router(archive),
        publishing_router(archive, shelf.editor),
        catalogue_router(shelf),
        oai_router(shelf),
        contributions.router,
    ):
        pages.include_router(part)
    _add_pages(pages, engine)

    guarded = SpaceGuard(Methods(pages), space)

    async def dispatch(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await _part_for(scope, endpoint, linked, guarded)(scope, receive, send)

    log = RequestLog(ProblemPages(Cors(dispatch), settings.public_url))

    def note(found: list[Answered]) -> None:
        for one in found:
            if not one.path:
                metrics.observe(one.outcome, one.seconds)
        log.answered("/sparql", found)

    whole = Proxied(log, operating, settings.public_url)
    # What takes the short way comes from no proxy, and is logged there.
    return Application(whole, Express(endpoint, note, Pages(Cors(dispatch), linked.serves)))


def _engine_and_writes(
    archive: Archive, settings: Settings, writing: WritesSettings, tokens: Tokens, tell: Callable[[str], None]
) -> tuple[Engine, Writes]:
    """Return who evaluates queries, and where writes go."""
    if writing.mode is Mode.OPEN:
        live = LiveStore(open_folder(archive.folder), settings=writing)
        return LiveEngine(live), Writes(live, writing)
    engine: Engine = Engines(archive, settings, tell)
    if settings.engine == "remote":
        engine = RemoteEngines(archive, settings, RemoteSettings.from_environment(), tell)
    live = LiveStore(archive.folder / "drafts", "drafts", writing)
    published = PublishedGraphs(engine, settings)
    return engine, Writes(live, writing, tokens, Audit(archive.folder), published, prefixes=prefixes())


def _part_for(scope: MutableMapping[str, Any], endpoint: Endpoint, linked: LinkedData, pages: App) -> App:
    """Return the part of the server that answers a request."""
    if scope["type"] == "http":
        if scope["path"].rstrip("/").endswith("/sparql"):
            return endpoint
        if linked.serves(scope):
            return linked
    return pages


def _text_search() -> str:
    """Return what text search can do, in words."""
    languages = search.features()
    known = "; ".join(f"{how}: {', '.join(tags)}" for how, tags in sorted(languages.items()))
    return f"Text search: SERVICE <{search.SERVICE}> with the properties of <{search.NAMESPACE}>. Languages by {known}."


def _add_pages(pages: FastAPI, engine: Engine) -> None:
    pages.include_router(fault_pages_router())
    pages.include_router(templates_router())

    @pages.exception_handler(HTTPException)
    async def as_problem(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        root = request.scope.get("root_path", "")
        detail = f"{status.description or status.phrase}."
        if status is HTTPStatus.NOT_FOUND:
            detail = f"There is nothing at {request.url.path}. {root}/ shows what there is, {root}/api/docs how to ask."
        elif status is HTTPStatus.METHOD_NOT_ALLOWED:
            detail = f"Use {(error.headers or {}).get('Allow', 'another method')}."
        response = problems.problem(status, status.phrase, detail)
        response.headers.update(error.headers or {})
        return response

    @pages.exception_handler(RequestValidationError)
    async def as_problem_of_parameters(_: object, error: RequestValidationError) -> Response:
        said = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return problems.problem(HTTPStatus.BAD_REQUEST, "The request is not as it should be", f"{said}.")

    @pages.api_route("/favicon.svg", methods=["GET", "HEAD"], include_in_schema=False)
    def icon() -> Response:
        return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})

    @pages.get("/")
    def start(request: Request) -> Response:
        """Show what is here and how to ask."""
        if engine.current is None:
            detail = "No snapshot is served yet. Try again in a while."
            return problems.problem(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is served yet", detail)
        return HTMLResponse(start_page(engine.current.manifest, request.scope.get("root_path", "")))
