"""The live store: the server's side of the process that takes writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from circkg_server.writes.frames import Head, pack, receive_async
from circkg_server.writes.settings import WritesSettings

START_SECONDS = 60.0
MAX_NAMES = 1000


class LiveError(RuntimeError):
    """A request to the live store failed."""


class StoreDownError(LiveError):
    """The process of the store does not start; the message says why."""


class BusyError(LiveError):
    """Too many requests wait already; answered with 503."""


class TimeoutExceededError(LiveError):
    """The request took too long and was ended; answered with 503. An update is applied wholly or not at all."""


class CrashedError(LiveError):
    """The request ended the process, by its depth or its memory; nothing of it was applied."""


class KilledError(LiveError):
    """Somebody else ended the process; answered with 503. An update is applied wholly or not at all."""


class TooLargeError(LiveError):
    """The answer is longer than allowed; answered with 413."""


class NotThereError(LiveError):
    """There is no such graph."""


class ChangedError(LiveError):
    """A condition of the request does not hold; answered with 412."""


class RefusedError(LiveError):
    """The request writes to what may not be written; answered with 403."""


class EngineError(LiveError):
    """The engine could not do what is legal: a graph that is there already, a disk that is full."""


class FormatError(LiveError):
    """No format for this kind of answer suits; ``str(error)`` is the kind: table, boolean or graph."""


class SyntaxFaultError(ValueError):
    """A query, an update or a file is not what it says it is."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


_ERRORS: dict[str, type[LiveError]] = {
    "large": TooLargeError,
    "absent": NotThereError,
    "changed": ChangedError,
    "forbidden": RefusedError,
    "network": RefusedError,
    "format": FormatError,
    "start": StoreDownError,
}


