"""Finds the rows that name the columns, and what each name means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rapidfuzz import fuzz, process

from circkg_loaders.contributed.faults import Suggestion
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.mapping import MappedTable
from circkg_loaders.contributed.sheets import Sheet, shown
from circkg_loaders.prefixes import shorten
from circkg_shapes.forms import Field, Form, Kind
from circkg_shapes.terms import iri_text

SEARCHED_ROWS = 30
"""Rows from the top among which the header is looked for."""

SEARCHED_COLUMNS = 100
"""Columns by which the form of a sheet is found."""

LONGEST = 500
"""Characters of a header that are looked at."""

KEYS = ("id", "iri", "uri", "slug")
"""Headers of the column from which IRIs are made."""

ROW_LANGUAGE = ("language", "lang")
"""Headers of a column that says in which language the texts of its row are."""

_NEAR = 75
_TAGGED = re.compile(
    r"(?P<name>.+?)\s*(?:\(\s*(?P<round>[^()]+?)\s*\)|\[\s*(?P<square>[^\[\]]+?)\s*\]|@(?P<at>[\w-]+)|[_.](?P<under>[a-z]{2}))\s*[*:]*\s*",
    re.DOTALL,
)
_BRACKETS = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_PARTS = re.compile(r"\s*(?:/|\r?\n|\|)\s*")
_NUMBERED = re.compile(r"(.*\D)\s*\d{1,2}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heading:
    """What a header means.

    :param role: ``field``, ``key``, ``language`` (of the texts of the row, or of one field where there is one),
        ``mapped`` or ``ignored``.
    :param language: language of the column's texts, empty if the header names none.
    :param mapped: the header as a mapping writes it.
    """

    role: str
    field: Field | None = None
    language: str = ""
    mapped: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a sheet.

    :param rows: the rows that name the columns, from 1; empty if none does.
    :param texts: the header of each column as it is shown.
    :param headings: what each column means; ``None`` if that is not known.
    """

    rows: tuple[int, ...]
    texts: tuple[str, ...]
    headings: tuple[Heading | None, ...]

    @property
    def known(self) -> int:
        """Return how many different things the columns mean."""
        return len({heading for heading in self.headings if heading})


class FormNames:
    """The names by which the columns of a form may be called: keys, labels in all languages, properties."""

    def __init__(self, form: Form, table: MappedTable | None = None) -> None:
        """Take the names of a form and its fields.

        :param table: what a mapping says of columns comes first.
        """
        self.form = form
        self._mapped = {folded(header): Heading("mapped", mapped=header) for header in (table.columns if table else ())}
        self._mapped |= {
            folded(header): Heading("ignored", mapped=header) for header in (table.ignore if table else ())
        }
        self._only_mapped = table is not None and table.rest
        keys: dict[str, list[Field]] = {}
        labels: dict[str, list[Field]] = {}
        properties: dict[str, list[Field]] = {}
        locals_: dict[str, list[Field]] = {}
        self._written: dict[str, tuple[str, Field]] = {}
        for field in form.fields:
            path = iri_text(field.path)
            names = [
                (keys, field.key), *((labels, name) for _, name in field.names), (properties, shorten(path)),
                (properties, path), (locals_, re.split("[#/:]", path)[-1]),
            ]  # fmt: skip
            for tier, name in names:
                known = tier.setdefault(folded(name), [])
                if field not in known:
                    known.append(field)
            for name in (*(name for _, name in field.names), field.key):
                self._written.setdefault(folded(name), (name, field))
        self._tiers = (keys, labels, properties, locals_)
        self._keys = {folded(name) for name in KEYS} | {f"{folded(form.key)} {name}" for name in KEYS}
        self._found: dict[str, Heading | None] = {}

    def heading(self, header: str) -> Heading | None:
        """Return what a header means, or ``None`` if it is no name of the form, or of several of its fields."""
        if header not in self._found:
            self._found[header] = self._heading(header)
        return self._found[header]

    def _heading(self, header: str) -> Heading | None:
        whole, *shorter = (folded(name) for name, _ in _variants(header))
        own = None if self._only_mapped or whole in self._mapped else self._own(header)
        # A header that names a language says more than a mapping of its name without one.
        for name in (whole, *(shorter if own is None or not own.language else ())):
            if name in self._mapped:
                return self._mapped[name]
        return own

    def _own(self, header: str) -> Heading | None:
        """Return what a header means by the names of the form alone."""
        for name, language in _variants(header):
            key = folded(name)
            field = self._field(key)
            if field is not None and (not language or field.kind is Kind.TEXT):
                return Heading("field", field, language)
            if language:
                continue
            if key in self._keys:
                return Heading("key")
            if key in ROW_LANGUAGE:
                return Heading("language")
            of_field = self._field(key.removesuffix(" lang")) if key.endswith(" lang") else None
            if of_field is not None and of_field.kind is Kind.TEXT:
                return Heading("language", of_field)
        return None

    def _field(self, key: str) -> Field | None:
        """Return the field of a folded name, or of its plural, which people leave out as often as they write it."""
        for name in (key, f"{key}s"):
            for tier in self._tiers:
                fields = tier.get(name, ())
                if fields:
                    return fields[0] if len(fields) == 1 else None
        return None

    def suggestions(self, header: str, limit: int = 3) -> tuple[Suggestion, ...]:
        """Return the names of the form that are like a header, the likest first, one for each field."""
        best: dict[str, Suggestion] = {}
        for variant, _ in _variants(header):
            for key, score, _ in process.extract(
                folded(variant), list(self._written), scorer=fuzz.ratio, limit=limit, score_cutoff=_NEAR
            ):
                name, field = self._written[key]
                found = Suggestion(name, "nearest", score=round(score / 100, 2))
                if field.key not in best or best[field.key].score < found.score:
                    best[field.key] = found
        return tuple(sorted(best.values(), key=lambda each: -each.score)[:limit])


