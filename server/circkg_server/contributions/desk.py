"""The desk: gives jobs to processes that can be killed, a few at once, and says how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from pathlib import Path

from circkg_server.contributions.jobs import Outcome
from circkg_server.contributions.uploads import BusyError

START_TIME = 120.0
"""Seconds that the fork server may take to load."""


class JobError(RuntimeError):
    """A job did not end as it should."""


class TooLongError(JobError):
    """A job took longer than it may."""


class TooBigError(JobError):
    """A job needed more memory than it may have, or more stack than there is."""


class BrokenError(JobError):
    """A job ended by a fault of the program; the log has it."""


class Desk:
    """Has jobs done by children of a fork server, which starts with the first job and again if it ended.

    :param store: folder whose snapshot uploads are judged against.
    :param at_once: jobs at once.
    :param waiting: jobs that may wait for their turn.
    """

    def __init__(self, store: Path, at_once: int, waiting: int) -> None:
        self._store = store
        self._turn = asyncio.Semaphore(at_once)
        self._waiting, self._most_waiting = 0, waiting
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._listener: asyncio.Task[None] | None = None
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}

    async def do(self, folder: Path, *, seconds: float, memory: int, patient: bool = False) -> Outcome:
        """Have the job of a folder done and return how it ended. If the caller is cancelled, the job is killed.

        :param patient: wait for a turn however many wait.
        :raises BusyError: if too many jobs wait.
        :raises JobError: if it took too long, needed too much or broke.
        """
        if self._turn.locked() and not patient:
            if self._waiting >= self._most_waiting:
                raise BusyError("Many files are being judged. Try again in a while.")
            self._waiting += 1
            try:
                await self._turn.acquire()
            finally:
                self._waiting -= 1
        else:
            await self._turn.acquire()
        try:
            return await self._do(folder, seconds, memory)
        finally:
            self._turn.release()

    async def _do(self, folder: Path, seconds: float, memory: int) -> Outcome:
        control = await self._connection()
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        started = self._started[number] = loop.create_future()
        job = {"id": number, "folder": str(folder), "seconds": seconds, "memory": memory}
        try:
            await loop.sock_sendall(control, json.dumps(job).encode() + b"\n")
            async with asyncio.timeout(START_TIME):
                pid = await started
        except (OSError, TimeoutError) as error:
            raise BrokenError("The process that judges ended. Try again.") from error
        finally:
            self._started.pop(number, None)
        ended = self._ended.setdefault(pid, loop.create_future())
        try:
            async with asyncio.timeout(seconds):
                code = await asyncio.shield(ended)
        except TimeoutError as error:
            await self._kill(pid, ended)
            raise TooLongError(f"Judging took longer than {seconds:g} seconds. Send the file in parts.") from error
        except asyncio.CancelledError:
            await self._kill(pid, ended)
            raise
        finally:
            self._ended.pop(pid, None)
        if code in (Outcome.DONE, Outcome.REFUSED):
            return Outcome(code)
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            raise TooLongError(f"Judging took longer than {seconds:g} seconds. Send the file in parts.")
        if code in (Outcome.OUT_OF_MEMORY, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS):
            raise TooBigError("Judging needed too much memory, or is nested too deep. Send the file in parts.")
        raise BrokenError("Judging failed by a fault of ours. It has been logged.")

    async def _kill(self, pid: int, ended: asyncio.Future[int]) -> None:
        # Until the fork server tells of its end, the process number is not given to another.
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.wait([ended], timeout=10)

    async def _connection(self) -> socket.socket:
        async with self._starting:
            if self._control is None:
                await self._start()
            assert self._control is not None
            return self._control

    async def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RUST_BACKTRACE": "0"}
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "circkg_server.contributions.forkserver", str(theirs.fileno()),
                str(self._store), pass_fds=[theirs.fileno()], env={**os.environ, **path}, start_new_session=True,
            )  # fmt: skip
        self._control = ours
        self._listener = asyncio.create_task(self._listen(ours))

    async def _listen(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        left = b""
        with contextlib.suppress(OSError):
            while received := await loop.sock_recv(control, 65536):
                *lines, left = (left + received).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        # The fork server has ended, and with it its children.
        self._control = None
        control.close()
        for waiting in (*self._started.values(), *self._ended.values()):
            if not waiting.done():
                waiting.set_exception(BrokenError("The process that judges ended. Try again."))
        if self._process is not None:
            await self._process.wait()

    def _hear(self, told: dict[str, int]) -> None:
        loop = asyncio.get_running_loop()
        if "started" in told:
            self._ended[told["started"]] = loop.create_future()
            future = self._started.get(told["job"])
            if future is not None and not future.done():
                future.set_result(told["started"])
            else:
                # Who asked has left meanwhile.
                self._ended.pop(told["started"], None)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(told["started"], signal.SIGKILL)
            return
        future = self._ended.get(told["ended"])
        if future is not None and not future.done():
            future.set_result(told["code"])

    async def close(self) -> None:
        """End the fork server and with it every job."""
        listener, process, control = self._listener, self._process, self._control
        self._listener = self._control = None
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
        if control is not None:
            control.close()
        if process is not None and process.returncode is None:
            try:
                async with asyncio.timeout(2):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
