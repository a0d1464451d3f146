"""``POST /api/validate``: judges an upload, keeps nothing, needs no account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath

from fastapi import APIRouter, Request, Response

from circkg_loaders.contributed.codes import LANGUAGES, nearest_language
from circkg_loaders.contributed.reading import SYNTAXES
from circkg_server.contributions import itb
from circkg_server.contributions.answering import (
    MediaTypeError,
    NotAcceptableError,
    answered,
    client_of,
    while_there,
)
from circkg_server.contributions.itb_api import answer, itb_answered
from circkg_server.contributions.jobs import ENDINGS, JobFile, Reading, named
from circkg_server.contributions.uploads import (
    Upload,
    UploadedFile,
    UploadError,
)
from circkg_server.contributions.validation import Validation
from circkg_server.negotiation import choose, choose_language

MEDIA_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "turtle": "text/turtle; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Formats of a report and their media types."""

FIELDS = {
    "form": "what the rows are, such as practice; left out: found from the file",
    "lang": "language of the report",
    "language": "language of texts whose column names none",
    "format": ", ".join(MEDIA_TYPES),
    "set": "slug of the set that the file is for",
    "replaces": "yes: the file is the whole set",
}
FILES = ("file", "mapping")
_YES = frozenset(("yes", "true", "1", "on"))


def build_router(validation: Validation) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post("/api/validate", response_class=Response)
    async def validate(request: Request) -> Response:
        """Judge a file by the shapes and say what is wrong where, with a way out. Nothing is kept.

        Send the file as the body with its media type, or a form with the field `file` (and `form`, `lang`, `language`,
        `format`, `mapping`). The report comes as JSON, HTML, Turtle, CSV or XLSX, by `format` or `Accept`. Requests in
        the JSON form of the Interoperability Test Bed's SHACL validator are answered in its report forms.
        """
        return await answered(_validate(validation, request))

    return router


async def _validate(validation: Validation, request: Request) -> Response:
    with validation.scratch() as folder:
        upload = await validation.uploads.take(request, folder)
        body = _json_request(upload)
        if body is not None:
            return await itb_answered(answer(validation, request, folder, body, None))
        upload.only(FIELDS, FILES)
        file = only_file(upload)
        format_ = _format(upload, request)
        accept = request.headers.get("accept-language", "")
        language = nearest_language(upload.one("lang") or choose_language(accept, LANGUAGES))
        reading = Reading(
            (JobFile(str(file.path), file.name, file.media_type),), str(validation.store), upload.one("form"),
            upload.one("language"), upload.one("set"), is_yes(upload.one("replaces")), mapping_of(upload),
        )  # fmt: skip
        report = await while_there(
            request,
            validation.job(
                client_of(request),
                folder,
                "validate",
                reading=reading,
                language=language,
                format=format_,
                root=request.scope.get("root_path", ""),
            ),
        )
        headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store", "Content-Language": language}
        if format_ == "xlsx":
            stem = PurePath(file.name or "upload").stem
            plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem)
            headers["Content-Disposition"] = f'attachment; filename="{plain}-checked.xlsx"'
        return Response(report, media_type=MEDIA_TYPES[format_], headers=headers)


def is_yes(text: str) -> bool:
    """Tell whether a field says yes."""
    return text.lower() in _YES


def only_file(upload: Upload) -> UploadedFile:
    """Return the one file of an upload, of a kind that is read.

    :raises UploadError: if there is none, or several.
    :raises MediaTypeError: if it is of another kind.
    """
    files = [file for file in upload.files if file.field in ("", "file")]
    if len(files) != 1:
        raise UploadError("Send one file: as the body, or in the field `file` of a form." if not files else
                          f"{len(files)} files were sent. Send one at a time.")  # fmt: skip
    require_readable(files[0])
    return files[0]


def require_readable(file: UploadedFile) -> None:
    """Refuse a file of a kind that is not read, by its name or media type.

    :raises MediaTypeError: if it is of another kind.
    """
    name = named(JobFile("", file.name, file.media_type))
    if PurePath(name).suffix.lower().removeprefix(".") not in SYNTAXES:
        kinds = ", ".join(f".{ending}" for ending in SYNTAXES)
        media = ", ".join(media for media, ending in ENDINGS.items() if ending in SYNTAXES)
        raise MediaTypeError(f"{name}: this kind of file is not read. Files: {kinds}. Media types: {media}.")


def mapping_of(upload: Upload) -> JobFile | None:
    """Return the mapping file of an upload, if it has one.

    :raises UploadError: if it has several.
    """
    found = [file for file in upload.files if file.field == "mapping"]
    if len(found) > 1:
        raise UploadError("Send one mapping file.")
    return JobFile(str(found[0].path), found[0].name) if found else None


def _format(upload: Upload, request: Request) -> str:
    wanted = upload.one("format")
    if wanted:
        if wanted not in MEDIA_TYPES:
            raise NotAcceptableError(f"There is no format {wanted!r}. The formats: {', '.join(MEDIA_TYPES)}.")
        return wanted
    by_type = {media_type.partition(";")[0]: name for name, media_type in MEDIA_TYPES.items()}
    found = choose(request.headers.get("accept", "*/*"), tuple(by_type))
    if found is None:
        raise NotAcceptableError(f"The report comes as {', '.join(by_type)}.")
    return by_type[found]


def _json_request(upload: Upload) -> Mapping[str, object] | None:
    """Return the body if it is a request of the Test Bed's form."""
    if len(upload.files) != 1 or upload.files[0].media_type not in ("application/json", "application/ld+json"):
        return None
    content = upload.files[0].path.read_bytes()
    if not itb.is_small(content):
        return None
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if itb.is_request(body) else None
