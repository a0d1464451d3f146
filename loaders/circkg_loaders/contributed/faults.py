"""What is wrong with a contribution: one kind of entry, whether a table or a shape says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from circkg_loaders.contributed.places import Place
from circkg_shapes.report import Messages
from circkg_shapes.terms import Term


class Severity(IntEnum):
    """How grave a fault is: only a violation keeps a contribution out."""

    INFO = 1
    WARNING = 2
    VIOLATION = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the contributor probably meant.

    :param text: what to write into the cell or file.
    :param reason: why, a code of the catalogue of messages such as ``label-of``, ``nearest``, ``other-version``.
    :param iri: the thing or concept that is meant, if it is one.
    :param score: how sure this is, from 0 to 1.
    :param label: name of the thing, where the text is a code or an IRI.
    """

    text: str
    reason: str
    iri: str | None = None
    score: float = 1.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, at its place, with a way out.

    :param code: stable name of the kind of fault, such as ``region-unknown``; each has a page of documentation.
    :param place: where it is: for a missing value the row and the column that would hold it.
    :param also: other places that belong to it, such as the other row of a duplicate.
    :param values: what the texts of the code name, by name, such as ``value`` or ``expected``.
    :param messages: texts of the shape by language, where a shape says so; the texts of the code serve otherwise.
    :param suggestions: the best first.
    :param focus_node: the thing that is at fault; ``None`` where a table cannot be made into things.
    :param source_shape: the shape that says so; ``None`` where a table is at fault.
    :param component: the constraint component, likewise.
    :param path: the property path as SPARQL writes it, likewise.
    :param value: the value at fault as a term, likewise.
    :param published: source of the published statement that this clashes with.
    """

    code: str
    severity: Severity
    place: Place
    also: tuple[Place, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Messages = ()
    suggestions: tuple[Suggestion, ...] = ()
    focus_node: Term | None = None
    source_shape: Term | None = None
    component: Term | None = None
    path: str | None = None
    value: Term | None = None
    published: str | None = None
