"""The engine of a store elsewhere: any SPARQL 1.1 server, also a cluster, behind the same front.

Queries pass with the same limits; a new snapshot is pushed before it is served. Every query is asked with the dataset
of the snapshot named in full, so that nothing else in the store can be read, whatever its default graph is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from circkg_loaders.iris import BASE
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import EngineKind
from circkg_server.engines.pool import Failure, Running
from circkg_server.engines.quickness import Quickness
from circkg_server.engines.remote_answer import RemoteAnswer
from circkg_server.engines.remote_client import Address, Client, Credentials, UnreachableError
from circkg_server.engines.remote_push import MERGED, Pusher, PushError
from circkg_server.engines.remote_settings import DIALECTS, RemoteSettings
from circkg_server.engines.service import SnapshotGoneError
from circkg_server.engines.slots import Slots
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, ManifestError
from circkg_server.settings import Settings, SettingsError
from circkg_server.sparql.formats import FORMATS
from circkg_server.sparql.tokens import Token, form_of, tokens
from circkg_server.store.dataset import Dataset
from circkg_server.store.snapshot import NothingPublishedError

WATCH = 1.0
CHECK_EVERY = 10.0
"""Seconds after which the store is asked whether it lives."""
DRAIN = 150.0
"""Seconds for which the default graph of the snapshot before stays, for queries that run on it."""
GRACE = 1.0
"""Seconds by which the store's own time limit is later than ours: the end is ours to tell, the store only cleans up."""
MERGES_KEPT = 4
NOTHING = f"{BASE}set/nothing"
"""Name of a graph that is never there."""


@dataclass(slots=True)
class RemoteServed:
    """What is served, and where the store has its default graph."""

    manifest: Manifest
    default_graph: str
    triples: int
    graphs: frozenset[str]
    memory: None = None
    neighbourhood: None = None


def without_from(query: str) -> str:
    """Return a query without its dataset clauses, whose graphs go as parameters; Virtuoso would add the two up.

    What is left out becomes blanks, so that errors keep their places.

    >>> " ".join(without_from('SELECT * FROM <a:a> FROM NAMED <a:b> { ?from a "FROM" }').split())
    'SELECT * { ?from a "FROM" }'
    """
    parts: list[str] = []
    place = 0
    stream = list(tokens(query))
    for at, token in enumerate(stream):
        if token.is_word("FROM") and token.start >= place:
            last = at + 2 if at + 1 < len(stream) and stream[at + 1].is_word("NAMED") else at + 1
            if last < len(stream):
                end = stream[last].start + len(stream[last].text)
                parts += [query[place : token.start], re.sub(r"[^\r\n]", " ", query[token.start : end])]
                place = end
    return "".join([*parts, query[place:]])


