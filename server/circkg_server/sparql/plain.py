"""The plain request of most clients, ``GET /sparql?query=…`` whole in one piece, and the response to it.

Front and readers read it alike, so that it makes no difference to a client which of them answers.
"""

from __future__ import annotations

import hashlib
import re
import time
from email.utils import formatdate
from typing import Protocol

LONGEST = 8192
"""Longest request that is plain, in bytes."""

_REQUEST = re.compile(
    rb"GET /sparql\?query=([\x21\x24\x25\x27-\x3a\x3c-\x7e]*) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)+)\r\n"
)
_CONSTANT = re.compile(r"""<[^<>"{}|^`\\\x00-\x20]*>|"[^"\r\n]*"|'[^'\r\n]*'|\d+|\#[^\r\n]*""")


def read(data: bytes) -> tuple[str, bytes] | None:
    r"""Return the query and the block of headers of a plain request, or ``None`` if it is none.

    >>> read(b"GET /sparql?query=ASK%20%7B%7D HTTP/1.1\r\nHost: a\r\n\r\n")
    ('ASK {}', b'Host: a\r\n')
    """
    if len(data) > LONGEST or (match := _REQUEST.fullmatch(data)) is None:
        return None
    try:
        text = _unquoted(match[1])
    except ValueError:
        return None
    return None if _is_hard_to_read(text) else (text, match[2])


def _is_hard_to_read(text: str) -> bool:
    """Tell whether a query holds what a plain one does not: escapes, long strings, or what may look like SERVICE."""
    return "\\" in text or '"""' in text or "'''" in text or "service" in text.casefold()


def _unquoted(query: bytes) -> str:
    """Return the text of a form-encoded query, in a seventh of the time of :func:`urllib.parse.unquote_plus`.

    :raises ValueError: if a percent sign is not followed by two digits, or the text is not UTF-8.

    >>> _unquoted(b"%C3%A4+%2B")
    'ä +'
    """
    escaped = query.replace(b"\\", b"%5C").replace(b"+", b" ").replace(b"%", b"\\x")
    return escaped.decode("unicode_escape").encode("latin-1").decode()


def shape_of(text: str) -> str:
    """Return what all queries have in common that differ in their IRIs, strings, numbers and comments only.

    >>> shape_of('SELECT * { <a:b> ?p "c" } LIMIT 10 # d')
    'SELECT * { 0 ?p 0 } LIMIT 0 0'
    """
    return _CONSTANT.sub("0", text)


class Hash(Protocol):
    """A hash that goes on from what it has taken."""

    def copy(self) -> Hash:
        """Return another one that has taken the same."""

    def update(self, data: bytes, /) -> None:
        """Take more."""

    def hexdigest(self) -> str:
        """Return the digest of all that was taken."""


def tag_start(content: str, format_: str, url: str, dataset: str = "None") -> bytes:
    """Return what the entity tags of all queries of these conditions begin with, before they are hashed."""
    return "\0".join((content, format_, url, dataset, "")).encode()


def tag_of(number: int, start: Hash, text: str) -> str:
    """Return the entity tag of an answer, known before it is evaluated.

    :param number: number of the snapshot.
    :param start: a hash that has taken :func:`tag_start`.
    """
    whole = start.copy()
    whole.update(text.encode())
    return f"{number}-{whole.hexdigest()[:24]}"


def new_hash(start: bytes) -> Hash:
    """Return a hash for :func:`tag_of`."""
    return hashlib.sha256(start)


class Dates:
    """The first two lines of a response, made once a second."""

    def __init__(self) -> None:
        self._made = (0, b"")

    def lines(self) -> bytes:
        """Return the lines of status and date."""
        now = int(time.time())
        if now != self._made[0]:
            self._made = (now, b"HTTP/1.1 200 OK\r\ndate: " + formatdate(now, usegmt=True).encode() + b"\r\n")
        return self._made[1]
