"""What the routes of validation work with: a place for what arrives, and processes that judge it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from circkg_server.contributions.answering import RulesError, UnreadableError
from circkg_server.contributions.desk import Desk
from circkg_server.contributions.jobs import Outcome, job_of
from circkg_server.contributions.settings import ValidateSettings
from circkg_server.contributions.staging import Staging
from circkg_server.contributions.uploads import CrowdingError, Uploads


@dataclass(frozen=True, slots=True)
class Validation:
    """What the routes work with."""

    store: Path
    staging: Staging
    desk: Desk
    settings: ValidateSettings
    uploads: Uploads
    clients: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder that is gone afterwards, whatever happens."""
        folder = self.staging.scratch()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def job(self, client: str, folder: Path, kind: str, **content: object) -> bytes:
        """Have a job done and return the report that it wrote.

        :param client: address of the client.
        :raises CrowdingError: if the client has too many jobs already.
        :raises RulesError: if nothing can be judged by the rules that were sent.
        :raises UnreadableError: if what was sent cannot be judged.
        :raises JobError: if it took too long, needed too much or broke.
        """
        if self.clients[client] >= self.settings.per_client:
            raise CrowdingError(f"{self.clients[client]} of your files are being judged or wait. Send them one by one.")
        job_of(kind, folder, **content)
        self.clients[client] += 1
        try:
            outcome = await self.desk.do(folder, seconds=self.settings.timeout, memory=self.settings.memory)
        finally:
            self.clients[client] -= 1
            if not self.clients[client]:
                del self.clients[client]
        if outcome is Outcome.REFUSED:
            problem = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
            raise (RulesError if problem["of_rules"] else UnreadableError)(problem["detail"])
        return (folder / "report").read_bytes()
