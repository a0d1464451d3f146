"""SERVICE: real endpoints on this machine are asked through the gate, and what must not be asked never is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pyoxigraph import BlankNode, QueryResultsFormat, QuerySolutions, RdfFormat, Store, parse_query_results

from circkg_server.federation import (
    AddressError,
    FederationError,
    FederationSettings,
    Gate,
    NotAllowedError,
    RemoteTimeoutError,
    Rewritten,
    TooMuchError,
    features,
    needs_federation,
    refuse_load,
    rewrite,
)
from circkg_server.federation import gate as gate_module
from circkg_server.federation.addresses import Address, is_public
from circkg_server.federation.settings import PRESETS
from circkg_server.settings import SettingsError
from circkg_server.sparql.tokens import QueryError

RESULTS = "application/sparql-results+json"
SUITE = Path(__file__).resolve().parents[2] / "shared" / "suites" / "w3c-sparql" / "sparql" / "sparql11"

REMOTE = """
PREFIX e: <http://example.org/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
INSERT DATA {
  e:a e:name "Ghent"@en, "Gent"@nl ; e:size 262 ; e:odd '''a "quoted" \\\\ text
with 	tabs and ünïcode ☃ 𝄞''' .
  e:b e:name "Łódź"@pl ; e:size 1.5 ; e:when "2024-01-01"^^xsd:date ; e:own "x"^^<http://example.org/type> .
  e:c e:size "01"^^xsd:integer ; e:near e:a .
}"""
LOCAL = """
PREFIX e: <http://example.org/>
INSERT DATA { e:a e:label "here a" . e:b e:label "here b" . e:d e:label "here d" ; e:near e:a .
  GRAPH e:g { e:a e:inside e:g } }"""


class Handler(BaseHTTPRequestHandler):
    """A SPARQL endpoint that can misbehave in many ways."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer what nobody asks for."""
        self.server.seen.append((self.path, ""))
        self.reply(b"secret", content_type="text/plain")

    def do_POST(self) -> None:
        """Remember the question and behave as told."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = body if "query" in self.headers.get("Content-Type", "") else parse_qs(body).get("query", [""])[0]
        self.server.seen.append((self.path, query))
        self.server.headers.append(dict(self.headers))
        behave = self.server.behaviours.get(self.path, Handler.evaluate)
        behave(self)

    def evaluate(self) -> None:
        """Answer as an endpoint should."""
        store = self.server.stores.get(self.path, self.server.store)
        try:
            answer = store.query(self.server.seen[-1][1])
        except (SyntaxError, ValueError) as error:
            self.reply(str(error).encode(), status=400, content_type="text/plain")
            return
        assert isinstance(answer, QuerySolutions)
        self.reply(answer.serialize(format=QueryResultsFormat.JSON) or b"")

    def reply(self, content: bytes, status: int = 200, content_type: str = RESULTS, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
        return


class Server(ThreadingHTTPServer):
    """A server that remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.store = Store()
        self.stores: dict[str, Store] = {}
        self.behaviours: dict[str, Callable[[Handler], None]] = {}
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count the connections."""
        self.connections += 1
        return super().get_request()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The start of the server's addresses."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def remote() -> Iterator[Server]:
    server = Server()
    server.store.update(REMOTE)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def canary() -> Iterator[Server]:
    """Give a server that nobody may contact."""
    server = Server()
    yield server
    server.shutdown()
    server.server_close()
    assert server.connections == 0


@pytest.fixture
def local() -> Store:
    store = Store()
    store.update(LOCAL)
    return store


def settings(*endpoints: str, **more: Any) -> FederationSettings:
    named = FederationSettings.from_environment({"CIRCKG_SERVICE": ",".join(endpoints)})
    return FederationSettings(named.endpoints, **({"timeout": 5.0} | more))


def run(query: str, *endpoints: str, tls: ssl.SSLContext | None = None, **more: Any) -> Rewritten:
    async def ask() -> Rewritten:
        return await rewrite(query, Gate(settings(*endpoints, **more), tls))

    return asyncio.run(ask())


def solutions(store: Store, query: str) -> Counter[str]:
    answer = store.query(query)
    assert isinstance(answer, QuerySolutions)
    names = sorted(variable.value for variable in answer.variables)
    return Counter(str([str(row[name]) for name in names]) for row in answer)


def answering(document: Any) -> Callable[[Handler], None]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda handler: handler.reply(content)


def table(variables: list[str], *rows: dict[str, Any]) -> dict[str, Any]:
    return {"head": {"vars": variables}, "results": {"bindings": list(rows)}}


# What a query means with its clauses replaced.

POSITIONS = {
    "alone": "{ SERVICE <E> { ?s e:name ?n } }",
    "after triples, no dot": "{ ?s e:label ?l SERVICE <E> { ?s e:name ?n } }",
    "between triples": "{ ?s e:label ?l SERVICE <E> { ?s e:name ?n } ?s e:label ?m }",
    "before a dot": "{ SERVICE <E> { ?s e:name ?n } . ?s e:label ?l }",
    "optional": "{ ?s e:label ?l OPTIONAL { SERVICE <E> { ?s e:name ?n } } }",
    "optional inside": "{ SERVICE <E> { ?s e:size ?z OPTIONAL { ?s e:name ?n } } OPTIONAL { ?s e:label ?l } }",
    "unbound joined": "{ SERVICE <E> { ?s e:size ?z OPTIONAL { ?s e:near ?t } } ?t e:label ?l }",
    "union": "{ { SERVICE <E> { ?s e:name ?n } } UNION { ?s e:label ?n } UNION { SERVICE <E> { ?s e:size ?n } } }",
    "minus": "{ ?s e:label ?l MINUS { SERVICE <E> { ?s e:name ?n } } }",
    "exists": "{ ?s e:label ?l FILTER EXISTS { SERVICE <E> { ?s e:size ?n } } }",
    "not exists": "{ ?s e:label ?l FILTER NOT EXISTS { SERVICE <E> { ?s e:size ?n } } }",
    "nested groups": "{ { { SERVICE <E> { ?s e:name ?n } } } }",
    "subquery": "{ { SELECT ?s (COUNT(*) AS ?c) { SERVICE <E> { ?s ?p ?o } } GROUP BY ?s } ?s e:label ?l }",
    "subquery inside": "{ SERVICE <E> { SELECT ?s { ?s e:size ?z } ORDER BY ?s LIMIT 2 } ?s e:label ?l }",
    "values inside": "{ SERVICE <E> { VALUES ?s { e:a e:c } ?s ?p ?o } }",
    "filter inside": '{ SERVICE <E> { ?s e:name ?n FILTER(LANG(?n) = "nl" || ?n = "}"@en) # } comment\n } }',
    "bind after": "{ SERVICE <E> { ?s e:name ?n } BIND(STRLEN(?n) AS ?c) }",
    "no variables": "{ ?s e:label ?l SERVICE <E> { e:a e:size 262 } }",
    "no variables, no match": "{ ?s e:label ?l SERVICE <E> { e:a e:size 1 } }",
    "no rows": "{ ?s e:label ?l SERVICE <E> { ?s e:missing ?n } }",
    "several rows without variables": "{ SERVICE <E> { e:a e:name [] } }",
    "dollar": "{ SERVICE <E> { $s e:name $n } }",
    "prefixed": "{ SERVICE end:sparql { ?s e:name ?n } }",
    "small letters, no blanks": "{?s e:label ?l.{service<E>{?s e:name ?n}}}",
    "two clauses": "{ SERVICE <E> { ?s e:name ?n } SERVICE <E> { ?s e:size ?z } }",
    "all literals": "{ SERVICE <E> { ?s ?p ?o } }",
    "annotated braces": '{ SERVICE <E> { ?s e:name ?n FILTER(?n != """}""" && ?n != \'{\') } }',
    "comment between": "{ SERVICE # SERVICE <x> {\n <E> # {\n { ?s e:name ?n } }",
    "silent and well": "{ SERVICE SILENT <E> { ?s e:name ?n } }",
}


@pytest.mark.parametrize("name", POSITIONS)
def test_equals_what_the_engine_finds_itself(name: str, remote: Server, local: Store) -> None:
    address = f"{remote.url}/sparql"
    query = f"PREFIX e: <http://example.org/> PREFIX end: <{remote.url}/> SELECT * {POSITIONS[name]}".replace(
        "<E>", f"<{address}>"
    )
    found = run(query, f"insecure:{address}")
    assert not needs_federation(found.query)
    assert solutions(local, found.query) == solutions(local, query)  # the engine asks the server on its own
    assert found.query.count("\n") == query.count("\n")
    assert all(asked.endpoint == address and not asked.failure for asked in found.asked)


async def _with_local(query: str, store: Store, endpoint: str) -> tuple[Rewritten, list[str]]:
    asked: list[str] = []

    async def local(question: str) -> bytes:
        asked.append(question)
        answer = store.query(question)
        assert isinstance(answer, QuerySolutions)
        return answer.serialize(format=QueryResultsFormat.JSON) or b""

    return await rewrite(query, Gate(settings(f"insecure:{endpoint}")), local), asked


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        ("{ ?s e:label ?l SERVICE <E> { ?s e:name ?n } }", True),
        ("{ ?s e:label ?l . OPTIONAL { ?s e:near ?t } SERVICE <E> { ?s e:name ?n ; e:size ?t } }", True),
        ("{ OPTIONAL { ?x e:missing ?s } SERVICE <E> { ?s e:name ?n } }", False),
        ("{ ?s e:label ?l SERVICE <E> { OPTIONAL { ?s e:name ?n } } }", True),
        ("{ ?s e:label ?l SERVICE <E> { ?t e:name ?n BIND(e:a AS ?s) } }", True),
        ("{ ?s e:label ?l SERVICE <E> { { SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s } } }", True),
        ("{ ?s e:label ?l FILTER(BOUND(?n)) SERVICE <E> { ?s e:name ?n } }", False),
        ("{ ?s e:label ?l SERVICE <E> { ?s e:name ?n } FILTER(BOUND(?n)) SERVICE <E> { ?s e:size ?z } }", True),
        ("{ ?s e:label ?l OPTIONAL { SERVICE <E> { ?s e:name ?n } } }", False),
        ("{ ?s e:label ?l { SERVICE <E> { ?s e:name ?n } } }", False),
        ("{ { SELECT ?l { ?s e:label ?l } } SERVICE <E> { ?s e:name ?n } }", False),
        ("{ VALUES ?n { 'Łódź'@pl } BIND(STR(?n) AS ?m) SERVICE <E> { ?s e:name ?n } }", True),
        ("{ { SELECT ?s { ?s e:label ?l } ORDER BY (RAND() * 0) } SERVICE <E> { ?s e:name ?n } }", False),
        ("{ [] e:near ?s SERVICE <E> { ?s e:name ?n } }", True),
        ("FROM e:g { ?s e:inside ?l SERVICE <E> { ?s e:name ?n } }", True),
        ("FROM NAMED e:g WHERE { GRAPH ?g { ?s e:inside ?l } SERVICE <E> { ?s e:name ?n } }", True),
    ],
)
def test_values_passed_do_not_change_the_answer(where: str, passes: bool, remote: Server, local: Store) -> None:
    address = f"{remote.url}/sparql"
    query = f"PREFIX e: <http://example.org/> SELECT * {where}".replace("<E>", f"<{address}>")
    found, _ = asyncio.run(_with_local(query, local, address))
    questions = [question for _, question in remote.seen]
    assert any("WHERE { VALUES (" in question for question in questions) is passes
    assert solutions(local, found.query) == solutions(local, query) != Counter()


def test_nothing_is_asked_if_nothing_can_join(remote: Server, local: Store) -> None:
    address = f"{remote.url}/sparql"
    query = f"PREFIX e: <http://example.org/> SELECT * {{ ?s e:missing ?l SERVICE <{address}> {{ ?s e:name ?n }} }}"
    found, asked = asyncio.run(_with_local(query, local, address))
    assert len(asked) == 1
    assert remote.connections == 0
    assert solutions(local, found.query) == Counter()


def test_many_values_and_blank_nodes_are_not_passed(remote: Server, local: Store) -> None:
    address = f"{remote.url}/sparql"
    head = "PREFIX e: <http://example.org/> "
    clause = f"SERVICE <{address}> {{ ?s e:name ?n }}"
    local.update(
        f"{head}INSERT DATA {{ " + "".join(f"e:s{number} e:many 1 . " for number in range(501)) + "_:b e:one 1 }"
    )
    for predicate in ("many", "one"):
        asyncio.run(_with_local(f"{head}SELECT * {{ ?s e:{predicate} ?m {clause} }}", local, address))
    assert not any("VALUES" in question for _, question in remote.seen)
    assert len(remote.seen) == 2
    asyncio.run(_with_local(f"{head}INSERT {{ ?s e:z ?n }} WHERE {{ ?s e:label ?l {clause} }}", local, address))
    assert "VALUES" not in remote.seen[-1][1]


def test_equals_values_written_by_hand(remote: Server, local: Store) -> None:
    head = "PREFIX e: <http://example.org/> SELECT * { ?s e:label ?l "
    found = run(head + f"SERVICE <{remote.url}/sparql> {{ ?s e:size ?z }} }}", f"insecure:{remote.url}/sparql")
    expected = solutions(local, head + "{ VALUES (?s ?z) { (e:a 262) (e:b 1.5) (e:c 1) } } }")
    assert solutions(local, found.query) == expected
    assert expected


def test_the_active_graph_is_not_the_endpoints(remote: Server, local: Store) -> None:
    """Within GRAPH a clause asks the endpoint's default graph; the engine on its own would ask for a named one."""
    head = "PREFIX e: <http://example.org/> SELECT * { GRAPH ?g { ?s e:inside ?x "
    found = run(head + f"SERVICE <{remote.url}/sparql> {{ ?s e:name ?n }} }} }}", f"insecure:{remote.url}/sparql")
    expected = solutions(local, head + '{ VALUES (?s ?n) { (e:a "Ghent"@en) (e:a "Gent"@nl) (e:b "Łódź"@pl) } } } }')
    assert solutions(local, found.query) == expected
    assert sum(expected.values()) == 2


