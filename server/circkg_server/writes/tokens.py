"""Bearer tokens: who may write, kept as salted hashes, and the log of what they wrote.

A token is 256 bits from the system's random source, so nobody finds it by guessing, and a slow hash (scrypt, argon2)
would only slow down each request: those protect passwords that people choose. SHA-256 with a salt of each token keeps
the file useless to who reads it.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from circkg_server.releases.durable import sync_folder
from circkg_server.settings import default_store

PREFIX = "circkg_"
"""Start of each token, by which scanners of published code find one that got out."""

YEAR = timedelta(days=365)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 64


class Scope(StrEnum):
    """What a token is good for."""

    CONTRIBUTE = "contribute"
    CURATE = "curate"
    ADMIN = "admin"


class TokenError(ValueError):
    """A token cannot be made or taken back, or the file of tokens cannot be read."""


class NotAuthorisedError(ValueError):
    """A request has no token, or none that is good; answered with 401."""

    headers = {"WWW-Authenticate": 'Bearer realm="CircKG"'}  # noqa: RUF012 - a constant


class ForbiddenError(ValueError):
    """The token is good, but not for this; answered with 403."""


@dataclass(frozen=True, slots=True)
class TokenUse:
    """Who writes: the name of the token, and what it is good for."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Tell whether the token has a scope; ``admin`` has them all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def sees_all(self) -> bool:
        """Tell whether the token may work on drafts that are not its own."""
        return self.may(Scope.CURATE)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the file keeps it: no part of its text."""

    name: str
    scopes: tuple[Scope, ...]
    salt: str
    digest: str
    created: str
    expires: str

    @property
    def expired(self) -> bool:
        """Tell whether its time is over."""
        return datetime.now(UTC) >= datetime.fromisoformat(self.expires)


@dataclass(slots=True)
class Tokens:
    """The tokens of a store, in a file that only its owner reads. A change is seen by a running server at once."""

    folder: Path
    _read: tuple[tuple[int, int, int], tuple[Token, ...]] | None = field(default=None, repr=False)

    @property
    def file(self) -> Path:
        """The file of the tokens."""
        return self.folder / "tokens.json"

    def add(self, name: str, scopes: Iterable[Scope], expires: datetime | None = None) -> str:
        """Make a token and return its text, which is not kept and cannot be had again.

        :param name: of an organisation, a project or a script, never of a person: it stands in the log.
        :param expires: one year from now unless given.
        :raises TokenError: if the name is taken or no name, if there is no scope, or if its time is over already.
        """
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            raise TokenError(
                f"{name!r} is no name of a token. Use small letters, digits and hyphens, up to {_LONGEST}: turku."
            )
        found = tuple(sorted(set(scopes)))
        if not found:
            raise TokenError(f"Give at least one scope: {', '.join(Scope)}.")
        now = datetime.now(UTC).replace(microsecond=0)
        end = (expires or now + YEAR).astimezone(UTC)
        if end <= now:
            raise TokenError(f"The token would have expired already, on {end.date()}.")
        text = PREFIX + secrets.token_urlsafe(32)
        salt = secrets.token_hex(16)
        with self._changing() as known:
            if any(token.name == name for token in known):
                raise TokenError(f"There is a token {name!r} already. Take another name, or revoke it first.")
            known.append(Token(name, found, salt, _digest(salt, text), now.isoformat(), end.isoformat()))
        return text

    def revoke(self, name: str) -> None:
        """Take a token back.

        :raises TokenError: if there is none of that name.
        """
        with self._changing() as known:
            left = [token for token in known if token.name != name]
            if len(left) == len(known):
                raise TokenError(f"There is no token {name!r}.")
            known[:] = left

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, expired ones too.

        :raises TokenError: if the file cannot be read.
        """
        try:
            stat = self.file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, _tokens(self.file.read_text(encoding="utf-8")))
            return self._read[1]
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError) as error:
            raise TokenError(
                f"{self.file} cannot be read ({error}). Put it back from a backup, or delete it."
            ) from error

    def check(self, header: str | None, scope: Scope = Scope.CONTRIBUTE) -> TokenUse:
        """Return who sends a request with this ``Authorization`` header.

        Every token is compared in constant time, whether one before it was the right one or not.

        :raises NotAuthorisedError: if there is no token, or none that is good.
        :raises ForbiddenError: if the token lacks the scope.
        """
        kind, _, text = (header or "").strip().partition(" ")
        if not text or kind.lower() != "bearer":
            raise NotAuthorisedError("Send a token: `Authorization: Bearer …`. `circkg token add` makes one.")
        found: Token | None = None
        for token in self.all():
            if hmac.compare_digest(_digest(token.salt, text.strip()), token.digest):
                found = token
        if found is None:
            raise NotAuthorisedError("This token is not known here.")
        if found.expired:
            raise NotAuthorisedError(f"This token expired on {found.expires[:10]}. Ask for a new one.")
        use = TokenUse(found.name, frozenset(found.scopes))
        if not use.may(scope):
            raise ForbiddenError(f"The token {found.name!r} lacks the scope `{scope}`.")
        return use

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Give the tokens to change, alone, and write them as a whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with _private(self.folder / ".tokens.lock", os.O_RDWR | os.O_CREAT) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._read = None
            known = list(self.all())
            yield known
            content = json.dumps({"tokens": [asdict(token) for token in known]}, indent=2) + "\n"
            temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}.tmp")
            temporary.unlink(missing_ok=True)
            with _private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                os.write(descriptor, content.encode())
                os.fsync(descriptor)
            temporary.replace(self.file)
            sync_folder(self.folder)
            self._read = None


