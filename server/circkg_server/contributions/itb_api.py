"""The addresses of the EU Test Bed's SHACL validator: ``/shacl/{domain}/api/…``."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from circkg_server.contributions import itb
from circkg_server.contributions.answering import RETRY, RulesError, UnreadableError, client_of, while_there
from circkg_server.contributions.desk import JobError
from circkg_server.contributions.official import Official
from circkg_server.contributions.uploads import BusyError, CrowdingError, TooLargeError, TooSlowError, UploadError
from circkg_server.contributions.validation import Validation

TYPE = "circkg"
"""The kind of validation by our own shapes."""

DOMAINS = {"circkg": (TYPE,), "any": ()}
"""Domains of the Test Bed's addresses with the kinds of validation that need nothing installed."""

OFFICIAL_DOMAINS = ("semic-shacl", "dcat-ap")
"""Domains of the kinds that are there once official shapes are installed: the Test Bed's, and its other name."""


def build_router(validation: Validation) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post("/shacl/{domain}/api/validate", response_class=Response)
    async def itb_validate(request: Request, domain: str) -> Response:
        """Judge RDF as the Interoperability Test Bed's SHACL validator does; nothing is fetched and nothing kept."""
        return await itb_answered(_itb_one(validation, request, domain))

    @router.post("/shacl/{domain}/api/validateMultiple", response_class=Response)
    async def itb_validate_multiple(request: Request, domain: str) -> Response:
        """Judge several pieces of RDF, each with a report of its own, as the Test Bed's validator does."""
        return await itb_answered(_itb_many(validation, request, domain))

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


async def itb_answered(handling: Awaitable[Response]) -> Response:
    """Return the answer of a handler, or the error as the Test Bed tells it: 500, or what it has no status for."""
    try:
        return await handling
    except Exception as error:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        headers = {}
        if isinstance(error, BusyError):
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": RETRY, "Connection": "close"}
        elif isinstance(error, CrowdingError):
            status, headers = HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": RETRY}
        elif isinstance(error, TooLargeError):
            status, headers = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"}
        elif isinstance(error, TooSlowError):
            status, headers = HTTPStatus.REQUEST_TIMEOUT, {"Connection": "close"}
        elif isinstance(error, UploadError | RulesError | json.JSONDecodeError):
            status = HTTPStatus.BAD_REQUEST
        elif not isinstance(error, itb.RequestError | UnreadableError | JobError):
            raise
        return Response(itb.error_body(str(error)), status, headers, "application/json")


async def _itb_body(validation: Validation, request: Request, folder: Path) -> object:
    upload = await validation.uploads.take(request, folder)
    if len(upload.files) != 1:
        raise UploadError("Send a JSON body.")
    content = upload.files[0].path.read_bytes()
    if not itb.is_small(content):
        raise UploadError("The body has too many members. Send contentToValidate as one text.")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UploadError("The body is no JSON.") from error


async def _itb_one(validation: Validation, request: Request, domain: str) -> Response:
    if _types(validation, domain) is None:
        return _no_domain()
    with validation.scratch() as folder:
        return await answer(validation, request, folder, await _itb_body(validation, request, folder), domain)


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
            answered = await answer(validation, request, inner, body, domain, several=True)
            report = base64.b64encode(bytes(answered.body)).decode()
            outputs.append({"report": report, "reportSyntax": answered.media_type})
    return JSONResponse(outputs)


async def answer(
    validation: Validation, request: Request, folder: Path, body: object, domain: str | None, several: bool = False
) -> Response:
    """Return the answer to one request.

    :param domain: of its address; ``None`` for our own address, which takes every kind of validation.
    :param several: it is one of several.
    :raises RequestError: if it cannot be used.
    :raises JobError: if judging took too long, needed too much or broke.
    """
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
            client_of(request), folder, "itb", store=str(validation.store), ours=type_ == TYPE,
            validation_type=type_, syntax=syntax,
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
