"""Puts faults of one kind together: by rule, then by value, with exact counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from circkg_loaders.contributed.faults import Fault, Severity
from circkg_shapes.report import Json
from circkg_shapes.terms import Term

LISTED = 20
"""Faults of one group that are listed for people, unless they ask for more or less."""


@dataclass(frozen=True, slots=True)
class Group:
    """The faults of one rule.

    :param field: what the column is called, empty if the rule is not about a column.
    :param faults: all of them, in the order of their places.
    """

    code: str
    severity: Severity
    field: str
    source_shape: Term | None
    faults: tuple[Fault, ...]

    @property
    def values(self) -> list[tuple[str, int]]:
        """How often each value is at fault, the most frequent first; values that are missing do not count."""
        counted = Counter(written for fault in self.faults if (written := value_of(fault)))
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))

    def listed(self, limit: int | None) -> Sequence[Fault]:
        """Return the first faults, all if there is no limit."""
        return self.faults if limit is None else self.faults[:limit]

    def to_dict(self) -> dict[str, Json]:
        """Return the group as values that JSON can hold."""
        values: list[Json] = [{"value": value, "count": count} for value, count in self.values]
        return {
            "code": self.code,
            "severity": self.severity.name.lower(),
            "field": self.field or None,
            "sourceShape": self.source_shape,
            "count": len(self.faults),
            "values": values,
        }


def value_of(fault: Fault) -> str:
    """Return the value at fault as it is written; empty if there is none."""
    return fault.place.raw or fault.values.get("value", "")


def grouped(faults: Sequence[Fault]) -> list[Group]:
    """Return faults by severity, code and column: the gravest first, then the most frequent."""
    found: defaultdict[tuple[Severity, str, str, Term | None], list[Fault]] = defaultdict(list)
    for fault in faults:
        found[fault.severity, fault.code, fault.values.get("field", ""), fault.source_shape].append(fault)
    times = Counter((severity, code, field) for severity, code, field, _ in found)
    groups = [
        Group(
            code, severity, _named(field, of_rule) if times[severity, code, field] > 1 else field, shape, tuple(of_rule)
        )
        for (severity, code, field, shape), of_rule in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.severity, -len(group.faults), group.code, group.field))


def _named(field: str, faults: Sequence[Fault]) -> str:
    """Return what a column is called together with the kind of its things, where several kinds have one."""
    kind = faults[0].values.get("kind", "")
    return f"{field} ({kind})" if field and kind else field
