"""The codes of faults: said in every language, documented, and each of them really given."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from circkg_loaders.contributed import codes, reference
from circkg_server.contributions import wording
from circkg_server.contributions.fault_pages import build_router

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    *sorted((ROOT / "loaders" / "circkg_loaders" / "contributed").glob("*.py")),
    *sorted((ROOT / "server" / "circkg_server" / "contributions").rglob("*.py")),
]
TEXTS = sorted((ROOT / "loaders" / "circkg_loaders" / "contributed").glob("*/*.yaml"))
MAKERS = ("Fault", "Unreadable", "_raise")
"""What is called with a code as its first argument."""


def strings(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def first_arguments(path: Path, names: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
            first = node.args[0]
            constants = [each for each in ast.walk(first) if isinstance(each, ast.Constant)]
            yield from (each.value for each in constants if isinstance(each.value, str))


def test_every_code_that_is_given_has_an_entry() -> None:
    given = {code for path in MODULES for code in first_arguments(path, MAKERS)}
    assert len(given) > 20
    assert given - set(codes.codes()) == set()


def test_every_entry_is_a_code_that_is_given() -> None:
    said = set().union(*(strings(path) for path in MODULES))
    assert [code for code in codes.codes() if code not in said] == []


def test_every_reason_is_one_of_the_catalogue_and_in_use() -> None:
    said = set().union(*(strings(path) for path in MODULES))
    parts = {"other-version-exact", "other-version-nearly", "other-version-merged", "other-version-split"}
    assert {reason for reason in codes.reasons("en") if reason not in said} <= parts | {"other-version-part"}


@pytest.mark.parametrize("language", codes.LANGUAGES)
def test_a_language_says_all_that_english_says(language: str) -> None:
    english, said = codes.texts("en"), codes.texts(language)
    assert list(said) == list(english)
    assert set(codes.reasons(language)) == set(codes.reasons("en"))
    assert list(wording.words(language)) == list(wording.words("en"))
    for code, text in said.items():
        for part in ("title", "message", "way_out"):
            own, other = getattr(text, part), getattr(english[code], part)
            assert codes.placeholders(own) == codes.placeholders(other), (code, part)
            assert own.strip() == own
            assert "  " not in own
            assert own
            assert language == "en" or own != other, (code, part)
        assert text.message.rstrip(" “”„»").endswith("."), code
        assert text.way_out.rstrip().endswith((".", "…", ",")), code


@pytest.mark.parametrize("language", codes.LANGUAGES[1:])
def test_labels_keep_their_placeholders(language: str) -> None:
    for name, text in wording.words("en").items():
        assert codes.placeholders(wording.words(language)[name]) == codes.placeholders(text), name


def test_every_code_has_an_example_that_says_all_of_its_message() -> None:
    assert set(codes.examples()) == set(codes.codes())
    for code in codes.codes():
        assert "…" not in codes.example_message(code).replace("…/id/", ""), code
        assert codes.examples()[code].wrong != codes.examples()[code].mended


def test_the_reference_of_faults_is_the_one_that_the_texts_make() -> None:
    assert (ROOT / "docs" / "faults.md").read_text(encoding="utf-8") == reference.page(), "run `make docs`"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_entry_stands_twice(path: Path) -> None:
    keys = re.findall(r"^([\w-]+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert len(keys) > 20


def test_what_a_message_names_is_never_read_as_a_message_itself() -> None:
    assert codes.filled("“{value}” of {field}", {"value": "{field}", "field": "{value}"}) == "“{field}” of {value}"


# --- the pages over HTTP ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    app.include_router(build_router())
    return TestClient(app)


@pytest.mark.parametrize("code", codes.codes())
def test_each_code_has_a_page(client: TestClient, code: str) -> None:
    page = client.get(f"/docs/faults/{code}", headers={"accept": "text/html", "accept-language": "sv, fi;q=0.9"})
    assert page.status_code == 200
    assert page.headers["content-language"] == "fi"
    assert '<html lang="fi">' in page.text
    assert codes.texts("fi")[code].title in page.text


def test_the_language_may_be_asked_for_and_programs_get_json(client: TestClient) -> None:
    told = client.get("/docs/faults/missing?lang=pl", headers={"accept": "application/json", "accept-language": "de"})
    assert told.json()["title"] == codes.texts("pl")["missing"].title
    assert "Accept-Language" in told.headers["vary"]
    all_of_them = client.get("/docs/faults", headers={"accept": "application/json"}).json()
    assert list(all_of_them) == list(codes.codes())
    assert "/docs/faults/missing" in client.get("/docs/faults").text


def test_a_code_that_there_is_not_is_a_problem_and_quotes_nothing_as_a_page(client: TestClient) -> None:
    answer = client.get("/docs/faults/%3Cscript%3E")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
