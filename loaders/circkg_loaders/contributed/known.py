"""What can be meant by a text in a contribution: concepts, countries, regions and published things by their names.

Names stand in SQLite: in memory for what the wheel holds, in a file for what is published, so that a million triples
are not loaded to look up a few names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain, islice
from pathlib import Path
from threading import RLock
from typing import TypeAlias

from babel import Locale
from rapidfuzz import fuzz, process

from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.languages import LANGUAGES
from circkg_loaders.iris import BASE
from circkg_loaders.load import load
from circkg_loaders.nuts import Country, Nuts, load_countries
from circkg_loaders.prefixes import PrefixError, expand
from circkg_loaders.registry import Role
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, TermError, Triple, iri, iri_text, is_iri, literal_parts

COUNTRY: Term = "<http://publications.europa.eu/resource/authority/country>"
"""Kind of countries: the scheme of their official list."""

NEAR = 70
"""Likeness, out of 100, from which a name is suggested."""

_NAMES = {
    "skos:prefLabel": "label",
    "dct:title": "label",
    "skos:altLabel": "other-label",
    "skos:hiddenLabel": "hidden-label",
    "skos:notation": "code",
    "dct:identifier": "identifier",
    "circ:participantCode": "identifier",
    "circ:vatNumber": "identifier",
    "circ:grantNumber": "identifier",
    "circ:cciNumber": "identifier",
    "circ:celex": "identifier",
    "schema:url": "address",
}
_SCORERS = ((fuzz.ratio, 1.0), (fuzz.token_sort_ratio, 0.98), (fuzz.partial_ratio, 0.9))
"""How likeness is measured: misspelt, in another order, or a part; each with the weight of its score."""
_TABLES = """
CREATE TABLE thing (iri TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (iri, kind)) WITHOUT ROWID;
CREATE TABLE name (key TEXT NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL, how TEXT NOT NULL, iri TEXT NOT NULL);
"""
_BATCH = 20_000
_Row: TypeAlias = tuple[str, ...]
_INDEXES = "CREATE INDEX name_key ON name (key); CREATE INDEX name_iri ON name (iri);"


@dataclass(frozen=True, slots=True)
class Match:
    """A thing or concept that a text may mean.

    :param iri: as a term.
    :param text: the name that matches, as it is written where it is known.
    :param language: language tag of the name, empty if it has none.
    :param how: ``iri``, ``code``, ``slug``, ``label``, ``other-label``, ``hidden-label``, ``identifier``, ``address``.
    :param score: how alike the text and the name are, from 0 to 1.
    """

    iri: Term
    text: str
    language: str
    how: str
    score: float = 1.0


class Known:
    """Names of concepts, countries, regions and published things.

    Kinds are classes or concept schemes, as terms: ``<https://w3id.org/circkg/def#Initiative>``.
    """

    def __init__(
        self, names: sqlite3.Connection, nuts: Nuts, countries: dict[str, Country], below: Known | None = None
    ) -> None:
        """Take a database of names; :meth:`of`, :meth:`of_rooms` and :meth:`open` make one."""
        self._names = names
        self._below = below
        self._lock = RLock()
        self._near: dict[tuple[Term, ...], tuple[list[str], list[Match]]] = {}
        self.nuts = nuts
        self.countries = countries

    @classmethod
    def of(cls, triples: Iterable[Triple], nuts: Nuts, countries: dict[str, Country]) -> Known:
        """Return what triples name: class or scheme, and names of each subject."""
        return cls(_filled(":memory:", triples), nuts, countries)

    @classmethod
    @cache
    def of_rooms(cls) -> Known:
        """Return what this checkout or wheel holds, without a store.

        :raises LoadError: if its data cannot be read.
        """
        loaded = load()
        triples = loaded.of_role(Role.STATED, Role.VOCABULARY)
        return cls.of(triples, *_reference())

    @classmethod
    def open(cls, path: Path) -> Known:
        """Return what is published, from a file that :func:`write_known` made.

        :raises sqlite3.Error: if there is no such file, or it is none of ours.
        """
        names = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        names.execute("SELECT 1 FROM name LIMIT 1")
        return cls(names, *_reference())

    def with_things(self, triples: Iterable[Triple]) -> Known:
        """Return what is known together with what triples name: a contribution may name what it describes itself."""
        return Known(_filled(":memory:", triples, countries=False), self.nuts, self.countries, self)

    def has(self, thing: Term, kinds: Iterable[Term] = ()) -> bool:
        """Tell whether a thing is known, and is of one of the kinds if any are given."""
        found = self.kinds(thing)
        wanted = set(kinds)
        return bool(found & wanted) if wanted else bool(found)

    def kinds(self, thing: Term) -> frozenset[Term]:
        """Return the classes and schemes of a thing."""
        own = frozenset(kind for (kind,) in self._ask("SELECT kind FROM thing WHERE iri = ?", (thing,)))
        return own | self._below.kinds(thing) if self._below else own

    def label(self, thing: Term, language: str = "en") -> str:
        """Return the label of a thing in a language, else in English, else in any; empty if it has none."""
        rows = self._ask("SELECT language, text FROM name WHERE iri = ? AND how = 'label' ORDER BY rowid", (thing,))
        labels: dict[str, str] = {}
        for tag, text in rows:
            labels.setdefault(tag, text)
        own = labels.get(language) or labels.get("en") or next(iter(labels.values()), "")
        return own or (self._below.label(thing, language) if self._below else "")

    def address(self, thing: Term) -> str:
        """Return the address on the web of a source; empty if it has none."""
        rows = self._ask("SELECT text FROM name WHERE iri = ? AND how = 'address' ORDER BY rowid", (thing,))
        return rows[0][0] if rows else self._below.address(thing) if self._below else ""

    def things(self, kind: Term, limit: int) -> list[Term]:
        """Return the things of a class or scheme, in order of their IRIs, as many as the limit at most."""
        rows = self._ask("SELECT iri FROM thing WHERE kind = ? ORDER BY iri LIMIT ?", (kind, str(limit)))
        below = self._below.things(kind, limit) if self._below else []
        return sorted({*below, *(thing for (thing,) in rows)})[:limit]

    def exact(self, text: str, *, classes: Iterable[Term] = (), scheme: Term | None = None) -> list[Match]:
        """Return what a text names: an IRI, a prefixed name, a code, a slug, or a label in any language.

        Case, accents and punctuation do not count, unless a text matches as it stands. Labels come before hidden
        ones, and a thing stands in the list once.

        :param classes: kinds that are wanted; ``scheme`` adds one.
        """
        kinds = _kinds(classes, scheme)
        as_iri = self._as_iri(text, kinds)
        if as_iri is not None:
            return [as_iri]
        found = [match for _, match in self._select("n.key = ?", (folded(text),), kinds)]
        if self._below:
            found += self._below.exact(text, classes=kinds)
        elif not found and (not kinds or COUNTRY in kinds):
            found = list(self._countries_elsewhere.get(folded(text), ()))
        literally = [match for match in found if match.text == text]
        best: dict[Term, Match] = {}
        for match in literally or found:
            best.setdefault(match.iri, match)
        return list(best.values())

    def begins(self, text: str) -> bool:
        """Tell whether any name at all begins with a text: a quick look before several longer ones."""
        key = folded(text)
        found = self._ask("SELECT 1 FROM name WHERE key >= ? AND key < ? LIMIT 1", (key, f"{key}\U0010ffff"))
        return bool(found) or (self._below is not None and self._below.begins(text))

    def near(
        self, text: str, *, classes: Iterable[Term] = (), scheme: Term | None = None, limit: int = 3
    ) -> list[Match]:
        """Return what has a name like a text, the likest first; each thing once.

        :param classes: kinds that are wanted; ``scheme`` adds one.
        """
        kinds = _kinds(classes, scheme)
        keys, names = self._named(kinds)
        wanted = folded(text)
        best: dict[Term, Match] = {}
        for scorer, weight in _SCORERS:
            found = process.extract(wanted, keys, scorer=scorer, limit=limit * 4, score_cutoff=NEAR / weight)
            for _, score, number in found:
                match = replace(names[number], score=round(score * weight / 100, 2))
                known = best.get(match.iri)
                if known is None or known.score < match.score:
                    best[match.iri] = match
        if self._below:
            for match in self._below.near(text, classes=kinds, limit=limit):
                best.setdefault(match.iri, match)
        return sorted(best.values(), key=lambda match: (-match.score, match.text))[:limit]

    def _ask(self, query: str, values: tuple[str, ...]) -> list[tuple[str, ...]]:
        with self._lock:
            return self._names.execute(query, values).fetchall()

    def _as_iri(self, text: str, kinds: tuple[Term, ...]) -> Match | None:
        for candidate in (text.removeprefix("<").removesuffix(">"), _expanded(text)):
            try:
                term = iri(candidate) if candidate and ":" in candidate else None
            except TermError:
                continue
            if term is not None and self.has(term, kinds):
                return Match(term, text, "", "iri")
        return None

    def _named(self, kinds: tuple[Term, ...]) -> tuple[list[str], list[Match]]:
        """Return the names among which a likeness is looked for, read once for each choice of kinds."""
        if kinds not in self._near:
            found = self._select("n.how IN ('label', 'other-label')", (), kinds)
            self._near[kinds] = [key for key, _ in found], [match for _, match in found]
        return self._near[kinds]

    def _select(self, where: str, values: tuple[str, ...], kinds: tuple[Term, ...]) -> list[tuple[str, Match]]:
        of_kinds = f"AND t.kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        query = (
            "SELECT DISTINCT n.key, n.iri, n.text, n.language, n.how FROM name n JOIN thing t ON t.iri = n.iri "  # noqa: S608 - only our own words and question marks
            f"WHERE {where} {of_kinds} ORDER BY n.how = 'hidden-label', n.rowid"
        )
        return [
            (key, Match(thing, text, language, how))
            for key, thing, text, language, how in self._ask(query, (*values, *kinds))
        ]

    @cached_property
    def _countries_elsewhere(self) -> dict[str, list[Match]]:
        """Names of countries in the languages of Europe (Unicode CLDR), by their folded form."""
        names: dict[str, list[Match]] = {}
        for language in LANGUAGES:
            territories = Locale.parse(language).territories
            for country in self.countries.values():
                name = territories.get(country.iso2)
                if name:
                    names.setdefault(folded(name), []).append(Match(iri(country.iri), name, language, "label"))
        return names


def write_known(path: Path, triples: Iterable[Triple]) -> None:
    """Write the names of published things and concepts to a file that :meth:`Known.open` reads.

    The file is whole or not there: it is made beside its place and then renamed.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(_filled(str(part), triples)):
        pass
    part.replace(path)


