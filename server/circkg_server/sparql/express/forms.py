"""How readers can answer queries on connections that are lent to them: what the front tells them of each shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from circkg_server import cors
from circkg_server.coding import coded
from circkg_server.engines.lent import ID_MARK, MOST, TAG_MARK
from circkg_server.engines.loans import Form
from circkg_server.engines.quickness import QUICK
from circkg_server.settings import Settings
from circkg_server.sparql import plain, responses
from circkg_server.sparql.express.known import Asked, Shape

MOST_FORMS = 512

_ids = count(1)


class Forms:
    """The forms of the snapshot that is served."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[tuple[str, bytes], tuple[Form, Shape]] = {}

    def __iter__(self) -> Iterator[Form]:
        """Return every form."""
        return (form for form, _ in self._known.values())

    def clear(self) -> None:
        """Forget all: another snapshot is served."""
        self._known.clear()

    def learn(self, asked: Asked, size: int, seconds: float) -> None:
        """Take note of how a reader can answer queries of a shape, if it may.

        :param size: bytes of an answer to such a query.
        :param seconds: processor time that it took.
        """
        settings, chosen, shape = self._settings, asked.chosen, asked.shape
        suits = shape.lendable and shape.stable and shape.quick and chosen.name not in ("xml", "rdfxml")
        bounded = settings.max_rows >= MOST and settings.max_bytes >= MOST  # a row has a byte at least
        key = (shape.key, asked.block)
        if not suits or not bounded or size > MOST or seconds >= QUICK / 2 or key in self._known:
            return
        if len(self._known) >= MOST_FORMS:
            self._known.clear()
        headers = [
            *responses.headers_of(asked.number, ID_MARK, TAG_MARK, chosen, stable=True), *cors.HEADERS,
        ]  # fmt: skip
        coding = asked.head.coding
        form = Form(
            next(_ids), shape.key, asked.block.decode("latin-1"), chosen.name, asked.head.url, asked.number,
            plain.tag_start(asked.content, chosen.name, asked.head.url).decode(), _lines(headers),
            coding.value if coding else None, _lines(coded(headers, coding)) if coding else None,
        )  # fmt: skip
        self._known[key] = (form, shape)

    def forget(self, number: int) -> Shape | None:
        """Let queries of a shape be answered by the front again; return the shape, if it was known."""
        for key, (form, shape) in self._known.items():
            if form.id == number:
                shape.lendable = False
                del self._known[key]
                return shape
        return None


def _lines(headers: list[tuple[bytes, bytes]]) -> str:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers).decode("latin-1")
