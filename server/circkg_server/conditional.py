"""Conditional requests: which documents a client has already (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response

_TAG = re.compile(r'"([^"]*)"')


def entity_tag(content: bytes) -> str:
    """Return the entity tag of a document: the same bytes have the same one on every machine.

    >>> entity_tag(b"Lahti")
    '"56c244238b02cfb3d89e91a95f80bfaa"'
    """
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tags_of(header: str) -> tuple[str, ...]:
    """Return the tags of ``If-Match`` or ``If-None-Match`` without quotation marks and weakness; ``*`` for any.

    >>> tags_of('"a", W/"b,c"'), tags_of("*")
    (('a', 'b,c'), ('*',))
    """
    return ("*",) if header.strip() == "*" else tuple(_TAG.findall(header))


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """Return 304 with the headers of a document if the client has that already, by its ``ETag``; else ``None``."""
    known = tags_of(request.headers.get("if-none-match", ""))
    if known != ("*",) and headers["ETag"].strip('"') not in known:
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=dict(headers))
