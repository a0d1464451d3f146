"""Guesses whether a query will be quick, from its shape and from how queries of that shape have been."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from circkg_server.sparql.tokens import Token

QUICK = 0.1
"""Seconds under which a query is quick."""
_KEPT = 4096
_LONGEST = 4096
"""Tokens of the longest query that is looked at; a longer one is not quick."""
_WEIGHT = 0.3
_HEAVY = frozenset(
    ("COUNT", "SUM", "AVG", "MIN", "MAX", "SAMPLE", "GROUP_CONCAT", "GROUP", "ORDER", "DISTINCT", "REDUCED", "REGEX")
)


def template(query: list[Token]) -> int:
    """Return a number for the shape of a query: its tokens, with IRIs, names, literals and variables left out."""
    return hash(tuple(token.text.upper() if token.kind in ("word", "sign") else token.kind for token in query))


class Quickness:
    """What is known of the shapes of queries."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[int, float] = OrderedDict()

    def expects_quick(self, query: list[Token]) -> bool:
        """Tell whether a query is expected to be quick; a shape not seen before must look like a look-up."""
        if len(query) > _LONGEST:
            return False
        known = self._seconds.get(template(query))
        if known is not None:
            return known < QUICK
        heavy = any(token.kind == "word" and token.text.upper() in _HEAVY for token in query)
        path = any(
            token.kind == "sign" and (token.text in "+^|/" or (token.text == "*" and not before.is_word("SELECT")))
            for before, token in pairwise(query)
        )
        variables = {token.text[1:] for token in query if token.kind == "variable"}
        constants = sum(token.kind in ("iri", "name") for token in query)
        return not heavy and not path and len(variables) <= 4 and constants > 0

    def learn(self, query: list[Token], seconds: float) -> None:
        """Take note of how long a query took."""
        if len(query) > _LONGEST:
            return
        key = template(query)
        before = self._seconds.pop(key, seconds)
        self._seconds[key] = before + _WEIGHT * (seconds - before)
        while len(self._seconds) > _KEPT:
            self._seconds.popitem(last=False)