def test_other_forms_of_queries_and_updates(remote: Server, local: Store) -> None:
    address = f"{remote.url}/sparql"
    group = f"{{ SERVICE <{address}> {{ ?s e:size ?z }} }}"
    head = "PREFIX e: <http://example.org/> "
    assert bool(local.query(run(f"{head}ASK {group}", f"insecure:{address}").query))
    made = list(local.query(run(f"{head}CONSTRUCT {{ ?s e:z ?z }} WHERE {group}", f"insecure:{address}").query))
    assert len(made) == 3
    local.update(run(f"{head}INSERT {{ ?s e:z ?z }} WHERE {group} ; CLEAR GRAPH e:g", f"insecure:{address}").query)
    assert sum(1 for _ in local.query(f"{head}SELECT * {{ ?s e:z ?z }}")) == 3


def test_the_question_has_what_it_needs_and_no_more(remote: Server) -> None:
    address = f"{remote.url}/sparql"
    query = (
        "BASE <http://example.org/x/> PREFIX e: <../> PREFIX secret: <http://private.example/> "
        f"SELECT * {{ ?s secret:x ?y . SERVICE <{address}> {{ ?s e:size 262 ; e:size <../../y> }} }}"
    )
    run(query, f"insecure:{address}", rows=7)
    ((_, asked),) = remote.seen
    assert asked == (
        "BASE <http://example.org/x/>\nPREFIX e: <http://example.org/>\n"
        "SELECT * WHERE { ?s e:size 262 ; e:size <../../y> \n}\nLIMIT 8"
    )
    (headers,) = remote.headers
    assert "Cookie" not in headers
    assert headers["Host"] == f"127.0.0.1:{remote.port}"


