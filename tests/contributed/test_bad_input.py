"""Files that would harm, or are not what they say: refused by name, with a way out, and nothing is left behind."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.contributed.conftest import Reading, codes, ods, with_parts, workbook

from circkg_loaders.contributed import delimited, json_tables, limits, packages, rdf
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import ContributionError, Options, read, read_bytes

BOOK = workbook({"Practices": [["Title", "Country"], ["Toy library", "FI"]]})
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "lol">]>'
SST = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
TABLE = '<table:table table:name="P">{}</table:table>'
REPEATED = ' table:number-columns-repeated="9999"'
CELL = '<table:table-cell office:value-type="string"{}><text:p>x</text:p></table:table-cell>'


def replaced(name: str, old: bytes, new: bytes) -> bytes:
    """Return the workbook with a part changed."""
    with zipfile.ZipFile(io.BytesIO(BOOK)) as archive:
        assert old in archive.read(name)
    return with_parts(BOOK, lambda part, text: text.replace(old, new, 1) if part == name else text)


def sheet(rows: str) -> bytes:
    """Return a workbook whose sheet has the given rows."""
    text = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )
    return with_parts(BOOK, lambda part, old: text.encode() if part.endswith("sheet1.xml") else old)


def shared(strings: str, rows: str) -> bytes:
    """Return a workbook whose cells point at strings that they share."""
    file = io.BytesIO(sheet(rows))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(
            "xl/sharedStrings.xml",
            f"{strings}</sst>" if strings.startswith("<!") else f"{SST}{strings}</sst>",
        )
    return file.getvalue()


def bomb(size: int) -> bytes:
    """Return a workbook with a part of blanks, which are packed a thousand times smaller."""
    return replaced("xl/styles.xml", b"<styleSheet", b" " * size + b"<styleSheet")


def lying() -> bytes:
    """Return a workbook whose directory says that a large part is small, checksum included."""
    content = bytearray(bomb(5_000_000))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entry = archive.getinfo("xl/styles.xml")
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.find(signature)
        while at >= 0:
            if struct.unpack_from("<I", content, at + offset)[0] == entry.file_size:
                struct.pack_into("<I", content, at + offset, 1_000)
            at = content.find(signature, at + 4)
    return bytes(content)


WORKBOOKS = {
    "no archive": (b"PK\x03\x04 and no more", "no whole workbook"),
    "text": (b"Title,Country\n", "no whole workbook"),
    "empty": (b"", "no whole workbook"),
    "cut off": (BOOK[: len(BOOK) // 2], "no whole workbook"),
    "damaged": (BOOK[:800] + b"\xff" * 200 + BOOK[1000:], "Open it in a spreadsheet program"),
    "protected or old": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "without a password"),
    "another archive": (with_parts(BOOK, lambda *_: b"<a/>"), "no whole workbook"),
    "entity in a sheet": (
        replaced("xl/worksheets/sheet1.xml", b"<worksheet", DOCTYPE + b"<worksheet"),
        "document type",
    ),
    "entity in strings": (shared(DOCTYPE.decode() + SST + "<si><t>&a;</t></si>", ""), "document type"),
    "entity elsewhere": (replaced("xl/styles.xml", b"<styleSheet", DOCTYPE + b"<styleSheet"), "document type"),
    "no XML": (replaced("xl/worksheets/sheet1.xml", b"</sheetData>", b""), "no well-formed XML"),
    "bomb": (bomb(3_000_000), "packed more than 200 times"),
    "bomb that lies": (lying(), "."),
    "far row": (sheet('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), "row 1,048,576"),
    "far column": (sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'), "column 16,384"),
    "huge row": (sheet('<row r="99999999999"><c><v>1</v></c></row>'), "row 99,999,999,999"),
    "wide and long": (
        sheet('<row r="1"><c r="AAA1"><v>1</v></c></row><row r="150000"><c r="A150000"><v>1</v></c></row>'),
        "5,000,000 cells",
    ),
    "no such cell": (sheet('<row r="1"><c r="?1"><v>1</v></c></row>'), "which there is not"),
    "row that is no number": (sheet('<row r="x"><c><v>1</v></c></row>'), "no whole workbook"),
}


@pytest.mark.parametrize("case", WORKBOOKS)
def test_a_workbook_that_is_none_or_would_harm_is_refused(case: str, known: Known) -> None:
    content, says = WORKBOOKS[case]
    with pytest.raises(ContributionError) as error:
        read_bytes(content, "a.xlsx", Options(form="practice", known=known))
    assert str(error.value).startswith("a.xlsx")
    assert says in str(error.value)


ODS = {
    "far row": (f'<table:table-row table:number-rows-repeated="900000"/><table:table-row>{CELL.format("")}'
                "</table:table-row>", "row 900,001"),
    "repeated rows": (f'<table:table-row table:number-rows-repeated="9000000">{CELL.format("")}</table:table-row>',
                      "row 9,000,000"),
    "repeated cells": (f"<table:table-row>{CELL.format(REPEATED)}</table:table-row>",
                       "column 9,999"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODS)
def test_repetitions_of_ods_are_counted_before_they_are_made(case: str, known: Known) -> None:
    rows, says = ODS[case]
    with pytest.raises(ContributionError, match=says):
        read_bytes(ods(TABLE.format(rows)), "a.ods", Options(form="practice", known=known))


def test_strings_that_cells_share_are_read(known: Known) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>'
    content = shared("<si><t>Title</t></si><si><r><t>Toy</t></r><r><t>s</t></r></si>", rows)
    found = read_bytes(content, "a.xlsx", Options(form="practice", language="en", known=known))
    assert '"Toys"@en' in {value for _, _, value in found.triples}


def test_one_text_that_many_cells_share_is_counted_for_each(monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    monkeypatch.setattr(packages, "MAX_TEXT", 50_000)
    rows = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 60))
    with pytest.raises(ContributionError, match="characters"):
        read_bytes(shared(f"<si><t>{'x' * 1_000}</t></si>", rows), "a.xlsx", Options(form="practice", known=known))


def test_empty_rows_and_formats_without_values_cost_nothing(known: Known) -> None:
    styled = "".join(f'<row r="{row}"><c r="XFD{row}" s="1"/></row>' for row in range(3, 20_000))
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>Title</t></is></c></row>'
    rows += '<row r="2"><c r="A2" t="inlineStr"><is><t>Toy library</t></is></c></row>'
    found = read_bytes(sheet(rows + styled), "a.xlsx", Options(form="practice", language="en", known=known))
    assert found.rows == {"in": 1, "loaded": 1, "rejected": 0}


def test_too_many_parts_and_too_much_in_all_are_refused(monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    monkeypatch.setattr(packages, "MAX_PARTS", 3)
    with pytest.raises(ContributionError, match="3 are read"):
        read_bytes(BOOK, "a.xlsx", Options(known=known))
    monkeypatch.setattr(packages, "MAX_PARTS", 100)
    monkeypatch.setattr(packages, "MAX_UNPACKED", 1_000)
    with pytest.raises(ContributionError, match="Contribute it in parts"):
        read_bytes(BOOK, "a.xlsx", Options(known=known))


JSON = {
    "deep": ("[" * 50_000, "nested more than"),
    "twice": ('[{"title": "a", "title": "b"}]', "the member 'title' twice"),
    "no number": ('[{"title": NaN}]', "NaN is no JSON"),
    "long number": ('[{"title": ' + "9" * 5_000 + "}]", "a.json"),
    "cut off": ('[{"title": "a"', "line 1"),
    "no objects": ("[1, 2]", "no array of objects"),
    "a text": ('"a"', "no array of objects"),
    "half a character": (r'[{"title": "a\ud800"}]', r"\ud800 is half a character"),
    "NUL": ('[{"title": "a\x00"}]', "NUL"),
    "not UTF-8": (b'[{"title": "' + "ä".encode() * 9 + b'\xe9 "}]', "0xe9"),
    "remote context": ('{"@context": "https://schema.org/", "name": "n"}', "Put the context itself"),
    "metadata": ('{"@context": "http://www.w3.org/ns/csvw", "url": "a.csv"}', "together with the table"),
}


@pytest.mark.parametrize("case", JSON)
def test_json_that_is_none_or_would_harm_is_refused(case: str, known: Known) -> None:
    text, says = JSON[case]
    with pytest.raises(ContributionError) as error:
        read_bytes(text if isinstance(text, bytes) else text.encode(), "a.json", Options(form="practice", known=known))
    assert str(error.value).startswith("a.json")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n , ,\n", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"Title\n" + b"a\x00" * 10 + b"\nabc" * 50, "NUL"),
        (BOOK, "NUL"),
        ("Title," * 2_000, "Declare the delimiter"),
        ("Title\n" + '"' + "x" * 200_000, "not closed"),
    ],
)
def test_a_text_table_that_is_none_is_refused(content: bytes | str, says: str, read_text: Reading) -> None:
    with pytest.raises(ContributionError) as error:
        read_text(content)
    assert says in str(error.value)
    assert str(error.value).startswith("a.csv")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch, read_text: Reading) -> None:
    monkeypatch.setattr(delimited, "MAX_ROWS", 10)
    with pytest.raises(ContributionError, match=r"10 rows\. Contribute it in parts"):
        read_text("Title\n" + "a\n" * 11)
    monkeypatch.setattr(json_tables, "MAX_ROWS", 10)
    with pytest.raises(ContributionError, match=r"10 objects\. Contribute it in parts"):
        read_text(json.dumps([{"title": "a"}] * 11), "a.json")


def test_a_cell_that_is_too_long_or_holds_too_many_values_is_a_fault(read_text: Reading) -> None:
    long = "x" * (limits.MAX_CELL + 1)
    many = ";".join(f"theme {number}" for number in range(limits.MAX_VALUES + 1))
    found = read_text(f"Title,Description,Themes\nA,{long},{many}\n")
    assert codes(found) == ["cell-too-long", "too-many-values"]
    assert [fault.place.cell for fault in found.faults] == ["B2", "C2"]
    assert all(len(fault.values["value"]) <= 80 for fault in found.faults)


def test_faults_of_one_kind_are_kept_up_to_a_number_and_counted_beyond(
    monkeypatch: pytest.MonkeyPatch, read_text: Reading
) -> None:
    from circkg_loaders.contributed import tables

    monkeypatch.setattr(tables, "MAX_KEPT", 5)
    found = read_text("Title,Country\n" + "".join(f"Practice {n},Atlantis\n" for n in range(12)))
    assert codes(found).count("country-unknown") == 5
    more = next(fault for fault in found.faults if fault.code == "more-of-the-same")
    assert (more.values["code"], more.values["count"]) == ("country-unknown", "7")


@pytest.mark.parametrize("name", ["a.exe", "a", "a.", ".csv"])
def test_a_file_of_another_kind_is_refused_with_what_is_known(name: str) -> None:
    with pytest.raises(ContributionError, match=r"Known: \.csv"):
        read_bytes(b"x", name)


@pytest.mark.parametrize(("name", "instead"), [("a.xls", "xlsx"), ("a.PDF", "xlsx"), ("a.fods", "ods")])
def test_a_file_that_can_be_saved_as_one_that_is_read_is_refused_with_that_kind(name: str, instead: str) -> None:
    with pytest.raises(ContributionError, match=rf"Save it as \.{instead}"):
        read_bytes(b"x", name)


def test_a_workbook_without_a_sheet_of_cells_is_refused(known: Known) -> None:
    content = ods("")
    with pytest.raises(ContributionError, match="no sheet of cells"):
        read_bytes(content, "a.ods", Options(known=known))


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ContributionError, match="cannot be read"):
        read(tmp_path / "a.csv")
    monkeypatch.setattr(rdf, "MAX_BYTES", 10)
    (tmp_path / "a.csv").write_text("Title,Country\n")
    with pytest.raises(ContributionError, match="Contribute it in parts"):
        read(tmp_path / "a.csv")


def test_formulas_stay_texts(read_text: Reading) -> None:
    found = read_text('Title,Country\n"=HYPERLINK(""http://example.org"")",=1+1\n')
    assert codes(found) == ["country-unknown"]
    assert found.faults[0].place.raw == "=1+1"


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("Themes", "https://example.org/<x>", "iri-form"),
        ("Source", "https://example.org/a\\b", "address-form"),
        ("Source", "see above", "source-unknown"),
        ("Source", "https://___/", "address-form"),
        ("Identified by", "urn:x:{y}", "iri-form"),
    ],
)
def test_an_iri_that_is_none_is_a_fault_at_its_cell(column: str, text: str, code: str, read_text: Reading) -> None:
    found = read_text(f"Title,{column}\nA,{text}\n")
    assert [(fault.code, fault.place.cell, fault.place.raw) for fault in found.faults] == [(code, "B2", text)]


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    read_bytes(BOOK, "a.xlsx", Options(language="en", known=known))
    for content, _ in WORKBOOKS.values():
        with pytest.raises(ContributionError):
            read_bytes(content, "a.xlsx", Options(form="practice", known=known))
    assert list(tmp_path.iterdir()) == []


def test_a_panic_of_the_library_is_told_as_a_fault_of_the_file(monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    from circkg_loaders.contributed import workbooks

    class PanicException(BaseException):
        pass

    class Broken:
        @staticmethod
        def from_filelike(_: Any) -> None:
            raise PanicException("index out of bounds")

    monkeypatch.setattr(workbooks, "CalamineWorkbook", Broken)
    with pytest.raises(ContributionError, match="no whole workbook"):
        read_bytes(BOOK, "a.xlsx", Options(known=known))
