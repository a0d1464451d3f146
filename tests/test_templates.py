"""Templates are had by command and over HTTP."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shlex
from pathlib import Path

import openpyxl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from circkg_loaders.contributed.codes import LANGUAGES
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.languages import LANGUAGES as EUROPE
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.templates.files import Templates
from circkg_server.app import build_app
from circkg_server.cli import app
from circkg_server.contributions.template_routes import build_router
from circkg_server.releases.archive import Archive

KINDS = [form.key for form in our_forms()]
MANY = "&".join(f"texts={tag}" for tag in EUROPE)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def client() -> TestClient:
    served = FastAPI()
    served.include_router(build_router())
    return TestClient(served)


def circkg(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["template", *arguments])
    return done.exit_code, done.output


def test_the_list_names_every_kind() -> None:
    for arguments in ((), ("--list",), ("--list", "--lang", "fi")):
        code, told = circkg(*arguments)
        assert code == 0
        assert all(kind in told for kind in KINDS)
    assert "Käytäntö" in circkg("--list", "--lang", "fi")[1]


def test_a_workbook_is_written_under_the_name_of_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "pl_PL.UTF-8")
    assert circkg("topic", "--text-language", "pl", "--text-language", "uk") == (0, "topic.xlsx\n")
    page = openpyxl.load_workbook(tmp_path / "topic.xlsx").worksheets[0]
    assert [cell.value for cell in page[3]][1:3] == ["Nazwa (pl) *", "Nazwa (uk)"]


def test_a_text_table_comes_with_metadata_that_name_it(tmp_path: Path) -> None:
    code, told = circkg("topic", "-o", str(tmp_path / "themes of ours.csv"), "--lang", "fr")
    assert code == 0
    assert told.split("\n")[1].endswith("themes of ours.csv-metadata.json")
    (header,) = csv.reader(io.StringIO((tmp_path / "themes of ours.csv").read_text(encoding="utf-8-sig")))
    metadata = json.loads((tmp_path / "themes of ours.csv-metadata.json").read_text(encoding="utf-8"))
    assert metadata["url"] == "themes of ours.csv"
    assert len(header) == len([column for column in metadata["tableSchema"]["columns"] if "virtual" not in column])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("practise",), "Is practice meant?"),
        (("practice", "-o", "a.ods"), "must end in .xlsx or .csv"),
        (("practice", "--lang", "sv"), "The languages: en, pt, fi"),
        (("practice", "-o", "no/such/folder/a.xlsx"), "No such file or directory"),
    ],
)
def test_what_cannot_be_had_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = circkg(*arguments)
    assert code == 2
    assert told in " ".join(said.split())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    assert circkg("topic", "-o", str(path))[0] == 2
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]
    assert circkg("topic", "-o", str(path), "--force")[0] == 0
    assert "mine" not in path.read_text(encoding="utf-8-sig")


PAGE = (Path(__file__).resolve().parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) >= 4
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "circkg"
        if arguments[0] == "validate":
            fill_in(tmp_path / arguments[1])
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "practices.xlsx", "amounts.csv", "amounts.csv-metadata.json",
    }  # fmt: skip


def fill_in(path: Path) -> None:
    """Fill in what is needed as the page says, and no more."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    columns = {str(cell.value).removesuffix(" *"): cell.column for cell in page[3]}
    row = {
        "Nimi (fi)": "Lelukirjasto", "Teemat": "kiertotalous; liikkuminen", "Esiin nostanut aloite": "CECI",
        "Maa": "Suomi", "Alku": "2022-05", "Lähde": "https://example.org/toys",
    }  # fmt: skip
    assert {str(cell.value) for cell in page[3] if str(cell.value).endswith("*")} <= {f"{name} *" for name in row}
    for name, text in row.items():
        page.cell(4, columns[name]).value = text
    book.save(path)


@pytest.mark.parametrize("option", ["-o", "--lang", "--text-language", "--rows", "--force"])
def test_the_page_tells_every_option(option: str) -> None:
    assert f"`{option}" in PAGE


