"""What a text that is no date of ours was probably meant to be."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Final

from circkg_loaders.contributed.faults import Suggestion
from circkg_loaders.values import FIRST_YEAR, LAST_YEAR, ValueProblem, parse_date

_THREE: Final = re.compile(r"(\d{1,2})[./\- ]+(\d{1,2})[./\- ]+(\d{4})")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[./\- ]+(\d{1,2})(?:[./\- ]+(\d{1,2}))?")
_MONTH_YEAR: Final = re.compile(r"(\d{1,2})[./\- ]+(\d{4})")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WITH_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{1,2}:\d{2}.*")
_SERIAL: Final = re.compile(r"\d{5}(?:\.0+)?")
_YEAR: Final = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_EPOCH: Final = datetime.date(1899, 12, 30)
"""Day 0 of the spreadsheets that count days; holds from March 1900 on."""


def readings(text: str) -> list[Suggestion]:
    """Return the dates that a text may mean, the likeliest first; several where day and month cannot be told apart.

    >>> [(found.text, found.reason) for found in readings("05/04/2022")]
    [('2022-04-05', 'date-day-first'), ('2022-05-04', 'date-month-first')]
    >>> [found.text for found in readings("13.5.2022")], [found.text for found in readings("44694")]
    (['2022-05-13'], ['2022-05-13'])
    """
    found = {each.text: each for each in reversed(list(_readings(text.strip()))) if _is_date(each.text)}
    return list(reversed(found.values()))


def _readings(text: str) -> Iterator[Suggestion]:
    if _is_date(text):
        yield Suggestion(text, "date-form")
    elif match := _WITH_TIME.fullmatch(text):
        yield Suggestion(match[1], "date-without-time")
    elif match := _THREE.fullmatch(text):
        first, second, year = match.groups()
        either = int(first) <= 12 and int(second) <= 12 and first != second
        order = 0.9 if "." in text else 0.5
        yield Suggestion(f"{year}-{int(second):02}-{int(first):02}", "date-day-first", score=order if either else 1.0)
        yield Suggestion(
            f"{year}-{int(first):02}-{int(second):02}", "date-month-first", score=1 - order if either else 1.0
        )
    elif match := _YEAR_FIRST.fullmatch(text):
        day = f"-{int(match[3]):02}" if match[3] else ""
        yield Suggestion(f"{match[1]}-{int(match[2]):02}{day}", "date-form")
    elif match := _MONTH_YEAR.fullmatch(text):
        yield Suggestion(f"{match[2]}-{int(match[1]):02}", "date-form")
    elif match := _COMPACT.fullmatch(text):
        yield Suggestion("-".join(match.groups()), "date-form")
    elif _SERIAL.fullmatch(text):
        counted = _EPOCH + datetime.timedelta(days=int(text.partition(".")[0]))
        yield Suggestion(counted.isoformat(), "date-serial", score=0.8)
    else:
        years = [year for year in _YEAR.findall(text) if FIRST_YEAR <= int(year) <= LAST_YEAR]
        if len(set(years)) == 1:
            yield Suggestion(years[0], "date-year", score=0.6)


def _is_date(text: str) -> bool:
    try:
        parse_date(text)
    except ValueProblem:
        return False
    return True
