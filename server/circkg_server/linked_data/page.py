"""The page of a thing: what is known of it, grouped and named for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from urllib.parse import quote

from markupsafe import Markup, escape

from circkg_loaders.iris import NUTS_CODE, set_iri
from circkg_loaders.prefixes import expand, shorten
from circkg_server.linked_data.addresses import is_ours
from circkg_server.linked_data.description import Description
from circkg_server.linked_data.languages import best, name_of
from circkg_server.linked_data.terms import Terms
from circkg_server.linked_data.values import Value, address, code_of, of_iri, of_literal, spelled
from circkg_server.linked_data.words import Words
from circkg_server.store.neighbourhood import NODES_TO, Links
from circkg_shapes.terms import Term, is_iri, literal_parts

SHOWN = 12
"""Values of a property that are shown before the reader asks for more."""
GROUPS = (
    "IdentityGroup", "ClassificationGroup", "Hierarchy", "LinksGroup", "PlaceGroup", "TimeGroup", "ContentGroup",
    "Elsewhere", "SourceGroup", "Other",
)  # fmt: skip
_COUNTRY = expand("country:FIN").removesuffix("FIN")


def _terms(*names: str) -> frozenset[Term]:
    return frozenset(f"<{expand(name)}>" for name in names)


@cache
def _term(name: str) -> Term:
    return f"<{expand(name)}>"


_TYPE, _DESCRIPTION, _SOURCE = (_term(name) for name in ("rdf:type", "dct:description", "dct:source"))
_SOURCES = (_SOURCE, _term("prov:wasDerivedFrom"))
_MATCHES = _terms("skos:exactMatch", "skos:closeMatch", "skos:broadMatch", "skos:narrowMatch", "skos:relatedMatch")
_TAKES_PART = _term("circ:participatesIn")
_HOMEPAGE, _PAGE = _term("foaf:homepage"), _term("foaf:page")
_PLACES = {
    _term("circ:activeIn"): ("PlaceGroup", (4.0, 90.0)),
    _term("circ:within"): ("PlaceGroup", (4.0, 99.0)),
    _TAKES_PART: ("LinksGroup", (3.0, 90.0)),
    _term("circ:reportsBarrierType"): ("ClassificationGroup", (2.0, 90.0)),
    _term("circ:facesBarrierType"): ("ClassificationGroup", (2.0, 91.0)),
}
"""Groups of properties that are derived, and so in no shape."""
_TREE = _terms("skos:broader", "skos:inScheme", "skos:topConceptOf", "skos:hasTopConcept")
_NAMES = ("skos:prefLabel", "dct:title", "rdfs:label")
_SHOWN_APART = _terms(
    *_NAMES, "rdf:type", "dct:description", "skos:definition", "skos:altLabel", "dct:source", "circ:hasAmount",
    "circ:hasQuantity", "skosxl:prefLabel", "skosxl:altLabel", "skos:hiddenLabel", "circ:startEarliest",
    "circ:startLatest", "circ:endEarliest", "circ:endLatest",
)  # fmt: skip
"""What the page shows in a place of its own, or does not repeat: the bounds of dates that it shows as written."""
_IN_TABLES = _terms(*NODES_TO, "circ:hasAmount", "circ:hasQuantity")
_PARTICIPATIONS = _terms("circ:participationIn", "circ:participant")
_INCOMING = {expand(name): place for place, name in enumerate((
    "circ:partOf", "dct:isPartOf", "org:unitOf", "circ:identifiedBy", "circ:practisedBy", "circ:reportedBy",
    "circ:actionOf", "circ:outputOf", "circ:outputOfAction", "circ:eventOf", "circ:topicOf", "circ:serviceOf",
    "circ:barrierType", "circ:addressesBarrierType", "circ:addressesBarrier", "circ:reportsBarrierType",
    "circ:facesBarrierType", "skos:broader", "circ:activeIn", "circ:appliesTo", "circ:locatedIn",
))}  # fmt: skip
"""What leads to a thing, in the order in which a reader wants it; the rest follows by number."""
_TOPS = _terms("skos:hasTopConcept", "skos:topConceptOf")
_LAST = frozenset(expand(name) for name in ("circ:country", "circ:within", "skos:inScheme", "rdf:type"))


@dataclass(frozen=True, slots=True)
class Property:
    """A property and its values."""

    label: str
    iri: str
    values: list[Value]
    more: list[Value] = field(default_factory=list)
    total: int = 0
    query: str = ""
    derived: bool = False

    @property
    def count(self) -> int:
        """Return how many values there are, shown or not."""
        return self.total or len(self.values) + len(self.more)


@dataclass(frozen=True, slots=True)
class Group:
    """Properties under a heading."""

    heading: str
    properties: list[Property]


@dataclass(frozen=True, slots=True)
class Table:
    """Nodes between the thing and others, a row each; a cell holds values, and a row the numbers of its sources."""

    key: str
    heading: str
    columns: list[str]
    rows: list[tuple[list[list[Value]], list[int]]]
    total: int
    query: str


@dataclass(frozen=True, slots=True)
class Source:
    """A source: its page here, its address on the web, and the notes of the editors on what was read there."""

    number: int
    value: Value
    url: str
    notes: list[Value]


@dataclass
class Page:
    """What the template shows.

    :param description: the statements.
    :param sets: titles of data sets by their graph.
    """

    description: Description
    terms: Terms
    language: str
    sets: dict[str, str]

    @cached_property
    def words(self) -> Words:
        """Return the words of the page."""
        return Words(self.language)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        return tuple(self.description.types())

    # -- names --------------------------------------------------------------------------------------------------

    @cached_property
    def title(self) -> Value:
        """Return what the thing is called."""
        me = self.description.me
        value = self.value(me)
        if not self.description.literals(me) and (known := self._composed()):
            value = value._replace(text=known)
        return value._replace(code=code_of(self.description.iri))

    def _composed(self) -> str:
        """Return a name for a node without one, of what it stands between or of its value; empty if it is none."""
        outgoing = self.description.outgoing
        if outgoing.get(_term("schema:value")):
            parts = [value.text for value in self._cell(self.description.me, outgoing, "")]
            return " · ".join([*parts, *(value.text for value in self._values(outgoing.get(_term("dct:type"), ())))])
        between = (
            outgoing.get(_term(name), ()) for name in ("circ:participant", "circ:hasRole", "circ:participationIn")
        )
        return " · ".join(value.text for terms in between for value in self._values(terms))

    @cached_property
    def types(self) -> list[Value]:
        """Return the classes of the thing, the most telling first."""
        found = self.description.types()
        if self.description.iri.startswith(NUTS_CODE):
            return [Value(self.words("class:nuts"), href="/explore?class=class:nuts")]
        if self.description.iri.startswith(_COUNTRY):
            return [Value(self.words("class:country"), href="/explore?class=class:country")]
        return [Value(self.class_label(type_), href=f"/explore?class={quote(shorten(type_))}") for type_ in found]

    def class_label(self, iri_: str) -> str:
        """Return what a class is called: by its shape, the words of the pages, the ontology, or its own last part."""
        known = self.terms.class_name(iri_, self.words.language) or self.words.find(iri_)
        return known or _capital(self.terms.label(iri_) or spelled(iri_))

    def property_label(self, iri_: str, *, backwards: bool = False) -> str:
        """Return what a property is called: by the shape of the thing's class, the words of the pages, any other shape.

        What these do not know is called as the ontology calls it, or by its own last part.
        """
        known, is_own = self.terms.name(iri_, self._classes, self.words.language)
        if backwards:
            known, is_own = self.words.find(iri_, "^") or "", False
        elif not is_own:
            known = self.words.find(iri_) or known
        return known or _capital(self.terms.label(iri_) or spelled(iri_))

    def value(self, term: Term, *, derived: bool = False) -> Value:
        """Return a term as the page shows it."""
        if not is_iri(term):
            value = of_literal(term, self.language)
            return value._replace(derived=True) if derived else value
        names = self.description.literals(term)
        iri_ = term[1:-1]
        if names and is_iri(names[0]):  # a source without a title is known by its address
            return of_iri(iri_, (), self.language)._replace(text=address(names[0][1:-1]))
        value = of_iri(iri_, tuple(names), self.language, derived=derived)
        code = code_of(iri_)
        return value._replace(code=code) if code and code != value.text else value

    @cached_property
    def derived_mark(self) -> Markup:
        """Return what marks a value that a rule derived, as HTML."""
        title, text = escape(self.words("derived_title")), escape(self.words("derived"))
        return Markup(f'<span class="mark" title="{title}">{text}</span>')  # noqa: S704 - its parts are escaped

    def items(self, values: Iterable[Value], to: Callable[[str], str]) -> Markup:
        """Return values as the items of a list, as HTML; a macro takes longer.

        :param to: makes a link of a path below the root.
        """
        html = [f"<li>{v.shown(to)}{f' {self.derived_mark}' if v.derived else ''}</li>" for v in values]
        return Markup("".join(html))  # noqa: S704 - its parts are HTML already

    def _values(self, terms: Iterable[Term], property_: Term = "") -> list[Value]:
        """Return terms as values, in the order of their names."""
        derived = self.description.graphs
        inferred = [set_iri("inferred")]
        values = [
            self.value(term, derived=bool(property_) and derived.get((property_, term)) == inferred) for term in terms
        ]
        numbers = all(not is_iri(term) and not literal_parts(term)[1] for term in terms)
        return values if numbers else sorted(values, key=lambda value: (value.outside, value.text.casefold()))

    # -- facts --------------------------------------------------------------------------------------------------

    @cached_property
    def lead(self) -> Value | None:
        """Return the definition or description of the thing in the language that its reader understands best."""
        outgoing = self.description.outgoing
        for name in ("skos:definition", "dct:description"):
            if literals := outgoing.get(_term(name)):
                text, lang = best(literals, self.language)
                return Value(text, lang if lang != self.language else "")
        return None

    @cached_property
    def other_names(self) -> list[Value]:
        """Return the other names of the thing, without those that only another language adds of a concept."""
        me = self.description.outgoing
        found = list(me.get(_term("skos:altLabel"), ()))
        if not self.is_concept:
            found += [term for name in _NAMES for term in me.get(_term(name), ())]
        values = [of_literal(term, self.language) for term in found]
        return sorted({value for value in values if value.text != self.title.text}, key=lambda v: v.text.casefold())

    @cached_property
    def is_concept(self) -> bool:
        """Tell whether the thing is a concept of a vocabulary of ours, which has names in many languages."""
        return expand("skos:Concept") in self.description.types() and is_ours(self.description.iri)

    @cached_property
    def languages(self) -> list[tuple[Value, str, bool]]:
        """Return the names of a concept in other languages: name, language, and whether it is official."""
        if not self.is_concept:
            return []
        official = {
            form for links in self.description.nodes.values() if links.get(_SOURCE)
            for form in links.get(_term("skosxl:literalForm"), ())
        }  # fmt: skip
        found = []
        for term in self.description.outgoing.get(_term("skos:prefLabel"), ()):
            text, lang, _ = literal_parts(term)
            found.append((Value(text, lang or ""), name_of(lang or "", self.words.language), term in official))
        return sorted(found, key=lambda one: one[1].casefold())

    @cached_property
    def groups(self) -> list[Group]:
        """Return the facts, grouped and ordered as the shapes order them."""
        groups: dict[str, list[tuple[tuple[float, float], Property]]] = {}
        for p, objects in self.description.outgoing.items():
            if p in _SHOWN_APART or (p == _TAKES_PART and _term("circ:participant") in self.description.incoming):
                continue
            name, place = self.terms.place(p[1:-1], self._classes)
            if p in _MATCHES and not is_iri_of_ours(objects):
                name = "Elsewhere"
            elif p in _TREE:
                name = "Hierarchy"
            name, place = _PLACES.get(p, (name, place))
            repeated = self.description.outgoing.get(_HOMEPAGE, ()) if p == _PAGE else ()
            values = self._values([term for term in objects if term not in repeated], p)
            if not values:
                continue
            derived = all(value.derived for value in values)
            if derived:  # said once of the property
                values = [value._replace(derived=False) for value in values]
            shown = Property(self.property_label(p[1:-1]), p[1:-1], values[:SHOWN], values[SHOWN:], derived=derived)
            groups.setdefault(name or "Other", []).append((place, shown))
        return [
            Group(
                self.terms.group(name, self.words.language) or self.words(f"group:{name}"),
                [one for _, one in sorted(groups[name], key=lambda pair: (pair[0], pair[1].label))],
            )
            for name in GROUPS if name in groups
        ]  # fmt: skip

    @cached_property
    def incoming(self) -> list[Property]:
        """Return what leads to the thing, by property, bounded; each with its exact number."""
        found = []
        has_participations = any(p in self.description.incoming for p in _PARTICIPATIONS)
        for p, subjects in self.description.incoming.items():
            if p in _IN_TABLES or p in _TOPS or (has_participations and p == _TAKES_PART):
                continue
            total = self.description.counts.get(p, len(subjects))
            # What has no name of its own, such as a participation, comes last.
            named = [subject for subject in subjects if self.description.literals(subject)]
            values = self._values(named) + self._values([subject for subject in subjects if subject not in set(named)])
            label = self.property_label(p[1:-1], backwards=True)
            query = self._query(p) if total > len(values) else ""
            found.append(Property(label, p[1:-1], values[:SHOWN], values[SHOWN:], total, query))
        return sorted(
            found, key=lambda one: (one.iri in _LAST, _INCOMING.get(one.iri, len(_INCOMING)), one.count, one.label)
        )

    def _query(self, p: Term) -> str:
        """Return the address of a query that gives all that a property leads here from."""
        text = f"SELECT ?thing WHERE {{ ?thing {p} {self.description.me} }} ORDER BY ?thing"
        return f"/sparql?query={quote(text)}"

    # -- nodes --------------------------------------------------------------------------------------------------

    @cached_property
    def tables(self) -> list[Table]:
        """Return the nodes between the thing and others as tables, those that are empty left out."""
        columns: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
            "participants": (
                "to", "circ:participationIn",
                (("participant", "circ:participant"), ("role", "circ:hasRole"), ("on_behalf_of", "circ:onBehalfOf")),
            ),
            "participations": (
                "to", "circ:participant",
                (("initiative", "circ:participationIn"), ("role", "circ:hasRole"), ("on_behalf_of", "circ:onBehalfOf")),
            ),
            "on_behalf_of": (
                "to", "circ:onBehalfOf",
                (("participant", "circ:participant"), ("role", "circ:hasRole"), ("initiative", "circ:participationIn")),
            ),
            "amounts": ("from", "circ:hasAmount", (("kind", "dct:type"), ("value", ""), ("date", "dct:date"))),
            "quantities": ("from", "circ:hasQuantity", (("kind", "dct:type"), ("value", ""), ("date", "dct:date"))),
            "coverage": (
                "to", "circ:coverageOf",
                (("subject", "dct:title"), ("known", "circ:knownCount"), ("expected", "circ:expectedCount"),
                 ("status", "circ:hasStatus")),
            ),
            "claims": (
                "to", "rdf:subject",
                (("property", "rdf:predicate"), ("value", "rdf:object"), ("rank", "circ:hasRank"),
                 ("note", "skos:note")),
            ),
        }  # fmt: skip
        tables = []
        for key, (way, property_, wanted) in columns.items():
            links = self.description.incoming if way == "to" else self.description.outgoing
            nodes = [node for node in links.get(_term(property_), ()) if node in self.description.nodes]
            if nodes:
                total = self.description.counts.get(_term(property_), 0) if way == "to" else 0
                query = self._query(_term(property_)) if total > len(nodes) else ""
                tables.append(self._table(key, nodes, wanted, max(total, len(nodes)), query))
        return tables

    def _table(
        self, key: str, nodes: Sequence[Term], wanted: Sequence[tuple[str, str]], total: int, query: str
    ) -> Table:
        rows = []
        for node in nodes:
            links = self.description.nodes[node]
            cells = [self._cell(node, links, name) for _, name in wanted]
            numbers = sorted({self._numbers[s] for p in _SOURCES for s in links.get(p, ()) if s in self._numbers})
            rows.append((cells, numbers))
        # A column in which no row says anything is not shown.
        kept = [place for place in range(len(wanted)) if any(cells[place] for cells, _ in rows)]
        rows = [([cells[place] for place in kept], numbers) for cells, numbers in rows]
        rows.sort(key=lambda row: [[value.text.casefold() for value in cell] for cell in row[0]])
        return Table(key, self.words(key), [self.words(wanted[place][0]) for place in kept], rows, total, query)

    def _cell(self, node: Term, links: Links, name: str) -> list[Value]:
        if name == "rdf:predicate":
            found = [p[1:-1] for p in links.get(_term(name), ())]
            return [
                Value(self.property_label(p), href=f"/def#{p.rpartition('#')[2]}" if is_ours(p) else "") for p in found
            ]
        if name:
            return self._values(links.get(_term(name), ()))
        number = " ".join(value.text for value in self._values(links.get(_term("schema:value"), ())))
        units = [code_of(term[1:-1]) or self.value(term).text for term in links.get(_term("circ:currency"), ())]
        units += (
            [best(links[_term("schema:unitText")], self.language)[0]] if links.get(_term("schema:unitText")) else []
        )
        return [Value(" ".join([number, *units]), href=of_iri(node[1:-1], (), self.language).href)]

    # -- sources ------------------------------------------------------------------------------------------------

    @cached_property
    def _numbers(self) -> dict[Term, int]:
        """Return the number of each source, by the name of the source."""
        places: list[Links] = [
            self.description.outgoing, *self.description.nodes.values(), *self.description.records.values()
        ]  # fmt: skip
        found = {source for links in places for p in _SOURCES for source in links.get(p, ()) if is_iri(source)}
        mine = set(self.description.outgoing.get(_SOURCE, ()))
        kept = [s for s in found if s[1:-1].startswith(_SOURCE_BASE)]
        ordered = sorted(kept, key=lambda s: (s not in mine, self.value(s).text.casefold(), s))
        return {source: number for number, source in enumerate(ordered, start=1)}

    @cached_property
    def sources(self) -> list[Source]:
        """Return the sources with what the editors noted on what they read there."""
        notes: dict[Term, list[Term]] = {}
        for links in self.description.records.values():
            for source in links.get(_term("prov:wasDerivedFrom"), ()):
                for name in ("skos:editorialNote", "circ:keepsText"):
                    notes.setdefault(source, []).extend(links.get(_term(name), ()))
        return [
            Source(
                number, self.value(source),
                next((url[1:-1] for url in self.description.names.get(source, {}).get(_term("schema:url"), ())), ""),
                [of_literal(note, self.language) for note in dict.fromkeys(notes.get(source, ()))],
            )
            for source, number in self._numbers.items()
        ]  # fmt: skip

    @cached_property
    def data_sets(self) -> list[Value]:
        """Return the data sets that say something of the thing, records left aside."""
        return [Value(self.sets[graph], href=graph) for graph in self.description.sets if graph in self.sets]


_SOURCE_BASE = f"{expand('circid:source')}/"


def is_iri_of_ours(objects: Iterable[Term]) -> bool:
    """Tell whether all of some terms are IRIs of ours."""
    return all(is_iri(term) and is_ours(term[1:-1]) for term in objects)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
