"""The codes of faults and the reasons of suggestions, in words: title, message and way out, in eight languages.

The texts stand in ``messages/{language}.yaml`` by code, the reasons in ``reasons/{language}.yaml``, and an example of
each code, which is the same in all languages, in ``messages/examples.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

LANGUAGES: Final = ("en", "pt", "fi", "fr", "de", "es", "it", "pl")
"""Languages in which faults are told, the first one where a reader's is not among them."""

_FOLDER: Final = Path(__file__).parent
_NAMED: Final = re.compile(r"\{(\w+)\}")


class UnknownCodeError(LookupError):
    """There is no fault with this code."""


@dataclass(frozen=True, slots=True)
class CodeText:
    """What a code says in one language.

    :param title: the kind of fault in a few words.
    :param message: what is wrong, with ``{named}`` values of the fault.
    :param way_out: what to do.
    """

    title: str
    message: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Example:
    """A cell with the fault of a code, and the same cell mended.

    :param column: what the column holds, in English.
    :param values: what the message names; without them the value is the wrong cell, and the field is the column.
    """

    column: str
    wrong: str
    mended: str
    values: Mapping[str, str] = field(default_factory=dict)


@cache
def texts(language: str) -> Mapping[str, CodeText]:
    """Return what each code says in a language, in the order in which the documentation lists the codes.

    >>> texts("fi")["missing"].title
    'Arvo puuttuu'
    """
    return {code: CodeText(**said) for code, said in _read("messages", language).items()}


@cache
def reasons(language: str) -> Mapping[str, str]:
    """Return why something is suggested in a language, by the code of the reason."""
    return dict(_read("reasons", language))


@cache
def examples() -> Mapping[str, Example]:
    """Return the example of each code."""
    return {code: Example(**said) for code, said in _read("messages", "examples").items()}


def codes() -> tuple[str, ...]:
    """Return all codes, in the order of the documentation."""
    return tuple(texts("en"))


def text(code: str, language: str = "en") -> CodeText:
    """Return what a code says in a language.

    :raises UnknownCodeError: if there is no such code.
    """
    try:
        return texts(nearest_language(language))[code]
    except KeyError:
        raise UnknownCodeError(f"There is no fault with the code {code!r}.") from None


def filled(message: str, values: Mapping[str, str]) -> str:
    """Return a message with its values; what a fault does not name is an ellipsis.

    >>> filled("“{value}” is not in the list “{list}”.", {"value": "{list}"})
    '“{list}” is not in the list “…”.'
    """
    return _NAMED.sub(lambda found: values.get(found[1]) or "…", message)


def example_message(code: str, language: str = "en") -> str:
    """Return what is wrong with the example of a code.

    >>> example_message("too-short")
    '“X” is shorter than the 2 characters that “Title (en)” needs.'
    """
    shown = examples()[code]
    return filled(text(code, language).message, {"value": shown.wrong, "field": shown.column, **shown.values})


def placeholders(message: str) -> frozenset[str]:
    """Return the names of the values that a message names."""
    return frozenset(_NAMED.findall(message))


def nearest_language(tag: str) -> str:
    """Return the language of ours for a language tag, English if there is none.

    >>> nearest_language("de-AT"), nearest_language("sv"), nearest_language("")
    ('de', 'en', 'en')
    """
    primary = re.split(r"[-_]", tag.lower())[0]
    return primary if primary in LANGUAGES else LANGUAGES[0]


def _read(folder: str, name: str) -> dict[str, Any]:
    content = (_FOLDER / folder / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(content, Loader=yaml.BaseLoader))  # noqa: S506 - the base loader makes nothing but texts
