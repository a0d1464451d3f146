"""Text search inside SPARQL: a ``SERVICE`` that the server answers itself, by rewriting it to ``VALUES``.

    PREFIX text: <https://w3id.org/circkg/def/text-search#>
    SELECT * {
      SERVICE <https://w3id.org/circkg/text-search> {
        ?thing text:query "forest climate" ; text:lang "fr" ; text:type circ:Practice ; text:score ?score }
      ?thing circ:identifiedBy ?initiative
    } ORDER BY DESC(?score)

``SERVICE`` is plain SPARQL 1.1, so every client can write and parse it. The block is about one variable, the thing that
is found, and may hold these properties, each once but for ``text:type``:

| property | value | what it does |
| --- | --- | --- |
| ``text:query`` | string | the words to search for (needed) |
| ``text:lang`` | string | search only texts in this language; ``"und"``: those without one |
| ``text:type`` | IRI | find only things of this class, or of one of several |
| ``text:region`` | IRI | find only things that lie in this region, territory or country |
| ``text:limit`` | integer | how many things to find at most: 100 by default |
| ``text:score`` | variable | gets how well the thing matches, a decimal |
| ``text:label`` | variable | gets a label of the thing: in the language asked for, or in English, or in any |

Constants are needed where the table says string, IRI or integer: the search runs before the query, not for each of its
rows. The order of rows is not kept by SPARQL; sort by the score.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

from circkg_server.search.index import Index
from circkg_server.search.settings import SearchError
from circkg_server.sparql.tokens import Token, tokens
from circkg_shapes.terms import iri as iri_term
from circkg_shapes.terms import literal

SERVICE = "https://w3id.org/circkg/text-search"
"""IRI of the service that stands for the search."""

NAMESPACE = "https://w3id.org/circkg/def/text-search#"
"""Namespace of the properties in its block."""

_ANY_SERVICE = re.compile("service", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def rewrite(query: str, index: Index | Callable[[], Index]) -> str:
    """Return a query or update with each search replaced by what it finds; one without a search is returned as it is.

    Lines keep their numbers, so what the engine says of a fault elsewhere in the query stays true.

    :param index: the index of the snapshot that the query will be asked of, or a function that opens it; it is called
        only if there is a search.
    :raises SearchError: if a block holds what it may not, or its search asks for too much.
    :raises SearchUnavailableError: if there is no index.
    """
    if not _ANY_SERVICE.search(query):
        return query
    blocks = _blocks(query)
    if not blocks:
        return query
    opened = index() if callable(index) else index
    if len(blocks) > opened.settings.max_blocks:
        raise SearchError(f"The query holds {len(blocks)} text searches. Use {opened.settings.max_blocks} at most.")
    parts, at = [], 0
    for block in blocks:
        lines = "\n" * query.count("\n", block.start, block.end)
        parts += [query[at : block.start], _values(block, opened), lines]
        at = block.end
    return "".join(parts) + query[at:]


@dataclass(slots=True)
class _Block:
    """One search: where it stands in the query, and what it says."""

    start: int
    end: int = 0
    thing: str = ""
    query: str | None = None
    lang: str | None = None
    types: list[str] = field(default_factory=list)
    region: str | None = None
    limit: int | None = None
    score: str | None = None
    label: str | None = None


def _values(block: _Block, index: Index) -> str:
    settings = index.settings
    limit = block.limit or min(settings.sparql_limit, settings.max_limit)
    found = index.find(block.query or "", block.lang, block.types, block.region, limit)
    variables = [block.thing] + [name for name in (block.score, block.label) if name]
    rows = []
    for each in found:
        row = iri_term(each.iri)
        if block.score:
            row += f" {each.score:.4f}"
        if block.label:
            row += f" {literal(*index.label(each.number, block.lang))}"
        rows.append(f"({row})")
    return f"{{ VALUES ({' '.join(variables)}) {{ {' '.join(rows)} }} }}"


def _blocks(query: str) -> list[_Block]:
    reader = _Reader(query)
    blocks = []
    while reader.token:
        token = reader.take()
        if token.is_word("PREFIX"):
            reader.read_prefix()
        elif token.is_word("BASE"):
            reader.read_base()
        elif token.is_word("SERVICE"):
            if reader.is_word("SILENT"):
                reader.take()
            if reader.token and reader.iri(reader.token) == SERVICE:
                reader.take()
                blocks.append(_block(reader, token.start))
    return blocks


class _Reader:
    """The tokens of a query, read one after the other, with the prefixes and the base declared so far."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokens(query)
        self._prefixes: dict[str, str] = {}
        self._base = ""
        self.token: Token | None = next(self._tokens, None)

    def take(self) -> Token:
        """Return the next token and go on to the one after it."""
        token = self.token
        if token is None:
            raise SearchError("The query ends inside a text search. Close the block of the SERVICE with }.")
        self.token = next(self._tokens, None)
        return token

    def is_word(self, *words: str) -> bool:
        """Tell whether the next token is one of these keywords."""
        return self.token is not None and self.token.is_word(*words)

    def is_text(self, text: str) -> bool:
        """Tell whether the next token is this sign."""
        return self.token is not None and self.token.text == text

    def read_prefix(self) -> None:
        """Read the declaration of a prefix."""
        if self.token and self.token.kind == "name":
            name = self.take().text
            if self.token and self.token.kind == "iri":
                self._prefixes[name] = self._resolved(self.take().text[1:-1])

    def read_base(self) -> None:
        """Read the declaration of the base."""
        if self.token and self.token.kind == "iri":
            self._base = self._resolved(self.take().text[1:-1])

    def iri(self, token: Token) -> str | None:
        """Return the IRI that a token is, ``None`` if it is none or its prefix is not declared."""
        if token.kind == "iri":
            return self._resolved(token.text[1:-1])
        if token.kind != "name":
            return None
        prefix, _, local = token.text.partition(":")
        namespace = self._prefixes.get(f"{prefix}:")
        return None if namespace is None else namespace + re.sub(r"\\(.)", r"\1", local)

    def fault(self, token: Token, message: str) -> SearchError:
        """Return the error of a token, which names its line."""
        line = self._query.count("\n", 0, token.start) + 1
        return SearchError(f"Text search, line {line}, at {token.text[:60]!r}: {message}")

    def _resolved(self, text: str) -> str:
        return urljoin(self._base, text) if self._base and not _ABSOLUTE.match(text) else text


