"""The servers that the benchmark compares: started on the same graph, measured in processor time, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from circkg_server.engines import allocator

OXIGRAPH = str(Path(sys.executable).with_name("oxigraph"))
TICKS = os.sysconf("SC_CLK_TCK")
START = 300.0
"""Seconds that a peer may take to load its data and answer."""

RDFLIB = """
import sys
from rdflib import Graph
from rdflib_endpoint import SparqlEndpoint
import uvicorn
graph = Graph()
graph.parse(sys.argv[1], format="nt")
uvicorn.run(SparqlEndpoint(graph=graph, path="/sparql"), port=int(sys.argv[2]), log_level="error")
"""

LIMIT = """
import json, sys, time
from pyoxigraph import QueryResultsFormat, QueryTriples, RdfFormat, Store
store = Store()
store.bulk_load(path=sys.argv[1])
store.optimize()
print("{}", flush=True)
for line in sys.stdin:
    sizes = []
    began = time.process_time()
    for text, media_type in json.loads(line):
        result = store.query(text)
        format_ = (RdfFormat if isinstance(result, QueryTriples) else QueryResultsFormat).from_media_type(media_type)
        sizes.append(len(result.serialize(format=format_)))
    print(json.dumps({"processor": time.process_time() - began, "bytes": sum(sizes)}), flush=True)
"""


def processor_seconds(root: int) -> float:
    """Return the seconds of processor, of user and system, that a process and all it started have used until now.

    What a process waited for after its end is in the figures of the one that waited.
    """
    stats = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _, rest = entry.read_text().partition(" ")
            fields = rest.rpartition(")")[2].split()
            stats[int(number)] = (int(fields[1]), sum(map(int, fields[11:15])))
    tree = {root}
    while more := {number for number, (parent, _) in stats.items() if parent in tree and number not in tree}:
        tree |= more
    return sum(stats[number][1] for number in tree if number in stats) / TICKS


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peer(ABC):
    """A server in a process of its own.

    :param name: what the tables call it.
    """

    path = "/sparql"

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.load_seconds = 0.0
        self._process: subprocess.Popen[str] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that serves."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the command."""
        return dict(os.environ)

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        :raises RuntimeError: if it does not.
        """
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self.command(), env=self.environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not self.ready():
            if self._process.poll() is not None or time.perf_counter() - began > START:
                raise RuntimeError(f"{self.name} did not start.")
            time.sleep(0.05)
        self.load_seconds = time.perf_counter() - began

    def ready(self) -> bool:
        """Tell whether it answers."""
        try:
            self.ask("ASK {}", "application/sparql-results+json", 5)
        except (OSError, urllib.error.URLError):
            return False
        return True

    def ask(self, query: str, media_type: str, wait: float = 120, **more: str) -> tuple[bytes, str]:
        """Return the answer of a query and its media type, which is not always the one asked for."""
        parameters = urllib.parse.urlencode({"query": query, **more})
        address = f"http://127.0.0.1:{self.port}{self.path}?{parameters}"
        request = urllib.request.Request(address, headers={"Accept": media_type})
        with urllib.request.urlopen(request, timeout=wait) as answer:
            return bytes(answer.read()), answer.headers.get_content_type()

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class CircKG(Peer):
    """Our server, over a published snapshot."""

    def __init__(self, name: str, store: Path, *, preload: bool = True, limits: dict[str, str] | None = None) -> None:
        super().__init__(name)
        self._store = store
        self._preload = preload
        self._limits = limits or {}

    def command(self) -> list[str]:
        """Return the command that serves."""
        code = "from circkg_server.cli import main; main()"
        if not self._preload:
            code = (
                "from circkg_server.engines import allocator; allocator.allocator = lambda: None; "
                "from circkg_server.cli import main; main()"
            )
        return [sys.executable, "-c", code, "serve", "--store", str(self._store), "--port", str(self.port)]

    def environment(self) -> dict[str, str]:
        """Return the environment, with the limits."""
        # A load generator is one client; its 32 connections must not meet the limit of queries of one client.
        return {
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CIRCKG_PER_CLIENT": "1000", "CIRCKG_QUEUE": "1000",
            "CIRCKG_ENGINE": "memory", **self._limits,
        }  # fmt: skip

    def ready(self) -> bool:
        """Tell whether the memory image is loaded."""
        if not super().ready():
            return False
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=5) as answer:
            pools = json.load(answer)["pools"]
        return any(pool["engine"] == "memory" and pool["readers"] for pool in pools)

    def reader(self) -> int:
        """Return the process number of a reader of the memory engine: a child of the last child that has children."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                number, _, rest = entry.read_text().partition(" ")
                children.setdefault(int(rest.rpartition(")")[2].split()[1]), []).append(int(number))
        return max(children[max(zygote for zygote in children[self.pid] if zygote in children)])


class Native(Peer):
    """Oxigraph's own server over a store on disk."""

    path = "/query"

    def __init__(self, name: str, location: Path) -> None:
        super().__init__(name)
        self._location = location

    def command(self) -> list[str]:
        """Return the command that serves."""
        bind = f"127.0.0.1:{self.port}"
        return [OXIGRAPH, "serve-read-only", "--location", str(self._location), "--bind", bind]

    @staticmethod
    def load(location: Path, triples: Path) -> None:
        """Load a file into a new store, and optimise it."""
        for arguments in (["load", "--file", str(triples)], ["optimize"]):
            subprocess.run([OXIGRAPH, *arguments, "--location", str(location)], check=True, capture_output=True)


class RdflibEndpoint(Peer):
    """rdflib-endpoint over rdflib's own store in memory, from an environment of its own if need be."""

    def __init__(self, name: str, triples: Path, python: str) -> None:
        super().__init__(name)
        self._triples = triples
        self._python = python

    def command(self) -> list[str]:
        """Return the command that serves."""
        return [self._python, "-c", RDFLIB, str(self._triples), str(self.port)]

    @staticmethod
    def installed(python: str) -> bool:
        """Tell whether an interpreter has rdflib-endpoint."""
        command = [python, "-c", "import rdflib_endpoint, uvicorn"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Limit(Peer):
    """The engine alone: pyoxigraph's store in memory, asked within its process, without any server."""

    def __init__(self, name: str, triples: Path, *, preload: bool = True) -> None:
        super().__init__(name)
        self._triples = triples
        self._preload = preload

    def command(self) -> list[str]:
        """Return the command that serves."""
        return [sys.executable, "-c", LIMIT, str(self._triples)]

    def environment(self) -> dict[str, str]:
        """Return the environment, with the allocator that our readers have."""
        return allocator.environment(os.environ) if self._preload else dict(os.environ)

    def ready(self) -> bool:
        """Wait until the data are loaded."""
        assert self._process is not None
        assert self._process.stdout is not None
        return bool(self._process.stdout.readline())

    def run(self, questions: list[tuple[str, str]]) -> float:
        """Return the processor seconds of evaluating and writing the answers of these queries."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(questions) + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._process.stdout.readline())["processor"])


@contextlib.contextmanager
def running(*peers: Peer) -> Iterator[None]:
    """Have peers started, and ended in any case."""
    try:
        for peer in peers:
            peer.start()
        yield
    finally:
        for peer in peers:
            peer.stop()
