"""A pool of readers in the front process: hands out queries, keeps deadlines, kills and replaces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import cast

from circkg_server.engines import allocator
from circkg_server.engines.frames import Frames, Job, Kind, frame
from circkg_server.engines.zygote import CONTROL

HIGH_WATER = 1024 * 1024
"""Bytes of an answer that wait for a slow client before its reader is made to wait too."""
START_TIME = 300.0
"""Seconds that loading an image may take."""
FORK_TIME = 30.0


class EngineKind(Enum):
    """What readers hold."""

    MEMORY = "memory"
    CHECKPOINT = "checkpoint"


class Failure(Exception):  # noqa: N818 - an outcome of a query, told to its client
    """A query that has no answer; the kind decides the status.

    Kinds: ``syntax``, ``evaluation``, ``too-large``, ``not-in-xml`` as the reader says; ``timeout``, ``cancelled``,
    ``ended`` (the reader died: too deep, or too much memory), ``busy`` (the queue is full), ``stopped``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Running:
    """A query in a reader, for the list of running queries."""

    id: str
    job: Job
    since: float
    reader: int


class _Reader(asyncio.Protocol):
    """The front's end of one reader."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.process = 0
        self.transport: asyncio.Transport | None = None
        self.frames = Frames()
        self.answer: Answer | None = None
        self.reason: Failure | None = None
        self.used = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses

    def data_received(self, data: bytes) -> None:
        for kind, content in self.frames.feed(data):
            if self.answer is not None:
                self.answer.take(kind, content)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.pool.lost(self)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def kill(self, reason: Failure) -> None:
        """End the reader at once; its query fails for the reason given."""
        self.reason = self.reason or reason
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)


class Answer:
    """The answer of one query as it comes: iterate over its chunks, and close it in any case."""

    def __init__(self, reader: _Reader, running: Running) -> None:
        self._reader = reader
        self.running = running
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._ended = False
        self._failure: Failure | None = None
        self._paused = False

    def take(self, kind: Kind, content: bytes) -> None:
        """Take a frame from the reader."""
        if kind is Kind.CHUNK:
            self._chunks.append(content)
            self._held += len(content)
            if self._held > HIGH_WATER and not self._paused and self._reader.transport is not None:
                self._paused = True
                self._reader.transport.pause_reading()
        elif kind is Kind.END:
            self._end(None)
        elif kind is Kind.ERROR:
            told = json.loads(content)
            self._end(Failure(told["kind"], told["message"]))
        self._news.set()

    def fail(self, failure: Failure) -> None:
        """End the answer without the reader."""
        if not self._ended:
            self._ended = True
            self._failure = failure
            self._news.set()

    def _end(self, failure: Failure | None) -> None:
        self._ended = True
        self._failure = failure
        self._reader.answer = None
        self._reader.pool.freed(self._reader, self)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the answer.

        :raises Failure: if the answer does not come to its end; what came before is then not an answer.
        """
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                if self._paused and self._held < HIGH_WATER // 2:
                    self._resume()
                yield chunk
            if self._ended:
                if self._failure:
                    raise self._failure
                return
            self._news.clear()
            await self._news.wait()

    def _resume(self) -> None:
        self._paused = False
        if self._reader.transport is not None and not self._reader.transport.is_closing():
            self._reader.transport.resume_reading()

    def close(self) -> None:
        """Let the reader go: a client that leaves before the end frees its reader, by ending it."""
        self._chunks.clear()
        if not self._ended:
            self._reader.kill(Failure("cancelled", "The client left."))


@dataclass(slots=True)
class _Waiting:
    ready: asyncio.Future[_Reader]
    quick: bool


