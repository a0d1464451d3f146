"""What a validation found: results and the report that holds them.

Results are plain values in N-Triples text, sorted, so that two reports can be compared whatever engine made them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from circkg_shapes.terms import Term, literal

SH = "http://www.w3.org/ns/shacl#"

Messages: TypeAlias = tuple[tuple[str, str], ...]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

VIOLATION, WARNING, INFO = (f"<{SH}{name}>" for name in ("Violation", "Warning", "Info"))


@dataclass(frozen=True, slots=True)
class Result:
    """One validation result, all terms as N-Triples text.

    :param path: the path as SPARQL writes property paths, ``None`` for a constraint on the node itself.
    :param messages: pairs of language tag (empty if none) and text, sorted.
    :param name: the label (``sh:name``) of the source shape in English, empty if it has none.
    :param path_turtle: the same path as SHACL writes it in Turtle; follows from the path, so never compared.
    """

    focus_node: Term
    path: str | None
    value: Term | None
    component: Term
    source_shape: Term
    severity: Term
    messages: Messages = ()
    name: str = ""
    path_turtle: str | None = field(default=None, compare=False, repr=False)

    def message(self, language: str = "en") -> str:
        """Return the message in a language, else in English, else in any.

        >>> texts = (("en", "Give a title."), ("fi", "Anna nimi."))
        >>> r = Result("<x:a>", None, None, "<x:c>", "<x:s>", VIOLATION, texts)
        >>> r.message("fi"), r.message("pl")
        ('Anna nimi.', 'Give a title.')
        """
        by_language = dict(self.messages)
        for wanted in (language, "en", ""):
            if wanted in by_language:
                return by_language[wanted]
        return self.messages[0][1] if self.messages else ""

    @property
    def component_name(self) -> str:
        """The local name of the constraint component, without its ending.

        >>> Result("<x:a>", None, None, f"<{SH}MinCountConstraintComponent>", "<x:s>", VIOLATION).component_name
        'MinCount'
        """
        local = self.component.strip("<>").rpartition("#")[2] or self.component
        return local.removesuffix("ConstraintComponent")

    @property
    def sort_key(self) -> tuple[str, ...]:
        """What results are ordered by: focus node, path, shape, component, value and the rest."""
        return (
            self.focus_node,
            self.path or "",
            self.source_shape,
            self.component,
            self.value or "",
            self.severity,
            self.name,
            repr(self.messages),
        )

    def to_dict(self) -> dict[str, Json]:
        """Return the result as values that JSON can hold."""
        messages: dict[str, Json] = dict(self.messages)
        return {
            "focusNode": self.focus_node,
            "path": self.path,
            "value": self.value,
            "component": self.component,
            "sourceShape": self.source_shape,
            "severity": self.severity,
            "name": self.name,
            "messages": messages,
        }

    def _turtle(self) -> str:
        lines = [f"    a <{SH}ValidationResult>", f"<{SH}focusNode> {self.focus_node}"]
        if self.path_turtle or self.path:
            lines.append(f"<{SH}resultPath> {self.path_turtle or self.path}")
        if self.value is not None:
            lines.append(f"<{SH}value> {self.value}")
        lines.append(f"<{SH}sourceConstraintComponent> {self.component}")
        lines.append(f"<{SH}sourceShape> {self.source_shape}")
        lines.append(f"<{SH}resultSeverity> {self.severity}")
        lines += [f"<{SH}resultMessage> {literal(text, lang=tag or None)}" for tag, text in self.messages]
        return "  [\n" + " ;\n    ".join(lines) + "\n  ]"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one validation: its results in order, the engine that said so and how long it took.

    :param checked: number of different nodes that some shape looked at.
    :param timings: seconds by step; never part of a comparison.
    :param shapes: version of the shapes, see :attr:`circkg_shapes.shapes.Shapes.version`.
    :param snapshot: number of the published snapshot that was looked at, ``None`` if none was.
    :param remarks: what the shapes say without effect.
    """

    results: tuple[Result, ...]
    engine: str
    checked: int = 0
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)
    shapes: str = ""
    snapshot: int | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        results: Iterable[Result],
        engine: str,
        checked: int = 0,
        timings: Mapping[str, float] | None = None,
        *,
        shapes: str = "",
        snapshot: int | None = None,
        remarks: tuple[str, ...] = (),
    ) -> Report:
        """Return the report of results in any order."""
        ordered = tuple(sorted(results, key=lambda result: result.sort_key))
        return cls(ordered, engine, checked, timings or {}, shapes, snapshot, remarks)

    def with_results(self, results: Iterable[Result]) -> Report:
        """Return the same report with other results, in any order."""
        return replace(self, results=tuple(sorted(results, key=lambda result: result.sort_key)))

    @property
    def conforms(self) -> bool:
        """Tell whether nothing is a Violation; Warnings and Infos do not count."""
        return not any(result.severity == VIOLATION for result in self.results)

    @property
    def by_shape(self) -> dict[tuple[Term, Term], int]:
        """Number of results by source shape and constraint component, in order of these."""
        return dict(sorted(Counter((result.source_shape, result.component) for result in self.results).items()))

    @property
    def by_severity(self) -> dict[Term, int]:
        """Number of results by severity."""
        return dict(sorted(Counter(result.severity for result in self.results).items()))

    def to_turtle(self) -> str:
        """Return the report as the standard ``sh:ValidationReport``, in Turtle.

        ``sh:conforms`` follows the recommendation: it is true only without any result, Warnings included.
        """
        head = f"[] a <{SH}ValidationReport> ;\n  <{SH}conforms> {'false' if self.results else 'true'}"
        if not self.results:
            return head + " .\n"
        return f"{head} ;\n  <{SH}result>\n" + " ,\n".join(result._turtle() for result in self.results) + " .\n"

    def to_dict(self) -> dict[str, Json]:
        """Return the report as values that JSON can hold."""
        by_severity: dict[str, Json] = dict(self.by_severity)
        timings: dict[str, Json] = {step: round(seconds, 4) for step, seconds in self.timings.items()}
        return {
            "conforms": self.conforms,
            "engine": self.engine,
            "shapes": self.shapes,
            "snapshot": self.snapshot,
            "remarks": list(self.remarks),
            "checked": self.checked,
            "bySeverity": by_severity,
            "byShape": [
                {"sourceShape": shape, "component": component, "count": count}
                for (shape, component), count in self.by_shape.items()
            ],
            "results": [result.to_dict() for result in self.results],
            "timings": timings,
        }
