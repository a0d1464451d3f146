"""Says of a query that is not SPARQL where it stops making sense, and what was probably meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from circkg_loaders.prefixes import prefixes
from circkg_server.sparql.tokens import Token, form_of, tokens

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "SAMPLE", "GROUP_CONCAT")
_KEYWORDS = (
    *_FORMS, *_AGGREGATES, "WHERE", "OPTIONAL", "FILTER", "UNION", "MINUS", "BIND", "VALUES", "SERVICE", "GRAPH",
    "FROM", "PREFIX", "DISTINCT", "ORDER", "GROUP", "HAVING", "LIMIT", "OFFSET", "EXISTS",
)  # fmt: skip
_TERMS = ("name", "iri", "variable", "string", "number", "blank")
_SHOWN_TOKENS = 8
_SHOWN_TEXT = 60
_READ_OF_LINE = 500
_READ_OF_MESSAGE = 4000
_AT = re.compile(r"(?:error at |line )(\d+)(?::| between columns | column )(\d+)")
_EXPECTED = re.compile(r"expected (?:one of )?(.*)", re.DOTALL)
_CLASS_OF_CHARACTERS = re.compile(r"\[[^\]]*\]")
_SENTENCE = re.compile(r"\b[A-Z][A-Za-z]*(?: [a-z][a-z']*){2,}[^,\[]*|IRI parsing failed")
_SYMBOL_OR_KEYWORD = re.compile(r'"(?:[^"\\]|\\.)+"|\b[A-Z][A-Z0-9_]*\b')
_IN_LINE = (
    (
        re.compile(r"^\s*(PREFIX\s+(\w*:?\s+[^<\s]|[\w-]+\s)|@prefix)", re.IGNORECASE),
        "Write PREFIX name: <IRI>, without a full stop.",
    ),
    (re.compile("[\u201c\u201d\u2018\u2019]"), "Use straight quotation marks."),
    (re.compile(r"\bWHERE\b(?!\s*\{)", re.IGNORECASE), "A group graph pattern in braces follows WHERE."),
)


def explain(query: str, told: str) -> dict[str, Any]:
    """Return what to say of a query that is not SPARQL: detail, and where known line, column, the line and a hint.

    :param told: the message of the engine.

    >>> explain("SELECT * { ?s a circ:Barrier }", "error at 1:30: expected Prefix not found")["hint"]
    'Write PREFIX circ: <https://w3id.org/circkg/def#> at the start of the query.'
    """
    told = told[:_READ_OF_MESSAGE]
    place = _AT.search(told)
    if not place:
        return {"detail": f"The query cannot be read. {' '.join(told.split())[:500]}"}
    stream = list(tokens(query))
    strange = _undeclared(stream)
    if strange and "Prefix not found" in told:
        return _of_prefix(query, strange)
    line, column = int(place[1]), int(place[2])
    wanted = _EXPECTED.search(told)
    if not wanted:
        rest = " ".join(told[place.end() :].lstrip(" :").split())
        return _members(query, line, column, rest[:300] or "this is not SPARQL", _hint_of_line(query, line))
    offset = _offset(query, line, column)
    form, first = form_of(stream), _first(stream)
    if form and form not in _FORMS and first <= offset <= first + len(form) + len("CONSTRUCT"):
        return _members(query, *_place(query, first), "no query begins like this", _hint_of_form(form))
    wanted_text = _CLASS_OF_CHARACTERS.sub("", wanted[1])
    sentence = _SENTENCE.search(wanted_text)
    if sentence:
        return _members(query, line, column, " ".join(sentence[0].split())[:300], "")
    expected = _SYMBOL_OR_KEYWORD.findall(wanted_text)
    if expected and not any(token.startswith('"') for token in expected):
        # The parser names the place behind as many characters as the keyword has that it looked for in vain, and
        # leaves out what it would have taken there but looked for with fewer.
        rest = query[max(0, offset - min(map(len, expected))) :].lstrip()
        start = len(query) - len(rest)
        if strange and start <= strange.start < max(offset, start + 1):  # a fault in any case
            return _of_prefix(query, strange)
        line, column = _place(query, start)
        found = " ".join(rest[: _SHOWN_TEXT * 2].split())[:_SHOWN_TEXT]
        hint = _hint_of_rest(rest, [token for token in stream if token.start < start]) or _hint_of_line(query, line)
        return _members(query, line, column, f"it cannot be read from here on: {found}", hint)
    if '"\\""' in expected or '"\'"' in expected:
        opened = next((token.start for token in stream if token.text in ('"', "'")), offset)
        return _members(query, *_place(query, opened), "this text does not end", "Is the quotation mark closed?")
    detail = "this is not SPARQL" if query[offset:].strip() else "the query cannot end here"
    if expected:
        shown = ", ".join(expected[:_SHOWN_TOKENS]) + (", …" if len(expected) > _SHOWN_TOKENS else "")
        detail += f"; expected here: {shown}"
    hint = "" if query[offset:].strip() else _hint_of_end(stream)
    return _members(query, line, column, detail, hint or _hint_of_line(query, line))


def _members(query: str, line: int, column: int, what: str, hint: str) -> dict[str, Any]:
    """Return a problem's members; the hint, if any, is also the end of its detail."""
    lines = query.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    members = {"line": line, "column": column, "text": text.rstrip("\r")[:_READ_OF_LINE]}
    detail = f"Line {line}, column {column}: {what}."
    return {"detail": f"{detail} {hint}", "hint": hint} | members if hint else {"detail": detail} | members


