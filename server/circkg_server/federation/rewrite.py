"""Replaces each SERVICE clause of a query by the answer of its endpoint, as a VALUES clause.

A clause is asked as it stands; the rest of the query joins with its answer, as SPARQL 1.1 Federated Query defines it.
If a way to ask the own graph is given, the values that stand before the first clause of a query are passed with it
where this cannot change the answer; else a clause is asked alone and should be narrow by itself.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from circkg_server.federation.gate import FederationError, Gate
from circkg_server.federation.results import Answer, read_answer
from circkg_server.federation.settings import Endpoint
from circkg_server.sparql.tokens import QueryError, Token, split

_MAY_ASK = re.compile("service", re.IGNORECASE)
_MAY_LOAD = re.compile("load", re.IGNORECASE)
_DOTTED = re.compile(r"\..*\..*service", re.IGNORECASE | re.DOTALL)
_MAY_HIDE = frozenset({"word", "name", "blank"})
_EMPTY = "{ }"
_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")

_VARYING = ("RAND", "UUID", "STRUUID", "BNODE", "NOW")
"""Functions whose values differ each time they are asked."""

PASSED = 500
"""Most rows of values that are passed to an endpoint with a question."""

Local = Callable[[str], Awaitable[bytes]]
"""Asks the own graph a SELECT query; returns its SPARQL JSON results."""


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
    declarations: str
    group: str
    is_flat: bool
    variables: frozenset[str]
    before: str = ""
    """A query on the own graph for the values to pass; empty if none can be passed."""

    def question(self, values: str = "") -> str:
        """Return what the endpoint is asked, but for its limit."""
        group = self.group if not values else f"{values}{self.group}" if self.is_flat else f"{values}{{{self.group}\n}}"
        return f"{self.declarations}SELECT * WHERE {{{group}\n}}\n"


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
        return self._written(list(used))

    def everything(self) -> str:
        """Return all declarations."""
        return self._written(list(self.prefixes))

    def _written(self, prefixes: list[str]) -> str:
        lines = [f"BASE <{self.base}>\n"] if self.base else []
        for prefix in prefixes:
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


async def rewrite(query: str, gate: Gate, local: Local | None = None) -> Rewritten:
    """Ask the endpoints of all SERVICE clauses, at once, and put their answers in the clauses' places.

    A clause that is ``SILENT`` and fails, whatever the reason, becomes one empty solution. Lines keep their numbers.

    :param local: asks the own graph for values to pass with the first clause; its errors go through.
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
    values = [await _values(clause, local) for clause in clauses]
    found = await _ask_all(gate, clauses, endpoints, values)
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
    gate: Gate, clauses: list[_Clause], endpoints: list[Endpoint | FederationError], values: list[str | None]
) -> list[tuple[Answer | None, Asked]]:
    """Ask all clauses at once; the first failure of one that is not SILENT ends the others."""

    async def ask(
        clause: _Clause, endpoint: Endpoint | FederationError, passed: str | None
    ) -> tuple[Answer | None, Asked]:
        began = time.monotonic()
        try:
            if isinstance(endpoint, FederationError):
                raise endpoint
            if passed is None:
                answer = Answer((), [])
            else:
                answer = await gate.ask(endpoint, f"{clause.question(passed)}LIMIT {gate.settings.rows + 1}")
        except FederationError as error:
            if not clause.silent:
                raise
            return None, Asked(clause.iri, time.monotonic() - began, 0, str(error))
        return answer, Asked(str(endpoint.address), time.monotonic() - began, len(answer.rows))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(*each)) for each in zip(clauses, endpoints, values, strict=True)]
    except* FederationError as failures:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        problem = first
    else:
        return [task.result() for task in tasks]
    raise problem


async def _values(clause: _Clause, local: Local | None) -> str | None:
    """Return the VALUES clause to pass with a question, which may be empty; ``None`` if nothing can join with it."""
    if local is None or not clause.before:
        return ""
    answer = await asyncio.to_thread(read_answer, await local(clause.before), PASSED + 1)
    if not answer.rows:
        return None
    columns = [at for at in range(len(answer.variables)) if all(isinstance(row[at], str) for row in answer.rows)]
    if not columns or len(answer.rows) > PASSED:
        return ""
    rows = dict.fromkeys(" ".join(str(row[at]) for at in columns) for row in answer.rows)
    names = " ".join(f"?{answer.variables[at]}" for at in columns)
    return f" VALUES ({names}) {{ {' '.join(f'({row})' for row in rows)} }}\n"


@dataclass(slots=True)
class _Before:
    """What stands before the first clause of a query, as far as its values may be passed on.

    They may if the clause stands in the outermost group, so that it is joined with what is before it, and no FILTER
    is among that: a FILTER holds for the whole group and may need what the clause gives.
    """

    form: str = ""
    dataset: list[str] = field(default_factory=list)
    opened: int = -1
    variables: set[str] = field(default_factory=set)
    is_open: bool = True

    def see(self, token: Token, last: Token | None, depth: int) -> None:
        """Take note of one token."""
        if depth == 0 and token.kind == "word" and not self.form:
            self.form = token.text.upper()
        if depth == 0 and (token.is_word("FROM") or (last is not None and last.is_word("FROM", "NAMED"))):
            self.dataset.append(token.text)
        if depth == 0 and token.text == "{":
            self.opened = token.start
            self.variables.clear()
        if (depth == 1 and token.is_word("FILTER")) or token.is_word(*_VARYING):
            self.is_open = False
        if token.kind == "variable" and depth:
            self.variables.add(token.text[1:])

    def question(self, query: str, end: int, depth: int, wanted: frozenset[str], prologue: _Prologue) -> str:
        """Return the query for the values before a place, or nothing; later clauses get none."""
        names = " ".join(f"?{name}" for name in sorted(wanted & self.variables))
        usable = self.is_open and depth == 1 and self.form in _FORMS and bool(names)
        self.is_open = False
        if not usable:
            return ""
        dataset, before = " ".join(self.dataset), query[self.opened + 1 : end]
        head = f"{prologue.everything()}SELECT DISTINCT {names} {dataset}"
        return f"{head} WHERE {{{before}\n}} LIMIT {PASSED + 1}"


def _clauses(query: str) -> Iterator[_Clause]:
    """Yield the SERVICE clauses of a query or update.

    :raises QueryError: for one that is not asked.
    """
    stream = split(query)
    prologue = _Prologue({})
    laterals: list[bool] = []
    before = _Before()
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
            asked = before.question(query, clause.start, len(laterals), clause.variables, prologue)
            yield replace(clause, before=asked)
        else:
            before.see(token, stream[place - 1] if place else None, len(laterals))
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
    is_flat = not any(token.text == "{" or token.is_word("AS") for token in inside)
    variables = frozenset(token.text[1:] for token in inside if token.kind == "variable")
    stop = stream[end].start + 1
    iri, declarations = prologue.resolved(stream[at]), prologue.declarations(inside)
    return _Clause(start.start, stop, silent, iri, declarations, group, is_flat, variables), end + 1
