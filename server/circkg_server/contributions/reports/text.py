"""A judgement for a terminal: what is wrong where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.places import Place, column_letter
from circkg_server.contributions import wording
from circkg_server.contributions.grouping import LISTED, Group, grouped, value_of
from circkg_server.contributions.judging import Judgement
from circkg_server.contributions.reports import accounts
from circkg_server.terminal import Visible

_MARKS = {Severity.VIOLATION: ("✖", "red"), Severity.WARNING: ("▲", "yellow"), Severity.INFO: ("●", "cyan")}
_SHOWN_PLACES = 5
_WIDEST_PLACE = 34
_LONGEST = 240
"""Longest value that is shown: the cell itself has the rest."""


def as_text(judgement: Judgement, limit: int | None = None) -> RenderableType:
    """Return a judgement for a terminal.

    :param limit: faults of each group that are listed; :data:`LISTED` by default.
    """
    limit = LISTED if limit is None else limit
    parts = list(_files(judgement))
    for group in grouped(judgement.faults):
        parts += [Text(""), *_GroupText(group, judgement, limit).parts()]
    return Visible(Stack(*parts, Text(""), *_end(judgement)))


def _files(judgement: Judgement) -> Iterator[RenderableType]:
    said, language = wording.words(judgement.language), judgement.language
    for contribution in judgement.contributions:
        head = Text(contribution.file, style="bold")
        if rows := accounts.rows(contribution, language):
            head.append(f"  {rows}", style="not bold")
        yield head
        if read_as := accounts.style(contribution, language):
            yield _indented(Text(wording.labelled(said["read_as"], read_as, language), style="dim"))
        if headers := accounts.not_read(contribution):
            yield _indented(
                Text(
                    wording.labelled(said["not_read"], wording.cut(", ".join(headers), _LONGEST), language), style="dim"
                )
            )


def _end(judgement: Judgement) -> Iterator[RenderableType]:
    colour = "green" if judgement.conforms and not judgement.count(Severity.WARNING) else "yellow"
    outcome = Text(accounts.outcome(judgement), style=f"bold {colour if judgement.conforms else 'red'}")
    yield outcome
    yield Text(accounts.totals(judgement))
    yield Text(
        " · ".join(wording.labelled(*pair, judgement.language) for pair in accounts.used(judgement)), style="dim"
    )


class _GroupText:
    """A group for a terminal."""

    def __init__(self, group: Group, judgement: Judgement, limit: int) -> None:
        self._group = group
        self._language = judgement.language
        self._said = wording.words(judgement.language)
        self._limit = limit
        self._with_file = len(judgement.contributions) > 1
        places = [fault.place for fault in group.faults]
        self._one_column = len({(place.sheet, place.column, place.header) for place in places}) == 1

    def parts(self) -> Iterator[RenderableType]:
        """Yield the head, what to do, and the places."""
        yield self._head()
        yield _indented(self._explained())
        yield _indented(self._places())
        total = len(self._group.faults)
        if total > self._limit:
            more = self._said["listed"].format(shown=self._limit, total=total)
            yield _indented(Text(f"{more} {self._said['everything']}", style="dim"))

    def _head(self) -> Text:
        group, place = self._group, self._group.faults[0].place
        mark, colour = _MARKS[group.severity]
        head = Text(f"{mark} {len(group.faults)} × {wording.title(group.faults[0], self._language)}", f"bold {colour}")
        named = [group.field] if group.field else []
        if self._one_column and place.column:
            header = " ".join((place.header or "").split())
            same = header.casefold() == group.field.casefold()
            letter = f"{self._said['column']} {column_letter(place.column)}"
            named.append(letter if same or not header else f"{letter} “{header}”")
        head.append("".join(f" · {name}" for name in named))
        return head.append(f"  {wording.severity(group.severity, self._language)} {group.code}", "not bold dim")

    def _explained(self) -> Table:
        first, language = self._group.faults[0], self._language
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(style="dim", max_width=18)
        table.add_column(overflow="fold")
        if values := wording.counted(self._group.values, self._limit, language):
            table.add_row(self._said["value"], Text(values))
        if expected := wording.expected(first, language):
            table.add_row(self._said["expected"], Text(expected))
        table.add_row(self._said["way_out"], Text(wording.way_out(first, language)))
        return table

    def _places(self) -> Table:
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(style="bold", overflow="fold", max_width=_WIDEST_PLACE)
        table.add_column(overflow="fold")
        for fault in self._group.listed(self._limit):
            table.add_row(Text(self._place(fault)), self._said_of(fault))
        return table

    def _place(self, fault: Fault) -> str:
        shown = [self._one_place(place) for place in fault.also[:_SHOWN_PLACES]]
        if len(fault.also) > _SHOWN_PLACES:
            shown.append("…")
        own = self._one_place(fault.place)
        return f"{own} {self._said['also']} {', '.join(shown)}" if shown else own

    def _one_place(self, place: Place) -> str:
        if self._one_column and place.cell:
            place = Place(place.file, None, place.row, place.column)
        return wording.place(place, self._language, with_file=self._with_file)

    def _said_of(self, fault: Fault) -> Text:
        """Return what is wrong at a place: the message, or in a longer list the value or the thing without one."""
        alone = len(self._group.faults) == 1 or wording.has_own_message(fault)
        brief = value_of(fault) or fault.values.get("thing", "")
        text = Text(wording.message(fault, self._language) if alone else wording.cut(brief, _LONGEST))
        for found in fault.suggestions:
            why = wording.because(found, self._language)
            text.append("\n→ ", "dim").append(found.text, "green")
            text.append(f" {found.label}" if found.label else "")
            text.append(f" ({why})" if why else "", "dim")
        return text


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)
