"""The answer of one query as a store elsewhere gives it: taken from the connection, judged, and given on in chunks."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable

from circkg_server.engines.frames import Job
from circkg_server.engines.pool import HIGH_WATER, Failure, Running
from circkg_server.engines.reader import RowCounter, fits_xml
from circkg_server.engines.remote_client import MAX_ERROR, Connection, UnreachableError
from circkg_server.sparql.formats import FORMATS


class RemoteAnswer:
    """The answer of one query as the store gives it."""

    def __init__(self, job: Job, running: Running, done: Callable[[RemoteAnswer], None], *, is_ask: bool) -> None:
        self.running = running
        self._job = job
        self._done = done
        self._counter = _JsonRows() if job.format == "json" else RowCounter(job.format)
        self._expected = _MEDIA_TYPES[job.format]
        self._is_ask = is_ask
        self._chunks: deque[bytes] = deque()
        self._held = self._size = 0
        self._most_rows = 0
        self._error = bytearray()
        self._status = 0
        self._news = asyncio.Event()
        self._ended = False
        self._failure: Failure | None = None
        self._paused = False
        self._connection: Connection | None = None
        self._again: Callable[[], None] | None = None

    def begin(self, connection: Connection, request: bytes, again: Callable[[], None] | None) -> None:
        """Send the query; ``again`` is called if the connection turns out to have been closed before."""
        self._connection, self._again = connection, again
        if self._ended:
            connection.abort()
        else:
            connection.send(request, self)

    # -- the connection's side ----------------------------------------------------------------------------------

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Take status and headers: only a complete answer in the format asked for is one."""
        self._again = None
        self._status = status
        if status != 200:
            return
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if headers.get("x-sql-state") == "S1TAT":  # Virtuoso: a part, as of when the time was over
            self.fail(Failure("timeout", "The store gave up before the answer was whole."))
        elif kind not in self._expected or headers.get("content-encoding", "identity") != "identity":
            told = kind or "an unnamed format"
            self.fail(Failure("evaluation", f"The store answers in {told}. Ask for another format."))
        elif headers.get("x-sparql-maxrows", "").isdecimal():  # Virtuoso: cut off at so many rows
            self._most_rows = int(headers["x-sparql-maxrows"])

    def data(self, chunk: bytes) -> None:
        """Take a part of the body."""
        if self._ended:
            return
        if self._status != 200:
            if len(self._error) < MAX_ERROR:
                self._error += chunk
            return
        self._counter.take(chunk)
        self._size += len(chunk)
        job = self._job
        if self._size > job.max_bytes:
            self.fail(Failure("too-large", f"The answer has more than {job.max_bytes:,} bytes. Ask for less, or page."))
            return
        if self._counter.rows > job.max_rows:
            self.fail(Failure("too-large", f"The answer has more than {job.max_rows:,} rows. Ask for less, or page."))
            return
        if job.format in ("xml", "rdfxml") and not fits_xml(chunk):
            told = "The answer holds a control character, which XML cannot carry. Ask for JSON."
            self.fail(Failure("not-in-xml", told))
            return
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held > HIGH_WATER and not self._paused and self._connection is not None:
            self._paused = True
            self._connection.pause()
        self._news.set()

    def end(self, error: UnreachableError | None) -> None:
        """Take the end of the body."""
        again, self._again = self._again, None
        self._connection = None
        if self._ended:
            return
        if error is not None and again is not None:
            again()
        elif error is not None:
            self._finish(Failure("ended", "The store ended the answer before it was whole. Try again in a while."))
        elif self._status != 200:
            self._finish(failure_of(self._status, bytes(self._error)))
        elif self._most_rows and self._counter.rows >= self._most_rows:
            told = f"The store gives at most {self._most_rows:,} rows, and this answer has them. Ask for less, or page."
            self._finish(Failure("too-large", told))
        else:
            if self._is_ask:
                self._chunks = deque([_boolean(b"".join(self._chunks), self._job.format)])
            self._finish(None)

    # -- the front's side ---------------------------------------------------------------------------------------

    def fail(self, failure: Failure) -> None:
        """End the answer here; the store sees that nobody waits for it."""
        if not self._ended:
            self._finish(failure)
            if self._connection is not None:
                self._connection.abort()

    def _finish(self, failure: Failure | None) -> None:
        self._ended = True
        self._failure = failure
        self._news.set()
        self._done(self)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the answer.

        :raises Failure: if the answer does not come to its end; what came before is then not an answer.
        """
        while True:
            while self._chunks and (
                self._ended or not self._is_ask
            ):  # an answer of ASK is a few bytes, taken as a whole
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                if self._paused and self._held < HIGH_WATER // 2:
                    self._paused = False
                    if self._connection is not None:
                        self._connection.resume()
                yield chunk
            if self._ended:
                if self._failure:
                    raise self._failure
                return
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Let the store go: a client that leaves before the end ends the query there, as far as the store does."""
        self._chunks.clear()
        self.fail(Failure("cancelled", "The client left."))


