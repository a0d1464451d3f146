"""Asks whether addresses lead somewhere: slowly, in bounds, and only hosts of the open internet that links name."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urljoin

from circkg_server.federation.addresses import Address, AddressError, is_public
from circkg_server.links.outward import Link

_AGENT = "CircKG-link-check (+https://w3id.org/circkg/)"
_REDIRECTS = 5
_READ = 64 * 1024
_TOGETHER = 8
_PROBED = 5
_TRY_GET = frozenset((400, 401, 403, 404, 405, 406, 501, 503))
"""Answers to HEAD after which GET is tried, since not every server answers both alike."""


class Outcome(StrEnum):
    """What was found of an address."""

    RESOLVES = "resolves"
    BROKEN = "broken"
    UNCLEAR = "unclear"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one link, and why."""

    link: Link
    outcome: Outcome
    told: str


class OfflineError(ConnectionError):
    """There is no network; nothing can be said of any link."""


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to a checked address itself, so that a name cannot lead elsewhere between check and connection."""

    def __init__(self, address: Address, number: str, timeout: float, tls: ssl.SSLContext) -> None:
        super().__init__(address.bare_host, address.port, timeout=timeout)
        self._number = number
        self._tls = tls if address.scheme == "https" else None

    def connect(self) -> None:
        self.sock = socket.create_connection((self._number, self.port), self.timeout)
        if self._tls:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


class _NotAllowedError(Exception):
    pass


@dataclass(slots=True)
class Checker:
    """Checks links.

    :param timeout: seconds that one request may take as a whole.
    :param pause: seconds between two requests to one host.
    :param private: whether addresses of private networks may be asked too; only tests ask their own machine.
    """

    timeout: float = 15.0
    pause: float = 1.0
    private: bool = False
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def check(self, links: Iterable[Link], progress: Callable[[Finding], None] = lambda _: None) -> list[Finding]:
        """Return what was found of each link, in the order of their addresses.

        Hosts are asked side by side, and each for one address at a time.

        :raises OfflineError: if none of the hosts that most links name has an address.
        """
        by_host: dict[str, list[Link]] = {}
        for link in links:
            by_host.setdefault(link.host, []).append(link)
        self._probe(by_host)
        allowed = frozenset(by_host)
        lock = threading.Lock()

        def of_host(host: str) -> list[Finding]:
            found = []
            for finding in self._of_host(by_host[host], allowed):
                found.append(finding)
                with lock:
                    progress(finding)
            return found

        with ThreadPoolExecutor(_TOGETHER) as pool:
            all_found = [finding for found in pool.map(of_host, by_host) for finding in found]
        return sorted(all_found, key=lambda finding: finding.link)

    def _probe(self, by_host: dict[str, list[Link]]) -> None:
        most = sorted(by_host, key=lambda host: (-len(by_host[host]), host))[:_PROBED]
        for host in most:
            try:
                socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                continue
            return
        if most:
            raise OfflineError(
                f"There seems to be no network: {', '.join(most)} have no address. Nothing was checked; "
                "run it again where there is one."
            )

    def _of_host(self, links: list[Link], allowed: frozenset[str]) -> Iterator[Finding]:
        stop = ""
        for number, link in enumerate(links):
            if stop:
                yield Finding(link, Outcome.NOT_ASKED, stop)
                continue
            if number:
                time.sleep(self.pause)
            finding = self._one(link, allowed)
            if finding.told.startswith("429"):
                stop = "its host asked to wait"
            yield finding

    def _one(self, link: Link, allowed: frozenset[str]) -> Finding:
        try:
            return self._follow(link, allowed)
        except (AddressError, _NotAllowedError) as error:
            return Finding(link, Outcome.NOT_ASKED, str(error))
        except socket.gaierror:
            return Finding(link, Outcome.UNREACHABLE, "its host has no address")
        except ssl.SSLError as error:
            return Finding(link, Outcome.UNREACHABLE, f"no secure connection ({error.reason or 'TLS'})")
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            return Finding(link, Outcome.UNREACHABLE, _clean(str(error)) or type(error).__name__)

    def _follow(self, link: Link, allowed: frozenset[str]) -> Finding:
        target = link.address
        for _ in range(_REDIRECTS + 1):
            address = Address.parse(target)
            status, location = self._ask(address, "HEAD")
            if status in _TRY_GET:
                time.sleep(self.pause)
                status, location = self._ask(address, "GET")
            if not (300 <= status < 400 and location):
                return _judged(link, status, target)
            target = urljoin(target, location).partition("#")[0]
            try:
                elsewhere = Address.parse(target).bare_host
            except AddressError:
                return Finding(link, Outcome.UNCLEAR, f"{status} to {_clean(target)}")
            if elsewhere not in allowed:
                return Finding(link, Outcome.RESOLVES, f"{status} to {_clean(target)}, which was not asked")
        return Finding(link, Outcome.BROKEN, f"more than {_REDIRECTS} redirects")

    def _ask(self, address: Address, method: str) -> tuple[int, str]:
        """Return status and ``Location`` of the answer; its body is not read beyond a little."""
        connection = _PinnedConnection(address, self._number(address), self.timeout, self._tls)
        late = threading.Event()
        watch = threading.Timer(self.timeout, _cut, (connection, late))
        watch.daemon = True
        watch.start()
        try:
            connection.request(
                method, address.target, headers={"Host": address.authority, "User-Agent": _AGENT, "Accept": "*/*"}
            )
            answer = connection.getresponse()
            if method == "GET":
                answer.read(_READ)
            if late.is_set():  # what was cut off may look like the end of an answer
                raise TimeoutError(f"no answer within {self.timeout:g} seconds")
            return answer.status, answer.headers.get("Location", "")
        finally:
            watch.cancel()
            connection.close()

    def _number(self, address: Address) -> str:
        """Resolve a host, once, and refuse it if any of its addresses is not of the open internet."""
        found = socket.getaddrinfo(address.bare_host, address.port, type=socket.SOCK_STREAM)
        numbers = [str(entry[4][0]) for entry in found]
        if not self.private and not all(is_public(number) for number in numbers):
            raise _NotAllowedError("its host has an address that is not one of the open internet")
        return numbers[0]


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End a request that takes too long as a whole, however steadily its bytes drip."""
    late.set()
    if connection.sock:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            connection.close()


def _judged(link: Link, status: int, target: str) -> Finding:
    try:
        told = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        told = f"status {status}"
    if target != link.address:
        told += f" at {_clean(target)}"
    if 200 <= status < 300:
        return Finding(link, Outcome.RESOLVES, told)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return Finding(link, Outcome.BROKEN, told)
    return Finding(link, Outcome.UNCLEAR, told)


def _clean(text: str) -> str:
    """Return a foreign text in one short line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:300]).split())
