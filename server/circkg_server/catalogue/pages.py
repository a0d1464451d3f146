"""The catalogue and its sets as pages for people, with what search engines read of them."""

from __future__ import annotations

from markupsafe import Markup

from circkg_loaders.prefixes import shorten
from circkg_server.catalogue import authorities
from circkg_server.catalogue.dcat import View, period, release_iri
from circkg_server.catalogue.description import FORMS
from circkg_server.catalogue.schema_org import countries_of, in_page
from circkg_server.catalogue.statistics import of_default_graph, of_release
from circkg_server.catalogue.targets import TARGETS
from circkg_server.catalogue.versions import Versions
from circkg_server.publishing import citation
from circkg_server.publishing.changes import summary_path
from circkg_server.publishing.citation_formats import FORMATS as CITED
from circkg_server.publishing.citation_formats import text
from circkg_server.publishing.distributions import distributions
from circkg_server.releases.manifest import Release
from circkg_server.web.rendering import render

_SHOWN_CLASSES = 12


def catalogue_page(view: View, root: str) -> str:
    """Return the page of the catalogue: its sets, those with rights of others apart."""
    releases = view.manifest.releases
    return render(
        "catalogue.html", root=root, editor=view.editor, manifest=view.manifest, forms=FORMS,
        own=[release for release in releases if not release.rights],
        others=[release for release in releases if release.rights],
        merged=of_default_graph(view.archive, view.manifest), targets=TARGETS,
    )  # fmt: skip


def set_page(view: View, versions: Versions, release: Release, root: str, *, is_current: bool) -> str:
    """Return the page of a set as it is now, or of one release of it."""
    found = of_release(view.archive, release)
    classes = sorted(found.classes.items(), key=lambda item: (-item[1], item[0]))
    name = release.graph if is_current else release_iri(release)
    return render(
        "set.html", root=root, release=release, is_current=is_current, iri=name, address=view.page_address(name),
        forms=FORMS, editor=view.editor, found=found, covered=period(release, found),
        files=distributions(view.archive, release),
        classes=[(shorten(class_), number) for class_, number in classes[:_SHOWN_CLASSES]],
        more_classes=len(classes) - _SHOWN_CLASSES, countries=countries_of(view, found),
        links=[(target.title, found.linked[target.slug]) for target in TARGETS if target.slug in found.links],
        versions=versions.of(release.set)[::-1], current=view.manifest.release(release.set),
        citation=text(citation.of_release(release, view.editor)), cited=CITED,
        changed=_changed(view, versions, release.set),
        licence=authorities.licence(release.licence),
        schema_org=Markup(in_page(view, release, is_current=is_current)),  # noqa: S704 - JSON without <
    )  # fmt: skip


def _changed(view: View, versions: Versions, slug: str) -> set[str]:
    """Return the versions of a set of which it is told what they changed."""
    known = (release.version for release in versions.of(slug))
    return {version for version in known if summary_path(view.archive, slug, version).is_file()}
