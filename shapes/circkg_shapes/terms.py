"""RDF terms as canonical N-Triples text.

A term is a ``str`` from reader to release: ``<iri>``, ``"text"``, ``"text"@en``, ``"5"^^<datatype>`` or ``_:b0``.
Lexical forms and language tags stay exactly as written, which neither rdflib's literals (normalised by default)
nor pyoxigraph's (language tags in lower case) nor an Oxigraph store (numbers rewritten) would keep.
Escapes follow the canonical N-Quads form of RDFC-1.0, section 5.2 (https://www.w3.org/TR/rdf-canon/).
"""

from __future__ import annotations

import re
from typing import TypeAlias

from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

Term: TypeAlias = str
Triple: TypeAlias = tuple[Term, Term, Term]
Quad: TypeAlias = tuple[Term, Term, Term, Term]

XSD = "http://www.w3.org/2001/XMLSchema#"
XSD_STRING = f"{XSD}string"

_ESCAPES = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}
_ESCAPES |= {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F) if chr(code) not in _ESCAPES}
_TO_ESCAPE = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_UNESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?', re.DOTALL)


class TermError(ValueError):
    """A text cannot be made into the RDF term asked for, or is not one."""


def iri(text: str) -> Term:
    """Return the term of an absolute IRI.

    :raises TermError: if the text has no scheme or a character that no IRI may have.

    >>> iri("https://w3id.org/circkg/id/initiative/ceci")
    '<https://w3id.org/circkg/id/initiative/ceci>'
    """
    bad = _NOT_IN_IRI.search(text)
    if bad:
        raise TermError(f"{text!r} is no IRI: it holds {bad.group()!r}. Percent-encode that character.")
    scheme, colon, _ = text.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise TermError(f"{text!r} is no absolute IRI: it has no scheme such as https.")
    return f"<{text}>"


def literal(text: str, lang: str | None = None, datatype: str | None = None) -> Term:
    r"""Return the term of a literal, its lexical form and language tag as given.

    :param datatype: IRI of the datatype, without angle brackets; ``xsd:string`` is left out, as in canonical N-Triples.
    :raises TermError: if both a language and a datatype are given.

    >>> literal('say "hi"', lang="en")
    '"say \\"hi\\""@en'
    >>> literal("05", datatype=XSD + "integer")
    '"05"^^<http://www.w3.org/2001/XMLSchema#integer>'
    """
    if lang and datatype:
        raise TermError("A literal has a language or a datatype, not both.")
    body = '"' + _TO_ESCAPE.sub(lambda match: _ESCAPES[match.group()], text) + '"'
    if lang:
        return f"{body}@{lang}"
    if datatype and datatype != XSD_STRING:
        return f"{body}^^<{datatype}>"
    return body


def is_iri(term: Term) -> bool:
    """Tell whether a term is an IRI."""
    return term.startswith("<")


def is_blank(term: Term) -> bool:
    """Tell whether a term is a blank node."""
    return term.startswith("_:")


def iri_text(term: Term) -> str:
    """Return the text of an IRI term, without angle brackets.

    :raises TermError: if the term is not an IRI.
    """
    if not is_iri(term):
        raise TermError(f"{term} is not an IRI.")
    return term[1:-1]


def literal_parts(term: Term) -> tuple[str, str | None, str]:
    """Return lexical form, language tag (or ``None``) and datatype IRI of a literal.

    :raises TermError: if the term is not a literal.

    >>> literal_parts('"a"@pt-BR')
    ('a', 'pt-BR', 'http://www.w3.org/1999/02/22-rdf-syntax-ns#langString')
    """
    match = _LITERAL.fullmatch(term)
    if not match:
        raise TermError(f"{term} is not a literal.")
    body, lang, datatype = match.groups()
    if "\\" in body:
        body = _ESCAPED.sub(_unescape, body)
    if lang:
        return body, lang, "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
    return body, None, datatype or XSD_STRING


def _unescape(match: re.Match[str]) -> str:
    short, long, single = match.groups()
    if short or long:
        return chr(int(short or long, 16))
    if single not in _UNESCAPES:
        raise TermError(f"\\{single} is no escape of N-Triples.")
    return _UNESCAPES[single]


def to_rdflib(term: Term) -> Node:
    """Return the rdflib node of a term, its lexical form not normalised."""
    if is_iri(term):
        return URIRef(term[1:-1])
    if is_blank(term):
        return BNode(term[2:])
    text, lang, datatype = literal_parts(term)
    if lang:
        # rdflib lower-cases tags in comparisons only; the form written is kept.
        return Literal(text, lang=lang)
    return Literal(text, datatype=None if datatype == XSD_STRING else URIRef(datatype), normalize=False)


def from_rdflib(node: Node) -> Term:
    """Return the term of an rdflib node."""
    if isinstance(node, URIRef):
        return iri(str(node))
    if isinstance(node, BNode):
        return f"_:{node}"
    if isinstance(node, Literal):
        return literal(str(node), lang=node.language, datatype=str(node.datatype) if node.datatype else None)
    raise TermError(f"{node!r} is no IRI, blank node or literal.")
