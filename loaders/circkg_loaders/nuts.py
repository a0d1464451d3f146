"""NUTS regions, what became of them in 2024, and countries.

The tables stand in ``data/nuts`` and ``data/countries.csv``. The IRI of a region names no version
(``http://data.europa.eu/nuts/code/PT17`` stays valid), so a code is always looked up in the list of a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.iris import nuts_iri, term_iri
from circkg_shapes.terms import XSD, Triple, iri, literal

VERSIONS = ("2021", "2024")
"""The versions of NUTS that we hold, oldest first."""

_NUTS = "http://data.europa.eu/nuts/"
_RDF_TYPE = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_DCT = "http://purl.org/dc/terms/"
_CONCEPT = iri(f"{_SKOS}Concept")
_NOTATION = iri(f"{_SKOS}notation")
_PREF_LABEL = iri(f"{_SKOS}prefLabel")
_ALT_LABEL = iri(f"{_SKOS}altLabel")
_BROADER = iri(f"{_SKOS}broader")
_IN_SCHEME = iri(f"{_SKOS}inScheme")
_EXACT_MATCH = iri(f"{_SKOS}exactMatch")
_LEVEL = iri(f"{_NUTS}level")


class NutsError(Exception):
    """A table of regions, successors or countries cannot be used as it stands."""


class UnknownRegionError(LookupError):
    """No region has this code in the version asked for."""


class Relation(Enum):
    """How a region of NUTS 2021 stands to a region of NUTS 2024."""

    EXACT = "exact"  # the same unit under a new code
    NEARLY = "nearly"  # the same unit but for at most two municipalities
    PART = "part"  # one of several regions that each took a part of it
    MERGED = "merged"  # it went as a whole into a region that is larger by more than a small shift
    SPLIT = "split"  # one of the regions that together make it up
    UNKNOWN = "unknown"  # the sources do not say


@dataclass(frozen=True, slots=True)
class Region:
    """A region in one version of NUTS.

    >>> region = Region("EL52", "2024", 2, "Κεντρική Μακεδονία", "Kentriki Makedonia", "EL", "nuts")
    >>> region.parent_code, region.iri
    ('EL5', 'http://data.europa.eu/nuts/code/EL52')
    """

    code: str
    version: str
    level: int
    name_local: str
    name_latin: str
    country: str
    """Code of the country in NUTS: EL for Greece."""
    kind: str
    """country, nuts, statistical-region (countries outside the Union) or extra-regio."""

    @property
    def iri(self) -> str:
        """The official IRI, the same in every version."""
        return nuts_iri(self.code)

    @property
    def parent_code(self) -> str | None:
        """Code of the region one level up; none for a country."""
        return self.code[:-1] if self.level else None


@dataclass(frozen=True, slots=True)
class Successor:
    """What became of a region of NUTS 2021.

    >>> Successor("PT17", Relation.SPLIT, ("PT1A", "PT1B"), "Divided in two.", "").one is None
    True
    >>> Successor("NL332", Relation.EXACT, ("NL361",), "New code.", "").one
    'NL361'
    """

    code_2021: str
    relation: Relation
    codes_2024: tuple[str, ...]
    evidence: str
    note: str

    @property
    def one(self) -> str | None:
        """The one code that stands for the region in 2024; none if there is no such region."""
        if self.relation in (Relation.EXACT, Relation.NEARLY) and len(self.codes_2024) == 1:
            return self.codes_2024[0]
        return None


@dataclass(frozen=True, slots=True)
class Country:
    """A country, or the European Union."""

    iso2: str
    """ISO 3166-1 alpha-2 (GR, GB), XK for Kosovo, EU for the Union."""
    nuts: str
    """Code in NUTS (EL, UK); empty for the Union."""
    iso3: str
    iri: str
    """IRI in the country table of the Publications Office."""
    name_en: str
    name_local: str
    name_latin: str


def load_countries(path: Path) -> dict[str, Country]:
    """Read ``data/countries.csv``, keyed by ISO 3166-1 code."""
    countries: dict[str, Country] = {}
    columns = ("iso2", "nuts", "iso3", "iri", "name_en", "name_local", "name_latin")
    for _, row in read_rows(path, columns, NutsError):
        if row["iso2"] in countries:
            raise NutsError(f"{path.name}: {row['iso2']} stands twice. Keep one row.")
        countries[row["iso2"]] = Country(
            row["iso2"], row["nuts"], row["iso3"], row["iri"], row["name_en"], row["name_local"], row["name_latin"]
        )
    return countries


class Nuts:
    """The regions of every version that we hold, and their successors.

    >>> lahti = Region("FI1C3", "2021", 3, "Päijät-Häme", "Päijät-Häme", "FI", "nuts")
    >>> nuts = Nuts({"2021": {"FI1C3": lahti}, "2024": {}}, {})
    >>> nuts.region("FI1C3").name_local, nuts.versions("FI1C3")
    ('Päijät-Häme', ('2021',))
    """

    def __init__(self, regions: Mapping[str, Mapping[str, Region]], successors: Mapping[str, Successor]) -> None:
        """Take regions by version and code, and successors by their code of 2021."""
        self._regions = {version: dict(sorted(regions.get(version, {}).items())) for version in VERSIONS}
        self._successors = dict(sorted(successors.items()))
        self._children: dict[tuple[str, str], list[Region]] = {}
        for version, by_code in self._regions.items():
            for region in by_code.values():
                if region.parent_code is not None:
                    self._children.setdefault((version, region.parent_code), []).append(region)

    @classmethod
    def load(cls, folder: Path) -> Nuts:
        """Read ``regions-2021.csv``, ``regions-2024.csv`` and ``successors.csv`` from a folder.

        :raises NutsError: if a table lacks a column, holds a code twice or names a region that is not there.
        """
        regions = {version: _load_regions(folder / f"regions-{version}.csv", version) for version in VERSIONS}
        return cls(regions, _load_successors(folder / "successors.csv", regions))

    def region(self, code: str, version: str | None = None) -> Region:
        """Return a region of one version, or of the newest version that has the code.

        :raises UnknownRegionError: if there is none.
        """
        for each in (version,) if version else tuple(reversed(VERSIONS)):
            found = self._regions.get(each, {}).get(code)
            if found is not None:
                return found
        raise UnknownRegionError(f"NUTS {version or ' and '.join(VERSIONS)} has no code {code!r}.")

    def regions(self, version: str) -> tuple[Region, ...]:
        """Return all regions of a version, sorted by code."""
        return tuple(self._regions[version].values())

    def versions(self, code: str) -> tuple[str, ...]:
        """Return the versions that have a code, oldest first."""
        return tuple(version for version in VERSIONS if code in self._regions[version])

    def parent(self, code: str, version: str | None = None) -> Region | None:
        """Return the region one level up, in the same version; none for a country."""
        region = self.region(code, version)
        return self.region(region.parent_code, region.version) if region.parent_code else None

    def children(self, code: str, version: str | None = None) -> tuple[Region, ...]:
        """Return the regions one level down, in the same version, sorted by code."""
        region = self.region(code, version)
        return tuple(self._children.get((region.version, code), ()))

    def nearest(self, text: str, version: str | None = None) -> Region | None:
        """Return the region of the longest beginning of a text that is a code, if any."""
        for length in range(len(text), 1, -1):
            try:
                return self.region(text[:length], version)
            except UnknownRegionError:
                continue
        return None

    def successor(self, code_2021: str) -> Successor | None:
        """Return what became of a region of 2021; none if its code and extent stayed."""
        return self._successors.get(code_2021)

    def successors(self) -> tuple[Successor, ...]:
        """Return all successors, sorted by the code of 2021."""
        return tuple(self._successors.values())

    def triples(self, version: str) -> Iterator[Triple]:
        """Yield a version of NUTS in the SKOS form of the official source, as N-Triples terms."""
        scheme = iri(f"{_NUTS}scheme/{version}")
        yield scheme, _RDF_TYPE, iri(f"{_SKOS}ConceptScheme")
        yield scheme, iri(f"{_DCT}title"), literal(f"NUTS {version}", lang="en")
        for region in self._regions[version].values():
            node = iri(region.iri)
            yield node, _RDF_TYPE, _CONCEPT
            yield node, _NOTATION, literal(region.code)
            yield node, _PREF_LABEL, literal(region.name_local)
            if region.name_latin != region.name_local:
                yield node, _ALT_LABEL, literal(region.name_latin)
            yield node, _LEVEL, literal(str(region.level), datatype=f"{XSD}integer")
            if region.parent_code is not None:
                yield node, _BROADER, iri(nuts_iri(region.parent_code))
            yield node, _IN_SCHEME, scheme

    def successor_triples(self) -> Iterator[Triple]:
        """Yield the successors that stand for the whole region: replaced where exact, region in 2024 where nearly.

        Regions that were split, merged or divided have none, nor have those that kept their code.
        """
        predicates = {
            Relation.EXACT: iri(f"{_DCT}isReplacedBy"),
            Relation.NEARLY: iri(term_iri("regionIn2024")),
        }
        for successor in self._successors.values():
            code = successor.one
            if code is not None and code != successor.code_2021:
                yield iri(nuts_iri(successor.code_2021)), predicates[successor.relation], iri(nuts_iri(code))

    def country_triples(self, countries: Iterable[Country]) -> Iterator[Triple]:
        """Yield countries as SKOS concepts, each matched with its NUTS region if we hold one."""
        for country in sorted(countries, key=lambda each: each.iso2):
            node = iri(country.iri)
            yield node, _RDF_TYPE, _CONCEPT
            yield node, _NOTATION, literal(country.iso2)
            yield node, _PREF_LABEL, literal(country.name_en, lang="en")
            if self.versions(country.nuts):
                yield iri(nuts_iri(country.nuts)), _EXACT_MATCH, node


def _load_regions(path: Path, version: str) -> dict[str, Region]:
    regions: dict[str, Region] = {}
    for _, row in read_rows(path, ("code", "level", "name_latin", "name_local", "country", "kind"), NutsError):
        code, level = row["code"], row["level"]
        if code in regions:
            raise NutsError(f"{path.name}: {code} stands twice. Keep one row.")
        if level not in ("0", "1", "2", "3") or len(code) != 2 + int(level):
            raise NutsError(
                f"{path.name}: {code} cannot have the level {level!r}. Codes have two letters and one sign a level."
            )
        regions[code] = Region(
            code, version, int(level), row["name_local"], row["name_latin"], row["country"], row["kind"]
        )
    for region in regions.values():
        if region.parent_code is not None and region.parent_code not in regions:
            raise NutsError(f"{path.name}: {region.code} has no parent {region.parent_code}. Add its row.")
    return regions


def _load_successors(path: Path, regions: Mapping[str, Mapping[str, Region]]) -> dict[str, Successor]:
    successors: dict[str, Successor] = {}
    columns = ("code_2021", "code_2024", "relation", "evidence", "source", "note")
    for _, row in read_rows(path, columns, NutsError):
        old, new = row["code_2021"], row["code_2024"]
        try:
            relation = Relation(row["relation"])
        except ValueError:
            allowed = ", ".join(each.value for each in Relation)
            raise NutsError(f"{path.name}: {old} has the relation {row['relation']!r}. Use one of {allowed}.") from None
        if old not in regions["2021"]:
            raise NutsError(f"{path.name}: NUTS 2021 has no code {old!r}.")
        if (new == "") != (relation is Relation.UNKNOWN):
            raise NutsError(f"{path.name}: {old} needs a code of 2024, or the relation unknown and none.")
        if new and new not in regions["2024"]:
            raise NutsError(f"{path.name}: NUTS 2024 has no code {new!r}.")
        before = successors.get(old)
        if before is None:
            successors[old] = Successor(old, relation, (new,) if new else (), row["evidence"], row["note"])
            continue
        if before.relation is not relation or relation not in (Relation.PART, Relation.SPLIT):
            raise NutsError(
                f"{path.name}: {old} has several rows. Only part and split may, and all with the same relation."
            )
        evidence = before.evidence if row["evidence"] == before.evidence else f"{before.evidence} {row['evidence']}"
        note = before.note if row["note"] in ("", before.note) else f"{before.note} {row['note']}".strip()
        successors[old] = Successor(old, relation, (*before.codes_2024, new), evidence, note)
    return successors
