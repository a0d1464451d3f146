"""The command ``circkg``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.templates.template import TemplateError
from circkg_loaders.load import LoadError
from circkg_server import accounts
from circkg_server.build import build as build_graph
from circkg_server.build import steps
from circkg_server.catalogue.quality.fetching import FetchError
from circkg_server.contributions.curating import contribution_app, purge, shapes_app
from circkg_server.inference import RuleError
from circkg_server.links.command import links
from circkg_server.operations.settings import OperationsSettings
from circkg_server.operations.space import FreeSpace, LowSpaceError
from circkg_server.operations.variables import WithVariables
from circkg_server.publishing import commands as publishing_commands
from circkg_server.questions import QuestionError, catalogue, find
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import ManifestError
from circkg_server.settings import Settings, SettingsError, default_store
from circkg_server.store.snapshot import NothingPublishedError
from circkg_server.terminal import visible
from circkg_server.verification import VerifyError
from circkg_server.writes.open_folder import NotThrowAwayError
from circkg_server.writes.settings import Mode, WritesSettings
from circkg_server.writes.tokens import token_app
from circkg_shapes.validate import ShapesError

OK, NOT_CONFORMING, COULD_NOT_RUN = 0, 1, 2

app = typer.Typer(
    help="CircKG: the knowledge graph of the circular economy in Europe's cities and regions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 fine, 1 the data do not conform, 2 the command could not run.",
)
app.add_typer(token_app, name="token", help="Give and take the tokens by which programs write.")
app.add_typer(contribution_app, name="contribution")
app.add_typer(shapes_app, name="shapes")

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store.", show_default="$CIRCKG_STORE, or .circkg")
]


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors that a person can mend into one sentence and exit code 2."""
    try:
        yield
    except (
        LoadError, StoreBusyError, ManifestError, NothingPublishedError, RuleError, VerifyError, QuestionError,
        ContributionError, TemplateError, FetchError, ShapesError, SettingsError,
        NotThrowAwayError, LowSpaceError, OSError,
    ) as error:  # fmt: skip
        err.print(f"[bold red]circkg:[/] {escape(visible(str(error)))}", highlight=False)
        raise typer.Exit(COULD_NOT_RUN) from error


@app.command()
def build(
    store: StoreOption = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the data.", show_default="data/")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes for shapes that go to pySHACL.")] = 2,
) -> None:
    """Build the graph from the data and publish it: read, infer, validate, verify, release.

    Nothing is published if a row is rejected or a rule is broken; what was published before stays as it was.
    """
    archive = Archive(store or default_store())
    with _told():
        FreeSpace(archive.folder, OperationsSettings.from_environment().reserve).check()
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with _told():
        with Progress(*columns, console=err, transient=True) as bars:
            task = bars.add_task("start", total=steps(data))
            result = build_graph(
                archive, data=data, processes=processes,
                progress=lambda step, what: bars.update(task, advance=1, description=f"{step}: {what}"),
            )  # fmt: skip
        accounts.write(result, archive.folder / "account")
    out.print(accounts.report(result), highlight=False)
    raise typer.Exit(OK if result.sound else NOT_CONFORMING)


