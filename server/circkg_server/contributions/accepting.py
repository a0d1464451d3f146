"""Accepts one contribution: ``python -m circkg_server.contributions.accepting STORE ID``, the decision on its input.

A process of its own, so that the server answers meanwhile and outlives whatever happens here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from circkg_server.contributions.acceptance import Decision, NotSoundError, StaleError, accept
from circkg_server.contributions.staging import Staging, StagingError
from circkg_server.releases.archive import Archive, StoreBusyError


def main(store: str, id_: str) -> None:
    """Accept a contribution and print what came of it."""
    told = json.load(sys.stdin)
    decision = Decision(told["by"], told["comment"], tuple((new, known) for new, known in told["links"]))
    archive = Archive(Path(store))
    answer: dict[str, object] = {}
    try:
        accept(archive, Staging(archive.folder / "contributions"), id_, decision)
    except NotSoundError as error:
        answer = {"kind": "unsound", "detail": str(error), "faults": error.faults}
    except StaleError as error:
        answer = {"kind": "stale", "detail": str(error)}
    except StoreBusyError:
        answer = {"kind": "busy", "detail": "Another build or acceptance is under way. Try again when it has ended."}
    except StagingError as error:
        answer = {"kind": "state", "detail": str(error)}
    print(json.dumps(answer))  # noqa: T201 - this is what it answers with


if __name__ == "__main__":
    main(*sys.argv[1:])
