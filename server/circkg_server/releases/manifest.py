"""The manifest: which release of each data set is current. One number a manifest, one snapshot a number."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from circkg_loaders.iris import BASE
from circkg_loaders.registry import Role


class ManifestError(ValueError):
    """A manifest is missing, broken or of another base; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release of one data set.

    :param graph: IRI of the named graph, which is the data set.
    :param file: path of the gzipped canonical N-Quads inside the store's folder.
    :param sha256: of the N-Quads before compression.
    :param issued: the day that the editors declare for this version; empty in manifests that are older than the field.
    :param contributed: it came as a contribution: no table of the data room holds it, and a build carries it over.
    """

    set: str
    version: str
    role: Role
    graph: str
    title: str
    licence: str
    file: str
    sha256: str
    quads: int
    description: str = ""
    keywords: tuple[str, ...] = ()
    issued: str = ""
    temporal: str = ""
    rights: str = ""
    contributed: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The current release of each data set, in the order of the registry."""

    number: int
    releases: tuple[Release, ...]
    base: str = BASE

    def release(self, set_: str) -> Release | None:
        """Return the release of a data set, or ``None`` if the manifest names none."""
        return next((release for release in self.releases if release.set == set_), None)


def to_json(manifest: Manifest) -> str:
    """Return the text of a manifest: the same text for the same manifest, with no time in it."""
    content = {
        "base": manifest.base,
        "snapshot": manifest.number,
        "sets": [asdict(release) | {"role": release.role.value} for release in manifest.releases],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def from_json(text: str | bytes) -> Manifest:
    """Return the manifest of a text, or of its bytes in UTF-8.

    :raises ManifestError: if the text is no manifest of this base.
    """
    try:
        content = json.loads(text)
        releases = tuple(_release(entry) for entry in content["sets"])
        manifest = Manifest(int(content["snapshot"]), releases, content["base"])
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"The manifest cannot be read ({error}). Put an earlier one back from manifests/."
        ) from error
    if manifest.base != BASE:
        raise ManifestError(f"The manifest is of the base {manifest.base}, this build of {BASE}. Use its own store.")
    return manifest


def _release(entry: dict[str, Any]) -> Release:
    """Return the release of an entry; what an older manifest does not know keeps its default."""
    return Release(**(entry | {"role": Role(entry["role"]), "keywords": tuple(entry.get("keywords", ()))}))
