"""Reads a contributed file of any supported kind into triples that know where they come from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath

from circkg_loaders.contributed.cells import URL, source_of
from circkg_loaders.contributed.contribution import ColumnAccount, Contribution, Options, SheetAccount
from circkg_loaders.contributed.csvw import find_metadata, read_metadata
from circkg_loaders.contributed.delimited import read_delimited
from circkg_loaders.contributed.json_tables import is_linked_data, is_table_metadata, load_json, read_json
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.origins import Origins, RdfOrigins
from circkg_loaders.contributed.rdf import FORMATS, ContributionError, parse_rdf, read_content
from circkg_loaders.contributed.sheets import Book
from circkg_loaders.contributed.style import Style
from circkg_loaders.contributed.tables import read_sheets
from circkg_loaders.contributed.workbooks import read_workbook
from circkg_loaders.source_documents import SourceError
from circkg_shapes.terms import Triple

__all__ = [
    "BOOKS", "SYNTAXES", "ColumnAccount", "Contribution", "ContributionError", "Options", "Origins", "SheetAccount",
    "Style", "read", "read_bytes", "read_together",
]  # fmt: skip

SYNTAXES = {
    "csv": "csv",
    "tsv": "tsv",
    "txt": "csv",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "ods": "ods",
    "json": "json",
    "ttl": "turtle",
    "nt": "n-triples",
    "nq": "n-quads",
    "trig": "trig",
    "rdf": "rdf-xml",
    "xml": "rdf-xml",
    "jsonld": "json-ld",
}
"""Kinds of files that are read, by the ending of their name."""

BOOKS: dict[str, Callable[[bytes, str, Style], Book]] = {
    "csv": read_delimited,
    "tsv": read_delimited,
    "xlsx": read_workbook,
    "ods": read_workbook,
    "json": read_json,
}
"""Who reads the cells of each kind of file of tables."""

_SAVE_AS = {
    "xls": "xlsx", "xlsb": "xlsx", "numbers": "xlsx", "fods": "ods", "docx": "xlsx", "doc": "xlsx", "pdf": "xlsx",
    "zip": "xlsx", "htm": "xlsx", "html": "xlsx",
}  # fmt: skip
"""Kinds of files that people keep tables in and that are not read, with the kind to save them as."""


def read(path: Path, options: Options | None = None) -> Contribution:
    """Return what a contributed file says.

    Metadata of a table (CSVW) that lie beside it say how it is read, unless a mapping is given.

    :raises ContributionError: if the file cannot be read as a whole; what is wrong in parts of it is a fault.
    """
    options = options or Options()
    is_text_table = SYNTAXES.get(path.suffix.lower().removeprefix(".")) in ("csv", "tsv")
    metadata = find_metadata(path) if is_text_table and options.mapping is None else None
    if metadata is not None:
        options = replace(options, mapping=read_metadata(metadata, path.name))
    return read_bytes(read_content(path), _name(path), options)


def _name(path: Path) -> str:
    """Return the name of a file as a text: on many systems it is bytes, which need not be UTF-8."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def read_together(
    paths: Sequence[Path], options: Options | None = None, *, progress: Callable[[str], None] = lambda _: None
) -> list[Contribution]:
    """Return what files say that are contributed together: rows of one may name things that another describes.

    :param progress: is told the name of each file as its reading begins.
    :raises ContributionError: if a file cannot be read as a whole.
    """
    options = options or Options()
    found: list[Contribution] = []
    for path in paths:
        progress(_name(path))
        found.append(read(path, options))
    if len(found) == 1 or not any(each.sheets for each in found):
        return found
    known = (options.known or Known.of_rooms()).with_things(_described(found))
    again = replace(options, known=known)
    return [read(path, again) if each.sheets else each for path, each in zip(paths, found, strict=True)]


def _described(found: Sequence[Contribution]) -> Iterator[Triple]:
    """Yield what files describe, but for sources of which a cell gives no more than the address.

    Each file that names such a source describes it, so that it stands by itself.
    """
    triples = [triple for each in found for triple in each.triples]
    by_address: set[Triple] = set()
    for address in {value for each in found if each.sheets for _, predicate, value in each.triples if predicate == URL}:
        with suppress(SourceError):
            by_address.update(source_of(address))
    more = {triple[0] for triple in triples if triple not in by_address}
    yield from (triple for triple in triples if triple not in by_address or triple[0] in more)


def read_bytes(content: bytes, name: str, options: Options | None = None) -> Contribution:
    """Return what the content of a contributed file says.

    :param name: name of the file, without its folder: its ending says what kind of file it is.
    :raises ContributionError: if the content cannot be read as a whole; what is wrong in parts of it is a fault.
    """
    ending = PurePath(name).suffix.lower().removeprefix(".")
    syntax = SYNTAXES.get(ending)
    if syntax is None:
        if ending in _SAVE_AS:
            raise ContributionError(f"{name}: .{ending} is not read. Save it as .{_SAVE_AS[ending]}.")
        known = ", ".join(f".{each}" for each in SYNTAXES)
        raise ContributionError(f"{name}: the ending {PurePath(name).suffix or '(none)'} is not known. Known: {known}.")
    digest = hashlib.sha256(content).hexdigest()
    if syntax == "json":
        value = load_json(content, name)
        if is_table_metadata(value):
            raise ContributionError(f"{name} says how a table is read. Give it together with the table itself.")
        syntax, ending = ("json-ld", "jsonld") if is_linked_data(value) else (syntax, ending)
    if ending in FORMATS:
        triples = list(parse_rdf(content, name, ending))
        return Contribution(name, digest, syntax, None, triples, _rdf_origins(content, name, syntax))
    options = options or Options()
    declared = options.style.over(options.mapping.style) if options.mapping else options.style
    return read_sheets(BOOKS[syntax](content, name, declared), options, name, digest, syntax)


def _rdf_origins(content: bytes, name: str, syntax: str) -> RdfOrigins:
    def lines() -> Iterator[tuple[int, Triple]]:
        for number, line in enumerate(content.splitlines(), start=1):
            for triple in parse_rdf(line, name):
                yield number, triple

    text = content.decode("utf-8", errors="replace")
    return RdfOrigins(name, text, lines if syntax in ("n-triples", "n-quads") else None)
