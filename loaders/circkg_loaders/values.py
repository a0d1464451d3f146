"""Reads the text of a cell: a typed value, or a problem that says what to do; never a guess.

No other module parses values. What a text may mean in two ways is refused, unless the caller declares the way.
The notations of contributed tables are brought to the forms that are read here by ``contributed.notations``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NoReturn
from urllib.parse import urlsplit

from circkg_loaders.iris import is_slug
from circkg_loaders.nuts import VERSIONS, Country, Nuts, Region, Relation, UnknownRegionError
from circkg_shapes.terms import XSD

FIRST_YEAR = 1900
LAST_YEAR = 2100
CURRENCY = "http://publications.europa.eu/resource/authority/currency/"
CURRENCIES = ("BGN", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "NOK", "PLN", "RON", "SEK", "USD")
"""The currencies of ISO 4217 that we use."""


class ValueProblem(ValueError):  # noqa: N818 - a finding about the data, not a fault of the program
    """The text of a cell is not a value of the kind asked for.

    >>> problem = ValueProblem("date-form", "Write 2020-05-17.", "17.5.2020")
    >>> problem.code, problem.message, problem.raw
    ('date-form', 'Write 2020-05-17.', '17.5.2020')
    """

    def __init__(self, code: str, message: str, raw: str) -> None:
        """Take a stable code, a message in plain English and the text as it stood."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.raw = raw


@dataclass(frozen=True, slots=True)
class DateValue:
    """A year, month or day as written, with the days between which it lies."""

    text: str
    datatype: str
    earliest: datetime.date
    latest: datetime.date


@dataclass(frozen=True, slots=True)
class DecimalValue:
    """A decimal number and its text as written."""

    text: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class IntegerValue:
    """A whole number and its text as written."""

    text: str
    value: int


class MoneyStyle(Enum):
    """How a source writes sums: declared by the loader of the source, never read from the cell."""

    POINT = "point-decimal"  # 1234567.89 or 1,234,567.89
    COMMA = "comma-decimal"  # 1234567,89 or 1.234.567,89
    SPACE = "space-groups"  # 1 234 567,89
    SPACE_POINT = "space-groups-point"  # 1 234 567.89
    SCIENTIFIC = "scientific"  # 1.23456789E6 or 1234567.89


