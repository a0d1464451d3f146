"""Finds columns that look as if they held personal data, before anything is stored: names, e-mails, telephone numbers.

Nothing personal is published here. A table that holds such columns is warned about; what to do is for its owner to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from circkg_loaders.contributed.folding import folded

_E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w/.:-])(?:\+|00)\d{1,3}[\s./()-]*(?:\d[\s./()-]{0,3}){6,12}\d(?![\w/])")
_NATIONAL_PHONE = re.compile(r"\(?0\d{1,4}\)?[\s./-](?:\d[\s./-]?){5,9}\d")
_TITLED = re.compile(
    r"\b(?:Dr|Prof|Mr|Mrs|Ms|Mme|Mlle|Herr|Frau|Sig|Sig\.ra|Dott|Dott\.ssa|Ing|Arch|Avv|Mgr|Bc|Dipl\.-Ing|Inh|Sra?|D\.ª?|Pan|Pani)"
    r"\.?\s+(?:[A-ZÀ-ÞŠŽŁĐ][\w'’.-]+\s+){0,2}[A-ZÀ-ÞŠŽŁĐ][\w'’-]+"
)
_SURNAME_FIRST = re.compile(
    r"[A-ZÀ-ÞŠŽŁĐ'’-]{3,}(?:\s[A-ZÀ-ÞŠŽŁĐ'’-]{3,})?,?\s[A-ZÀ-ÞŠŽŁĐ][a-zà-ÿšžłđ'’-]{2,}(?:\s[A-Z][a-zà-ÿ]+)?"
)
_TWO_NAMES = re.compile(r"[A-ZÀ-ÞŠŽŁĐ][a-zà-ÿāčēģīķļņšūžłđőűąęėįų'’-]+(?:\s[A-ZÀ-ÞŠŽŁĐ][\w'’-]*\.?){1,3}")

_PARTS = re.compile(r"[,;:|/<>()\n\t]|\s[-–]\s")

_PERSON_HEADERS = frozenset((
    "contact", "contact person", "contact name", "person", "first name", "last name", "surname", "family name",
    "given name", "full name", "author", "authors", "mayor", "signatory name", "responsible person", "project manager",
    "pessoa de contacto", "contacto", "responsavel", "nome do responsavel", "autor", "presidente da camara",
    "yhteyshenkilo", "vastuuhenkilo", "etunimi", "sukunimi", "pormestari",
    "personne de contact", "interlocuteur", "prenom", "nom de famille", "maire", "auteur",
    "ansprechpartner", "ansprechpartnerin", "kontaktperson", "vorname", "nachname", "burgermeister", "inhaber",
    "persona de contacto", "apellidos", "nombre y apellidos", "alcalde",
    "referente", "persona di contatto", "cognome", "sindaco", "nome e cognome",
    "osoba kontaktowa", "imie", "nazwisko", "imie i nazwisko", "burmistrz",
    "kontaktni osoba", "jmeno a prijmeni", "prijmeni", "fornavn", "efternavn",
))  # fmt: skip
"""Headers of columns of persons, folded, in languages of Europe."""

_PHONE_HEADERS = frozenset((
    "phone", "tel", "telephone", "mobile", "telefone", "telemovel", "puhelin", "puhelinnumero", "telefon", "handy",
    "telefonnummer", "telefono", "movil", "cellulare", "telefon komorkowy",
))  # fmt: skip
"""Headers of columns of telephone numbers, likewise: digits alone are as often a code."""

_SAMPLE = 5_000
"""Filled cells of a column that are looked at."""

_LOOKED_AT = 1_000
"""Characters of a cell that are looked at."""

_SURNAMES_FROM = 0.3
"""Share of cells such as ``EXAMPLE Ada`` from which they are persons: ``RTDS Group`` has the same form."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What in a column looks personal.

    :param kind: ``e-mail``, ``telephone`` or ``name``.
    :param count: cells of that kind among those that were looked at.
    :param row: the first such row.
    """

    kind: str
    count: int
    row: int


def personal_data(header: str, cells: Iterable[tuple[int, str]]) -> list[PersonalData]:
    """Return what looks personal in a column.

    :param cells: row and text of each filled cell.

    >>> personal_data("Contact", [(2, "Dr. Ada Example"), (3, "ada@example.org")])
    [PersonalData(kind='e-mail', count=1, row=3), PersonalData(kind='name', count=1, row=2)]
    >>> [found.kind for found in personal_data("Contact", [(2, "Ada Example, ada@example.org, +358 40 123 4567")])]
    ['e-mail', 'telephone', 'name']
    >>> personal_data("Organisation", [(2, "Lahti Energia"), (3, "City of Porto")])
    []
    """
    named = _is_called(header, _PERSON_HEADERS)
    of_phones = _is_called(header, _PHONE_HEADERS)
    found: dict[str, list[int]] = {"e-mail": [], "telephone": [], "name": []}
    surnames: list[int] = []
    seen = 0
    for row, whole in islice(cells, _SAMPLE):
        text = whole[:_LOOKED_AT]
        kinds = set()
        if "@" in text and _E_MAIL.search(text):
            kinds.add("e-mail")
        if _PHONE.search(text) or (of_phones and _NATIONAL_PHONE.fullmatch(text)):
            kinds.add("telephone")
        # Beside an address or a number stands a name, in one cell with it.
        parts = _PARTS.split(text) if kinds else [text]
        if _TITLED.search(text) or (named and any(_TWO_NAMES.fullmatch(part.strip()) for part in parts)):
            kinds.add("name")
        elif _SURNAME_FIRST.fullmatch(text):
            surnames.append(row)
        for kind in kinds:
            found[kind].append(row)
        seen += 1
    if named or len(surnames) > seen * _SURNAMES_FROM:
        found["name"] = sorted(found["name"] + surnames)
    return [PersonalData(kind, len(rows), rows[0]) for kind, rows in found.items() if rows]


def _is_called(header: str, names: Collection[str]) -> bool:
    parts = {folded(part) for part in re.split(r"[/\n(),]", header)} | {folded(header)}
    return not parts.isdisjoint(names)
