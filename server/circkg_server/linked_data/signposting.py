"""FAIR Signposting, level 2: typed links in the header ``Link`` and in a linkset.

https://signposting.org/FAIR/, RFC 8288 (web linking), RFC 9264 (linksets).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from circkg_server.linked_data.formats import json_document

_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
_IS_URI = re.compile(rf"[A-Za-z0-9{re.escape(_SAFE)}]*")
ABOUT_PAGE = "https://schema.org/AboutPage"


class Link(NamedTuple):
    """A typed link from a document.

    :param type: media type of what it leads to.
    :param profile: profile to which that conforms.
    """

    rel: str
    href: str
    type: str = ""
    profile: str = ""
    title: str = ""

    def __str__(self) -> str:
        """Return the link as the header ``Link`` has it."""
        text = f'<{_uri(self.href)}>; rel="{self.rel}"'
        if self.type:
            text += f'; type="{self.type}"'
        if self.profile:
            text += f'; profile="{self.profile}"'
        return f'{text}; title="{self.title}"' if self.title else text

    @property
    def target(self) -> dict[str, str]:
        """Return the link as a linkset has it."""
        given = (("href", _uri(self.href)), ("type", self.type), ("profile", self.profile), ("title", self.title))
        return {name: value for name, value in given if value}


def _uri(iri: str) -> str:
    """Return an IRI as a URI: what is not ASCII is percent-encoded (RFC 3987, section 3.1).

    >>> _uri("http://example.org/Päijät-Häme?a=%20#b")
    'http://example.org/P%C3%A4ij%C3%A4t-H%C3%A4me?a=%20#b'
    """
    return iri if _IS_URI.fullmatch(iri) else quote(iri, safe=_SAFE)


def header(links: Iterable[Link]) -> str:
    """Return the value of the header ``Link``.

    >>> header([Link("cite-as", "https://w3id.org/circkg/id/initiative/ceci"), Link("type", ABOUT_PAGE)])
    '<https://w3id.org/circkg/id/initiative/ceci>; rel="cite-as", <https://schema.org/AboutPage>; rel="type"'
    """
    return ", ".join(map(str, links))


def linkset(contexts: Iterable[tuple[str, Iterable[Link]]]) -> bytes:
    """Return the links of several documents as ``application/linkset+json``.

    :param contexts: addresses of documents, each with links of its.
    """
    entries: dict[str, dict[str, Any]] = {}
    for anchor, links in contexts:
        entry = entries.setdefault(anchor, {"anchor": anchor})
        for link in links:
            entry.setdefault(link.rel, []).append(link.target)
    return json_document({"linkset": list(entries.values())})
