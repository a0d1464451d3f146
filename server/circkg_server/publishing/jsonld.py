"""JSON-LD 1.1: one node a line, the prefixes of the project as its context, lexical forms as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from circkg_loaders.prefixes import prefixes
from circkg_server.publishing.blocks import Pairs
from circkg_server.publishing.names import CACHED, JSON_LD_LOCAL, Names
from circkg_server.publishing.outputs import Output
from circkg_server.publishing.survey import TYPE
from circkg_shapes.terms import Term


class JsonLdWriter:
    """Writes an array of nodes in one document.

    :param schemes: schemes of IRIs in the set. A prefix of the same name is not declared, since a processor would take
        ``geo:48.2,16.4`` for a name with the prefix ``geo``.
    """

    def __init__(self, output: Output, schemes: Iterable[str] = ()) -> None:
        self.output = output
        odd = {scheme.lower() for scheme in schemes}
        context = {prefix: namespace for prefix, namespace in prefixes().items() if prefix.lower() not in odd}
        names = Names(context, JSON_LD_LOCAL)
        self._name = names.node
        self._value = lru_cache(maxsize=CACHED)(names.json_value)
        self._between = ""
        output.text(f'{{"@context":{_text(context)},\n"@graph":[')

    def block(self, subject: Term, pairs: Pairs) -> None:
        """Write the node of a subject."""
        node: dict[str, Any] = {"@id": self._name(subject)}
        values: dict[Term, list[Any]] = {}
        for predicate, value in pairs:
            if predicate == TYPE and not value.startswith('"'):
                node.setdefault("@type", []).append(self._name(value))
            else:
                values.setdefault(predicate, []).append(self._value(value))
        for predicate, found in values.items():
            node[self._name(predicate)] = found[0] if len(found) == 1 else found
        self.output.text(f"{self._between}\n{_text(node)}")
        self._between = ","

    def end(self) -> None:
        """Write what comes after the last node."""
        self.output.text("\n]}\n")


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
