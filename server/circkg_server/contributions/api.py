"""``/api/contributions``: sending, reading and deciding contributions. Every request needs a token."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from circkg_loaders.iris import is_slug
from circkg_loaders.load import RECORDS
from circkg_loaders.registry import read_registry
from circkg_server.contributions.acceptance import Decision
from circkg_server.contributions.answering import answered, who
from circkg_server.contributions.contacts import function_contact
from circkg_server.contributions.licences import compatible, licences
from circkg_server.contributions.service import Contributions
from circkg_server.contributions.staging import About, Contributed, NoContributionError, StagedFile, StagingError, State
from circkg_server.contributions.uploads import MAX_FORM, TooLargeError, Upload, UploadError, Uploads
from circkg_server.contributions.validate_api import is_yes, mapping_of, require_readable
from circkg_server.operations.space import FreeSpace
from circkg_server.writes.tokens import ForbiddenError, Scope, Tokens, TokenUse
from circkg_shapes.rooms import room

FIELDS = {
    "set": "slug of the data set",
    "title": "title of the set; needed if it is new",
    "description": "what it holds",
    "keywords": "English words to find it by, with commas between",
    "licence": "SPDX identifier, out of /api/licences",
    "publisher": "organisation that answers for the data: its name, or its IRI here",
    "contact": "address of an office or team; never published",
    "form": "what the rows are, such as practice; left out: found from the file",
    "language": "language of texts whose column names none",
    "replaces": "yes: the files are the whole set, and what they do not describe is removed",
    "checked": "yes: what looks like personal data in the files is none",
}
FILES = ("file", "mapping")
_SHORT, _LONG = 200, 2000
PARTS = {
    "report.json": "application/json",
    "report.html": "text/html; charset=utf-8",
    "difference.json": "application/json",
    "duplicates.json": "application/json",
}
"""What can be read of a judged contribution."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the routes work with.

    :param tokens: who may do what; ``None``: nobody contributes here.
    """

    contributions: Contributions
    tokens: Tokens | None
    uploads: Uploads
    space: FreeSpace

    def who(self, request: Request, scope: Scope = Scope.CONTRIBUTE) -> TokenUse:
        """Return who asks; curators may read and decide without the scope of contributors.

        :raises NotAuthorisedError: if there is no token that is good.
        :raises ForbiddenError: if the token lacks the scope, or nobody contributes here.
        """
        if self.tokens is None:
            raise ForbiddenError("This server takes no contributions.")
        try:
            return who(self.tokens, request, scope)
        except ForbiddenError:
            if scope is Scope.CONTRIBUTE and request.method in ("GET", "HEAD"):
                return who(self.tokens, request, Scope.CURATE)
            raise


def build_router(office: Office) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    path = "/api/contributions"

    @router.post(path, response_class=Response, status_code=HTTPStatus.ACCEPTED)
    async def contribute(request: Request) -> Response:
        """Contribute files to a data set: a form with the field `file` and what is said of them. Scope contribute.

        The answer is 202 with the address of the contribution: it is judged, compared with what is published, and
        waits there for a curator.
        """
        return await answered(_contribute(office, request))

    @router.get(path, response_class=Response)
    async def list_(request: Request) -> Response:
        """List your contributions, the newest first; a curator sees all."""

        async def listed() -> Response:
            found = office.contributions.visible(office.who(request))
            return _private({"contributions": [to_dict(office, each, request) for each in found]})

        return await answered(listed())

    @router.get(path + "/{id_}", response_class=Response)
    async def read(request: Request, id_: str) -> Response:
        """Tell where a contribution stands."""

        async def told() -> Response:
            found = office.contributions.for_reader(id_, office.who(request))
            return _private(to_dict(office, found, request))

        return await answered(told())

    @router.get(path + "/{id_}/{part}", response_class=Response)
    async def part(request: Request, id_: str, part: str) -> Response:
        """Give the report, the difference to what is published, or the candidate duplicates of a contribution."""

        async def given() -> Response:
            found = office.contributions.for_reader(id_, office.who(request))
            file = office.contributions.staging.folder_of(found.id) / "review" / part
            if part not in PARTS or not file.is_file():
                raise NoContributionError(f"There is no {part!r} of it. There may be: {', '.join(PARTS)}.")
            return FileResponse(file, media_type=PARTS[part], headers=_HEADERS)

        return await answered(given())

    for verb, state in (("return", State.RETURNED), ("withdraw", State.WITHDRAWN)):
        router.add_api_route(
            f"{path}/{{id_}}/{verb}", _decision(office, state), methods=["POST"], response_class=Response,
            summary=f"{verb.capitalize()} a contribution",
        )  # fmt: skip

    @router.post(path + "/{id_}/accept", response_class=Response)
    async def accept(request: Request, id_: str) -> Response:
        """Publish a contribution as a release of its set, with a comment and candidate links to keep. Scope curate.

        200 when it is published; 202 if that takes long: look again. 409 says why it could not be.
        """
        return await answered(_accept(office, request, id_))

    @router.get("/api/licences")
    def licences_() -> Response:
        """List the licences, and which of them are compatible with CC BY 4.0."""
        return JSONResponse({"licences": [asdict(each) for each in licences().values()]})

    return router


_HEADERS = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


def _private(content: object, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(content, status, headers=_HEADERS | (headers or {}))


def to_dict(office: Office, found: Contributed, request: Request) -> dict[str, Any]:
    """Return a contribution as its readers see it."""
    root = request.scope.get("root_path", "")
    here = f"{root}/api/contributions/{found.id}"
    folder = office.contributions.staging.folder_of(found.id) / "review"
    return {
        "id": found.id,
        "state": found.state.value,
        "accepting": office.contributions.is_being_accepted(found.id),
        "about": asdict(found.about),
        "token": found.token,
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in found.files],
        "others": list(found.others),
        "conforms": found.judged.conforms if found.judged else None,
        "problem": found.judged.problem if found.judged else "",
        "judged": asdict(found.judged) if found.judged else None,
        "links": [list(pair) for pair in found.links],
        "version": found.version,
        "snapshot": found.snapshot,
        "history": [asdict(event) for event in found.history],
        "page": f"{root}/contributions/{found.id}",
        "parts": {name: f"{here}/{name}" for name in PARTS if (folder / name).is_file()},
    }


async def _contribute(office: Office, request: Request) -> Response:
    use = office.who(request)
    office.uploads.refuse_long(request)
    service = office.contributions
    scratch = service.staging.scratch()
    try:
        upload = await office.uploads.take(request, scratch)
        upload.only(FIELDS, FILES)
        about = _about(office, upload)
        sent = [file for file in upload.files if file.field != "mapping"]
        if not sent:
            raise UploadError("Send at least one file, in the field `file` of a form.")
        for each in sent:
            require_readable(each)
        mapping = mapping_of(upload)
        files = tuple(
            StagedFile(file.path.name, file.name, file.media_type, file.size, _digest(file.path))
            for file in upload.files
        )
        office.space.check(sum(file.size for file in files))
        taken = service.staging.add(scratch, use.name, about, files, Path(mapping.path).name if mapping else "")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    service.audit.write(use.name, f"contribute {taken.id}", [about.set], None, "done")
    service.judge_soon(taken.id)
    told = to_dict(office, taken, request)
    if _wants_page(request):
        return RedirectResponse(told["page"], HTTPStatus.SEE_OTHER)
    return _private(
        told, HTTPStatus.ACCEPTED, {"Location": f"{request.scope.get('root_path', '')}/api/contributions/{taken.id}"}
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _about(office: Office, upload: Upload) -> About:
    """Return what a contributor says, checked.

    :raises UploadError: if something is missing or cannot be used.
    :raises StagingError: if the set is not open for contributions.
    """
    set_ = upload.one("set")
    if not is_slug(set_) or set_.isdigit() or len(set_) > 64 or set_ == "draft" or set_.endswith(RECORDS):
        raise UploadError(
            f"{set_!r} is no name of a set. Use small letters, digits and single hyphens, such as turku-practices."
        )
    manifest = office.contributions.archive.current()
    held = manifest.release(set_) if manifest else None
    if (held and not held.contributed) or (not held and set_ in {each.slug for each in read_registry(room("data"))}):
        raise StagingError(f"The set {set_} is kept by the editors of this graph. Contribute to a set of your own.")
    texts = {name: _text(upload, name, _LONG if name == "description" else _SHORT) for name in FIELDS}
    if not texts["title"] and not held:
        raise UploadError(f"The set {set_} is new. Give it a title.")
    for name in ("licence", "publisher", "contact"):
        if not texts[name]:
            raise UploadError(f"The field {name} is missing: {FIELDS[name]}.")
    return About(
        set=set_, title=texts["title"], licence=compatible(texts["licence"]).id, publisher=texts["publisher"],
        contact=function_contact(texts["contact"]), form=texts["form"], description=texts["description"],
        keywords=tuple(filter(None, (word.strip() for word in texts["keywords"].split(",")))),
        language=texts["language"], replaces=is_yes(texts["replaces"]), checked=is_yes(texts["checked"]),
    )  # fmt: skip


def _text(upload: Upload, name: str, most: int) -> str:
    text = upload.one(name)
    if len(text) > most or any(ord(letter) < 32 and letter not in "\n\r\t" for letter in text):
        raise UploadError(f"The field {name} takes up to {most} characters of plain text.")
    return " ".join(text.split())


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _decision(office: Office, state: State) -> Callable[..., Any]:
    async def decide(request: Request, id_: str) -> Response:
        async def decided() -> Response:
            use = office.who(request, Scope.CONTRIBUTE if state is State.WITHDRAWN else Scope.CURATE)
            found = office.contributions.for_reader(id_, use)
            comment, _ = await _said(office, request)
            if state is State.RETURNED and not comment:
                raise UploadError("Say in the comment what is to be mended.")
            done = office.contributions.decide(found.id, state, use.name, comment)
            return _told(office, done, request)

        return await answered(decided())

    return decide


async def _accept(office: Office, request: Request, id_: str) -> Response:
    use = office.who(request, Scope.CURATE)
    found = office.contributions.for_reader(id_, use)
    comment, links = await _said(office, request)
    candidates = _candidates(office, found)
    for link in links:
        if link not in candidates:
            raise UploadError(f"{link[0]} and {link[1]} are no candidates of this contribution.")
    office.space.check()
    done = await office.contributions.accept(found.id, Decision(use.name, comment, tuple(links)))
    return _told(office, done, request)


def _told(office: Office, found: Contributed, request: Request) -> Response:
    told = to_dict(office, found, request)
    if _wants_page(request):
        return RedirectResponse(told["page"], HTTPStatus.SEE_OTHER)
    return _private(told, HTTPStatus.ACCEPTED if told["accepting"] else HTTPStatus.OK)


def _candidates(office: Office, found: Contributed) -> set[tuple[str, str]]:
    file = office.contributions.staging.folder_of(found.id) / "review" / "duplicates.json"
    if not file.is_file():
        return set()
    return {(each["iri"], each["known"]) for each in json.loads(file.read_text(encoding="utf-8"))}


async def _said(office: Office, request: Request) -> tuple[str, list[tuple[str, str]]]:
    """Return the comment and the links of a decision: a form, or JSON.

    :raises UploadError: if it is neither.
    """
    scratch = office.contributions.staging.scratch()
    try:
        upload = await office.uploads.take(request, scratch)
        if upload.files:
            if upload.files[0].size > MAX_FORM:
                raise TooLargeError(f"A decision takes up to {MAX_FORM:,} bytes.")
            try:
                body = json.loads(upload.files[0].path.read_bytes())
                comment, pairs = str(body.get("comment", "")), [(str(a), str(b)) for a, b in body.get("links", [])]
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise UploadError('Send a form, or JSON: {"comment": "…", "links": [["IRI", "IRI"]]}.') from error
        else:
            upload.only({"comment": "", "link": ""}, ())
            comment = upload.one("comment")
            pairs = []
            for text in upload.fields.get("link", []):
                new, _, known = text.partition(" ")
                pairs.append((new, known))
        if len(comment) > _LONG:
            raise UploadError(f"The comment takes up to {_LONG} characters.")
        return comment, pairs
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
