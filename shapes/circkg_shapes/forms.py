"""What a table or form of a class holds, as its shapes say: the one source of columns, templates and help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from circkg_shapes.report import SH, Messages
from circkg_shapes.terms import XSD, Term, Triple, is_iri, literal_parts

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS_LABEL: Term = "<http://www.w3.org/2000/01/rdf-schema#label>"
TYPE: Term = f"<{RDF}type>"
LANG_STRING: Term = f"<{RDF}langString>"
IN_SCHEME: Term = "<http://www.w3.org/2004/02/skos/core#inScheme>"
CONCEPT: Term = "<http://www.w3.org/2004/02/skos/core#Concept>"
NUTS_SCHEME = "<http://data.europa.eu/nuts/scheme/"
_DATES = frozenset(f"<{XSD}{name}>" for name in ("date", "gYearMonth", "gYear"))
_LANGUAGE_TAG = "^[a-z]{2,3}$"
_NUMBERS = {f"<{XSD}decimal>": "number", f"<{XSD}integer>": "whole-number"}


class Kind(Enum):
    """What the cells of a column hold."""

    TEXT = "text"
    """Text in a language."""
    STRING = "string"
    """Text without a language, such as an identifier."""
    DATE = "date"
    """A day, a month or a year."""
    NUMBER = "number"
    WHOLE_NUMBER = "whole-number"
    CONCEPT = "concept"
    """A concept of a list."""
    COUNTRY = "country"
    CURRENCY = "currency"
    LANGUAGE = "language"
    """The tag of a language."""
    REGION = "region"
    """A NUTS region, or a territory where ``Field.classes`` has that."""
    LINK = "link"
    """A thing of one of ``Field.classes``."""
    ADDRESS = "address"
    """An address on the web."""
    IRI = "iri"
    """Any IRI."""
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a class: a column of a table, an entry of a form.

    :param shape: the property shape.
    :param key: name for programs, the local name of the property shape without its class, such as ``start_date``.
    :param names: label by language; ``descriptions`` and ``messages`` likewise.
    :param path: the property.
    :param required: at least one value is needed; ``wished``: a completeness shape warns if there is none.
    :param single: at most one value is allowed; of texts, one for each language where ``unique_language``.
    :param scheme: the list of a concept; ``schemes`` the NUTS versions that are allowed.
    :param classes: classes of which a linked thing may be.
    :param pattern: regular expression of the lexical form or IRI.
    :param plain: a text may also go without a language.
    :param inverse: the property leads from the thing that a cell names to the thing of the row: an amount belongs to
        what has it. ``classes`` are then those whose forms have the property.
    """

    shape: Term
    key: str
    names: Messages
    descriptions: Messages
    messages: Messages
    path: Term
    kind: Kind
    group: Term | None
    order: float
    required: bool = False
    wished: bool = False
    single: bool = False
    unique_language: bool = False
    scheme: Term | None = None
    schemes: tuple[Term, ...] = ()
    classes: tuple[Term, ...] = ()
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: str | None = None
    plain: bool = False
    inverse: bool = False

    def triple(self, thing: Term, value: Term) -> Triple:
        """Return the triple by which the thing of a row has a value."""
        return (value, self.path, thing) if self.inverse else (thing, self.path, value)


@dataclass(frozen=True, slots=True)
class Form:
    """What a table of a class holds.

    :param key: name for programs, as in the IRIs of its things: ``practice``, ``policy-instrument``.
    :param space: start of the IRIs of its things, such as ``https://w3id.org/circkg/id/practice/``; ``None`` if the
        shape gives none.
    :param messages: what the IRI of a thing must be, by language.
    :param fields: in the order in which a person fills them in: by group, then by order.
    :param groups: label of each group of fields by language, in order.
    """

    key: str
    shape: Term
    target: Term
    names: Messages
    descriptions: Messages
    messages: Messages
    space: str | None
    fields: tuple[Field, ...]
    groups: tuple[tuple[Term, Messages], ...]

    def field(self, path: Term) -> Field | None:
        """Return the field of a property of the thing, or ``None`` if the form has none."""
        return next((field for field in self.fields if field.path == path and not field.inverse), None)


def in_language(texts: Messages, language: str) -> str:
    """Return the text in a language, else in English, else in any; empty if there is none.

    >>> in_language((("en", "Title"), ("fi", "Nimi")), "fi"), in_language((("en", "Title"),), "pl")
    ('Nimi', 'Title')
    """
    by_language = dict(texts)
    return by_language.get(language) or by_language.get("en") or next((text for _, text in texts), "")


