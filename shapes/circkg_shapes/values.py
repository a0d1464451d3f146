"""The values that literals stand for: which lexical forms a datatype has, and how values are ordered.

Lexical forms follow XML Schema 1.1 Part 2 (https://www.w3.org/TR/xmlschema11-2/), the order is that of SPARQL's ``<``
(https://www.w3.org/TR/sparql11-query/#OperatorMapping), extended to dates, times and durations of one kind.
Nothing is trimmed: ``" 5"`` is no form of ``xsd:integer``. A time without a zone and one with a zone are ordered only
if they are more than 14 hours apart, since only then every zone gives the same answer.
"""

from __future__ import annotations

import binascii
import math
import re
import struct
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from circkg_shapes.terms import XSD, XSD_STRING

_MOST_UNSURE: Final = 14 * 3600

_ZONE = r"(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_YEAR = r"(?P<year>-?(?:[1-9][0-9]{3,}|0[0-9]{3}))"
_MONTH = r"(?P<month>0[1-9]|1[0-2])"
_DAY = r"(?P<day>0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9](?:\.[0-9]+)?)|24:00:00(?:\.0+)?)"
_MOMENTS: Final = {
    name: re.compile(form + _ZONE)
    for name, form in {
        "dateTime": f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}",
        "date": f"{_YEAR}-{_MONTH}-{_DAY}",
        "time": _TIME,
        "gYear": _YEAR,
        "gYearMonth": f"{_YEAR}-{_MONTH}",
        "gMonthDay": f"--{_MONTH}-{_DAY}",
        "gMonth": f"--{_MONTH}",
        "gDay": f"---{_DAY}",
    }.items()
}
_SECONDS = r"[0-9]+(?:\.[0-9]+)?S"
_DURATION: Final = re.compile(
    r"(?P<sign>-)?P(?=[0-9T])(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+)D)?"
    rf"(?P<clock>T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?P<seconds>{_SECONDS})?)?"
)
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?|[+-]?INF|NaN")
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/] ?)*(?:= ?)*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_DAYS_BEFORE_MONTH: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def _bounds(low: int | None, high: int | None) -> tuple[Decimal | None, Decimal | None]:
    return (None if low is None else Decimal(low), None if high is None else Decimal(high))


