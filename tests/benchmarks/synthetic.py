"""A synthetic graph in the shape of CircKG, and the queries that the benchmark asks of it.

The same size gives the same graph. Nothing in it is a fact: names are drawn from a list of words.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from circkg_shapes.terms import Triple

DEF = "https://w3id.org/circkg/def#"
ID = "https://w3id.org/circkg/id/"
VOCABULARY = "https://w3id.org/circkg/def/"
NUTS = "http://data.europa.eu/nuts/code/"
COUNTRY = "http://publications.europa.eu/resource/authority/country/"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
ALTERNATIVE = "<http://www.w3.org/2004/02/skos/core#altLabel>"
TITLE = "<http://purl.org/dc/terms/title>"
DESCRIPTION = "<http://purl.org/dc/terms/description>"
KIND = "<http://purl.org/dc/terms/type>"
START, END = "<https://schema.org/startDate>", "<https://schema.org/endDate>"

WORDS = {
    "en": "water repair reuse city waste textile bio food network building school soil craft public sharing forest",
    "fr": "eau réparation réemploi ville déchet textile bio aliment réseau bâtiment école sol artisanat public partage",
    "de": "wasser reparatur wiederverwendung stadt abfall textil bio nahrung netz bau schule boden handwerk wald",
    "fi": "vesi korjaus uudelleenkäyttö kaupunki jäte tekstiili bio ruoka verkosto rakennus koulu maa käsityö metsä",
    "el": "νερό επισκευή επανάχρηση πόλη απόβλητα ύφασμα τροφή δίκτυο κτίριο σχολείο έδαφος τέχνη κοινό δάσος",
}
LANGUAGES = tuple(WORDS)
COUNTRIES, REGIONS, DISTRICTS = 24, 8, 12
"""Countries, regions (NUTS 1) of each, and districts (NUTS 3) of each region."""
TRIPLES_PER_INITIATIVE = 46
"""What one initiative brings with its participations, organisations, practices and barriers, on the average."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many things of each kind there are."""

    initiatives: int

    @classmethod
    def of(cls, triples: int) -> Size:
        """Return the size whose graph has at least so many triples."""
        return cls(int(triples / TRIPLES_PER_INITIATIVE) + 1)

    @property
    def organisations(self) -> int:
        """Return the number of organisations."""
        return max(self.initiatives // 2, 1)

    @property
    def territories(self) -> int:
        """Return the number of territories."""
        return COUNTRIES * REGIONS * DISTRICTS


class _Names:
    """Draws names."""

    def __init__(self) -> None:
        self.chance = random.Random(42)
        self._words = {language: text.split() for language, text in WORDS.items()}

    def text(self, language: str, words: int) -> str:
        text = " ".join(self.chance.choices(self._words[language], k=words)).capitalize()
        return f'"{text}"@{language}'


def _id(kind: str, number: int) -> str:
    return f"<{ID}{kind}/n{number}>"


def _term(name: str) -> str:
    return f"<{DEF}{name}>"


def _typed(value: object, datatype: str) -> str:
    return f'"{value}"^^<{XSD}{datatype}>'


def graph(size: Size) -> Iterator[Triple]:
    """Yield the triples of the graph; some come twice."""
    names = _Names()
    yield from _concepts(names)
    yield from _territories(names)
    yield from _organisations(names, size)
    for number in range(size.initiatives):
        yield from _initiative(names, size, number)
        yield from _participations(names, size, number)
        yield from _practice(names, size, number)
        if number % 2:
            yield from _barrier(names, size, number)


def _concepts(names: _Names) -> Iterator[Triple]:
    for scheme, count in (("theme", 160), ("barrier-type", 48), ("strategy", 12), ("role", 8), ("kind", 8)):
        for number in range(count):
            concept = f"<{VOCABULARY}{scheme}/c{number}>"
            yield concept, TYPE, "<http://www.w3.org/2004/02/skos/core#Concept>"
            for language in LANGUAGES:
                yield concept, LABEL, names.text(language, 2)


def _territories(names: _Names) -> Iterator[Triple]:
    number = 0
    for country in range(COUNTRIES):
        nation = f"<{COUNTRY}C{country}>"
        yield nation, LABEL, names.text("en", 1)
        for region in range(REGIONS):
            code = f"<{NUTS}C{country}{region}>"
            yield code, TYPE, _term("Region")
            yield code, LABEL, names.text("en", 2)
            yield code, _term("within"), nation
            for district in range(DISTRICTS):
                small = f"<{NUTS}C{country}{region}{district:02}>"
                yield small, TYPE, _term("District")
                yield small, LABEL, names.text(names.chance.choice(LANGUAGES), 2)
                yield small, _term("within"), code
                territory = _id("territory", number)
                yield territory, TYPE, _term("Territory")
                for language in LANGUAGES[:4]:
                    yield territory, LABEL, names.text(language, 2)
                yield territory, _term("country"), nation
                yield territory, _term("locatedIn"), small
                for place in (small, code, nation):
                    yield territory, _term("within"), place
                number += 1


def _organisations(names: _Names, size: Size) -> Iterator[Triple]:
    chance = names.chance
    for number in range(size.organisations):
        organisation = _id("organisation", number)
        yield organisation, TYPE, "<http://www.w3.org/ns/org#Organization>"
        yield organisation, LABEL, names.text("en", 3)
        yield organisation, LABEL, names.text(chance.choice(LANGUAGES[1:]), 3)
        yield organisation, KIND, f"<{VOCABULARY}kind/c{chance.randrange(8)}>"
        yield organisation, _term("locatedIn"), _id("territory", chance.randrange(size.territories))
        if chance.random() < 0.5:
            yield organisation, "<http://xmlns.com/foaf/0.1/homepage>", f"<https://o{number}.example.org/>"


def _initiative(names: _Names, size: Size, number: int) -> Iterator[Triple]:
    chance, initiative = names.chance, _id("initiative", number)
    yield initiative, TYPE, _term("Initiative")
    yield initiative, TITLE, names.text("en", 5)
    yield initiative, TITLE, names.text(chance.choice(LANGUAGES[1:]), 5)
    yield initiative, ALTERNATIVE, f'"I{number}"'
    yield initiative, DESCRIPTION, names.text("en", 18)
    yield initiative, KIND, f"<{VOCABULARY}kind/c{chance.randrange(8)}>"
    if number and chance.random() < 0.6:
        yield initiative, _term("partOf"), _id("initiative", chance.randrange(number))
    for _ in range(chance.randint(1, 2)):
        yield initiative, _term("hasTheme"), f"<{VOCABULARY}theme/c{chance.randrange(160)}>"
    year = chance.randrange(2008, 2026)
    yield initiative, START, _typed(f"{year}-{chance.randrange(1, 13):02}-01", "date")
    if chance.random() < 0.8:
        yield initiative, END, _typed(f"{year + chance.randrange(1, 6)}-{chance.randrange(1, 13):02}-28", "date")
    yield initiative, _term("totalBudgetEur"), _typed(chance.randrange(5_000, 5_000_000), "integer")
    yield initiative, _term("activeIn"), _id("territory", chance.randrange(size.territories))


def _participations(names: _Names, size: Size, number: int) -> Iterator[Triple]:
    chance, initiative = names.chance, _id("initiative", number)
    for place in range(chance.randint(3, 5)):
        participation = f"<{ID}participation/n{number}-{place}>"
        # A few organisations are in many initiatives, most in few.
        organisation = _id("organisation", int(chance.paretovariate(0.6)) % size.organisations)
        yield participation, TYPE, _term("Participation")
        yield participation, _term("participationIn"), initiative
        yield participation, _term("participant"), organisation
        yield participation, _term("hasRole"), f"<{VOCABULARY}role/c{chance.randrange(8)}>"
        yield organisation, _term("participatesIn"), initiative
        if chance.random() < 0.3:
            yield participation, _term("onBehalfOf"), _id("territory", chance.randrange(size.territories))


def _practice(names: _Names, size: Size, number: int) -> Iterator[Triple]:
    chance, practice = names.chance, _id("practice", number)
    yield practice, TYPE, _term("Practice")
    yield practice, TITLE, names.text("en", 4)
    yield practice, TITLE, names.text(chance.choice(LANGUAGES[1:]), 4)
    yield practice, DESCRIPTION, names.text(chance.choice(LANGUAGES), 12)
    yield practice, _term("identifiedBy"), _id("initiative", number)
    yield practice, _term("locatedIn"), _id("territory", chance.randrange(size.territories))
    yield practice, _term("practisedBy"), _id("organisation", chance.randrange(size.organisations))
    for _ in range(chance.randint(1, 3)):
        yield practice, _term("appliesStrategy"), f"<{VOCABULARY}strategy/c{chance.randrange(12)}>"
    yield practice, _term("addressesBarrierType"), f"<{VOCABULARY}barrier-type/c{chance.randrange(48)}>"
    yield practice, _term("hasTheme"), f"<{VOCABULARY}theme/c{chance.randrange(160)}>"


def _barrier(names: _Names, size: Size, number: int) -> Iterator[Triple]:
    barrier = _id("barrier", number)
    kind = f"<{VOCABULARY}barrier-type/c{names.chance.randrange(48)}>"
    yield barrier, TYPE, _term("Barrier")
    yield barrier, TITLE, names.text("en", 5)
    yield barrier, _term("reportedBy"), _id("initiative", number % size.initiatives)
    yield barrier, _term("barrierType"), kind
    yield _id("initiative", number % size.initiatives), _term("reportsBarrierType"), kind


# -- queries ------------------------------------------------------------------------------------------------------

JSON, CSV, NTRIPLES = "application/sparql-results+json", "text/csv", "application/n-triples"

_PREFIXES = {
    "circ": DEF,
    "dct": "http://purl.org/dc/terms/",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}


@dataclass(frozen=True, slots=True)
class Query:
    """One kind of query.

    :param pattern: text in which ``{initiative}``, ``{organisation}`` and ``{theme}`` are drawn numbers.
    :param exact: whether its rows are the same in every engine; else (LIMIT without ORDER BY) their number only.
    """

    pattern: str
    media_type: str = JSON
    exact: bool = True

    def text(self, number: int, size: Size) -> str:
        """Return a query of this kind; another number gives another text, so that no cache helps."""
        numbers: dict[str, Callable[[], int]] = {
            "{initiative}": lambda: number * 7919 % size.initiatives,
            "{organisation}": lambda: number * 6113 % size.organisations,
            "{theme}": lambda: number * 31 % 160,
        }
        text = self.pattern
        for name, value in numbers.items():
            text = text.replace(name, str(value()))
        used = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in _PREFIXES.items() if f"{name}:" in text)
        return f"{used}{text} # {number}"