def test_blank_nodes_become_iris_of_their_own(remote: Server, local: Store) -> None:
    remote.store.update("PREFIX e: <http://example.org/> INSERT DATA { _:x e:p _:y . _:y e:p _:x }")
    clause = f"SERVICE <{remote.url}/sparql>"
    query = f"PREFIX e: <http://example.org/> SELECT * {{ {clause} {{ ?x e:p ?y }} {clause} {{ ?v e:p ?w }} }}"
    rows = list(local.query(run(query, f"insecure:{remote.url}/sparql").query))
    assert len(rows) == 4
    assert not any(isinstance(term, BlankNode) for row in rows for term in row)
    first, second = ({str(row[name]) for row in rows for name in names} for names in ("xy", "vw"))
    assert len(first) == len(second) == 2
    assert not first & second
    assert all("/.well-known/genid/" in text for text in first | second)


def test_control_characters_and_directions_pass(remote: Server, local: Store) -> None:
    text = "a\x00\x07\r\n\t\x7f\u0085\u2028\\\"'}{"
    remote.behaviours["/sparql"] = answering(
        table(
            ["x", "y", "z", "extra"],
            {
                "x": {"type": "literal", "value": text},
                "y": {"type": "literal", "value": text, "xml:lang": "en", "its:dir": "ltr"},
                "extra": {"type": "uri", "value": "http://a/b"},
            },
        )
    )
    query = f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?x ?y ?z }} }}"
    (row,) = list(local.query(run(query, f"insecure:{remote.url}/sparql").query))
    assert row["x"].value == row["y"].value == text
    assert row["y"].language == "en"
    assert row["z"] is None
    assert len(list(row)) == 3


