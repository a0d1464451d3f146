"""The tables of a curated data set: their columns, and what each column says in RDF.

One :class:`Table` a CSV file name; every folder of ``data/`` that holds a set of the role *stated*
may have any of them. ``docs/data-tables.md`` is generated from this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the text of a cell is read."""

    TEXT = "text"  # literal with the language of the column `<name>_lang`, or English
    STRING = "string"  # plain literal, without language
    DATE = "date"  # as written: 2020, 2020-05 or 2020-05-17
    INTEGER = "integer"
    DECIMAL = "decimal"  # digits, a point for decimals, nothing else
    URL = "url"  # absolute http(s) address
    COUNTRY = "country"  # ISO 3166-1 alpha-2 as in countries.csv, EU for the Union
    CURRENCY = "currency"  # ISO 4217
    NUTS = "nuts"  # NUTS code of the version in `nuts_version`, or of the newest that has it
    CONCEPT = "concept"  # slug of a concept of the vocabulary named in `target`
    REF = "ref"  # slug of a thing of the type named in `target`
    TYPED_REF = "typed-ref"  # slug of a thing whose type stands in the column `<name>_type`
    LINKED = "linked"  # free text, resolved by links.csv or listed in unresolved.csv
    SOURCE = "source"  # address of a web page, or id of a document in data/sources.csv
    AUX = "aux"  # read together with another column


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how its cells are read and which property they state.

    :param target: type of thing, or vocabulary, that the cells name.
    :param many: several items, separated by ``;``.
    :param inverse: the property leads from the thing named in the cell to the row's thing.
    :param implies: class that the row's thing also has when the cell is filled.
    """

    name: str
    kind: Kind
    predicate: str | None = None
    target: str | None = None
    many: bool = False
    required: bool = False
    inverse: bool = False
    implies: str | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the type of thing that its rows describe, their class and their columns."""

    name: str
    type: str | None
    rdf_class: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    about: str = ""


def _c(
    name: str,
    kind: Kind,
    predicate: str | None = None,
    *,
    target: str | None = None,
    many: bool = False,
    required: bool = False,
    inverse: bool = False,
    implies: str | None = None,
    about: str = "",
) -> Column:
    return Column(name, kind, predicate, target, many, required, inverse, implies, about)


_ID = _c(
    "id",
    Kind.STRING,
    required=True,
    about="slug: a-z, 0-9 and single hyphens, unique per type over all sets, never changed",
)
_IDENTIFIER = _c(
    "identifier",
    Kind.STRING,
    "dct:identifier",
    many=True,
    about="id that the thing had in its source table, if another",
)
_SOURCE = _c(
    "source",
    Kind.SOURCE,
    "dct:source",
    many=True,
    required=True,
    about="where this row was read: address or document id; several by `;`",
)
_NOTE = _c(
    "note", Kind.AUX, about="editorial note in English; published with the record of the row, not with the thing"
)
_COUNTRY = _c("country", Kind.COUNTRY, "circ:country")
_NUTS = (
    _c("nuts_code", Kind.NUTS, "circ:locatedIn", about="smallest NUTS region that the source supports"),
    _c("nuts_version", Kind.AUX, about="2021 or 2024; empty: the newest version that has the code"),
)


def _text(name: str, predicate: str, *, required: bool = False, about: str = "") -> tuple[Column, Column]:
    return (
        _c(name, Kind.TEXT, predicate, required=required, about=about),
        _c(f"{name}_lang", Kind.AUX, about=f"language tag of `{name}` without region; empty: en"),
    )