def _boolean(content: bytes, format_: str) -> bytes:
    """Return the answer of ASK in the standard's form; Virtuoso gives a table with one cell."""
    if b"__ASK_RETVAL" not in content:
        return content
    truth = "true" if _TRUE.search(content) else "false"
    if format_ == "json":
        return f'{{"head":{{}},"boolean":{truth}}}'.encode()
    namespace = "http://www.w3.org/2005/sparql-results#"
    return f'<?xml version="1.0"?><sparql xmlns="{namespace}"><head/><boolean>{truth}</boolean></sparql>'.encode()


_TRUE = re.compile(rb'"value":\s*"1"|>1</literal>')


class _JsonRows:
    """Counts the rows of a JSON answer however the store lays it out.

    Outside strings, and with blanks left out, ``},{`` stands between two rows and nowhere else: between two members
    of an object stands a name. (https://www.w3.org/TR/sparql11-results-json/)
    """

    def __init__(self) -> None:
        self._separators = 0
        self._quoted = self._escaped = self._begun = False
        self._tail = b""

    @property
    def rows(self) -> int:
        return self._separators + self._begun

    def take(self, chunk: bytes) -> None:
        if self._escaped:
            chunk, self._escaped = chunk[1:], False
        if b"\\" in chunk:
            chunk = _ESCAPE.sub(b"", chunk)
            if chunk.endswith(b"\\"):
                chunk, self._escaped = chunk[:-1], True
        parts = chunk.split(b'"')
        outside = b'"'.join(parts[1 if self._quoted else 0 :: 2]).translate(None, b" \t\r\n")
        self._quoted ^= len(parts) % 2 == 0
        text = self._tail + outside
        self._separators += text.count(b"},{")
        self._begun = self._begun or b"[{" in text
        self._tail = text[-2:]


_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_MEDIA_TYPES = {name: {found.media_type} for name, found in FORMATS.items()}
# What stores call the same thing.
_MEDIA_TYPES["json"] |= {"application/json"}
_MEDIA_TYPES["xml"] |= {"application/xml", "text/xml"}
_MEDIA_TYPES["ntriples"] |= {"text/plain", "text/ntriples", "application/ntriples"}
_MEDIA_TYPES["turtle"] |= {"application/x-turtle"}
_MEDIA_TYPES["jsonld"] |= {"application/x-json+ld"}

_TIMED_OUT = re.compile(r"time[ds]?[ -]?out|time limit|exceeded max time|deadline|estimated execution time", re.I)
_VIRTUOSO = re.compile(r"Virtuoso (\w{5}) Error")


def failure_of(status: int, body: bytes) -> Failure:
    """Return what an error of the store means for a client; what a server says of its own troubles is not told."""
    text = " ".join(body.decode("utf-8", "replace").split())
    virtuoso = _VIRTUOSO.search(text)
    if status in (408, 504) or (status >= 400 and _TIMED_OUT.search(text)):
        return Failure("timeout", "The store gave up: the query takes too long.")
    if status in (429, 503):
        return Failure("busy", "The store is busy. Try again in a while.")
    if status in (413, 414):
        return Failure("too-large", "The store finds the query too long.")
    if status in (401, 403):
        return Failure("stopped", "The store does not let this server in. Its operator has been told in the log.")
    if virtuoso and virtuoso[1] == "37000":
        return Failure("syntax", text[:500])
    if 400 <= status < 500 and not virtuoso:
        return Failure("syntax" if status == 400 else "evaluation", text[:500] or f"The store refuses ({status}).")
    told = text[:300] if virtuoso else f"The store could not evaluate the query (status {status})."
    return Failure("evaluation", told)
