"""Resolves the texts of linked columns to things, and keeps count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from circkg_loaders.facts.reader import Row


@dataclass(frozen=True, slots=True)
class Target:
    """What a text means: a thing, a concept or a NUTS region."""

    type: str
    slug: str


@dataclass(slots=True)
class LinkTally:
    """How the cells of one linked column fared.

    A cell counts as linked if at least one of its items leads to a thing.
    """

    cells: int = 0
    linked: int = 0
    as_text: int = 0
    items: int = 0
    links: int = 0
    kept: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Links:
    """The curated meaning of texts, from the tables ``links`` and ``unresolved`` of one set.

    A row with a key speaks of that one row; a row without speaks of every row with the text.
    """

    _targets: dict[tuple[str, str, str, str], list[Target]] = field(default_factory=dict)
    _reasons: dict[tuple[str, str, str, str], str] = field(default_factory=dict)
    _used: set[tuple[str, str, str, str]] = field(default_factory=set)
    _where: dict[tuple[str, str, str, str], Row] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Links:
        """Return the links that the rows of the tables ``links`` and ``unresolved`` state."""
        links = cls()
        for row in rows:
            place = (row["table"], row["column"], row["text"], row["key"])
            links._where.setdefault(place, row)
            if row.table.name == "links":
                links._targets.setdefault(place, []).append(Target(row["target_type"], row["target"]))
            else:
                links._reasons[place] = row["reason"]
        return links

    def resolve(self, table: str, column: str, text: str, key: str) -> list[Target] | str | None:
        """Return the targets of a text, or the reason why it stays text, or ``None`` if nobody has looked."""
        for place in ((table, column, text, key), (table, column, text, "")):
            if place in self._targets:
                self._used.add(place)
                return self._targets[place]
            if place in self._reasons:
                self._used.add(place)
                return self._reasons[place]
        return None

    def unused(self) -> list[Row]:
        """Return the rows whose text stands in no cell, so that a slip of the pen does not go unseen."""
        return [row for place, row in self._where.items() if place not in self._used]
