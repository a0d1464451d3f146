"""The folder of a store: releases, manifests, and the lock of the one that writes."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import shutil
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from circkg_loaders.registry import DataSet
from circkg_server.releases.durable import sync_folder, write_durably
from circkg_server.releases.manifest import Manifest, ManifestError, Release, from_json, to_json
from circkg_shapes.terms import Triple, iri

CONTRIBUTED = "contributed"
"""Reader of the sets that came as contributions."""


class StoreBusyError(RuntimeError):
    """Another process is writing to the store."""


def canonical_quads(triples: Iterable[Triple], graph: str) -> bytes:
    """Return sorted distinct N-Quads: canonical, since published data have no blank nodes."""
    name = iri(graph)
    lines = {f"{s} {p} {o} {name} .\n".encode() for s, p, o in triples}
    return b"".join(sorted(lines))


def compress(content: bytes) -> bytes:
    """Return gzip bytes that depend on the content only: no file name, no time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def set_of(release: Release) -> DataSet:
    """Return the data set of a release as its editors declared it.

    A manifest does not say how a set was read: that is ``contributed``, or else the slug, which is the reader's name
    for the ontology, the vocabularies and the shapes; for others it does not matter.
    """
    version = release.version.rpartition("-")[0]
    return DataSet(
        release.set, release.title, release.role, CONTRIBUTED if release.contributed else release.set, version,
        release.licence, release.description, release.keywords, release.issued, release.temporal, release.rights,
    )  # fmt: skip


def triple_of(line: bytes) -> Triple:
    r"""Return the triple of a line of canonical N-Triples: no subject and no predicate has a blank in it.

    >>> triple_of(b'<x:s> <x:p> "a . b"@en .\n')
    ('<x:s>', '<x:p>', '"a . b"@en')
    """
    subject, predicate, rest = line.decode().split(" ", 2)
    return subject, predicate, rest.removesuffix(" .\n")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give the path at which to make a folder, which takes the place of the one named when all of it is made.

    Nobody finds a part of it. A process that dies leaves only what the next writer sweeps away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{what}tmp") for what in ("", "old."))
    shutil.rmtree(temporary, ignore_errors=True)
    yield temporary
    sync_folder(temporary)
    if folder.exists():
        shutil.rmtree(folder.rename(old))
    temporary.rename(folder)
    sync_folder(folder.parent)


def keep_newest(current: Path, keep: int, also: Collection[int] = ()) -> None:
    """Remove the numbered folders beside the current one, all but the newest ``keep`` and itself.

    Each is renamed first: a folder that was removed in part would later be taken for the whole.

    :param also: numbers that are kept, however old.
    """
    folders = sorted(path for path in current.parent.glob("[0-9]*") if path.is_dir())
    for folder in folders[:-keep]:
        if folder != current and not (folder.name.isdigit() and int(folder.name) in also):
            shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}.{os.getpid()}.tmp")))


