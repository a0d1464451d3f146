"""Takes uploads as they arrive: to files, never whole in memory, bounded in size, number and time.

Nothing that a client names becomes a path: files are numbered, and their names are kept as texts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

MAX_FILES = 10
MAX_FIELDS = 64
MAX_FIELD = 64 * 1024
"""Most bytes of a field that is no file."""

MAX_FORM = 256 * 1024
"""Most bytes of a form without files: decoding takes memory and the front's time many times its length."""

LONGEST_NAME = 120
"""Most bytes of the name of a file."""
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+")


class UploadError(ValueError):
    """An upload is not what it should be; the message says what is wrong and what to do."""


class TooLargeError(ValueError):
    """An upload is longer than what is taken."""


class TooSlowError(ValueError):
    """An upload did not arrive in time."""


class BusyError(RuntimeError):
    """So much is under way that nothing more is taken; the client may come back."""


class CrowdingError(RuntimeError):
    """One client asks for so much at once that others would have no place."""


class LeftError(RuntimeError):
    """The client left before its upload had arrived."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that arrived.

    :param field: name of its field in the form; empty for a body that is the file itself.
    :param name: as the client calls it, without folders.
    """

    path: Path
    field: str
    name: str
    media_type: str
    size: int


@dataclass(slots=True)
class Upload:
    """What arrived: files, and fields that are no files. Fields may come several times where that means something."""

    files: list[UploadedFile] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """Return the value of a field that may stand once.

        :raises UploadError: if it stands several times.
        """
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise UploadError(f"The field {name} stands {len(values)} times. Give it once.")
        return values[0].strip() if values else default

    def only(self, known: Mapping[str, str], files: tuple[str, ...]) -> None:
        """Refuse fields that mean nothing here: a misspelt one must not be lost in silence.

        :param known: names of fields, with what they are.
        :param files: names of fields that hold files.
        :raises UploadError: if there is another field.
        """
        for name in self.fields:
            if name not in known:
                raise UploadError(f"There is no field {name!r}. The fields: {', '.join((*files, *known))}.")
        for file in self.files:
            if file.field not in (*files, ""):
                raise UploadError(f"The file {file.name} is in the field {file.field!r}. Use {' or '.join(files)}.")


def plain_name(text: str) -> str:
    r"""Return the name of a file as a text to show: without folders, control characters or signs that turn direction.

    >>> plain_name("../../etc/passwd"), plain_name("C:\\data\\list.xlsx"), plain_name("\r\n")
    ('passwd', 'list.xlsx', 'file')
    """
    name = _CONTROL.sub("", re.split(r"[/\\]", text)[-1]).strip().strip(".")
    while len(name.encode()) > LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[:-1]}.{ending}" if dot and stem and len(ending) < 10 else name[:-1]
    return name or "file"


