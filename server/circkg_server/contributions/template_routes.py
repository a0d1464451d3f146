"""Gives templates of tables: ``/api/templates`` lists them, ``/api/templates/practice.xlsx?lang=fi`` is one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from threading import Lock
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.templates.files import MEDIA_TYPES, METADATA, ROWS, Templates
from circkg_loaders.contributed.templates.template import NoSuchTemplateError, TemplateError, template
from circkg_server import problems
from circkg_server.conditional import entity_tag, not_modified
from circkg_server.negotiation import choose_language
from circkg_shapes.forms import in_language

_KEPT: Final = 64  # files
_TITLES: Final = {"xlsx": "Excel", "csv": "CSV", f"csv{METADATA}": "CSV on the Web"}

Language = Annotated[str, Query(description="Language of headers and help: en pt fi fr de es it pl.")]
Texts = Annotated[list[str] | None, Query(description="Languages of the texts, each with a column of its own.")]


class _Kept:
    """Makes files one at a time, and keeps those that were asked for last."""

    def __init__(self, known: Callable[[], Known]) -> None:
        self._known = known
        self._templates: tuple[Known, Templates] | None = None
        self._lock = Lock()
        self._file = lru_cache(_KEPT)(Templates.file)

    def file(self, name: str, language: str, texts: tuple[str, ...], rows: int) -> bytes:
        with self._lock:
            known = self._known()
            if self._templates is None or self._templates[0] is not known:
                self._templates = known, Templates(known)
            return self._file(self._templates[1], name, language, texts, rows)


def build_router(known: Callable[[], Known] = Known.of_rooms) -> APIRouter:
    """Return the routes.

    :param known: gives what cells may name; templates are made anew when it gives something else.
    """
    router = APIRouter(prefix="/api/templates", tags=["contributions"])
    kept = _Kept(known)

    @router.get("")
    def list_templates(request: Request, lang: Language = "") -> Response:
        """List the kinds of things that tables may describe, each with its templates."""
        language = _language(request, lang)
        base = f"{request.scope.get('root_path', '')}{router.prefix}"
        query = urlencode({"lang": language})
        found = [
            {
                "kind": form.key,
                "name": in_language(form.names, language),
                "description": in_language(form.descriptions, language),
                "columns": [
                    {"name": column.name, "title": asked.header(column), "required": column.required}
                    for column in asked.columns
                ],
                "files": [
                    {"title": _TITLES[ending], "href": f"{base}/{form.key}.{ending}?{query}", "type": media}
                    for ending, media in MEDIA_TYPES.items()
                ],
            }
            for form in our_forms()
            for asked in (template(form.key, language),)
        ]
        answer = {"language": language, "languages": list(codes.LANGUAGES), "templates": found}
        return _with_language(JSONResponse(answer), language)

    @router.get("/{name}", response_class=Response)
    @router.head("/{name}", response_class=Response, include_in_schema=False)
    def get_template(
        request: Request,
        name: str,
        lang: Language = "",
        texts: Texts = None,
        rows: Annotated[int, Query(description="Rows that a workbook is prepared for.")] = ROWS,
    ) -> Response:
        """Give a template: ``practice.xlsx``, ``practice.csv`` or ``practice.csv-metadata.json``."""
        language = _language(request, lang)
        try:
            content = kept.file(name, language, tuple(texts or ()), rows)
        except NoSuchTemplateError as error:
            return problems.problem(HTTPStatus.NOT_FOUND, "There is no such template", str(error))
        except TemplateError as error:
            return problems.problem(HTTPStatus.BAD_REQUEST, "The template cannot be made", str(error))
        headers = {"ETag": entity_tag(content), "Cache-Control": "public, max-age=3600"}
        kind, _, ending = name.partition(".")
        if ending == "csv":
            query = urlencode({"lang": language, "texts": texts or ()}, doseq=True)
            metadata = f"csv{METADATA}"
            headers["Link"] = f'<{kind}.{metadata}?{query}>; rel="describedby"; type="{MEDIA_TYPES[metadata]}"'
        if not ending.endswith("json"):
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        whole = Response(content, headers=headers, media_type=MEDIA_TYPES[ending])
        return _with_language(not_modified(request, headers) or whole, language)

    return router


def _language(request: Request, lang: str) -> str:
    """Return the language that is asked for, by parameter or by header."""
    accept = request.headers.get("accept-language", "")
    return codes.nearest_language(lang) if lang else choose_language(accept, codes.LANGUAGES)


def _with_language(response: Response, language: str) -> Response:
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response
