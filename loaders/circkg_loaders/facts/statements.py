"""Turns the rows of a data set into triples, each with the cell that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from circkg_loaders.facts.index import Index
from circkg_loaders.facts.links import Links, LinkTally, Target
from circkg_loaders.facts.reader import Row
from circkg_loaders.facts.schema import Column, Kind
from circkg_loaders.iris import IriError, nuts_iri, record_iri
from circkg_loaders.nuts import Country, Nuts, Region, Relation
from circkg_loaders.origin import Origin, Rejection, Statement
from circkg_loaders.prefixes import PrefixError, expand
from circkg_loaders.values import (
    ValueProblem,
    parse_country,
    parse_currency,
    parse_date,
    parse_decimal,
    parse_integer,
    parse_language,
    parse_nuts,
    parse_slug,
    parse_url,
)
from circkg_shapes.terms import Term, Triple, iri, literal

XSD = "http://www.w3.org/2001/XMLSchema#"

RELATIONS = {
    "targets": "circ:targetsInstrument",
    "influences": "circ:influencesInstrument",
    "refers-to": "circ:refersToInstrument",
}

IDENTIFIERS: Mapping[str, tuple[str, bool]] = {
    "pic": ("circ:participantCode", False),
    "vat": ("circ:vatNumber", False),
    "cordis-grant": ("circ:grantNumber", False),
    "cordis-rcn": ("circ:cordisRecordNumber", False),
    "doi": ("circ:doi", False),
    "celex": ("circ:celex", False),
    "cci": ("circ:cciNumber", False),
    "keep-eu": ("foaf:page", True),
    "website": ("foaf:page", True),
    "eli": ("skos:exactMatch", True),
    "eu-corporate-body": ("skos:exactMatch", True),
    "eu-knowledge-graph": ("skos:exactMatch", True),
    "ror": ("skos:exactMatch", True),
    "nuts-2021": ("circ:regionIn2021", True),
    "nuts-2024": ("circ:regionIn2024", True),
}
"""Property of each scheme of identifiers, and whether its value is an IRI."""


class CellProblem(ValueError):  # noqa: N818 - a problem of the data, told to a person; not a failure of the program
    """A cell says nothing that can be stated; the message tells a person what to do."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(slots=True)
