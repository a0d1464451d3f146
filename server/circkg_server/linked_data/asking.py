"""Asks the snapshot that is served, whatever engine serves it."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus

from circkg_loaders.prefixes import prefixes
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import Engine
from circkg_server.engines.pool import Answer, Failure
from circkg_server.engines.quickness import QUICK
from circkg_server.engines.service import NoSuchSnapshotError, SnapshotGoneError
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings
from circkg_server.sparql.requests import RequestProblem
from circkg_server.sparql.responses import RETRY_AFTER
from circkg_server.sparql.tokens import Token, needs_named_graphs, tokens
from circkg_server.store.neighbourhood import Around, Neighbourhood, TooMuchError
from circkg_shapes.terms import XSD_STRING, Term, Triple, iri, literal, literal_parts

LOG = logging.getLogger("circkg")
_STANDS_FOR = "<http://example.org/>"


class Template:
    """A query in which an IRI is put in, and whose words are looked at once."""

    def __init__(self, text: str, **parts: str) -> None:
        for name, part in parts.items():
            text = text.replace(f"${name}", part)
        self.known = False
        used = "".join(f"PREFIX {name}: <{of}>\n" for name, of in prefixes().items() if f"{name}:" in text)
        self.text = used + text

    @cached_property
    def stream(self) -> list[Token]:
        """Return the tokens, which are alike for all IRIs."""
        return list(tokens(self.text.replace("$IRI", _STANDS_FOR)))

    @cached_property
    def named_graphs(self) -> bool:
        """Tell whether the query needs more than the default graph."""
        return needs_named_graphs(self.stream)

    def about(self, iri_: str) -> str:
        """Return the query about an IRI."""
        return self.text.replace("$IRI", iri(iri_))


@dataclass(slots=True)
class Snapshot:
    """The snapshot that a request is answered from, to its end, also if another one takes over meanwhile.

    :param neighbourhood: looks up what stands around an IRI, if the engine has such an index.
    :param client: who asks, for a fair queue.
    """

    engine: Engine
    settings: Settings
    manifest: Manifest
    neighbourhood: Neighbourhood | None = None
    client: str = ""
    jobs: int = field(default=0)
    """How often a reader was asked."""

    async def triples(self, template: Template, iri_: str = "") -> list[Triple]:
        """Return the triples that a CONSTRUCT query gives."""
        return list(triples(await self._ask(template, template.about(iri_) if iri_ else template.text, "ntriples")))

    def around(self, iri_: str, language: str) -> Around | None:
        """Return the statements around an IRI, or ``None`` if they must be queried: too many, or there is no index."""
        if self.neighbourhood is None:
            return None
        try:
            return self.neighbourhood.around(iri_, language)
        except TooMuchError:
            return None
        except sqlite3.Error:
            LOG.exception("The index of neighbourhoods cannot be read")
            return None

    async def rows(self, template: Template, iri_: str = "") -> list[dict[str, Term]]:
        """Return the rows that a SELECT query gives."""
        content = await self._ask(template, template.about(iri_) if iri_ else template.text, "json")
        return [
            {name: _term(value) for name, value in row.items()} for row in json.loads(content)["results"]["bindings"]
        ]

    async def _ask(self, template: Template, text: str, format_: str) -> bytes:
        """Return the whole answer of a query.

        :raises RequestProblem: if there is none now.
        """
        self.jobs += 1
        started = time.monotonic()
        job = Job(text, format_, self.settings.max_rows, self.settings.max_bytes, client=self.client)
        try:
            answer = await self.engine.ask(
                uuid.uuid4().hex[:16], job, template.stream, timeout=self.settings.timeout,
                named_graphs=template.named_graphs, snapshot=self.manifest.number or None,
            )  # fmt: skip
            try:
                content = b"".join([chunk async for chunk in answer.chunks()])
            finally:
                answer.close()
        except (Failure, SnapshotGoneError, NoSuchSnapshotError) as failure:
            raise _unavailable(failure) from failure
        took = answer.seconds if isinstance(answer, Answer) else time.monotonic() - started
        if not template.known or took >= QUICK / 2:  # noting what changes nothing takes long itself
            self.engine.quickness.learn(template.stream, took)
            template.known = True
        return content


def _unavailable(failure: Exception) -> RequestProblem:
    problem = RequestProblem(
        HTTPStatus.SERVICE_UNAVAILABLE, "This cannot be given now", f"{failure} Try again in a while."
    )
    problem.headers["retry-after"] = RETRY_AFTER
    return problem


def triples(content: bytes) -> Iterator[Triple]:
    """Yield the triples of N-Triples without comments, each term in its canonical form."""
    for line in content.decode().splitlines():
        if line:
            subject, predicate, rest = line.split(None, 2)
            yield subject, predicate, _canonical(rest.rstrip()[:-1].rstrip())


def _canonical(term: Term) -> Term:
    if term[0] == '"' and ("\\" in term or term.endswith(">")):
        text, lang, datatype = literal_parts(term)
        return literal(text, lang) if lang else literal(text, datatype=datatype)
    return term


def _term(value: dict[str, str]) -> Term:
    """Return the term of a value of SPARQL results in JSON."""
    if value["type"] == "uri":
        return f"<{value['value']}>"
    if value["type"] == "bnode":
        return f"_:{value['value']}"
    lang, datatype = value.get("xml:lang"), value.get("datatype", XSD_STRING)
    return literal(value["value"], lang) if lang else literal(value["value"], datatype=datatype)