@app.command(cls=WithVariables)
def serve(
    host: Annotated[str, typer.Option(envvar="CIRCKG_HOST", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="CIRCKG_PORT", min=0, max=65535, help="Port to listen at; 0: any that is free.")
    ] = 8000,
    store: StoreOption = None,
    engine: Annotated[
        str | None,
        typer.Option(envvar="CIRCKG_ENGINE", help="auto, memory, checkpoint or remote.", show_default="auto"),
    ] = None,
    remote_query: Annotated[
        str | None, typer.Option(envvar="CIRCKG_REMOTE_QUERY", help="Address of the remote store's queries.")
    ] = None,
    remote_update: Annotated[
        str | None, typer.Option(envvar="CIRCKG_REMOTE_UPDATE", help="Address of the remote store's updates.")
    ] = None,
) -> None:
    """Serve the published snapshot: SPARQL endpoint, search, drafts, status.

    Every setting has a CIRCKG_* variable: see below.
    """
    from circkg_server.app import build_app  # noqa: PLC0415 - the other commands start faster without the server
    from circkg_server.operations.serving import listen, run  # noqa: PLC0415

    given = {
        "CIRCKG_ENGINE": engine, "CIRCKG_REMOTE_QUERY": remote_query, "CIRCKG_REMOTE_UPDATE": remote_update,
    }  # fmt: skip
    os.environ.update({name: value for name, value in given.items() if value is not None})
    with _told():
        archive = Archive(store or default_store())
        manifest = archive.current()
        is_open = WritesSettings.from_environment(os.environ).mode is Mode.OPEN
        if manifest is None and not is_open:
            raise NothingPublishedError(f"Nothing is published in {archive.folder} yet. Run `circkg build` first.")
        application = build_app(archive, Settings.from_environment())
        sockets = listen(host, port)
        what = f"snapshot {manifest.number}" if manifest else "open to everybody's writes"
        err.print(f"CircKG {what} at http://{host}:{sockets[0].getsockname()[1]}/ (end with Ctrl-C)")
        run(application, sockets, OperationsSettings.from_environment())


app.command()(publishing_commands.publish)
app.command()(publishing_commands.cite)
app.command()(publishing_commands.keep)
app.command()(links)


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a catalogue query, or a file that ends in .rq.")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="Set a parameter: name=value.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="table, csv, tsv, json, xml, turtle, jsonld, ntriples.")
    ] = "table",
    endpoint: Annotated[str | None, typer.Option(help="Ask this SPARQL endpoint instead of the local store.")] = None,
    store: StoreOption = None,
    list_: Annotated[bool, typer.Option("--list", help="List the catalogue.")] = False,
) -> None:
    """Ask a question of the catalogue, or a query of your own."""
    with _told():
        if list_ or name is None:
            _list_questions()
            return
        question = find(name)
        values = dict(_pair(text) for text in param or [])
        from circkg_server import asking  # noqa: PLC0415 - SPARQLWrapper is needed by this command only

        text = question.with_values(values)
        found = asking.ask_endpoint(endpoint, text, format_) if endpoint else asking.ask_store(
            Archive(store or default_store()), text, format_
        )  # fmt: skip
        if question.question and format_ == "table":
            err.print(question.question, style="bold", markup=False)
        if isinstance(found, bytes):
            sys.stdout.buffer.write(found)
        else:
            out.print(found)


@app.command()
def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Tables (.csv .tsv .xlsx .ods .json) or RDF (.ttl .nt .jsonld …).")
    ],
    format_: Annotated[str, typer.Option("--format", help="text, json, turtle, csv, html or xlsx.")] = "text",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write here; a folder for several files.")
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(help="Language of the report: en pt fi fr de es it pl.", show_default="as the terminal's"),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            envvar="CIRCKG_VALIDATE_LIMIT",
            help="Faults of one kind that are listed.",
            show_default="20 in text and html, else all",
        ),
    ] = None,
    form: Annotated[str | None, typer.Option(help="What the rows are, such as practice.", show_default="found")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML file that says what each column holds.")] = None,
    text_language: Annotated[str, typer.Option(help="Language of texts whose column names none.")] = "",
    encoding: Annotated[
        str | None, typer.Option(help="Such as utf-8 or windows-1250.", show_default="detected")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Sign between cells, or tab.", show_default="detected")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal mark: . or ,", show_default="detected")] = None,
    dates: Annotated[
        str | None, typer.Option(help="day-first, month-first or year-first.", show_default="detected")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="The only sheet to read.", show_default="all")] = None,
    header_row: Annotated[
        list[int] | None, typer.Option(min=1, help="Row that names the columns.", show_default="detected")
    ] = None,
    shapes: Annotated[list[Path] | None, typer.Option(help="Files of shapes to use instead of our own.")] = None,
    store: StoreOption = None,
) -> None:
    """Judge tables or RDF in the light of what is published: every fault at its cell, with a way out.

    Exit code 0: it conforms, 1: it does not, 2: it could not be said. Several files are judged together.
    """
    from circkg_loaders.contributed.style import Style  # noqa: PLC0415 - the other commands start faster without these
    from circkg_server.contributions.command import Asked, run  # noqa: PLC0415

    mark = "\t" if delimiter == "tab" else delimiter
    style = Style(encoding, mark, None, tuple(header_row) if header_row else None, decimal, dates, sheet)
    asked = Asked(
        tuple(files), format_, output, lang, limit, form, mapping, text_language, style, tuple(shapes or ()),
        store or default_store(),
    )  # fmt: skip
    with _told():
        conforms = run(asked, out, err)
    raise typer.Exit(OK if conforms else NOT_CONFORMING)


