"""Reads a value of a cell as the RDF term that its field asks for, or says why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circkg_loaders.contributed.faults import Suggestion
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.known import COUNTRY, Known, Match
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.notations import Notation
from circkg_loaders.iris import BASE, concept_iri, source_iri
from circkg_loaders.nuts import Region, UnknownRegionError
from circkg_loaders.prefixes import PrefixError, expand, shorten
from circkg_loaders.source_documents import SourceError
from circkg_loaders.sources import WEB_PAGE, address_id
from circkg_loaders.values import CURRENCIES, CURRENCY, ValueProblem, parse_date, parse_url
from circkg_shapes.forms import NUTS_SCHEME, Field, Kind
from circkg_shapes.terms import XSD, Term, TermError, Triple, iri, iri_text, literal

SOURCE: Term = iri(expand("circ:SourceDocument"))
"""Class of the things that a cell may name by an address that nobody has described yet."""

URL: Term = iri(expand("schema:url"))
"""Property of the address of a source."""

_TYPE = iri(expand("rdf:type"))
_CURRENCY_SIGNS = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "eur": "EUR", "£": "GBP", "zł": "PLN", "kč": "CZK", "ft": "HUF",
    "лв": "BGN", "lei": "RON", "us$": "USD",
}  # fmt: skip
"""What people write for a currency and means only one. ``kr`` means three, so it is not here."""

_RANKS = {
    "iri": 0,
    "code": 1,
    "slug": 1,
    "label": 1,
    "identifier": 2,
    "address": 2,
    "other-label": 2,
    "hidden-label": 3,
}
"""Kinds of names by how well they say what is meant: a better one wins where a text is several."""

_CODE_AND_NAME = re.compile(r"([A-Za-z]{2}[0-9A-Za-z]{0,3})\s*[-–—:,]\s*(\D.*)|(\D.*?)\s*\(([A-Z]{2}[0-9A-Z]{0,3})\)")
_CODE = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{0,3}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z]{2,3})|\^\^<?([^\s<>]+)>?)?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Unreadable(ValueError):  # noqa: N818 - a finding about a cell, not a failure of the program
    """A text is no value of its field.

    :param code: code of the fault.
    :param values: what the texts of the code name.
    """

    def __init__(self, code: str, value: str, suggestions: Sequence[Suggestion] = (), **values: str) -> None:
        super().__init__(f"{code}: {value}")
        self.code = code
        self.values = {"value": value, **values}
        self.suggestions = tuple(suggestions)


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a value.

    :param notation: how the column writes dates or numbers.
    :param language: language of texts; empty if nothing says it.
    :param country: country that the row names, as a term, which tells places of one name apart.
    :param property: what the property holds that the row names, where the value is one of that property.
    """

    notation: Notation | None = None
    language: str = ""
    country: Term | None = None
    property: Field | None = None


