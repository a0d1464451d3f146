"""Tells which data sets comply with DCAT-AP: by the official shapes if the user has them, else by a check of our own.

Our own check is of what DCAT-AP 3.0.1 makes mandatory and of what may stand once only, class by class.
https://semiceu.github.io/DCAT-AP/releases/3.0.1/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from circkg_server.catalogue.quality.reading import Metadata
from circkg_shapes.report import VIOLATION
from circkg_shapes.terms import Term
from circkg_shapes.validate import Shapes, validate

OWN_CHECK = "our own check of the mandatory properties of DCAT-AP 3.0.1, since no official shapes are given (--shapes)"

_MANDATORY = {
    "dcat:Catalog": ("dct:title", "dct:description", "dct:publisher"),
    "dcat:Dataset": ("dct:title", "dct:description"),
    "dcat:Distribution": ("dcat:accessURL",),
    "dcat:DataService": ("dct:title", "dcat:endpointURL"),
    "dcat:DatasetSeries": ("dct:title", "dct:description"),
    "dcat:CatalogRecord": ("dct:modified", "foaf:primaryTopic"),
    "foaf:Agent": ("foaf:name",),
    "spdx:Checksum": ("spdx:algorithm", "spdx:checksumValue"),
}
_ONCE = {
    "dcat:Catalog": ("dct:publisher", "dct:license", "dct:issued", "dct:modified", "foaf:homepage"),
    "dcat:Dataset": ("dct:publisher", "dct:accessRights", "dct:accrualPeriodicity", "dct:issued", "dct:modified"),
    "dcat:Distribution": (
        "dct:format", "dcat:mediaType", "dct:license", "dcat:byteSize", "dct:issued", "dct:modified", "dct:rights",
        "spdx:checksum", "dcat:packageFormat", "dcat:compressFormat", "adms:status",
    ),
    "dcat:DataService": ("dct:accessRights", "dct:license", "dct:publisher"),
}  # fmt: skip
_IRIS = ("dcat:accessURL", "dcat:downloadURL", "dcat:endpointURL", "dct:publisher", "dcat:theme", "dct:license")
_PARTS = (
    "dcat:distribution", "dct:publisher", "dct:creator", "dcat:contactPoint", "dct:temporal", "dct:spatial",
    "spdx:checksum", "dct:license", "dct:rights", "dct:accessRights", "dct:conformsTo", "dct:provenance",
    "dcat:accessService", "adms:identifier", "adms:sample",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compliance:
    """What was found.

    :param checked_by: what checked, in words.
    :param faults: the faults of each node, in words.
    """

    checked_by: str
    faults: dict[Term, list[str]]

    def of(self, metadata: Metadata, data_set: Term) -> list[str]:
        """Return the faults of a data set and of what belongs to it: its distributions, publisher and so on."""
        seen: set[Term] = set()
        todo = [data_set]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += [part for name in _PARTS for part in metadata.values(node, name) if part[0] != '"']
        return sorted({fault for node in seen for fault in self.faults.get(node, [])})


def check(metadata: Metadata, shapes: Sequence[Path] = ()) -> Compliance:
    """Return what does not comply.

    :param shapes: files of the official shapes; none: our own check.
    :raises ShapesError: if the shapes cannot be used.
    """
    faults: dict[Term, list[str]] = {}
    if shapes:
        report = validate(metadata.triples, [], Shapes.load(shapes))
        for result in report.results:
            if result.severity == VIOLATION:
                fault = f"{result.path or 'itself'}: {result.component_name}"
                faults.setdefault(result.focus_node, []).append(fault)
        names = ", ".join(path.name for path in shapes)
        return Compliance(f"the SHACL shapes {names}, with {report.engine}", faults)
    for class_ in _MANDATORY:
        for node in metadata.typed(class_):
            told = list(_faults(metadata, class_, node))
            if told:
                faults.setdefault(node, []).extend(told)
    return Compliance(OWN_CHECK, faults)


def _faults(metadata: Metadata, class_: str, node: Term) -> Iterator[str]:
    for name in _MANDATORY[class_]:
        if not metadata.values(node, name):
            yield f"{class_} without {name}"
    for name in _ONCE.get(class_, ()):
        if len(metadata.values(node, name)) > 1:
            yield f"{class_} with several {name}"
    for name in _IRIS:
        if any(value[0] == '"' for value in metadata.values(node, name)):
            yield f"{class_} with a text as {name}"
