"""What is published, as an index on disk: opened without loading it, looked up by subject and by object.

A folder of arrays that are mapped into memory. The number of a term is its place in the order of the hashes of the
terms, so one sorted array is both the way from a term to its number and, with the texts in the same order, the way
back. Triples stand twice: by subject, predicate, object and by object, predicate, subject. Lexical forms are kept.

A validation takes from it only what shapes can see from the contribution (:meth:`Background.around`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
import numpy.typing as npt

from circkg_shapes.encoding import Columns, key
from circkg_shapes.footprint import Backwards, Chain, needed
from circkg_shapes.pairs import EMPTY, NONE, Ids, Pairs, among, flipped, ids, pairs, ranges, union
from circkg_shapes.plan import Plan, Target
from circkg_shapes.terms import Term, Triple
from circkg_shapes.vocabulary import SUBCLASS, TYPE

FORMAT: Final = 1
_ABOUT: Final = "about.json"
_TEXTS: Final = "terms.txt"


class BackgroundError(RuntimeError):
    """An index cannot be opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Triples by one of their ends: where the rows of each node begin, and the predicate and other end of each row."""

    starts: npt.NDArray[np.int64]
    predicates: Ids
    others: Ids

    @classmethod
    def of(cls, nodes: Ids, predicates: Ids, others: Ids, size: int) -> _Side:
        order = np.lexsort((others, predicates, nodes))
        starts = np.searchsorted(nodes[order], np.arange(size + 1)).astype(np.int64)
        return cls(starts, predicates[order], others[order])

    def rows(self, nodes: Ids) -> tuple[Ids, Ids, Ids]:
        """Return node, predicate and other end of the rows of these nodes."""
        owners, places = ranges(self.starts[nodes], self.starts[nodes.astype(np.int64) + 1])
        return nodes[owners], self.predicates[places], self.others[places]


class Background:
    """An index of published triples, open for reading.

    :param snapshot: number of the snapshot that it is of.
    """

    def __init__(self, folder: Path) -> None:
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            if about["format"] != FORMAT:
                raise BackgroundError(f"The index in {folder} is of another format. Build again.")
            self.snapshot: int = about["snapshot"]
            mode: Literal["r"] | None = "r" if about["triples"] else None  # nothing cannot be mapped
            self._hashes, self._ends, *columns = (np.load(folder / f"{name}.npy", mmap_mode=mode) for name in _ARRAYS)
            with (folder / _TEXTS).open("rb") as file:
                self._texts = mmap(file.fileno(), 0, access=ACCESS_READ) if mode else b""
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackgroundError(f"The index in {folder} cannot be opened ({error}). Build again.") from error
        self._by_subject, self._by_object = _Side(*columns[:3]), _Side(*columns[3:])
        is_whole = len(self) == about["triples"] and len(self._texts) == (self._ends[-1] if len(self._ends) else 0)
        if not is_whole:
            raise BackgroundError(f"The index in {folder} is not whole. Build again.")

    @classmethod
    def open(cls, folder: Path) -> Background:
        """Open an index.

        :raises BackgroundError: if there is none, or it is not whole or of another format.
        """
        return cls(folder)

    @classmethod
    def write(cls, folder: Path, triples: Iterable[Triple], snapshot: int) -> None:
        """Write the index of triples into a new folder.

        :param snapshot: number of the snapshot that the triples are of.
        """
        columns = Columns.of(triples)
        terms = columns.dictionary.terms
        hashes = _hashes(terms)
        order = np.argsort(hashes, kind="stable")
        place = np.empty(len(terms), np.int32)
        place[order] = np.arange(len(terms), dtype=np.int32)
        parts = [
            (place[columns.pairs(p).left], int(place[p]), place[columns.pairs(p).right]) for p in columns.predicates
        ]
        subjects = np.concatenate([left for left, _, _ in parts]) if parts else NONE
        objects = np.concatenate([right for _, _, right in parts]) if parts else NONE
        predicates = np.concatenate([np.full(len(left), p, np.int32) for left, p, _ in parts]) if parts else NONE
        texts = [terms[number].encode() for number in order.tolist()]
        one, other = (
            _Side.of(nodes, predicates, ends, len(terms)) for nodes, ends in ((subjects, objects), (objects, subjects))
        )
        arrays: tuple[npt.NDArray[Any], ...] = (
            hashes[order],
            np.cumsum([len(text) for text in texts], dtype=np.int64),
            *(one.starts, one.predicates, one.others, other.starts, other.predicates, other.others),
        )
        folder.mkdir(parents=True)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, array)
                _make_durable(file)
        about = {"format": FORMAT, "snapshot": snapshot, "terms": len(terms), "triples": len(subjects)}
        for name, content in ((_TEXTS, b"".join(texts)), (_ABOUT, json.dumps(about).encode())):
            with (folder / name).open("wb") as file:
                file.write(content)
                _make_durable(file)

    def __len__(self) -> int:
        return len(self._by_subject.others)

    # --- terms --------------------------------------------------------------------------------------------------------

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if it is in no triple."""
        return int(self.numbers([term])[0])

    def numbers(self, terms: list[Term]) -> Ids:
        """Return the numbers of terms, -1 for one that is in no triple."""
        wanted = _hashes(terms)
        first = np.searchsorted(self._hashes, wanted)
        found = np.full(len(terms), -1, np.int32)
        for place, number in enumerate(first.tolist()):
            while number < len(self._hashes) and self._hashes[number] == wanted[place]:
                if key(self.term(number)) == key(terms[place]):
                    found[place] = number
                    break
                number += 1  # noqa: PLW2901 - another term of the same hash
        return found

    def term(self, number: int) -> Term:
        """Return the term of a number."""
        start = int(self._ends[number - 1]) if number else 0
        return self._texts[start : int(self._ends[number])].decode()

    # --- triples ------------------------------------------------------------------------------------------------------

    def step(self, nodes: Ids, predicate: int, *, inverse: bool = False) -> Pairs:
        """Return the triples of a predicate that begin, or if inverse end, at these nodes: node first, other end."""
        left, predicates, right = (self._by_object if inverse else self._by_subject).rows(nodes)
        wanted = predicates == predicate
        return Pairs(left[wanted], right[wanted])

    def around(self, nodes: Ids) -> Iterator[tuple[int, Pairs]]:
        """Yield, by predicate, the triples that have these nodes as subject."""
        left, predicates, right = self._by_subject.rows(nodes)
        for predicate in np.unique(predicates).tolist():
            wanted = predicates == predicate
            yield predicate, Pairs(left[wanted], right[wanted])

    def about(self, subject: Term) -> list[Triple]:
        """Return what is said of a subject."""
        return self._looked_up(self._by_subject, subject, None)

    def linking(self, value: Term, predicate: Term | None = None) -> list[Triple]:
        """Return the triples with an object, and with a predicate if one is given."""
        return [(o, p, s) for s, p, o in self._looked_up(self._by_object, value, predicate)]

    def _looked_up(self, side: _Side, node: Term, predicate: Term | None) -> list[Triple]:
        number = self.number(node)
        if number < 0:
            return []
        _, predicates, others = side.rows(ids([number]))
        wanted = np.ones(len(others), np.bool_) if predicate is None else predicates == self.number(predicate)
        here = self.term(number)
        rows = zip(predicates[wanted].tolist(), others[wanted].tolist(), strict=True)
        return [(here, self.term(p), self.term(other)) for p, other in rows]

    def with_predicate(self, predicate: Term) -> Iterator[Triple]:
        """Yield the triples with a predicate, in order of their subjects' numbers; all triples are gone through."""
        places = np.flatnonzero(self._by_subject.predicates == self.number(predicate))
        subjects = np.searchsorted(self._by_subject.starts, places, "right") - 1
        for subject, place in zip(subjects.tolist(), places.tolist(), strict=True):
            yield self.term(subject), predicate, self.term(int(self._by_subject.others[place]))

    def triples(self) -> Iterator[Triple]:
        """Yield everything."""
        yield from self._texts_of(
            (predicate, both) for predicate, both in self.around(np.arange(len(self._hashes), dtype=np.int32))
        )

    def _texts_of(self, columns: Iterable[tuple[int, Pairs]]) -> Iterator[Triple]:
        known: dict[int, Term] = {}

        def text(number: int) -> Term:
            if number not in known:
                known[number] = self.term(number)
            return known[number]

        for predicate, both in columns:
            for subject, value in zip(both.left.tolist(), both.right.tolist(), strict=True):
                yield text(subject), text(predicate), text(value)

    # --- what a validation needs --------------------------------------------------------------------------------------

    def near(self, focus: Columns, plan: Plan) -> Iterator[Triple]:
        """Yield the triples that shapes can see, or that can make the focus change a verdict.

        These are the triples on the chains of each shape from those of its targets that the focus describes or whose
        verdict it can change; of shapes that may look anywhere everything.
        """
        if any(root.footprint.opaque for root in plan.roots) or plan.unsupported:
            yield from self.triples()
            return
        both = _Both(self, focus)
        fresh: dict[int, Pairs] = {}
        used: dict[int, list[Pairs]] = {}
        for predicate, new in both.of_focus.items():
            known = among(new, self.step(_below(np.unique(new.left), both.border), predicate))
            fresh[predicate] = Pairs(new.left[~known], new.right[~known])
            # What both say is known, or its object would seem to be a target only because of the focus.
            used[predicate] = [Pairs(new.left[known], new.right[known])]
        described = np.unique(np.concatenate([new.left for new in both.of_focus.values()])) if both.of_focus else NONE
        backwards = Backwards(both, fresh)
        starts: dict[int, tuple[Ids, frozenset[Chain]]] = {}
        for place, root in enumerate(plan.roots):
            prefixes = root.footprint.prefixes
            nodes = np.union1d(described, backwards.reached(prefixes))
            starts[place] = nodes[_is_target(both, nodes, root.target)], prefixes
        for predicate, some in needed(both, starts):
            used.setdefault(predicate, []).append(some)
        for predicate, many in used.items():
            whole = union(*(pairs(*each) for each in many))
            here = (whole.left < both.border) & (whole.right < both.border)
            whole = Pairs(whole.left[here], whole.right[here])
            # What only the focus says is no background.
            own = among(whole, self.step(np.unique(whole.left), predicate))
            yield from self._texts_of([(predicate, Pairs(whole.left[own], whole.right[own]))])