@dataclass(frozen=True, slots=True)
class Archive:
    """Releases and manifests under one folder."""

    folder: Path

    @property
    def _manifest(self) -> Path:
        return self.folder / "manifest.json"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of the one that writes; it goes with the process, also if that is killed.

        :raises StoreBusyError: if another process holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreBusyError(f"Another build is writing to {self.folder}. Wait until it ends.") from error
            self._sweep()
            yield

    def current(self) -> Manifest | None:
        """Return the current manifest, or ``None`` if nothing has been published yet.

        :raises ManifestError: if it cannot be read.
        """
        try:
            return from_json(self._manifest.read_bytes())
        except FileNotFoundError:
            return None

    def number(self, number: int) -> Manifest:
        """Return an earlier manifest.

        :raises ManifestError: if there is none of that number.
        """
        try:
            return from_json(self._numbered(number).read_bytes())
        except FileNotFoundError as error:
            raise ManifestError(f"There is no manifest {number} in {self.folder}.") from error

    def release(self, set_: DataSet, triples: Iterable[Triple]) -> Release:
        """Write a release, unless its very bytes are there already, and return its entry."""
        content = canonical_quads(triples, set_.iri)
        digest = hashlib.sha256(content).hexdigest()
        version = f"{set_.version}-{digest[:12]}"
        file = f"releases/{set_.slug}/{version}.nq.gz"
        path = self.folder / file
        if not path.exists():
            write_durably(path, compress(content))
        return Release(
            set_.slug, version, set_.role, set_.iri, set_.title, set_.licence, file, digest, content.count(b"\n"),
            set_.description, set_.keywords, set_.issued, set_.temporal, set_.rights, set_.reader == CONTRIBUTED,
        )  # fmt: skip

    def quads(self, release: Release) -> bytes:
        """Return the N-Quads of a release.

        :raises ManifestError: if the file is missing or is not what the manifest says.
        """
        try:
            content = gzip.decompress((self.folder / release.file).read_bytes())
        except (OSError, EOFError) as error:
            raise ManifestError(f"The release {release.file} cannot be read ({error}). Build again.") from error
        if hashlib.sha256(content).hexdigest() != release.sha256:
            raise ManifestError(f"The release {release.file} is not what the manifest says. Delete it and build again.")
        return content

    def triples(self, release: Release) -> list[Triple]:
        """Return the triples of a release, in the order of its lines.

        :raises ManifestError: if the file is missing or is not what the manifest says.
        """
        return list(map(triple_of, self.n_triples(release)))

    def n_triples(self, release: Release) -> Iterator[bytes]:
        """Return the lines of a release without the name of its graph, which are sorted too.

        :raises ManifestError: if the file is missing or is not what the manifest says; that is known before any line.
        """
        ending = f"{iri(release.graph)} .\n".encode()
        return (line.removesuffix(ending) + b".\n" for line in io.BytesIO(self.quads(release)))

    def lines(self, release: Release) -> Iterator[bytes]:
        """Yield the lines of a release as they are read, so that a large one needs no more memory than a small one.

        :raises ManifestError: as :meth:`quads` does; that the content is another is known at its end only.
        """
        digest = hashlib.sha256()
        try:
            with gzip.open(self.folder / release.file) as packed, io.BufferedReader(packed, 1 << 20) as file:
                while batch := file.readlines(1 << 20):
                    digest.update(b"".join(batch))
                    yield from batch
        except (OSError, EOFError, zlib.error) as error:
            raise ManifestError(f"The release {release.file} cannot be read ({error}). Build again.") from error
        if digest.hexdigest() != release.sha256:
            raise ManifestError(f"The release {release.file} is not what the manifest says. Delete it and build again.")

    def next_manifest(self, releases: Iterable[Release]) -> Manifest:
        """Return the manifest of these releases: the current one if it names just these, else one with a new number.

        The new manifest is written under its number before anything is made from it, so that a number stands for
        the same content for ever, whatever is killed when.
        """
        releases = tuple(releases)
        current = self.current()
        if current and current.releases == releases:
            return current
        taken = [int(path.stem) for path in (self.folder / "manifests").glob("*.json") if path.stem.isdigit()]
        manifest = Manifest(max(taken, default=0) + 1, releases)
        write_durably(self._numbered(manifest.number), to_json(manifest).encode())
        return manifest

    def publish(self, manifest: Manifest) -> None:
        """Make a manifest the current one: the one step that changes what is published."""
        write_durably(self._manifest, to_json(manifest).encode())

    def keep(self, number: int, kept: bool = True) -> None:
        """Have a snapshot kept for queries, however old it grows; or no longer. The caller holds the lock.

        :raises ManifestError: if there is none of that number.
        """
        self.number(number)
        mark = self._mark(number)
        if kept:
            write_durably(mark, b"")
        else:
            mark.unlink(missing_ok=True)

    def kept(self) -> frozenset[int]:
        """Return the numbers of the snapshots that are kept for queries, however old."""
        return frozenset(int(path.stem) for path in (self.folder / "manifests").glob("*.keep") if path.stem.isdigit())

    def _mark(self, number: int) -> Path:
        return self._numbered(number).with_suffix(".keep")

    def _numbered(self, number: int) -> Path:
        return self.folder / "manifests" / f"{number:06}.json"

    def _sweep(self) -> None:
        """Remove what a killed writer left unfinished, in the folders that builds write."""
        names = (
            "releases", "dumps", "changes", "statistics", "manifests", "snapshots", "neighbourhoods", "search",
            "background", "account",
        )  # fmt: skip
        own = (self.folder / name for name in names)
        left = [path for folder in own for path in folder.rglob(".*.tmp")]
        for path in [*left, *self.folder.glob(".manifest.json.*.tmp")]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
