"""Terms as numbers and triples as columns of them, lexical forms kept.

A :class:`Dictionary` gives each different term a number. :class:`Columns` hold triples by predicate, as pairs of the
numbers of subject and object. Language tags are the same whatever their case (RDF 1.1 Concepts, section 3.3); the form
that is met first is quoted.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import Final

import numpy as np
from pyoxigraph import RdfFormat, parse

from circkg_shapes.pairs import EMPTY, Ids, Pairs, among, distinct, flipped, ids, pairs, selected, union
from circkg_shapes.terms import XSD_STRING, Term, TermError, Triple, literal_parts
from circkg_shapes.vocabulary import LANG_STRING

BASE: Final = "https://w3id.org/circkg/contributed/"
"""Base of relative IRIs in files."""

IRI: Final = -1
BLANK: Final = -2


class Dictionary:
    """Every different term with a number, and what the engine asks of terms, as columns by number."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self._ids: dict[Term, int] = {}
        self._endings: dict[str, int] = {"": 0}
        self._read_endings: list[tuple[str | None, str]] = []
        self._kinds = self._lengths = ids([])

    def __len__(self) -> int:
        return len(self.terms)

    def id(self, term: Term) -> int:
        """Return the number of a term, which gets one if it has none yet."""
        same = key(term)
        found = self._ids.get(same)
        if found is None:
            found = self._ids[same] = len(self.terms)
            self.terms.append(term)
        return found

    def find(self, term: Term) -> int:
        """Return the number of a term, -1 if it has none."""
        return self._ids.get(key(term), -1)

    def ids_of(self, terms: Iterable[Term]) -> Ids:
        """Return the numbers of those terms that have one, in order."""
        return np.unique(ids([found for found in map(self.find, terms) if found >= 0]))

    def _describe(self) -> None:
        """Note kind, ending and length of the terms that came since the last time."""
        known = len(self._kinds)
        if known == len(self.terms):
            return
        kinds, lengths, endings = array("i"), array("i"), self._endings
        for term in self.terms[known:]:
            head = term[0]
            if head == '"':
                end = term.rindex('"')
                kinds.append(endings.setdefault(term[end + 1 :], len(endings)))
                lengths.append(end - 1 if "\\" not in term else len(literal_parts(term)[0]))
            else:
                kinds.append(IRI if head == "<" else BLANK)
                lengths.append(len(term) - 2)
        self._kinds = np.concatenate([self._kinds, np.frombuffer(kinds, np.int32)])
        self._lengths = np.concatenate([self._lengths, np.frombuffer(lengths, np.int32)])

    def kinds(self) -> Ids:
        """Return for each number :data:`IRI`, :data:`BLANK`, or the number of the ending of a literal."""
        self._describe()
        return self._kinds

    def lengths(self) -> Ids:
        """Return for each number the length in characters of the text of an IRI or literal."""
        self._describe()
        return self._lengths

    def endings(self) -> list[tuple[str | None, str]]:
        """Return language tag in lower case (or ``None``) and datatype of each ending of a literal."""
        self._describe()
        for ending in islice(self._endings, len(self._read_endings), None):
            tag = ending[1:].lower() if ending.startswith("@") else None
            self._read_endings.append((tag, LANG_STRING if tag else ending[3:-1] or XSD_STRING))
        return self._read_endings

    def text(self, number: int) -> str:
        """Return the text of an IRI or the lexical form of a literal."""
        term = self.terms[number]
        if term[0] != '"':
            return term[1:-1] if term[0] == "<" else term
        return literal_parts(term)[0] if "\\" in term else term[1 : term.rindex('"')]


def key(term: Term) -> Term:
    """Return what two forms of one term have in common: the case of a language tag does not count."""
    if term[0] == '"' and term[-1] not in '">':
        text, _, tag = term.rpartition("@")
        if not tag.islower():
            return f"{text}@{tag.lower()}"
    return term


