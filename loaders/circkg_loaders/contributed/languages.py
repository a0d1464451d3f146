"""Names of languages and months in the languages of Europe, as the Unicode CLDR has them."""

from __future__ import annotations

from functools import cache

from babel import Locale

from circkg_loaders.contributed.folding import folded
from circkg_loaders.values import ValueProblem, parse_language

LANGUAGES = (
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "is", "it", "lt", "lv", "mt", "nb",
    "nl", "pl", "pt", "ro", "sk", "sl", "sq", "sr", "sv", "tr", "uk",
)  # fmt: skip
"""Languages in which countries, languages and months may be named: those of the Union and of its neighbours."""


def language_of(text: str) -> str | None:
    """Return the tag of the language that a text names by its tag or in any language, or ``None``.

    >>> language_of("FI"), language_of("Deutsch"), language_of("en-GB"), language_of("EUR")
    ('fi', 'de', 'en', None)
    """
    tag = text.strip().lower().replace("_", "-").partition("-")[0]
    try:
        found = parse_language(tag)
    except ValueProblem:
        found = ""
    # Any three letters have the form of a tag; only those that name a language are one.
    if found and (len(found) == 2 or found in _locale("en").languages):
        return found
    return _languages().get(folded(text))


@cache
def months() -> dict[str, frozenset[int]]:
    """Return which months a name means in any of the languages; ``listopad`` means two."""
    found: dict[str, set[int]] = {}
    for language in LANGUAGES:
        for names in _locale(language).months.values():
            for width in ("wide", "abbreviated"):
                for month, name in names[width].items():
                    if not name.isdigit():
                        found.setdefault(folded(name), set()).add(month)
    return {name: frozenset(meant) for name, meant in found.items()}


@cache
def _languages() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in LANGUAGES:
        known = _locale(language).languages
        for tag in LANGUAGES:
            names.setdefault(folded(known.get(tag, tag)), tag)
    return names


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)
