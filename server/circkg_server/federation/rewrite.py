"""Replaces each SERVICE clause of a query by the answer of its endpoint, as a VALUES clause.

A clause is asked as it stands, alone: no bindings of the rest of the query are passed to the endpoint, so a clause
should be narrow by itself. The rest of the query joins with its answer, as SPARQL 1.1 Federated Query defines it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from circkg_server.federation.gate import Answer, Endpoint, FederationError, Gate
from circkg_server.federation.lexer import split
from circkg_server.sparql.tokens import QueryError, Token

_MAY_ASK = re.compile("service", re.IGNORECASE)
_MAY_LOAD = re.compile("load", re.IGNORECASE)
_DOTTED = re.compile(r"\..*\..*service", re.IGNORECASE | re.DOTALL)
_MAY_HIDE = frozenset({"word", "name", "blank"})
_EMPTY = "{ }"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was asked: of whom, how long it took, and what became of it."""

    endpoint: str
    seconds: float
    rows: int
    failure: str = ""
    """What went wrong, if the clause is ``SILENT`` and so the query goes on."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A query without SERVICE, and what was asked for it. Its answer holds for now, not for a snapshot."""

    query: str
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class _Clause:
    """One SERVICE clause: where it stands, whom it asks, and the question."""

    start: int
    end: int
    silent: bool
    iri: str
    question: str
    variables: frozenset[str]


@dataclass(slots=True)
class _Prologue:
    """The prefixes and the base that hold at a place of a query."""

    prefixes: dict[str, str]
    base: str = ""

    def resolved(self, token: Token) -> str:
        """Return the IRI that a token means."""
        text = token.text
        if token.kind == "iri":
            text = re.sub(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})", _character, text[1:-1])
            if re.search(r'[<>"{}|^`\\\x00-\x20]', text):
                raise QueryError(f"{token.text} is not an IRI.")
            return urljoin(self.base, text) if self.base and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) else text
        prefix, _, local = text.partition(":")
        if prefix not in self.prefixes:
            raise QueryError(f"SERVICE {text}: the query does not declare the prefix {prefix}:.")
        return self.prefixes[prefix] + re.sub(r"\\(.)", r"\1", local)

    def declarations(self, inside: list[Token]) -> str:
        """Return the declarations that a group needs."""
        used = dict.fromkeys(token.text.partition(":")[0] for token in inside if token.kind == "name")
        lines = [f"BASE <{self.base}>\n"] if self.base else []
        for prefix in used:
            if prefix not in self.prefixes:
                raise QueryError(f"SERVICE: the query does not declare the prefix {prefix}:.")
            lines.append(f"PREFIX {prefix}: <{self.prefixes[prefix]}>\n")
        return "".join(lines)


def _character(match: re.Match[str]) -> str:
    number = int(match[1] or match[2], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise QueryError(f"{match[0]} is not a character.")
    return chr(number)


def needs_federation(query: str) -> bool:
    """Tell whether a query or update has a SERVICE clause, or anything that an engine could take for one.

    >>> needs_federation("SELECT * { ?s a <http://a/SERVICE> }"), needs_federation("ASK { service ?x {} }")
    (False, True)
    """
    if not _MAY_ASK.search(query):
        return False
    try:
        stream = split(query)
    except QueryError:
        return True
    return any(_is_service(stream, place) for place in range(len(stream)))


def _is_service(stream: list[Token], place: int) -> bool:
    """Tell whether an engine could see SERVICE here.

    Oxigraph needs no blank around keywords, and ends a name before its second dot.
    """
    token = stream[place]
    if token.kind not in _MAY_HIDE or not _MAY_ASK.search(token.text):
        return False
    if token.kind == "word" or _DOTTED.search(token.text):
        return True
    opens = token.kind == "name" and place + 1 < len(stream) and stream[place + 1].text == "{"
    return opens and bool(_MAY_ASK.search(token.text.partition(":")[0]))


def refuse_load(update: str) -> None:
    """Refuse an update that loads from an address.

    :raises QueryError: if an engine could see LOAD in it.

    >>> refuse_load("INSERT DATA { <a:LOAD> <a:b> 'LOAD' } # LOAD")
    """
    if not _MAY_LOAD.search(update):
        return
    last: Token | None = None
    for token in split(update):
        opens = last is None or last.kind == "iri" or last.text == ";"
        glued = token.kind == "name" and opens and _MAY_LOAD.match(token.text)
        if glued or (token.kind == "word" and _MAY_LOAD.search(token.text)):
            raise QueryError("LOAD is refused: this service fetches nothing. Read the file and send its triples.")
        last = token


async def rewrite(query: str, gate: Gate) -> Rewritten:
    """Ask the endpoints of all SERVICE clauses, at once, and put their answers in the clauses' places.

    A clause that is ``SILENT`` and fails, whatever the reason, becomes one empty solution. Lines keep their numbers.

    :raises QueryError: if a clause is one that this service does not ask.
    :raises FederationError: if an endpoint is not allowed or does not answer as it should.
    """
    if not _MAY_ASK.search(query):
        return Rewritten(query)
    clauses = await asyncio.to_thread(lambda: list(_clauses(query)))
    if not clauses:
        return Rewritten(query)
    if len(clauses) > gate.settings.clauses:
        most = gate.settings.clauses
        raise QueryError(f"The query has {len(clauses)} SERVICE clauses; at most {most} are asked. Put some together.")
    endpoints = [_endpoint(gate, clause) for clause in clauses]
    found = await _ask_all(gate, clauses, endpoints)
    text, end, asked = [], 0, []
    for clause, (answer, report) in zip(clauses, found, strict=True):
        written = _EMPTY if answer is None else await asyncio.to_thread(answer.as_values, clause.variables)
        text += [query[end : clause.start], written, "\n" * query.count("\n", clause.start, clause.end)]
        end = clause.end
        asked.append(report)
    return Rewritten("".join([*text, query[end:]]), tuple(asked))


def _endpoint(gate: Gate, clause: _Clause) -> Endpoint | FederationError:
    try:
        return gate.endpoint(clause.iri)
    except FederationError as error:
        if not clause.silent:
            raise
        return error


async def _ask_all(
    gate: Gate, clauses: list[_Clause], endpoints: list[Endpoint | FederationError]
) -> list[tuple[Answer | None, Asked]]:
    """Ask all clauses at once; the first failure of one that is not SILENT ends the others."""

    async def ask(clause: _Clause, endpoint: Endpoint | FederationError) -> tuple[Answer | None, Asked]:
        began = time.monotonic()
        try:
            if isinstance(endpoint, FederationError):
                raise endpoint
            limited = f"{clause.question}LIMIT {gate.settings.rows + 1}"
            answer = await gate.ask(endpoint, limited)
        except FederationError as error:
            if not clause.silent:
                raise
            return None, Asked(clause.iri, time.monotonic() - began, 0, str(error))
        return answer, Asked(str(endpoint.address), time.monotonic() - began, len(answer.rows))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(*pair)) for pair in zip(clauses, endpoints, strict=True)]
    except* FederationError as failures:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        problem = first
    else:
        return [task.result() for task in tasks]
    raise problem


