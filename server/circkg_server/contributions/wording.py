"""The words of a report: what a fault says to its reader, and the labels around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.faults import Fault, Severity, Suggestion
from circkg_loaders.contributed.places import Place, column_letter
from circkg_shapes.forms import in_language

_FOLDER = Path(__file__).parent / "words"
_SHARED_BY_A_GROUP = frozenset(("field", "value", "list", "limit", "expected", "class"))
"""What the title of a group and the list of its values already say."""

_LONGEST_VALUE = 100
"""Longest value that a message quotes: the cell itself has the rest."""

_LONGEST_COUNTED = 40
_SHOWN_VALUES = 6


@cache
def words(language: str) -> Mapping[str, str]:
    """Return the labels of a report in a language, in English if it is none of ours."""
    name = codes.nearest_language(language)
    return dict(yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def labelled(label: str, value: object, language: str) -> str:
    """Return a label and its value, with the colon as the language writes it.

    >>> labelled("Erreurs", 9, "fr"), labelled("Errors", 9, "en")
    ('Erreurs : 9', 'Errors: 9')
    """
    return f"{label}{words(language)['colon']}{value}"


def title(fault: Fault, language: str) -> str:
    """Return the kind of a fault in a few words."""
    return codes.text(fault.code, language).title


def message(fault: Fault, language: str) -> str:
    """Return what is wrong, long values cut, but for the list of forms: that is ours, and wanted whole."""
    values = {name: value if name == "forms" else cut(value, _LONGEST_VALUE) for name, value in fault.values.items()}
    if fault.code == "personal-data":
        values["kind"] = words(language).get(f"personal_{fault.values['kind']}", fault.values["kind"])
    return codes.filled(codes.text(fault.code, language).message, values)


def has_own_message(fault: Fault) -> bool:
    """Tell whether the message says more of this one fault than its place and value do."""
    return not codes.placeholders(codes.text(fault.code).message) <= _SHARED_BY_A_GROUP


def expected(fault: Fault, language: str) -> str:
    """Return what the shape says it expects; empty where no shape says so."""
    return in_language(fault.messages, language)


def way_out(fault: Fault, language: str) -> str:
    """Return what to do."""
    return codes.filled(codes.text(fault.code, language).way_out, fault.values)


def because(found: Suggestion, language: str) -> str:
    """Return why something is suggested; empty if the reason is none of the catalogue."""
    return codes.reasons(codes.nearest_language(language)).get(found.reason, "")


def written(found: Suggestion, language: str) -> str:
    """Return a suggestion in one line: what to write, what it is called, and why."""
    label = f" {found.label}" if found.label else ""
    why = because(found, language)
    return f"{found.text}{label}" + (f" ({why})" if why else "")


def severity(of: Severity, language: str) -> str:
    """Return the name of a severity."""
    return words(language)[of.name.lower()]


def counted(values: Sequence[tuple[str, int]], listed: int, language: str) -> str:
    """Return how often the most frequent values are at fault; empty if all are listed, each once.

    >>> counted([("XX", 31), ("YY", 4), ("ZZ", 2)], 20, "en")
    '31 × XX, 4 × YY, 2 × ZZ'
    """
    if not values or (values[0][1] == 1 and len(values) <= listed):
        return ""
    shown = [f"{count} × {cut(value, _LONGEST_COUNTED)}" for value, count in values[:_SHOWN_VALUES]]
    rest = len(values) - len(shown)
    return ", ".join([*shown, *([words(language)["more_values"].format(count=rest)] if rest else [])])


def place(of: Place, language: str, *, with_file: bool = True) -> str:
    """Return a place in one line.

    >>> place(Place("a.xlsx", "Practices", row=12, column=3, header="Country"), "fi")
    'a.xlsx, Taulukko “Practices”, C12 “Country”'
    """
    said = words(language)
    parts = [of.file] if with_file else []
    if of.sheet:
        parts.append(f"{said['sheet']} “{of.sheet}”")
    header = " ".join((of.header or "").split())
    if of.cell:
        parts.append(f"{of.cell} “{header}”" if header else of.cell)
    elif of.row:
        parts.append(f"{said['row']} {of.row}")
    elif of.column:
        parts.append(f"{said['column']} {column_letter(of.column)}" + (f" “{header}”" if header else ""))
    if of.line:
        parts.append(f"{said['line']} {of.line}")
    if of.pointer is not None:
        parts.append(of.pointer or "/")
    if of.search:
        parts.append(said["search"].format(text=of.search))
    return ", ".join(parts) or of.file


def cut(text: str, length: int) -> str:
    """Return a text in one line, cut where it is long.

    >>> cut("one  two", 6)
    'one …'
    """
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 2].rstrip()} …"
