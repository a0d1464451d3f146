"""Reads JSON as tables: an array of objects, or an object that holds such arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from circkg_loaders.contributed.decoding import decode
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.limits import MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from circkg_loaders.contributed.rdf import ContributionError, refuse_depth
from circkg_loaders.contributed.sheets import Book, Cell, Several, Sheet
from circkg_loaders.contributed.style import Style

CSVW = "http://www.w3.org/ns/csvw"
"""Context of metadata of tables, which say how a table is read and are none themselves."""

_ARRAYS_TO = 3
"""Levels of objects in which arrays of objects are looked for."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)?")


def load_json(content: bytes, name: str, encoding: str | None = None) -> Any:
    """Return the value of a JSON file.

    :raises ContributionError: if it is not well-formed, is nested too deeply, or names a member of an object twice.
    """
    text = decode(content, name, encoding).text

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
            raise ContributionError(f"{name}: an object has the member {twice!r} twice. Keep one, or make it an array.")
        return found

    def constant(word: str) -> Any:
        raise ContributionError(f"{name}: {word} is no JSON. Write null where a number is not known.")

    try:
        refuse_depth(text.encode("utf-8", errors="surrogatepass"))
        value = json.loads(text, object_pairs_hook=object_of, parse_constant=constant)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError as error:
        half = error.object[error.start].encode("unicode_escape").decode()
        raise ContributionError(f"{name}: {half} is half a character. Write the character itself.") from error
    except json.JSONDecodeError as error:
        raise ContributionError(
            f"{name}, line {error.lineno}, sign {error.colno}: no well-formed JSON ({error.msg})."
        ) from error
    except ContributionError as error:
        message = str(error)
        raise ContributionError(message if message.startswith(name) else f"{name}: {message}") from error
    except (ValueError, RecursionError) as error:
        raise ContributionError(f"{name}: {error}.") from error


def is_linked_data(value: Any) -> bool:
    """Tell whether a JSON value is JSON-LD."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and not first.keys().isdisjoint(("@context", "@id", "@graph", "@type"))


def is_table_metadata(value: Any) -> bool:
    """Tell whether a JSON value is metadata of a table in CSV (W3C, Metadata Vocabulary for Tabular Data)."""
    context = value.get("@context") if isinstance(value, dict) else None
    return context == CSVW or (isinstance(context, list) and CSVW in context[:1])


def read_json(content: bytes, name: str, declared: Style) -> Book:
    """Return the arrays of objects of a JSON file as sheets.

    :raises ContributionError: if it is not well-formed, or holds no array of objects.
    """
    value = load_json(content, name, declared.encoding)
    sheets = [_sheet(name, pointer, rows) for pointer, rows in _arrays(value, "", 0)]
    if not sheets and isinstance(value, dict):
        sheets = [_sheet(name, "", [value], one=True)]
    if not sheets:
        raise ContributionError(f"{name} holds no array of objects. Write one object for each thing: [{{…}}, {{…}}].")
    return Book(sheets, Style(encoding=declared.encoding or "utf-8").over(declared))


def _arrays(value: Any, pointer: str, level: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each array of objects with its JSON Pointer (RFC 6901)."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) for item in value):
            yield pointer, value
    elif isinstance(value, dict) and level < _ARRAYS_TO:
        for key, inner in value.items():
            yield from _arrays(inner, f"{pointer}/{_escaped(key)}", level + 1)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _sheet(name: str, pointer: str, objects: list[dict[str, Any]], *, one: bool = False) -> Sheet:
    """Return objects as a sheet whose first row names the members.

    :param one: the object itself is the row.
    """
    if len(objects) > MAX_ROWS:
        raise ContributionError(f"{name} has an array of more than {MAX_ROWS:,} objects. Contribute it in parts.")
    columns: dict[tuple[str, ...], int] = {}
    flat = [dict(_members(each, ())) for each in objects]
    for members in flat:
        for path in members:
            columns.setdefault(path, len(columns))
    if len(columns) > MAX_COLUMNS or len(columns) * len(objects) > MAX_CELLS:
        raise ContributionError(f"{name}: the objects have {len(columns):,} different members, more than are read.")
    rows: list[list[Cell]] = [[".".join(path) for path in columns]]
    rows += [[members.get(path) for path in columns] for members in flat]
    pointers = [pointer, *(pointer if one else f"{pointer}/{number}" for number in range(len(objects)))]
    keys = ["/".join(map(_escaped, path)) for path in columns]
    title = pointer.rpartition("/")[2] or None
    return Sheet(name, title, rows, pointers=pointers, keys=keys)


def _members(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Cell]]:
    """Yield the members of an object as cells, those of inner objects by their path."""
    for key, inner in value.items():
        here = (*path, key)
        if isinstance(inner, dict) and not _is_language_map(inner):
            yield from _members(inner, here)
        else:
            yield here, _cell(inner)


def _is_language_map(value: dict[str, Any]) -> bool:
    """Tell whether an object gives texts by language, as JSON-LD does: ``{"en": "Share", "fi": "Jaa"}``."""
    return bool(value) and all(
        _LANGUAGE_TAG.fullmatch(key) and language_of(key) and isinstance(text, str | list)
        for key, text in value.items()
    )


def _cell(value: Any) -> Cell:
    if isinstance(value, dict):
        return Several(tuple((each, language) for language, texts in value.items() for each in _texts(texts)))
    if isinstance(value, list):
        return Several(tuple((each, "") for each in _texts(value)))
    return value  # type: ignore[no-any-return]  # JSON holds nothing else than cells do


def _texts(value: Any) -> list[Cell]:
    """Return the values of an array; an object among them stands for its name or identifier."""
    found: list[Cell] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            named = next((each[key] for key in ("id", "@id", "code", "title", "name", "label") if each.get(key)), None)
            found.append(named if isinstance(named, str | int | float) else json.dumps(each, ensure_ascii=False))
        elif isinstance(each, list):
            found.append(json.dumps(each, ensure_ascii=False))
        else:
            found.append(each)
    return found
