"""One request for a page or document, and the reply to it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from circkg_server.linked_data.formats import HTML, Format
from circkg_server.linked_data.formats import negotiate as negotiate_format
from circkg_server.linked_data.languages import negotiate as negotiate_language
from circkg_server.linked_data.languages import of_page
from circkg_server.linked_data.signposting import Link, header
from circkg_server.linked_data.words import Words
from circkg_server.sparql.exchange import Exchange, Headers
from circkg_server.sparql.requests import RequestProblem, parameters
from circkg_server.web.rendering import render

VARY = b"Accept, Accept-Language, Accept-Profile, Accept-Encoding"
_AS_SENT = "".join(map(chr, range(0x21, 0x7F)))
"""What stays as it is in a path; anything else should have been percent-encoded and is now."""
_PLAIN = re.compile(rb"[\x21-\x7e]*")
_HOST = re.compile(r"[\w.:\[\]-]+")


def _as_sent(path: bytes) -> str:
    text = path.decode("ascii") if _PLAIN.fullmatch(path) else quote(path, safe=_AS_SENT)
    return text.partition("?")[0]


@dataclass(slots=True)
class Asked:
    """What a client asks for.

    :param path: path below the root, percent-encoded as it came.
    :param root: path under which the server is reached.
    :param site: the same as an address of the web.
    """

    exchange: Exchange
    path: str
    root: str
    site: str
    parameters: dict[str, str] = field(default_factory=dict)
    language: str = "en"

    @classmethod
    def of(cls, exchange: Exchange) -> Asked:
        """Return what a request asks for.

        :raises RequestProblem: if its parameters cannot be read.
        """
        scope = exchange.scope
        root = str(scope.get("root_path", ""))
        path = _as_sent(bytes(scope.get("raw_path") or str(scope["path"]).encode()))
        if root and (path == root or path.startswith(f"{root}/")):
            path = path[len(root) :] or "/"
        if exchange.public_url:
            given = urlsplit(exchange.public_url)
            site = f"{given.scheme}://{given.netloc}{given.path.rstrip('/')}"
        else:
            host = exchange.header(b"host")
            site = f"{scope.get('scheme', 'http')}://{host if _HOST.fullmatch(host) else 'localhost'}{root}"
        found = dict(parameters(scope["query_string"])) if scope["query_string"] else {}
        language = negotiate_language(exchange.header(b"accept-language"), found.get("lang", ""))
        return cls(exchange, path, root, site, found, language)

    @property
    def words(self) -> Words:
        """Return the words of the page."""
        return Words(self.language)

    @property
    def chose_language(self) -> bool:
        """Tell whether the language stands in the address, so that links keep it."""
        return "lang" in self.parameters

    def to(self, path: str) -> str:
        """Return a path below the root as a link: with the root, and with the language if the client chose one."""
        if self.chose_language and self.parameters["lang"] == self.language:
            before, hash_, fragment = path.partition("#")
            path = f"{before}{'&' if '?' in before else '?'}lang={self.language}{hash_}{fragment}"
        return self.root + path

    def render(self, template: str, **values: object) -> bytes:
        """Return a page in the language of the client."""
        page = render(
            template, root=self.root, language=of_page(self.language), words=self.words, to=self.to, **values
        )  # fmt: skip
        return page.encode()

    @property
    def wants_page(self) -> bool:
        """Tell whether the client would rather have a page than a problem for programs."""
        accept = self.exchange.header(b"accept")
        return "text/html" in accept and negotiate_format(accept) is HTML


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply that may be kept.

    :param location: address of this very format.
    """

    content: bytes
    format: Format
    links: tuple[Link, ...] = ()
    location: str = ""
    language: str = ""
    more: tuple[tuple[str, str], ...] = ()

    def headers(self) -> Headers:
        """Return the headers that say what the content is."""
        found = [("content-type", self.format.content_type)]
        given = (("content-location", self.location), ("content-language", self.language))
        found += [(name, value) for name, value in given if value]
        if self.links:
            found.append(("link", header(self.links)))
        return [(name.encode(), value.encode("latin-1", "replace")) for name, value in (*found, *self.more)]


def write_head(headers: Headers) -> bytes:
    """Return headers as they are kept; what they say is of our making, and has no end of a line in it."""
    return b"\n".join([b"%b:%b" % pair for pair in headers])


def read_head(kept: bytes) -> Headers:
    """Return headers that were kept.

    >>> read_head(write_head([(b"content-type", b"text/turtle"), (b"link", b"<https://example.org/>")]))
    [(b'content-type', b'text/turtle'), (b'link', b'<https://example.org/>')]
    """
    return [(name, value) for name, _, value in (line.partition(b":") for line in kept.split(b"\n"))]


def tag_of(*parts: object) -> str:
    """Return the entity tag of what its parts decide."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]


def not_acceptable(offered: list[str]) -> RequestProblem:
    """Return the problem of a client that takes none of the formats, with those that there are."""
    return RequestProblem(
        HTTPStatus.NOT_ACCEPTABLE, "No format suits",
        f"This can be had as {', '.join(offered)}. Choose by Accept or by the ending of the address.", offered=offered,
    )  # fmt: skip
