"""What a cell means: dates, numbers, labels in any language, places, links, sources; and what it cannot mean."""

from __future__ import annotations

from itertools import product

import pytest
from tests.contributed.conftest import Reading, codes

from circkg_loaders.contributed.notations import Notation, date_readings, number_readings
from circkg_loaders.contributed.reading import Contribution, Style
from circkg_loaders.prefixes import expand, shorten
from circkg_shapes.terms import iri, iri_text, is_iri, literal_parts

THEME = "circv:theme/agriculture"


def said(found: Contribution, name: str) -> set[str]:
    """Return the values of a property: short IRIs, and lexical forms."""
    values = {value for _, predicate, value in found.triples if predicate == iri(expand(name))}
    return {shorten(iri_text(value)) if is_iri(value) else literal_parts(value)[0] for value in values}


def of_cell(read_text: Reading, column: str, text: str, **options: object) -> Contribution:
    return read_text(f'Title\t{column}\nA practice\t"{text}"\n', "a.tsv", **options)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2022", "2022"), ("2022-05", "2022-05"), ("2022-05-13", "2022-05-13"), ("2022-5-3", "2022-05-03"),
        ("20220513", "2022-05-13"), ("2022/05/13", "2022-05-13"), ("2022.05.13.", "2022-05-13"), ("5/2022", "2022-05"),
        ("13.05.2022", "2022-05-13"), ("1. 3. 2022", "2022-03-01"), ("05.06.2022", "2022-06-05"),
        ("13/05/2022", "2022-05-13"), ("05/13/2022", "2022-05-13"), ("2022-05-13T00:00:00Z", "2022-05-13"),
        ("2022-05-13 10:30", "2022-05-13"), ("May 2022", "2022-05"), ("13 May 2022", "2022-05-13"),
        ("May 13, 2022", "2022-05-13"), ("13. toukokuuta 2022", "2022-05-13"), ("13 de maio de 2022", "2022-05-13"),
        ("mai 2022", "2022-05"), ("29.02.2024", "2024-02-29"), ("3 kwietnia 2021", "2021-04-03"),
        ("12. září 2020", "2020-09-12"), ("marzec 2021", "2021-03"), ("2 Οκτωβρίου 2020", "2020-10-02"),
    ],
)  # fmt: skip
def test_a_date_of_any_precision_and_order_is_read(text: str, date: str, read_text: Reading) -> None:
    found = of_cell(read_text, "Start", text)
    assert said(found, "schema:startDate") == {date}
    assert codes(found) == []


@pytest.mark.parametrize(
    ("text", "code", "suggestions"),
    [
        ("05/06/2022", "date-ambiguous", ["2022-06-05", "2022-05-06"]),
        ("05-06-2022", "date-ambiguous", ["2022-06-05", "2022-05-06"]),
        ("31.02.2022", "date-not-in-calendar", []),
        ("30/02/2022", "date-not-in-calendar", []),
        ("2022-13-01", "date-not-in-calendar", []),
        ("13.05.1822", "date-out-of-range", []),
        ("13.05.22", "date-short-year", []),
        ("2014-2020", "date-span", []),
        ("1.1.2014 - 31.12.2020", "date-span", []),
        ("listopad 2022", "value-not-a-date", []),
        ("soon", "value-not-a-date", []),
        ("2022?", "value-not-a-date", []),
        ("44694", "value-not-a-date", []),
        ("٢٠٢٢", "value-not-a-date", []),
    ],
)
def test_what_is_no_date_or_not_one_is_told(text: str, code: str, suggestions: list[str], read_text: Reading) -> None:
    found = of_cell(read_text, "Start", text)
    (fault,) = found.faults
    assert (fault.code, fault.place.cell, fault.values["value"]) == (code, "B2", text)
    assert [each.text for each in fault.suggestions] == suggestions
    assert found.spoiled == {(found.triples[0][0], iri(expand("schema:startDate")))}


def test_the_column_as_a_whole_proves_the_order_of_its_dates(read_text: Reading) -> None:
    rows = "A,05/06/2022,01/02/2022\nB,13/06/2022,03/14/2022\nC,,05/13/2022\n"
    found = read_text(f"Title,Start,End\n{rows}")
    assert said(found, "schema:startDate") == {"2022-06-05", "2022-06-13"}
    assert said(found, "schema:endDate") == {"2022-01-02", "2022-03-14", "2022-05-13"}
    assert codes(found) == []


def test_a_column_of_both_orders_reads_only_what_each_cell_proves(read_text: Reading) -> None:
    found = read_text("Title,Start\nA,13/06/2022\nB,06/14/2022\nC,05/06/2022\n")
    assert said(found, "schema:startDate") == {"2022-06-13", "2022-06-14"}
    assert [(fault.code, fault.place.row) for fault in found.faults] == [("date-ambiguous", 4)]


