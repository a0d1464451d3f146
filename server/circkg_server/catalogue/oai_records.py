"""The records of OAI-PMH in XML: Dublin Core, and DCAT-AP as RDF/XML."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from circkg_server.catalogue import authorities
from circkg_server.catalogue.dcat import period
from circkg_server.catalogue.description import FORMS
from circkg_server.catalogue.documents import Shelf
from circkg_server.catalogue.statistics import of_release
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.manifest import Manifest, Release

FORMATS = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
    "dcat": ("http://www.openarchives.org/OAI/2.0/rdf.xsd", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
}
"""Schema and namespace of each format, by its prefix."""

_DC = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd">'
)
_RDF_XML = next(form for form in FORMS if form.ending == "rdf")
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, *children: str, text: str | None = None, **attributes: str) -> str:
    """Return an element.

    :param children: its children, as XML.
    :param text: its text instead, which is escaped.
    :param attributes: attributes; one that is empty is left out.

    >>> element("error", text="1 < 2", code="badArgument")
    '<error code="badArgument">1 &lt; 2</error>'
    """
    opened = "".join(f" {key}={quoteattr(_clean(value))}" for key, value in attributes.items() if value)
    inner = escape(_clean(text)) if text is not None else "".join(children)
    return f"<{name}{opened}>{inner}</{name}>"


def record_metadata(shelf: Shelf, manifest: Manifest, address: str, release: Release, prefix: str) -> str:
    """Return the metadata of a data set in a format of :data:`FORMATS`."""
    if prefix == "oai_dc":
        return _dublin_core(shelf, manifest, address, release)
    content = shelf.document("record", manifest, address, _RDF_XML, release).decode()
    return _clean(content[content.index("<rdf:RDF") :].rstrip())


def _dublin_core(shelf: Shelf, manifest: Manifest, address: str, release: Release) -> str:
    view = shelf.view(manifest, address)
    found = of_release(shelf.archive, release)
    covered = period(release, found)
    said: list[tuple[str, str]] = [("title", release.title), ("creator", shelf.editor.publisher.name)]
    said += [("subject", keyword) for keyword in release.keywords]
    said += [("description", release.description), ("publisher", shelf.editor.publisher.name)]
    said += [("date", release.issued), ("type", "Dataset")]
    said += [("format", media) for media in dict.fromkeys(f.media_type for f in distributions(shelf.archive, release))]
    said += [("identifier", release.graph), ("identifier", view.page_address(release.graph))]
    said += [("language", tag) for tag in found.languages]
    said += [("coverage", place) for place in authorities.coverage(found, shelf.countries)]
    said += [("coverage", "/".join(covered) if covered else "")]
    said += [("rights", authorities.licence(release.licence)), ("rights", release.rights)]
    return _DC + "".join(element(f"dc:{name}", text=text) for name, text in said if text) + "</oai_dc:dc>"


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("", text)
