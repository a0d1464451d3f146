"""The server: SPARQL endpoint, health and start page."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse

from circkg_server import page
from circkg_server.problems import problem, syntax_problem
from circkg_server.sparql.answers import MAX_QUERY, NotAcceptableError, answer
from circkg_server.sparql.tokens import QueryError
from circkg_server.store.snapshot import Dataset, Snapshot

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"


def build_app(snapshot: Snapshot) -> FastAPI:
    """Return the web application that serves a snapshot; nothing happens at import."""
    app = FastAPI(title="CircKG", docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json")

    @app.get("/health")
    def health() -> JSONResponse:
        """Tell that the server lives, and which snapshot it serves."""
        return JSONResponse({"status": "ok", "snapshot": snapshot.manifest.number})

    @app.get("/")
    def start() -> HTMLResponse:
        """Show what is here and how to ask."""
        return HTMLResponse(page.start(snapshot.manifest))

    @app.get("/sparql")
    async def sparql_get(request: Request) -> Response:
        """Answer a query given as parameter."""
        return await _answered(snapshot, request, list(request.query_params.multi_items()))

    @app.post("/sparql")
    async def sparql_post(request: Request) -> Response:
        """Answer a query given as form or as body."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > 4 * MAX_QUERY:
                return _too_long()
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return problem(HTTPStatus.BAD_REQUEST, "The query is not UTF-8", "Send it as UTF-8.")
        if kind == QUERY:
            items = [*request.query_params.multi_items(), ("query", text)]
        elif kind == FORM:
            items = parse_form(text)
        else:
            detail = f"Post a form ({FORM}) or the query itself ({QUERY})."
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A query cannot come as this type", detail)
        return await _answered(snapshot, request, items)

    return app


def parse_form(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a form."""
    return parse_qsl(text, keep_blank_values=True)


async def _answered(snapshot: Snapshot, request: Request, items: list[tuple[str, str]]) -> Response:
    queries = [value for name, value in items if name == "query"]
    if any(name == "update" for name, _ in items):
        return problem(HTTPStatus.FORBIDDEN, "This endpoint is read-only", "Published data change by a release only.")
    if len(queries) != 1:
        detail = "Give exactly one query in the parameter `query`."
        return problem(HTTPStatus.BAD_REQUEST, "There is no query" if not queries else "Several queries", detail)
    if len(queries[0]) > MAX_QUERY:
        return _too_long()
    default = tuple(value for name, value in items if name == "default-graph-uri")
    named = tuple(value for name, value in items if name == "named-graph-uri")
    dataset = Dataset(default, named) if default or named else None
    try:
        accept = request.headers.get("accept", "*/*")
        written = await run_in_threadpool(answer, snapshot, queries[0], accept, dataset)
    except SyntaxError as error:
        return syntax_problem(error)
    except QueryError as error:
        return problem(HTTPStatus.BAD_REQUEST, "The query is refused", str(error))
    except NotAcceptableError as error:
        return problem(HTTPStatus.NOT_ACCEPTABLE, "No format suits", str(error))
    except (ValueError, OSError) as error:
        return problem(HTTPStatus.BAD_REQUEST, "The query cannot be answered", str(error))
    return Response(written.content, media_type=written.media_type, headers={"Vary": "Accept"})


def _too_long() -> Response:
    detail = f"A query may have {MAX_QUERY:,} characters."
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The query is too long", detail)
