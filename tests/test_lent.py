"""A reader's side of lent connections, in this process: whom it serves first, and what it leaves to the front."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from circkg_server.engines.frames import Frames, Kind, frame
from circkg_server.engines.lent import MOST, Lent
from circkg_server.engines.loans import CAN_LEND, RETURNED, Form, Page, Reason
from circkg_server.sparql import plain

pytestmark = pytest.mark.skipif(not CAN_LEND, reason="readers take no connections on this platform")

HEADERS = "Host: a\r\n"
SHORT, LONG = (f"SELECT * {{ <http://example.org/{name}> ?p ?o }} # " for name in ("short", "long"))


class Desk:
    """The front's end of a reader's sockets."""

    def __init__(self) -> None:
        store = Store()
        label = NamedNode("http://example.org/label")
        store.add(Quad(NamedNode("http://example.org/short"), label, Literal("a")))
        store.add(Quad(NamedNode("http://example.org/long"), label, Literal("a" * MOST)))
        self.front, channel = socket.socketpair()
        self.caller, self.control = socket.socketpair()
        self.lent = Lent(store, channel, Page(Page.new()))
        self.clients: list[socket.socket] = []
        form = Form(
            7, plain.shape_of(f"{SHORT}0"), HEADERS, "json", "http://a/sparql", 1, "", "x-id: \0\r\n", None, None
        )
        self.front.sendall(frame(Kind.FORM, form.encode()))

    def lend(self) -> socket.socket:
        """Lend a connection and return its client's end."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname(), timeout=30)
            server, _ = listening.accept()
        self.clients.append(client)
        with server:
            socket.send_fds(self.front, [frame(Kind.LEND, str(len(self.clients)).encode())], [server.fileno()])
        return client

    def run(self) -> None:
        """Let the reader serve until it looks for the job that there is."""
        self.caller.sendall(b"a job")
        self.lent.wait(self.control)
        self.control.recv(100)

    def returned(self) -> list[tuple[int, int]]:
        """Return reason and form of what has come back."""
        self.front.setblocking(False)
        found = []
        try:
            for kind, content in Frames().feed(self.front.recv(1024 * 1024)):
                if kind is Kind.RETURN:
                    _, reason, _, form, _ = RETURNED.unpack_from(content)
                    found.append((reason, form))
        except BlockingIOError:
            pass
        self.front.setblocking(True)
        return found

    def close(self) -> None:
        """Close all."""
        for each in (self.front, self.caller, self.control, *self.clients):
            each.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


def ask(client: socket.socket, query: str) -> None:
    client.sendall(f"GET /sparql?query={quote(query)} HTTP/1.1\r\n{HEADERS}\r\n".encode())


def answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1024 * 1024).startswith(b"HTTP/1.1 200")
    except BlockingIOError:
        return False
    finally:
        client.setblocking(True)


def test_a_job_does_not_wait_until_every_lent_connection_has_been_served(desk: Desk) -> None:
    clients = [desk.lend() for _ in range(20)]
    desk.run()
    for client in clients:
        ask(client, SHORT)
    desk.run()
    first = [client for client in clients if answered(client)]
    assert 0 < len(first) < len(clients) / 2
    for _ in clients:
        desk.run()
    assert all(answered(client) for client in clients if client not in first)


def test_answers_that_are_too_long_are_left_to_the_front_and_in_the_end_all_of_their_form(desk: Desk) -> None:
    clients = [desk.lend() for _ in range(8)]
    desk.run()
    came_back = []
    for number, client in enumerate(clients):
        ask(client, f"{SHORT if number in (1, 7) else LONG}{number}")
        desk.run()
        desk.run()
        came_back += desk.returned()
        if number == 1:
            assert answered(client), "one answer that is too long says little of the others"
    assert came_back[:3] == [(Reason.OTHER, 0)] * 3
    assert came_back[3] == (Reason.LARGE, 7)
    assert not answered(clients[7]), "the front answers queries of this form now"