@contextmanager
def _without_collection() -> Iterator[None]:
    """Spare the search for circles of references while millions of objects are made that have none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Columns:
    """Triples by predicate, each once, encoded by a dictionary that several of them may share."""

    def __init__(self, dictionary: Dictionary, forward: dict[int, Pairs]) -> None:
        self.dictionary = dictionary
        self._forward = forward
        self._inverse: dict[int, Pairs] = {}

    @classmethod
    def of(cls, triples: Iterable[Triple], dictionary: Dictionary | None = None) -> Columns:
        """Return triples of N-Triples text as columns."""
        book = Dictionary() if dictionary is None else dictionary  # one without terms is false
        with _without_collection():
            return cls(book, _encoded(book, triples))

    @classmethod
    def parse(cls, source: bytes | Path, syntax: RdfFormat, dictionary: Dictionary | None = None) -> Columns:
        """Return the triples of an RDF file or of its bytes as columns, whatever graphs they stand in.

        Language tags come in lower case, as the parser gives them; lexical forms are as written.

        :raises SyntaxError: if it is not well-formed.
        :raises TermError: if it has a quoted triple.
        :raises OSError: if it cannot be read.
        """
        quads = (
            parse(input=source, format=syntax, base_iri=BASE)
            if isinstance(source, bytes)
            else parse(path=str(source), format=syntax, base_iri=BASE)
        )
        triples = (quad.triple for quad in quads) if syntax.supports_datasets else quads
        # As N-Triples a triple is its three terms with spaces between, and only the last can have spaces inside.
        read = cls.of(map(methodcaller("split", " ", 2), map(str, triples)), dictionary)
        quoted = next((term for term in read.dictionary.terms if term.startswith("<<")), None)
        if quoted:
            raise TermError(f"{quoted} is a quoted triple, which RDF 1.1 does not have. State it as a claim.")
        return read

    @classmethod
    def of_pairs(cls, dictionary: Dictionary, columns: Iterable[tuple[int, Ids, Ids]]) -> Columns:
        """Return columns of encoded triples: for each predicate, subjects and objects in any order."""
        return cls(dictionary, {predicate: pairs(left, right) for predicate, left, right in columns})

    def merged(self, other: Columns) -> Columns:
        """Return the triples of both, which share a dictionary."""
        assert self.dictionary is other.dictionary
        if not other._forward:
            return self
        both = {
            predicate: union(self.pairs(predicate), other.pairs(predicate))
            for predicate in self._forward.keys() | other._forward.keys()
        }
        return Columns(self.dictionary, both)

    def minus(self, other: Columns) -> dict[int, Pairs]:
        """Return, by predicate, the triples that the other has not."""
        found: dict[int, Pairs] = {}
        for predicate, both in self._forward.items():
            known = other.pairs(predicate)
            if len(known.left):
                fresh = ~among(both, known)
                both = Pairs(both.left[fresh], both.right[fresh])  # noqa: PLW2901 - narrowed to what is new
            if len(both.left):
                found[predicate] = both
        return found

    def __len__(self) -> int:
        return sum(len(both.left) for both in self._forward.values())

    @property
    def predicates(self) -> list[int]:
        """The predicates that some triple has."""
        return list(self._forward)

    def pairs(self, predicate: int, *, inverse: bool = False) -> Pairs:
        """Return subject and object of the triples of a predicate, or object and subject."""
        if not inverse:
            return self._forward.get(predicate, EMPTY)
        if predicate not in self._inverse:
            self._inverse[predicate] = flipped(self._forward.get(predicate, EMPTY))
        return self._inverse[predicate]

    def step(self, nodes: Ids, predicate: int, *, inverse: bool = False) -> Pairs:
        """Return the triples of a predicate that begin, or if inverse end, at these nodes: node first, other end."""
        return selected(self.pairs(predicate, inverse=inverse), nodes, len(self.dictionary))

    @cached_property
    def subjects(self) -> Ids:
        """The nodes that are the subject of some triple, in order."""
        columns = [both.left for both in self._forward.values()]
        return distinct(np.concatenate(columns), len(self.dictionary)) if columns else ids([])

    def number(self, term: Term) -> int:
        """Return the number of a term, -1 if it has none."""
        return self.dictionary.find(term)

    def around(self, nodes: Ids) -> Iterator[tuple[int, Pairs]]:
        """Yield, by predicate, the triples that have these nodes as subject."""
        for predicate in self._forward:
            yield predicate, self.step(nodes, predicate)

    def triples(self) -> Iterator[Triple]:
        """Yield the triples as text."""
        terms = self.dictionary.terms
        for predicate, (left, right) in self._forward.items():
            name = terms[predicate]
            for subject, value in zip(left.tolist(), right.tolist(), strict=True):
                yield terms[subject], name, terms[value]


def _encoded(book: Dictionary, triples: Iterable[Triple]) -> dict[int, Pairs]:
    """Return triples by predicate. This loop is most of what a large validation takes, so little is called in it."""
    numbers, terms = book._ids, book.terms
    known, append = numbers.get, terms.append
    columns: dict[Term, tuple[array[int], array[int]]] = {}
    last, left = "", 0
    for subject, predicate, value in triples:
        if subject != last:
            last, left = subject, book.id(subject)
        right = known(value)
        if right is None:
            if value[0] != '"' or value[-1] in '">':
                right = numbers[value] = len(terms)
                append(value)
            else:
                right = book.id(value)
        column = columns.get(predicate)
        if column is None:
            column = columns[predicate] = (array("i"), array("i"))
        column[0].append(left)
        column[1].append(right)
    return {
        book.id(predicate): pairs(np.frombuffer(left, np.int32), np.frombuffer(right, np.int32))
        for predicate, (left, right) in columns.items()
    }