# What is not a clause, and what only seems not to be one.


@pytest.mark.parametrize(
    "query",
    [
        'SELECT * { ?s ?p "SERVICE <http://127.0.0.1/> {}" }',
        "SELECT * { ?s ?p '''it's SERVICE <http://127.0.0.1/> {}''' }",
        "SELECT * { ?s ?p ?o } # SERVICE <http://127.0.0.1/> {}",
        "SELECT * { ?s a <http://127.0.0.1/SERVICE> }",
        "PREFIX c: <https://w3id.org/circkg/def#> SELECT ?service { ?service a c:SupportService ; c:serviceOf ?x }",
        "PREFIX service: <http://a/> SELECT * { ?s service:x ?service }",
        "PREFIX a: <http://a/> SELECT * { ?s a:\\' 1 ; a:SERVICE ?x } # '",
        "SELECT * { ?s ?p 'a\\' SERVICE <http://127.0.0.1/> {} ' }",
        "ASK { _:service ?p 'x'@service }",
    ],
)
def test_what_is_no_clause_is_left_alone(query: str) -> None:
    assert not needs_federation(query)
    assert run(query, "wikidata").query == query


HIDDEN = {
    "escape in a name": "ASK { ?s ?p a:\\' SERVICE <E> {} # '\n }",
    "comment sign in a name": "ASK { ?s ?p a:\\# SERVICE <E> {}\n }",
    "escape in an IRI": "ASK { ?s ?p <http://a/\\u0031#> SERVICE <E> {}\n }",
    "after a short string": "ASK { ?s ?p '' SERVICE <E> {} }",
    "after a long string": 'ASK { ?s ?p """a\\""" SERVICE <E> {} # """ SERVICE <E> {} }',
    "carriage return ends a comment": "ASK { #\r SERVICE <E> {} }",
    "less than": "ASK { FILTER(1<2) SERVICE <E> {} FILTER(2>1) }",
    "glued to SILENT": "ASK { SERVICESILENT <E> {} }",
    "glued to a keyword": "ASK { ?s ?p trueSERVICE <E> {} }",
    "glued to a name": "ASK { SERVICE:x {} }",
    "glued to both": "ASK { ?s ?p falseserviceSilent:x {} }",
    "after two dots": "ASK { ?s ?p a:b.c.SERVICE <E> {} }",
    "after two dots, glued": "ASK { ?s ?p a:\\'.c.serviceSilent:x{} }",
    "after a dot": "ASK { ?s ?p true.SERVICE <E> {} }",
    "unclosed string": "ASK { ' SERVICE <E> {} }",
    "stray backslash": "ASK { \\ SERVICE <E> {} }",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_no_clause_can_hide(name: str, canary: Server) -> None:
    query = f"PREFIX : <{canary.url}/> PREFIX a: <{canary.url}/> " + HIDDEN[name].replace("<E>", f"<{canary.url}/x>")
    assert needs_federation(query)
    with pytest.raises((QueryError, NotAllowedError)):
        run(query, "wikidata")


@pytest.mark.parametrize(
    ("clause", "reason"),
    [
        ("SERVICE ?e { ?s ?p ?o }", "variable"),
        ("SERVICE SILENT ?e { ?s ?p ?o }", "variable"),
        ("SERVICE <E> { SERVICE <E> { ?s ?p ?o } }", "inside SERVICE"),
        ("SERVICE <E> { { OPTIONAL { service silent <E> { ?s ?p ?o } } } }", "inside SERVICE"),
        ("LATERAL { { SERVICE <E> { ?s ?p ?o } } }", "LATERAL"),
        ("SERVICE <E> ?s ?p ?o", "followed by"),
        ("SERVICE { ?s ?p ?o }", "followed by"),
        ("SERVICE nope:x { ?s ?p ?o }", "declare the prefix nope:"),
        ("SERVICE <E> { ?s nope:p ?o }", "declare the prefix nope:"),
        ("SERVICE <E> { ?s ?p ?o ", "not closed"),
        ("SERVICE <E> {} " * 6, "at most 5"),
        ("SERVICE <http://a/\\u003E> {}", "not an IRI"),
        ("SERVICE <http://a/\\uD800> {}", "not a character"),
    ],
)
def test_refused_clauses_say_why(clause: str, reason: str, remote: Server) -> None:
    query = "SELECT * { " + clause.replace("<E>", f"<{remote.url}/sparql>") + ("" if reason == "not closed" else " }")
    with pytest.raises(QueryError, match=reason):
        run(query, f"insecure:{remote.url}/sparql")
    assert remote.connections == 0


@pytest.mark.parametrize("piece", ["a.", "a-", "{", "<a", '"\\', "_:a..", " ", "a:b.", "1.", "?a ", "a:\\'", "#'\n"])
def test_no_text_takes_long(piece: str) -> None:
    query = "service " + piece * (200_000 // len(piece))
    began = time.process_time()
    assert needs_federation(query)
    with contextlib.suppress(QueryError):
        refuse_load("load " + query)
    assert time.process_time() - began < 20


PIECES = [
    *(
        "SERVICE ",
        "service",
        "SERVICE:x{}",
        "SERVICESILENT:x {}",
        "<E>{}",
        ":x {}",
        "{}",
        " { } ",
        "SILENT",
        "\n",
        "\r",
    ),
    *(
        "'",
        '"',
        "'''",
        '"""',
        r"\'",
        r"\"",
        r"\#",
        "#",
        " ",
        "\t",
        "<",
        r"<http://a/\u0031#>",
        "<http://a/#>",
        "<<",
        ">>",
    ),
    *("?s ", "?p ", "?o", "a:", r"a:\'", r"a:\#", "a:b", ":", ".", ";", ",", "[]", "(", ")", "true", "1", "1.", "1e5"),
    *("_:a", "_:a.", "@en", "@en--ltr", "FILTER(", "1<2", "OPTIONAL", "UNION", "VALUES ?z { UNDEF }", "\\", "a", "|"),
    *("%41", "·", "é", "-", "_:a.b.", "a:b.c.", ".c", "a.b.", "true.", "a:%41.", "..", "'a'.", "b.c:d.e."),
]
STARTS = ["?s ?p ", r"?s ?p a:\'", r"?s ?p a:\# ", "?s ?p 'x'", "", r"?s ?p <http://a/\u0031#> ", "{} ", "?s ?p a:b.c."]
ASKS = ["SERVICE :x {}", "SERVICE:x{}", "SERVICE <E> {}", "SERVICESILENT:x{}", "service<E>{}"]
ENDS = ["}", "\n}", "\n} # '", "} # '''", '} # """']


def test_what_the_engine_would_ask_is_always_seen(remote: Server) -> None:
    """Random texts: whenever the engine on its own contacts an endpoint, the query needs federation."""
    chance = random.Random(20)
    store = Store()
    store.update("INSERT DATA { <a:s> <a:p> 1, <http://a/1#>, true }")
    remote.behaviours = dict.fromkeys(("/", "/x"), lambda handler: handler.reply(b"", status=500))
    contacted = 0
    for _ in range(4000):
        before, after = (chance.choices(PIECES, k=chance.randint(0, 2)) for _ in range(2))
        some = [*before, chance.choice(ASKS), *after]
        body = (chance.choice(STARTS) + "".join(some)).replace("<E>", f"<{remote.url}/>")
        query = (
            f"PREFIX : <{remote.url}/> PREFIX a: <{remote.url}/> SELECT * {{ {{ {body} }} UNION {{}} "
            + chance.choice(ENDS)
        )
        asked = len(remote.seen)
        with contextlib.suppress(SyntaxError, RuntimeError, OSError, ValueError):
            list(store.query(query))
        if len(remote.seen) > asked:
            contacted += 1
            assert needs_federation(query), query
    assert contacted > 200


# What may be asked.


def test_nothing_is_asked_unless_listed(canary: Server) -> None:
    with pytest.raises(NotAllowedError, match="asks no other endpoint"):
        run(f"SELECT * {{ SERVICE <{canary.url}/> {{ ?s ?p ?o }} }}")


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/sparql",
        "http://2130706433:{port}/sparql",
        "http://0x7f000001:{port}/sparql",
        "http://0177.0.0.1:{port}/sparql",
        "http://127.1:{port}/sparql",
        "http://localhost:{port}/sparql",
        "http://localhost.:{port}/sparql",
        "http://[::ffff:127.0.0.1]:{port}/sparql",
        "http://query.wikidata.org@127.0.0.1:{port}/sparql",
        "http://127.0.0.1:{port}\\@query.wikidata.org/sparql",
        "http://127.0.0.\\u0031:{port}/sparql",
        "https://query.wikidata.org./sparql",
        "https://query.wikidata.org/sparql#x",
        "https://query.wikidata.org:{port}/sparql",
        "https://query.wikidata.org/other",
        "file:///etc/passwd",
        "urn:x:y",
        "relative",
        "",
    ],
)
def test_other_addresses_are_never_asked(address: str, canary: Server) -> None:
    iri = address.format(port=canary.port)
    with pytest.raises((NotAllowedError, QueryError)):
        run(f"SELECT * {{ SERVICE <{iri}> {{ ?s ?p ?o }} }}", "wikidata")
    base = f"BASE <{canary.url}/> PREFIX c: <{canary.url}/> "
    for form in ("<sparql>", "<>", "c:sparql", "c:", "<//127.0.0.1/>"):
        with pytest.raises(NotAllowedError):
            run(f"{base} SELECT * {{ SERVICE {form} {{ ?s ?p ?o }} }}", "wikidata")


