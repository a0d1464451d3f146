"""IRIs of the controlled vocabularies that DCAT-AP asks for, and of those only what a catalogue of ours can need.

https://semiceu.github.io/DCAT-AP/releases/3.0.1/#controlled-vocs. The tables are those of the Publications Office of
the EU, the ADMS lists and the registry of IANA.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from circkg_loaders.nuts import Country
from circkg_server.catalogue.statistics import Statistics

TABLES = "http://publications.europa.eu/resource/authority/"
IANA = "http://www.iana.org/assignments/media-types/"
PUBLIC = f"{TABLES}access-right/PUBLIC"
EUROPE = f"{TABLES}continent/EUROPE"
THEME_TAXONOMY = f"{TABLES}data-theme"
SHA256 = "https://spdx.org/rdf/terms#checksumAlgorithm_sha256"
"""SPDX itself writes ``http``; the code-list shapes of DCAT-AP 3.0.1 take ``https`` only, and portals run those."""

THEMES = frozenset(
    ["AGRI", "ECON", "EDUC", "ENER", "ENVI", "GOVE", "HEAL", "INTR", "JUST", "REGI", "SOCI", "TECH", "TRAN"]
)
AVAILABILITIES = frozenset(["AVAILABLE", "EXPERIMENTAL", "STABLE", "TEMPORARY"])
FREQUENCIES = frozenset(
    [
        "ANNUAL",
        "ANNUAL_2",
        "ANNUAL_3",
        "AS_NEEDED",
        "BIENNIAL",
        "BIMONTHLY",
        "BIWEEKLY",
        "CONT",
        "DAILY",
        "IRREG",
        "MONTHLY",
        "MONTHLY_2",
        "NEVER",
        "NOT_PLANNED",
        "OTHER",
        "QUARTERLY",
        "UNKNOWN",
        "UPDATE_CONT",
        "WEEKLY",
    ]
)
PUBLISHER_TYPES = frozenset(
    [
        "Academia-ScientificOrganisation",
        "Company",
        "IndustryConsortium",
        "LocalAuthority",
        "NationalAuthority",
        "NonGovernmentalOrganisation",
        "NonProfitOrganisation",
        "RegionalAuthority",
        "StandardisationBody",
        "SupraNationalAuthority",
    ]
)

LICENCES = {
    "CC-BY-4.0": "CC_BY_4_0",
    "CC-BY-SA-4.0": "CC_BYSA_4_0",
    "CC0-1.0": "CC0",
    "ODbL-1.0": "ODC_BL",
    "ODC-By-1.0": "ODC_BY",
    "PDDL-1.0": "ODC_PDDL",
    "EUPL-1.2": "EUPL_1_2",
    "etalab-2.0": "ETALAB_2_0",
    "OGL-UK-3.0": "OGL_3_0",
}
"""Codes of the table of licences by SPDX identifier."""

LANGUAGES = (
    "bg=BUL ca=CAT cs=CES da=DAN de=DEU el=ELL en=ENG es=SPA et=EST eu=EUS fi=FIN fr=FRA ga=GLE gl=GLG hr=HRV "
    "hu=HUN is=ISL it=ITA lb=LTZ lt=LIT lv=LAV mk=MKD mt=MLT nl=NLD no=NOR nb=NOB nn=NNO pl=POL pt=POR ro=RON "
    "ru=RUS sk=SLK sl=SLV sq=SQI sr=SRP bs=BOS sv=SWE tr=TUR uk=UKR cy=CYM"
)
"""Tags, and their codes in the table of languages."""

_LANGUAGES = dict(pair.split("=") for pair in LANGUAGES.split())


def languages(tags: Iterable[str]) -> list[str]:
    """Return the IRIs of the languages of tags, regions left aside; tags that the table does not know are left out.

    >>> languages(["fi", "pt-BR", "x-none"])
    ['http://publications.europa.eu/resource/authority/language/FIN', \
'http://publications.europa.eu/resource/authority/language/POR']
    """
    codes = {_LANGUAGES.get(tag.lower().partition("-")[0]) for tag in tags}
    return sorted(f"{TABLES}language/{code}" for code in codes if code)


def is_language(tag: str) -> bool:
    """Tell whether the table of languages has a tag."""
    return tag in _LANGUAGES


def licence(spdx: str) -> str:
    """Return the IRI of a licence: that of the EU table, else that of SPDX.

    >>> licence("CC-BY-4.0")
    'http://publications.europa.eu/resource/authority/licence/CC_BY_4_0'
    """
    return f"{TABLES}licence/{LICENCES[spdx]}" if spdx in LICENCES else f"https://spdx.org/licenses/{spdx}"


def media_type(name: str) -> str:
    """Return the IRI of a media type, its parameters left aside.

    >>> media_type("text/csv; charset=utf-8")
    'http://www.iana.org/assignments/media-types/text/csv'
    """
    return IANA + name.partition(";")[0].strip()


def coverage(found: Statistics, countries: Mapping[str, Country]) -> list[str]:
    """Return the IRIs of the countries that occur in a set, by name or by a region; Europe if none does."""
    by_nuts = {country.nuts: country.iri for country in countries.values() if country.nuts}
    iris = {f"{TABLES}country/{code}" for code in found.countries}
    iris |= {by_nuts[code] for code in found.nuts_countries if code in by_nuts}
    return sorted(iris) or [EUROPE]
