"""The catalogue as it is read: names, headers, parameters, and values that try to leave their term."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Store
from rdflib.plugins.sparql import prepareQuery
from typer.testing import CliRunner

from circkg_server.cli import app
from circkg_server.questions import Question, QuestionError, catalogue, find, read_question

HEADER = """#+ id: {name}
#+ question: What is there?
#+ keywords: [one, two]
"""


def written(tmp_path: Path, header: str, body: str = "SELECT * WHERE { ?s ?p ?o }", name: str = "sample") -> Path:
    """Return the path of a query file with the given header."""
    path = tmp_path / f"{name}.rq"
    path.write_text(header.format(name=name) + "\n" + body + "\n", encoding="utf-8")
    return path


def with_parameters(tmp_path: Path, **types: str) -> Question:
    """Return a query with one parameter of each given type."""
    lines = "#+ parameters:\n" + "".join(
        f'#+   {name}: {{type: {type_}, description: "A value."}}\n' for name, type_ in types.items()
    )
    blocks = " ".join(f'VALUES ?{name} {{ "default" }}' for name in types)
    return read_question(
        written(tmp_path, HEADER + lines.replace("{", "{{").replace("}", "}}"), f"SELECT * WHERE {{ {blocks} }}")
    )


def test_catalogue_finds_every_query_by_its_name() -> None:
    listed = list(catalogue())
    assert len(listed) >= 49
    assert [find(question.id).path for question in listed] == [question.path for question in listed]


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(QuestionError, match="who-takes-part-in-an-initiative"):
        find("who-takes-part-in-initiative")


def test_name_like_none_says_how_to_list() -> None:
    with pytest.raises(QuestionError, match="--list"):
        find("zzzz")


def test_file_that_is_missing() -> None:
    with pytest.raises(QuestionError, match=r"There is no file nowhere\.rq"):
        find("nowhere.rq")


def test_file_without_header_is_a_query_without_parameters(tmp_path: Path) -> None:
    question = find(str(written(tmp_path, "")))
    assert (question.id, question.kind, question.parameters) == ("sample", "file", ())


def test_file_with_header_is_read_like_the_catalogue(tmp_path: Path) -> None:
    assert find(str(written(tmp_path, HEADER))).question == "What is there?"


@pytest.mark.parametrize("missing", ["id", "question", "keywords"])
def test_header_that_lacks_a_line(tmp_path: Path, missing: str) -> None:
    header = "".join(line for line in HEADER.splitlines(keepends=True) if not line.startswith(f"#+ {missing}"))
    with pytest.raises(QuestionError, match=rf"sample\.rq: the header lacks '{missing}'"):
        read_question(written(tmp_path, header))


@pytest.mark.parametrize("header", ["#+ only text\n", "#+ id: [unclosed\n"])
def test_header_that_is_no_mapping(tmp_path: Path, header: str) -> None:
    with pytest.raises(QuestionError, match="no YAML mapping"):
        read_question(written(tmp_path, header))


@pytest.mark.parametrize("entry", ["text", "{type: iri}", "{description: A value.}"])
def test_parameter_that_is_not_described(tmp_path: Path, entry: str) -> None:
    header = HEADER + f"#+ parameters:\n#+   thing: {entry}\n".replace("{", "{{").replace("}", "}}")
    with pytest.raises(QuestionError, match=r"sample\.rq: the header lacks"):
        read_question(written(tmp_path, header))


def test_parameter_of_a_type_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="the type of thing is none of iri, string"):
        with_parameters(tmp_path, thing="colour")


def test_parameter_without_default_in_the_query(tmp_path: Path) -> None:
    header = HEADER + "#+ parameters:\n#+   thing: {{type: iri, description: A thing.}}\n"
    with pytest.raises(QuestionError, match=r"no VALUES \?thing"):
        read_question(written(tmp_path, header))


def test_unknown_parameter_says_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"no parameter 'places'. Its parameters: thing, day\."):
        with_parameters(tmp_path, thing="iri", day="date").with_values({"places": "x"})


@pytest.mark.parametrize(
    ("type_", "value", "term"),
    [
        ("iri", "circid:initiative/ceci", "<https://w3id.org/circkg/id/initiative/ceci>"),
        ("iri", "http://data.europa.eu/nuts/code/FI1C", "<http://data.europa.eu/nuts/code/FI1C>"),
        ("iri", "urn:isbn:1", "<urn:isbn:1>"),
        ("integer", "12", '"12"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("date", "2022-05-01", '"2022-05-01"^^<http://www.w3.org/2001/XMLSchema#date>'),
        ("language", "fi", '"fi"'),
        ("string", 'say "hi"', '"say \\"hi\\""'),
        ("string", "one | two", '"one" "two"'),
    ],
)
def test_value_becomes_a_term(tmp_path: Path, type_: str, value: str, term: str) -> None:
    text = with_parameters(tmp_path, thing=type_).with_values({"thing": value})
    assert f"VALUES ?thing {{ {term} }}" in text


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("iri", "Mechelen"),
        ("iri", "nowhere:x"),
        ("iri", ""),
        ("integer", "twelve"),
        ("integer", "1.5"),
        ("date", "yesterday"),
        ("date", "2022-02-30"),
    ],
)
def test_value_that_does_not_fit_its_type(tmp_path: Path, type_: str, value: str) -> None:
    with pytest.raises(QuestionError, match=f"The parameter thing takes a value of the type {type_}"):
        with_parameters(tmp_path, thing=type_).with_values({"thing": value})


ATTACKS = [
    "x> } DROP ALL #",
    "https://example.org/x> } } ; DROP ALL #",
    "circid:x> } DROP ALL #",
    'x" } DROP ALL #',
    'x\\" } DROP ALL #',
    "x\\u0022 } DROP ALL #",
    'x\n" } DROP ALL #',
    "1 } DROP ALL #",
    "2022-01-01 } DROP ALL #",
    "{ VALUES ?thing { } }",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("type_", ["iri", "integer", "date", "string", "language"])
def test_value_cannot_leave_its_term(tmp_path: Path, type_: str, attack: str) -> None:
    question = with_parameters(tmp_path, thing=type_)
    try:
        text = question.with_values({"thing": attack})
    except QuestionError:
        return
    rows = list(Store().query(text))  # type: ignore[arg-type]
    assert len(rows) == 1
    assert rows[0]["thing"].value == attack.strip()
    prepareQuery(text)


def test_one_value_cannot_open_the_block_of_another(tmp_path: Path) -> None:
    question = with_parameters(tmp_path, one="string", two="string")
    values = {"one": "VALUES ?two { } ", "two": "} DROP ALL #"}
    for given in (values, dict(reversed(values.items()))):
        (row,) = Store().query(question.with_values(given))  # type: ignore[misc]
        assert (row["one"].value, row["two"].value) == ("VALUES ?two { }", "} DROP ALL #")


def test_the_list_shows_every_name_whole() -> None:
    told = CliRunner().invoke(app, ["query", "--list"])
    assert told.exit_code == 0
    shown = {line.split("│")[1].strip() for line in told.output.splitlines() if line.count("│") > 2}
    assert all(question.id in shown for question in catalogue())
