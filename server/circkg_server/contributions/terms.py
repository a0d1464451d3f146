"""What no shape can say: terms of ours that there are not, and things without a class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from circkg_loaders.iris import DEF
from circkg_loaders.prefixes import expand, shorten
from circkg_server.contributions.knowledge import TYPE, Knowledge
from circkg_shapes.report import SH, VIOLATION, WARNING, Result
from circkg_shapes.terms import Triple, iri, iri_text

DEFINED_TERMS: Final = iri(expand("circsh:DefinedTermsShape"))


def undefined(focus: Iterable[Triple], knowledge: Knowledge) -> Iterator[Result]:
    """Yield a result for each use of a term of ours that there is not, and for each thing without a class."""
    statements = list(dict.fromkeys(focus))
    for subject, predicate, value in statements:
        for term, component in ((predicate, "Closed"), (value, "Class")):
            if term.startswith(f"<{DEF}") and term not in knowledge.defined:
                text = f"There is no term {shorten(iri_text(term))}. The terms are in ontology/circkg.ttl."
                yield Result(
                    subject, predicate, value, f"<{SH}{component}ConstraintComponent>", DEFINED_TERMS, VIOLATION,
                    (("en", text),),
                )  # fmt: skip
    typed = {subject for subject, predicate, _ in statements if predicate == TYPE}
    for subject in dict.fromkeys(subject for subject, _, _ in statements):
        if subject not in typed and not knowledge.values(subject, TYPE):
            text = "Say of which class this is, such as circ:Practice; without a class it is not checked."
            yield Result(
                subject, TYPE, None, f"<{SH}MinCountConstraintComponent>", DEFINED_TERMS, WARNING, (("en", text),)
            )  # fmt: skip
