"""The texts of a thing: which properties are searched, what they are to the thing, and which one is its label."""

from __future__ import annotations

from collections.abc import Sequence

from circkg_server.search.words import UNTAGGED

ALL = "*"
"""Language of the document that holds the texts of a thing in all languages."""

_SKOS = "http://www.w3.org/2004/02/skos/core#"
_DCT = "http://purl.org/dc/terms/"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_CIRC = "https://w3id.org/circkg/def#"
LABEL, ALTERNATIVE, DESCRIPTION, HIDDEN = "label", "alternative", "description", "hidden"
TEXTS = {
    f"<{namespace}{name}>": kind
    for kind, namespace, names in (
        (LABEL, _SKOS, ("prefLabel",)),
        (LABEL, _DCT, ("title",)),
        (LABEL, _RDFS, ("label",)),
        (LABEL, "https://schema.org/", ("name",)),
        (LABEL, "http://xmlns.com/foaf/0.1/", ("name",)),
        (ALTERNATIVE, _SKOS, ("altLabel", "notation")),
        (ALTERNATIVE, _DCT, ("alternative",)),
        (HIDDEN, _SKOS, ("hiddenLabel",)),
        (DESCRIPTION, _SKOS, ("definition", "scopeNote")),
        (DESCRIPTION, _DCT, ("description", "abstract")),
        (DESCRIPTION, _RDFS, ("comment",)),
    )
    for name in names
}
"""What is searched: each property, and what its values are to a thing. Hidden labels are searched and never shown."""

PLACES = frozenset(f"<{_CIRC}{name}>" for name in ("within", "locatedIn", "sameExtentAs", "activeIn", "country"))
"""Where a thing lies: the filter by region follows these properties as far as they lead."""

FIELDS = {LABEL: LABEL, ALTERNATIVE: ALTERNATIVE, HIDDEN: ALTERNATIVE, DESCRIPTION: DESCRIPTION}
"""In which field of the index each kind of text is looked for."""


def language_of(tag: str | None) -> str:
    """Return the language that a text with this tag is searched as."""
    return tag.partition("-")[0].lower() if tag else UNTAGGED


def label_of(texts: dict[str, dict[str, list[str]]], languages: Sequence[str]) -> tuple[str, str | None]:
    """Return the label of a thing in the first of these languages that has one, else in any, and its language tag."""
    for kind in (LABEL, ALTERNATIVE):
        found = texts.get(kind)
        if found:
            language = next((each for each in languages if each in found), None) or min(found)
            return found[language][0], tag_of(language)
    return "", None


def tag_of(language: str) -> str | None:
    """Return the tag of a text that is searched as this language."""
    return None if language == UNTAGGED else language
