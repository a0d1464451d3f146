"""What ``circkg template`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.templates.files import METADATA, Templates
from circkg_loaders.contributed.templates.template import TemplateError, template
from circkg_server.contributions.explanation import language_of_terminal
from circkg_shapes.forms import in_language


@dataclass(frozen=True)
class Asked:
    """What is asked of ``circkg template``; its help describes each."""

    kind: str
    output: Path | None
    language: str | None
    text_languages: Sequence[str]
    rows: int
    force: bool


def run(asked: Asked) -> list[Path]:
    """Write a template, and return its files.

    :raises TemplateError: if there is no such template, or a file is there already.
    :raises LoadError: if the data of this installation cannot be read.
    :raises OSError: if a file cannot be written.
    """
    language = _language(asked.language)
    kind = template(asked.kind, language, asked.text_languages).form.key
    output = asked.output or Path(f"{kind}.xlsx")
    ending = output.suffix.lower()
    if ending not in (".xlsx", ".csv"):
        raise TemplateError(f"{output} must end in .xlsx or .csv. Spreadsheet programs save .xlsx as .ods if need be.")
    paths = {output: f"{kind}{ending}"}
    if ending == ".csv":
        paths[output.with_name(f"{output.name}{METADATA}")] = f"{kind}.csv{METADATA}"
    templates = Templates()
    contents = {
        path: templates.file(name, language, asked.text_languages, asked.rows, output.name)
        for path, name in paths.items()
    }
    for path in contents:
        if path.exists() and not asked.force:
            raise TemplateError(f"{path} is there already. Choose another name, or replace it with --force.")
    for path, content in contents.items():
        path.write_bytes(content)
    return list(contents)


def kinds(language: str | None) -> Table:
    """Return what there are templates for, in a language.

    :raises TemplateError: if there are no words in the language.
    """
    chosen = _language(language)
    listed = Table(show_edge=False, pad_edge=False)
    for heading in ("kind", "name", "columns", "description"):
        listed.add_column(heading, no_wrap=heading == "kind")
    for form in our_forms():
        columns = len(template(form.key, chosen).columns)
        listed.add_row(form.key, in_language(form.names, chosen), str(columns), in_language(form.descriptions, chosen))
    return listed


def _language(asked: str | None) -> str:
    return asked or codes.nearest_language(language_of_terminal())
