"""``POST /api/validate``: judges an upload, keeps nothing, needs no account. Also in the forms of the EU Test Bed."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePath

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.reading import SYNTAXES
from circkg_server.contributions import itb
from circkg_server.contributions.answering import (
    RETRY,
    MediaTypeError,
    NotAcceptableError,
    UnreadableError,
    answered,
    while_there,
)
from circkg_server.contributions.desk import Desk, JobError
from circkg_server.contributions.jobs import ENDINGS, JobFile, Outcome, Reading, job_of, named
from circkg_server.contributions.official import Official
from circkg_server.contributions.settings import ValidateSettings
from circkg_server.contributions.staging import Staging
from circkg_server.contributions.uploads import (
    BusyError,
    TooLargeError,
    TooSlowError,
    Upload,
    UploadedFile,
    UploadError,
    Uploads,
)
from circkg_server.negotiation import choose

TYPE = "circkg"
"""The kind of validation by our own shapes."""

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
DOMAINS = {"circkg": (TYPE,), "any": ()}
"""Domains of the Test Bed's addresses with the kinds of validation that need nothing installed."""

OFFICIAL_DOMAINS = ("semic-shacl", "dcat-ap")
"""Domains of the kinds that are there once official shapes are installed: the Test Bed's, and its other name."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What the routes work with."""

    store: Path
    staging: Staging
    desk: Desk
    settings: ValidateSettings
    uploads: Uploads

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder that is gone afterwards, whatever happens."""
        folder = self.staging.scratch()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def job(self, folder: Path, kind: str, **content: object) -> bytes:
        """Have a job done and return the report that it wrote.

        :raises UnreadableError: if what was sent cannot be judged.
        :raises JobError: if it took too long, needed too much or broke.
        """
        job_of(kind, folder, **content)
        outcome = await self.desk.do(folder, seconds=self.settings.timeout, memory=self.settings.memory)
        if outcome is Outcome.REFUSED:
            raise UnreadableError(json.loads((folder / "problem.json").read_text(encoding="utf-8"))["detail"])
        return (folder / "report").read_bytes()


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

    @router.post("/shacl/{domain}/api/validate", response_class=Response)
    async def itb_validate(request: Request, domain: str) -> Response:
        """Judge RDF as the Interoperability Test Bed's SHACL validator does; nothing is fetched and nothing kept."""
        return await _itb_answered(_itb_one(validation, request, domain))

    @router.post("/shacl/{domain}/api/validateMultiple", response_class=Response)
    async def itb_validate_multiple(request: Request, domain: str) -> Response:
        """Judge several pieces of RDF, each with a report of its own, as the Test Bed's validator does."""
        return await _itb_answered(_itb_many(validation, request, domain))

    @router.get("/shacl/{domain}/api/info", response_class=Response)
    def itb_info(domain: str) -> Response:
        """List the kinds of validation of a domain."""
        types = _types(validation, domain)
        return _no_domain() if types is None else JSONResponse(_info(domain, types))

    @router.get("/shacl/api/info", response_class=Response)
    def itb_info_all() -> Response:
        """List the domains and their kinds of validation."""
        found = ((domain, _types(validation, domain)) for domain in (*DOMAINS, *OFFICIAL_DOMAINS))
        return JSONResponse([_info(domain, types) for domain, types in found if types])

    return router


