"""The shapes graph: shapes as triples, read from files once, asked by whatever engine judges by them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from pyoxigraph import RdfFormat, parse

from circkg_shapes import paths
from circkg_shapes.index import Index
from circkg_shapes.terms import Term, Triple, is_blank, is_iri, literal_parts
from circkg_shapes.vocabulary import CLASS, OWL_CLASS, SUBCLASS, TYPE, sh

TARGETS: Final = ("targetNode", "targetClass", "targetSubjectsOf", "targetObjectsOf")
BASE: Final = "https://w3id.org/circkg/contributed/"
_KINDS: Final = (sh("NodeShape"), sh("PropertyShape"))


class ShapesError(ValueError):
    """The shapes cannot be read or used; the message says what to change."""


@dataclass(frozen=True)
class ShapesGraph:
    """Shapes as triples, read once and used for many validations.

    Blank nodes get names from their content, so that the same shapes have the same names however often they are read.
    """

    triples: tuple[Triple, ...]

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Triple, ...]]]:
        return type(self), (self.triples,)  # to another process without what was derived

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Self:
        """Read shapes from Turtle files; of a folder, its ``*.ttl``.

        :raises ShapesError: if a file cannot be read as Turtle, or none holds a shape with a target.
        """
        found: set[Triple] = set()
        for path in paths:
            for file in sorted(path.glob("*.ttl")) if path.is_dir() else [path]:
                found |= read_turtle(file)
        return cls.of(found)

    @classmethod
    def of(cls, triples: Iterable[Triple]) -> Self:
        """Return shapes from triples.

        :raises ShapesError: if no shape has a target.
        """
        shapes = cls(tuple(sorted(set(triples))))
        if not shapes.rooted and not any(shapes.index.pairs(sh("target"))):
            raise ShapesError("No shape has a target, so nothing would be judged. Give a shape an sh:targetClass.")
        return shapes

    @cached_property
    def version(self) -> str:
        """The first digits of the SHA-256 of the shapes: the same for the same shapes everywhere."""
        return hashlib.sha256("\n".join(" ".join(triple) for triple in self.triples).encode()).hexdigest()[:12]

    @cached_property
    def index(self) -> Index:
        """The triples, indexed."""
        return Index(self.triples)

    @cached_property
    def rooted(self) -> tuple[Term, ...]:
        """The active shapes with a target of their own, in order."""
        found = {shape for name in TARGETS for shape, _ in self.index.pairs(sh(name))}
        found.update(shape for kind in _KINDS for shape in self.index.subjects(TYPE, kind) if self.is_class(shape))
        return tuple(sorted(shape for shape in found if not self.is_off(shape)))

    def is_off(self, shape: Term) -> bool:
        """Tell whether a shape is deactivated."""
        return any(is_true(value) for value in self.index.objects(shape, sh("deactivated")))

    def is_class(self, shape: Term) -> bool:
        """Tell whether a shape is a class too, whose instances are then its targets (SHACL, section 2.1.3.3)."""
        return is_iri(shape) and not self._classes.isdisjoint(self.index.objects(shape, TYPE))

    @cached_property
    def _classes(self) -> frozenset[Term]:
        """``rdfs:Class``, ``owl:Class`` (a subclass of it in OWL itself) and what the shapes say to be below them."""
        found = {CLASS, OWL_CLASS}
        waiting = [CLASS, OWL_CLASS]
        while waiting:
            fresh = set(self.index.subjects(SUBCLASS, waiting.pop())) - found
            found |= fresh
            waiting += fresh
        return frozenset(found)

    def path_text(self, path: Term) -> str:
        """Return a path as SPARQL writes it, e.g. ``^<https://…>/<https://…>``."""
        return paths.text(self.index, path)

    def path_turtle(self, path: Term) -> str:
        """Return a path as SHACL writes it in Turtle."""
        return paths.turtle(self.index, path)

    def called(self, node: Term) -> str:
        """Return how a message names a node: a blank one by the named node that leads to it, and by its path."""
        above, seen = node, {node}
        while is_blank(above):
            leading = (subject for subject, _, value in self.triples if value == above and subject not in seen)
            found = next(leading, None)
            if found is None:
                return node
            seen.add(found)
            above = found
        path = self.index.one(node, sh("path"))
        return f"{above}, at the path {path}" if path and is_iri(path) and above != node else above

    def name(self, shape: Term) -> str:
        """Return the label of a shape, in English if it has one."""
        names = sorted(
            (tag not in ("en", None), tag or "", text)
            for text, tag, _ in map(literal_parts, self.index.objects(shape, sh("name")))
        )
        return names[0][2] if names else ""


def is_true(term: Term) -> bool:
    """Tell whether a term is a literal of the boolean value true.

    >>> is_true('"1"^^<http://www.w3.org/2001/XMLSchema#boolean>'), is_true("<x:true>")
    (True, False)
    """
    return term.startswith('"') and literal_parts(term)[0] in ("true", "1")


def read_turtle(file: Path, base: str = BASE) -> set[Triple]:
    """Return the triples of a Turtle file, blank nodes named after their content.

    :raises ShapesError: if it cannot be read as Turtle.
    """
    try:
        quads = parse(input=file.read_bytes(), format=RdfFormat.TURTLE, base_iri=base)
        return _with_content_names({(str(quad.subject), str(quad.predicate), str(quad.object)) for quad in quads})
    except OSError as error:
        raise ShapesError(f"{file} cannot be read: {error.strerror or error}.") from error
    except SyntaxError as error:
        raise ShapesError(f"{file} cannot be read as Turtle: {error.msg}") from error


def _with_content_names(triples: set[Triple]) -> set[Triple]:
    """Return triples whose blank nodes are named after what is said about them."""
    index = Index(triples)
    names: dict[Term, Term] = {}

    def digest(said: list[tuple[Term, Term]]) -> Term:
        return f"_:b{hashlib.sha256(repr(sorted(said)).encode()).hexdigest()[:16]}"

    def name(start: Term) -> Term:
        """Name a blank node after those that it refers to, without recursion: lists can be thousands long."""
        waiting, above = [start], {start}
        while waiting:
            node = waiting[-1]
            said = index.by_subject.get(node, [])
            missing = [o for _, _, o in said if is_blank(o) and o not in names and o not in above]
            if missing:
                waiting.append(missing[0])
                above.add(missing[0])
                continue
            # One that is above refers to itself over others: such a circle has no name of its own.
            names[node] = digest([(p, names.get(o, "_:self") if is_blank(o) else o) for _, p, o in said])
            above.discard(waiting.pop())
        return names[start]

    def term(node: Term) -> Term:
        if not is_blank(node):
            return node
        return names[node] if node in names else name(node)

    return {(term(s), p, term(o)) for s, p, o in sorted(triples)}
