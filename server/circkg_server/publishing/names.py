"""Terms with the prefixes of the project, as Turtle and JSON-LD write them; quick enough for a large set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from circkg_loaders.prefixes import prefixes
from circkg_shapes.terms import XSD_STRING, Term, is_blank, is_iri, literal_parts

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

    def turtle(self, term: Term) -> str:
        """Return a term as Turtle and TriG write it, its lexical form as it is."""
        if is_iri(term):
            return self.short(term) or term
        if term.startswith('"') and term.endswith(">"):
            body, mark, datatype = term.rpartition("^^")
            return f"{body}{mark}{self.short(datatype) or datatype}"
        return term

    def node(self, term: Term) -> str:
        """Return an IRI or a blank node as JSON-LD names it."""
        return term if is_blank(term) else self.short(term) or term[1:-1]

    def json_value(self, term: Term) -> object:
        """Return a value of a property as JSON-LD writes it, its lexical form as it is."""
        if is_iri(term) or is_blank(term):
            return {"@id": self.node(term)}
        text, language, datatype = literal_parts(term)
        if language:
            return {"@value": text, "@language": language}
        return text if datatype == XSD_STRING else {"@value": text, "@type": self.node(f"<{datatype}>")}


TURTLE_LOCAL = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)?"
"""Local names that Turtle takes without escapes: https://www.w3.org/TR/turtle/#grammar-production-PN_LOCAL"""

JSON_LD_LOCAL = r"(?!//)[^<>\s]*"
"""What may follow a prefix in JSON-LD: https://www.w3.org/TR/json-ld11/#compact-iris"""


def turtle_names() -> Names:
    """Return names as Turtle and TriG take them."""
    return Names(prefixes(), TURTLE_LOCAL)