def test_a_declared_order_reads_dates_that_nothing_proves_and_years_of_two_digits(read_text: Reading) -> None:
    found = read_text(
        "Title,Start\nA,05/06/2022\nB,08.04.13\nC,2022-05-13\nD,05/13/2022\n", style=Style(dates="day-first")
    )
    assert said(found, "schema:startDate") == {"2022-06-05", "2013-04-08", "2022-05-13"}
    assert [(fault.code, fault.place.row) for fault in found.faults] == [("other-notation", 5)]


@pytest.mark.parametrize("order", ["day-first", "month-first"])
def test_every_day_of_a_year_has_the_readings_that_it_can_have(order: str) -> None:
    for day, month in product(range(1, 32), range(1, 13)):
        for mark in "./-":
            first, second = (day, month) if order == "day-first" else (month, day)
            readings = date_readings(f"{first:02}{mark}{second:02}{mark}2021")
            valid = day <= [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            expected = f"2021-{month:02}-{day:02}" if valid and not (order == "month-first" and mark == ".") else None
            assert readings.get(order) == expected


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["322030"], {"322030"}),
        (["1.146.000,00", "5,5"], {"1146000.00", "5.5"}),
        (["21,282,916", "7"], {"21282916", "7"}),
        (["42147127.6"], {"42147127.6"}),
        (["1969251,00", "1.234"], {"1969251.00", "1234"}),
        (["1234.5", "1.234"], {"1234.5", "1.234"}),
        (["75 354 267", "1 234,5"], {"75354267", "1234.5"}),
        (["75\u00a0354\u00a0267"], {"75354267"}),
        (["1'234'567.89"], {"1234567.89"}),
        (["4.729375062E7", "127024.68"], {"47293750.62", "127024.68"}),
        (["-5", "0"], {"-5", "0"}),
    ],
)
def test_numbers_in_the_notations_of_real_lists_are_read(
    texts: list[str], numbers: set[str], read_text: Reading
) -> None:
    rows = "".join(f'I{n};"{text}"\n' for n, text in enumerate(texts))
    found = read_text(f"Title;Total budget in euros\n{rows}", form="initiative")
    assert said(found, "circ:totalBudgetEur") == numbers
    assert codes(found) == []


@pytest.mark.parametrize(
    ("text", "code", "suggestions"),
    [
        ("1.234", "number-ambiguous", {"1.234", "1234"}),
        ("1,234", "number-ambiguous", {"1.234", "1234"}),
        ("£13.150.000", "value-not-a-number", set()),
        ("about 5", "value-not-a-number", set()),
        ("50%*", "value-not-a-number", set()),
        ("1,2,3", "value-not-a-number", set()),
        ("12.34.56", "value-not-a-number", set()),
    ],
)
def test_what_is_no_number_or_not_one_is_told(text: str, code: str, suggestions: set[str], read_text: Reading) -> None:
    found = read_text(f'Title;Total budget in euros\nI;"{text}"\n', form="initiative")
    assert codes(found) == [code]
    assert {each.text for each in found.faults[0].suggestions} == suggestions


def test_a_declared_mark_reads_numbers_that_nothing_proves(read_text: Reading) -> None:
    text = "Title;Total budget in euros\nI;1.234\n"
    for mark, number in ((".", "1.234"), (",", "1234")):
        found = read_text(text, form="initiative", style=Style(decimal=mark))
        assert said(found, "circ:totalBudgetEur") == {number}


def test_a_whole_number_has_no_decimals(read_text: Reading) -> None:
    found = read_text("Title;Number\nA;3\nB;4.0\nC;5.5\n", form="action")
    assert said(found, "circ:actionNumber") == {"3", "4"}
    assert codes(found) == ["value-not-a-whole-number"]


def test_readings_agree_with_the_notation_that_reads_them() -> None:
    for text in ("1.234", "1,5", "1 234", "7", "1.5E3"):
        for style, number in number_readings(text).items():
            assert number in Notation.of_numbers([text]).read(text).values, (text, style)


