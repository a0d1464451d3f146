"""What a release changed against the one before: a summary that people read, and a patch that programs apply.

The patch is an RDF Patch (https://afs.github.io/rdf-patch/) whose lines are those of the releases, so that without
``D`` and ``A`` they are canonical N-Quads: the release before, less the lines of ``D``, with those of ``A``, sorted, is
this release, byte for byte. Both are made once and never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from circkg_loaders.iris import set_iri
from circkg_loaders.prefixes import expand
from circkg_server.publishing.outputs import Output
from circkg_server.releases.archive import Archive
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import ManifestError, Release
from circkg_shapes.terms import iri, literal_parts

FOLDER = "changes"
PATCH_TYPE = "application/rdf-patch"
SHOWN_THINGS = 200
"""Most things of each kind in a summary."""
SHOWN_STATEMENTS = 50
"""Most statements of one thing in a summary."""

_LABELS = tuple(iri(expand(name)).encode() for name in ("skos:prefLabel", "dct:title", "rdfs:label"))


@dataclass(slots=True)
class Thing:
    """A thing of which something changed, with the statements that went and came: predicate and object as terms."""

    iri: str
    label: str
    removed: list[tuple[str, str]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)
    removed_count: int = 0
    added_count: int = 0


@dataclass(slots=True)
class Kind:
    """The things that are new, changed or removed: how many, and the first of them."""

    things: int = 0
    shown: list[Thing] = field(default_factory=list)

    def add(self, thing: Thing) -> None:
        """Count a thing, and keep it if there is room."""
        self.things += 1
        if len(self.shown) < SHOWN_THINGS:
            self.shown.append(thing)


def summary_path(archive: Archive, set_: str, version: str) -> Path:
    """Return where the summary of a release stands; the first release of a set has none."""
    return archive.folder / FOLDER / set_ / f"{version}.json"


def summary(archive: Archive, set_: str, version: str) -> dict[str, Any] | None:
    """Return the summary of what a release changed, or ``None`` if none was made.

    :raises ManifestError: if it cannot be read.
    """
    path = summary_path(archive, set_, version)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path.name} of {set_} cannot be read ({error}). Delete it and build again.") from error
    return content


def patch_path(archive: Archive, set_: str, version: str) -> Path | None:
    """Return where the patch to a release stands, or ``None`` if there is none."""
    folder = archive.folder / FOLDER / set_
    return next((path for end in ("", ".gz") if (path := folder / f"{version}.rdfp{end}").is_file()), None)


def make_changes(archive: Archive, before: Release, after: Release) -> bool:
    """Make summary and patch of a release against the one before, unless they are there, and tell whether they were.

    Both releases are read side by side, so a large set needs no more memory than a small one.

    :raises ManifestError: if a release cannot be read, or is not what the manifest says.
    """
    if summary_path(archive, after.set, after.version).exists() and patch_path(archive, after.set, after.version):
        return False
    output = Output(archive.folder / FOLDER / after.set / f"{after.version}.rdfp")
    kinds = {"new": Kind(), "changed": Kind(), "removed": Kind()}
    counts = {"removed": 0, "added": 0}
    try:
        output.text(f"H id <{set_iri(after.set, after.version)}> .\n")
        output.text(f"H prev <{set_iri(before.set, before.version)}> .\nTX .\n")
        compared = _compared(archive.lines(before), archive.lines(after))
        for subject, lines in groupby(compared, key=lambda found: found[1].partition(b" ")[0]):
            kind, thing = _thing(subject, lines, output)
            if kind:
                kinds[kind].add(thing)
                counts["removed"] += thing.removed_count
                counts["added"] += thing.added_count
        output.text("TC .\n")
    except BaseException:
        output.drop()
        raise
    output.keep()
    content = {
        "set": after.set, "version": after.version, "before": before.version, "statements": counts,
        "patch": {"name": output.name, "media_type": PATCH_TYPE, "bytes": output.bytes, "sha256": output.sha256},
        **{name: asdict(kind) for name, kind in kinds.items()},
    }  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_durably(summary_path(archive, after.set, after.version), f"{text}\n".encode())
    return True


def _compared(before: Iterator[bytes], after: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of two sorted files in their order: D of the first only, A of the second only, = of both."""
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old < new):
            assert old is not None
            yield "D", old
            old = next(before, None)
        elif old is None or new < old:
            yield "A", new
            new = next(after, None)
        else:
            yield "=", new
            old, new = next(before, None), next(after, None)


def _thing(subject: bytes, lines: Iterator[tuple[str, bytes]], output: Output) -> tuple[str, Thing]:
    """Write the patch of one subject, and return how it changed, if it did."""
    thing = Thing(subject.decode().strip("<>"), "")
    kept = 0
    for sign, line in lines:
        predicate, value = line[len(subject) + 1 :].split(b" ", 1)
        if predicate in _LABELS and not (thing.label and sign == "D"):
            _label(thing, value)
        if sign == "=":
            kept += 1
            continue
        output.write(sign.encode() + b" " + line)
        statement = (predicate.decode(), value.rpartition(b" <")[0].decode())
        if sign == "D":
            thing.removed_count += 1
            if len(thing.removed) < SHOWN_STATEMENTS:
                thing.removed.append(statement)
        else:
            thing.added_count += 1
            if len(thing.added) < SHOWN_STATEMENTS:
                thing.added.append(statement)
    if not thing.removed_count and not thing.added_count:
        return "", thing
    if kept or (thing.removed_count and thing.added_count):
        return "changed", thing
    return ("new" if thing.added_count else "removed"), thing


def _label(thing: Thing, value: bytes) -> None:
    """Give a thing its name: the English one where there is one, else the first."""
    term = value.rpartition(b" <")[0].decode()
    if term.startswith('"') and (not thing.label or literal_parts(term)[1] == "en"):
        thing.label = literal_parts(term)[0]
