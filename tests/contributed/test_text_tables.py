"""Text tables: encodings, delimiters, quotation marks, header rows and ragged rows of real lists."""

from __future__ import annotations

import codecs

import pytest
from tests.contributed.conftest import Reading, codes

from circkg_loaders.contributed.decoding import decode
from circkg_loaders.contributed.delimited import read_delimited
from circkg_loaders.contributed.reading import ContributionError, Style
from circkg_loaders.contributed.sheets import shown

TEXTS = {
    "pl": ("Tytuł projektu;Wartość;Częstochowa żółć", "windows-1250"),
    "cs": ("Název projektu;Příjemce;Žďár nad Sázavou;řeka", "windows-1250"),
    "hu": ("Kedvezményezett;Időpont;műszaki fejlesztés", "windows-1250"),
    "sl": ("Številka;čas;življenje", "windows-1250"),
    "hr": ("Općina Đakovo;škola", "windows-1250"),
    "fi": ("Päättymispäivä;Öljy ja ääni", "windows-1252"),
    "pt": ("Título;Descrição;Início;Região Lisboa não", "windows-1252"),
    "fr": ("Bénéficiaire;Date de début;été;français", "windows-1252"),
    "es": ("Título;Año;Descripción;España", "windows-1252"),
    "da": ("Modtager;Årsag;København", "windows-1252"),
    "de": ("Größe;Fläche;“Übung”;5 €", "windows-1252"),
    "en": ("Café;£500", "windows-1252"),
    "el": ("Τίτλος;Περιγραφή", "iso-8859-7"),
    "el-capitals": ("ΤΙΤΛΟΣ;ΠΕΡΙΓΡΑΦΗ ΠΡΑΞΗΣ", "iso-8859-7"),
    "el-windows": ("Τίτλος;Άλλη ένδειξη; 5 €", "windows-1253"),
    "bg": ("Заглавие;Описание на проекта", "windows-1251"),
    "lt": ("Pavadinimas;Šalis;Žaliasis kursas; įmonė", "windows-1257"),
}


