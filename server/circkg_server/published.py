"""Gives published graphs as the Graph Store Protocol asks for them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request, Response

from circkg_server.engines.frames import Job
from circkg_server.engines.interface import Engine
from circkg_server.engines.pool import Failure
from circkg_server.problems import problem
from circkg_server.settings import Settings
from circkg_server.sparql.formats import GRAPHS

_WHOLE = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


@dataclass(frozen=True, slots=True)
class PublishedGraphs:
    """The graphs of the snapshot that is served."""

    engine: Engine
    settings: Settings

    async def __call__(self, _request: Request, graph: str | None, media_type: str) -> Response | None:
        """Return a published graph, or ``None`` if there is none of that name.

        :param graph: IRI of the graph; ``None``: the default graph.
        """
        served = self.engine.current
        found = next((found for found in GRAPHS if found.media_type == media_type), None)
        if served is None or found is None:
            return None
        if graph is not None and all(release.graph != graph for release in served.manifest.releases):
            return None
        text = _WHOLE if graph is None else f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}"
        job = Job(text, found.name, self.settings.max_rows, self.settings.max_bytes)
        try:
            answer = await self.engine.ask(
                uuid.uuid4().hex[:16], job, [], timeout=self.settings.timeout, named_graphs=graph is not None
            )
            try:
                content = b"".join([chunk async for chunk in answer.chunks()])
            finally:
                answer.close()
        except Failure as failure:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The graph cannot be given now", str(failure))
        headers = {"Vary": "Accept", "ETag": f'"{served.manifest.number}-{uuid.uuid5(uuid.NAMESPACE_URL, text).hex}"'}
        return Response(content, media_type=media_type, headers=headers)
