"""Reads a SPARQL update by its tokens: which operations it has, which graphs it names, and where USING belongs.

Grammar: https://www.w3.org/TR/sparql11-update/#grammar. What is not understood here is left as it is: the engine's
parser says what is wrong with it, and what was written is checked afterwards, whatever the text said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from circkg_server.sparql.tokens import Token, tokens

DEFAULT = ""
"""Stands for the default graph where a graph's IRI is expected."""

_OPENING, _CLOSING = frozenset("{(["), frozenset("})]")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NOTHING = "INSERT DATA {}"


class UpdateError(ValueError):
    """An update is refused before it reaches the engine, as one that is wrong."""


class UpdateForbiddenError(ValueError):
    """An update asks for what is not allowed here."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an update.

    :param body: its tokens, without the prologue.
    :param prefixes: the prefixes that are declared where it stands.
    """

    body: tuple[Token, ...]
    prefixes: dict[str, str]
    base: str

    @property
    def kind(self) -> str:
        """The first keyword."""
        return self.body[0].text.upper()

    @property
    def start(self) -> int:
        """Where it starts in the text."""
        return self.body[0].start

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.body[-1].start + len(self.body[-1].text)

    def has(self, *words: str) -> bool:
        """Tell whether one of these keywords stands in it, outside all brackets."""
        return any(token.is_word(*words) for token, depth in _with_depth(self.body) if depth == 0)

    def targets(self) -> set[str]:
        """Return the IRIs of the graphs that it writes, as far as its text names them."""
        if self.kind in ("INSERT", "DELETE", "WITH"):
            return self._templates()
        rest = [token for token in self.body[1:] if not token.is_word("SILENT", "GRAPH", "TO", "INTO")]
        if self.kind == "LOAD":
            return {self._iri(token) for token in rest[1:]} or {DEFAULT}
        return {DEFAULT if token.kind == "word" else self._iri(token) for token in rest}

    def _templates(self) -> set[str]:
        default = DEFAULT
        if self.kind == "WITH" and len(self.body) > 1:
            default = self._iri(self.body[1])
        found: set[str] = set()
        block = False
        for position, (token, depth) in enumerate(_with_depth(self.body)):
            if depth == 0 and token.is_word("USING"):
                break
            if depth == 0 and token.is_word("WHERE"):
                if not (position and self.body[position - 1].is_word("DELETE")):
                    break
            elif depth == 1 and block:
                if token.is_word("GRAPH") and position + 1 < len(self.body):
                    graph = self.body[position + 1]
                    if graph.kind in ("iri", "name"):
                        found.add(self._iri(graph))
                elif token.text not in "{}." and not self.body[position - 1].is_word("GRAPH"):
                    found.add(default)
            block = block or token.text == "{"
        return found

    def _iri(self, token: Token) -> str:
        if token.kind == "iri":
            return _resolved(token.text[1:-1], self.base)
        prefix, _, local = token.text.partition(":")
        if token.kind != "name" or f"{prefix}:" not in self.prefixes:
            raise UpdateError(
                f"{token.text}: give the IRI of a graph, or a name with a prefix that is declared before."
            )
        return self.prefixes[f"{prefix}:"] + re.sub(r"\\(.)", r"\1", local)


def operations(text: str, base: str = "") -> list[Operation]:
    """Return the operations of an update.

    >>> [found.kind for found in operations("PREFIX g: <http://g/> CLEAR GRAPH g:a ; INSERT DATA { <a:a> <a:b> ';' }")]
    ['CLEAR', 'INSERT']
    """
    prefixes: dict[str, str] = {}
    found: list[Operation] = []
    part: list[Token] = []

    def finish() -> None:
        nonlocal base, part
        while part:
            if part[0].is_word("PREFIX") and len(part) > 2:
                prefixes[part[1].text] = _resolved(part[2].text[1:-1], base)
                part = part[3:]
            elif part[0].is_word("BASE") and len(part) > 1:
                base = _resolved(part[1].text[1:-1], base)
                part = part[2:]
            elif part[0].is_word("VERSION") and len(part) > 1:
                part = part[2:]
            else:
                found.append(Operation(tuple(part), dict(prefixes), base))
                break
        part = []

    for token, depth in _with_depth(tokens(text)):
        if token.text == ";" and depth == 0:
            finish()
        else:
            part.append(token)
    finish()
    return found


