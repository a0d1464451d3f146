"""The words of the pages in the languages of their readers: ``words.csv``, which anybody can mend or add to.

They are ours; the names of things, concepts and terms are not here but in the graph.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from circkg_loaders.csv_files import read_rows
from circkg_loaders.prefixes import shorten
from circkg_server.linked_data.languages import DEFAULT, PAGE_LANGUAGES

FILE = Path(__file__).with_name("words.csv")


class WordsError(ValueError):
    """The table of words has a fault; the message names the row."""


@cache
def _table() -> dict[str, dict[str, str]]:
    return {row["key"]: row for _, row in read_rows(FILE, ("key", *PAGE_LANGUAGES), WordsError)}


class Words:
    """The words in one language: by key, and of properties and classes by their IRI."""

    def __init__(self, language: str) -> None:
        self.language = language if language in PAGE_LANGUAGES else DEFAULT

    def __call__(self, key: str, **values: object) -> str:
        """Return a word or sentence of the pages.

        :raises KeyError: if there is none of that key.
        """
        text = _table()[key][self.language]
        return text.format(**values) if values else text

    def find(self, iri: str, before: str = "") -> str | None:
        """Return what a property or class is called, or ``None`` if the table does not know it.

        :param before: ``^`` for a property read backwards, ``plural:`` for a class in the plural.

        >>> Words("fi").find("https://w3id.org/circkg/def#eventOf", "^")
        'Tapahtumat'
        """
        row = _table().get(f"{before}{shorten(iri)}")
        return row[self.language] if row else None
