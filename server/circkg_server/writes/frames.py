"""Frames between the server and the process of the live store: a head in JSON and a body of bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

Head = dict[str, Any]
_LENGTHS = struct.Struct("!IQ")


def pack(head: Head, body: bytes = b"") -> bytes:
    """Return a frame."""
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def receive(connection: socket.socket) -> tuple[Head, bytes] | None:
    """Return the next frame, or ``None`` if the other side has gone."""
    lengths = _exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    head, body = _exactly(connection, head_length), _exactly(connection, body_length)
    if head is None or body is None:
        return None
    found: Head = json.loads(head)
    return found, body


async def receive_async(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    """Return the next frame.

    :raises asyncio.IncompleteReadError: if the other side has gone.
    """
    head_length, body_length = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    head: Head = json.loads(await reader.readexactly(head_length))
    return head, await reader.readexactly(body_length)


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    content = bytearray()
    while len(content) < length:
        try:
            part = connection.recv(min(length - len(content), 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        content += part
    return bytes(content)
