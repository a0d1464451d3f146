"""Who publishes the catalogue, and how to reach them: ``catalogue.toml``. Everything else in it is computed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circkg_loaders.iris import BASE
from circkg_server.catalogue import authorities
from circkg_server.settings import SettingsError
from circkg_shapes.terms import TermError, iri

FILE = "catalogue.toml"
EXAMPLE_PUBLISHER = f"{BASE}catalogue#example-publisher"
"""Who publishes as long as nobody says who does."""

_E_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class EditorError(SettingsError):
    """``catalogue.toml`` cannot be used; the message names the key and what it takes."""


def _title() -> dict[str, str]:
    return {"en": "CircKG: the circular economy in Europe's cities and regions"}


def _description() -> dict[str, str]:
    return {
        "en": "What initiatives on the circular economy do where in Europe's cities and regions, with which practices, "
        "against which barriers and through which policy instruments, as linked data."
    }


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes.

    :param type: code of the ADMS list of publisher types.
    """

    iri: str = EXAMPLE_PUBLISHER
    name: str = "Example publisher"
    type: str = "NonProfitOrganisation"
    homepage: str = "https://example.org/"


@dataclass(frozen=True, slots=True)
class Contact:
    """Where questions go: a page or an e-mail address, of an office rather than of a person."""

    name: str = "Example contact"
    url: str = "https://example.org/contact"
    email: str = ""


@dataclass(frozen=True, slots=True)
class Editor:
    """What people say of the catalogue as a whole.

    :param homepage: of the catalogue; empty: the start page of the server.
    :param languages: of the descriptions, as tags.
    :param issued: first day of the catalogue; empty: that of the oldest set in it.
    :param licence: SPDX identifier of the licence of the descriptions.
    :param themes: codes of the EU table of data themes.
    :param frequency: code of the EU table: how often sets change.
    :param availability: code of the EU table: how long the files will be there.
    """

    title: Mapping[str, str] = field(default_factory=_title)
    description: Mapping[str, str] = field(default_factory=_description)
    homepage: str = ""
    languages: tuple[str, ...] = ("en",)
    issued: str = ""
    licence: str = "CC-BY-4.0"
    themes: tuple[str, ...] = ("ENVI", "REGI")
    frequency: str = "IRREG"
    availability: str = "AVAILABLE"
    publisher: Publisher = field(default_factory=Publisher)
    contact: Contact = field(default_factory=Contact)

    @property
    def is_example(self) -> bool:
        """Tell whether nobody has said yet who publishes."""
        return self.publisher.iri == EXAMPLE_PUBLISHER


def editor_of(store: Path, data: Path, setting: str = "") -> Editor:
    """Return what ``catalogue.toml`` says: that of the setting, else that of the store, else that of the data room.

    :param setting: path of the file, as ``CIRCKG_CATALOGUE`` gives it.
    :raises EditorError: if the file of the setting is missing, or one cannot be used.
    """
    if setting:
        return read_editor(Path(setting))
    found = next((path for path in (store / FILE, data / FILE) if path.is_file()), None)
    return read_editor(found) if found else Editor()


