"""Builds the graph: reads, infers, validates, verifies, releases, publishes."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from pathlib import Path

from circkg_loaders.load import Loaded, LoadError, load
from circkg_loaders.registry import RegistryError, Role, read_registry
from circkg_server import purging
from circkg_server.inference import infer, rules
from circkg_server.linked_data import retired
from circkg_server.publication import Progress, publish_manifest
from circkg_server.releases.archive import Archive, set_of
from circkg_server.releases.manifest import Manifest, Release
from circkg_server.retired import retired_of
from circkg_server.verification import Fault, verify
from circkg_shapes.report import Report
from circkg_shapes.rooms import room, shape_files
from circkg_shapes.terms import iri
from circkg_shapes.validate import Shapes, validate

VALIDATED = (Role.STATED, Role.INFERRED)


@dataclass(slots=True)
class Build:
    """What a build did: the account of rows and links, the faults, and the manifest that it published.

    :param seconds: elapsed time of each step.
    :param cpu_seconds: processor time of the whole build, its worker processes included.
    """

    loaded: Loaded
    inferred: dict[str, int]
    report: Report
    faults: list[Fault]
    manifest: Manifest | None = None
    is_new: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    @property
    def rejected(self) -> int:
        """Return the number of rows that were not taken."""
        return sum(len(reading.rejected) for reading in self.loaded.readings.values())

    @property
    def sound(self) -> bool:
        """Tell whether everything was taken, is valid and verified."""
        return self.report.conforms and not self.faults and not self.rejected and not self.loaded.unused_links


def build(
    archive: Archive, *, data: Path | None = None, processes: int = 2, progress: Progress = lambda *_: None
) -> Build:
    """Build the graph and, if it is sound, publish it; what was published stays as it was if it is not.

    The bounds of dates, on which the rule of their order rests, are inferred; so inference comes before validation.

    :param data: the data room; by default the one of this checkout or installation.
    :raises LoadError: if a file of the data room is broken as a whole, a set has the slug of a contributed one, or
        what was withdrawn is there again.
    :raises StoreBusyError: if another build is writing to the same store.
    """
    with archive.writing():
        purging.finish(archive)
        clock = _Clock()
        loaded = carry_over(archive, load(data, progress=lambda title: progress("read", title)))
        _refuse_withdrawn(archive, loaded)
        seconds = {"read": clock.lap()}
        result = examine(loaded, processes, progress)
        result.seconds = seconds | result.seconds
        if result.sound:
            publish(archive, result, progress)
            retired.publish(archive, data or room("data"))
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    result.cpu_seconds = sum(part.ru_utime + part.ru_stime for part in usage)
    return result


def steps(data: Path | None = None) -> int:
    """Return how many steps a build has, for a progress bar; 0 if the registry cannot be read."""
    try:
        sets = read_registry(data or room("data"))
    except RegistryError:
        return 0
    return 4 * len(sets) + len(rules()) + 4


def carry_over(archive: Archive, loaded: Loaded) -> Loaded:
    """Add the contributed sets of the current manifest to what was read: a build loses none of them.

    :raises LoadError: if the registry has a set of the same slug.
    """
    current = archive.current()
    own = {found.slug for found in loaded.sets}
    for release in current.releases if current else ():
        if not release.contributed:
            continue
        if release.set in own:
            raise LoadError(
                f"sets.csv: {release.set} is the slug of a contributed set that is published. Choose another slug."
            )
        loaded.sets.append(set_of(release))
        loaded.triples[release.set] = archive.triples(release)
    return loaded


def _refuse_withdrawn(archive: Archive, loaded: Loaded) -> None:
    """Refuse to publish again what was purged from this store.

    :raises LoadError: if a table describes it.
    """
    withdrawn = {iri(address) for address in retired_of(archive.folder)}
    for slug, triples in loaded.triples.items() if withdrawn else ():
        for subject, _, _ in triples:
            if subject in withdrawn:
                raise LoadError(
                    f"{slug}: {subject} was withdrawn from this store (retired.csv). Take its rows out of the tables."
                )


def examine(loaded: Loaded, processes: int = 2, progress: Progress = lambda *_: None) -> Build:
    """Infer over what was read, validate it and verify it; the inferred triples become those of their set."""
    clock = _Clock()
    known = loaded.of_role(Role.STATED, Role.VOCABULARY)
    triples, counts = infer(known, progress=lambda rule: progress("infer", rule))
    inferred = next((found for found in loaded.sets if found.role is Role.INFERRED), None)
    if inferred:
        loaded.triples[inferred.slug] = triples
    seconds = {"infer": clock.lap()}
    progress("validate", "all stated sets")
    shapes = Shapes.load(shape_files())
    report = validate(loaded.of_role(*VALIDATED), loaded.of_role(Role.VOCABULARY), shapes, processes=processes)
    seconds["validate"] = clock.lap()
    progress("verify", "all graphs")
    ontology = loaded.of_reader("ontology")
    faults = verify("ontology", ontology)
    faults += verify("vocabularies", ontology + loaded.of_reader("vocabularies"))
    faults += verify("shapes", ontology + loaded.of_reader("shapes"))
    faults += verify("data", known + triples + loaded.of_role(Role.PROVENANCE))
    seconds["verify"] = clock.lap()
    return Build(loaded, counts, report, faults, seconds=seconds)


def publish(archive: Archive, result: Build, progress: Progress = lambda *_: None) -> None:
    """Release the sets of a sound build and make the manifest of these releases the current one.

    The caller holds the archive's lock.
    """
    clock = _Clock()
    releases: list[Release] = []
    for found in result.loaded.sets:
        progress("release", found.title)
        releases.append(archive.release(found, result.loaded.triples[found.slug]))
    result.seconds["release"] = clock.lap()
    manifest = archive.next_manifest(releases)
    current = archive.current()
    result.manifest, result.is_new = manifest, current is None or current.number != manifest.number
    publish_manifest(archive, manifest, progress)
    result.seconds["publish"] = clock.lap()


class _Clock:
    def __init__(self) -> None:
        self._at = time.perf_counter()

    def lap(self) -> float:
        before, self._at = self._at, time.perf_counter()
        return self._at - before
