"""The process of the live store: takes one request after the other, and may be killed at any moment.

Run as ``python -m circkg_server.writes.process KIND FOLDER SOCKET MEMORY``. The main thread reads requests and ends the
process when the server goes; another thread with a large stack does the work, so that a query may nest deeply before
it ends the process, and then only this one.
"""

from __future__ import annotations

import hashlib
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from pyoxigraph import (
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    parse,
    serialize,
)

from circkg_server.engines.isolation import deny_network, limit_memory
from circkg_server.store.dataset import Dataset, ask, merge
from circkg_server.writes.drafts import Drafts, DraftsForbiddenError
from circkg_server.writes.frames import Head, pack, receive

STACK = 1 << 30
"""Bytes of stack for the work. Only what is used is taken from memory; 100,000 nested brackets fit."""

Graph = NamedNode | DefaultGraph


class RequestError(ValueError):
    """A request cannot be done; ``kind`` says to the server which error it is."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Worker(Protocol):
    """What does the requests."""

    def do(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Return the answer to a request."""

    def close(self) -> None:
        """End in good order."""


def check_syntax(text: str, base: str | None) -> None:
    """Raise a syntax error if an update is not SPARQL. It runs on an empty store, and what comes of it is dropped."""
    try:
        Store().update(text, base_iri=base)
    except (RuntimeError, OSError, ValueError):
        return


