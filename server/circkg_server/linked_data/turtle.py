"""Statements as Turtle: terms are text already, so that they are put together and not parsed.

https://www.w3.org/TR/turtle/. What follows each other is grouped: by subject, and by predicate in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from circkg_loaders.prefixes import expand, prefixes
from circkg_server.linked_data.addresses import is_ours
from circkg_shapes.terms import XSD, Term, Triple, literal_parts

_TYPE = f"<{expand('rdf:type')}>"
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
"""Local names that need no escape."""
_BARE = {
    f"{XSD}integer": re.compile(r"[+-]?[0-9]+"),
    f"{XSD}decimal": re.compile(r"[+-]?[0-9]*\.[0-9]+"),
    f"{XSD}boolean": re.compile(r"true|false"),
}
"""Literals that are written without quotation marks and datatype."""


def written(triples: Iterable[Triple]) -> bytes:
    r"""Return triples in Turtle, in the order in which they come.

    >>> title = "<http://purl.org/dc/terms/title>"
    >>> print(written([("<x:y>", title, '"Häme"@fi'), ("<x:y>", title, '"Häme"')]).decode(), end="")
    @prefix dct: <http://purl.org/dc/terms/> .
    <x:y> dct:title "Häme"@fi , "Häme" .
    """
    used: set[str] = set()
    parts: list[str] = []
    subject = predicate = ""
    for s, p, o in triples:
        if s != subject:
            term, prefix = _short(s)
            used.add(prefix)
            parts.append(f" .\n{term} " if subject else f"{term} ")
        elif p != predicate:
            parts.append(" ;\n\t")
        else:
            parts.append(" , ")
        if s != subject or p != predicate:
            term, prefix = _verb(p)
            used.add(prefix)
            parts.append(f"{term} ")
            subject, predicate = s, p
        if o[0] == '"' and o[-1] != ">":
            parts.append(o)
        else:
            term, prefix = _short(o)
            used.add(prefix)
            parts.append(term)
    if subject:
        parts.append(" .\n")
    return "".join([*(line for prefix, line in _declared() if prefix in used), *parts]).encode()


@cache
def _declared() -> list[tuple[str, str]]:
    return [(prefix, f"@prefix {prefix}: <{of}> .\n") for prefix, of in prefixes().items()]


@cache
def _namespaces() -> dict[str, str]:
    """Return the prefixes by what they stand for; a short name with a slash would read worse than the IRI."""
    return {of: prefix for prefix, of in prefixes().items() if not (is_ours(of) and of[-1] == "/")}


def _verb(term: Term) -> tuple[str, str]:
    return ("a", "") if term == _TYPE else _short(term)


@lru_cache(maxsize=16_384)
def _short(term: Term) -> tuple[str, str]:
    """Return a term as Turtle writes it, and the prefix that it uses, if any."""
    if term[0] == "<":
        cut = max(term.rfind("#"), term.rfind("/")) + 1
        prefix, local = _namespaces().get(term[1:cut], ""), term[cut:-1]
        return (f"{prefix}:{local}", prefix) if prefix and _LOCAL.fullmatch(local) else (term, "")
    if term[0] == '"' and term[-1] == ">":
        text, _, datatype = literal_parts(term)
        if (bare := _BARE.get(datatype)) is not None and bare.fullmatch(text):
            return text, ""
        short, prefix = _short(f"<{datatype}>")
        return f"{term[: -len(datatype) - 2]}{short}", prefix
    return term, ""