@pytest.mark.parametrize("language", TEXTS)
def test_the_letters_of_a_language_tell_the_encoding(language: str) -> None:
    text, encoding = TEXTS[language]
    decoded = decode(text.encode(encoding), "a.csv")
    assert (decoded.text, decoded.encoding) == (text, encoding)
    assert not decoded.sure


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Žluť".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "Žluť".encode(), "utf-8"),
        ("Žluť".encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "Žluť".encode("utf-16-be"), "utf-16-be"),
        ("Title;Žluť and more".encode("utf-16-le"), "utf-16-le"),
        ("Title;Žluť and more".encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_unicode_is_known_for_sure(content: bytes, encoding: str) -> None:
    decoded = decode(content, "a.csv")
    assert (decoded.encoding, decoded.sure) == (encoding, True)
    assert "Žluť" in decoded.text
    assert "\ufeff" not in decoded.text


def test_an_encoding_that_letters_tell_is_shown_and_one_with_rivals_is_a_warning(read_text: Reading) -> None:
    polish = read_text("Title;Country\nZiemia żółta ćma ść;PL\n".encode("windows-1250"))
    assert polish.style is not None
    assert polish.style.encoding == "windows-1250"
    assert codes(polish)[:1] == ["encoding-by-letters"]
    few = read_text("Title;Country\nCittà;IT\n".encode("windows-1252"))
    (guessed,) = [fault for fault in few.faults if fault.code == "encoding-guessed"]
    assert "windows-1250" in guessed.values["others"]
    declared = read_text("Title;Country\nCittà;IT\n".encode("windows-1252"), style=Style(encoding="windows-1252"))
    assert "encoding-guessed" not in codes(declared)


@pytest.mark.parametrize(
    ("content", "style", "says"),
    [
        ("Título;ä\n".encode() * 20 + b"Caf\xe9 x\n", Style(), "line 21: the byte 0xe9"),
        (b"Title\nCaf\xe9\n", Style(encoding="utf-8"), "line 2: the byte 0xe9 after 'Caf' is not utf-8"),
        (b"Title\nCaf\xe9\n", Style(encoding="klingon"), "Known: utf-8"),
        (b"Title\nCaf\xe9\n", Style(encoding="base64"), "Known: utf-8"),
        (b"Title\na\x00b\n" + b"x" * 100, Style(), "line 2: the file holds NUL"),
        (codecs.BOM_UTF16_LE + b"a", Style(), "is not utf-16-le"),
    ],
)
def test_what_is_not_in_its_encoding_is_refused_at_its_line(content: bytes, style: Style, says: str) -> None:
    with pytest.raises(ContributionError) as error:
        read_delimited(content, "a.csv", style)
    assert says in str(error.value)
    assert str(error.value).startswith("a.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, read_text: Reading) -> None:
    rows = [["Title", "Country", "Description"], ["Toy library", "FI", "one, two; three"], ["Café", "PT", "x"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    found = read_text(text)
    assert found.style is not None
    assert found.style.delimiter == delimiter
    assert found.rows == {"in": 2, "loaded": 2, "rejected": 0}


def test_a_delimiter_at_the_end_of_each_line_is_not_taken_for_the_delimiter() -> None:
    book = read_delimited(b"a,b,c;\n1,2,3;\n4,5,6;\n", "a.csv", Style())
    assert book.style.delimiter == ","


def test_the_first_line_may_announce_the_delimiter(read_text: Reading) -> None:
    found = read_text("sep=|\nTitle|Country\nToy, library|FI\n")
    assert found.style is not None
    assert found.style.delimiter == "|"
    assert found.sheets[0].header_rows == (2,)


def test_declared_style_wins(read_text: Reading) -> None:
    found = read_text("Title;Country\nA, b;FI\n", style=Style(delimiter=","))
    assert found.style is not None
    assert found.style.delimiter == ","
    assert codes(found) == ["header-missing"]


def test_rows_count_as_in_a_spreadsheet_whatever_lines_their_cells_hold(read_text: Reading) -> None:
    found = read_text('"Title\n(en)",Country\n"Toy\nlibrary",FI\n\nRepair café,Atlantis\n')
    (fault,) = found.faults
    assert (fault.code, fault.place.cell, fault.place.raw) == ("country-unknown", "B4", "Atlantis")
    assert found.sheets[0].columns[0].language == "en"


def test_a_quotation_mark_that_is_not_closed_is_told(read_text: Reading) -> None:
    found = read_text('Title,Country\n"Toy library,FI\nRepair café,PT\n')
    fault = next(fault for fault in found.faults if fault.code == "quote-not-closed")
    assert fault.place.row == 2


def test_quotation_marks_within_a_text_are_told_with_their_row(read_text: Reading) -> None:
    found = read_text('Title,Country,Description\n"Toy" library,FI,"a, b"\nRepair café,PT,x\n')
    assert [fault.place.row for fault in found.faults if fault.code == "quote-inside"] == [2]
    assert found.rows["loaded"] == 2


def test_quotation_marks_of_tab_separated_texts_are_signs_like_others() -> None:
    book = read_delimited(b'Name\tCountry\n"Zora" EOOD\tBG\n', "a.tsv", Style())
    assert book.style.quote == ""
    assert shown(book.sheets[0].cell(2, 1)) == '"Zora" EOOD'


def test_a_row_that_fell_into_more_cells_is_told(read_text: Reading) -> None:
    found = read_text("Title,Country\n" + "".join(f"Practice {n},FI\n" for n in range(8)) + "Toys, games,FI,x\n")
    (fault,) = [fault for fault in found.faults if fault.code == "row-too-long"]
    assert fault.place.row == 10
    assert "header-empty" not in codes(found)


def test_a_column_without_header_is_told_once(read_text: Reading) -> None:
    found = read_text("Title,Country,\n" + "".join(f"Practice {n},FI,x\n" for n in range(8)))
    assert codes(found) == ["header-empty"]
    assert found.faults[0].place.cell == "C1"


def test_short_rows_are_filled_up(read_text: Reading) -> None:
    found = read_text("Title,Country,Description\nA practice\nAnother,FI\n")
    assert codes(found) == []
    assert found.rows["loaded"] == 2
