"""The commands ``circkg publish``, ``circkg cite`` and ``circkg keep``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from circkg_loaders.iris import BASE
from circkg_server import search
from circkg_server.catalogue.editor import editor_of
from circkg_server.publishing.citation import of_software
from circkg_server.publishing.citation_formats import FORMATS
from circkg_server.publishing.directory import DirectoryError, write_directory
from circkg_server.publishing.files import make_files
from circkg_server.publishing.publication import Publication, checked_address
from circkg_server.publishing.routes import cited
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import ManifestError
from circkg_server.settings import Settings, SettingsError, default_store
from circkg_server.store.snapshot import NothingPublishedError, make
from circkg_shapes.rooms import room

_err = Console(stderr=True)
_StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store.", show_default="$CIRCKG_STORE, or .circkg")
]
_COLUMNS = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors that a person can mend into one sentence and exit code 2."""
    try:
        yield
    except (
        DirectoryError, ManifestError, NothingPublishedError, SettingsError, StoreBusyError, OSError,
    ) as error:  # fmt: skip
        _err.print(f"circkg: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from error


def _publication(store: Path | None, address: str) -> Publication:
    archive = Archive(store or default_store())
    manifest = archive.current()
    if manifest is None:
        raise NothingPublishedError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
    editor = editor_of(archive.folder, room("data"), Settings.from_environment().catalogue)
    return Publication(archive, manifest, editor, address)


def publish(
    folder: Annotated[Path, typer.Argument(help="Directory to write; it may be one that was published before.")],
    url: Annotated[
        str, typer.Option(envvar="CIRCKG_PUBLIC_URL", help="Address under which the directory will be reached.")
    ] = "",
    store: _StoreOption = None,
) -> None:
    """Write all that is published as static files: releases, dumps, changes, citations, RO-Crate metadata.

    The directory can be put on any host. Files that never change are not written again.
    """
    with _told():
        if not url:
            raise SettingsError("Say where the directory will be reached: --url https://data.example.org/circkg.")
        seen = _publication(store, checked_address(url))
        known = [release for releases in seen.releases.values() for release in releases]
        with Progress(*_COLUMNS, console=_err, transient=True) as bars, seen.archive.writing():
            task = bars.add_task("files of releases", total=len(known))
            make_files(
                seen.archive, seen.manifest, known, lambda title: bars.update(task, advance=1, description=title)
            )
        with Progress(*_COLUMNS, console=_err, transient=True) as bars:
            task = bars.add_task("write")
            written = write_directory(
                seen, folder,
                lambda done, of, path: bars.update(task, completed=done, total=of, description=path[-60:]),
            )  # fmt: skip
    _err.print(
        f"{written} files written to {folder}, for {seen.address}/.", highlight=False, markup=False, soft_wrap=True
    )


def cite(
    set_: Annotated[str, typer.Option("--set", help="Data set to cite; without, the whole graph.")] = "",
    version: Annotated[str, typer.Option(help="Release of the set.", show_default="the newest")] = "",
    snapshot: Annotated[int, typer.Option(help="Snapshot of the whole graph.", show_default="the newest")] = 0,
    query: Annotated[str, typer.Option(help="SPARQL query whose answer is cited, or a file that ends in .rq.")] = "",
    software: Annotated[bool, typer.Option("--software", help="Cite the software.")] = False,
    format_: Annotated[str, typer.Option("--format", help=", ".join(form.name for form in FORMATS))] = "text",
    store: _StoreOption = None,
) -> None:
    """Say how to cite a release, a snapshot, the answer to a query, or the software."""
    with _told():
        form = next((form for form in FORMATS if form.name == format_), None)
        if form is None:
            names = ", ".join(form.name for form in FORMATS)
            raise SettingsError(f"There is no format {format_!r}. The formats: {names}.")
        if software:
            found = of_software()
        else:
            address = Settings.from_environment().public_url.rstrip("/") or BASE.rstrip("/")
            text = Path(query).read_text(encoding="utf-8") if query.endswith(".rq") else query
            found = cited(_publication(store, address), set_, version, snapshot, text)
    sys.stdout.write(form.write(found))


def keep(
    snapshot: Annotated[int, typer.Argument(min=1, help="Number of the snapshot.")],
    drop: Annotated[bool, typer.Option("--drop", help="Keep it no longer.")] = False,
    store: _StoreOption = None,
) -> None:
    """Keep a snapshot for queries, so that answers that were cited are answered again, however many builds follow.

    One that is gone already is made again from its releases.
    """
    archive = Archive(store or default_store())
    with _told(), archive.writing():
        archive.keep(snapshot, not drop)
        if not drop:
            make(archive, archive.number(snapshot))
            search.make(archive, archive.number(snapshot))
    told = "is kept no longer" if drop else "is kept for queries"
    _err.print(f"Snapshot {snapshot} {told}.", highlight=False)