_INTEGERS: Final = {
    "integer": _bounds(None, None),
    "nonPositiveInteger": _bounds(None, 0),
    "negativeInteger": _bounds(None, -1),
    "nonNegativeInteger": _bounds(0, None),
    "positiveInteger": _bounds(1, None),
    "long": _bounds(-(2**63), 2**63 - 1),
    "int": _bounds(-(2**31), 2**31 - 1),
    "short": _bounds(-(2**15), 2**15 - 1),
    "byte": _bounds(-(2**7), 2**7 - 1),
    "unsignedLong": _bounds(0, 2**64 - 1),
    "unsignedInt": _bounds(0, 2**32 - 1),
    "unsignedShort": _bounds(0, 2**16 - 1),
    "unsignedByte": _bounds(0, 2**8 - 1),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of time: seconds from the year 1 on, in its zone or, if it has none, unsure by 14 hours."""

    seconds: Decimal
    has_zone: bool


Content = Decimal | float | str | bool | Moment | bytes


@dataclass(frozen=True, slots=True)
class Value:
    """What a literal stands for. Values of one ``order`` can be compared; an empty one has no order."""

    order: str
    content: Content


@lru_cache(maxsize=1 << 16)
def value(lexical: str, datatype: str) -> Value | None:
    """Return the value of a literal without a language tag, ``None`` if it is ill-typed or of an unknown datatype.

    :param datatype: IRI of the datatype, without angle brackets.

    >>> value("05", XSD + "integer") == value("5.0", XSD + "decimal")
    True
    >>> value("12,5", XSD + "decimal") is None
    True
    """
    if datatype == XSD_STRING:
        return Value("string", lexical)
    if not datatype.startswith(XSD):
        return None
    reader = _READERS.get(datatype[len(XSD) :])
    return reader(lexical) if reader else None


def has_known_forms(datatype: str) -> bool:
    """Tell whether not every text is a form of this datatype, so that a literal of it can be ill-typed.

    >>> has_known_forms(XSD + "date"), has_known_forms(XSD + "anyURI")
    (True, False)
    """
    return datatype.startswith(XSD) and datatype[len(XSD) :] in _READERS


def compare(one: Value | None, other: Value | None) -> int | None:
    """Return -1, 0 or 1 as the first value is less than, equal to or greater than the other, ``None`` if unsure.

    >>> compare(value("1", XSD + "integer"), value("1.5", XSD + "double"))
    -1
    >>> compare(value("2024-01-01", XSD + "date"), value("2024", XSD + "gYear")) is None
    True
    """
    if one is None or other is None or one.order != other.order or not one.order:
        return None
    left, right = one.content, other.content
    if isinstance(left, Moment) and isinstance(right, Moment):
        return _compare_moments(left, right)
    if isinstance(left, float) or isinstance(right, float):
        # SPARQL promotes a decimal that meets a double to a double.
        left, right = _double(left), _double(right)
        if math.isnan(left) or math.isnan(right):
            return None
    return (left > right) - (left < right)  # type: ignore[operator]  # of one order, so of one type


def _double(number: Content) -> float:
    assert isinstance(number, Decimal | float)
    return float(number)


def _compare_moments(left: Moment, right: Moment) -> int | None:
    if left.has_zone == right.has_zone:
        return (left.seconds > right.seconds) - (left.seconds < right.seconds)
    apart = left.seconds - right.seconds
    if abs(apart) <= _MOST_UNSURE:
        return None
    return 1 if apart > 0 else -1


def _integer(name: str) -> Callable[[str], Value | None]:
    low, high = _INTEGERS[name]

    def read(lexical: str) -> Value | None:
        if not _INTEGER.fullmatch(lexical):
            return None
        number = Decimal(lexical)
        if (low is not None and number < low) or (high is not None and number > high):
            return None
        return Value("number", number)

    return read


def _decimal(lexical: str) -> Value | None:
    return Value("number", Decimal(lexical)) if _DECIMAL.fullmatch(lexical) else None


def _floating(lexical: str) -> Value | None:
    return Value("number", float(lexical)) if _DOUBLE.fullmatch(lexical) else None


def _single(lexical: str) -> Value | None:
    """Return an ``xsd:float``, which has 24 binary digits."""
    if not _DOUBLE.fullmatch(lexical):
        return None
    number = float(lexical)
    try:
        return Value("number", float(struct.unpack("f", struct.pack("f", number))[0]))
    except OverflowError:
        return Value("number", math.copysign(math.inf, number))


def _boolean(lexical: str) -> Value | None:
    return Value("boolean", _BOOLEANS[lexical]) if lexical in _BOOLEANS else None


def _moment(name: str) -> Callable[[str], Value | None]:
    form = _MOMENTS[name]

    def read(lexical: str) -> Value | None:
        match = form.fullmatch(lexical)
        if not match:
            return None
        parts = match.groupdict()
        year, month, day = int(parts.get("year") or 1972), int(parts.get("month") or 1), int(parts.get("day") or 1)
        if day > _days_in_month(year, month):
            return None
        days = _days_before(year, month) + day - 1
        clock = Decimal(0)
        if "hour" in parts:
            # Midnight at the end of a day is that of the next day; of a time alone it is the same midnight.
            at_end = parts["hour"] is None
            clock = Decimal(86400 if name != "time" else 0) if at_end else _clock(parts)
        zone = parts["zone"]
        return Value(name, Moment(86400 * days + clock - _offset(zone), zone is not None))

    return read


def _clock(parts: dict[str, str]) -> Decimal:
    return 3600 * Decimal(parts["hour"]) + 60 * Decimal(parts["minute"]) + Decimal(parts["second"])


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    seconds = 3600 * int(zone[1:3]) + 60 * int(zone[4:6])
    return -seconds if zone[0] == "-" else seconds


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _days_before(year: int, month: int) -> int:
    """Return the days from the first day of the year 1 to the first of a month (proleptic Gregorian calendar)."""
    before = year - 1
    days = 365 * before + before // 4 - before // 100 + before // 400
    return days + _DAYS_BEFORE_MONTH[month - 1] + (1 if month > 2 and _is_leap(year) else 0)


def _stamp(lexical: str) -> Value | None:
    """Return an ``xsd:dateTimeStamp``: a dateTime that must have a zone."""
    found = _moment("dateTime")(lexical)
    return found if found and isinstance(found.content, Moment) and found.content.has_zone else None


def _duration(kind: str) -> Callable[[str], Value | None]:
    def read(lexical: str) -> Value | None:
        match = _DURATION.fullmatch(lexical)
        if not match:
            return None
        parts = match.groupdict()
        has_months = parts["years"] is not None or parts["months"] is not None
        has_days = parts["days"] is not None or parts["clock"] is not None
        if (kind == "dayTimeDuration" and has_months) or (kind == "yearMonthDuration" and has_days):
            return None
        sign = -1 if parts["sign"] else 1
        months = 12 * Decimal(parts["years"] or 0) + Decimal(parts["months"] or 0)
        seconds = (
            86400 * Decimal(parts["days"] or 0)
            + 3600 * Decimal(parts["hours"] or 0)
            + 60 * Decimal(parts["minutes"] or 0)
            + Decimal((parts["seconds"] or "0").removesuffix("S"))
        )
        if has_months and has_days:
            return Value("", f"{sign * months} {sign * seconds}")  # a month has no fixed number of days
        return Value("yearMonthDuration" if has_months else "dayTimeDuration", sign * (months + seconds))

    return read


def _hexadecimal(lexical: str) -> Value | None:
    try:
        return Value("", binascii.unhexlify(lexical))
    except ValueError:
        return None


def _base64(lexical: str) -> Value | None:
    try:
        return Value("", b64decode(lexical.replace(" ", ""), validate=True)) if _BASE64.fullmatch(lexical) else None
    except ValueError:
        return None


def _language(lexical: str) -> Value | None:
    return Value("", lexical) if _LANGUAGE.fullmatch(lexical) else None


_READERS: Final[dict[str, Callable[[str], Value | None]]] = {
    **{name: _integer(name) for name in _INTEGERS},
    **{name: _moment(name) for name in _MOMENTS},
    **{name: _duration(name) for name in ("duration", "dayTimeDuration", "yearMonthDuration")},
    "decimal": _decimal,
    "double": _floating,
    "float": _single,
    "boolean": _boolean,
    "dateTimeStamp": _stamp,
    "hexBinary": _hexadecimal,
    "base64Binary": _base64,
    "language": _language,
}
