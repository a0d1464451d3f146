"""The search as an API: ``/api/search``."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from circkg_server.problems import problem
from circkg_server.search.hits import Hit
from circkg_server.search.index import Index
from circkg_server.search.settings import SearchError, SearchUnavailableError


def build_router(index: Callable[[], Index], expand: Callable[[str], str]) -> APIRouter:
    """Return the route.

    :param index: opens the index of the snapshot that is served.
    :param expand: returns the IRI of a prefixed name; raises ValueError if there is no such prefix.
    """
    router = APIRouter()

    @router.get("/api/search")
    def search(
        q: Annotated[str, Query(description="Words to look for")],
        lang: Annotated[str | None, Query(description="Language of the texts, e.g. fi")] = None,
        type_: Annotated[list[str] | None, Query(alias="type", description="Class, e.g. circ:Practice")] = None,
        region: Annotated[str | None, Query(description="Region, territory or country, e.g. nuts:FI1C")] = None,
        limit: Annotated[int | None, Query(description="Most hits")] = None,
        offset: Annotated[int, Query(description="Hits to skip")] = 0,
    ) -> Response:
        """Find things by their labels, titles and descriptions, in all languages."""
        try:
            classes = [_iri(name, expand) for name in type_ or ()]
            place = _iri(region, expand) if region else None
            found = index().search(q, lang, classes, place, limit, offset)
        except (SearchError, ValueError) as error:
            return problem(HTTPStatus.BAD_REQUEST, "The search cannot be made", str(error))
        except SearchUnavailableError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "Text search is not there", str(error))
        content = {
            "total": found.total,
            "typing_errors": found.typing_errors,
            "hits": [_hit(hit) for hit in found.hits],
        }
        return JSONResponse(content)

    return router


def _iri(name: str, expand: Callable[[str], str]) -> str:
    return name if "://" in name else expand(name)


def _hit(hit: Hit) -> dict[str, object]:
    return {
        "iri": hit.iri,
        "score": round(hit.score, 4),
        "label": hit.label,
        "label_language": hit.label_language,
        "types": hit.types,
        "field": hit.field,
        "language": hit.language,
        "highlight": {"text": hit.highlight.text, "spans": hit.highlight.spans},
    }