class Reading:
    """The result of reading one set: statements, provenance, rejections and the fate of every linked cell."""

    stated: list[Statement] = field(default_factory=list)
    provenance: list[Statement] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    tallies: dict[tuple[str, str], LinkTally] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Rows in and rows loaded, by file."""


@dataclass(slots=True)
class SetReader:
    """Reads the rows of one set against what exists in all sets.

    :param sources: IRI of a source document by its address and by its id.
    """

    slug: str
    index: Index
    links: Links
    nuts: Nuts
    countries: Mapping[str, Country]
    sources: Mapping[str, str]
    reading: Reading = field(default_factory=Reading)
    _seen: dict[tuple[str, str], Row] = field(default_factory=dict)

    def read(self, row: Row) -> None:
        """Take one row: all of its statements, or none and a rejection."""
        rows_in, loaded = self.reading.rows.get(row.file, (0, 0))
        try:
            if row.table.name not in ("links", "unresolved"):
                self._unique(row)
                stated = list(self._statements(row))
                self.reading.provenance.extend(self._record(row, stated))
                # A candidate is not a statement of ours: it stands with the records, outside the default graph.
                is_candidate = row["certainty"] == "uncertain"
                (self.reading.provenance if is_candidate else self.reading.stated).extend(stated)
            else:
                self._check_link(row)
            loaded += 1
        except (CellProblem, ValueProblem, IriError, PrefixError) as problem:
            column = getattr(problem, "column", None)
            self.reading.rejected.append(Rejection(self._origin(row, column), str(problem)))
        self.reading.rows[row.file] = (rows_in + 1, loaded)

    # -- rows ---------------------------------------------------------------------------------------------------

    def _unique(self, row: Row) -> None:
        earlier = self._seen.setdefault((row.table.name, row.key), row)
        if earlier is not row:
            raise CellProblem(
                row.table.key[0], f"{row.key!r} stands in row {earlier.number} of {earlier.file} already."
            )

    def _check_link(self, row: Row) -> None:
        for column in row.table.columns:
            if column.required and not row[column.name]:
                raise CellProblem(column.name, f"The column {column.name!r} must be filled.")
        if row.table.name == "links":
            self._target(Target(row["target_type"], row["target"]), "target")

    def _statements(self, row: Row) -> Iterator[Statement]:
        for column in row.table.columns:
            if column.required and not row[column.name]:
                raise CellProblem(column.name, f"The column {column.name!r} must be filled.")
        special = _SPECIAL_TABLES.get(row.table.name)
        if special:
            yield from special(self, row)
            return
        assert row.table.rdf_class is not None
        subject = iri(self.index.of_row(row))
        yield self._statement(row, None, (subject, _RDF_TYPE, iri(expand(row.table.rdf_class))))
        for column in row.table.columns:
            if column.implies and row[column.name]:
                yield self._statement(row, column.name, (subject, _RDF_TYPE, iri(expand(column.implies))))
            if column.predicate is None or not row[column.name]:
                continue
            predicate = iri(expand(column.predicate))
            for value in self._values(row, column):
                triple = (value, predicate, subject) if column.inverse else (subject, predicate, value)
                yield self._statement(row, column.name, triple)
            if column.kind is Kind.NUTS:
                yield from self._recoded(row, column, subject)
        if row.table.name == "claims":
            yield from self._claimed(row, subject)

    def _record(self, row: Row, stated: list[Statement]) -> Iterator[Statement]:
        """Yield the record of a row: what it is about, where it was read, and what the editor noted."""
        record = iri(record_iri(self.slug, row.table.name, row.key))
        about = iri(self.index.of_row(row)) if row.table.type else stated[0].triple[0]
        yield self._statement(row, None, (record, _RDF_TYPE, iri(expand("circ:Record"))))
        yield self._statement(row, None, (record, iri(expand("circ:recordOf")), about))
        yield self._statement(row, None, (record, iri(expand("circ:fromTable")), literal(row.table.name)))
        yield self._statement(row, None, (record, iri(expand("circ:fromKey")), literal(row.key)))
        for source in self._sources(row):
            yield self._statement(row, "source", (record, iri(expand("prov:wasDerivedFrom")), source))
        if row["note"]:
            note = literal(row["note"], lang="en")
            yield self._statement(row, "note", (record, iri(expand("skos:editorialNote")), note))
        for column in row.table.columns:
            if column.kind is Kind.LINKED:
                for text, reason in self._kept(row, column):
                    kept = literal(f"{column.name}: {text} ({reason})", lang="en")
                    yield self._statement(row, column.name, (record, iri(expand("circ:keepsText")), kept))

    # -- cells --------------------------------------------------------------------------------------------------

    def _values(self, row: Row, column: Column) -> list[Term]:
        texts = row.items(column.name) if column.many and column.kind is not Kind.TEXT else [row[column.name]]
        if column.kind is Kind.LINKED:
            return self._linked(row, column, texts)
        try:
            return [self._value(row, column, text) for text in texts]
        except ValueProblem as problem:
            raise CellProblem(column.name, str(problem)) from problem

    def _value(self, row: Row, column: Column, text: str) -> Term:  # noqa: PLR0912 - one branch a kind of cell
        match column.kind:
            case Kind.TEXT:
                return literal(text, lang=parse_language(row[f"{column.name}_lang"] or "en"))
            case Kind.STRING:
                return literal(parse_slug(text) if column.name == "id" else text)
            case Kind.DATE:
                date = parse_date(text)
                return literal(date.text, datatype=date.datatype)
            case Kind.INTEGER:
                return literal(parse_integer(text).text, datatype=f"{XSD}integer")
            case Kind.DECIMAL:
                return literal(parse_decimal(text).text, datatype=f"{XSD}decimal")
            case Kind.URL:
                return iri(parse_url(text).text)
            case Kind.COUNTRY:
                return iri(parse_country(text, self.countries).iri)
            case Kind.CURRENCY:
                return iri(parse_currency(text).iri)
            case Kind.NUTS:
                region, newer = self._region(row, text)
                return iri(nuts_iri(newer if newer and self._is_exact(region) else region.code))
            case Kind.CONCEPT | Kind.REF:
                assert column.target is not None
                return self._target(Target(column.target, text), column.name, concept=column.kind is Kind.CONCEPT)
            case Kind.TYPED_REF:
                type_ = row[f"{column.name}_type"]
                if not type_:
                    raise CellProblem(f"{column.name}_type", f"Say in {column.name}_type what {text!r} is.")
                return self._target(Target(type_, text), column.name)
            case Kind.SOURCE:
                return self._source(text)
            case _:
                raise CellProblem(column.name, f"A column of the kind {column.kind.value} states nothing by itself.")

    def _target(self, target: Target, column: str, *, concept: bool | None = None) -> Term:
        """Return the IRI of what a slug names.

        :param concept: whether the type is a vocabulary; ``None``: either.
        """
        if target.type == "nuts":
            return iri(nuts_iri(parse_nuts(target.slug, self.nuts, None).code))
        found = None if concept else self.index.thing(target.type, target.slug)
        found = found or (self.index.concept(target.type, target.slug) if concept is not False else None)
        if found is None:
            raise CellProblem(
                column,
                f"There is no {target.type} {target.slug!r}. Add it to its table or vocabulary, or correct the name.",
            )
        return iri(found)

    def _linked(self, row: Row, column: Column, texts: list[str]) -> list[Term]:
        tally = self.reading.tallies.setdefault((row.table.name, column.name), LinkTally())
        values: list[Term] = []
        kept: list[tuple[str, str]] = []
        for text in texts:
            meaning = self.links.resolve(row.table.name, column.name, text, row.key)
            if meaning is None:
                raise CellProblem(
                    column.name,
                    f"Nobody has said what {text!r} means. Add a row to links, or to unresolved with the reason.",
                )
            if isinstance(meaning, str):
                kept.append((text, meaning))
            else:
                values.extend(self._target(target, column.name) for target in meaning)
        tally.cells += 1
        tally.items += len(texts)
        tally.links += len(values)
        if values:
            tally.linked += 1
        else:
            tally.as_text += 1
        tally.kept.extend((row.key, text, reason) for text, reason in kept)
        return list(dict.fromkeys(values))

    def _kept(self, row: Row, column: Column) -> Iterator[tuple[str, str]]:
        for text in row.items(column.name):
            meaning = self.links.resolve(row.table.name, column.name, text, row.key)
            if isinstance(meaning, str):
                yield text, meaning

    def _recoded(self, row: Row, column: Column, subject: Term) -> Iterator[Statement]:
        """Yield the region of NUTS 2024 beside a code of 2021 that has nearly the same extent."""
        for text in row.items(column.name) if column.many else [row[column.name]]:
            region, newer = self._region(row, text)
            if newer and not self._is_exact(region):
                triple = (subject, iri(expand("circ:regionIn2024")), iri(nuts_iri(newer)))
                yield self._statement(row, column.name, triple)

    def _region(self, row: Row, text: str) -> tuple[Region, str | None]:
        """Return the region of a cell and, if it is one of 2021, the one code that stands for it in 2024."""
        region = parse_nuts(text, self.nuts, row["nuts_version"] or None)
        successor = self.nuts.successor(region.code) if region.version == "2021" else None
        return region, successor.one if successor else None

    def _is_exact(self, region: Region) -> bool:
        successor = self.nuts.successor(region.code)
        return successor is not None and successor.relation is Relation.EXACT

    def _source(self, text: str) -> Term:
        found = self.sources.get(text)
        if found is None:
            raise CellProblem("source", f"{text!r} is not in data/sources.csv. Register it there.")
        return iri(found)

    def _sources(self, row: Row) -> list[Term]:
        return [self._source(text) for text in row.items("source")]

    # -- tables that say something about a thing described elsewhere ---------------------------------------------

    def _claimed(self, row: Row, subject: Term) -> Iterator[Statement]:
        """Yield predicate and value of a claim, and the direct triple of a preferred one."""
        predicate, value = iri(expand(row["predicate"])), self._claim_value(row)
        yield self._statement(row, "predicate", (subject, iri(expand("rdf:predicate")), predicate))
        yield self._statement(row, "value", (subject, iri(expand("rdf:object")), value))
        if row["rank"] == "preferred":
            about = self._target(Target(row["subject_type"], row["subject"]), "subject")
            yield self._statement(row, "value", (about, predicate, value))

    def _claim_value(self, row: Row) -> Term:
        kind, text = row["value_type"], row["value"]
        try:
            if kind.startswith("text@"):
                return literal(text, lang=parse_language(kind.removeprefix("text@")))
            if kind == "string":
                return literal(text)
            if kind == "date":
                date = parse_date(text)
                return literal(date.text, datatype=date.datatype)
            if kind == "integer":
                return literal(parse_integer(text).text, datatype=f"{XSD}integer")
            if kind == "decimal":
                return literal(parse_decimal(text).text, datatype=f"{XSD}decimal")
            if kind == "iri":
                return iri(parse_url(text).text)
        except ValueProblem as problem:
            raise CellProblem("value", str(problem)) from problem
        return self._target(Target(kind, text), "value")

    def _instrument_relation(self, row: Row) -> Iterator[Statement]:
        predicate = RELATIONS.get(row["relation"])
        if predicate is None:
            raise CellProblem("relation", f"{row['relation']!r} is none of {', '.join(RELATIONS)}.")
        initiative = self._target(Target("initiative", row["initiative"]), "initiative", concept=False)
        instrument = self._target(Target("policy-instrument", row["instrument"]), "instrument", concept=False)
        yield self._statement(row, "relation", (initiative, iri(expand(predicate)), instrument))

    def _name(self, row: Row) -> Iterator[Statement]:
        subject = self._target(Target(row["subject_type"], row["subject"]), "subject")
        lang = parse_language(row["lang"]) if row["lang"] else None
        yield self._statement(row, "name", (subject, iri(expand("skos:altLabel")), literal(row["name"], lang=lang)))

    def _relation(self, row: Row) -> Iterator[Statement]:
        subject = self._target(Target(row["subject_type"], row["subject"]), "subject")
        target = self._target(Target(row["object_type"], row["object"]), "object")
        yield self._statement(row, "predicate", (subject, iri(expand(row["predicate"])), target))

    def _identifier(self, row: Row) -> Iterator[Statement]:
        subject = self._target(Target(row["subject_type"], row["subject"]), "subject")
        if row["scheme"] not in IDENTIFIERS:
            raise CellProblem("scheme", f"{row['scheme']!r} is none of {', '.join(IDENTIFIERS)}.")
        predicate, is_iri = IDENTIFIERS[row["scheme"]]
        if row["certainty"] not in ("exact", "close", "uncertain"):
            raise CellProblem("certainty", f"{row['certainty']!r} is none of exact, close, uncertain.")
        if row["certainty"] == "uncertain":
            predicate = "circ:candidateMatch"
        elif predicate == "skos:exactMatch" and row["certainty"] == "close":
            predicate = "skos:closeMatch"
        value = literal(row["value"])
        if row["scheme"].startswith("nuts-"):
            version = row["scheme"].removeprefix("nuts-")
            found = iri(nuts_iri(parse_nuts(row["value"], self.nuts, version).code))
        else:
            found = iri(parse_url(row["value"]).text) if is_iri else value
        # A candidate is the identifier as written: a link would say that the other thing is meant.
        value = value if predicate == "circ:candidateMatch" else found
        yield self._statement(row, "value", (subject, iri(expand(predicate)), value))

    # -- small things -------------------------------------------------------------------------------------------

    def _origin(self, row: Row, column: str | None) -> Origin:
        return Origin(row.file, row.number, column, row[column] if column else "")

    def _statement(self, row: Row, column: str | None, triple: Triple) -> Statement:
        return Statement(triple, self._origin(row, column))


_RDF_TYPE = iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")

_SPECIAL_TABLES: Mapping[str, Callable[[SetReader, Row], Iterator[Statement]]] = {
    "instrument-relations": SetReader._instrument_relation,
    "names": SetReader._name,
    "relations": SetReader._relation,
    "identifiers": SetReader._identifier,
}
