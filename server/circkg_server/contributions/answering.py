"""How errors of uploads, judging and contributions are told over HTTP, and who asks."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response

from circkg_server.contributions.contacts import ContactError
from circkg_server.contributions.desk import BrokenError, TooBigError, TooLongError
from circkg_server.contributions.licences import LicenceError
from circkg_server.contributions.service import RefusedDecisionError
from circkg_server.contributions.staging import NoContributionError, QuotaError, StagingError
from circkg_server.contributions.uploads import (
    BusyError,
    CrowdingError,
    LeftError,
    TooLargeError,
    TooSlowError,
    UploadError,
)
from circkg_server.problems import problem
from circkg_server.writes.tokens import ForbiddenError, NotAuthorisedError, Scope, TokenError, Tokens, TokenUse

RETRY = "10"
LOOK = 0.5
"""Seconds between two looks whether a client is still there."""

T = TypeVar("T")


class MediaTypeError(ValueError):
    """A file of a kind that is not read."""


class UnreadableError(ValueError):
    """A file that cannot be judged."""


class RulesError(UnreadableError):
    """Rules of a request by which nothing can be judged."""


class NotAcceptableError(ValueError):
    """A format that there is not."""


_KINDS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (UploadError, HTTPStatus.BAD_REQUEST, "The upload is not right"),
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The upload is too long"),
    (TooSlowError, HTTPStatus.REQUEST_TIMEOUT, "The upload took too long"),
    (MediaTypeError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This kind of file is not read"),
    (NotAcceptableError, HTTPStatus.NOT_ACCEPTABLE, "There is no such format"),
    (RulesError, HTTPStatus.BAD_REQUEST, "The rules are not right"),
    (UnreadableError, HTTPStatus.UNPROCESSABLE_ENTITY, "The file cannot be judged"),
    (TooLongError, HTTPStatus.UNPROCESSABLE_ENTITY, "Judging took too long"),
    (TooBigError, HTTPStatus.UNPROCESSABLE_ENTITY, "Judging needed too much"),
    (LicenceError, HTTPStatus.UNPROCESSABLE_ENTITY, "This licence cannot be used"),
    (ContactError, HTTPStatus.UNPROCESSABLE_ENTITY, "This contact cannot be used"),
    (BusyError, HTTPStatus.SERVICE_UNAVAILABLE, "Much is going on"),
    (CrowdingError, HTTPStatus.TOO_MANY_REQUESTS, "Too many files at once"),
    (BrokenError, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here"),
    (LeftError, HTTPStatus.BAD_REQUEST, "The client left"),
    (NotAuthorisedError, HTTPStatus.UNAUTHORIZED, "A token is needed"),
    (ForbiddenError, HTTPStatus.FORBIDDEN, "This is not allowed"),
    (TokenError, HTTPStatus.SERVICE_UNAVAILABLE, "The tokens cannot be read"),
    (NoContributionError, HTTPStatus.NOT_FOUND, "There is no such contribution"),
    (QuotaError, HTTPStatus.TOO_MANY_REQUESTS, "Too much is waiting"),
    (StagingError, HTTPStatus.CONFLICT, "This cannot be done now"),
)
_CLOSING = (TooLargeError, TooSlowError, BusyError, UploadError)
_ASKS = ('Bearer realm="CircKG"', 'Basic realm="CircKG: any name, the token as password", charset="UTF-8"')
"""Challenges of RFC 9110, section 11.6.1; a header each, since browsers read but the first of several in one."""


def client_of(request: Request) -> str:
    """Return the address of the client, as a trusted proxy says or the connection."""
    return request.client.host if request.client else ""


async def answered(handling: Awaitable[Response]) -> Response:
    """Return the answer of a handler, or the problem that it met."""
    try:
        return await handling
    except Exception as error:
        found = failure(error)
        if found is None:
            raise
        return found


def failure(error: Exception) -> Response | None:
    """Return an error as a problem, or ``None`` if it is none that a client can do something about."""
    if isinstance(error, RefusedDecisionError):
        busy = error.kind == "busy"
        status = HTTPStatus.SERVICE_UNAVAILABLE if busy else HTTPStatus.CONFLICT
        response = problem(status, "It could not be accepted", str(error), kind=error.kind, faults=error.faults)
        if busy:
            response.headers["Retry-After"] = RETRY
        return response
    for kind, status, title in _KINDS:
        if isinstance(error, kind):
            response = problem(status, title, str(error))
            if isinstance(error, NotAuthorisedError):
                for challenge in _ASKS:
                    response.headers.append("WWW-Authenticate", challenge)
            if status is HTTPStatus.SERVICE_UNAVAILABLE:
                response.headers["Retry-After"] = RETRY
            if isinstance(error, _CLOSING):
                # What is left of the body is not read.
                response.headers["Connection"] = "close"
            return response
    return None


def who(tokens: Tokens, request: Request, scope: Scope) -> TokenUse:
    """Return who asks: by a bearer token, or by one that a browser sends as the password of Basic authentication.

    A browser sends a password to whichever page makes it, so what changes something must come from a page of ours.

    :raises NotAuthorisedError: if there is no token that is good.
    :raises ForbiddenError: if the token lacks the scope, or a foreign page sends it.
    """
    header = request.headers.get("authorization", "")
    kind, _, text = header.strip().partition(" ")
    if kind.lower() != "basic":
        return tokens.check(header, scope)
    if request.method not in ("GET", "HEAD") and not _from_here(request):
        raise ForbiddenError("This comes from a page elsewhere. Send the token as `Authorization: Bearer …`.")
    try:
        password = base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError) as error:
        raise NotAuthorisedError("The authorisation cannot be read.") from error
    return tokens.check(f"Bearer {password}", scope)


def _from_here(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] == request.headers.get("host", "")


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what some work gives, or end it if the client leaves before.

    :raises LeftError: if it left.
    """
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait([task], timeout=LOOK)
            if done:
                return task.result()
            if await request.is_disconnected():
                raise LeftError("The client left.")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
