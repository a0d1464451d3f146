"""Figures of a release and of the default graph, counted at publish in one stream and kept as JSON.

They are derived: who deletes them gets the same again. No figure comes from the Oxigraph store, so that tests can hold
them against its COUNT queries.
"""

from __future__ import annotations

import calendar
import heapq
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from circkg_loaders.iris import NUTS_CODE
from circkg_loaders.prefixes import expand
from circkg_server.catalogue.targets import target_of
from circkg_server.publishing.blocks import Pairs, blocks
from circkg_server.releases.archive import Archive
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import XSD, XSD_STRING, Term, iri

FORMAT = 1
"""Raised when figures are counted in another way, so that older files are made anew."""

FOLDER = "statistics"
KEPT = 5
"""Figures of default graphs that are kept, as snapshots are."""

Block = tuple[Term, Pairs]
Blocks = Callable[[], Iterator[Block]]

_TYPE = iri(expand("rdf:type"))
_LANG_STRING = expand("rdf:langString")
_COUNTRY = f"<{expand('country:x')[:-1]}"
_NUTS = f"<{NUTS_CODE}"
_DATES = frozenset(f"{XSD}{name}" for name in ("date", "dateTime", "dateTimeStamp", "gYear", "gYearMonth"))
_EXAMPLES = 5


@dataclass(slots=True)
class Partition:
    """What the things of one class have of one property.

    :param subjects: things that have it.
    :param classes: triples by the class of the object, where the same data say of which class it is.
    :param datatypes: triples by the datatype of the object.
    """

    triples: int = 0
    subjects: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    datatypes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Statistics:
    """Figures of one graph. IRIs stand without angle brackets; every mapping is in alphabetical order.

    :param entities: subjects that have a class.
    :param classes: things of each class.
    :param properties: triples and subjects of each property.
    :param partitions: by class and property.
    :param links: triples by target and property.
    :param space: the beginning that all subjects share, if it is longer than a host.
    :param languages: literals by language tag.
    :param countries: codes of the EU table of countries that occur.
    :param nuts_countries: the same in the codes of NUTS, whose regions occur.
    :param earliest: first day of the earliest date that occurs; empty if none does.
    :param latest: last day of the latest date.
    :param examples: a thing of each of the largest classes.
    """

    triples: int = 0
    subjects: int = 0
    objects: int = 0
    entities: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    properties: dict[str, list[int]] = field(default_factory=dict)
    partitions: dict[str, dict[str, Partition]] = field(default_factory=dict)
    links: dict[str, dict[str, int]] = field(default_factory=dict)
    space: str = ""
    languages: dict[str, int] = field(default_factory=dict)
    countries: list[str] = field(default_factory=list)
    nuts_countries: list[str] = field(default_factory=list)
    earliest: str = ""
    latest: str = ""
    examples: list[str] = field(default_factory=list)

    @property
    def vocabularies(self) -> list[str]:
        """Return the namespaces of the classes and properties that occur."""
        return sorted({_namespace(term) for term in (*self.classes, *self.properties)})

    @property
    def linked(self) -> dict[str, int]:
        """Return the triples that lead to each target."""
        return {target: sum(by_property.values()) for target, by_property in self.links.items()}


def make(archive: Archive, manifest: Manifest, progress: Callable[[str], None] = lambda _: None) -> None:
    """Write the figures of a manifest's releases and of its default graph, unless they are there.

    The one who calls holds the archive's lock.

    :param progress: is told the title of what is counted.
    """
    for release in manifest.releases:
        progress(release.title)
        path = _path(archive, release)
        if _read(path) is None:
            _write(path, count(lambda release=release: blocks(archive, release)))  # type: ignore[misc]  # the default binds the loop's release
    progress("default graph")
    path = _merged_path(archive, manifest)
    if _read(path) is None:
        _write(path, count(lambda: _merged(archive, manifest)))


def remove_old(archive: Archive, current: Manifest, keep: int = KEPT) -> None:
    """Remove the figures of default graphs that nobody asks for any more. Those of releases stay."""
    kept = _merged_path(archive, current)
    for path in sorted((archive.folder / FOLDER).glob("[0-9]*.json"))[:-keep]:
        if path != kept:
            path.unlink()


