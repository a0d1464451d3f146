"""Addresses on the web, read strictly, and the network addresses that may be connected to.

What a lenient reader would take for a host in another spelling (decimal, octal or hexadecimal numbers, trailing
dots, user information) is no address here, so that a name that is compared is the name that is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_ADDRESS = re.compile(r"(https?)://([^/?#]*)(/[!-~]*|\?[!-~]*|)", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PUBLIC_NAME = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}", re.ASCII)
_PORTS = {"http": 80, "https": 443}

_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",
        "::/96",  # holds IPv4
        "::ffff:0:0/96",  # holds IPv4
        "64:ff9b:1::/48",  # translation within a network
        "100::/64",
        "2001::/32",  # Teredo, holds IPv4
        "2002::/16",  # 6to4, holds IPv4
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64 = ip_network("64:ff9b::/96")


class AddressError(ValueError):
    """A text is not the address of an endpoint as this service reads it; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its one spelling: scheme and host in small letters, port given, path not empty."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        :raises AddressError: if it is anything but ``http(s)://host[:port]/path[?query]``.

        >>> Address.parse("HTTPS://Example.org?a=b")
        Address(scheme='https', host='example.org', port=443, target='/?a=b')
        """
        shown = text[:200]
        found = _ADDRESS.fullmatch(text)
        if not found:
            raise AddressError(f"<{shown}> is not an address of the form https://host/path.")
        if "#" in found[3]:
            raise AddressError(f"<{shown}>: an endpoint's address has no fragment (#).")
        authority = _AUTHORITY.fullmatch(found[2].lower())
        if "@" in found[2]:
            raise AddressError(f"<{shown}>: user information in an address is refused.")
        if not authority:
            raise AddressError(f"<{shown}>: its host is not a plain name.")
        scheme, host = found[1].lower(), authority[1]
        if not (_PUBLIC_NAME.fullmatch(host) or host == "localhost" or _literal(host) is not None):
            raise AddressError(f"<{shown}>: its host is not a full domain name in its usual spelling.")
        port = int(authority[2]) if authority[2] else _PORTS[scheme]
        if not 0 < port < 65536:
            raise AddressError(f"<{shown}>: there is no port {port}.")
        target = found[3] if found[3].startswith("/") else f"/{found[3]}"
        return cls(scheme, host, port, target)

    @property
    def is_named(self) -> bool:
        """Tell whether the host is a full domain name, not a number and not this machine."""
        return bool(_PUBLIC_NAME.fullmatch(self.host)) and len(self.host) <= 253

    @property
    def bare_host(self) -> str:
        """The host as a resolver takes it: a number of IPv6 without its brackets."""
        return self.host.strip("[]")

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` header has them."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    def secured(self) -> Address | None:
        """Return the same address over TLS, if it is plain HTTP on the usual port."""
        if self.scheme == "http" and self.port == _PORTS["http"]:
            return Address("https", self.host, _PORTS["https"], self.target)
        return None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def is_public(text: str) -> bool:
    """Tell whether a network address is one of the open internet.

    >>> is_public("8.8.8.8"), is_public("10.0.0.1"), is_public("::ffff:8.8.8.8"), is_public("64:ff9b::7f00:1")
    (True, False, False, False)
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    is_special = address.is_multicast or address.is_loopback or address.is_link_local or address.is_reserved
    return address.is_global and not is_special and not address.is_private


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the number that a host is, if it is written as one in the usual way."""
    try:
        return IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except ValueError:
        return None
