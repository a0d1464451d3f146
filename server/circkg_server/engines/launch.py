"""The front's end of a zygote: starts it, has it fork readers, and hears how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from circkg_server.engines import allocator
from circkg_server.engines.frames import Frames, Kind, frame
from circkg_server.engines.loans import Page

START_TIME = 300.0
"""Seconds that loading an image may take."""
FORK_TIME = 30.0
STOP_TIME = 2.0
_SEND_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Forked:
    """A new reader: its process, the sockets of its jobs and of lent connections, and the page that it writes."""

    process: int
    jobs: socket.socket
    loans: socket.socket
    page: Page


class Zygote:
    """A zygote process; every failure of it is an :class:`OSError`, after which it is of no use but to be stopped."""

    def __init__(self, on_ended: Callable[[int, int], None], on_lost: Callable[[], None]) -> None:
        """Take what is called when a reader ended (its process and exit code), and when the zygote did."""
        self._on_ended, self._on_lost = on_ended, on_lost
        self._process: asyncio.subprocess.Process | None = None
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.setblocking(False)
        self._listener: asyncio.Task[None] | None = None
        self._expected: asyncio.Future[bytes] | None = None
        self._lost = False

    async def start(self, kind: str, store: Path, number: int, memory: int) -> None:
        """Start the process and wait until its image is loaded."""
        # The zygote imports from where the front does, wherever that is.
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RUST_BACKTRACE": "0"}
        with self._theirs as theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "circkg_server.engines.zygote",
                kind, str(store), str(number), str(memory), str(theirs.fileno()),
                pass_fds=[theirs.fileno()], env=allocator.environment(os.environ) | path, start_new_session=True,
            )  # fmt: skip
        self._listener = asyncio.create_task(self._listen())
        await self._answer(START_TIME)

    async def fork(self) -> Forked:
        """Fork a new reader."""
        jobs, loans = (socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2))
        page = Page.new()
        try:
            for end in (*jobs, *loans):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
                end.setblocking(True)
            descriptors = [jobs[1].fileno(), loans[1].fileno(), page]
            socket.send_fds(self._control, [frame(Kind.FORK)], descriptors)
            process = int(await self._answer(FORK_TIME))
        except BaseException:
            jobs[0].close()
            loans[0].close()
            os.close(page)
            raise
        finally:
            jobs[1].close()
            loans[1].close()
        jobs[0].setblocking(False)
        return Forked(process, jobs[0], loans[0], Page(page))

    async def _answer(self, timeout: float) -> bytes:
        """Return what the zygote says next; it is asked one thing at a time."""
        if self._lost:
            raise OSError("the zygote has ended")
        self._expected = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                return await self._expected
        except TimeoutError as error:
            raise OSError("the zygote does not answer") from error
        finally:
            self._expected = None

    async def _listen(self) -> None:
        frames = Frames()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._control, 4096):
                for kind, content in frames.feed(data):
                    if kind is Kind.ENDED:
                        told = json.loads(content)
                        self._on_ended(told["pid"], told["code"])
                    elif self._expected is not None and not self._expected.done():
                        self._expected.set_result(content)
        self._lost = True
        if self._expected is not None and not self._expected.done():
            self._expected.set_exception(OSError("the zygote has ended"))
        self._on_lost()

    async def stop(self) -> None:
        """End the process and its readers: it ends them itself when its socket closes, else they end with it."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        self._control.close()
        self._theirs.close()
        if self._process is not None:
            try:
                async with asyncio.timeout(STOP_TIME):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
