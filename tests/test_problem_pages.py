"""What goes wrong is a page to who asks for pages, and a problem for programs to everybody else."""

from __future__ import annotations

import re

import httpx
import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
WRONG = {
    "/nothing": 404, "/dumps/nothing": 404, "/set/nothing": 404, "/api/nothing": 404, "/doc/nothing/here": 404,
    "/sparql?query=nonsense": 400, "/sparql?query=ASK%20%7B%7D&snapshot=999": 404, "/graph-store": 400,
    "/update": 405, "/api/search": 400,
}  # fmt: skip


@pytest.mark.parametrize(("path", "status"), WRONG.items())
def test_a_browser_reads_in_a_page_what_went_wrong(site: str, path: str, status: int) -> None:
    problem = httpx.get(f"{site}{path}")
    assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
    assert "accept" in problem.headers.get("vary", "").lower()
    page = httpx.get(f"{site}{path}", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "accept" in page.headers["vary"].lower()
    assert page.headers["access-control-allow-origin"] == "*"
    assert page.headers.get("allow") == problem.headers.get("allow")
    assert re.search(r"<h1>[^<]+</h1>", page.text)
    assert str(status) in page.text


@pytest.mark.parametrize("path", WRONG)
def test_head_says_what_get_would(site: str, path: str) -> None:
    head = httpx.head(f"{site}{path}", headers=BROWSER)
    page = httpx.get(f"{site}{path}", headers=BROWSER)
    assert (head.status_code, head.headers["content-type"]) == (page.status_code, page.headers["content-type"])
    assert not head.content


def test_the_page_of_a_query_that_cannot_be_read_shows_line_and_place(site: str) -> None:
    query = 'SELECT * WHERE {\n  ?s "<script>" }'
    page = httpx.get(f"{site}/sparql", params={"query": query}, headers=BROWSER)
    assert "Line 2, column 3" in page.text
    assert "&#34;&lt;script&gt;&#34;" in page.text
    assert '?s "<script>"' not in page.text


def test_a_page_of_what_went_wrong_is_in_the_language_of_its_reader(site: str) -> None:
    page = httpx.get(f"{site}/nothing", headers=BROWSER | {"Accept-Language": "fi"})
    assert '<html lang="fi">' in page.text


@pytest.mark.parametrize("path", ["/nothing/%3Cscript%3Ealert(1)%3C/script%3E", "/dumps/%3Cscript%3E/1"])
def test_an_address_cannot_write_into_the_page(site: str, path: str) -> None:
    assert "<script" not in httpx.get(f"{site}{path}", headers=BROWSER).text


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/problem+json", "text/turtle, text/html;q=0.5"]
)
def test_a_program_reads_a_problem(site: str, accept: str) -> None:
    response = httpx.get(f"{site}/nothing", headers={"Accept": accept})
    assert response.json()["status"] == 404
