"""Any bytes at all are read or refused: no other error, no panic, and one account of all rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contributed.conftest import ods, workbook
from tests.contributed.test_workbooks import ODS_ROWS, ROWS

from circkg_loaders.contributed.codes import text
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.mapping_files import MappingError, parse_mapping
from circkg_loaders.contributed.reading import SYNTAXES, ContributionError, Options, read_bytes

STEADY = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
BOOKS = {"a.xlsx": workbook({"Practices": ROWS, "Organisations": [["Name"], ["Friends"]]}), "a.ods": ods(ODS_ROWS)}
HEADERS = ("id", "Title", "Title (fi)", "Country", "Place", "Start", "Themes", "Identified by", "Source", "Sum")
WORDS = ("FI", "GR30", "05/06/2022", "13.5.22", "1.234", "agriculture", "a, b", "x|y", "https://a.b/c", "=1", "<x>")
CELLS = st.one_of(st.text(max_size=40), st.sampled_from(WORDS))


def check(content: bytes, name: str, known: Known) -> None:
    try:
        found = read_bytes(content, name, Options(language="en", known=known))
    except ContributionError as error:
        assert str(error).startswith(name)  # noqa: PT017 - that it is raised is not what is tested
        return
    assert found.rows["in"] == found.rows["loaded"] + found.rows["rejected"]
    assert all(text(fault.code) and fault.place.file == name for fault in found.faults)
    assert all(found.origins.of(triple) for triple in found.triples)


@pytest.mark.parametrize("ending", sorted(SYNTAXES))
@STEADY
@given(content=st.binary(max_size=300))
def test_any_bytes(ending: str, content: bytes, known: Known) -> None:
    check(content, f"a.{ending}", known)


@pytest.mark.parametrize("name", BOOKS)
@STEADY
@given(at=st.floats(0, 1), put=st.binary(min_size=1, max_size=30))
def test_any_damage_of_a_workbook(name: str, at: float, put: bytes, known: Known) -> None:
    whole = BOOKS[name]
    start = int(at * len(whole))
    check(whole[:start] + put + whole[start + len(put) :], name, known)


@STEADY
@given(rows=st.lists(st.lists(CELLS, max_size=12), max_size=8))
def test_any_cells_below_known_headers(rows: list[list[str]], known: Known) -> None:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in (list(HEADERS), *rows)]
    check("\n".join(map(",".join, quoted)).encode("utf-8", errors="replace"), "practices.csv", known)


@STEADY
@given(
    value=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), CELLS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from((*HEADERS, "en", "fi")), inner, max_size=4)
        ),
    )
)
def test_any_json(value: object, known: Known) -> None:
    check(json.dumps(value).encode("utf-8", errors="replace"), "practices.json", known)


@STEADY
@given(
    content=st.one_of(st.binary(max_size=100), st.text(alphabet="abct:-[]{} \n&*!|>'\"", max_size=80).map(str.encode))
)
def test_any_mapping(content: bytes) -> None:
    with pytest.raises(MappingError):
        parse_mapping(content)
