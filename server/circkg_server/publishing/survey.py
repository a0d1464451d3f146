"""What must be known of a release before its first line is written: its classes, their columns, odd schemes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from circkg_loaders.prefixes import expand
from circkg_server.publishing.blocks import Pairs
from circkg_shapes.terms import Term, iri, is_blank, is_iri, literal_parts

TYPE = iri(expand("rdf:type"))
UNTYPED: Term = ""
"""Stands for the class of things that have none in a release, such as those of which only rules say something."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """A column of a table: a property, and the language of its values if they have one."""

    predicate: Term
    language: str = ""


@dataclass(slots=True)
class Survey:
    """The classes of a release with their columns, and the schemes of its IRIs other than http and https."""

    classes: dict[Term, set[Column]] = field(default_factory=dict)
    schemes: set[str] = field(default_factory=set)


def classes_of(pairs: Pairs) -> list[Term]:
    """Return the classes of a subject, or that of things without a class."""
    return [value for predicate, value in pairs if predicate == TYPE and is_iri(value)] or [UNTYPED]


def column(predicate: Term, value: Term) -> Column:
    """Return the column in which a value stands."""
    if value.startswith('"') and not value.endswith(('"', ">")):
        return Column(predicate, value.rpartition("@")[2])
    return Column(predicate)


def survey(blocks: Iterable[tuple[Term, Pairs]]) -> Survey:
    """Return what the release of these blocks holds."""
    found = Survey()
    for subject, pairs in blocks:
        columns = {column(predicate, value) for predicate, value in pairs}
        for class_ in classes_of(pairs):
            found.classes.setdefault(class_, set()).update(columns)
        for term in (subject, *(term for pair in pairs for term in pair)):
            if not term.startswith(("<http", '"', "_:")):
                found.schemes.add(term[1 : term.index(":")])
            elif term.startswith('"') and term.endswith(">"):
                datatype = literal_parts(term)[2]
                if not datatype.startswith("http"):
                    found.schemes.add(datatype.partition(":")[0])
    return found


def lexical(value: Term) -> str:
    """Return the text of a term: the address of an IRI, the lexical form of a literal, the label of a blank node."""
    if is_iri(value):
        return value[1:-1]
    return value if is_blank(value) else literal_parts(value)[0]
