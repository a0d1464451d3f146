"""Registers the web pages that data sets cite: keeps ``data/sources.csv`` complete."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from circkg_loaders.facts.schema import Kind
from circkg_loaders.facts.tables import TABLES
from circkg_loaders.source_documents import SourceDocument, SourceError, read_sources

WEB_PAGE = "web-page"
COLUMNS = ("id", "url", "title", "language", "kind", "subject", "sha256", "note")
_SOURCE_COLUMNS = {table.name: [c.name for c in table.columns if c.kind is Kind.SOURCE] for table in TABLES}
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def address_id(url: str) -> str:
    """Return the id of a web page: its host and the first digits of the SHA-256 of its address.

    >>> address_id("https://www.espon.eu/sharing")
    'espon-eu-f82bea9f'

    :raises SourceError: if the text is no absolute web address.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii") if parts.scheme in ("http", "https") else ""
    except ValueError:
        host = ""
    name = _NO_SLUG.sub("-", host.lower().removeprefix("www.")).strip("-")
    if not name:
        raise SourceError(f"{url!r} is no web address. Write it in full, with http:// or https://.")
    return f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def cited(data: Path) -> Iterator[str]:
    """Yield each source that the tables of the data sets name, as written: an address or the id of a document.

    Only the columns of sources are read, so that a fault elsewhere in a table does not stand in the way.

    :raises SourceError: if a table cannot be read at all.
    """
    seen: set[str] = set()
    for path in sorted(data.glob("*/*.csv")):
        columns = _SOURCE_COLUMNS.get(path.stem, [])
        if not columns:
            continue
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                cells = [row.get(column) or "" for row in csv.DictReader(file, strict=True) for column in columns]
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceError(f"{path.relative_to(data).as_posix()} is not UTF-8 CSV: {error}.") from error
        for text in (item.strip() for cell in cells for item in cell.split(";")):
            if text and text not in seen:
                seen.add(text)
                yield text


def register(data: Path) -> list[SourceDocument]:
    """Return the rows that ``sources.csv`` lacks: one for each cited address that it does not hold.

    :raises SourceError: if a cell names neither an address nor a registered document, or two addresses share an id.
    """
    known = read_sources(data) if (data / "sources.csv").exists() else []
    ids = {source.id for source in known}
    addresses = {source.url for source in known if source.url}
    missing: list[SourceDocument] = []
    for text in cited(data):
        if text in ids or text in addresses:
            continue
        id_ = address_id(text)
        if id_ in ids:
            raise SourceError(f"{text!r} would get the id {id_!r}, which another source has already.")
        ids.add(id_)
        missing.append(SourceDocument(id_, text, "", "", WEB_PAGE, "", "", ""))
    return sorted(missing, key=lambda source: source.id)


def unused(data: Path) -> list[SourceDocument]:
    """Return the web pages of ``sources.csv`` that no table cites."""
    used = set(cited(data))
    return [s for s in read_sources(data) if s.kind == WEB_PAGE and s.url not in used and s.id not in used]


def write(data: Path, *, prune: bool = False) -> int:
    """Add the missing rows to ``sources.csv`` and put it in order; return how many were added.

    Documents keep their order and stand first, then web pages by id. What was written by hand in a row stays.

    :param prune: drop the web pages that no table cites.
    """
    known = read_sources(data) if (data / "sources.csv").exists() else []
    missing = register(data)
    if prune and known:
        dropped = {source.id for source in unused(data)}
        known = [source for source in known if source.id not in dropped]
    documents = [source for source in known if source.kind != WEB_PAGE]
    pages = [source for source in known if source.kind == WEB_PAGE] + missing
    _save(data / "sources.csv", [*documents, *sorted(pages, key=lambda source: source.id)])
    return len(missing)


def _save(path: Path, sources: Iterable[SourceDocument]) -> None:
    part = path.with_suffix(".csv.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(source, name) for name in COLUMNS] for source in sources)
    part.replace(path)


def main() -> None:
    """Bring ``data/sources.csv`` under the current directory up to date."""
    write(Path("data"), prune=True)


if __name__ == "__main__":
    main()
