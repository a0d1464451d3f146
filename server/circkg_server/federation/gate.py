"""The gate: the one place from which other endpoints are asked, within limits.

Nothing is allowed unless an operator lists it. An endpoint's host is resolved once, every address that it has must
be one of the open internet, and the connection goes to the checked address itself, with TLS for the host's name.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlencode, urljoin

import h11

from circkg_server.federation.addresses import Address, AddressError, is_public
from circkg_server.federation.results import Answer, AnswerError, read_answer
from circkg_server.federation.settings import Endpoint, FederationSettings

MAX_REDIRECTS = 3
"""Redirects that are followed for one question."""

_RESULTS = ("application/sparql-results+json", "application/json")
_SAID = 200
_ERROR_BYTES = 8192
_AGENT = "CircKG (SPARQL 1.1 Federated Query; https://w3id.org/circkg/)"
_KEPT_METHOD = frozenset({301, 302, 307, 308})


class FederationError(RuntimeError):
    """Another endpoint did not answer as it should; the message names it and what it said."""

    def __init__(self, endpoint: str, problem: str, status: int | None = None) -> None:
        super().__init__(f"SERVICE <{endpoint}>: {problem}")
        self.endpoint = endpoint
        self.status = status


class NotAllowedError(FederationError):
    """The endpoint is not among those that this service asks, or its address is not one of the open internet."""


class RemoteTimeoutError(FederationError):
    """The endpoint did not answer in time."""


class TooMuchError(FederationError):
    """The endpoint's answer has more rows or bytes than this service takes: it is refused, never cut."""


@dataclass(slots=True)
class _Response:
    """The head of an answer, and its body as far as it was read."""

    status: int
    headers: Mapping[str, str]
    body: bytearray = field(default_factory=bytearray)


