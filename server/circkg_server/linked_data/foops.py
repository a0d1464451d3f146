"""How FAIR a served ontology is, by the tests of FOOPS! that need no registry of others.

The tests are those of https://w3id.org/foops/catalogue, written anew from their definitions; their names are kept.
``python -m circkg_server.linked_data.foops URL`` prints the report on the ontology that a server gives at that address.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from pyoxigraph import RdfFormat, parse

from circkg_loaders.iris import BASE
from circkg_server.linked_data.terms import KINDS, ONTOLOGY

RDF_TYPES = ("text/turtle", "application/rdf+xml", "application/ld+json", "application/n-triples")
PERSISTENT = ("w3id.org", "purl.org", "purl.oclc.org", "doi.org", "www.w3.org", "perma.cc", "data.europa.eu")
"""Hosts of persistent addresses."""
_OWL, _RDFS, _SKOS = (
    "http://www.w3.org/2002/07/owl#", "http://www.w3.org/2000/01/rdf-schema#", "http://www.w3.org/2004/02/skos/core#",
)  # fmt: skip
_DCT, _SCHEMA, _VANN = "http://purl.org/dc/terms/", "https://schema.org/", "http://purl.org/vocab/vann/"
_BIBO, _FOAF, _PROV = "http://purl.org/ontology/bibo/", "http://xmlns.com/foaf/0.1/", "http://www.w3.org/ns/prov#"
METADATA = {
    "title": (f"{_DCT}title", f"{_SCHEMA}name"),
    "description": (f"{_DCT}description", f"{_DCT}abstract", f"{_RDFS}comment", f"{_SCHEMA}description"),
    "license": (f"{_DCT}license", f"{_SCHEMA}license"),
    "version iri": (f"{_OWL}versionIRI",),
    "author": (f"{_DCT}creator", f"{_SCHEMA}creator", f"{_PROV}wasAttributedTo"),
    "namespace URI": (f"{_VANN}preferredNamespaceUri",),
    "namespace prefix": (f"{_VANN}preferredNamespacePrefix",),
    "version info": (f"{_OWL}versionInfo",),
    "creation date": (f"{_DCT}created", f"{_SCHEMA}dateCreated"),
    "citation": (f"{_DCT}bibliographicCitation", f"{_SCHEMA}citation"),
    "doi": (f"{_BIBO}doi",),
    "publisher": (f"{_DCT}publisher", f"{_SCHEMA}publisher"),
    "logo": (f"{_FOAF}logo", f"{_SCHEMA}logo"),
    "status": (f"{_BIBO}status",),
    "source": (f"{_DCT}source", f"{_PROV}hadOriginalSource"),
    "issued": (f"{_DCT}issued", f"{_SCHEMA}datePublished"),
}
"""Properties by which FOOPS! finds each kind of metadata."""
REGISTRIES = {
    "FIND2": ("Prefix in a registry", "The prefix is entered at prefix.cc or LOV after launch."),
    "FIND3": ("Ontology in a registry", "The ontology is entered in LOV after launch."),
    "FIND_3_BIS": ("Metadata without the ontology", "The same entry keeps the metadata."),
    "OM4.2": ("Licence resolves", "The licence is at creativecommons.org; it is not fetched here."),
}
"""Tests that ask registries and servers of others, and so are not made here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers to one request."""

    status: int
    media_type: str
    content: bytes


Fetch = Callable[[str, str], Answer]
"""Fetches an address with an ``Accept`` header."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a test; ``None``: it is not made here.

    :param found: what was found, or why not.
    """

    test: str
    title: str
    passed: bool | None
    found: str


@dataclass
class Assessment:
    """The tests of one ontology.

    :param iri: IRI by which the ontology is asked for.
    """

    iri: str
    fetch: Fetch

    @cached_property
    def formats(self) -> dict[str, Answer]:
        """Return the answers in RDF, by the format that was asked for."""
        found = {media_type: self.fetch(self.iri, media_type) for media_type in RDF_TYPES}
        return {
            wanted: answer for wanted, answer in found.items() if answer.status == 200 and answer.media_type == wanted
        }

    @cached_property
    def page(self) -> Answer:
        """Return the answer to a browser."""
        return self.fetch(self.iri, "text/html")

    @cached_property
    def statements(self) -> list[tuple[str, str, str]]:
        """Return the ontology: subject, property, and object as text."""
        answer = next(iter(self.formats.values()), None)
        format_ = RdfFormat.from_media_type(answer.media_type) if answer else None
        if answer is None or format_ is None:
            return []
        return [
            (q.subject.value, q.predicate.value, getattr(q.object, "value", "")) for q in parse(answer.content, format_)
        ]

    def said(self, property_: str, subject: str = "") -> list[str]:
        """Return what a subject, by default the ontology, says by a property."""
        return [o for s, p, o in self.statements if s == (subject or self.iri) and p == property_]

    @cached_property
    def terms(self) -> list[str]:
        """Return the classes and properties that the ontology defines."""
        defined = {s for s, p, o in self.statements if p.endswith("#type") and o in KINDS}
        return sorted(term for term in defined if term.startswith((f"{self.iri}#", f"{self.iri}/")))

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes, in the order of the catalogue."""
        yield self._metadata("FIND1", "Prefix", ("namespace prefix", "namespace URI"))
        yield self._outcome("URI1", "Ontology IRI resolves", bool(self.formats), f"{len(self.formats)} formats of RDF")
        html = self.page.status == 200 and self.page.media_type == "text/html"
        yield self._outcome(
            "CN1", "Content negotiation", html and bool(self.formats), ", ".join([*self.formats, "text/html"])
        )
        yield self._outcome("DOC1", "HTML documentation", html, self.page.media_type)
        yield self._outcome("RDF1", "RDF", bool(self.formats), ", ".join(self.formats))
        yield self._metadata(
            "OM1", "Minimum metadata", ("title", "description", "license", "version iri", "author", "namespace URI")
        )  # fmt: skip
        yield self._metadata(
            "OM2", "Recommended metadata", ("namespace prefix", "version info", "creation date", "citation")
        )  # fmt: skip
        yield self._metadata(
            "OM3", "Detailed metadata", ("doi", "publisher", "logo", "status", "source", "issued")
        )  # fmt: skip
        yield self._metadata("OM4.1", "Licence", ("license",))
        yield self._metadata("OM5.1", "Basic provenance", ("author", "creation date"))
        yield self._metadata("OM5.2", "Detailed provenance", ("issued", "publisher"))
        host = urlsplit(self.iri).hostname or ""
        yield self._outcome("PURL1", "Persistent IRI", host in PERSISTENT, host)
        yield self._outcome("HTTP1", "Open protocol", urlsplit(self.iri).scheme in ("http", "https"), self.iri)
        declared = [s for s, p, o in self.statements if p.endswith("#type") and o == f"{_OWL}Ontology"]
        yield self._outcome(
            "URI2", "The ontology's own IRI is the one asked for", declared == [self.iri], ", ".join(declared)
        )
        yield from self._versions()
        yield from self._vocabulary()
        for test, (title, why) in REGISTRIES.items():
            yield Outcome(test, title, None, why)

    def _versions(self) -> Iterator[Outcome]:
        versions = self.said(f"{_OWL}versionIRI")
        yield self._outcome("VER1", "Version IRI", bool(versions) and versions != [self.iri], ", ".join(versions))
        resolved = [version for version in versions if self.fetch(version, "text/turtle").status == 200]
        yield self._outcome(
            "VER2", "Version IRI resolves", bool(versions) and resolved == versions, ", ".join(resolved)
        )

    def _vocabulary(self) -> Iterator[Outcome]:
        about = {p for s, p, _ in self.statements if s == self.iri}
        reused = sorted({p.rpartition("#")[0] or p.rpartition("/")[0] for p in about} - {_OWL[:-1], _RDFS[:-1]})
        reused = [name for name in reused if not name.endswith("rdf-syntax-ns")]
        yield self._outcome("VOC1", "Metadata in known vocabularies", bool(reused), ", ".join(reused))
        above = {o for _, p, o in self.statements if p in (f"{_RDFS}subClassOf", f"{_RDFS}subPropertyOf")}
        others = {o.rpartition("#")[0] or o.rpartition("/")[0] for o in above if not o.startswith(self.iri)}
        extended = sorted(name for name in others if not name.endswith("rdf-syntax-ns"))
        yield self._outcome("VOC2", "Extends other vocabularies", bool(extended), ", ".join(extended))
        for test, title, properties in (
            ("VOC3", "Labels", (f"{_RDFS}label", f"{_SKOS}prefLabel")),
            ("VOC4", "Definitions", (f"{_RDFS}comment", f"{_SKOS}definition")),
        ):
            told = [term for term in self.terms if any(self.said(name, term) for name in properties)]
            found = f"{len(told)} of {len(self.terms)} terms"
            yield self._outcome(test, title, bool(told) and told == self.terms, found)

    def _metadata(self, test: str, title: str, wanted: tuple[str, ...]) -> Outcome:
        missing = [name for name in wanted if not any(self.said(property_) for property_ in METADATA[name])]
        found = f"missing: {', '.join(missing)}" if missing else ", ".join(wanted)
        return Outcome(test, title, not missing, found)

    @staticmethod
    def _outcome(test: str, title: str, passed: bool, found: str) -> Outcome:
        return Outcome(test, title, passed, found or "nothing")


