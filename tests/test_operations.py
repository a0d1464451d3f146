"""Operations: what an operator sees and does, and what a proxy may say."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from circkg_server import cli
from circkg_server.engines.remote_settings import RemoteSettings
from circkg_server.operations import logs, serving
from circkg_server.operations.logs import ClientHash, RequestLog, log_query
from circkg_server.operations.metrics import Metrics
from circkg_server.operations.proxy import Proxied
from circkg_server.operations.routes import Operations, router
from circkg_server.operations.settings import OperationsSettings
from circkg_server.operations.space import FreeSpace, LowSpaceError
from circkg_server.releases.archive import Archive
from circkg_server.search.settings import SearchSettings
from circkg_server.settings import Settings, SettingsError
from circkg_server.writes.tokens import ForbiddenError, NotAuthorisedError, Scope, Tokens

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


class Client:
    """Asks an application without a network."""

    def __init__(self, app: Any, address: str = "127.0.0.1") -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return the answer."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.request("GET", path, **more)


class Kind(Enum):
    """A kind of engine."""

    MEMORY = "memory"


class StubEngine:
    """An engine of which every figure is known."""

    def __init__(self) -> None:
        self.current: Any = SimpleNamespace(manifest=SimpleNamespace(number=7))
        self.ready = True
        self.pools = [
            SimpleNamespace(kind=Kind.MEMORY, number=7, readers=2, running={"q1": 1}, waiting=3, lent=5, respawns=4)
        ]

    def running(self) -> list[dict[str, object]]:
        """Return one query."""
        return [{"id": "q1", "seconds": 1.5, "query": "SELECT * {}"}]

    def cancel(self, id_: str) -> bool:
        """Know one query."""
        return id_ == "q1"


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


@pytest.fixture
def operations(tmp_path: Path, tokens: Tokens) -> Operations:
    engine: Any = StubEngine()
    space = FreeSpace(tmp_path, 1024)
    metrics = Metrics(engine, SimpleNamespace(held=100, hits=5, misses=6), space)  # type: ignore[arg-type]

    def allow(header: str | None) -> None:
        tokens.check(header, Scope.ADMIN)

    refused = ((NotAuthorisedError, HTTPStatus.UNAUTHORIZED), (ForbiddenError, HTTPStatus.FORBIDDEN))
    return Operations(engine, metrics, space, {"timeout": 30.0, "max_rows": 10}, allow, refused)


@pytest.fixture
def client(operations: Operations) -> Client:
    app = FastAPI()
    app.include_router(router(operations))
    return Client(app)


# -- metrics --------------------------------------------------------------------------------------------------------


def test_metrics_are_read_by_prometheus(client: Client, operations: Operations) -> None:
    operations.metrics.observe("answered", 0.02)
    operations.metrics.observe("timeout", 30)
    operations.metrics.event("respawn")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert found["circkg_snapshot",] == 7
    assert found["circkg_query_seconds_count", "answered"] == 1
    assert found["circkg_query_seconds_sum", "timeout"] == 30
    assert found["circkg_readers", "7", "memory"] == 2
    assert found["circkg_queries_waiting", "7", "memory"] == 3
    assert found["circkg_reader_respawns_total", "7", "memory"] == 4
    assert found["circkg_engine_events_total", "respawn"] == 1
    assert (found["circkg_cache_hits_total",], found["circkg_cache_bytes",]) == (5, 100)
    assert found["circkg_free_bytes",] > 0
    open_metrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.text.endswith("# EOF\n")


def test_the_documentation_names_every_metric(operations: Operations) -> None:
    for family in operations.metrics.registry.collect():
        assert f"`{family.name}" in PAGE, family.name


# -- status, readiness, space ---------------------------------------------------------------------------------------


def test_the_status_is_json_and_a_page(client: Client) -> None:
    told = client.get("/status").json()
    assert (told["snapshot"], told["engines"], told["running"]) == (7, ["memory"], 1)
    assert told["pools"][0] == {
        "engine": "memory", "snapshot": 7, "readers": 2, "running": 1, "waiting": 3, "lent": 5, "respawns": 4,
    }  # fmt: skip
    assert told["limits"]["max_rows"] == 10
    assert told["readers_have_network"] in (True, False)
    page = client.get("/status", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "CIRCKG_MAX_ROWS" in page.text
    assert "Accept" in page.headers["vary"]


def test_the_status_shows_no_query(client: Client) -> None:
    assert "SELECT" not in client.get("/status").text


def test_readiness_says_why_not(client: Client, operations: Operations) -> None:
    assert client.get("/ready").json() == {"ready": True, "snapshot": 7}
    engine: Any = operations.engine
    engine.ready, engine.problem = False, "The store cannot be reached."
    response = client.get("/ready")
    assert (response.status_code, response.json()["problem"]) == (503, "The store cannot be reached.")
    assert client.get("/health").status_code == 200


def test_the_reserve_is_kept(client: Client, operations: Operations, tmp_path: Path) -> None:
    space = FreeSpace(tmp_path / "not" / "there" / "yet", 1024)
    space.check()
    with pytest.raises(LowSpaceError, match="CIRCKG_RESERVE"):
        space.check(more=1 << 60)
    operations.space = FreeSpace(tmp_path, 1 << 60)
    with pytest.raises(LowSpaceError):
        operations.space.check()
    response = client.get("/ready")
    assert response.status_code == 200  # queries are still answered
    assert "nearly full" in response.json()["writes"]


# -- administration -------------------------------------------------------------------------------------------------


def test_running_queries_are_for_administrators(client: Client, tokens: Tokens) -> None:
    admin = tokens.add("operators", [Scope.ADMIN])
    other = tokens.add("others", [Scope.CONTRIBUTE])
    nobody = client.get("/admin/queries")
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert nobody.headers["content-type"] == "application/problem+json"
    assert client.get("/admin/queries", headers={"Authorization": f"Bearer {other}"}).status_code == 403
    assert (
        client.request("DELETE", "/admin/queries/q1", headers={"Authorization": f"Bearer {other}"}).status_code == 403
    )
    let_in = {"Authorization": f"Bearer {admin}"}
    assert client.get("/admin/queries", headers=let_in).json()["queries"][0]["query"] == "SELECT * {}"
    assert client.request("DELETE", "/admin/queries/q1", headers=let_in).status_code == 204
    assert client.request("DELETE", "/admin/queries/q2", headers=let_in).status_code == 404


def test_without_tokens_there_is_no_administration(client: Client, operations: Operations) -> None:
    operations.allow = None
    assert client.get("/admin/queries").status_code == 404
    assert client.request("DELETE", "/admin/queries/q1").status_code == 404


# -- logs -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def logged(settings: OperationsSettings) -> Iterator[io.StringIO]:
    names = ("circkg", "uvicorn", "uvicorn.error", "uvicorn.access")
    loggers = [logging.getLogger(name) for name in names]
    before = {found: (list(found.handlers), found.propagate, found.level) for found in loggers}
    for found in loggers:
        found.setLevel(logging.NOTSET)  # servers of other tests in this process have set their own
    stream = io.StringIO()
    logs.configure(settings, stream)
    try:
        yield stream
    finally:
        for found, (handlers, propagate, level) in before.items():
            found.handlers[:], found.propagate, found.disabled = handlers, propagate, False
            found.setLevel(level)


async def answering(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-circkg-query-id", b"abc")]})
    await send({"type": "http.response.body", "body": b"12345", "more_body": scope["path"] == "/aborted"})
    if scope["path"] == "/aborted":
        raise RuntimeError("the reader ended")


def test_a_log_line_is_json_with_the_id_and_without_the_address() -> None:
    with logged(OperationsSettings(log_query=10)) as stream:
        http = Client(RequestLog(answering), "192.0.2.77")
        http.get("/sparql?query=SECRET")
        with contextlib.suppress(Exception):
            http.get("/aborted")
        http.get("/health")
        log_query(OperationsSettings(log_query=10), "answered", 0.5, "abc", "7", "SELECT ?name { ?s ?p ?name }")
        log_query(OperationsSettings(log_query=0), "answered", 0.5, "abd", "", "SELECT ?name { ?s ?p ?name }")
        try:
            raise ValueError("x")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("broken\nline")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["request", "request", "query", "query", "broken\nline"]
    first = lines[0]
    assert (first["path"], first["status"], first["bytes"], first["query_id"]) == ("/sparql", 200, 5, "abc")
    assert lines[1]["aborted"] is True
    assert (lines[2]["query_id"], lines[2]["query"]) == ("abc", "SELECT ?na…")
    assert "query" not in lines[3]
    assert "ValueError" in lines[4]["traceback"]
    assert "192.0.2.77" not in stream.getvalue()
    assert "SECRET" not in stream.getvalue()
    assert datetime.fromisoformat(first["time"]).tzinfo == UTC


def test_text_logs_stay_on_a_line() -> None:
    with logged(OperationsSettings(log="text")) as stream:
        log_query(OperationsSettings(), "answered", 0.5, "a\nb", "7")
    assert stream.getvalue().count("\n") == 1


def test_the_hash_of_a_client_lasts_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = ClientHash()
    one = hashed("192.0.2.1")
    assert one == hashed("192.0.2.1") != hashed("192.0.2.2")
    assert one != ClientHash()("192.0.2.1")

    class Tomorrow(datetime):
        """A clock that is a day ahead."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            """Return another day."""
            return datetime(2100, 1, 1, tzinfo=tz)

    monkeypatch.setattr(logs, "datetime", Tomorrow)
    assert hashed("192.0.2.1") != one


# -- proxies --------------------------------------------------------------------------------------------------------


def seen(
    headers: dict[str, str], peer: str | None = "10.0.0.1", path: str = "/sparql", public: str = "", **settings: str
) -> dict[str, Any]:
    """Return what an application behind the middleware sees."""
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.update(scope)

    trusted = settings.pop("trusted", "10.0.0.0/8")
    wrapped = Proxied(app, OperationsSettings(trusted_proxies=trusted, **settings), public)  # type: ignore[arg-type]
    scope = {
        "type": "http", "scheme": "http", "path": path, "root_path": "", "client": (peer, 5) if peer else None,
        "headers": [(b"host", b"inside:8000"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
    }  # fmt: skip
    with contextlib.suppress(StopIteration):
        wrapped(scope, None, None).send(None)
    found["host"] = dict(found["headers"])[b"host"].decode()
    return found


FULL = {
    "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "kg.example.org",
    "X-Forwarded-Prefix": "/circkg",
}  # fmt: skip


def test_a_trusted_proxy_is_believed() -> None:
    found = seen(FULL)
    assert (found["scheme"], found["host"], found["root_path"]) == ("https", "kg.example.org", "/circkg")
    assert (found["client"][0], found["path"]) == ("203.0.113.9", "/sparql")
    assert not [name for name, _ in found["headers"] if name.startswith(b"x-forwarded")]


def test_the_sub_path_may_be_left_on_the_path() -> None:
    assert seen(FULL, path="/circkg/sparql")["path"] == "/sparql"
    assert seen(FULL, path="/circkg")["path"] == "/"
    assert seen(FULL, path="/circkgs")["path"] == "/circkgs"


@pytest.mark.parametrize("peer", ["192.0.2.1", None, "::1", "not an address"])
def test_nobody_else_is_believed(peer: str | None) -> None:
    found = seen(FULL | {"Forwarded": "for=1.2.3.4;proto=https;host=evil.example"}, peer)
    assert (found["scheme"], found["host"], found["root_path"]) == ("http", "inside:8000", "")
    assert (found["client"] or (None,))[0] == peer
    assert len(found["headers"]) == 1


def test_the_nearest_untrusted_address_is_the_client() -> None:
    assert seen({"X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.7"})["client"][0] == "203.0.113.9"
    assert seen({"X-Forwarded-For": "10.0.0.9, 10.0.0.7"})["client"][0] == "10.0.0.9"
    assert seen({"X-Forwarded-For": "203.0.113.9, nonsense"})["client"][0] == "10.0.0.1"


def test_forwarded_is_read_where_it_is_what_proxies_set() -> None:
    header = 'for=6.6.6.6;host=evil.example, for="[2001:db8::7]:1234";proto=https;host=kg.example.org, for=10.0.0.3'
    found = seen({"Forwarded": header, "X-Forwarded-Host": "evil.example"}, proxy_headers="forwarded")
    assert (found["client"][0], found["scheme"], found["host"]) == ("2001:db8::7", "https", "kg.example.org")
    assert seen({"Forwarded": header})["host"] == "inside:8000"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Host", "a b"), ("X-Forwarded-Host", "a/b"), ("X-Forwarded-Host", "a@b"), ("X-Forwarded-Host", ""),
        ("X-Forwarded-Proto", "javascript"), ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Prefix", "/a/../b"), ("X-Forwarded-Prefix", "no-slash"), ("X-Forwarded-Prefix", "/a?b"),
    ],
)  # fmt: skip
def test_values_that_are_none_are_ignored(name: str, value: str) -> None:
    found = seen({name: value})
    assert (found["scheme"], found["host"], found["root_path"]) == ("http", "inside:8000", "")


def test_a_socket_can_be_trusted_and_a_public_address_wins() -> None:
    assert seen(FULL, None, trusted="unix")["host"] == "kg.example.org"
    found = seen({}, "192.0.2.1", "/kg/sparql", "https://data.example.org/kg/")
    assert (found["scheme"], found["host"], found["root_path"]) == ("https", "data.example.org", "/kg")
    assert found["path"] == "/sparql"


def test_ipv4_in_ipv6_is_ipv4() -> None:
    assert seen(FULL, "::ffff:10.0.0.1")["scheme"] == "https"


# -- settings and documentation -------------------------------------------------------------------------------------


def test_settings_name_what_is_wrong() -> None:
    found = OperationsSettings.from_environment({"CIRCKG_RESERVE": "5", "CIRCKG_TRUSTED_PROXIES": "::1, unix"})
    assert found.reserve == 5
    assert found.proxies()[1]
    for name, value in (("RESERVE", "-1"), ("LOG", "xml"), ("TRUSTED_PROXIES", "proxy"), ("PROXY_HEADERS", "x")):
        with pytest.raises(SettingsError, match=f"CIRCKG_{name}"):
            OperationsSettings.from_environment({f"CIRCKG_{name}": value})


@pytest.mark.parametrize("name", ["QUEUE", "RESERVE", "SEARCH_LIMIT", "SERVICE_ROWS", "WRITE_QUEUE", "WRITE_MB"])
def test_a_wrong_number_is_told_in_one_sentence_when_the_server_starts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "run", lambda *_: pytest.fail("it serves"))
    variables = {f"CIRCKG_{name}": "many", "CIRCKG_WRITES": "open"}
    done = CliRunner(env=variables).invoke(cli.app, ["serve", "--store", str(tmp_path)])
    assert done.exit_code == 2
    assert f"CIRCKG_{name} is 'many'; it takes a" in done.stderr.replace("\n", " ")


def test_an_empty_number_is_the_default() -> None:
    assert Settings.from_environment({"CIRCKG_QUEUE": "", "CIRCKG_ENGINE": "memory"}) == Settings(engine="memory")


def test_the_documentation_names_every_setting() -> None:
    names = {
        f"CIRCKG_{entry.name.upper()}" for kind in (Settings, OperationsSettings) for entry in dataclasses.fields(kind)
    }
    names |= {f"CIRCKG_REMOTE_{entry.name.upper()}" for entry in dataclasses.fields(RemoteSettings)}
    names |= {f"CIRCKG_SEARCH_{entry.name.upper()}" for entry in dataclasses.fields(SearchSettings)}
    for path in sorted((ROOT / "server").rglob("*.py")):
        names |= set(re.findall(r"\bCIRCKG_[A-Z]+(?:_[A-Z]+)*\b(?![_{])", path.read_text(encoding="utf-8")))
    missing = {name for name in names if f"`{name}`" not in PAGE}
    assert not missing


def test_the_help_lists_every_variable_with_its_default() -> None:
    command = [str(Path(sys.executable).with_name("circkg")), "serve", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "120"})
    listed = dict(re.findall(r"^│ (CIRCKG_\w+) +│ (.*?) +│", done.stdout, re.MULTILINE))
    documented = dict(re.findall(r"^\| `(CIRCKG_\w+)` \| ?([^|]*) \|", PAGE, re.MULTILINE))
    assert listed.keys() == documented.keys()
    assert listed["CIRCKG_TIMEOUT"] == documented["CIRCKG_TIMEOUT"] == "30 s"


def test_the_documented_defaults_are_the_real_ones() -> None:
    documented = dict(re.findall(r"^\| `(CIRCKG_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE))
    for kind, prefix in ((Settings, ""), (OperationsSettings, ""), (RemoteSettings, "REMOTE_")):
        for entry in dataclasses.fields(kind):
            said = documented[f"CIRCKG_{prefix}{entry.name.upper()}"].strip().strip("`")
            default = entry.default
            said_value: object = said
            if isinstance(default, int | float):
                number, _, unit = said.replace(",", "").partition(" ")
                said_value = float(number) * {"": 1, "MiB": 2**20, "GiB": 2**30, "s": 1}[unit]
            assert said_value == default, entry.name


# -- what is deployed -----------------------------------------------------------------------------------------------


def test_the_unit_is_sound() -> None:
    unit = ROOT / "deploy" / "circkg.service"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    known = ("not executable", "is masked")  # of this machine, not of the unit
    told = [
        line for line in found.stderr.splitlines() if "circkg.service" in line and not any(k in line for k in known)
    ]
    assert not told


def test_deployed_files_use_settings_that_exist() -> None:
    names = {
        f"CIRCKG_{entry.name.upper()}" for kind in (Settings, OperationsSettings) for entry in dataclasses.fields(kind)
    }
    names |= {f"CIRCKG_REMOTE_{entry.name.upper()}" for entry in dataclasses.fields(RemoteSettings)}
    names |= {"CIRCKG_STORE", "CIRCKG_HOST", "CIRCKG_PORT"}
    for path in sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file()):
        used = set(re.findall(r"CIRCKG_\w+", path.read_text(encoding="utf-8")))
        assert used <= names, path.name


# -- what cannot work is refused before anything is loaded ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "0") for name in ("TIMEOUT", "MAX_ROWS", "MAX_BYTES", "MAX_QUERY", "PER_CLIENT", "QUERY_MEMORY")),
        ("MAX_TIMEOUT", "1"), ("READERS", "100000"), ("PUBLIC_URL", "data.example.org"), ("PUBLIC_URL", "ftp://a/"),
        ("PUBLIC_URL", "http://a/?b=c"), ("PUBLIC_URL", "http://[::1"), ("PUBLIC_URL", "http://a:0x1/"),
        ("PUBLIC_URL", "http://"), ("PUBLIC_URL", "http://a b/"),
    ],
)  # fmt: skip
def test_a_setting_with_which_nothing_could_be_answered_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"CIRCKG_{name} is "):
        Settings.from_environment({f"CIRCKG_{name}": value})


def test_no_patience_at_all_is_refused() -> None:
    with pytest.raises(SettingsError, match="CIRCKG_PATIENCE"):
        OperationsSettings.from_environment({"CIRCKG_PATIENCE": "0"})


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("port", ["taken", "70000", "-1", "eighty"])
def test_a_port_that_cannot_be_had_is_one_clear_error(archive: Archive, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        found = CliRunner().invoke(
            cli.app, ["serve", "--store", str(archive.folder), "--port", number if port == "taken" else port]
        )
    assert found.exit_code == 2
    assert (number if port == "taken" else "--port") in found.stderr
    assert "Traceback" not in found.stderr


def test_port_0_is_the_same_free_port_at_each_address_of_a_host() -> None:
    sockets = serving.listen("localhost", 0)
    try:
        assert len({found.getsockname()[1] for found in sockets}) == 1
        assert sockets[0].getsockname()[1] > 0
    finally:
        for found in sockets:
            found.close()


# -- the graceful stop ----------------------------------------------------------------------------------------------

SLOW = """
import asyncio, sys
from circkg_server.operations.serving import listen, run
from circkg_server.operations.settings import OperationsSettings

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); print("stopped", flush=True); await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(int(scope["path"][1:])):
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"end"})

