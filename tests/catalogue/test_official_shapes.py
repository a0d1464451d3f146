"""The official shapes of DCAT-AP 3.0.1 find nothing in the catalogue but one warning that nobody outside can avoid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyshacl
import pytest
from rdflib import OWL, SH, Graph

from circkg_loaders.prefixes import expand
from circkg_server.catalogue.dcat import catalogue, one_release, record
from circkg_server.catalogue.description import FORMS, written
from circkg_server.catalogue.documents import Shelf
from circkg_server.releases.manifest import Manifest
from circkg_shapes.terms import Triple

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOLDER = SHARED / "standards" / "dcat-ap"
ADDRESS = "https://data.test"
PUBLISHER = "http://purl.org/dc/terms/publisher"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the official shapes of DCAT-AP are not in ../shared/standards"
)


@pytest.fixture(scope="module")
def background() -> Graph:
    return Graph().parse(FOLDER / "authority-tables" / "authority-background.ttl")


def shapes(name: str) -> Graph:
    """Return shapes without imports, and without references to property shapes that are not there."""
    found = Graph().parse(FOLDER / "3.0.1" / name)
    found.remove((None, OWL.imports, None))
    for subject, predicate, value in list(found.triples((None, SH.property, None))):
        if (value, SH.path, None) not in found:
            found.remove((subject, predicate, value))
    return found


def results(triples: set[Triple], background: Graph, name: str) -> Counter[tuple[str, str]]:
    """Return severity and path of the results whose focus node is ours."""
    data = Graph().parse(data=written(triples, FORMS[0]), format="turtle")
    ours = set(data.subjects())
    _, report, _ = pyshacl.validate(
        data + background, shacl_graph=shapes(name), inference="none", do_owl_imports=False, advanced=False
    )
    assert isinstance(report, Graph)
    return Counter(
        (str(report.value(found, SH.resultSeverity)).rpartition("#")[2], str(report.value(found, SH.resultPath)))
        for found in report.objects(None, SH.result)
        if report.value(found, SH.focusNode) in ours
    )


def _catalogue(shelf: Shelf, manifest: Manifest) -> set[Triple]:
    return catalogue(shelf.view(manifest, ADDRESS))


def _record(shelf: Shelf, manifest: Manifest) -> set[Triple]:
    return record(shelf.view(manifest, ADDRESS), manifest.releases[0])


def _release(shelf: Shelf, manifest: Manifest) -> set[Triple]:
    return one_release(shelf.view(manifest, ADDRESS), shelf.versions(manifest), manifest.releases[0])


DOCUMENTS = {"catalogue": _catalogue, "record": _record, "release": _release}


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize(
    "name",
    ["shacl-split/shapes.ttl", "shacl-split/range.ttl", "shacl-split/shapes_recommended.ttl",
     "shacl-split/deprecateduris.ttl", "shacl/dcat-ap-SHACL.ttl"],
)  # fmt: skip
def test_nothing_is_found(shelf: Shelf, manifest: Manifest, background: Graph, document: str, name: str) -> None:
    make: Callable[[Shelf, Manifest], set[Triple]] = DOCUMENTS[document]
    assert results(make(shelf, manifest), background, name) == Counter()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_of_the_code_lists_only_the_publisher_is_told(
    shelf: Shelf, manifest: Manifest, background: Graph, document: str
) -> None:
    found = results(DOCUMENTS[document](shelf, manifest), background, "shacl-split/mdr-vocabularies.shape.ttl")
    assert set(found) == {("Warning", PUBLISHER)}, "no body of the EU publishes this"


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("dct:title", "shacl-split/shapes.ttl"),
        ("dcat:accessURL", "shacl-split/shapes.ttl"),
        ("dcat:theme", "shacl-split/shapes_recommended.ttl"),
        ("dct:format", "shacl-split/shapes_recommended.ttl"),
    ],
)
def test_the_shapes_do_find_what_is_taken_away(
    shelf: Shelf, manifest: Manifest, background: Graph, prefix: str, name: str
) -> None:
    without = {triple for triple in _record(shelf, manifest) if triple[1] != f"<{expand(prefix)}>"}
    found = results(without, background, name)
    assert expand(prefix) in {path for _, path in found}
