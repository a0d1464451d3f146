"""What leads from a data set to its parts: typed links (FAIR Signposting, level 2); and the profiles that it has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from circkg_server.catalogue.dcat import View, release_iri
from circkg_server.catalogue.schema_org import data_set
from circkg_server.linked_data.formats import (
    HTML,
    JSON_LD,
    LINKSET,
    N_TRIPLES,
    RDF_XML,
    TURTLE,
    Format,
    json_document,
)
from circkg_server.linked_data.profiles import JSON, SCHEMA_ORG, Profile, alternates
from circkg_server.linked_data.publication import SPDX
from circkg_server.linked_data.signposting import ABOUT_PAGE, Link, header, linkset
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.manifest import Release

DCAT_AP = Profile(
    "dcat-ap", "http://data.europa.eu/r5r/", "DCAT-AP 3.0.1",
    "The data set with its files, the endpoint and the series of its releases, as European data portals read it.",
    (TURTLE, HTML, JSON_LD, RDF_XML, N_TRIPLES, LINKSET),
)  # fmt: skip
SCHEMA = replace(SCHEMA_ORG, formats=(JSON_LD,))
PROFILES = (DCAT_AP, SCHEMA)
"""Profiles of a data set, the first for who does not choose."""

SIGN_FORMATS = (JSON, TURTLE)
"""Formats of the list of profiles."""

_BACK = {"describedby": "describes", "item": "collection"}
"""Links of a set, and those that lead back to it."""


@dataclass(frozen=True, slots=True)
class Signposts:
    """The links and profiles of a set as it is now, or of one release of it."""

    view: View
    release: Release
    is_current: bool

    @property
    def name(self) -> str:
        """Return the IRI of the set or release."""
        return self.release.graph if self.is_current else release_iri(self.release)

    def address(self, format_: Format, profile: Profile) -> str:
        """Return where it is in a format and profile."""
        found = f"{self.view.page_address(self.name)}.{format_.extension}"
        if format_ is HTML:
            found = found.removesuffix(f".{HTML.extension}")  # the page has no ending of its own
        return found if profile is DCAT_AP else f"{found}?_profile={profile.token}"

    def place(self, media_type: str, profile: Profile) -> str:
        """Return where it is in the format of a media type."""
        return self.address(next(one for one in profile.formats if one.media_type == media_type), profile)

    def links(self, profile: Profile) -> list[Link]:
        """Return the typed links: its IRI, what it is, its descriptions, files and licence, and this list itself."""
        found = [Link("cite-as", self.name), Link("type", ABOUT_PAGE), Link("type", "https://schema.org/Dataset")]
        for each in PROFILES:
            data = [one for one in each.formats if one not in (HTML, LINKSET)]
            found += [Link("describedby", self.address(one, each), one.media_type, each.iri) for one in data]
        found += [
            Link("item", self.view.file_address(file), file.media_type)
            for file in distributions(self.view.archive, self.release)
        ]
        found.append(Link("license", f"{SPDX}{self.release.licence}"))
        if not self.is_current:
            found.append(Link("latest-version", self.view.page_address(self.release.graph)))
        found.append(Link("linkset", self.address(LINKSET, DCAT_AP), LINKSET.media_type))
        found.append(Link("profile", profile.iri))
        return found

    def header(self, profile: Profile) -> str:
        """Return the value of the header ``Link``."""
        return header(self.links(profile))

    def linkset(self) -> bytes:
        """Return the links, and those that lead back from descriptions and files."""
        page, links = self.address(HTML, DCAT_AP), self.links(DCAT_AP)
        back = {rel: Link(name, page, HTML.media_type) for rel, name in _BACK.items()}
        return linkset([(page, links), *((link.href, [back[link.rel]]) for link in links if link.rel in back)])

    def schema_org(self) -> bytes:
        """Return it in the words of schema.org."""
        return json_document(data_set(self.view, self.release, is_current=self.is_current))

    def alternates(self, chosen: Format) -> bytes:
        """Return the list of profiles and formats, as JSON or Turtle."""
        return alternates(self.name, chosen, self.address, PROFILES)