class CellReader:
    """Reads values of cells; what a text means is looked up once for each field.

    :param known: what is described in the file itself, and what is known besides.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._regions = {region.iri: region for v in ("2021", "2024") for region in known.nuts.regions(v)}
        self._read: dict[tuple[Term, str, Term | None], Term | Unreadable] = {}
        self._found: dict[tuple[Term, str], list[Match]] = {}
        self._begun: dict[str, bool] = {}
        self.new_sources: dict[Term, tuple[Triple, ...]] = {}
        """What is said of each source that a cell names by its address and nobody has described."""

    def term(self, text: str, field: Field, context: Context) -> Term:
        """Return the term of a value.

        :raises Unreadable: if the text is no value of the field.
        """
        match field.kind:
            case Kind.TEXT:
                return self._text(text, field, context)
            case Kind.STRING:
                return literal(text)
            case Kind.DATE | Kind.NUMBER | Kind.WHOLE_NUMBER:
                assert context.notation is not None
                return _noted(text, field.kind, context.notation)
            case Kind.ANY:
                return self._any(text, context)
        country = context.country if field.kind is Kind.REGION else None
        key = (field.shape, text, country)
        if key not in self._read:
            try:
                self._read[key] = self._meant(text, field, country)
            except Unreadable as problem:
                self._read[key] = problem
        found = self._read[key]
        if isinstance(found, Unreadable):
            raise found
        return found

    def names_something(self, text: str, field: Field) -> bool:
        """Tell whether a text as a whole is a name that a field may hold."""
        return bool(self._matches(text, field))

    def begins_something(self, text: str) -> bool:
        """Tell whether some name begins with a text."""
        if text not in self._begun:
            self._begun[text] = self._known.begins(text)
        return self._begun[text]

    @staticmethod
    def _text(text: str, field: Field, context: Context) -> Term:
        if not context.language and not field.plain:
            raise Unreadable("language-missing", text)
        return literal(text, lang=context.language or None)

    def _any(self, text: str, context: Context) -> Term:
        """Return a value of any kind: in the writing of Turtle, as the property of the row has it, or as it stands."""
        found = _quoted(text)
        if found is None and context.property is not None:
            field = context.property
            notation = Notation.of_dates((text,)) if field.kind is Kind.DATE else Notation.of_numbers((text,))
            return self.term(text, field, Context(notation, context.language, context.country))
        return found or _as_iri(text) or literal(text)

    def _meant(self, text: str, field: Field, country: Term | None) -> Term:
        match field.kind:
            case Kind.LANGUAGE:
                return literal(language_of(text) or text)
            case Kind.ADDRESS:
                return _address(text)
            case Kind.CURRENCY:
                return _currency(text)
            case Kind.COUNTRY:
                found = self._one(self._matches(text, field), text) or _as_iri(text)
                return found or _raise("country-unknown", text)
            case Kind.REGION:
                return self._region(text, field, country)
            case Kind.CONCEPT:
                assert field.scheme is not None
                found = self._one(self._matches(text, field), text) or _as_iri(text)
                return found or _raise("not-in-list", text, list=iri_text(field.scheme).rpartition("/")[2])
            case Kind.LINK if SOURCE in field.classes:
                return self._source(text)
            case Kind.LINK:
                return self._one(self._matches(text, field), text) or _as_iri(text) or _raise("link-unknown", text)
            case Kind.IRI:
                return self._one(self._known.exact(text), text) or _as_iri(text) or _raise("link-expected", text)
        raise AssertionError(field.kind)

    def _matches(self, text: str, field: Field) -> list[Match]:
        if (field.shape, text) not in self._found:
            classes = (COUNTRY,) if field.kind is Kind.COUNTRY else (*field.classes, *field.schemes)
            self._found[field.shape, text] = self._known.exact(text, classes=classes, scheme=field.scheme)
        return self._found[field.shape, text]

    @staticmethod
    def _one(matches: Sequence[Match], text: str) -> Term | None:
        """Return the one thing that is meant; ``None`` if nothing is.

        :raises Unreadable: if several things have the name equally well.
        """
        if not matches:
            return None
        best = min(_RANKS[match.how] for match in matches)
        meant = [match for match in matches if _RANKS[match.how] == best]
        if len(meant) == 1:
            return meant[0].iri
        raise Unreadable("label-ambiguous", text, _candidates(meant), count=str(len(meant)))

    # -- sources ------------------------------------------------------------------------------------------------

    def _source(self, text: str) -> Term:
        found = self._one(self._known.exact(text, classes=(SOURCE,)), text)
        if found is not None:
            return found
        if text.startswith(BASE) or not re.match("https?://", text, re.IGNORECASE):
            return _as_iri(text) or _raise("source-unknown", text)
        try:
            described = source_of(_address(text))
        except SourceError:
            return _raise("address-form", text)
        self.new_sources[described[0][0]] = described
        return described[0][0]

    # -- regions ------------------------------------------------------------------------------------------------

    def _region(self, text: str, field: Field, country: Term | None) -> Term:
        versions = [iri_text(scheme).removeprefix(NUTS_SCHEME.strip("<")) for scheme in field.schemes]
        code = text.upper()
        if _CODE.fullmatch(text) and (found := self._of_code(code, versions)):
            return found
        pair = _CODE_AND_NAME.fullmatch(text)
        of_code = None
        if pair:
            code, name = (pair[1] or pair[4]).upper(), pair[2] or pair[3]
            of_code = self._of_code(code, versions)
            if of_code and folded(name) in self._names(of_code):
                return of_code
        matches = self._near_country(self._newest(self._matches(text, field)), country)
        found = self._one(matches, text) or _as_iri(text)
        if found:
            return found
        if not of_code and self._known.nuts.versions(code) and (_CODE.fullmatch(text) or pair):
            return _raise("region-other-version", text)
        # A code that no version has, with a name that is known: the name tells what is meant. A code with a name that
        # is not its own: either may be meant.
        by_name = self._newest(self._matches(pair[2] or pair[3], field)) if pair else []
        by_code = [Suggestion(code, "code-form", iri_text(of_code), 0.5)] if of_code else []
        raise Unreadable("region-unknown", text, [*by_code, *_candidates(by_name)])

    def _of_code(self, code: str, versions: Iterable[str]) -> Term | None:
        return next(
            (iri(self._known.nuts.region(code).iri) for v in versions if v in self._known.nuts.versions(code)), None
        )

    def _names(self, region: Term) -> set[str]:
        found = self._regions[iri_text(region)]
        return {folded(found.name_local), folded(found.name_latin)}

    def _newest(self, matches: Sequence[Match]) -> list[Match]:
        """Leave out regions that only an older version has where a region of the newest has the same name.

        Regions of several levels that have one name and one extent count as the smallest.
        """
        regions = {match.iri: self._regions.get(iri_text(match.iri)) for match in matches}
        newest = max((region.version for region in regions.values() if region), default="")
        kept = [m for m in matches if (region := regions[m.iri]) is None or region.version == newest]
        whole = {parent for m in kept if (region := regions[m.iri]) for parent in self._same_extent(region)}
        return [match for match in kept if match.iri not in whole]

    def _same_extent(self, region: Region) -> Iterable[Term]:
        """Yield the regions above that hold this one region and nothing else."""
        while True:
            try:
                above = self._known.nuts.parent(region.code, region.version)
            except UnknownRegionError:
                return
            if above is None or len(self._known.nuts.children(above.code, above.version)) != 1:
                return
            yield iri(above.iri)
            region = above

    def _near_country(self, matches: list[Match], country: Term | None) -> list[Match]:
        if len(matches) < 2 or country is None:
            return matches
        codes = {each.nuts for each in self._known.countries.values() if iri(each.iri) == country}
        inside = [m for m in matches if (r := self._regions.get(iri_text(m.iri))) is None or r.country in codes]
        return inside or matches


def source_of(address: Term) -> tuple[Triple, ...]:
    """Return what is said of a source of which only the address is known.

    :raises SourceError: if the address has no host of letters or digits.
    """
    source = iri(source_iri(address_id(iri_text(address))))
    return (
        (source, _TYPE, SOURCE),
        (source, iri(expand("dct:type")), iri(concept_iri("source-kind", WEB_PAGE))),
        (source, URL, address),
    )


def _raise(code: str, text: str, **values: str) -> Term:
    raise Unreadable(code, text, (), **values)


def _noted(text: str, kind: Kind, notation: Notation) -> Term:
    """Return the term of a date or a number in the notation of its column."""
    found = notation.read(text)
    if found.fault:
        reason = "date-reading" if kind is Kind.DATE else "number-reading"
        suggestions = [Suggestion(value, reason, score=round(1 / len(found.values), 2)) for value in found.values]
        raise Unreadable(found.fault, text, suggestions, readings=" / ".join(found.values))
    (value,) = found.values
    if kind is Kind.DATE:
        return literal(value, datatype=parse_date(value).datatype)
    if kind is Kind.NUMBER:
        return literal(value, datatype=f"{XSD}decimal")
    whole, _, rest = value.partition(".")
    if rest.strip("0"):
        raise Unreadable("value-not-a-whole-number", text)
    return literal(whole, datatype=f"{XSD}integer")


def _address(text: str) -> Term:
    try:
        return iri(parse_url(text).text)
    except (ValueProblem, TermError):
        raise Unreadable("address-form", text) from None


def _currency(text: str) -> Term:
    code = _CURRENCY_SIGNS.get(text.casefold(), text.upper())
    if code in CURRENCIES:
        return iri(f"{CURRENCY}{code}")
    return _as_iri(text) or _raise("currency-unknown", text)


def _as_iri(text: str) -> Term | None:
    """Return the IRI that a text is, in full or with a prefix of ours: whether it is the right one, shapes say."""
    bare = text.removeprefix("<").removesuffix(">")
    if not _ABSOLUTE.fullmatch(bare):
        return None
    try:
        return iri(expand(bare))
    except (PrefixError, TermError):
        pass
    if "://" not in bare and not bare.startswith("urn:"):
        return None
    try:
        return iri(bare)
    except TermError:
        raise Unreadable("iri-form", text) from None


def _quoted(text: str) -> Term | None:
    """Return the literal that a text is in Turtle, such as ``"2022"^^xsd:gYear`` or ``"sana"@fi``, if it is one."""
    found = _QUOTED.fullmatch(text)
    if found is None:
        return None
    lexical = _ESCAPED.sub(lambda sign: {"n": "\n", "t": "\t", "r": "\r"}.get(sign[1], sign[1]), found[1])
    if found[2]:
        return literal(lexical, lang=found[2].lower())
    datatype = _as_iri(found[3]) if found[3] else None
    if found[3] and datatype is None:
        raise Unreadable("iri-form", text)
    return literal(lexical, datatype=iri_text(datatype) if datatype else None)


def _candidates(matches: Iterable[Match]) -> list[Suggestion]:
    """Return what to write for each thing that a text may mean: its short IRI, which means only one."""
    found = list(matches)
    return [Suggestion(shorten(iri_text(m.iri)), "label-of", iri_text(m.iri), round(1 / len(found), 2)) for m in found]
