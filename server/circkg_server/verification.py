"""Runs the verify queries: ``ontology/verify/*.rq``; a row is a fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pyoxigraph import QuerySolutions

from circkg_server.inference import as_store
from circkg_shapes.rooms import room
from circkg_shapes.terms import Triple


class VerifyError(ValueError):
    """A verify query cannot be run; the message names it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of a verify query: the rule that is broken, what breaks it, and what to do."""

    rule: str
    says: str
    fix: str
    found: tuple[str, ...]

    def __str__(self) -> str:
        """Return the fault in one line."""
        return f"{self.says} ({self.rule}): {' '.join(self.found)}. {self.fix}"


def header(path: Path) -> dict[str, Any]:
    """Return the YAML header of a query file: its leading lines that begin with ``#+``."""
    lines = [line[2:].removeprefix(" ") for line in path.read_text(encoding="utf-8").splitlines() if line[:2] == "#+"]
    content = yaml.safe_load("\n".join(lines)) or {}
    if not isinstance(content, dict):
        raise VerifyError(f"The header of {path.name} is no YAML mapping.")
    return content


def verify(over: str, triples: Iterable[Triple], folder: Path | None = None) -> list[Fault]:
    """Return the faults that the verify queries of one kind find.

    :param over: what is verified: ``ontology``, ``vocabularies``, ``data`` or ``shapes``, as the headers say.
    :raises VerifyError: if a query cannot be run.
    """
    store = as_store(triples)
    faults = []
    for path in sorted((folder or room("ontology") / "verify").glob("*.rq")):
        about = header(path)
        if about.get("over") != over:
            continue
        try:
            answer = store.query(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise VerifyError(f"The query {path.name} is not SPARQL: {error}") from error
        if not isinstance(answer, QuerySolutions):
            raise VerifyError(f"The query {path.name} is not a SELECT query.")
        for row in answer:
            cells = tuple(str(term) for term in row if term is not None)
            faults.append(Fault(str(about["id"]), str(about["rule"]).rstrip("."), str(about["fix"]), cells))
    return faults