@dataclass(frozen=True, slots=True)
class Formats:
    """Media types to answer a query in, by the kind of its answer; ``None`` where none suits the client."""

    table: str | None = "application/sparql-results+json"
    boolean: str | None = "application/sparql-results+json"
    graph: str | None = "text/turtle"


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to a query. ``kind`` is table, boolean or graph."""

    kind: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class GraphContent:
    """A graph in a format, with the tag of its content; ``same`` if the client has it already."""

    etag: str
    content: bytes
    same: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: whether it made the graph, and how many quads were added and removed."""

    created: bool
    quads: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions on a write: the tags of ``If-Match`` (or ``*``), and ``If-None-Match: *``."""

    match: tuple[str, ...] | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """Whose drafts a request is about; nobody's on an open instance.

    :param every: the token may work on all drafts.
    """

    owner: str = ""
    every: bool = False


NOBODY = Who()
ANY = Conditions()


@dataclass
class LiveStore:
    """The store that takes writes, in a process of its own. It does one request after the other.

    A request that takes too long or ends the process costs only itself: the process starts again from what is on the
    disk, where every acknowledged write is.

    :param kind: ``live`` for the store of an open instance, ``drafts`` for the drafts of a normal one.
    """

    folder: Path
    kind: Literal["live", "drafts"] = "live"
    settings: WritesSettings = field(default_factory=WritesSettings)
    isolated: bool = field(default=False, init=False)
    restarts: int = field(default=-1, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _waiting: int = field(default=0, init=False)

    async def start(self) -> None:
        """Start the process now, so that a fault is seen now.

        :raises StoreDownError: if it does not start.
        """
        async with self._lock:
            await self._started()

    async def close(self) -> None:
        """End the process after the request that it is at, in good order."""
        async with self._lock:
            if self._process is None or self._writer is None:
                return
            process = self._process
            with contextlib.suppress(OSError):
                self._writer.write(pack({"do": "stop"}))
                await self._writer.drain()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, 10)
            await self._end()

    async def query(
        self, text: str, formats: Formats | None = None, *, default_graphs: Sequence[str] | None = None,
        named_graphs: Sequence[str] | None = None, base: str | None = None, timeout: float | None = None,
        max_bytes: int | None = None, who: Who = NOBODY,
    ) -> Answer:  # fmt: skip
        """Answer a query. Several default graphs are answered as their RDF merge.

        :param default_graphs: the dataset of the protocol's parameters, which overrides that of the query.
        :raises SyntaxFaultError: if it is not SPARQL.
        :raises LiveError: see the classes.
        """
        chosen = formats or Formats()
        head: Head = {
            "do": "query", "base": base, "default": None, "named": None, "max": max_bytes or self.settings.max_answer,
            "formats": {"table": chosen.table, "boolean": chosen.boolean, "graph": chosen.graph},
        }  # fmt: skip
        if default_graphs or named_graphs:
            head |= {"default": list(default_graphs or ()), "named": list(named_graphs or ())}
        found, content = await self._ask(head, text.encode(), timeout, who)
        return Answer(found["kind"], found["format"], content)

    async def update(
        self, text: str, *, base: str | None = None, timeout: float | None = None, who: Who = NOBODY
    ) -> tuple[list[str], int | None]:
        """Apply an update, all of it or nothing, and return the drafts that changed and by how many quads.

        On an open instance what changed is not looked at. The dataset of the protocol's parameters belongs into the
        text: :func:`circkg_server.writes.updates.with_dataset`.
        """
        found, _ = await self._ask({"do": "update", "base": base}, text.encode(), timeout, who)
        return found.get("graphs", []), found.get("quads")

    async def check(self, text: str, *, base: str | None = None) -> None:
        """Check that an update is SPARQL, and apply nothing. Only for a process without network.

        :raises SyntaxFaultError: if it is not SPARQL.
        """
        await self._ask({"do": "check", "base": base}, text.encode(), None, NOBODY)

    async def get(
        self, graph: str | None, media_type: str, *, unless: Iterable[str] = (), prefixes: dict[str, str] | None = None,
        who: Who = NOBODY,
    ) -> GraphContent:  # fmt: skip
        """Return a graph in a format; ``None`` is the default graph.

        :param unless: tags that the client has already.
        :raises NotThereError: if there is none.
        """
        head: Head = {
            "do": "get", "graph": graph, "format": media_type, "unless": list(unless)[:MAX_NAMES],
            "prefixes": prefixes, "max": self.settings.max_answer,
        }  # fmt: skip
        found, content = await self._ask(head, b"", None, who)
        return GraphContent(found["etag"], content, bool(found.get("same")))

    async def put(
        self, graph: str | None, parts: Sequence[tuple[str, bytes]], base: str, *, conditions: Conditions = ANY,
        who: Who = NOBODY,
    ) -> Written:  # fmt: skip
        """Make these files the whole content of a graph.

        :param parts: media type and content of each file.
        """
        return await self._write("put", graph, parts, base, conditions, who)

    async def post(
        self, graph: str | None, parts: Sequence[tuple[str, bytes]], base: str, *, conditions: Conditions = ANY,
        who: Who = NOBODY,
    ) -> Written:  # fmt: skip
        """Add files to a graph."""
        return await self._write("post", graph, parts, base, conditions, who)

    async def delete(self, graph: str | None, *, conditions: Conditions = ANY, who: Who = NOBODY) -> Written:
        """Delete a graph; the default graph is emptied.

        :raises NotThereError: if there is none.
        """
        head: Head = {"do": "delete", "graph": graph, "match": _tags(conditions), "new": conditions.new}
        found, _ = await self._ask(head, b"", None, who)
        return Written(False, found["quads"])

    async def graphs(self, who: Who = NOBODY) -> dict[str, int]:
        """Return the named graphs, each with the number of its triples."""
        found, _ = await self._ask({"do": "graphs"}, b"", None, who)
        graphs: dict[str, int] = found["graphs"]
        return graphs

    async def counts(self) -> tuple[int, int]:
        """Return how many quads and named graphs there are."""
        found, _ = await self._ask({"do": "counts"}, b"", None, NOBODY)
        return found["quads"], found["graphs"]

    async def backup(self, folder: Path) -> None:
        """Write a copy of the store of an open instance, as hard links where the disk has them."""
        await self._ask({"do": "backup", "folder": str(folder)}, b"", None, NOBODY)

    async def _write(
        self, do: str, graph: str | None, parts: Sequence[tuple[str, bytes]], base: str, conditions: Conditions,
        who: Who,
    ) -> Written:  # fmt: skip
        head: Head = {
            "do": do, "graph": graph, "base": base, "parts": [[kind, len(content)] for kind, content in parts],
            "match": _tags(conditions), "new": conditions.new,
        }  # fmt: skip
        found, _ = await self._ask(head, b"".join(content for _, content in parts), None, who)
        return Written(found["created"], found["quads"])

    async def _ask(self, head: Head, body: bytes, timeout: float | None, who: Who) -> tuple[Head, bytes]:
        limit = timeout or self.settings.timeout
        async with self._turn(limit):
            await self._started()
            assert self._reader is not None
            assert self._writer is not None
            whole = False
            try:
                async with asyncio.timeout(limit):
                    self._writer.write(pack(head | {"owner": who.owner, "every": who.every}, body))
                    await self._writer.drain()
                    found, content = await receive_async(self._reader)
                    whole = True
            except TimeoutError as error:
                raise TimeoutExceededError(f"This took longer than {limit:g} s and was ended.") from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                if await self._end() == -signal.SIGKILL:
                    raise KilledError("The process of the store was killed. Try again.") from error
                raise CrashedError("This needs more depth or memory than there is, and was ended.") from error
            finally:
                if not whole:
                    await asyncio.shield(self._end())
        if "error" in found:
            if found["error"] in ("syntax", "bad"):
                raise SyntaxFaultError(found["message"], found.get("line"), found.get("column"))
            raise _ERRORS.get(found["error"], EngineError)(found["message"])
        return found, content

    @asynccontextmanager
    async def _turn(self, limit: float) -> AsyncIterator[None]:
        """Wait for the process to be free."""
        if self._waiting > self.settings.waiting:
            raise BusyError("Too many requests wait for the store. Try again later.")
        self._waiting += 1
        try:
            try:
                async with asyncio.timeout(limit):
                    await self._lock.acquire()
            except TimeoutError as error:
                raise BusyError(f"The store was busy for {limit:g} s. Try again later.") from error
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._waiting -= 1

    async def _started(self) -> None:
        """Start the process unless it runs. A process that died between two requests is noticed here."""
        if self._process is not None and self._process.poll() is None:
            return
        await self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = [
            sys.executable, "-P", "-m", f"{__package__}.process", self.kind, str(self.folder), str(theirs.fileno()),
            str(self.settings.memory),
        ]  # fmt: skip
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "RUST_BACKTRACE": "0",
        }  # fmt: skip
        with theirs:
            self._process = await asyncio.to_thread(
                subprocess.Popen, command, pass_fds=(theirs.fileno(),), env=environment, stdin=subprocess.DEVNULL
            )
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        try:
            async with asyncio.timeout(START_SECONDS):
                hello, _ = await receive_async(self._reader)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            await self._end()
            raise StoreDownError(f"The process of the store in {self.folder} does not start.") from error
        if "error" in hello:
            await self._end()
            raise StoreDownError(hello["message"])
        self.isolated = hello["isolated"]
        self.restarts += 1

    async def _end(self) -> int | None:
        """Kill the process, if there is one, wait until it is gone, and return how it ended."""
        process, writer = self._process, self._writer
        self._process = self._reader = self._writer = None
        if writer is not None:
            writer.close()
        if process is None:
            return None
        if process.poll() is None:
            process.kill()
        return await asyncio.to_thread(process.wait)


def _tags(conditions: Conditions) -> list[str] | None:
    return None if conditions.match is None else list(conditions.match)[:MAX_NAMES]
