"""Reads SPARQL JSON results of a foreign endpoint and writes them as a VALUES clause."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pyoxigraph import BaseDirection, Literal, NamedNode

BLANK = "https://w3id.org/circkg/.well-known/genid/"
"""Start of the IRIs that stand for blank nodes of other endpoints (RDF 1.1 Concepts, section 3.5)."""

_VARIABLE = re.compile(r"\w+")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NEED_MORE = frozenset({f"{_RDF}langString", f"{_RDF}dirLangString"})


class AnswerError(ValueError):
    """An answer is not what it should be; ``too_much`` if it is only too large."""

    def __init__(self, message: str, *, too_much: bool = False) -> None:
        super().__init__(message)
        self.too_much = too_much


@dataclass(frozen=True, slots=True)
class Blank:
    """A blank node, which has a meaning within its answer only."""

    label: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The solutions of an endpoint: columns and rows, a term as SPARQL text, a blank node or nothing."""

    variables: tuple[str, ...]
    rows: list[list[str | Blank | None]]

    def as_values(self, asked: Container[str]) -> str:
        """Return the group ``{ VALUES … }`` with these solutions, in one line.

        Blank nodes cannot stand in VALUES: each becomes an IRI of its own, new in each clause, so that no row is lost
        and the same node stays the same within its answer.

        :param asked: variables of the clause; a column that it does not name is left out.
        """
        columns = [place for place, name in enumerate(self.variables) if name in asked]
        scope = f"{BLANK}{uuid4().hex}-"
        numbers: dict[str, int] = {}
        lines = []
        for row in self.rows:
            cells = []
            for place in columns:
                cell = row[place]
                if isinstance(cell, Blank):
                    cell = f"<{scope}{numbers.setdefault(cell.label, len(numbers) + 1)}>"
                cells.append(cell or "UNDEF")
            lines.append(f"({' '.join(cells)})")
        head = " ".join(f"?{self.variables[place]}" for place in columns)
        return f"{{ VALUES ({head}) {{ {' '.join(lines)} }} }}"


def read_answer(body: bytes, most: int) -> Answer:
    """Read the JSON results of a SELECT query.

    :param most: most rows that are taken.
    :raises AnswerError: if they are not such results, or more.
    """
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise AnswerError("its answer is not whole or not JSON.") from error
    variables, bindings = _parts(document)
    if len(bindings) > most:
        raise AnswerError(
            f"its answer has more than {most:,} rows. Only few values that stand before the first clause of the query "
            "are passed to it. Narrow it inside SERVICE: by VALUES, FILTER, more patterns or a subquery with LIMIT.",
            too_much=True,
        )
    places = {name: place for place, name in enumerate(variables)}
    rows: list[list[str | Blank | None]] = []
    for binding in bindings:
        row: list[str | Blank | None] = [None] * len(variables)
        if not isinstance(binding, dict):
            raise AnswerError("its answer is not SPARQL JSON results: a row is not an object.")
        for name, term in binding.items():
            if name not in places:
                raise AnswerError("its answer is not SPARQL JSON results: a row has a variable that the head lacks.")
            row[places[name]] = _term(term)
        rows.append(row)
    return Answer(variables, rows)


def _parts(document: Any) -> tuple[tuple[str, ...], list[Any]]:
    head = document.get("head") if isinstance(document, dict) else None
    results = document.get("results") if isinstance(document, dict) else None
    variables = head.get("vars", []) if isinstance(head, dict) else None
    bindings = results.get("bindings") if isinstance(results, dict) else None
    if not isinstance(variables, list) or not isinstance(bindings, list):
        raise AnswerError("its answer is not SPARQL JSON results of a SELECT query.")
    if not all(isinstance(name, str) and _VARIABLE.fullmatch(name) for name in variables):
        raise AnswerError("its answer is not SPARQL JSON results: a variable has no proper name.")
    if len(set(variables)) != len(variables):
        raise AnswerError("its answer is not SPARQL JSON results: a variable comes twice.")
    return tuple(variables), bindings


def _term(term: Any) -> str | Blank:
    """Return a term as SPARQL text."""
    kind = term.get("type") if isinstance(term, dict) else None
    value = term.get("value") if isinstance(term, dict) else None
    if kind == "triple":
        raise AnswerError("its answer has a triple term, which cannot be passed on here.")
    if not isinstance(value, str):
        raise AnswerError("its answer is not SPARQL JSON results: a term has no value.")
    try:
        if kind == "uri":
            return str(NamedNode(value))
        if kind == "bnode":
            return Blank(value)
        if kind in ("literal", "typed-literal"):
            return _literal(term, value)
    except (ValueError, TypeError) as error:
        shown = ascii(value[:80])
        raise AnswerError(f"its answer has a term that is not RDF ({shown}: {str(error)[:100]}).") from error
    raise AnswerError("its answer is not SPARQL JSON results: a term is neither IRI, literal nor blank node.")


def _literal(term: dict[str, Any], value: str) -> str:
    language, datatype = term.get("xml:lang"), term.get("datatype")
    if language:
        direction = term.get("its:dir")
        return str(Literal(value, language=language, direction=BaseDirection(direction) if direction else None))
    if datatype is None:
        return str(Literal(value))
    if datatype in _NEED_MORE:
        raise ValueError("a text in a language without its language")
    return str(Literal(value, datatype=NamedNode(datatype)))
