"""How many bytes have gone through a TCP connection, as the kernel counts them (tcp(7), RFC 4898)."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from dataclasses import dataclass

_INFO = struct.Struct("<B119xQQ")
"""State, bytes that the other end has acknowledged, bytes that have come: ``struct tcp_info`` from Linux 4.1 on."""
_INFO_LENGTH = 256
_NUMBER = struct.Struct("i")
_AFTER_ITS_END = frozenset((6, 8, 9, 11))
"""States after the other end has sent its last byte; the kernel counts its end as one byte more."""
_CLOSED = 7
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Traffic:
    """What whoever has a connection has done with it.

    :param taken: bytes that were taken off it.
    :param written: bytes that were written to it; where it was lent, the difference of two of these.
    """

    taken: int
    written: int


def traffic(descriptor: int) -> Traffic | None:
    """Return what has gone through a TCP connection, or ``None`` if it has ended or the kernel does not tell."""
    if descriptor < 0 or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=descriptor)
    except OSError:
        return None
    try:
        for _ in range(_TRIES):
            before = _counts(connection)
            unread, unacknowledged = _waiting(descriptor, termios.FIONREAD), _waiting(descriptor, termios.TIOCOUTQ)
            if before is not None and before == _counts(connection):  # nothing has come in between
                state, acknowledged, come = before
                if state == _CLOSED:
                    return None
                return Traffic(come - (state in _AFTER_ITS_END) - unread, acknowledged + unacknowledged)
    except OSError:
        return None
    finally:
        connection.detach()
    return None


def _counts(connection: socket.socket) -> tuple[int, int, int] | None:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_LENGTH)
    if len(info) < _INFO.size:
        return None
    state, acknowledged, come = _INFO.unpack_from(info)
    return (state, acknowledged, come) if come else None


def _waiting(descriptor: int, what: int) -> int:
    return int(_NUMBER.unpack(fcntl.ioctl(descriptor, what, bytes(_NUMBER.size)))[0])