class _Both:
    """The focus and what is published as one graph: terms that only the focus has are numbered from a border on."""

    def __init__(self, published: Background, focus: Columns) -> None:
        self._published = published
        self._focus = focus
        self.border = len(published._hashes)
        numbers = published.numbers(focus.dictionary.terms)
        own = np.arange(len(numbers), dtype=np.int32) + np.int32(self.border)
        self._numbers = np.where(numbers < 0, own, numbers)
        self.of_focus: Mapping[int, Pairs] = {
            int(self._numbers[predicate]): pairs(self._numbers[both.left], self._numbers[both.right])
            for predicate, both in ((predicate, focus.pairs(predicate)) for predicate in focus.predicates)
        }
        self._inverse = {predicate: flipped(both) for predicate, both in self.of_focus.items()}

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if no triple has it."""
        own = self._focus.dictionary.find(term)
        return int(self._numbers[own]) if own >= 0 else self._published.number(term)

    def step(self, nodes: Ids, predicate: int, *, inverse: bool = False) -> Pairs:
        """Return the triples of a predicate that begin, or if inverse end, at these nodes: node first, other end."""
        own = (self._inverse if inverse else self.of_focus).get(predicate, EMPTY)
        own = Pairs(*(column[np.isin(own.left, nodes)] for column in own))
        known = self._published.step(_below(nodes, self.border), predicate, inverse=inverse)
        return union(own, known)

    def around(self, nodes: Ids) -> Iterator[tuple[int, Pairs]]:
        """Yield, by predicate, the triples that have these nodes as subject."""
        for predicate in self.of_focus:
            yield predicate, self.step(nodes, predicate)
        for predicate, both in self._published.around(_below(nodes, self.border)):
            if predicate not in self.of_focus:
                yield predicate, both


def _below(nodes: Ids, border: int) -> Ids:
    return nodes[nodes < border]


def _is_target(graph: _Both, nodes: Ids, target: Target) -> npt.NDArray[np.bool_]:
    """Tell which of these nodes are targets."""
    found = np.isin(nodes, [graph.number(term) for term in target.nodes])
    kinds = np.unique(ids([number for number in map(graph.number, target.classes) if number >= 0]))
    frontier, subclass = kinds, graph.number(SUBCLASS)
    while subclass >= 0 and len(frontier):
        below = np.unique(graph.step(frontier, subclass, inverse=True).right)
        frontier = np.setdiff1d(below, kinds, assume_unique=True)
        kinds = np.union1d(kinds, frontier)
    typed = graph.step(nodes, graph.number(TYPE))
    found |= np.isin(nodes, typed.left[np.isin(typed.right, kinds)])
    for predicates, inverse in ((target.subjects_of, False), (target.objects_of, True)):
        for predicate in predicates:
            number = graph.number(predicate)
            if number >= 0:
                found |= np.isin(nodes, graph.step(nodes, number, inverse=inverse).left)
    return found


_ARRAYS: Final = (
    "hashes",
    "ends",
    *(f"{side}-{column}" for side in ("subject", "object") for column in ("starts", "predicates", "others")),
)


def _hashes(terms: Iterable[Term]) -> npt.NDArray[np.uint64]:
    """Return 64 bits of a hash of each term, the same in every process."""
    digests = b"".join(blake2b(key(term).encode(), digest_size=8).digest() for term in terms)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _make_durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
