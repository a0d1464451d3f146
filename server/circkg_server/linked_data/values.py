"""How a value is shown: names for IRIs, dates and numbers as its reader writes them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from circkg_loaders.iris import BASE, NUTS_CODE
from circkg_loaders.prefixes import expand
from circkg_server.linked_data.addresses import is_ours, page_of
from circkg_server.linked_data.languages import best
from circkg_shapes.terms import XSD, Term, literal_parts

_CODES = (NUTS_CODE, expand("currency:EUR").removesuffix("EUR"))
_LOCALES = {"en": "en_GB"}
_NUMBERS = frozenset(f"{XSD}{name}" for name in ("integer", "decimal", "nonNegativeInteger", "double"))


class Value(NamedTuple):
    """A value on a page.

    :param lang: language of the text where it is another than the page's; empty: the page's, or none.
    :param href: where it leads, below the root, or an address of the web.
    :param outside: whether it leads away from this server.
    :param derived: whether it was derived by a rule.
    :param code: what is shown behind it, such as the code of a region.
    """

    text: str
    lang: str = ""
    href: str = ""
    outside: bool = False
    derived: bool = False
    code: str = ""

    def shown(self, to: Callable[[str], str]) -> Markup:
        """Return the value as HTML; as a macro, this took a tenth of the front's time for a page.

        :param to: makes a link of a path below the root.

        >>> Value("R&D", "fi", "/doc/a").shown(lambda path: path)
        Markup('<a href="/doc/a" lang="fi">R&amp;D</a>')
        """
        text, lang = escape(self.text), f' lang="{escape(self.lang)}"' if self.lang else ""
        if self.href:
            href = escape(self.href if self.outside else to(self.href))
            away = ' class="outside" rel="external noopener"' if self.outside else ""
            html = f'<a href="{href}"{lang}{away}>{text}</a>'
        else:
            html = f"<span{lang}>{text}</span>"
        if self.code and self.code != self.text:
            html += f' <span class="code">{escape(self.code)}</span>'
        return Markup(html)  # noqa: S704 - all of its parts are escaped


def of_literal(term: Term, language: str) -> Value:
    """Return a literal as a reader of a language writes it.

    >>> of_literal('"2019-08-01"^^<http://www.w3.org/2001/XMLSchema#date>', "fi").text
    '1. elokuuta 2019'
    >>> of_literal('"1508765"^^<http://www.w3.org/2001/XMLSchema#decimal>', "pt").text
    '1.508.765'
    """
    text, lang, datatype = literal_parts(term)
    if lang:
        return Value(text, "" if lang == language else lang)
    if datatype.startswith(XSD):
        return Value(_formatted(text, datatype, language))
    return Value(text)


@lru_cache(maxsize=4096)
def _formatted(text: str, datatype: str, language: str) -> str:
    locale = _LOCALES.get(language, language)
    kind = datatype.removeprefix(XSD)
    try:
        if kind == "date":
            return format_date(datetime.date.fromisoformat(text), "long", locale)
        if kind == "gYearMonth":
            return format_skeleton("yMMMM", datetime.date.fromisoformat(f"{text}-01"), locale=locale)
        if datatype in _NUMBERS:
            return format_decimal(Decimal(text), "#,##0.###", locale)
    except (ValueError, InvalidOperation):
        return text
    return text


@lru_cache(maxsize=4096)
def of_iri(iri: str, names: tuple[Term, ...], language: str, *, derived: bool = False) -> Value:
    """Return an IRI as its name, leading to its page here, or to the web if it names a page there.

    :param names: literals that name it.
    """
    if not (is_ours(iri) or names):
        # Only addresses of the web are followed: an IRI may as well be a script.
        href = iri if iri.startswith(("http://", "https://")) else ""
        return Value(address(iri) if href else iri, "", href, outside=bool(href), derived=derived)
    text, lang = best(names, language) if names else ("", "")
    return Value(
        text or spelled(iri), lang if lang and text and lang != language else "", page_of(iri), derived=derived
    )  # fmt: skip


def address(url: str) -> str:
    """Return an address of the web, short enough to be read.

    >>> address("https://www.lab.fi/en/projects?id=1")
    'lab.fi/en/projects'
    """
    parts = urlsplit(url)
    path = unquote(parts.path).rstrip("/")
    text = f"{(parts.hostname or '').removeprefix('www.')}{path}"
    return text if len(text) <= 72 else f"{text[:70]}…"


def spelled(iri: str) -> str:
    """Return a name made of the last part of an IRI, for what has no name in the graph.

    >>> spelled("https://w3id.org/circkg/id/participation/ceci--lab-uas--lead-partner")
    'ceci · lab uas · lead partner'
    """
    local = unquote(iri.removeprefix(BASE)) if is_ours(iri) else unquote(iri)
    last = re.split(r"[/#]", local.rstrip("/#"))[-1] if not local.startswith("id/record/") else local[10:]
    if is_ours(iri) and not local.startswith("def#"):
        return last.replace("--", " · ").replace("-", " ")
    return last


def code_of(iri: str) -> str:
    """Return the code that stands in an official IRI of a region, country or currency; empty for others.

    >>> code_of("http://data.europa.eu/nuts/code/FI1C3")
    'FI1C3'
    """
    for base in _CODES:
        if iri.startswith(base) and re.fullmatch(r"\w+", iri[len(base) :]):
            return iri[len(base) :]
    return ""
