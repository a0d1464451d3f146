"""The request and report forms of the EU Interoperability Test Bed's SHACL validator: its clients work unchanged.

Requests: the JSON of its REST interface. Reports: the SHACL validation report in an RDF syntax, or the Test Bed's own
report (GITB TRL) in XML or JSON. Forms as in https://github.com/ISAITB/shacl-validator (rest/model/Input, RuleSet) and
https://github.com/ISAITB/gitb-types (schema gitb_tr.xsd). Nothing is fetched: contents given by URL, queries to
endpoints and imports are refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import QueryTriples, RdfFormat, Store, parse, serialize

from circkg_shapes.report import INFO, WARNING, Report, Result
from circkg_shapes.terms import Term, iri_text, is_blank, is_iri, literal_parts

XML, TEXT_XML, JSON = "application/xml", "text/xml", "application/json"
SHACL_SYNTAXES = {
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "text/turtle": RdfFormat.TURTLE,
    "application/x-turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "text/n3": RdfFormat.TURTLE,
}
"""Media types in which the SHACL validation report can be asked for."""

CORE, REPORT = "http://www.gitb.com/core/v1/", "http://www.gitb.com/tr/v1/"
MAX_RULE_SETS = 20
NAME, SERVICE = "SHACL Validation", "CircKG"
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MAX_STRUCTURE = 64 * 1024
"""Most bytes of a request that are no text: requests are read by the front, which data made of brackets would fill."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")


class RequestError(ValueError):
    """A request cannot be answered; told in the Test Bed's form, with status 500 as it does."""


@dataclass(frozen=True, slots=True)
class Content:
    """RDF that a request brings: the bytes, and their media type; empty if it has to be seen from the bytes."""

    content: bytes
    syntax: str

    def media_type(self) -> str:
        """Return the media type that is said, or what the bytes look like."""
        if self.syntax:
            return self.syntax
        start = self.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:200]
        if start[:1] in (b"{", b"["):
            return "application/ld+json"
        if start.startswith((b"<?xml", b"<rdf:RDF", b"<!DOCTYPE")):
            return "application/rdf+xml"
        return "text/turtle"


@dataclass(frozen=True, slots=True)
class ItbRequest:
    """One request.

    :param syntax: media type of the report; empty if the request leaves it to ``Accept``.
    :param language: of messages, without a region.
    """

    content: Content
    validation_type: str
    rules: tuple[Content, ...]
    syntax: str
    language: str
    report_query: str
    add_input: bool
    add_shapes: bool
    add_rdf_report: bool
    rdf_report_syntax: str


def is_small(content: bytes) -> bool:
    """Tell whether JSON consists of few values, however long its texts: as requests do, and data need not.

    >>> is_small(b'{"contentToValidate": "[[[[]]]]"}'), is_small(b"[" * 100_000)
    (True, False)
    """
    left = len(content)
    for text in _STRING.finditer(content):
        left -= text.end() - text.start() - len(b'""')
    return left <= MAX_STRUCTURE


def is_request(body: object) -> bool:
    """Tell whether a JSON body is of this form."""
    return isinstance(body, dict) and bool({"contentToValidate", "contentQuery"} & body.keys())


def request_of(body: object) -> ItbRequest:
    """Return the request of a JSON body. Members that are not known are passed over, as the Test Bed does.

    :raises RequestError: if something cannot be used.
    """
    if not isinstance(body, dict):
        raise RequestError("Send a JSON object with contentToValidate.")
    if any(_text(body, name) for name in ("contentQuery", "contentQueryEndpoint")):
        raise RequestError("No endpoint is queried here. Send the content itself (contentToValidate).")
    if _flag(body, "loadImports"):
        raise RequestError("No imports are loaded here. Send what is imported with the content (loadImports: false).")
    if not _text(body, "contentToValidate"):
        raise RequestError("The request has no contentToValidate.")
    rules = body.get("externalRules") or []
    if not isinstance(rules, list) or len(rules) > MAX_RULE_SETS:
        raise RequestError(f"externalRules is a list of up to {MAX_RULE_SETS} rule sets.")
    syntax = _text(body, "reportSyntax").lower()
    return ItbRequest(
        content=_content(body, "contentToValidate", "embeddingMethod", "contentSyntax"),
        validation_type=_text(body, "validationType"),
        rules=tuple(_content(each, "ruleSet", "embeddingMethod", "ruleSyntax") for each in rules),
        syntax=checked_syntax(syntax) if syntax else "",
        language=re.split("[_-]", _text(body, "locale") or "en")[0].lower(),
        report_query=_text(body, "reportQuery"),
        add_input=_flag(body, "addInputToReport"),
        add_shapes=_flag(body, "addShapesToReport"),
        add_rdf_report=_flag(body, "addRdfReportToReport"),
        rdf_report_syntax=_text(body, "rdfReportSyntax").lower() or "application/rdf+xml",
    )


