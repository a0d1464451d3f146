"""Parts a cell into its values: by a declared separator, else by signs that part values, else by known labels."""

from __future__ import annotations

import re
from collections.abc import Callable

from circkg_loaders.contributed.limits import MAX_VALUES
from circkg_shapes.forms import Field, Kind

_PARTS = re.compile(r"[;|\n\r]+")
_ADDRESSES = re.compile(r"[;|\n\r]+|[\s,]+(?=https?://)", re.IGNORECASE)
_LABELS = (Kind.CONCEPT, Kind.COUNTRY, Kind.LINK, Kind.REGION)
_LONGEST = 12
"""Pieces between commas that one label may have."""


def split(
    text: str, field: Field, separator: str | None, known: Callable[[str], bool], begun: Callable[[str], bool]
) -> list[str]:
    """Return the values of a cell, without surrounding blanks.

    Texts are one value, whatever signs they hold. Labels joined with commas are read by the longest label that is
    known, since labels hold commas themselves.

    :param separator: what is declared to stand between values.
    :param known: tells whether a text is a name that the field may hold, and ``begun`` whether one begins with it.
    """
    if separator is not None:
        return _stripped(text.split(separator))
    if field.single or (field.kind is Kind.TEXT and not field.plain):
        return [text]
    if field.kind is Kind.ADDRESS:
        return _stripped(_ADDRESSES.split(text))
    if field.kind is Kind.LINK and text.lower().startswith(("http://", "https://")):
        return _stripped(_ADDRESSES.split(text))
    if field.kind not in _LABELS:
        return _stripped(_PARTS.split(text))
    parts = _stripped(_PARTS.split(text))
    # Punctuation does not count in names: “food; packaging” are two, though there is a “food packaging”.
    if len(parts) > 1 and all(map(known, parts)):
        return parts
    if known(text):
        return [text]
    return [label for part in parts for label in by_labels(part, known, begun)]


def by_labels(text: str, known: Callable[[str], bool], begun: Callable[[str], bool]) -> list[str]:
    """Return the labels that a text joins with commas, the longest that is known first.

    Where none is known the text is left whole: it is one name with commas rather than several unknown ones.

    >>> labels = {"Food, water and nutrients", "Plastics", "Food"}
    >>> def begun(text: str) -> bool:
    ...     return any(label.startswith(text) for label in labels)
    >>> by_labels("Food, water and nutrients, Plastics, Glass", labels.__contains__, begun)
    ['Food, water and nutrients', 'Plastics', 'Glass']
    """
    if "," not in text or known(text):
        return [text]
    pieces = text.split(",")
    if len(pieces) > MAX_VALUES:
        return [text]
    found: list[str] = []
    any_known = False
    start = 0
    while start < len(pieces):
        longest = _LONGEST if begun(pieces[start].strip()) else 1
        ends = range(min(len(pieces), start + longest), start, -1)
        joined = ((",".join(pieces[start:end]).strip(), end) for end in ends)
        label, end = next(((each, end) for each, end in joined if known(each)), ("", 0))
        any_known = any_known or bool(label)
        found.append(label or pieces[start].strip())
        start = end or start + 1
    return [each for each in found if each] if any_known else [text]


def _stripped(parts: list[str]) -> list[str]:
    return [part.strip() for part in parts if part.strip()]
