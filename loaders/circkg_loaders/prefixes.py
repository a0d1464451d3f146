"""The prefixes of the project, read from ``ontology/prefixes.ttl``."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from rdflib import Graph, Namespace

from circkg_shapes.rooms import room

_SH = Namespace("http://www.w3.org/ns/shacl#")


class PrefixError(ValueError):
    """A prefixed name has no prefix that the project declares."""


@cache
def prefixes() -> dict[str, str]:
    """Return namespace IRIs by prefix, in alphabetical order of the prefixes."""
    graph = Graph().parse(room("ontology") / "prefixes.ttl")
    declared = {
        str(graph.value(node, _SH.prefix)): str(graph.value(node, _SH.namespace))
        for node in graph.objects(None, _SH.declare)
    }
    return dict(sorted(declared.items()))


def expand(name: str) -> str:
    """Return the IRI of a prefixed name.

    :raises PrefixError: if the name has no declared prefix.

    >>> expand("dct:title")
    'http://purl.org/dc/terms/title'
    """
    prefix, colon, local = name.partition(":")
    if not colon or prefix not in prefixes() or not local:
        raise PrefixError(
            f"{name!r} is no prefixed name of ours. Write prefix:name, such as nuts:FI1C3. "
            f"Known prefixes: {', '.join(prefixes())}."
        )
    return prefixes()[prefix] + local


@lru_cache(maxsize=1024)
def shorten(iri: str) -> str:
    """Return an IRI as people read it: prefix and rest, or in angle brackets if no prefix fits.

    >>> shorten("https://w3id.org/circkg/id/initiative/ceci")
    'circid:initiative/ceci'
    """
    fitting = [(len(namespace), prefix) for prefix, namespace in prefixes().items() if iri.startswith(namespace)]
    if fitting:
        length, prefix = max(fitting)
        local = iri[length:]
        if re.fullmatch(r"[\w/-]+", local):
            return f"{prefix}:{local}"
    return f"<{iri}>"