@app.command()
def template(
    kind: Annotated[str | None, typer.Argument(help="What the rows are, such as practice.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write, .xlsx or .csv.", show_default="KIND.xlsx")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the kinds.")] = False,
    lang: Annotated[
        str | None,
        typer.Option(help="Language of headers and help: en pt fi fr de es it pl.", show_default="as the terminal's"),
    ] = None,
    text_language: Annotated[
        list[str] | None,
        typer.Option(help="Language of the texts; give several for a column each.", show_default="--lang, and en"),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows that a workbook is prepared for.")] = 1_000,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a table to fill in: columns, help, lists to choose from and an example.

    A .csv comes with its metadata (CSV on the Web) beside it.
    """
    from circkg_server.contributions.template_command import Asked, kinds, run  # noqa: PLC0415 - as above

    with _told():
        if list_ or kind is None:
            out.print(kinds(lang))
            return
        for path in run(Asked(kind, output, lang, tuple(text_language or ()), rows, force)):
            out.print(str(path), markup=False, highlight=False)


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(help="Code of a fault, such as region-unknown.")] = None,
    lang: Annotated[str | None, typer.Option(help="en pt fi fr de es it pl.", show_default="as the terminal's")] = None,
) -> None:
    """Say what a kind of fault means and what to do; without a code, list all kinds."""
    from circkg_server.contributions.explanation import explained  # noqa: PLC0415 - as above

    with _told():
        out.print(explained(code, lang), highlight=False)


@app.command()
def quality(
    source: Annotated[
        str | None, typer.Argument(help="Catalogue in DCAT: a file or an address.", show_default="our own")
    ] = None,
    resolve: Annotated[
        list[str] | None, typer.Option("--resolve", help="Ask addresses that begin with BASE at URL: BASE=URL.")
    ] = None,
    shapes: Annotated[
        list[Path] | None, typer.Option(help="Files of the official DCAT-AP shapes, instead of our own check.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json or turtle (DQV).")] = "table",
    offline: Annotated[bool, typer.Option("--offline", help="Ask no address; what needs it is not counted.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the score in the store: the server gives it at /catalogue/quality.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Score a catalogue as data.europa.eu does: points by dimension, and what is missing.

    Exit code 0: every data set is excellent and can be published, 1: not so, 2: it could not be said.
    """
    from circkg_server.catalogue.quality import command, reports  # noqa: PLC0415 - needed by this command only

    with _told():
        if format_ not in ("table", *command.WRITERS):
            raise QuestionError(f"There is no format {format_!r}. The formats: table, {', '.join(command.WRITERS)}.")
        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=err, transient=True) as bars:
            task = bars.add_task("ask addresses", total=None)
            archive = Archive(store or default_store())
            found = command.measure(
                archive, source, resolve or [], shapes or [], offline=offline,
                progress=lambda done, total: bars.update(task, completed=done, total=total),
            )  # fmt: skip
        if keep:
            command.keep(archive, found)
    if format_ == "table":
        out.print(reports.as_table(found), highlight=False)
    else:
        sys.stdout.write(command.WRITERS[format_](found))
    raise typer.Exit(OK if found.is_excellent else NOT_CONFORMING)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise QuestionError(f"Write a parameter as name=value, not {text!r}.")
    return name, value


def _list_questions() -> None:
    table = Table(title="Query catalogue", title_justify="left")
    for column in ("name", "kind", "question", "parameters"):
        table.add_column(column, no_wrap=column == "name")
    for question in catalogue():
        names = ", ".join(parameter.name for parameter in question.parameters)
        table.add_row(question.id, question.kind, escape(question.question), names)
    out.print(table)


app.command()(purge)


def main() -> None:
    """Run the command."""
    app()
