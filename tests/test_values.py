"""Values of cells: what is read, and what is refused with which advice."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from circkg_loaders.nuts import Country, Nuts, load_countries
from circkg_loaders.values import (
    CURRENCIES,
    MoneyStyle,
    ValueProblem,
    parse_country,
    parse_currency,
    parse_date,
    parse_decimal,
    parse_integer,
    parse_language,
    parse_money,
    parse_nuts,
    parse_slug,
    parse_url,
)

DATA = Path(__file__).parents[1] / "data"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(scope="module")
def nuts() -> Nuts:
    return Nuts.load(DATA / "nuts")


@pytest.fixture(scope="module")
def countries() -> dict[str, Country]:
    return load_countries(DATA / "countries.csv")


def _problem(parse: Callable[[], object]) -> ValueProblem:
    with pytest.raises(ValueProblem) as caught:
        parse()
    problem = caught.value
    assert problem.message.endswith(".")
    assert str(problem) == problem.message
    return problem


@pytest.mark.parametrize(
    "parse", [parse_date, parse_decimal, parse_integer, parse_url, parse_language, parse_currency, parse_slug]
)
def test_blank_cells_and_spaces_around_are_refused(parse: Callable[[str], object]) -> None:
    for text in ("", " ", "\n", "\u00a0"):
        assert _problem(partial(parse, text)).code == "empty"
    for text in (" 2020", "2020\n", "\u00a02020"):
        problem = _problem(partial(parse, text))
        assert (problem.code, problem.raw) == ("spaces-around", text)


# Dates


@pytest.mark.parametrize(
    ("text", "datatype", "earliest", "latest"),
    [
        ("2020", "gYear", "2020-01-01", "2020-12-31"),
        ("2020-02", "gYearMonth", "2020-02-01", "2020-02-29"),
        ("2021-12", "gYearMonth", "2021-12-01", "2021-12-31"),
        ("2020-05-17", "date", "2020-05-17", "2020-05-17"),
        ("2000-02-29", "date", "2000-02-29", "2000-02-29"),
        ("1900", "gYear", "1900-01-01", "1900-12-31"),
        ("2100-12", "gYearMonth", "2100-12-01", "2100-12-31"),
    ],
)
def test_dates_keep_what_is_known(text: str, datatype: str, earliest: str, latest: str) -> None:
    value = parse_date(text)
    assert (value.text, value.datatype) == (text, XSD + datatype)
    assert (value.earliest, value.latest) == tuple(map(datetime.date.fromisoformat, (earliest, latest)))


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        ("2021-02-31", "date-not-in-calendar", "calendar"),
        ("2021-02-29", "date-not-in-calendar", "calendar"),
        ("1900-02-29", "date-not-in-calendar", "calendar"),
        ("2020-13", "date-not-in-calendar", "calendar"),
        ("2020-00", "date-not-in-calendar", "calendar"),
        ("2020-05-00", "date-not-in-calendar", "calendar"),
        ("31.02.2020", "date-day-first", "2020-02-31"),
        ("5.6.2020", "date-day-first", "2020-06-05"),
        ("05/06/2020", "date-day-first", "which part is the day"),
        ("5.6.20", "date-day-first", "which part is the day"),
        ("2020-5-7", "date-form", "two digits"),
        ("2020/05/17", "date-form", "hyphens"),
        ("2020-05/2021-06", "date-span", "two columns"),
        ("2014-2020", "date-span", "two columns"),
        ("1899", "date-year", "between 1900 and 2100"),
        ("2101-01-01", "date-year", "between 1900 and 2100"),
        ("0000", "date-year", "between"),
        ("May 2020", "date-form", "Write 2020"),
        ("2020-05-17T00:00:00", "date-form", "Write 2020"),
        ("2020Z", "date-form", "Write 2020"),
        ("٢٠٢٠", "date-form", "Write 2020"),
        ("-2020", "date-form", "Write 2020"),
        ("20200517", "date-form", "Write 2020"),
    ],
)
def test_other_dates_are_refused_with_advice(text: str, code: str, advice: str) -> None:
    problem = _problem(lambda: parse_date(text))
    assert (problem.code, problem.raw) == (code, text)
    assert advice in problem.message


# Numbers


@pytest.mark.parametrize("text", ["0", "7", "1508765", "1508765.00", "-3.5", "0.10", "007"])
def test_decimals_keep_their_text(text: str) -> None:
    value = parse_decimal(text)
    assert (value.text, value.value) == (text, Decimal(text))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,508,765", "number-marks"),
        ("1.508.765", "number-marks"),
        ("1508765,50", "number-marks"),
        ("1 508 765", "number-marks"),
        ("1\u202f508", "number-marks"),
        ("1'508'765", "number-marks"),
        ("5.", "number-marks"),
        ("1508765 EUR", "number-currency"),
        ("€1508765", "number-currency"),
        ("1.5E6", "number-exponent"),
        ("+5", "number-form"),
        (".5", "number-form"),
        ("1,5 million", "number-form"),
        ("NaN", "number-form"),
        ("½", "number-form"),
        ("٣", "number-form"),
    ],
)
def test_other_numbers_are_refused(text: str, code: str) -> None:
    assert _problem(lambda: parse_decimal(text)).code == code


def test_whole_numbers() -> None:
    assert parse_integer("25").value == 25
    assert parse_integer("-1").value == -1
    assert _problem(lambda: parse_integer("2.0")).code == "integer-decimals"
    assert _problem(lambda: parse_integer("1.000")).code == "integer-decimals"
    assert _problem(lambda: parse_integer("1,000")).code == "number-marks"
    assert _problem(lambda: parse_integer("ten")).code == "number-form"


@pytest.mark.parametrize(
    ("style", "text", "plain"),
    [
        (MoneyStyle.POINT, "1234567.89", "1234567.89"),
        (MoneyStyle.POINT, "1,234,567.89", "1234567.89"),
        (MoneyStyle.POINT, "1,234", "1234"),
        (MoneyStyle.POINT, "1.234", "1.234"),
        (MoneyStyle.COMMA, "1.234", "1234"),
        (MoneyStyle.COMMA, "1,234", "1.234"),
        (MoneyStyle.COMMA, "-1.234.567,8", "-1234567.8"),
        (MoneyStyle.SPACE, "1 234 567,89", "1234567.89"),
        (MoneyStyle.SPACE, "1\u00a0234\u202f567", "1234567"),
        (MoneyStyle.SPACE, "4000000", "4000000"),
        (MoneyStyle.SPACE_POINT, "1 234.5", "1234.5"),
        (MoneyStyle.SCIENTIFIC, "1.5E6", "1500000"),
        (MoneyStyle.SCIENTIFIC, "1.2345678E+07", "12345678"),
        (MoneyStyle.SCIENTIFIC, "5e-1", "0.5"),
        (MoneyStyle.SCIENTIFIC, "1234.50", "1234.50"),
    ],
)
def test_sums_are_read_in_the_declared_style(style: MoneyStyle, text: str, plain: str) -> None:
    value = parse_money(text, style)
    assert (value.raw, value.text, value.value) == (text, plain, Decimal(plain))


@pytest.mark.parametrize(
    ("style", "text", "code"),
    [
        (MoneyStyle.POINT, "1.234.567", "money-style"),
        (MoneyStyle.POINT, "12,34", "money-style"),
        (MoneyStyle.POINT, "1234,567", "money-style"),
        (MoneyStyle.COMMA, "1,234,567", "money-style"),
        (MoneyStyle.COMMA, "12.34", "money-style"),
        (MoneyStyle.SPACE, "12 34", "money-style"),
        (MoneyStyle.SPACE, "1 234.5", "money-style"),
        (MoneyStyle.SPACE, "1\n234", "money-style"),
        (MoneyStyle.SCIENTIFIC, "1E999999999", "money-style"),
        (MoneyStyle.SCIENTIFIC, "1E99", "money-size"),
        (MoneyStyle.POINT, "1234 EUR", "number-currency"),
        (MoneyStyle.POINT, "£1,000", "number-currency"),
    ],
)
def test_sums_in_another_style_are_refused(style: MoneyStyle, text: str, code: str) -> None:
    assert _problem(lambda: parse_money(text, style)).code == code


# Addresses


@pytest.mark.parametrize(
    "text",
    [
        "https://keep.eu/projects/21513/Citizen-involvement-in-circ-EN",
        "http://example.org",
        "HTTPS://example.org:8080/a?b=c&d=%20#e",
        "https://eur-lex.europa.eu/legal-content/EN/TXT/?uri=CELEX:32008L0098",
        "https://ec.europa.eu/regional_policy/opempl/detail.cfm?cci=2014GR16M2OP014&lan=en",
        "https://example.org/σελίδα",
        "https://münchen.example/",
        "https://[2001:db8::1]/",
        "https://example.org/@name",
        "https://web.archive.org/web/2020/https://example.org/",
    ],
)
def test_addresses_stay_as_written(text: str) -> None:
    assert parse_url(text).text == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("www.example.org", "url-scheme"),
        ("ftp://example.org", "url-scheme"),
        ("mailto:a@example.org", "url-scheme"),
        ("javascript:alert(1)", "url-scheme"),
        ("//example.org", "url-scheme"),
        ("https:/example.org", "url-scheme"),
        ("https://example.org/a b", "url-sign"),
        ("https://example.org/a\nb", "url-sign"),
        ("https://example.org/<a>", "url-sign"),
        ("https://example.org/{a}", "url-sign"),
        ("https://example.org/a\\b", "url-sign"),
        ("https://example.org/\ufffe", "url-sign"),
        ("https://example.org/?a[0]=1", "url-sign"),
        ("https://example.org/#a#b", "url-sign"),
        ("https://example.org/%zz", "url-percent"),
        ("https://example.org/100%", "url-percent"),
        ("https://", "url-host"),
        ("https:///path", "url-host"),
        ("https://example..org/", "url-host"),
        ("https://example.org:port/", "url-host"),
        ("https://example.org:99999/", "url-host"),
        ("https://exa mple.org/", "url-sign"),
        ("https://a.example;https://b.example", "url-several"),
        ("https://a.example; https://b.example", "url-sign"),
    ],
)
def test_other_addresses_are_refused(text: str, code: str) -> None:
    assert _problem(lambda: parse_url(text)).code == code


def test_a_password_is_refused_and_not_repeated() -> None:
    problem = _problem(lambda: parse_url("https://user:topsecret@example.org/"))
    assert problem.code == "url-credentials"
    assert "topsecret" not in problem.message


# Languages


@pytest.mark.parametrize(("text", "tag"), [("en", "en"), ("EL", "el"), ("smn", "smn"), ("nb", "nb")])
def test_language_tags(text: str, tag: str) -> None:
    assert parse_language(text) == tag


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        ("en-GB", "language-region", "Write en."),
        ("pt_BR", "language-region", "Write pt."),
        ("gr", "language-country", "Write el"),
        ("CZ", "language-country", "Write cs"),
        ("eng", "language-long", "Write en."),
        ("deu", "language-long", "Write de."),
        ("sme", "language-long", "Write se."),
        ("und", "language-none", "Leave the cell empty"),
        ("xx", "language-form", "two letters"),
        ("English", "language-form", "two letters"),
        ("e", "language-form", "two letters"),
    ],
)
def test_other_language_tags_are_refused(text: str, code: str, advice: str) -> None:
    problem = _problem(lambda: parse_language(text))
    assert problem.code == code
    assert advice in problem.message


# Countries, regions, currencies


def test_countries(countries: dict[str, Country]) -> None:
    assert parse_country("GR", countries).nuts == "EL"
    assert parse_country("EU", countries).iri.endswith("/EUR")


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        ("EL", "country-nuts-country", "Write GR."),
        ("UK", "country-nuts-country", "Write GB."),
        ("EL52", "country-nuts", "Write GR here"),
        ("FI1C3", "country-nuts", "Write FI here"),
        ("fi", "country-form", "Write FI"),
        ("FIN", "country-form", "Write FI"),
        ("Finland", "country-form", "Write FI"),
        ("Ελλάδα", "country-form", "Write GR"),
        ("Europe", "country-form", "two capital letters"),
        ("ZZ", "country-unknown", "countries.csv"),
        ("1A", "country-form", "two capital letters"),
    ],
)
def test_other_countries_are_refused(countries: dict[str, Country], text: str, code: str, advice: str) -> None:
    problem = _problem(lambda: parse_country(text, countries))
    assert problem.code == code
    assert advice in problem.message


@pytest.mark.parametrize(
    ("text", "version", "found", "level"),
    [
        ("FI1C3", None, "2021", 3),
        ("FI1C3", "2021", "2021", 3),
        ("FI1C6", None, "2024", 3),
        ("NO08", None, "2024", 2),
        ("NL33", None, "2021", 2),
        ("PT11A", "2021", "2021", 3),
        ("EL", None, "2024", 0),
        ("BE2", None, "2024", 1),
        ("FIZZZ", None, "2024", 3),
    ],
)
def test_nuts_codes(nuts: Nuts, text: str, version: str | None, found: str, level: int) -> None:
    region = parse_nuts(text, nuts, version)
    assert (region.code, region.version, region.level) == (text, found, level)


@pytest.mark.parametrize(
    ("text", "version", "code", "advice"),
    [
        ("FI1C3", "2024", "nuts-other-version", "FI1C6 after a small boundary shift"),
        ("NL332", "2024", "nuts-other-version", "the same region is NL361: write that"),
        ("PT17", "2024", "nuts-other-version", "lies in PT1A and PT1B: look up which"),
        ("LV006", "2024", "nuts-other-version", "the larger LV00A"),
        ("NL36", "2021", "nuts-other-version", "Otherwise give 2024 as its version."),
        ("FI1C9", None, "nuts-unknown", "nearest region above is FI1C (Etelä-Suomi), level 2"),
        ("FI1C33", "2021", "nuts-unknown", "nearest region above is FI1C3 (Päijät-Häme), level 3 of NUTS 2021"),
        ("GR52", None, "nuts-iso-country", "Write EL52."),
        ("GR99", None, "nuts-unknown", "start with EL"),
        ("UKM", None, "nuts-unknown", "Check the code"),
        ("fi1c6", None, "nuts-form", "Write FI1C6."),
        ("Lahti", None, "nuts-unknown", "Check the code"),
        ("FI", "2016", "nuts-version", "2021 or 2024"),
    ],
)
def test_other_nuts_codes_are_refused_with_the_way_out(
    nuts: Nuts, text: str, version: str | None, code: str, advice: str
) -> None:
    problem = _problem(lambda: parse_nuts(text, nuts, version))
    assert problem.code == code
    assert advice in problem.message


def test_currencies() -> None:
    for code in CURRENCIES:
        assert parse_currency(code).iri == f"http://publications.europa.eu/resource/authority/currency/{code}"
    assert "Write EUR." in _problem(lambda: parse_currency("euro")).message
    assert "Write GBP." in _problem(lambda: parse_currency("£")).message
    assert "Write SEK." in _problem(lambda: parse_currency("sek")).message
    assert _problem(lambda: parse_currency("JPY")).code == "currency-unknown"
    assert _problem(lambda: parse_currency("kr")).code == "currency-form"


@pytest.mark.parametrize("text", ["City", "a--b", "-a", "a-", "a_b", "ä", "a b", "a/b"])
def test_slugs(text: str) -> None:
    assert parse_slug("urban-agenda-2") == "urban-agenda-2"
    assert _problem(lambda: parse_slug(text)).code == "slug-form"
