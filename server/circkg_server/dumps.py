"""Gives the files of releases, each for ever at its own address: ``/dumps/{set}/{version}.{ext}``.

Beside each file stands its checksum, ``….sha256``; ``/dumps/{set}/{version}.json`` lists the files of a release.
"""

from __future__ import annotations

import base64
import re
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse

from circkg_loaders.iris import is_slug
from circkg_server.conditional import not_modified
from circkg_server.problems import problem
from circkg_server.publishing.distributions import Distribution, find, index_path, path_of
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError

_FILE = re.compile(r"([0-9A-Za-z][0-9A-Za-z.+-]*-[0-9a-f]{12})\.[A-Za-z0-9][A-Za-z0-9._-]*")
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def build_router(archive: Archive) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/dumps/{set_}/{file}", response_class=Response)
    @router.head("/dumps/{set_}/{file}", response_class=Response, include_in_schema=False)
    def dump(request: Request, set_: str, file: str) -> Response:
        """Give a file of a release, the list of its files, or the SHA-256 of a file. Parts of it by ``Range``."""
        named = _FILE.fullmatch(file)
        if not is_slug(set_) or not named:
            return _nothing()
        index = index_path(archive, set_, named[1])
        if file == index.name and index.is_file():
            return FileResponse(index, media_type="application/json")
        try:
            found = find(archive, set_, named[1], file.removesuffix(".sha256"))
        except ManifestError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The store is damaged", str(error))
        if found is None or not path_of(archive, found).is_file():
            return _nothing()
        if file.endswith(".sha256"):
            return PlainTextResponse(found.checksum_line, headers=_FOR_EVER)
        headers = _headers(found)
        return not_modified(request, headers) or FileResponse(
            path_of(archive, found), media_type=found.served_as, filename=f"{set_}-{file}", headers=headers
        )

    return router


def _headers(found: Distribution) -> dict[str, str]:
    """Return what holds of a file for ever; the digest is that of RFC 9530."""
    digest = base64.b64encode(bytes.fromhex(found.sha256)).decode()
    return {**_FOR_EVER, "ETag": f'"{found.sha256[:32]}"', "Repr-Digest": f"sha-256=:{digest}:"}


def _nothing() -> Response:
    detail = "There is no such file of that set and version. /status names the snapshot that is served."
    return problem(HTTPStatus.NOT_FOUND, "There is no such release", detail)
