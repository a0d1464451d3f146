"""What a contribution would change in what is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand, shorten
from circkg_server.contributions.published import TYPE, Published, Statements, by_subject, name_of
from circkg_shapes.report import Json
from circkg_shapes.terms import Term, Triple, iri, iri_text, is_blank, is_iri

_THINGS = f"<{BASE}id/"
_RESERVED = tuple(f"<{BASE}id/{type_}/" for type_ in ("record", "contribution", "publisher"))
_ADDRESS = iri(expand("schema:url"))
_ACTS = "<http://data.europa.eu/eli/"


class Change(StrEnum):
    """What becomes of a thing."""

    NEW = "new"
    CHANGED = "changed"
    EXTENDED = "extended"
    """Another set describes it; the contribution says more about it."""
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing and what becomes of it.

    :param sets: sets that describe it beside the one of the contribution.
    """

    thing: Term
    change: Change
    name: str
    classes: tuple[Term, ...]
    added: tuple[tuple[Term, Term], ...] = ()
    removed: tuple[tuple[Term, Term], ...] = ()
    sets: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Return it as values that JSON can hold."""
        return {
            "iri": iri_text(self.thing),
            "change": self.change.value,
            "name": self.name,
            "classes": [shorten(iri_text(each)) for each in self.classes],
            "sets": list(self.sets),
            "added": [[_short(predicate), _short(value)] for predicate, value in self.added],
            "removed": [[_short(predicate), _short(value)] for predicate, value in self.removed],
        }


def _short(term: Term) -> str:
    return shorten(iri_text(term)) if is_iri(term) else term


def refused(triples: Iterable[Triple], retired: Iterable[str]) -> list[str]:
    """Return why things may not be described by a contribution, a sentence each.

    A contribution describes things of this graph and legal acts. It says nothing of terms, regions or whatever else has
    its own editors, and nothing with blank nodes, which no later contribution could change.

    >>> refused([("<https://w3id.org/circkg/def#Practice>", "<x:p>", '"x"')], ())
    ['circ:Practice is no thing that contributions describe. Their IRIs begin with https://w3id.org/circkg/id/.']
    """
    gone = {f"<{each}>" for each in retired}
    said: dict[str, None] = {}
    for subject, _, value in triples:
        if is_blank(subject) or is_blank(value):
            said["It has blank nodes. Give each thing an IRI that is made from its name."] = None
        elif subject in gone:
            said[f"{_short(subject)} was withdrawn, and its IRI is never used again. Choose another."] = None
        elif not subject.startswith((_THINGS, _ACTS)) or subject.startswith(_RESERVED):
            said[
                f"{_short(subject)} is no thing that contributions describe. Their IRIs begin with {BASE}id/."
            ] = None  # fmt: skip
    return list(said)


def difference(published: Published, triples: Iterable[Triple], replaces: bool) -> list[Changed]:
    """Return what becomes of each thing that a contribution describes, or that it removes; sorted by change and IRI.

    A thing that the set describes already is described anew: what the contribution does not say of it any more goes.

    :param replaces: the contribution is the whole set, so things that it does not describe go.
    """
    new = by_subject(triples)
    found = [_changed(thing, statements, published) for thing, statements in new.items()]
    if replaces:
        found += [
            Changed(thing, Change.REMOVED, _shown(old), _classes(old), removed=tuple(sorted(old)))
            for thing, old in published.set.items()
            if thing not in new
        ]
    order = list(Change)
    return sorted(found, key=lambda each: (order.index(each.change), each.thing))


def _changed(thing: Term, statements: list[tuple[Term, Term]], published: Published) -> Changed:
    others = published.elsewhere.get(thing, [])
    old = published.set.get(thing, [])
    known = {(predicate, value) for _, predicate, value in others}
    added, removed = set(statements) - set(old), set(old) - set(statements)
    if old:
        change = Change.CHANGED if added or removed else Change.SAME
    elif others:
        added -= known
        change = Change.EXTENDED if added else Change.SAME
    else:
        change = Change.NEW
    return Changed(
        thing, change, _shown(statements) or _shown(known), _classes(statements) or _classes(known),
        tuple(sorted(added)), tuple(sorted(removed)), tuple(sorted({set_ for set_, _, _ in others})),
    )  # fmt: skip


def _shown(statements: Iterable[tuple[Term, Term]]) -> str:
    """Return the name of a thing, or the address of a source that has none."""
    said = list(statements)
    return name_of(said) or next((value[1:-1] for predicate, value in said if predicate == _ADDRESS), "")


def _classes(statements: Iterable[tuple[Term, Term]]) -> tuple[Term, ...]:
    return tuple(sorted({value for predicate, value in statements if predicate == TYPE}))


def merged(current: Statements, triples: Iterable[Triple], replaces: bool) -> list[Triple]:
    """Return the triples of a set after a contribution: see :func:`difference`.

    >>> merged({"<x:a>": [("<x:p>", '"old"')], "<x:b>": [("<x:p>", '"b"')]}, [("<x:a>", "<x:p>", '"new"')], False)
    [('<x:a>', '<x:p>', '"new"'), ('<x:b>', '<x:p>', '"b"')]
    """
    new = set(triples)
    described = {subject for subject, _, _ in new}
    if not replaces:
        new |= {
            (subject, predicate, value)
            for subject, statements in current.items()
            if subject not in described
            for predicate, value in statements
        }
    return sorted(new)
