"""Gives each row the IRI of the thing that it describes: from its key, from what makes it up, or from its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from circkg_loaders.facts.tables import TABLES
from circkg_loaders.iris import BASE, IriError, is_slug, part_iri, slug_of, thing_iri
from circkg_loaders.prefixes import PrefixError, expand
from circkg_shapes.forms import Field, Form, Kind
from circkg_shapes.terms import Term, TermError, iri, iri_text

NAMES = tuple(iri(expand(name)) for name in ("dct:title", "skos:prefLabel"))
"""Properties that name a thing."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def is_name(field: Field) -> bool:
    """Tell whether a field holds the name of the thing."""
    return field.path in NAMES


def composed_of(form: Form) -> tuple[str, ...]:
    """Return the fields that together identify a thing without a name, such as a participation; none for others.

    >>> from circkg_loaders.contributed.our_forms import our_forms
    >>> [composed_of(form) for form in our_forms() if form.key == "participation"]
    [('initiative', 'participant', 'role')]
    """
    keys = {field.key for field in form.fields}
    table = next((table for table in TABLES if table.type == form.key and len(table.key) > 1), None)
    return table.key if table and set(table.key) <= keys else ()


def told_by(form: Form) -> tuple[str, ...]:
    """Return the fields that tell a thing that has no name from others of the same owner; none for other forms.

    The first is the owner; that, and the kind that follows, must be filled in. The rest may be empty.

    >>> from circkg_loaders.contributed.our_forms import our_forms
    >>> [told_by(form) for form in our_forms() if form.key in ("amount", "quantity")]
    [('subject', 'kind', 'date'), ('subject', 'kind', 'date', 'unit')]
    """
    if composed_of(form) or any(map(is_name, form.fields)):
        return ()
    owners = [field.key for field in form.fields if field.inverse and field.required]
    kinds = [field.key for field in form.fields if field.kind is Kind.CONCEPT and field.single and field.required]
    rest = [field.key for field in form.fields if field.kind in (Kind.DATE, Kind.TEXT)]
    return (*owners, *kinds, *rest) if owners else ()


def subject_of(form: Form, key: str, names: Sequence[str], parts: Sequence[str]) -> Term | None:
    """Return the thing of a row, or ``None`` if nothing in the row identifies it.

    :param key: text of the column of keys: an IRI, a slug, or any text, of which a slug is made.
    :param names: names of the thing, the one that makes the slug first.
    :param parts: slugs of what makes it up or tells it, where it has no name.
    """
    if key:
        return _of_key(form, key)
    if parts and composed_of(form):
        return iri(part_iri(form.key, *(slug if is_slug(slug) else slug_of(slug) for slug in parts)))
    if parts:
        return iri(thing_iri(form.key, slug_of(" ".join(parts))))
    slug = next(filter(None, map(slug_of, names)), "")
    return iri(_thing(form, slug)) if slug else None


def is_kept(key: str, subject: Term) -> bool:
    """Tell whether a key stands in the IRI of its thing as it is written.

    >>> thing = "<https://w3id.org/circkg/id/practice/toy-library>"
    >>> [is_kept(key, thing) for key in ("toy-library", iri_text(thing), thing, "Toy Library")]
    [True, True, True, False]
    """
    bare = _bare(key)
    return iri_text(subject) == bare or iri_text(subject).rpartition("/")[2] == bare


def _bare(key: str) -> str:
    """Return a key without the signs around an IRI, and without a prefix that is known."""
    bare = key.removeprefix("<").removesuffix(">")
    with suppress(PrefixError):
        bare = expand(bare)
    return bare


def _of_key(form: Form, key: str) -> Term | None:
    bare = _bare(key)
    if _ADDRESS.fullmatch(bare):
        # An IRI of ours, or one of an official register where the form allows those, stays as it is.
        if bare.startswith(BASE) or form.space is None:
            try:
                return iri(bare)
            except TermError:
                return None
        bare = bare.split("?")[0].rstrip("/").rpartition("/")[2]
    # Parts of the slug of a composed thing are joined by two hyphens.
    slug = bare if all(is_slug(part) for part in bare.split("--")) else slug_of(bare)
    return iri(_thing(form, slug)) if slug else None


def _thing(form: Form, slug: str) -> str:
    try:
        return thing_iri(form.key, slug)
    except IriError:
        return part_iri(form.key, *slug.split("--"))