@dataclass(frozen=True, slots=True)
class Audit:
    """The log of writes: one JSON object a line. It holds no data and no person."""

    folder: Path

    def write(self, token: str, what: str, graphs: Iterable[str], quads: int | None, outcome: str) -> None:
        """Add a line, whole and durable.

        :param graphs: IRIs of the graphs that were written, or that the request names.
        :param quads: how many quads were added and removed, if known.
        """
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "token": token, "what": what, "graphs": sorted(graphs), "quads": quads, "outcome": outcome,
        }  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        with _private(self.folder / "audit.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
            os.write(descriptor, (json.dumps(entry, ensure_ascii=False) + "\n").encode())
            os.fsync(descriptor)


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


def _tokens(text: str) -> tuple[Token, ...]:
    entries: list[dict[str, Any]] = json.loads(text)["tokens"]
    return tuple(Token(**(entry | {"scopes": tuple(map(Scope, entry["scopes"]))})) for entry in entries)


@contextmanager
def _private(path: Path, flags: int) -> Iterator[int]:
    """Open a file that nobody but its owner may read."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


token_app = typer.Typer(help="Bearer tokens for writes.", no_args_is_help=True)
_out, _err = Console(), Console(stderr=True)
_StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store.", show_default="$CIRCKG_STORE, or .circkg")
]


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (TokenError, OSError) as error:
        _err.print(f"circkg: {error}", style="red", highlight=False, markup=False)
        raise typer.Exit(2) from error


@token_app.command("add")
def _add(
    name: Annotated[str, typer.Argument(help="Of an organisation, a project or a script; not of a person.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it is good for; may be given several times.")],
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.", show_default="one year")
    ] = None,
    store: _StoreOption = None,
) -> None:
    """Make a token and print it, once: it is kept as a hash only."""
    end = expires.replace(tzinfo=UTC) + timedelta(days=1) if expires else None
    with _told():
        text = Tokens(store or default_store()).add(name, scope, end)
    _err.print("Keep this token; it is not shown again:", highlight=False)
    typer.echo(text)


@token_app.command("list")
def _list(store: _StoreOption = None) -> None:
    """List the tokens: names, scopes and dates."""
    with _told():
        known = Tokens(store or default_store()).all()
    table = Table("name", "scopes", "created", "expires")
    for token in known:
        end = token.expires[:10] + (" (expired)" if token.expired else "")
        table.add_row(token.name, ", ".join(token.scopes), token.created[:10], end)
    _out.print(table)


@token_app.command("revoke")
def _revoke(name: Annotated[str, typer.Argument(help="Name of the token.")], store: _StoreOption = None) -> None:
    """Take a token back, at once."""
    with _told():
        Tokens(store or default_store()).revoke(name)
    _err.print(f"The token {name!r} is revoked.", highlight=False, markup=False)
