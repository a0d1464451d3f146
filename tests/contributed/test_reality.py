"""Real lists, read by mappings: what they get wrong is met with the right words, in frozen numbers.

The files are not part of the repository; where they are absent these tests are skipped.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.contributed.conftest import MAPPINGS

from circkg_loaders.contributed.codes import text
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.mapping_files import read_mapping
from circkg_loaders.contributed.reading import Contribution, Options, read

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
ESIF = "esif_beneficiaries"

LISTS: dict[str, tuple[str, str, tuple[int, int], int, dict[str, int]]] = {
    "broken crawl": ("ecesp/good_practices_1.csv", "ecesp", (630, 0), 4392, {"no-facts": 1}),
    "practices": (
        "ecesp/good_practices_2.xlsx", "ecesp", (520, 0), 4743,
        {"link-unknown": 497, "not-in-list": 900, "country-unknown": 14, "personal-data": 1},
    ),
    "Austria": (f"{ESIF}/at_erdf.csv", "esif-at", (46, 4), 187, {"key-twice": 4}),
    "Baden-Württemberg": (
        f"{ESIF}/de_bw_erdf.csv", "esif-de-bw", (49, 1), 238, {"row-without-name": 1, "personal-data": 1}
    ),
    "Lower Saxony": (f"{ESIF}/de_ni_erdf.xlsx", "esif-de-ni", (18, 0), 108, {}),
    "Greece": (
        f"{ESIF}/el_iso8859_7.csv", "esif-el", (38, 12), 125,
        {"encoding-by-letters": 1, "key-twice": 12, "region-unknown": 16},
    ),
    "Poland": (f"{ESIF}/pl_cf_cp1250.csv", "esif-pl", (50, 0), 90, {"encoding-by-letters": 1}),
    "Northern Ireland": (f"{ESIF}/uk_ni_erdf.csv", "esif-uk-ni", (50, 0), 191, {}),
    "Wales": (f"{ESIF}/uk_wales.csv", "esif-uk-wales", (50, 0), 124, {"region-unknown": 25}),
    "signatories": (
        "covenant_of_mayors/df1_signatories_2024_part.xlsx", "covenant", (9000, 0), 26715,
        {"country-unknown": 285, "key-changed": 1},
    ),
    "participations": (
        "cordis/csv/organization_excerpt.csv", "cordis-organisation", (8, 0), 59,
        {"region-unknown": 4, "country-unknown": 2},
    ),
    "partners": (
        "interreg/interreg_se_partners.json", "interreg-se", (298, 2), 836, {"row-without-name": 1, "missing": 1},
    ),
    "beneficiaries": (
        "kohesio/beneficiaries.tsv", "kohesio", (22509, 0), 76624,
        {"personal-data": 2, "region-unknown": 5000, "more-of-the-same": 1},
    ),
}  # fmt: skip
"""File, mapping, rows loaded and rejected, triples and faults by code."""

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the samples of real lists are not at {SAMPLES}")


def read_list(name: str, known: Known) -> Contribution:
    file, mapping, *_ = LISTS[name]
    return read(SAMPLES / file, Options(mapping=read_mapping(MAPPINGS / f"{mapping}.yaml"), known=known))


LARGE = ("beneficiaries", "signatories")


@needs_samples
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.nightly] if n in LARGE else []) for n in LISTS])
def test_a_real_list_is_read_with_the_faults_that_it_has(name: str, known: Known) -> None:
    found = read_list(name, known)
    _, _, (loaded, rejected), triples, faults = LISTS[name]
    assert Counter(fault.code for fault in found.faults) == faults
    assert found.rows == {"in": loaded + rejected, "loaded": loaded, "rejected": rejected}
    assert len(found.triples) == len(set(found.triples)) == triples
    assert all(text(fault.code) for fault in found.faults)


@needs_samples
def test_no_statement_of_a_real_list_lacks_its_place(known: Known) -> None:
    for name in ("practices", "partners", "Greece"):
        found = read_list(name, known)
        assert all(found.origins.of(triple) for triple in found.triples)


@needs_samples
def test_labels_that_hold_commas_are_found_in_lists_that_commas_join(known: Known) -> None:
    found = read_list("practices", known)
    wrong = {fault.values["value"] for fault in found.faults if fault.code == "not-in-list"}
    assert not any(
        part in wrong for part in ("water and nutrients", "apparel and leather", "Buildings and Infrastructure")
    )


@needs_samples
def test_a_code_of_an_old_version_with_its_name_leads_to_the_new_one(known: Known) -> None:
    found = read_list("Greece", known)
    suggested = {
        (fault.place.raw or "").strip(): [each.text for each in fault.suggestions]
        for fault in found.faults
        if fault.code == "region-unknown"
    }
    assert suggested["EL24-Στερεά Ελλάδα"] == ["nuts:EL64"]


@needs_samples
@pytest.mark.parametrize("file", sorted(SAMPLES.glob("ted/**/*.ttl")), ids=lambda path: path.name)
def test_notices_in_rdf_are_read(file: Path, known: Known) -> None:
    found = read(file, Options(known=known))
    assert len(found.triples) > 100
    assert all(found.origins.of(triple) for triple in found.triples)


@needs_samples
@pytest.mark.parametrize("file", sorted(SAMPLES.glob(f"{ESIF}/*.[cx]*")), ids=lambda path: path.name)
def test_a_list_without_a_mapping_is_told_what_is_missing_and_makes_nothing_up(file: Path, known: Known) -> None:
    found = read(file, Options(known=known))
    assert found.triples == []
    assert {fault.code for fault in found.faults} & {"form-unknown"}
