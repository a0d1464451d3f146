"""The pages of queries: the catalogue, each question with its answer, and the page for SPARQL, over a real server."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from pyoxigraph import Store

from circkg_loaders.prefixes import expand
from circkg_loaders.registry import DataSet, Role
from circkg_server.app import build_app
from circkg_server.linked_data.languages import PAGE_LANGUAGES
from circkg_server.query_pages import answers, listing
from circkg_server.query_pages.application import OF_PROTOCOL
from circkg_server.query_pages.cells import LONGEST
from circkg_server.questions import TYPES, by_id, catalogue, without_header
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.sparql.formats import ENDINGS
from circkg_server.store.snapshot import make
from circkg_shapes.terms import iri, literal

from .outline import outline

Serve = Callable[..., AbstractContextManager[str]]
CLIENT = httpx.Client(timeout=60)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
REGION = "which-practices-are-in-a-region"
THING = "which-sources-support-a-thing"
FEDERATED = "what-cordis-says-about-our-projects"
PAGES = (
    "/queries", "/queries?q=region", "/queries?keyword=practices", "/queries?q=zzz", f"/queries/{REGION}",
    f"/queries/{REGION}?region=nope", f"/queries/{FEDERATED}", "/queries/network-of-organisations-as-graph",
    "/queries/who-takes-part-in-an-initiative", "/query", "/query?query=ASK%20%7B%7D", "/query?query=SELECT",
    "/sparql", "/sparql?query=SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo%7D",
)  # fmt: skip


def get(site: str, path: str, accept: str = BROWSER, **headers: str) -> httpx.Response:
    return CLIENT.get(f"{site}{path}", headers={"Accept": accept, "Accept-Language": "en", **headers})


def asked(path: str, **parameters: str) -> str:
    return f"{path}?{urlencode(parameters)}"


def body_rows(text: str) -> list[str]:
    """Return the rows of the answer's table."""
    table = re.search(r'<section class="answer".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    return re.findall(r"<tr>(.*?)</tr>", table[1]) if table else []


def one_set(slug: str) -> DataSet:
    return DataSet(slug, f"Set {slug}", Role.STATED, "facts", "1.0.0", "CC-BY-4.0", "For a test.")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, serve_app: Serve) -> object:
    """Give the address of a server whose data try to leave their place."""
    archive = Archive(tmp_path_factory.mktemp("hostile"))
    thing, name = iri("https://w3id.org/circkg/id/practice/a"), iri(expand("dct:title"))
    statements = [
        (thing, name, literal('<script>alert("x")</script>', "en")),
        (thing, iri("http://example.org/home"), iri("javascript:alert(1)")),
        (thing, iri("http://example.org/page"), iri("http://example.org/?a=1&b='x'")),
        (thing, iri("http://example.org/text"), literal("a\tb\nc\\ \"d\" " + "é" * 5000)),
    ]  # fmt: skip
    with archive.writing():
        manifest = archive.next_manifest([archive.release(one_set("one"), statements)])
        make(archive, manifest)
        archive.publish(manifest)
    with serve_app(build_app(archive, replace(Settings(), readers=1))) as address:
        yield address