@dataclass(slots=True)
class Pool:
    """Readers of one snapshot and kind.

    :param store: folder of the store.
    :param number: number of the snapshot.
    :param size: number of readers; one of them is kept for quick queries if there are several.
    :param memory: bytes by which a reader may grow for a query.
    :param queue: most queries that wait.
    """

    kind: EngineKind
    store: Path
    number: int
    size: int
    memory: int
    queue: int
    on_event: Callable[[str], None] = lambda _: None
    image_quads: int = 0
    respawns: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    _idle: list[_Reader] = field(default_factory=list)
    _readers: set[_Reader] = field(default_factory=set)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _control: socket.socket | None = None
    _process: asyncio.subprocess.Process | None = None
    _listener: asyncio.Task[None] | None = None
    _forked: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    _spawning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False
    _slow: int = 0

    async def start(self) -> None:
        """Start the zygote, wait for its image, fork the readers.

        :raises Failure: if the image cannot be loaded.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control = ours
        ours.setblocking(False)
        code = (
            f"import os; os.dup2({theirs.fileno()}, {CONTROL});"
            "import sys; from circkg_server.engines.zygote import main; main(*sys.argv[1:])"
        )
        # The zygote imports from where the front does, wherever that is.
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RUST_BACKTRACE": "0"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, self.kind.value, str(self.store), str(self.number), str(self.memory),
            pass_fds=[theirs.fileno()], env=allocator.environment(os.environ) | path,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = asyncio.create_task(self._listen(ready))
        try:
            async with asyncio.timeout(START_TIME):
                await ready
            for _ in range(self.size):
                await self._spawn()
        except (TimeoutError, OSError) as error:
            await self.stop()
            raise Failure(
                "stopped", f"The {self.kind.value} image of snapshot {self.number} cannot be loaded."
            ) from error

    async def _listen(self, ready: asyncio.Future[None]) -> None:
        """Take what the zygote tells; if it dies, start the pool anew."""
        assert self._control is not None
        loop = asyncio.get_running_loop()
        frames = Frames()
        while data := await loop.sock_recv(self._control, 4096):
            for kind, content in frames.feed(data):
                if kind is Kind.READY:
                    self.image_quads = json.loads(content)["quads"]
                    ready.set_result(None)
                elif kind is Kind.FORKED:
                    self._forked.put_nowait(int(content))
        if not ready.done():
            ready.set_exception(OSError("the zygote ended while loading"))
        elif not self._closing:
            self.on_event("zygote-lost")
            self._task(self._restart())

    async def _restart(self) -> None:
        """Start again after the zygote died: readers that live finish, new ones come from a new zygote."""
        await self._reap()
        self._forked = asyncio.Queue()
        for reader in list(self._readers):
            reader.kill(Failure("ended", "The engine was started anew. Ask again."))
        self._idle.clear()
        while not self._closing:
            try:
                await self.start()
            except Failure:
                await asyncio.sleep(1)
            else:
                return

    async def _spawn(self) -> None:
        """Have the zygote fork a reader."""
        async with self._spawning:
            if self._closing or self._control is None:
                return
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            try:
                socket.send_fds(self._control, [frame(Kind.FORK)], [theirs.fileno()])
                async with asyncio.timeout(FORK_TIME):
                    process = await self._forked.get()
            except (OSError, TimeoutError):
                ours.close()
                return  # the listener sees that the zygote is gone
            finally:
                theirs.close()
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            _, reader = await loop.create_connection(lambda: _Reader(self), sock=ours)
            reader.process = process
            self._readers.add(reader)
            self._offer(reader)

    # -- handing out --------------------------------------------------------------------------------------------

    async def ask(self, id_: str, job: Job, timeout: float, *, quick: bool) -> Answer:
        """Return the answer of a query, as soon as a reader takes it.

        :param timeout: seconds from now within which the whole answer must have come.
        :param quick: whether the query is expected to be quick, so that it may have the reader kept for such.
        :raises Failure: if the queue is full, or the time is over before a reader is free.
        """
        deadline = time.monotonic() + timeout
        reader = await self._reader(timeout, quick=quick)
        running = Running(id_, job, time.monotonic(), reader.process)
        self.running[id_] = running
        answer = Answer(reader, running)
        reader.answer = answer
        reader.used += 1
        if not quick:
            self._slow += 1
        reader.send(frame(Kind.JOB, job.encode()))
        loop = asyncio.get_running_loop()
        late = Failure("timeout", f"The query took longer than {timeout:g} seconds.")
        timer = loop.call_later(max(deadline - time.monotonic(), 0), self._late, answer, late)
        self._timers[id(answer)] = (timer, quick)
        return answer

    _timers: dict[int, tuple[asyncio.TimerHandle, bool]] = field(default_factory=dict)

    def _late(self, answer: Answer, failure: Failure) -> None:
        for reader in self._readers:
            if reader.answer is answer:
                reader.kill(failure)

    async def _reader(self, timeout: float, *, quick: bool) -> _Reader:
        if self._closing:
            raise Failure("stopped", "The server is stopping.")
        if self._idle and (quick or self._may_be_slow()):
            return self._idle.pop()
        if len(self._waiting) >= self.queue:
            raise Failure("busy", f"{self.queue} queries are waiting already. Try again in a while.")
        waiting = _Waiting(asyncio.get_running_loop().create_future(), quick)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(timeout):
                return await waiting.ready
        except TimeoutError as error:
            raise Failure("timeout", f"No reader was free within {timeout:g} seconds.") from error
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def _may_be_slow(self) -> bool:
        """Tell whether a query that may be slow can have a reader: one reader is kept for quick ones."""
        return self.size == 1 or self._slow < self.size - 1

    def _offer(self, reader: _Reader) -> None:
        """Give a free reader to the first that waits and may have it."""
        for waiting in self._waiting:
            if not waiting.ready.done() and (waiting.quick or self._may_be_slow()):
                self._waiting.remove(waiting)
                waiting.ready.set_result(reader)
                return
        self._idle.append(reader)

    def freed(self, reader: _Reader, answer: Answer) -> None:
        """Take a reader back whose answer is whole."""
        self._done(answer)
        if reader.transport is not None:
            reader.transport.resume_reading()
        self._offer(reader)

    def lost(self, reader: _Reader) -> None:
        """Replace a reader that ended."""
        self._readers.discard(reader)
        if reader in self._idle:
            self._idle.remove(reader)
        if reader.answer is not None:
            answer, reader.answer = reader.answer, None
            self._done(answer)
            ended = Failure("ended", "The query nests too deep or needs more memory than a query may have.")
            answer.fail(reader.reason or ended)
        if not self._closing:
            self.respawns += 1
            self.on_event("respawn")
            self._task(self._spawn())

    def _done(self, answer: Answer) -> None:
        self.running.pop(answer.running.id, None)
        timer, quick = self._timers.pop(id(answer))
        timer.cancel()
        if not quick:
            self._slow -= 1

    def cancel(self, id_: str) -> bool:
        """End a running query; tell whether there was one of that id."""
        for reader in self._readers:
            if reader.answer is not None and reader.answer.running.id == id_:
                reader.kill(Failure("cancelled", "The query was cancelled by an administrator."))
                return True
        return False

    # -- figures and end ----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Return the number of queries that wait for a reader."""
        return len(self._waiting)

    @property
    def readers(self) -> int:
        """Return the number of readers that live."""
        return len(self._readers)

    async def drain(self, timeout: float) -> None:
        """Wait until the running queries have ended, then stop."""
        end = time.monotonic() + timeout
        while self.running and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await self.stop()

    async def stop(self) -> None:
        """End all readers and the zygote."""
        self._closing = True
        for waiting in self._waiting:
            if not waiting.ready.done():
                waiting.ready.set_exception(Failure("stopped", "The server is stopping."))
        for reader in list(self._readers):
            reader.kill(Failure("stopped", "The server is stopping."))
            if reader.transport is not None:
                reader.transport.close()
        if self._listener is not None:
            self._listener.cancel()
        await self._reap()

    async def _reap(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    def _task(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
