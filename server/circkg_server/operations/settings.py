"""Settings of operations."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from circkg_server.settings import FromVariables, SettingsError

GIB = 1024**3
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class OperationsSettings(FromVariables):
    """Each is read from its name in capitals after ``CIRCKG_``."""

    least: ClassVar[Mapping[str, float]] = {"patience": 1}

    reserve: int = GIB
    """bytes of the store's disk that must stay free: below, nothing is built and no write is taken"""
    log: str = "json"
    """json (a line of JSON for each event) or text"""
    log_query: int = 200
    """most characters of a query in the log; 0: none"""
    drain: int = 10
    """seconds that running requests have to end when the server is told to stop"""
    keep_alive: int = 5
    """seconds that a connection without requests stays open; a proxy in front should close its own sooner"""
    patience: int = 30
    """seconds in which the head of a request must have come, and after which its body must go on; else it is ended"""
    trusted_proxies: str = ""
    """addresses or networks of proxies whose headers are believed, with commas between; `unix` for a Unix socket"""
    proxy_headers: str = "x-forwarded"
    """headers that these proxies set: x-forwarded (X-Forwarded-For, -Proto, -Host, -Prefix) or forwarded (RFC 7239)"""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.log not in ("json", "text"):
            raise SettingsError(f"CIRCKG_LOG is {self.log!r}; it takes json or text.")
        if self.proxy_headers not in ("x-forwarded", "forwarded"):
            raise SettingsError(f"CIRCKG_PROXY_HEADERS is {self.proxy_headers!r}; it takes x-forwarded or forwarded.")
        self.proxies()

    def proxies(self) -> tuple[tuple[Network, ...], bool]:
        """Return the networks of the trusted proxies, and whether a Unix socket is one.

        :raises SettingsError: if an address is none.
        """
        networks: list[Network] = []
        unix = False
        for part in filter(None, (part.strip() for part in self.trusted_proxies.split(","))):
            if part == "unix":
                unix = True
                continue
            try:
                networks.append(ipaddress.ip_network(part))
            except ValueError as error:
                raise SettingsError(
                    f"CIRCKG_TRUSTED_PROXIES holds {part!r}; it takes addresses like 127.0.0.1 or 10.0.0.0/8, or unix."
                ) from error
        return tuple(networks), unix