@pytest.mark.parametrize(
    ("column", "text", "name", "values"),
    [
        ("Themes", "agriculture and aquaculture", "circ:hasTheme", {THEME}),
        ("Themes", "AGRICULTURA Y ACUICULTURA", "circ:hasTheme", {THEME}),
        ("Themes", "maatalous ja vesiviljely", "circ:hasTheme", {THEME}),
        ("Themes", "agriculture", "circ:hasTheme", {THEME}),
        ("Themes", "circv:theme/agriculture", "circ:hasTheme", {THEME}),
        ("Themes", "<https://w3id.org/circkg/def/theme/agriculture>", "circ:hasTheme", {THEME}),
        ("Themes", "aquaculture", "circ:hasTheme", {THEME}),
        ("Themes", "agriculture; awareness", "circ:hasTheme", {THEME, "circv:theme/awareness"}),
        ("Themes", "agriculture | awareness", "circ:hasTheme", {THEME, "circv:theme/awareness"}),
        ("Themes", "agriculture\nawareness", "circ:hasTheme", {THEME, "circv:theme/awareness"}),
        ("Themes", "agriculture, awareness", "circ:hasTheme", {THEME, "circv:theme/awareness"}),
        ("Country", "FI", "circ:country", {"country:FIN"}),
        ("Country", "fin", "circ:country", {"country:FIN"}),
        ("Country", "Finland", "circ:country", {"country:FIN"}),
        ("Country", "Suomi", "circ:country", {"country:FIN"}),
        ("Country", "Finlândia", "circ:country", {"country:FIN"}),
        ("Country", "Finlandia, Portugalia", "circ:country", {"country:FIN", "country:PRT"}),
        ("Country", "EL", "circ:country", {"country:GRC"}),
        ("Country", "GR", "circ:country", {"country:GRC"}),
        ("Country", "Ελλάδα", "circ:country", {"country:GRC"}),
        ("Country", "country:GRC", "circ:country", {"country:GRC"}),
        ("Place", "FI1C3", "circ:locatedIn", {"nuts:FI1C3"}),
        ("Place", "fi1c3", "circ:locatedIn", {"nuts:FI1C3"}),
        ("Place", "nuts:FI1C3", "circ:locatedIn", {"nuts:FI1C3"}),
        ("Place", "Päijät-Häme", "circ:locatedIn", {"nuts:FI1C6"}),
        ("Place", "EL43-Κρήτη", "circ:locatedIn", {"nuts:EL43"}),
        ("Place", "Κρήτη (EL43)", "circ:locatedIn", {"nuts:EL43"}),
        ("Place", "Lahti", "circ:locatedIn", {"circid:territory/lahti"}),
        ("Identified by", "ceci", "circ:identifiedBy", {"circid:initiative/ceci"}),
        ("Identified by", "CECI", "circ:identifiedBy", {"circid:initiative/ceci"}),
        ("Practised by", "LAB University of Applied Sciences", "circ:practisedBy", {"circid:organisation/lab-uas"}),
        ("Practised by", "circid:organisation/lab-uas", "circ:practisedBy", {"circid:organisation/lab-uas"}),
        ("Source", "seed-ceci", "dct:source", {"circid:source/seed-ceci"}),
    ],
)  # fmt: skip
def test_labels_codes_slugs_and_iris_in_any_language_say_what_is_meant(
    column: str, text: str, name: str, values: set[str], read_text: Reading
) -> None:
    found = of_cell(read_text, column, text)
    assert said(found, name) == values
    assert codes(found) == []


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("Themes", "agrikulture", "not-in-list"),
        ("Themes", "repurpose", "not-in-list"),
        ("Country", "Atlantis", "country-unknown"),
        ("Country", "XX", "country-unknown"),
        ("Place", "FI9Z9", "region-unknown"),
        ("Place", "GR30", "region-unknown"),
        ("Place", "Middle Earth", "region-unknown"),
        ("Place", "40101 - Linz", "region-unknown"),
        ("Place", "EL43-Kreta", "region-unknown"),
        ("Region in 2024", "FI1C6", ""),
        ("Region in 2024", "FI1C3", "region-other-version"),
        ("Region in 2024", "PT17", "region-other-version"),
        ("Identified by", "no such project", "link-unknown"),
        ("Practised by", "Lahti Univ", "link-unknown"),
        ("Source", "a book", "source-unknown"),
    ],
)
def test_what_names_nothing_is_one_fault_at_its_cell(column: str, text: str, code: str, read_text: Reading) -> None:
    found = of_cell(read_text, column, text)
    assert codes(found) == ([code] if code else [])
    assert all((fault.place.cell, fault.place.raw) == ("B2", text) for fault in found.faults)
    assert len(found.spoiled) == len(found.faults)


def test_a_code_with_the_name_of_another_place_is_told_with_both(read_text: Reading) -> None:
    """The code is one of the version that is needed, so to say that it is of another one helped nobody."""
    for text, codes_ in (("EL43-Kreta", ["EL43"]), ("EL43-Αττική", ["EL43", "nuts:EL3", "nuts:EL30"])):
        (fault,) = of_cell(read_text, "Place", text).faults
        assert fault.code == "region-unknown"
        assert [each.text for each in fault.suggestions][:1] == codes_[:1]
        assert {each.text for each in fault.suggestions} <= set(codes_)


