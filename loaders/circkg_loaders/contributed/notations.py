"""How a column writes its dates and numbers: declared, or proven by the column as a whole; never guessed from a cell.

A cell is read in every notation that it fits. A notation that all cells of the column fit is the column's. A cell that
says the same in all remaining notations is read; one that does not has as many readings as a person must choose from.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.languages import months
from circkg_loaders.values import FIRST_YEAR, LAST_YEAR, MoneyStyle, ValueProblem, parse_money

ORDERS = ("day-first", "month-first", "year-first")
"""Orders of dates that may be declared."""

LONGEST = 60
"""Characters of the longest text that may be a date or a number."""

_NUMBERS = {
    ",": (MoneyStyle.COMMA, MoneyStyle.SPACE),
    ".": (MoneyStyle.POINT, MoneyStyle.SPACE_POINT, MoneyStyle.SCIENTIFIC),
}
DECIMALS = tuple(_NUMBERS)
"""Decimal marks that may be declared."""

# In these, [0-9] and not \d: digits of other scripts are not what XML Schema takes.
_TIME = r"[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_ISO = re.compile(rf"([0-9]{{4}})(?:-([0-9]{{1,2}})(?:-([0-9]{{1,2}}))?)?(?:{_TIME})?")
_BASIC = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})([./])([0-9]{1,2})(?:\2([0-9]{1,2})\2?)?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([./-])\s?([0-9]{1,2})\2\s?([0-9]{4}|[0-9]{2})\.?")
_MONTH_YEAR = re.compile(r"([0-9]{1,2})[./-]([0-9]{4})")
_NAMED = re.compile(
    r"(?:([0-9]{1,2})(?:\.|st|nd|rd|th|º|er)?\s+(?:de\s+|of\s+)?)?([^\W\d_]{3,15})\.?,?\s+(?:de\s+)?([0-9]{4})\.?"
)
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,15})\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?\s+([0-9]{4})")
_SPAN = re.compile(r".*[0-9]{4}.*(?:[-–—/]|\s(?:to|bis|do|au|a|al)\s).*[0-9]{4}.*")
_APOSTROPHES = str.maketrans("", "", "'’")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cell says in the notations of its column.

    :param values: the value, or several where the column does not prove which is meant; none if it is no value.
    :param fault: code of what is wrong, empty if the cell has one value.
    """

    values: tuple[str, ...]
    fault: str = ""


def date_readings(text: str, *, declared: bool = False) -> Mapping[str, str]:
    """Return the date that a text is by the orders in which it can be read, as 2022, 2022-05 or 2022-05-13.

    In no locale of the Unicode CLDR does a date of numbers with full stops put the month before the day, so full stops
    prove that the day comes first.

    :param declared: the order is declared, which also says that 08.04.13 is of this century.

    >>> sorted(date_readings("05/06/2022").items())
    [('day-first', '2022-06-05'), ('month-first', '2022-05-06')]
    >>> date_readings("13.5.2022"), sorted(set(date_readings("May 2022").values()))
    ({'day-first': '2022-05-13'}, ['2022-05'])
    """
    if len(text) > LONGEST:
        return {}
    for pattern in (_ISO, _BASIC):
        match = pattern.fullmatch(text)
        if match:
            return _any_order(_date(*match.groups()))
    if match := _YEAR_FIRST.fullmatch(text):
        return _any_order(_date(match[1], match[3], match[4]))
    if match := _MONTH_YEAR.fullmatch(text):
        return _any_order(_date(match[2], match[1]))
    if match := _YEAR_LAST.fullmatch(text):
        year = match[4] if len(match[4]) == 4 else f"20{match[4]}" if declared else ""
        dates = {"day-first": _date(year, match[3], match[1])}
        if match[2] != ".":
            dates["month-first"] = _date(year, match[1], match[3])
        return {order: date for order, date in dates.items() if date}
    return _named(text)


def _named(text: str) -> Mapping[str, str]:
    """Return the date of a text that names its month, if the name means one month."""
    if match := _NAMED.fullmatch(text):
        day, name, year = match.groups()
    elif match := _NAMED_FIRST.fullmatch(text):
        name, day, year = match.groups()
    else:
        return {}
    meant = months().get(folded(name), frozenset())
    return _any_order(_date(year, str(min(meant)), day)) if len(meant) == 1 else {}


