"""NUTS tables, successors and countries: what they hold, and what their triples say."""

import csv
from pathlib import Path

import pytest

from circkg_loaders.nuts import (
    VERSIONS,
    Country,
    Nuts,
    NutsError,
    Relation,
    UnknownRegionError,
    load_countries,
)
from circkg_shapes.terms import Triple, to_rdflib

DATA = Path(__file__).parents[1] / "data"
CODE = "http://data.europa.eu/nuts/code/"
COUNTRY = "http://publications.europa.eu/resource/authority/country/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
IS_REPLACED_BY = "<http://purl.org/dc/terms/isReplacedBy>"
REGION_IN_2024 = "<https://w3id.org/circkg/def#regionIn2024>"


@pytest.fixture(scope="module")
def nuts() -> Nuts:
    return Nuts.load(DATA / "nuts")


@pytest.fixture(scope="module")
def countries() -> dict[str, Country]:
    return load_countries(DATA / "countries.csv")


# The tables


def test_each_version_has_its_official_number_of_regions(nuts: Nuts) -> None:
    counts = {
        version: [
            sum(1 for each in nuts.regions(version) if each.kind == "nuts" and each.level == level)
            for level in (1, 2, 3)
        ]
        for version in VERSIONS
    }
    assert counts == {"2021": [92, 242, 1166], "2024": [92, 244, 1165]}
    assert {version: len(nuts.regions(version)) for version in VERSIONS} == {"2021": 1885, "2024": 2087}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_region_lies_in_a_region_of_its_country(nuts: Nuts, version: str) -> None:
    for region in nuts.regions(version):
        parent = nuts.parent(region.code, version)
        if region.level == 0:
            assert parent is None
            assert region.code == region.country
        else:
            assert parent is not None
            assert (parent.level, parent.country) == (region.level - 1, region.country)
            assert region in nuts.children(parent.code, version)


def test_a_code_is_looked_up_in_its_version(nuts: Nuts) -> None:
    assert nuts.region("NL33").version == "2021"
    assert nuts.region("PT11A").version == "2024"
    assert nuts.region("PT11A", "2021").name_local == "Área Metropolitana do Porto"
    assert nuts.versions("NL33") == ("2021",)
    assert nuts.versions("NL36") == ("2024",)
    assert nuts.versions("NO08") == VERSIONS
    assert nuts.versions("GR") == ()
    with pytest.raises(UnknownRegionError, match="NUTS 2024 has no code 'NL33'"):
        nuts.region("NL33", "2024")
    with pytest.raises(UnknownRegionError):
        nuts.region("FI", "2016")


def test_children_differ_between_versions(nuts: Nuts) -> None:
    def codes(version: str) -> list[str]:
        return [each.code for each in nuts.children("NO08", version)]

    assert codes("2021") == ["NO081", "NO082"]
    assert codes("2024") == ["NO081", "NO083", "NO084", "NO085"]
    assert nuts.children("FI1C1") == ()


def test_names_keep_their_script(nuts: Nuts) -> None:
    region = nuts.region("EL52")
    assert (region.name_local, region.name_latin) == ("Κεντρική Μακεδονία", "Kentriki Makedonia")


# Successors


def test_every_code_that_left_has_a_successor_and_every_new_one_a_predecessor(nuts: Nuts) -> None:
    old, new = ({each.code for each in nuts.regions(version)} for version in VERSIONS)
    listed = {each.code_2021 for each in nuts.successors()}
    assert len(old - new) == 57
    assert old - new <= listed
    assert listed - (old - new) == {"AT224", "AT225", "ITH5", "ITH59", "ITI3", "ITI31"}
    reached = {code for each in nuts.successors() for code in each.codes_2024}
    first_counted_in_2024 = {each for each in new if each[:2] in {"BA", "UA", "XK"}}
    assert new - old - first_counted_in_2024 <= reached


def test_a_successor_has_the_level_and_country_of_the_old_region(nuts: Nuts) -> None:
    for successor in nuts.successors():
        old = nuts.region(successor.code_2021, "2021")
        for code in successor.codes_2024:
            new = nuts.region(code, "2024")
            assert (new.level, new.country) == (old.level, old.country)
            if successor.one:
                assert new.name_local == old.name_local


