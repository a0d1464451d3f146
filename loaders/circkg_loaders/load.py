"""Reads everything that ``data/`` and the other rooms hold, as one graph a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from circkg_loaders.facts.index import Index
from circkg_loaders.facts.links import Links
from circkg_loaders.facts.reader import Row, TableError, read_table, table_files
from circkg_loaders.facts.statements import Reading, SetReader
from circkg_loaders.nuts import Country, Nuts, NutsError, load_countries
from circkg_loaders.origin import Origin
from circkg_loaders.prefixes import expand
from circkg_loaders.rdf_files import RdfFileError, read_turtle
from circkg_loaders.registry import DataSet, RegistryError, Role, read_registry, read_retired
from circkg_loaders.source_documents import SourceDocument, SourceError, by_address, read_sources, source_triples
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import Triple, iri_text

RECORDS = "-records"
"""Ending of the slug of the set that holds the records of another set."""


class LoadError(ValueError):
    """The data cannot be loaded as a whole; the message says which file is at fault and what to do."""


@dataclass(slots=True)
class Loaded:
    """All data sets as triples, with the origin of what tables say and the account of every row.

    :param triples: triples of each set, by slug; the inferred set is not among them.
    :param origins: cells from which a stated triple comes, the first one for each set.
    """

    sets: list[DataSet]
    triples: dict[str, list[Triple]] = field(default_factory=dict)
    origins: dict[Triple, list[Origin]] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    unused_links: list[Row] = field(default_factory=list)

    def of_role(self, *roles: Role) -> list[Triple]:
        """Return the triples of all sets of the given roles, as they come."""
        return [t for s in self.sets if s.role in roles for t in self.triples.get(s.slug, [])]

    def of_reader(self, reader: str) -> list[Triple]:
        """Return the triples of all sets that come by one reader."""
        return [t for s in self.sets if s.reader == reader for t in self.triples.get(s.slug, [])]


@dataclass(slots=True)
class _Room:
    """What the readers of sets share."""

    data: Path
    nuts: Nuts
    countries: dict[str, Country]
    sources: list[SourceDocument]
    index: Index
    rows: dict[str, list[Row]]


def load(data: Path | None = None, *, progress: Callable[[str], None] = lambda _: None) -> Loaded:
    """Read all data sets of the registry.

    :param data: the data room; by default the one of this checkout or installation.
    :param progress: is told the title of each set as its reading begins.
    :raises LoadError: if a file is broken as a whole; single rows at fault are rejections in the readings.
    """
    data = data or room("data")
    try:
        sets = read_registry(data)
        shared = _shared(data, sets)
        loaded = Loaded(sets)
        for found in sets:
            progress(found.title)
            if found.reader == "facts":
                _load_facts(loaded, found, shared)
            elif found.reader in READERS:
                loaded.triples[found.slug] = list(READERS[found.reader](found, shared))
            elif found.reader not in ("records", "rules"):
                raise RegistryError(f"sets.csv: {found.slug} names the reader {found.reader!r}, which there is not.")
        for found in sets:
            if found.reader == "records":
                reading = loaded.readings.get(found.slug.removesuffix(RECORDS))
                if reading is None:
                    raise RegistryError(f"sets.csv: {found.slug} has no set of which it could hold the records.")
                loaded.triples[found.slug] = [statement.triple for statement in reading.provenance]
    except (RegistryError, TableError, SourceError, RdfFileError, NutsError, OSError) as error:
        raise LoadError(str(error)) from error
    return loaded


def _shared(data: Path, sets: list[DataSet]) -> _Room:
    rows: dict[str, list[Row]] = {}
    for found in sets:
        if found.reader == "facts":
            folder = data / found.slug
            if not folder.is_dir():
                raise TableError(f"{folder} is missing. sets.csv lists it as a data set.")
            rows[found.slug] = [
                row for table, path in table_files(folder)
                for row in read_table(table, path, path.relative_to(data).as_posix())
            ]  # fmt: skip
            if not rows[found.slug]:
                raise TableError(f"{folder} holds no row. Put its tables back, or take the set out of sets.csv.")
    index = Index()
    for of_set in rows.values():
        index.add_all(of_set)
    for iri in read_retired(data).keys() & set(index.things.values()):
        raise RegistryError(f"{iri} was withdrawn (retired.csv), and an IRI is never used again. Choose another slug.")
    scheme = f"<{expand('skos:inScheme')}>"
    for path in _vocabulary_files():
        index.concepts |= {iri_text(s) for s, p, _ in read_turtle(path) if p == scheme}
    countries = load_countries(data / "countries.csv")
    return _Room(data, Nuts.load(data / "nuts"), countries, read_sources(data), index, rows)


def _load_facts(loaded: Loaded, found: DataSet, shared: _Room) -> None:
    rows = shared.rows[found.slug]
    links = Links.of(row for row in rows if row.table.name in ("links", "unresolved"))
    reader = SetReader(found.slug, shared.index, links, shared.nuts, shared.countries, by_address(shared.sources))
    for row in rows:
        reader.read(row)
    loaded.readings[found.slug] = reader.reading
    loaded.triples[found.slug] = [statement.triple for statement in reader.reading.stated]
    for statement in reader.reading.stated:
        loaded.origins.setdefault(statement.triple, []).append(statement.origin)
    loaded.unused_links.extend(links.unused())


def _vocabulary_files() -> list[Path]:
    return sorted((room("ontology") / "vocabularies").glob("*.ttl"))


def _ontology(_: DataSet, __: _Room) -> Iterator[Triple]:
    for name in ("circkg.ttl", "alignments.ttl"):
        yield from read_turtle(room("ontology") / name)


def _vocabularies(_: DataSet, __: _Room) -> Iterator[Triple]:
    for path in _vocabulary_files():
        yield from read_turtle(path)


def _shapes(_: DataSet, __: _Room) -> Iterator[Triple]:
    for path in shape_files():
        yield from read_turtle(path)


READERS: dict[str, Callable[[DataSet, _Room], Iterator[Triple]]] = {
    "sources": lambda _, shared: source_triples(shared.sources, shared.index),
    "ontology": _ontology,
    "vocabularies": _vocabularies,
    "shapes": _shapes,
    "nuts-2021": lambda _, shared: shared.nuts.triples("2021"),
    "nuts-2024": lambda _, shared: shared.nuts.triples("2024"),
    "nuts-successors": lambda _, shared: shared.nuts.successor_triples(),
    "countries": lambda _, shared: shared.nuts.country_triples(shared.countries.values()),
}