@lru_cache(maxsize=10_000)
def _variants(header: str) -> tuple[tuple[str, str], ...]:
    """Return what a header may name, and the language that it adds: as it stands, without marks and units, in parts."""
    return tuple(_readings(header[:LONGEST]))


def _readings(header: str) -> Iterator[tuple[str, str]]:
    whole = " ".join(header.split()).rstrip("*: ")
    yield whole, ""
    tagged = _TAGGED.fullmatch(header.strip())
    if tagged:
        mark = tagged["round"] or tagged["square"] or tagged["at"] or tagged["under"]
        language = language_of(mark)
        if language:
            yield tagged["name"], language
    bare = _BRACKETS.sub("", whole).rstrip("*: ")
    if bare != whole:
        yield bare, ""
    parts = [part.strip("*: ") for part in _PARTS.split(_BRACKETS.sub("", header)) if part.strip("*: ")]
    if len(parts) > 1:
        yield from ((part, "") for part in parts)
    if "." in bare and " " not in bare:
        yield bare.rpartition(".")[2], ""  # a member of an object within the object of JSON
    numbered = _NUMBERED.fullmatch(bare)
    if numbered:
        yield numbered[1].strip(" _-."), ""


def find_header(sheet: Sheet, names: FormNames, declared: tuple[int, ...] | None) -> Header:
    """Return the header of a sheet as the columns of a form.

    The row that names the most fields is the header, and so is the row below it if that names fields too, such as a
    second language. Where no row names any, it is the first one that fills most of the width.

    :param declared: rows of the header, if they are declared.
    """
    if declared is not None:
        return _header(sheet, names, declared)
    rows = range(1, min(SEARCHED_ROWS, len(sheet.rows)) + 1)
    best = max((_header(sheet, names, (row,)) for row in rows), key=lambda header: header.known, default=None)
    if best is None or not best.known:
        return _header(sheet, names, _widest(sheet))
    (row,) = best.rows
    if row < len(sheet.rows):
        below = _header(sheet, names, (row + 1,))
        filled = sum(bool(text) for text in below.texts)
        if below.known >= 2 and below.known * 2 >= filled:
            return _header(sheet, names, (row, row + 1))
    return best


def _widest(sheet: Sheet) -> tuple[int, ...]:
    filled = [sum(bool(shown(cell).strip()) for cell in row) for row in sheet.rows[:SEARCHED_ROWS]]
    most = max(filled, default=0)
    return next(((number,) for number, count in enumerate(filled, start=1) if count and count >= most * 0.8), ())


def _header(sheet: Sheet, names: FormNames, rows: tuple[int, ...]) -> Header:
    levels = [_level(sheet, row) for row in rows if 1 <= row <= len(sheet.rows)]
    width = max(map(len, levels), default=0)
    texts: list[str] = []
    headings: list[Heading | None] = []
    for column in range(width):
        cells = [level[column] for level in levels if column < len(level) and level[column]]
        cells = list(dict.fromkeys(cells))
        texts.append(" / ".join(cells))
        found = (names.heading(text) for text in (*reversed(cells), " ".join(cells)))
        headings.append(next((heading for heading in found if heading), None))
    return Header(rows if levels else (), tuple(texts), tuple(headings))


def _level(sheet: Sheet, row: int) -> list[str]:
    """Return the texts of a row, the text of a merged cell in every column that it covers."""
    texts = [shown(cell).strip() for cell in sheet.rows[row - 1]]
    for first_row, first, last_row, last in sheet.merged:
        if first_row <= row <= last_row and last > first:
            text = shown(sheet.cell(first_row, first)).strip()
            texts += [""] * (min(last, first + len(texts) + 1) - len(texts))
            for column in range(first, min(last, len(texts)) + 1):
                texts[column - 1] = texts[column - 1] or text
    while texts and not texts[-1]:
        texts.pop()
    return texts


def choose_form(
    sheet: Sheet, names: Iterable[FormNames], declared: tuple[int, ...] | None
) -> tuple[FormNames | None, Sequence[FormNames]]:
    """Return the form that a sheet holds, by its name or else by its columns, and the forms that fit equally well."""
    names = list(names)
    called = {folded(text) for text in (sheet.name, sheet.file.rpartition(".")[0]) if text}
    by_name = [each for each in names if called & _titles(each.form)]
    if len(by_name) == 1:
        return by_name[0], by_name
    beginning = replace(sheet, rows=[row[:SEARCHED_COLUMNS] for row in sheet.rows[:SEARCHED_ROWS]])
    scores = {each.form.key: _fit(find_header(beginning, each, declared), each.form) for each in names}
    best = max(scores.values(), default=(0, 0))
    fitting = [each for each in names if scores[each.form.key] == best]
    if best[0] < 2 or len(fitting) > 1:
        return None, fitting if best[0] else []
    return fitting[0], fitting


def _fit(header: Header, form: Form) -> tuple[int, int]:
    """Return how well a header fits a form: columns that it names, then required fields among them."""
    fields = {heading.field.key for heading in header.headings if heading and heading.field}
    return len(fields), sum(field.required for field in form.fields if field.key in fields)


def _titles(form: Form) -> set[str]:
    singular = {folded(form.key), *(folded(name) for _, name in form.names)}
    return singular | {f"{name}s" for name in singular} | {f"{name.removesuffix('y')}ies" for name in singular}
