"""What is done with contributions while a server runs: they are judged in the order in which they came."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circkg_server.contributions.acceptance import Decision, recover
from circkg_server.contributions.desk import Desk, JobError
from circkg_server.contributions.jobs import JobFile, Outcome, Reading, job_of
from circkg_server.contributions.settings import ContributionSettings, ValidateSettings
from circkg_server.contributions.staging import Contributed, Judged, NoContributionError, Staging, StagingError, State
from circkg_server.releases.archive import Archive
from circkg_server.retired import retired_of
from circkg_server.writes.tokens import Audit, Scope, TokenUse

LOG = logging.getLogger("circkg")
WITHHELD = (
    "Nothing of the contribution has been kept. Take out what names or reaches a person and send it again; if there is "
    "no such thing in it, with the field checked=yes."
)
"""What a contributor is told whose files look as if they held personal data."""
SHOWN = 5
"""Faults of the whole that the history of a contribution names."""

PATIENCE = 25.0
"""Seconds that an answer waits for an acceptance; proxies wait no longer than a minute. It goes on all the same."""


class RefusedDecisionError(StagingError):
    """A decision could not be carried out.

    :param faults: what is wrong with the whole, if that is why.
    """

    def __init__(self, detail: str, kind: str, faults: list[str]) -> None:
        super().__init__(detail)
        self.kind, self.faults = kind, faults


@dataclass(slots=True)
class Contributions:
    """Contributions of a store, while its server runs.

    :param root: where links in reports begin.
    """

    archive: Archive
    validating: ValidateSettings
    settings: ContributionSettings
    root: str = ""
    desk: Desk = field(init=False)
    staging: Staging = field(init=False)
    audit: Audit = field(init=False)
    _queue: asyncio.Queue[str] = field(init=False)
    _judging: asyncio.Task[None] | None = field(init=False, default=None)
    _accepting: dict[str, asyncio.Task[None]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.archive.folder, self.validating.concurrency, self.validating.queue)
        self.staging = Staging(self.archive.folder / "contributions", self.settings)
        self.audit = Audit(self.archive.folder)
        self._queue = asyncio.Queue()

    async def start(self) -> None:
        """Take up what an earlier server left, and judge what comes."""
        await asyncio.to_thread(self.staging.prepare)
        await asyncio.to_thread(recover, self.archive, self.staging)
        for each in self.staging.all():
            if each.state is State.RECEIVED:
                self._queue.put_nowait(each.id)
        self._judging = asyncio.create_task(self._judge_all())

    async def close(self) -> None:
        """Stop judging. What is not judged yet stays received; an acceptance that is under way ends by itself."""
        if self._judging is not None:
            self._judging.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._judging
        await self.desk.close()

    def judge_soon(self, id_: str) -> None:
        """Have a contribution judged after those that came before it."""
        self._queue.put_nowait(id_)

    def for_reader(self, id_: str, who: TokenUse) -> Contributed:
        """Return a contribution to one who may read it: its contributor, or a curator.

        :raises NoContributionError: if there is none, or it is another one's.
        """
        found = self.staging.get(id_)
        if found.token != who.name and not who.may(Scope.CURATE):
            raise NoContributionError("There is no such contribution.")
        return found

    def visible(self, who: TokenUse) -> list[Contributed]:
        """Return the contributions that one may read, the newest first."""
        found = self.staging.all()
        return [each for each in reversed(found) if each.token == who.name or who.may(Scope.CURATE)]

    async def _judge_all(self) -> None:
        while True:
            id_ = await self._queue.get()
            try:
                await self._judge(id_)
            except NoContributionError:
                continue
            except Exception:
                LOG.exception("A contribution could not be judged: %s", id_)

    async def _judge(self, id_: str) -> None:
        found = self.staging.get(id_)
        if found.state is not State.RECEIVED:
            return
        folder = self.staging.folder_of(id_)
        job = self.staging.scratch()
        try:
            numbers = [number for number, file in enumerate(found.files) if file.file != found.mapping]
            files = [found.files[number] for number in numbers]
            mapping = next(
                (JobFile(str(folder / f.file), f.name) for f in found.files if f.file == found.mapping), None
            )
            about = found.about
            reading = Reading(
                tuple(JobFile(str(folder / file.file), file.name, file.media_type) for file in files),
                str(self.archive.folder), about.form, about.language, about.set, about.replaces,
                mapping,
            )  # fmt: skip
            retired = sorted(retired_of(self.archive.folder))
            job_of(
                "review",
                job,
                reading=reading,
                numbers=numbers,
                language=about.language or "en",
                retired=retired,
                root=self.root,
            )
            judged = await self._reviewed(job)
            if judged.personal and not about.checked:
                self.staging.withhold(id_, " ".join((*judged.personal, WITHHELD)))
            else:
                self.staging.put_review(id_, job, judged)
        finally:
            shutil.rmtree(job, ignore_errors=True)

    async def _reviewed(self, job: Path) -> Judged:
        try:
            outcome = await self.desk.do(
                job, seconds=self.settings.timeout, memory=self.validating.memory, patient=True
            )
        except JobError as error:
            return Judged(False, str(error))
        if outcome is Outcome.REFUSED:
            return Judged(False, json.loads((job / "problem.json").read_text(encoding="utf-8"))["detail"])
        return Judged(**json.loads((job / "result.json").read_text(encoding="utf-8")))

    def decide(self, id_: str, state: State, by: str, comment: str) -> Contributed:
        """Return or withdraw a contribution.

        :raises StagingError: if it is not open, or is being accepted.
        """
        if id_ in self._accepting:
            raise StagingError("It is being published.")
        done = self.staging.change(id_, lambda found: found.decided(state, by, comment))
        self.audit.write(by, f"{state} {id_}", [], None, "done")
        return done

    async def accept(self, id_: str, decision: Decision) -> Contributed:
        """Publish a contribution, in a process of its own, and return it; it may still be staged if that takes long.

        :raises RefusedDecisionError: if it could not be published.
        """
        task = self._accepting.get(id_)
        if task is None:
            task = self._accepting[id_] = asyncio.create_task(self._accept(id_, decision))
            task.add_done_callback(lambda done: self._accepted(id_, done))
        await asyncio.wait([task], timeout=PATIENCE)
        if task.done():
            task.result()
        return self.staging.get(id_)

    def _accepted(self, id_: str, task: asyncio.Task[None]) -> None:
        self._accepting.pop(id_, None)
        if not task.cancelled() and task.exception() is not None:
            LOG.info("%s was not accepted: %s", id_, task.exception())

    def is_being_accepted(self, id_: str) -> bool:
        """Tell whether a contribution is being published."""
        return id_ in self._accepting

    async def _accept(self, id_: str, decision: Decision) -> None:
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "circkg_server.contributions.accepting", str(self.archive.folder), id_,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, **path},
            start_new_session=True,
        )  # fmt: skip
        told = {"by": decision.by, "comment": decision.comment, "links": [list(pair) for pair in decision.links]}
        output, _ = await process.communicate(json.dumps(told).encode())
        try:
            answer: Mapping[str, Any] = json.loads(output)
        except ValueError:
            answer = {"kind": "broken", "detail": "The acceptance ended by a fault of ours. It has been logged."}
        kind = answer.get("kind", "")
        if kind:
            self.audit.write(decision.by, f"accept {id_}", [], None, f"not done: {kind}")
        if kind == "stale":
            self.staging.change(id_, lambda each: each.then(State.RECEIVED, "", answer["detail"]))
            self.judge_soon(id_)
        elif kind in ("unsound", "broken"):
            # The client may have left meanwhile; whoever looks later sees why.
            why = " ".join((answer["detail"], *answer.get("faults", ())[:SHOWN]))
            self.staging.change(id_, lambda each: each.then(State.STAGED, "", why))
        if kind:
            raise RefusedDecisionError(answer["detail"], kind, list(answer.get("faults", ())))