@lru_cache(maxsize=256)
def of_release(archive: Archive, release: Release) -> Statistics:
    """Return the figures of a release, counted anew if somebody deleted them."""
    return _read(_path(archive, release)) or count(lambda: blocks(archive, release))


@lru_cache(maxsize=4)
def of_default_graph(archive: Archive, manifest: Manifest) -> Statistics:
    """Return the figures of the default graph of a manifest, counted anew if somebody deleted them."""
    return _read(_merged_path(archive, manifest)) or count(lambda: _merged(archive, manifest))


def count(read: Blocks) -> Statistics:
    """Return the figures of a graph.

    :param read: gives all that is said, subject by subject in order; it is read twice, since the class of an object
        may come after it.
    """
    classes_of = {
        subject: tuple(sorted(value[1:-1] for predicate, value in pairs if predicate == _TYPE and value[0] == "<"))
        for subject, pairs in read()
        if any(predicate == _TYPE for predicate, _ in pairs)
    }
    counting = _Counting(classes_of)
    for subject, pairs in read():
        counting.block(subject, pairs)
    return counting.result()


class _Counting:
    """Counts block by block. What grows with the data are the classes of things and a number for each object."""

    def __init__(self, classes_of: dict[Term, tuple[str, ...]]) -> None:
        self._classes_of = classes_of
        self._found = Statistics()
        self._objects = array("q")
        self._classes: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._places: set[Term] = set()
        self._first: dict[str, Term] = {}
        self._ends: list[Term] = []

    def block(self, subject: Term, pairs: Pairs) -> None:
        found = self._found
        found.subjects += 1
        found.triples += len(pairs)
        self._ends = [self._ends[0] if self._ends else subject, subject]
        self._place(subject)
        classes = self._classes_of.get(subject, ())
        found.entities += bool(classes)
        self._classes.update(classes)
        for class_ in classes:
            self._first.setdefault(class_, subject)
        from_ = target_of(subject)
        for predicate, of_property in groupby(pairs, key=itemgetter(0)):
            name = predicate[1:-1]
            values = [value for _, value in of_property]
            counts = found.properties.setdefault(name, [0, 0])
            counts[0] += len(values)
            counts[1] += 1
            partitions = [found.partitions.setdefault(class_, {}).setdefault(name, Partition()) for class_ in classes]
            for partition in partitions:
                partition.triples += len(values)
                partition.subjects += 1
            for value in values:
                self._objects.append(hash(value))
                if value[0] == '"':
                    self._literal(value, partitions)
                elif predicate != _TYPE:
                    self._place(value)
                    for class_ in self._classes_of.get(value, ()):
                        for partition in partitions:
                            partition.classes[class_] = partition.classes.get(class_, 0) + 1
                    target = target_of(value)
                    if target is not None and target is not from_:
                        by_property = found.links.setdefault(target.slug, {})
                        by_property[name] = by_property.get(name, 0) + 1

    def _literal(self, value: Term, partitions: list[Partition]) -> None:
        if value[-1] == '"':
            datatype = XSD_STRING
        elif value[-1] == ">":
            datatype = value[value.rindex("^^<") + 3 : -1]
            if datatype in _DATES:
                days = _days(value[1 : value.index('"', 1)])
                if days:
                    found = self._found
                    found.earliest = min(found.earliest or days[0], days[0])
                    found.latest = max(found.latest, days[1])
        else:
            datatype = _LANG_STRING
            self._languages[value[value.rindex("@") + 1 :]] += 1
        for partition in partitions:
            partition.datatypes[datatype] = partition.datatypes.get(datatype, 0) + 1

    def _place(self, term: Term) -> None:
        if term.startswith(_COUNTRY):
            self._places.add(term)
        elif term.startswith(_NUTS):
            self._places.add(term[: len(_NUTS) + 2])

    def result(self) -> Statistics:
        found = self._found
        found.objects = sum(1 for _ in groupby(sorted(self._objects)))
        found.classes = dict(sorted(self._classes.items()))
        found.properties = dict(sorted(found.properties.items()))
        found.partitions = {
            class_: {
                name: Partition(
                    part.triples,
                    part.subjects,
                    dict(sorted(part.classes.items())),
                    dict(sorted(part.datatypes.items())),
                )
                for name, part in sorted(of_class.items())
            }
            for class_, of_class in sorted(found.partitions.items())
        }
        found.links = {target: dict(sorted(by.items())) for target, by in sorted(found.links.items())}
        found.languages = dict(sorted(self._languages.items()))
        found.countries = sorted(place[len(_COUNTRY) : -1] for place in self._places if place.startswith(_COUNTRY))
        found.nuts_countries = sorted(place[len(_NUTS) :] for place in self._places if place.startswith(_NUTS))
        found.space = _shared_space(self._ends)
        largest = sorted(self._classes, key=lambda class_: (-self._classes[class_], class_))
        examples = dict.fromkeys(self._first[class_][1:-1] for class_ in largest[:_EXAMPLES])
        found.examples = sorted(examples)
        return found


