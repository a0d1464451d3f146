r"""Regular expressions as SPARQL's ``REGEX`` understands them (XPath Functions 3.1, section 5.6).

Most are the same in Python, which is quickest. Where Python differs they are rewritten (``$`` is the end of the text,
not the place before a last line break), and expressions with ``\p{…}`` are left to Oxigraph's own ``REGEX``.
Python's matching can take time that grows exponentially with the text, for patterns such as ``(a+)+$``. So shapes of
strangers must be used only in a process that can be killed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Store

from circkg_shapes.terms import literal

FLAGS: Final = "ismxq"
_FLAGS: Final = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}
_PART: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_UNKNOWN: Final = frozenset({r"\i", r"\c", r"\I", r"\C"})
_ONLY_OXIGRAPH: Final = frozenset({r"\p", r"\P"})


class PatternError(ValueError):
    """A regular expression or its flags cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A regular expression, ready to be used.

    :param text: as it was written.
    """

    text: str
    flags: str
    compiled: re.Pattern[str] | None

    @classmethod
    def of(cls, text: str, flags: str = "") -> Pattern:
        """Return the pattern of a text.

        :raises PatternError: if it is no regular expression, or has parts or flags that no engine here understands.
        """
        unknown = [flag for flag in flags if flag not in FLAGS]
        if unknown:
            raise PatternError(f"there is no flag {unknown[0]!r}. The flags are: {', '.join(FLAGS)}.")
        if "q" in flags:
            return cls(text, flags, re.compile(re.escape(text), re.IGNORECASE if "i" in flags else 0))
        escapes = set(_ESCAPE.findall(text))
        unknown = sorted(escapes & _UNKNOWN)
        if any(part.startswith("[") and "-[" in part for part in _PART.findall(text)):
            unknown.append("-[")
        if unknown:
            raise PatternError(f"{text!r} has {unknown[0]!r}, which is not understood here. Write the characters out.")
        if escapes & _ONLY_OXIGRAPH:
            found = cls(text, flags, None)
            found.matches(["a"])
            return found
        options = 0
        for flag in flags:
            options |= _FLAGS.get(flag, 0)
        try:
            return cls(text, flags, re.compile(_for_python(text, flags), options))
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(f"{text!r} is no regular expression: {error}.") from error

    def matches(self, texts: Sequence[str]) -> list[bool]:
        r"""Tell of each text whether the pattern is found in it.

        >>> Pattern.of("^B[0-9]$").matches(["B1", "B1\n", "B12"])
        [True, False, False]
        >>> Pattern.of(r"^\p{Lu}").matches(["Ä", "ä"])
        [True, False]
        """
        if self.compiled:
            search = self.compiled.search
            return [search(text) is not None for text in texts]
        rows = "\n".join(f"({place} {literal(text)})" for place, text in enumerate(texts))
        query = (
            f"SELECT ?i {{ VALUES (?i ?t) {{ {rows} }} FILTER REGEX(?t, {literal(self.text)}, {literal(self.flags)}) }}"
        )
        found = [False] * len(texts)
        solutions = list(Store().query(query))  # type: ignore[arg-type]  # of SELECT these are solutions
        if not solutions and not self._is_understood():
            raise PatternError(f"{self.text!r} is no regular expression.")
        for solution in solutions:
            found[int(solution["i"].value)] = True
        return found

    def _is_understood(self) -> bool:
        """Tell whether Oxigraph takes the pattern: else the filter is an error, which is not told."""
        asked = f'ASK {{ FILTER (COALESCE(REGEX("", {literal(self.text)}, {literal(self.flags)}), 2) != 2) }}'
        return bool(Store().query(asked))


def _for_python(text: str, flags: str) -> str:
    """Return a pattern in which ``$`` is the end of the text or line, and white space is left out if ``x`` wants it."""
    parts = _PART.findall(text)
    if "x" in flags:
        parts = [part for part in parts if part not in " \t\n\r"]
    return "".join(r"\Z" if part == "$" and "m" not in flags else part for part in parts)
