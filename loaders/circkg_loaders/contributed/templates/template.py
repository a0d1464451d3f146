"""What a template of a form holds: its columns in the language of a contributor, and what to write in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from babel import Locale
from rapidfuzz import process

from circkg_loaders.contributed.cells import SOURCE
from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.columns import Column, columns_of
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.templates.words import words
from circkg_shapes.forms import Form, Kind, in_language

MAX_LANGUAGES = 24
"""Languages of texts that one template has columns for: as many as the Union has."""


class TemplateError(ValueError):
    """A template cannot be made; the message says what can be asked for."""


class NoSuchTemplateError(TemplateError):
    """There is no template of a kind of thing, or none in a kind of file."""


@dataclass(frozen=True, slots=True)
class Help:
    """What a person should know of a column.

    :param need: whether it must be filled in.
    :param meaning: what it holds.
    :param how: how to write it.
    :param rule: what its shape asks for.
    """

    need: str
    meaning: str
    how: str
    rule: str


@dataclass(frozen=True)
class Template:
    """The columns of a form and their words.

    :param language: language of headers and help.
    :param languages: languages of the texts, each with a column of its own.
    """

    form: Form
    language: str
    languages: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what a row is, such as “Practice”."""
        return in_language(self.form.names, self.language)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns in their order."""
        return columns_of(self.form, self.languages)

    def header(self, column: Column) -> str:
        """Return what stands above a column."""
        return column.header(self.language)

    def group(self, column: Column) -> str:
        """Return the heading above the columns that belong together; empty for the column of keys."""
        labels = dict(self.form.groups)
        group = column.field.group if column.field else None
        return in_language(labels[group], self.language) if group else ""

    def help(self, column: Column) -> Help:
        """Return what a person should know of a column."""
        said = words(self.language)
        field = column.field
        wished = field is not None and field.wished
        need = said["required" if column.required else "wished" if wished else "optional"]
        if field is None:
            rule = in_language(self.form.messages, self.language)
            return Help(need, said["kinds.key_required" if column.required else "kinds.key"], "", rule)
        how = [self._how(column), *([said["several"]] if column.several else [])]
        rule = in_language(field.messages, self.language)
        return Help(need, in_language(field.descriptions, self.language), "\n".join(how), rule)

    def _how(self, column: Column) -> str:
        said = words(self.language)
        field = column.field
        assert field is not None
        if field.kind is Kind.TEXT and not column.language:
            return said["kinds.plain"]
        if field.kind is Kind.TEXT:
            name = Locale.parse(self.language).languages.get(column.language, column.language)
            return said["kinds.text"].format(language=name)
        if SOURCE in field.classes:
            return said["kinds.source"]
        if field.kind is Kind.LINK:
            return said["kinds.link"].format(things=self._things(column))
        return said[f"kinds.{field.kind.value}"]

    def _things(self, column: Column) -> str:
        classes = column.field.classes if column.field else ()
        names = (in_language(form.names, self.language) for form in our_forms() if form.target in classes)
        return ", ".join(sorted(names, key=str.casefold))


def template(kind: str, language: str = "en", languages: Sequence[str] = ()) -> Template:
    """Return the template of a form.

    :param kind: key of the form, such as ``practice``.
    :param language: language of headers and help, one of :data:`LANGUAGES`.
    :param languages: languages of the texts; none: the language of the headers, and English.
    :raises NoSuchTemplateError: if there is no such form.
    :raises TemplateError: if there is no such language.

    >>> [template("topic", "fi").header(column) for column in template("topic", "fi").columns][1:3]
    ['Nimi (fi) *', 'Nimi (en)']
    """
    forms = {form.key: form for form in our_forms()}
    if kind not in forms:
        near = process.extractOne(kind, list(forms), score_cutoff=60)
        meant = f" Is {near[0]} meant?" if near else ""
        raise NoSuchTemplateError(f"There is no kind {kind!r}.{meant} The kinds: {', '.join(forms)}.")
    if language not in LANGUAGES:
        raise TemplateError(f"There are no templates in {language!r}. The languages: {', '.join(LANGUAGES)}.")
    tags: list[str] = []
    for text in languages or (language, "en"):
        tag = language_of(text)
        if tag is None:
            raise TemplateError(f"{text!r} is no language. Give tags such as fi, sv or el.")
        tags.append(tag)
    wanted = tuple(dict.fromkeys(tags))
    if len(wanted) > MAX_LANGUAGES:
        raise TemplateError(f"A template has columns for {MAX_LANGUAGES} languages at most, not for {len(wanted)}.")
    return Template(forms[kind], language, wanted)
