"""Connections that the front lends to a reader, and what the two tell each other of them.

A client that sends plain, quick queries one after the other is answered by a reader straight on its connection: the
way through the front and back costs more than such a query. The front keeps the connection open too and gets it back
whenever something else is wanted of it. Nothing is lost if the reader is killed meanwhile: it takes a request straight
into a page of shared memory, where it also says how far it is, and the kernel counts what has gone through the
connection (:mod:`circkg_server.engines.traffic`). So the front knows whether a request was taken and whether its answer
went out, and goes on from there; only of an answer that went out in part it ends the connection.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import struct
import tempfile
from dataclasses import asdict, dataclass
from enum import IntEnum

CAN_LEND = hasattr(select, "epoll")
"""Whether readers of this platform can wait for many connections at once at little cost."""
PAGE = 16 * 1024
_NUMBER = struct.Struct("<I")
_WORK = struct.Struct("<QQQQ")
_ANSWER = struct.Struct("<Q")
_LOAN_AT, _IN_JOB_AT, _WITHDRAWN_AT, _WORK_AT, _ANSWER_AT, _REQUEST_AT = 0, 4, 8, 16, 40, 64
RETURNED = struct.Struct("<IBfII")
"""Loan, reason, seconds, form, bytes that were taken and not answered; these follow, then what is still to be sent."""
NOTE = struct.Struct("<IdBIf16s")
"""Loan, time, whether it was kept, bytes, seconds from request to answer, id of the query."""


class Reason(IntEnum):
    """Why a reader gives a connection back."""

    OTHER = 0
    """The client left, or wants what a reader does not do."""
    SLOW = 1
    """The query took too long for a reader to go on with its like."""
    LARGE = 2
    """The answer is too long."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the answers to all queries of one shape with the same headers have in common.

    :param id: its number.
    :param shape: shape of the queries (:func:`circkg_server.sparql.plain.shape_of`).
    :param headers: block of headers of the requests.
    :param format: short name of the format.
    :param base: IRI against which relative IRIs are resolved.
    :param number: number of the snapshot.
    :param tag_start: what is hashed before the query for the entity tag.
    :param head: headers of an answer, with the marks for id, tag and start of the tag.
    :param coding: name of the content coding that the client takes, if any, and ``coded_head`` the headers with it.
    """

    id: int
    shape: str
    headers: str
    format: str
    base: str
    number: int
    tag_start: str
    head: str
    coding: str | None
    coded_head: str | None

    def encode(self) -> bytes:
        """Return the form as bytes."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, content: bytes) -> Form:
        """Return the form of bytes."""
        return cls(**json.loads(content))


@dataclass(frozen=True, slots=True)
class Work:
    """What a reader is at.

    :param turn: grows with each request.
    :param taken: bytes that had been taken off the connection before the request, since it was lent.
    :param written: bytes that had been written to it.
    :param answer: length of the answer that is being sent, 0 before.
    """

    turn: int
    taken: int
    written: int
    answer: int


class Page:
    """Shared memory in which a reader says what it is at, and the front what it must not touch.

    Each writes its own numbers and then, after a system call, reads those of the other (Dekker's way): of a reader that
    ends its job and a front that withdraws its loans, at least one sees the other. A reader may be killed between any
    two writes, so that the number of the loan is written after what is said of it.
    """

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor of a file of :data:`PAGE` bytes; it is closed."""
        self._memory = mmap.mmap(descriptor, PAGE)
        os.close(descriptor)
        self._turn = 0
        self.request = memoryview(self._memory)[_REQUEST_AT:]
        """Where a request is taken to."""

    @staticmethod
    def new() -> int:
        """Return the descriptor of a new page, for both sides."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("circkg-reader")
        else:
            descriptor, name = tempfile.mkstemp()
            os.unlink(name)  # noqa: PTH108 - mkstemp gives no Path
        os.ftruncate(descriptor, PAGE)
        return descriptor

    def begins(self, loan: int, taken: int, written: int) -> None:
        """Say that a request of a loan is going to be taken, and what has gone through its connection before."""
        self._turn += 1
        _WORK.pack_into(self._memory, _WORK_AT, self._turn, taken, written, 0)
        _NUMBER.pack_into(self._memory, _LOAN_AT, loan)

    def taken(self, size: int) -> bytes:
        """Return the request that was taken."""
        return self._memory[_REQUEST_AT : _REQUEST_AT + size]

    def sends(self, answer: int) -> None:
        """Say how long the answer is that is going to be sent."""
        _ANSWER.pack_into(self._memory, _ANSWER_AT, answer)

    def ends(self) -> None:
        """Say that the request has been answered, or given back."""
        _NUMBER.pack_into(self._memory, _LOAN_AT, 0)

    def works(self, at_job: bool) -> None:
        """Say whether the reader is at a job, and so at no loan."""
        _NUMBER.pack_into(self._memory, _IN_JOB_AT, at_job)

    def withdraw(self, loan: int) -> None:
        """Say that the reader must touch no loan up to this one any more."""
        _NUMBER.pack_into(self._memory, _WITHDRAWN_AT, loan)

    @property
    def loan(self) -> int:
        """Return the loan whose request the reader is at, 0 if it is at none."""
        return int(_NUMBER.unpack_from(self._memory, _LOAN_AT)[0])

    @property
    def work(self) -> Work:
        """Return how far the reader is with it."""
        return Work(*_WORK.unpack_from(self._memory, _WORK_AT))

    @property
    def at_job(self) -> bool:
        """Tell whether the reader is at a job."""
        return bool(_NUMBER.unpack_from(self._memory, _IN_JOB_AT)[0])

    @property
    def withdrawn(self) -> int:
        """Return the last loan that the reader must not touch any more."""
        return int(_NUMBER.unpack_from(self._memory, _WITHDRAWN_AT)[0])

    def close(self) -> None:
        """Let the page go."""
        self.request.release()
        self._memory.close()