class Uploads:
    """Takes uploads of one kind.

    :param most: most bytes of one.
    :param timeout: seconds in which one must have arrived: a client that sends a byte a minute holds nothing for long.
    :param at_once: how many may be arriving.
    """

    def __init__(self, most: int, timeout: float, at_once: int) -> None:
        self._most, self._timeout, self._at_once = most, timeout, at_once
        self._arriving = 0

    async def take(self, request: Request, folder: Path) -> Upload:
        """Take the body of a request into a folder that the caller made and removes.

        A form may be multipart or urlencoded; any other body is a file, whose name the parameter ``filename`` gives.

        :raises TooLargeError: if it is too long; what says so in its header is not read at all.
        :raises TooSlowError: if it does not arrive in time.
        :raises BusyError: if too many are arriving.
        :raises UploadError: if it is no form though it says so.
        """
        self.refuse_long(request)
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise UploadError("Send it uncompressed, without Content-Encoding.")
        if self._arriving >= self._at_once:
            raise BusyError("Too many uploads are arriving. Try again in a while.")
        self._arriving += 1
        try:
            async with asyncio.timeout(self._timeout):
                return await self._take(request, folder)
        except TimeoutError as error:
            raise TooSlowError(f"The upload did not arrive within {self._timeout:g} seconds.") from error
        except ClientDisconnect as error:
            raise LeftError("The client left.") from error
        finally:
            self._arriving -= 1

    def refuse_long(self, request: Request) -> None:
        """Refuse a request whose header says that its body is too long.

        :raises TooLargeError: if it does.
        """
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            raise TooLargeError(self._too_large)

    @property
    def _too_large(self) -> str:
        return f"Up to {self._most:,} bytes are taken at once. Send the file in parts."

    async def _take(self, request: Request, folder: Path) -> Upload:
        media_type, options = parse_options_header(request.headers.get("content-type", ""))
        kind = media_type.decode("latin-1").lower()
        if kind == FORM:
            return self._form(await self._fields(request))
        upload = Upload()
        for name, value in parse_qsl(request.url.query, keep_blank_values=True):
            upload.fields.setdefault(name, []).append(value)
        if kind != MULTIPART:
            name = upload.one("filename")
            upload.fields.pop("filename", None)
            path = folder / "file-0"
            size = 0
            with path.open("xb") as file:
                async for part in self._parts(request):
                    size += len(part)
                    file.write(part)
            if size:
                upload.files.append(UploadedFile(path, "", plain_name(name) if name else "", kind, size))
            return upload
        boundary = options.get(b"boundary")
        if not boundary:
            raise UploadError("multipart/form-data needs a boundary in its Content-Type.")
        with _Form(folder, boundary, upload) as form:
            async for part in self._parts(request):
                form.feed(part)
        return upload

    async def _fields(self, request: Request) -> bytes:
        content = bytearray()
        async for part in self._parts(request):
            content += part
            if len(content) > MAX_FORM:
                raise TooLargeError(
                    f"A form of this kind takes up to {MAX_FORM:,} bytes. Send files as multipart/form-data."
                )
        return bytes(content)

    async def _parts(self, request: Request) -> AsyncIterator[bytes]:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._most:
                raise TooLargeError(self._too_large)
            yield part

    def _form(self, content: bytes) -> Upload:
        try:
            items = parse_qsl(content.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise UploadError(f"The form cannot be read: {error}.") from error
        upload = Upload()
        for name, value in items:
            upload.fields.setdefault(name, []).append(value)
        return upload


class _Form:
    """Writes the parts of a multipart form as they arrive (RFC 7578)."""

    def __init__(self, folder: Path, boundary: bytes, upload: Upload) -> None:
        self._folder, self._upload = folder, upload
        self._open = ExitStack()
        self._file: BinaryIO | None = None
        self._text = bytearray()
        self._header = [bytearray(), bytearray()]
        self._headers: dict[str, bytes] = {}
        self._name = self._filename = ""
        self._size = self._fields = 0
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin, "on_part_data": self._data, "on_part_end": self._end,
                    "on_header_field": self._header_field, "on_header_value": self._header_value,
                    "on_header_end": self._header_end, "on_headers_finished": self._headers_finished,
                    "on_end": self._finish,
                },
            )  # fmt: skip
        except FormParserError as error:
            raise UploadError(f"The form cannot be read: {error}.") from error

    def feed(self, content: bytes) -> None:
        try:
            self._parser.write(content)
        except FormParserError as error:
            raise UploadError("The body is not the multipart form that its header announces.") from error

    def __enter__(self) -> _Form:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._open.close()
        if kind is None and not self._ended:
            raise UploadError("The form ends too early. Send it again as a whole.")

    def _begin(self) -> None:
        self._headers = {}
        self._text = bytearray()
        self._size = 0
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise UploadError(f"The form has more than {MAX_FIELDS} fields.")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = bytes(value)
        self._header = [bytearray(), bytearray()]

    def _headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get("content-disposition", b""))
        if disposition.lower() != b"form-data" or b"name" not in options:
            raise UploadError("A part of the form has no name (Content-Disposition).")
        self._name = options[b"name"].decode("utf-8", "replace")
        self._file = None
        if b"filename" in options:
            self._filename = options[b"filename"].decode("utf-8", "replace")
            number = len(self._upload.files)
            if number >= MAX_FILES:
                raise UploadError(f"The form has more than {MAX_FILES} files. Send them in several contributions.")
            self._file = self._open.enter_context((self._folder / f"file-{number}").open("xb"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            self._file.write(data[start:end])
            return
        if self._size > MAX_FIELD:
            raise UploadError(f"The field {self._name} has more than {MAX_FIELD:,} bytes. Send it as a file.")
        self._text += data[start:end]

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            path = Path(self._file.name)
            if not self._filename and not self._size:
                path.unlink()  # what a browser sends of a file field that nobody filled
                return
            media_type = self._headers.get("content-type", b"").partition(b";")[0].decode("latin-1").strip().lower()
            self._upload.files.append(
                UploadedFile(path, self._name, plain_name(self._filename), media_type, self._size)
            )
            return
        try:
            text = self._text.decode()
        except UnicodeDecodeError as error:
            raise UploadError(f"The field {self._name} is not UTF-8.") from error
        self._upload.fields.setdefault(self._name, []).append(text)

    def _finish(self) -> None:
        self._ended = True
