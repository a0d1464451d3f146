"""The sitemap and ``robots.txt``: https://www.sitemaps.org/protocol.html."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from circkg_loaders.iris import BASE
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.formats import Format
from circkg_server.linked_data.requests import Asked, Reply
from circkg_server.questions import by_id
from circkg_shapes.terms import literal_parts

EACH = 49_000
"""Most things of one file, which may hold 50,000 addresses: the first one has pages and questions as well."""
XML = Format("application/xml", "xml", "XML")
TEXT = Format("text/plain", "txt", "Text")
_NAMED = f"""?s ?names ?name FILTER(?names IN (skos:prefLabel, dct:title) && STRSTARTS(STR(?s), "{BASE}"))"""
_COUNT = Template(f"SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE {{ {_NAMED} }}")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_PAGES = ("/", "/explore", "/def", "/def/vocabularies", "/queries", "/query", "/dumps/")


async def reply(asked: Asked, snapshot: Snapshot) -> Reply:
    """Return the sitemap, a part of it, or what robots may read.

    All things that have a name are listed; if they are more than a file may hold, the sitemap is an index of parts.

    :raises RequestProblem: if the snapshot cannot be asked now.
    """
    if asked.path == "/robots.txt":
        return Reply(_robots(asked.site, asked.root).encode(), TEXT)
    part = re.fullmatch(r"/sitemap-(\d{1,6})\.xml", asked.path)
    if part:
        return Reply(await _part(asked, snapshot, int(part[1])), XML)
    count = int(literal_parts((await snapshot.rows(_COUNT))[0]["n"])[0])
    if count <= EACH:
        return Reply(await _part(asked, snapshot, 1), XML)
    parts = "".join(
        f"<sitemap><loc>{escape(asked.site)}/sitemap-{number}.xml</loc></sitemap>\n"
        for number in range(1, -(-count // EACH) + 1)
    )
    return Reply(f"{_HEAD}<sitemapindex {_SPACE}>\n{parts}</sitemapindex>\n".encode(), XML)


async def _part(asked: Asked, snapshot: Snapshot, number: int) -> bytes:
    text = f"SELECT DISTINCT ?s WHERE {{ {_NAMED} }} ORDER BY ?s LIMIT {EACH} OFFSET {(number - 1) * EACH}"
    rows = await snapshot.rows(Template(text))
    things = [page_of(row["s"][1:-1]) for row in rows if "#" not in row["s"]]
    questions = [f"/queries/{id_}" for id_ in by_id()]
    paths = [*((*_PAGES, *questions) if number == 1 else ()), *(path for path in things if path not in _PAGES)]
    urls = "".join(f"<url><loc>{escape(asked.site + path)}</loc></url>\n" for path in paths)
    return f"{_HEAD}<urlset {_SPACE}>\n{urls}</urlset>\n".encode()


def _robots(site: str, root: str) -> str:
    """Return what robots may read: pages, not queries."""
    closed = "".join(
        f"Disallow: {root}{path}\n"
        for path in ("/sparql?", "/query?", "/queries/*?", "/update", "/graph-store", "/admin", "/metrics")
    )
    return f"User-agent: *\n{closed}Allow: {root}/\n\nSitemap: {site}/sitemap.xml\n"
