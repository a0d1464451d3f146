"""Takes the network and unbounded memory away from a process."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_AF_UNIX = 1
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE = 0x00050000 | errno.EACCES
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32_BIT = 0x40000000
# AUDIT_ARCH_… of linux/audit.h and the number of socket(2) on that architecture.
_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}


def can_deny_network() -> bool:
    """Tell whether this platform lets a process give up its network."""
    return platform.system() == "Linux" and platform.machine() in _ARCHITECTURES


def deny_network() -> bool:
    """Make every further ``socket(2)`` of this process and its children fail, but for Unix sockets.

    :return: whether it could be done here. Where it could not, the tokenizer's refusal of SERVICE and LOAD is all
        that keeps a query from the network, and the status page says so.
    :raises OSError: if the kernel refuses the filter.
    """
    if not can_deny_network():
        return False
    architecture, socket_number = _ARCHITECTURES[platform.machine()]

    def step(code: int, if_true: int, if_false: int, value: int) -> bytes:
        return struct.pack("<HBBI", code, if_true, if_false, value)

    program = b"".join(
        (
            step(_LOAD, 0, 0, 4),  # the architecture of the call
            step(_EQUAL, 1, 0, architecture),
            step(_RETURN, 0, 0, _KILL),
            step(_LOAD, 0, 0, 0),  # its number
            step(_AT_LEAST, 0, 1, _X32_BIT),  # the x32 calls of x86_64 would go round the next line
            step(_RETURN, 0, 0, _REFUSE),
            step(_EQUAL, 0, 3, socket_number),
            step(_LOAD, 0, 0, 16),  # the address family
            step(_EQUAL, 1, 0, _AF_UNIX),
            step(_RETURN, 0, 0, _REFUSE),
            step(_RETURN, 0, 0, _ALLOW),
        )
    )

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = Program(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filter_), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel refused the filter")
    return True


def limit_memory(more: int) -> None:
    """Let this process grow by at most so many bytes of address space from now on."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, however that comes about."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def be_ended_first() -> None:
    """Have the kernel end this process before others when the machine is out of memory."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
