"""Asks addresses that a catalogue names: bounded in time, size and redirects, and only what a stranger may be sent to.

An address inside a network is asked only if the user named its host: a catalogue is the text of somebody else.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin

from circkg_server.federation.addresses import Address, AddressError, is_public

SECONDS = 20.0
"""Time of one answer, redirects included one each."""

REDIRECTS = 5
MOST_BYTES = 50_000_000
_AGENT = "circkg-quality (https://w3id.org/circkg/)"
_MOVED = (301, 302, 303, 307, 308)


class FetchError(ValueError):
    """An address cannot be asked; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status, and the body if that was asked for."""

    status: int
    media_type: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Fetcher:
    """Asks addresses, each once.

    :param resolve: beginnings of addresses and what stands in their place.
    :param named: hosts that the user named, which may be inside a network.
    """

    resolve: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    _known: dict[str, Fetched | FetchError] = field(default_factory=dict)

    def name(self, address: str) -> None:
        """Take an address as one that the user named.

        :raises FetchError: if it is none.
        """
        self.named.add(_parsed(address).authority)

    def resolved(self, address: str) -> str:
        """Return the address that is asked in place of one; the longest beginning decides."""
        fitting = [base for base in self.resolve if address.startswith(base)]
        base = max(fitting, key=len, default="")
        return self.resolve[base] + address[len(base) :] if base else address

    def status(self, address: str) -> int:
        """Return the status that HEAD has, as the assessment asks; every address is asked once.

        :raises FetchError: if there is no answer.
        """
        found = self._known.get(address)
        if found is None:
            try:
                found = self.fetch(address, "HEAD")
            except FetchError as error:
                found = error
            self._known[address] = found
        if isinstance(found, FetchError):
            raise found
        return found.status

    def fetch(self, address: str, method: str = "GET", accept: str = "*/*") -> Fetched:
        """Return the answer of an address, redirects followed.

        :raises FetchError: if there is none, or one that is too large, or it leads where nobody may be sent.
        """
        at = self.resolved(address.partition("#")[0])
        for _ in range(REDIRECTS + 1):
            fetched, location = self._once(_parsed(at), method, accept)
            if fetched.status not in _MOVED or not location:
                return fetched
            at = self.resolved(urljoin(at, location).partition("#")[0])
        raise FetchError(f"<{address}> leads on and on: {REDIRECTS} redirects were followed.")

    def _once(self, address: Address, method: str, accept: str) -> tuple[Fetched, str]:
        connection = _connect(address, self._network_address(address))
        timer = threading.Timer(SECONDS, _cut, [connection.sock])
        timer.daemon = True
        timer.start()
        try:
            headers = {"Accept": accept, "User-Agent": _AGENT, "Host": address.authority, "Connection": "close"}
            connection.request(method, address.target, headers=headers)
            response = connection.getresponse()
            content = response.read(MOST_BYTES + 1) if method == "GET" else b""
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = isinstance(error, TimeoutError) or not timer.is_alive()
            reason = f"no answer in {SECONDS:g} seconds" if late else str(error) or type(error).__name__
            raise FetchError(f"<{address}> does not answer: {reason}.") from error
        finally:
            timer.cancel()
            connection.close()
        if len(content) > MOST_BYTES:
            raise FetchError(f"<{address}> has more than {MOST_BYTES // 1_000_000} MB.")
        media_type = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        return Fetched(response.status, media_type, content), response.getheader("Location") or ""

    def _network_address(self, address: Address) -> str:
        """Return the number that a host has; every number of a host that nobody named must be public."""
        try:
            found = socket.getaddrinfo(address.bare_host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise FetchError(f"<{address}> does not answer: there is no host {address.host}.") from error
        numbers = [str(one[4][0]) for one in found]
        if address.authority not in self.named and not all(is_public(number) for number in numbers):
            base = f"{address.scheme}://{address.authority}/"
            raise FetchError(f"<{address}> is inside a network. If that is meant, say --resolve {base}={base}.")
        return numbers[0]


def _parsed(address: str) -> Address:
    """Read an address; characters that only an IRI may have are percent-encoded, as browsers do."""
    try:
        return Address.parse(quote(address, safe="%/:?#[]@!$&'()*+,;=~"))
    except AddressError as error:
        raise FetchError(str(error)) from error


def _connect(address: Address, number: str) -> http.client.HTTPConnection:
    """Return a connection to the very number that was looked at, so that no second look-up gives another."""
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        connection = http.client.HTTPSConnection(address.bare_host, address.port, timeout=SECONDS)
    else:
        connection = http.client.HTTPConnection(address.bare_host, address.port, timeout=SECONDS)
    try:
        plain = socket.create_connection((number, address.port), timeout=SECONDS)
        if address.scheme == "https":
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=address.bare_host)
    except OSError as error:
        raise FetchError(f"<{address}> does not answer: {error}.") from error
    connection.sock = plain
    return connection


def _cut(connected: socket.socket) -> None:
    """End a connection whose answer takes too long, whatever it waits for."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
