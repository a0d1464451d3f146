"""Does what no engine may do itself: text search and questions to other endpoints, before a query reaches a reader."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus

from circkg_server import federation, search
from circkg_server.engines.service import Engines
from circkg_server.releases.archive import StoreBusyError
from circkg_server.sparql.requests import RequestProblem
from circkg_server.sparql.tokens import QueryError


@dataclass(slots=True)
class Rewriting:
    """Takes the SERVICE clauses out of queries: what they find stands in their place, as VALUES."""

    engines: Engines
    gate: federation.Gate
    search_settings: search.SearchSettings
    _index: tuple[int, search.Index] | None = field(default=None)

    def index(self) -> search.Index:
        """Return the search index of the snapshot that is served.

        :raises SearchUnavailableError: if there is none, or it cannot be read.
        """
        served = self.engines.current
        if served is None:
            raise search.SearchUnavailableError("No snapshot is served yet.")
        number = served.manifest.number
        if self._index is None or self._index[0] != number:
            try:
                opened = search.open_index(self.engines.archive, served.manifest, self.search_settings)
            except StoreBusyError as error:
                raise search.SearchUnavailableError("The search index is being made. Try again in a while.") from error
            self._index = (number, opened)
        return self._index[1]

    async def __call__(self, query: str) -> str:
        """Return a query without SERVICE.

        :raises RequestProblem: if a clause is refused, or an endpoint does not answer as it should.
        """
        if not federation.needs_federation(query):
            return query
        try:
            query = await asyncio.to_thread(search.rewrite, query, self.index)
            return (await federation.rewrite(query, self.gate)).query
        except (search.SearchError, QueryError) as error:
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "The query is refused", str(error)) from error
        except search.SearchUnavailableError as error:
            raise RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Text search is not there", str(error)) from error
        except federation.NotAllowedError as error:
            raise RequestProblem(HTTPStatus.FORBIDDEN, "This endpoint is not asked from here", str(error)) from error
        except federation.FederationError as error:
            raise RequestProblem(HTTPStatus.BAD_GATEWAY, "Another endpoint did not answer", str(error)) from error
