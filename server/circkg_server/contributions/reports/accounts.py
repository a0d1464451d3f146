"""How the files were read and what a judgement rests on, in the words of a report."""

from __future__ import annotations

from collections.abc import Iterator

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.faults import Severity
from circkg_server.contributions import wording
from circkg_server.contributions.judging import Judgement

_SHOWN = {"\t": "tab", " ": "blank"}


def rows(contribution: Contribution, language: str) -> str:
    """Return the account of the rows of a file: all, taken and left out; empty for RDF."""
    if not contribution.sheets:
        return ""
    said, count = wording.words(language), contribution.rows
    taken, left_out = f"{count['loaded']} {said['loaded']}", f"{count['rejected']} {said['rejected']}"
    return wording.labelled(said["rows"], f"{count['in']} = {taken} + {left_out}", language)


def style(contribution: Contribution, language: str) -> str:
    """Return how a file was understood, so that a wrong guess is seen; empty if there was nothing to guess."""
    return ", ".join(_style(contribution, language))


def _style(contribution: Contribution, language: str) -> Iterator[str]:
    said, found = wording.words(language), contribution.style
    forms = dict.fromkeys(sheet.form for sheet in contribution.sheets)
    if forms:
        yield f"{said['form']} {' / '.join(forms)}"
    if found is None:
        return
    for name in ("encoding", "delimiter", "decimal", "dates"):
        value = getattr(found, name)
        if value:
            shown = _SHOWN.get(value, value)
            yield f"{said[name]} {shown if shown[0].isalnum() else f'“{shown}”'}"
    if found.header_rows:
        yield f"{said['header_rows']} {' + '.join(map(str, found.header_rows))}"


def not_read(contribution: Contribution) -> list[str]:
    """Return the headers of the columns from which nothing was taken, though nobody says so."""
    unknown = (column for sheet in contribution.sheets for column in sheet.columns if column.role == "unknown")
    return list(dict.fromkeys(" ".join(column.header.split()) for column in unknown))


def used(judgement: Judgement) -> list[tuple[str, str]]:
    """Return what a judgement rests on, as labels and values."""
    said, what = wording.words(judgement.language), judgement.used
    snapshot = said["no_snapshot"] if what.snapshot is None else said["snapshot"].format(number=what.snapshot)
    vocabularies = ", ".join(f"{slug} {version}" for slug, version in what.vocabularies.items())
    return [
        (said["engine"], what.engine),
        (said["shapes"], what.shapes),
        (said["vocabularies"], vocabularies),
        (said["published_data"], snapshot),
    ]


def outcome(judgement: Judgement) -> str:
    """Return the outcome in a sentence."""
    said = wording.words(judgement.language)
    if not judgement.faults:
        return said["outcome_good"]
    return said["outcome_remarks" if judgement.conforms else "outcome_bad"]


def totals(judgement: Judgement) -> str:
    """Return the numbers of faults by severity, and how many things were checked."""
    said = wording.words(judgement.language)
    counted = [(said[f"{each.name.lower()}s"], judgement.count(each)) for each in reversed(Severity)]
    shown = [(name, count) for name, count in counted if count] + [(said["checked"], judgement.report.checked)]
    return " · ".join(wording.labelled(name, count, judgement.language) for name, count in shown)