def test_the_list_over_http_leads_to_the_files(client: TestClient) -> None:
    answer = client.get("/api/templates", headers={"accept-language": "sv, fi;q=0.5"})
    said = answer.json()
    assert answer.headers["content-language"] == said["language"] == "fi"
    assert said["languages"] == list(LANGUAGES)
    assert [each["kind"] for each in said["templates"]] == KINDS
    topic = next(each for each in said["templates"] if each["kind"] == "topic")
    assert topic["columns"][1] == {"name": "label_fi", "title": "Nimi (fi) *", "required": True}
    for file in topic["files"]:
        given = client.get(file["href"])
        assert given.status_code == 200
        assert given.headers["content-type"].partition(";")[0] == file["type"]


def test_links_have_the_path_under_which_the_server_stands() -> None:
    served = FastAPI()
    served.include_router(build_router())
    behind = TestClient(served, root_path="/graph")
    (file, *_) = behind.get("/api/templates").json()["templates"][0]["files"]
    assert file["href"].startswith("/graph/api/templates/action.xlsx?lang=en")


def test_a_template_over_http_is_that_of_the_command(client: TestClient) -> None:
    answer = client.get("/api/templates/topic.xlsx?lang=de&texts=de&texts=sv&rows=50")
    assert answer.headers["content-type"] == XLSX
    assert answer.headers["content-disposition"] == 'attachment; filename="topic.xlsx"'
    assert answer.headers["content-language"] == "de"
    assert answer.content == Templates().file("topic.xlsx", "de", ("de", "sv"), 50)
    again = client.get(
        "/api/templates/topic.xlsx?lang=de&texts=de&texts=sv&rows=50",
        headers={"if-none-match": answer.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    head = client.head("/api/templates/topic.xlsx?lang=de")
    assert (head.status_code, head.content) == (200, b"")


def test_a_text_table_says_where_its_metadata_are(client: TestClient) -> None:
    answer = client.get("/api/templates/topic.csv?lang=fi&texts=fi&texts=et")
    target = answer.headers["link"].partition(">")[0].removeprefix("<")
    metadata = client.get(f"/api/templates/{target}")
    assert metadata.headers["content-type"] == "application/csvm+json"
    names = [column.get("name") for column in metadata.json()["tableSchema"]["columns"]]
    assert "label_et" in names


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("practise.xlsx", 404), ("practice.ods", 404), ("practice", 404), ("..%2Fpractice.xlsx", 404),
        ("practice.csv?texts=klingon", 400), ("practice.xlsx?rows=0", 400), ("practice.xlsx?rows=100001", 400),
        (f"practice.csv?{MANY}", 400),
    ],
)  # fmt: skip
def test_what_there_is_not_is_a_problem(client: TestClient, path: str, status: int) -> None:
    answer = client.get(f"/api/templates/{path}")
    assert answer.status_code == status
    if "%2F" not in path:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_templates_follow_what_is_known() -> None:
    """Lists are made anew when something else is published, and kept as long as nothing is."""
    knowns = [Known.of_rooms()]
    served = FastAPI()
    served.include_router(build_router(lambda: knowns[-1]))
    client = TestClient(served)

    def digest() -> str:
        return hashlib.sha256(client.get("/api/templates/topic.xlsx?lang=en").content).hexdigest()

    first = digest()
    assert digest() == first
    thing = "<https://w3id.org/circkg/id/initiative/new-one>"
    knowns.append(
        knowns[0].with_things(
            [
                (
                    thing,
                    "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>",
                    "<https://w3id.org/circkg/def#Initiative>",
                ),
                (thing, "<http://purl.org/dc/terms/title>", '"A new one"@en'),
            ]
        )
    )
    assert digest() != first
    knowns.pop()
    assert digest() == first


def test_the_server_has_the_routes(archive: Archive) -> None:
    answer = TestClient(build_app(archive)).get("/api/templates?lang=es")
    assert answer.status_code == 200
    assert answer.json()["language"] == "es"
