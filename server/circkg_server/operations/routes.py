"""What operators reach over HTTP: health, readiness, status, metrics, running queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from circkg_server import problems
from circkg_server.engines.allocator import allocator
from circkg_server.engines.interface import Engine
from circkg_server.engines.isolation import can_deny_network
from circkg_server.operations.metrics import Metrics
from circkg_server.operations.space import FreeSpace
from circkg_server.web.rendering import render

_NO_STORE = {"Cache-Control": "no-store"}

Allow = Callable[[str | None], None]
"""Takes an ``Authorization`` header; raises if it does not hold a token of the scope ``admin``."""


@dataclass(slots=True)
class Operations:
    """What the routes show.

    :param limits: limits that a query meets, by name.
    :param allow: lets administrators in; ``None``: there is no administration over HTTP.
    :param refused: errors of ``allow`` and the status that each means.
    :param more: further members of the status, such as writes and federation.
    """

    engine: Engine
    metrics: Metrics
    space: FreeSpace
    limits: Mapping[str, object]
    allow: Allow | None = None
    refused: Sequence[tuple[type[Exception], HTTPStatus]] = ()
    more: Callable[[], Mapping[str, object]] = dict

    def ready(self) -> dict[str, object]:
        """Return whether queries are answered, of which snapshot, and why not, if not."""
        engine = self.engine
        number = engine.current.manifest.number if engine.current else None
        told: dict[str, object] = {"ready": engine.ready, "snapshot": number}
        problem = getattr(engine, "problem", "")
        if problem and not engine.ready:
            told["problem"] = problem
        if self.space.low:
            told["writes"] = "refused: the disk is nearly full"
        return told

    def status(self) -> dict[str, object]:
        """Return what is served by which readers, and the limits that a query meets."""
        engine, found = self.engine, allocator()
        pools = engine.pools
        number = engine.current.manifest.number if engine.current else None
        return {
            **self.ready(),
            "engines": sorted({pool.kind.value for pool in pools if pool.number == number}),
            "pools": [
                {
                    "engine": pool.kind.value, "snapshot": pool.number, "readers": pool.readers,
                    "running": len(pool.running), "waiting": pool.waiting, "respawns": pool.respawns,
                    "lent": pool.lent,
                }
                for pool in pools
            ],
            "running": sum(len(pool.running) for pool in pools),
            "allocator": found.name if found else "the system's",
            "readers_have_network": not can_deny_network(),
            "free_bytes": self.space.free(),
            "reserve_bytes": self.space.reserve,
            "limits": dict(self.limits),
            **self.more(),
        }  # fmt: skip


def router(operations: Operations) -> APIRouter:
    """Return the routes."""
    routes = APIRouter()

    @routes.get("/health")
    async def health() -> JSONResponse:
        """Tell that the server lives, whatever its queries do."""
        return JSONResponse({"status": "ok"}, headers=_NO_STORE)

    @routes.get("/ready")
    async def ready() -> JSONResponse:
        """Tell whether a snapshot is served, and whether writes are refused for lack of space."""
        told = operations.ready()
        return JSONResponse(told, 200 if told["ready"] else 503, headers=_NO_STORE)

    @routes.get("/metrics", response_class=Response)
    async def metrics(request: Request) -> Response:
        """Give the figures to Prometheus."""
        media_type, content = operations.metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={**_NO_STORE, "Content-Type": media_type})

    @routes.get("/status", response_class=Response)
    async def status(request: Request) -> Response:
        """Tell what is served by which readers, and the limits that a query meets; as a page for browsers."""
        told = operations.status()
        headers = {**_NO_STORE, "Vary": "Accept"}
        if "text/html" in request.headers.get("accept", ""):
            page = render("status.html", root=request.scope.get("root_path", ""), status=told)
            return HTMLResponse(page, headers=headers)
        return JSONResponse(told, headers=headers)

    def refusal(request: Request) -> Response | None:
        """Return why somebody is not let in, or ``None``."""
        if operations.allow is None:
            status = HTTPStatus.NOT_FOUND
            return problems.problem(status, "Not found", "This server has no administration over HTTP.")
        try:
            operations.allow(request.headers.get("authorization"))
        except tuple(kind for kind, _ in operations.refused) as error:
            status = next(status for kind, status in operations.refused if isinstance(error, kind))
            response = problems.problem(status, status.phrase, str(error))
            response.headers.update(getattr(error, "headers", {}))
            return response
        return None

    @routes.get("/admin/queries", response_class=Response)
    async def queries(request: Request) -> Response:
        """List the running queries. Needs a token of the scope admin."""
        return refusal(request) or JSONResponse({"queries": operations.engine.running()}, headers=_NO_STORE)

    @routes.delete("/admin/queries/{id_}", response_class=Response)
    async def cancel(request: Request, id_: str) -> Response:
        """End a running query. Needs a token of the scope admin."""
        refused = refusal(request)
        if refused is not None:
            return refused
        if operations.engine.cancel(id_):
            return Response(status_code=204)
        return problems.problem(HTTPStatus.NOT_FOUND, "No such query", f"No query {id_} is running. It may have ended.")

    return routes
