"""The commands of curators and operators: ``circkg contribution …``, ``circkg shapes …`` and ``circkg purge``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from circkg_server import purging
from circkg_server.contributions.acceptance import Decision, NotSoundError, accept
from circkg_server.contributions.official import Official, OfficialShapesError
from circkg_server.contributions.staging import Contributed, Staging, StagingError, State
from circkg_server.operations.settings import OperationsSettings
from circkg_server.operations.space import FreeSpace, LowSpaceError
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import ManifestError
from circkg_server.retired import Tombstone
from circkg_server.settings import SettingsError, default_store
from circkg_server.terminal import visible
from circkg_server.writes.tokens import Audit

NOT_DONE, COULD_NOT_RUN = 1, 2
OPERATOR = "command line"
"""Who decides at the command line: one who may write to the folder of the store needs no token."""

_out, _err = Console(), Console(stderr=True)
_StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store.", show_default="$CIRCKG_STORE, or .circkg")
]
_IdArgument = Annotated[str, typer.Argument(help="Identifier of the contribution.")]
_CommentOption = Annotated[str, typer.Option("--comment", help="What the contributor is told.")]

contribution_app = typer.Typer(help="Contributions that wait for a curator.", no_args_is_help=True)
shapes_app = typer.Typer(help="Official shapes of others that data can be judged by.", no_args_is_help=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (
        StagingError, StoreBusyError, ManifestError, OfficialShapesError, purging.PurgeError, SettingsError,
        LowSpaceError, OSError,
    ) as error:  # fmt: skip
        _err.print(f"[bold red]circkg:[/] {escape(visible(str(error)))}", highlight=False)
        if isinstance(error, NotSoundError):
            for fault in error.faults:
                _err.print(f"- {visible(fault)}", markup=False, highlight=False)
            raise typer.Exit(NOT_DONE) from error
        raise typer.Exit(COULD_NOT_RUN) from error


def _staging(store: Path | None) -> tuple[Archive, Staging]:
    archive = Archive(store or default_store())
    return archive, Staging(archive.folder / "contributions")


@contribution_app.command("list")
def _list(
    store: _StoreOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
) -> None:
    """List the contributions that wait."""
    with _told():
        found = _staging(store)[1].all()
    table = Table("id", "state", "set", "publisher", "token", "since (UTC)", "new", "changed", "removed", "faults")
    for each in found:
        if all_ or each.state.is_open:
            counts = each.judged.counts or {} if each.judged else {}
            table.add_row(
                each.id, each.state.value, each.about.set, _cell(each.about.publisher), each.token,
                each.history[-1].at[:16].replace("T", " "),
                *(str(counts.get(name, "")) for name in ("new", "changed", "removed", "violations")),
            )  # fmt: skip
    _out.print(table)


@contribution_app.command("show")
def _show(
    id_: _IdArgument,
    store: _StoreOption = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show a contribution: what it is, what it would change, candidate duplicates, history."""
    with _told():
        _, staging = _staging(store)
        found = staging.get(id_)
        review = staging.folder_of(id_) / "review"
        changes, pairs = (_read(review / name) for name in ("difference.json", "duplicates.json"))
    if format_ == "json":
        typer.echo(json.dumps({**asdict(found), "difference": changes, "duplicates": pairs}, ensure_ascii=False))
        return
    _print(found, changes, pairs)
    if review.is_dir():
        _out.print(f"The report: {review / 'report.html'}", markup=False, highlight=False)


def _read(path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found


def _cell(text: str) -> str:
    """Return a text of a contributor as a table prints it: neither rich's markup nor the terminal's."""
    return escape(visible(text))


def _print(found: Contributed, changes: list[dict[str, object]], pairs: list[dict[str, object]]) -> None:
    about = found.about
    whole = ", as a whole" if about.replaces else ""
    for name, value in (
        ("state", found.state.value + (f": {found.judged.problem}" if found.judged and found.judged.problem else "")),
        ("set", about.set + whole), ("title", about.title), ("publisher", about.publisher),
        ("licence", about.licence), ("contact", about.contact), ("token", found.token),
        ("files", ", ".join(file.name for file in found.files)),
    ):  # fmt: skip
        _out.print(f"{name:10} {visible(value)}", markup=False, highlight=False)
    table = Table("change", "thing", "class", "+", "-", title="Difference", title_justify="left")
    for each in changes:
        if each["change"] != "same":
            sizes = (str(len(statements)) for statements in (each["added"], each["removed"]))  # type: ignore[arg-type]  # lists, as difference.py writes them
            name, classes = str(each["name"] or each["iri"]), ", ".join(each["classes"])  # type: ignore[arg-type]  # likewise
            table.add_row(str(each["change"]), _cell(name), _cell(classes), *sizes)
    _out.print(table)
    if pairs:
        table = Table("score", "thing", "known", "why", title="Perhaps published already", title_justify="left")
        for pair in pairs:
            table.add_row(
                f"{pair['score']:.2f}", _cell(str(pair["name"])), _cell(f"{pair['knownName']}\n{pair['known']}"),
                _cell("; ".join(pair["reasons"])),  # type: ignore[arg-type]  # a list, as duplicates.py writes it
            )  # fmt: skip
        _out.print(table)
    for event in found.history:
        by = event.by or "the server"
        _out.print(f"{event.at}  {event.state}  by {by}  {visible(event.comment)}", markup=False, highlight=False)


@contribution_app.command("accept")
def _accept(
    id_: _IdArgument,
    comment: _CommentOption = "",
    link: Annotated[
        list[str] | None, typer.Option("--link", help="A candidate to keep as such: IRI=KNOWN-IRI.")
    ] = None,
    store: _StoreOption = None,
) -> None:
    """Publish a contribution. Exit code 1: the graph as a whole would not be sound with it."""
    with _told():
        archive, staging = _staging(store)
        FreeSpace(archive.folder, OperationsSettings.from_environment().reserve).check()
        pairs = tuple(_pair(text) for text in link or ())
        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=_err, transient=True) as bars:
            task = bars.add_task("start", total=None)
            done = accept(
                archive, staging, id_, Decision(OPERATOR, comment, pairs),
                lambda step, what: bars.update(task, description=f"{step}: {what}"),
            )  # fmt: skip
    _err.print(f"{done.id} is published: {done.about.set} {done.version}, snapshot {done.snapshot}.", highlight=False)


