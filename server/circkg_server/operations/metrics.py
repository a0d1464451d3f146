"""Metrics for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from circkg_server.engines.interface import Engine
from circkg_server.operations.space import FreeSpace

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class CacheFigures(Protocol):
    """The figures of the cache of answers."""

    @property
    def held(self) -> int:
        """Return the bytes that are kept."""
        ...

    @property
    def hits(self) -> int:
        """Return how often an answer was there."""
        ...

    @property
    def misses(self) -> int:
        """Return how often one was not."""
        ...


@dataclass(slots=True)
class Metrics:
    """What can be read at ``/metrics``. Queries are counted as they end, all else is looked up when it is asked for."""

    engine: Engine
    cache: CacheFigures | None = None
    space: FreeSpace | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _seconds: Histogram = field(init=False)
    _events: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Name the metrics."""
        self._seconds = Histogram(
            "circkg_query_seconds", "Time of queries by outcome; kept answers are cached or not-modified.", ["outcome"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._events = Counter("circkg_engine_events", "What happened to readers.", ["event"], registry=self.registry)
        self.registry.register(_Figures(self._figures))

    def observe(self, outcome: str, seconds: float) -> None:
        """Count a query."""
        self._seconds.labels(outcome).observe(seconds)

    def event(self, name: str) -> None:
        """Count an event of the engine; only the first word names it, so that the kinds stay few."""
        self._events.labels(name.partition(" ")[0][:40]).inc()

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """Return the media type and the text of all metrics."""
        encode, media_type = choose_encoder(accept)
        return media_type, encode(self.registry)

    def _figures(self) -> Iterator[Metric]:
        engine = self.engine
        number = engine.current.manifest.number if engine.current else 0
        yield GaugeMetricFamily("circkg_snapshot", "Number of the snapshot that is served; 0: none.", number)
        yield GaugeMetricFamily("circkg_ready", "1 if queries are answered.", int(engine.ready))
        labels = ["engine", "snapshot"]
        readers = GaugeMetricFamily("circkg_readers", "Readers that live.", labels=labels)
        running = GaugeMetricFamily("circkg_queries_running", "Queries that are evaluated.", labels=labels)
        waiting = GaugeMetricFamily("circkg_queries_waiting", "Queries that wait for a reader.", labels=labels)
        lent = GaugeMetricFamily("circkg_lent_connections", "Connections that readers answer.", labels=labels)
        respawns = CounterMetricFamily("circkg_reader_respawns", "Readers that were replaced.", labels=labels)
        for pool in engine.pools:
            values = [pool.kind.value, str(pool.number)]
            readers.add_metric(values, pool.readers)
            running.add_metric(values, len(pool.running))
            waiting.add_metric(values, pool.waiting)
            lent.add_metric(values, pool.lent)
            respawns.add_metric(values, pool.respawns)
        yield from (readers, running, waiting, lent, respawns)
        if self.cache is not None:
            yield CounterMetricFamily("circkg_cache_hits", "Answers that were kept.", self.cache.hits)
            yield CounterMetricFamily("circkg_cache_misses", "Answers that had to be evaluated.", self.cache.misses)
            yield GaugeMetricFamily("circkg_cache_bytes", "Bytes of kept answers.", self.cache.held)
        if self.space is not None:
            yield GaugeMetricFamily("circkg_free_bytes", "Free bytes of the store's disk.", self.space.free())
            yield GaugeMetricFamily("circkg_reserve_bytes", "Bytes that must stay free.", self.space.reserve)


class _Figures(Collector):
    """Looks figures up when they are asked for."""

    def __init__(self, figures: Callable[[], Iterator[Metric]]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        return self._figures()
