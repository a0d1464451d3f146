"""Connections that the front lends to a reader, and what the two tell each other of them.

A client that sends plain, quick queries one after the other is answered by a reader straight on its connection: the
way through the front and back costs more than such a query. The front keeps the connection open too and gets it back
whenever something else is wanted of it. Nothing is lost if the reader is killed meanwhile: it only looks at a request
(``MSG_PEEK``) while it evaluates, so that the front finds it untouched. Between taking the request and having sent
its answer, a moment, the number of the loan stands in a page of shared memory, and the front cuts that connection off.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import struct
import tempfile
from dataclasses import asdict, dataclass

CAN_LEND = hasattr(select, "epoll")
"""Whether readers of this platform can wait for many connections at once at little cost."""
PAGE = 4096
_ASKING = struct.Struct("<QI")
_NUMBER = struct.Struct("<I")
_SENDING_AT, _IN_JOB_AT, _WITHDRAWN_AT = 16, 20, 24
RETURNED = struct.Struct("<IBfI")
"""Loan, reason, seconds, form; what the front still has to send follows."""
NOTE = struct.Struct("<IdBIf16s")
"""Loan, time, whether it was kept, bytes, seconds from request to answer, id of the query."""


class Reason:
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


class Page:
    """Shared memory in which a reader says what it is at, and the front what it must not touch.

    Each writes its own numbers and then, after a system call, reads those of the other (Dekker's way): of a reader that
    ends its job and a front that withdraws its loans, at least one sees the other.
    """

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor of a file of :data:`PAGE` bytes; it is closed."""
        self._memory = mmap.mmap(descriptor, PAGE)
        os.close(descriptor)
        self._turn = 0

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

    def asks(self, loan: int) -> None:
        """Say that the query of a loan is being evaluated; 0: none is."""
        self._turn += 1
        _ASKING.pack_into(self._memory, 0, self._turn, loan)

    def sends(self, loan: int) -> None:
        """Say that the answer of a loan is being sent; 0: none is."""
        _NUMBER.pack_into(self._memory, _SENDING_AT, loan)

    def works(self, at_job: bool) -> None:
        """Say whether the reader is at a job, and so at no loan."""
        _NUMBER.pack_into(self._memory, _IN_JOB_AT, at_job)

    def withdraw(self, loan: int) -> None:
        """Say that the reader must touch no loan up to this one any more."""
        _NUMBER.pack_into(self._memory, _WITHDRAWN_AT, loan)

    @property
    def asking(self) -> tuple[int, int]:
        """Return the turn and the loan whose query is being evaluated, 0 if none is."""
        turn, loan = _ASKING.unpack_from(self._memory, 0)
        return turn, loan

    @property
    def sending(self) -> int:
        """Return the loan whose answer is being sent, 0 if none is."""
        return int(_NUMBER.unpack_from(self._memory, _SENDING_AT)[0])

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
        self._memory.close()
