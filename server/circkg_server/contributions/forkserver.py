"""The fork server: loads the validator once and forks a process for each job, so that a job costs no start.

Started as ``python -m circkg_server.contributions.forkserver DESCRIPTOR STORE``. A line of JSON names a job: its folder
and what it may use. It answers ``{"started": PID}`` and, when that has ended, ``{"ended": PID, "code": CODE}``. It
forks only while it has one thread. A job's process has no network, bounded memory and time, and dies with its parent.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from circkg_server.contributions.jobs import Outcome, preload, work
from circkg_server.engines.isolation import be_ended_first, deny_network, end_with, limit_memory

MAX_FILE = 1 << 30
"""Largest file that a job may write."""


def main(descriptor: str, store: str) -> None:
    """Fork a process for each job that is named, until the control socket closes.

    :param store: folder whose snapshot is loaded; anew when another is published.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(os.getppid())
    control = socket.socket(fileno=int(descriptor))
    control.set_inheritable(False)
    # Wakes the selector when a child ends.
    told, tell = socket.socketpair()
    for end in (told, tell):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tell.fileno())
    _load(store)
    gc.freeze()
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(told, selectors.EVENT_READ)
    left = b""
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if told in ready:
            with contextlib.suppress(BlockingIOError):
                told.recv(4096)
        for pid, code in _ended():
            _say(control, {"ended": pid, "code": code})
        if control in ready:
            received = control.recv(65536)
            if not received:
                return
            *lines, left = (left + received).split(b"\n")
            for line in lines:
                job = json.loads(line)
                _load(store)
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    _work(job)
                _say(control, {"started": pid, "job": job["id"]})


def _load(store: str) -> None:
    """Load what jobs need. If that fails, each job fails by itself, and is told of it."""
    try:
        preload(store)
    except Exception:
        traceback.print_exc()


def _ended() -> list[tuple[int, int]]:
    found = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found.append((pid, os.waitstatus_to_exitcode(status)))
    return found


def _say(control: socket.socket, what: dict[str, Any]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")


def _work(job: dict[str, Any]) -> None:
    """Do a job and end. What it printed goes to the log of the server."""
    code = Outcome.FAILED
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        end_with(os.getppid())
        be_ended_first()
        deny_network()
        os.umask(0o077)
        limit_memory(int(job["memory"]))
        seconds = int(job["seconds"]) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))
        os.nice(5)
        code = work(Path(job["folder"]))
    except MemoryError:
        code = Outcome.OUT_OF_MEMORY
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
