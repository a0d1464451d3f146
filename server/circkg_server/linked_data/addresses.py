"""Addresses: which IRI the path of a page stands for, and where the page of an IRI is.

Things have IRIs under ``/id/``, which lead to documents under ``/doc/`` (https://www.w3.org/TR/cooluris/, section 4.2).
Terms, vocabularies and concepts are documents themselves. What others name is described at ``/doc?iri=``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from circkg_loaders.iris import BASE
from circkg_shapes.terms import TermError, iri

EXTENSIONS = ("ttl", "jsonld", "rdf", "nt", "trig", "html", "linkset")
"""Endings of a path that choose a format."""
LONGEST = 2000
"""Longest IRI that is looked up."""
_CANONICAL = re.compile(r"[A-Za-z0-9_.~/-]*")
"""Paths in which nothing is percent-encoded, nor is to be."""


class AddressError(ValueError):
    """A path or parameter names no IRI; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a request asks for.

    :param iri: what the document is about.
    :param path: path of the document below the root, percent-encoded, without an ending.
    :param query: what stands behind the path to name the IRI: ``?iri=…`` for an IRI of others.
    :param extension: ending that chooses a format; empty: ``Accept`` does.
    """

    iri: str
    path: str
    query: str = ""
    extension: str = ""

    def at(self, extension: str) -> str:
        """Return the address of one format, below the root."""
        return f"{self.path}.{extension}{self.query}" if extension else f"{self.path}{self.query}"


def canonical(path: str) -> str:
    """Return a path with each of its segments percent-encoded as IRIs are minted: one spelling for one IRI.

    :raises AddressError: if it is not UTF-8.

    >>> canonical("record/ccri/names/eib%2fEuropean Investment%20Bank")
    'record/ccri/names/eib%2FEuropean%20Investment%20Bank'
    """
    if _CANONICAL.fullmatch(path):
        return path
    try:
        return "/".join(quote(unquote_to_bytes(segment).decode(), safe="") for segment in path.split("/"))
    except UnicodeDecodeError as error:
        raise AddressError("The path is not UTF-8, percent-encoded.") from error


def split_extension(path: str) -> tuple[str, str]:
    """Return a path without the ending that chooses a format, and the ending.

    >>> split_extension("/doc/initiative/ceci.ttl")
    ('/doc/initiative/ceci', 'ttl')
    >>> split_extension("/def/0.1.0")
    ('/def/0.1.0', '')
    """
    stem, dot, ending = path.rpartition(".")
    return (stem, ending) if dot and ending in EXTENSIONS and stem[-1:] not in ("", "/") else (path, "")


def of_path(path: str) -> Document:
    """Return what a path under ``/doc/`` or ``/def`` asks for.

    :raises AddressError: if it names nothing.
    """
    stem, extension = split_extension(path)
    named = canonical(stem.strip("/"))
    if named.startswith("doc/"):
        named = f"id/{named.removeprefix('doc/')}"
    if len(named) > LONGEST:
        raise AddressError(f"The path is longer than {LONGEST:,} characters.")
    document = f"/{named}" if not named.startswith("id/") else f"/doc/{named.removeprefix('id/')}"
    return Document(f"{BASE}{named}", document, "", extension)


def of_parameter(text: str, extension: str) -> Document:
    """Return what ``/doc?iri=…`` asks for.

    :raises AddressError: if the text is no IRI of the web.
    """
    if len(text) > LONGEST:
        raise AddressError(f"The IRI is longer than {LONGEST:,} characters.")
    try:
        iri(text)
    except TermError as error:
        raise AddressError(str(error)) from error
    if not text.startswith(("http://", "https://")):
        raise AddressError(f"{text!r} is no IRI of the web: it does not begin with http:// or https://.")
    return Document(text, "/doc", f"?iri={quote(text, safe='')}", extension)


def is_ours(iri_: str) -> bool:
    """Tell whether an IRI is one of ours."""
    return iri_.startswith(BASE)


def page_of(iri_: str) -> str:
    """Return where the page of an IRI is, below the root.

    >>> page_of("https://w3id.org/circkg/id/initiative/ceci")
    '/doc/initiative/ceci'
    >>> page_of("https://w3id.org/circkg/def#Barrier")
    '/def#Barrier'
    >>> page_of("http://data.europa.eu/nuts/code/FI1C3")
    '/doc?iri=http%3A%2F%2Fdata.europa.eu%2Fnuts%2Fcode%2FFI1C3'
    """
    if not is_ours(iri_):
        return f"/doc?iri={quote(iri_, safe='')}"
    local = iri_.removeprefix(BASE)
    return f"/doc/{local.removeprefix('id/')}" if local.startswith("id/") else f"/{local}"
