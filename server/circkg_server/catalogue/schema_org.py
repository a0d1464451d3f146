"""A data set in the words of schema.org, which search engines for data read: https://schema.org/Dataset."""

from __future__ import annotations

import json

from circkg_server.catalogue import authorities
from circkg_server.catalogue.dcat import View, period, release_iri
from circkg_server.catalogue.statistics import Statistics, of_release
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.manifest import Release


def countries_of(view: View, found: Statistics) -> list[str]:
    """Return the names of the countries that occur in a set."""
    return sorted(
        {
            country.name_en
            for country in view.countries.values()
            if country.iso3 in found.countries or country.nuts in found.nuts_countries
        }
    )


def data_set(view: View, release: Release, *, is_current: bool) -> dict[str, object]:
    """Return a set as it is now, or one release of it, as JSON-LD."""
    found = of_release(view.archive, release)
    covered = period(release, found)
    name = release.graph if is_current else release_iri(release)
    files = [
        {
            "@type": "DataDownload", "name": file.title, "encodingFormat": file.media_type,
            "contentSize": f"{file.bytes} B", "sha256": file.sha256, "contentUrl": view.file_address(file),
        }
        for file in distributions(view.archive, release)
    ]  # fmt: skip
    content = {
        "@context": "https://schema.org/", "@type": "Dataset", "@id": name, "url": view.page_address(name),
        "identifier": name, "name": release.title, "description": release.description, "version": release.version,
        "keywords": list(release.keywords), "license": authorities.licence(release.licence),
        "datePublished": release.issued, "isAccessibleForFree": True, "inLanguage": sorted(found.languages),
        "temporalCoverage": "/".join(covered) if covered else "",
        "spatialCoverage": countries_of(view, found) or ["Europe"],
        "creator": {"@type": "Organization", "@id": view.editor.publisher.iri, "name": view.editor.publisher.name},
        "includedInDataCatalog": {"@type": "DataCatalog", "url": f"{view.address}/catalogue"}, "distribution": files,
    }  # fmt: skip
    return {key: value for key, value in content.items() if value not in ("", [])}


def in_page(view: View, release: Release, *, is_current: bool) -> str:
    """Return the JSON-LD that stands in a page, where no text can end the script that holds it."""
    content = data_set(view, release, is_current=is_current)
    return json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