class Gate:
    """Asks the allowed endpoints."""

    def __init__(self, settings: FederationSettings, tls: ssl.SSLContext | None = None) -> None:
        """Prepare the gate; ``tls`` replaces the machine's list of trusted authorities (for tests)."""
        self.settings = settings
        self._allowed = {endpoint.address: endpoint for endpoint in settings.endpoints}
        self._tls = tls
        self._places = asyncio.Semaphore(settings.concurrency)

    def endpoint(self, iri: str) -> Endpoint:
        """Return the allowed endpoint that an IRI means; plain HTTP means TLS where only that is allowed.

        :raises NotAllowedError: if there is none.
        """
        try:
            address = Address.parse(iri)
        except AddressError as error:
            raise NotAllowedError(_clean(iri), f"this endpoint is not asked: {error}") from error
        secured = address.secured()
        found = self._allowed.get(address) or (self._allowed.get(secured) if secured else None)
        if found is None:
            asked = ", ".join(f"<{endpoint.address}>" for endpoint in self.settings.endpoints)
            raise NotAllowedError(
                _clean(iri),
                f"this endpoint is not asked from here. Those that are: {asked}."
                if asked
                else "this service asks no other endpoint. Ask it yourself, and give its answer in a VALUES clause.",
            )
        return found

    async def ask(self, endpoint: Endpoint, query: str) -> Answer:
        """Return the whole answer of an endpoint to a SELECT query.

        :raises FederationError: if there is none within the limits.
        """
        shown = str(endpoint.address)
        try:
            async with asyncio.timeout(self.settings.timeout), self._places:
                response = await self._fetch(endpoint, query)
                answer = await asyncio.to_thread(read_answer, bytes(response.body), self.settings.rows)
        except TimeoutError as error:
            message = f"no whole answer within {self.settings.timeout:g} s."
            raise RemoteTimeoutError(shown, message) from error
        except AnswerError as error:
            kind = TooMuchError if error.too_much else FederationError
            raise kind(shown, str(error)) from error
        except h11.RemoteProtocolError as error:
            raise FederationError(shown, f"its answer broke off or is not HTTP ({_clean(str(error))}).") from error
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "TLS"
            raise FederationError(shown, f"no secure connection ({_clean(str(reason))}).") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FederationError(shown, f"no connection ({_clean(reason)}).") from error
        most = response.headers.get("x-sparql-maxrows", "").strip()
        if most.isdecimal() and 0 < int(most) <= len(answer.rows):
            message = f"it cuts every answer at {int(most):,} rows, so this one may not be whole. Narrow the clause."
            raise TooMuchError(shown, message, response.status)
        return answer

    async def _fetch(self, endpoint: Endpoint, query: str) -> _Response:
        """Return a good response, after redirects if need be."""
        start = endpoint
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._exchange(endpoint, query)
            location = response.headers.get("location")
            if not 300 <= response.status < 400 or location is None:
                self._check(start, response)
                return response
            if response.status not in _KEPT_METHOD:
                raise FederationError(str(start.address), f"redirects with status {response.status}.", response.status)
            target = urljoin(str(endpoint.address), location)
            try:
                endpoint = self.endpoint(target)
            except NotAllowedError as error:
                message = f"redirects to <{_clean(target)}>, which is not asked from here."
                raise NotAllowedError(str(start.address), message, response.status) from error
        raise FederationError(str(start.address), f"redirects more than {MAX_REDIRECTS} times.")

    def _check(self, endpoint: Endpoint, response: _Response) -> None:
        """Say what is not good about a response; Virtuoso tells in a header that an answer is a part only."""
        shown, status = str(endpoint.address), response.status
        if status != 200:
            self._said(shown, f"answered with status {status}", response)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _RESULTS:
            form = _clean(media_type) or "no stated format"
            self._said(shown, f"answered in {form}, not in SPARQL JSON results", response)
        if response.headers.get("x-sql-state"):
            said = _clean(response.headers.get("x-sql-message", "")) or "no reason given"
            raise FederationError(shown, f"its answer is not complete: {said}.", status)

    def _said(self, shown: str, problem: str, response: _Response) -> NoReturn:
        said = _first_line(bytes(response.body), "html" in response.headers.get("content-type", "").lower())
        raise FederationError(shown, f"{problem}{': ' + said if said else '.'}", response.status)

    async def _addresses(self, endpoint: Endpoint) -> list[str]:
        """Resolve an endpoint's host, once, and refuse it if any of its addresses is not of the open internet."""
        shown, address = str(endpoint.address), endpoint.address
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                address.bare_host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
        except (OSError, UnicodeError) as error:
            raise FederationError(shown, "its host has no address.") from error
        numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not numbers:
            raise FederationError(shown, "its host has no address.")
        if not endpoint.insecure and not all(is_public(number) for number in numbers):
            raise NotAllowedError(shown, "its host has an address that is not one of the open internet.")
        return numbers

    def _secure(self, address: Address) -> ssl.SSLContext | None:
        if address.scheme != "https":
            return None
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    async def _connect(self, endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a checked address itself: a number is not resolved again."""
        address = endpoint.address
        problem: OSError | None = None
        for number in await self._addresses(endpoint):
            try:
                async with asyncio.timeout(self.settings.timeout / 3):
                    reader, writer = await asyncio.open_connection(
                        number,
                        address.port,
                        ssl=self._secure(address),
                        server_hostname=address.bare_host if address.scheme == "https" else None,
                    )
            except OSError as error:
                if isinstance(error, ssl.SSLError):
                    raise
                problem = error
                continue
            peer = str((writer.get_extra_info("peername") or ("",))[0])
            if peer != number or not (endpoint.insecure or is_public(peer)):
                writer.transport.abort()
                raise NotAllowedError(str(address), "the connection led to another address than the checked one.")
            return reader, writer
        raise problem or ConnectionError("unreachable")

    async def _exchange(self, endpoint: Endpoint, query: str) -> _Response:
        reader, writer = await self._connect(endpoint)
        try:
            wire = h11.Connection(h11.CLIENT)
            body = urlencode({"query": query}).encode("ascii")
            headers = [
                ("Host", endpoint.address.authority),
                ("User-Agent", _AGENT),
                ("Accept", "application/sparql-results+json"),
                ("Accept-Encoding", "identity"),
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            for event in (
                h11.Request(method="POST", target=endpoint.address.target, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                writer.write(wire.send(event) or b"")
            await writer.drain()
            return await self._receive(endpoint, wire, reader)
        finally:
            writer.transport.abort()

    async def _receive(self, endpoint: Endpoint, wire: h11.Connection, reader: asyncio.StreamReader) -> _Response:
        shown = str(endpoint.address)
        response = _Response(0, {})
        limit = self.settings.size
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                wire.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                response = _Response(event.status_code, headers)
                if response.status != 200:
                    limit = _ERROR_BYTES
                    continue
                encoding = response.headers.get("content-encoding", "identity").strip().lower()
                if encoding != "identity":
                    raise FederationError(shown, f"packed its answer as {_clean(encoding)}, which is not taken.", 200)
                length = response.headers.get("content-length", "")
                if length.isdecimal() and int(length) > limit:
                    self._too_many_bytes(shown)
            elif isinstance(event, h11.Data):
                response.body += event.data
                if len(response.body) > limit:
                    if response.status != 200:
                        return response
                    self._too_many_bytes(shown)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
                return response

    def _too_many_bytes(self, shown: str) -> NoReturn:
        message = f"its answer has more than {self.settings.size:,} bytes. Ask for fewer rows inside SERVICE."
        raise TooMuchError(shown, message)


def _clean(text: str) -> str:
    """Return a foreign text in one short line without control characters."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _SAID])
    return " ".join(printable.split())[:_SAID]


def _first_line(body: bytes, is_html: bool) -> str:
    text = body[:_ERROR_BYTES].decode("utf-8", "replace")
    if is_html:
        text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
        text = re.sub(r"<[^>]*>", "\n", text)
    return next((line for line in map(_clean, text.splitlines()) if line), "")
