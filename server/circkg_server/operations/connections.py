"""What a connection may take: time to send a request, memory for its head, and nothing once its client has left."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from circkg_server import cors, problems

MOST_HEAD = 128 * 1024
"""Longest head of a request, in bytes: its line and headers. What comes in one piece with its end may be longer."""


class Http(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds.

    :param patience: seconds in which the head of a request must come, and after which its body must go on.
    """

    def __init__(self, *arguments: Any, patience: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience = patience
        self._cycles: list[RequestResponseCycle] = []
        self._head: int | None = None
        self._since = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as Uvicorn has it
        """Begin."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch = self.loop.call_later(self._patience, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End all requests of the connection; Uvicorn tells the last one only, and others write on."""
        super().connection_lost(exc)
        if self._watch is not None:
            self._watch.cancel()
        for cycle in self._cycles:
            if not cycle.response_complete:
                self._end(cycle)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        before = self._head
        super().data_received(data)
        if self._head is None:
            self._since = self.loop.time()
        elif before is not None:
            self._head += len(data)
            if self._head > MOST_HEAD and not self.transport.is_closing():
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self._refuse(
                    status, f"The head of a request has at most {MOST_HEAD:,} bytes. Send long queries by POST."
                )

    def on_message_begin(self) -> None:
        """Note that the head of a request begins."""
        super().on_message_begin()
        self._head = 0
        self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Note that the head of a request has come."""
        self._head = None
        super().on_headers_complete()
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        if self.cycle is not None and self.cycle not in self._cycles:
            self._cycles.append(self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Say that a request cannot be read."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    @property
    def _waits(self) -> bool:
        """Tell whether it is the client's turn, who has sent a part of a request or nothing yet."""
        if self.flow.read_paused:
            return False
        if self.cycle is None or self._head is not None:
            return True
        cycle = self.cycle
        return cycle.more_body and not (cycle.response_complete or cycle.waiting_for_100_continue)

    def _look(self) -> None:
        """End the connection if its client keeps it waiting."""
        if self.transport.is_closing():
            return
        left = self._since + self._patience - self.loop.time() if self._waits else self._patience
        if left > 0:
            self._watch = self.loop.call_later(left, self._look)
        elif self.cycle is None and self._head is None:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"It did not come in {self._patience:g} seconds. Send it again.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """End the connection, and say why if no answer is under way."""
        answering = [cycle for cycle in self._cycles if not cycle.response_complete]
        if not any(cycle.response_started for cycle in answering):
            content = problems.content(status, status.phrase, detail)
            headers = [
                (b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(content)),
                (b"connection", b"close"), *cors.HEADERS,
            ]  # fmt: skip
            first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            self.transport.write(first + b"".join([b"%b: %b\r\n" % pair for pair in headers]) + b"\r\n" + content)
        for cycle in answering:
            self._end(cycle)
        self.transport.close()

    @staticmethod
    def _end(cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()
