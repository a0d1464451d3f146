"""Clients that leave in the middle of an answer, that do not go on, and that send what is no request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import uvicorn

from circkg_server.operations.connections import MOST_HEAD, Http

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n"


@contextlib.contextmanager
def running(app: Any, patience: float = 60) -> Iterator[int]:
    """Run an application as the command does, on uvloop, and give its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    http: Any = partial(Http, patience=patience)
    server = uvicorn.Server(uvicorn.Config(app, http=http, loop="uvloop", lifespan="off", log_config=None))
    thread = threading.Thread(target=lambda: server.run([listening]), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    content = b""
    while (message := await receive())["type"] == "http.request":
        content += message["body"]
        if not message["more_body"]:
            headers = [(b"content-length", str(len(content)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": content})
            return


def said(port: int, *parts: bytes) -> bytes:
    """Return all that a server says to some bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        found = b""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
            while data := connection.recv(1 << 16):
                found += data
        return found


def problem(response: bytes) -> dict[str, Any]:
    head, _, content = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"access-control-allow-origin: *" in head
    assert b"connection: close" in head
    found: dict[str, Any] = json.loads(content)
    assert head.startswith(f"HTTP/1.1 {found['status']} ".encode())
    return found


def test_who_resets_the_connection_after_several_requests_leaves_no_error(caplog: pytest.LogCaptureFixture) -> None:
    asked, left, ended = threading.Event(), threading.Event(), threading.Event()
    told: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            asked.set()
            await asyncio.to_thread(left.wait, 30)
            for _ in range(20):
                await send({"type": "http.response.body", "body": bytes(1 << 18), "more_body": True})
                await asyncio.sleep(0.01)
            told.append((await receive())["type"])
        finally:
            ended.set()

    with caplog.at_level(logging.WARNING), running(app) as port:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(REQUEST * 2)
        assert asked.wait(30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # by a reset
        left.set()
        assert ended.wait(30)
    assert told == ["http.disconnect"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("parts", [(b"GET / HT",), (REQUEST[:-2],), (POST,), (POST, b"12345")])
def test_a_request_that_does_not_go_on_is_ended_and_told_so(parts: tuple[bytes, ...]) -> None:
    with running(echo, patience=0.5) as port:
        assert problem(said(port, *parts))["status"] == 408


def test_a_connection_without_a_request_is_ended() -> None:
    with running(echo, patience=0.5) as port:
        assert said(port) == b""


def test_who_did_send_a_request_is_not_ended_while_it_is_worked_at() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1)
        await echo(scope, receive, send)

    with running(slow, patience=0.2) as port:
        assert b" 200 OK" in said(port, POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"1234567890")


def test_a_head_has_a_longest_length() -> None:
    with running(echo) as port:
        assert problem(said(port, REQUEST[:-2], *[b"X: " + b"a" * (MOST_HEAD // 4) + b"\r\n"] * 20))["status"] == 431
        endless = [b"X: ", *[b"a" * (1 << 16)] * 16]  # one header that has no end
        assert problem(said(port, REQUEST[:-2], *endless))["status"] == 431


def test_a_long_body_before_the_next_head_is_not_taken_for_it() -> None:
    body = b"b" * (3 * MOST_HEAD)
    long = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with running(echo) as port:
        found = said(port, long + long[:20], long[20:] + REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert found.count(b" 200 OK") == 3


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\nhello\r\n\r\n"],
)
def test_what_is_no_request_gets_a_problem(sent: bytes) -> None:
    with running(echo) as port:
        assert problem(said(port, sent))["status"] == 400
