"""Media types of RDF: which are read and written, and how a client chooses."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from circkg_server import negotiation

WRITTEN = (
    "text/turtle",
    "application/n-triples",
    "application/rdf+xml",
    "application/ld+json",
    "application/trig",
    "application/n-quads",
    "text/n3",
)
"""Formats that a graph is given in, the first for who does not choose."""

NAMES = {
    "text/turtle": "turtle",
    "application/n-triples": "ntriples",
    "application/rdf+xml": "rdfxml",
    "application/ld+json": "jsonld",
    "application/trig": "trig",
    "application/n-quads": "nquads",
    "text/n3": "n3",
}
_SAME = {"application/x-turtle": "text/turtle", "application/json": "application/ld+json", "text/rdf+n3": "text/n3"}
_SUFFIXES = {
    "ttl": "text/turtle", "nt": "application/n-triples", "rdf": "application/rdf+xml", "owl": "application/rdf+xml",
    "jsonld": "application/ld+json", "trig": "application/trig", "nq": "application/n-quads", "n3": "text/n3",
}  # fmt: skip


class MediaTypeError(ValueError):
    """A body comes as a type that is not read; answered with 415."""


def read_type(header: str) -> tuple[str, dict[str, str]]:
    """Return the media type of a header in small letters, and its parameters.

    >>> read_type('Text/Turtle; charset="UTF-8"')
    ('text/turtle', {'charset': 'UTF-8'})
    """
    message = EmailMessage()
    message["Content-Type"] = header.replace("\n", " ").replace("\r", " ") or "application/octet-stream"
    found = header.partition(";")[0].strip().lower()
    return found, {name.lower(): str(value) for name, value in message["Content-Type"].params.items()}


def require_utf8(parameters: dict[str, str]) -> None:
    """Refuse text in another encoding.

    :raises MediaTypeError: if the charset is not UTF-8 or a part of it.
    """
    charset = parameters.get("charset", "utf-8").strip().lower()
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise MediaTypeError(f"The text is said to be {charset}. Send UTF-8.")


def rdf_type(header: str) -> str:
    """Return the RDF format that a ``Content-Type`` names.

    :raises MediaTypeError: if it is none that is read.

    >>> rdf_type("application/x-turtle")
    'text/turtle'
    """
    found, parameters = read_type(header)
    found = _SAME.get(found, found)
    if found not in WRITTEN:
        what = found or "a body without Content-Type"
        raise MediaTypeError(f"{what} is not read here. Send one of {', '.join(WRITTEN)}.")
    require_utf8(parameters)
    return found


def parts(header: str, body: bytes) -> list[tuple[str, bytes]]:
    """Return the files of a ``multipart/form-data`` body, or the body as the one file.

    :raises MediaTypeError: if a file is of a type that is not read.
    :raises ValueError: if the body is not what its header says.
    """
    found, parameters = read_type(header)
    if found != "multipart/form-data":
        return [(rdf_type(header), body)]
    if not parameters.get("boundary"):
        raise ValueError("multipart/form-data needs a boundary.")
    head = f"Content-Type: {header.splitlines()[0]}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise ValueError("The body is not multipart/form-data with the boundary that its header names.")
    return [_part(part) for part in message.iter_parts() if isinstance(part, EmailMessage)]


def _part(part: EmailMessage) -> tuple[str, bytes]:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise ValueError("A part of the form is in several parts itself.")
    header = part.get("Content-Type", "")
    suffix = (part.get_filename() or "").rpartition(".")[2].lower()
    if str(header).partition(";")[0].strip().lower() in ("", "application/octet-stream") and suffix in _SUFFIXES:
        return _SUFFIXES[suffix], content
    return rdf_type(str(header)), content


def choose(accept: str | None, offered: tuple[str, ...] = WRITTEN) -> str | None:
    """Return the media type that a client likes best, or ``None`` if it takes none (RFC 9110, section 12.5.1).

    >>> choose("text/turtle;q=0.5, application/*"), choose("image/png")
    ('application/n-triples', None)
    """
    return negotiation.choose(accept or "*/*", offered, _SAME)