def _reference() -> tuple[Nuts, dict[str, Country]]:
    data = room("data")
    return Nuts.load(data / "nuts"), load_countries(data / "countries.csv")


def _filled(path: str, triples: Iterable[Triple], *, countries: bool = True) -> sqlite3.Connection:
    """Return a database of what triples name, filled as they come, so that no more than a batch is held."""
    names = sqlite3.connect(path, check_same_thread=False)
    names.executescript(_TABLES)
    for batch in _batches(chain(_of_triples(triples), _of_countries() if countries else ())):
        names.executemany("INSERT OR IGNORE INTO thing VALUES (?, ?)", (row for row in batch if len(row) == 2))
        names.executemany("INSERT INTO name VALUES (?, ?, ?, ?, ?)", (row for row in batch if len(row) == 5))
    names.executescript(_INDEXES)
    names.commit()
    return names


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _of_triples(triples: Iterable[Triple]) -> Iterator[_Row]:
    """Yield kinds and names: a thing and its kind, or folded name, name, language, kind of name and thing."""
    for subject, predicate, value in triples:
        if not is_iri(subject):
            continue
        if predicate in (_TYPE, _IN_SCHEME):
            yield subject, value
            yield from _slug(subject)
        elif predicate in _HOW:
            text, language, _ = (iri_text(value), None, "") if is_iri(value) else literal_parts(value)
            yield folded(text), text, language or "", _HOW[predicate], subject


def _of_countries() -> Iterator[_Row]:
    for country in load_countries(room("data") / "countries.csv").values():
        subject = iri(country.iri)
        yield subject, COUNTRY
        for text in dict.fromkeys(filter(None, (country.iso2, country.nuts, country.iso3))):
            yield folded(text), text, "", "code", subject
        for text in dict.fromkeys((country.name_en, country.name_local, country.name_latin)):
            yield folded(text), text, "en" if text == country.name_en else "", "label", subject


def _slug(subject: Term) -> Iterator[tuple[str, str, str, str, Term]]:
    """Yield the last part of an IRI of ours, by which a cell may name the thing."""
    text = iri_text(subject)
    if text.startswith(BASE):
        slug = text.rpartition("/")[2]
        yield folded(slug), slug, "", "slug", subject


def _kinds(classes: Iterable[Term], scheme: Term | None) -> tuple[Term, ...]:
    return tuple(sorted({*classes, *((scheme,) if scheme else ())}))


def _expanded(text: str) -> str:
    try:
        return expand(text)
    except PrefixError:
        return ""


_TYPE = iri(expand("rdf:type"))
_IN_SCHEME = iri(expand("skos:inScheme"))
_HOW = {iri(expand(name)): how for name, how in _NAMES.items()}
