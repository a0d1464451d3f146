"""Words: how a text is split into them, folded and stemmed, the same way for an index and for a query.

*Folding* makes one form of the forms that readers take for the same: NFKD without combining marks (Greek tonos, Polish
kreska, umlaut), case folding (German ß, Greek final sigma) and the letters that Unicode does not take apart
(ł ø đ ð þ æ œ ħ ŋ ŧ, dotless i).

*Stemming* takes off what inflection adds, where Snowball has the language. For the others a word stands for its
beginnings: two words are kin if one beginning, short of at most three letters, is common to both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from circkg_server.search.settings import SearchUnavailableError

if TYPE_CHECKING:
    from tantivy import TextAnalyzer

UNTAGGED = "und"
"""Stands for the language of a text without a language tag, as in BCP 47."""

STEMMED = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""Languages that are stemmed, each with the name of its Snowball algorithm."""

PREFIX_ONLY = ("bg", "ca", "cs", "et", "ga", "hr", "is", "lt", "lv", "mk", "mt", "pl", "sk", "sl", "sq", "sr", "uk")
"""Languages of Europe without a stemmer: words are matched by their beginnings. So is every other language."""

STOP_WORDS = ("da", "de", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ru", "sv")
"""Languages whose words without meaning of their own (and, of, the) need not be in what is found."""

MAX_WORD = 60
"""Letters of a word that count; a longer one is cut."""

_WORD = re.compile("[^\\W_](?:[^\\W_]|[\u0300-\u036f\u00ad])*")
_LETTERS = {
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "æ": "ae",
    "œ": "oe",
    "ħ": "h",
    "ŋ": "n",
    "ŧ": "t",
}


def tantivy() -> Any:
    """Return the module of the search engine.

    :raises SearchUnavailableError: if it is not installed.
    """
    try:
        import tantivy as module  # noqa: PLC0415 - where it is missing the rest of the server must still start
    except ImportError as error:
        raise SearchUnavailableError(
            f"Text search needs the Python package tantivy, which cannot be imported ({error}). "
            "Install it: pip install tantivy."
        ) from error
    return module


class _Folding(dict[int, str]):
    """The folded form of each character, made when it is first met."""

    def __missing__(self, code: int) -> str:
        text = _without_marks(_without_marks(chr(code)).casefold())
        folded = "".join(_LETTERS.get(char, char) for char in text if char.isalnum())
        self[code] = folded
        return folded


def _without_marks(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


_FOLDING = _Folding()


@lru_cache(maxsize=200_000)
def fold(word: str) -> str:
    """Return the folded form of a word.

    >>> [fold(word) for word in ("Łódź", "STRASSE", "Straße", "κυκλικής", "Κυκλικήσ", "Øresund")]
    ['lodz', 'strasse', 'strasse', 'κυκλικησ', 'κυκλικησ', 'oresund']
    """
    return word.translate(_FOLDING)[:MAX_WORD]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a text as written, each with where it starts and ends.

    >>> list(spans("l'économie (C2C)"))
    [('l', 0, 1), ('économie', 2, 10), ('C2C', 12, 15)]
    """
    return ((match.group(), match.start(), match.end()) for match in _WORD.finditer(text))


def words(text: str) -> list[str]:
    """Return the words of a text as written."""
    return _WORD.findall(text)


@lru_cache(maxsize=200_000)
def kin(word: str, language: str) -> tuple[str, ...]:
    """Return the keys that a word shares with its inflected forms in a language; untagged words have none.

    >>> kin("gospodarki", "pl")
    ('~gospoda', '~gospodar', '~gospodark', '~gospodarki')
    """
    folded = fold(word)
    if language == UNTAGGED or len(folded) < 3 or folded.isdigit():
        return ()
    name = STEMMED.get(language)
    if name is None:
        return tuple(f"~{folded[:length]}" for length in range(_shortest(len(folded)), len(folded) + 1))
    plain = unicodedata.normalize("NFC", word).lower()
    found = {f"{name}:{fold(stem)}" for form in (plain, folded) for stem in _stemmer(name).analyze(form)}
    return tuple(sorted(found))


def _shortest(length: int) -> int:
    cut = 3 if length >= 8 else 2 if length >= 6 else 1 if length >= 5 else 0
    return length - cut


def kin_of_all(word: str, languages: Iterable[str]) -> list[str]:
    """Return the keys of a word whose language is not known."""
    return sorted({key for language in languages for key in kin(word, language)})


@lru_cache(maxsize=10_000)
def is_stop_word(word: str, language: str | None) -> bool:
    """Tell whether a word has no meaning of its own: in its language, or in any if that is not known."""
    plain = unicodedata.normalize("NFC", word).lower()
    languages = STOP_WORDS if language is None else (language,)
    return any(not _stopper(STEMMED[each]).analyze(plain) for each in languages if each in STOP_WORDS)


@cache
def _stemmer(name: str) -> TextAnalyzer:
    return _analyzer(tantivy().Filter.stemmer(name))


@cache
def _stopper(name: str) -> TextAnalyzer:
    return _analyzer(tantivy().Filter.stopword(name))


def _analyzer(filter_: object) -> TextAnalyzer:
    module = tantivy()
    analyzer: TextAnalyzer = module.TextAnalyzerBuilder(module.Tokenizer.raw()).filter(filter_).build()
    return analyzer


def distance(one: str, other: str, most: int) -> int:
    """Return how many letters two words differ in (two swapped neighbours count as one), or more than ``most``.

    >>> distance("recyling", "recycling", 2), distance("wsate", "waste", 1), distance("forest", "waste", 2)
    (1, 1, 3)
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, above = row, before
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if above and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def typing_errors(folded: str) -> int:
    """Return how many typing errors a word may have; names with digits, such as codes, have none."""
    if not folded.isalpha() or len(folded) > 40:
        return 0
    return 2 if len(folded) >= 8 else 1 if len(folded) >= 4 else 0


def features() -> dict[str, tuple[str, ...]]:
    """Return what the service description says of the search: languages by how inflected forms are found."""
    return {"stemmed": tuple(sorted(STEMMED)), "prefix_only": PREFIX_ONLY}
