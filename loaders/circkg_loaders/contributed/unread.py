"""What is said of a sheet of which it cannot be told what its rows are: what they may be, and by which columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.headers import FormNames, Header, find_header
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.sheets import Sheet
from circkg_shapes.forms import Field, Form, in_language
from circkg_shapes.report import Messages

_COLUMNS = 12
"""Columns that are named for all forms together, though two of each."""

_SEARCHED = 100
"""Columns of a sheet that are looked at."""


def form_unknown(sheet: Sheet, fitting: Sequence[FormNames], declared: tuple[int, ...] | None) -> Iterator[Fault]:
    """Yield that it cannot be told what the rows of a sheet are, and for its columns what they may be meant to be.

    :param fitting: the forms that its columns fit equally well, or all of them if they fit none.
    :param declared: rows of the header, if they are declared.
    """
    headers = {names.form.key: find_header(sheet, names, declared) for names in fitting}
    near = {names.form.key: list(_near(sheet, names, headers[names.form.key])) for names in fitting}
    likely = sorted(fitting, key=lambda names: -len(near[names.form.key]))
    yield Fault(
        "form-unknown", Severity.VIOLATION, Place(sheet.file, sheet.name),
        values={"forms": ", ".join(names.form.key for names in likely)},
        messages=columns([(names.form, headers[names.form.key]) for names in likely]),
    )  # fmt: skip
    best = near[likely[0].form.key] if likely else []
    alike = " / ".join(names.form.key for names in likely if len(near[names.form.key]) == len(best))
    yield from (replace(fault, values={**fault.values, "form": alike}) for fault in best)


def _missing(form: Form, header: Header) -> list[Field]:
    """Return the columns of a form that a header does not name, those first that must be filled in."""
    named = {heading.field.key for heading in header.headings if heading and heading.field}
    return sorted((each for each in form.fields if each.key not in named), key=lambda field: not field.required)


def columns(forms: Sequence[tuple[Form, Header]]) -> Messages:
    """Return the columns by which forms would be known that a header does not name, in each language."""
    most = max(2, _COLUMNS // len(forms)) if forms else 0
    missing = [(form, _missing(form, header)[:most]) for form, header in forms]
    return tuple(
        (language, "; ".join(_named(form, fields, language) for form, fields in missing)) for language in LANGUAGES
    )


def _named(form: Form, fields: Sequence[Field], language: str) -> str:
    names = ", ".join(in_language(field.names, language) or field.key for field in fields)
    return f"{form.key}: {names}"


def _near(sheet: Sheet, names: FormNames, header: Header) -> Iterator[Fault]:
    """Yield the columns that a form does not know, but has one that is called nearly like them."""
    row = max(header.rows, default=None)
    for number, (text, heading) in enumerate(zip(header.texts, header.headings, strict=True), start=1):
        found = names.suggestions(text) if text and heading is None and number <= _SEARCHED else ()
        if found and row is not None:
            place = sheet.place(row, number, text)
            yield Fault("header-unknown", Severity.WARNING, place, values={"header": text}, suggestions=found)
