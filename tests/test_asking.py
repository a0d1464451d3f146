"""Answers in a terminal."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from rich.console import Console

from circkg_server import asking
from circkg_server.questions import QuestionError, find
from circkg_server.releases.archive import Archive


@pytest.mark.usefixtures("built")
def test_a_text_with_square_brackets_is_shown_as_it_is(archive: Archive) -> None:
    found = asking.ask_store(archive, 'SELECT ("[/b] [red]x" AS ?text) {}', "table")
    out = io.StringIO()
    Console(file=out, width=80).print(found)
    assert "[/b] [red]x" in out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff\xfe", "Save it as UTF-8"), (b"#+ : [\nASK {}", "no YAML mapping"), (b"#+ a\nASK {}", "no YAML mapping")],
)
def test_a_query_file_that_cannot_be_read_is_one_clear_error(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.rq"
    file.write_bytes(content)
    with pytest.raises(QuestionError, match=r"^mine\.rq") as error:
        find(str(file))
    assert says in str(error.value)


class _Elsewhere(BaseHTTPRequestHandler):
    """An endpoint of another make: it answers with the status, type and text that the address asks for."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        said = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.send_response(int(said["status"]))
        self.send_header("Content-Type", said["type"])
        if "retry" in said:
            self.send_header("Retry-After", said["retry"])
        self.end_headers()
        self.wfile.write(said["text"].encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(address: str, query: str = "ASK {}", format_: str = "table") -> str:
    with pytest.raises(QuestionError) as error:
        asking.ask_endpoint(address, query, format_)
    return str(error.value)


def test_a_refused_query_is_told_with_status_detail_line_and_column(site: str) -> None:
    said = refusal(f"{site}/sparql", "SELECT * WHERE {\n  ?s ?p }")
    assert said.startswith(f"{site}/sparql answered 400: The query is not SPARQL. Line 2, column 3: ")
    assert "Each triple has a subject, a predicate and an object." in said
    assert "QueryBadFormed" not in said
    assert "b'" not in said


@pytest.mark.parametrize("status", [400, 401, 404, 406, 414, 429, 500, 503])
def test_a_problem_is_told_whatever_its_status(elsewhere: str, status: int) -> None:
    problem = quote('{"title": "No", "detail": "It is not so.", "line": 3, "column": 14}')
    said = refusal(f"{elsewhere}?status={status}&type=application/problem%2Bjson&text={problem}&retry=5")
    assert said.partition(" answered ")[2] == (
        f"{status}: No. It is not so. Line 3, column 14. Try again in 5 seconds."
    )


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("text/plain", "Virtuoso 37000 Error\n SP030", "Bad Request. Virtuoso 37000 Error SP030."),
        ("text/html", "<h1>Oh</h1>", "Bad Request."),
        ("application/json", "[" * 20_000, "Bad Request."),
        ("application/problem+json", "[1]", "Bad Request."),
    ],
)
def test_a_refusal_in_another_form_is_told_as_far_as_it_can_be_read(
    elsewhere: str, kind: str, text: str, told: str
) -> None:
    said = refusal(f"{elsewhere}?status=400&type={quote(kind)}&text={quote(text)}")
    assert said.partition(" answered ")[2] == f"400: {told}"


@pytest.mark.parametrize("text", ["<html>", "{}", "[]", '{"head": {}}', '{"head": {"vars": ["a"]}, "results": 5}'])
def test_what_is_no_result_is_one_clear_error(elsewhere: str, text: str) -> None:
    said = refusal(f"{elsewhere}?status=200&type=text/html&text={quote(text)}")
    assert said.endswith("answered with text/html that is no result of a query.")


@pytest.mark.parametrize(
    "address", ["sparql", "ftp://a/b", "file:///etc/hostname", "http://[::1", "http://", "http://a:b/"]
)
def test_what_is_no_address_of_the_web_is_not_asked(address: str) -> None:
    assert refusal(address, format_="csv").startswith(f"{address!r} is no address of an endpoint.")


def test_an_endpoint_that_is_not_there_is_one_clear_error() -> None:
    said = refusal("http://127.0.0.1:1/")
    assert said.startswith("http://127.0.0.1:1/ did not answer: ")
    assert "urlopen" not in said


def test_an_update_is_not_sent(elsewhere: str) -> None:
    for query in ("DELETE WHERE { ?s ?p ?o }", "# SELECT\nINSERT DATA { <a:a> <a:a> 1 }", "CLEAR ALL"):
        assert "This is an update" in refusal(elsewhere, query)


def test_what_is_no_query_warns_of_nothing(site: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "There is no query" in refusal(f"{site}/sparql", " ")


@pytest.mark.usefixtures("built")
def test_an_answer_orders_no_terminal_about(archive: Archive) -> None:
    found = asking.ask_store(archive, 'SELECT ("\\u001b[2J" AS ?text) {}', "table")
    out = io.StringIO()
    Console(file=out, width=80).print(found)
    assert "\x1b" not in out.getvalue()
    assert "␛[2J" in out.getvalue()
