"""Where a reader was when it was killed: the front goes on from there, with real connections and the real page."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import pytest

from circkg_server.engines.desk import Desk
from circkg_server.engines.loans import CAN_LEND, Page, Reason
from circkg_server.engines.traffic import Traffic, traffic

pytestmark = pytest.mark.skipif(not CAN_LEND, reason="readers take no connections on this platform")

EARLIER = b"a request that was answered"
REQUEST = b"GET /sparql?query=ASK%20%7B%7D HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Connection:
    """A lent connection that notes how it comes back."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.client = socket.create_connection(listening.getsockname(), timeout=30)
            self.server, _ = listening.accept()
        self.client.sendall(EARLIER)
        self.server.recv(len(EARLIER))
        self.server.sendall(ANSWER)
        self.came: tuple[str, int, bytes] | None = None

    def descriptor(self) -> int:
        """Return the descriptor of the front."""
        return self.server.fileno()

    def noted(self, *what: object) -> None:
        """Take note of an answer, which no reader here tells."""
        raise AssertionError(what)

    def returned(
        self, reason: int = Reason.OTHER, _seconds: float = 0.0, _form: int = 0, taken: bytes = b"", rest: bytes = b""
    ) -> None:
        """Go on."""
        assert not rest
        self.came = ("returned", reason, taken)

    def cut_off(self) -> None:
        """End."""
        self.came = ("cut off", 0, b"")


class Reader:
    """What a reader does, step by step, with its own descriptor of the connection and its own view of the page."""

    def __init__(self) -> None:
        self.connection = Connection()
        shared = Page.new()
        self.page, ours = Page(os.dup(shared)), Page(shared)
        front, self.channel = socket.socketpair()
        self.desk = Desk(front, ours, lambda: None, 2.0)
        assert self.desk.lend(self.connection, [])
        message, descriptors, _, _ = socket.recv_fds(self.channel, 1024, 1)
        self.loan = int(message[5:])
        self.lent = socket.socket(fileno=descriptors[0])
        self.lent.setblocking(False)

    def exchange(self) -> None:
        """Take a request and answer it."""
        self.connection.client.sendall(REQUEST)
        self.page.begins(self.loan, 0, 0)
        assert self.lent.recv_into(self.page.request) == len(REQUEST)
        self.page.sends(len(ANSWER))
        self.lent.send(ANSWER)
        self.page.ends()

    async def die(self) -> tuple[str, int, bytes]:
        """End as a killed process does, and return how the connection comes back."""
        self.lent.close()
        self.channel.close()
        while self.connection.came is None:
            await asyncio.sleep(0)
        self.connection.client.close()
        self.connection.server.close()
        return self.connection.came


def idle(reader: Reader) -> None:
    reader.exchange()


def about_to_take(reader: Reader) -> None:
    reader.exchange()
    reader.connection.client.sendall(REQUEST)
    reader.page.begins(reader.loan, len(REQUEST), len(ANSWER))


def evaluating(reader: Reader) -> None:
    about_to_take(reader)
    reader.lent.recv_into(reader.page.request)


def about_to_send(reader: Reader) -> None:
    evaluating(reader)
    reader.page.sends(len(ANSWER))


def has_sent(reader: Reader) -> None:
    about_to_send(reader)
    reader.lent.send(ANSWER)


def has_sent_and_the_next_has_come(reader: Reader) -> None:
    has_sent(reader)
    reader.connection.client.sendall(REQUEST)


def has_sent_a_part(reader: Reader) -> None:
    about_to_send(reader)
    reader.lent.send(ANSWER[:10])


def client_has_closed_its_side(reader: Reader) -> None:
    evaluating(reader)
    reader.connection.client.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (idle, ("returned", Reason.OTHER, b"")),
        (about_to_take, ("returned", Reason.OTHER, b"")),
        (evaluating, ("returned", Reason.SLOW, REQUEST)),
        (about_to_send, ("returned", Reason.OTHER, REQUEST)),
        (has_sent, ("returned", Reason.OTHER, b"")),
        (has_sent_and_the_next_has_come, ("returned", Reason.OTHER, b"")),
        (has_sent_a_part, ("cut off", 0, b"")),
        (client_has_closed_its_side, ("returned", Reason.SLOW, REQUEST)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_front_goes_on_from_where_the_reader_was(
    moment: Callable[[Reader], None], expected: tuple[str, int, bytes]
) -> None:
    async def run() -> tuple[str, int, bytes]:
        reader = Reader()
        moment(reader)
        return await reader.die()

    assert asyncio.run(run()) == expected


def test_traffic_counts_what_was_taken_and_what_was_written() -> None:
    connection = Connection()
    before = traffic(connection.descriptor())
    assert before is not None
    connection.client.sendall(REQUEST)
    connection.server.recv(10)
    connection.server.sendall(ANSWER)
    after = traffic(connection.descriptor())
    assert after == Traffic(before.taken + 10, before.written + len(ANSWER))
    connection.client.close()
    connection.server.close()


def test_traffic_of_what_is_no_open_connection_of_tcp_is_not_known() -> None:
    one, two = socket.socketpair()
    with one, two:
        one.send(b"a")
        assert traffic(two.fileno()) is None
    assert traffic(-1) is None
