"""Profiles: the models in which a description can be had, and their choice.

https://www.w3.org/TR/dx-prof-conneg/, by HTTP headers (section 7.2) and by query string (section 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from circkg_loaders.iris import BASE
from circkg_server.linked_data.formats import (
    DATA,
    HTML,
    JSON_LD,
    LINKSET,
    N_TRIPLES,
    RDF_XML,
    TURTLE,
    Format,
    json_document,
    written,
)
from circkg_shapes.terms import Triple, iri, literal

PAGE = f"{BASE}def/profiles"
"""Where profiles are described."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A model of descriptions.

    :param token: how the parameter ``_profile`` names it.
    :param formats: formats in which it is given, the first for who does not choose.
    """

    token: str
    iri: str
    title: str
    description: str
    formats: Sequence[Format]


OURS = Profile(
    "circkg", f"{PAGE}#description", "CircKG description",
    "All that the graph says of a thing in the terms of the CircKG ontology: what it says of itself, what leads to it, "
    "the nodes between it and others, the records of its source rows, and the names of what it links to.",
    (HTML, *DATA, LINKSET),
)  # fmt: skip
SCHEMA_ORG = Profile(
    "schema", "https://schema.org/", "schema.org",
    "What schema.org has words for, with the names of what is linked to.",
    (JSON_LD, TURTLE, RDF_XML, N_TRIPLES),
)  # fmt: skip
PROFILES = (OURS, SCHEMA_ORG)

ALTERNATES = "alt"
"""Token of the list of profiles."""
_ALTR = "http://www.w3.org/ns/dx/connegp/altr#"
JSON = Format("application/json", "json", "JSON")
LIST_FORMATS = (HTML, JSON, TURTLE)
"""Formats of the list of profiles."""


def by_name(name: str, offered: Sequence[Profile] = PROFILES) -> Profile | None:
    """Return the profile that the parameter ``_profile`` names, by its token or IRI."""
    return next((found for found in offered if name in (found.token, found.iri)), None)


def negotiate(accept_profile: str, offered: Sequence[Profile] = PROFILES) -> Profile | None:
    """Return the profile that a client likes best by the header ``Accept-Profile``; ``None``: it takes none of them.

    >>> negotiate("<https://schema.org/>;q=0.9, <http://example.org/p>").token
    'schema'
    """
    best, liked = None, 0.0
    for match in re.finditer(r"<([^<>]*)>", accept_profile):
        parameters = accept_profile[match.end() :].partition(",")[0]
        quality = re.search(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)", parameters)
        value = float(quality[1]) if quality else 1.0
        found = by_name(match[1], offered)
        if found is not None and value > liked:
            best, liked = found, value
    return best


def alternates(
    about: str, chosen: Format, address: Callable[[Format, Profile], str], offered: Sequence[Profile] = PROFILES
) -> bytes:
    """Return the list of profiles and formats, as JSON or Turtle, the first profile being the default.

    :param address: gives where a description is in a format and profile.
    """
    if chosen is JSON:
        listed = [
            {
                "token": profile.token, "uri": profile.iri, "title": profile.title, "description": profile.description,
                "default": profile is offered[0],
                "formats": [
                    {"media_type": found.media_type, "href": address(found, profile)} for found in profile.formats
                ],
            }
            for profile in offered
        ]  # fmt: skip
        return json_document({"resource": about, "profiles": listed})
    return written(_triples(about, address, offered), TURTLE)


def _triples(about: str, address: Callable[[Format, Profile], str], offered: Sequence[Profile]) -> list[Triple]:
    dct = "http://purl.org/dc/terms/"
    type_ = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    found: list[Triple] = []
    for profile in offered:
        for format_ in profile.formats:
            representation = iri(address(format_, profile))
            is_default = profile is offered[0] and format_ is profile.formats[0]
            has = "hasDefaultRepresentation" if is_default else "hasRepresentation"
            found += [
                (iri(about), iri(f"{_ALTR}{has}"), representation),
                (representation, type_, iri(f"{_ALTR}Representation")),
                (representation, iri(f"{dct}conformsTo"), iri(profile.iri)),
                (representation, iri(f"{dct}format"), literal(format_.media_type)),
            ]
    return found
