"""Official shapes of others that data can be judged by: fetched by ``circkg shapes fetch``, no part of this project."""

from __future__ import annotations

import hashlib
import shutil
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from circkg_server.releases.durable import write_durably

MAX_BYTES = 4 * 1024 * 1024
TIMEOUT = 60.0


class OfficialShapesError(ValueError):
    """Official shapes cannot be had, or are not what they should be."""


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """One file of a collection.

    :param path: where it stands below the collection's address, and below a folder that it is copied from.
    :param sha256: of its bytes, as they were when this project was tested with them.
    :param address: where it is fetched; empty if it can only be copied.
    """

    path: str
    sha256: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that are fetched together, and the kinds of validation that they serve.

    :param types: names of the Test Bed's validator for DCAT-AP, with the files of shapes that each uses.
    :param background: file with what the shapes ask about that no catalogue repeats; needed by ``with_background``.
    """

    files: Mapping[str, OfficialFile]
    types: Mapping[str, tuple[str, ...]]
    background: str
    with_background: frozenset[str]


_DCAT_AP = "https://raw.githubusercontent.com/SEMICeu/DCAT-AP/7c531da7f154794da620fd0e57a3e8afe0286c0f/releases/"
_SPLIT, _HVD = "3.0.1/shacl-split/", "3.0.0-hvd/shacl-split/"


def _file(folder: str, name: str, address: str, digest: str) -> OfficialFile:
    return OfficialFile(folder + name, digest, f"{_DCAT_AP}{address}{name}" if address else "")


COLLECTIONS: Final[Mapping[str, Collection]] = {
    "dcat-ap": Collection(
        files={
            "shapes": _file(
                _SPLIT, "shapes.ttl", "3.0.1/html/shacl/",
                "7fe9815e0f32b10f5cbce74fa6ccd0290aae3ef9e5080fb84e2d8093eb984d1d",
            ),
            "range": _file(
                _SPLIT, "range.ttl", "3.0.1/html/shacl/",
                "24d3bfd0fa17a3d0e877c9ebb91c8174124e5038538e1bf081b2cb679ad0f1b2",
            ),
            "recommended": _file(
                _SPLIT, "shapes_recommended.ttl", "3.0.1/html/shacl/",
                "9afbf23f1f56d10d6839259684934137e20506a9aedce0249b619bbc593b9abd",
            ),
            "codelists": _file(
                _SPLIT, "mdr-vocabularies.shape.ttl", "3.0.1/html/shacl/",
                "2362f83971766a15cc20b2b54420022dc10547dd2c483da02080847c61b4b45a",
            ),
            "deprecated": _file(
                _SPLIT, "deprecateduris.ttl", "3.0.1/html/shacl/",
                "30a20a51a487c40ab7ae04f5905f02ef28238ec5cb390e37053334d835021948",
            ),
            "hvd-base": _file(
                _HVD, "hvd-SHACL-base.ttl", "3.0.0-hvd/html/",
                "29020ff4a4ae21b5c4018ca4ac0e27c6f4431b2dbf7d73126ebf50aaeff34145",
            ),
            "hvd-range": _file(
                _HVD, "hvd-SHACL-ranges.ttl", "3.0.0-hvd/html/",
                "788baf0e2505fec688a9754cd761448c5379fef0b5f6b4515743f516e76359df",
            ),
            "hvd-usage": _file(
                _HVD, "hvd-SHACL-usagenotes.ttl", "3.0.0-hvd/html/",
                "47cabc4e17954bc0c6b07222bb4234c9af19b77913ec6a312e6ef09b8d289057",
            ),
            "background": _file(
                "authority-tables/", "authority-background.ttl", "",
                "ca2d255355caa402a2b7ff8aa7edb019c051ab6800ab0b4636421db5933f84d1",
            ),
        },
        types={
            "dcatap.3_0_1_base0": ("shapes",),
            "dcatap.3_0_1_range0": ("range",),
            "dcatap.3_0_1_base": ("shapes",),
            "dcatap.3_0_1_range": ("range",),
            "dcatap.3_0_1_codelists": ("codelists",),
            "dcatap.3_0_1_rec": ("recommended",),
            "dcatap.3_0_1_full": ("shapes", "range", "recommended", "deprecated"),
            "dcatap_hvd.3_0_0_base0": ("hvd-base",),
            "dcatap_hvd.3_0_0_range0": ("hvd-range",),
            "dcatap_hvd.3_0_0_usagenotes": ("hvd-usage",),
        },
        background="background",
        with_background=frozenset(
            f"dcatap.3_0_1_{name}" for name in ("base", "range", "codelists", "rec", "full")
        ),
    )
}  # fmt: skip
"""What can be fetched. The names of the types are those of the Test Bed's domain semic-shacl."""


@dataclass(frozen=True, slots=True)
class Official:
    """Official shapes in a store: ``shapes/{collection}/`` of its folder."""

    store: Path

    def install(
        self, name: str, copied_from: Path | None = None, progress: Callable[[str], None] = lambda _: None
    ) -> list[str]:
        """Fetch or copy a collection and return what of it is not there: files that can only be copied.

        Nothing is kept unless every file is what it should be.

        :param copied_from: a folder that has the files; without it, they are fetched from where they are published.
        :raises OfficialShapesError: if a file cannot be had, or is another one.
        """
        collection = COLLECTIONS.get(name)
        if collection is None:
            raise OfficialShapesError(f"There is no collection {name!r}. There is: {', '.join(COLLECTIONS)}.")
        contents: dict[str, bytes] = {}
        missing = []
        for key, file in collection.files.items():
            progress(file.path)
            if copied_from is None and not file.address:
                missing.append(file.path)
                continue
            content = _copied(copied_from / file.path) if copied_from else _fetched(file.address)
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise OfficialShapesError(
                    f"{file.path} is not the file that this version was tested with (other SHA-256). Nothing was kept."
                )
            contents[key] = content
        for key, content in contents.items():
            write_durably(self._path(name, key), content)
        return missing

    def remove(self, name: str) -> None:
        """Remove a collection."""
        shutil.rmtree(self.store / "shapes" / name, ignore_errors=True)

    def types(self) -> dict[str, tuple[tuple[Path, ...], tuple[Path, ...]]]:
        """Return the kinds of validation that can be asked for, with files of shapes and of background."""
        found: dict[str, tuple[tuple[Path, ...], tuple[Path, ...]]] = {}
        for name, collection in COLLECTIONS.items():
            known = self._path(name, collection.background)
            for type_, keys in collection.types.items():
                paths = tuple(self._path(name, key) for key in keys)
                needs = type_ in collection.with_background
                if all(path.is_file() for path in paths) and (known.is_file() or not needs):
                    found[type_] = (paths, (known,) if needs else ())
        return found

    def _path(self, name: str, key: str) -> Path:
        return self.store / "shapes" / name / f"{key}.ttl"


def _copied(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise OfficialShapesError(f"{path} cannot be read: {error.strerror}.") from error


def _fetched(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - addresses of this module only
            content: bytes = answer.read(MAX_BYTES)
            return content
    except OSError as error:
        raise OfficialShapesError(
            f"{address} cannot be fetched: {error}. Fetch the files elsewhere and give their folder (--from)."
        ) from error
