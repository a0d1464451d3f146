"""Which questions of the catalogue use a term, concept or thing."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from circkg_loaders.prefixes import PrefixError, expand
from circkg_server.questions import Question, catalogue
from circkg_server.sparql.tokens import tokens


@cache
def _index() -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = defaultdict(list)
    for question in catalogue():
        named = set()
        for token in tokens(question.text):
            if token.kind == "iri":
                named.add(token.text[1:-1])
            elif token.kind == "name":
                try:
                    named.add(expand(token.text))
                except PrefixError:
                    continue
        for iri in named:
            found[iri].append(question)
    return found


def questions_about(iri: str) -> list[Question]:
    """Return the questions that name an IRI, in the order of the catalogue."""
    return _index().get(iri, [])
