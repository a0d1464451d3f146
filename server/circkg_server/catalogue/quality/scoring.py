"""Computes the score: points of each distribution, by dimension, and what is missing.

A distribution has the points of its data set and its own; a data set has those of its best distribution.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from circkg_server.catalogue.editor import EXAMPLE_PUBLISHER
from circkg_server.catalogue.quality import metrics
from circkg_server.catalogue.quality.compliance import Compliance
from circkg_server.catalogue.quality.fetching import Fetcher, FetchError
from circkg_server.catalogue.quality.metrics import METRICS, Dimension, Metric
from circkg_server.catalogue.quality.reading import Metadata
from circkg_shapes.terms import Term

_AT_ONCE = 4
_EXAMPLE_HOST = re.compile(r"https?://(?:[^/]*\.)?(?:example\.(?:org|com|net|edu)|[^/]+\.example)(?:[/:#]|$)")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a metric found.

    :param reached: whether its points are given; ``None``: it was not asked.
    :param value: what was measured: a status, or whether it is there.
    :param told: what is missing, in words; empty if nothing is.
    """

    metric: Metric
    reached: bool | None
    value: bool | int | None
    told: str = ""

    @property
    def points(self) -> int:
        """Return the points."""
        return self.metric.points if self.reached else 0


@dataclass(frozen=True, slots=True)
class Score:
    """The points of a distribution together with its data set.

    :param iri: the distribution, or the data set if it has none.
    """

    iri: str
    title: str
    measured: tuple[Measurement, ...]

    @property
    def points(self) -> int:
        """Return all points."""
        return sum(one.points for one in self.measured)

    @property
    def most(self) -> int:
        """Return the points that could be had of what was asked."""
        return metrics.MOST - sum(one.metric.points for one in self.measured if one.reached is None)

    def of(self, dimension: Dimension) -> int:
        """Return the points of a dimension."""
        return sum(one.points for one in self.measured if one.metric.dimension is dimension)

    @property
    def missing(self) -> list[str]:
        """Return what is missing, in words."""
        return [one.told for one in self.measured if one.told]

    @property
    def is_excellent(self) -> bool:
        """Tell whether the best rating is reached, if what was not asked is given."""
        return self.points + metrics.MOST - self.most >= metrics.RATINGS[0][0]

    @property
    def rating(self) -> str:
        """Return the rating; none if not everything was asked."""
        return metrics.rating(self.points) if self.most == metrics.MOST else ""


@dataclass(frozen=True, slots=True)
class DataSetScore:
    """The score of a data set: that of its best distribution.

    :param own: what was measured of the data set itself.
    :param distributions: the score of each, in order; of a data set without one its own.
    """

    iri: str
    title: str
    own: tuple[Measurement, ...]
    distributions: tuple[Score, ...]

    @property
    def best(self) -> Score:
        """Return the best distribution."""
        return max(self.distributions, key=lambda score: score.points)


@dataclass(frozen=True, slots=True)
class Quality:
    """The score of a catalogue.

    :param not_ready: why it cannot be published as it is; empty if it can.
    :param notes: what must be known of how it was scored.
    """

    source: str
    data_sets: tuple[DataSetScore, ...]
    not_ready: str
    notes: tuple[str, ...]

    @property
    def is_excellent(self) -> bool:
        """Tell whether it can be published as it is, and every data set has the best rating."""
        return not self.not_ready and all(data_set.best.is_excellent for data_set in self.data_sets)

    @property
    def mean(self) -> float:
        """Return the mean of all distributions, as portals show it for a catalogue."""
        points = [score.points for data_set in self.data_sets for score in data_set.distributions]
        return sum(points) / len(points)


def score(
    source: str,
    metadata: Metadata,
    compliance: Compliance,
    fetcher: Fetcher | None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Quality:
    """Return the score of a catalogue.

    :param fetcher: asks the addresses; ``None``: none is asked, and what needs it is not counted.
    :param progress: is told how many addresses were asked, of how many.
    """
    data_sets = sorted(set(metadata.typed("dcat:Dataset")))
    if fetcher is not None:
        _ask_all(metadata, data_sets, fetcher, progress)
    notes = [f"Compliance with DCAT-AP: {compliance.checked_by}."]
    if fetcher is None:
        notes.append("No address was asked: of 405 points 80 are not counted, and there is no rating.")
    elif fetcher.resolve:
        notes += [f"Addresses that begin with {base} were asked at {to}." for base, to in fetcher.resolve.items()]
    if any(predicate.endswith("hydra/core#next>") for _, predicate, _ in metadata.triples):
        notes.append("The catalogue has more pages; only this one was scored.")
    found = tuple(_data_set(metadata, one, compliance, fetcher) for one in data_sets)
    return Quality(source, found, _not_ready(metadata), tuple(notes))


def _not_ready(metadata: Metadata) -> str:
    publishers = {
        publisher[1:-1]
        for name in ("dcat:Catalog", "dcat:Dataset")
        for node in metadata.typed(name)
        for publisher in metadata.values(node, "dct:publisher")
        if publisher[0] == "<"
    }
    for publisher in sorted(publishers):
        if publisher == EXAMPLE_PUBLISHER or _EXAMPLE_HOST.match(publisher):
            return (
                f"the publisher is an example (<{publisher}>). Say who publishes in catalogue.toml; "
                "deploy/catalogue.toml shows how."
            )
    return ""


def _ask_all(
    metadata: Metadata, data_sets: Iterable[Term], fetcher: Fetcher, progress: Callable[[int, int], None]
) -> None:
    """Ask every address once, several side by side."""
    addresses = sorted(
        {
            value[1:-1]
            for data_set in data_sets
            for distribution in metadata.values(data_set, "dcat:distribution")
            for name in ("dcat:accessURL", "dcat:downloadURL")
            for value in metadata.values(distribution, name)
            if value[0] == "<"
        }
    )

    def ask(address: str) -> None:
        with contextlib.suppress(FetchError):  # it is kept, and told where the address stands
            fetcher.status(address)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(ask, addresses), start=1):
            progress(number, len(addresses))


