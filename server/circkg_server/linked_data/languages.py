"""Languages: which one a client reads, and the label that its reader understands best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

from babel import Locale, UnknownLocaleError
from markupsafe import Markup, escape

from circkg_loaders.contributed import codes
from circkg_server.negotiation import choose_language
from circkg_shapes.terms import literal_parts

PAGE_LANGUAGES = codes.LANGUAGES
"""Languages in which the words of the pages themselves are written (``words.csv``), as those of the faults are."""
LANGUAGES = (
    *PAGE_LANGUAGES,
    "bg", "cs", "da", "el", "et", "ga", "hr", "hu", "lt", "lv", "mt", "nl", "no", "ro", "sk", "sl", "sv", "ca",
)  # fmt: skip
"""Languages that can be asked for: those of the European Union, and the others in which the data have names."""
DEFAULT = "en"
_SAME = {"nb": "no", "nn": "no"}


def negotiate(accept: str, wanted: str = "") -> str:
    """Return the language that a client likes best: of the parameter ``lang``, or of ``Accept-Language``.

    RFC 9110, section 12.5.4; a region is left aside.

    >>> negotiate("sv;q=0.4, fi-FI;q=0.9, x-klingon")
    'fi'
    >>> negotiate("fi", "pt")
    'pt'
    """
    return choose_language(wanted, ("", *LANGUAGES), _SAME) or choose_language(accept, LANGUAGES, _SAME)


def of_page(language: str) -> str:
    """Return the language of the words of a page for a reader of a language."""
    return language if language in PAGE_LANGUAGES else DEFAULT


@lru_cache(maxsize=256)
def name_of(tag: str, language: str) -> str:
    """Return what a language is called in another one; its tag if nobody knows.

    >>> name_of("fi", "pt")
    'finlandês'
    """
    try:
        return Locale.parse(tag).get_language_name(language) or tag
    except (UnknownLocaleError, ValueError):
        return tag


def links(language: str, own: Mapping[str, str] | None = None) -> Markup:
    """Return links to a page in each of the languages of pages.

    :param language: that in which it is.
    :param own: other parameters of its address.

    >>> links("fi", {"q": "a&b"})[:72]
    Markup('<a href="?q=a%26b&amp;lang=en" hreflang="en" lang="en">English</a> · <a ')
    """
    return _links(language, "".join(f"{quote(name)}={quote(value)}&" for name, value in (own or {}).items()))


@lru_cache(maxsize=64)
def _links(language: str, query: str) -> Markup:
    found = []
    for code in PAGE_LANGUAGES:
        current = ' aria-current="true"' if code == language else ""
        href = escape(f"?{query}lang={code}")
        found.append(f'<a href="{href}" hreflang="{code}" lang="{code}"{current}>{escape(name_of(code, code))}</a>')
    return Markup(" · ".join(found))  # noqa: S704 - all of its parts are escaped


def best(literals: Iterable[str], language: str) -> tuple[str, str]:
    """Return the text that a reader understands best and its language: the own, English, none, else the first.

    >>> best(['"Lahti"', '"city of Lahti"@en', '"Lahden kaupunki"@fi'], "fi")
    ('Lahden kaupunki', 'fi')
    >>> best(['"Halle 2"@de'], "fi")
    ('Halle 2', 'de')
    """
    found = {lang or "": text for text, lang, _ in (literal_parts(term) for term in sorted(literals, reverse=True))}
    for wanted in (language, DEFAULT, ""):
        if wanted in found:
            return found[wanted], wanted
    if not found:
        return "", ""
    first = min(found)
    return found[first], first
