"""What is known when a contribution is judged: what is published, less what the contribution takes the place of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from circkg_loaders.contributed.known import Known
from circkg_server.contributions.bounds import WRITTEN
from circkg_server.contributions.knowledge import Knowledge, knowledge_of
from circkg_server.contributions.published import Published
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_shapes.background import Background
from circkg_shapes.encoding import Columns
from circkg_shapes.plan import Plan
from circkg_shapes.terms import Term, Triple


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known, of one snapshot.

    :param manifest: of the snapshot; ``None`` if nothing is published.
    """

    archive: Archive
    manifest: Manifest | None
    knowledge: Knowledge


def snapshot(store: Path) -> Snapshot:
    """Return what is known of the current snapshot of a store; it is opened once for each snapshot."""
    manifest = Archive(store).current()
    return _snapshot(store, manifest.number if manifest else None)


@lru_cache(maxsize=1)
def _snapshot(store: Path, _number: int | None) -> Snapshot:
    archive = Archive(store)
    knowledge = knowledge_of(archive)
    # Read now, so that no job has to.
    _ = knowledge.names, knowledge.defined
    return Snapshot(archive, archive.current(), knowledge)


def without(knowledge: Knowledge, published: Published, things: Set[Term], replaces: bool) -> Knowledge:
    """Leave out what a contribution takes the place of, so that it does not clash with its own earlier self.

    :param things: what the contribution describes.
    :param replaces: the contribution is the whole set.
    """
    gone: set[Triple] = set()
    for thing, statements in published.set.items():
        if replaces or thing in things:
            elsewhere = {(predicate, value) for _, predicate, value in published.elsewhere.get(thing, ())}
            gone |= {
                (thing, predicate, value) for predicate, value in statements if (predicate, value) not in elsewhere
            }
    return _Less(knowledge, gone) if gone else knowledge


class _Less(Knowledge):
    """Knowledge without some statements, and without the bounds of dates that follow from them."""

    def __init__(self, whole: Knowledge, gone: set[Triple]) -> None:
        self._whole, self._gone = whole, gone
        self._again = {thing for thing, _, _ in gone}
        self.vocabularies, self.snapshot = whole.vocabularies, whole.snapshot

    @property
    def background(self) -> Sequence[Triple] | Background:
        """What is left."""
        whole = self._whole.background
        return _LessIndex(whole, self) if isinstance(whole, Background) else tuple(self.left(whole))

    @property
    def names(self) -> Known:
        """Names of the whole: what is described again keeps its name."""
        return self._whole.names

    @property
    def defined(self) -> frozenset[Term]:
        """Terms of the whole."""
        return self._whole.defined

    def about(self, subject: Term) -> Iterable[Triple]:
        """Return what is left about a thing."""
        return self.left(self._whole.about(subject))

    def left(self, triples: Iterable[Triple]) -> Iterator[Triple]:
        """Yield what is left of some triples."""
        for triple in triples:
            if triple not in self._gone and not (triple[0] in self._again and triple[1] in WRITTEN):
                yield triple


class _LessIndex(Background):
    """An index, less what is left out; opened already, so nothing is read again."""

    def __init__(self, whole: Background, less: _Less) -> None:
        self.__dict__.update(whole.__dict__)
        self._less = less

    def near(self, focus: Columns, plan: Plan) -> Iterator[Triple]:
        """Yield what is left of the triples that shapes can see."""
        return self._less.left(super().near(focus, plan))
