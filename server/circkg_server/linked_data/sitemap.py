"""The sitemap and ``robots.txt``: https://www.sitemaps.org/protocol.html."""

from __future__ import annotations

import re
from http import HTTPStatus
from xml.sax.saxutils import escape

from circkg_loaders.iris import BASE
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.formats import Format
from circkg_server.linked_data.requests import Asked, Reply
from circkg_server.questions import by_id
from circkg_server.sparql.requests import RequestProblem
from circkg_shapes.terms import literal_parts

EACH = 50_000
"""Most addresses of one file."""
XML = Format("application/xml", "xml", "XML")
TEXT = Format("text/plain", "txt", "Text")
_NAMED = f"""?s ?names ?name FILTER(?names IN (skos:prefLabel, dct:title) && STRSTARTS(STR(?s), "{BASE}"))"""
_COUNT = Template(f"SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE {{ {_NAMED} }}")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_PAGES = ("/", "/explore", "/def", "/def/vocabularies", "/catalogue", "/releases", "/queries", "/query", "/dumps/")


async def reply(asked: Asked, snapshot: Snapshot) -> Reply:
    """Return the sitemap, a part of it, or what robots may read.

    All data sets and all things that have a name are listed; if they are more than a file may hold, the sitemap is an
    index of parts.

    :raises RequestProblem: if there is no such part, or the snapshot cannot be asked now.
    """
    if asked.path == "/robots.txt":
        return Reply(_robots(asked.site, asked.root).encode(), TEXT)
    count = len(_first(snapshot)) + int(literal_parts((await snapshot.rows(_COUNT))[0]["n"])[0])
    parts = range(1, -(-count // EACH) + 1)
    asked_part = re.fullmatch(r"/sitemap-(\d{1,6})\.xml", asked.path)
    if asked_part:
        if int(asked_part[1]) not in parts:
            detail = f"The sitemap has {len(parts)} parts; /sitemap.xml names them."
            raise RequestProblem(HTTPStatus.NOT_FOUND, "There is no such part", detail)
        return Reply(await _part(asked, snapshot, int(asked_part[1])), XML)
    if len(parts) == 1:
        return Reply(await _part(asked, snapshot, 1), XML)
    index = "".join(f"<sitemap><loc>{escape(asked.site)}/sitemap-{number}.xml</loc></sitemap>\n" for number in parts)
    return Reply(f"{_HEAD}<sitemapindex {_SPACE}>\n{index}</sitemapindex>\n".encode(), XML)


def _first(snapshot: Snapshot) -> list[str]:
    """Return the pages that come before those of things: search engines for data look for those of data sets."""
    questions = (f"/queries/{id_}" for id_ in by_id())
    return [*_PAGES, *questions, *(page_of(release.graph) for release in snapshot.manifest.releases)]


async def _part(asked: Asked, snapshot: Snapshot, number: int) -> bytes:
    first = _first(snapshot)
    own, start = (first, 0) if number == 1 else ([], (number - 1) * EACH - len(first))
    text = f"SELECT DISTINCT ?s WHERE {{ {_NAMED} }} ORDER BY ?s LIMIT {EACH - len(own)} OFFSET {start}"
    rows = await snapshot.rows(Template(text))
    things = [page_of(row["s"][1:-1]) for row in rows if "#" not in row["s"]]
    paths = [*own, *(path for path in things if path not in first)]
    urls = "".join(f"<url><loc>{escape(asked.site + path)}</loc></url>\n" for path in paths)
    return f"{_HEAD}<urlset {_SPACE}>\n{urls}</urlset>\n".encode()


def _robots(site: str, root: str) -> str:
    """Return what robots may read: pages, not queries."""
    closed = "".join(
        f"Disallow: {root}{path}\n"
        for path in ("/sparql?", "/query?", "/queries/*?", "/update", "/graph-store", "/admin", "/metrics")
    )
    return f"User-agent: *\n{closed}Allow: {root}/\n\nSitemap: {site}/sitemap.xml\n"
