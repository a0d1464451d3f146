"""A reader: a process that evaluates one query at a time and is killed if it must be."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from typing import IO, cast

from pyoxigraph import (
    QueryResultsFormat,
    QueryTriples,
    RdfFormat,
    Store,
)

from circkg_server.engines.frames import Frames, Job, Kind, frame
from circkg_server.engines.lent import Lent
from circkg_server.sparql.formats import FORMATS
from circkg_server.store.dataset import ask

CHUNK = 64 * 1024
_NOT_IN_XML = bytes(code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D))
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())


def fits_xml(text: bytes) -> bool:
    """Tell whether XML can carry a text; the engine writes no character in two parts."""
    return text.translate(None, _NOT_IN_XML) == text and not any(bad in text for bad in _NONCHARACTERS)


class AnswerError(Exception):
    """An answer that must not be given; the kind decides the status, the message tells a person why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class RowCounter:
    """Counts the rows of an answer in its bytes as they pass, without parsing.

    In JSON ``},{"`` and the first letter of a variable stand between two rows, and nowhere else: a quotation mark in a
    string is escaped, and after one that ends a string comes a comma or a brace. Rows without any value are not
    counted: they are three bytes each, so the limit of bytes bounds them. In XML ``<result>`` is a row; in TSV each
    line after the first is one, in CSV each line after the first that ends outside quotation marks. Graphs are
    not counted either.
    """

    _JSON = re.compile(rb'\},\{"[^\\,:}\]]')

    def __init__(self, name: str) -> None:
        self.rows = {"json": 1, "csv": -1, "tsv": -1}.get(name, 0)  # JSON separates rows, a table starts with names
        self._name = name
        self._tail = b""
        self._quoted = False

    def take(self, chunk: bytes) -> None:
        """Count the rows of a chunk, also those whose mark began in the chunk before."""
        if self._name == "json":
            text = self._tail + chunk
            self.rows += len(self._JSON.findall(text))
            self._tail = text[-4:]
        elif self._name == "xml":
            text = self._tail + chunk
            self.rows += text.count(b"<result>")
            self._tail = text[-7:]
        elif self._name == "tsv":
            self.rows += chunk.count(b"\n")
        elif self._name == "csv":
            outside = chunk.split(b'"')
            self.rows += sum(part.count(b"\n") for part in outside[self._quoted :: 2])
            self._quoted ^= len(outside) % 2 == 0


class _Writer:
    """Takes what the engine writes, keeps to the limits and passes it on in frames."""

    def __init__(self, connection: socket.socket, job: Job) -> None:
        self._connection = connection
        self._job = job
        self._parts: list[bytes] = []
        self._held = 0
        self._sent = 0
        self._counter = RowCounter(job.format)
        self._is_xml = job.format in ("xml", "rdfxml")
        self.error: AnswerError | None = None

    def write(self, data: bytes) -> int:
        """Take some bytes; the error that stops the engine is kept, since the engine reports another."""
        chunk = bytes(data)
        self._counter.take(chunk)
        self._sent += len(chunk)
        if self._sent > self._job.max_bytes:
            self._stop("too-large", f"The answer has more than {self._job.max_bytes:,} bytes. Ask for less, or page.")
        if self._counter.rows > self._job.max_rows:
            self._stop("too-large", f"The answer has more than {self._job.max_rows:,} rows. Ask for less, or page.")
        if self._is_xml and not fits_xml(chunk):
            self._stop("not-in-xml", "The answer holds a control character, which XML cannot carry. Ask for JSON.")
        self._parts.append(chunk)
        self._held += len(chunk)
        if self._held >= CHUNK:
            self._connection.sendall(self.rest())
        return len(chunk)

    def flush(self) -> None:
        """Do nothing: the engine flushes at the end, when the last part goes out with the last frame."""

    def rest(self) -> bytes:
        """Return what is held as a frame, and hold it no more."""
        if not self._parts:
            return b""
        content = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        return frame(Kind.CHUNK, content)

    def _stop(self, kind: str, message: str) -> None:
        self.error = AnswerError(kind, message)
        raise self.error


def serve(connection: socket.socket, store: Store, lent: Lent | None = None) -> None:
    """Answer jobs until the front closes the connection; ends the process.

    :param lent: the connections of clients that are answered between jobs.
    """
    connection.sendall(frame(Kind.READY))
    frames = Frames()
    while True:
        if lent is not None:
            lent.wait(connection)
        data = connection.recv(256 * 1024)
        if not data:
            os._exit(0)
        for _, content in frames.feed(data):
            if lent is None:
                connection.sendall(_answer(store, Job.decode(content), connection))
                continue
            lent.begin_job()
            last = _answer(store, Job.decode(content), connection)
            lent.end_job()
            connection.sendall(last)
            lent.drop_withdrawn()


def _answer(store: Store, job: Job, connection: socket.socket) -> bytes:
    """Send the chunks of an answer and return its last frames."""
    writer = _Writer(connection, job)
    before = time.process_time()
    told: dict[str, object] = {}
    try:
        _evaluate(store, job, writer)
    except Exception as found:
        error = writer.error or found
        kind = error.kind if isinstance(error, AnswerError) else _kind_of(error)
        told = {"kind": kind, "message": str(error)}
    seconds = time.process_time() - before
    if told:
        return frame(Kind.ERROR, json.dumps(told | {"seconds": seconds}).encode())
    return writer.rest() + frame(Kind.END, b"%.6f" % seconds)


def _evaluate(store: Store, job: Job, writer: _Writer) -> None:
    result = ask(store, job.text, job.dataset, job.base)
    engine = FORMATS[job.format].engine
    if isinstance(result, QueryTriples):
        assert isinstance(engine, RdfFormat)
        result.serialize(cast(IO[bytes], writer), engine)
    else:
        assert isinstance(engine, QueryResultsFormat)
        result.serialize(cast(IO[bytes], writer), engine)


def _kind_of(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return "syntax"
    if isinstance(error, MemoryError):
        return "ended"
    return "broken" if isinstance(error, OSError) else "evaluation"
