"""Writes RDF terms as people write them in cells. What is written was read back: it means the term, and only it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from babel import Locale

from circkg_loaders.contributed.cells import SOURCE, CellReader, Context, Unreadable
from circkg_loaders.contributed.items import MISSING
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.languages import LANGUAGES
from circkg_loaders.contributed.splitting import split
from circkg_loaders.iris import NUTS_CODE
from circkg_loaders.prefixes import shorten
from circkg_loaders.values import CURRENCY
from circkg_shapes.forms import Field, Kind
from circkg_shapes.terms import XSD, Term, iri, iri_text, is_iri, literal_parts

_LITERALS = (Kind.TEXT, Kind.STRING, Kind.DATE, Kind.NUMBER, Kind.WHOLE_NUMBER)
_PLAIN = (None, f"{XSD}string")


class CellWriter:
    """Writes terms as texts of cells.

    :param language: language of names.
    :param codes: write codes and slugs rather than names.
    """

    def __init__(self, known: Known, language: str, *, codes: bool = False) -> None:
        """Take what names mean; :meth:`text` writes."""
        self._known = known
        self.language = language
        self._codes = codes
        self._reader = CellReader(known)
        self._written: dict[tuple[Term, Term], str | None] = {}
        self._countries = {iri(country.iri): country.iso2 for country in known.countries.values()}
        self._places = {region.iri: region for v in ("2024", "2021") for region in known.nuts.regions(v)}

    def text(self, term: Term, field: Field) -> str | None:
        """Return what a cell of a field holds for a term; ``None`` if no text means it."""
        key = (field.shape, term)
        if key not in self._written:
            texts = self._candidates(term, field)
            self._written[key] = next((text for text in texts if self._means(text, term, field)), None)
        return self._written[key]

    def _means(self, text: str, term: Term, field: Field) -> bool:
        if not text or text.casefold() in MISSING or text != text.strip():
            return False
        parts = split(
            text, field, None, lambda part: self._reader.names_something(part, field), self._reader.begins_something
        )
        if parts != [text]:
            return False
        if not field.single and ";" in text and (field.kind is not Kind.TEXT or field.plain):
            return False
        if field.kind in _LITERALS:
            return True
        try:
            return self._reader.term(text, field, Context()) == term
        except Unreadable:
            return False

    def _candidates(self, term: Term, field: Field) -> Iterable[str]:
        if field.kind in _LITERALS:
            return [literal_parts(term)[0]]
        if field.kind is Kind.LANGUAGE:
            tag = literal_parts(term)[0]
            return [*self._language_name(tag), tag]
        if not is_iri(term):
            return [_as_turtle(term)]
        full = iri_text(term)
        short = [name for name in (shorten(full),) if not name.startswith("<")]
        if field.kind is Kind.ADDRESS:
            return [full]
        if field.kind in (Kind.IRI, Kind.ANY):
            return [*short, full]
        slug, names = full.rpartition("/")[2], list(self._names(term, field))
        return [*([slug, *names] if self._codes else [*names, slug]), *short, full]

    def _names(self, term: Term, field: Field) -> Iterator[str]:
        if field.kind is Kind.COUNTRY and term in self._countries:
            yield Locale.parse(self.language).territories.get(self._countries[term], "")
        elif field.kind is Kind.CURRENCY:
            yield iri_text(term).removeprefix(CURRENCY)
        elif field.kind is Kind.REGION and (region := self._places.get(iri_text(term))):
            yield f"{region.code} – {region.name_latin}"
            yield iri_text(term).removeprefix(NUTS_CODE)
        elif SOURCE in field.classes:
            yield self._known.address(term)
        yield self._known.label(term, self.language)

    def _language_name(self, tag: str) -> Iterator[str]:
        if tag in LANGUAGES and not self._codes:
            yield Locale.parse(self.language).languages.get(tag, "")


def _as_turtle(term: Term) -> str:
    """Return a literal as Turtle writes it, with a short datatype: it stays what it is wherever it stands."""
    lexical, tag, datatype = literal_parts(term)
    escaped = lexical.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    if tag:
        return f'"{escaped}"@{tag}'
    return f'"{escaped}"' if datatype in _PLAIN else f'"{escaped}"^^{shorten(datatype or "")}'
