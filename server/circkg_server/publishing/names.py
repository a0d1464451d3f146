"""Short names of IRIs by the prefixes of the project, quick enough for every term of a large set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from circkg_loaders.prefixes import prefixes
from circkg_shapes.terms import Term

CACHED = 1 << 14


class Names:
    """Shortens IRI terms.

    :param declared: namespaces by prefix.
    :param local: pattern of the local names that may follow a prefix.
    """

    def __init__(self, declared: Mapping[str, str], local: str) -> None:
        by_length = sorted(declared.items(), key=lambda item: (-len(item[1]), item[0]))
        self._prefix = {namespace: prefix for prefix, namespace in reversed(by_length)}
        namespaces = "|".join(re.escape(namespace) for _, namespace in by_length)
        self._pattern = re.compile(f"<({namespaces})({local})>")
        self.short = lru_cache(maxsize=CACHED)(self._short)

    def _short(self, term: Term) -> str | None:
        """Return prefix and local name of an IRI term, or ``None`` if none fits."""
        found = self._pattern.fullmatch(term)
        return f"{self._prefix[found[1]]}:{found[2]}" if found else None


TURTLE_LOCAL = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)?"
"""Local names that Turtle takes without escapes: https://www.w3.org/TR/turtle/#grammar-production-PN_LOCAL"""


def turtle_names() -> Names:
    """Return names as Turtle and TriG take them."""
    return Names(prefixes(), TURTLE_LOCAL)
