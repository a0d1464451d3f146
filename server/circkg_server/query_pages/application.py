"""The part of the server that gives pages of queries, as an ASGI application: which path is what, and how it answers.

No query is evaluated here: the endpoint answers, with its limits, its cache and its errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode

from circkg_server.coding import COMPRESSED_FROM, coded, pack
from circkg_server.conditional import entity_tag
from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.formats import HTML
from circkg_server.linked_data.languages import links as links_of_languages
from circkg_server.linked_data.languages import of_page
from circkg_server.linked_data.requests import Asked, not_acceptable
from circkg_server.negotiation import choose
from circkg_server.publishing.routes import LONGEST_ADDRESS
from circkg_server.query_pages import listing
from circkg_server.query_pages.answers import UnchangedError
from circkg_server.query_pages.choices import Choice, Choices, same
from circkg_server.query_pages.page import Page, named
from circkg_server.questions import Parameter, ParameterError, Question, by_id, without_header
from circkg_server.sparql.exchange import Exchange, Headers, Receive, Scope, Send
from circkg_server.sparql.formats import ALSO, ENDINGS, FORMATS, GRAPHS, TABLES, prefers_page
from circkg_server.sparql.protocol import ClientLeftError, Endpoint
from circkg_server.sparql.requests import QUERY, RequestProblem, parameters
from circkg_server.web.start import FIRST_QUERY

READS = ("GET", "HEAD", "OPTIONS")
ASKS = ("GET", "HEAD", "POST", "OPTIONS")
OF_PROTOCOL = ("format", "timeout", "snapshot", "lang")
"""Parameters of an address that no question has as its own."""
_IN_LINKS = ("default-graph-uri", "named-graph-uri", "timeout", "snapshot")
_VARY = (b"vary", b"Accept, Accept-Language, Accept-Encoding")
_FRESH = (b"cache-control", b"public, max-age=0, must-revalidate")
_DATA = tuple(found.media_type for found in FORMATS.values())
_FORMS = {"html": HTML.media_type, "rq": QUERY} | {ending: found.media_type for ending, found in ENDINGS.items()}
"""Media types by the endings of an address and the values of the parameter ``format``."""
_NAMES = {ending: found.name for ending, found in ENDINGS.items()}
_JSON = "application/json"


@dataclass(slots=True)
class QueryPages:
    """Serves ``/queries``, ``/queries/{id}`` and ``/query``, and who asks ``/sparql`` for a page."""

    endpoint: Endpoint
    _choices: Choices = field(default_factory=Choices)

    def __post_init__(self) -> None:
        """Serve those whom the endpoint sends here."""
        self.endpoint.page = self.editor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = Exchange(scope, receive, send, self.endpoint.settings.public_url)
        try:
            await self._serve(exchange)
        except RequestProblem as found:
            await exchange.problem(found.status, found.title, found.detail, found.headers, **found.more)
        except ClientLeftError:
            return

    async def _serve(self, exchange: Exchange) -> None:
        path = str(exchange.scope["path"]).rstrip("/")
        methods = ASKS if path == "/query" else READS
        if not await exchange.is_served(methods, f"Use {', '.join(methods[:-2])} or {methods[-2]}."):
            return
        items = parameters(exchange.scope["query_string"])
        if path == "/query":
            if exchange.method == "POST":
                items = await self.endpoint.with_body(exchange, items)
            if _chosen(exchange, items, (HTML.media_type, *_DATA)) == HTML.media_type:
                await self.editor(exchange, items)
            else:
                await self._data(exchange, items)
        elif path == "/queries":
            await self._listing(Asked.of(exchange), items)
        else:
            await self._question(Asked.of(exchange), path.removeprefix("/queries/"), items)

    # -- the catalogue ------------------------------------------------------------------------------------------

    async def _listing(self, asked: Asked, items: list[tuple[str, str]]) -> None:
        """Give the questions, all or those that are looked for."""
        words, keyword = (asked.parameters.get(name, "").strip() for name in ("q", "keyword"))
        found = await asyncio.to_thread(listing.filtered, words, keyword)
        chosen = _chosen(asked.exchange, items, (HTML.media_type, _JSON), {"html": HTML.media_type, "json": _JSON})
        if chosen == _JSON:
            await self._whole(asked.exchange, listing.as_json(found, asked.site), _JSON)
        elif chosen == HTML.media_type:
            content = self._render(
                asked, "queries.html", items, groups=listing.grouped(found), total=len(found), filter=words,
                keyword=keyword, keywords=listing.shared_keywords(),
            )  # fmt: skip
            await self._whole(asked.exchange, content, HTML.content_type, of_page(asked.language))
        else:
            raise not_acceptable([HTML.media_type, _JSON])

    async def _question(self, asked: Asked, name: str, items: list[tuple[str, str]]) -> None:
        """Give a question: its page, its text, or its answer."""
        id_, _, ending = name.partition(".")
        question = (await asyncio.to_thread(by_id)).get(id_)
        if question is None or (ending and ending not in _FORMS):
            detail = "There is no such question, or not in this form. /queries lists the questions."
            raise RequestProblem(HTTPStatus.NOT_FOUND, "There is no such question", detail)
        if ending:
            items = [*(item for item in items if item[0] != "format"), ("format", ending)]
        chosen = _chosen(asked.exchange, items, (HTML.media_type, QUERY, *_DATA))
        values = _values(items)
        if chosen == HTML.media_type:
            await self._question_page(asked, question, values, items)
        elif chosen == QUERY:
            await self._whole(asked.exchange, _filled(question, values).encode(), QUERY)
        else:
            asks = [("query", without_header(_filled(question, values)))]
            asks += [
                (key, _NAMES.get(value, value)) for key, value in items if key in ("format", "timeout", "snapshot")
            ]
            try:
                await self.endpoint.ask(_at_endpoint(asked.exchange), asks)
            except RequestProblem as found:
                raise _with_way_out(found, question, asked) from found

    async def _question_page(
        self, asked: Asked, question: Question, values: dict[str, str], items: list[tuple[str, str]]
    ) -> None:
        """Give the page of a question with its answer; other endpoints are asked only when the reader says so."""
        page = Page(asked, [item for item in items if item[0] in ("timeout", "snapshot") and item[1]])
        page.text = without_header(question.text)
        try:
            page.text = without_header(_filled(question, values))
            if not question.endpoints or any(name == "format" for name, _ in items):
                await page.ask(self.endpoint)
        except RequestProblem as found:
            page.problem = _with_way_out(found, question, asked)
        except UnchangedError as unchanged:
            await self._unchanged(page, unchanged)
            return
        fields = []
        for parameter in question.parameters:
            value = values.get(parameter.name) or question.default(parameter)
            choices = await self._choices_of(asked, parameter)
            if choices and same(value) not in dict(choices):
                choices = [(same(value), value), *choices]
            fields.append((parameter, value, same(value), choices))
        given = [*values.items(), *page.kept]
        path, query = f"/queries/{question.id}", f"?{urlencode(given)}" if given else ""
        await self._page(
            page, "question.html", items, question=question, fields=fields, subject=listing.subjects()[question.id],
            downloads=[(name, f"{path}.{form.ending}{query}") for name, form in page.formats],
            permalink=page.pinned(path, given), source=f"{path}.rq{query}",
            edit=f"/query?{urlencode([('query', page.text), *page.kept])}",
        )  # fmt: skip

    async def _choices_of(self, asked: Asked, parameter: Parameter) -> list[Choice]:
        served = self.endpoint.engines.current
        if served is None:
            return []
        snapshot = Snapshot(
            self.endpoint.engines, self.endpoint.settings, served.manifest, client=asked.exchange.client
        )
        try:
            return await self._choices.of(snapshot, parameter, asked.language)
        except RequestProblem:  # the reader can still write what is wanted
            return []

    # -- the page for SPARQL ------------------------------------------------------------------------------------

    async def editor(self, exchange: Exchange, items: list[tuple[str, str]]) -> None:
        """Give the page on which a person asks in SPARQL, with the answer if something is asked.

        :param items: parameters of the request.
        """
        page = Page(Asked.of(exchange), _in_links(items), _query_of(items))
        if any(name in ("query", "update") for name, _ in items):
            try:
                await page.ask(self.endpoint, items)
            except RequestProblem as found:
                page.problem = found
            except UnchangedError as unchanged:
                await self._unchanged(page, unchanged)
                return
        else:
            page.text = FIRST_QUERY
        await self._editor_page(page, items)

    async def _editor_page(self, page: Page, items: list[tuple[str, str]]) -> None:
        given = [("query", page.text), *page.kept]
        # What no address holds is posted, and not repeated in a dozen links.
        fits = len(urlencode(given)) <= LONGEST_ADDRESS
        downloads = [
            (name, f"/sparql?{urlencode([*given, ('format', form.name)])}") for name, form in page.formats if fits
        ]
        await self._page(
            page, "query.html", items if fits else [], downloads=downloads, fits=fits,
            permalink=page.pinned("/query", given) if fits else "", all_formats=named((*TABLES, *GRAPHS)),
        )  # fmt: skip

    async def _data(self, exchange: Exchange, items: list[tuple[str, str]]) -> None:
        """Give the answer as data, as the reader chose; or if there is none so, the page that says why."""
        try:
            await self.endpoint.ask(_at_endpoint(exchange), items)
        except RequestProblem as found:
            if not prefers_page(exchange.header(b"accept")):
                raise
            await self._editor_page(Page(Asked.of(exchange), _in_links(items), _query_of(items), problem=found), items)

    # -- replies ------------------------------------------------------------------------------------------------

    def _render(self, asked: Asked, template: str, items: list[tuple[str, str]], **values: object) -> bytes:
        own = {name: value for name, value in items if name != "lang"}
        languages = links_of_languages(of_page(asked.language), own)
        return asked.render(template, asked=asked, languages=languages, **values)

    async def _page(self, page: Page, template: str, items: list[tuple[str, str]], **values: object) -> None:
        """Send a page with an answer, or with what stands in its way."""
        content = await asyncio.to_thread(self._render, page.asked, template, items, page=page, **values)
        exchange, language = page.asked.exchange, of_page(page.asked.language)
        status, headers = HTTPStatus.OK, page.headers(page.answer.headers) if page.answer is not None else []
        if page.problem is not None:
            status = page.problem.status
            headers = [
                (name.encode(), value.encode("latin-1", "replace")) for name, value in page.problem.headers.items()
            ]
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        headers += [(b"content-type", HTML.content_type.encode()), (b"content-language", language.encode()), _VARY]
        await self._send(exchange, status, headers, content)

    async def _unchanged(self, page: Page, unchanged: UnchangedError) -> None:
        await page.asked.exchange.reply(HTTPStatus.NOT_MODIFIED, [*page.headers(unchanged.headers), _VARY], b"")

    async def _whole(self, exchange: Exchange, content: bytes, media_type: str, language: str = "") -> None:
        """Send what is the same for all who ask the same."""
        tag = entity_tag(content).strip('"')
        headers = [(b"etag", f'"{tag}"'.encode()), _FRESH, _VARY]
        if (known := exchange.matching(tag)) is not None:
            await exchange.not_modified(headers, known)
            return
        headers.append((b"content-type", media_type.encode()))
        if language:
            headers.append((b"content-language", language.encode()))
        await self._send(exchange, HTTPStatus.OK, headers, content)

    async def _send(self, exchange: Exchange, status: HTTPStatus, headers: Headers, content: bytes) -> None:
        coding = exchange.coding
        if coding is not None and len(content) >= COMPRESSED_FROM:
            headers, content = coded(headers, coding), await asyncio.to_thread(pack, content, coding)
        await exchange.reply(status, headers, content)


def _at_endpoint(exchange: Exchange) -> Exchange:
    """Return an exchange as if it were one with the endpoint: what is asked there is the same, and kept once."""
    scope = {**exchange.scope, "path": "/sparql", "method": "HEAD" if exchange.method == "HEAD" else "GET"}
    return Exchange(scope, exchange.receive, exchange.send, exchange.public_url)


def _with_way_out(found: RequestProblem, question: Question, asked: Asked) -> RequestProblem:
    """Return a problem, with what to do where other endpoints may not be asked."""
    if found.status is not HTTPStatus.FORBIDDEN:
        return found
    detail = (
        f"{found.detail} The operator of this server may allow {' and '.join(question.endpoints)} (CIRCKG_SERVICE); "
        f"or take {asked.site}/queries/{question.id}.rq to a server of your own."
    )
    return RequestProblem(found.status, found.title, detail, **found.more)


def _chosen(
    exchange: Exchange, items: list[tuple[str, str]], offered: Sequence[str], forms: dict[str, str] = _FORMS
) -> str | None:
    """Return the media type that a client wants, by the parameter ``format`` or by Accept; ``None`` if none suits."""
    wanted = next((value.lower() for name, value in items if name == "format" and value), "")
    if wanted:
        found = forms.get(wanted, wanted.replace(" ", "+"))
        return found if found in offered else None
    return choose(exchange.header(b"accept"), offered, ALSO)


def _query_of(items: list[tuple[str, str]]) -> str:
    return next((value for name, value in items if name in ("query", "update")), "")


def _in_links(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters besides the query that decide its answer, but for the format."""
    return [item for item in items if item[0] in _IN_LINKS and item[1]]


def _values(items: list[tuple[str, str]]) -> dict[str, str]:
    """Return the values of a question's parameters; one that is left empty in a form has its default.

    :raises RequestProblem: if they are too long.
    """
    values: dict[str, str] = {}
    for name, value in items:
        if name not in OF_PROTOCOL and value.strip():
            values[name] = f"{values[name]}|{value}" if name in values else value
    if len(urlencode(values)) > LONGEST_ADDRESS:
        detail = f"Together they may have {LONGEST_ADDRESS:,} characters. Post a query of your own to /sparql."
        raise RequestProblem(HTTPStatus.REQUEST_URI_TOO_LONG, "The parameters are too long", detail)
    return values


def _filled(question: Question, values: dict[str, str]) -> str:
    """Return the query of a question with its parameters set.

    :raises RequestProblem: if a value does not fit.
    """
    try:
        return question.with_values(values)
    except ParameterError as error:
        raise RequestProblem(
            HTTPStatus.BAD_REQUEST, "A parameter does not fit", str(error), parameter=error.name, takes=error.takes
        ) from error