class Live:
    """The store of an open instance, with a default graph of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(str(folder))

    def close(self) -> None:
        """Write everything to the disk."""
        self.store.flush()

    def do(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Do one request."""
        match head["do"]:
            case "query":
                return answer(self.store, head, body.decode())
            case "check":
                check_syntax(body.decode(), head["base"])
                return {}, b""
            case "update":
                self.store.update(body.decode(), base_iri=head["base"])
                self.store.flush()
                return {}, b""
            case "get":
                return self._get(head)
            case "put" | "post":
                return self._write(head, body)
            case "delete":
                return self._delete(head)
            case "graphs":
                return {"graphs": {graph: self._count(node(graph)) for graph in self._graphs()}}, b""
            case "counts":
                return {"quads": len(self.store), "graphs": sum(1 for _ in self._graphs())}, b""
            case "backup":
                self.store.backup(head["folder"])
                return {}, b""
        raise RequestError("bad", f"There is no {head['do']!r}.")

    def _graphs(self) -> Iterator[str]:
        return (name.value for name in self.store.named_graphs() if isinstance(name, NamedNode))

    def _count(self, graph: Graph) -> int:
        return sum(1 for _ in self.store.quads_for_pattern(None, None, None, graph))

    def _has(self, graph: Graph) -> bool:
        return isinstance(graph, DefaultGraph) or self.store.contains_named_graph(graph)

    def _get(self, head: Head) -> tuple[Head, bytes]:
        graph = node(head["graph"])
        if not self._has(graph):
            raise RequestError("absent", "There is no such graph.")
        return written(self.store.quads_for_pattern(None, None, None, graph), head)

    def _check(self, graph: Graph, head: Head) -> bool:
        """Tell whether the graph is there, if the conditions of the request hold."""
        there = self._has(graph)
        etag = graph_etag(self.store.quads_for_pattern(None, None, None, graph)) if head["match"] is not None else ""
        check_conditions(head, there, etag)
        return there

    def _write(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        graph = node(head["graph"])
        there = self._check(graph, head)
        quads = read(head, body, graph)
        if head["do"] == "post":
            self.store.extend(quads)
            changed = len(quads)
        else:
            changed = self._replace(graph, set(quads))
        if isinstance(graph, NamedNode) and not quads:
            self.store.add_graph(graph)
        self.store.flush()
        return {"created": not there, "quads": changed}, b""

    def _replace(self, graph: Graph, new: set[Quad]) -> int:
        """Make these the quads of a graph in one transaction, and return how many were added and removed."""
        old = set(self.store.quads_for_pattern(None, None, None, graph))
        removed, added = old - new, new - old
        gone = block(graph, removed)
        if not removed:
            self.store.extend(added)
        elif "_:" in gone:  # perhaps a blank node, which DELETE DATA cannot name
            self.store.update(f"CLEAR SILENT {target(graph)} ; INSERT DATA {{ {block(graph, new)} }}")
        else:
            self.store.update(f"DELETE DATA {{ {gone} }} ; INSERT DATA {{ {block(graph, added)} }}")
        return len(removed) + len(added)

    def _delete(self, head: Head) -> tuple[Head, bytes]:
        graph = node(head["graph"])
        if not self._check(graph, head):
            raise RequestError("absent", "There is no such graph.")
        count = self._count(graph)
        self.store.update(f"DROP SILENT {target(graph)}")
        self.store.flush()
        return {"quads": count}, b""


class DraftWorker:
    """The drafts of a normal instance. Each request says whose it is."""

    def __init__(self, folder: Path) -> None:
        self.drafts = Drafts(folder)

    def close(self) -> None:
        """Do nothing: each change is on the disk when it is acknowledged."""

    def do(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Do one request."""
        drafts, owner, every = self.drafts, str(head.get("owner", "")), bool(head.get("every"))
        match head["do"]:
            case "query":
                return answer(drafts.store, head, body.decode(), drafts.visible(owner, every))
            case "check":
                check_syntax(body.decode(), head["base"])
                return {}, b""
            case "update":
                changed, quads = drafts.update(body.decode(), head["base"], owner, every)
                return {"graphs": changed, "quads": quads}, b""
            case "get":
                if not drafts.has(head["graph"], owner, every):
                    raise RequestError("absent", "There is no such draft.")
                return written(drafts.quads(head["graph"]), head)
            case "put" | "post":
                there = drafts.has(head["graph"], owner, every)
                etag = graph_etag(drafts.quads(head["graph"])) if there and head["match"] is not None else ""
                check_conditions(head, there, etag)
                content = read(head, body, NamedNode(head["graph"]))
                count = drafts.replace(head["graph"], content, owner, every, merge=head["do"] == "post")
                return {"created": not there, "quads": count}, b""
            case "delete":
                there = drafts.has(head["graph"], owner, every)
                if not there:
                    raise RequestError("absent", "There is no such draft.")
                etag = graph_etag(drafts.quads(head["graph"])) if head["match"] is not None else ""
                check_conditions(head, there, etag)
                return {"quads": drafts.delete(head["graph"], owner, every)}, b""
            case "graphs":
                return {"graphs": {name: drafts.count(name) for name in drafts.visible(owner, every)}}, b""
            case "counts":
                return {"quads": len(drafts.store), "graphs": len(drafts.visible("", every=True))}, b""
        raise RequestError("bad", f"There is no {head['do']!r}.")


def answer(store: Store, head: Head, text: str, only: list[str] | None = None) -> tuple[Head, bytes]:
    """Return the answer to a query, in the format that the request gives for its kind."""
    default, named = head["default"], head["named"]
    if only is not None:
        found = merge(store, only, only).query(text, base_iri=head["base"])
    else:
        own = default is None and named is None
        dataset = None if own else Dataset(tuple(default or ()), tuple(named or ()))
        found = ask(store, text, dataset, head["base"])
    kind = "graph" if isinstance(found, QueryTriples) else "boolean" if isinstance(found, QueryBoolean) else "table"
    media_type = head["formats"][kind]
    if media_type is None:
        raise RequestError("format", kind)
    output = _Limited(head["max"])
    if isinstance(found, QueryTriples):
        found.serialize(output, RdfFormat.from_media_type(media_type))  # type: ignore[arg-type]  # a writer is enough
    elif isinstance(found, QuerySolutions | QueryBoolean):
        found.serialize(output, QueryResultsFormat.from_media_type(media_type))  # type: ignore[arg-type]
    return {"kind": kind, "format": media_type}, bytes(output.content)


class _Limited:
    """Takes an answer up to a number of bytes; more aborts the evaluation."""

    def __init__(self, most: int) -> None:
        self.content = bytearray()
        self.most = most

    def write(self, part: bytes) -> int:
        """Take a part."""
        if len(self.content) + len(part) > self.most:
            raise RequestError("large", f"The answer has more than {self.most:,} bytes. Ask for less, with LIMIT.")
        self.content += part
        return len(part)

    def flush(self) -> None:
        """Do nothing."""


def written(quads: Iterable[Quad], head: Head) -> tuple[Head, bytes]:
    """Return the quads of one graph in the format of the request, with the graph's tag."""
    triples = [Quad(quad.subject, quad.predicate, quad.object) for quad in quads]
    tag = graph_etag(triples)
    if head.get("unless") and tag in head["unless"]:
        return {"etag": tag, "same": True}, b""
    found = RdfFormat.from_media_type(head["format"])
    assert found is not None
    prefixes = head.get("prefixes") if found in (RdfFormat.TURTLE, RdfFormat.TRIG, RdfFormat.RDF_XML) else None
    body = serialize(triples, format=found, prefixes=prefixes)
    assert body is not None
    if len(body) > head["max"]:
        raise RequestError("large", f"The graph has more than {head['max']:,} bytes. Ask for parts of it at /sparql.")
    return {"etag": tag}, body


def read(head: Head, body: bytes, graph: Graph) -> list[Quad]:
    """Return the quads of the files that a request brings, in one graph; blank nodes of each file are its own."""
    quads: dict[Quad, None] = {}
    start = 0
    for media_type, length in head["parts"]:
        content = body[start : start + length]
        start += length
        found = RdfFormat.from_media_type(media_type)
        assert found is not None
        if found == RdfFormat.RDF_XML:
            _refuse_entities(content)
        for quad in parse(content, found, base_iri=head["base"], without_named_graphs=True, rename_blank_nodes=True):
            quads[Quad(quad.subject, quad.predicate, quad.object, graph)] = None
    return list(quads)


def _refuse_entities(content: bytes) -> None:
    if b"\0" in content[:64]:
        raise RequestError("bad", "RDF/XML has to come as UTF-8.")
    if b"<!DOCTYPE" in content and b"<!ENTITY" in content:
        line = content[: content.index(b"<!ENTITY")].count(b"\n") + 1
        error = RequestError("syntax", "RDF/XML that declares entities is not taken: write the IRIs in full.")
        error.line, error.column = line, None  # type: ignore[attr-defined]  # read by the answer
        raise error


def graph_etag(quads: Iterable[Quad]) -> str:
    """Return a tag of the content of one graph: the same for the same triples."""
    digest = hashlib.sha256()
    for line in sorted(f"{quad.subject} {quad.predicate} {quad.object}" for quad in quads):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()[:32]


def check_conditions(head: Head, there: bool, etag: str) -> None:
    """Refuse a request whose ``If-Match`` or ``If-None-Match`` does not hold."""
    if head["match"] is not None and not (there and ("*" in head["match"] or etag in head["match"])):
        raise RequestError("changed", "The graph is not the one that If-Match names. Get it again.")
    if head["new"] and there:
        raise RequestError("changed", "The graph is there already (If-None-Match: *).")


def node(graph: str | None) -> Graph:
    """Return the term of a graph's IRI; none is the default graph."""
    return NamedNode(graph) if graph else DefaultGraph()


def target(graph: Graph) -> str:
    """Return a graph as SPARQL Update writes it."""
    return "DEFAULT" if isinstance(graph, DefaultGraph) else f"GRAPH {graph}"


def block(graph: Graph, quads: Iterable[Quad]) -> str:
    """Return quads as INSERT DATA writes them."""
    text = "\n".join(f"{quad.subject} {quad.predicate} {quad.object} ." for quad in quads)
    return text if isinstance(graph, DefaultGraph) else f"GRAPH {graph} {{ {text} }}"


def _failed(error: BaseException) -> Head:
    """Return what the server is told about an error."""
    if isinstance(error, RequestError):
        line, column = getattr(error, "line", None), getattr(error, "column", None)
        return {"error": error.kind, "message": str(error), "line": line, "column": column}
    if isinstance(error, SyntaxError):
        return {"error": "syntax", "message": str(error.msg or error), "line": error.lineno, "column": error.offset}
    if isinstance(error, DraftsForbiddenError):
        return {"error": "forbidden", "message": str(error)}
    if isinstance(error, PermissionError):
        return {"error": "network", "message": "Nothing is fetched from other machines here."}
    if isinstance(error, OSError):
        return {"error": "store", "message": str(error)}
    if isinstance(error, RuntimeError) and str(error).endswith(("does not exist", "already exists")):
        end = str(error).rpartition("> ")[2]
        return {"error": "failed", "message": f"A graph that the update names {end}. SILENT would pass over it."}
    return {"error": "failed", "message": str(error)}


def _work(worker: Worker, connection: socket.socket, requests: queue.SimpleQueue[tuple[Head, bytes]]) -> None:
    while True:
        head, body = requests.get()
        if head["do"] == "stop":
            worker.close()
            os._exit(0)
        try:
            found, content = worker.do(head, body)
            frame = pack({"ok": True} | found, content)
        except MemoryError:
            os._exit(12)
        except Exception as error:
            frame = pack(_failed(error))
        connection.sendall(frame)
        del head, body, frame


def main(arguments: list[str]) -> None:
    """Serve requests until the server goes."""
    kind, folder, descriptor, memory = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = socket.socket(fileno=int(descriptor))
    try:
        isolated = deny_network()
        worker: Worker = DraftWorker(Path(folder)) if kind == "drafts" else Live(Path(folder))
    except (OSError, ValueError) as error:
        connection.sendall(pack({"error": "start", "message": str(error)}))
        os._exit(2)
    if int(memory):
        limit_memory(STACK + int(memory))
    threading.stack_size(STACK)
    requests: queue.SimpleQueue[tuple[Head, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(worker, connection, requests), daemon=True).start()
    connection.sendall(pack({"ok": True, "isolated": isolated}))
    while (request := receive(connection)) is not None:
        requests.put(request)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