def checked_syntax(syntax: str) -> str:
    """Return the media type of a report if it can be given.

    :raises RequestError: if it cannot.
    """
    if syntax not in (XML, TEXT_XML, JSON, *SHACL_SYNTAXES):
        raise RequestError(f"The requested report syntax [{syntax}] is not supported.")
    return syntax


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{name} has to be a string.")
    return value or ""


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RequestError(f"{name} has to be true or false.")
    return bool(value)


def _content(body: object, name: str, method_name: str, syntax_name: str) -> Content:
    if not isinstance(body, dict):
        raise RequestError("A rule set has to be an object with the member ruleSet.")
    text, method, syntax = _text(body, name), _text(body, method_name).upper(), _text(body, syntax_name).lower()
    if not text:
        raise RequestError(f"{name} is empty.")
    if method not in ("", "STRING", "URL", "BASE64"):
        raise RequestError(f"The embedding method [{method}] is not valid. Use STRING or BASE64.")
    if method == "URL" or (not method and re.fullmatch(r"https?://\S+", text.strip())):
        raise RequestError("Nothing is fetched here. Send the content itself, with embeddingMethod STRING or BASE64.")
    if method == "STRING" or (not method and not _BASE64.fullmatch(text)):
        return Content(text.encode("utf-8", "surrogatepass"), syntax)
    try:
        return Content(base64.b64decode("".join(text.split()), validate=True), syntax)
    except (binascii.Error, ValueError) as error:
        if method:
            raise RequestError(f"{name} is not BASE64.") from error
        return Content(text.encode("utf-8", "surrogatepass"), syntax)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a report of the Test Bed: ``error``, ``warning`` or ``info``."""

    kind: str
    description: str
    location: str
    test: str


def items(results: Iterable[Result], language: str) -> list[Item]:
    """Return the entries of results, errors first. Blank nodes are left out, since nobody can look them up."""
    order = ("error", "warning", "info")
    found = [_item(result, language) for result in results]
    return sorted(found, key=lambda item: order.index(item.kind))


def _item(result: Result, language: str) -> Item:
    kind = {WARNING: "warning", INFO: "info"}.get(result.severity, "error")
    path = result.path.strip("<>") if result.path else ""
    return Item(
        kind,
        result.message(language) or result.component_name,
        labelled(("Focus node", _plain(result.focus_node)), ("Result path", path)),
        labelled(("Shape", _plain(result.source_shape)), ("Value", _plain(result.value))),
    )


def _plain(term: Term | None) -> str:
    if term is None or is_blank(term):
        return ""
    return iri_text(term) if is_iri(term) else literal_parts(term)[0]


def labelled(*parts: tuple[str, str]) -> str:
    """Return labels and values as the Test Bed writes them, without those that are empty.

    >>> labelled(("Focus node", "http://e/s"), ("Result path", ""))
    '[Focus node] - [http://e/s]'
    """
    return " - ".join(f"[{label}] - [{value}]" for label, value in parts if value.strip())


def shacl_report(report: Report, syntax: str, query: str = "") -> bytes:
    """Return the SHACL validation report in an RDF syntax.

    :param query: a CONSTRUCT query whose answer over the report is given in its place.
    :raises RequestError: if the query is none.
    """
    turtle = report.to_turtle().encode()
    if SHACL_SYNTAXES[syntax] == RdfFormat.TURTLE and not query.strip():
        return turtle
    quads = list(parse(turtle, RdfFormat.TURTLE))
    if query.strip():
        store = Store()
        store.extend(quads)
        try:
            answer = store.query(query)
            if not isinstance(answer, QueryTriples):
                raise RequestError("reportQuery has to be a CONSTRUCT query.")
            content = serialize(answer, format=SHACL_SYNTAXES[syntax])
        except (SyntaxError, OSError, RuntimeError) as error:
            raise RequestError(f"reportQuery cannot be evaluated: {error}") from error
    else:
        # What is said of one node stands together, in the order in which the nodes first come.
        place: dict[object, int] = {}
        for quad in quads:
            place.setdefault(quad.subject, len(place))
        ordered = sorted(quads, key=lambda quad: place[quad.subject])
        prefixes = {"sh": "http://www.w3.org/ns/shacl#"}
        content = serialize((quad.triple for quad in ordered), format=SHACL_SYNTAXES[syntax], prefixes=prefixes)
    assert content is not None
    return content


@dataclass(frozen=True, slots=True)
class TestBedReport:
    """A report in the Test Bed's own form.

    :param context: what is attached, by name.
    :param shapes: version of the shapes; empty for those that a request brings.
    """

    __test__ = False

    entries: Sequence[Item]
    context: Sequence[tuple[str, str]] = ()
    validation_type: str = ""
    shapes: str = ""

    @property
    def result(self) -> str:
        """Return SUCCESS, or FAILURE if there is an error; warnings are none, as the Test Bed counts."""
        return "FAILURE" if self._count("error") else "SUCCESS"

    def _count(self, kind: str) -> int:
        return sum(item.kind == kind for item in self.entries)

    def _overview(self) -> dict[str, str]:
        told = {
            "profileID": self.validation_type, "validationServiceName": SERVICE,
            "validationServiceVersion": version("circkg"), "note": f"Shapes {self.shapes}" if self.shapes else "",
        }  # fmt: skip
        return {name: value for name, value in told.items() if value}

    def to_json(self) -> bytes:
        """Return the report as JSON."""
        reports: dict[str, list[dict[str, str]]] = {}
        for item in self.entries:
            entry = {"description": item.description, "location": item.location, "test": item.test}
            reports.setdefault(item.kind, []).append({name: value for name, value in entry.items() if value})
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
        report: dict[str, Any] = {
            "date": stamp,
            "result": self.result,
            "overview": self._overview(),
            "counters": {
                "nrOfAssertions": self._count("info"),
                "nrOfErrors": self._count("error"),
                "nrOfWarnings": self._count("warning"),
            },
            "context": {
                "type": "map",
                "items": [
                    {"name": name, "type": "string", "embeddingMethod": "STRING", "value": value}
                    for name, value in self.context
                ],
            }
            if self.context
            else {},
            "reports": reports,
            "name": NAME,
        }
        return json.dumps(report, ensure_ascii=False).encode("utf-8", "replace")

    def to_xml(self) -> bytes:
        """Return the report as XML that follows gitb_tr.xsd."""
        parts = [
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            f'<TestStepReport xmlns="{REPORT}" xmlns:core="{CORE}" '
            f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name={quoteattr(NAME)} xsi:type="TAR">\n'
            f"<date>{datetime.now(UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')}</date>\n"
            f"<result>{self.result}</result>\n<overview>",
            *(f"<{name}>{_xml(value)}</{name}>" for name, value in self._overview().items()),
            "</overview>\n<counters>"
            f"<nrOfAssertions>{self._count('info')}</nrOfAssertions><nrOfErrors>{self._count('error')}</nrOfErrors>"
            f"<nrOfWarnings>{self._count('warning')}</nrOfWarnings></counters>\n"
            '<context type="map">',
            *(
                f'<core:item name={quoteattr(name)} embeddingMethod="STRING" type="string">'
                f"<core:value>{_xml(value)}</core:value></core:item>"
                for name, value in self.context
            ),
            "</context>\n",
        ]
        if self.entries:
            parts.append("<reports>\n")
            parts += [_entry(item) for item in self.entries]
            parts.append("</reports>\n")
        parts.append("</TestStepReport>\n")
        return "".join(parts).encode("utf-8", "replace")


def _entry(item: Item) -> str:
    told = (("description", item.description), ("location", item.location), ("test", item.test))
    inner = "".join(f"<{name}>{_xml(value)}</{name}>" for name, value in told if value or name == "description")
    return f'<{item.kind} xsi:type="BAR">{inner}</{item.kind}>\n'


def _xml(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def error_body(message: str) -> bytes:
    """Return an error in the Test Bed's form."""
    stamp = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return json.dumps({"message": message, "timestamp": stamp}, ensure_ascii=False).encode()
