"""The catalogue in DCAT-AP 3.0.1, its essential facts in what 2.1.1 has too, since data.europa.eu converts to that.

https://semiceu.github.io/DCAT-AP/releases/3.0.1/. IRIs keep the frozen base; addresses are those of the server. There
is no blank node, no time of making, and no fact that somebody typed in besides those of ``catalogue.toml`` and
``data/sets.csv``: the same manifest and settings give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from circkg_loaders.iris import BASE, set_iri
from circkg_loaders.nuts import Country
from circkg_loaders.registry import Role
from circkg_server.catalogue import authorities
from circkg_server.catalogue.authorities import IANA, TABLES
from circkg_server.catalogue.description import Description
from circkg_server.catalogue.editor import Editor
from circkg_server.catalogue.statistics import Statistics, of_release
from circkg_server.catalogue.versions import Versions
from circkg_server.publishing.distributions import Distribution, distributions
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.terms import Triple

CATALOGUE = f"{BASE}catalogue"
CONTACT = f"{CATALOGUE}#contact"
SERVICE = f"{BASE}sparql"
ONTOLOGY = f"{BASE}def"
SPARQL_PROTOCOL = "https://www.w3.org/TR/sparql11-protocol/"
_GZIP = f"{IANA}application/gzip"
_RDF = ("nq", "trig", "ttl", "jsonld")


@dataclass(frozen=True, slots=True)
class View:
    """What descriptions are made from.

    :param address: where the server is reached, without a slash at its end.
    :param countries: the countries of ``data/countries.csv``, whatever their keys.
    """

    archive: Archive
    manifest: Manifest
    editor: Editor
    address: str
    countries: Mapping[str, Country]

    @property
    def endpoint(self) -> str:
        """Return the address of the SPARQL endpoint."""
        return f"{self.address}/sparql"

    def page_address(self, name: str) -> str:
        """Return the address of the page of a thing of ours, whose IRI keeps the frozen base."""
        return f"{self.address}/{name.removeprefix(BASE)}"

    def file_address(self, file: Distribution) -> str:
        """Return the address of a file of a release."""
        return f"{self.address}/dumps/{quote(file.file)}"

    def query_address(self, release: Release) -> str:
        """Return the address of a query that gives the whole graph of a set as Turtle."""
        query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{release.graph}> {{ ?s ?p ?o }} }}"
        return f"{self.endpoint}?query={quote(query, safe='')}&format=turtle"


def catalogue(view: View) -> set[Triple]:
    """Return the whole catalogue: the current release of each set, the endpoint and who publishes."""
    editor, said = view.editor, Description()
    said.type(CATALOGUE, "dcat:Catalog")
    said.text(CATALOGUE, "dct:title", editor.title)
    said.text(CATALOGUE, "dct:description", editor.description)
    said.value(CATALOGUE, "dct:identifier", CATALOGUE)
    said.link(CATALOGUE, "dct:publisher", editor.publisher.iri)
    said.link(CATALOGUE, "dct:license", authorities.licence(editor.licence))
    said.link(CATALOGUE, "dct:language", *authorities.languages(editor.languages))
    said.link(CATALOGUE, "dct:spatial", authorities.EUROPE)
    said.link(CATALOGUE, "dcat:themeTaxonomy", authorities.THEME_TAXONOMY)
    days = [release.issued for release in view.manifest.releases if release.issued]
    said.day(CATALOGUE, "dct:issued", editor.issued or min(days, default=""))
    said.day(CATALOGUE, "dct:modified", max(days, default=""))
    homepage = editor.homepage or f"{view.address}/"
    said.link(CATALOGUE, "foaf:homepage", homepage)
    said.type(homepage, "foaf:Document")
    said.link(CATALOGUE, "dcat:service", SERVICE)
    for release in view.manifest.releases:
        said.link(CATALOGUE, "dcat:dataset", release.graph)
    triples = said.triples | service(view, view.manifest.releases) | people(editor)
    for release in view.manifest.releases:
        triples |= data_set(view, release)
    return triples


def record(view: View, release: Release) -> set[Triple]:
    """Return the record of one set as a harvester takes it: the set, the endpoint for it and who publishes."""
    return data_set(view, release) | service(view, [release]) | people(view.editor)


def people(editor: Editor) -> set[Triple]:
    """Return who publishes and whom to ask."""
    said = Description()
    publisher, contact = editor.publisher, editor.contact
    said.type(publisher.iri, "foaf:Agent")
    said.value(publisher.iri, "foaf:name", publisher.name)
    said.link(publisher.iri, "dct:type", f"http://purl.org/adms/publishertype/{publisher.type}")
    if publisher.homepage:
        said.link(publisher.iri, "foaf:homepage", publisher.homepage)
        said.type(publisher.homepage, "foaf:Document")
    said.type(CONTACT, "vcard:Kind", "vcard:Organization")
    said.value(CONTACT, "vcard:fn", contact.name)
    if contact.url:
        said.link(CONTACT, "vcard:hasURL", contact.url)
    if contact.email:
        said.link(CONTACT, "vcard:hasEmail", f"mailto:{contact.email}")
    return said.triples


def service(view: View, releases: Iterable[Release]) -> set[Triple]:
    """Return the SPARQL endpoint as a data service."""
    said = Description()
    said.type(SERVICE, "dcat:DataService", "dcat:Resource")
    said.text(SERVICE, "dct:title", "SPARQL endpoint")
    said.text(
        SERVICE, "dct:description",
        "SPARQL 1.1 queries over all data sets. Its service description says what it can do and where its limits are.",
    )  # fmt: skip
    said.value(SERVICE, "dct:identifier", SERVICE)
    said.link(SERVICE, "dcat:endpointURL", view.endpoint)
    said.link(SERVICE, "dcat:endpointDescription", view.endpoint)
    said.link(SERVICE, "dct:conformsTo", SPARQL_PROTOCOL)
    said.type(SPARQL_PROTOCOL, "dct:Standard")
    said.text(SERVICE, "dcat:keyword", "SPARQL")
    said.text(SERVICE, "dcat:keyword", "linked data")
    said.link(SERVICE, "foaf:page", f"{view.address}/")
    said.type(f"{view.address}/", "foaf:Document")
    said.link(SERVICE, "dct:accessRights", authorities.PUBLIC)
    for release in releases:
        said.link(SERVICE, "dcat:servesDataset", release.graph)
    _care(said, view.editor, SERVICE)
    return said.triples


def data_set(view: View, release: Release) -> set[Triple]:
    """Return a set as it is now, with the files of its current release, as a member of the series of its releases."""
    said = Description()
    _data_set(said, view, release, release.graph, release.title)
    said.link(release.graph, "dct:accrualPeriodicity", f"{TABLES}frequency/{view.editor.frequency}")
    said.link(release.graph, "dcat:inSeries", series_iri(release.set))
    _series(said, view, release)
    _endpoint_distribution(said, view, release)
    return said.triples


def series_iri(slug: str) -> str:
    """Return the IRI of the series of the releases of a set."""
    return f"{set_iri(slug)}#releases"


def release_iri(release: Release) -> str:
    """Return the IRI of a release."""
    return set_iri(release.set, release.version)


def one_release(view: View, versions: Versions, release: Release) -> set[Triple]:
    """Return one release, which never changes, with its own files."""
    said = Description()
    name = release_iri(release)
    _data_set(said, view, release, name, f"{release.title}, version {release.version}")
    said.link(name, "dct:accrualPeriodicity", f"{TABLES}frequency/NEVER")
    _in_series(said, versions, release)
    _series(said, view, versions.of(release.set)[-1])
    return said.triples | people(view.editor)


def set_with_releases(view: View, versions: Versions, release: Release) -> set[Triple]:
    """Return a set as it is now, and its releases in short; each is described at its own address."""
    said = Description()
    said.link(release.graph, "dcat:hasCurrentVersion", release_iri(release))
    for found in versions.of(release.set):
        name = release_iri(found)
        said.link(release.graph, "dcat:hasVersion", name)
        said.type(name, "dcat:Dataset", "dcat:Resource")
        said.text(name, "dct:title", f"{found.title}, version {found.version}")
        said.text(name, "dct:description", found.description or found.title)
        said.value(name, "dcat:version", found.version)
        said.day(name, "dct:issued", found.issued)
        said.value(name, "void:triples", found.quads, "integer")
        _in_series(said, versions, found)
    return record(view, release) | said.triples


def period(release: Release, found: Statistics) -> tuple[str, str] | None:
    """Return the first and last day that a set covers.

    They are those of its dates; of a set without dates what editors declare, else the day on which it was issued, whose
    state it describes. An end that is open is known up to the day of issue.
    """
    if found.earliest:
        return found.earliest, found.latest
    start, _, end = release.temporal.partition("/")
    start, end = start.replace("..", ""), end.replace("..", "")
    if start or end:
        return start or end, end or max(start, release.issued)
    return (release.issued, release.issued) if release.issued else None


def _care(said: Description, editor: Editor, subject: str) -> None:
    """Say who cares for a thing, and what it is about."""
    said.link(subject, "dct:publisher", editor.publisher.iri)
    said.link(subject, "dcat:contactPoint", CONTACT)
    said.link(subject, "dcat:theme", *(f"{TABLES}data-theme/{theme}" for theme in editor.themes))


def _data_set(said: Description, view: View, release: Release, name: str, title: str) -> None:
    found = of_release(view.archive, release)
    said.type(name, "dcat:Dataset", "dcat:Resource", "void:Dataset")
    said.text(name, "dct:title", title)
    said.text(name, "dct:description", release.description or release.title)
    said.value(name, "dct:identifier", name)
    for keyword in release.keywords:
        said.text(name, "dcat:keyword", keyword)
    _care(said, view.editor, name)
    said.link(name, "dct:accessRights", authorities.PUBLIC)
    said.day(name, "dct:issued", release.issued)
    said.day(name, "dct:modified", release.issued)
    said.value(name, "dcat:version", release.version)
    said.value(name, "owl:versionInfo", release.version)
    said.link(name, "dct:spatial", *authorities.coverage(found, view.countries))
    said.link(name, "dct:language", *authorities.languages(found.languages))
    covered = period(release, found)
    if covered:
        said.link(name, "dct:temporal", f"{name}#period")
        said.type(f"{name}#period", "dct:PeriodOfTime")
        said.day(f"{name}#period", "dcat:startDate", covered[0])
        said.day(f"{name}#period", "dcat:endDate", covered[1])
    page = view.page_address(name)
    said.link(name, "dcat:landingPage", page)
    said.type(page, "foaf:Document")
    if release.role in (Role.STATED, Role.INFERRED):
        said.link(name, "dct:conformsTo", ONTOLOGY)
        said.type(ONTOLOGY, "dct:Standard")
    said.value(name, "void:triples", release.quads, "integer")
    said.link(name, "void:sparqlEndpoint", view.endpoint)
    _rights(said, view.editor, release, name)
    for file in distributions(view.archive, release):
        _file_distribution(said, view, release, name, file)


def _rights(said: Description, editor: Editor, release: Release, name: str) -> None:
    said.type(f"{name}#rights", "dct:RightsStatement")
    text = release.rights or f"Published by {editor.publisher.name} under {release.licence}."
    said.text(f"{name}#rights", "rdfs:label", text)


def _distribution(said: Description, view: View, release: Release, name: str, iri: str) -> None:
    """Say what all distributions of a set have in common."""
    said.link(name, "dcat:distribution", iri)
    said.type(iri, "dcat:Distribution")
    said.value(iri, "dct:identifier", iri)
    said.link(iri, "dct:license", authorities.licence(release.licence))
    if release.licence not in authorities.LICENCES:
        said.type(authorities.licence(release.licence), "dct:LicenseDocument")
    said.link(iri, "dct:rights", f"{name}#rights")
    said.link(iri, "dcatap:availability", f"{TABLES}planned-availability/{view.editor.availability}")
    said.day(iri, "dct:issued", release.issued)
    said.day(iri, "dct:modified", release.issued)


def _file_distribution(said: Description, view: View, release: Release, name: str, file: Distribution) -> None:
    """Say what a file is. One whose format the EU table of file types lacks is left out: portals could not name it."""
    if not file.file_type:
        return
    iri = f"{name}#{_fragment(file)}"
    _distribution(said, view, release, name, iri)
    said.text(iri, "dct:title", f"{release.title}: {file.title}")
    packed = f", compressed with {file.compression}" if file.compression else ""
    said.text(iri, "dct:description", f"{file.title} of version {release.version}: {file.bytes:,} bytes{packed}.")
    said.link(iri, "dct:format", f"{TABLES}file-type/{file.file_type}")
    said.link(iri, "dcat:mediaType", authorities.media_type(file.media_type))
    if file.compression:
        said.link(iri, "dcat:compressFormat", _GZIP)
    said.value(iri, "dcat:byteSize", file.bytes, "nonNegativeInteger")
    download = view.file_address(file)
    said.link(iri, "dcat:downloadURL", download)
    said.link(iri, "dcat:accessURL", view.page_address(release_iri(release)))
    said.link(iri, "spdx:checksum", f"{iri}-checksum")
    said.type(f"{iri}-checksum", "spdx:Checksum")
    said.link(f"{iri}-checksum", "spdx:algorithm", authorities.SHA256)
    said.value(f"{iri}-checksum", "spdx:checksumValue", file.sha256, "hexBinary")
    if file.kind in _RDF:
        said.link(name, "void:dataDump", download)


def _endpoint_distribution(said: Description, view: View, release: Release) -> None:
    """Say that a set is at the endpoint, as a distribution: harvesters take no data service by itself.

    Its download is a query that gives the whole set, since a distribution without one loses half of its accessibility.
    """
    iri = f"{release.graph}#sparql"
    _distribution(said, view, release, release.graph, iri)
    said.text(iri, "dct:title", f"{release.title}: SPARQL endpoint")
    said.text(
        iri, "dct:description", f"The named graph <{release.graph}> of the SPARQL endpoint. The download is Turtle."
    )
    said.link(iri, "dct:format", f"{TABLES}file-type/RDF_TURTLE")
    said.link(iri, "dcat:mediaType", authorities.media_type("text/turtle"))
    said.link(iri, "dcat:accessURL", view.endpoint)
    said.link(iri, "dcat:downloadURL", view.query_address(release))
    said.link(iri, "dcat:accessService", SERVICE)


def _series(said: Description, view: View, release: Release) -> None:
    series = series_iri(release.set)
    said.type(series, "dcat:DatasetSeries")
    said.text(series, "dct:title", f"{release.title}: releases")
    said.text(
        series,
        "dct:description",
        f"All releases of this data set, each for ever at its own address. {release.description}",
    )
    said.link(series, "dct:publisher", view.editor.publisher.iri)
    said.link(series, "dcat:contactPoint", CONTACT)
    said.day(series, "dct:modified", release.issued)


def _in_series(said: Description, versions: Versions, release: Release) -> None:
    name = release_iri(release)
    said.link(name, "dcat:inSeries", series_iri(release.set))
    before = versions.before(release)
    if before:
        said.link(name, "dcat:prev", release_iri(before))


def _fragment(file: Distribution) -> str:
    """Return the name of a file without its version and compression: it stays the same from release to release."""
    return file.file.rpartition("/")[2].removeprefix(f"{file.version}.").removesuffix(".gz")
