"""What all pages of a snapshot share: ontology, shapes, context, titles and licences of the data sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.jsonld import Context
from circkg_server.linked_data.terms import Terms
from circkg_server.releases.manifest import Manifest

SPDX = "https://spdx.org/licenses/"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published with a snapshot.

    :param titles: title of each data set by its graph.
    """

    manifest: Manifest
    terms: Terms
    context: Context
    titles: dict[str, str]

    @classmethod
    async def of(cls, snapshot: Snapshot) -> Publication:
        """Return what a snapshot publishes.

        :raises RequestProblem: if it cannot be asked now.
        """
        terms = await Terms.of(snapshot)
        titles = {release.graph: release.title for release in snapshot.manifest.releases}
        return cls(snapshot.manifest, terms, Context.of(terms), titles)

    def licences(self, graphs: Iterable[str]) -> list[str]:
        """Return the addresses of the licences of data sets (SPDX), all if none is named."""
        wanted = set(graphs)
        found = [release for release in self.manifest.releases if release.graph in wanted]
        return sorted({f"{SPDX}{release.licence}" for release in found or self.manifest.releases})
