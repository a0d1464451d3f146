"""The register of sources: ids are reproducible, and every source that a table cites is registered."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from circkg_loaders.iris import is_slug
from circkg_loaders.source_documents import SourceError, read_sources
from circkg_loaders.sources import COLUMNS, WEB_PAGE, address_id, cited, register, unused, write

DATA = Path(__file__).parents[1] / "data"
HEADER = ",".join(COLUMNS)
SEED = f"seed-x,,A title,pt,document,ceci,{'0' * 64},A note."


def a_data_room(tmp_path: Path, sources: str, *rows: str) -> Path:
    data = tmp_path / "data"
    (data / "some-set").mkdir(parents=True)
    (data / "sources.csv").write_text(f"{HEADER}\n{sources}\n" if sources else f"{HEADER}\n", encoding="utf-8")
    table = "\n".join(["subject,subject_type,name,lang,source,note", *rows])
    (data / "some-set" / "names.csv").write_text(table + "\n", encoding="utf-8")
    return data


def test_the_repository_registers_every_source_cell() -> None:
    known = read_sources(DATA)
    names = {source.id for source in known} | {source.url for source in known}
    assert [text for text in cited(DATA) if text not in names] == []
    assert register(DATA) == []


def test_the_repository_registers_no_page_that_nothing_cites() -> None:
    assert unused(DATA) == []


def test_ids_are_unique_slugs_and_follow_from_the_address() -> None:
    known = read_sources(DATA)
    assert len({source.id for source in known}) == len(known)
    assert all(is_slug(source.id) for source in known)
    assert [s.url for s in known if s.kind == WEB_PAGE and s.id != address_id(s.url)] == []


def test_an_id_is_the_host_and_the_start_of_the_hash() -> None:
    url = "https://www.urbact.eu./articles?a=1"
    assert address_id(url) == f"urbact-eu-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def test_two_pages_of_one_site_have_two_ids() -> None:
    assert address_id("https://example.org/a") != address_id("https://example.org/b")


def test_a_host_beyond_ascii_still_makes_a_slug() -> None:
    assert is_slug(address_id("https://bücher.example/seite"))


@pytest.mark.parametrize(
    "text", ["seed-unknown", "ftp://example.org/a", "example.org/a", "http://[x", "https:///a", "http://a..b/"]
)
def test_what_is_no_web_address_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(SourceError, match="is no web address"):
        address_id(text)


def test_missing_rows_are_found_once_and_in_order(tmp_path: Path) -> None:
    row = "a,organisation,A,,https://example.org/b; https://example.org/a; seed-x,"
    data = a_data_room(tmp_path, SEED, row, row.replace("a,org", "b,org", 1))
    missing = register(data)
    assert [source.id for source in missing] == sorted(source.id for source in missing)
    assert {source.url for source in missing} == {"https://example.org/a", "https://example.org/b"}
    assert {source.kind for source in missing} == {WEB_PAGE}


def test_an_id_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    data = a_data_room(tmp_path, SEED, "a,organisation,A,,seed-y,")
    with pytest.raises(SourceError, match="seed-y"):
        register(data)


def test_writing_twice_changes_nothing_and_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    page = f"{address_id('https://example.org/z')},https://example.org/z,A page,fi,web-page,,,Seen."
    data = a_data_room(tmp_path, f"{page}\n{SEED}", "a,organisation,A,,https://example.org/z;https://example.org/a,")
    assert write(data) == 1
    first = (data / "sources.csv").read_bytes()
    assert write(data, prune=True) == 0
    assert (data / "sources.csv").read_bytes() == first
    sources = read_sources(data)
    assert [source.kind for source in sources] == ["document", WEB_PAGE, WEB_PAGE]
    by_hand = next(source for source in sources if source.url == "https://example.org/z")
    assert (by_hand.title, by_hand.language, by_hand.note) == ("A page", "fi", "Seen.")


def test_only_pruning_drops_pages_that_nothing_cites(tmp_path: Path) -> None:
    url = "https://example.org/old"
    data = a_data_room(tmp_path, f"{SEED}\n{address_id(url)},{url},,,web-page,,,")
    write(data)
    assert [source.url for source in unused(data)] == [url]
    write(data, prune=True)
    assert [source.id for source in read_sources(data)] == ["seed-x"]


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    data = a_data_room(tmp_path, SEED)
    (data / "some-set" / "names.csv").write_bytes(b"source\n\xff\n")
    with pytest.raises(SourceError, match=r"some-set/names\.csv"):
        register(data)


def test_folders_that_hold_no_tables_are_passed_over(tmp_path: Path) -> None:
    data = a_data_room(tmp_path, SEED)
    (data / "nuts").mkdir()
    (data / "nuts" / "regions-2024.csv").write_text("code,source\nFI,x\n", encoding="utf-8")
    assert list(cited(data)) == []
