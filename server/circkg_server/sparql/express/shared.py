"""What the connections of a server share: what is known of requests, what is repeated, and what is noted of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from circkg_server import federation
from circkg_server.engines.pool import Pool
from circkg_server.engines.quickness import QUICK
from circkg_server.engines.service import Engines
from circkg_server.operations.logs import Answered
from circkg_server.releases.manifest import Manifest
from circkg_server.sparql import plain, responses
from circkg_server.sparql.exchange import Exchange
from circkg_server.sparql.express.forms import Forms
from circkg_server.sparql.express.known import Head, Repeated, Shape
from circkg_server.sparql.express.pages import Pages
from circkg_server.sparql.formats import Format, prefers_page
from circkg_server.sparql.protocol import Endpoint, read_asked
from circkg_server.sparql.requests import RequestProblem

MOST_SHAPES = 2048
NOTED_EVERY = 0.2
"""Seconds after which requests that have been answered are logged and counted."""

_ORDINARY_HEADERS = frozenset(
    (b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"if-none-match", b"forwarded")
)


class Shared:
    """What the connections of a server share.

    :param note: is told of what has been answered, a few times a second.
    :param pages: pages that are repeated here too.
    """

    def __init__(self, endpoint: Endpoint, note: Callable[[list[Answered]], None], pages: Pages | None = None) -> None:
        self.endpoint = endpoint
        self.pages = pages
        self._note = note
        self._noted: list[Answered] = []
        self.repeated: dict[bytes, Repeated] = {}
        self.forms = Forms(endpoint.settings)
        self.number = 0
        self._manifest: Manifest | None = None
        self._heads: dict[bytes, Head | None] = {}
        self._shapes: dict[str, Shape | None] = {}
        self.dates = plain.Dates()

    def serve(self, manifest: Manifest) -> None:
        """Forget what is known of another snapshot than the one that is served."""
        if manifest is not self._manifest:
            self.repeated.clear()
            self.forms.clear()
            self._manifest, self.number = manifest, manifest.number

    def head(self, block: bytes) -> Head | None:
        """Return what a block of headers says, or ``None`` if it takes the ordinary way."""
        try:
            return self._heads[block]
        except KeyError:
            pass
        if len(self._heads) >= MOST_SHAPES:
            self._heads.clear()
        found = self._heads[block] = self._read_head(block)
        return found

    def _read_head(self, block: bytes) -> Head | None:
        lines = [line.partition(b":") for line in block.split(b"\r\n")[:-1]]
        headers = [(name.lower(), value.strip()) for name, _, value in lines]
        for name, value in headers:
            if name in _ORDINARY_HEADERS or name.startswith(b"x-forwarded"):
                return None
            if name == b"connection" and value.lower() != b"keep-alive":
                return None
        if sum(name == b"host" for name, _ in headers) != 1:
            return None
        scope = {"type": "http", "method": "GET", "path": "/sparql", "headers": headers, "scheme": "http"}
        exchange = Exchange(scope, cast(Any, None), cast(Any, None))
        return Head(exchange.header(b"accept"), exchange.url, exchange.coding)

    def shape(self, text: str) -> Shape | None:
        """Return the shape of a query, or ``None`` if it takes the ordinary way."""
        key = plain.shape_of(text)
        try:
            return self._shapes[key]
        except KeyError:
            pass
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        found = self._shapes[key] = self._read(key, text)
        return found

    def _read(self, key: str, text: str) -> Shape | None:
        try:
            asked = read_asked([("query", text)], self.endpoint.settings.max_timeout)
        except RequestProblem:
            return None
        if asked.named_graphs or asked.request.dataset is not None or federation.needs_federation(text):
            return None
        quick = self.endpoint.engines.quickness.expects_quick(asked.request.stream)
        return Shape(key, asked.request, asked.stable, quick)

    def format(self, shape: Shape, accept: str) -> Format | None:
        """Return the format that suits, or ``None`` if the ordinary way gives a page or says that none does."""
        try:
            return shape.formats[accept]
        except KeyError:
            pass
        if len(shape.formats) >= 64:
            shape.formats.clear()
        found = None
        if not prefers_page(accept):
            with suppress(RequestProblem):
                found = responses.format_for(shape.request, accept)
        shape.formats[accept] = found
        return found

    def learn(self, shape: Shape, seconds: float) -> None:
        """Take note of how long a query took; what changes nothing is not noted, since noting takes long itself."""
        if seconds >= QUICK / 2 or not shape.quick:
            quickness = self.endpoint.engines.quickness
            quickness.learn(shape.request.stream, seconds)
            shape.quick = quickness.expects_quick(shape.request.stream)

    def note(
        self, client: str, id_: str, outcome: str, status: int, size: int, seconds: float, when: float | None = None,
        path: str = "",
    ) -> None:  # fmt: skip
        """Take note of a request that has been answered."""
        if not self._noted:
            asyncio.get_running_loop().call_later(NOTED_EVERY, self.tell)
        self._noted.append(
            Answered(when or time.time(), client, id_, outcome, self.number, status, size, seconds, path)
        )

    def tell(self) -> None:
        """Tell what has been noted."""
        noted, self._noted = self._noted, []
        if noted:
            self._note(noted)

    def pool(self) -> tuple[Manifest, Pool] | None:
        """Return the manifest that is served and its memory readers, or ``None`` if there are none."""
        engines = self.endpoint.engines
        served = engines.current if isinstance(engines, Engines) else None
        if served is None or served.memory is None or not served.memory.readers:
            return None
        return served.manifest, served.memory
