"""The reader's side of lent connections: answers their requests itself, and gives back what it cannot answer."""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import time
from collections import OrderedDict
from typing import IO, cast

from pyoxigraph import QueryResultsFormat, QueryTriples, RdfFormat, Store

from circkg_server.coding import COMPRESSED_FROM, Coding, pack
from circkg_server.engines.frames import Frames, Kind, frame
from circkg_server.engines.loans import NOTE, RETURNED, Form, Page, Reason
from circkg_server.engines.quickness import QUICK
from circkg_server.sparql import plain
from circkg_server.sparql.formats import FORMATS
from circkg_server.store.dataset import ask

MOST = 256 * 1024
"""Longest answer that a reader sends itself, in bytes."""
TOLD_EVERY = 0.1
"""Seconds after which the front is told what was answered, if there was not much before."""
_TOLD_AT = 400
_IDLE = 5.0
"""Seconds after which a connection without requests is given back."""
_LOOK_EVERY = 1.0
"""Seconds after which such connections are looked for."""
_FORMS = 1024
_MOST_REFUSED = 4
"""Queries of one form that a reader cannot answer itself, before it leaves all of them to the front."""
_AT_ONCE = 2
"""Requests of lent connections that are answered before a job is looked for."""
_KEPT = 4 * 1024 * 1024
"""Bytes of answers that a reader keeps, for requests that come again."""
_DESCRIPTOR = struct.Struct("i")
_ONE_DESCRIPTOR = socket.CMSG_LEN(_DESCRIPTOR.size)
_MARK = re.compile(b"(\0|\1{8}\2|\1{8})")
ID_MARK, TAG_MARK = "\0", "\1\1\1\1\1\1\1\1\2"
"""Where the id of a query and the tag of its answer go in the head of a :class:`Form`."""


class _LargeError(Exception):
    pass


