"""The start page: what is here and how to ask."""

from __future__ import annotations

from circkg_loaders.prefixes import prefixes
from circkg_server.releases.manifest import Manifest
from circkg_server.web.rendering import render

FIRST_QUERY = (
    "".join(f"PREFIX {name}: <{prefixes()[name]}>\n" for name in ("circ", "skos"))
    + """\
SELECT ?type ?label (COUNT(DISTINCT ?initiative) AS ?initiatives)
WHERE {
  ?initiative circ:reportsBarrierType ?type .
  ?type skos:prefLabel ?label .
  FILTER(LANG(?label) = "en")
}
GROUP BY ?type ?label
HAVING(COUNT(DISTINCT ?initiative) > 1)
ORDER BY DESC(?initiatives) ?label
"""
)
"""Which types of barrier do several initiatives report?"""


def start(manifest: Manifest, root: str = "") -> str:
    """Return the start page: what is here and how to ask."""
    return render("start.html", root=root, manifest=manifest, query=FIRST_QUERY)
