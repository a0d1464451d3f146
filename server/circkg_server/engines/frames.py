"""The frames that front and readers exchange: length, kind, content."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from circkg_server.store.snapshot import Dataset

_HEAD = struct.Struct("<IB")
MAX_FRAME = 64 * 1024 * 1024


class Kind(IntEnum):
    """What a frame holds."""

    JOB = 1  # front → reader: a query
    CHUNK = 2  # reader → front: a part of the answer
    END = 3  # reader → front: the answer is whole
    ERROR = 4  # reader → front: why there is no answer
    FORK = 5  # front → zygote: make a reader for the socket that comes with it
    FORKED = 6  # zygote → front: its process number
    ENDED = 7  # zygote → front: a reader ended, and how
    READY = 8  # zygote → front: the image is loaded; reader → front: the snapshot is open


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
        """Return the job as bytes."""
        content = asdict(self)
        del content["client"]
        return json.dumps(content, ensure_ascii=False).encode()

    @classmethod
    def decode(cls, content: bytes) -> Job:
        """Return the job of bytes."""
        values: dict[str, Any] = json.loads(content)
        dataset = values.pop("dataset")
        asked = Dataset(tuple(dataset["default"]), tuple(dataset["named"])) if dataset is not None else None
        return cls(dataset=asked, **values)


def frame(kind: Kind, content: bytes = b"") -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(content), kind) + content


class Frames:
    """Takes bytes as they come and gives frames as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Yield the frames that the bytes complete.

        :raises ValueError: if a frame is longer than :data:`MAX_FRAME`.
        """
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ValueError(f"A frame of {length} bytes is too long.")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            content = bytes(memoryview(self._buffer)[_HEAD.size : end])
            del self._buffer[:end]
            yield Kind(kind), content
