"""What is published: a store at one manifest, seen from the address where it is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from circkg_server.catalogue.editor import Editor
from circkg_server.releases.archive import Archive
from circkg_server.releases.history import releases_of
from circkg_server.releases.manifest import Manifest, Release
from circkg_server.settings import SettingsError

JSON = "application/json"
HTML = "text/html; charset=utf-8"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Publication:
    """What pages and records are made from; the same publication gives the same bytes, in a folder and from a server.

    :param editor: who publishes.
    :param address: where it is reached, without a slash at its end.
    """

    archive: Archive
    manifest: Manifest
    editor: Editor
    address: str

    @property
    def root(self) -> str:
        """Return the path of the address, with which links in pages begin."""
        return urlsplit(self.address).path

    @property
    def releases(self) -> dict[str, tuple[Release, ...]]:
        """Return all releases of each set, in the order in which they were published."""
        return releases_of(self.archive, self.manifest)


@dataclass(frozen=True, slots=True)
class Published:
    """One thing that is published.

    :param path: where it stands below the address. A page ends in ``index.html``, and its address is the folder.
    :param content: gives its bytes, in pieces.
    :param for_ever: whether it never changes.
    :param title: what it is, in English.
    :param size: in bytes, where that is known without making it.
    :param sha256: of the bytes, where that is known without making it.
    """

    path: str
    media_type: str
    content: Callable[[], Iterable[bytes]]
    for_ever: bool = False
    title: str = ""
    size: int | None = None
    sha256: str | None = None

    def bytes(self) -> bytes:
        """Return the whole; for what is small."""
        return b"".join(self.content())


def made(make: Callable[[], bytes]) -> Callable[[], Iterable[bytes]]:
    """Return content that is made when it is asked for."""
    return lambda: [make()]


def given(content: bytes) -> Callable[[], Iterable[bytes]]:
    """Return content that is there."""
    return lambda: [content]


def of_file(path: Path) -> Callable[[], Iterator[bytes]]:
    """Return the content of a file, read in pieces when it is asked for."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    return pieces


def checked_address(text: str) -> str:
    """Return an address as a publication takes it.

    :raises SettingsError: if it is no web address, or has a query.

    >>> checked_address("https://data.example.org/circkg/")
    'https://data.example.org/circkg'
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise SettingsError(f"{text!r} is no address of a site. Write it as https://data.example.org/circkg.")
    return text.rstrip("/")