def test_an_iri_of_the_right_form_is_left_to_the_shapes(read_text: Reading) -> None:
    found = of_cell(read_text, "Identified by", "circid:initiative/no-such-project")
    assert said(found, "circ:identifiedBy") == {"circid:initiative/no-such-project"}
    assert codes(found) == []


def test_a_name_of_several_things_is_told_with_all_of_them(read_text: Reading) -> None:
    text = "Name,id,Country\nFriends of Toys,friends-1,FI\nFriends of Toys,friends-2,PT\n"
    organisations = read_text(text, form="organisation")
    known = organisations_known(organisations)
    found = of_cell(read_text, "Practised by", "friends of toys", known=known)
    (fault,) = found.faults
    assert (fault.code, fault.values["count"]) == ("label-ambiguous", "2")
    assert {each.text for each in fault.suggestions} == {
        "circid:organisation/friends-1",
        "circid:organisation/friends-2",
    }


def organisations_known(organisations: Contribution) -> object:
    from circkg_loaders.contributed.known import Known

    return Known.of_rooms().with_things(organisations.triples)


def test_the_country_of_a_row_tells_places_of_one_name_apart(read_text: Reading) -> None:
    found = read_text("Title,Country,Place\nA,Italia,Nord-Est\nB,RO,Nord-Est\nC,,Nord-Est\n")
    assert said(found, "circ:locatedIn") == {"nuts:ITH", "nuts:RO21"}
    (fault,) = found.faults
    assert (fault.code, fault.place.row) == ("label-ambiguous", 4)
    assert {each.text for each in fault.suggestions} == {"nuts:ITH", "nuts:RO21"}


def test_a_name_of_regions_of_one_extent_means_the_smallest(read_text: Reading) -> None:
    found = of_cell(read_text, "Place", "Hamburg")
    assert said(found, "circ:locatedIn") == {"nuts:DE600"}
    assert codes(of_cell(read_text, "Place", "Berlin")) == ["label-ambiguous"], "there is a territory of that name too"


def test_a_source_that_nobody_has_described_is_described_by_its_address(read_text: Reading) -> None:
    found = of_cell(read_text, "Source", "https://example.org/a, https://example.org/b")
    sources = said(found, "dct:source")
    assert len(sources) == 2
    assert said(found, "schema:url") == {"<https://example.org/a>", "<https://example.org/b>"}
    assert said(found, "dct:type") == {"circv:source-kind/web-page"}
    (url,) = [t for t in found.triples if t[2] == "<https://example.org/a>"]
    assert [place.cell for place in found.origins.of(url)] == ["B2"]


def test_the_language_of_a_text_is_that_of_its_column_its_row_or_the_file(read_text: Reading) -> None:
    text = "Title (fi),Description,Language\nLelut,Toys are lent.,English\nPelit,Pelejä lainataan.,suomi\nJuegos,x,\n"
    found = read_text(text, language="pt")
    texts = {value for _, _, value in found.triples if value.startswith('"')}
    assert {'"Lelut"@fi', '"Toys are lent."@en', '"Pelejä lainataan."@fi', '"x"@pt'} <= texts


def test_a_column_of_texts_without_language_is_told_once(read_text: Reading) -> None:
    found = read_text("id,Title,Other names\na,Toys,T\nb,Games,G\n", language="")
    assert [(fault.code, fault.place.cell) for fault in found.faults] == [("language-missing", "B2")]
    assert '"T"' in {value for _, _, value in found.triples}, "other names may go without a language"
    assert len(found.spoiled) == 2


def test_texts_hold_whatever_signs_they_hold(read_text: Reading) -> None:
    found = of_cell(read_text, "Description", "One; two | three, four")
    assert said(found, "dct:description") == {"One; two | three, four"}


def test_a_semicolon_parts_names_that_together_are_a_name_too(read_text: Reading) -> None:
    found = read_text("id,Title,Themes\na,A,food; packaging\nb,B,food packaging\n")
    assert codes(found) == []
    themes = [(subject[-2], value.rpartition("/")[2]) for subject, p, value in found.triples if "hasTheme" in p]
    assert themes == [("a", "food>"), ("a", "packaging>"), ("b", "packaging>")]


def test_an_address_and_a_title_of_a_source_stand_apart_by_a_semicolon(read_text: Reading) -> None:
    title = "Page A"
    found = read_text(
        f"id,Title,Source\na,A,https://example.org/a; {title}\nb,B,https://example.org/a https://example.org/b\n"
    )
    assert [fault.values["value"] for fault in found.faults] == [title], "the title is one name, and no source has it"
    assert len([value for _, predicate, value in found.triples if "dc/terms/source" in predicate]) == 3
