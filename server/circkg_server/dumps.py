"""Gives the files of releases, each for ever at its own address: ``/dumps/{set}/{version}.nq.gz``."""

from __future__ import annotations

import re
from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from circkg_loaders.iris import is_slug
from circkg_server.problems import problem
from circkg_server.releases.archive import Archive

_FILE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]*-[0-9a-f]{12}\.nq\.gz")


def build_router(archive: Archive) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.api_route("/dumps/{set_}/{file}", methods=["GET", "HEAD"], response_class=Response)
    def dump(set_: str, file: str) -> Response:
        """Give the canonical N-Quads of a release, compressed with gzip."""
        path = archive.folder / "releases" / set_ / file
        if not is_slug(set_) or not _FILE.fullmatch(file) or not path.is_file():
            detail = "There is no release of that set and version. /status names the snapshot that is served."
            return problem(HTTPStatus.NOT_FOUND, "There is no such release", detail)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{file}"'}
        return FileResponse(path, media_type="application/gzip", filename=f"{set_}-{file}", headers=headers)

    return router
