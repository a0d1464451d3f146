"""Pages for people."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from circkg_loaders.prefixes import prefixes
from circkg_server.releases.manifest import Manifest

_PAGES = Environment(
    loader=PackageLoader("circkg_server", "pages"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)

_FIRST_QUERY = """\
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


def start(manifest: Manifest) -> str:
    """Return the start page: what is here and how to ask."""
    declared = "".join(f"PREFIX {name}: <{prefixes()[name]}>\n" for name in ("circ", "skos"))
    return _PAGES.get_template("start.html").render(manifest=manifest, query=declared + _FIRST_QUERY)
