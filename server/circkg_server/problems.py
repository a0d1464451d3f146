"""Errors as people and programs read them: RFC 9457 problem details."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

MEDIA_TYPE = "application/problem+json"


def content(status: HTTPStatus, title: str, detail: str, **more: Any) -> bytes:
    """Return the body of a problem: what is wrong, and what to do about it."""
    body = {"type": "about:blank", "title": title, "status": int(status), "detail": detail} | more
    return json.dumps(body, ensure_ascii=False).encode()


def problem(status: HTTPStatus, title: str, detail: str, **more: Any) -> Response:
    """Return a problem as a response."""
    headers = {"Vary": "Accept"}  # who asks for pages gets one: circkg_server.web.problem_pages
    return Response(content(status, title, detail, **more), status, headers, MEDIA_TYPE)