WHY_NOT = {
    "OM3": "None of these exists yet, and none is invented. A DOI comes with the first archived release.",
}
"""Why a test does not pass."""


def table(outcomes: Iterator[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    lines = ["| test | what | outcome | found, or why not |", "| --- | --- | --- | --- |"]
    for one in outcomes:
        outcome = {True: "passes", False: "does not pass", None: "not made here"}[one.passed]
        found = one.found if one.passed is not False else f"{one.found}. {WHY_NOT.get(one.test, '')}".strip()
        lines.append(f"| {one.test} | {one.title} | {outcome} | {found} |")
    return "\n".join(lines)


def from_server(address: str) -> Fetch:
    """Return what fetches IRIs of ours from a server, as the redirects of w3id.org would.

    :raises ValueError: if the address is none of the web.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError(f"{address!r} is no address of a server. Give one such as http://127.0.0.1:8000/.")

    def fetch(iri: str, accept: str) -> Answer:
        local = iri.partition("#")[0].removeprefix(BASE)
        url = f"{address.rstrip('/')}/{local}"
        request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the scheme is checked above
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
                return Answer(answer.status, answer.headers.get_content_type(), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers.get_content_type(), b"")

    return fetch


def main() -> None:
    """Print the report on the ontology that a server gives."""
    sys.stdout.write(table(Assessment(ONTOLOGY, from_server(sys.argv[1])).outcomes()) + "\n")


if __name__ == "__main__":
    main()