def _merged(archive: Archive, manifest: Manifest) -> Iterator[Block]:
    """Yield the blocks of the default graph: the merge of its graphs, each triple once."""
    parts = [blocks(archive, release) for release in manifest.releases if release.role.in_default_graph]
    for subject, same in groupby(heapq.merge(*parts, key=itemgetter(0)), key=itemgetter(0)):
        found = [pairs for _, pairs in same]
        yield subject, found[0] if len(found) == 1 else sorted({pair for pairs in found for pair in pairs})


def _days(text: str) -> tuple[str, str] | None:
    """Return the first and last day of a date as XSD writes it, or ``None`` if it is none of the common era.

    >>> _days("2024-02"), _days("2021"), _days("2021-05-06T10:00:00Z"), _days("soon")
    (('2024-02-01', '2024-02-29'), ('2021-01-01', '2021-12-31'), ('2021-05-06', '2021-05-06'), None)
    """
    parts = text[:10].split("-")
    if not all(part[:2].isdigit() for part in parts) or len(parts[0].rstrip("Z")) < 4:
        return None
    try:
        year = int(parts[0][:4])
        if len(parts) == 1:
            return f"{year:04}-01-01", f"{year:04}-12-31"
        month = int(parts[1][:2])
        if len(parts) == 2:
            return f"{year:04}-{month:02}-01", f"{year:04}-{month:02}-{calendar.monthrange(year, month)[1]:02}"
        day = int(parts[2][:2])
    except (ValueError, calendar.IllegalMonthError):
        return None
    return (f"{year:04}-{month:02}-{day:02}",) * 2


def _shared_space(ends: Iterable[Term]) -> str:
    """Return what the first and the last subject, and so all, begin with, cut at the end of a segment.

    >>> _shared_space(["<https://example.org/id/a/1>", "<https://example.org/id/b/2>"])
    'https://example.org/id/'
    >>> _shared_space(["<http://a.example/1>", "<http://b.example/2>"])
    ''
    """
    first, *rest = [end[1:-1] for end in ends] or [""]
    last = rest[0] if rest else first
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    shared = first[:length]
    space = shared[: max(shared.rfind("/"), shared.rfind("#")) + 1]
    return space if space.count("/") >= 3 else ""


def _namespace(term: str) -> str:
    return term[: max(term.rfind("/"), term.rfind("#")) + 1]


def _path(archive: Archive, release: Release) -> Path:
    return archive.folder / FOLDER / release.set / f"{release.version}.json"


def _merged_path(archive: Archive, manifest: Manifest) -> Path:
    return archive.folder / FOLDER / f"{manifest.number:06}.json"


def _write(path: Path, found: Statistics) -> None:
    write_durably(path, json.dumps({"format": FORMAT} | asdict(found), ensure_ascii=False, indent=1).encode())


def _read(path: Path) -> Statistics | None:
    """Return the figures of a file, or ``None`` if it is missing, broken or counted in another way."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            return None
        partitions = {
            class_: {name: Partition(**part) for name, part in of_class.items()}
            for class_, of_class in content.pop("partitions").items()
        }
        return Statistics(partitions=partitions, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
