"""The staging store: contributions that wait for a decision, each in a folder of its own that only its owner reads.

``status.json`` of a contribution is replaced as a whole and says all that holds; whatever is killed when, it is there
as it was before or as it was to be. Files have numbers for names; what they are called is a text in the status.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from circkg_server.contributions.settings import ContributionSettings
from circkg_server.releases.durable import sync_folder, write_durably

LONGEST_ID = 40
"""Longest text that can be an identifier: no file system is asked for one that is longer."""


class State(StrEnum):
    """Where a contribution stands."""

    RECEIVED = "received"
    """It waits to be judged."""
    VALIDATED = "validated"
    """It was judged, and cannot be accepted as it is."""
    STAGED = "staged"
    """It conforms and waits for a curator."""
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"

    @property
    def is_open(self) -> bool:
        """Tell whether somebody has still to act on it."""
        return self in (State.RECEIVED, State.VALIDATED, State.STAGED)


class StagingError(ValueError):
    """Something cannot be done with a contribution; the message says why and what to do."""


class NoContributionError(StagingError):
    """There is no such contribution, or not for who asks."""


class QuotaError(StagingError):
    """A contributor, or all together, have more waiting than is kept."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file of a contribution.

    :param file: its name in the folder.
    :param name: what its contributor calls it; never published, since names of files may hold names of persons.
    """

    file: str
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a contribution.

    :param by: name of the token that did it; empty for the server.
    """

    state: State
    at: str
    by: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What a contributor says of a contribution.

    :param form: what the rows are, such as ``practice``; empty: found from the file.
    :param licence: SPDX identifier, out of the list.
    :param publisher: name or IRI of the organisation that answers for the data.
    :param contact: address of a function; never published.
    :param language: language of texts whose column names none.
    :param replaces: the contribution is the whole set: what it does not describe any more is removed.
    :param checked: its contributor says that what looks like personal data is none.
    """

    set: str
    title: str
    licence: str
    publisher: str
    contact: str
    form: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    language: str = ""
    replaces: bool = False
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging a contribution gave.

    :param problem: why it could not be judged; empty if it could.
    :param base: version of the set that it was compared with; empty if the set is new.
    :param counts: rows, faults by severity, and entities by what would become of them.
    :param personal: which columns look as if they held personal data, a sentence each.
    """

    conforms: bool
    problem: str = ""
    snapshot: int | None = None
    base: str = ""
    validator: str = ""
    shapes: str = ""
    counts: Mapping[str, int] | None = None
    personal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """What an acceptance is about to publish: by it, a killed one is told from one that took place."""

    version: str
    sha256: str
    by: str
    comment: str


@dataclass(frozen=True, slots=True)
class Contributed:
    """A contribution and all that holds of it.

    :param token: name of the token that contributed it.
    :param mapping: file among ``files`` that says which column is what; empty if there is none.
    :param others: contributions for the same set that were open when this one came.
    :param links: accepted candidates: pairs of IRIs.
    :param version: version of the release that it became; ``snapshot`` the number of the manifest.
    """

    id: str
    token: str
    about: About
    files: tuple[StagedFile, ...]
    history: tuple[Event, ...]
    mapping: str = ""
    others: tuple[str, ...] = ()
    judged: Judged | None = None
    intent: Intent | None = None
    links: tuple[tuple[str, str], ...] = ()
    version: str = ""
    snapshot: int | None = None

    @property
    def state(self) -> State:
        """Return where it stands."""
        return self.history[-1].state

    @property
    def size(self) -> int:
        """Return the bytes of its files."""
        return sum(file.size for file in self.files)

    def then(self, state: State, by: str = "", comment: str = "") -> Contributed:
        """Return it after something happened to it."""
        return replace(self, history=(*self.history, Event(state, now(), by, comment)))

    def decided(self, state: State, by: str, comment: str) -> Contributed:
        """Return it after it was returned or withdrawn.

        :raises StagingError: if it is decided already, or is being published.
        """
        if not self.state.is_open or self.intent is not None:
            raise StagingError(f"It is {self.state}{' and being published' if self.intent else ''}.")
        return self.then(state, by, comment)


