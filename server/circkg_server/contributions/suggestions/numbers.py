"""What a text that is no number of ours was probably meant to be."""

from __future__ import annotations

import re
from typing import Final

from circkg_loaders.contributed.faults import Suggestion

_AROUND: Final = re.compile(r"^(?:[€$£]|[A-Za-z]{1,4}\b\.?)?\s*|\s*(?:[€$£%]|[A-Za-z]{1,4}\.?)?$")
_BLANKS: Final = re.compile(r"[\s'’\u00a0\u2009\u202f]")
_MARKED: Final = re.compile(r"-?\d[\d.,]*")
_LONGEST: Final = 40


def readings(text: str, *, whole: bool = False) -> list[Suggestion]:
    """Return the numbers that a text may mean, in plain digits; two where a mark may part thousands or decimals.

    >>> [found.text for found in readings("1.508.765,50 €")], [found.text for found in readings("12,5")]
    (['1508765.50'], ['12.5'])
    >>> [(found.text, found.reason) for found in readings("1,234")]
    [('1234', 'number-thousands'), ('1.234', 'number-decimal-comma')]
    """
    if len(text) > _LONGEST:
        return []
    bare = _AROUND.sub("", text.strip())
    digits = _BLANKS.sub("", bare)
    if not _MARKED.fullmatch(digits):
        return []
    found = [each for each in _plain(digits) if not (whole and "." in each.text.rstrip("0").rstrip("."))]
    if whole:
        found = [Suggestion(each.text.partition(".")[0], each.reason, score=each.score) for each in found]
    if bare != text.strip():
        found = [Suggestion(each.text, "number-unit", score=each.score) for each in found]
    return [each for each in found if each.text != text]


def _plain(digits: str) -> list[Suggestion]:
    """Return the readings of digits with points and commas."""
    marks = [sign for sign in digits if sign in ".,"]
    if not marks:
        return [Suggestion(digits, "number-thousands")]
    last = marks[-1]
    head, _, tail = digits.rpartition(last)
    as_decimal = f"{re.sub('[.,]', '', head)}.{tail}"
    as_thousands = re.sub("[.,]", "", digits)
    reason = "number-decimal-comma" if last == "," else "number-thousands"
    if len(set(marks)) == 2 and marks.count(last) == 1:
        return [Suggestion(as_decimal, reason)]
    if len(marks) > 1:
        return [Suggestion(as_thousands, "number-thousands")]
    if len(tail) == 3 and head.lstrip("-") != "0":
        return [
            Suggestion(as_thousands, "number-thousands", score=0.6),
            Suggestion(as_decimal, "number-decimal-comma", score=0.4),
        ]
    return [Suggestion(as_decimal, reason)] if tail else [Suggestion(as_thousands, "number-thousands")]