def _block(reader: _Reader, start: int) -> _Block:
    """Read the block of a search, from its opening brace to its closing one."""
    block = _Block(start)
    token = reader.take()
    if token.text != "{":
        raise reader.fault(token, "put { after the IRI of the service.")
    while not reader.is_text("}"):
        token = reader.take()
        if token.kind != "variable":
            raise reader.fault(token, "a block holds only statements about one variable, the thing that is found.")
        if block.thing and _name(token.text) != _name(block.thing):
            raise reader.fault(token, f"the block is about {block.thing}. Put another search in a block of its own.")
        block.thing = token.text
        _statements(reader, block)
        if reader.is_text("."):
            reader.take()
    token = reader.take()
    block.end = token.start + 1
    if block.query is None:
        raise reader.fault(token, 'say what to search for: ?thing text:query "words".')
    names = [_name(each) for each in (block.thing, block.score, block.label) if each]
    if len(set(names)) < len(names):
        raise reader.fault(token, "use different variables for the thing, its score and its label.")
    return block


def _name(variable: str) -> str:
    return variable[1:]


def _statements(reader: _Reader, block: _Block) -> None:
    """Read the properties of the thing, up to a full stop or the closing brace."""
    while True:
        token = reader.take()
        predicate = reader.iri(token)
        if predicate is None:
            why = "declare its prefix" if token.kind == "name" else "name a property"
            raise reader.fault(token, f"{why}, such as text:query with PREFIX text: <{NAMESPACE}>.")
        read = _PROPERTIES.get(predicate.removeprefix(NAMESPACE)) if predicate.startswith(NAMESPACE) else None
        if read is None:
            known = ", ".join(f"text:{name}" for name in _PROPERTIES)
            raise reader.fault(token, f"this is no property of a search. Use {known}.")
        read(reader, block, token)
        while reader.is_text(","):
            comma = reader.take()
            if read is not _read_type:
                raise reader.fault(comma, "give one value; only text:type takes several.")
            read(reader, block, token)
        if not reader.is_text(";"):
            break
        while reader.is_text(";"):
            reader.take()
        if reader.is_text("}") or reader.is_text("."):
            break
    if not (reader.is_text("}") or reader.is_text(".")):
        token = reader.take()
        raise reader.fault(token, "put ; before the next property, or } at the end. Values are plain constants.")


def _once(reader: _Reader, token: Token, value: object) -> None:
    if value is not None:
        raise reader.fault(token, "give this property once.")


def _read_query(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.query)
    block.query = _string(reader)


def _read_lang(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.lang)
    block.lang = _string(reader)


def _read_type(reader: _Reader, block: _Block, _: Token) -> None:
    block.types.append(_iri(reader))


def _read_region(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.region)
    block.region = _iri(reader)


def _read_limit(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.limit)
    value = reader.take()
    if not re.fullmatch(r"[0-9]{1,9}", value.text) or int(value.text) < 1:
        raise reader.fault(value, "give a whole number of 1 or more.")
    block.limit = int(value.text)


def _read_score(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.score)
    block.score = _variable(reader)


def _read_label(reader: _Reader, block: _Block, token: Token) -> None:
    _once(reader, token, block.label)
    block.label = _variable(reader)


_PROPERTIES: dict[str, Callable[[_Reader, _Block, Token], None]] = {
    "query": _read_query,
    "lang": _read_lang,
    "type": _read_type,
    "region": _read_region,
    "limit": _read_limit,
    "score": _read_score,
    "label": _read_label,
}


def _string(reader: _Reader) -> str:
    token = reader.take()
    if token.kind != "string":
        raise reader.fault(token, "give a string in quotes; a variable or an IRI cannot be searched for.")
    text = token.text
    quotes = 3 if text[:3] in ('"""', "'''") else 1
    return _ESCAPE.sub(lambda match: _unescaped(reader, token, match), text[quotes:-quotes])


def _unescaped(reader: _Reader, token: Token, match: re.Match[str]) -> str:
    short, long, single = match.groups()
    if single:
        if single not in _ESCAPED:
            raise reader.fault(token, f"\\{single} is no escape of SPARQL.")
        return _ESCAPED[single]
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise reader.fault(token, f"{match.group()} is no character.")
    return chr(code)


def _iri(reader: _Reader) -> str:
    token = reader.take()
    iri = reader.iri(token)
    if iri is None:
        why = "declare its prefix" if token.kind == "name" else "give an IRI"
        raise reader.fault(token, f"{why}; a variable is not possible here.")
    return iri


def _variable(reader: _Reader) -> str:
    token = reader.take()
    if token.kind != "variable":
        raise reader.fault(token, "give a variable, which gets the value.")
    return token.text
