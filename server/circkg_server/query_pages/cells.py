"""How the terms of an answer are shown in a table: texts as they are, IRIs by their names and as links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from circkg_loaders.prefixes import shorten
from circkg_server.linked_data.addresses import is_ours
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.languages import DEFAULT
from circkg_server.linked_data.values import Value, code_of, of_iri
from circkg_server.sparql.requests import RequestProblem
from circkg_shapes.terms import Term, TermError, iri, literal_parts

LONGEST = 2000
"""Most characters of a text that a cell shows."""
MOST_NAMES = 500
"""Most IRIs of a page whose names are looked up."""
_NAMES = """SELECT ?s ?o { VALUES ?s { $IRIS } ?s skos:prefLabel|dct:title|rdfs:label ?o $FILTER }"""


async def names_of(snapshot: Snapshot, rows: Iterable[tuple[Term, ...]], language: str) -> dict[str, list[Term]]:
    """Return the names of those IRIs in rows that the graph may have names for; none if it cannot be asked now.

    They are asked for in the language of the reader and in English; in others only those that have no such name.
    """
    found = dict.fromkeys(term[1:-1] for row in rows for term in row if term.startswith("<") and term.endswith(">"))
    wanted = [one for one in found if is_ours(one) or code_of(one)][:MOST_NAMES]
    names: dict[str, list[Term]] = defaultdict(list)
    for condition in (f'FILTER(LANG(?o) IN ("", "{DEFAULT}", "{language}"))', ""):
        missing = [one for one in wanted if one not in names]
        if not missing:
            break
        try:
            answer = await snapshot.rows(Template(_NAMES, IRIS=" ".join(map(iri, missing)), FILTER=condition))
        except (RequestProblem, TermError):  # what is asked for is there; names are an extra
            break
        for row in answer:
            names[row["s"][1:-1]].append(row["o"])
    return names


def cell(term: Term, names: dict[str, list[Term]], language: str) -> Value:
    """Return a term as it is shown.

    >>> cell('"Lahti"@fi', {}, "en"), cell("<http://example.org/a>", {}, "en").text, cell("5", {}, "en").text
    (Value(text='Lahti', lang='fi', href='', outside=False, derived=False, code=''), '<http://example.org/a>', '5')
    """
    if term.startswith("<") and not term.startswith("<<"):
        address = term[1:-1]
        found = of_iri(address, tuple(names.get(address, ())), language)
        # What has no name here is shown as a query names it, whole and unmistakable.
        return (
            Value(short(shorten(address)), "", found.href, found.outside) if found.outside or not found.href else found
        )
    if term.startswith('"'):
        try:
            text, lang, _ = literal_parts(term)
        except TermError:
            return Value(short(term))
        return Value(short(text), "" if lang in (None, language) else lang)
    return Value(short(term))


def short(text: str) -> str:
    """Return a text, its end left out where it is too long for a table."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
