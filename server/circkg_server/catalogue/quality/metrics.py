"""What the metadata quality assessment of data.europa.eu (MQA) measures, and the points for it: the one table.

Source: the methodology, https://data.europa.eu/mqa/methodology; the names of the metrics are those of its DQV
vocabulary, https://piveau.eu/ns/voc#. Where the two differ on where a date stands, the vocabulary is followed: on the
distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PV = "https://piveau.eu/ns/voc#"
SCORING = "https://piveau.eu/ns/scoring#"


class Dimension(Enum):
    """A dimension of quality."""

    FINDABILITY = "findability"
    ACCESSIBILITY = "accessibility"
    INTEROPERABILITY = "interoperability"
    REUSABILITY = "reusability"
    CONTEXTUALITY = "contextuality"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    :param name: its local name in the DQV vocabulary.
    :param of_distribution: whether it looks at a distribution; else at the data set.
    :param missing: what is told when its points are not reached.
    :param needs_network: whether it asks the web.
    """

    name: str
    dimension: Dimension
    points: int
    of_distribution: bool
    missing: str
    needs_network: bool = False

    @property
    def iri(self) -> str:
        """Return the IRI of the metric."""
        return PV + self.name


_F, _A, _I, _R, _C = Dimension
METRICS = (
    Metric("keywordAvailability", _F, 30, False, "dcat:keyword"),
    Metric("categoryAvailability", _F, 30, False, "dcat:theme"),
    Metric("spatialAvailability", _F, 20, False, "dct:spatial"),
    Metric("temporalAvailability", _F, 20, False, "dct:temporal"),
    Metric("accessUrlStatusCode", _A, 50, True, "a dcat:accessURL that answers", needs_network=True),
    Metric("downloadUrlAvailability", _A, 20, True, "dcat:downloadURL"),
    Metric("downloadUrlStatusCode", _A, 30, True, "a dcat:downloadURL that answers", needs_network=True),
    Metric("formatAvailability", _I, 20, True, "dct:format"),
    Metric("mediaTypeAvailability", _I, 10, True, "dcat:mediaType"),
    Metric(
        "formatMediaTypeVocabularyAlignment", _I, 10, True,
        "dct:format of the EU table of file types with dcat:mediaType of IANA",
    ),
    Metric("formatMediaTypeNonProprietary", _I, 20, True, "a non-proprietary format"),
    Metric("formatMediaTypeMachineInterpretable", _I, 20, True, "a machine-readable format"),
    Metric("dcatApCompliance", _I, 30, False, "compliance with DCAT-AP"),
    Metric("licenceAvailability", _R, 20, True, "dct:license"),
    Metric("knownLicence", _R, 10, True, "a licence of the EU table"),
    Metric("accessRightsAvailability", _R, 10, False, "dct:accessRights"),
    Metric("accessRightsVocabularyAlignment", _R, 5, False, "dct:accessRights of the EU table"),
    Metric("contactPointAvailability", _R, 20, False, "dcat:contactPoint"),
    Metric("publisherAvailability", _R, 10, False, "dct:publisher"),
    Metric("rightsAvailability", _C, 5, True, "dct:rights"),
    Metric("byteSizeAvailability", _C, 5, True, "dcat:byteSize"),
    Metric("dateIssuedAvailability", _C, 5, True, "dct:issued"),
    Metric("dateModifiedAvailability", _C, 5, True, "dct:modified"),
)  # fmt: skip
MOST = sum(metric.points for metric in METRICS)
"""Points of a distribution of which nothing is missing: 405."""

RATINGS = ((351, "Excellent", "excellent"), (221, "Good", "good"), (121, "Sufficient", "enough"), (0, "Bad", "bad"))
"""Least points of each rating, its name, and its local name in the vocabulary of ratings."""

FILE_TYPE = "http://publications.europa.eu/resource/authority/file-type/"
_RDF = ("JSON_LD", "RDFA", "RDF_N_QUADS", "RDF_N_TRIPLES", "RDF_TRIG", "RDF_TURTLE", "RDF_XML")
MACHINE_READABLE = frozenset(
    FILE_TYPE + code
    for code in (
        *_RDF, "CSV", "GEOJSON", "ICS", "JSON", "KML", "KMZ", "NETCDF", "ODS", "RSS", "SHP", "XLS", "XLSX", "XML",
    )
)  # fmt: skip
"""Formats that count as machine-readable."""

NON_PROPRIETARY = frozenset(
    FILE_TYPE + code
    for code in (
        *(code for code in _RDF if code != "RDFA"), "BMP", "CSV", "DBF", "GEOJSON", "GZIP", "HTML", "ICS", "JPEG2000",
        "JSON", "KML", "KMZ", "NETCDF", "ODS", "PNG", "RSS", "RTF", "TAR", "TIFF", "TSV", "TXT", "WMS_SRVC", "XML",
        "ZIP",
    )
)  # fmt: skip
"""Formats that count as non-proprietary."""

KNOWN_LICENCES = (
    "http://publications.europa.eu/resource/authority/licence/",
    "http://creativecommons.org/licenses/",
    "https://creativecommons.org/licenses/",
    "http://creativecommons.org/publicdomain/",
    "https://creativecommons.org/publicdomain/",
    "http://opensource.org/licenses/",
    "https://opensource.org/licenses/",
    "http://dcat-ap.de/def/licenses/",
    "http://www.nationalarchives.gov.uk/doc/open-government-licence/",
    "https://www.nationalarchives.gov.uk/doc/open-government-licence/",
)
"""Beginnings of the licences that count as known. The list of the portal is one of single licences; this is a little
more generous."""

ACCESS_RIGHT = "http://publications.europa.eu/resource/authority/access-right/"
MEDIA_TYPES = ("http://www.iana.org/assignments/media-types/", "https://www.iana.org/assignments/media-types/")


def rating(points: int) -> str:
    """Return the name of the rating of points.

    >>> rating(405), rating(350), rating(121), rating(120)
    ('Excellent', 'Good', 'Sufficient', 'Bad')
    """
    return next(name for least, name, _ in RATINGS if points >= least)
