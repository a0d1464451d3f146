"""The columns of a table of a form: the key, then each field, texts with a column for each language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circkg_loaders.contributed.mapping import KEY
from circkg_loaders.contributed.subjects import composed_of, is_name, told_by
from circkg_shapes.forms import Field, Form, Kind, in_language

SEPARATOR = ";"
"""What stands between several values of a cell in tables that we describe."""

MARK = " *"
"""What stands behind the header of a column that must be filled in."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    :param field: the property that it says; ``None`` for the column of keys.
    :param language: language of its texts, empty if it has no texts, or texts that may go without a language.
    :param required: each row needs a value here; of a text in several languages one is enough, and it may be another.
    """

    field: Field | None
    language: str = ""
    required: bool = False

    @property
    def name(self) -> str:
        """Return the name for programs, such as ``start_date`` or ``title_fi``."""
        if self.field is None:
            return KEY
        return f"{self.field.key}_{self.language}" if self.language else self.field.key

    @property
    def several(self) -> bool:
        """Tell whether a cell may hold several values."""
        field = self.field
        return field is not None and not field.single and (field.kind is not Kind.TEXT or field.plain)

    def title(self, language: str) -> str:
        """Return the label in a language, with the language of the texts behind it."""
        if self.field is None:
            return KEY
        name = in_language(self.field.names, language)
        return f"{name} ({self.language})" if self.language else name

    def header(self, language: str) -> str:
        """Return what stands above the column: its label, marked if it must be filled in."""
        return self.title(language) + (MARK if self.required else "")


def columns_of(form: Form, languages: Sequence[str], *, key_required: bool = False) -> tuple[Column, ...]:
    """Return the columns of a form.

    A thing that is made up of others, such as a participation, has no column of keys.

    :param languages: languages of the texts, the main one first; none: one column for each text, without its language.
    :param key_required: the column of keys must be filled in even where a name would do.

    >>> from circkg_loaders.contributed.our_forms import our_forms
    >>> form = next(form for form in our_forms() if form.key == "topic")
    >>> [column.header("fi") for column in columns_of(form, ("fi", "en"))][:4]
    ['id', 'Nimi (fi) *', 'Nimi (en)', 'Muut nimet']
    """
    columns: list[Column] = []
    if not composed_of(form):
        columns.append(Column(None, required=key_required or not is_identified_without_key(form)))
    for field in form.fields:
        columns += _of_field(field, languages)
    return tuple(columns)


def _of_field(field: Field, languages: Sequence[str]) -> Iterable[Column]:
    if field.kind is not Kind.TEXT or field.plain or not languages:
        return [Column(field, required=field.required)]
    return [Column(field, tag, required=field.required and tag == languages[0]) for tag in languages]


def is_identified_without_key(form: Form) -> bool:
    """Tell whether each thing of a form gets its IRI without a key: from its name, or from what it belongs to."""
    named = any(is_name(field) and field.required for field in form.fields)
    return named or bool(composed_of(form) or told_by(form))
