"""A pool of readers in the front process: hands out queries, keeps deadlines, kills and replaces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from circkg_server.engines.desk import Borrowed, Desk
from circkg_server.engines.frames import Frames, Job, Kind, frame
from circkg_server.engines.interface import EngineKind
from circkg_server.engines.launch import START_TIME, Forked, Zygote
from circkg_server.engines.loans import Form

HIGH_WATER = 1024 * 1024
"""Bytes of an answer that wait for a slow client before its reader is made to wait too."""
PATIENCE = 1.0
"""Seconds after which a query that was expected to be quick counts as slow."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_TRIES = 3
"""Readers that may be killed from outside, as by a machine without memory, before their query is given up."""


class Failure(Exception):  # noqa: N818 - an outcome of a query, told to its client
    """A query that has no answer; the kind decides the status.

    Kinds: ``syntax``, ``evaluation``, ``too-large``, ``not-in-xml``, ``broken`` as the reader says; ``timeout``,
    ``cancelled``, ``ended`` (the reader died: too deep, or too much memory), ``busy`` (the queue is full, or no reader
    was free in time), ``stopped``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


_TOO_MUCH = "The query nests too deep or needs more memory than a query may have."
_KILLED = "The query was ended from outside; the machine may be short of memory. Try again in a while."


@dataclass(slots=True)
class Running:
    """A query in a reader, for the list of running queries."""

    id: str
    job: Job
    since: float
    reader: int


class _Reader(asyncio.Protocol):
    """The front's end of one reader."""

    def __init__(self, pool: Pool, forked: Forked) -> None:
        self.pool = pool
        self.process = forked.process
        self.desk = Desk(forked.loans, forked.page, self.kill, PATIENCE)
        self.transport: asyncio.Transport | None = None
        self.frames = Frames()
        self.answer: Answer | None = None
        self.opened = False
        self.code: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses

    def data_received(self, data: bytes) -> None:
        for kind, content in self.frames.feed(data):
            if kind is Kind.READY:
                self.opened = True
                self.pool.freed(self)
            elif self.answer is not None:
                self.answer.take(kind, content)

    def eof_received(self) -> None:
        self.pool.lost(self)  # at once: a query written to a connection that is closing would be an error

    def connection_lost(self, _exc: Exception | None) -> None:
        self.pool.lost(self)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def kill(self) -> None:
        """End the reader at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        if self.transport is not None:
            self.transport.abort()


class Answer:
    """The answer of one query, from its place in the queue on: iterate over its chunks, and close it in any case."""

    def __init__(self, pool: Pool, id_: str, job: Job, *, quick: bool) -> None:
        self.id, self.job, self.quick = id_, job, quick
        self.reader: _Reader | None = None
        self.running: Running | None = None
        self.timers: list[asyncio.TimerHandle] = []
        self.began = self.ended = self.held_up = False
        self.tries = 1
        self.seconds = 0.0
        """Processor seconds of its evaluation, known at its end."""
        self._pool = pool
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._failure: Failure | None = None
        self._paused = False

    def take(self, kind: Kind, content: bytes) -> None:
        """Take a frame from the reader."""
        if kind is Kind.CHUNK:
            self.began = True
            self._chunks.append(content)
            self._held += len(content)
            if self._held > HIGH_WATER and not self._paused and self.reader and self.reader.transport:
                self._paused = True
                self.reader.transport.pause_reading()
            self._news.set()
            return
        failure = None
        if kind is Kind.ERROR:
            told = json.loads(content)
            self.seconds = told["seconds"]
            failure = Failure(told["kind"], told["message"])
        else:
            self.seconds = float(content)
        reader = self._pool.part(self)
        self.end(failure)
        if reader is not None:
            self._pool.freed(reader)

    def end(self, failure: Failure | None) -> None:
        """End the answer; a reader that is still at it is ended too."""
        if not self.ended:
            self.ended = True
            self._failure = failure
            for timer in self.timers:
                timer.cancel()
            self._pool.done(self)
            self._news.set()

    async def next(self) -> bytes:
        """Return the next chunk, or nothing at the end of the answer.

        :raises Failure: if the answer does not come to its end; what came before is then not an answer.
        """
        while not self._chunks:
            if self.ended:
                if self._failure:
                    raise self._failure
                return b""
            self._news.clear()
            await self._news.wait()
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        if self._paused and self._held < HIGH_WATER // 2:
            self._paused = False
            if self.reader is not None and self.reader.transport is not None:
                self.reader.transport.resume_reading()
        return chunk

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the answer.

        :raises Failure: as :meth:`next`.
        """
        while chunk := await self.next():
            yield chunk

    def close(self) -> None:
        """Let the reader go: a client that leaves before the end frees its reader, by ending it."""
        self._chunks.clear()
        self.end(Failure("cancelled", "The client left."))


