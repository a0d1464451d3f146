"""Where each triple and each thing of a contribution comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from circkg_loaders.contributed.places import Place
from circkg_shapes.terms import Term, Triple, iri_text, is_blank, is_iri, literal_parts


class Origins(ABC):
    """Finds the place of a triple, of a thing, and of what is missing."""

    @abstractmethod
    def of(self, triple: Triple) -> tuple[Place, ...]:
        """Return every place that states a triple; none if no place does."""

    @abstractmethod
    def of_focus(self, term: Term) -> Place | None:
        """Return the place that makes a thing: its row, or the first line about it; ``None`` if no place does."""

    @abstractmethod
    def of_missing(self, focus: Term, path: str) -> Place:
        """Return the place that would hold a value: the cell of the thing's row and the property's column.

        Where there is no such column the place has the row alone; where nothing is known of the thing, the file.

        :param path: a property path as SPARQL writes it; the first property of it that has a column counts.
        """


@dataclass(slots=True)
class TableOrigins(Origins):
    """Origins of what is read from tables.

    :param file: name of the file.
    :param locate: makes the place of table, row and column number; no column means the row.
    :param columns: column number and property of each table.
    :param cells: table, row and column of each triple; column 0 means the row as a whole.
    :param rows: table and row of each thing.
    """

    file: str
    locate: Callable[[int, int, int], Place]
    columns: Sequence[Sequence[tuple[int, Term]]]
    cells: dict[Triple, list[tuple[int, int, int]]] = field(default_factory=dict)
    rows: dict[Term, tuple[int, int]] = field(default_factory=dict)

    def of(self, triple: Triple) -> tuple[Place, ...]:
        """Return the cells that state a triple."""
        return tuple(self.locate(*cell) for cell in self.cells.get(triple, ()))

    def of_focus(self, term: Term) -> Place | None:
        """Return the row that makes a thing."""
        row = self.rows.get(term)
        return self.locate(*row, 0) if row else None

    def of_missing(self, focus: Term, path: str) -> Place:
        """Return the empty cell of the row and the column, or the row if there is no such column."""
        row = self.rows.get(focus)
        if row is None:
            return Place(self.file)
        column = next((number for number, said in self.columns[row[0]] if said in path), 0)
        return self.locate(*row, column)


@dataclass
class RdfOrigins(Origins):
    """Origins of what is read from RDF.

    :param file: name of the file.
    :param text: what the file holds, to look for words that occur in it.
    :param lines: yields line numbers and their triples, where the syntax has one triple a line.
    """

    file: str
    text: str
    lines: Callable[[], Iterable[tuple[int, Triple]]] | None = None

    @cached_property
    def _of_triples(self) -> dict[Triple, list[int]]:
        found: dict[Triple, list[int]] = {}
        for number, triple in self.lines() if self.lines else ():
            found.setdefault(triple, []).append(number)
        return found

    @cached_property
    def _of_subjects(self) -> dict[Term, int]:
        found: dict[Term, int] = {}
        for (subject, _, _), numbers in self._of_triples.items():
            found.setdefault(subject, numbers[0])
        return found

    def of(self, triple: Triple) -> tuple[Place, ...]:
        """Return the lines that state a triple, or what to search for."""
        if self.lines:
            return tuple(Place(self.file, line=number) for number in self._of_triples.get(triple, ()))
        return (Place(self.file, search=self._hint(triple[2]) or self._hint(triple[0])),)

    def of_focus(self, term: Term) -> Place | None:
        """Return the first line about a thing, or what to search for."""
        if self.lines:
            number = self._of_subjects.get(term)
            return Place(self.file, line=number) if number else None
        hint = self._hint(term)
        return Place(self.file, search=hint) if hint else None

    def of_missing(self, focus: Term, path: str) -> Place:  # noqa: ARG002 - RDF has no place for what is not there
        """Return the place of the thing that lacks the value."""
        return self.of_focus(focus) or Place(self.file)

    def _hint(self, term: Term) -> str | None:
        """Return the longest writing of a term that occurs in the file."""
        if is_blank(term):
            return None
        if not is_iri(term):
            text = literal_parts(term)[0]
            lines = [line.strip() for line in text.splitlines()]
            return next((each for each in (text, *lines) if each and each in self.text), None)
        text = iri_text(term)
        local = text.rpartition("#")[2].rpartition("/")[2]
        path = "/".join(text.rsplit("/", 2)[1:])
        return next((each for each in (text, path, local) if each and each in self.text), None)
