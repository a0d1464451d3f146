"""``/explore``: the way in: what there is, by class, by name, by vocabulary."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from http import HTTPStatus

from circkg_loaders.iris import NUTS_CODE
from circkg_loaders.prefixes import PrefixError, expand
from circkg_server import search
from circkg_server.linked_data import vocabularies
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.formats import HTML
from circkg_server.linked_data.languages import best, of_page
from circkg_server.linked_data.languages import links as links_of_languages
from circkg_server.linked_data.publication import Publication
from circkg_server.linked_data.requests import Asked, Reply
from circkg_server.linked_data.values import Value, code_of, spelled
from circkg_server.sparql.requests import RequestProblem
from circkg_shapes.terms import Term, iri, literal_parts

CLASSES = (
    "circ:Initiative", "circ:Practice", "circ:Barrier", "circ:Driver", "circ:PolicyInstrument", "circ:Action",
    "circ:Output", "schema:Event", "org:Organization", "circ:Territory", "circ:FundingProgramme", "circ:SupportService",
    "circ:Topic", "circ:SourceDocument",
)  # fmt: skip
"""Classes that are shown, in the order of a reader's interest."""
NUTS, COUNTRIES = "class:nuts", "class:country"
_PLACES = {NUTS: NUTS_CODE, COUNTRIES: expand("country:FIN").removesuffix("FIN")}
EACH_PAGE = 100
_COUNTS = Template("SELECT ?c (COUNT(*) AS ?n) WHERE { ?s a ?c } GROUP BY ?c")
_LISTED = """SELECT ?s ?o WHERE {
  { SELECT DISTINCT ?s WHERE { $PATTERN } ORDER BY ?s LIMIT $LIMIT OFFSET $OFFSET }
  ?s ?p ?o FILTER(?p IN (skos:prefLabel, dct:title, schema:url))
}"""
_INITIATIVES = Template("""SELECT ?s ?o ?short WHERE {
  ?s a circ:Initiative ; dct:title ?o OPTIONAL { ?s skos:altLabel ?short }
}""")


async def reply(asked: Asked, snapshot: Snapshot, shared: Publication, index: Callable[[], search.Index]) -> Reply:
    """Return the page: what was searched for, the things of a class, or the way in.

    :raises RequestProblem: if the snapshot cannot be asked now, or a parameter does not fit.
    """
    words, language = asked.words, asked.language
    values: dict[str, object] = {"found": None, "listed": None, "query": asked.parameters.get("q", "").strip()}
    if values["query"]:
        values["found"] = await asyncio.to_thread(_search, asked, shared, index)
    elif wanted := asked.parameters.get("class", ""):
        values |= await _listing(asked, snapshot, shared, wanted)
    else:
        counts = {row["c"][1:-1]: int(literal_parts(row["n"])[0]) for row in await snapshot.rows(_COUNTS)}
        values["classes"] = [
            (words(f"plural:{name}"), f"/explore?class={name}", counts.get(expand(name)) if name in CLASSES else None)
            for name in (*CLASSES, COUNTRIES, NUTS) if name not in CLASSES or counts.get(expand(name))
        ]  # fmt: skip
        values["initiatives"] = await _initiatives(snapshot, language)
        values["vocabularies"] = await vocabularies.all_of(snapshot, language)
    content = asked.render(
        "explore.html", **values, languages=links_of_languages(
            of_page(asked.language), {name: value for name, value in asked.parameters.items() if name != "lang"}
        ),
    )  # fmt: skip
    return Reply(content, HTML, language=of_page(language))


def _search(asked: Asked, shared: Publication, index: Callable[[], search.Index]) -> dict[str, object]:
    words = asked.words
    try:
        found = index().search(asked.parameters["q"], None, [], None, 50, 0)
    except search.SearchError as error:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "The search cannot be made", str(error)) from error
    except search.SearchUnavailableError as error:
        raise RequestProblem(HTTPStatus.SERVICE_UNAVAILABLE, "Text search is not there", str(error)) from error
    hits = []
    for hit in found.hits:
        kinds = [shared.terms.class_name(type_, words.language) or words.find(type_) for type_ in hit.types]
        label = Value(hit.label or spelled(hit.iri), _other(hit.label_language or "", asked.language), page_of(hit.iri))
        hits.append(
            (label, ", ".join(kind for kind in kinds if kind), hit.highlight.text if hit.field != "label" else "")
        )
    return {"total": found.total, "hits": hits}


def _other(tag: str, language: str) -> str:
    return "" if tag in (language, "und") else tag


async def _listing(asked: Asked, snapshot: Snapshot, shared: Publication, wanted: str) -> dict[str, object]:
    """Return the things of a class, a page of them."""
    number = asked.parameters.get("page", "1")
    if not number.isdecimal() or not 1 <= int(number) <= 10_000:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "The page is no number", "Give a number from 1 to 10,000.")
    page = int(number)
    if wanted in _PLACES:
        pattern = f'?s skos:notation ?code . FILTER(STRSTARTS(STR(?s), "{_PLACES[wanted]}"))'
        heading = asked.words(f"plural:{wanted}")
    else:
        try:
            class_ = iri(expand(wanted))
        except (PrefixError, ValueError) as error:
            raise RequestProblem(HTTPStatus.BAD_REQUEST, "There is no such class", str(error)) from error
        pattern = f"?s a {class_}"
        known = asked.words.find(class_[1:-1], "plural:") or shared.terms.label(class_[1:-1]) or spelled(class_[1:-1])
        heading = known
    template = Template(
        _LISTED, PATTERN=pattern, LIMIT=str(EACH_PAGE + 1), OFFSET=str((page - 1) * EACH_PAGE)
    )  # fmt: skip
    things = _named(await snapshot.rows(template), asked.language)
    return {
        "listed": things[:EACH_PAGE], "heading": heading, "page": page, "more": len(things) > EACH_PAGE,
        "class_": wanted,
    }  # fmt: skip


def _named(rows: list[dict[str, Term]], language: str) -> list[Value]:
    """Return things by their names, in the order in which they come."""
    names: dict[Term, list[Term]] = defaultdict(list)
    for row in rows:
        names[row["s"]].append(row["o"])
    found = []
    for thing, texts in names.items():
        literals = [text for text in texts if text.startswith('"')]
        text, lang = best(literals, language) if literals else (spelled(thing[1:-1]), "")
        code = code_of(thing[1:-1])
        found.append(Value(text, _other(lang, language), page_of(thing[1:-1]), code=code))
    return sorted(found, key=lambda value: (value.code, value.text.casefold()))


async def _initiatives(snapshot: Snapshot, language: str) -> list[tuple[Value, str]]:
    """Return the initiatives by name, each with its acronym."""
    rows = await snapshot.rows(_INITIATIVES)
    short = {row["s"]: literal_parts(row["short"])[0] for row in rows if "short" in row}
    by_page = {page_of(thing[1:-1]): name for thing, name in short.items()}
    return [(value, by_page.get(value.href, "")) for value in _named(rows, language)]