@dataclass(slots=True, eq=False)
class Pool:
    """Readers of one snapshot and kind.

    One of several readers is kept for quick queries. A query that was expected to be quick and is not goes back into
    the queue as a slow one; if a part of its answer has gone out already, another reader is forked in its place.

    :param store: folder of the store.
    :param number: number of the snapshot.
    :param size: number of readers.
    :param memory: bytes by which a reader may grow for a query.
    :param queue: most queries that wait.
    :param mend: puts right what keeps a reader from opening the snapshot.
    """

    kind: EngineKind
    store: Path
    number: int
    size: int
    memory: int
    queue: int
    on_event: Callable[[str], None] = lambda _: None
    mend: Callable[[], Awaitable[None]] | None = None
    respawns: int = 0
    _answers: dict[str, Answer] = field(default_factory=dict)
    _waiting: list[Answer] = field(default_factory=list)
    _unclear: dict[int, Answer] = field(default_factory=dict)
    _readers: dict[int, _Reader] = field(default_factory=dict)
    _idle: list[_Reader] = field(default_factory=list)
    _desks: list[Desk] = field(default_factory=list)
    _zygote: Zygote | None = None
    _keeper: asyncio.Task[None] | None = None
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _stillborn: int = 0
    _zygote_is_lost: bool = False
    _closing: bool = False

    # -- keeping readers ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the zygote, wait for its image and for the first reader.

        :raises Failure: if the image cannot be loaded.
        """
        self._keeper = asyncio.create_task(self._keep())
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait({opened, self._keeper}, timeout=START_TIME, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        if not self._opened.is_set():
            await self.stop()
            what = f"The {self.kind.value} image of snapshot {self.number} cannot be loaded."
            way_out = f"If it is damaged, delete its folder in {self.store / 'snapshots'}: it is made anew."
            raise Failure("stopped", f"{what} {way_out}")

    async def _keep(self) -> None:
        """Keep the pool at its size: a lost reader is forked anew, a lost zygote started anew."""
        pause = 0.0
        while not self._closing:
            self._wanted.clear()
            try:
                if self._zygote is None:
                    zygote = self._zygote = Zygote(self._reader_ended, self._zygote_lost)
                    await zygote.start(self.kind.value, self.store, self.number, self.memory)
                while len(self._readers) < self.size + min(self._held_up, self.size):
                    if self._stillborn:
                        await self._wait_for_mending()
                    await self._add(await self._zygote.fork())
                pause = 0.0
            except Exception as error:  # whatever it was, a new zygote and new readers put it right
                self.on_event(f"zygote-lost: {error}")
                await self._end_zygote()
                if not self._opened.is_set():
                    return  # it never came up; whoever starts it hears of it
                pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
                await asyncio.sleep(pause)
            else:
                await self._wanted.wait()
                if self._zygote_is_lost:
                    await self._end_zygote()

    async def _wait_for_mending(self) -> None:
        """Wait before another reader is forked for a snapshot that the last one could not open."""
        if self._stillborn > 8 and not self._opened.is_set():
            raise OSError("no reader can open the snapshot")
        if self.mend is not None:
            await self.mend()
        await asyncio.sleep(min(_FIRST_PAUSE * self._stillborn, _LONGEST_PAUSE))

    async def _add(self, forked: Forked) -> None:
        loop = asyncio.get_running_loop()
        reader = self._readers[forked.process] = _Reader(self, forked)
        self._desks = [desk for desk in self._desks if not desk.closed] + [reader.desk]
        await loop.create_connection(lambda: reader, sock=forked.jobs)

    def _zygote_lost(self) -> None:
        self._zygote_is_lost = True
        self._wanted.set()

    async def _end_zygote(self) -> None:
        """End the zygote and with it all readers; their queries are asked again of new ones."""
        zygote, self._zygote = self._zygote, None
        self._zygote_is_lost = False
        for reader in list(self._readers.values()):
            reader.kill()
            reader.code = -signal.SIGKILL
            self.lost(reader)
        for process in list(self._unclear):
            self._reader_ended(process, -signal.SIGKILL)
        if zygote is not None:
            await zygote.stop()
        for desk in self._desks:  # what had its readers has ended
            desk.close()

    def _reader_ended(self, process: int, code: int) -> None:
        """Take note of how a reader ended, which the zygote tells before or after its connection is lost."""
        if (reader := self._readers.get(process)) is not None:
            reader.code = code
        elif (answer := self._unclear.pop(process, None)) is not None:
            self._bereaved(answer, code)

    def lost(self, reader: _Reader) -> None:
        """Replace a reader that ended."""
        if self._readers.pop(reader.process, None) is None:
            return
        if reader in self._idle:
            self._idle.remove(reader)
        if not reader.opened and reader.code != -signal.SIGKILL:
            self._stillborn += 1
        answer = reader.answer
        if answer is not None:
            self.part(answer)
            if reader.code is None:
                self._unclear[reader.process] = answer
            else:
                self._bereaved(answer, reader.code)
        self._replace()

    def _replace(self) -> None:
        if not self._closing:
            self.respawns += 1
            self.on_event("respawn")
            self._wanted.set()

    def _bereaved(self, answer: Answer, code: int) -> None:
        """Decide on a query whose reader died: what was killed from outside is asked again, if nothing went out."""
        if code != -signal.SIGKILL:
            answer.end(Failure("ended", _TOO_MUCH))
        elif answer.began or answer.tries == _TRIES or self._closing:
            answer.end(Failure("ended", _KILLED))
        else:
            answer.tries += 1
            self._queue(answer, first=True)

    # -- handing out --------------------------------------------------------------------------------------------

    def ask(self, id_: str, job: Job, timeout: float, *, quick: bool) -> Answer:
        """Return the answer of a query, which comes when a reader takes it.

        :param timeout: seconds from now within which the whole answer must have come.
        :param quick: whether the query is expected to be quick, so that it may have the reader kept for such.
        :raises Failure: if the queue is full.
        """
        answer = Answer(self, id_, job, quick=quick)
        self.submit(answer, timeout)
        return answer

    def submit(self, answer: Answer, timeout: float) -> None:
        """Let an answer come as soon as a reader takes its query.

        :raises Failure: as :meth:`ask`.
        """
        if self._closing:
            raise Failure("stopped", "The server is stopping.")
        free = self._idle and (answer.quick or self._may_be_slow())
        if not free and len(self._waiting) >= self.queue:
            raise Failure("busy", f"{self.queue} queries are waiting already. Try again in a while.")
        self._answers[answer.id] = answer
        answer.timers.append(asyncio.get_running_loop().call_later(timeout, self._late, answer, timeout))
        self._queue(answer)

    def _queue(self, answer: Answer, *, first: bool = False) -> None:
        if not answer.ended:
            self._waiting.insert(0 if first else len(self._waiting), answer)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give idle readers to those that wait."""
        while self._idle and (answer := self._next()) is not None:
            self._waiting.remove(answer)
            reader = min(self._idle, key=lambda reader: reader.desk.lent)
            self._idle.remove(reader)
            if not answer.quick:
                reader.desk.recall()
            reader.answer, answer.reader = answer, reader
            answer.running = Running(answer.id, answer.job, time.monotonic(), reader.process)
            if answer.quick and self.size > 1:
                answer.timers.append(asyncio.get_running_loop().call_later(PATIENCE, self._overdue, answer))
            reader.send(frame(Kind.JOB, answer.job.encode()))

    def _next(self) -> Answer | None:
        """Return who is next: among those that may have a reader, the client with the fewest, then the first."""
        slow = self._may_be_slow()
        entitled = [answer for answer in self._waiting if answer.quick or slow]
        if len(entitled) < 2:
            return entitled[0] if entitled else None
        clients = [running.job.client for running in self.running.values()]
        return min(entitled, key=lambda answer: clients.count(answer.job.client))

    def _may_be_slow(self) -> bool:
        """Tell whether a query that may be slow can have a reader: one reader is kept for quick ones."""
        return self._slow < max(self.size - 1, 1)

    @property
    def _slow(self) -> int:
        return sum(not (answer.quick or answer.held_up) for answer in self._answers.values() if answer.reader)

    @property
    def _held_up(self) -> int:
        """Return the number of quick queries that hold a reader for long, as their clients read slowly."""
        return sum(answer.held_up for answer in self._answers.values())

    def _overdue(self, answer: Answer) -> None:
        """Take the reader kept for quick queries back from one that is not."""
        if answer.reader is None or not answer.quick:
            return
        answer.quick = False
        answer.reader.desk.withdraw()
        if self._slow < self.size:
            return
        if answer.began:
            answer.held_up = True
            self._wanted.set()
            return
        self._kill(answer)
        self._queue(answer)

    def _late(self, answer: Answer, timeout: float) -> None:
        seconds = f"{math.ceil(timeout * 10) / 10:g}"  # a little of the time that was asked for has gone before
        if answer in self._waiting:
            answer.end(Failure("busy", f"No reader was free within {seconds} s. Try again in a while."))
        else:
            answer.end(Failure("timeout", f"The query took longer than {seconds} s."))

    def part(self, answer: Answer) -> _Reader | None:
        """Part an answer from its reader, and return that."""
        reader, answer.reader, answer.running = answer.reader, None, None
        if reader is not None:
            reader.answer = None
        return reader

    def _kill(self, answer: Answer) -> None:
        """End the reader of an answer, and have another one forked."""
        reader = self.part(answer)
        if reader is not None and self._readers.pop(reader.process, None) is not None:
            reader.kill()
            self._replace()

    def done(self, answer: Answer) -> None:
        """Forget an answer that has ended."""
        self._answers.pop(answer.id, None)
        if answer in self._waiting:
            self._waiting.remove(answer)
        self._kill(answer)
        self._hand_out()

    def freed(self, reader: _Reader) -> None:
        """Take a reader that has nothing to do."""
        if reader.process not in self._readers:
            return
        self._opened.set()
        self._stillborn = 0
        if len(self._readers) > self.size + min(self._held_up, self.size):
            del self._readers[reader.process]
            reader.kill()
            return
        if reader.transport is not None:
            reader.transport.resume_reading()
        self._idle.append(reader)
        self._hand_out()

    def lend(self, connection: Borrowed, forms: Iterable[Form]) -> bool:
        """Lend a connection to the reader at no slow query that has the fewest; tell whether it could be done."""
        free = [r for r in self._readers.values() if r.opened and (r.answer is None or r.answer.quick)]
        if self._closing or not free:
            return False
        return min(free, key=lambda reader: reader.desk.lent).desk.lend(connection, forms)

    def recall(self) -> None:
        """Have all lent connections come back."""
        for reader in self._readers.values():
            reader.desk.recall()

    def cancel(self, id_: str) -> bool:
        """End a query; tell whether there was one of that id."""
        answer = self._answers.get(id_)
        if answer is not None:
            answer.end(Failure("cancelled", "The query was cancelled by an administrator."))
        return answer is not None

    # -- figures and end ----------------------------------------------------------------------------------------

    @property
    def running(self) -> dict[str, Running]:
        """Return the queries that are in a reader, by id."""
        return {id_: answer.running for id_, answer in self._answers.items() if answer.running is not None}

    @property
    def waiting(self) -> int:
        """Return the number of queries that wait for a reader."""
        return len(self._waiting)

    @property
    def readers(self) -> int:
        """Return the number of readers that can take a query or have one."""
        return sum(reader.opened for reader in self._readers.values())

    @property
    def lent(self) -> int:
        """Return the number of connections that readers answer themselves."""
        return sum(reader.desk.lent for reader in self._readers.values())

    async def drain(self, timeout: float) -> None:
        """Wait until the queries have ended, then stop."""
        self.recall()
        end = time.monotonic() + timeout
        while self._answers and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await self.stop()

    async def stop(self) -> None:
        """End all readers and the zygote."""
        self._closing = True
        for answer in list(self._answers.values()):
            answer.end(Failure("stopped", "The server is stopping."))
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._end_zygote()
