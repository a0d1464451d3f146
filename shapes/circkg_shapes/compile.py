"""Compiles shapes to a plan, refuses what is ill-formed, and tells what the engine does not support.

A word of SHACL that is neither understood nor known to be without effect is refused by name: nothing is skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from circkg_shapes import paths
from circkg_shapes.constraints import COMPONENTS, PARAMETERS
from circkg_shapes.constraints.queries import QUERY_WORDS
from circkg_shapes.footprint import Footprint
from circkg_shapes.index import Index, ListError
from circkg_shapes.plan import Constraint, Plan, Root, Shape, Target
from circkg_shapes.report import SH, VIOLATION
from circkg_shapes.shapes_graph import TARGETS, ShapesError, ShapesGraph, is_true
from circkg_shapes.terms import XSD, Term, iri_text, is_blank, is_iri, literal_parts
from circkg_shapes.values import Value
from circkg_shapes.values import value as meaning
from circkg_shapes.vocabulary import IMPORTS, TYPE, local, sh

MAX_DEPTH: Final = 100
"""Deepest nesting of shapes that is compiled."""

SILENT: Final = ("path", "name", "description", "order", "group", "defaultValue", "message", "severity", "deactivated")
"""Words on a shape that judge nothing by themselves."""

ADVANCED: Final = ("rule", "target", "expression")
"""Words of SHACL Advanced Features that the other engine understands."""

WITHOUT_EFFECT: Final = {
    "shape": "a word of drafts of SHACL (the official DCAT-AP shapes have it); the recommendation gives it no meaning",
}

_MOST: Final = 2**31 - 1
_SHAPE_WORDS: Final = frozenset({*TARGETS, *SILENT, *PARAMETERS})
_SCRIPTS: Final = ("js",)
_SHAPE_LISTS: Final = ("and", "or", "xone")
_SHAPE_REFERENCES: Final = ("property", "node", "not", "qualifiedValueShape")


def compile_shapes(shapes: ShapesGraph) -> Plan:
    """Return the plan of shapes.

    :raises ShapesError: if a shape is ill-formed or uses a word that SHACL does not have.
    """
    return _Compiler(shapes).plan()


class _Compiler:
    """Reads shapes; it is what the components get their parameters from."""

    def __init__(self, shapes: ShapesGraph) -> None:
        self.shapes = shapes
        self.index: Index = shapes.index
        self.unsupported: dict[str, None] = {}
        self.remarks: dict[str, None] = {}
        self._idle: Counter[str] = Counter()
        self._done: dict[Term, Shape] = {}
        self._open: list[Term] = []

    def plan(self) -> Plan:
        self._look_for_other_features()
        for node in self._shapes:
            self._check_words(node)
        for name, times in self._idle.items():
            self.remark(f"sh:{name}, used {times} times, is without effect: {WITHOUT_EFFECT[name]}.")
        compiled = [(self._compiled(node), self._target(node)) for node in self.shapes.rooted]
        roots: list[Root] = []
        for shape, target in compiled:
            footprint = Footprint(opaque=bool(self.unsupported))
            if not footprint.opaque:
                target.reads(footprint)
                shape.reads(footprint, ())
            roots.append(Root(shape, target, footprint))
        return Plan(tuple(roots), tuple(self.unsupported), tuple(self.remarks))

    # --- what the shapes are ------------------------------------------------------------------------------------------

    @cached_property
    def _shapes(self) -> tuple[Term, ...]:
        """Every node that is a shape (SHACL, section 2.1), in order."""
        found = {node for kind in ("NodeShape", "PropertyShape") for node in self.index.subjects(TYPE, sh(kind))}
        found.update(shape for name in (*TARGETS, *PARAMETERS) for shape, _ in self.index.pairs(sh(name)))
        found.update(value for name in _SHAPE_REFERENCES for _, value in self.index.pairs(sh(name)))
        for name in _SHAPE_LISTS:
            for shape, head in self.index.pairs(sh(name)):
                found.update(self.items(shape, name, head))
        parameters = {value for _, value in self.index.pairs(sh("parameter"))}
        return tuple(sorted(found - parameters))

    def _look_for_other_features(self) -> None:
        for component, _ in self.index.pairs(sh("parameter")):
            self.unsupported[f"it declares the constraint component {component}"] = None
        for function in self.index.subjects(TYPE, sh("SPARQLFunction")):
            self.unsupported[f"it declares the function {function}"] = None
        for subject, regime in self.index.pairs(sh("entailment")):
            raise ShapesError(f"{subject} asks for the entailment {regime}, which is not made here. Infer first.")

    def _check_words(self, shape: Term) -> None:
        known = set(map(sh, _SHAPE_WORDS))
        if any(self.index.subjects(sh("sparql"), shape)):
            known |= set(map(sh, QUERY_WORDS))
        custom = {
            path for _, node in self.index.pairs(sh("parameter")) for path in self.index.objects(node, sh("path"))
        }
        for _, predicate, _ in self.index.by_subject.get(shape, ()):
            if not predicate.startswith(f"<{SH}") or predicate in known or predicate in custom:
                continue
            name = predicate[len(SH) + 1 : -1]
            if name in WITHOUT_EFFECT:
                self._idle[name] += 1
            elif name in ADVANCED:
                self.unsupported[f"{shape} uses sh:{name} of SHACL Advanced Features"] = None
            elif name in _SCRIPTS:
                raise ShapesError(f"{self.shapes.called(shape)} uses sh:{name}, and scripts are not run here.")
            else:
                called = self.shapes.called(shape)
                raise ShapesError(f"{called} uses sh:{name}, which SHACL does not have.{_hint(name)}")

    def _target(self, node: Term) -> Target:
        given = {name: tuple(self.index.objects(node, sh(name))) for name in TARGETS}
        for name in TARGETS[1:]:
            for each in given[name]:
                self.iri(node, name, each)
        own = (node,) if self.shapes.is_class(node) else ()
        return Target(
            given["targetNode"], (*given["targetClass"], *own), given["targetSubjectsOf"], given["targetObjectsOf"]
        )

    # --- one shape ----------------------------------------------------------------------------------------------------

    def _compiled(self, node: Term) -> Shape:
        if node in self._done:
            return self._done[node]
        if node in self._open:
            circle = " → ".join(map(local, [*self._open[self._open.index(node) :], node]))
            self.unsupported[f"its shapes are recursive ({circle})"] = None
            return _EMPTY
        if len(self._open) >= MAX_DEPTH:
            raise ShapesError(f"The shapes at {node} are nested more than {MAX_DEPTH} deep. Name them and use sh:node.")
        self._open.append(node)
        path = self.one(node, "path")
        constraints: list[Constraint] = []
        for component in COMPONENTS:
            constraints += component.read(self, node)
        self._open.pop()
        severity = self.one(node, "severity")
        try:
            compiled = Shape(
                node=node,
                path=paths.read(self.index, path) if path else None,
                path_text=paths.text(self.index, path) if path else "",
                path_turtle=paths.turtle(self.index, path) if path else "",
                severity=self.iri(node, "severity", severity) if severity else VIOLATION,
                messages=self.messages(node),
                name=self.shapes.name(node),
                is_off=self.flag(node, "deactivated"),
                constraints=tuple(constraints),
            )
        except (paths.PathError, ListError) as error:
            raise self.refuse(node, str(error)) from error
        self._done[node] = compiled
        return compiled

    # --- what components ask for --------------------------------------------------------------------------------------

    def refuse(self, shape: Term, text: str) -> ShapesError:
        return ShapesError(f"{self.shapes.called(shape)}: {text}")

    def objects(self, shape: Term, name: str) -> Sequence[Term]:
        return self.index.objects(shape, sh(name))

    def subjects(self, name: str, value: Term) -> Sequence[Term]:
        return self.index.subjects(sh(name), value)

    def one(self, shape: Term, name: str) -> Term | None:
        found = self.objects(shape, name)
        if len(found) > 1:
            raise self.refuse(shape, f"there are {len(found)} values of sh:{name}, but a shape has at most one.")
        return found[0] if found else None

    def integer(self, shape: Term, name: str, value: Term) -> int:
        text, _, datatype = literal_parts(self.literal(shape, name, value))
        number = meaning(text, f"{XSD}integer")
        if number is None or not datatype.startswith(XSD) or not 0 <= Decimal(text) <= _MOST:
            raise self.refuse(shape, f"sh:{name} is {value}, but a whole number from 0 to {_MOST} is wanted.")
        return int(text)

    def flag(self, shape: Term, name: str) -> bool:
        found = self.one(shape, name)
        if found is None:
            return False
        text, _, datatype = literal_parts(self.literal(shape, name, found))
        if datatype != f"{XSD}boolean" or meaning(text, datatype) is None:
            raise self.refuse(shape, f"sh:{name} is {found}, but true or false is wanted.")
        return is_true(found)

    def iri(self, shape: Term, name: str, value: Term) -> Term:
        if not is_iri(value):
            raise self.refuse(shape, f"sh:{name} is {value}, but an IRI is wanted.")
        return value

    def literal(self, shape: Term, name: str, value: Term) -> Term:
        if is_iri(value) or is_blank(value):
            raise self.refuse(shape, f"sh:{name} is {value}, but a literal is wanted.")
        return value

    def items(self, shape: Term, name: str, head: Term) -> list[Term]:
        try:
            return self.index.items(head)
        except ListError as error:
            raise self.refuse(shape, f"sh:{name} is no list. {error}") from error

    def value(self, term: Term) -> Value | None:
        text, tag, datatype = literal_parts(term)
        return None if tag else meaning(text, datatype)

    def messages(self, node: Term) -> tuple[tuple[str, str], ...]:
        texts = [literal_parts(self.literal(node, "message", each)) for each in self.objects(node, "message")]
        return tuple(sorted((tag or "", text) for text, tag, _ in texts))

    def has_path(self, shape: Term) -> bool:
        return bool(self.objects(shape, "path"))

    def on_properties_only(self, shape: Term, name: str) -> None:
        if not self.has_path(shape):
            raise self.refuse(shape, f"sh:{name} stands on a node shape, but only a property shape may have it.")

    def shape(self, node: Term, by: Term, name: str) -> Shape:
        if node not in self.index.by_subject:
            raise self.refuse(by, f"sh:{name} refers to {node}, of which nothing is said.")
        return self._compiled(node)

    def path_text(self, shape: Term) -> str | None:
        path = self.one(shape, "path")
        return paths.text(self.index, path) if path else None

    def prefixes(self, shape: Term, node: Term) -> dict[str, str]:
        """Return what is declared at sh:prefixes and at what these import (SHACL, section 5.2.1)."""
        found: dict[str, str] = {}
        holders = list(self.objects(node, "prefixes"))
        for holder in holders:
            holders += [each for each in self.index.objects(holder, IMPORTS) if each not in holders]
            for each in self.objects(holder, "declare"):
                prefix, space = self.one(each, "prefix"), self.one(each, "namespace")
                if prefix is None or space is None:
                    raise self.refuse(shape, f"the declaration {each} lacks sh:prefix or sh:namespace.")
                name = literal_parts(self.literal(shape, "prefix", prefix))[0]
                text = iri_text(space) if is_iri(space) else literal_parts(space)[0]
                if found.setdefault(name, text) != text:
                    raise self.refuse(shape, f"the prefix {name!r} is declared twice, as <{found[name]}> and <{text}>.")
        return found

    def words(self, node: Term) -> list[str]:
        said = [predicate for _, predicate, _ in self.index.by_subject.get(node, ())]
        found = [predicate[len(SH) + 1 : -1] for predicate in said if predicate.startswith(f"<{SH}")]
        return [word for word in found if word not in _SHAPE_WORDS] if node in self._shapes else found

    def leave_to_other_engine(self, reason: str) -> None:
        self.unsupported[reason] = None

    def remark(self, text: str) -> None:
        self.remarks[text] = None


_EMPTY: Final = Shape("", None, "", "", VIOLATION, (), "", is_off=True, constraints=())
"""Stands for a shape in a circle, in a plan that is not used."""


def _hint(name: str) -> str:
    near = get_close_matches(name, [*TARGETS, *SILENT, *PARAMETERS], n=1, cutoff=0.7)
    return f" Did you mean sh:{near[0]}?" if near else ""
