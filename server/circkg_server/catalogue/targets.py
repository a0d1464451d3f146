"""The data sets elsewhere to which the graph links, and what counts as a link."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A data set of somebody else.

    :param slug: its name in the IRIs of linksets.
    :param space: beginning of its IRIs.
    :param page: a page that says what it is.
    :param apart: beginnings of IRIs in that space which are something else.
    """

    slug: str
    title: str
    space: str
    page: str
    apart: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Tell whether an IRI, or the text of its term without ``<``, is one of the data set.

        >>> eli = TARGETS[2]
        >>> eli.holds("http://data.europa.eu/eli/dir/2008/98/oj"), eli.holds("http://data.europa.eu/eli/ontology#Act")
        (True, False)
        """
        return text.startswith(self.space) and not text.startswith(self.apart)


TARGETS = (
    Target("nuts", "NUTS", "http://data.europa.eu/nuts/", "https://ec.europa.eu/eurostat/web/nuts"),
    Target(
        "eu-authority-tables",
        "EU authority tables",
        "http://publications.europa.eu/resource/authority/",
        "https://op.europa.eu/en/web/eu-vocabularies/authority-tables",
    ),
    Target(
        "eli",
        "European Legislation Identifier",
        "http://data.europa.eu/eli/",
        "https://eur-lex.europa.eu/eli-register/about.html",
        ("http://data.europa.eu/eli/ontology",),
    ),
    Target("eurio", "EURIO, the CORDIS knowledge graph", "http://data.europa.eu/s66", "https://cordis.europa.eu/"),
    Target(
        "eu-knowledge-graph", "EU Knowledge Graph", "https://linkedopendata.eu/entity/", "https://linkedopendata.eu/"
    ),
    Target("wikidata", "Wikidata", "http://www.wikidata.org/entity/", "https://www.wikidata.org/"),
    Target("ror", "Research Organization Registry", "https://ror.org/", "https://ror.org/"),
    Target("keep-eu", "keep.eu", "https://keep.eu/", "https://keep.eu/"),
    Target("cordis", "CORDIS", "https://cordis.europa.eu/", "https://cordis.europa.eu/"),
    Target("eurovoc", "EuroVoc", "http://eurovoc.europa.eu/", "https://op.europa.eu/en/web/eu-vocabularies"),
    Target("doi", "DOI", "https://doi.org/", "https://www.doi.org/"),
)
"""Every target, in the order in which they are shown. Of what is not linked nothing is said."""


def target_of(term: str) -> Target | None:
    """Return the target to which an IRI term belongs, or ``None``.

    >>> target_of("<https://ror.org/05x9e7w79>").slug
    'ror'
    """
    text = term[1:]
    return next((target for target in TARGETS if target.holds(text)), None)