@pytest.mark.parametrize(
    "listed",
    [
        "http://127.0.0.1/sparql",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://localhost/",
        "https://intranet/sparql",
        "https://a.example./",
        "https://user@a.example/",
        "https://a.example/#x",
        "https://a.example:99999/",
        "https://ä.example/",
        "https://a_b.example/",
        "ftp://a.example/",
        "nonsense",
    ],
)
def test_settings_take_full_domain_names_only(listed: str) -> None:
    with pytest.raises(SettingsError, match="CIRCKG_SERVICE"):
        FederationSettings.from_environment({"CIRCKG_SERVICE": listed})


def test_settings_and_features() -> None:
    assert FederationSettings.from_environment({}) == FederationSettings()
    assert features(FederationSettings()).features == ()
    found = FederationSettings.from_environment(
        {"CIRCKG_SERVICE": "eu, wikidata,https://sparql.example.org/q", "CIRCKG_SERVICE_TIMEOUT": "2.5"}
    )
    assert [endpoint.name for endpoint in found.endpoints] == [
        *PRESETS["eu"],
        "Wikidata",
        "https://sparql.example.org/q",
    ]
    assert found.timeout == 2.5
    assert features(found).features == ("http://www.w3.org/ns/sparql-service-description#BasicFederatedQuery",)
    assert ("Wikidata", "https://query.wikidata.org/sparql") in features(found).endpoints
    for bad in ("-1", "0", "0.5", "x", "inf", "nan"):
        with pytest.raises(SettingsError, match="CIRCKG_SERVICE_ROWS"):
            FederationSettings.from_environment({"CIRCKG_SERVICE_ROWS": bad})