@dataclass(slots=True)
class RemoteEngines:
    """A remote store as the engine of a server: the same surface as the engines of its own readers."""

    archive: Archive
    settings: Settings
    remote: RemoteSettings
    on_event: Callable[[str], None] = lambda _: None
    current: RemoteServed | None = None
    quickness: Quickness = field(default_factory=Quickness)
    reachable: bool = False
    problem: str = ""
    kind: EngineKind = EngineKind.REMOTE
    respawns: int = 0
    _client: Client = field(init=False)
    _pusher: Pusher = field(init=False)
    _slots: Slots = field(init=False)
    _answers: dict[str, RemoteAnswer] = field(default_factory=dict)
    _ends: dict[str, tuple[asyncio.TimerHandle, bool]] = field(default_factory=dict)
    _merges: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _merging: asyncio.Lock = field(default_factory=asyncio.Lock)
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Know the addresses.

        :raises SettingsError: if there is no address of queries.
        """
        if not self.remote.query:
            raise SettingsError("The remote engine needs CIRCKG_REMOTE_QUERY, the address of the store's queries.")
        known = Credentials(self.remote.user, self.remote.password) if self.remote.password else None
        self._client = Client(Address.of(self.remote.query), known)
        update = Client(Address.of(self.remote.update), known) if self.remote.update else None
        graphs = Client(Address.of(self.remote.graph_store), known) if self.remote.graph_store else None
        own = self.remote.default_graph == "own"
        self._pusher = Pusher(Client(self._client.address, known), update, graphs, own_default=own)
        self._slots = Slots(self.remote.connections, self.settings.queue)

    # -- publishing ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Serve the current manifest as soon as the store has it, and every later one as it is published.

        :raises NothingPublishedError: if nothing has been published.
        """
        if self.archive.current() is None:
            raise NothingPublishedError(f"Nothing is published in {self.archive.folder} yet. Run `circkg build` first.")
        self._task(self._watch())

    async def _watch(self) -> None:
        """Publish what a build publishes while the server runs, and look whether the store lives."""
        checked = 0.0
        while True:
            try:
                manifest = self.archive.current()
                if manifest is not None and (self.current is None or manifest != self.current.manifest):
                    await self.publish(manifest)
                elif time.monotonic() - checked > CHECK_EVERY:
                    checked = time.monotonic()
                    await self._check()
            except (ManifestError, UnreachableError, PushError, OSError) as error:
                if isinstance(error, UnreachableError):
                    self.reachable = False
                if str(error) != self.problem:
                    self.problem = str(error)
                    self.on_event(f"remote store: {error}")
            await asyncio.sleep(WATCH)

    async def _check(self) -> None:
        """Ask the store for a sign of life."""
        body = urlencode({"query": "ASK {}"}).encode()
        headers = {"content-type": _FORM, "accept": "application/sparql-results+json"}
        reply = await self._pusher.query.exchange("POST", self._client.address.target, headers, body, timeout=30)
        self.reachable = reply.status == 200
        self.problem = "" if self.reachable else f"The store answers with status {reply.status}."

    async def publish(self, manifest: Manifest) -> None:
        """Push what the store lacks of a snapshot, then serve it.

        :raises UnreachableError: if the store cannot be reached.
        :raises PushError: if it refuses; the snapshot served before stays.
        """
        async with self._publishing:
            held = await self._pusher.push(self.archive, manifest)
            graph = self._pusher.default_graph(manifest)
            graphs = frozenset(release.graph for release in manifest.releases)
            before, self.current = self.current, RemoteServed(manifest, graph, held.triples, graphs)
            self.reachable, self.problem = True, ""
            self.on_event(f"snapshot {manifest.number} is served by the remote store")
            left = held.stale | set(self._merges)
            self._merges.clear()
            if self._pusher.update is not None:
                self._task(self._remove(left, DRAIN if before is not None else 0))

    async def _remove(self, graphs: Iterable[str], after: float) -> None:
        """Remove graphs that no query needs any more."""
        await asyncio.sleep(after)
        async with self._publishing:
            for graph in graphs:
                if self.current is not None and graph != self.current.default_graph and graph not in self._merges:
                    with contextlib.suppress(UnreachableError, PushError):
                        await self._pusher.remove(graph)

    # -- asking -------------------------------------------------------------------------------------------------

    async def ask(
        self, id_: str, job: Job, query: list[Token], *, timeout: float,
        named_graphs: bool,  # noqa: ARG002 - the store has all graphs
        snapshot: int | None = None,
    ) -> RemoteAnswer:  # fmt: skip
        """Return the answer of a query.

        :param query: the tokens of the query, by which its quickness is guessed.
        :param snapshot: number of a snapshot; only the current one can be asked.
        :raises Failure: if it is not answered.
        :raises SnapshotGoneError: for another snapshot.
        """
        served = self.current
        if served is None:
            raise Failure("stopped", "No snapshot is served yet. Try again in a while.")
        if snapshot is not None and snapshot != served.manifest.number:
            raise SnapshotGoneError(f"Snapshot {snapshot} is not kept for queries: the store has the current one only.")
        deadline = time.monotonic() + timeout
        quick = self.quickness.expects_quick(query)
        await self._slots.take(timeout, quick=quick)
        running = Running(id_, job, time.monotonic(), 0)
        answer = RemoteAnswer(job, running, self._ended, is_ask=form_of(query) == "ASK")
        self._answers[id_] = answer
        late = Failure("timeout", f"The query took longer than {timeout:g} s.")
        left = max(deadline - time.monotonic(), 0)
        self._ends[id_] = (asyncio.get_running_loop().call_later(left, answer.fail, late), quick)
        try:
            request = await self._request(job, query, served, left)
            await self._begin(answer, request, fresh=False)
        except BaseException:
            answer.close()
            raise
        return answer

    async def _begin(self, answer: RemoteAnswer, request: bytes, *, fresh: bool) -> None:
        try:
            connection = await self._client.open(fresh=fresh)
        except UnreachableError as error:
            self.reachable = False
            self.on_event(f"remote store: {error}")
            failure = Failure("stopped", "The store behind this server cannot be reached. Try again in a while.")
            answer.fail(failure)
            return
        self.reachable = True
        again = None
        if connection.used:  # the store may just have closed it
            again = lambda: self._task(self._begin(answer, request, fresh=True))  # noqa: E731 - no name helps here
        answer.begin(connection, request, again)

    async def _request(self, job: Job, query: list[Token], served: RemoteServed, left: float) -> bytes:
        """Return the bytes of the request for a query."""
        relative = any(token.kind == "iri" and not _ABSOLUTE.match(token.text) for token in query)
        text = job.text if job.dataset is None else without_from(job.text)
        if relative and job.base:
            text = f"BASE <{job.base}> {text}"
        items = [("query", text), *await self._dataset(job.dataset, served, left)]
        dialect = DIALECTS[self.remote.kind]
        if dialect.timeout:
            items.append((dialect.timeout, f"{math.ceil((left + GRACE) * dialect.unit)}{dialect.suffix}"))
        headers = {"content-type": _FORM, "accept": FORMATS[job.format].media_type}
        return self._client.request("POST", self._client.address.target, headers, urlencode(items).encode())

    async def _dataset(self, asked: Dataset | None, served: RemoteServed, left: float) -> list[tuple[str, str]]:
        """Return the parameters that name the dataset; graphs that are not of the snapshot are empty."""
        if asked is None:
            if self.remote.default_graph == "own":
                return []
            default, named = [served.default_graph], sorted(served.graphs)
        else:
            default = [graph for graph in asked.default if graph in served.graphs]
            named = [graph for graph in asked.named if graph in served.graphs]
            if len(default) > 1 and not DIALECTS[self.remote.kind].merges:
                default = [await self._merge(default, served, left)]
        items = [("default-graph-uri", graph) for graph in default or [NOTHING]]
        return items + [("named-graph-uri", graph) for graph in named or [NOTHING]]

    async def _merge(self, graphs: list[str], served: RemoteServed, left: float) -> str:
        """Return a graph that holds the merge of several, made in the store when it is first asked for.

        Most stores would give a triple once for each of the graphs that has it.
        """
        releases = (release for release in served.manifest.releases if release.graph in graphs)
        versions = [f"{release.graph} {release.version}" for release in releases]
        name = f"{MERGED}of-{hashlib.sha256(chr(10).join(sorted(versions)).encode()).hexdigest()[:16]}"
        if self._pusher.update is None:
            raise Failure("evaluation", "Here a query takes one FROM or default-graph-uri, not several.")
        try:
            async with asyncio.timeout(left), self._merging:
                if name not in self._merges:
                    await self._pusher.merge(name, graphs)
                    self._merges[name] = None
                self._merges.move_to_end(name)
                while len(self._merges) > MERGES_KEPT:
                    oldest, _ = self._merges.popitem(last=False)
                    self._task(self._remove([oldest], DRAIN))
        except TimeoutError as error:
            raise Failure("timeout", "The graphs could not be merged in time.") from error
        except (UnreachableError, PushError) as error:
            self.on_event(f"remote store: {error}")
            raise Failure("stopped", "The store could not merge the graphs. Try again in a while.") from error
        return name

    def _ended(self, answer: RemoteAnswer) -> None:
        """Give back the place of an answer that has come to its end."""
        if self._answers.pop(answer.running.id, None) is not None:
            timer, quick = self._ends.pop(answer.running.id)
            timer.cancel()
            self._slots.give(quick=quick)

    # -- figures and end ----------------------------------------------------------------------------------------

    def cancel(self, id_: str) -> bool:
        """End a running query; tell whether there was one of that id."""
        answer = self._answers.get(id_)
        if answer is None:
            return False
        answer.fail(Failure("cancelled", "The query was cancelled by an administrator."))
        return True

    def running(self) -> list[dict[str, object]]:
        """Return the running queries, for administrators."""
        return [
            {
                "id": id_, "engine": self.kind.value, "snapshot": self.number, "reader": 0,
                "seconds": round(time.monotonic() - answer.running.since, 3), "query": answer.running.job.text,
            }
            for id_, answer in self._answers.items()
        ]  # fmt: skip

    @property
    def ready(self) -> bool:
        """Tell whether a snapshot is served and the store can be reached."""
        return self.current is not None and self.reachable

    @property
    def pools(self) -> list[RemotePool]:
        """Return the figures of the store."""
        return [RemotePool(self)] if self.current is not None else []

    @property
    def number(self) -> int:
        """Return the number of the snapshot that is served; 0 if none is."""
        return self.current.manifest.number if self.current else 0

    async def stop(self) -> None:
        """End all queries and connections."""
        for task in list(self._tasks):
            task.cancel()
        stopping = Failure("stopped", "The server is stopping.")
        self._slots.refuse(stopping)
        for answer in list(self._answers.values()):
            answer.fail(stopping)
        self.current = None
        for client in (self._client, self._pusher.query, self._pusher.update, self._pusher.graph_store):
            if client is not None:
                client.close()

    def _task(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(frozen=True, slots=True)
class RemotePool:
    """The figures of a remote store, as those of a pool of readers."""

    engines: RemoteEngines

    @property
    def kind(self) -> EngineKind:
        """Return the kind of engine."""
        return EngineKind.REMOTE

    @property
    def number(self) -> int:
        """Return the number of the snapshot."""
        return self.engines.number

    @property
    def readers(self) -> int:
        """Return how many queries the store takes at once; none while it cannot be reached."""
        return self.engines.remote.connections if self.engines.reachable else 0

    @property
    def running(self) -> dict[str, Running]:
        """Return the running queries."""
        return {id_: answer.running for id_, answer in self.engines._answers.items()}

    @property
    def waiting(self) -> int:
        """Return how many queries wait."""
        return self.engines._slots.waiting

    @property
    def lent(self) -> int:
        """Return 0: there are no readers of ours."""
        return 0

    @property
    def respawns(self) -> int:
        """Return 0: there are no processes to replace."""
        return 0


_FORM = "application/x-www-form-urlencoded"
_ABSOLUTE = re.compile(r"<[A-Za-z][A-Za-z0-9+.\-]*:")
