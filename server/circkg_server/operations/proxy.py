"""Where clients see the server: scheme, host, sub-path and their own address, as a trusted proxy says or a setting.

Headers of anybody else are removed, so that nobody chooses the addresses that the server writes of itself.
https://www.rfc-editor.org/rfc/rfc7239
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from circkg_server.operations.settings import OperationsSettings

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PAIR = re.compile(r'([A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))')
_FROM_PROXIES = frozenset(
    (b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix",
     b"x-forwarded-port", b"x-forwarded-scheme", b"x-forwarded-ssl")
)  # fmt: skip


class Proxied:
    """Corrects the scope of each request.

    :param public_url: address under which the server is reached, whatever a request says; empty: none is set.
    """

    def __init__(self, app: App, settings: OperationsSettings, public_url: str = "") -> None:
        self._app = app
        self._networks, self._unix = settings.proxies()
        self._rfc = settings.proxy_headers == "forwarded"
        self._public = urlsplit(public_url) if public_url else None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        await self._app(self._corrected(scope) if scope["type"] in ("http", "websocket") else scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        headers: Headers = scope["headers"]
        said: dict[str, list[str]] = {}
        for name, value in headers:
            if name in _FROM_PROXIES:
                said.setdefault(name.decode(), []).append(value.decode("latin-1"))
        peer = scope.get("client")
        trusted = bool(said) and self._trusts(str(peer[0]) if peer else "")
        if not said and self._public is None:
            return scope
        kept = [(name, value) for name, value in headers if name not in _FROM_PROXIES]
        changed: Scope = {**scope, "headers": kept}
        scheme = host = client = prefix = ""
        if trusted:
            scheme, host, client = self._by_rfc(said) if self._rfc else self._by_custom(said)
            prefix = _last(said.get("x-forwarded-prefix", [])).rstrip("/")
        if self._public is not None:
            scheme, host, prefix = self._public.scheme, self._public.netloc, self._public.path.rstrip("/")
        if client:
            changed["client"] = (client, 0)
        if scheme in ("http", "https"):
            changed["scheme"] = scheme
        if _HOST.fullmatch(host):
            changed["headers"] = [(b"host", host.encode()), *((k, v) for k, v in kept if k != b"host")]
        if _PREFIX.fullmatch(prefix):
            changed["root_path"] = prefix
            path = str(scope["path"])
            if path == prefix or path.startswith(f"{prefix}/"):  # the proxy may take the sub-path away, or leave it
                changed["path"] = path[len(prefix) :] or "/"
        return changed

    def _trusts(self, address: str) -> bool:
        if not address:
            return self._unix
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return self._unix and address == "unix"
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def _by_custom(self, said: dict[str, list[str]]) -> tuple[str, str, str]:
        """Return scheme, host and client of the ``X-Forwarded`` headers, the last of each being the nearest proxy's."""
        client = ""
        for address in reversed(_listed(said.get("x-forwarded-for", []))):
            client = _address(address)
            if not client or not self._trusts(client):
                break
        return (
            _last(said.get("x-forwarded-proto", [])).lower(), _last(said.get("x-forwarded-host", [])), client,
        )  # fmt: skip

    def _by_rfc(self, said: dict[str, list[str]]) -> tuple[str, str, str]:
        """Return scheme, host and client of ``Forwarded``: from the nearest proxy as far as proxies are trusted."""
        found: dict[str, str] = {}
        for element in reversed(_elements(", ".join(said.get("forwarded", [])))):
            found = element
            if not self._trusts(_address(element.get("for", "")) or "unknown"):
                break
        return found.get("proto", "").lower(), found.get("host", ""), _address(found.get("for", ""))


def _listed(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _last(values: list[str]) -> str:
    return (_listed(values) or [""])[-1]


def _elements(text: str) -> list[dict[str, str]]:
    """Return the elements of a ``Forwarded`` header, in order.

    >>> _elements('for="[2001:db8::1]:80";proto=https, for=192.0.2.1;host="a, b"')
    [{'for': '[2001:db8::1]:80', 'proto': 'https'}, {'for': '192.0.2.1', 'host': 'a, b'}]
    """
    elements: list[dict[str, str]] = [{}]
    end = 0
    for match in _PAIR.finditer(text):
        if "," in text[end : match.start()]:
            elements.append({})
        value = match[2] if match[2] is not None else match[3]
        elements[-1][match[1].lower()] = re.sub(r"\\(.)", r"\1", value)
        end = match.end()
    return elements


def _address(text: str) -> str:
    """Return the address of a node without its port, or nothing if it is no address.

    >>> _address("[2001:db8::1]:80"), _address("192.0.2.1:443"), _address("_hidden")
    ('2001:db8::1', '192.0.2.1', '')
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
