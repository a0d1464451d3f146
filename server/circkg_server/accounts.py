"""The account that a build gives: rows, links, faults, times; printed for people and written as files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from circkg_server.build import Build
from circkg_server.releases.durable import write_durably

SHOWN = 20
"""How many faults of a kind are printed; the files name all."""


def rows_table(build: Build) -> Table:
    """Return the account of rows: in = loaded + rejected, by file."""
    table = Table(title="Rows", title_justify="left", caption="rows in = loaded + rejected", caption_justify="left")
    table.add_column("file")
    for name in ("rows in", "loaded", "rejected"):
        table.add_column(name, justify="right")
    total_in = total_loaded = 0
    for reading in build.loaded.readings.values():
        for file, (rows_in, loaded) in reading.rows.items():
            table.add_row(file, str(rows_in), str(loaded), str(rows_in - loaded))
            total_in, total_loaded = total_in + rows_in, total_loaded + loaded
    table.add_section()
    table.add_row("all", str(total_in), str(total_loaded), str(total_in - total_loaded), style="bold")
    return table


def link_accounts(build: Build) -> list[dict[str, Any]]:
    """Return how the cells of each linked column fared, over all sets."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for slug, reading in build.loaded.readings.items():
        for (table, column), tally in reading.tallies.items():
            account = merged.setdefault(
                (table, column),
                {
                    "table": table,
                    "column": column,
                    "cells": 0,
                    "linked": 0,
                    "as text": 0,
                    "items": 0,
                    "links": 0,
                    "kept": [],
                },
            )
            for name, number in (
                ("cells", tally.cells), ("linked", tally.linked), ("as text", tally.as_text),
                ("items", tally.items), ("links", tally.links),
            ):  # fmt: skip
                account[name] += number
            account["kept"] += [{"set": slug, "key": k, "text": t, "reason": r} for k, t, r in tally.kept]
    return [merged[key] for key in sorted(merged)]


def links_table(build: Build) -> Table:
    """Return the account of links: cells = linked + kept as text, by column."""
    caption = "cells = linked + as text; the reason of each text is in links.json"
    table = Table(title="Links", title_justify="left", caption=caption, caption_justify="left")
    table.add_column("column")
    for name in ("cells", "linked", "as text", "share linked", "items", "links made"):
        table.add_column(name, justify="right")
    for account in link_accounts(build):
        share = account["linked"] / account["cells"] if account["cells"] else 0
        table.add_row(
            f"{account['table']}.{account['column']}", str(account["cells"]), str(account["linked"]),
            str(account["as text"]), f"{share:.1%}", str(account["items"]), str(account["links"]),
        )  # fmt: skip
    return table


def graphs_table(build: Build) -> Table:
    """Return the data sets with their releases and numbers of triples."""
    table = Table(title="Data sets", title_justify="left")
    for name in ("set", "role", "version"):
        table.add_column(name)
    table.add_column("triples", justify="right")
    if build.manifest:
        for release in build.manifest.releases:
            table.add_row(release.set, release.role.value, release.version, f"{release.quads:,}")
        table.add_section()
        total = sum(release.quads for release in build.manifest.releases)
        table.add_row("all", "", "", f"{total:,}", style="bold")
    return table


def faults(build: Build) -> list[str]:
    """Return everything that keeps a build from being published, one line each."""
    found = [str(rejection) for reading in build.loaded.readings.values() for rejection in reading.rejected]
    found += [
        f"{row.file}, row {row.number}: no cell of {row['table']}.{row['column']} holds {row['text']!r}."
        for row in build.loaded.unused_links
    ]
    for result in build.report.results:
        if result.severity.endswith("#Violation>"):
            origins = {
                f"{origin.file}, row {origin.row}"
                for triple, places in build.loaded.origins.items()
                if triple[0] == result.focus_node and result.value in (None, triple[2])
                for origin in places
            }
            place = "; ".join(sorted(origins)[:3]) or result.focus_node
            found.append(f"{place}: {result.message()} ({result.value or result.focus_node})")
    return found + [str(fault) for fault in build.faults]


def summary(build: Build) -> str:
    """Return the outcome of a build in one sentence."""
    if build.manifest is None:
        return f"Not published: {len(faults(build))} faults. What was published before is as it was."
    what = "published" if build.is_new else "as published before: nothing has changed"
    return f"Snapshot {build.manifest.number} {what}."


def report(build: Build) -> RenderableType:
    """Return the whole account for a terminal."""
    parts: list[RenderableType] = [rows_table(build), "", links_table(build), ""]
    if build.manifest:
        parts += [graphs_table(build), ""]
    warnings = sum(1 for result in build.report.results if not result.severity.endswith("#Violation>"))
    times = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in build.seconds.items())
    parts.append(
        f"{sum(build.inferred.values()):,} triples inferred by {len(build.inferred)} rules. {warnings} warnings."
    )
    parts.append(f"{times}; {build.cpu_seconds:.1f} s of processor time.")
    found = faults(build)
    # As text, since a cell may hold square brackets, which rich would take for its own markup.
    parts += [Text(f"- {line}") for line in found[:SHOWN]]
    if len(found) > SHOWN:
        parts.append(f"… and {len(found) - SHOWN} more, all of them in faults.txt.")
    return Group(*parts, summary(build))


def write(build: Build, folder: Path) -> None:
    """Write the account into a folder: rows.csv, links.json, validation.ttl, faults.txt, account.txt."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "row", "column", "reason"))
    for reading in build.loaded.readings.values():
        for rejection in reading.rejected:
            place = rejection.origin
            writer.writerow((place.file, place.row, place.column or "", rejection.reason))
    write_durably(folder / "rejected.csv", text.getvalue().encode())
    links = json.dumps(link_accounts(build), ensure_ascii=False, indent=2) + "\n"
    write_durably(folder / "links.json", links.encode())
    write_durably(folder / "validation.ttl", build.report.to_turtle().encode())
    write_durably(folder / "faults.txt", "".join(f"{line}\n" for line in faults(build)).encode())
    plain = io.StringIO()
    Console(file=plain, width=120, color_system=None).print(report(build))
    write_durably(folder / "account.txt", plain.getvalue().encode())
