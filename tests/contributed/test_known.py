"""Names of what is known: looked up exactly and nearly, in memory and in a file made at publish."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from circkg_loaders.contributed.known import COUNTRY, Known, write_known
from circkg_loaders.load import load
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import Role
from circkg_shapes.terms import Triple, iri, literal

ORGANISATION = iri(expand("org:Organization"))
THEME = "<https://w3id.org/circkg/def/theme>"
LAB = "<https://w3id.org/circkg/id/organisation/lab-uas>"


@pytest.fixture(scope="module")
def triples() -> list[Triple]:
    return load().of_role(Role.STATED, Role.VOCABULARY)


@pytest.fixture(params=["memory", "file"])
def either(request: pytest.FixtureRequest, triples: list[Triple], tmp_path: Path, known: Known) -> Known:
    if request.param == "memory":
        return known
    write_known(tmp_path / "known.sqlite", triples)
    assert [path.name for path in tmp_path.iterdir()] == ["known.sqlite"]
    return Known.open(tmp_path / "known.sqlite")


def test_names_are_found_whatever_their_case_accents_and_signs(either: Known) -> None:
    for text in ("LAB University of Applied Sciences", "lab university of  applied-sciences", "lab-uas", LAB):
        assert [match.iri for match in either.exact(text, classes=(ORGANISATION,))] == [LAB]
    assert either.has(LAB, (ORGANISATION,))
    assert not either.has(LAB, (THEME,))
    assert either.exact("lab-uas", classes=(COUNTRY,)) == []
    assert ORGANISATION in either.kinds(LAB)
    assert either.label(LAB)


def test_labels_of_all_languages_name_a_concept(either: Known) -> None:
    for text in (
        "agriculture and aquaculture",
        "Landwirtschaft und Aquakultur",
        "rolnictwo i akwakultura",
        "agriculture",
    ):
        (match,) = either.exact(text, scheme=THEME)
        assert match.iri == f"{THEME[:-1]}/agriculture>"
    assert either.label(f"{THEME[:-1]}/agriculture>", "fi") == "maatalous ja vesiviljely"


def test_beginnings_of_names_are_found(either: Known) -> None:
    assert either.begins("Lab Univ")
    assert either.begins("agriculture")
    assert not either.begins("zzz")


def test_countries_have_names_in_the_languages_of_europe(either: Known) -> None:
    for text in ("Germany", "Deutschland", "Saksa", "Niemcy", "Alemanha", "Γερμανία", "Германия", "DE", "deu"):
        (match,) = either.exact(text, classes=(COUNTRY,))
        assert match.iri.endswith("/DEU>"), text


@pytest.mark.parametrize(
    ("text", "kinds", "nearest"),
    [
        ("Lahti Univ of Applied Scienses", (ORGANISATION,), LAB),
        ("agrikulture", (THEME,), f"{THEME[:-1]}/agriculture>"),
        ("aquaculture and agriculture", (THEME,), f"{THEME[:-1]}/agriculture>"),
    ],
)
def test_the_likest_name_comes_first(text: str, kinds: tuple[str, ...], nearest: str, either: Known) -> None:
    found = either.near(text, classes=kinds)
    assert found[0].iri == nearest
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
    assert all(0.7 <= match.score < 1 for match in found)
    assert len({match.iri for match in found}) == len(found) <= 3
    assert either.near("zzzzzz qqqq", classes=kinds) == []


def test_what_a_contribution_describes_is_known_beside_what_is_published(known: Known) -> None:
    thing = iri("https://w3id.org/circkg/id/organisation/toy-friends")
    more = known.with_things([
        (thing, iri(expand("rdf:type")), ORGANISATION),
        (thing, iri(expand("skos:prefLabel")), literal("Friends of Toys", lang="en")),
    ])  # fmt: skip
    assert [match.iri for match in more.exact("friends of toys", classes=(ORGANISATION,))] == [thing]
    assert [match.iri for match in more.near("Freinds of Toys", classes=(ORGANISATION,))][:1] == [thing]
    assert [match.iri for match in more.exact("lab-uas", classes=(ORGANISATION,))] == [LAB]
    assert more.label(thing) == "Friends of Toys"
    assert known.exact("friends of toys", classes=(ORGANISATION,)) == []


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_text("no database, but long enough to look at")
    for name in ("a.sqlite", "b.sqlite"):
        with pytest.raises(sqlite3.Error):
            Known.open(tmp_path / name)
    assert not (tmp_path / "b.sqlite").exists()


def test_a_file_is_replaced_as_a_whole(tmp_path: Path, triples: list[Triple]) -> None:
    path = tmp_path / "known.sqlite"
    write_known(path, [])
    old = Known.open(path)
    write_known(path, triples)
    assert old.exact("lab-uas") == []
    assert Known.open(path).exact("lab-uas")
