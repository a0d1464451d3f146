"""Writes a score: a table for people, JSON, and the Data Quality Vocabulary as the portal publishes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from circkg_loaders.prefixes import expand
from circkg_server.catalogue.description import FORMS, written
from circkg_server.catalogue.quality.metrics import MOST, RATINGS, SCORING, Dimension
from circkg_server.catalogue.quality.scoring import Measurement, Quality, Score
from circkg_shapes.terms import XSD, Triple, iri, literal

_OA = "http://www.w3.org/ns/oa#"
_COLOURS = {"Excellent": "green", "Good": "green", "Sufficient": "yellow", "Bad": "red"}


def as_table(quality: Quality) -> RenderableType:
    """Return the table: a line for each distribution, the best of each data set first in its group."""
    table = Table(title=f"Metadata quality of {quality.source}", title_justify="left")
    table.add_column("data set, distribution", overflow="fold")
    for dimension in Dimension:
        table.add_column(dimension.value[:6].capitalize() + ".", justify="right")
    table.add_column("points", justify="right")
    table.add_column("rating")
    table.add_column("missing", overflow="fold")
    for data_set in quality.data_sets:
        best = data_set.best
        table.add_section()
        table.add_row(f"[bold]{escape(data_set.title)}[/]", *_cells(best), "")
        for score in data_set.distributions:
            if score.iri != data_set.iri:
                title = score.title.removeprefix(f"{data_set.title}: ")
                table.add_row(f"  {escape(title)}", *_cells(score), escape("\n".join(score.missing)))
            elif score.missing:
                table.add_row("  no distribution", *[""] * 7, escape("\n".join(score.missing)))
    scores = [score for data_set in quality.data_sets for score in data_set.distributions]
    best_scores = [data_set.best.points for data_set in quality.data_sets]
    most = scores[0].most
    lines = [
        f"{len(quality.data_sets)} data sets, {len(scores)} distributions. Best distribution of a data set: "
        f"{min(best_scores)} to {max(best_scores)} of {most} points. All distributions: at least "
        f"{min(score.points for score in scores)}, on average {quality.mean:.1f}.",
        *quality.notes,
    ]
    if quality.not_ready:
        lines.append(f"Not ready to publish: {quality.not_ready}")
    elif quality.is_excellent:
        lines.append("Ready to publish.")
    return Group(table, Text("\n".join(lines)))


def _cells(score: Score) -> list[str]:
    rating = score.rating
    shown = f"[{_COLOURS[rating]}]{rating}[/]" if rating else ""
    return [*(str(score.of(dimension)) for dimension in Dimension), f"{score.points} of {score.most}", shown]


def as_json(quality: Quality) -> str:
    """Return the score as JSON."""
    content = {
        "source": quality.source,
        "ready": not quality.not_ready,
        "notReady": quality.not_ready,
        "notes": list(quality.notes),
        "most": MOST,
        "mean": round(quality.mean, 2),
        "datasets": [
            {
                "iri": data_set.iri, "title": data_set.title, "points": data_set.best.points,
                "rating": data_set.best.rating,
                "distributions": [_distribution(score) for score in data_set.distributions],
            }
            for data_set in quality.data_sets
        ],
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _distribution(score: Score) -> dict[str, object]:
    return {
        "iri": score.iri, "title": score.title, "points": score.points, "of": score.most, "rating": score.rating,
        "dimensions": {dimension.value: score.of(dimension) for dimension in Dimension},
        "missing": score.missing,
        "measurements": {one.metric.name: one.value for one in score.measured},
    }  # fmt: skip


def as_turtle(quality: Quality) -> str:
    """Return the measurements in the Data Quality Vocabulary: https://www.w3.org/TR/vocab-dqv/."""
    return written(_dqv(quality), FORMS[0]).decode()


def _dqv(quality: Quality) -> Iterator[Triple]:
    number = 0
    for subject, score, measured in _scored(quality):
        values = [(one.metric.iri, one.value) for one in measured]
        for metric, value in (*values, (expand("pv:score"), score.points)):
            if value is not None:
                number += 1
                yield from _measurement(subject, f"_:m{number}", metric, value)
        yield from _rating(subject, f"_:r{number}", score)


def _scored(quality: Quality) -> Iterator[tuple[str, Score, Iterable[Measurement]]]:
    """Yield each data set and distribution with its score and what was measured of itself."""
    for data_set in quality.data_sets:
        yield data_set.iri, data_set.best, data_set.own
        for score in data_set.distributions:
            if score.iri != data_set.iri:
                yield score.iri, score, [one for one in score.measured if one.metric.of_distribution]


def _rating(subject: str, node: str, score: Score) -> Iterator[Triple]:
    """Yield the rating as an annotation: https://www.w3.org/TR/vocab-dqv/#dqv:QualityAnnotation."""
    local = next((local for _, name, local in RATINGS if name == score.rating), "")
    if local:
        yield _node(subject), iri(expand("dqv:hasQualityAnnotation")), node
        yield node, iri(expand("rdf:type")), iri(expand("dqv:QualityAnnotation"))
        yield node, iri(f"{_OA}motivatedBy"), iri(expand("dqv:qualityAssessment"))
        yield node, iri(f"{_OA}hasTarget"), _node(subject)
        yield node, iri(f"{_OA}hasBody"), iri(SCORING + local)


def _measurement(subject: str, node: str, metric: str, value: bool | int) -> Iterator[Triple]:
    datatype = "boolean" if isinstance(value, bool) else "integer"
    yield _node(subject), iri(expand("dqv:hasQualityMeasurement")), node
    yield node, iri(expand("rdf:type")), iri(expand("dqv:QualityMeasurement"))
    yield node, iri(expand("dqv:isMeasurementOf")), iri(metric)
    yield node, iri(expand("dqv:computedOn")), _node(subject)
    yield node, iri(expand("dqv:value")), literal(str(value).lower(), datatype=XSD + datatype)


def _node(name: str) -> str:
    return name if name.startswith("_:") else iri(name)
