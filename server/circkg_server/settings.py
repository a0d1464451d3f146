"""Settings: where the store is, where the server stands, and the limits that a query meets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Self, TypeVar, cast
from urllib.parse import urlsplit

MIB = 1024 * 1024
MOST_READERS = 512
Number = TypeVar("Number", int, float)


class SettingsError(ValueError):
    """A setting cannot be used; the message names it and what it takes."""


def default_store() -> Path:
    """Return the folder of the store: ``CIRCKG_STORE``, or ``.circkg`` in the current folder."""
    return Path(os.environ.get("CIRCKG_STORE", ".circkg"))


def read_number(environment: Mapping[str, str], name: str, default: Number, least: float = 0) -> Number:
    """Return the number of a variable, of the type of its default, which holds where the variable is unset or empty.

    :raises SettingsError: if it is no such number, or smaller than the least.

    >>> read_number({"CIRCKG_QUEUE": "8"}, "CIRCKG_QUEUE", 64), read_number({}, "CIRCKG_TIMEOUT", 30.0)
    (8, 30.0)
    """
    text = environment.get(name, "").strip()
    if not text:
        return default
    type_ = type(default)
    try:
        value = type_(text)
    except ValueError:
        value = type_(-1)
    if not max(least, 0) <= value < float("inf"):
        what = "a whole number" if type_ is int else "a number"
        raise SettingsError(f"{name} is {text!r}; it takes {what} of at least {least:g}.")
    return value


def _is_public(address: str) -> bool:
    """Tell whether an address is one under which a server can be reached.

    >>> _is_public("https://data.example.org/circkg/"), _is_public("data.example.org"), _is_public("http://a/?b")
    (True, False, False)
    """
    try:
        parts = urlsplit(address)
        fits = parts.port != 0 and not parts.username and not any(sign.isspace() for sign in address)
    except ValueError:
        return False
    return fits and parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)


class FromVariables:
    """Settings that are read from variables: the name of each is a prefix and the name of the field in capitals.

    What inherits from it is a dataclass whose fields are texts and numbers, each with a default; it checks the rest.
    """

    __slots__ = ()
    prefix: ClassVar[str] = "CIRCKG_"
    least: ClassVar[Mapping[str, float]] = {}
    """The smallest number that a field takes, if it is not 0."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the environment.

        :raises SettingsError: if one cannot be used.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for field in fields(cls):  # type: ignore[arg-type]  # what inherits is a dataclass
            name, default = f"{cls.prefix}{field.name.upper()}", field.default
            if isinstance(default, str):
                values[field.name] = environment.get(name, default)
            else:
                values[field.name] = read_number(
                    environment, name, cast("float", default), cls.least.get(field.name, 0)
                )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Settings(FromVariables):
    """Every setting has an environment variable: its name in capitals after ``CIRCKG_``.

    The limits are stated in the service description and on the status page, and a query that meets one is told so.
    """

    least: ClassVar[Mapping[str, float]] = {
        "timeout": 0.001, "max_timeout": 0.001, "max_rows": 1, "max_bytes": 1, "max_query": 1, "query_memory": MIB,
        "per_client": 1,
    }  # fmt: skip

    engine: str = "auto"
    """auto (memory while the graph fits in a third of the machine's memory), memory, checkpoint, or remote"""
    readers: int = 0
    """reader processes of each engine; 0: one a processor, at least two"""
    timeout: float = 30.0
    """seconds that a query may take"""
    max_timeout: float = 120.0
    """most seconds that the parameter timeout= may ask for"""
    max_rows: int = 2_000_000
    """most rows of an answer"""
    max_bytes: int = 1024 * MIB
    """most bytes of an answer, before compression"""
    max_query: int = MIB
    """longest query, in bytes"""
    query_memory: int = 1024 * MIB
    """bytes by which a reader may grow for a query"""
    queue: int = 64
    """queries that may wait for a reader"""
    per_client: int = 8
    """queries of one client at once"""
    buffer: int = 8 * MIB
    """bytes of an answer that are held before anything is sent, so that a limit is a clean error"""
    cache: int = 64 * MIB
    """bytes of answers that are kept"""
    public_url: str = ""
    """address under which the server is reached; empty: as the request says"""
    catalogue: str = ""
    """file that says who publishes; empty: catalogue.toml in the store's folder, else in the data room"""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.engine not in ("auto", "memory", "checkpoint", "remote"):
            raise SettingsError(f"CIRCKG_ENGINE is {self.engine!r}; it takes auto, memory, checkpoint or remote.")
        if self.max_timeout < self.timeout:
            raise SettingsError(f"CIRCKG_MAX_TIMEOUT is {self.max_timeout:g}, less than CIRCKG_TIMEOUT.")
        if self.readers > MOST_READERS:
            raise SettingsError(f"CIRCKG_READERS is {self.readers}; it takes at most {MOST_READERS}.")
        if self.public_url and not _is_public(self.public_url):
            raise SettingsError(
                f"CIRCKG_PUBLIC_URL is {self.public_url!r}; it takes an address such as https://data.example.org/circkg."
            )

    @property
    def reader_count(self) -> int:
        """Return the number of readers of an engine."""
        return self.readers or max(os.cpu_count() or 2, 2)
