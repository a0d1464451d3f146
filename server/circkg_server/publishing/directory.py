"""Writes everything that is published into a directory that any static host can serve.

A path of the directory is a path of the server, with the same bytes. Three kinds of file are the directory's own: the
page at its entrance, since there is no SPARQL endpoint, the icon, and what tells hosts the media types.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from circkg_server.publishing.crate import FILE as CRATE
from circkg_server.publishing.publication import JSON, Publication, Published
from circkg_server.publishing.site import site
from circkg_server.web.rendering import ICON, render

_FOR_EVER = "public, max-age=31536000, immutable"
_MARK = ".nojekyll"
"""Tells GitHub Pages to serve files as they are, and us that a folder is ours."""

Progress = Callable[[int, int, str], None]
"""Is told how many files are written, of how many, and which is next."""


class DirectoryError(ValueError):
    """A directory cannot be written to; the message says why and what to do."""


def write_directory(publication: Publication, folder: Path, progress: Progress = lambda *_: None) -> int:
    """Write everything that is published, and return how many files were written.

    What is there already is left alone; nothing is removed, so that addresses stay. The crate, which names all other
    files, is written last.

    :raises DirectoryError: if the folder holds something else.
    :raises ManifestError: if a release cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise DirectoryError(f"{folder} is a file. Name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise DirectoryError(f"{folder} is not empty, and was not made by `circkg publish`. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text("Written by circkg publish.\n", encoding="utf-8")
    for left in folder.rglob(".*.tmp"):  # by one that was killed
        left.unlink()
    things = site(publication)
    written = 0
    for number, thing in enumerate(things.values()):
        progress(number, len(things), thing.path)
        written += _write(folder, thing)
    page = render("directory.html", root=publication.root, manifest=publication.manifest, address=publication.address)
    types, plain = media_types(things.values()), without_ending(things.values())
    own = {
        "index.html": page,
        "favicon.svg": ICON,
        ".htaccess": _apache(types, plain),
        "_headers": _netlify(types, plain, publication.root),
        "nginx.conf": _nginx(types, plain, publication.root),
    }
    for name, text in own.items():
        _replace(folder / name, [text.encode()])
    progress(len(things), len(things), "done")
    return written + len(own)


def _is_ours(folder: Path) -> bool:
    return (folder / _MARK).is_file() or (folder / CRATE).is_file()


def _write(folder: Path, thing: Published) -> bool:
    """Write a thing unless it is there already; tell whether it was written."""
    path = folder / PurePosixPath(thing.path)
    if thing.size is not None:
        if thing.for_ever and path.is_file() and path.stat().st_size == thing.size:
            return False
        _replace(path, thing.content())
        return True
    content = thing.bytes()
    if path.is_file() and path.read_bytes() == content:
        return False
    _replace(path, [content])
    return True


def _replace(path: Path, content: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the one before or the whole of this one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        for piece in content:
            file.write(piece)
    temporary.replace(path)


def media_types(things: Iterable[Published]) -> dict[str, str]:
    """Return the media type of each ending of a file name, as hosts know them: kinds of JSON are JSON to a host."""
    types = {PurePosixPath(thing.path).suffix[1:]: thing.media_type for thing in things if "." in _name(thing)}
    return dict(sorted((types | {"json": JSON}).items()))


def without_ending(things: Iterable[Published]) -> dict[str, str]:
    """Return the media type of each path whose name has no ending."""
    return {thing.path: thing.media_type for thing in things if "." not in _name(thing)}


def _name(thing: Published) -> str:
    return PurePosixPath(thing.path).name


def _apache(types: dict[str, str], plain: dict[str, str]) -> str:
    lines = "".join(f"AddType '{type_}' .{ending}\n" for ending, type_ in types.items())
    lines += "".join(
        f"<Files \"{PurePosixPath(path).name}\">\n  ForceType '{type_}'\n</Files>\n" for path, type_ in plain.items()
    )
    return f"""\
# Apache: media types, open to pages of any origin, kept for ever where it never changes.
DirectoryIndex index.html
{lines}<IfModule mod_headers.c>
  Header set Access-Control-Allow-Origin "*"
  <If "%{{REQUEST_URI}} =~ m#/dumps/.*-[0-9a-f]{{12}}[.]# && %{{REQUEST_URI}} !~ /[.]json$/">
    Header set Cache-Control "{_FOR_EVER}"
  </If>
</IfModule>
"""


def _netlify(types: dict[str, str], plain: dict[str, str], root: str) -> str:
    parts = [
        f"{root}/*\n  Access-Control-Allow-Origin: *\n",
        f"{root}/dumps/:set/*\n  Cache-Control: {_FOR_EVER}\n",
        *(f"{root}/*.{ending}\n  Content-Type: {type_}\n" for ending, type_ in types.items()),
        *(f"{root}/{path}\n  Content-Type: {type_}\n" for path, type_ in plain.items()),
    ]
    return "".join(parts)


def _nginx(types: dict[str, str], plain: dict[str, str], root: str) -> str:
    by_type: dict[str, list[str]] = {}
    for ending, type_ in types.items():
        by_type.setdefault(type_.partition(";")[0], []).append(ending)
    lines = "".join(f"  {type_} {' '.join(endings)};\n" for type_, endings in sorted(by_type.items()))
    apart = "".join(
        f"location = {root}/{path} {{\n  default_type {type_.partition(';')[0]};\n}}\n" for path, type_ in plain.items()
    )
    return f"""\
# nginx: include this in the server that has the directory below its root.
types {{
{lines}}}
charset utf-8;
index index.html;
add_header Access-Control-Allow-Origin "*";
{apart}"""
