"""The part of the server that gives linked data, as an ASGI application: which path is what, and how replies go out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from circkg_loaders.registry import RegistryError
from circkg_server import problems, search
from circkg_server.coding import COMPRESSED_FROM, coded, pack
from circkg_server.engines.interface import Engine
from circkg_server.linked_data import definitions, documents, explore, formats, profiles, sitemap
from circkg_server.linked_data.addresses import Document, page_of
from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.formats import DATA, HTML
from circkg_server.linked_data.publication import Publication
from circkg_server.linked_data.requests import VARY, Asked, Reply, not_acceptable, read_head, tag_of, write_head
from circkg_server.linked_data.retired import Retired
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.retired import Tombstone
from circkg_server.settings import Settings
from circkg_server.sparql.cache import Cache
from circkg_server.sparql.exchange import Exchange, Headers, Receive, Scope, Send, problem_headers
from circkg_server.sparql.protocol import LONG
from circkg_server.sparql.requests import RequestProblem
from circkg_server.sparql.responses import RETRY_AFTER
from circkg_shapes.terms import Triple, iri, literal

LOG = logging.getLogger("circkg")
METHODS = ("GET", "HEAD", "OPTIONS")
_FOLDERS = ("/id/", "/doc/", "/doc.", "/def/", "/def.", "/sitemap-")
_PAGES = frozenset(("/doc", "/def", "/explore", "/sitemap.xml", "/robots.txt"))
_PROBLEM = formats.Format(problems.MEDIA_TYPE, "", "Problem")
_FRESH = b"public, max-age=0, must-revalidate"
_ONE_HOUR = b"public, max-age=3600"


@dataclass(slots=True)
class LinkedData:
    """Serves documents, definitions and the pages that lead to them.

    :param cache: where replies are kept, together with the answers to queries.
    :param content_of: gives a digest of what a manifest names.
    :param index: opens the search index of the snapshot that is served.
    """

    engine: Engine
    settings: Settings
    archive: Archive
    cache: Cache
    content_of: Callable[[Manifest], str]
    index: Callable[[], search.Index]
    retired: Retired = field(init=False)
    _publication: Publication | None = None
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Open the list of what was withdrawn."""
        self.retired = Retired.of(self.archive)

    @staticmethod
    def serves(scope: Scope) -> bool:
        """Tell whether a path is one of those served here."""
        path = str(scope["path"])
        return path.startswith(_FOLDERS) or path.rstrip("/") in _PAGES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = Exchange(scope, receive, send, self.settings.public_url)
        try:
            asked = Asked.of(exchange)
        except RequestProblem as found:
            await exchange.problem(found.status, found.title, found.detail, found.headers, **found.more)
            return
        try:
            await self._serve(asked)
        except RequestProblem as found:
            await self._problem(asked, found)

    async def _serve(self, asked: Asked) -> None:
        exchange = asked.exchange
        if not await exchange.is_served(METHODS, "Use GET or HEAD."):
            return
        if asked.path.startswith("/id/"):
            await self._see_other(asked)
            return
        served = self.engine.current
        if served is None:
            found = RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is served yet", "Try again in a while.")
            found.headers["retry-after"] = RETRY_AFTER
            raise found
        snapshot = Snapshot(self.engine, self.settings, served.manifest, served.neighbourhood, exchange.client)
        path = asked.path.rstrip("/")
        if path.startswith("/doc") or (path.startswith("/def") and definitions.is_concept(path)):
            await self._document(asked, snapshot)
        elif path.startswith("/def"):
            await self._definition(asked, snapshot)
        elif path == "/explore":
            await self._made(asked, snapshot, ("explore", *sorted(asked.parameters.items())),
                             lambda shared: explore.reply(asked, snapshot, shared, self.index))  # fmt: skip
        else:
            await self._made(asked, snapshot, (), lambda _: sitemap.reply(asked, snapshot))

    async def _see_other(self, asked: Asked) -> None:
        """Lead from a thing to the document about it: https://www.w3.org/TR/cooluris/, section 4.2."""
        query = bytes(asked.exchange.scope["query_string"]).decode("latin-1")
        location = f"{asked.site}/doc/{asked.path.removeprefix('/id/')}{f'?{query}' if query else ''}"
        headers = [(b"location", location.encode("latin-1")), (b"cache-control", _ONE_HOUR)]
        await asked.exchange.reply(HTTPStatus.SEE_OTHER, headers, b"")

    async def _document(self, asked: Asked, snapshot: Snapshot) -> None:
        document = documents.read_document(asked)
        if document.query and (here := page_of(document.iri)) != document.at(""):
            await asked.exchange.reply(
                HTTPStatus.SEE_OTHER, [(b"location", f"{asked.site}{here}".encode())], b""
            )  # fmt: skip
            return
        if asked.parameters.get("_profile") == profiles.ALTERNATES:
            await self._alternates(asked, document)
            return
        choice = documents.choose(asked, document)
        # What ends like a format may be the end of a row's key, and its format that of Accept.
        accept = asked.exchange.header(b"accept") if document.extension else ""
        key = (document.iri, choice.format.extension, choice.profile.token, accept)

        async def make(shared: Publication) -> Reply:
            made = await documents.reply(asked, choice, snapshot, shared)
            if made is None:
                raise self._missing(document.iri)
            return made

        await self._made(asked, snapshot, key, make)

    async def _definition(self, asked: Asked, snapshot: Snapshot) -> None:
        async def make(shared: Publication) -> Reply:
            made = await definitions.reply(asked, snapshot, shared, self.archive)
            if made is None:
                raise self._missing(documents.read_document(asked).iri)
            return made

        accept = asked.exchange.header(b"accept")
        await self._made(asked, snapshot, (asked.path, accept, *sorted(asked.parameters.items())), make)

    async def _alternates(self, asked: Asked, document: Document) -> None:
        """List the profiles and formats of a document."""
        chosen = formats.negotiate(
            asked.parameters.get("_mediatype") or asked.exchange.header(b"accept"), profiles.LIST_FORMATS
        )  # fmt: skip
        if chosen is None:
            raise not_acceptable([found.media_type for found in profiles.LIST_FORMATS])
        choice = documents.Choice(document, profiles.OURS, chosen)

        def address(format_: formats.Format, profile: profiles.Profile) -> str:
            return choice.address(asked.site, format_, profile)

        if chosen is HTML:
            content = asked.render("profiles.html", profiles=profiles.PROFILES, address=address, iri=document.iri)
        else:
            content = profiles.alternates(document.iri, chosen, address)
        await self._send(asked, Reply(content, chosen).headers(), content)

    # -- replies ------------------------------------------------------------------------------------------------

    async def _made(
        self, asked: Asked, snapshot: Snapshot, key: tuple[Any, ...], make: Callable[[Publication], Awaitable[Reply]]
    ) -> None:
        """Send a reply, from what is kept, or made now and kept; the snapshot and the key decide what it is."""
        number = snapshot.manifest.number
        if not number:  # an open instance has no snapshots: what it says may change with the next write
            made = await make(await self._shared(snapshot))
            await self._send(asked, made.headers(), made.content)
            return
        tag = f"{number}-" + tag_of(
            self.content_of(snapshot.manifest), asked.path, *key, asked.site, asked.language, asked.chose_language
        )
        if (known := asked.exchange.matching(tag)) is not None:
            await asked.exchange.not_modified(_stable(tag, number), known)
            return
        content = await self.cache.get(tag)
        head = self.cache.peek(f"{tag}-head")
        if content is None or head is None:
            try:
                made = await make(await self._shared(snapshot))
                content, headers = made.content, made.headers()
                self.cache.put(tag, content)
                self.cache.put(f"{tag}-head", write_head(headers))
            finally:
                self.cache.end(tag)
        else:
            headers = read_head(head)
        await self._send(asked, [*headers, *_stable(tag, number)], content, tag)

    async def _shared(self, snapshot: Snapshot) -> Publication:
        """Return what all pages of a snapshot share, read once."""
        found = self._publication
        if found is not None and found.manifest is snapshot.manifest:
            return found
        async with self._loading:
            if self._publication is None or self._publication.manifest is not snapshot.manifest:
                self._publication = await Publication.of(snapshot)
            return self._publication

    async def _send(self, asked: Asked, headers: Headers, content: bytes, tag: str = "") -> None:
        """Send a whole reply, compressed where it pays."""
        exchange = asked.exchange
        if not tag:
            headers = [*headers, (b"vary", VARY), (b"cache-control", b"no-store")]
        if exchange.takes_any:
            await exchange.not_modified(headers, None)
            return
        coding = exchange.coding
        if coding is not None and len(content) >= COMPRESSED_FROM:
            packed = self.cache.peek(f"{tag}{coding.suffix}") if tag else None
            if packed is None:
                long = len(content) > LONG
                packed = await asyncio.to_thread(pack, content, coding) if long else pack(content, coding)
                if tag:
                    self.cache.put(f"{tag}{coding.suffix}", packed)
            headers, content = coded(headers, coding), packed
        await exchange.reply(HTTPStatus.OK, headers, content)

    # -- problems -----------------------------------------------------------------------------------------------

    def _missing(self, iri_: str) -> RequestProblem:
        """Return the problem of an IRI of which nothing is known: unknown, or withdrawn."""
        try:
            tombstone = self.retired.find(iri_)
        except RegistryError:
            LOG.exception("The list of what was withdrawn cannot be read")
            tombstone = None
        if tombstone is None:
            return RequestProblem(
                HTTPStatus.NOT_FOUND, "Nothing is known under this address",
                f"The graph says nothing of <{iri_}>. /explore shows what there is.", iri=iri_,
            )  # fmt: skip
        found = _Withdrawn(
            HTTPStatus.GONE, "This was withdrawn", tombstone.reason or "It is not published any more.", iri=iri_
        )  # fmt: skip
        found.tombstone = tombstone
        if tombstone.replaced_by:
            found.more["replacedBy"] = tombstone.replaced_by
            found.headers["link"] = f'<{tombstone.replaced_by}>; rel="successor-version"'
        return found

    async def _problem(self, asked: Asked, found: RequestProblem) -> None:
        """Send a problem; of what was withdrawn, as statements to who reads those."""
        headers: Headers = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in found.headers.items()
        ]
        headers += [pair for pair in problem_headers(found.more) if pair[0] not in (b"content-type", b"vary")]
        headers.append((b"vary", VARY))
        content = problems.content(found.status, found.title, found.detail, **found.more)
        media_type = problems.MEDIA_TYPE
        if isinstance(found, _Withdrawn) and not asked.wants_page:
            chosen = formats.negotiate(asked.exchange.header(b"accept"), (_PROBLEM, *DATA))
            if chosen in DATA:
                content, media_type = formats.written(_obituary(found.tombstone), chosen), chosen.content_type
        await asked.exchange.reply(found.status, [*headers, (b"content-type", media_type.encode())], content)


class _Withdrawn(RequestProblem):
    """The problem of a thing that was withdrawn."""

    tombstone: Tombstone


def _obituary(tombstone: Tombstone) -> list[Triple]:
    """Return what can still be said of a withdrawn thing."""
    me, dct, owl = iri(tombstone.iri), "http://purl.org/dc/terms/", "http://www.w3.org/2002/07/owl#"
    found = [(me, iri(f"{owl}deprecated"), literal("true", datatype="http://www.w3.org/2001/XMLSchema#boolean"))]
    if tombstone.reason:
        found.append((me, iri("http://www.w3.org/2004/02/skos/core#historyNote"), literal(tombstone.reason)))
    if tombstone.replaced_by:
        found.append((me, iri(f"{dct}isReplacedBy"), iri(tombstone.replaced_by)))
    return found


def _stable(tag: str, number: int) -> Headers:
    return [
        (b"etag", f'"{tag}"'.encode()), (b"vary", VARY), (b"cache-control", _FRESH),
        (b"x-circkg-snapshot", str(number).encode()),
    ]  # fmt: skip
