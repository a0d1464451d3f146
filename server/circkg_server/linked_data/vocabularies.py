"""SKOS vocabularies as trees in the language of their reader, and as data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_server.linked_data.addresses import page_of
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.languages import best
from circkg_server.linked_data.values import Value
from circkg_shapes.terms import Term, Triple, iri, is_iri, literal_parts

_WHOLE = Template("""CONSTRUCT { ?s ?p ?o } WHERE {
  { $IRI ?p ?o BIND($IRI AS ?s) }
  UNION { ?s skos:inScheme $IRI ; ?p ?o }
  UNION { ?c skos:inScheme $IRI ; skosxl:prefLabel ?s . ?s ?p ?o }
  UNION { ?c skos:inScheme $IRI ; skosxl:altLabel ?s . ?s ?p ?o }
}""")
_USES = Template("""SELECT ?c (COUNT(*) AS ?n) WHERE {
  ?c skos:inScheme $IRI .
  ?s ?p ?c FILTER(?p NOT IN (skos:broader, skos:hasTopConcept, skos:narrower, skos:related))
} GROUP BY ?c""")
_ALL = Template(f"""SELECT ?scheme ?p ?o (COUNT(?c) AS ?n) WHERE {{
  ?scheme a skos:ConceptScheme ; ?p ?o . FILTER(?p IN (dct:title, skos:prefLabel))
  ?c skos:inScheme ?scheme .
}} GROUP BY ?scheme ?p ?o ORDER BY (!STRSTARTS(STR(?scheme), "{BASE}")) ?scheme""")


@dataclass(slots=True)
class Concept:
    """A concept in a tree.

    :param official: whether the label is taken from an official vocabulary.
    :param uses: how many statements name it, those of the tree itself left aside.
    """

    value: Value
    definition: Value
    official: bool
    uses: int
    children: list[Concept] = field(default_factory=list)


@dataclass(slots=True)
class Vocabulary:
    """A vocabulary and what its concepts say."""

    iri: str
    triples: list[Triple]
    uses: dict[Term, int]

    @classmethod
    async def of(cls, snapshot: Snapshot, iri_: str, *, with_uses: bool) -> Vocabulary | None:
        """Return the vocabulary of an IRI, or ``None`` if there is none.

        :raises RequestProblem: if the snapshot cannot be asked now.
        """
        triples = sorted(set(await snapshot.triples(_WHOLE, iri_)))
        if not any(s == iri(iri_) for s, _, _ in triples):
            return None
        rows = await snapshot.rows(_USES, iri_) if with_uses else []
        return cls(iri_, triples, {row["c"]: int(literal_parts(row["n"])[0]) for row in rows})

    def texts(self, subject: Term, *properties: str, language: str) -> Value:
        """Return the text of the first property that a subject has, as a reader of a language understands it best."""
        for name in properties:
            found = [o for s, p, o in self.triples if s == subject and p == f"<{expand(name)}>" and not is_iri(o)]
            if found:
                text, lang = best(found, language)
                return Value(text, lang if lang != language else "")
        return Value("")

    def tree(self, language: str) -> list[Concept]:
        """Return the top concepts with all below them, in the order of their labels."""
        broader, in_scheme, literal_form, source, label, definition = (
            f"<{expand(name)}>" for name in
            ("skos:broader", "skos:inScheme", "skosxl:literalForm", "dct:source", "skos:prefLabel", "skos:definition")
        )  # fmt: skip
        said: dict[Term, dict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for s, p, o in self.triples:
            said[s][p].append(o)
        official = {
            (form, node.partition("#")[0] + ">")
            for node, links in said.items() if links[source] for form in links[literal_form]
        }  # fmt: skip
        me = iri(self.iri)
        below: dict[Term, list[Term]] = defaultdict(list)
        members = [s for s, links in said.items() if me in links[in_scheme]]
        for member in members:
            parents = [parent for parent in said[member][broader] if parent in said]
            for parent in parents or [me]:
                below[parent].append(member)

        def concept(term: Term, above: frozenset[Term]) -> Concept:
            text, lang = best(said[term][label], language)
            what, what_lang = best(said[term][definition], language)
            chosen = next((form for form in said[term][label] if literal_parts(form)[:2] == (text, lang or None)), "")
            children = [concept(child, above | {term}) for child in below[term] if child not in above | {term}]
            return Concept(
                Value(text, lang if lang != language else "", page_of(term[1:-1])),
                Value(what, what_lang if what_lang != language else ""),
                (chosen, term) in official, self.uses.get(term, 0), _by_label(children),
            )  # fmt: skip

        return _by_label([concept(term, frozenset()) for term in below[me]])

    @property
    def size(self) -> int:
        """Return how many concepts there are."""
        return len({s for s, p, o in self.triples if p == f"<{expand('skos:inScheme')}>" and o == iri(self.iri)})


def _by_label(concepts: list[Concept]) -> list[Concept]:
    return sorted(concepts, key=lambda concept: concept.value.text.casefold())


async def all_of(snapshot: Snapshot, language: str) -> list[tuple[Value, int]]:
    """Return all vocabularies with the number of their concepts, ours first.

    :raises RequestProblem: if the snapshot cannot be asked now.
    """
    titles: dict[Term, list[Term]] = defaultdict(list)
    sizes: dict[Term, int] = {}
    for row in await snapshot.rows(_ALL):
        titles[row["scheme"]].append(row["o"])
        sizes[row["scheme"]] = int(literal_parts(row["n"])[0])
    found = []
    for scheme, texts in titles.items():
        text, lang = best(texts, language)
        found.append((Value(text, lang if lang != language else "", page_of(scheme[1:-1])), sizes[scheme]))
    return sorted(found, key=lambda one: (one[0].href.startswith("/doc?"), one[0].text.casefold()))
