"""Where the catalogue is reached: ``/catalogue``, ``/set/…`` and ``/.well-known/void``.

Each has a form for people and four for programs, chosen by ``Accept`` or by the ending of the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from circkg_server.catalogue.dcat import View
from circkg_server.catalogue.description import FORMS
from circkg_server.catalogue.documents import Kind, Shelf
from circkg_server.catalogue.pages import catalogue_page, set_page
from circkg_server.catalogue.quality.command import kept_path
from circkg_server.catalogue.signposts import DCAT_AP, PROFILES, SIGN_FORMATS, Signposts
from circkg_server.conditional import entity_tag, not_modified
from circkg_server.linked_data.formats import JSON_LD, LINKSET
from circkg_server.linked_data.profiles import ALTERNATES, by_name, negotiate
from circkg_server.negotiation import DOCUMENT_NAMES, choose
from circkg_server.problems import problem
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import TermError, iri

_HTML = "text/html"

Maker = Callable[[], bytes]
"""Makes a form of a document."""


def address_of(request: Request) -> str:
    """Return the address of the server as the client reaches it, without a slash at its end.

    :raises TermError: if the client gives a host that no address can have.
    """
    host = request.headers.get("host") or request.url.netloc
    address = f"{request.url.scheme}://{host}{request.scope.get('root_path', '')}"
    return iri(address.rstrip("/"))[1:-1]


def build_router(shelf: Shelf) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/catalogue", response_class=Response)
    @router.get("/set", response_class=Response)
    def catalogue(request: Request) -> Response:
        """Describe all sets in DCAT-AP 3.0.1."""
        return _Answer(shelf, request).give("catalogue")

    @router.get("/catalogue/quality", response_class=Response)
    def quality() -> Response:
        """Give the metadata quality score of the catalogue, in DQV, as `circkg quality --keep` found it."""
        manifest = shelf.archive.current()
        path = kept_path(shelf.archive, manifest) if manifest else None
        if path is None or not path.is_file():
            detail = "The catalogue of this snapshot was not scored. Run `circkg quality --keep` beside the server."
            return problem(HTTPStatus.NOT_FOUND, "There is no score", detail)
        return Response(path.read_bytes(), media_type=FORMS[0].media_type)

    @router.get("/.well-known/void", response_class=Response)
    @router.get("/void", response_class=Response)
    def void(request: Request) -> Response:
        """Describe what the graph is made of, in VoID."""
        return _Answer(shelf, request).give("void")

    @router.get("/catalogue.{ending}", response_class=Response, include_in_schema=False)
    def catalogue_form(request: Request, ending: str) -> Response:
        chosen = _by_ending(ending)
        return _Answer(shelf, request, chosen).give("catalogue") if chosen else _nothing(shelf)

    @router.get("/void.{ending}", response_class=Response, include_in_schema=False)
    def void_form(request: Request, ending: str) -> Response:
        chosen = _by_ending(ending)
        return _Answer(shelf, request, chosen).give("void") if chosen else _nothing(shelf)

    @router.get("/set/{slug}", response_class=Response)
    def one_set(request: Request, slug: str) -> Response:
        """Describe a set as it is now, and name its releases."""
        name, _, ending = slug.partition(".")
        chosen = _of_set(ending)
        if ending and chosen is None:
            return _nothing(shelf)
        return _Answer(shelf, request, chosen).set(name)

    @router.get("/set/{slug}/{version}", response_class=Response)
    def one_release(request: Request, slug: str, version: str) -> Response:
        """Describe a release of a set; its address is for ever."""
        name, _, ending = version.rpartition(".")
        chosen = _of_set(ending) if name else None
        return _Answer(shelf, request, chosen).release(slug, name if chosen else version)

    return router


class _Answer:
    """Answers one request.

    :param chosen: media type that the address names; ``None``: that which ``Accept`` asks for.
    """

    def __init__(self, shelf: Shelf, request: Request, chosen: str | None = None) -> None:
        self._shelf = shelf
        self._request = request
        self._chosen = chosen

    def give(self, kind: Kind) -> Response:
        """Give the catalogue or the description of the graph."""
        manifest = self._shelf.archive.current()
        if manifest is None:
            return _nothing(self._shelf)
        try:
            view = self._shelf.view(manifest, address_of(self._request))
        except TermError:
            return _no_host()
        page = (lambda: catalogue_page(view, self._root).encode()) if kind == "catalogue" else None
        return self._respond(self._forms(kind, view, None, page))

    def set(self, slug: str) -> Response:
        """Give a set as it is now."""
        manifest = self._shelf.archive.current()
        if manifest is None:
            return _nothing(self._shelf)
        release = manifest.release(slug)
        if release is None:
            return self._not_now(manifest, slug)
        return self._describe("set", manifest, release)

    def release(self, slug: str, version: str) -> Response:
        """Give a release."""
        manifest = self._shelf.archive.current()
        release = self._shelf.versions(manifest).find(slug, version) if manifest else None
        if manifest is None or release is None:
            return _nothing(self._shelf)
        return self._describe("release", manifest, release)

    def _describe(self, kind: Kind, manifest: Manifest, release: Release) -> Response:
        """Give a set or a release in the form and profile that the client likes best, with its typed links."""
        is_current = kind == "set"
        try:
            view = self._shelf.view(manifest, address_of(self._request))
        except TermError:
            return _no_host()
        signs = Signposts(view, release, is_current)
        named = self._request.query_params.get("_profile", "")
        accepted = self._request.headers.get("accept-profile", "")
        if named == ALTERNATES:
            return self._respond({form.media_type: partial(signs.alternates, form) for form in SIGN_FORMATS})
        profile = by_name(named, PROFILES) if named else negotiate(accepted, PROFILES) if accepted else DCAT_AP
        if profile is None:
            detail = f"The profiles: {', '.join(f'{one.token} ({one.iri})' for one in PROFILES)}."
            return problem(HTTPStatus.NOT_ACCEPTABLE, "There is no such profile", detail)

        def page() -> bytes:
            known = self._shelf.versions(manifest)
            return set_page(view, known, release, self._root, is_current=is_current).encode()

        forms: dict[str, Maker] = {JSON_LD.media_type: signs.schema_org}
        if profile is DCAT_AP:
            forms = self._forms(kind, view, release, page) | {LINKSET.media_type: signs.linkset}
        response = self._respond(forms, ("Accept-Profile",), Link=signs.header(profile))
        if response.status_code == HTTPStatus.OK and response.media_type:
            response.headers["Content-Location"] = signs.place(response.media_type, profile)
        return response

    @property
    def _root(self) -> str:
        return str(self._request.scope.get("root_path", ""))

    def _forms(self, kind: Kind, view: View, release: Release | None, page: Maker | None) -> dict[str, Maker]:
        """Return what makes each form of a document, by media type, the first for who does not choose."""
        data: dict[str, Maker] = {
            form.media_type: partial(self._shelf.document, kind, view.manifest, view.address, form, release)
            for form in FORMS
        }
        first = FORMS[0].media_type
        return {first: data[first], _HTML: page, **data} if page else data

    def _not_now(self, manifest: Manifest, slug: str) -> Response:
        earlier = self._shelf.versions(manifest).of(slug)
        if not earlier:
            return _nothing(self._shelf)
        detail = f"This set is published no more. Its last release stays at /set/{slug}/{earlier[-1].version}."
        releases = [f"/set/{slug}/{release.version}" for release in earlier]
        return problem(HTTPStatus.GONE, "This set was withdrawn", detail, releases=releases)

    def _respond(self, forms: Mapping[str, Maker], vary: Sequence[str] = (), **headers: str) -> Response:
        """Give the form that the address names or the client likes best.

        :param vary: headers of requests that decided, besides ``Accept``.
        """
        if self._chosen is not None:
            media_type = self._chosen if self._chosen in forms else None
        else:
            media_type = choose(self._request.headers.get("accept", ""), list(forms), DOCUMENT_NAMES)
        if media_type is None:
            detail = f"There is {', '.join(forms)}."
            return problem(HTTPStatus.NOT_ACCEPTABLE, "There is no such form", detail, available=list(forms))
        content = forms[media_type]()
        headers |= {"ETag": entity_tag(content), "Cache-Control": "no-cache"}
        if decided := [*(() if self._chosen else ("Accept",)), *vary]:
            headers["Vary"] = ", ".join(decided)
        known = not_modified(self._request, headers)
        return known or Response(content, media_type=media_type, headers=headers)


def _by_ending(ending: str) -> str | None:
    """Return the media type of a description that an ending names."""
    return next((form.media_type for form in FORMS if form.ending == ending), None)


def _of_set(ending: str) -> str | None:
    """Return the media type of a form of a set that an ending names: one of its description, or its links."""
    return LINKSET.media_type if ending == LINKSET.extension else _by_ending(ending)


def _no_host() -> Response:
    detail = "The request names a host that no address can have."
    return problem(HTTPStatus.BAD_REQUEST, "The host is not one", detail)


def _nothing(shelf: Shelf) -> Response:
    if shelf.archive.current() is None:
        return problem(HTTPStatus.NOT_FOUND, "Nothing is published here", "This store has no data sets yet.")
    detail = "There is no such data set, release or form of it. /catalogue lists the data sets."
    return problem(HTTPStatus.NOT_FOUND, "There is no such set", detail)
