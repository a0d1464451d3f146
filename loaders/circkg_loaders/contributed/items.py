"""The values of a cell as texts, after what a mapping says of its column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from circkg_loaders.contributed.cells import CellReader
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.limits import MAX_VALUES
from circkg_loaders.contributed.plans import Plan, Use
from circkg_loaders.contributed.sheets import Cell, Several, shown
from circkg_loaders.contributed.splitting import split

MISSING = frozenset((
    "", "-", "–", "—", "--", "n/a", "n.a.", "n. a.", "null", "nan", "..", "...", ":", "k.a.", "n.v.t.", "s/d",
))  # fmt: skip
"""Cells that mean nothing in lists of all kinds, in small letters; a mapping may name more."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a cell.

    :param language: language that the value itself names, as JSON can; empty if it names none.
    :param is_number: the file holds it as a number, so it has no notation that could be misread.
    """

    text: str
    language: str = ""
    is_number: bool = False


class Items:
    """Parts cells into values.

    :param missing: texts that mean nothing, in small letters.
    """

    def __init__(self, missing: Collection[str], cells: CellReader) -> None:
        self._missing = missing
        self._cells = cells
        self._texts: dict[tuple[int, str], list[Item]] = {}

    def of(self, plan: Plan, row: int, use: Use) -> list[Item]:
        """Return the values of a cell; none if it holds nothing."""
        cell = plan.sheet.cell(row, use.number)
        if cell is None or cell == "":
            return []
        if isinstance(cell, Several):
            parts = [(item, shown(item).strip(), language) for item, language in cell.items]
            return [item for part in parts[: MAX_VALUES + 1] for item in self._read(*part, use)]
        if not isinstance(cell, str):
            return self._parted(cell, use)
        # Columns repeat their texts, so a text is parted once for each use.
        key = (id(use), cell)
        if key not in self._texts:
            self._texts[key] = self._parted(cell, use)
        return self._texts[key]

    def _parted(self, cell: Cell, use: Use) -> list[Item]:
        text = shown(cell).strip()
        if text.casefold() in self._missing:
            return []
        whole = self._mapped(text, use)
        if whole is not None:
            return [Item(each) for each in whole]
        parts = self._split(text, use)
        return [item for part in parts[: MAX_VALUES + 1] for item in self._read(cell, part, "", use)]

    def _read(self, cell: Cell, part: str, language: str, use: Use) -> Iterator[Item]:
        if part.casefold() in self._missing:
            return
        meant = self._mapped(part, use)
        if meant is not None:
            yield from (Item(each, language) for each in meant)
            return
        if use.mapped and use.mapped.unit:
            part = part.replace(use.mapped.unit, "").strip()
        yield Item(part, language, isinstance(cell, int | float) and not isinstance(cell, bool))

    @staticmethod
    def _mapped(text: str, use: Use) -> tuple[str, ...] | None:
        return use.mapped.values.get(folded(text)) if use.mapped and use.mapped.values else None

    def _split(self, text: str, use: Use) -> list[str]:
        field = use.field
        if field is None:
            return [text]
        separator = use.mapped.separator if use.mapped else None
        values = use.mapped.values if use.mapped else {}
        return split(
            text, field, separator,
            lambda part: folded(part) in values or self._cells.names_something(part, field),
            lambda part: any(key.startswith(folded(part)) for key in values) or self._cells.begins_something(part),
        )  # fmt: skip
