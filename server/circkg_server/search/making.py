"""Makes the index of a snapshot from its releases: at publish, or when it is missed, since anybody may delete it.

A folder ``search/{number}`` of the store holds the index of the manifest of that number: a Tantivy index without
stored fields, and ``things.bin``, one record a thing (IRI, labels, alternative labels, descriptions and types), which
hits are read from by memory map. A thing has one document a language, and one for all languages together, so that the
things that match are counted once, whatever the language. Documents are added in the order of the IRIs into one
segment, so equal scores are in the order of the IRIs.
"""

from __future__ import annotations

import json
import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from circkg_server.releases.archive import Archive, keep_newest, new_folder, triple_of
from circkg_server.releases.durable import write_durably
from circkg_server.releases.manifest import Manifest
from circkg_server.search.settings import SearchSettings
from circkg_server.search.texts import (
    ALL,
    ALTERNATIVE,
    DESCRIPTION,
    FIELDS,
    LABEL,
    PLACES,
    TEXTS,
    label_of,
    language_of,
)
from circkg_server.search.words import UNTAGGED, fold, kin, tantivy, words
from circkg_shapes.terms import XSD_STRING, iri_text, is_iri, literal_parts
from circkg_shapes.vocabulary import TYPE

if TYPE_CHECKING:
    from tantivy import Document, Schema

FORMAT = 1
"""Raised when what an index holds changes: an index of another format is made anew."""


@dataclass(slots=True)
class _Thing:
    texts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


def path_of(archive: Archive, manifest: Manifest) -> Path:
    """Return the folder of a manifest's index."""
    return archive.folder / "search" / f"{manifest.number:06}"


def make(archive: Archive, manifest: Manifest, settings: SearchSettings | None = None) -> Path:
    """Make the index of a manifest from its releases, unless it is there, and return its folder.

    The one who calls holds the archive's lock. A process that dies leaves only a folder that the next one removes.

    :raises SearchUnavailableError: if the search engine is not installed.
    :raises ManifestError: if a release cannot be read.
    """
    folder = path_of(archive, manifest)
    if is_current(folder):
        return folder
    tantivy()
    with new_folder(folder) as new:
        new.mkdir()
        _write(new, _things(_statements(archive, manifest)), manifest.number, settings or SearchSettings())
    return folder


def remove_old(archive: Archive, current: Manifest, keep: int = 5) -> None:
    """Remove the indexes of snapshots that nobody can ask for any more: all but the newest ``keep``."""
    keep_newest(path_of(archive, current), keep, archive.kept())


def is_current(folder: Path) -> bool:
    """Tell whether a folder holds an index of the format that is read here."""
    try:
        return bool(json.loads((folder / "about.json").read_text(encoding="utf-8"))["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _statements(archive: Archive, manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield the statements of the default graph that the index is made from, terms in N-Triples form."""
    wanted = TEXTS.keys() | PLACES | {TYPE}
    for release in manifest.releases:
        if not release.role.in_default_graph:
            continue
        for subject, predicate, value in map(triple_of, archive.n_triples(release)):
            if predicate in wanted and is_iri(subject):
                yield iri_text(subject), predicate, value


def _things(statements: Iterable[tuple[str, str, str]]) -> dict[str, _Thing]:
    things: defaultdict[str, _Thing] = defaultdict(_Thing)
    for subject, predicate, value in statements:
        thing = things[subject]
        kind = TEXTS.get(predicate)
        if kind is None:
            if value.startswith("<"):
                (thing.types if predicate == TYPE else thing.places).add(value[1:-1])
        elif value.startswith('"'):
            text, tag, datatype = literal_parts(value)
            if text.strip() and (tag or datatype == XSD_STRING or predicate.endswith("#notation>")):
                texts = thing.texts.setdefault(kind, {}).setdefault(language_of(tag), [])
                if text not in texts:
                    texts.append(text)
    places = {place for thing in things.values() for place in thing.places}
    for iri, regions in _closures(things).items():
        things[iri].places = regions
    for place in places & things.keys():
        things[place].places.add(place)
    return {iri: things[iri] for iri in sorted(things) if things[iri].texts}


def _closures(things: dict[str, _Thing]) -> dict[str, set[str]]:
    direct = {iri: thing.places for iri, thing in things.items() if thing.places}
    closures = {}
    for iri, places in direct.items():
        seen, waiting = set(places), list(places)
        while waiting:
            more = direct.get(waiting.pop(), set()) - seen
            seen |= more
            waiting += more
        closures[iri] = seen
    return closures


def _schema() -> Schema:
    builder = tantivy().SchemaBuilder()
    for name in (LABEL, ALTERNATIVE, DESCRIPTION):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
        builder.add_text_field(f"{name}_kin", tokenizer_name="whitespace", index_option="basic")
        builder.add_text_field(f"{name}_whole", tokenizer_name="raw", index_option="basic")
    for name in ("language", "type", "region"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("thing", fast=True)
    builder.add_float_field("brevity", fast=True)
    schema: Schema = builder.build()
    return schema


def _write(folder: Path, things: dict[str, _Thing], number: int, settings: SearchSettings) -> None:
    module = tantivy()
    index = module.Index(_schema(), path=str(folder))
    # One thread and room for all: one segment, in which equal scores stay in the order of the documents.
    writer = index.writer(heap_size=settings.heap_mb * 1_000_000, num_threads=1)
    starts, at, documents = array("Q"), 0, 0
    languages: defaultdict[str, int] = defaultdict(int)
    with (folder / "things.bin").open("wb") as file:
        for position, (iri, thing) in enumerate(things.items()):
            record = _record(iri, thing)
            starts.append(at)
            at += file.write(record)
            own = sorted({language for texts in thing.texts.values() for language in texts})
            for language in (ALL, *own):
                writer.add_document(_document(position, thing, language))
                languages[language] += 1
                documents += 1
        starts.append(at)
        file.flush()
        os.fsync(file.fileno())
    writer.commit()
    writer.wait_merging_threads()
    write_durably(folder / "things.starts", starts.tobytes())
    about = {
        "format": FORMAT,
        "snapshot": number,
        "things": len(things),
        "documents": documents,
        "languages": {language: languages[language] for language in sorted(languages) if language != ALL},
    }
    write_durably(folder / "about.json", (json.dumps(about, indent=2) + "\n").encode())


def _record(iri: str, thing: _Thing) -> bytes:
    content = {"types": sorted(thing.types), "texts": thing.texts}
    return f"{iri}\n{json.dumps(content, ensure_ascii=False, separators=(',', ':'))}".encode()


def _document(position: int, thing: _Thing, language: str) -> Document:
    document: Document = tantivy().Document()
    for kind, texts in thing.texts.items():
        name = FIELDS[kind]
        for own, values in texts.items():
            if language not in (ALL, own):
                continue
            for value in values:
                written = words(value)
                folded = " ".join(map(fold, written))
                document.add_text(name, folded)
                if name != DESCRIPTION:
                    document.add_text(f"{name}_whole", folded)
                document.add_text(f"{name}_kin", " ".join({key: None for word in written for key in kin(word, own)}))
    label, _ = label_of(thing.texts, (language, "en", UNTAGGED))
    document.add_float("brevity", 1 + 0.25 / max(1, len(words(label))))
    document.add_unsigned("thing", position)
    document.add_text("language", language)
    for type_ in sorted(thing.types):
        document.add_text("type", type_)
    for place in sorted(thing.places):
        document.add_text("region", place)
    return document
