"""Judges contributions: what is wrong with tables and what the shapes say, as one list, each fault at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from circkg_loaders.contributed.contribution import Contribution
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.rdf import ContributionError
from circkg_server.contributions.bounds import date_bounds, written_as
from circkg_server.contributions.describing import Described
from circkg_server.contributions.explaining import Explainer
from circkg_server.contributions.knowledge import Knowledge
from circkg_server.contributions.locating import Locator, steps
from circkg_server.contributions.restating import restated
from circkg_server.contributions.suggestions.suggester import Suggester
from circkg_server.contributions.terms import undefined
from circkg_shapes.forms import Field
from circkg_shapes.report import Report
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import is_blank
from circkg_shapes.validate import Shapes, validate

_RDF: Final = frozenset(("turtle", "n-triples", "n-quads", "trig", "rdf-xml", "json-ld"))
_CONSEQUENCES: Final = frozenset(("missing", "missing-wished", "too-few"))


@dataclass(frozen=True)
class Used:
    """What a judgement rests on.

    :param engine: who validated.
    :param shapes: version of the shapes.
    :param vocabularies: version of each vocabulary, by slug.
    :param snapshot: number of the published snapshot; ``None`` for the curated data of this installation.
    """

    engine: str
    shapes: str
    vocabularies: Mapping[str, str]
    snapshot: int | None


@dataclass(frozen=True)
class Judgement:
    """What was found about some contributed files.

    :param contributions: the files, as they were read.
    :param faults: what is wrong, in the order of files, sheets, rows and columns.
    :param report: what the shapes say, as any SHACL processor says it.
    :param language: language of what people read.
    """

    contributions: tuple[Contribution, ...]
    faults: tuple[Fault, ...]
    report: Report
    used: Used
    language: str

    @property
    def conforms(self) -> bool:
        """Tell whether no fault is a violation: warnings and hints do not keep a contribution out."""
        return not any(fault.severity is Severity.VIOLATION for fault in self.faults)

    def count(self, severity: Severity) -> int:
        """Return the number of faults of a severity."""
        return sum(fault.severity is severity for fault in self.faults)


def our_shapes() -> Shapes:
    """Return the shapes of this installation."""
    return Shapes.load(shape_files())


def judge(
    contributions: Sequence[Contribution],
    knowledge: Knowledge,
    shapes: Shapes,
    *,
    language: str = "en",
    ours: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge contributed files together, in the light of what is known.

    :param language: language of names and labels in the faults.
    :param ours: whether the shapes are ours, so that terms of ours and things without a class are looked at too.
    :param progress: is told each step as it begins.
    :raises ContributionError: if nothing was checked and nothing else is wrong.
    """
    progress("validate")
    contributions = tuple(restated(each, knowledge) for each in contributions)
    focus = list(dict.fromkeys(triple for each in contributions for triple in each.judged))
    report = validate([*focus, *date_bounds(focus)], knowledge.background, shapes)
    if ours:
        report = report.with_results((*report.results, *undefined(focus, knowledge)))
    progress("explain")
    locator = Locator(contributions, knowledge)
    described = Described(shapes)
    explainer = Explainer(described, knowledge, locator, language)
    explained = explainer.faults(report.results)
    tables = [fault for each in contributions for fault in each.faults]
    faults = [*tables, *_own_faults(contributions, explained)]
    if not report.checked and not any(fault.severity is Severity.VIOLATION for fault in faults):
        names = ", ".join(each.file for each in contributions)
        raise ContributionError(
            f"{names}: nothing was checked, since nothing there is of a class that the shapes know. "
            "Give each thing its class, such as circ:Practice."
        )
    progress("suggest")
    suggester = Suggester(knowledge.names.with_things(focus), knowledge.defined, language)
    fields = _Fields(contributions, described)
    found = []
    for fault in faults:
        field = fields.of(fault)
        told = explainer.told_by_field(fault, field) if field and fault.source_shape is None else fault
        found.append(suggester.with_suggestions(told, field, as_rdf=fields.is_rdf(fault.place)))
    order = {each.file: number for number, each in enumerate(contributions)}
    used = Used(report.engine, shapes.version, knowledge.vocabularies, knowledge.snapshot)
    ordered = sorted(found, key=lambda fault: _sort_key(fault, order))
    return Judgement(contributions, tuple(ordered), report, used, language)


def _own_faults(contributions: Sequence[Contribution], explained: Iterable[Fault]) -> Iterator[Fault]:
    """Yield the faults that do not follow from what is told already: a cell that cannot be read, a missing name."""
    spoiled = {pair for each in contributions for pair in each.spoiled}
    nameless = {subject for each in contributions for subject, _, _ in each.nameless if is_blank(subject)}
    for fault in explained:
        if fault.code == "identifier-form" and fault.focus_node in nameless:
            continue
        named = [name for step, _ in steps(fault.path) for name in written_as(step)]
        if fault.code not in _CONSEQUENCES or not any((fault.focus_node, name) in spoiled for name in named):
            yield fault


class _Fields:
    """Finds what the column of a fault holds."""

    def __init__(self, contributions: Sequence[Contribution], shapes: Described) -> None:
        self._files = {each.file: each for each in contributions}
        self._shapes = shapes

    def of(self, fault: Fault) -> Field | None:
        """Return the field of a fault: by its shape, else by the header of its column."""
        by_shape = self._shapes.fields.get(fault.source_shape or "")
        if by_shape is not None or fault.place.header is None:
            return by_shape
        # A sheet may hold several forms: the column counts in the one that takes something from it.
        columns = (
            column
            for sheet in self._files[fault.place.file].sheets
            if sheet.sheet in (None, fault.place.sheet)
            for column in sheet.columns
        )
        taken = (each.field for each in columns if each.number == fault.place.column and each.field)
        return next(taken, None)

    def is_rdf(self, place: Place) -> bool:
        """Tell whether a place is in a file of RDF."""
        return self._files[place.file].syntax in _RDF


def _sort_key(fault: Fault, order: Mapping[str, int]) -> tuple[int, str, int, int, int, str, str]:
    place = fault.place
    return (
        order.get(place.file, 0), place.sheet or "", place.row or place.line or 0, place.column or 0, -fault.severity,
        fault.code, fault.path or "",
    )  # fmt: skip
