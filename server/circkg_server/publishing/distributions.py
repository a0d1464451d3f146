"""The files of a release: N-Quads, TriG, Turtle, JSON-LD, CSV tables and Parquet, made once and never changed.

They are derived from the release and can be deleted; a build makes them again. Lexical forms and language tags stay as
they are in the release: nothing passes through a store or another library's terms.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from circkg_server.publishing.blocks import Pairs, blocks
from circkg_server.publishing.csv_tables import CsvWriter
from circkg_server.publishing.jsonld import JsonLdWriter
from circkg_server.publishing.outputs import Output
from circkg_server.publishing.survey import survey
from circkg_server.publishing.turtle import TurtleWriter
from circkg_server.releases.archive import Archive
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import ManifestError, Release
from circkg_shapes.terms import Term, iri

FOLDER = "dumps"
GZIP = "application/gzip"
_TOLD_EACH = 20_000

Progress = Callable[[int, int], None]
"""Is told how many quads are done, of how many."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One file of a release.

    :param file: path of the file below ``/dumps/``, such as ``ccri/0.1.0-5707ebad82f0.ttl``.
    :param kind: nq, trig, ttl, jsonld, csv or parquet.
    :param media_type: IANA media type of the content, before compression.
    :param file_type: code of the content in the file-type table of the EU; empty for Parquet, which it does not have.
    :param compression: ``gzip``, or ``None``.
    :param bytes: size of the file as it is given.
    :param sha256: of the file as it is given.
    :param title: what it is, in English.
    """

    set: str
    version: str
    kind: str
    file: str
    media_type: str
    file_type: str
    compression: str | None
    bytes: int
    sha256: str
    title: str

    @property
    def served_as(self) -> str:
        """Return the media type of the bytes as they are given."""
        return GZIP if self.compression else self.media_type

    @property
    def checksum_line(self) -> str:
        """Return the line of the file ``.sha256`` beside, as ``sha256sum --check`` reads it."""
        return f"{self.sha256}  {self.file.rpartition('/')[2]}\n"


@dataclass(frozen=True, slots=True)
class _Format:
    kind: str
    media_type: str
    file_type: str
    title: str


NQ = _Format("nq", "application/n-quads", "RDF_N_QUADS", "N-Quads, canonical and sorted")
FORMATS = (
    _Format("trig", "application/trig", "RDF_TRIG", "TriG"),
    _Format("ttl", "text/turtle", "RDF_TURTLE", "Turtle"),
    _Format("jsonld", "application/ld+json", "JSON_LD", "JSON-LD"),
    _Format("parquet", "application/vnd.apache.parquet", "", "Parquet table of quads"),
)
CSV = _Format("csv", "text/csv", "CSV", "CSV table of {}")


class _Writer(Protocol):
    def block(self, subject: Term, pairs: Pairs) -> None: ...

    def end(self) -> None: ...


def distributions(archive: Archive, release: Release) -> tuple[Distribution, ...]:
    """Return the files of a release; of one whose files were not made, only the N-Quads, which are the release itself.

    :raises ManifestError: if the index of the files or the release cannot be read.
    """
    return _listed(archive, release.set, release.version)


def find(archive: Archive, set_: str, version: str, name: str) -> Distribution | None:
    """Return the file of that name of a release, current or earlier, or ``None`` if there is none.

    :raises ManifestError: if the index of the files cannot be read.
    """
    if not (archive.folder / "releases" / set_ / f"{version}.{NQ.kind}.gz").is_file():
        return None
    return next((one for one in _listed(archive, set_, version) if one.file == f"{set_}/{name}"), None)


def _listed(archive: Archive, set_: str, version: str) -> tuple[Distribution, ...]:
    path = index_path(archive, set_, version)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Distribution(**entry) for entry in content["files"])
    except FileNotFoundError:
        return (_n_quads(archive, set_, version),)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"The index {path.name} of {set_} cannot be read ({error}). Build again.") from error


def index_path(archive: Archive, set_: str, version: str) -> Path:
    """Return where the index of a release's files stands."""
    return archive.folder / FOLDER / set_ / f"{version}.json"


def path_of(archive: Archive, distribution: Distribution) -> Path:
    """Return where a file stands: the N-Quads are the release itself."""
    return archive.folder / ("releases" if distribution.kind == NQ.kind else FOLDER) / distribution.file


def make_distributions(archive: Archive, release: Release, progress: Progress = lambda *_: None) -> bool:
    """Make the files of a release, unless they are all there, and tell whether any was made.

    The same release gives the same bytes, with the same versions of zlib and Arrow. The release is read twice: once
    to know the columns of its tables, once to write all files side by side.

    :raises ManifestError: if the release cannot be read, or is not what the manifest says.
    """
    path = index_path(archive, release.set, release.version)
    if path.exists():
        found = distributions(archive, release)
        if all(path_of(archive, one).is_file() and path_of(archive, one).stat().st_size == one.bytes for one in found):
            return False
    made = (_n_quads(archive, release.set, release.version), *_written(archive, release, progress))
    content = {"set": release.set, "version": release.version, "files": [asdict(one) for one in made]}
    write_durably(path, f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode())
    return True


def _written(archive: Archive, release: Release, progress: Progress) -> Iterator[Distribution]:
    from circkg_server.publishing.parquet import ParquetWriter  # noqa: PLC0415 - Arrow is large; only builds need it

    found = survey(blocks(archive, release))
    folder = archive.folder / FOLDER / release.set
    outputs = {
        one.kind: Output(folder / f"{release.version}.{one.kind}", pack=one.kind != "parquet") for one in FORMATS
    }
    tables = CsvWriter(folder / release.version, found)
    try:
        writers: Mapping[str, _Writer] = {
            "trig": TurtleWriter(outputs["trig"], iri(release.graph)),
            "ttl": TurtleWriter(outputs["ttl"]),
            "jsonld": JsonLdWriter(outputs["jsonld"], found.schemes),
            "parquet": ParquetWriter(outputs["parquet"], release.graph),
            "csv": tables,
        }
        done = told = 0
        for subject, pairs in blocks(archive, release):
            for writer in writers.values():
                writer.block(subject, pairs)
            done += len(pairs)
            if done >= told:
                progress(done, release.quads)
                told += _TOLD_EACH
        for writer in writers.values():
            writer.end()
    except BaseException:
        for output in (*outputs.values(), *tables.outputs().values()):
            output.drop()
        raise
    for one in FORMATS:
        yield _distribution(release, one, outputs[one.kind].keep(), one.title)
    for class_, output in tables.outputs().items():
        yield _distribution(release, CSV, output.keep(), CSV.title.format(class_))


def _distribution(release: Release, one: _Format, output: Output, title: str) -> Distribution:
    return Distribution(
        release.set, release.version, one.kind, f"{release.set}/{output.name}", one.media_type, one.file_type,
        "gzip" if output.compressed else None, output.bytes, output.sha256, title,
    )  # fmt: skip


def _n_quads(archive: Archive, set_: str, version: str) -> Distribution:
    name = f"{set_}/{version}.{NQ.kind}.gz"
    path = archive.folder / "releases" / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise ManifestError(f"The release {name} cannot be read ({error}). Build again.") from error
    return Distribution(set_, version, NQ.kind, name, NQ.media_type, NQ.file_type, "gzip", size, digest, NQ.title)