INITIATIVE = f"<{ID}initiative/n{{initiative}}>"
ORGANISATION = f"<{ID}organisation/n{{organisation}}>"
THEME = f"<{VOCABULARY}theme/c{{theme}}>"
QUERIES = {
    "look-up": Query(f"SELECT ?p ?o WHERE {{ {INITIATIVE} ?p ?o }}"),
    "describe": Query(f"DESCRIBE {INITIATIVE}", NTRIPLES),
    "path": Query(f"SELECT ?whole WHERE {{ {INITIATIVE} circ:partOf+ ?whole }}"),
    "join of 3": Query(
        f"SELECT ?i ?title ?place WHERE {{ ?i circ:hasTheme {THEME} ; dct:title ?title ; circ:activeIn ?place . "
        '?i a circ:Initiative FILTER(LANG(?title) = "en") }'
    ),
    "join of 5": Query(
        f"SELECT ?i ?practice ?title ?region WHERE {{ {ORGANISATION} circ:participatesIn ?i . "
        "?practice circ:identifiedBy ?i ; dct:title ?title ; circ:locatedIn ?place . "
        "?place circ:locatedIn ?district . ?district circ:within ?region }"
    ),
    "aggregate by region": Query(
        "SELECT ?region (COUNT(?i) AS ?count) (SUM(?budget) AS ?total) WHERE { "
        f"?i circ:hasTheme {THEME} ; circ:totalBudgetEur ?budget ; circ:activeIn ?place . "
        "?place circ:within ?region . ?region a circ:Region } GROUP BY ?region ORDER BY DESC(?total) ?region"
    ),
    "many OPTIONALs": Query(
        f"SELECT ?i ?en ?fr ?end ?whole ?practice ?what WHERE {{ ?i circ:hasTheme {THEME} . "
        'OPTIONAL { ?i dct:title ?en FILTER(LANG(?en) = "en") } OPTIONAL { ?i dct:title ?fr FILTER(LANG(?fr) = "fr") } '
        "OPTIONAL { ?i schema:endDate ?end } OPTIONAL { ?i circ:partOf ?whole } "
        'OPTIONAL { ?practice circ:identifiedBy ?i ; dct:title ?what FILTER(LANG(?what) = "en") } }'
    ),
    "count by country": Query(
        "SELECT ?nation (COUNT(?practice) AS ?count) WHERE { ?practice a circ:Practice ; circ:locatedIn ?place . "
        "?place circ:country ?nation } GROUP BY ?nation ORDER BY DESC(?count) ?nation"
    ),
    "ORDER BY": Query(
        "SELECT ?i ?budget WHERE { ?i a circ:Initiative ; circ:totalBudgetEur ?budget } "
        "ORDER BY DESC(?budget) ?i LIMIT 20"
    ),
    "regex": Query(
        'SELECT ?p ?title WHERE { ?p a circ:Practice ; dct:title ?title FILTER(REGEX(?title, "forest.*repair", "i")) }'
    ),
    "100,000 rows, JSON": Query("SELECT ?s ?p ?o WHERE { ?s ?p ?o } LIMIT 100000", JSON, exact=False),
    "100,000 rows, CSV": Query("SELECT ?s ?p ?o WHERE { ?s ?p ?o } LIMIT 100000", CSV, exact=False),
    "CONSTRUCT of 50,000": Query(
        "CONSTRUCT { ?part circ:participationIn ?i ; circ:participant ?o } "
        "WHERE { ?part circ:participationIn ?i ; circ:participant ?o } LIMIT 25000",
        NTRIPLES, exact=False,
    ),
}  # fmt: skip
LIGHT = ("look-up", "describe", "path")
MIX = (*LIGHT, "join of 3", "join of 5", "aggregate by region", "many OPTIONALs")
BULK = tuple(name for name in QUERIES if name not in MIX)


def questions(kinds: tuple[str, ...], size: Size, first: int, count: int) -> list[tuple[str, str]]:
    """Return so many queries of these kinds in turn, and the media type of each; the numbers begin with the first."""
    found = []
    for place in range(count):
        query = QUERIES[kinds[place % len(kinds)]]
        found.append((query.text(first + place, size), query.media_type))
    return found
