"""Pages for people: ``/validate``, and the contributions with their decisions. All work without JavaScript."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.reading import SYNTAXES
from circkg_server.contributions.answering import answered
from circkg_server.contributions.api import PARTS, Office, to_dict
from circkg_server.contributions.validate_api import MEDIA_TYPES
from circkg_server.web.rendering import render
from circkg_server.writes.tokens import Scope
from circkg_shapes.forms import Form, in_language

SHOWN = 50
"""Things and candidates that the page of a contribution shows; the JSON has them all."""

_NAMES = {
    "en": "English", "pt": "Português", "fi": "Suomi", "fr": "Français", "de": "Deutsch", "es": "Español",
    "it": "Italiano", "pl": "Polski",
}  # fmt: skip
_HEADERS = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


def build_router(office: Office, forms: tuple[Form, ...]) -> APIRouter:
    """Return the routes.

    :param forms: what the rows of a table can be.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/validate")
    def validate(request: Request) -> Response:
        """Show where to upload a file."""
        known = [(form.key, in_language(form.names, "en")) for form in forms if form.space]
        content = render(
            "validate.html", root=request.scope.get("root_path", ""), forms=known,
            languages=[(tag, _NAMES[tag]) for tag in LANGUAGES], formats=tuple(MEDIA_TYPES),
            endings=",".join(f".{ending}" for ending in SYNTAXES),
            most=office.contributions.validating.max_bytes // 2**20,
        )  # fmt: skip
        return HTMLResponse(content)

    @router.get("/contributions")
    async def listed(request: Request) -> Response:
        """Show one's contributions; a curator sees all."""

        async def shown() -> Response:
            use = office.who(request)
            found = [to_dict(office, each, request) for each in office.contributions.visible(use)]
            root = request.scope.get("root_path", "")
            return HTMLResponse(render("contributions.html", root=root, contributions=found), headers=_HEADERS)

        return await answered(shown())

    @router.get("/contributions/{id_}")
    async def one(request: Request, id_: str) -> Response:
        """Show a contribution: where it stands, its report, what it would change, candidates, history."""

        async def shown() -> Response:
            use = office.who(request)
            found = office.contributions.for_reader(id_, use)
            folder = office.contributions.staging.folder_of(found.id) / "review"
            changes, pairs = _read(folder / "difference.json"), _read(folder / "duplicates.json")
            content = render(
                "contribution.html", root=request.scope.get("root_path", ""), it=to_dict(office, found, request),
                changes=[each for each in changes if each["change"] != "same"][:SHOWN], candidates=pairs[:SHOWN],
                shown=SHOWN, may_curate=use.may(Scope.CURATE), parts=tuple(PARTS),
            )  # fmt: skip
            return HTMLResponse(content, headers=_HEADERS)

        return await answered(shown())

    return router


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
