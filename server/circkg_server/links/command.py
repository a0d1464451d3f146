"""The command ``circkg links``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from circkg_server.links.checking import Checker, Finding, OfflineError, Outcome
from circkg_server.links.outward import Kind, Link, outward, spread
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError
from circkg_server.settings import default_store

_out = Console(width=None if sys.stdout.isatty() else 160)
_err = Console(stderr=True)


def links(
    check: Annotated[bool, typer.Option("--check", help="Ask whether they lead somewhere.")] = False,
    kind: Annotated[list[Kind] | None, typer.Option(help="Which links; may be given several times.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most links to check, from all hosts in turn; 0: all.")] = 0,
    pause: Annotated[float, typer.Option(min=0.2, help="Seconds between two requests to one host.")] = 1.0,
    json_: Annotated[bool, typer.Option("--json", help="Give JSON.")] = False,
    store: Annotated[
        Path | None, typer.Option("--store", help="Folder of the store.", show_default="$CIRCKG_STORE, or .circkg")
    ] = None,
) -> None:
    """List the links outward, or check them.

    Exit codes of a check: 0 all that could be reached resolve, 1 some are broken, 2 nothing could be reached.
    """
    try:
        archive = Archive(store or default_store())
        manifest = archive.current()
        if manifest is None:
            raise ManifestError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
        found = spread(outward(archive, manifest, kind or Kind), limit)
        if not check:
            _list(found, json_)
            return
        findings = _checked(found, pause)
    except (ManifestError, OfflineError, OSError) as error:
        _err.print(f"circkg: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    _tell(findings, json_)
    reached = [one for one in findings if one.outcome not in (Outcome.UNREACHABLE, Outcome.NOT_ASKED)]
    if findings and not reached:
        _err.print("circkg: none of the links could be reached.", style="red")
        raise typer.Exit(2)
    raise typer.Exit(1 if any(one.outcome is Outcome.BROKEN for one in findings) else 0)


def _checked(found: list[Link], pause: float) -> list[Finding]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_err, transient=True) as bars:
        task = bars.add_task("links", total=len(found))
        return Checker(pause=pause).check(
            found, lambda finding: bars.update(task, advance=1, description=escape(finding.link.host))
        )


def _list(found: list[Link], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(f"{json.dumps([asdict(link) for link in sorted(found)], ensure_ascii=False, indent=2)}\n")
        return
    table = Table(title=f"{len(found)} links outward", title_justify="left")
    for name in ("host", *Kind):
        table.add_column(name, justify="left" if name == "host" else "right")
    counts = Counter((link.host, link.kind) for link in found)
    for host in sorted(
        {link.host for link in found}, key=lambda host: (-sum(counts[host, kind] for kind in Kind), host)
    ):
        table.add_row(escape(host), *(str(counts[host, kind] or "") for kind in Kind))
    _out.print(table)


def _tell(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        content = [asdict(one.link) | {"outcome": one.outcome, "told": one.told} for one in findings]
        sys.stdout.write(f"{json.dumps(content, ensure_ascii=False, indent=2)}\n")
        return
    for outcome in (Outcome.BROKEN, Outcome.UNCLEAR, Outcome.UNREACHABLE, Outcome.NOT_ASKED):
        of_outcome = [one for one in findings if one.outcome is outcome]
        if of_outcome:
            table = Table(title=f"{outcome.value}: {len(of_outcome)}", title_justify="left")
            for name in ("address", "found", "named by"):
                table.add_column(name, overflow="fold")
            for one in of_outcome:
                table.add_row(escape(one.link.address), escape(one.told), escape(one.link.thing))
            _out.print(table)
    counts = Counter(one.outcome for one in findings)
    _out.print(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome), highlight=False)
