"""Finds suggestions for a fault, by its code and by what its column holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from anyascii import anyascii
from rapidfuzz import fuzz, process
from rapidfuzz.distance import DamerauLevenshtein

from circkg_loaders.contributed.cells import SOURCE
from circkg_loaders.contributed.faults import Fault, Suggestion
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.known import Known, Match
from circkg_loaders.contributed.limits import MAX_SUGGESTED
from circkg_loaders.iris import DEF
from circkg_loaders.prefixes import expand, shorten
from circkg_loaders.values import ValueProblem, parse_date, parse_url
from circkg_server.contributions.suggestions import dates, numbers, places
from circkg_shapes.forms import NUTS_SCHEME, Field, Kind
from circkg_shapes.terms import XSD, Term, iri, iri_text, is_iri, literal, literal_parts

LIMIT: Final = 3
"""Most suggestions for one fault."""

_LOOKED_AT: Final = 12
"""Names like a text that are looked at, to choose the likest from."""

_IRI: Final = re.compile(r"<?[A-Za-z][\w.+-]*:\S+")
"""A text that is an IRI or a prefixed name."""

_NEAR_NAME: Final = 0.6
"""Likeness from which a name is suggested."""

_SPOKEN: Final = 0.1
"""By how much a name in a language that the reader is likely to write counts for more."""

_NEAR_TERM: Final = 80
"""Likeness, out of 100, from which a term of ours is suggested."""

_WITHOUT: Final = frozenset((
    "missing", "missing-wished", "too-few", "too-many", "clash-with-published", "language-twice",
    "too-short", "too-long", "out-of-range", "dates-out-of-order", "values-out-of-order", "values-differ",
    "values-shared", "property-not-allowed",
))  # fmt: skip
"""Codes of faults whose way out depends on what only the contributor knows."""


class Suggester:
    """Finds suggestions; what was found for a value of a column is kept for the other rows.

    Names like a value are looked up for :data:`MAX_SUGGESTED` different values: to compare with all names takes time.

    :param known: names of what is known.
    :param defined: classes and properties that there are.
    :param language: language of the labels that are suggested.
    """

    def __init__(self, known: Known, defined: Iterable[Term], language: str) -> None:
        self._known = known
        self._terms = sorted(shorten(iri_text(term)) for term in defined if term.startswith(f"<{DEF}"))
        self._language = language
        self._spoken = (language, "en", "")
        self._near_looked_up = 0
        self._found: dict[tuple[object, ...], tuple[Suggestion, ...]] = {}

    def with_suggestions(self, fault: Fault, field: Field | None, *, as_rdf: bool) -> Fault:
        """Return a fault with suggestions, those that it has or else those that can be found.

        :param field: what its column holds.
        :param as_rdf: whether the suggestion is to be written into RDF, and not into a cell.
        """
        if fault.suggestions:
            return replace(fault, suggestions=tuple(map(self._labelled, fault.suggestions)))
        if fault.code in _WITHOUT:
            return fault
        key = (fault.code, field.shape if field else None, self._text(fault), fault.value, as_rdf)
        if key not in self._found:
            found = self._suggestions(fault, field, as_rdf=as_rdf)
            # What the file says already is no way out, and beside what is sure a guess only distracts.
            other = [each for each in found if each.text != self._text(fault)]
            sure = [each for each in other if each.score == 1.0]
            self._found[key] = tuple(map(self._labelled, (sure or other)[:LIMIT]))
        return replace(fault, suggestions=self._found[key])

    def _labelled(self, found: Suggestion) -> Suggestion:
        """Return a suggestion with the name of its thing, unless that is its text."""
        label = found.label or (self._known.label(iri(found.iri), self._language) if found.iri else "")
        return replace(found, label=label) if label != found.text else found

    @staticmethod
    def _text(fault: Fault) -> str:
        """Return the value at fault as the contributor wrote it."""
        return fault.values.get("value") or fault.place.raw or ""

    def _suggestions(self, fault: Fault, field: Field | None, *, as_rdf: bool) -> list[Suggestion]:
        text = self._text(fault)
        if fault.code == "term-unknown":
            return self._terms_like(fault.values.get("term", ""))
        if fault.code == "identifier-form":
            return _as_identifier(fault.focus_node or "")
        if fault.code == "language-region" and fault.value:
            plain, language, _ = literal_parts(fault.value)
            tag = (language or "").partition("-")[0]
            return [Suggestion(literal(plain, lang=tag) if as_rdf else tag, "language-only")]
        if field is None or not text:
            return []
        found = self._of_kind(text, field)
        return [_for_rdf(each, field.kind) for each in found] if as_rdf else found

    def _terms_like(self, term: str) -> list[Suggestion]:
        found = process.extract(term, self._terms, scorer=fuzz.ratio, score_cutoff=_NEAR_TERM, limit=LIMIT)
        return [Suggestion(name, "nearest", expand(name), round(score / 100, 2)) for name, score, _ in found]

    def _of_kind(self, text: str, field: Field) -> list[Suggestion]:
        match field.kind:
            case Kind.DATE:
                return dates.readings(text)
            case Kind.NUMBER | Kind.WHOLE_NUMBER:
                return numbers.readings(text, whole=field.kind is Kind.WHOLE_NUMBER)
            case Kind.COUNTRY:
                return places.countries(text, self._known)
            case Kind.CURRENCY:
                return places.currencies(text)
            case Kind.ADDRESS:
                return _as_address(text)
            case Kind.REGION:
                versions = [scheme.strip("<>").removeprefix(NUTS_SCHEME.strip("<")) for scheme in field.schemes]
                kinds = (*field.classes, *field.schemes)
                return places.regions(text, self._known.nuts, versions) or self._named(text, kinds)
            case Kind.CONCEPT | Kind.LINK:
                kinds = (*field.classes, *((field.scheme,) if field.scheme else ()))
                return (SOURCE in kinds and _as_address(text)) or self._named(text, kinds)
            case _:
                return []

    def _named(self, text: str, kinds: tuple[Term, ...]) -> list[Suggestion]:
        """Return what has a name like a text, or like the words of the IRI that the text is."""
        words = places.last_part(text).replace("-", " ").replace("_", " ")
        tried = (words,) if _IRI.fullmatch(text) else dict.fromkeys((text, words))
        for each in tried:
            exact = self._known.exact(each, classes=kinds)
            if exact:
                return [self._of_match(match, "label-of", 1.0) for match in exact]
        self._near_looked_up += 1
        for each in tried if self._near_looked_up <= MAX_SUGGESTED else ():
            near = [
                (self._likeness(each, match), match)
                for match in self._known.near(each, classes=kinds, limit=_LOOKED_AT)
            ]
            liked = [pair for pair in near if pair[0] >= _NEAR_NAME]
            if liked:
                liked.sort(key=lambda pair: -pair[0] - (_SPOKEN if pair[1].language in self._spoken else 0))
                return [self._of_match(match, "nearest", score) for score, match in liked]
        return []

    @staticmethod
    def _likeness(text: str, match: Match) -> float:
        """Return how alike a text and a name are, or the last part of the IRI; below 1, since it is a guess."""
        slug = places.last_part(iri_text(match.iri)).replace("-", " ")
        alike = DamerauLevenshtein.normalized_similarity
        by_letters = (alike(folded(text), folded(name)) for name in (match.text, slug))
        return round(min(0.99, max(match.score * 0.8, *by_letters)), 2)

    def _of_match(self, match: Match, reason: str, score: float) -> Suggestion:
        return Suggestion(self._written(match.iri) or match.text, reason, iri_text(match.iri), score)

    def _written(self, thing: Term) -> str:
        """Return what to write for a thing: the code of a region, else its name in the language of the report."""
        code = places.last_part(iri_text(thing))
        return code if self._known.nuts.versions(code) else self._known.label(thing, self._language)


def _for_rdf(found: Suggestion, kind: Kind) -> Suggestion:
    """Return a suggestion as it is written in Turtle."""
    if found.iri:
        short = shorten(found.iri)  # which Turtle cannot read where a slash follows the prefix
        return replace(found, text=f"<{found.iri}>" if "/" in short else short)
    if kind is Kind.DATE:
        return replace(found, text=f'"{found.text}"^^xsd:{parse_date(found.text).datatype.removeprefix(XSD)}')
    if kind in (Kind.NUMBER, Kind.WHOLE_NUMBER):
        return replace(found, text=f'"{found.text}"^^xsd:{"decimal" if kind is Kind.NUMBER else "integer"}')
    return replace(found, text=f"<{found.text}>")


def _as_address(text: str) -> list[Suggestion]:
    """Return the address that a text without or with a wrong scheme means.

    >>> _as_address("www.example.org/page")[0].text, _as_address("htp:/example.org")[0].text
    ('https://www.example.org/page', 'https://example.org')
    """
    bare = re.sub(r"^(?:h\w{0,6}\s*[:;]\s*/{0,3}|//)", "", text.strip(), flags=re.IGNORECASE)
    candidate = f"{'http' if text.lower().startswith('http://') else 'https'}://{bare}"
    host = bare.partition("/")[0]
    if " " in text.strip():
        return []
    try:
        parse_url(candidate)
    except ValueProblem:
        return []
    return [Suggestion(candidate, "address-form", score=0.9)] if "." in host else []


def _as_identifier(focus: Term) -> list[Suggestion]:
    """Return the IRI of a thing with its last part made a slug.

    >>> _as_identifier("<https://w3id.org/circkg/id/practice/Toy_Library Lahti>")[0].text
    '<https://w3id.org/circkg/id/practice/toy-library-lahti>'
    """
    if not is_iri(focus):
        return []
    space, _, last = iri_text(focus).rpartition("/")
    slug = slugified(last)
    return [Suggestion(iri(f"{space}/{slug}"), "slug-of", f"{space}/{slug}", 0.9)] if slug and slug != last else []


def slugified(text: str) -> str:
    """Return a text as a slug: small letters a to z, digits and single hyphens; empty if nothing is left.

    >>> slugified("Päijät-Häme  (Lahti)"), slugified("Κρήτη"), slugified("?")
    ('paijat-hame-lahti', 'kriti', '')
    """
    return re.sub(r"[^a-z0-9]+", "-", anyascii(text).lower()).strip("-")
