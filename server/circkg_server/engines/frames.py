"""The frames that front and readers exchange: length, kind, content."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from circkg_server.store.dataset import Dataset

_HEAD = struct.Struct("<IB")
MAX_FRAME = 64 * 1024 * 1024


class Kind(IntEnum):
    """What a frame holds."""

    JOB = 1  # front → reader: a query
    CHUNK = 2  # reader → front: a part of the answer
    END = 3  # reader → front: the answer is whole
    ERROR = 4  # reader → front: why there is no answer
    FORK = 5  # front → zygote: make a reader for the two sockets and the page that come with it
    FORKED = 6  # zygote → front: its process number
    ENDED = 7  # zygote → front: a reader ended, and how
    READY = 8  # zygote → front: the image is loaded; reader → front: the snapshot is open
    FORM = 9  # front → reader: how queries of one shape are answered on lent connections
    LEND = 10  # front → reader: a connection, which comes with it
    RECALL = 11  # front → reader: give all connections back
    RETURN = 12  # reader → front: a connection is given back
    NOTES = 13  # reader → front: what was answered on lent connections


_KINDS = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Job:
    """A query as a reader gets it.

    :param format: short name of the format to write.
    :param max_rows: most rows that the answer may have.
    :param max_bytes: most bytes that the answer may have.
    :param client: who asks, for a fair queue; the reader does not need it.
    """

    text: str
    format: str
    max_rows: int
    max_bytes: int
    dataset: Dataset | None = None
    base: str | None = None
    client: str = ""

    def encode(self) -> bytes:
        """Return the job as bytes: all but the text as JSON, which is the same for most jobs, and the text."""
        return _conditions(self.format, self.max_rows, self.max_bytes, self.dataset, self.base) + self.text.encode()

    @classmethod
    def decode(cls, content: bytes) -> Job:
        """Return the job of bytes."""
        conditions, _, text = content.partition(b"\n")
        return cls(text.decode(), *_read(conditions))


@lru_cache(maxsize=256)
def _conditions(format_: str, max_rows: int, max_bytes: int, dataset: Dataset | None, base: str | None) -> bytes:
    graphs = [dataset.default, dataset.named] if dataset is not None else None
    return json.dumps([format_, max_rows, max_bytes, graphs, base]).encode() + b"\n"


@lru_cache(maxsize=256)
def _read(conditions: bytes) -> tuple[str, int, int, Dataset | None, str | None]:
    format_, max_rows, max_bytes, graphs, base = json.loads(conditions)
    dataset = Dataset(tuple(graphs[0]), tuple(graphs[1])) if graphs is not None else None
    return format_, max_rows, max_bytes, dataset, base


def frame(kind: Kind, content: bytes = b"") -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(content), kind) + content


class Frames:
    """Takes bytes as they come and gives frames as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """Return the frames that the bytes complete.

        :raises ValueError: if a frame is longer than :data:`MAX_FRAME`.
        """
        held = self._buffer
        whole: bytes | bytearray = data
        if held:
            held += data
            whole = held
        found = []
        place, size = 0, len(whole)
        while size - place >= _HEAD.size:
            length, kind = _HEAD.unpack_from(whole, place)
            if length > MAX_FRAME:
                raise ValueError(f"A frame of {length} bytes is too long.")
            begin = place + _HEAD.size
            if size < begin + length:
                break
            place = begin + length
            found.append((_KINDS[kind], bytes(whole[begin:place])))
        if held:
            del held[:place]
        elif place < size:
            held += data[place:]
        return found