def now() -> str:
    """Return the time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging store of an archive's folder."""

    folder: Path
    settings: ContributionSettings = field(default_factory=ContributionSettings)

    def prepare(self) -> None:
        """Make the folder, and remove what killed processes left unfinished. Only the server does, at its start."""
        with self._alone():
            for path in [*self.folder.glob(".*.tmp"), *self.folder.glob("*/.*.tmp")]:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            for found in self.all():
                if not found.files:
                    self._drop(found.id)

    def scratch(self) -> Path:
        """Return a new folder for what is not kept; who asks for it removes it, else the next start does."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f".{secrets.token_hex(8)}.tmp"
        path.mkdir(mode=0o700)
        return path

    def folder_of(self, id_: str) -> Path:
        """Return the folder of a contribution.

        :raises NoContributionError: if the text is no identifier; so no text leads out of the folder.
        """
        number, _, rest = id_.partition("-")
        if not (number.isdigit() and len(number) >= 6 and rest.isalnum() and id_.isascii() and len(id_) <= LONGEST_ID):
            raise NoContributionError("There is no such contribution.")
        return self.folder / id_

    def get(self, id_: str) -> Contributed:
        """Return a contribution.

        :raises NoContributionError: if there is none.
        """
        try:
            return _from_json((self.folder_of(id_) / "status.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NoContributionError("There is no such contribution.") from error

    def all(self) -> list[Contributed]:
        """Return all contributions in the order in which they came."""
        found = []
        for path in sorted(self.folder.glob("[0-9]*-*")) if self.folder.is_dir() else []:
            try:
                found.append(self.get(path.name))
            except NoContributionError:
                continue
        return found

    def add(
        self, scratch: Path, token: str, about: About, files: tuple[StagedFile, ...], mapping: str = ""
    ) -> Contributed:
        """Take a contribution whose files stand in a scratch folder, which becomes its own.

        :raises QuotaError: if too much is waiting.
        """
        with self._alone():
            known = self.all()
            mine = [each for each in known if each.token == token and each.state.is_open]
            size = sum(file.size for file in files)
            most = self.settings
            if len(mine) >= most.open or sum(each.size for each in mine) + size > most.token_bytes:
                raise QuotaError(
                    f"{len(mine)} contributions of this token are open. Withdraw those that are not needed, or wait."
                )
            if sum(each.size for each in known) + size > most.total_bytes:
                raise QuotaError("The store of contributions is full. Its operators have to remove old ones.")
            number = max((int(each.id.partition("-")[0]) for each in known), default=0) + 1
            others = tuple(each.id for each in known if each.about.set == about.set and each.state.is_open)
            taken = Contributed(
                f"{number:06}-{secrets.token_hex(5)}", token, about, files,
                (Event(State.RECEIVED, now(), token),), mapping, others,
            )  # fmt: skip
            self._write(scratch, taken)
            sync_folder(scratch)
            scratch.rename(self.folder / taken.id)
            sync_folder(self.folder)
        return taken

    def change(self, id_: str, how: Callable[[Contributed], Contributed]) -> Contributed:
        """Change a contribution, alone, and return it as it is then.

        :raises NoContributionError: if there is none.
        """
        with self._alone():
            changed = how(self.get(id_))
            self._write(self.folder / id_, changed)
        return changed

    def put_review(self, id_: str, job: Path, judged: Judged, by: str = "") -> Contributed:
        """Keep what judging gave: the folder of the job becomes the review of the contribution."""

        def how(found: Contributed) -> Contributed:
            if not found.state.is_open:
                return found
            done = replace(found, judged=judged).then(State.VALIDATED, by, judged.problem)
            return done.then(State.STAGED, by) if judged.conforms else done

        folder = self.folder_of(id_)
        with self._alone():
            self.get(id_)
            old = folder / f".{secrets.token_hex(4)}.tmp"
            if (folder / "review").exists():
                (folder / "review").rename(old)
            job.rename(folder / "review")
            sync_folder(folder)
            changed = how(self.get(id_))
            self._write(folder, changed)
        shutil.rmtree(old, ignore_errors=True)
        return changed

    def withhold(self, id_: str, why: str) -> Contributed:
        """Return a contribution of which nothing may be kept: its files are removed, and what was judged of them."""

        def how(found: Contributed) -> Contributed:
            return replace(found, files=()).decided(State.RETURNED, "", why) if found.state.is_open else found

        changed = self.change(id_, how)
        if not changed.files:
            self._drop(id_)  # what is killed before is dropped at the next start
        return changed

    def _drop(self, id_: str) -> None:
        for path in self.folder_of(id_).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "status.json":
                path.unlink()

    def remove(self, id_: str) -> None:
        """Remove a contribution with its files.

        :raises StagingError: if it waits for a decision.
        """
        with self._alone():
            if self.get(id_).state.is_open:
                raise StagingError("It is open. Return or withdraw it first.")
            path = self.folder_of(id_)
            shutil.rmtree(path.rename(path.with_name(f".{path.name}.tmp")))

    def _write(self, folder: Path, what: Contributed) -> None:
        write_durably(folder / "status.json", (json.dumps(asdict(what), ensure_ascii=False, indent=1) + "\n").encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the store, which goes with the process."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _from_json(text: str) -> Contributed:
    read: dict[str, Any] = json.loads(text)
    about = read["about"] | {"keywords": tuple(read["about"]["keywords"])}
    return Contributed(
        **read
        | {
            "about": About(**about),
            "files": tuple(StagedFile(**file) for file in read["files"]),
            "history": tuple(Event(**(event | {"state": State(event["state"])})) for event in read["history"]),
            "others": tuple(read["others"]),
            "judged": Judged(**read["judged"]) if read["judged"] else None,
            "intent": Intent(**read["intent"]) if read["intent"] else None,
            "links": tuple((new, known) for new, known in read["links"]),
        }
    )
