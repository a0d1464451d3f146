"""Where queries are asked, as the description of the API lists it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from starlette.routing import Route

from circkg_server.query_pages.application import QueryPages
from circkg_server.sparql.exchange import Receive, Scope, Send


class _Given(Response):
    """A response that a part of the server gives itself."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        await self._part(scope, receive, send)


def _parameters(**said: str) -> dict[str, Any]:
    """Return what the description says of parameters; the pages and the endpoint judge them."""
    found = [
        {
            "name": name, "in": "path" if name == "id" else "query", "required": name == "id", "description": says,
            "schema": {"type": "string"},
        }
        for name, says in said.items()
    ]  # fmt: skip
    return {"parameters": found}


_OF_ANSWER = {
    "format": "json, xml, csv, tsv; turtle, jsonld, ntriples, rdfxml; html. Without it, by Accept.",
    "snapshot": "Number of the snapshot that answers; without it, the newest.",
    "timeout": "Seconds that the query may take.",
}
_ASKED = _parameters(query="SPARQL 1.1 query.", **_OF_ANSWER)
_LISTED = _parameters(q="Words of the question.", keyword="A keyword.", format="html or json. Without it, by Accept.")
_QUESTION = _parameters(id="Name of the question; an ending such as .rq or .csv chooses the form.", **_OF_ANSWER)


def build_router(pages: QueryPages) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/sparql", response_class=Response, openapi_extra=_ASKED)
    def sparql() -> Response:
        """Ask in SPARQL 1.1; without a query, the service description. Also by POST, as the protocol has it."""
        return _Given(pages.endpoint)

    @router.get("/query", response_class=Response, openapi_extra=_ASKED)
    def page() -> Response:
        """Ask in SPARQL on a page for people, with the answer as a table."""
        return _Given(pages)

    @router.get("/queries", response_class=Response, openapi_extra=_LISTED)
    def queries() -> Response:
        """List the questions of the catalogue, all or by words and keyword: a page, or JSON."""
        return _Given(pages)

    @router.get("/queries/{id}", response_class=Response, openapi_extra=_QUESTION)
    def question() -> Response:
        """Give a question as a page, its query (`.rq`), or its answer. Its own parameters are set by their names."""
        return _Given(pages)

    for path in ("/query", "/queries", "/queries/{id}"):  # with any other method
        router.routes.append(Route(path, pages, include_in_schema=False))
    return router