def with_dataset(text: str, using: Iterable[str], named: Iterable[str], base: str = "") -> str:
    """Return an update whose patterns are matched in the dataset of the protocol's parameters.

    :raises UpdateError: if the update names a dataset itself (SPARQL 1.1 Protocol, section 2.2.3), or if a graph's name
        is no absolute IRI.

    >>> with_dataset("DELETE WHERE { ?s ?p 1 }", ["http://g"], [])
    'DELETE { ?s ?p 1 } USING <http://g> WHERE { ?s ?p 1 }'
    """
    clauses = [f"USING <{checked_iri(graph)}>" for graph in using]
    clauses += [f"USING NAMED <{checked_iri(graph)}>" for graph in named]
    if not clauses:
        return text
    dataset = " ".join(clauses)
    for operation in reversed(operations(text, base)):
        if operation.kind not in ("INSERT", "DELETE", "WITH"):
            continue
        if operation.has("USING", "WITH"):
            raise UpdateError(
                "Name the dataset in the update (USING, WITH) or in the parameters (using-graph-uri, "
                "using-named-graph-uri), not in both."
            )
        where = next((t for t, depth in _with_depth(operation.body) if depth == 0 and t.is_word("WHERE")), None)
        if where is None:
            continue
        pattern = text[where.start + len(where.text) : operation.end] if operation.body[1] is where else ""
        text = f"{text[: where.start]}{pattern.lstrip()}{' ' * bool(pattern)}{dataset} {text[where.start :]}"
    return text


def guarded(text: str, isolated: bool) -> str:
    """Return an update from which nothing reaches out of the machine.

    ``LOAD SILENT`` fails in silence, as it says; so does ``SERVICE SILENT`` where the engine has no network.

    :param isolated: the engine has no network.
    :raises UpdateForbiddenError: for ``LOAD`` and ``SERVICE``.
    """
    for operation in reversed(operations(text)):
        if operation.kind == "LOAD":
            legal, silent = _is_load(operation.body), len(operation.body) > 1 and operation.body[1].is_word("SILENT")
            if not (legal and silent) and not (isolated and not legal):
                raise UpdateForbiddenError(
                    "LOAD fetches from other machines and is not allowed here. Fetch the file yourself and PUT or POST "
                    "it to /graph-store."
                )
            if legal:
                lines = "\n" * text.count("\n", operation.start, operation.end)
                text = text[: operation.start] + _NOTHING + lines + text[operation.end :]
            continue
        for token, following in zip(operation.body, (*operation.body[1:], None), strict=True):
            if token.is_word("SERVICE") and not (isolated and following and following.is_word("SILENT")):
                raise UpdateForbiddenError(
                    "An update asks no other endpoint here. Ask it in a query at /sparql and insert what you found."
                )
    return text


def checked_iri(text: str) -> str:
    """Return an absolute IRI that can stand between angle brackets.

    :raises UpdateError: if it is none.
    """
    if not _ABSOLUTE.match(text) or re.search(r'[<>"{}|^`\\\x00-\x20]', text):
        raise UpdateError(f"{text!r} is no absolute IRI.")
    return text


def _is_load(body: tuple[Token, ...]) -> bool:
    kinds = [
        token.text.upper() if token.kind == "word" else "iri" if token.kind == "name" else token.kind for token in body
    ]
    kinds = [kind for kind in kinds if kind != "SILENT"]
    return kinds in (["LOAD", "iri"], ["LOAD", "iri", "INTO", "GRAPH", "iri"])


def _with_depth(found: Iterable[Token]) -> Iterator[tuple[Token, int]]:
    """Yield tokens, each with the number of brackets around it; a bracket counts itself."""
    depth = 0
    for token in found:
        if token.text in _OPENING:
            depth += 1
        yield token, depth
        if token.text in _CLOSING:
            depth -= 1


def _resolved(text: str, base: str) -> str:
    text = re.sub(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), text)
    return urljoin(base, text) if base and not _ABSOLUTE.match(text) else text
