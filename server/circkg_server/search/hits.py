"""What a search finds, and what is shown of it."""

from __future__ import annotations

import html
from dataclasses import dataclass

_EXCERPT = 240


@dataclass(frozen=True, slots=True)
class Highlight:
    """A text that matches, plain and not escaped, and where in it the words are that were found.

    :param spans: start and end of each, in characters, in order and apart.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def marked(self, before: str = "<mark>", after: str = "</mark>") -> str:
        """Return the text escaped for HTML, with each span between two marks.

        >>> Highlight("R&D of waste", ((7, 12),)).marked()
        'R&amp;D of <mark>waste</mark>'
        """
        parts, at = [], 0
        for start, end in self.spans:
            parts += [html.escape(self.text[at:start]), before, html.escape(self.text[start:end]), after]
            at = end
        return "".join(parts) + html.escape(self.text[at:])


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found.

    :param language: language tag of the text that matched best, ``None`` if it has none.
    :param label: the thing's label in the language asked for, or of the text that matched, or in English; else any.
    :param field: what the text is to the thing: ``label``, ``alternative``, ``description``, or ``hidden``.
    """

    iri: str
    score: float
    language: str | None
    label: str
    label_language: str | None
    types: tuple[str, ...]
    field: str
    highlight: Highlight


@dataclass(frozen=True, slots=True)
class Hits:
    """The things on one page of an answer, and how many there are in all.

    :param typing_errors: whether words that differ by typing errors were looked for, as few things match as written.
    """

    total: int
    hits: tuple[Hit, ...]
    typing_errors: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was found, by its number in the index."""

    number: int
    iri: str
    score: float


def excerpt(text: str, marks: tuple[tuple[int, int], ...]) -> Highlight:
    """Return the part of a text around its first match, control characters as blanks."""
    text = "".join(char if char.isprintable() else " " for char in text)
    if len(text) <= _EXCERPT:
        return Highlight(text, marks)
    start = max(0, (marks[0][0] if marks else 0) - _EXCERPT // 4)
    if start:
        start = text.find(" ", start, marks[0][0]) + 1 or start
    end = min(len(text), start + _EXCERPT)
    if end < len(text):
        end = max(text.rfind(" ", start, end), marks[0][1] if marks else start + 1)
    before, after = "… " if start else "", " …" if end < len(text) else ""
    shift = len(before) - start
    kept = tuple((first + shift, last + shift) for first, last in marks if last <= end)
    return Highlight(before + text[start:end] + after, kept)
