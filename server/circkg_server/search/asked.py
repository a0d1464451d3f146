"""The words that are asked for: how each is looked for in the index, and how it is seen in a text."""

from __future__ import annotations

from dataclasses import dataclass, field

from circkg_server.search.words import distance, fold, kin, spans


@dataclass(slots=True)
class Asked:
    """The words of a query.

    :param needed: which of them must be found.
    :param languages: those whose kindred forms are looked for.
    :param errors: how many typing errors each may have.
    """

    written: list[str]
    needed: list[bool]
    languages: tuple[str, ...]
    folded: list[str] = field(init=False)
    errors: list[int] = field(init=False)
    _known: dict[tuple[str, str], list[tuple[int, str]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without typing errors."""
        self.folded = [fold(word) for word in self.written]
        self.errors = [0] * len(self.written)

    def seen(self, text: str, language: str, weights: dict[str, float]) -> tuple[float, tuple[tuple[int, int], ...]]:
        """Return how well a text matches, and where."""
        best = [0.0] * len(self.written)
        marks = []
        for word, start, end in spans(text):
            forms = self._known.get((word, language))
            if forms is None:
                forms = self._known[word, language] = self._forms(word, language)
            for at, form in forms:
                best[at] = max(best[at], weights[form])
            if forms:
                marks.append((start, end))
        return sum(best), tuple(marks)

    def _forms(self, word: str, language: str) -> list[tuple[int, str]]:
        """Return which of the words asked for a word of a text is, and in which form."""
        folded = fold(word)
        forms = ((at, self._form(at, folded, word, language)) for at in range(len(self.written)))
        return [(at, form) for at, form in forms if form]

    def _form(self, at: int, folded: str, word: str, language: str) -> str | None:
        asked = self.folded[at]
        if folded == asked:
            return "exact"
        if len(asked) >= 2 and folded.startswith(asked):
            return "prefix"
        if not set(kin(word, language)).isdisjoint(kin(self.written[at], language)):
            return "kin"
        most = self.errors[at]
        found = distance(asked, folded, most) if most else 1
        return f"typo{found}" if found <= most else None
