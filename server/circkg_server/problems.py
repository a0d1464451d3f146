"""Errors as people and programs read them: RFC 9457 problem details."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response

MEDIA_TYPE = "application/problem+json"
_SHOWN_TOKENS = 8
_AT = re.compile(r"(?:error at |line )(\d+)(?::| between columns | column )(\d+)")
_EXPECTED = re.compile(r"expected (?:one of )?(.*)", re.DOTALL)
_HINTS = (
    (
        re.compile(r"^\s*(PREFIX\s+\w*:?\s+[^<\s]|@prefix)", re.IGNORECASE),
        "Write PREFIX name: <IRI>, without a full stop.",
    ),
    (re.compile("[\u201c\u201d\u2018\u2019]"), "Use straight quotation marks."),
    (re.compile(r"\bWHERE\b(?!\s*\{)", re.IGNORECASE), "A group graph pattern in braces follows WHERE."),
    (
        re.compile(r"^\s*\w[\w-]*:\S*\s", re.IGNORECASE),
        "Is the prefix declared, and does the line before end with . or ;?",
    ),
)


def content(status: HTTPStatus, title: str, detail: str, **more: Any) -> bytes:
    """Return the body of a problem: what is wrong, and what to do about it."""
    body = {"type": "about:blank", "title": title, "status": int(status), "detail": detail} | more
    return json.dumps(body, ensure_ascii=False).encode()


def problem(status: HTTPStatus, title: str, detail: str, **more: Any) -> Response:
    """Return a problem as a response."""
    return Response(content(status, title, detail, **more), status, media_type=MEDIA_TYPE)


def syntax_members(query: str, told: str) -> dict[str, Any]:
    """Return what a problem says of a query that is not SPARQL: detail, line, column, the line itself and a hint.

    :param told: the engine's message, whose list of expected tokens is shortened.
    """
    members: dict[str, Any] = {}
    place = _AT.search(told)
    expected = _EXPECTED.search(told)
    detail = "The query cannot be read."
    if place:
        line, column = int(place[1]), int(place[2])
        lines = query.splitlines() or [""]
        text = lines[line - 1] if line <= len(lines) else ""
        members |= {"line": line, "column": column, "text": text[:500]}
        detail = f"Line {line}, column {column} is not SPARQL."
        hint = next((hint for pattern, hint in _HINTS if pattern.search(text)), "")
        if line >= len(lines) and column > len(text.rstrip()):
            hint = "The query ends too early: is a brace, a quotation mark or an object missing?"
        if hint:
            members["hint"] = hint
    if expected:
        tokens = [token.strip() for token in expected[1].split(",") if token.strip()]
        shown = ", ".join(tokens[:_SHOWN_TOKENS]) + (", …" if len(tokens) > _SHOWN_TOKENS else "")
        detail += f" Expected here: {shown[:400]}."
    elif not place:
        detail = " ".join(told.split())[:500]
    else:
        rest = told[place.end() :].lstrip(" :")
        detail += f" {rest[:300]}" if rest else ""
    return {"detail": detail} | members
