"""Makes data of any size that are wrong in known places: what validators are compared on.

The same size gives the same bytes. One unit in five has a flaw, of each kind in turn.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SHAPES: Final = Path(__file__).with_suffix(".ttl")
TRIPLES_A_UNIT: Final = 90
EVERY: Final = 5
SEED: Final = 20

NS: Final = "https://example.org/ns#"
ID: Final = "https://example.org/id/"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
TYPE: Final = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
WORDS: Final = (
    *("air", "barrier", "circular", "city", "coast", "district", "energy", "food", "forest", "harbour", "heat"),
    *("housing", "mobility", "reuse", "repair", "river", "rural", "school", "soil", "storage", "tax", "urban"),
)

FLAWS: Final = {
    "name is missing": ("organisation", "Organisation-name", "MinCount"),
    "form is not in the list": ("organisation", "Organisation-form", "In"),
    "region is unknown": ("organisation", "Organisation-region", "Class"),
    "page is no address": ("organisation", "Organisation-page", "Pattern"),
    "number is no integer": ("organisation", "Organisation-staff", "Datatype"),
    "number is too small": ("organisation", "Organisation-staff", "MinInclusive"),
    "name is given twice": ("organisation", "Organisation-known", "Disjoint"),
    "language is used twice": ("initiative", "Initiative-title", "UniqueLang"),
    "language is not foreseen": ("initiative", "Initiative-title", "LanguageIn"),
    "dates are in the wrong order": ("initiative", "Initiative-start", "LessThanOrEquals"),
    "decimal is ill-typed": ("initiative", "Initiative-budget", "Datatype"),
    "there are two states": ("initiative", "Initiative-state", "MaxCount"),
    "nobody takes part": ("initiative", "Initiative-part", "MinCount"),
    "two lead": ("initiative", "Initiative-lead", "QualifiedMaxCount"),
    "end of what is completed is missing": ("initiative", "Initiative", "SPARQL"),
    "participation ends before it begins": ("participation", "Participation", "SPARQL"),
    "text is too long": ("practice", "Practice-text", "MaxLength"),
    "source does not conform": ("practice", "Practice-source", "Node"),
    "barrier is a text": ("practice", "Practice-barrier", "Class"),
    "property is not foreseen": ("instrument", "Instrument", "Closed"),
    "value is neither number": ("observation", "Observation-value", "Or"),
    "contact is of both": ("contact", "Contact-of", "Xone"),
    "contact cannot be reached": ("contact", "Contact", "Or"),
    "contact is retired": ("contact", "Contact", "Not"),
}
"""Each kind of flaw: where it is, and the shape and constraint component that find it."""


def iri(name: str) -> str:
    return f"<{ID}{name}>"


def term(name: str) -> str:
    return f"<{NS}{name}>"


def typed(text: object, datatype: str) -> str:
    return f'"{text}"^^<{XSD}{datatype}>'


def flaw_of(unit: int) -> str:
    """Return the kind of flaw of a unit, empty if it has none."""
    return list(FLAWS)[unit // EVERY % len(FLAWS)] if unit % EVERY == 0 else ""


def flaws(size: int) -> list[tuple[str, str, str]]:
    """Return what must be found in data of a size: focus node, shape and constraint component."""
    found = []
    for unit in range(units(size)):
        if flaw_of(unit):
            where, shape, component = FLAWS[flaw_of(unit)]
            found.append((iri(f"{where}/{unit}"), f"<https://example.org/shapes#{shape}>", component))
    return found


def units(size: int) -> int:
    return max(len(FLAWS) * EVERY, size // TRIPLES_A_UNIT)


def lines(size: int) -> Iterator[str]:
    """Yield about so many triples as N-Triples lines."""
    chance = random.Random(SEED)
    many = units(size)
    regions = max(10, many // 10)
    for number in range(regions):
        yield from _region(chance, number)
    for number in range(60):
        yield from _thing(
            f"concept/{number}", "Concept", label=[f'"{_phrase(chance, 1)}"@en', f'"{_phrase(chance, 1)}"@fi'],
            inScheme=[term("BarrierTypes")], notation=[f'"B{number:02}"'],
        )  # fmt: skip
    for unit in range(many):
        yield from _unit(chance, unit, regions, flaw_of(unit))


def _thing(name: str, kind: str, /, **values: list[str]) -> Iterator[str]:
    yield f"{iri(name)} {TYPE} {term(kind)} .\n"
    for key, objects in values.items():
        for value in objects:
            yield f"{iri(name)} {term(key)} {value} .\n"


def _phrase(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(words))


def _date(chance: random.Random, year: int) -> str:
    return typed(f"{year}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}", "date")


def _region(chance: random.Random, number: int) -> Iterator[str]:
    country = chance.choice(("FI", "FR", "DE", "EL", "ES"))
    yield from _thing(
        f"region/{number}", "Region", code=[f'"{country}{number:X}"'], country=[f'"{country}"'],
        label=[f'"{_phrase(chance, 2)}"@en', f'"{_phrase(chance, 2)}"@fr'],
        within=[iri(f"region/{number // 8}")] if number else [],
    )  # fmt: skip


def _unit(chance: random.Random, unit: int, regions: int, flaw: str) -> Iterator[str]:
    region = iri(f"region/{chance.randrange(regions)}")
    nowhere = iri(f"concept/{chance.randrange(60)}")
    organisation, initiative = iri(f"organisation/{unit}"), iri(f"initiative/{unit}")
    known = f'"{_phrase(chance, 1)}"'
    staff = {"number is no integer": '"about 20"', "number is too small": typed(0, "integer")}
    yield from _thing(
        f"organisation/{unit}", "Organisation",
        name=[] if flaw == "name is missing" else [f'"{_phrase(chance, 3)}"@en', f'"{_phrase(chance, 3)}"@fi'],
        form=[term("Guild" if flaw == "form is not in the list" else chance.choice(("Public", "Private", "Society")))],
        region=[nowhere if flaw == "region is unknown" else region],
        founded=[_date(chance, chance.randint(1900, 2020))],
        page=[typed(f"{'ftp' if flaw == 'page is no address' else 'https'}://organisation-{unit}.example/", "anyURI")],
        staff=[staff.get(flaw, typed(chance.randint(1, 5000), "integer"))],
        knownAs=[known], formerly=[known] if flaw == "name is given twice" else ['"of old"'],
    )  # fmt: skip
    year = chance.randint(2000, 2020)
    start, kind = _date(chance, year), iri(f"concept/{chance.randrange(60)}")
    languages = {"language is used twice": ("en", "en"), "language is not foreseen": ("en", "la")}
    ends = [] if flaw == "end of what is completed is missing" else [
        _date(chance, year - 2 if flaw == "dates are in the wrong order" else year + 2)
    ]  # fmt: skip
    state = "completed" if flaw == "end of what is completed is missing" else chance.choice(("planned", "running"))
    budget = "12,5" if flaw == "decimal is ill-typed" else f"{chance.randint(1, 9999)}.50"
    yield from _thing(
        f"initiative/{unit}", "Initiative",
        title=[f'"{_phrase(chance, 4)}"@{tag}' for tag in languages.get(flaw, ("en", "fr"))],
        start=[start], end=ends, budget=[typed(budget, "decimal")],
        state=[f'"{state}"'] + (['"archived"'] if flaw == "there are two states" else []),
        region=[region], uses=[iri(f"practice/{unit}"), iri(f"practice/{unit}-b")],
    )  # fmt: skip
    parts = 0 if flaw == "nobody takes part" else chance.randint(2, 4)
    for number in range(parts):
        lead = number == 0 or (number == 1 and flaw == "two lead")
        late = flaw == "participation ends before it begins" and number == 0
        yield from _thing(
            f"participation/{unit}-{number}" if number else f"participation/{unit}", "Participation",
            organisation=[iri(f"organisation/{chance.randint(max(0, unit - 50), unit)}")], initiative=[initiative],
            role=['"lead"' if lead else chance.choice(('"partner"', '"funder"'))],
            to=[_date(chance, year - 1 if late else year + 5)],
            share=[typed(f"0.{chance.randint(1, 99):02}", "decimal")],
            **{"from": [start]},
        )  # fmt: skip
    cited = [iri(f"document/{chance.randrange(unit)}")] if unit else []
    doi = f"{'doi:' if flaw == 'source does not conform' else ''}10.1234/{unit}"
    for name in (f"practice/{unit}", f"practice/{unit}-b"):
        first = not name.endswith("-b")
        yield from _thing(
            name, "Practice", label=[f'"{_phrase(chance, 3)}"@{tag}' for tag in ("en", "fi", "fr")],
            text=[f'"{_phrase(chance, 70 if first and flaw == "text is too long" else 12)}"@en'],
            level=[typed(chance.randint(1, 5), "integer")], word=[f'"{_phrase(chance, 1)}"'],
            addresses=[iri(f"barrier/{unit}")] + (['"a barrier"'] if first and flaw == "barrier is a text" else []),
            source=[iri(f"document/{unit}")],
        )  # fmt: skip
    yield from _thing(
        f"barrier/{unit}", "Barrier", label=[f'"{_phrase(chance, 2)}"@en'], type=[kind],
        weight=[typed(chance.randint(1, 5), "integer")],
    )  # fmt: skip
    yield from _thing(
        f"instrument/{unit}", "Instrument", title=[f'"{_phrase(chance, 4)}"@en'], adopted=[_date(chance, year - 1)],
        kind=[term(chance.choice(("Law", "Subsidy", "Tax", "Plan")))], region=[region], supports=[initiative],
        **({"note": ['"do not publish"']} if flaw == "property is not foreseen" else {}),
    )  # fmt: skip
    yield from _thing(
        f"document/{unit}", "Document", title=[f'"{_phrase(chance, 6)}"'], issued=[_date(chance, year)],
        doi=[f'"{doi}"'], cites=cited,
    )  # fmt: skip
    for number in range(2):
        odd = flaw == "value is neither number" and number == 0
        value = '"much"' if odd else typed(chance.randint(1, 9999), "integer") if number else typed("3.25", "decimal")
        yield from _thing(
            f"observation/{unit}-{number}" if number else f"observation/{unit}", "Observation", about=[initiative],
            value=[value], unit=[chance.choice(('"t"', '"kWh"', '"EUR"', '"persons"'))],
        )  # fmt: skip
    both = flaw == "contact is of both"
    yield from _thing(
        f"contact/{unit}", "Contact", office=[f'"{_phrase(chance, 2)}"'],
        of=[iri(f"both/{unit}") if both else chance.choice((organisation, initiative))],
        form=[] if flaw == "contact cannot be reached" else [typed(f"https://contact-{unit}.example/", "anyURI")],
        retired=[typed("true", "boolean")] if flaw == "contact is retired" else [],
    )  # fmt: skip
    if both:
        for kind in ("Organisation", "Initiative"):
            yield f"{iri(f'both/{unit}')} {TYPE} {term(kind)} .\n"


def main() -> None:
    size, file = int(sys.argv[1]), Path(sys.argv[2])
    with file.open("w", encoding="utf-8") as out:
        out.writelines(lines(size))


if __name__ == "__main__":
    main()
