"""A small application around a live store: update, Graph Store Protocol, and the least of a query endpoint.

The full server mounts :func:`circkg_server.writes.protocol.build_router` beside its own query endpoint; this one shows
the parts alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response

from circkg_server.problems import problem
from circkg_server.writes.live import FormatError, Formats, LiveStore
from circkg_server.writes.media import WRITTEN, choose, read_type
from circkg_server.writes.protocol import Writes, answered, body_of, build_router, public_url
from circkg_server.writes.settings import Mode, WritesSettings

TABLES = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)


class NotThrowAwayError(ValueError):
    """Everybody may write only where nothing can be lost."""


def open_folder(store: Path) -> Path:
    """Return the folder of the live store of an open instance.

    :raises NotThrowAwayError: if the store holds what was published.
    """
    if (store / "manifest.json").exists():
        raise NotThrowAwayError(
            f"{store} holds published data, and with CIRCKG_WRITES=open everybody could write. Give an empty --store."
        )
    return store / "live"


def build_open_app(folder: Path, settings: WritesSettings | None = None) -> FastAPI:
    """Return the application of an open instance."""
    chosen = replace(settings or WritesSettings(), mode=Mode.OPEN)
    live = LiveStore(open_folder(folder), settings=chosen)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await live.start()
        yield
        await live.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(build_router(Writes(live, chosen)))

    async def sparql(request: Request) -> Response:
        return await answered(_query(live, request, chosen), request)

    for path in ("/sparql", "/sparql/"):
        app.add_route(path, sparql, methods=["GET", "POST", "HEAD"])
    return app


async def _query(live: LiveStore, request: Request, settings: WritesSettings) -> Response:
    items = parse_qsl(request.url.query, keep_blank_values=True)
    if request.method == "POST":
        kind, _ = read_type(request.headers.get("content-type", ""))
        text = (await body_of(request, settings.max_bytes)).decode()
        if kind == "application/sparql-query":
            items.append(("query", text))
        elif kind == "application/x-www-form-urlencoded":
            items += parse_qsl(text, keep_blank_values=True)
        else:
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A query cannot come as this type", kind)
    queries = [value for name, value in items if name == "query"]
    if len(queries) != 1:
        return problem(HTTPStatus.BAD_REQUEST, "There is not one query", "Give exactly one.")
    accept = request.headers.get("accept")
    formats = Formats(choose(accept, TABLES), choose(accept, TABLES[:2]), choose(accept, WRITTEN[:4]))
    default = [value for name, value in items if name == "default-graph-uri"]
    named = [value for name, value in items if name == "named-graph-uri"]
    try:
        found = await live.query(
            queries[0], formats, default_graphs=default, named_graphs=named, base=public_url(request)
        )
    except FormatError as error:
        return problem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", str(error))
    return Response(found.content, media_type=found.media_type, headers={"Vary": "Accept"})
