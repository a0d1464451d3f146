"""String-based constraint components (SHACL, section 4.4): lengths, patterns and languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from circkg_shapes.constraints.base import Bound, Component, Reader, ValueTest, focus
from circkg_shapes.encoding import BLANK
from circkg_shapes.pairs import Ids, Mask, ids
from circkg_shapes.patterns import Pattern as Expression
from circkg_shapes.patterns import PatternError
from circkg_shapes.plan import Finding, Run, Shape, Values
from circkg_shapes.terms import Term, literal_parts


@dataclass(frozen=True, slots=True, eq=False)
class Length(ValueTest):
    """``sh:minLength`` or ``sh:maxLength``: the length of each text has a bound; a blank node has no text."""

    parameters = ("minLength", "maxLength")
    is_single = True

    bound: Bound

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a bound."""
        return cls(name, Bound.of(reader, shape, name, value))

    @property
    def text(self) -> str:
        """What it asks for."""
        return f"The text has {self.bound} characters."

    def broken(self, run: Run, nodes: Ids) -> Mask:
        """Tell which nodes are too short or too long."""
        broken = self.bound.broken(run.dictionary.lengths()[nodes])
        broken |= run.dictionary.kinds()[nodes] == BLANK
        return broken


@dataclass(frozen=True, slots=True, eq=False)
class Pattern(ValueTest):
    """``sh:pattern``: the text of each value node matches a regular expression; a blank node has no text."""

    parameters = ("pattern",)
    besides = ("flags",)

    expression: Expression

    @classmethod
    def read(cls, reader: Reader, shape: Term) -> Iterator[Self]:
        """Yield one constraint a pattern; all share the flags."""
        flags = reader.one(shape, "flags")
        flags_text = literal_parts(reader.literal(shape, "flags", flags))[0] if flags else ""
        for each in reader.objects(shape, "pattern"):
            text = literal_parts(reader.literal(shape, "pattern", each))[0]
            try:
                yield cls("pattern", Expression.of(text, flags_text))
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

    parameters = ("languageIn",)
    is_single = True

    ranges: tuple[str, ...]

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self:
        """Return the constraint of a list."""
        items = (reader.literal(shape, name, item) for item in reader.items(shape, name, value))
        return cls(name, tuple(literal_parts(item)[0].lower() for item in items))

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
class UniqueLang(Component):
    """``sh:uniqueLang``: no two value nodes have the same language tag. One result a focus node and tag."""

    parameters = ("uniqueLang",)
    is_single = True
    text = "Two texts are in the same language."

    @classmethod
    def of(cls, reader: Reader, shape: Term, name: str, value: Term) -> Self | None:  # noqa: ARG003 - of all components
        """Return the constraint, if it is switched on."""
        reader.on_properties_only(shape, name)
        return cls(name) if reader.flag(shape, name) else None

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