@dataclass(frozen=True, slots=True)
class MoneyValue:
    """A sum of money without its currency: the text as written and the number in plain digits."""

    raw: str
    text: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute web address, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: its ISO 4217 code and its IRI."""

    code: str
    iri: str


def _refuse_blank(text: str, what: str) -> None:
    if not text.strip():
        raise ValueProblem("empty", f"The cell is empty. Write {what}.", text)
    if text != text.strip():
        raise ValueProblem("spaces-around", f"{text!r} has spaces or line ends around it. Remove them.", text)


# Dates

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DAY_FIRST = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1[0-9]{2,4}")
_YEAR_FIRST = re.compile(r"[0-9]{4}[./-][0-9]{1,2}(?:[./-][0-9]{1,2})?")
_RANGE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2} ?(?:/|\u2013|\u2014|-| to ) ?[0-9]{4}(?:-[0-9]{2}){0,2}")


def parse_date(text: str) -> DateValue:
    """Read a year, a month or a day: 2020, 2020-05 or 2020-05-17.

    >>> parse_date("2020-02").datatype, parse_date("2020-02").latest
    ('http://www.w3.org/2001/XMLSchema#gYearMonth', datetime.date(2020, 2, 29))
    >>> parse_date("17.05.2020")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: '17.05.2020' is not a date in the form year-month-day. Write ... as 2020-05-17.
    """
    _refuse_blank(text, "a date such as 2020, 2020-05 or 2020-05-17")
    match = _DATE.fullmatch(text)
    if not match:
        _refuse_date(text)
    year = int(match[1])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        message = f"{text!r} is not between {FIRST_YEAR} and {LAST_YEAR}. Check the year."
        raise ValueProblem("date-year", message, text)
    try:
        if match[3]:
            day = datetime.date(year, int(match[2]), int(match[3]))
            return DateValue(text, f"{XSD}date", day, day)
        if match[2]:
            first = datetime.date(year, int(match[2]), 1)
            return DateValue(text, f"{XSD}gYearMonth", first, _last_of_month(first))
    except ValueError:
        raise ValueProblem("date-not-in-calendar", f"{text!r} is not in the calendar. Check the day.", text) from None
    return DateValue(text, f"{XSD}gYear", datetime.date(year, 1, 1), datetime.date(year, 12, 31))


def _last_of_month(first: datetime.date) -> datetime.date:
    if first.month == 12:
        return first.replace(day=31)
    return first.replace(month=first.month + 1) - datetime.timedelta(days=1)


def _refuse_date(text: str) -> NoReturn:
    if _DAY_FIRST.fullmatch(text):
        first, second, year = re.split(r"[./-]", text)
        if "." in text and len(year) == 4:
            written = f"{year}-{int(second):02}-{int(first):02}"
            hint = f"Write day {first} of month {second} of {year}, if that is meant, as {written}."
        else:
            hint = "Look up which part is the day and which the month, and write it as 2020-05-17."
        raise ValueProblem("date-day-first", f"{text!r} is not a date in the form year-month-day. {hint}", text)
    if _RANGE.fullmatch(text):
        message = f"{text!r} is a span of time. Write its start and its end in two columns."
        raise ValueProblem("date-span", message, text)
    if _YEAR_FIRST.fullmatch(text):
        message = f"{text!r} needs hyphens and two digits for month and day. Write it as 2020-05-17."
        raise ValueProblem("date-form", message, text)
    raise ValueProblem("date-form", f"{text!r} is not a date. Write 2020, 2020-05 or 2020-05-17.", text)


# Numbers

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER_MARKS = re.compile(r"-?[0-9][0-9.,'\u2019 \u00a0\u2009\u202f]*")


def parse_decimal(text: str) -> DecimalValue:
    """Read a number in plain digits, with a point before decimals.

    >>> parse_decimal("1508765.50").value
    Decimal('1508765.50')
    >>> parse_decimal("1.508.765,50")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: '1.508.765,50' has marks between its digits. Write digits only, ...
    """
    _refuse_blank(text, "a number such as 1508765.50")
    if not _DECIMAL.fullmatch(text):
        _refuse_number(text)
    return DecimalValue(text, Decimal(text))


def parse_integer(text: str) -> IntegerValue:
    """Read a whole number in plain digits.

    >>> parse_integer("25").value
    25
    """
    _refuse_blank(text, "a whole number such as 25")
    if not _INTEGER.fullmatch(text):
        if _DECIMAL.fullmatch(text):
            message = f"{text!r} is not a whole number. Write digits only; if the point parts thousands, leave it out."
            raise ValueProblem("integer-decimals", message, text)
        _refuse_number(text)
    return IntegerValue(text, int(text))


def _refuse_number(text: str) -> NoReturn:
    if _NUMBER_MARKS.fullmatch(text):
        message = (
            f"{text!r} has marks between its digits. "
            "Write digits only, with a point before decimals, such as 1508765.50."
        )
        raise ValueProblem("number-marks", message, text)
    if re.search(r"[€$£]|\b[A-Z]{3}\b", text):
        message = f"{text!r} holds a currency. Write the number alone and the currency in its own column."
        raise ValueProblem("number-currency", message, text)
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", text):
        raise ValueProblem("number-exponent", f"{text!r} has an exponent. Write the number in plain digits.", text)
    raise ValueProblem("number-form", f"{text!r} is not a number. Write plain digits, such as 1508765.50.", text)


_SPACES = " \u00a0\u2009\u202f"
_MONEY = {
    MoneyStyle.POINT: re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?"),
    MoneyStyle.COMMA: re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?"),
    MoneyStyle.SPACE: re.compile(rf"-?(?:[0-9]+|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+)(?:,[0-9]+)?"),
    MoneyStyle.SPACE_POINT: re.compile(rf"-?(?:[0-9]+|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+)(?:\.[0-9]+)?"),
    MoneyStyle.SCIENTIFIC: re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"),
}
_MONEY_EXAMPLE = {
    MoneyStyle.POINT: "1234567.89 or 1,234,567.89",
    MoneyStyle.COMMA: "1234567,89 or 1.234.567,89",
    MoneyStyle.SPACE: "1 234 567,89",
    MoneyStyle.SPACE_POINT: "1 234 567.89",
    MoneyStyle.SCIENTIFIC: "1.23456789E6",
}
_MONEY_REMOVE = {
    MoneyStyle.POINT: ",",
    MoneyStyle.COMMA: ".",
    MoneyStyle.SPACE: _SPACES,
    MoneyStyle.SPACE_POINT: _SPACES,
    MoneyStyle.SCIENTIFIC: "",
}
_LARGEST_SUM = Decimal(10) ** 15


def parse_money(text: str, style: MoneyStyle) -> MoneyValue:
    """Read a sum of money in the style that its source is declared to use.

    >>> parse_money("1.234", MoneyStyle.POINT).text, parse_money("1.234", MoneyStyle.COMMA).text
    ('1.234', '1234')
    >>> parse_money("1.5E6", MoneyStyle.SCIENTIFIC).text
    '1500000'
    >>> parse_money("1 234,5", MoneyStyle.COMMA)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: '1 234,5' is not in the style comma-decimal, ...
    """
    _refuse_blank(text, f"a sum such as {_MONEY_EXAMPLE[style]}")
    if not _MONEY[style].fullmatch(text):
        if re.search(r"[€$£]|[A-Za-z]{3}", text):
            _refuse_number(text)
        message = (
            f"{text!r} is not in the style {style.value}, which looks like {_MONEY_EXAMPLE[style]}. "
            "Check the cell, or declare another style for the source."
        )
        raise ValueProblem("money-style", message, text)
    plain = text.translate({ord(mark): None for mark in _MONEY_REMOVE[style]}).replace(",", ".")
    value = Decimal(plain)
    if abs(value) > _LARGEST_SUM:
        raise ValueProblem("money-size", f"{text!r} is more than any budget. Check the exponent and the digits.", text)
    return MoneyValue(text, format(value, "f"), value)


# Addresses

_NOT_IN_URL = re.compile(r'[\x00-\x20\x7f-\x9f<>"{}|^`\\\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufff0-\uffff]')
_HOST = re.compile(r"(?:[A-Za-z0-9_\u00a0-\uffff-]+\.)*[A-Za-z0-9_\u00a0-\uffff-]+\.?|\[[0-9A-Fa-f:.]+\]")


def parse_url(text: str) -> Url:
    """Read an absolute web address with http or https.

    >>> parse_url("https://keep.eu/projects/21513/").text
    'https://keep.eu/projects/21513/'
    >>> parse_url("www.keep.eu")
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: 'www.keep.eu' is not a full web address. Start it with https:// or http://.
    """
    _refuse_blank(text, "a web address such as https://example.org/page")
    if not re.match(r"https?://", text, re.IGNORECASE):
        message = f"{text!r} is not a full web address. Start it with https:// or http://."
        raise ValueProblem("url-scheme", message, text)
    bad = _NOT_IN_URL.search(text)
    if bad:
        message = f"{text!r} holds {bad.group()!r}, which no address may. Percent-encode that sign, or remove it."
        raise ValueProblem("url-sign", message, text)
    if re.search(r"[;,]https?://", text, re.IGNORECASE):
        raise ValueProblem("url-several", f"{text!r} looks like several addresses. Keep one in this cell.", text)
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        message = f"{text!r} holds a % without two hexadecimal digits after it. Write %25 for the sign itself."
        raise ValueProblem("url-percent", message, text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueProblem("url-host", f"{text!r} has no valid host or port. Check what follows //.", text) from None
    if "@" in parts.netloc:
        # The text itself may hold a password: it is kept out of the message.
        raise ValueProblem("url-credentials", "The address holds a user name or password before @. Remove them.", text)
    if not host or not _HOST.fullmatch(parts.netloc.removesuffix(f":{port}").removesuffix(":")):
        raise ValueProblem("url-host", f"{text!r} has no valid host. Check what follows //.", text)
    if re.search(r"[\[\]]", parts.path + parts.query + parts.fragment) or "#" in parts.fragment:
        message = f"{text!r} holds a bracket or a second #. Write %5B, %5D or %23 for them."
        raise ValueProblem("url-sign", message, text)
    return Url(text)


# Languages

_TWO_LETTERS = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee "
    "el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is "
    "it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms "
    "mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk "
    "sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi "
    "yo za zh zu "
)
_THREE_LETTERS = (
    "bul=bg ces=cs cze=cs dan=da deu=de ger=de ell=el gre=el eng=en est=et fin=fi fra=fr fre=fr gle=ga hrv=hr "
    "hun=hu ita=it lav=lv lit=lt mlt=mt nld=nl dut=nl nor=no nob=nb nno=nn pol=pl por=pt ron=ro rum=ro slk=sk "
    "slo=sk slv=sl spa=es swe=sv isl=is ice=is mkd=mk mac=mk sqi=sq alb=sq srp=sr bos=bs tur=tr ukr=uk rus=ru "
    "cat=ca eus=eu baq=eu glg=gl ltz=lb cym=cy wel=cy sme=se "
)
_LANGUAGES_2 = frozenset(_TWO_LETTERS.split())
_LANGUAGES_3 = dict(pair.split("=") for pair in _THREE_LETTERS.split())
_NOT_LANGUAGES = {"gr": "el", "cz": "cs", "dk": "da", "at": "de", "gb": "en", "ua": "uk"}


def parse_language(text: str) -> str:
    """Read a language tag without region and return its normal form.

    >>> parse_language("EN")
    'en'
    >>> parse_language("en-GB")
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: 'en-GB' says more than a language. Write en.
    """
    _refuse_blank(text, "a language tag such as en")
    tag = text.lower()
    if re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]+)+", tag):
        primary = re.split(r"[-_]", tag)[0]
        raise ValueProblem("language-region", f"{text!r} says more than a language. Write {primary}.", text)
    if tag in _NOT_LANGUAGES:
        message = f"{text!r} is the code of a country. Write {_NOT_LANGUAGES[tag]} for its language, if that is meant."
        raise ValueProblem("language-country", message, text)
    if tag in _LANGUAGES_3:
        message = f"{text!r} has a shorter tag, which BCP 47 asks for. Write {_LANGUAGES_3[tag]}."
        raise ValueProblem("language-long", message, text)
    if tag in ("und", "mis", "mul", "zxx"):
        message = f"{text!r} names no language. Leave the cell empty if the language is not known."
        raise ValueProblem("language-none", message, text)
    if tag in _LANGUAGES_2 or re.fullmatch(r"[a-z]{3}", tag):
        return tag
    raise ValueProblem("language-form", f"{text!r} is not a language tag. Write two letters such as en.", text)


# Countries, regions, currencies


def parse_country(text: str, countries: Mapping[str, Country]) -> Country:
    """Read a country by its ISO 3166-1 code, or EU.

    >>> iri = "http://publications.europa.eu/resource/authority/country/GRC"
    >>> greece = Country("GR", "EL", "GRC", iri, "Greece", "Ελλάδα", "Elláda")
    >>> parse_country("GR", {"GR": greece}).name_en
    'Greece'
    >>> parse_country("EL", {"GR": greece})
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: 'EL' is the code of Greece in NUTS, not in ISO 3166-1. Write GR.
    """
    _refuse_blank(text, "a country code such as FI")
    if text in countries:
        return countries[text]
    for country in countries.values():
        if text == country.nuts:
            message = f"{text!r} is the code of {country.name_en} in NUTS, not in ISO 3166-1. Write {country.iso2}."
            raise ValueProblem("country-nuts-country", message, text)
        names = (country.iso2, country.iso3, country.name_en, country.name_local, country.name_latin)
        if text.casefold() in {name.casefold() for name in names}:
            message = f"{text!r} is not a code of two capital letters. Write {country.iso2} for {country.name_en}."
            raise ValueProblem("country-form", message, text)
    iso2 = next((each.iso2 for each in countries.values() if text[:2] in (each.nuts, each.iso2)), None)
    if iso2 and re.fullmatch(r"[A-Z]{2}[0-9A-Z]{1,3}", text):
        message = f"{text!r} looks like a NUTS code. Write {iso2} here and the code in the column of NUTS."
        raise ValueProblem("country-nuts", message, text)
    if re.fullmatch(r"[A-Z]{2}", text):
        message = f"{text!r} is not in the table of countries. Check the code, or add the country to countries.csv."
        raise ValueProblem("country-unknown", message, text)
    raise ValueProblem("country-form", f"{text!r} is not a country code. Write two capital letters such as FI.", text)


def parse_nuts(text: str, nuts: Nuts, version: str | None = None) -> Region:
    """Read a NUTS code of one version, or of the newest version that has it.

    >>> finland = Region("FI", "2024", 0, "Suomi/Finland", "Suomi/Finland", "FI", "country")
    >>> nuts = Nuts({"2024": {"FI": finland}}, {})
    >>> parse_nuts("FI", nuts).version
    '2024'
    >>> parse_nuts("FI9", nuts)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: NUTS 2021 and 2024 have no code 'FI9'. The nearest region above is FI (...
    """
    _refuse_blank(text, "a NUTS code such as FI1C3")
    if version is not None and version not in VERSIONS:
        message = f"{version!r} is no version of NUTS that we hold. Write {' or '.join(VERSIONS)}, or leave it empty."
        raise ValueProblem("nuts-version", message, version)
    try:
        return nuts.region(text, version)
    except UnknownRegionError:
        pass
    others = nuts.versions(text)
    if version is not None and others:
        other = others[-1]
        message = f"NUTS {version} has no code {text!r}, but NUTS {other} has."
        if other == "2021":
            message += _say_successor(text, nuts)
        raise ValueProblem("nuts-other-version", f"{message} Otherwise give {other} as its version.", text)
    upper = text.upper()
    if upper != text and nuts.versions(upper):
        raise ValueProblem("nuts-form", f"{text!r} needs capital letters. Write {upper}.", text)
    asked = f"NUTS {version} has" if version else f"NUTS {' and '.join(VERSIONS)} have"
    message = f"{asked} no code {text!r}."
    for iso2, code in (("GR", "EL"), ("GB", "UK")):
        if text.startswith(iso2):
            message += f" NUTS codes of this country start with {code}."
    if nuts.versions("EL" + text[2:]) and text.startswith("GR"):
        raise ValueProblem("nuts-iso-country", f"{message} Write EL{text[2:]}.", text)
    nearest = nuts.nearest(text, version)
    if nearest is not None:
        message += (
            f" The nearest region above is {nearest.code} ({nearest.name_local}), "
            f"level {nearest.level} of NUTS {nearest.version}."
        )
    else:
        message += " Check the code, or leave the cell empty."
    raise ValueProblem("nuts-unknown", message, text)


def _say_successor(code: str, nuts: Nuts) -> str:
    successor = nuts.successor(code)
    if successor is None or not successor.codes_2024:
        return " No successor is known."
    codes = " and ".join(successor.codes_2024)
    if successor.relation is Relation.EXACT:
        return f" In 2024 the same region is {codes}: write that."
    if successor.relation is Relation.NEARLY:
        return f" In 2024 it is {codes} after a small boundary shift: write that, if the difference does not matter."
    if successor.relation is Relation.MERGED:
        return f" In 2024 it lies in the larger {codes}."
    return f" In 2024 its area lies in {codes}: look up which is meant."


def parse_currency(text: str) -> Currency:
    """Read a currency by its ISO 4217 code.

    >>> parse_currency("EUR").iri
    'http://publications.europa.eu/resource/authority/currency/EUR'
    >>> parse_currency("€")
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: '€' is not a currency code. Write EUR.
    """
    _refuse_blank(text, "a currency code such as EUR")
    if text in CURRENCIES:
        return Currency(text, f"{CURRENCY}{text}")
    meant = {"€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP"}.get(text.lower(), text.upper())
    if meant in CURRENCIES:
        raise ValueProblem("currency-form", f"{text!r} is not a currency code. Write {meant}.", text)
    if re.fullmatch(r"[A-Z]{3}", text):
        message = f"{text!r} is not a currency that we use. Check it, or add it to the list of currencies."
        raise ValueProblem("currency-unknown", message, text)
    message = f"{text!r} is not a currency code. Write three capital letters such as EUR."
    raise ValueProblem("currency-form", message, text)


# Slugs


def parse_slug(text: str) -> str:
    """Read a slug: a-z, 0-9 and single hyphens.

    >>> parse_slug("city-of-lahti")
    'city-of-lahti'
    >>> parse_slug("City of Lahti")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    circkg_loaders.values.ValueProblem: 'City of Lahti' is not a slug. Use a-z, 0-9 and single hyphens only, ...
    """
    _refuse_blank(text, "a slug such as city-of-lahti")
    if not is_slug(text):
        message = f"{text!r} is not a slug. Use a-z, 0-9 and single hyphens only, such as city-of-lahti."
        raise ValueProblem("slug-form", message, text)
    return text
