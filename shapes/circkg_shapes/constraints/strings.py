"""String-based constraint components (SHACL, section 4.4): lengths, patterns and languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from circkg_shapes.constraints.base import Reader, ValueTest, focus
from circkg_shapes.encoding import BLANK
from circkg_shapes.footprint import Chain, Footprint
from circkg_shapes.pairs import Ids, Mask, ids
from circkg_shapes.patterns import Pattern as Expression
from circkg_shapes.patterns import PatternError
from circkg_shapes.plan import Finding, Shape, Values
from circkg_shapes.terms import Term, literal_parts
from circkg_shapes.vocabulary import component

if TYPE_CHECKING:
    from circkg_shapes.engine import Run


@dataclass(frozen=True, slots=True, eq=False)
class Length(ValueTest):
    """``sh:minLength`` or ``sh:maxLength``: the length of each text has a bound; a blank node has no text."""

    bound: int
    is_least: bool

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Length]:
        """Yield one constraint a bound."""
        for name, is_least in (("minLength", True), ("maxLength", False)):
            bound = reader.integer(shape, name)
            if bound is not None:
                yield cls(bound, is_least)

    @property
    def component(self) -> Term:
        """The constraint component."""
        return component("MinLength" if self.is_least else "MaxLength")

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"The text has {'fewer' if self.is_least else 'more'} than {self.bound} characters."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are too short or too long."""
        lengths = run.dictionary.lengths()[nodes]
        broken: Mask = lengths < self.bound if self.is_least else lengths > self.bound
        broken |= run.dictionary.kinds()[nodes] == BLANK
        return broken


@dataclass(frozen=True, slots=True, eq=False)
class Pattern(ValueTest):
    """``sh:pattern``: the text of each value node matches a regular expression; a blank node has no text."""

    expression: Expression
    component = component("Pattern")

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Pattern]:
        """Yield one constraint a pattern; all share the flags."""
        flags = reader.one(shape, "flags")
        flags_text = literal_parts(reader.literal(shape, "flags", flags))[0] if flags else ""
        for each in reader.objects(shape, "pattern"):
            text = literal_parts(reader.literal(shape, "pattern", each))[0]
            try:
                yield cls(Expression.of(text, flags_text))
            except PatternError as error:
                raise reader.refuse(shape, f"sh:pattern: {error}") from error

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This does not match the pattern {self.expression.text}"

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes do not match."""
        has_text = run.dictionary.kinds()[nodes] != BLANK
        broken: Mask = ~has_text
        matching = self.expression.matches([run.dictionary.text(node) for node in nodes[has_text].tolist()])
        broken[has_text] = ~np.array(matching, np.bool_)
        return broken


@dataclass(frozen=True, slots=True, eq=False)
class LanguageIn(ValueTest):
    """``sh:languageIn``: the language tag of each value node matches one of a list of ranges."""

    ranges: tuple[str, ...]
    component = component("LanguageIn")

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[LanguageIn]:
        """Yield the constraint."""
        head = reader.one(shape, "languageIn")
        if head:
            items = reader.items(shape, "languageIn", head)
            yield cls(tuple(literal_parts(reader.literal(shape, "languageIn", item))[0].lower() for item in items))

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"This is no text in one of the languages {', '.join(self.ranges)}."

    def _allows(self, tag: str | None) -> bool:
        """Tell whether SPARQL's ``langMatches`` takes a tag for one of the ranges (basic filtering of RFC 4647)."""
        return tag is not None and any(each in ("*", tag) or tag.startswith(f"{each}-") for each in self.ranges)

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are of another language, or of none."""
        allowed = np.array([self._allows(tag) for tag, _ in run.dictionary.endings()])
        kinds = run.dictionary.kinds()[nodes]
        broken: Mask = (kinds < 0) | ~allowed[np.maximum(kinds, 0)]
        return broken


@dataclass(frozen=True, slots=True, eq=False)
class UniqueLang:
    """``sh:uniqueLang``: no two value nodes have the same language tag. One result a focus node and tag."""

    component = component("UniqueLang")
    text = "Two texts are in the same language."

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[UniqueLang]:
        """Yield the constraint."""
        if reader.objects(shape, "uniqueLang"):
            reader.on_properties_only(shape, "uniqueLang")
        if reader.flag(shape, "uniqueLang"):
            yield cls()

    def find(self, run: Run, shape: Shape, values: Values) -> Iterator[Finding]:
        """Yield the focus nodes with two values of one tag."""
        kinds = run.dictionary.kinds()[values.pairs.right]
        tags: dict[str, int] = {}
        numbers = ids([tags.setdefault(tag, len(tags)) if tag else -1 for tag, _ in run.dictionary.endings()])
        tagged = kinds >= 0
        tagged[tagged] = numbers[kinds[tagged]] >= 0
        keys = (values.pairs.left[tagged].astype(np.int64) << 32) | numbers[kinds[tagged]]
        different, times = np.unique(keys, return_counts=True)
        twice = different[times > 1]
        if len(twice):
            yield focus(shape, self, (twice >> 32).astype(np.int32))

    def reads(self, footprint: Footprint, start: Chain, ends: Sequence[Chain]) -> None:
        """Look at nothing beyond the value nodes."""
