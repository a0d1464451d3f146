r"""Splits SPARQL into tokens exactly as its grammar does: no string, name, IRI or comment hides a keyword.

Escapes within names (``a:\'``, ``a:\#``) and within IRIs (``<http://a/\u0031#>``) are part of them.

Grammar: https://www.w3.org/TR/sparql11-query/#sparqlGrammar (terminals).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from circkg_server.store.dataset import Dataset

MAX_DEPTH = 200
"""Deepest nesting of brackets and operators that is passed on; deeper, the engine's parser would end the process."""

_TOKEN = re.compile(
    r"""
      (?P<space>[\ \t\r\n]+|\#[^\r\n]*)
    | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>)
    | (?P<string>\"\"\"(?:\"{0,2}(?:[^"\\]|\\.))*\"\"\"|'''(?:'{0,2}(?:[^'\\]|\\.))*'''
        |"(?!"")(?:[^"\\\r\n]|\\[^\r\n])*"|'(?!'')(?:[^'\\\r\n]|\\[^\r\n])*')
    | (?P<variable>[?$][\w·̀-ͯ‿-⁀]+)
    | (?P<lang>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
    | (?P<blank>_:\w[\w.\-·]*+)
    | (?P<name>(?:[^\W\d_][\w.\-·]*+(?<!\.))?:
        (?:(?:[\w:]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%])(?:[\w.\-·:]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%])*)?)
    | (?P<word>[^\W\d](?:\w*+(?![.\-·])|[\w.\-·]*+))
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<sign>\^\^|&&|\|\||<=|>=|!=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""A run of letters, dots and hyphens is one word even where it is several tokens, so that no text takes long."""

_STRAY = frozenset("\"'\\")
_OPENING, _CLOSING = frozenset("{(["), frozenset("})]")
_PREFIX_OPERATORS = frozenset("!-+^")


class QueryError(ValueError):
    """A query is refused before it reaches the engine; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (a group of the terminals), its text and where it starts."""

    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        """Tell whether the token is one of these keywords, which SPARQL reads in any case."""
        return self.kind == "word" and self.text.upper() in words


def tokens(query: str) -> Iterator[Token]:
    """Yield the tokens of a query, without blanks and comments.

    >>> [token.kind for token in tokens('SELECT * { ?s <a:b> "FROM" } # FROM')]
    ['word', 'sign', 'sign', 'variable', 'iri', 'string', 'sign']
    """
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup
        if kind and kind != "space":
            yield Token(kind, match.group(), match.start())


def split(query: str) -> list[Token]:
    r"""Return the tokens of a query, without blanks and comments.

    :raises QueryError: at a quotation mark or backslash that belongs to no token: what follows cannot be told.

    >>> [token.text for token in split(r"{ a:\' SERVICE <http://a/\u0031#> {} } # '")]
    ['{', "a:\\'", 'SERVICE', '<http://a/\\u0031#>', '{', '}', '}']
    """
    found = []
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup
        if not kind or kind == "space":
            continue
        if kind == "sign" and match.group() in _STRAY:
            line = query.count("\n", 0, match.start()) + 1
            column = match.start() - query.rfind("\n", 0, match.start())
            what = "A string is not closed" if match.group() != "\\" else "A backslash stands in no string or name"
            raise QueryError(f"{what}, at line {line}, column {column}.")
        found.append(Token(kind, match.group(), match.start()))
    return found


def check(query: str) -> None:
    """Refuse what would end the process that evaluates it.

    :raises QueryError: for nesting deeper than :data:`MAX_DEPTH`.
    """
    depth = run = 0
    for token in tokens(query):
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        run = run + 1 if token.text in _PREFIX_OPERATORS else 0
        if depth > MAX_DEPTH or run > MAX_DEPTH:
            raise QueryError(f"The query nests deeper than {MAX_DEPTH} levels. Write it flatter.")


def form_of(stream: list[Token]) -> str | None:
    """Return the form of a query (SELECT, ASK, CONSTRUCT, DESCRIBE), or the first word of an update.

    >>> form_of(list(tokens("PREFIX select: <http://s/> ask { ?s select:p ?o }")))
    'ASK'
    """
    position = 0
    while position < len(stream):
        token = stream[position]
        if token.is_word("PREFIX"):
            position += 3
        elif token.is_word("BASE", "VERSION"):
            position += 2
        else:
            return token.text.upper() if token.kind == "word" else None
    return None


def needs_named_graphs(stream: list[Token]) -> bool:
    """Tell whether a query speaks of named graphs, so that the default graph alone cannot answer it."""
    return any(token.is_word("GRAPH", "FROM") for token in stream)


def varies(stream: list[Token]) -> bool:
    """Tell whether a query may have another answer when it is asked again: by chance, time or another endpoint."""
    return any(token.is_word("NOW", "RAND", "UUID", "STRUUID", "BNODE", "SERVICE") for token in stream)


def dataset_of(query: str) -> Dataset | None:
    """Return the dataset that the ``FROM`` clauses of a query name, or ``None`` if it has none.

    :raises QueryError: if a clause names a graph by an undeclared prefix or a relative IRI without ``BASE``.

    >>> dataset_of("PREFIX g: <http://g/> SELECT * FROM g:a FROM NAMED <http://g/b> { ?s ?p ?o }")
    Dataset(default=('http://g/a',), named=('http://g/b',))
    """
    prefixes: dict[str, str] = {}
    base = ""
    default: list[str] = []
    named: list[str] = []
    found = False
    stream = list(tokens(query))
    position = 0
    while position < len(stream):
        token = stream[position]
        if token.is_word("PREFIX") and len(stream) > position + 2:
            prefixes[stream[position + 1].text] = _resolved(stream[position + 2].text[1:-1], base)
            position += 3
        elif token.is_word("BASE") and len(stream) > position + 1:
            base = _resolved(stream[position + 1].text[1:-1], base)
            position += 2
        elif token.is_word("FROM"):
            found = True
            is_named = len(stream) > position + 1 and stream[position + 1].is_word("NAMED")
            position += 2 if is_named else 1
            if position < len(stream):
                (named if is_named else default).append(_graph(stream[position], prefixes, base))
            position += 1
        elif token.text == "{" and not _is_template(stream, position):
            break
        elif token.text == "{":
            position = _end_of_group(stream, position) + 1
        elif token.is_word("WHERE"):
            break
        else:
            position += 1
    return Dataset(tuple(dict.fromkeys(default)), tuple(dict.fromkeys(named))) if found else None


def _is_template(stream: list[Token], position: int) -> bool:
    """Tell whether a brace opens the template of a CONSTRUCT query, after which FROM may still come."""
    return position > 0 and stream[position - 1].is_word("CONSTRUCT")


def _end_of_group(stream: list[Token], position: int) -> int:
    depth = 0
    for at in range(position, len(stream)):
        depth += (stream[at].text == "{") - (stream[at].text == "}")
        if depth == 0:
            return at
    return len(stream)


def _graph(token: Token, prefixes: dict[str, str], base: str) -> str:
    if token.kind == "iri":
        return _resolved(token.text[1:-1], base)
    prefix, _, local = token.text.partition(":")
    if token.kind != "name" or f"{prefix}:" not in prefixes:
        raise QueryError(f"FROM {token.text}: give an IRI, or a name with a prefix that the query declares.")
    return prefixes[f"{prefix}:"] + re.sub(r"\\(.)", r"\1", local)


def _resolved(text: str, base: str) -> str:
    text = re.sub(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), text)
    return urljoin(base, text) if base and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) else text
