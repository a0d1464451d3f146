"""Does what no engine may do itself: text search and questions to other endpoints, before a query reaches a reader."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from circkg_server import federation, search
from circkg_server.engines.frames import Job
from circkg_server.engines.interface import Engine
from circkg_server.engines.pool import Failure
from circkg_server.releases.archive import Archive, StoreBusyError
from circkg_server.releases.manifest import ManifestError
from circkg_server.sparql.requests import RequestProblem
from circkg_server.sparql.tokens import QueryError, dataset_of, needs_named_graphs, tokens
from circkg_server.store.dataset import Dataset

INDEXES_KEPT = 3
"""How many search indexes are kept open: of the snapshot that is served, and of earlier ones that are asked."""


@dataclass(slots=True)
class Rewriting:
    """Takes the SERVICE clauses out of queries: what they find stands in their place, as VALUES."""

    engines: Engine
    archive: Archive
    gate: federation.Gate
    search_settings: search.SearchSettings
    _indexes: OrderedDict[int, search.Index] = field(default_factory=OrderedDict)

    def index(self, number: int | None = None) -> search.Index:
        """Return the search index of a snapshot, by default of the one that is served.

        :raises SearchUnavailableError: if there is none, or it cannot be read.
        """
        served = self.engines.current
        if served is None:
            raise search.SearchUnavailableError("No snapshot is served yet.")
        manifest = served.manifest
        opened = self._indexes.get(number or manifest.number)
        if opened is None:
            try:
                if number is not None and number != manifest.number:
                    manifest = self.archive.number(number)
                opened = search.open_index(self.archive, manifest, self.search_settings)
            except StoreBusyError as error:
                raise search.SearchUnavailableError("The search index is being made. Try again in a while.") from error
            except ManifestError as error:
                raise search.SearchUnavailableError(str(error)) from error
            self._indexes[manifest.number] = opened
            while len(self._indexes) > INDEXES_KEPT:
                self._indexes.popitem(last=False)
        return opened

    async def _ask(self, question: str, dataset: Dataset | None) -> bytes:
        """Return the answer of the own graph, as JSON, to what stands before a SERVICE clause."""
        stream = list(tokens(question))
        asked = dataset if dataset is not None else dataset_of(question)
        job = Job(question, "json", self.gate.settings.rows, self.gate.settings.size, asked)
        answer = await self.engines.ask(
            uuid.uuid4().hex[:16], job, stream, timeout=self.gate.settings.timeout,
            named_graphs=asked is not None or needs_named_graphs(stream),
        )  # fmt: skip
        try:
            return b"".join([chunk async for chunk in answer.chunks()])
        finally:
            answer.close()

    async def __call__(self, query: str, dataset: Dataset | None = None, number: int | None = None) -> str:
        """Return a query without SERVICE.

        :raises RequestProblem: if a clause is refused, or an endpoint does not answer as it should.
        """
        if not federation.needs_federation(query):
            return query
        try:
            query = await asyncio.to_thread(search.rewrite, query, partial(self.index, number))

            async def local(question: str) -> bytes:
                return await self._ask(question, dataset)

            return (await federation.rewrite(query, self.gate, local)).query
        except Failure as failure:
            detail = f"What stands before SERVICE cannot be asked: {failure}"
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The query is refused", detail) from failure
        except (search.SearchError, QueryError) as error:
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The query is refused", str(error)) from error
        except search.SearchUnavailableError as error:
            raise RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Text search is not there", str(error)) from error
        except federation.NotAllowedError as error:
            raise RequestProblem(HTTPStatus.FORBIDDEN, "This endpoint is not asked from here", str(error)) from error
        except federation.FederationError as error:
            raise RequestProblem(HTTPStatus.BAD_GATEWAY, "Another endpoint did not answer", str(error)) from error
