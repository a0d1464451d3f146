"""Settings of writes, from ``CIRCKG_*`` variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MIB = 1 << 20


class WritesSettingsError(ValueError):
    """A setting of writes has a value that cannot be used."""


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

        :raises WritesSettingsError: if a variable has a value that cannot be used.

        >>> WritesSettings.from_environment({"CIRCKG_WRITES": "open"}).mode.value
        'open'
        """
        mode = environment.get("CIRCKG_WRITES", cls().mode.value).strip().lower()
        if mode not in list(Mode):
            raise WritesSettingsError(f"CIRCKG_WRITES={mode!r}: the values are {', '.join(Mode)}.")
        return cls(
            Mode(mode),
            _number(environment, "CIRCKG_WRITE_TIMEOUT", cls().timeout),
            int(_number(environment, "CIRCKG_WRITE_MB", cls().max_bytes / MIB) * MIB),
            int(_number(environment, "CIRCKG_WRITE_ANSWER_MB", cls().max_answer / MIB) * MIB),
            int(_number(environment, "CIRCKG_WRITE_MEMORY_MB", cls().memory / MIB, least=0) * MIB),
            int(_number(environment, "CIRCKG_WRITE_QUEUE", cls().waiting, least=0)),
        )


def _number(environment: Mapping[str, str], name: str, default: float, least: float = 0.001) -> float:
    text = environment.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not least <= value < 1e12:
        raise WritesSettingsError(f"{name}={text!r}: give a number of at least {least:g}.")
    return value
