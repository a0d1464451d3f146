"""The lists that cells are chosen from: concepts, countries, currencies, languages, places and published things."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from babel import Locale

from circkg_loaders.contributed.cells import SOURCE
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.languages import LANGUAGES
from circkg_loaders.contributed.templates.cell_texts import CellWriter
from circkg_loaders.contributed.templates.published import Things
from circkg_loaders.values import CURRENCIES, CURRENCY
from circkg_shapes.forms import NUTS_SCHEME, Field, Kind
from circkg_shapes.terms import Term, iri, iri_text, literal, literal_parts

MAX_OFFERED = 1_000
"""Published things that a list offers at most: where there are more, nobody finds one in a list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a cell may hold.

    :param text: what stands in the cell.
    :param meaning: what is said beside it: a definition, a code or a short name.
    :param depth: how many concepts of the list are above it.
    """

    text: str
    meaning: str = ""
    depth: int = 0


class Lists:
    """Makes the list of a field.

    :param known: published things and what they are called.
    :param things: vocabularies, with definitions and order.
    :param writer: writes the entries, in the language of the lists.
    """

    def __init__(self, known: Known, things: Things, writer: CellWriter) -> None:
        """Take what there is to choose from; :meth:`of` makes a list."""
        self._known = known
        self._things = things
        self._writer = writer
        self._language = writer.language
        self._locale = Locale.parse(writer.language)
        self._made: dict[tuple[object, ...], tuple[Choice, ...]] = {}

    def of(self, field: Field) -> tuple[Choice, ...]:
        """Return what a cell of a field may be chosen from; nothing where there is no list, or too long a one."""
        key = (field.kind, field.scheme, field.schemes, field.classes, field.single)
        if key not in self._made:
            self._made[key] = tuple(self._choices(field))
        return self._made[key]

    def _choices(self, field: Field) -> Iterable[Choice]:
        match field.kind:
            case Kind.CONCEPT if field.scheme:
                return self._concepts(field, field.scheme)
            case Kind.COUNTRY:
                codes = {iri(country.iri): country.iso2 for country in self._known.countries.values()}
                return self._sorted(field, codes, codes.__getitem__)
            case Kind.CURRENCY:
                currencies = sorted(CURRENCIES, key=lambda code: (code != "EUR", code))  # most sums are in euro
                written = [self._choice(iri(f"{CURRENCY}{code}"), field, self._currency(code)) for code in currencies]
                return [choice for choice in written if choice]
            case Kind.LANGUAGE:
                return self._sorted(field, map(literal, LANGUAGES), lambda term: literal_parts(term)[0])
            case Kind.REGION:
                return (*self._named(field), *self._regions(field))
            case Kind.LINK if SOURCE not in field.classes:
                return self._named(field)
        return ()

    def _choice(self, term: Term, field: Field, meaning: str, depth: int = 0) -> Choice | None:
        text = self._writer.text(term, field)
        return Choice(text, meaning, depth) if text else None

    def _sorted(self, field: Field, terms: Iterable[Term], meaning: Callable[[Term], str]) -> list[Choice]:
        """Return a choice for each term, by name."""
        found = (self._choice(term, field, meaning(term)) for term in terms)
        return sorted(filter(None, found), key=lambda choice: folded(choice.text))

    def _currency(self, code: str) -> str:
        return str(self._locale.currencies.get(code, ""))

    def _concepts(self, field: Field, scheme: Term) -> Iterator[Choice]:
        """Yield the concepts of a scheme by name, each followed by those below it."""
        concepts = self._known.things(scheme, MAX_OFFERED)
        below: defaultdict[Term | None, list[Term]] = defaultdict(list)
        for concept in concepts:
            above = self._things.broader(concept)
            below[above if above in concepts else None].append(concept)

        def under(above: Term | None, depth: int) -> Iterator[Choice]:
            for concept in sorted(below[above], key=lambda each: folded(self._known.label(each, self._language))):
                choice = self._choice(concept, field, self._things.definition(concept, self._language), depth)
                if choice:
                    yield choice
                yield from under(concept, depth + 1)

        yield from under(None, 0)

    def _named(self, field: Field) -> list[Choice]:
        """Return the published things of the classes of a field that have a name; none if there are too many."""
        terms = {term for kind in field.classes for term in self._known.things(kind, MAX_OFFERED + 1)}
        named = [term for term in terms if self._known.label(term, self._language)]
        if len(terms) > 2 * MAX_OFFERED or len(named) > MAX_OFFERED:
            return []
        return self._sorted(field, named, lambda term: iri_text(term).rpartition("/")[2])

    def _regions(self, field: Field) -> Iterator[Choice]:
        """Yield the regions of the newest classification that a field takes, by code."""
        versions = sorted(iri_text(scheme).removeprefix(NUTS_SCHEME.strip("<")) for scheme in field.schemes)
        for region in sorted(self._known.nuts.regions(versions[-1]), key=lambda region: region.code):
            own = region.name_local if region.name_local != region.name_latin else ""
            choice = self._choice(iri(region.iri), field, own)
            if choice:
                yield choice
