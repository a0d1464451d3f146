r"""Splits SPARQL into tokens exactly as its grammar does: no string, name, IRI or comment hides a keyword.

It is stricter than :mod:`circkg_server.sparql.tokens`: escapes within names (``a:\'``, ``a:\#``) and within IRIs
(``<http://a/\u0031#>``) are part of them, and what opens a string that nothing closes ends the reading.
Grammar: https://www.w3.org/TR/sparql11-query/#sparqlGrammar (terminals).
"""

from __future__ import annotations

import re

from circkg_server.sparql.tokens import QueryError, Token

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
