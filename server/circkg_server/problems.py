"""Errors as people and programs read them: RFC 9457 problem details."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse


def problem(status: HTTPStatus, title: str, detail: str, **more: Any) -> JSONResponse:
    """Return a problem+json response: what is wrong, and what to do about it."""
    content = {"type": "about:blank", "title": title, "status": int(status), "detail": detail} | more
    return JSONResponse(content, status, media_type="application/problem+json")


def syntax_problem(error: SyntaxError) -> JSONResponse:
    """Return the problem of a query that is not SPARQL, with line and column where the engine names them."""
    text = str(error)
    place = re.search(r"(\d+):(\d+)", text)
    more = {"line": int(place[1]), "column": int(place[2])} if place else {}
    return problem(HTTPStatus.BAD_REQUEST, "The query is not SPARQL 1.1", text, **more)