class _Bounded:
    """Takes what the engine writes, up to the longest answer that is sent from here."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.large = False

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._size += len(data)
        if self._size > MOST:
            self.large = True
            raise _LargeError
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def content(self) -> bytes:
        """Return all that was taken."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class _Ready:
    """A form, ready for use."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.engine = FORMATS[form.format].engine
        self.hash = plain.new_hash(form.tag_start.encode())
        self.coding = Coding(form.coding) if form.coding else None
        self.refused = 0
        self.head = _MARK.split(form.head.encode("latin-1"))
        self.coded_head = _MARK.split((form.coded_head or "").encode("latin-1"))

    def response(self, text: str, content: bytes) -> tuple[bytes, bytes]:
        """Return what stands before and after the id of the query in the response to it, dates left out."""
        tag = plain.tag_of(self.form.number, self.hash, text).encode()
        pieces = self.head
        if self.coding is not None and len(content) >= COMPRESSED_FROM:
            content, pieces = pack(content, self.coding), self.coded_head
        before: list[bytes] = []
        after: list[bytes] = []
        filled = before
        for piece in pieces:
            if piece == b"\0":
                filled = after
            elif piece[:1] == b"\1":
                filled.append(tag if piece[-1:] == b"\2" else tag[:8])
            else:
                filled.append(piece)
        after.append(b"content-length: %d\r\n\r\n" % len(content))
        after.append(content)
        return b"".join(before), b"".join(after)


class _Loan:
    """A connection that was lent."""

    __slots__ = ("id", "since", "socket", "taken", "written")

    def __init__(self, id_: int, connection: socket.socket) -> None:
        self.id, self.socket, self.since = id_, connection, time.monotonic()
        self.taken = self.written = 0


class Lent:
    """All connections that were lent to this reader.

    :param channel: socket on which the front lends and is told.
    :param page: where the front sees what this reader is at.
    """

    def __init__(self, store: Store, channel: socket.socket, page: Page) -> None:
        self._store, self._channel, self._page = store, channel, page
        self._frames = Frames()
        self._poll = select.epoll()
        self._poll.register(channel, select.EPOLLIN)
        self._loans: dict[int, _Loan] = {}
        self._forms: OrderedDict[tuple[str, bytes], _Ready] = OrderedDict()
        self._kept: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()
        self._kept_bytes = 0
        self._notes: list[bytes] = []
        self._told_at = self._look_at = 0.0
        self._dates = plain.Dates()

    def begin_job(self) -> None:
        """Touch no loan until :meth:`end_job`."""
        self._page.works(True)

    def end_job(self) -> None:
        """Let the front know that loans may be touched again; call :meth:`drop_withdrawn` after a system call."""
        self._page.works(False)

    def drop_withdrawn(self) -> None:
        """Give back what the front has withdrawn during a job."""
        last = self._page.withdrawn
        for loan in [loan for loan in self._loans.values() if loan.id <= last]:
            self._give_back(loan)

    def wait(self, control: socket.socket) -> None:
        """Answer lent connections until the control socket has something to say.

        :raises OSError: if the front has gone.
        """
        number, channel = control.fileno(), self._channel.fileno()
        loans = self._loans
        self._poll.register(control, select.EPOLLIN)
        jobs = select.poll()
        jobs.register(control, select.POLLIN)
        try:
            while True:
                called = False
                events = self._poll.poll(self._patience(), _AT_ONCE)
                for descriptor, _ in events:
                    if (loan := loans.get(descriptor)) is not None:
                        self._answer(loan)
                    elif descriptor == number:
                        called = True
                    elif descriptor == channel:
                        self.take()
                if len(events) == _AT_ONCE and not called:  # a job would wait for its turn behind all connections
                    called = bool(jobs.poll(0))
                now = time.monotonic()
                if self._notes and (len(self._notes) >= _TOLD_AT or now - self._told_at >= TOLD_EVERY):
                    self._tell()
                if called:
                    self.take()
                    return
                if now >= self._look_at:
                    self._return_idle(now)
        finally:
            self._poll.unregister(control)

    def _patience(self) -> float:
        """Return the seconds after which there is something to do though nothing comes."""
        if self._notes:
            return TOLD_EVERY
        return _LOOK_EVERY if self._loans else -1

    def take(self) -> None:
        """Take what the front lends, or give everything back as it asks, without waiting.

        What was asked before a job is done before it: the front writes it first.
        """
        while True:
            try:  # Python 3.11's recv_fds takes flags and ignores them
                data, sent, _, _ = self._channel.recvmsg(256 * 1024, _ONE_DESCRIPTOR, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not data:
                raise ConnectionResetError("the front has gone")
            for kind, content in self._frames.feed(data):
                if kind is Kind.FORM:
                    form = Form.decode(content)
                    self._forms[form.shape, form.headers.encode("latin-1")] = _Ready(form)
                    while len(self._forms) > _FORMS:
                        self._forms.popitem(last=False)
                elif kind is Kind.LEND and not sent:  # this process has no descriptor left for it
                    self._return(int(content))
                elif kind is Kind.LEND:
                    loan = _Loan(int(content), socket.socket(fileno=_DESCRIPTOR.unpack(sent[0][2])[0]))
                    self._loans[loan.socket.fileno()] = loan
                    self._poll.register(loan.socket, select.EPOLLIN)
                    if loan.id <= self._page.withdrawn:
                        self._give_back(loan)
                else:
                    for loan in list(self._loans.values()):
                        self._give_back(loan)

    def _return_idle(self, now: float) -> None:
        self._look_at = now + _LOOK_EVERY
        since = now - _IDLE
        for loan in [loan for loan in self._loans.values() if loan.since < since]:
            self._give_back(loan)

    def _give_back(
        self, loan: _Loan, reason: int = Reason.OTHER, seconds: float = 0.0, form: int = 0, taken: bytes = b"",
        rest: bytes = b"",
    ) -> None:  # fmt: skip
        """Give a connection back; what was answered on it is told first."""
        self._tell()
        self._poll.unregister(loan.socket)
        del self._loans[loan.socket.fileno()]
        loan.socket.close()
        self._return(loan.id, reason, seconds, form, taken, rest)

    def _return(
        self, loan: int, reason: int = Reason.OTHER, seconds: float = 0.0, form: int = 0, taken: bytes = b"",
        rest: bytes = b"",
    ) -> None:  # fmt: skip
        told = RETURNED.pack(loan, reason, seconds, form, len(taken))
        self._channel.sendall(frame(Kind.RETURN, b"".join((told, taken, rest))))

    def _tell(self) -> None:
        """Tell the front what was answered."""
        if self._notes:
            self._channel.sendall(frame(Kind.NOTES, b"".join(self._notes)))
            self._notes.clear()
        self._told_at = time.monotonic()

    def _answer(self, loan: _Loan) -> None:
        """Answer the request of a connection, or give both back."""
        page = self._page
        page.begins(loan.id, loan.taken, loan.written)
        try:
            size = loan.socket.recv_into(page.request)
        except BlockingIOError:
            pass
        except OSError:  # the client has gone, as the front will see
            self._give_back(loan)
        else:
            loan.taken += size
            self._answer_request(loan, page.taken(size))
        page.ends()

    def _answer_request(self, loan: _Loan, data: bytes) -> None:
        began = time.monotonic()
        kept = self._kept.get(data)
        if kept is not None:
            self._send(loan, kept, True, began)
            return
        found = plain.read(data)
        ready = self._forms.get((plain.shape_of(found[0]), found[1])) if found else None
        if found is None or ready is None:
            self._give_back(loan, taken=data)
            return
        before = time.process_time()
        content, large = self._evaluated(found[0], ready)
        seconds = time.process_time() - before
        if content is None:
            ready.refused += 1
            if ready.refused < _MOST_REFUSED:
                self._give_back(loan, taken=data)
                return
            del self._forms[ready.form.shape, found[1]]
            self._give_back(loan, Reason.LARGE if large else Reason.OTHER, seconds, ready.form.id, data)
            return
        response = ready.response(found[0], content)
        self._keep(data, response)
        self._send(loan, response, False, began)
        if seconds >= QUICK / 2 and loan.socket.fileno() >= 0:
            del self._forms[ready.form.shape, found[1]]
            self._give_back(loan, Reason.SLOW, seconds, ready.form.id)

    def _evaluated(self, text: str, ready: _Ready) -> tuple[bytes | None, bool]:
        """Return the answer of a query, ``None`` if the front must answer, and whether it is too long."""
        writer = _Bounded()
        try:
            result = ask(self._store, text, base=ready.form.base)
            if isinstance(result, QueryTriples):
                result.serialize(cast(IO[bytes], writer), cast(RdfFormat, ready.engine))
            else:
                result.serialize(cast(IO[bytes], writer), cast(QueryResultsFormat, ready.engine))
        except Exception:  # whatever it was, the front asks again and tells it
            return None, writer.large
        return writer.content(), False

    def _keep(self, data: bytes, response: tuple[bytes, bytes]) -> None:
        self._kept[data] = response
        self._kept_bytes += len(data) + len(response[1])
        while self._kept_bytes > _KEPT:
            old, (_, content) = self._kept.popitem(last=False)
            self._kept_bytes -= len(old) + len(content)

    def _send(self, loan: _Loan, response: tuple[bytes, bytes], kept: bool, began: float) -> None:
        """Send the response."""
        id_ = os.urandom(8).hex().encode()
        whole = b"".join((self._dates.lines(), response[0], id_, response[1]))
        self._page.sends(len(whole))
        try:
            sent = loan.socket.send(whole)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has gone, as the front will see
            sent = len(whole)
        now = time.monotonic()
        loan.since = now
        loan.written += sent
        self._notes.append(NOTE.pack(loan.id, time.time(), kept, len(response[1]), now - began, id_))
        if sent < len(whole):
            self._give_back(loan, rest=whole[sent:])
