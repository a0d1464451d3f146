"""The zygote: a fresh process that loads what readers need once, and forks them.

It forks only while it has one Python thread, which is why it is a process of its own and does nothing else. Started as
``python -m circkg_server.engines.zygote KIND STORE NUMBER MEMORY DESCRIPTOR``; the last is that of the control socket.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from pyoxigraph import Store

from circkg_server.engines.frames import Frames, Kind, frame
from circkg_server.engines.isolation import be_ended_first, deny_network, end_with, limit_memory
from circkg_server.engines.lent import Lent
from circkg_server.engines.loans import CAN_LEND, Page
from circkg_server.engines.reader import serve
from circkg_server.releases.archive import Archive
from circkg_server.store.merged import load_default_graph
from circkg_server.store.snapshot import path_of

STACK = 256 * 1024 * 1024
"""Stack of the thread that evaluates: the engine's parser and evaluator recurse; address space only, used as needed."""


def main(kind: str, folder: str, number: str, memory: str, descriptor: str) -> None:
    """Load the image, then fork a reader for each socket that arrives, until the control socket closes.

    :param kind: ``memory`` (the default graph in memory, shared by all readers) or ``checkpoint`` (each reader opens
        the snapshot on disk, read-only).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(descriptor))
    control.set_inheritable(False)
    archive = Archive(Path(folder))
    manifest = archive.number(int(number))
    image = Store() if kind == "memory" else None
    if image is not None:
        load_default_graph(image, archive, manifest)
    path = str(path_of(archive, manifest))
    control.sendall(frame(Kind.READY, b""))

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    frames = Frames()
    readers: set[int] = set()
    # The readers share what is there now: their collector need not look at it, nor write to its pages.
    gc.collect()
    gc.freeze()
    try:
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    data, descriptors, _, _ = socket.recv_fds(control, 4096, 16)
                    if not data:
                        _end(readers)
                    # The front waits for the answer to a frame before it sends another.
                    for _ in frames.feed(data):
                        readers.add(_fork(control, descriptors, image, path, int(memory)))
                else:
                    os.read(wake_read, 4096)
                    _reap(control, readers)
    except OSError:  # the front has gone
        _end(readers)


def _end(readers: set[int]) -> None:
    """End with all readers."""
    for process in readers:
        os.kill(process, signal.SIGKILL)
    for process in readers:
        os.waitpid(process, 0)
    os._exit(0)


def _fork(control: socket.socket, descriptors: list[int], image: Store | None, path: str, memory: int) -> int:
    """Fork a reader.

    :param descriptors: of the socket of jobs, the socket of lent connections and the page of shared memory.
    """
    if threading.active_count() != 1:
        raise RuntimeError("a process with several Python threads must not fork")
    zygote = os.getpid()
    process = os.fork()
    if process == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            end_with(zygote)
            control.close()
            be_ended_first()
            deny_network()
            threading.stack_size(STACK)
            thread = threading.Thread(target=_run, args=(descriptors, image, path, memory))
            thread.start()
            thread.join()
        finally:
            os._exit(1)
    for descriptor in descriptors:
        os.close(descriptor)
    control.sendall(frame(Kind.FORKED, str(process).encode()))
    return process


def _run(descriptors: list[int], image: Store | None, path: str, memory: int) -> None:
    connection, channel = (socket.socket(fileno=descriptor) for descriptor in descriptors[:2])
    try:
        store = image if image is not None else Store.read_only(path)
        limit_memory(memory)
        serve(connection, store, Lent(store, channel, Page(descriptors[2])) if CAN_LEND else None)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except Exception as error:
        print(f"circkg: a reader cannot go on: {error}", file=sys.stderr, flush=True)  # noqa: T201 - to the server's log
        os._exit(1)


def _reap(control: socket.socket, readers: set[int]) -> None:
    """Tell the front how each reader ended."""
    while readers:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        readers.discard(process)
        content = json.dumps({"pid": process, "code": os.waitstatus_to_exitcode(status)})
        control.sendall(frame(Kind.ENDED, content.encode()))


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the front ended while the image was loaded
        main(*sys.argv[1:])