def read_editor(path: Path) -> Editor:
    """Return what a ``catalogue.toml`` says.

    :raises EditorError: if it cannot be read, has an unknown key or a value that the EU portals do not know.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EditorError(f"{path} cannot be read: {error}.") from error
    try:
        return _editor(content)
    except EditorError as error:
        raise EditorError(f"{path.name}: {error}") from error


def _editor(content: dict[str, Any]) -> Editor:
    _known(content, ("catalogue", "publisher", "contact"), "")
    about, publisher, contact = (_table(content, name) for name in ("catalogue", "publisher", "contact"))
    texts = ("homepage", "issued", "licence", "frequency", "availability")
    _known(about, ("title", "description", "languages", "themes", *texts), "catalogue.")
    _known(publisher, ("iri", "name", "type", "homepage"), "publisher.")
    _known(contact, ("name", "url", "email"), "contact.")
    if not publisher:
        raise EditorError("it has no [publisher]. Give iri, name, type and homepage.")
    for key in ("iri", "name"):
        if not publisher.get(key):
            raise EditorError(f"publisher.{key} is missing.")
    if not contact.get("name") or not (contact.get("url") or contact.get("email")):
        raise EditorError("contact.name, and contact.url or contact.email, are missing.")
    values: dict[str, Any] = {name: _text(about, "catalogue", name) for name in texts if name in about}
    values |= {name: _texts(about[name], f"catalogue.{name}") for name in ("title", "description") if name in about}
    values |= {name: _list(about[name], f"catalogue.{name}") for name in ("languages", "themes") if name in about}
    of_publisher = {name: _text(publisher, "publisher", name) for name in publisher}
    of_contact = {"url": ""} | {name: _text(contact, "contact", name) for name in contact}
    editor = Editor(**values, publisher=Publisher(**({"homepage": ""} | of_publisher)), contact=Contact(**of_contact))
    _check(editor)
    return editor


def _check(editor: Editor) -> None:
    _codes("catalogue.themes", editor.themes, authorities.THEMES)
    _codes("catalogue.frequency", [editor.frequency], authorities.FREQUENCIES)
    _codes("catalogue.availability", [editor.availability], authorities.AVAILABILITIES)
    _codes("publisher.type", [editor.publisher.type], authorities.PUBLISHER_TYPES)
    _codes("catalogue.licence", [editor.licence], authorities.LICENCES)
    for name, tags in (("languages", editor.languages), ("title", editor.title), ("description", editor.description)):
        for tag in tags:
            if not authorities.is_language(tag):
                raise EditorError(f"catalogue.{name} has the language {tag!r}. Give a tag such as en.")
    if not editor.themes or not editor.languages:
        raise EditorError("catalogue.themes and catalogue.languages need one value each at least.")
    if editor.issued and not _DAY.fullmatch(editor.issued):
        raise EditorError(f"catalogue.issued is {editor.issued!r}. Write the day as 2026-11-25.")
    if editor.contact.email and not _E_MAIL.fullmatch(editor.contact.email):
        raise EditorError(f"contact.email is {editor.contact.email!r}, which is no address of e-mail.")
    addresses = {
        "catalogue.homepage": editor.homepage, "publisher.iri": editor.publisher.iri,
        "publisher.homepage": editor.publisher.homepage, "contact.url": editor.contact.url,
    }  # fmt: skip
    for name, address in addresses.items():
        try:
            fits = not address or iri(address).startswith(("<http://", "<https://"))
        except TermError:
            fits = False
        if not fits:
            raise EditorError(f"{name} is {address!r}. Give a full web address.")


def _known(table: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    unknown = sorted(set(table) - set(names))
    if unknown:
        raise EditorError(f"there is no key {where}{unknown[0]}. The keys: {', '.join(names)}.")


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise EditorError(f"{name} is no table. Write [{name}] and its keys below.")
    return table


def _text(table: Mapping[str, Any], where: str, name: str) -> str:
    value = table[name]
    if not isinstance(value, str):
        raise EditorError(f"{where}.{name} is {value!r}. Give a text in quotation marks.")
    return value.strip()


def _texts(value: object, name: str) -> dict[str, str]:
    """Return a text by language: one text is English."""
    texts = {"en": value} if isinstance(value, str) else value
    if not isinstance(texts, dict) or not texts or not all(isinstance(text, str) and text for text in texts.values()):
        raise EditorError(f'{name} takes a text, or one for each language: {{ en = "…", fi = "…" }}.')
    return dict(sorted(texts.items()))


def _list(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise EditorError(f'{name} takes a list of texts, such as ["en"].')
    return tuple(value)


def _codes(name: str, given: Iterable[str], known: Iterable[str]) -> None:
    for code in given:
        if code not in known:
            raise EditorError(f"{name} has {code!r}. It takes {', '.join(sorted(known))}.")
