"""Folds texts so that spellings of one name meet: case, accents, punctuation and blanks do not count."""

from __future__ import annotations

import re
import unicodedata

_UNDECOMPOSED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_NO_WORD = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    r"""Return the form of a text under which it is compared.

    Signs without letters or digits are kept, so that ``-`` and ``€`` do not become the same.

    >>> folded(" Start_date"), folded("Päättymis-\npäivä"), folded("ΚΡΉΤΗ"), folded("Łódź")
    ('start date', 'paattymis paiva', 'κρητη', 'lodz')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    if not plain.isascii():
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(_UNDECOMPOSED)
        plain = plain.replace("ς", "σ")
    return _NO_WORD.sub(" ", plain).strip() or text.strip()