class _Graph:
    def __init__(self, triples: Iterable[Triple]) -> None:
        self.by_subject: defaultdict[Term, defaultdict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for subject, predicate, value in triples:
            self.by_subject[subject][predicate].append(value)

    def all(self, subject: Term, name: str) -> list[Term]:
        known = self.by_subject.get(subject)
        return list(known.get(f"<{SH}{name}>", ())) if known else []

    def one(self, subject: Term, name: str) -> Term | None:
        return min(self.all(subject, name), default=None)

    def text(self, subject: Term, name: str) -> str | None:
        value = self.one(subject, name)
        return literal_parts(value)[0] if value is not None else None

    def texts(self, subject: Term, predicate: Term) -> Messages:
        known = self.by_subject.get(subject)
        values = known.get(predicate, ()) if known else ()
        return tuple(sorted((tag or "", text) for text, tag, _ in map(literal_parts, values)))

    def items(self, head: Term | None) -> Iterator[Term]:
        seen: set[Term] = set()
        while head is not None and head not in seen:
            seen.add(head)
            first = self.by_subject[head].get(f"<{RDF}first>")
            if not first:
                return
            yield first[0]
            head = next(iter(self.by_subject[head].get(f"<{RDF}rest>", ())), None)

    def inside(self, shape: Term) -> Iterator[Term]:
        """Yield a shape and the members of its sh:or."""
        yield shape
        for head in self.all(shape, "or"):
            yield from self.items(head)


def forms(triples: Iterable[Triple]) -> tuple[Form, ...]:
    """Return the form of each class that the shapes target, in order of their keys.

    Shapes whose properties are all Warnings or Infos make no form of their own: they say which fields are wished for.
    """
    graph = _Graph(triples)
    kind = f"<{SH}NodeShape>"
    shapes = [s for s, said in graph.by_subject.items() if is_iri(s) and kind in said.get(TYPE, ())]
    wished: set[tuple[Term, Term]] = set()
    full: list[tuple[Term, Term]] = []
    for shape in shapes:
        for target in graph.all(shape, "targetClass"):
            properties = graph.all(shape, "property")
            if properties and all(graph.one(p, "severity") not in (None, f"<{SH}Violation>") for p in properties):
                for each in properties:
                    wished |= {(target, path) for path in _paths(graph, each) if graph.text(each, "minCount")}
            elif properties:
                full.append((shape, target))
    found = [_form(graph, shape, target, wished) for shape, target in full]
    holders: defaultdict[Term, set[Term]] = defaultdict(set)
    for form in found:
        for field in form.fields:
            if not field.inverse:
                holders[field.path].add(form.target)
    return tuple(sorted((_with_holders(form, holders) for form in found), key=lambda form: form.key))


def _with_holders(form: Form, holders: Mapping[Term, Iterable[Term]]) -> Form:
    """Return a form whose inverse fields know the classes of the things that have the property."""
    fields = (replace(f, classes=tuple(sorted(holders.get(f.path, ())))) if f.inverse else f for f in form.fields)
    return replace(form, fields=tuple(fields))


def _paths(graph: _Graph, shape: Term) -> Iterator[Term]:
    path = graph.one(shape, "path")
    if path is not None and is_iri(path):
        yield path
    elif path is not None:
        for head in graph.all(path, "alternativePath"):
            yield from graph.items(head)


def _form(graph: _Graph, shape: Term, target: Term, wished: set[tuple[Term, Term]]) -> Form:
    groups = sorted(
        {group for each in graph.all(shape, "property") if (group := graph.one(each, "group"))},
        key=lambda group: float(graph.text(group, "order") or 0),
    )
    place = {group: number for number, group in enumerate(groups)}
    fields = [field for each in graph.all(shape, "property") if (field := _field(graph, each, target, wished))]
    fields.sort(key=lambda field: (place.get(field.group or "", len(place)), field.order, field.key))
    space = _space(graph.text(shape, "pattern"))
    local = shape.strip("<>").rpartition("#")[2].removesuffix("Shape")
    key = space.rstrip("/").rpartition("/")[2] if space else _hyphenated(local)
    names, descriptions, messages = (graph.texts(shape, f"<{SH}{each}>") for each in ("name", "description", "message"))
    return Form(
        key, shape, target, names, descriptions, messages, space, tuple(fields),
        tuple((group, graph.texts(group, RDFS_LABEL)) for group in groups),
    )  # fmt: skip


def _space(pattern: str | None) -> str | None:
    """Return the fixed start of a pattern of IRIs up to its last slash."""
    if not pattern or not pattern.startswith("^http"):
        return None
    fixed = pattern[1:].replace("\\.", ".")
    end = min((fixed.index(mark) for mark in "[(*+?$\\" if mark in fixed), default=len(fixed))
    return fixed[: fixed[:end].rindex("/") + 1]


def _hyphenated(name: str) -> str:
    """Return a name of words in capitals with hyphens between.

    >>> _hyphenated("PolicyInstrument")
    'policy-instrument'
    """
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _field(graph: _Graph, shape: Term, target: Term, wished: set[tuple[Term, Term]]) -> Field | None:
    """Return the field of a property shape.

    There is none if its path is neither a property nor the inverse of one, or its values are derived.
    """
    path = graph.one(shape, "path")
    inverse = graph.one(path, "inversePath") if path is not None else None
    path = inverse or path
    if path is None or not is_iri(path) or graph.one(shape, "lessThanOrEquals"):
        return None
    parts = list(graph.inside(shape))
    classes = tuple(sorted({c for part in parts for c in graph.all(part, "class")}))
    datatypes = {d for part in parts for d in graph.all(part, "datatype")}
    schemes = tuple(sorted(set(_schemes(graph, shape))))
    pattern = graph.text(shape, "pattern")
    max_count = graph.text(shape, "maxCount")
    unique = graph.text(shape, "uniqueLang") == "true"
    return Field(
        shape=shape,
        key=shape.strip("<>").rpartition("-")[2],
        names=graph.texts(shape, f"<{SH}name>"),
        descriptions=graph.texts(shape, f"<{SH}description>"),
        messages=graph.texts(shape, f"<{SH}message>"),
        path=path,
        kind=Kind.LINK if inverse else _kind(graph.one(shape, "nodeKind"), classes, datatypes, schemes, pattern),
        group=graph.one(shape, "group"),
        order=float(graph.text(shape, "order") or 0),
        required=int(graph.text(shape, "minCount") or 0) > 0,
        wished=(target, path) in wished and not inverse,
        single=max_count == "1",
        unique_language=unique,
        scheme=schemes[0] if len(schemes) == 1 and not schemes[0].startswith(NUTS_SCHEME) else None,
        schemes=tuple(scheme for scheme in schemes if scheme.startswith(NUTS_SCHEME)),
        classes=classes,
        pattern=pattern,
        min_length=_number(graph.text(shape, "minLength")),
        max_length=_number(graph.text(shape, "maxLength")),
        minimum=graph.text(shape, "minInclusive"),
        plain={LANG_STRING, f"<{XSD}string>"} <= datatypes,
        inverse=inverse is not None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None else None


def _schemes(graph: _Graph, shape: Term) -> Iterator[Term]:
    """Yield the schemes of which a value must be a concept: sh:hasValue or sh:in on skos:inScheme."""
    for part in graph.inside(shape):
        for holder in (part, *graph.all(part, "node")):
            for inner in graph.all(holder, "property"):
                if graph.one(inner, "path") == IN_SCHEME:
                    yield from graph.all(inner, "hasValue")
                    for head in graph.all(inner, "in"):
                        yield from graph.items(head)


def _kind(
    node_kind: Term | None, classes: tuple[Term, ...], datatypes: set[Term], schemes: tuple[Term, ...],
    pattern: str | None,
) -> Kind:  # fmt: skip
    if any(scheme.startswith(NUTS_SCHEME) for scheme in schemes):
        return Kind.REGION
    if schemes:
        return Kind.CONCEPT
    if pattern and "authority/country" in pattern:
        return Kind.COUNTRY
    if pattern and "authority/currency" in pattern:
        return Kind.CURRENCY
    if classes:
        return Kind.LINK
    if datatypes & _DATES:
        return Kind.DATE
    for datatype, name in _NUMBERS.items():
        if datatype in datatypes:
            return Kind(name)
    if LANG_STRING in datatypes:
        return Kind.TEXT
    if pattern == _LANGUAGE_TAG:
        return Kind.LANGUAGE
    if datatypes:
        return Kind.STRING
    if node_kind == f"<{SH}IRI>":
        return Kind.ADDRESS if pattern and "https?" in pattern else Kind.IRI
    return Kind.ANY
