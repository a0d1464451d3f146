"""The forms of our classes follow from the shapes."""

from __future__ import annotations

import pytest

from circkg_loaders.prefixes import expand
from circkg_shapes.forms import Form, Kind, forms, in_language
from circkg_shapes.rooms import shape_files
from circkg_shapes.terms import Triple, iri
from circkg_shapes.validate import Shapes


@pytest.fixture(scope="module")
def triples() -> tuple[Triple, ...]:
    return Shapes.load(shape_files()).triples


@pytest.fixture(scope="module")
def by_key(triples: tuple[Triple, ...]) -> dict[str, Form]:
    return {form.key: form for form in forms(triples)}


def test_every_target_class_has_one_form(triples: tuple[Triple, ...], by_key: dict[str, Form]) -> None:
    targets = {o for _, p, o in triples if p == iri(expand("sh:targetClass"))}
    assert {form.target for form in by_key.values()} == targets
    assert len(by_key) == len(targets) == 20


def test_every_property_shape_with_a_property_is_a_field(by_key: dict[str, Form]) -> None:
    practice = by_key["practice"]
    assert practice.space == "https://w3id.org/circkg/id/practice/"
    assert [field.key for field in practice.fields][:3] == ["title", "other_names", "identifier"]
    assert practice.field(iri(expand("circ:startEarliest"))) is None, "derived values are no columns"
    assert practice.fields[-1].key == "source"


@pytest.mark.parametrize(
    ("form", "field", "kind"),
    [
        ("practice", "title", Kind.TEXT),
        ("practice", "other_names", Kind.TEXT),
        ("practice", "identifier", Kind.STRING),
        ("practice", "country", Kind.COUNTRY),
        ("practice", "place", Kind.REGION),
        ("practice", "region_2024", Kind.REGION),
        ("practice", "start_date", Kind.DATE),
        ("practice", "themes", Kind.CONCEPT),
        ("practice", "initiatives", Kind.LINK),
        ("action", "number", Kind.WHOLE_NUMBER),
        ("amount", "value", Kind.NUMBER),
        ("amount", "currency", Kind.CURRENCY),
        ("organisation", "website", Kind.ADDRESS),
        ("participation", "participant", Kind.LINK),
        ("amount", "subject", Kind.LINK),
        ("source", "language", Kind.LANGUAGE),
        ("claim", "subject", Kind.IRI),
        ("claim", "value", Kind.ANY),
    ],
)
def test_a_field_is_of_the_kind_that_its_constraints_say(
    by_key: dict[str, Form], form: str, field: str, kind: Kind
) -> None:
    assert {f.key: f.kind for f in by_key[form].fields}[field] is kind


def test_a_field_knows_its_list_its_classes_and_whether_it_is_needed(by_key: dict[str, Form]) -> None:
    fields = {field.key: field for field in by_key["practice"].fields}
    assert fields["themes"].scheme == "<https://w3id.org/circkg/def/theme>"
    assert fields["place"].classes == (iri(expand("circ:Territory")),)
    assert len(fields["place"].schemes) == 2
    assert fields["title"].required
    assert not fields["title"].wished
    assert fields["strategies"].wished
    assert not fields["strategies"].required
    assert fields["start_date"].single
    assert in_language(fields["title"].names, "en") == "Title"


def test_a_field_of_an_inverse_property_knows_who_may_have_the_thing(by_key: dict[str, Form]) -> None:
    subject = next(field for field in by_key["amount"].fields if field.key == "subject")
    having = {form.target for form in by_key.values() if form.field(subject.path)}
    assert subject.inverse
    assert set(subject.classes) == having
    assert iri(expand("circ:Practice")) in having
    assert subject.triple("<x:amount>", "<x:practice>") == ("<x:practice>", iri(expand("circ:hasAmount")), "<x:amount>")
    title = next(field for field in by_key["topic"].fields if field.key == "label")
    assert title.triple("<x:a>", '"A"@en') == ("<x:a>", iri(expand("skos:prefLabel")), '"A"@en')


def test_a_form_says_what_the_iri_of_a_thing_must_be(by_key: dict[str, Form]) -> None:
    assert "https://w3id.org/circkg/id/practice/" in in_language(by_key["practice"].messages, "en")
