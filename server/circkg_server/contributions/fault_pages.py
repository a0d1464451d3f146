"""The documentation of each kind of fault, served in the reader's language."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from circkg_loaders.contributed import codes
from circkg_server import problems
from circkg_server.contributions import wording
from circkg_server.negotiation import choose, choose_language
from circkg_server.web.rendering import render


def build_router() -> APIRouter:
    """Return the routes ``/docs/faults`` and ``/docs/faults/{code}``."""
    router = APIRouter(tags=["contributions"])

    @router.get("/docs/faults")
    def all_codes(request: Request, lang: str = "") -> Response:
        """List every kind of fault, with its title."""
        language = _language(request, lang)
        if _wants_json(request):
            return _answer(JSONResponse({code: said.title for code, said in codes.texts(language).items()}), language)
        page = render(
            "faults.html", root=_root(request), language=language, words=wording.words(language),
            codes=codes.texts(language), languages=codes.LANGUAGES,
        )  # fmt: skip
        return _answer(HTMLResponse(page), language)

    @router.get("/docs/faults/{code}")
    def one_code(request: Request, code: str, lang: str = "") -> Response:
        """Say what a kind of fault means and what to do, with an example."""
        language = _language(request, lang)
        try:
            said = codes.text(code, language)
        except codes.UnknownCodeError:
            detail = f"There is no kind of fault {code!r}. /docs/faults lists all of them."
            return problems.problem(HTTPStatus.NOT_FOUND, "No such kind of fault", detail)
        example = codes.examples()[code]
        if _wants_json(request):
            told = {"code": code, "title": said.title, "message": said.message, "wayOut": said.way_out}
            shown = {"column": example.column, "wrong": example.wrong, "mended": example.mended}
            return _answer(JSONResponse({**told, "example": shown}), language)
        page = render(
            "fault.html", root=_root(request), language=language, words=wording.words(language), code=code, said=said,
            message=codes.example_message(code, language), example=example, languages=codes.LANGUAGES,
        )  # fmt: skip
        return _answer(HTMLResponse(page), language)

    return router


def _language(request: Request, lang: str) -> str:
    """Return the language that is asked for, by parameter or by header."""
    accept = request.headers.get("accept-language", "")
    return codes.nearest_language(lang) if lang else choose_language(accept, codes.LANGUAGES)


def _wants_json(request: Request) -> bool:
    return choose(request.headers.get("accept", ""), ("text/html", "application/json")) == "application/json"


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _answer(response: Response, language: str) -> Response:
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept, Accept-Language"
    return response
