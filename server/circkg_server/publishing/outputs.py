"""A file in the making: hashed and counted as it is written, compressed if it grows large, there as a whole or not."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Self

GZIP_FROM = 1 << 20
"""Bytes from which a file is compressed: smaller ones can be read by portals and programs as they are."""


class _Hashed:
    """The file on disk: counts and hashes what is written to it."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("wb")
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self.bytes += len(content)
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


class Output:
    """A file of unknown size, written piece by piece.

    Until it is kept it stands under a temporary name. The bytes depend on the content only, as far as zlib's do:
    the header of a compressed file has neither name nor time.

    :param path: where it will stand, without the suffix ``.gz`` that a large one gets.
    :param pack: whether it is compressed when it grows large; what is compressed in itself is not.
    """

    def __init__(self, path: Path, *, pack: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._disk = _Hashed(self._temporary)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._pack = pack
        self._packed: gzip.GzipFile | None = None

    def write(self, content: bytes) -> int:
        """Write a piece."""
        if self._packed is not None:
            return self._packed.write(content)
        if not self._pack:
            return self._disk.write(content)
        self._held.append(content)
        self._held_bytes += len(content)
        if self._held_bytes >= GZIP_FROM:
            self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._disk, compresslevel=6, mtime=0)
            self._packed.write(b"".join(self._held))
            self._held = []
        return len(content)

    def text(self, content: str) -> int:
        """Write a piece of text."""
        return self.write(content.encode())

    def keep(self) -> Self:
        """Give the file its name; call it when all is written."""
        if self._packed is not None:
            self._packed.close()
            self._path = self._path.with_name(f"{self._path.name}.gz")
        else:
            self._disk.write(b"".join(self._held))
            self._held = []
        self._disk.flush()
        os.fsync(self._disk.file.fileno())
        self._disk.file.close()
        self._temporary.replace(self._path)
        return self

    def drop(self) -> None:
        """Remove what was written, unless it was kept."""
        self._disk.file.close()
        self._temporary.unlink(missing_ok=True)

    @property
    def name(self) -> str:
        """Return the name of the file; it is known when the file is kept."""
        return self._path.name

    @property
    def compressed(self) -> bool:
        """Tell whether the file has grown so large that it is compressed."""
        return self._packed is not None

    @property
    def bytes(self) -> int:
        """Return the size on disk; it is known when the file is kept."""
        return self._disk.bytes

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes on disk; it is known when the file is kept."""
        return self._disk.digest.hexdigest()