async def _validate(validation: Validation, request: Request) -> Response:
    with validation.scratch() as folder:
        upload = await validation.uploads.take(request, folder)
        body = _json_request(upload)
        if body is not None:
            return await _itb_answered(_itb(validation, request, folder, body, None))
        upload.only(FIELDS, FILES)
        file = only_file(upload)
        format_ = _format(upload, request)
        language = upload.one("lang") or _spoken(request)
        reading = Reading(
            (JobFile(str(file.path), file.name, file.media_type),), str(validation.store), upload.one("form"),
            upload.one("language"), upload.one("set"), is_yes(upload.one("replaces")), mapping_of(upload),
        )  # fmt: skip
        report = await while_there(
            request,
            validation.job(
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


def _spoken(request: Request) -> str:
    """Return the language that a browser asks for first, out of those that reports are written in."""
    accepted = request.headers.get("accept-language", "")
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"


def _json_request(upload: Upload) -> Mapping[str, object] | None:
    """Return the body if it is a request of the Test Bed's form."""
    if len(upload.files) != 1 or upload.files[0].media_type not in ("application/json", "application/ld+json"):
        return None
    try:
        body = json.loads(upload.files[0].path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return body if itb.is_request(body) else None


def _types(validation: Validation, domain: str) -> tuple[str, ...] | None:
    """Return the kinds of validation of a domain, or ``None`` if there is no such domain."""
    if domain in OFFICIAL_DOMAINS:
        return tuple(Official(validation.store).types())
    return DOMAINS.get(domain)


def _info(domain: str, types: tuple[str, ...]) -> dict[str, object]:
    return {"domain": domain, "validationTypes": [{"type": name, "description": _described(name)} for name in types]}


def _described(type_: str) -> str:
    return "Data of CircKG" if type_ == TYPE else f"Official shapes: {type_}"


def _no_domain() -> Response:
    content = itb.error_body("The requested resource could not be found")
    return Response(content, HTTPStatus.NOT_FOUND, media_type="application/json")


async def _itb_answered(handling: Awaitable[Response]) -> Response:
    """Return the answer of a handler, or the error as the Test Bed tells it: 500, or what it has no status for."""
    try:
        return await handling
    except Exception as error:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        headers = {}
        if isinstance(error, BusyError):
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": RETRY, "Connection": "close"}
        elif isinstance(error, TooLargeError):
            status, headers = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"}
        elif isinstance(error, TooSlowError):
            status, headers = HTTPStatus.REQUEST_TIMEOUT, {"Connection": "close"}
        elif isinstance(error, UploadError | json.JSONDecodeError):
            status = HTTPStatus.BAD_REQUEST
        elif not isinstance(error, itb.RequestError | UnreadableError | JobError):
            raise
        return Response(itb.error_body(str(error)), status, headers, "application/json")


async def _itb_body(validation: Validation, request: Request, folder: Path) -> object:
    upload = await validation.uploads.take(request, folder)
    if len(upload.files) != 1:
        raise UploadError("Send a JSON body.")
    try:
        return json.loads(upload.files[0].path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UploadError("The body is no JSON.") from error


async def _itb_one(validation: Validation, request: Request, domain: str) -> Response:
    if _types(validation, domain) is None:
        return _no_domain()
    with validation.scratch() as folder:
        return await _itb(validation, request, folder, await _itb_body(validation, request, folder), domain)


async def _itb_many(validation: Validation, request: Request, domain: str) -> Response:
    if _types(validation, domain) is None:
        return _no_domain()
    outputs = []
    with validation.scratch() as folder:
        bodies = await _itb_body(validation, request, folder)
        if not isinstance(bodies, list) or not 1 <= len(bodies) <= itb.MAX_RULE_SETS:
            raise UploadError(f"Send a JSON array of 1 to {itb.MAX_RULE_SETS} requests.")
        for number, body in enumerate(bodies):
            inner = folder / str(number)
            inner.mkdir()
            answer = await _itb(validation, request, inner, body, domain, several=True)
            report = base64.b64encode(bytes(answer.body)).decode()
            outputs.append({"report": report, "reportSyntax": answer.media_type})
    return JSONResponse(outputs)


async def _itb(
    validation: Validation, request: Request, folder: Path, body: object, domain: str | None, several: bool = False
) -> Response:
    asked = itb.request_of(body)
    syntax = asked.syntax or _itb_syntax(request)
    if several and syntax == itb.JSON:
        # As the Test Bed: several reports are XML where JSON is asked for.
        syntax = itb.XML
    content = folder / "content"
    content.write_bytes(asked.content.content)
    rules = []
    for number, rule in enumerate(asked.rules):
        path = folder / f"rule-{number}"
        path.write_bytes(rule.content)
        rules.append({"path": str(path), "media_type": rule.media_type()})
    type_, shapes, background = _chosen(validation, asked, domain)
    report = await while_there(
        request,
        validation.job(
            folder, "itb", store=str(validation.store), ours=type_ == TYPE, validation_type=type_, syntax=syntax,
            shapes=[str(path) for path in shapes], background=[str(path) for path in background],
            request={
                "content": str(content), "content_type": asked.content.media_type(), "rules": rules,
                "language": asked.language, "report_query": asked.report_query, "add_input": asked.add_input,
                "add_shapes": asked.add_shapes, "add_rdf_report": asked.add_rdf_report,
                "rdf_report_syntax": itb.checked_syntax(asked.rdf_report_syntax),
            },
        ),
    )  # fmt: skip
    return Response(report, media_type=syntax, headers={"Cache-Control": "no-store"})


def _itb_syntax(request: Request) -> str:
    """Return the first syntax of ``Accept`` that reports have, or RDF/XML, the Test Bed's default."""
    for part in request.headers.get("accept", "").split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted in (itb.XML, itb.TEXT_XML, itb.JSON, *itb.SHACL_SYNTAXES):
            return wanted
    return "application/rdf+xml"


def _chosen(
    validation: Validation, asked: itb.ItbRequest, domain: str | None
) -> tuple[str, tuple[Path, ...], tuple[Path, ...]]:
    """Return the kind of validation, and its files of shapes and of background.

    :raises RequestError: if there is no such kind, or if it is not said which of several.
    """
    official = Official(validation.store).types()
    here = tuple(official) if domain in OFFICIAL_DOMAINS else DOMAINS.get(domain or "", (TYPE, *official))
    type_ = asked.validation_type
    if not type_ and domain in (None, "circkg"):
        # Rules of one's own take the place of ours.
        type_ = "" if asked.rules else TYPE
    if not type_ and len(here) > 1 and not asked.rules:
        raise itb.RequestError(f"Say which validationType: {', '.join(here)}.")
    if type_ and type_ not in here:
        hint = " Its operators install DCAT-AP by `circkg shapes fetch dcat-ap`." if "dcatap" in type_ else ""
        raise itb.RequestError(
            f"The requested validation type [{type_}] is not supported. There is: {', '.join(here) or 'none'}.{hint}"
        )
    if not type_ and not asked.rules:
        raise itb.RequestError("Send the rules to judge by (externalRules).")
    if type_ == TYPE and asked.rules:
        raise itb.RequestError(
            "Rules of your own are not added to ours. Leave validationType out to judge by yours alone."
        )
    shapes, background = official.get(type_, ((), ()))
    return type_, shapes, background
