"""The front's side of lent connections: which reader has which, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from circkg_server.engines.frames import Frames, Kind, frame
from circkg_server.engines.loans import CAN_LEND, NOTE, RETURNED, Form, Page, Reason
from circkg_server.engines.traffic import Traffic, traffic

LOOK_EVERY = 0.25
"""Seconds after which a reader that has connections is looked at."""
_ids = count(1)


class Borrowed(Protocol):
    """A connection that may be lent."""

    def noted(self, when: float, kept: bool, size: int, took: float, id_: str) -> None:
        """Take note of an answer that the reader gave."""

    def returned(
        self, reason: int = Reason.OTHER, seconds: float = 0.0, form: int = 0, taken: bytes = b"", rest: bytes = b""
    ) -> None:
        """Go on with the connection, after what is still to be sent, with what was taken and is not answered."""

    def descriptor(self) -> int:
        """Return the descriptor of the connection, -1 if it has ended."""

    def cut_off(self) -> None:
        """End the connection: nobody knows how much of an answer it got."""


@dataclass(frozen=True, slots=True)
class _Loan:
    """A connection that the reader has, and what had gone through it before."""

    connection: Borrowed
    before: Traffic


class Desk:
    """The connections of one reader.

    :param overdue: is called when the reader has been at the query of a lent connection for too long.
    :param patience: seconds that this is.
    """

    def __init__(self, channel: socket.socket, page: Page, overdue: Callable[[], None], patience: float) -> None:
        self._channel, self._page = channel, page
        self._overdue, self._patience = overdue, patience
        self._frames = Frames()
        self._loans: dict[int, _Loan] = {}
        self._forms: set[int] = set()
        self._seen = (0, 0.0)
        self._look: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.closed = False
        channel.setblocking(False)
        self._loop.add_reader(channel, self._read)

    @property
    def lent(self) -> int:
        """Return the number of connections that the reader has."""
        return len(self._loans)

    def lend(self, connection: Borrowed, forms: Iterable[Form]) -> bool:
        """Lend a connection, with the forms that the reader does not know yet; tell whether it could be done."""
        if self.closed or not CAN_LEND:
            return False
        descriptor = connection.descriptor()
        before = traffic(descriptor)
        if before is None:
            return False
        number = next(_ids)
        try:
            for form in forms:
                if form.id not in self._forms:
                    self._write(frame(Kind.FORM, form.encode()))
                    self._forms.add(form.id)
            socket.send_fds(self._channel, [frame(Kind.LEND, str(number).encode())], [descriptor])
        except OSError:  # the reader is busy or gone
            return False
        self._loans[number] = _Loan(connection, before)
        if self._look is None:
            self._look = self._loop.call_later(LOOK_EVERY, self._look_at)
        return True

    def _write(self, data: bytes) -> None:
        if self._channel.send(data) < len(data):  # a part of a frame would make nonsense of all that follows
            self.close()
            raise BlockingIOError

    def forget(self, form: int) -> None:
        """Take note that the reader does not answer queries of a form any more."""
        self._forms.discard(form)

    def recall(self) -> None:
        """Have all connections come back, before the reader does anything else that it is told after this."""
        if self._loans and not self.closed:
            with contextlib.suppress(OSError):
                self._write(frame(Kind.RECALL))

    def withdraw(self) -> None:
        """Take all connections back at once from a reader whose job takes long, and which cannot hear."""
        if not self._loans or self.closed:
            return
        self._page.withdraw(max(self._loans))
        self.recall()
        if self._page.at_job and not self.closed:
            loans, self._loans = self._loans, {}
            for loan in loans.values():
                loan.connection.returned()

    def _look_at(self) -> None:
        self._look = None
        turn, now = self._page.work.turn, self._loop.time()
        if not self._page.loan or turn != self._seen[0]:
            self._seen = (turn, now)
        elif now - self._seen[1] >= self._patience:
            self._overdue()
        if self._loans:
            self._look = self._loop.call_later(LOOK_EVERY, self._look_at)

    def _read(self) -> None:
        try:
            data = self._channel.recv(256 * 1024)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        for kind, content in self._frames.feed(data):
            if kind is Kind.NOTES:
                for number, when, kept, size, took, id_ in NOTE.iter_unpack(content):
                    if (loan := self._loans.get(number)) is not None:
                        loan.connection.noted(when, bool(kept), size, took, id_.decode())
            elif kind is Kind.RETURN:
                number, reason, seconds, form, taken = RETURNED.unpack_from(content)
                if reason != Reason.OTHER:
                    self.forget(form)
                if (loan := self._loans.pop(number, None)) is not None:
                    rest = RETURNED.size + taken
                    loan.connection.returned(reason, seconds, form, content[RETURNED.size : rest], content[rest:])

    def close(self) -> None:
        """Take all connections back from a reader that has ended: its end of the channel is closed by the kernel."""
        if self.closed:
            return
        self.closed = True
        if self._look is not None:
            self._look.cancel()
        self._loop.remove_reader(self._channel)
        self._channel.close()
        interrupted = self._loans.pop(self._page.loan, None)
        if interrupted is not None:
            self._go_on_with(interrupted)
        self._page.close()
        loans, self._loans = self._loans, {}
        for loan in loans.values():
            loan.connection.returned()

    def _go_on_with(self, loan: _Loan) -> None:
        """Take back the connection whose request the reader was at, from where it was with it."""
        work, now = self._page.work, traffic(loan.connection.descriptor())
        if now is None:
            loan.connection.cut_off()
            return
        taken = now.taken - loan.before.taken - work.taken
        written = now.written - loan.before.written - work.written
        if not taken or (work.answer and written == work.answer):
            loan.connection.returned()
        elif written:
            loan.connection.cut_off()
        else:
            slow = (Reason.OTHER, 0.0) if work.answer else (Reason.SLOW, self._patience)
            loan.connection.returned(*slow, taken=self._page.taken(taken))
