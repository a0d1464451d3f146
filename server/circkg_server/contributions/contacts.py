"""Checks that a contact is the address of a function, not of a person, as far as that can be told."""

from __future__ import annotations

import re

_MAIL = re.compile(r"([A-Za-z0-9._%+-]{1,64})@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})")
_PAGE = re.compile(r"https?://[^\s<>\"]{3,500}")
_PARTS = re.compile(r"[._+-]+")

FUNCTIONS = frozenset([
    "admin", "administration", "afval", "amt", "anfrage", "archive", "biuro", "boite", "bureau", "cabinet",
    "circulaire", "circular", "circularcities", "city", "comms", "communication", "contact", "contacto",
    "contato", "contatti", "cycle", "data", "daten", "dati", "datos", "department", "desk", "dienst", "direction",
    "director", "dpo", "economia", "economy", "energia", "energy", "enquiries", "environment", "environnement",
    "eu", "europa", "europe", "feedback", "gdpr", "general", "gestion", "gmina", "hallinto", "hello", "help",
    "helpdesk", "hub", "hulp", "info", "informacion", "informacje", "information", "informazioni",
    "innovacion", "innovation", "innovazione", "inquiries", "institute", "kaupunki", "kierto",
    "kiertotalous", "kirjaamo", "klima", "kommune", "kontakt", "kontakti", "kreislauf",
    "kreislaufwirtschaft", "lab", "mail", "mairie", "municipality", "nachhaltigkeit", "network", "neuvonta",
    "obec", "office", "oficina", "open", "opendata", "partner", "partners", "partnership", "policy", "post",
    "postmaster", "presidencia", "press", "presse", "procurement", "programme", "project", "projects",
    "projekt", "projekti", "projet", "protocollo", "question", "questions", "records", "recycling", "region",
    "registo", "registratur", "registry", "relations", "repository", "research", "residuos", "resource",
    "rifiuti", "secretaria", "secretariat", "segreteria", "sekretariat", "service", "services", "servicio",
    "stadt", "stadtverwaltung", "statistics", "support", "sustainability", "team", "technical", "tiedot",
    "tietopalvelu", "umwelt", "urban", "urbanagenda", "urzad", "urząd", "verwaltung", "viestinta", "waste",
    "webmaster", "yhteys", "yhteystiedot", "ymparisto", "zentrale",
])  # fmt: skip
"""Words in the addresses of functions, in the languages of contributors; one of them is enough."""


class ContactError(ValueError):
    """A contact is no address, or looks like one of a person."""


def function_contact(text: str) -> str:
    """Return a contact as it is kept: the address of a function, or a page with a form.

    Not every address of a person can be told: ``lahti@`` may be a name or a place. What looks like first and last name,
    or like initial and name, is refused.

    >>> function_contact("data@example.org"), function_contact("circular.economy@example.org")
    ('data@example.org', 'circular.economy@example.org')

    :raises ContactError: if it is no address, or looks like one of a person.
    """
    contact = text.strip()
    if _PAGE.fullmatch(contact):
        return contact
    found = _MAIL.fullmatch(contact)
    if not found:
        raise ContactError(
            "The contact is no e-mail address and no address of a page. Give that of an office or a team."
        )
    parts = [part.lower() for part in _PARTS.split(found[1]) if part]
    letters = [part for part in parts if part.isalpha()]
    if len(letters) >= 2 and not FUNCTIONS.intersection(letters):
        raise ContactError(
            "The contact looks like the address of a person. Give that of an office or a team, such as info@ or data@, "
            "so that it still works when people change."
        )
    return contact
