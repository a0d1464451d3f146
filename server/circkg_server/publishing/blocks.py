"""A release read as a stream: what is said of one subject at a time, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError, Release
from circkg_shapes.terms import Term, iri

Pairs = list[tuple[Term, Term]]
"""Predicates and objects of one subject, in the order of the release, so that equal predicates stand together."""


def blocks(archive: Archive, release: Release) -> Iterator[tuple[Term, Pairs]]:
    """Yield each subject of a release with all its predicates and objects.

    Lines are sorted, and all lines of a subject begin alike; so they stand together.

    :raises ManifestError: if the release cannot be read, or is not what the manifest says; the latter is known at its
        end only, so what was made from it counts when the iterator has ended.
    """
    ending = f" {iri(release.graph)} .\n".encode()
    cut = -len(ending)
    subject: Term | None = None
    pairs: Pairs = []
    for line in archive.lines(release):
        if not line.endswith(ending):
            raise ManifestError(f"The release {release.file} holds a line of another graph. Delete it and build again.")
        begin, predicate, value = line[:cut].decode().split(" ", 2)
        if begin != subject:
            if subject is not None:
                yield subject, pairs
            subject, pairs = begin, []
        pairs.append((predicate, value))
    if subject is not None:
        yield subject, pairs
