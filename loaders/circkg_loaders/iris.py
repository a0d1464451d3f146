"""Mints IRIs: the only place that does."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from anyascii import anyascii

BASE = "https://w3id.org/circkg/"
"""The identity of everything; a constant of the build, whatever the server's address."""

DEF = f"{BASE}def#"
NUTS_CODE = "http://data.europa.eu/nuts/code/"

LONGEST_SLUG = 80
"""Longest slug that is made from a name."""

_NO_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class IriError(ValueError):
    """An IRI cannot be minted from what was given."""


def is_slug(text: str) -> bool:
    """Tell whether a text is a slug: a-z, 0-9 and single hyphens.

    >>> is_slug("city-of-lahti"), is_slug("City of Lahti")
    (True, False)
    """
    return _SLUG.fullmatch(text) is not None


def slug_of(text: str) -> str:
    """Return the slug of a name in any script; empty if the name has no letter or digit.

    A name that is longer than a slug should be ends in a digest of the whole, so that two long names do not meet.

    >>> slug_of("Łódź: città circolare"), slug_of("Κρήτη"), slug_of("…")
    ('lodz-citta-circolare', 'kriti', '')
    """
    slug = _NO_SLUG.sub("-", anyascii(text).lower()).strip("-")
    if len(slug) <= LONGEST_SLUG:
        return slug
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{slug[: LONGEST_SLUG - 9].rpartition('-')[0] or slug[: LONGEST_SLUG - 9]}-{digest}"


def _checked(slug: str) -> str:
    if not is_slug(slug):
        raise IriError(f"{slug!r} is no slug. Use a-z, 0-9 and single hyphens only.")
    return slug


def term_iri(name: str) -> str:
    """Return the IRI of a term of the ontology.

    >>> term_iri("Barrier")
    'https://w3id.org/circkg/def#Barrier'
    """
    return f"{DEF}{name}"


def scheme_iri(scheme: str) -> str:
    """Return the IRI of a vocabulary."""
    return f"{BASE}def/{_checked(scheme)}"


def concept_iri(scheme: str, slug: str) -> str:
    """Return the IRI of a concept.

    >>> concept_iri("role", "partner")
    'https://w3id.org/circkg/def/role/partner'
    """
    return f"{scheme_iri(scheme)}/{_checked(slug)}"


def thing_iri(type_: str, slug: str) -> str:
    """Return the IRI of a thing.

    >>> thing_iri("initiative", "ceci")
    'https://w3id.org/circkg/id/initiative/ceci'
    """
    return f"{BASE}id/{_checked(type_)}/{_checked(slug)}"


def key_slug(*parts: str) -> str:
    """Return the slug of a thing that is identified by several others, joined so that no two keys meet.

    >>> key_slug("ceci", "lab-uas", "lead-partner")
    'ceci--lab-uas--lead-partner'
    """
    return "--".join(_checked(part) for part in parts)


def part_iri(type_: str, *parts: str) -> str:
    """Return the IRI of a thing that is identified by several slugs, such as a participation."""
    return f"{BASE}id/{_checked(type_)}/{key_slug(*parts)}"


def set_iri(slug: str, version: str | None = None) -> str:
    """Return the IRI of a data set, which is its named graph, or of one release of it."""
    return f"{BASE}set/{_checked(slug)}" + (f"/{version}" if version else "")


def record_iri(set_: str, table: str, key: str) -> str:
    """Return the IRI of the record of one row.

    >>> record_iri("ccri", "names", "eib/European Investment Bank")
    'https://w3id.org/circkg/id/record/ccri/names/eib%2FEuropean%20Investment%20Bank'
    """
    return f"{BASE}id/record/{_checked(set_)}/{_checked(table)}/{quote(key, safe='')}"


def source_iri(source_id: str) -> str:
    """Return the IRI of a source document."""
    return thing_iri("source", source_id)


def nuts_iri(code: str) -> str:
    """Return the official IRI of a NUTS region.

    >>> nuts_iri("FI1C3")
    'http://data.europa.eu/nuts/code/FI1C3'
    """
    return f"{NUTS_CODE}{code}"