TABLES: tuple[Table, ...] = (
    Table(
        "initiatives",
        "initiative",
        "circ:Initiative",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            _c("acronym", Kind.STRING, "skos:altLabel"),
            *_text("title", "dct:title", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="initiative-kind"),
            _c("part_of", Kind.REF, "circ:partOf", target="initiative", many=True),
            _c(
                "run_by",
                Kind.REF,
                "circ:runBy",
                target="organisation",
                many=True,
                about="organisational unit that carries it out",
            ),
            _c("programmes", Kind.LINKED, "circ:fundedBy", target="funding-programme", many=True),
            _c("funds", Kind.LINKED, "circ:fundedBy", target="funding-programme", many=True),
            _c("themes", Kind.LINKED, "circ:hasTheme", target="theme", many=True),
            _c("start_date", Kind.DATE, "schema:startDate"),
            _c("end_date", Kind.DATE, "schema:endDate"),
            _c("objective", Kind.TEXT, "dct:description"),
            _c("target_audience", Kind.TEXT, "circ:describesAudience"),
            _c("website", Kind.URL, "foaf:homepage"),
            _SOURCE,
            _NOTE,
        ),
        "Projects, partnerships, European initiatives and their parts. Money stands in amounts, grants in identifiers.",
    ),
    Table(
        "funding-programmes",
        "funding-programme",
        "circ:FundingProgramme",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="funding-kind", about="programme or fund"),
            _c("part_of", Kind.REF, "circ:partOf", target="funding-programme", many=True),
            _SOURCE,
            _NOTE,
        ),
        "Programmes and funds that pay for initiatives.",
    ),
    Table(
        "organisations",
        "organisation",
        "org:Organization",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("name", "skos:prefLabel", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="organisation-kind"),
            _c("unit_of", Kind.REF, "org:unitOf", target="organisation", many=True, implies="org:OrganizationalUnit"),
            _COUNTRY,
            _c("city", Kind.STRING, "circ:seatedIn", about="name of the town of the seat"),
            *_NUTS,
            _c("website", Kind.URL, "foaf:homepage"),
            _SOURCE,
            _NOTE,
        ),
        "Organisations and organisational units, never persons.",
    ),
    Table(
        "territories",
        "territory",
        "circ:Territory",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("label", "skos:prefLabel", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="territory-kind"),
            _COUNTRY,
            _c("same_extent_as", Kind.NUTS, "circ:sameExtentAs", many=True, about="NUTS region of exactly this extent"),
            *_NUTS,
            _c("part_of", Kind.REF, "circ:locatedIn", target="territory", many=True),
            _SOURCE,
            _NOTE,
        ),
        "Cities, clusters and regions that are not themselves NUTS regions. same_extent_as or nuts_code, not both.",
    ),
    Table(
        "participations",
        "participation",
        "circ:Participation",
        ("initiative", "participant", "role"),
        (
            _c("initiative", Kind.REF, "circ:participationIn", target="initiative", required=True),
            _c("participant", Kind.TYPED_REF, "circ:participant", required=True),
            _c("participant_type", Kind.AUX, about="organisation or territory"),
            _c("role", Kind.CONCEPT, "circ:hasRole", target="role", required=True),
            _c("on_behalf_of", Kind.REF, "circ:onBehalfOf", target="territory", many=True),
            *_NUTS,
            _SOURCE,
            _NOTE,
        ),
        "One row for each initiative, participant and role.",
    ),
    Table(
        "practices",
        "practice",
        "circ:Practice",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("initiatives", Kind.REF, "circ:identifiedBy", target="initiative", many=True, required=True),
            _COUNTRY,
            _c(
                "place",
                Kind.LINKED,
                "circ:locatedIn",
                target="territory",
                many=True,
                about="town or region as named; resolved to a territory",
            ),
            *_NUTS,
            _c("organisations", Kind.LINKED, "circ:practisedBy", target="organisation", many=True),
            _c("start_date", Kind.DATE, "schema:startDate"),
            _c("end_date", Kind.DATE, "schema:endDate"),
            _c("themes", Kind.LINKED, "circ:hasTheme", target="theme", many=True),
            _c("strategies", Kind.CONCEPT, "circ:appliesStrategy", target="circular-strategy", many=True),
            *_text("description", "dct:description"),
            _c(
                "barriers",
                Kind.LINKED,
                "circ:addressesBarrierType",
                target="barrier-type",
                many=True,
                about="obstacles as the source words them",
            ),
            _c("transferred_to", Kind.TYPED_REF, "circ:transferredTo", many=True),
            _c("transferred_to_type", Kind.AUX, about="territory or nuts"),
            _SOURCE,
            _NOTE,
        ),
        "What somebody does somewhere and an initiative found worth showing. Costs stand in amounts.",
    ),
    Table(
        "barriers",
        "barrier",
        "circ:Barrier",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("label", "skos:prefLabel", required=True),
            _c("initiative", Kind.REF, "circ:reportedBy", target="initiative", required=True),
            _c("barrier_type", Kind.CONCEPT, "circ:barrierType", target="barrier-type", required=True),
            _COUNTRY,
            _c("place", Kind.REF, "circ:locatedIn", target="territory", many=True),
            *_NUTS,
            *_text("description", "dct:description"),
            _SOURCE,
            _NOTE,
        ),
        "An obstacle as one source reports it, with its one type.",
    ),
    Table(
        "drivers",
        "driver",
        "circ:Driver",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("label", "skos:prefLabel", required=True),
            _c("initiative", Kind.REF, "circ:reportedBy", target="initiative", required=True),
            _c("driver_type", Kind.CONCEPT, "circ:driverType", target="driver-type", required=True),
            _COUNTRY,
            _c("place", Kind.REF, "circ:locatedIn", target="territory", many=True),
            *_NUTS,
            *_text("description", "dct:description"),
            _SOURCE,
            _NOTE,
        ),
        "What helps, as one source reports it, with its one type.",
    ),
    Table(
        "policy-instruments",
        "policy-instrument",
        "circ:PolicyInstrument",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="instrument-kind"),
            _c("jurisdiction", Kind.COUNTRY, "circ:country", about="country, or EU"),
            _c("nuts_code", Kind.NUTS, "circ:appliesTo", about="NUTS region to which it applies"),
            _c("nuts_version", Kind.AUX),
            _c("applies_to", Kind.REF, "circ:appliesTo", target="territory", many=True),
            _c("managed_by", Kind.LINKED, "circ:managedBy", target="organisation", many=True),
            _c(
                "eli",
                Kind.AUX,
                implies="eli:LegalResource",
                about="ELI address: the IRI of the thing itself where there is one",
            ),
            _c("celex", Kind.STRING, "circ:celex"),
            _SOURCE,
            _NOTE,
        ),
        "Laws, strategies, plans and programmes. What an initiative does with one stands in instrument-relations.",
    ),
    Table(
        "instrument-relations",
        None,
        None,
        ("initiative", "instrument", "relation"),
        (
            _c("initiative", Kind.REF, target="initiative", required=True),
            _c("instrument", Kind.REF, target="policy-instrument", required=True),
            _c(
                "relation",
                Kind.AUX,
                required=True,
                about="targets (wants to change it), influences (a change was reported), refers-to (context)",
            ),
            _SOURCE,
            _NOTE,
        ),
        "initiative circ:targetsInstrument, circ:influencesInstrument or circ:refersToInstrument instrument.",
    ),
    Table(
        "actions",
        "action",
        "circ:Action",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("initiative", Kind.REF, "circ:actionOf", target="initiative", required=True),
            _c("number", Kind.INTEGER, "circ:actionNumber"),
            _c("draft_number", Kind.INTEGER, "circ:draftNumber"),
            _c("strand", Kind.CONCEPT, "circ:hasStrand", target="strand"),
            _c("themes", Kind.LINKED, "circ:hasTheme", target="theme", many=True),
            _c("lead", Kind.LINKED, "circ:hasLead", target="organisation", many=True),
            _c("barriers", Kind.REF, "circ:addressesBarrier", target="barrier", many=True),
            _c("instruments", Kind.REF, "circ:concernsInstrument", target="policy-instrument", many=True),
            _COUNTRY,
            *_NUTS,
            _c("deadline", Kind.DATE, "circ:deadline"),
            *_text("description", "dct:description"),
            _SOURCE,
            _NOTE,
        ),
    ),
    Table(
        "outputs",
        "output",
        "circ:Output",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("initiative", Kind.REF, "circ:outputOf", target="initiative", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="output-kind"),
            _c("actions", Kind.REF, "circ:outputOfAction", target="action", many=True),
            _c("date", Kind.DATE, "dct:issued"),
            _c("url", Kind.URL, "foaf:page"),
            _COUNTRY,
            *_NUTS,
            _SOURCE,
            _NOTE,
        ),
        "What an initiative made. Numbers planned and delivered stand in quantities.",
    ),
    Table(
        "events",
        "event",
        "schema:Event",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("title", "dct:title", required=True),
            _c("initiative", Kind.REF, "circ:eventOf", target="initiative", required=True),
            _c("kind", Kind.CONCEPT, "dct:type", target="event-kind"),
            _c("start_date", Kind.DATE, "schema:startDate"),
            _c("end_date", Kind.DATE, "schema:endDate"),
            _c("place", Kind.LINKED, "circ:locatedIn", target="territory", many=True),
            _c(
                "mode",
                Kind.CONCEPT,
                "circ:attendanceMode",
                target="attendance-mode",
                about="on-site, online or hybrid, where stated",
            ),
            _COUNTRY,
            *_NUTS,
            _SOURCE,
            _NOTE,
        ),
    ),
    Table(
        "topics",
        "topic",
        "circ:Topic",
        ("id",),
        (
            _ID,
            _IDENTIFIER,
            *_text("label", "skos:prefLabel", required=True),
            _c("initiative", Kind.REF, "circ:topicOf", target="initiative", required=True),
            _c("broader", Kind.REF, "skos:broader", target="topic", many=True),
            _c("themes", Kind.CONCEPT, "skos:relatedMatch", target="theme", many=True),
            _SOURCE,
            _NOTE,
        ),
        "An initiative's own division of its subject: working groups, knowledge areas, chapters.",
    ),
    Table(
        "support-services",
        "support-service",
        "circ:SupportService",
        ("id",),
        (
            _ID,
            *_text("title", "dct:title", required=True),
            _c("initiative", Kind.REF, "circ:serviceOf", target="initiative", required=True),
            _c("offered_by", Kind.REF, "circ:offeredBy", target="organisation", many=True),
            _c("maturity", Kind.CONCEPT, "circ:suitsMaturity", target="maturity-level", many=True),
            _c("audience", Kind.TEXT, "circ:describesAudience"),
            *_text("description", "dct:description"),
            _SOURCE,
            _NOTE,
        ),
    ),
    Table(
        "amounts",
        "amount",
        "circ:Amount",
        ("id",),
        (
            _ID,
            _c("subject", Kind.TYPED_REF, "circ:hasAmount", inverse=True, required=True),
            _c("subject_type", Kind.AUX, about="type of the subject, e.g. initiative, practice, participation"),
            _c("kind", Kind.CONCEPT, "dct:type", target="amount-kind", required=True),
            _c("value", Kind.DECIMAL, "schema:value", required=True),
            _c("currency", Kind.CURRENCY, "circ:currency", required=True),
            _c("date", Kind.DATE, "dct:date", about="year or date to which it refers, where stated"),
            _SOURCE,
            _NOTE,
        ),
        "Every sum of money, each a thing of its own with its kind. Sums in dispute are also listed in claims.",
    ),
    Table(
        "quantities",
        "quantity",
        "circ:Quantity",
        ("id",),
        (
            _ID,
            _c("subject", Kind.TYPED_REF, "circ:hasQuantity", inverse=True, required=True),
            _c("subject_type", Kind.AUX, about="output, event, practice, action …"),
            _c(
                "kind",
                Kind.CONCEPT,
                "dct:type",
                target="quantity-kind",
                required=True,
                about="planned, delivered, participants …",
            ),
            _c("value", Kind.DECIMAL, "schema:value", required=True),
            _c("unit", Kind.TEXT, "schema:unitText"),
            _c("date", Kind.DATE, "dct:date"),
            _SOURCE,
            _NOTE,
        ),
        "Counted things other than money: outputs planned and delivered, people at an event, items reused.",
    ),
    Table(
        "claims",
        "claim",
        "circ:Claim",
        ("id",),
        (
            _ID,
            _c("subject", Kind.TYPED_REF, "rdf:subject", required=True),
            _c("subject_type", Kind.AUX),
            _c(
                "predicate",
                Kind.AUX,
                required=True,
                about="prefixed name of the property in dispute, e.g. schema:endDate",
            ),
            _c("value", Kind.AUX, required=True),
            _c(
                "value_type",
                Kind.AUX,
                required=True,
                about="date, integer, decimal, string, text@xx, iri, or a thing's type (then value is its slug)",
            ),
            _c(
                "rank",
                Kind.CONCEPT,
                "circ:hasRank",
                target="claim-rank",
                required=True,
                about="preferred (at most one, stated by the tables too), normal, deprecated",
            ),
            _c(
                "source", Kind.SOURCE, "prov:wasDerivedFrom", many=True, required=True, about="where the value was read"
            ),
            _c("note", Kind.TEXT, "skos:note", about="what a reader should know about this value"),
        ),
        "Each value that a source gives for a property on which sources disagree.",
    ),
    Table(
        "names",
        None,
        None,
        ("subject_type", "subject", "name", "lang"),
        (
            _c("subject", Kind.TYPED_REF, required=True),
            _c("subject_type", Kind.AUX),
            _c("name", Kind.AUX, required=True),
            _c("lang", Kind.AUX, about="language tag, empty if unknown"),
            _SOURCE,
            _NOTE,
        ),
        "Other names: skos:altLabel.",
    ),
    Table(
        "relations",
        None,
        None,
        ("subject_type", "subject", "predicate", "object_type", "object"),
        (
            _c("subject", Kind.TYPED_REF, required=True),
            _c("subject_type", Kind.AUX),
            _c("predicate", Kind.AUX, required=True, about="prefixed name of an object property"),
            _c("object", Kind.TYPED_REF, required=True),
            _c("object_type", Kind.AUX),
            _SOURCE,
            _NOTE,
        ),
        "Links that notes state and no other table holds, e.g. practice circ:addressesBarrier barrier.",
    ),
    Table(
        "identifiers",
        None,
        None,
        ("subject_type", "subject", "scheme", "value"),
        (
            _c("subject", Kind.TYPED_REF, required=True),
            _c("subject_type", Kind.AUX),
            _c(
                "scheme",
                Kind.AUX,
                required=True,
                about="a scheme that circkg_loaders.facts.statements.IDENTIFIERS lists, e.g. pic, cordis-grant, celex",
            ),
            _c("value", Kind.AUX, required=True),
            _c(
                "certainty",
                Kind.AUX,
                required=True,
                about="exact, close or uncertain; uncertain rows are candidates only",
            ),
            _c("evidence", Kind.AUX),
            _SOURCE,
            _NOTE,
        ),
        "Identifiers and addresses elsewhere.",
    ),
    Table(
        "coverage",
        "coverage",
        "circ:Coverage",
        ("id",),
        (
            _ID,
            _c("about", Kind.TYPED_REF, "circ:coverageOf", required=True),
            _c("about_type", Kind.AUX),
            *_text("what", "dct:title", required=True, about="what is counted, e.g. fellow territories"),
            _c("expected", Kind.INTEGER, "circ:expectedCount"),
            _c("known", Kind.INTEGER, "circ:knownCount"),
            _c(
                "status",
                Kind.CONCEPT,
                "circ:hasStatus",
                target="coverage-status",
                required=True,
                about="complete, partial, absent, unknown, not-applicable or zero",
            ),
            _SOURCE,
            _NOTE,
        ),
        "What should be there and what is. Absent (not looked for), unknown (looked for) and zero are three things.",
    ),
    Table(
        "links",
        None,
        None,
        ("table", "column", "text", "key", "target"),
        (
            _c("table", Kind.AUX, required=True),
            _c("column", Kind.AUX, required=True),
            _c("text", Kind.AUX, required=True, about="one item of a cell, exactly as written there"),
            _c("key", Kind.AUX, about="id of the one row it is about; empty: every row with this text"),
            _c("target_type", Kind.AUX, required=True, about="type of thing, name of a vocabulary, or nuts"),
            _c("target", Kind.AUX, required=True, about="slug (NUTS: the code); several targets: several rows"),
            _c("basis", Kind.AUX, required=True, about="source (it says so) or ours (editorial judgement)"),
            _c("evidence", Kind.AUX, required=True, about="one sentence"),
        ),
        "Which thing a text means: the edges of the graph.",
    ),
    Table(
        "unresolved",
        None,
        None,
        ("table", "column", "text", "key"),
        (
            _c("table", Kind.AUX, required=True),
            _c("column", Kind.AUX, required=True),
            _c("text", Kind.AUX, required=True),
            _c("key", Kind.AUX),
            _c("reason", Kind.AUX, required=True),
        ),
        "Texts that stay text, each with a reason. Kept in the graph as a note of the record.",
    ),
)