def _of_prefix(query: str, strange: Token) -> dict[str, Any]:
    name = strange.text.partition(":")[0]
    hint = f"Write PREFIX {name}: <{prefixes().get(name, 'IRI')}> at the start of the query."
    return _members(query, *_place(query, strange.start), f"the prefix {name}: is not declared", hint)


def _undeclared(stream: list[Token]) -> Token | None:
    """Return the first prefixed name whose prefix the query does not declare."""
    declared = {name.text[:-1] for word, name in pairwise(stream) if word.is_word("PREFIX")}
    names = (token for token in stream if token.kind == "name")
    return next((token for token in names if token.text.partition(":")[0] not in declared), None)


def _first(stream: list[Token]) -> int:
    """Return where the word starts that stands in the place of the form of a query."""
    form = form_of(stream)
    return next((token.start for token in stream if token.kind == "word" and token.text.upper() == form), 0)


def _hint_of_form(form: str) -> str:
    near = get_close_matches(form, _FORMS, n=1)
    return (
        f"Is {near[0]} meant?" if near else f"After its prefixes a query says {', '.join(_FORMS[:-1])} or {_FORMS[-1]}."
    )


def _hint_of_end(stream: list[Token]) -> str:
    """Return what is probably wrong with a query that cannot be read at its end."""
    for opening, closing in ("{}", "()"):
        more = sum((token.text == opening) - (token.text == closing) for token in stream)
        if more > 0:
            return f"A {closing} is missing, or there is a {opening} too many."
        if more < 0:
            return f"A {opening} is missing, or there is a {closing} too many."
    return "The query ends too early: is a quotation mark or an object missing?"


def _hint_of_rest(rest: str, before: list[Token]) -> str:
    """Return what is probably wrong where the rest of a query cannot be read."""
    token = next(tokens(rest), None)
    if token is None:
        return ""
    if token.text in ('"', "'"):
        return "Is the quotation mark closed?"
    if token.is_word(*_AGGREGATES):
        return f"In SELECT it stands in parentheses and has a name: ({token.text}(?x) AS ?name)."
    if token.kind == "word" and not token.is_word(*_KEYWORDS):
        near = get_close_matches(token.text.upper(), _KEYWORDS, n=1, cutoff=0.75)
        return (
            f"Is {near[0]} meant?"
            if near
            else "Variables begin with ?, texts stand in quotation marks, names have a prefix."
        )
    if before and before[-1].is_word("FILTER"):
        return "After FILTER an expression stands in parentheses."
    if before and before[-1].kind in _TERMS and token.kind in _TERMS:
        return "Is a full stop, a semicolon or an operator missing before it?"
    if token.kind in _TERMS and not any(character in rest for character in "\u201c\u201d\u2018\u2019"):
        return "Each triple has a subject, a predicate and an object."
    return ""


def _hint_of_line(query: str, line: int) -> str:
    lines = query.split("\n")
    text = lines[line - 1][:_READ_OF_LINE] if line <= len(lines) else ""  # the patterns take long for long texts
    return next((hint for pattern, hint in _IN_LINE if pattern.search(text)), "")


def _offset(query: str, line: int, column: int) -> int:
    """Return the number of characters before a place."""
    return sum(len(text) + 1 for text in query.split("\n")[: line - 1]) + column - 1


def _place(query: str, offset: int) -> tuple[int, int]:
    """Return line and column of a place."""
    before = query[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
