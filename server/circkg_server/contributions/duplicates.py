"""Candidate duplicates: things of a contribution that may be published already, with reasons; nothing is merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rapidfuzz import fuzz, process

from circkg_loaders.contributed.folding import folded
from circkg_loaders.prefixes import shorten
from circkg_server.contributions.published import (
    COUNTRY,
    HOMEPAGE,
    IDENTIFIERS,
    NAMES,
    PLACE,
    TYPE,
    Statements,
    name_of,
)
from circkg_shapes.report import Json
from circkg_shapes.terms import Term, TermError, iri_text, is_iri, literal_parts

LEAST = 0.7
"""Score from which a pair is shown."""

LIKE = 80
"""Likeness of names, out of 100, from which a pair is looked at."""

SHOWN = 5
"""Most candidates of one thing."""

_CERTAIN, _HOST = 0.98, 0.85


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two things that may be one.

    :param thing: of the contribution.
    :param known: published, or of the contribution too.
    :param reasons: why, in words.
    """

    thing: Term
    name: str
    known: Term
    known_name: str
    score: float
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return it as values that JSON can hold."""
        return {
            "iri": iri_text(self.thing),
            "name": self.name,
            "known": iri_text(self.known),
            "knownName": self.known_name,
            "score": self.score,
            "reasons": list(self.reasons),
        }


class _Traits:
    """What tells a thing from others."""

    __slots__ = ("classes", "countries", "hosts", "identifiers", "name", "names", "places")

    def __init__(self, statements: list[tuple[Term, Term]]) -> None:
        self.name = name_of(statements)
        self.classes = frozenset(value for predicate, value in statements if predicate == TYPE)
        self.names = tuple(dict.fromkeys(folded(text) for text in _texts(statements, NAMES) if text))
        self.countries = frozenset(value for predicate, value in statements if predicate == COUNTRY)
        self.places = frozenset(value for predicate, value in statements if predicate == PLACE)
        self.hosts = frozenset(
            host
            for predicate, value in statements
            if predicate == HOMEPAGE and is_iri(value) and (host := _host(value))
        )
        self.identifiers = frozenset(
            (predicate, _plain(text))
            for predicate in IDENTIFIERS
            for text in _texts(statements, (predicate,))
            if _plain(text)
        )


def _texts(statements: Iterable[tuple[Term, Term]], properties: tuple[Term, ...]) -> Iterator[str]:
    for predicate, value in statements:
        if predicate in properties:
            try:
                yield literal_parts(value)[0]
            except TermError:
                yield iri_text(value)


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _host(address: Term) -> str:
    """Return the host of an address with its path, if that is short: pages of one platform are not one thing."""
    try:
        parts = urlsplit(iri_text(address))
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.")
    return host if parts.path.strip("/").lower() in ("", "en", "index.html", "home") else ""


def candidates(contribution: Statements, published: Statements) -> list[Candidate]:
    """Return pairs of a thing of the contribution and another one that may be the same, the most likely first.

    :param contribution: statements of the contribution about its things.
    :param published: traits of what is published. A thing that is described there under the same IRI is no candidate.
    """
    new = {thing: _Traits(statements) for thing, statements in contribution.items() if thing not in published}
    known = {thing: _Traits(statements) for thing, statements in published.items()}
    everything = {**known, **new}
    by_identifier: defaultdict[tuple[Term, str], list[Term]] = defaultdict(list)
    by_host: defaultdict[str, list[Term]] = defaultdict(list)
    names: defaultdict[Term, tuple[list[str], list[Term]]] = defaultdict(lambda: ([], []))
    for thing, traits in everything.items():
        for identifier in traits.identifiers:
            by_identifier[identifier].append(thing)
        for host in traits.hosts:
            by_host[host].append(thing)
        for class_ in traits.classes:
            for name in traits.names:
                names[class_][0].append(name)
                names[class_][1].append(thing)
    found: list[Candidate] = []
    for thing, traits in new.items():
        others = {other for each in traits.identifiers for other in by_identifier[each]}
        others |= {other for each in traits.hosts for other in by_host[each]}
        others |= set(_alike(traits, names))
        pairs = [
            _candidate(thing, traits, other, everything[other])
            for other in others
            # Of two new things the second is told of the first, once.
            if other != thing and (other in known or other < thing)
        ]
        pairs = [pair for pair in pairs if pair.score >= LEAST]
        found += sorted(pairs, key=lambda pair: (-pair.score, pair.known))[:SHOWN]
    return sorted(found, key=lambda pair: (-pair.score, pair.thing, pair.known))


def _alike(traits: _Traits, names: dict[Term, tuple[list[str], list[Term]]]) -> Iterator[Term]:
    for class_ in traits.classes:
        texts, things = names[class_]
        for name in traits.names:
            for _, _, number in process.extract(
                name, texts, scorer=fuzz.token_sort_ratio, score_cutoff=LIKE, limit=4 * SHOWN
            ):
                yield things[number]


def _candidate(thing: Term, traits: _Traits, known: Term, other: _Traits) -> Candidate:
    """Return a pair with its score: equal identifiers are all but certain, names alone never are."""
    reasons: list[str] = []
    likeness = max(
        (fuzz.token_sort_ratio(a, b) for a in traits.names for b in other.names), default=0.0
    )  # fmt: skip
    score = 0.0
    if likeness >= LIKE:
        reasons.append("the same name" if likeness == 100 else f"names alike ({likeness:.0f} of 100)")
        score = 0.8 * likeness / 100
    if traits.countries and other.countries:
        if traits.countries & other.countries:
            reasons.append(f"both in {shorten(iri_text(min(traits.countries & other.countries)))}")
            score += 0.1 if score else 0
        else:
            reasons.append("in different countries")
            score -= 0.1
    if shared := traits.places & other.places:
        reasons.append(f"both located in {shorten(iri_text(min(shared)))}")
        score += 0.1 if score else 0
    if hosts := traits.hosts & other.hosts:
        reasons.append(f"the same website {min(hosts)}")
        score = max(score + 0.1, _HOST)
    if identifiers := traits.identifiers & other.identifiers:
        predicate, text = min(identifiers)
        reasons.insert(0, f"the same {IDENTIFIERS[predicate]} {text}")
        score = _CERTAIN
    return Candidate(thing, traits.name, known, other.name, round(min(max(score, 0.0), _CERTAIN), 2), tuple(reasons))
