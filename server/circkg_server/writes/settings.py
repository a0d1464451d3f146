"""Settings of writes, from ``CIRCKG_*`` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from circkg_server.settings import MIB, SettingsError, read_number


class Mode(StrEnum):
    """What may be written: nothing, drafts by token, or everything by everybody."""

    OFF = "off"
    DRAFTS = "drafts"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class WritesSettings:
    """Settings of writes.

    :param mode: ``open`` is for throw-away instances only: everybody may write everything.
    :param timeout: seconds that one update or graph may take.
    :param max_bytes: longest update or graph that is taken.
    :param max_answer: longest answer that the live store gives, in bytes.
    :param memory: address space of the process of the live store, in bytes; 0 for no limit.
    :param waiting: how many requests may wait for the live store.
    """

    mode: Mode = Mode.DRAFTS
    timeout: float = 30.0
    max_bytes: int = 64 * MIB
    max_answer: int = 256 * MIB
    memory: int = 4096 * MIB
    waiting: int = 64

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WritesSettings:
        """Return the settings that the variables give, each with its default.

        :raises SettingsError: if a variable has a value that cannot be used.

        >>> WritesSettings.from_environment({"CIRCKG_WRITES": "open"}).mode.value
        'open'
        """
        mode = environment.get("CIRCKG_WRITES", cls().mode.value).strip().lower()
        if mode not in list(Mode):
            raise SettingsError(f"CIRCKG_WRITES is {mode!r}; it takes {', '.join(Mode)}.")
        default = cls()
        return cls(
            Mode(mode),
            read_number(environment, "CIRCKG_WRITE_TIMEOUT", default.timeout, least=0.001),
            _bytes(environment, "CIRCKG_WRITE_MB", default.max_bytes, least=0.001),
            _bytes(environment, "CIRCKG_WRITE_ANSWER_MB", default.max_answer, least=0.001),
            _bytes(environment, "CIRCKG_WRITE_MEMORY_MB", default.memory),
            read_number(environment, "CIRCKG_WRITE_QUEUE", default.waiting),
        )


def _bytes(environment: Mapping[str, str], name: str, default: int, least: float = 0) -> int:
    """Return the bytes of a variable in MiB."""
    return int(read_number(environment, name, default / MIB, least) * MIB)
