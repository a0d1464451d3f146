"""Property paths (SHACL, section 2.3.1): read, written and walked over columns set-wise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from circkg_shapes.index import Index
from circkg_shapes.terms import Term, is_iri
from circkg_shapes.vocabulary import FIRST, sh

MAX_DEPTH: Final = 64
"""Deepest nesting of a path that is read."""


class PathError(ValueError):
    """A path is not well formed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One triple, followed from subject to object, or back if ``inverse``."""

    predicate: Term
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """One path after the other."""

    parts: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Any of several paths."""

    parts: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A path taken several times: ``*`` any number, ``+`` at least once, ``?`` at most once."""

    inner: Path
    zero: bool
    many: bool


Path: TypeAlias = Step | Sequence | Alternative | Repeat

_REPEATS: Final = {
    "zeroOrMorePath": (True, True, "*"),
    "oneOrMorePath": (False, True, "+"),
    "zeroOrOnePath": (True, False, "?"),
}
_WRAPS: Final = ("inversePath", "alternativePath", *_REPEATS)


def read(index: Index, node: Term, depth: int = 0) -> Path:
    """Return the path that a node of a shapes graph stands for, inverses pushed down to single triples.

    :raises PathError: if the node stands for no path.
    """
    if is_iri(node) and not index.objects(node, FIRST):
        return Step(node)
    if depth > MAX_DEPTH:
        raise PathError(f"The path at {node} is nested more than {MAX_DEPTH} deep.")
    kind, inner = _kind(index, node)
    if kind == "inversePath":
        return inverse(read(index, inner, depth + 1))
    if kind in _REPEATS:
        zero, many, _ = _REPEATS[kind]
        return Repeat(read(index, inner, depth + 1), zero, many)
    parts = tuple(read(index, item, depth + 1) for item in index.items(inner))
    if len(parts) < 2:
        raise PathError(f"The path at {node} lists {len(parts)} path. A list of paths has at least two.")
    return Alternative(parts) if kind == "alternativePath" else Sequence(parts)


def _kind(index: Index, node: Term) -> tuple[str, Term]:
    """Return which kind of path a node is, and the node or list that it is made of."""
    if index.objects(node, FIRST):
        return "", node
    found = [(name, value) for name in _WRAPS for value in index.objects(node, sh(name))]
    if len(found) != 1:
        raise PathError(
            f"{node} is no path. A path is an IRI, a list of paths, or a node with exactly one of "
            + ", ".join(f"sh:{name}" for name in _WRAPS)
            + "."
        )
    return found[0]


def inverse(path: Path) -> Path:
    """Return the same path walked from its end.

    >>> inverse(Sequence((Step("<a>"), Step("<b>"))))
    Sequence(parts=(Step(predicate='<b>', inverse=True), Step(predicate='<a>', inverse=True)))
    """
    if isinstance(path, Step):
        return Step(path.predicate, not path.inverse)
    if isinstance(path, Repeat):
        return Repeat(inverse(path.inner), path.zero, path.many)
    if isinstance(path, Sequence):
        return Sequence(tuple(inverse(part) for part in reversed(path.parts)))
    return Alternative(tuple(inverse(part) for part in path.parts))


def text(index: Index, node: Term) -> str:
    """Return a path as SPARQL writes it, e.g. ``^<https://…>/<https://…>``; it reads back as the same path."""
    return _text(index, node, top=True)


def _text(index: Index, node: Term, *, top: bool) -> str:
    if is_iri(node) and not index.objects(node, FIRST):
        return node
    kind, inner = _kind(index, node)
    if kind == "inversePath":
        written = _text(index, inner, top=False)
        return f"^{written if is_iri(written) else _bracketed(written)}"
    if kind in _REPEATS:
        written = _text(index, inner, top=False)
        return f"{written if is_iri(written) else _bracketed(written)}{_REPEATS[kind][2]}"
    parts = [_text(index, item, top=False) for item in index.items(inner)]
    if kind == "alternativePath":
        return "(" + "|".join(parts) + ")"
    written = "/".join(parts)
    return written if top else f"({written})"


def _bracketed(written: str) -> str:
    return written if written.startswith("(") and written.endswith(")") and _is_one_group(written) else f"({written})"


def _is_one_group(written: str) -> bool:
    """Tell whether the first bracket is closed by the last character."""
    depth = 0
    in_iri = False
    for place, mark in enumerate(written):
        in_iri = mark == "<" or (in_iri and mark != ">")
        if not in_iri and mark in "()":
            depth += 1 if mark == "(" else -1
            if depth == 0:
                return place == len(written) - 1
    return False


def turtle(index: Index, node: Term) -> str:
    """Return a path as SHACL writes it in Turtle."""
    if is_iri(node) and not index.objects(node, FIRST):
        return node
    kind, inner = _kind(index, node)
    if kind in ("", "alternativePath"):
        listed = "( " + " ".join(turtle(index, item) for item in index.items(inner)) + " )"
        return f"[ {sh(kind)} {listed} ]" if kind else listed
    return f"[ {sh(kind)} {turtle(index, inner)} ]"


def steps(path: Path) -> Iterator[Step]:
    """Yield every single triple that a path can take."""
    if isinstance(path, Step):
        yield path
    elif isinstance(path, Repeat):
        yield from steps(path.inner)
    else:
        for part in path.parts:
            yield from steps(part)
