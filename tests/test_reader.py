"""Tables that cannot be read say what is wrong and where; rows at fault are rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from circkg_loaders.load import Loaded, LoadError, load

HEAD = "id,title,title_lang,kind,start_date,country,source\n".replace(",country", "")
REGISTRY = (
    "slug,title,role,reader,version,issued,temporal,licence,rights,keywords,description\n"
    "small,Small,stated,facts,1.0.0,2026-01-31,2025-01-01/..,CC-BY-4.0,© Somebody.,small; set,A small set.\n"
    "small-records,Records,provenance,records,1.0.0,2026-01-31,,CC-BY-4.0,,set,Its records.\n"
)
SOURCES = "id,url,title,language,kind,subject,sha256,note\npage,https://example.org/p,,,web-page,,,\n"

Make = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def _make(files: dict[str, str | bytes]) -> Path:
        from circkg_shapes.rooms import room

        data = tmp_path / "data"
        (data / "small").mkdir(parents=True)
        for name in ("nuts", "countries.csv"):
            (data / name).symlink_to(room("data") / name)
        (data / "sets.csv").write_text(REGISTRY, encoding="utf-8")
        (data / "sources.csv").write_text(SOURCES, encoding="utf-8")
        for name, content in files.items():
            path = data / "small" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return data

    return _make


def reasons(loaded: Loaded) -> list[str]:
    return [str(rejection) for rejection in loaded.readings["small"].rejected]


def test_a_good_row_is_loaded_with_the_origin_of_each_triple(make: Make) -> None:
    data = make({"initiatives.csv": HEAD + "mine,Mine,en,,2020-05,https://example.org/p\n"})
    loaded = load(data)
    assert not reasons(loaded)
    date = next(t for t in loaded.triples["small"] if t[1] == "<https://schema.org/startDate>")
    assert date[2] == '"2020-05"^^<http://www.w3.org/2001/XMLSchema#gYearMonth>'
    (origin,) = loaded.origins[date]
    assert (origin.file, origin.row, origin.column, origin.raw) == (
        "small/initiatives.csv", 2, "start_date", "2020-05",
    )  # fmt: skip
    about = {t[1].rpartition("/")[2] for t in loaded.triples["small-records"]}
    assert "prov#wasDerivedFrom>" in about


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("mine,Mine,en,,17.05.2020,https://example.org/p", "row 2, column start_date: '17.05.2020' is not a date"),
        ("mine,,en,,,https://example.org/p", "row 2, column title: The column 'title' must be filled."),
        ("Mine!,Mine,en,,,https://example.org/p", "'Mine!'"),
        ("mine,Mine,en,no-such-kind,,https://example.org/p", "There is no initiative-kind 'no-such-kind'"),
        ("mine,Mine,en,,,https://example.org/other", "is not in data/sources.csv"),
        ("mine,Mine,english,,,https://example.org/p", "'english'"),
    ],
)
def test_a_row_at_fault_is_rejected_with_place_and_reason(make: Make, row: str, reason: str) -> None:
    loaded = load(make({"initiatives.csv": f"{HEAD}{row}\ngood,Good,,,,https://example.org/p\n"}))
    (found,) = reasons(loaded)
    assert found.startswith("small/initiatives.csv, row 2")
    assert reason in found
    assert loaded.readings["small"].rows == {"small/initiatives.csv": (2, 1)}
    assert not any("id/initiative/mine" in t[0] for t in loaded.triples["small"]), "nothing of a rejected row is stated"


def test_the_same_key_twice_is_rejected_and_names_the_other_row(make: Make) -> None:
    row = "mine,Mine,en,,,https://example.org/p\n"
    (found,) = reasons(load(make({"initiatives.csv": HEAD + row + row})))
    assert "row 3" in found
    assert "row 2" in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("initiatives.csv", "id,titel,source\n", "no column of 'initiatives' is called 'titel'"),
        ("initiatives.csv", "id,source\n", "'title' is missing"),
        ("initiatives.csv", "", "is empty"),
        ("initiatives.csv", "id,title,title,source\n", "twice"),
        ("initiatives.csv", HEAD + "mine,Mine\n", "row 2: 2 cells under 6 columns"),
        ("initiatives.csv", HEAD.encode() + b"mine,M\xe4rz,,,,x\n", "is not UTF-8"),
        ("initiatives.csv", HEAD + 'mine,"Mine,en,,,https://example.org/p\n', "no well-formed CSV"),
        ("initiatives.csv", HEAD.encode() + b"mine,Mi\0ne,,,,x\n", "small/initiatives.csv"),
        ("surprise.csv", HEAD, "no table of a data set"),
    ],
)
def test_a_broken_file_is_one_clear_error(make: Make, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(LoadError, match=r".+") as error:
        load(make({name: content}))
    assert message in str(error.value)


LINKED = "id,title,initiatives,place,source\nrepair,Repair,mine,{},https://example.org/p\n"


def test_a_text_that_nobody_has_looked_at_is_rejected(make: Make) -> None:
    initiatives = HEAD + "mine,Mine,en,,,https://example.org/p\n"
    (found,) = reasons(load(make({"initiatives.csv": initiatives, "practices.csv": LINKED.format("Lahti")})))
    assert "Nobody has said what 'Lahti' means" in found


def test_a_text_leads_to_things_or_is_kept_with_its_reason(make: Make) -> None:
    files: dict[str, str | bytes] = {
        "initiatives.csv": HEAD + "mine,Mine,en,,,https://example.org/p\n",
        "practices.csv": LINKED.format("Lahti; Atlantis"),
        "links/places.csv": "table,column,text,key,target_type,target,basis,evidence\n"
        "practices,place,Lahti,,nuts,FI1C7,ours,Its region.\n",
        "unresolved/places.csv": "table,column,text,key,reason\npractices,place,Atlantis,,No map shows it.\n",
    }
    loaded = load(make(files))
    assert not reasons(loaded)
    tally = loaded.readings["small"].tallies["practices", "place"]
    assert (tally.cells, tally.linked, tally.as_text, tally.items, tally.links) == (1, 1, 0, 2, 1)
    assert any(t[2] == "<http://data.europa.eu/nuts/code/FI1C7>" for t in loaded.triples["small"])
    assert any("Atlantis (No map shows it.)" in t[2] for t in loaded.triples["small-records"])


def test_a_link_for_a_text_that_no_cell_holds_is_told(make: Make) -> None:
    files: dict[str, str | bytes] = {
        "unresolved/places.csv": "table,column,text,key,reason\npractices,place,Atlantis,,No map shows it.\n"
    }
    assert [row["text"] for row in load(make(files)).unused_links] == ["Atlantis"]


def test_a_code_that_nearly_stayed_keeps_its_code_and_gains_the_new_one(make: Make) -> None:
    head = "id,label,kind,nuts_code,nuts_version,source\n"
    data = make({"territories.csv": head + "lahti,Lahti,city,FI1C3,2021,https://example.org/p\n"})
    triples = {t[1:] for t in load(data).triples["small"]}
    assert ("<https://w3id.org/circkg/def#locatedIn>", "<http://data.europa.eu/nuts/code/FI1C3>") in triples
    assert any(p == "<https://w3id.org/circkg/def#regionIn2024>" for p, _ in triples)


def test_a_code_that_is_the_same_unit_is_rewritten(make: Make) -> None:
    head = "id,label,kind,nuts_code,nuts_version,source\n"
    data = make({"territories.csv": head + "delft,Delft,city,NL332,2021,https://example.org/p\n"})
    triples = {t[1:] for t in load(data).triples["small"]}
    assert ("<https://w3id.org/circkg/def#locatedIn>", "<http://data.europa.eu/nuts/code/NL361>") in triples


def test_a_withdrawn_iri_is_never_used_again(make: Make) -> None:
    data = make({"initiatives.csv": HEAD + "mine,Mine,en,,,https://example.org/p\n"})
    withdrawn = "https://w3id.org/circkg/id/initiative/mine"
    (data / "retired.csv").write_text(f"iri,replaced_by,reason\n{withdrawn},,Never was.\n", encoding="utf-8")
    with pytest.raises(LoadError, match="never used again"):
        load(data)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sets.csv", "", "sets.csv lacks the column slug"),
        ("sets.csv", REGISTRY.splitlines()[0] + "\n", "lists no data set"),
        ("sets.csv", REGISTRY.replace(",stated,", ",state,"), "the role 'state' is none of stated, inferred"),
        ("sets.csv", REGISTRY + "other\n", "sets.csv, row 4: 1 cells under 11 columns"),
        ("sets.csv", REGISTRY.replace("2026-01-31", "31/01/2026"), "row 2: issued is '31/01/2026'. Write the day as"),
        (
            "sets.csv",
            REGISTRY.replace(",small; set,", ",,"),
            "row 2: a cell is empty. Only those of temporal and rights may be",
        ),
        ("sets.csv", REGISTRY.replace("2025-01-01/..", "2025"), "row 2: temporal is '2025'. Write 2021-01-01/2023"),
        ("sources.csv", "", "sources.csv lacks the column id"),
        ("sources.csv", SOURCES + "other\n", "sources.csv, row 3: 1 cells under 8 columns"),
        (
            "sources.csv",
            SOURCES.replace("https://", ""),
            "sources.csv, row 2: 'example.org/p' is not a full web address",
        ),
        (
            "sources.csv",
            SOURCES.replace("/p,,,", "/p,,english,"),
            "sources.csv, row 2: 'english' is not a language tag",
        ),
        ("sources.csv", SOURCES.replace("web-page", "Web page"), "'Web page' is no kind of source"),
        ("retired.csv", "iri;replaced_by;reason\nhttps://example.org/a;;b\n", "retired.csv lacks the column iri"),
        ("retired.csv", "iri,replaced_by,reason\nhttps://example.org/a\n", "retired.csv, row 2: 1 cells"),
        ("countries.csv", b"iso2,nuts,iso3,iri,name_en,name_local,name_latin\nAT,AT,AUT,x,\xd6,a,a\n", "is not UTF-8"),
        (
            "countries.csv",
            'iso2,nuts,iso3,iri,name_en,name_local,name_latin\n"AT',
            "countries.csv is no well-formed CSV",
        ),
        ("countries.csv", None, "countries.csv is missing"),
        ("small/initiatives.csv", None, "small holds no row"),
    ],
)
def test_a_broken_register_is_one_clear_error(make: Make, name: str, content: str | bytes | None, message: str) -> None:
    data = make({"initiatives.csv": HEAD + "mine,Mine,en,,,https://example.org/p\n"})
    (data / name).unlink(missing_ok=True)
    if content is not None:
        (data / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LoadError, match=r".+") as error:
        load(data)
    assert message in str(error.value)