def _any_order(date: str) -> Mapping[str, str]:
    return dict.fromkeys(ORDERS, date) if date else {}


def _date(year: str, month: str | None = None, day: str | None = None) -> str:
    """Return a date as XML Schema writes it; empty if it is not in the calendar."""
    try:
        found = datetime.date(int(year or 0), int(month or 1), int(day or 1))
    except ValueError:
        return ""
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        return ""
    return found.isoformat()[: 10 if day else 7 if month else 4]


def date_fault(text: str) -> str:
    """Return the code of what is wrong with a text that is no date in any order."""
    if len(text) > LONGEST:
        return "value-not-a-date"
    if _YEAR_LAST.fullmatch(text) and len(re.split(r"[./-]", text.rstrip("."))[2].strip()) == 2:
        return "date-short-year"
    numbers = [int(number) for number in re.findall(r"\d+", text)][:4]
    written = any(pattern.fullmatch(text) for pattern in (_ISO, _BASIC, _YEAR_FIRST, _YEAR_LAST, _MONTH_YEAR))
    if written and any(number > 999 and not FIRST_YEAR <= number <= LAST_YEAR for number in numbers):
        return "date-out-of-range"
    if written:
        return "date-not-in-calendar"
    return "date-span" if _SPAN.fullmatch(text) else "value-not-a-date"


def number_readings(text: str) -> Mapping[str, str]:
    """Return the number that a text is, in plain digits, by the notations in which it can be read.

    >>> sorted(number_readings("1.234").items())
    [('comma-decimal', '1234'), ('point-decimal', '1.234'), ('scientific', '1.234'), ('space-groups-point', '1.234')]
    >>> set(number_readings("1 234 567,89").values()), number_readings("many")
    ({'1234567.89'}, {})
    """
    found: dict[str, str] = {}
    if len(text) > LONGEST:
        return found
    plain = text.translate(_APOSTROPHES).replace("−", "-")
    for style in MoneyStyle:
        try:
            found[style.value] = parse_money(plain, style).text
        except ValueProblem:
            continue
    return found


class Notation:
    """The notations that all cells of a column fit.

    >>> dates = Notation.of_dates(["05/06/2022", "13/06/2022", "2022"])
    >>> dates.names, dates.read("05/06/2022").values
    (('day-first',), ('2022-06-05',))
    >>> Notation.of_dates(["05/06/2022"]).read("05/06/2022")
    Reading(values=('2022-06-05', '2022-05-06'), fault='date-ambiguous')
    """

    def __init__(self, cells: Iterable[Mapping[str, str]], declared: Sequence[str], *, dates: bool) -> None:
        """Take what each cell is in each notation; :meth:`of_dates` and :meth:`of_numbers` make one."""
        self._dates = dates
        self.declared = bool(declared)
        fitting: set[str] | None = set(declared) if declared else None
        for cell in cells if not declared else ():
            if cell:
                fitting = set(cell) if fitting is None else fitting & set(cell)
        self.names: tuple[str, ...] = tuple(sorted(fitting or ()))
        """The notations that remain; empty if no notation fits all cells."""

    @classmethod
    def of_dates(cls, texts: Iterable[str], declared: str | None = None) -> Notation:
        """Return the orders of dates of a column."""
        known = (declared,) if declared else ()
        return cls((date_readings(text) for text in dict.fromkeys(texts)), known, dates=True)

    @classmethod
    def of_numbers(cls, texts: Iterable[str], declared: str | None = None) -> Notation:
        """Return the notations of numbers of a column.

        :param declared: the decimal mark.
        """
        known = tuple(style.value for style in _NUMBERS[declared]) if declared else ()
        return cls((number_readings(text) for text in dict.fromkeys(texts)), known, dates=False)

    def read(self, text: str) -> Reading:
        """Return what a cell says."""
        readings = date_readings(text, declared=self.declared) if self._dates else number_readings(text)
        fitting = [readings[name] for name in self.names if name in readings]
        values = tuple(dict.fromkeys(fitting)) or (tuple(dict.fromkeys(readings.values())) if not self.declared else ())
        if len(values) == 1:
            return Reading(values)
        if values:
            return Reading(values, "date-ambiguous" if self._dates else "number-ambiguous")
        if readings:
            return Reading(tuple(dict.fromkeys(readings.values())), "other-notation")
        return Reading((), date_fault(text) if self._dates else "value-not-a-number")