def test_plain_http_means_tls_where_only_that_is_listed() -> None:
    gate = Gate(settings("cellar"))
    found = gate.endpoint("http://publications.europa.eu/webapi/rdf/sparql")
    assert str(found.address) == "https://publications.europa.eu/webapi/rdf/sparql"


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.9",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "fec0::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2001:0:1::1",
        "2001:db8::1",
        "2130706433",
        "nonsense",
    ],
)
def test_addresses_that_are_not_public(number: str) -> None:
    assert not is_public(number)


def test_addresses_that_are_public() -> None:
    assert all(map(is_public, ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808")))
    with pytest.raises(AddressError):
        Address.parse("http://a.example/\r\nX: y")


# What a name resolves to.


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name resolve to the given numbers, one list a look-up; return the names looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if isinstance(host, str) and re.fullmatch(r"[0-9.:a-f]+", host):
            return real(host, port, *more, **named)
        numbers = answers[min(len(asked), len(answers) - 1)]
        asked.append(str(host))
        return [
            (socket.AF_INET6 if ":" in number else socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))
            for number in numbers
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("numbers", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"]])
def test_a_name_that_leads_inside_is_refused(
    numbers: list[str], canary: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, numbers)
    address = f"http://sparql.example.org:{canary.port}/sparql"
    with pytest.raises(NotAllowedError, match="open internet"):
        run(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}", address)
    assert asked == ["sparql.example.org"]


def test_a_name_is_looked_up_once(remote: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(gate_module, "is_public", lambda number: number == "127.0.0.1")
    address = f"http://sparql.example.org:{remote.port}/sparql"
    found = run(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}", address)
    assert found.asked[0].rows
    assert asked == ["sparql.example.org"]
    assert remote.headers[0]["Host"] == f"sparql.example.org:{remote.port}"


def test_a_name_without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [])
    with pytest.raises(FederationError, match="no address"):
        run("SELECT * { SERVICE <https://query.wikidata.org/sparql> { ?s ?p ?o } }", "wikidata")


def test_environment_proxies_are_not_used(remote: Server, canary: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url)
    assert run(f"SELECT * {{ SERVICE <{remote.url}/> {{ ?s ?p ?o }} }}", f"insecure:{remote.url}/").asked[0].rows


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate for sparql.example.org, with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    path = folder / "both.pem"
    name = "sparql.example.org"
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", path, "-out", folder / "c.pem"),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a", encoding="utf-8") as file:
        file.write((folder / "c.pem").read_text(encoding="utf-8"))
    return path


@pytest.mark.parametrize(("host", "fine"), [("sparql.example.org", True), ("other.example.org", False)])
def test_tls_is_for_the_name(
    host: str, fine: bool, remote: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    remote.socket = serving.wrap_socket(remote.socket, server_side=True, do_handshake_on_connect=False)
    resolving(monkeypatch, ["127.0.0.1"])
    monkeypatch.setattr(gate_module, "is_public", lambda _: True)
    address = f"https://{host}:{remote.port}/sparql"
    query = f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}"
    trusting = ssl.create_default_context(cafile=str(certificate))
    if fine:
        assert run(query, address, tls=trusting).asked[0].rows
        with pytest.raises(FederationError, match="no secure connection"):
            run(query, address)  # signed by nobody that the machine trusts
    else:
        with pytest.raises(FederationError, match="no secure connection"):
            run(query, address, tls=trusting)
        assert not remote.seen


# Redirects.


def redirecting(target: str, status: int = 307) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(b"", status=status, Location=target)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_within_the_list_is_followed(status: int, remote: Server) -> None:
    remote.behaviours["/old"] = redirecting("/sparql", status)
    listed = (f"insecure:{remote.url}/old", f"insecure:{remote.url}/sparql")
    assert run(f"SELECT * {{ SERVICE <{remote.url}/old> {{ ?s ?p ?o }} }}", *listed).asked[0].rows
    assert [path for path, _ in remote.seen] == ["/old", "/sparql"]
    assert remote.seen[0][1] == remote.seen[1][1]


@pytest.mark.parametrize(
    "target",
    ["{canary}/sparql", "//127.0.0.1:{port}/", "http://2130706433:{port}/", "/elsewhere", "file:///etc/passwd", "\x01"],
)
def test_a_redirect_out_of_the_list_is_not(target: str, remote: Server, canary: Server) -> None:
    remote.behaviours["/sparql"] = redirecting(target.format(canary=canary.url, port=canary.port))
    with pytest.raises(FederationError, match=r"redirects to|not HTTP|redirects more"):
        run(f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?s ?p ?o }} }}", f"insecure:{remote.url}/sparql")
    assert len(remote.seen) <= 4


def test_a_redirect_to_a_name_that_leads_inside(
    remote: Server, canary: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    target = f"http://sparql.example.org:{canary.port}/"
    remote.behaviours["/sparql"] = redirecting(target)
    with pytest.raises(NotAllowedError, match="open internet"):
        run(f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?s ?p ?o }} }}", f"insecure:{remote.url}/sparql", target)


def test_redirects_end(remote: Server) -> None:
    remote.behaviours["/sparql"] = redirecting("/sparql")
    with pytest.raises(FederationError, match="redirects more than 3 times"):
        run(f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?s ?p ?o }} }}", f"insecure:{remote.url}/sparql")
    assert len(remote.seen) == 4
    remote.behaviours["/sparql"] = redirecting("/sparql", 303)
    with pytest.raises(FederationError, match="status 303"):
        run(f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?s ?p ?o }} }}", f"insecure:{remote.url}/sparql")


# Endpoints that fail.


def _drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", RESULTS)
    handler.end_headers()
    for _ in range(100):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            break
        time.sleep(0.05)
    handler.close_connection = True


