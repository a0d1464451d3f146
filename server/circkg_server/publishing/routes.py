"""Gives what is published over HTTP: the same bytes as in a published directory, and negotiation on top.

Files of releases are given by :mod:`circkg_server.dumps`, which can give parts of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from circkg_server.catalogue.editor import Editor
from circkg_server.catalogue.routes import address_of
from circkg_server.conditional import entity_tag, not_modified
from circkg_server.negotiation import choose
from circkg_server.problems import problem
from circkg_server.publishing import citation, pages, site
from circkg_server.publishing.citation_formats import FORMATS
from circkg_server.publishing.feed import FORMS
from circkg_server.publishing.publication import HTML, JSON, Publication, Published
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError
from circkg_shapes.terms import TermError

_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=60"
_KEPT, _KEPT_BYTES = 64, 1 << 20
_HTML = "text/html"
LONGEST_ADDRESS = 8000
"""Characters of an address that every client should take: https://www.rfc-editor.org/rfc/rfc9110#section-4.1"""


@dataclass(slots=True)
class _Kept:
    """Contents that were made not long ago, so that what many ask for is made once."""

    _contents: OrderedDict[tuple[int, str, str], bytes] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bytes(self, key: tuple[int, str, str], make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._contents:
                self._contents.move_to_end(key)
                return self._contents[key]
        content = make()
        if len(content) <= _KEPT_BYTES:
            with self._lock:
                self._contents[key] = content
                while len(self._contents) > _KEPT:
                    self._contents.popitem(last=False)
        return content


class NotPublishedError(Exception):
    """A request cannot be answered whatever it asks for."""

    def response(self) -> Response:
        """Return the answer that says why."""
        status, title, detail = self.args
        return problem(status, title, detail)


@dataclass(slots=True)
class Site:
    """What the routes give.

    :param editor: who publishes.
    """

    archive: Archive
    editor: Editor
    _kept: _Kept = field(default_factory=_Kept)

    def publication(self, request: Request) -> Publication:
        """Return what is published, as seen from the address of a request.

        :raises NotPublishedError: if nothing is published, or the request names a host that no address can have.
        :raises ManifestError: if the manifest cannot be read.
        """
        manifest = self.archive.current()
        if manifest is None:
            detail = "This store has no data sets yet."
            raise NotPublishedError(HTTPStatus.NOT_FOUND, "Nothing is published here", detail)
        try:
            address = address_of(request)
        except TermError as error:
            detail = "The request names a host that no address can have."
            raise NotPublishedError(HTTPStatus.BAD_REQUEST, "The host is not one", detail) from error
        return Publication(self.archive, manifest, self.editor, address)

    def give(self, request: Request, path: str, part: site.Part, headers: dict[str, str] | None = None) -> Response:
        """Return the thing of a part that stands at a path."""
        try:
            seen = self.publication(request)
            found = site.find(seen, path, part)
            if found is not None:
                return _response(request, seen, found, self._kept, headers or {})
        except NotPublishedError as error:
            return error.response()
        except ManifestError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The store is damaged", str(error))
        detail = f"Nothing is published at /{path}. {seen.address}/releases/ lists what there is."
        return problem(HTTPStatus.NOT_FOUND, "There is no such thing", detail)

    def negotiate(self, request: Request, offered: dict[str, str], part: site.Part) -> Response:
        """Return the form of a thing that the client likes best; the address of each form is its own.

        :param offered: the path of each form by its media type.
        """
        media_type = choose(request.headers.get("accept", ""), list(offered))
        if media_type is None:
            return problem(HTTPStatus.NOT_ACCEPTABLE, "Not in this form", f"There is {', '.join(offered)}.")
        path = offered[media_type]
        location = f"{request.scope.get('root_path', '')}/{path.removesuffix('index.html')}"
        return self.give(request, path, part, {"Vary": "Accept", "Content-Location": location})


def build_router(archive: Archive, editor: Editor) -> APIRouter:
    """Return the routes.

    :param editor: who publishes.
    """
    router = APIRouter()
    seen = Site(archive, editor)
    _add_files(router, seen)
    _add_negotiated(router, seen)
    _add_citing(router, seen)
    return router


def _add_files(router: APIRouter, seen: Site) -> None:
    """Give things at their own paths."""

    def files(pattern: str, part: site.Part) -> None:
        @router.get(pattern, response_class=Response, include_in_schema=False)
        def file(request: Request) -> Response:
            path = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/")
            return seen.give(request, f"{path}index.html" if path.endswith("/") else path, part)

    for pattern in ("/releases.json", "/releases/", "/snapshot/{number:int}.json", "/snapshot/{number:int}/"):
        files(pattern, site.snapshots)
    for pattern in ("/dumps.json", "/dumps/"):
        files(pattern, site.dump_lists)
    for pattern in ("/CITATION.cff", "/.zenodo.json", "/cite/{file}", "/cite/{set_}/{file}"):
        files(pattern, site.citations)
    for name in ("diff/", "diff.json", "diff.rdfp", "diff.rdfp.gz"):
        files(f"/set/{{set_}}/{{version}}/{name}", site.differences)
    for form in FORMS:
        files(f"/feed.{form.ending}", site.change_feed)
        files(f"/feed/{{number:int}}.{form.ending}", site.change_feed)
    files("/feed/", site.change_feed)
    files("/ro-crate-metadata.json", site.research_object)


def _add_negotiated(router: APIRouter, seen: Site) -> None:
    """Give things in the form that a client likes best."""

    @router.get("/releases", response_class=Response)
    def releases(request: Request) -> Response:
        """Give all releases of all data sets: a page, or JSON."""
        return seen.negotiate(request, {_HTML: "releases/index.html", JSON: "releases.json"}, site.snapshots)

    @router.get("/dumps", response_class=Response)
    def dumps(request: Request) -> Response:
        """Give the list of the files of what is published now, with sizes and checksums: a page, or JSON."""
        return seen.negotiate(request, {_HTML: "dumps/index.html", JSON: "dumps.json"}, site.dump_lists)

    @router.get("/snapshot/{number:int}", response_class=Response)
    def snapshot(request: Request, number: int) -> Response:
        """Give a snapshot: which release of each data set it holds; a page, or the manifest as JSON."""
        offered = {_HTML: f"snapshot/{number}/index.html", JSON: f"snapshot/{number}.json"}
        return seen.negotiate(request, offered, site.snapshots)

    @router.get("/set/{set_}/{version}/diff", response_class=Response)
    def diff(request: Request, set_: str, version: str) -> Response:
        """Give what a release changed against the one before: a page, or JSON. The patch is ``diff.rdfp``."""
        folder = f"set/{set_}/{version}"
        offered = {_HTML: f"{folder}/diff/index.html", JSON: f"{folder}/diff.json"}
        return seen.negotiate(request, offered, site.differences)

    @router.get("/feed", response_class=Response)
    def feed(request: Request) -> Response:
        """Give the change feed: TriG, JSON-LD, or a page."""
        offered = {form.media_type: f"feed.{form.ending}" for form in FORMS}
        return seen.negotiate(request, {**offered, _HTML: "feed/index.html"}, site.change_feed)

    @router.get("/feed/{number:int}", response_class=Response)
    def feed_page(request: Request, number: int) -> Response:
        """Give a page of the change feed: TriG or JSON-LD."""
        offered = {form.media_type: f"feed/{number}.{form.ending}" for form in FORMS}
        return seen.negotiate(request, offered, site.change_feed)


def _add_citing(router: APIRouter, seen: Site) -> None:
    @router.get("/cite", response_class=Response)
    def cite(
        request: Request,
        set: str = "",  # noqa: A002 - the name of the parameter in the address
        version: str = "",
        snapshot: Annotated[int, Query(ge=0)] = 0,
        query: str = "",
        format: str = "",  # noqa: A002 - the name of the parameter in the address
    ) -> Response:
        """Say how to cite a release (``set``, ``version``), a snapshot, or the answer to a query of a snapshot.

        What is not said is that of now. ``format``: text, bibtex, csl, datacite, zenodo, cff; without, a page.
        """
        try:
            publication = seen.publication(request)
        except NotPublishedError as error:
            return error.response()
        except ManifestError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The store is damaged", str(error))
        form = next((form for form in FORMATS if form.name == format), None)
        if format and form is None:
            detail = f"There is no format {format!r}. The formats: {', '.join(form.name for form in FORMATS)}."
            return problem(HTTPStatus.BAD_REQUEST, "No such format", detail)
        try:
            found = cited(publication, set, version, snapshot, query)
        except ManifestError as error:
            return problem(HTTPStatus.NOT_FOUND, "There is no such thing", str(error))
        if len(found.url) > LONGEST_ADDRESS:
            detail = (
                f"Its address would have {len(found.url)} characters, and not every client takes more than "
                f"{LONGEST_ADDRESS}. Cite the snapshot, and give the query in a file."
            )
            return problem(HTTPStatus.REQUEST_URI_TOO_LONG, "Too long to cite", detail)
        headers = {"Cache-Control": _SHORT} | ({} if query else {"Link": f'<{found.url}>; rel="cite-as"'})
        if form:
            return Response(form.write(found), media_type=form.media_type, headers=headers)
        return Response(pages.cite(publication, found), media_type=HTML, headers=headers)


def cited(
    publication: Publication, set_: str = "", version: str = "", snapshot: int = 0, query: str = ""
) -> citation.Citation:
    """Return how to cite a release of a set, or the answer to a query, or a snapshot; the newest where none is named.

    :raises ManifestError: if there is no such set, release or snapshot.
    """
    if set_:
        known = publication.releases.get(set_, ())
        release = next((one for one in reversed(known) if version in ("", one.version)), None)
        if release is None:
            there = ", ".join(one.version for one in known) if known else ", ".join(publication.releases)
            what = f"release {version!r} of {set_}" if known else f"data set {set_!r}"
            raise ManifestError(f"There is no {what}. There is {there}.")
        return citation.of_release(release, publication.editor)
    manifest = publication.archive.number(snapshot) if snapshot else publication.manifest
    if manifest.number > publication.manifest.number:
        raise ManifestError(f"There is no snapshot {snapshot}. The newest is {publication.manifest.number}.")
    day = site.day_of(publication, manifest)
    if query:
        return citation.of_query(query, manifest, day, publication.editor, publication.address)
    return citation.of_snapshot(manifest, day, publication.editor)


def _response(
    request: Request, publication: Publication, found: Published, kept: _Kept, headers: dict[str, str]
) -> Response:
    headers = {"Cache-Control": _FOR_EVER if found.for_ever else _SHORT, **headers}
    if found.size is not None and found.size > _KEPT_BYTES:
        headers["Content-Length"] = str(found.size)
        return StreamingResponse(found.content(), media_type=found.media_type, headers=headers)
    content = kept.bytes((publication.manifest.number, publication.address, found.path), found.bytes)
    headers["ETag"] = entity_tag(content)
    return not_modified(request, headers) or Response(content, media_type=found.media_type, headers=headers)