def _pair(text: str) -> tuple[str, str]:
    new, equals, known = text.partition("=")
    if not equals:
        raise StagingError(f"Write a link as IRI=KNOWN-IRI, not {text!r}.")
    return new, known


@contribution_app.command("return")
def _return(
    id_: _IdArgument,
    comment: Annotated[str, typer.Option("--comment", help="What is to be mended.")],
    store: _StoreOption = None,
) -> None:
    """Return a contribution with a comment."""
    with _told():
        archive, staging = _staging(store)
        staging.change(id_, lambda found: found.decided(State.RETURNED, OPERATOR, comment))
        Audit(archive.folder).write(OPERATOR, f"{State.RETURNED} {id_}", [], None, "done")
    _err.print(f"{id_} is returned.", highlight=False)


@contribution_app.command("remove")
def _remove(id_: _IdArgument, store: _StoreOption = None) -> None:
    """Remove a decided contribution with its files. What was published of it stays."""
    with _told():
        archive, staging = _staging(store)
        staging.remove(id_)
        Audit(archive.folder).write(OPERATOR, f"remove {id_}", [], None, "done")
    _err.print(f"{id_} is removed.", highlight=False)


@shapes_app.command("fetch")
def _fetch(
    collection: Annotated[str, typer.Argument(help="dcat-ap")],
    from_: Annotated[
        Path | None, typer.Option("--from", help="A folder that has the files, where there is no network.")
    ] = None,
    store: _StoreOption = None,
) -> None:
    """Fetch official shapes, so that data can be judged by them; each file is checked by its SHA-256."""
    with _told():
        official = Official(store or default_store())
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=_err, transient=True) as bars:
            task = bars.add_task("start", total=None)
            missing = official.install(collection, from_, lambda what: bars.update(task, description=what))
    _err.print(f"Kinds of validation: {', '.join(official.types())}.", highlight=False)
    if missing:
        _err.print(
            f"Published nowhere as one file, so not there: {', '.join(missing)}. Kinds that need it are left out.",
            highlight=False,
        )  # fmt: skip


def purge(
    address: Annotated[str, typer.Argument(metavar="IRI", help="What must not be published any more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is published in the tombstone.")],
    replaced_by: Annotated[str, typer.Option("--replaced-by", help="IRI of what takes its place.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: _StoreOption = None,
) -> None:
    """Remove every statement about a thing from all releases, for good.

    It is the one exception to releases that never change. What is left is a tombstone with the reason; the IRI is never
    used again. Copies that others made are not reached.
    """
    with _told():
        archive = Archive(store or default_store())
        counts = purging.found(archive, address)
        if not counts:
            raise purging.PurgeError(f"No release says anything about <{address}>.")
        for release, number in counts.items():
            _err.print(f"{number:8,} statements of {release}", highlight=False)
        if not yes and not typer.confirm(
            "Remove them for good? Releases change, and nothing brings them back.", err=True
        ):
            raise typer.Exit(NOT_DONE)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=_err, transient=True) as bars:
            task = bars.add_task("start", total=None)
            done = purging.purge(
                archive, Tombstone(address, reason, replaced_by), lambda what: bars.update(task, description=what)
            )
        number = sum(done.statements.values())
        Audit(archive.folder).write(OPERATOR, f"purge {address}", done.statements, number, "done")
    _err.print(
        f"{number:,} statements of {len(done.statements)} releases are gone, "
        f"with {len(done.things)} things that were about it alone. Snapshot {done.snapshot} holds. "
        "Take its rows out of data/, and publish static copies anew.",
        highlight=False,
    )  # fmt: skip