run(app, listen("127.0.0.1", int(sys.argv[1])), OperationsSettings(drain=5))
"""


@pytest.mark.parametrize(("parts", "whole"), [(10, True), (600, False)])
def test_a_stop_drains_and_cuts_nothing_that_looks_whole(parts: int, whole: bool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = os.pathsep.join(str(ROOT / room) for room in ("shapes", "loaders", "server"))
    running = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(port)], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 15
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/0").text == "end"
                break
            except httpx.TransportError:
                assert time.monotonic() < end
                time.sleep(0.05)
        content = ""
        try:
            with httpx.stream("GET", f"http://127.0.0.1:{port}/{parts}", timeout=20) as response:
                begun = time.monotonic()
                for place, text in enumerate(response.iter_text()):
                    content += text
                    if place == 0:
                        running.send_signal(signal.SIGTERM)
                        time.sleep(0.5)
                        with pytest.raises(httpx.ConnectError):
                            httpx.get(f"http://127.0.0.1:{port}/0")
            ended = True
        except httpx.RemoteProtocolError:
            ended = False
        assert ended is whole
        assert content.endswith("end") is whole
        assert time.monotonic() - begun < 40
        out, _ = running.communicate(timeout=10)
        assert "stopped" in out
    finally:
        running.kill()
        running.wait(10)