def _cut(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", RESULTS)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"head":')
    handler.close_connection = True


def _endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", RESULTS)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
    except OSError:
        handler.close_connection = True


def _not_http(handler: Handler) -> None:
    handler.wfile.write(b"hello\r\n\r\n")
    handler.close_connection = True


def _long_header(handler: Handler) -> None:
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000_000)
    handler.close_connection = True


IRI = {"type": "uri", "value": "http://a/b"}
NUMBERS = [{"x": {"type": "literal", "value": str(number)}} for number in range(11)]
TRIPLE = {"type": "triple", "value": {"subject": IRI, "predicate": IRI, "object": IRI}}
FAILURES: dict[str, tuple[Callable[[Handler], None], type[FederationError], str]] = {
    "slow": (lambda _: time.sleep(1.5), RemoteTimeoutError, "within 0.5 s"),
    "drip": (_drip, RemoteTimeoutError, "within 0.5 s"),
    "endless": (_endless, TooMuchError, "more than 20,000 bytes"),
    "large": (answering(b" " * 30_000), TooMuchError, "more than 20,000 bytes"),
    "rows": (answering(table(["x"], *NUMBERS)), TooMuchError, "more than 10 rows.*VALUES"),
    "cut": (_cut, FederationError, "broke off"),
    "not http": (_not_http, FederationError, "not HTTP"),
    "long header": (_long_header, FederationError, "not HTTP"),
    "status": (
        lambda h: h.reply(b"\n  \x1b[31mVirtuoso 37000 Error\x07 SP030\nmore", status=400, content_type="text/plain"),
        FederationError,
        r"status 400: \[31mVirtuoso 37000 Error SP030$",
    ),
    "page": (
        lambda h: h.reply(
            b"<html><style>p{}</style><h1>Too many requests</h1><p>x", status=429, content_type="text/html"
        ),
        FederationError,
        "status 429: Too many requests$",
    ),
    "long error": (lambda h: h.reply(b"x" * 100_000, status=500), FederationError, "status 500: x{200}$"),
    "redirect without target": (lambda h: h.reply(b"", status=302), FederationError, "status 302"),
    "no content": (lambda h: h.reply(b"", status=204), FederationError, "status 204"),
    "html": (lambda h: h.reply(b"<p>Log in", content_type="text/html"), FederationError, "text/html, not in.*: Log in"),
    "xml": (
        lambda h: h.reply(b"<x/>", content_type="application/sparql-results+xml"),
        FederationError,
        "not in SPARQL JSON",
    ),
    "packed": (lambda h: h.reply(b"x", Content_Encoding="gzip"), FederationError, "packed its answer as gzip"),
    "partial": (
        lambda h: h.reply(b"{}", X_SQL_State="S1TAT", X_SQL_Message="RC...: Returning incomplete results"),
        FederationError,
        "not complete: RC...: Returning incomplete results",
    ),
    "capped": (
        lambda h: h.reply(json.dumps(table(["x"], *NUMBERS[:5])).encode(), X_SPARQL_MaxRows="5"),
        TooMuchError,
        "cuts every answer at 5 rows",
    ),
    "malformed": (
        answering(b'{"head": {"vars": ["x"]}, "results": {"bindings": ['),
        FederationError,
        "not whole or not JSON",
    ),
    "not UTF-8": (answering(b'"\xff"'), FederationError, "not whole or not JSON"),
    "deep": (answering(b"[" * 9_000), FederationError, "not whole or not JSON"),
    "ask": (answering({"head": {}, "boolean": True}), FederationError, "not SPARQL JSON results"),
    "list": (answering([]), FederationError, "not SPARQL JSON results"),
    "bad variable": (answering(table(["x) {} #"])), FederationError, "no proper name"),
    "twice": (answering(table(["x", "x"])), FederationError, "comes twice"),
    "unknown variable": (answering(table(["x"], {"y": IRI})), FederationError, "the head lacks"),
    "bad row": (answering({"head": {"vars": ["x"]}, "results": {"bindings": [1]}}), FederationError, "not an object"),
    "bad term": (answering(table(["x"], {"x": {"type": "thing", "value": "x"}})), FederationError, "neither IRI"),
    "no value": (answering(table(["x"], {"x": {"type": "literal"}})), FederationError, "no value"),
    "bad IRI": (
        answering(table(["x"], {"x": {"type": "uri", "value": "http://a/> } SERVICE <http://b/> {"}})),
        FederationError,
        "not RDF",
    ),
    "relative IRI": (answering(table(["x"], {"x": {"type": "uri", "value": "x"}})), FederationError, "not RDF"),
    "bad language": (
        answering(table(["x"], {"x": {"type": "literal", "value": "x", "xml:lang": "en } #"}})),
        FederationError,
        "not RDF",
    ),
    "bad datatype": (
        answering(table(["x"], {"x": {"type": "literal", "value": "x", "datatype": 7}})),
        FederationError,
        "not RDF",
    ),
    "half a character": (
        answering(b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"\\ud800"}}]}}'),
        FederationError,
        "not RDF",
    ),
    "triple term": (answering(table(["x"], {"x": TRIPLE})), FederationError, "triple term"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_are_told_and_silent_means_silent(name: str, remote: Server, local: Store) -> None:
    behave, kind, said = FAILURES[name]
    remote.behaviours["/sparql"] = behave
    address = f"{remote.url}/sparql"
    limits = {"timeout": 0.5, "rows": 10, "size": 20_000}
    query = f"SELECT * {{ ?s <http://example.org/label> ?l SERVICE <{address}> {{ ?x ?y ?z }} }}"
    began = time.monotonic()
    with pytest.raises(FederationError) as caught:
        run(query, f"insecure:{address}", **limits)
    assert time.monotonic() - began < 10
    assert type(caught.value) is kind
    assert re.search(said, str(caught.value))
    assert address in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    found = run(query.replace("SERVICE", "SERVICE SILENT"), f"insecure:{address}", **limits)
    assert found.asked[0].failure == str(caught.value)
    assert sum(1 for _ in local.query(found.query)) == 3


def test_exactly_the_budget_passes(remote: Server) -> None:
    remote.behaviours["/sparql"] = answering(table(["x"], *NUMBERS))
    query = f"SELECT * {{ SERVICE <{remote.url}/sparql> {{ ?x ?y ?z }} }}"
    assert run(query, f"insecure:{remote.url}/sparql", rows=11).asked[0].rows == 11
    assert remote.seen[0][1].endswith("LIMIT 12")


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(FederationError, match="no connection"):
        run(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}", f"insecure:{address}")


def test_silent_and_not_listed_is_not_contacted(canary: Server, local: Store) -> None:
    found = run(f"SELECT * {{ SERVICE SILENT <{canary.url}/> {{ ?s ?p ?o }} }}", "wikidata")
    assert sum(1 for _ in local.query(found.query)) == 1
    assert "not asked from here" in found.asked[0].failure


def test_clauses_are_asked_at_once_and_one_failure_ends_all(remote: Server) -> None:
    together, failed = threading.Barrier(4, timeout=8), threading.Event()
    remote.behaviours["/slow"] = lambda handler: (together.wait(), Handler.evaluate(handler))[0]
    slow, bad = f"{remote.url}/slow", f"{remote.url}/bad"
    run("SELECT * { " + f"SERVICE <{slow}> {{ ?s ?p ?o }} " * 4 + "}", f"insecure:{slow}")
    remote.behaviours["/bad"] = lambda handler: handler.reply(b"no", status=500)
    remote.behaviours["/slow"] = lambda _: failed.wait(30)
    with pytest.raises(FederationError, match="status 500: no"):
        run(
            f"SELECT * {{ SERVICE <{slow}> {{ ?s ?p ?o }} SERVICE <{bad}> {{ ?s ?p ?o }} }}",
            f"insecure:{slow}",
            f"insecure:{bad}",
        )
    failed.set()


def test_who_leaves_ends_the_question(remote: Server) -> None:
    remote.behaviours["/sparql"] = lambda _: time.sleep(3)
    address = f"{remote.url}/sparql"

    async def leave() -> None:
        gate = Gate(settings(f"insecure:{address}", concurrency=1))
        query = f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rewrite(query, gate), 0.2)
        remote.behaviours.clear()
        assert (await rewrite(query, gate)).asked[0].rows

    asyncio.run(leave())