def _clauses(query: str) -> Iterator[_Clause]:
    """Yield the SERVICE clauses of a query or update.

    :raises QueryError: for one that is not asked.
    """
    stream = split(query)
    prologue = _Prologue({})
    laterals: list[bool] = []
    place = 0
    while place < len(stream):
        token = stream[place]
        if not laterals and token.is_word("PREFIX") and _kinds(stream, place + 1) == ("name", "iri"):
            prologue.prefixes[stream[place + 1].text[:-1]] = prologue.resolved(stream[place + 2])
            place += 3
        elif not laterals and token.is_word("BASE") and _kinds(stream, place + 1)[:1] == ("iri",):
            prologue.base = prologue.resolved(stream[place + 1])
            place += 2
        elif _is_service(stream, place):
            if any(laterals):
                raise QueryError("SERVICE inside LATERAL is not asked: a clause is asked once, not for each row.")
            clause, place = _clause(query, stream, place, prologue)
            yield clause
        else:
            if token.text == "{":
                laterals.append(place > 0 and stream[place - 1].is_word("LATERAL"))
            elif token.text == "}" and laterals:
                laterals.pop()
            place += 1


def _kinds(stream: list[Token], place: int) -> tuple[str, ...]:
    return tuple(token.kind for token in stream[place : place + 2])


def _clause(query: str, stream: list[Token], place: int, prologue: _Prologue) -> tuple[_Clause, int]:
    """Return the clause that starts at a token, and the place after it."""
    start = stream[place]
    if not start.is_word("SERVICE"):
        raise QueryError(f"{start.text[:100]}: write blanks around SERVICE, and no such name here.")
    at = place + 1
    silent = at < len(stream) and stream[at].is_word("SILENT")
    at += silent
    if at < len(stream) and stream[at].kind == "variable":
        text = stream[at].text
        raise QueryError(f"SERVICE {text}: the endpoint must be named by its address; a variable is not followed here.")
    if at + 1 >= len(stream) or stream[at].kind not in ("iri", "name") or stream[at + 1].text != "{":
        raise QueryError("SERVICE is followed by the address of an endpoint and a group: SERVICE <https://…> { … }.")
    end, depth = at + 1, 0
    while end < len(stream):
        depth += (stream[end].text == "{") - (stream[end].text == "}")
        if depth == 0:
            break
        if _is_service(stream, end):
            raise QueryError("SERVICE inside SERVICE is refused: one endpoint would ask another on your behalf.")
        end += 1
    else:
        raise QueryError("The group of SERVICE is not closed: a } is missing.")
    inside = stream[at + 2 : end]
    group = query[stream[at + 1].start + 1 : stream[end].start]
    question = f"{prologue.declarations(inside)}SELECT * WHERE {{{group}\n}}\n"
    variables = frozenset(token.text[1:] for token in inside if token.kind == "variable")
    stop = stream[end].start + 1
    return _Clause(start.start, stop, silent, prologue.resolved(stream[at]), question, variables), end + 1
