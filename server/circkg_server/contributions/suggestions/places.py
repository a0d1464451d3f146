"""What a code or name that is no region, country or currency of ours was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from circkg_loaders.contributed.faults import Suggestion
from circkg_loaders.contributed.known import COUNTRY, Known
from circkg_loaders.iris import nuts_iri
from circkg_loaders.nuts import VERSIONS, Nuts, Relation
from circkg_loaders.values import CURRENCIES, CURRENCY
from circkg_shapes.terms import iri, iri_text

_NO_SIGN: Final = re.compile(r"[\s._-]")
_CODE: Final = re.compile(r"[A-Z]{2}[0-9A-Z]{0,4}")
_SWAPPED: Final = {"GR": "EL", "GB": "UK"}
"""Countries whose code in NUTS differs from ISO 3166-1."""
_MEANT: Final = {
    "€": "EUR",
    "EURO": "EUR",
    "EUROS": "EUR",
    "£": "GBP",
    "$": "USD",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
}
_SCORES: Final = {
    Relation.EXACT: 1.0,
    Relation.NEARLY: 0.95,
    Relation.MERGED: 0.6,
    Relation.SPLIT: 0.5,
    Relation.PART: 0.5,
}


def last_part(text: str) -> str:
    """Return the part of an IRI or prefixed name that names the thing; a text without either as it is.

    >>> last_part("http://data.europa.eu/nuts/code/FI1C3"), last_part("nuts:FI1C3"), last_part("Lahti")
    ('FI1C3', 'FI1C3', 'Lahti')
    """
    stripped = text.strip().strip("<>").rstrip("/")
    return re.split(r"[/#]", stripped)[-1].rpartition(":")[2]


def regions(text: str, nuts: Nuts, versions: Iterable[str] = VERSIONS) -> list[Suggestion]:
    """Return the regions that a code may mean, the likeliest first.

    :param versions: versions of NUTS that are allowed.
    """
    allowed = tuple(version for version in VERSIONS if version in set(versions)) or VERSIONS
    return _once(_regions(last_part(text), nuts, allowed))


def _regions(code: str, nuts: Nuts, allowed: tuple[str, ...]) -> Iterator[Suggestion]:
    compact = _NO_SIGN.sub("", code).upper()
    if not _CODE.fullmatch(compact):
        return
    for candidate, reason in (
        (compact, "code-form"),
        (_SWAPPED.get(compact[:2], "") + compact[2:], "nuts-country-code"),
    ):
        if candidate == code or len(candidate) < 2:
            continue
        if set(nuts.versions(candidate)) & set(allowed):
            yield _region(candidate, reason)
    for candidate in dict.fromkeys((compact, _SWAPPED.get(compact[:2], compact[:2]) + compact[2:])):
        if nuts.versions(candidate) and not set(nuts.versions(candidate)) & set(allowed):
            yield from _other_versions(candidate, nuts, allowed)
            return
    country = _SWAPPED.get(compact[:2], compact[:2])
    codes = [r.code for version in allowed for r in nuts.regions(version) if r.code[:2] == country]
    swapped = country + compact[2:]
    for found, distance, _ in process.extract(
        swapped, list(dict.fromkeys(codes)), scorer=DamerauLevenshtein.distance, score_cutoff=1, limit=3
    ):
        if distance and len(found) == len(swapped) and len(swapped) > 3:
            yield _region(found, "nearest-code", 0.7)
    above = [region for version in allowed if (region := nuts.nearest(swapped, version)) and region.level]
    if above:
        yield _region(max(above, key=lambda region: region.level).code, "region-above", 0.5)


def _other_versions(code: str, nuts: Nuts, allowed: tuple[str, ...]) -> Iterator[Suggestion]:
    """Yield what stands for a region in the versions that are allowed."""
    successor = nuts.successor(code)
    if successor is not None and "2024" in allowed:
        for new in successor.codes_2024:
            yield _region(new, f"other-version-{successor.relation.value}", _SCORES.get(successor.relation, 0.5))
    if "2021" in allowed:
        for each in nuts.successors():
            if code in each.codes_2024:
                yield _region(each.code_2021, f"other-version-{each.relation.value}", _SCORES.get(each.relation, 0.5))


def _region(code: str, reason: str, score: float = 1.0) -> Suggestion:
    return Suggestion(code, reason, nuts_iri(code), score)


def countries(text: str, known: Known) -> list[Suggestion]:
    """Return the countries that a code or name may mean, the likeliest first."""
    return _once(_countries(text, known))


def _countries(text: str, known: Known) -> Iterator[Suggestion]:
    by_iri = {iri(country.iri): country for country in known.countries.values()}
    code = last_part(text).strip().upper()
    for country in known.countries.values():
        if code in (country.iso2, country.iso3):
            yield Suggestion(country.iso2, "country-code", country.iri)
        elif code == country.nuts:
            yield Suggestion(country.iso2, "iso-country-code", country.iri)
    for word in (text.strip(), last_part(text)):
        for match in known.exact(word, classes=(COUNTRY,)):
            if match.iri in by_iri:
                yield Suggestion(by_iri[match.iri].iso2, "label-of", iri_text(match.iri))
    if re.fullmatch(r"[A-Z]{2}[0-9A-Z]{1,3}", code):
        for country in known.countries.values():
            if code[:2] in (country.iso2, country.nuts) and known.nuts.versions(country.nuts + code[2:]):
                yield Suggestion(country.iso2, "country-of-region", country.iri, 0.9)
    if len(code) > 3:
        for match in known.near(last_part(text), classes=(COUNTRY,)):
            if match.iri in by_iri:
                yield Suggestion(by_iri[match.iri].iso2, "nearest", iri_text(match.iri), match.score)


def currencies(text: str) -> list[Suggestion]:
    """Return the currency that a sign, name or code in small letters means, if any.

    >>> currencies("€")[0].text, currencies("eur")[0].text, currencies("shells")
    ('EUR', 'EUR', [])
    """
    code = last_part(text).strip().upper()
    meant = _MEANT.get(code, code)
    return [Suggestion(meant, "code-form", f"{CURRENCY}{meant}")] if meant in CURRENCIES and meant != text else []


def _once(found: Iterable[Suggestion]) -> list[Suggestion]:
    """Return suggestions sorted by their score, each text once."""
    best: dict[str, Suggestion] = {}
    for each in found:
        if each.text not in best or each.score > best[each.text].score:
            best[each.text] = each
    return sorted(best.values(), key=lambda each: -each.score)