# LOAD.


@pytest.mark.parametrize(
    "update",
    [
        "LOAD <http://127.0.0.1/>",
        "load silent <http://127.0.0.1/> INTO GRAPH <http://g>",
        "CLEAR ALL; LOAD<http://127.0.0.1/>",
        "LOADSILENT<http://127.0.0.1/>",
        "PREFIX : <http://127.0.0.1/> LOAD:x",
        "PREFIX : <http://127.0.0.1/> LOADSILENT:x INTO GRAPH :g",
        "PREFIX a: <http://a/> INSERT DATA { a:\\# a:b 1 } ; # '\n LOAD <http://127.0.0.1/> #",
        "INSERT DATA { <a:b> <a:\\u0023#> 1 } ; LOAD <http://127.0.0.1/>",
    ],
)
def test_load_is_refused(update: str) -> None:
    with pytest.raises(QueryError, match="LOAD is refused"):
        refuse_load(update)


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <http://a/LOAD> <a:b> 'LOAD <http://127.0.0.1/>' } # LOAD",
        "PREFIX load: <http://a/> PREFIX up: <http://b/> CLEAR GRAPH load:x ; INSERT DATA { load:x up:LOAD 1 }",
        "INSERT { ?load a <a:b> } WHERE { ?load a <a:c> }",
    ],
)
def test_what_is_no_load_passes(update: str) -> None:
    refuse_load(update)


# Cases of the W3C.


def graph(path: Path) -> Store:
    store = Store()
    store.load(path=path, format=RdfFormat.TURTLE)
    return store


@pytest.fixture
def suite() -> Path:
    if not SUITE.is_dir():
        pytest.skip("the W3C cases are not part of the repository")
    return SUITE


def expected(path: Path) -> Counter[str]:
    answer = parse_query_results(path=path, format=QueryResultsFormat.XML)
    assert isinstance(answer, QuerySolutions)
    names = sorted(variable.value for variable in answer.variables)
    return Counter(str([str(row[name]) for name in names]) for row in answer)


def test_w3c_service_2(suite: Path, remote: Server) -> None:
    query = (suite / "service" / "service02.rq").read_text(encoding="utf-8")
    for number in "12":
        remote.stores[f"/{number}"] = graph(suite / "service" / f"data02endpoint{number}.ttl")
        query = query.replace(f"http://example{number}.org/sparql", f"{remote.url}/{number}")
    found = run(query, f"insecure:{remote.url}/1", f"insecure:{remote.url}/2")
    assert solutions(Store(), found.query) == expected(suite / "service" / "service02.srx")


def test_w3c_service_5_has_a_variable_endpoint(suite: Path) -> None:
    with pytest.raises(QueryError, match="variable"):
        run((suite / "service" / "service05.rq").read_text(encoding="utf-8"), "wikidata")


def test_w3c_service_7(suite: Path) -> None:
    query = (suite / "service" / "service07.rq").read_text(encoding="utf-8")
    found = run(query, "wikidata")
    assert solutions(graph(suite / "service" / "data07.ttl"), found.query) == expected(
        suite / "service" / "service07.srx"
    )


def test_w3c_syntax_service_3(suite: Path) -> None:
    query = (suite / "syntax-fed" / "syntax-service-03.rq").read_text(encoding="utf-8")
    assert solutions(Store(), run(query, "wikidata").query) == Counter()