@pytest.mark.parametrize(
    ("code", "relation", "codes", "one"),
    [
        ("FI1C3", Relation.NEARLY, ("FI1C6",), "FI1C6"),
        ("FI1C4", Relation.NEARLY, ("FI1C7",), "FI1C7"),
        ("FI197", Relation.NEARLY, ("FI19B",), "FI19B"),
        ("NL33", Relation.NEARLY, ("NL36",), "NL36"),
        ("NL332", Relation.EXACT, ("NL361",), "NL361"),
        ("PT16G", Relation.EXACT, ("PT194",), "PT194"),
        ("PT185", Relation.EXACT, ("PT1D3",), "PT1D3"),
        ("PT17", Relation.SPLIT, ("PT1A", "PT1B"), None),
        ("PT18", Relation.PART, ("PT1C", "PT1D"), None),
        ("NO082", Relation.SPLIT, ("NO083", "NO084", "NO085"), None),
        ("LV006", Relation.MERGED, ("LV00A",), None),
        ("DEG0N", Relation.MERGED, ("DEG0R",), None),
    ],
)
def test_successors_read_by_eye(
    nuts: Nuts, code: str, relation: Relation, codes: tuple[str, ...], one: str | None
) -> None:
    successor = nuts.successor(code)
    assert successor is not None
    assert (successor.relation, successor.codes_2024, successor.one) == (relation, codes, one)
    assert successor.evidence


@pytest.mark.parametrize("code", ["NO08", "NO0A2", "PT11A", "PT119", "FI1C", "NL36"])
def test_regions_that_stayed_have_no_successor(nuts: Nuts, code: str) -> None:
    assert nuts.successor(code) is None


# Triples


def _of(triples: list[Triple], code: str) -> set[tuple[str, str]]:
    return {(predicate, object_) for subject, predicate, object_ in triples if subject == f"<{CODE}{code}>"}


def test_a_region_has_the_triples_of_the_official_source(nuts: Nuts) -> None:
    assert _of(list(nuts.triples("2024")), "EL52") == {
        ("<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", f"<{SKOS}Concept>"),
        (f"<{SKOS}notation>", '"EL52"'),
        (f"<{SKOS}prefLabel>", '"Κεντρική Μακεδονία"'),
        (f"<{SKOS}altLabel>", '"Kentriki Makedonia"'),
        ("<http://data.europa.eu/nuts/level>", '"2"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (f"<{SKOS}broader>", f"<{CODE}EL5>"),
        (f"<{SKOS}inScheme>", "<http://data.europa.eu/nuts/scheme/2024>"),
    }


def test_a_country_has_no_broader_region_and_no_second_name_if_it_is_the_same(nuts: Nuts) -> None:
    predicates = {predicate for predicate, _ in _of(list(nuts.triples("2024")), "FR")}
    assert f"<{SKOS}broader>" not in predicates
    assert f"<{SKOS}altLabel>" not in predicates


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_one_scheme_without_repetition_or_open_ends(nuts: Nuts, version: str) -> None:
    triples = list(nuts.triples(version))
    assert len(triples) == len(set(triples))
    subjects = {subject for subject, _, _ in triples}
    assert {object_ for _, predicate, object_ in triples if predicate == f"<{SKOS}broader>"} <= subjects
    assert f"<{CODE}FIZZZ>" in subjects
    assert {object_ for _, predicate, object_ in triples if predicate == f"<{SKOS}inScheme>"} == {
        f"<http://data.europa.eu/nuts/scheme/{version}>"
    }
    for term in {term for triple in triples for term in triple}:
        to_rdflib(term)


def test_a_code_of_both_versions_has_one_label(nuts: Nuts) -> None:
    triples = {*nuts.triples("2021"), *nuts.triples("2024")}
    labelled = [subject for subject, predicate, _ in triples if predicate == f"<{SKOS}prefLabel>"]
    assert len(labelled) == len(set(labelled))


def test_only_whole_regions_under_another_code_are_linked(nuts: Nuts) -> None:
    triples = list(nuts.successor_triples())
    assert (f"<{CODE}NL332>", IS_REPLACED_BY, f"<{CODE}NL361>") in triples
    assert (f"<{CODE}FI1C3>", REGION_IN_2024, f"<{CODE}FI1C6>") in triples
    assert sum(1 for _, predicate, _ in triples if predicate == IS_REPLACED_BY) == 16
    assert sum(1 for _, predicate, _ in triples if predicate == REGION_IN_2024) == 28
    assert all(subject != object_ for subject, _, object_ in triples)
    assert not {f"<{CODE}{code}>" for code in ("PT17", "PT18", "NO082", "LV006", "AT224")} & {s for s, _, _ in triples}


# Countries


def test_countries_are_those_of_nuts_and_two_more(nuts: Nuts, countries: dict[str, Country]) -> None:
    of_nuts = {each.code for version in VERSIONS for each in nuts.regions(version) if each.level == 0}
    assert {each.nuts for each in countries.values()} == of_nuts | {"UK", ""}
    assert set(countries) - of_nuts == {"GR", "GB", "EU"}
    assert countries["EU"].iri == f"{COUNTRY}EUR"
    assert countries["XK"].iri == f"{COUNTRY}1A0"
    assert all(each.iri == f"{COUNTRY}{each.iso3}" for each in countries.values() if each.iso3)
    assert len({each.iri for each in countries.values()}) == len(countries)


def test_greece_is_matched_with_its_nuts_code(nuts: Nuts, countries: dict[str, Country]) -> None:
    triples = list(nuts.country_triples(countries.values()))
    greece = f"<{COUNTRY}GRC>"
    assert (f"<{CODE}EL>", f"<{SKOS}exactMatch>", greece) in triples
    assert (greece, f"<{SKOS}notation>", '"GR"') in triples
    assert (greece, f"<{SKOS}prefLabel>", '"Greece"@en') in triples
    assert f"<{CODE}UK>" not in {subject for subject, _, _ in triples}
    assert f"<{COUNTRY}GBR>" in {subject for subject, _, _ in triples}
    assert len(triples) == len(set(triples)) == 3 * len(countries) + len(countries) - 2


# Tables that cannot be used


def _folder(tmp_path: Path, *, regions: str = "", successors: str = "") -> Path:
    header = "code,level,name_latin,name_local,country,kind\n"
    own = "FI,0,Suomi,Suomi,FI,country\nFI1,1,Manner-Suomi,Manner-Suomi,FI,nuts\n"
    (tmp_path / "regions-2021.csv").write_text(header + own + regions, encoding="utf-8")
    (tmp_path / "regions-2024.csv").write_text(header + own, encoding="utf-8")
    (tmp_path / "successors.csv").write_text(
        "code_2021,code_2024,relation,evidence,source,note\n" + successors, encoding="utf-8"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ("FI1,1,a,a,FI,nuts\n", "FI1 stands twice"),
        ("FI12,1,a,a,FI,nuts\n", "FI12 cannot have the level '1'"),
        ("FI12,x,a,a,FI,nuts\n", "cannot have the level"),
        ("FI22,2,a,a,FI,nuts\n", "FI22 has no parent FI2"),
        ("FI12,2,a\n", "row 4: . cells under 6 columns"),
        ("FI12,2,a,a,FI,nuts,more\n", "row 4: . cells under 6 columns"),
    ],
)
def test_faulty_regions_are_refused(tmp_path: Path, regions: str, message: str) -> None:
    with pytest.raises(NutsError, match=message):
        Nuts.load(_folder(tmp_path, regions=regions))