def _data_set(metadata: Metadata, node: Term, compliance: Compliance, fetcher: Fetcher | None) -> DataSetScore:
    faults = compliance.of(metadata, node)
    own = tuple(_of_data_set(metadata, node, metric, faults) for metric in METRICS if not metric.of_distribution)
    scores = tuple(
        Score(
            distribution.strip("<>"),
            metadata.title(distribution),
            (*own, *_of_distribution(metadata, distribution, fetcher)),
        )
        for distribution in metadata.values(node, "dcat:distribution")
    )
    title = metadata.title(node)
    if not scores:
        none = tuple(
            Measurement(metric, False, False, "a distribution" if number == 0 else "")
            for number, metric in enumerate(metric for metric in METRICS if metric.of_distribution)
        )
        scores = (Score(node.strip("<>"), title, (*own, *none)),)
    return DataSetScore(node.strip("<>"), title, own, scores)


_PROPERTIES = {
    "keywordAvailability": "dcat:keyword", "categoryAvailability": "dcat:theme", "spatialAvailability": "dct:spatial",
    "temporalAvailability": "dct:temporal", "downloadUrlAvailability": "dcat:downloadURL",
    "formatAvailability": "dct:format", "mediaTypeAvailability": "dcat:mediaType", "licenceAvailability": "dct:license",
    "accessRightsAvailability": "dct:accessRights", "contactPointAvailability": "dcat:contactPoint",
    "publisherAvailability": "dct:publisher", "rightsAvailability": "dct:rights",
    "byteSizeAvailability": "dcat:byteSize", "dateIssuedAvailability": "dct:issued",
    "dateModifiedAvailability": "dct:modified",
}  # fmt: skip
"""Metrics that ask only whether a property has a value."""


def _is(metric: Metric, reached: bool, told: str = "") -> Measurement:
    return Measurement(metric, reached, reached, "" if reached else told or metric.missing)


def _of_data_set(metadata: Metadata, node: Term, metric: Metric, faults: list[str]) -> Measurement:
    if metric.name == "dcatApCompliance":
        return _is(metric, not faults, f"{metric.missing} ({'; '.join(faults[:3])}{'; …' if len(faults) > 3 else ''})")
    if metric.name == "accessRightsVocabularyAlignment":
        values = metadata.values(node, "dct:accessRights")
        return _is(metric, any(value[1:].startswith(metrics.ACCESS_RIGHT) for value in values))
    return _is(metric, bool(metadata.values(node, _PROPERTIES[metric.name])))


def _of_distribution(metadata: Metadata, node: Term, fetcher: Fetcher | None) -> Iterable[Measurement]:
    formats = [value[1:-1] for value in metadata.values(node, "dct:format") if value[0] == "<"]
    types = [value[1:-1] for value in metadata.values(node, "dcat:mediaType") if value[0] == "<"]
    licences = [value[1:-1] for value in metadata.values(node, "dct:license") if value[0] == "<"]
    special = {
        "formatMediaTypeVocabularyAlignment": any(one.startswith(metrics.FILE_TYPE) for one in formats)
        and any(one.startswith(metrics.MEDIA_TYPES) for one in types),
        "formatMediaTypeNonProprietary": any(one in metrics.NON_PROPRIETARY for one in formats),
        "formatMediaTypeMachineInterpretable": any(one in metrics.MACHINE_READABLE for one in formats),
        "knownLicence": any(one.startswith(metrics.KNOWN_LICENCES) for one in licences),
    }
    for metric in METRICS:
        if not metric.of_distribution:
            continue
        if metric.needs_network:
            name = "dcat:accessURL" if metric.name == "accessUrlStatusCode" else "dcat:downloadURL"
            yield _status(metric, [value[1:-1] for value in metadata.values(node, name) if value[0] == "<"], fetcher)
        elif metric.name in special:
            yield _is(metric, special[metric.name])
        else:
            yield _is(metric, bool(metadata.values(node, _PROPERTIES[metric.name])))


def _status(metric: Metric, addresses: list[str], fetcher: Fetcher | None) -> Measurement:
    """Return what the best of several addresses answers."""
    if fetcher is None:
        return Measurement(metric, None, None)
    told = metric.missing
    status: int | None = None
    for address in addresses:
        try:
            status = fetcher.status(address)
        except FetchError as error:
            told = f"{metric.missing} ({error})"
            continue
        if 200 <= status < 300:
            return Measurement(metric, True, status)
        told = f"{metric.missing} (HEAD <{address}> gives {status})"
    return Measurement(metric, False, status, told)
