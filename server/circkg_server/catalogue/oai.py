"""OAI-PMH 2.0 over the records of the catalogue: the way of harvesting that data.europa.eu prefers.

https://www.openarchives.org/OAI/openarchivesprotocol.html. An item is a data set, its identifier the IRI of the set,
its datestamp the day that the editors declare. A set of OAI is a role. A set that was withdrawn stays as a deleted
record.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from circkg_loaders.registry import Role
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.oai_records import FORMATS, element, record_metadata
from circkg_server.catalogue.routes import address_of
from circkg_server.problems import problem
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import TermError

PAGE = 50
"""Records of one answer."""

NO_E_MAIL = "unknown@example.org"
"""What ``Identify`` says, since it must name an address, as long as ``catalogue.toml`` gives none."""

_MOST_BYTES = 64 * 1024
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BEFORE_ALL = "1970-01-01"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
)
_SETS = {
    Role.STATED: "What sources state", Role.INFERRED: "What rules derive", Role.VOCABULARY: "Vocabularies",
    Role.PROVENANCE: "Records of sources", Role.SHAPES: "Shapes",
}  # fmt: skip


class OaiError(Exception):
    """An error of the protocol.

    :param code: its code in the specification, section 3.6.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Item:
    """One item: a data set.

    :param deleted: whether it was withdrawn.
    """

    release: Release
    datestamp: str
    deleted: bool = False

    @property
    def header(self) -> str:
        return element(
            "header",
            element("identifier", text=self.release.graph),
            element("datestamp", text=self.datestamp),
            element("setSpec", text=self.release.role.value),
            status="deleted" if self.deleted else "",
        )


@dataclass(frozen=True, slots=True)
class _Selection:
    """What a list is of, and where it goes on; as JSON it is the resumption token.

    :param snapshot: number of the manifest of which the list is.
    :param start: place of its first item.
    """

    prefix: str
    first: str = ""
    last: str = ""
    role: str = ""
    snapshot: int = 0
    start: int = 0

    @property
    def token(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(list(asdict(self).values())).encode()).decode()

    @classmethod
    def of(cls, token: str) -> _Selection:
        """Return the selection of a token.

        :raises OaiError: if it is none of ours.
        """
        try:
            values = json.loads(base64.urlsafe_b64decode(token.encode()))
            found = cls(*values)
        except (ValueError, TypeError) as error:
            raise OaiError("badResumptionToken", "The token is none of this repository.") from error
        if [type(value) for value in asdict(found).values()] != [str, str, str, str, int, int] or found.start < 0:
            raise OaiError("badResumptionToken", "The token is none of this repository.")
        return found


_ARGUMENTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Identify": ((), ()),
    "ListMetadataFormats": ((), ("identifier",)),
    "ListSets": ((), ("resumptionToken",)),
    "ListIdentifiers": (("metadataPrefix",), ("from", "until", "set", "resumptionToken")),
    "ListRecords": (("metadataPrefix",), ("from", "until", "set", "resumptionToken")),
    "GetRecord": (("identifier", "metadataPrefix"), ()),
}
"""Arguments that each verb needs, and those that it may have."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Answers requests from one manifest.

    :param address: where the server is reached, without a slash at its end.
    """

    shelf: Shelf
    manifest: Manifest
    address: str
    page: int = PAGE

    def answer(self, pairs: Sequence[tuple[str, str]]) -> str:
        """Return the answer to a request, errors of the protocol included.

        :param pairs: the arguments as they came.
        """
        arguments = dict(pairs)
        shown = arguments
        try:
            verb = self._checked(pairs)
            verbs: Mapping[str, Callable[[Mapping[str, str]], str]] = {
                "Identify": self._identify, "ListMetadataFormats": self._formats, "ListSets": self._sets,
                "ListIdentifiers": self._identifiers, "ListRecords": self._records, "GetRecord": self._record,
            }  # fmt: skip
            body = verbs[verb](arguments)
        except OaiError as error:
            body = element("error", text=str(error), code=error.code)
            if error.code in ("badVerb", "badArgument"):
                shown = {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        request = element("request", text=f"{self.address}/oai", **shown)
        return f"{_HEAD}{element('responseDate', text=now)}\n{request}\n{body}\n</OAI-PMH>\n"

    def _checked(self, pairs: Sequence[tuple[str, str]]) -> str:
        """Return the verb of a request whose arguments are those that it takes, each once."""
        verbs = [value for name, value in pairs if name == "verb"]
        if len(verbs) != 1 or verbs[0] not in _ARGUMENTS:
            raise OaiError("badVerb", f"Give one verb: {', '.join(_ARGUMENTS)}.")
        names = [name for name, _ in pairs if name != "verb"]
        needed, possible = _ARGUMENTS[verbs[0]]
        for name, value in pairs:
            if name not in ("verb", *needed, *possible):
                raise OaiError("badArgument", f"{verbs[0]} takes no argument {name}.")
            if names.count(name) > 1:
                raise OaiError("badArgument", f"The argument {name} is given more than once.")
            if not value:
                raise OaiError("badArgument", f"The argument {name} has no value.")
        if "resumptionToken" in names:
            if len(names) > 1:
                raise OaiError("badArgument", "A resumptionToken is given without other arguments.")
            return verbs[0]
        for name in needed:
            if name not in names:
                raise OaiError("badArgument", f"{verbs[0]} needs the argument {name}.")
        return verbs[0]

    @property
    def _items(self) -> list[_Item]:
        """All items in a fixed order, the deleted ones included."""
        known = self.shelf.versions(self.manifest)
        items = [_Item(release, release.issued or _BEFORE_ALL) for release in self.manifest.releases]
        items += [_Item(known.of(slug)[-1], day or _BEFORE_ALL, True) for slug, day in known.withdrawn.items()]
        return sorted(items, key=lambda item: (item.datestamp, item.release.set))

    def _item(self, identifier: str) -> _Item:
        found = next((item for item in self._items if item.release.graph == identifier), None)
        if found is None:
            raise OaiError("idDoesNotExist", "There is no such item. ListIdentifiers lists the items.")
        return found

    def _identify(self, _: Mapping[str, str]) -> str:
        editor = self.shelf.editor
        name = editor.title.get("en") or next(iter(editor.title.values()))
        return element(
            "Identify",
            element("repositoryName", text=name),
            element("baseURL", text=f"{self.address}/oai"),
            element("protocolVersion", text="2.0"),
            element("adminEmail", text=editor.contact.email or NO_E_MAIL),
            element("earliestDatestamp", text=min((item.datestamp for item in self._items), default=_BEFORE_ALL)),
            element("deletedRecord", text="persistent"),
            element("granularity", text="YYYY-MM-DD"),
        )

    def _formats(self, arguments: Mapping[str, str]) -> str:
        if "identifier" in arguments and self._item(arguments["identifier"]).deleted:
            raise OaiError("noMetadataFormats", "This item was withdrawn.")
        formats = [
            element(
                "metadataFormat",
                element("metadataPrefix", text=prefix),
                element("schema", text=schema),
                element("metadataNamespace", text=namespace),
            )
            for prefix, (schema, namespace) in FORMATS.items()
        ]
        return element("ListMetadataFormats", *formats)

    def _sets(self, arguments: Mapping[str, str]) -> str:
        if "resumptionToken" in arguments:
            raise OaiError("badResumptionToken", "The list of sets is given as a whole.")
        used = {item.release.role for item in self._items}
        sets = [
            element("set", element("setSpec", text=role.value), element("setName", text=name))
            for role, name in _SETS.items()
            if role in used
        ]
        return element("ListSets", *sets)

    def _identifiers(self, arguments: Mapping[str, str]) -> str:
        return self._list("ListIdentifiers", arguments, lambda item, _: item.header)

    def _records(self, arguments: Mapping[str, str]) -> str:
        return self._list("ListRecords", arguments, self._whole)

    def _record(self, arguments: Mapping[str, str]) -> str:
        item = self._item(arguments["identifier"])
        self._known_format(arguments["metadataPrefix"])
        return element("GetRecord", self._whole(item, arguments["metadataPrefix"]))

    def _whole(self, item: _Item, prefix: str) -> str:
        if item.deleted:
            return element("record", item.header)
        metadata = record_metadata(self.shelf, self.manifest, self.address, item.release, prefix)
        return element("record", item.header, f"<metadata>{metadata}</metadata>")

    def _list(self, verb: str, arguments: Mapping[str, str], written: Callable[[_Item, str], str]) -> str:
        asked = self._selection(arguments)
        found = list(_selected(self._items, asked))
        if not found:
            raise OaiError("noRecordsMatch", "No record is of that set and time.")
        if asked.start and asked.start >= len(found):
            raise OaiError("badResumptionToken", "The list ends before this token.")
        parts = [written(item, asked.prefix) for item in found[asked.start : asked.start + self.page]]
        following = asked.start + self.page
        if following < len(found) or asked.start:
            token = replace(asked, start=following, snapshot=self.manifest.number).token
            parts.append(
                element(
                    "resumptionToken", text=token if following < len(found) else "",
                    completeListSize=str(len(found)), cursor=str(asked.start),
                )
            )  # fmt: skip
        return element(verb, *parts)

    def _selection(self, arguments: Mapping[str, str]) -> _Selection:
        if "resumptionToken" in arguments:
            asked = _Selection.of(arguments["resumptionToken"])
            if asked.snapshot != self.manifest.number or asked.prefix not in FORMATS:
                raise OaiError("badResumptionToken", "The list has changed since. Begin it again.")
            return asked
        self._known_format(arguments["metadataPrefix"])
        first, last = (_day(arguments[name], name) if name in arguments else "" for name in ("from", "until"))
        if first and last and first > last:
            raise OaiError("badArgument", "from is later than until.")
        return _Selection(arguments["metadataPrefix"], first, last, arguments.get("set", ""))

    @staticmethod
    def _known_format(prefix: str) -> None:
        if prefix not in FORMATS:
            raise OaiError("cannotDisseminateFormat", f"The formats are {' and '.join(FORMATS)}.")


def _selected(items: Iterable[_Item], asked: _Selection) -> Iterable[_Item]:
    return (
        item
        for item in items
        if (not asked.first or item.datestamp >= asked.first)
        and (not asked.last or item.datestamp <= asked.last)
        and (not asked.role or item.release.role.value == asked.role)
    )


def _day(text: str, name: str) -> str:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise OaiError("badArgument", f"{name} is no day as YYYY-MM-DD, which is the granularity of this repository.")


def build_router(shelf: Shelf, page: int = PAGE) -> APIRouter:
    """Return the route.

    :param page: records of one answer.
    """
    router = APIRouter()

    @router.get("/oai", response_class=Response)
    @router.post("/oai", response_class=Response)
    async def oai(request: Request) -> Response:
        """Answer a request of OAI-PMH 2.0, by GET or POST."""
        text = request.url.query
        if request.method == "POST":
            body = bytearray()
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    detail = f"A request of OAI-PMH has at most {_MOST_BYTES:,} bytes here."
                    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long", detail)
            text = body.decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100) if text.count("&") < 100 else []
        return await run_in_threadpool(_respond, shelf, request, pairs, page)

    return router


def _respond(shelf: Shelf, request: Request, pairs: Sequence[tuple[str, str]], page: int) -> Response:
    manifest = shelf.archive.current()
    if manifest is None:
        return problem(HTTPStatus.NOT_FOUND, "Nothing is published here", "This store has no data sets yet.")
    try:
        repository = Repository(shelf, manifest, address_of(request), page)
    except TermError:
        detail = "The request names a host that no address can have."
        return problem(HTTPStatus.BAD_REQUEST, "The host is not one", detail)
    return Response(repository.answer(pairs), media_type="text/xml")
