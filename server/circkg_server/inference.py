"""Runs the published rules: ``ontology/rules/*.rq``, in the order of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pyoxigraph import Quad, QueryTriples, RdfFormat, Store

from circkg_shapes.rooms import room
from circkg_shapes.terms import Triple


class RuleError(ValueError):
    """A rule cannot be run; the message names it."""


def as_store(triples: Iterable[Triple]) -> Store:
    """Return a store in memory whose default graph holds the triples, each once."""
    store = Store()
    lines = {f"{s} {p} {o} .\n" for s, p, o in triples}
    store.bulk_load("".join(lines).encode(), RdfFormat.N_TRIPLES)
    return store


def rules(folder: Path | None = None) -> list[Path]:
    """Return the rules in the order in which they run."""
    return sorted((folder or room("ontology") / "rules").glob("*.rq"))


def infer(
    triples: Iterable[Triple], *, folder: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> tuple[list[Triple], dict[str, int]]:
    """Return what the rules derive and nobody states, and how many triples each rule added.

    Each rule sees what the earlier ones made.

    :raises RuleError: if a rule is not a CONSTRUCT query.
    """
    store = as_store(triples)
    found: list[Triple] = []
    counts: dict[str, int] = {}
    for path in rules(folder):
        progress(path.stem)
        try:
            answer = store.query(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise RuleError(f"The rule {path.name} is not SPARQL: {error}") from error
        if not isinstance(answer, QueryTriples):
            raise RuleError(f"The rule {path.name} is not a CONSTRUCT query.")
        new = [quad for quad in {Quad(t.subject, t.predicate, t.object) for t in answer} if quad not in store]
        store.extend(new)
        counts[path.stem] = len(new)
        found.extend((str(quad.subject), str(quad.predicate), str(quad.object)) for quad in new)
    return sorted(found), counts
