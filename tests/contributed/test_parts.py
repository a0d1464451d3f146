"""Things that have no name of their own: amounts and quantities of others, participations, and claims about them."""

from __future__ import annotations

import pytest
from tests.contributed.conftest import codes

from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.reading import read_bytes
from circkg_loaders.prefixes import expand
from circkg_server.contributions.judging import judge, our_shapes
from circkg_server.contributions.knowledge import Curated, Knowledge
from circkg_shapes.terms import Term, iri, literal

CECI = iri("https://w3id.org/circkg/id/initiative/ceci")
HAS = iri(expand("circ:hasAmount"))
VALUE = iri(expand("rdf:object"))
SOURCE = "https://www.interregeurope.eu/ceci/"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Curated()


def read(text: str, form: str, known: Known) -> Contribution:
    return read_bytes(text.encode(), f"{form}.csv", Options(form=form, known=known))


def amount(slug: str) -> Term:
    return iri(f"https://w3id.org/circkg/id/amount/{slug}")


def test_an_amount_belongs_to_the_thing_that_its_row_names(known: Known) -> None:
    rows = (
        "subject,kind,value,currency,date,source\n"
        f"ceci,grant,1000,EUR,2024,{SOURCE}\n"
        f"Citizen Involvement in Circular Economy Implementation,grant,2000,EUR,2025,{SOURCE}\n"
        f"ceci--lab-uas--lead-partner,partner-budget,5,EUR,,{SOURCE}\n"
    )
    found = read(rows, "amount", known)
    assert codes(found) == []
    assert (CECI, HAS, amount("ceci-grant-2024")) in found.triples
    assert (CECI, HAS, amount("ceci-grant-2025")) in found.triples
    partner = iri("https://w3id.org/circkg/id/participation/ceci--lab-uas--lead-partner")
    assert (partner, HAS, amount("ceci-lab-uas-lead-partner-partner-budget")) in found.triples
    assert not [triple for triple in found.triples if triple[0] == amount("ceci-grant-2024") and triple[1] == HAS]


def test_a_quantity_is_told_by_owner_kind_date_and_unit(known: Known) -> None:
    rows = f"subject,kind,value,unit (en),source\nceci,planned,3,events,{SOURCE}\nceci,planned,5,visits,{SOURCE}\n"
    found = read(rows, "quantity", known)
    assert codes(found) == []
    things = {value for _, predicate, value in found.triples if predicate == iri(expand("circ:hasQuantity"))}
    assert things == {iri(f"https://w3id.org/circkg/id/quantity/ceci-planned-{unit}") for unit in ("events", "visits")}


def test_two_amounts_that_cannot_be_told_apart_are_asked_for_an_id(known: Known) -> None:
    rows = f"id,subject,kind,value,currency,source\n,ceci,grant,1,EUR,{SOURCE}\n,ceci,grant,2,EUR,{SOURCE}\n"
    found = read(rows, "amount", known)
    (fault,) = found.faults
    assert (fault.code, fault.place.cell, fault.also[0].cell) == ("key-twice", "A3", "A2")


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        ("nobody-knows-it,grant,1,EUR", "link-unknown", "A2"),
        (",grant,1,EUR", "missing", "A2"),
        ("ceci,no such kind,1,EUR", "not-in-list", "B2"),
    ],
)
def test_what_keeps_a_row_from_being_told_is_one_fault_at_its_cell(
    known: Known, knowledge: Knowledge, row: str, code: str, cell: str
) -> None:
    found = read(f"subject,kind,value,currency,source\n{row},{SOURCE}\n", "amount", known)
    judgement = judge([found], knowledge, our_shapes())
    assert [(fault.code, fault.place.cell) for fault in judgement.faults] == [(code, cell)]
    assert [(sheet.loaded, sheet.rejected) for sheet in found.sheets] == [(0, 1)]


def test_a_missing_role_is_said_of_the_role(known: Known) -> None:
    found = read(f"initiative,participant,role,source\nceci,Lahti,,{SOURCE}\n", "participation", known)
    assert [(fault.code, fault.place.cell, fault.values["field"]) for fault in found.faults] == [
        ("missing", "C2", "role")
    ]


def test_the_owner_that_an_amount_lacks_is_missed_in_its_column(known: Known, knowledge: Knowledge) -> None:
    found = read(f"id,subject,kind,value,currency,source\nmine,,grant,1,EUR,{SOURCE}\n", "amount", known)
    faults = judge([found], knowledge, our_shapes()).faults
    assert [(fault.code, fault.place.cell) for fault in faults] == [("missing", "B2")]


@pytest.mark.parametrize(
    ("predicate", "cell", "term"),
    [
        ("schema:endDate", "2025-06", literal("2025-06", datatype=expand("xsd:gYearMonth"))),
        ("schema:endDate", "2025", literal("2025", datatype=expand("xsd:gYear"))),
        ("schema:endDate", '"autumn 2025"', literal("autumn 2025")),
        ("circ:totalBudgetEur", "1508765", literal("1508765", datatype=expand("xsd:decimal"))),
        ("circ:fundedBy", "EDUSI", iri("https://w3id.org/circkg/id/funding-programme/edusi")),
        ("circ:partnerCount", '"34"^^xsd:integer', literal("34", datatype=expand("xsd:integer"))),
        ("circ:partnerCount", "some", literal("some")),
        ("dct:title", '"Suomen ""CECI"""@fi'.replace('""', '\\"'), literal('Suomen "CECI"', lang="fi")),
    ],
)
def test_a_claimed_value_is_read_as_its_property_has_it(known: Known, predicate: str, cell: str, term: Term) -> None:
    quoted = cell.replace('"', '""')
    rows = f'id,subject,predicate,value,rank,source\na,circid:initiative/ceci,{predicate},"{quoted}",normal,{SOURCE}\n'
    found = read(rows, "claim", known)
    assert codes(found) == []
    assert [value for _, said, value in found.triples if said == VALUE] == [term]


def test_a_language_is_read_by_its_name_or_tag(known: Known) -> None:
    rows = "id,kind,language\na,web-page,Finnish; sv\nb,web-page,suomi\n"
    found = read(rows, "source", known)
    said = [value for _, predicate, value in found.triples if predicate == iri(expand("schema:inLanguage"))]
    assert said == [literal("fi"), literal("sv"), literal("fi")]