@pytest.mark.parametrize(
    ("successors", "message"),
    [
        ("FI9,FI1,exact,e,s,\n", "NUTS 2021 has no code 'FI9'"),
        ("FI1,FI9,exact,e,s,\n", "NUTS 2024 has no code 'FI9'"),
        ("FI1,FI,same,e,s,\n", "Use one of exact, nearly"),
        ("FI1,,exact,e,s,\n", "needs a code of 2024"),
        ("FI1,FI,unknown,e,s,\n", "needs a code of 2024"),
        ("FI1,FI,exact,e,s,\nFI1,FI1,exact,e,s,\n", "FI1 has several rows"),
        ("FI1,FI,part,e,s,\nFI1,FI1,split,e,s,\n", "FI1 has several rows"),
    ],
)
def test_faulty_successors_are_refused(tmp_path: Path, successors: str, message: str) -> None:
    with pytest.raises(NutsError, match=message):
        Nuts.load(_folder(tmp_path, successors=successors))


def test_an_unknown_successor_gives_no_triple(tmp_path: Path) -> None:
    nuts = Nuts.load(_folder(tmp_path, successors="FI1,,unknown,The sources do not say.,s,\n"))
    successor = nuts.successor("FI1")
    assert successor is not None
    assert (successor.relation, successor.codes_2024, successor.one) == (Relation.UNKNOWN, (), None)
    assert list(nuts.successor_triples()) == []


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "countries.csv"
    path.write_text("iso2,nuts,iso3,name_en,name_local,name_latin\n", encoding="utf-8")
    with pytest.raises(NutsError, match="lacks the column iri"):
        load_countries(path)


def test_files_are_small_and_plain() -> None:
    for path in [*(DATA / "nuts").glob("*.csv"), DATA / "countries.csv"]:
        raw = path.read_bytes()
        assert len(raw) < 150_000
        assert b"\r" not in raw
        rows = list(csv.reader(raw.decode("utf-8").splitlines()))
        assert all(cell == cell.strip() for row in rows for cell in row)
        assert rows[1:] == sorted(rows[1:])
