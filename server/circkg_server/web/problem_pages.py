"""Problems as pages: who asks for a page, as browsers do, reads in one what went wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from circkg_server import problems
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.formats import HTML
from circkg_server.linked_data.requests import VARY, Asked
from circkg_server.sparql.exchange import Exchange, Headers
from circkg_server.sparql.requests import RequestProblem

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_TITLES = {HTTPStatus.NOT_FOUND: "missing_title", HTTPStatus.GONE: "gone_title"}
_CHANGED = frozenset((b"content-type", b"content-length", b"vary"))


class ProblemPages:
    """Turns the problems of an application into pages for those who would rather have one.

    :param public_url: address under which the server is reached; empty: as the request says.
    """

    def __init__(self, app: App, public_url: str = "") -> None:
        self._app = app
        self._public_url = public_url

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._public_url)
        asked = _asked(exchange) if "text/html" in exchange.header(b"accept") else None
        if asked is None or not asked.wants_page:
            await self._app(scope, receive, send)
            return
        held: MutableMapping[str, Any] | None = None
        parts: list[bytes] = []

        async def as_page(message: MutableMapping[str, Any]) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_problem(message):
                held = message
            elif held is None:
                await send(message)
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    await _send(asked, held, b"".join(parts), send)

        await self._app(scope, receive, as_page)


def _asked(exchange: Exchange) -> Asked | None:
    try:
        return Asked.of(exchange)
    except RequestProblem:  # what it asks cannot be read, nor the language of the page
        return None


def _is_problem(start: MutableMapping[str, Any]) -> bool:
    return start["status"] >= HTTPStatus.BAD_REQUEST and any(
        name == b"content-type" and value == problems.MEDIA_TYPE.encode() for name, value in start["headers"]
    )


async def _send(asked: Asked, start: MutableMapping[str, Any], content: bytes, send: Any) -> None:
    """Send a problem as a page; in answer to HEAD there is no content to make one of, and its length is not said."""
    headers: Headers = [pair for pair in start["headers"] if pair[0] not in _CHANGED]
    headers += [(b"content-type", HTML.content_type.encode()), (b"vary", VARY)]
    if content:
        content = _page(asked, json.loads(content))
        headers.append((b"content-length", str(len(content)).encode()))
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _page(asked: Asked, problem: dict[str, Any]) -> bytes:
    iri = problem.get("iri", "")
    title = _TITLES.get(problem["status"]) if iri else None
    return asked.render(
        "problem.html", title=asked.words(title) if title else problem["title"], detail=problem["detail"],
        status=problem["status"], iri=iri, offered=problem.get("offered", []), text=problem.get("text", ""),
        replaced_by=problem.get("replacedBy", ""), page_of=page_of,
    )  # fmt: skip