# -- all pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "pl"])
def test_a_page_can_be_used_by_everybody(site: str, path: str, language: str) -> None:
    response = get(site, path, **{"Accept-Language": language})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-language"] == language
    page = outline(response.text)
    assert page.page_language == language
    assert page.count["main"] == page.count["h1"] == page.count["nav"] == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    visible = re.findall(r'<(?:input(?! type="hidden")|select|textarea) id="([^"]+)"', response.text)
    assert set(visible) <= page.labelled
    assert len(page.ids) == len(set(page.ids))
    assert page.cells_without_scope == 0
    assert "<script" not in response.text
    assert "default-src 'none'" in unescape(response.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)[^"]*\.(?:js|css|woff2?|png)', response.text)


def test_words_of_the_pages_are_there_in_all_languages(site: str) -> None:
    titles = {language: outline_title(get(site, f"/queries?lang={language}").text) for language in PAGE_LANGUAGES}
    assert titles["fi"] == "Kysymykset · CircKG"
    assert len(set(titles.values())) == len(PAGE_LANGUAGES) - 1, "English and French call them alike"


def outline_title(text: str) -> str:
    found = re.search(r"<title>(.*?)</title>", text)
    assert found
    return found[1]


def test_links_of_the_pages_lead_somewhere(site: str) -> None:
    links = {
        unescape(link) for path in PAGES for link in outline(get(site, path).text).links
        if link.startswith("/") and not link.startswith("/doc?")
    }  # fmt: skip
    wanted = sorted(links)
    assert len(wanted) > 150
    for link in wanted[:: len(wanted) // 80]:
        assert get(site, link).status_code == 200, link


@pytest.mark.parametrize("path", ["/queries", f"/queries/{REGION}", "/query", f"/queries/{REGION}.csv"])
def test_every_method_is_answered_as_http_has_it(site: str, path: str) -> None:
    options = CLIENT.options(f"{site}{path}")
    assert options.status_code == 204
    assert {"GET", "HEAD", "OPTIONS"} <= set(options.headers["allow"].split(", "))
    refused = CLIENT.request("DELETE", f"{site}{path}")
    assert (refused.status_code, refused.headers["allow"]) == (405, options.headers["allow"])
    assert refused.headers["content-type"] == "application/problem+json"
    head, whole = CLIENT.head(f"{site}{path}"), CLIENT.get(f"{site}{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert {each.headers["access-control-allow-origin"] for each in (options, refused, head, whole)} == {"*"}


def test_the_description_of_the_api_names_the_paths(site: str) -> None:
    paths = get(site, "/api/openapi.json").json()["paths"]
    for path in ("/sparql", "/query", "/queries", "/queries/{id}", "/dumps"):
        assert "get" in paths[path], path
    assert [one["name"] for one in paths["/queries/{id}"]["get"]["parameters"]] == [
        "id",
        "format",
        "snapshot",
        "timeout",
    ]


# -- the catalogue ------------------------------------------------------------------------------------------------


def test_every_question_is_listed_once_under_a_subject(site: str) -> None:
    text = get(site, "/queries").text
    listed = re.findall(r'<ul class="questions">(.*?)</ul>', text, re.DOTALL)
    named = [id_ for group in listed for id_ in re.findall(r'href="/queries/([\w-]+)"', group)]
    assert sorted(named) == sorted(question.id for question in catalogue())
    assert f"{len(named)} found" in text
    for subject, group in listing.grouped(by_id().values()):
        assert all(not subject or subject in question.keywords for question in group)
        assert len({bool(question.endpoints) for question in group}) == 1


def test_what_needs_the_network_is_marked(site: str) -> None:
    text = get(site, "/queries").text
    for question in catalogue():
        entry = re.search(rf'<li><a href="/queries/{question.id}".*?</li>', text)
        assert entry
        assert ("asks elsewhere" in entry[0]) == bool(question.endpoints), question.id


def test_the_filter_finds_words_and_keywords(site: str) -> None:
    found = get(site, "/queries?q=Practices+region", "application/json").json()["queries"]
    assert REGION in [one["id"] for one in found]
    assert all("region" in f"{one['question']} {one['id']} {one['keywords']}".casefold() for one in found)
    by_keyword = get(site, "/queries?keyword=money", "application/json").json()["queries"]
    assert {one["id"] for one in by_keyword} == {one.id for one in catalogue() if "money" in one.keywords}
    assert "Nothing was found" in get(site, "/queries?q=zzz").text
    assert 'value="&lt;b&gt;"' in get(site, "/queries?q=%3Cb%3E").text


def test_programs_get_the_catalogue_as_json(site: str) -> None:
    response = get(site, "/queries", "application/json")
    entries = {one["id"]: one for one in response.json()["queries"]}
    assert set(entries) == set(by_id())
    assert entries[REGION]["parameters"] == [
        {
            "name": "region", "type": "iri", "default": "nuts:FI1C",
            "description": by_id()[REGION].parameters[0].description,
        }
    ]  # fmt: skip
    assert entries["who-takes-part-in-an-initiative"]["parameters"][0]["choices"] == expand("circ:Initiative")
    assert get(site, entries[REGION]["query"].removeprefix(site)).headers["content-type"] == "application/sparql-query"
    again = get(site, "/queries", "application/json", **{"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get(site, "/queries", "image/png").status_code == 406


def test_no_parameter_is_named_like_one_of_the_protocol() -> None:
    assert not {parameter.name for one in catalogue() for parameter in one.parameters} & {*OF_PROTOCOL, "query"}


# -- a question ---------------------------------------------------------------------------------------------------


def test_a_question_shows_its_form_its_answer_and_its_query(site: str) -> None:
    text = get(site, asked(f"/queries/{REGION}", region="nuts:FRL0")).text
    wanted = get(site, asked(f"/queries/{REGION}.csv", region="nuts:FRL0"), "*/*").text
    rows = list(csv.DictReader(io.StringIO(wanted)))
    shown = body_rows(text)
    assert len(shown) == len(rows) > 1
    assert f"Rows: {len(rows)} · " in text
    for row, html in zip(rows, shown, strict=True):
        href = row["practice"].replace("https://w3id.org/circkg/id/", "/doc/")
        assert re.search(rf'<a href="{href}"[^>]*>{re.escape(row["title"][:40])}', unescape(html)), "a link by its name"
    assert '<input id="p-region" name="region" value="nuts:FRL0"' in text
    assert "VALUES ?region { &lt;http://data.europa.eu/nuts/code/FRL0&gt; }" in text
    assert "#+ id:" not in text


def test_choices_come_from_the_graph_in_the_language_of_the_reader(site: str) -> None:
    text = get(site, "/queries/which-practices-apply-a-strategy?lang=fi").text
    select = re.search(r'<select id="p-strategy".*?</select>', text, re.DOTALL)
    assert select
    options = re.findall(r'<option value="([^"]+)"( selected)?>([^<]+)', select[0])
    assert len(options) == 21
    assert [value for value, chosen, _ in options if chosen] == [f"{expand('circv:circular-strategy')}/share"]
    assert "jakaminen" in select[0].casefold()
    other = options[0][0]
    again = get(site, asked("/queries/which-practices-apply-a-strategy", strategy=other)).text
    assert f'<option value="{other}" selected>' in again


def test_a_choice_that_is_none_is_shown_as_it_was_given(site: str) -> None:
    text = get(site, asked("/queries/which-practices-apply-a-strategy", strategy="circv:theme/food")).text
    assert f'<option value="{expand("circv:theme/food")}" selected>circv:theme/food</option>' in text


def test_an_empty_field_means_the_default_and_several_values_are_one_question(site: str) -> None:
    default = get(site, f"/queries/{REGION}.csv", "*/*").text
    assert get(site, f"/queries/{REGION}.csv?region=&snapshot=", "*/*").text == default
    both = get(site, f"/queries/{REGION}.csv?region=nuts:FI1C&region=nuts:FRL0", "*/*").text
    assert both == get(site, asked(f"/queries/{REGION}.csv", region="nuts:FI1C|nuts:FRL0"), "*/*").text
    assert len(both.splitlines()) > len(default.splitlines())


@pytest.mark.parametrize(
    ("path", "parameter", "said"),
    [
        (asked(f"/queries/{REGION}", region="FI1C"), "region", "type iri"),
        (asked(f"/queries/{REGION}", region="nuts:FI } ?s ?p ?o . VALUES ?x { 1"), "region", "type iri"),
        (asked(f"/queries/{REGION}", place="nuts:FI"), "place", "Its parameters: region"),
        (asked("/queries/which-initiatives-ran-on-a-day", day="yesterday"), "day", "type date"),
        (asked("/queries/timeline", x="1"), "x", "Its parameters: none"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named_with_what_it_takes(site: str, path: str, parameter: str, said: str) -> None:
    for accept in ("application/json", "text/csv", "application/sparql-query"):
        response = get(site, path, accept)
        assert response.status_code == 400
        problem = response.json()
        assert (problem["title"], problem["parameter"]) == ("A parameter does not fit", parameter)
        assert said in problem["detail"]
        assert problem["takes"]
    page = get(site, path)
    assert page.status_code == 400
    assert said in unescape(page.text)
    if f'name="{parameter}"' in page.text:
        assert re.search(rf'name="{parameter}"[^>]*aria-invalid="true"', page.text)
    assert "VALUES ?x" not in page.text.partition("<pre")[2], "what does not fit comes into no query"


@pytest.mark.parametrize(
    ("ending", "accept", "media_type"),
    [
        ("json", "application/sparql-results+json", "application/sparql-results+json"),
        ("srx", "application/xml", "application/sparql-results+xml"), ("csv", "text/csv", "text/csv"),
        ("tsv", "text/tab-separated-values", "text/tab-separated-values"),
        ("rq", "application/sparql-query", "application/sparql-query"), ("html", "*/*", "text/html"),
    ],
)  # fmt: skip
def test_a_question_comes_in_every_form_by_ending_format_and_accept(
    site: str, ending: str, accept: str, media_type: str
) -> None:
    path = f"/queries/{REGION}"
    responses = [
        get(site, f"{path}.{ending}", "*/*"), get(site, f"{path}?format={ending}", "text/plain"),
        get(site, path, accept),
    ]  # fmt: skip
    assert {response.status_code for response in responses} == {200}
    assert {response.headers["content-type"].partition(";")[0] for response in responses} == {media_type}
    assert all("accept" in response.headers["vary"].casefold() for response in responses)


def test_a_graph_comes_as_triples_and_as_a_table_of_them(site: str) -> None:
    path = "/queries/network-of-organisations-as-graph"
    turtle = get(site, f"{path}.ttl", "*/*")
    assert turtle.headers["content-type"] == "text/turtle; charset=utf-8"
    lines = get(site, f"{path}.nt", "*/*").text.splitlines()
    page = get(site, path).text
    assert f"Statements: {len(lines):,}" in page
    assert len(body_rows(page)) == min(len(lines), answers.ROWS)
    assert f'href="{path}.ttl"' in page
    assert get(site, f"{path}.csv", "*/*").status_code == 406


def test_an_answer_is_that_of_the_endpoint_with_its_headers(site: str) -> None:
    text = get(site, f"/queries/{REGION}.rq", "*/*").text
    assert text == by_id()[REGION].path.read_text(encoding="utf-8")
    here = get(site, f"/queries/{REGION}", "text/csv")
    there = CLIENT.get(f"{site}/sparql", params={"query": without_header(text)}, headers={"Accept": "text/csv"})
    assert here.content == there.content
    for name in ("etag", "x-circkg-snapshot", "content-type", "cache-control", "content-disposition", "vary"):
        assert here.headers[name] == there.headers[name], name
    again = get(site, f"/queries/{REGION}", "text/csv", **{"If-None-Match": here.headers["etag"]})
    assert again.status_code == 304
    for wrong, status in (("snapshot=99", 404), ("snapshot=x", 400), ("timeout=0", 400)):
        assert get(site, f"/queries/{REGION}?{wrong}", "text/csv").status_code == status
        assert get(site, f"/queries/{REGION}?{wrong}").status_code == status


def test_the_query_text_holds_the_values(site: str) -> None:
    text = get(site, asked(f"/queries/{REGION}.rq", region="nuts:FRL0"), "*/*").text
    assert "VALUES ?region { <http://data.europa.eu/nuts/code/FRL0> }" in text
    Store().query(text)


def test_a_page_is_known_by_a_tag_and_not_made_again(site: str) -> None:
    first = get(site, f"/queries/{REGION}")
    assert first.headers["etag"].startswith('W/"')
    assert first.headers["x-circkg-snapshot"] == "1"
    for coding in ("identity", "gzip", "br"):
        tag = get(site, f"/queries/{REGION}", **{"Accept-Encoding": coding}).headers["etag"]
        again = get(site, f"/queries/{REGION}", **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b""), coding
    in_finnish = get(site, f"/queries/{REGION}", **{"If-None-Match": first.headers["etag"], "Accept-Language": "fi"})
    assert in_finnish.status_code == 200
    other = get(site, f"/queries/{REGION}?region=nuts:FRL0", **{"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_the_permanent_address_names_the_snapshot(site: str) -> None:
    text = get(site, asked(f"/queries/{REGION}", region="nuts:FRL0")).text
    link = re.search(r'<a rel="bookmark" href="([^"]+)"', text)
    assert link
    assert unescape(link[1]) == f"/queries/{REGION}?region=nuts%3AFRL0&snapshot=1"
    assert body_rows(get(site, unescape(link[1])).text) == body_rows(text)
    cite = re.search(r'href="(/cite\?[^"]+)"', text)
    assert cite
    assert "snapshot 1" in get(site, unescape(cite[1])).text


def test_an_unknown_question_is_not_found(site: str) -> None:
    for path in ("/queries/nope", f"/queries/{REGION}.xlsx", "/queries/..%2f..%2fsecret", f"/queries/{REGION}/x"):
        response = get(site, path, "application/json")
        assert response.status_code == 404, path
        assert response.headers["content-type"] == "application/problem+json"


# -- other endpoints ----------------------------------------------------------------------------------------------


def test_other_endpoints_are_asked_only_when_the_reader_says_so(site: str) -> None:
    page = get(site, f"/queries/{FEDERATED}")
    assert page.status_code == 200
    assert "asks elsewhere" in page.text
    assert '<section class="answer"' not in page.text
    assert '<button type="submit" name="format" value="html">' in page.text
    refused = get(site, f"/queries/{FEDERATED}?format=html")
    assert refused.status_code == 403
    assert "CIRCKG_SERVICE" in refused.text
    problem = get(site, f"/queries/{FEDERATED}", "text/csv")
    assert problem.status_code == 403
    assert f"/queries/{FEDERATED}.rq" in problem.json()["detail"]
    assert get(site, f"/queries/{FEDERATED}.rq", "*/*").status_code == 200


# -- the page for SPARQL ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sparql", "/query"])
def test_a_browser_gets_a_form_and_then_a_table(site: str, path: str) -> None:
    form = get(site, path).text
    assert '<form action="/query" method="get">' in form
    assert '<section class="answer"' not in form
    query = unescape(form.partition("<textarea")[2].partition("\n")[2].partition("</textarea>")[0])
    page = get(site, asked(path, query=query))
    assert page.status_code == 200
    assert page.headers["x-circkg-query-id"]
    rows = body_rows(page.text)
    assert len(rows) > 3
    assert re.match(r'<td><a href="/def/barrier-type/[\w-]+"[^>]*>[A-Z]', rows[0]), "an IRI of ours by its name"
    assert re.search(r"Rows: \d+ · \d+\.\d{3} s · ", page.text)
    for form_name in ("json", "xml", "csv", "tsv"):
        link = re.search(rf'href="(/sparql\?query=[^"]+format={form_name})"', page.text)
        assert link
        assert get(site, unescape(link[1]), "*/*").status_code == 200


def test_programs_get_what_they_got(site: str) -> None:
    query = {"query": "SELECT * { ?s ?p ?o } LIMIT 1"}
    for accept in ("*/*", "application/json", "text/html;q=0.5, text/csv", "text/html, text/csv"):
        kind = CLIENT.get(f"{site}/sparql", params=query, headers={"Accept": accept}).headers["content-type"]
        assert not kind.startswith("text/html"), accept
    assert get(site, "/sparql", "text/turtle").headers["content-type"].startswith("text/turtle")
    unfit = get(site, asked("/query", query="ASK {}", format="csv"))
    assert (unfit.status_code, unfit.headers["content-type"]) == (406, "text/html; charset=utf-8")
    assert "This answer comes as" in unfit.text
    data = get(site, asked("/query", format="csv", **query))
    assert data.headers["content-type"] == "text/csv; charset=utf-8"
    explicit = CLIENT.get(f"{site}/sparql", params={**query, "format": "html"}, headers={"Accept": "*/*"})
    assert explicit.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/sparql", "/query"])
def test_a_query_may_be_posted(site: str, path: str) -> None:
    query = "# " + "x" * 100_000 + "\nASK { ?s a <http://example.org/none> }"
    response = CLIENT.post(f"{site}{path}", data={"query": query}, headers={"Accept": BROWSER})
    assert response.status_code == 200
    assert '<p class="lead">No</p>' in response.text
    itself = CLIENT.post(
        f"{site}{path}", content="ASK {}", headers={"Accept": BROWSER, "Content-Type": "application/sparql-query"}
    )
    assert '<p class="lead">Yes</p>' in itself.text
    assert CLIENT.post(f"{site}{path}", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_query_that_no_address_holds_is_not_repeated_in_links(site: str) -> None:
    query = "# " + "<é>" * 50_000 + "\nSELECT * { ?s ?p ?o } LIMIT 2"
    page = CLIENT.post(f"{site}/query", data={"query": query}, headers={"Accept": BROWSER}).text
    assert len(body_rows(page)) == 2
    assert len(page) < 1_200_000, "the query stands twice, in the form and behind the buttons"
    assert '<form action="/query" method="post">' in page
    buttons = re.findall(r'<button type="submit" name="format" value="(\w+)">', page)
    assert buttons == ["json", "xml", "csv", "tsv"]
    hidden = unescape(page.partition('<textarea name="query" hidden')[2].partition("\n")[2].partition("</textarea>")[0])
    data = CLIENT.post(f"{site}/sparql", data={"query": hidden, "format": "csv"}, headers={"Accept": BROWSER})
    assert data.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(data.text.splitlines()) == 3
    long = get(site, asked(f"/queries/{REGION}", region="nuts:FI" * 2000))
    assert long.status_code == 414


def test_a_fault_is_shown_at_its_place(site: str) -> None:
    query = "SELECT * {\n  ?s a circ:Barrier .\n}"
    page = get(site, asked("/query", query=query))
    assert page.status_code == 400
    assert "Line 2, column 8" in page.text
    assert "Write PREFIX circ: &lt;https://w3id.org/circkg/def#&gt;" in page.text
    assert re.search(r"<pre><code>  \?s a circ:Barrier \.</code>\n {7}\^</pre>", page.text)
    assert '<textarea id="query" name="query" spellcheck="false" autocapitalize="off" aria-invalid="true"' in page.text
    assert unescape(page.text.partition("<textarea")[2].partition("\n")[2].partition("</textarea>")[0]) == query
    for wrong, status in (
        ("INSERT DATA { <a:a> <a:b> <a:c> }", 400),
        ("", 400),
        ("SELECT * { SERVICE <http://a/> {} }", 403),
    ):
        refused = get(site, asked("/query", query=wrong))
        assert refused.status_code == status, wrong
        assert 'role="alert"' in refused.text


def test_a_large_answer_is_counted_whole_and_shown_in_part(site: str) -> None:
    query = "SELECT ?s ?p ?o { ?s ?p ?o }"
    count = CLIENT.get(f"{site}/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).json()
    total = int(count["results"]["bindings"][0]["n"]["value"])
    assert total > 10_000
    page = get(site, asked("/query", query=query)).text
    assert len(body_rows(page)) == answers.ROWS == 500
    assert f"Rows: {total:,}: <strong>the first 500 are shown</strong>" in page
    assert "The whole answer: " in page


def test_a_limit_that_is_met_is_told_on_the_page(archive: Archive, built: object, serve_app: Serve) -> None:
    assert built
    settings = replace(Settings(), readers=1, max_rows=1000, buffer=1000)
    with serve_app(build_app(archive, settings)) as address:
        page = get(address, asked("/query", query="SELECT ?s ?p ?o { ?s ?p ?o }"))
    assert page.status_code == 413
    assert "more than 1,000 rows" in page.text
    assert body_rows(page.text) == []


def test_data_cannot_leave_their_place(hostile: str) -> None:
    page = get(hostile, asked("/query", query="SELECT ?p ?o { ?s ?p ?o } ORDER BY ?p")).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page
    assert 'href="javascript:' not in page
    assert "javascript:alert(1)" in page, "shown, but not as a link"
    assert "?a=1&amp;b=&#39;x&#39;" in page
    assert "a\tb\nc\\ &#34;d&#34;" in page
    assert "é" * (LONGEST - 20) in page
    assert "é" * (LONGEST + 1) not in page
    assert "Long texts are shortened here" in page
    named = get(hostile, asked("/query", query="SELECT ?s { ?s ?p ?o } LIMIT 1")).text
    assert "<script" not in named
    for value in ('"><script>x</script>', "</textarea><script>x</script>"):
        assert "<script" not in get(hostile, asked("/query", query=value, snapshot=value, timeout=value)).text
        assert "<script" not in get(hostile, asked(f"/queries/{REGION}", region=value, lang=value)).text
        assert "<script" not in get(hostile, asked("/queries", q=value, keyword=value)).text


def test_terms_of_all_kinds_are_shown(site: str) -> None:
    query = """PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
               SELECT * { VALUES (?a ?b ?c ?d ?e) { ("x"@fi 5 true "2020"^^xsd:gYear UNDEF) }
               BIND(<http://example.org/a%20b> AS ?f) BIND(BNODE() AS ?g) }"""
    (row,) = body_rows(get(site, asked("/query", query=query)).text)
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert cells[:5] == ['<span lang="fi">x</span>', *(f"<span>{text}</span>" for text in ("5", "true", "2020", ""))]
    assert cells[5].startswith('<a href="http://example.org/a%20b" class="outside" rel="external noopener">')
    assert cells[6].startswith("<span>_:")


def test_answers_without_rows_or_columns_are_said_to_be(site: str) -> None:
    assert (
        "The answer has no rows." in get(site, asked("/query", query="SELECT ?s { ?s a <http://example.org/no> }")).text
    )
    assert "Rows: 1 · " in get(site, asked("/query", query="SELECT * {}")).text
    assert (
        "Statements: 0"
        in get(site, asked("/query", query="CONSTRUCT { ?s ?p ?o } { ?s a <http://example.org/no> . ?s ?p ?o }")).text
    )


def test_an_earlier_snapshot_is_asked_and_kept_in_the_form(
    tmp_path: Path, archive: Archive, built: object, serve: Serve
) -> None:
    assert built
    store = Archive(tmp_path / "store")
    shutil.copytree(archive.folder, store.folder)
    manifest = store.current()
    assert manifest
    with store.writing():
        following = store.next_manifest([*manifest.releases, store.release(one_set("more"), [])])
        make(store, following)
        store.publish(following)
    with serve(store) as address:
        page = get(address, f"/queries/{REGION}?snapshot={manifest.number}")
        assert page.headers["x-circkg-snapshot"] == str(manifest.number)
        assert f'<input type="hidden" name="snapshot" value="{manifest.number}">' in page.text
        assert len(body_rows(page.text)) == len(body_rows(get(address, f"/queries/{REGION}").text)) > 5


def test_pages_work_under_a_sub_path(archive: Archive, built: object, serve: Serve) -> None:
    assert built
    with serve(archive, "/circkg") as address:
        root = address.removesuffix("/circkg")
        for path in (
            f"/queries/{REGION}",
            "/queries",
            asked("/query", query="SELECT * { ?s a <http://www.w3.org/ns/org#Organization> }"),
        ):
            page = get(address, path)
            assert page.status_code == 200
            links = {unescape(link) for link in outline(page.text).links if link.startswith("/")}
            assert links
            assert all(link.startswith("/circkg/") for link in links), links
            for link in sorted(links)[:: max(len(links) // 10, 1)]:
                assert get(root, link).status_code == 200, link


def test_an_open_instance_answers_on_pages_too(
    tmp_path: Path, serve_app: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCKG_WRITES", "open")
    with serve_app(build_app(Archive(tmp_path / "store"), replace(Settings(), readers=1))) as address:
        sent = CLIENT.post(f"{address}/update", data={"update": "INSERT DATA { <http://a/> <http://b/> 'c' }"})
        assert sent.is_success
        page = get(address, asked("/query", query="SELECT * { ?s ?p ?o }"))
        assert len(body_rows(page.text)) == 1
        assert page.headers["cache-control"] == "no-store"
        assert 'rel="bookmark"' not in page.text


def test_what_the_documentation_asks_is_answered(site: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / "query-catalogue.md").read_text(encoding="utf-8")
    lines = re.findall(r"^curl (?:-H 'Accept: ([^']+)' )?'http://127\.0\.0\.1:8000([^']+)'$", text, re.MULTILINE)
    assert len(lines) == text.count("\ncurl ") == 5
    for accept, path in lines:
        response = get(site, path, accept or "*/*")
        assert response.status_code == 200, path
        assert not response.headers["content-type"].startswith("text/html"), path
    for kind in TYPES:
        assert f"`{kind}`" in text
    for ending in ENDINGS:
        assert f"`{ending}`" in text


# -- files and icon -----------------------------------------------------------------------------------------------


def test_every_file_of_now_is_listed_with_its_checksum(site: str) -> None:
    listed = get(site, "/dumps", "application/json").json()["files"]
    page = get(site, "/dumps").text
    catalogue_ = get(site, "/releases.json").json()
    assert {one["set"] for one in listed} == set(catalogue_)
    for one in listed[:: len(listed) // 12]:
        path = one["url"].removeprefix(site)
        assert f'href="{path}"' in page
        assert one["sha256"] in page
        head = CLIENT.head(one["url"])
        assert int(head.headers["content-length"]) == one["bytes"]
        assert get(site, f"{path}.sha256").text.startswith(one["sha256"])
    assert {"licence", "issued", "version", "rights"} <= set(listed[0])


def test_the_icon_is_one_of_ours(site: str) -> None:
    response = get(site, "/favicon.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.text.startswith("<svg")
    assert len(response.content) < 1000
    assert CLIENT.head(f"{site}/favicon.svg").status_code == 200
    assert '<link rel="icon" href="/favicon.svg"' in get(site, "/").text
