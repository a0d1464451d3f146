"""Turns the rows of sheets into triples, each with the cells that it comes from, and says what cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from circkg_loaders.contributed.cells import CellReader, Context, Unreadable
from circkg_loaders.contributed.checks import check_columns, check_facts
from circkg_loaders.contributed.contribution import ColumnAccount, Contribution, Options, SheetAccount
from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.items import MISSING, Item, Items
from circkg_loaders.contributed.known import Known
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.limits import MAX_CELL, MAX_KEPT, MAX_PLACES, MAX_VALUES
from circkg_loaders.contributed.notations import Notation
from circkg_loaders.contributed.origins import TableOrigins
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.plans import Plan, Use, make_plans
from circkg_loaders.contributed.sheets import Book, shown
from circkg_loaders.contributed.style import Style
from circkg_loaders.contributed.subjects import composed_of, is_kept, is_name, subject_of, told_by
from circkg_loaders.prefixes import expand
from circkg_shapes.forms import Field, Kind
from circkg_shapes.terms import Term, Triple, iri, iri_text

_TYPE = iri(expand("rdf:type"))
_SOURCE = iri(expand("dct:source"))
_SUBJECT, _PREDICATE = iri(expand("rdf:subject")), iri(expand("rdf:predicate"))
_PLAIN_NUMBER = Notation.of_numbers((), ".")
_LEAST_FILLED = 3
"""Filled cells from which a row without a name is an entry, and no remark and no total."""

_FORMULA_ERRORS = frozenset(("#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#N/A"))


def read_sheets(book: Book, options: Options, name: str, digest: str, syntax: str) -> Contribution:
    """Return what the sheets of a file say.

    :raises ContributionError: if no sheet holds anything, or a form or sheet that was asked for is not there.
    """
    plans, faults = make_plans(book.sheets, options, our_forms())
    reader = _Reader(plans, options, name, digest)
    reader.read()
    return Contribution(
        name, digest, syntax, book.style, list(reader.triples), reader.origins,
        [*book.faults, *faults, *reader.faults], frozenset(reader.spoiled), tuple(map(_account, reader.tables)),
        list(reader.nameless),
    )  # fmt: skip


@dataclass(slots=True)
class _Table:
    """One plan while it is read.

    :param composed: fields that together identify or tell a thing that has no name.
    :param notations: how a column writes the dates or numbers of a field, by column and field.
    :param subjects: the thing of each row that is taken.
    :param nameless: a blank node for each row that nothing names and that is judged all the same, with the properties
        that are told of already.
    :param changed: rows whose key is written in another way than it stands in the IRI that is made of it, by column.
    :param filled: cells that hold something, by column, and ``values`` what was taken from them.
    """

    number: int
    plan: Plan
    composed: tuple[str, ...]
    notations: dict[tuple[int, str], Notation] = field(default_factory=dict)
    subjects: dict[int, Term] = field(default_factory=dict)
    nameless: dict[int, tuple[Term, frozenset[Term]]] = field(default_factory=dict)
    changed: dict[int, list[int]] = field(default_factory=dict)
    filled: Counter[int] = field(default_factory=Counter)
    values: Counter[int] = field(default_factory=Counter)
    faults: Counter[tuple[str, int]] = field(default_factory=Counter)


class _Reader:
    def __init__(self, plans: list[Plan], options: Options, file: str, digest: str) -> None:
        mapping = options.mapping
        self._style = options.style.over(mapping.style) if mapping else options.style
        self._language = options.language or (mapping.language if mapping else "")
        self._missing = MISSING | {text.casefold() for text in (mapping.missing if mapping else ())}
        self._known = options.known or Known.of_rooms()
        self._look_up_in(self._known)
        self.tables = [
            _Table(number, plan, composed_of(plan.form) or told_by(plan.form)) for number, plan in enumerate(plans)
        ]
        columns = [[(use.number, use.field.path) for use in plan.uses if use.field] for plan in plans]
        self.origins = TableOrigins(file, self._locate, columns)
        self._blank = f"_:row{digest[:12]}"
        self.triples: dict[Triple, None] = {}
        self.nameless: dict[Triple, None] = {}
        self.faults: list[Fault] = []
        self.spoiled: set[tuple[Term, Term]] = set()

    def _look_up_in(self, known: Known) -> None:
        self._named = known
        self._cells = CellReader(known)
        self._items = Items(self._missing, self._cells)

    def _locate(self, table: int, row: int, column: int) -> Place:
        plan = self.tables[table].plan
        header = next((use.header for use in plan.uses if use.number == column), None)
        return plan.sheet.place(row, column, header)

    def read(self) -> None:
        """Read all rows: first what they are about, so that rows may name one another; then what they say."""
        for table in self.tables:
            if not table.composed:
                self._find_subjects(table)
        self._look_up_in(self._known.with_things(self.triples))
        for table in self.tables:
            if table.composed:
                self._find_subjects(table)
        for table in self.tables:
            table.notations = _notations(table.plan, self._items, self._style)
            if all(earlier.plan.sheet is not table.plan.sheet for earlier in self.tables[: table.number]):
                self.faults += check_columns(table.plan, self._missing)
            for row, subject in table.subjects.items():
                self._read_row(table, row, subject)
            for row, (node, told) in table.nameless.items():
                self._read_row(table, row, node, told)
            self._sum_up(table)

    # -- what rows are about ------------------------------------------------------------------------------------

    def _find_subjects(self, table: _Table) -> None:
        """Give each row its thing, and state class and names of the thing."""
        plan = table.plan
        if not plan.uses:
            return  # that there is no header is told already, and that no row has a name follows from it
        keys = plan.uses_of("key")
        naming = [use for use in plan.uses_of("field") if use.field and is_name(use.field)]
        said = {use.number for use in plan.uses_of("field")}  # what says more than the key is kept as it is written
        for row in plan.rows:
            key, key_use = "", None
            for use in keys:
                items = self._items.of(plan, row, use)
                table.filled[use.number] += bool(items)
                if items and not key:
                    key, key_use = items[0].text, use
            names = [(use, item) for use in naming for item in self._items.of(plan, row, use)]
            # English names make the slug where there are several, so that the order of columns does not matter.
            ordered = sorted(names, key=lambda pair: self._language_of(plan, row, *pair) != "en")
            parts, wrong = self._parts(table, row) if table.composed and not key else ([], {})
            subject = subject_of(plan.form, key, [item.text for _, item in ordered], parts)
            if subject is None:
                unnamed = Fault(
                    "row-without-name", Severity.VIOLATION, self._naming_cell(table.number, row),
                    values={"row": str(row)},
                )  # fmt: skip
                self.faults += wrong.values() or [unnamed]
                self._judge_nameless(table, row, frozenset(wrong) | {use.field.path for use in naming if use.field})
                continue
            earlier = self.origins.rows.setdefault(subject, (table.number, row))
            if earlier != (table.number, row) and not (plan.table and plan.table.merge):
                self._refuse_twice(table, row, earlier, subject)
                continue
            table.subjects[row] = subject
            if key_use and key_use.number not in said and not is_kept(key, subject):
                table.changed.setdefault(key_use.number, []).append(row)
            self._state((subject, _TYPE, plan.form.target), table, row, 0)
            for use, item in names:
                language = self._language_of(plan, row, use, item)
                if use.field and language:
                    term = self._cells.term(item.text, use.field, Context(language=language))
                    self._state((subject, use.field.path, term), table, row, use.number)

    def _judge_nameless(self, table: _Table, row: int, told: frozenset[Term]) -> None:
        """Have a row judged that has no name, or that of another; it is never taken, but needs no second round.

        :param told: properties of which it is told already what is wrong.
        """
        plan = table.plan
        if sum(bool(self._items.of(plan, row, use)) for use in plan.uses) < _LEAST_FILLED:
            return
        node = f"{self._blank}x{table.number}x{row}"
        table.nameless[row] = node, told
        self.spoiled.update((node, path) for path in told)
        self.origins.rows[node] = (table.number, row)
        self._state((node, _TYPE, plan.form.target), table, row, 0)

    def _tell_changed_keys(self, table: _Table) -> None:
        """Say once of a column that its keys are not taken as they are written, with the first of them."""
        for number, rows in table.changed.items():
            place = self._locate(table.number, rows[0], number)
            written = iri_text(table.subjects[rows[0]]).rpartition("/")[2]
            values = {"value": place.raw or "", "written": written, "field": place.header or ""}
            self.faults.append(Fault("key-changed", Severity.INFO, place, values=values | {"count": str(len(rows))}))

    def _parts(self, table: _Table, row: int) -> tuple[list[str], dict[Term, Fault]]:
        """Return slugs of what a row without a name of its own is made up of, or what is wrong with each property."""
        plan = table.plan
        found: list[str] = []
        wrong: dict[Term, Fault] = {}
        for key in table.composed:
            field = _field_of(plan, key)
            use = next((use for use in plan.uses_of("field") if use.field is field), Use(0, "", "field", field, ""))
            texts = self._texts(plan, row, field)
            try:
                if field.kind in (Kind.DATE, Kind.TEXT):
                    found += texts[:1]
                elif texts:
                    found.append(iri_text(self._cells.term(texts[0], field, Context())).rpartition("/")[2])
                elif field.required:
                    wrong[field.path] = self._fault_at(table, row, use, Unreadable("missing", ""))
            except Unreadable as problem:
                wrong[field.path] = self._fault_at(table, row, use, problem)
        return ([], wrong) if wrong else (found, {})

    def _texts(self, plan: Plan, row: int, field: Field) -> list[str]:
        """Return the values of a field in a row as they are written."""
        uses = [use for use in plan.uses_of("field") if use.field is field]
        texts = [item.text for use in uses for item in self._items.of(plan, row, use)]
        return texts + list(plan.table.constants.get(field.key, ()) if plan.table else ())

    def _naming_cell(self, table: int, row: int) -> Place:
        """Return the cell that names the thing of a row: that of the key, else of its name, else the row."""
        uses = self.tables[table].plan.uses
        naming = [use for use in uses if use.role == "key"] or [use for use in uses if use.field and is_name(use.field)]
        return self._locate(table, row, naming[0].number if naming else 0)

    def _refuse_twice(self, table: _Table, row: int, earlier: tuple[int, int], subject: Term) -> None:
        first = self.tables[earlier[0]].plan.sheet
        place, also = self._naming_cell(table.number, row), (self._naming_cell(*earlier),)
        values = {"thing": subject.strip("<>"), "row": str(earlier[1])}
        if list(map(shown, first.rows[earlier[1] - 1])) == list(map(shown, table.plan.sheet.rows[row - 1])):
            fault = Fault("row-twice", Severity.WARNING, place, also, values)
        else:
            fault = Fault("key-twice", Severity.VIOLATION, place, also, values, focus_node=subject)
            self._judge_nameless(table, row, frozenset())
        self.faults.append(fault)

    # -- what rows say ------------------------------------------------------------------------------------------

    def _read_row(self, table: _Table, row: int, subject: Term, told: Collection[Term] = ()) -> None:
        """State what a row says.

        :param told: properties that are passed over.
        """
        plan = table.plan
        for key, texts in (plan.table.constants if plan.table else {}).items():
            use = Use(0, "", "field", _field_of(plan, key), "")
            for text in texts:
                self._read_value(table, row, use, Item(text), subject, Context(language=self._language))
        country = self._country(plan, row)
        for use in plan.uses_of("field"):
            assert use.field is not None
            if use.field.path in told:
                continue
            raw = shown(plan.sheet.cell(row, use.number))
            if len(raw) > MAX_CELL or raw in _FORMULA_ERRORS:
                code = "formula-error" if raw in _FORMULA_ERRORS else "cell-too-long"
                self._refuse(table, row, use, subject, Unreadable(code, raw[:80], (), limit=str(MAX_CELL)))
                continue
            items = self._items.of(plan, row, use)
            table.filled[use.number] += bool(items)
            if len(items) > MAX_VALUES:
                self._refuse(
                    table, row, use, subject, Unreadable("too-many-values", raw[:80], (), limit=str(MAX_VALUES))
                )
                continue
            for item in items:
                notation = _PLAIN_NUMBER if item.is_number and use.field.kind is not Kind.DATE else None
                notation = notation or table.notations.get((use.number, use.field.key))
                language = self._language_of(plan, row, use, item)
                of = self._property(plan, row) if use.field.kind is Kind.ANY else None
                self._read_value(table, row, use, item, subject, Context(notation, language, country, of))

    def _read_value(self, table: _Table, row: int, use: Use, item: Item, subject: Term, context: Context) -> None:
        assert use.field is not None
        try:
            term = self._cells.term(item.text, use.field, context)
        except Unreadable as problem:
            self._refuse(table, row, use, subject, problem)
            return
        table.values[use.number] += row in table.subjects
        self._state(use.field.triple(subject, term), table, row, use.number)
        for triple in self._cells.new_sources.get(term, ()):
            self.origins.rows.setdefault(term, (table.number, row))
            self._state(triple, table, row, use.number)

    def _state(self, triple: Triple, table: _Table, row: int, column: int) -> None:
        (self.nameless if row in table.nameless else self.triples)[triple] = None
        places = self.origins.cells.setdefault(triple, [])
        if len(places) < MAX_PLACES and (table.number, row, column) not in places:
            places.append((table.number, row, column))

    def _refuse(self, table: _Table, row: int, use: Use, subject: Term, problem: Unreadable) -> None:
        """Note that a cell cannot be read; a column without a language once, and others as often as is kept."""
        assert use.field is not None
        self.spoiled.add((subject, use.field.path))
        table.faults[problem.code, use.number] += 1
        count = table.faults[problem.code, use.number]
        if count > (1 if problem.code == "language-missing" else MAX_KEPT):
            return
        self.faults.append(self._fault_at(table, row, use, problem))

    def _fault_at(self, table: _Table, row: int, use: Use, problem: Unreadable) -> Fault:
        assert use.field is not None
        values = {**problem.values, "field": " ".join(use.header.split()) or use.field.key}
        place = self._locate(table.number, row, use.number)
        return Fault(problem.code, Severity.VIOLATION, place, (), values, (), problem.suggestions)

    def _language_of(self, plan: Plan, row: int, use: Use, item: Item) -> str:
        """Return the language of a text: of itself, of its column, of its row, else of the file."""
        if item.language or use.language:
            return item.language or use.language
        for other in plan.uses_of("language"):
            named = shown(plan.sheet.cell(row, other.number)).strip()
            language = language_of(named) if named and other.field in (None, use.field) else None
            if language:
                return language
        return self._language

    def _country(self, plan: Plan, row: int) -> Term | None:
        """Return the country of a row, if it names one."""
        found: set[Term] = set()
        for use in plan.uses_of("field"):
            if use.field and use.field.kind is Kind.COUNTRY:
                for item in self._items.of(plan, row, use):
                    try:
                        found.add(self._cells.term(item.text, use.field, Context()))
                    except Unreadable:
                        return None
        return found.pop() if len(found) == 1 else None

    def _property(self, plan: Plan, row: int) -> Field | None:
        """Return what the property holds that a row names, by the class of the thing that has it; if it names one."""
        named: dict[Term, Term] = {}
        for said in plan.form.fields:
            for text in self._texts(plan, row, said)[:1] if said.path in (_SUBJECT, _PREDICATE) else ():
                with suppress(Unreadable):
                    named[said.path] = self._cells.term(text, said, Context())
        classes = self._named.kinds(named.get(_SUBJECT, ""))
        forms = (form for form in our_forms() if form.target in classes)
        return next((found for form in forms if (found := form.field(named.get(_PREDICATE, "")))), None)

    def _sum_up(self, table: _Table) -> None:
        """Say what is wrong with the sheet as a whole."""
        plan = table.plan
        for (code, column), count in table.faults.items():
            if code != "language-missing" and count > MAX_KEPT:
                place = self._locate(table.number, plan.rows[-1], column)
                values = {"code": code, "count": str(count - MAX_KEPT), "field": place.header or ""}
                self.faults.append(Fault("more-of-the-same", Severity.VIOLATION, place, values=values))
        self._tell_changed_keys(table)
        facts = {
            use.number for use in plan.uses_of("field")
            if use.field and not is_name(use.field) and use.field.path != _SOURCE
        }  # fmt: skip
        self.faults += check_facts(plan, sum(table.filled[number] for number in facts), len(facts))


def _field_of(plan: Plan, key: str) -> Field:
    return next(field for field in plan.form.fields if field.key == key)


def _notations(plan: Plan, items: Items, style: Style) -> dict[tuple[int, str], Notation]:
    """Return how each column of dates or numbers writes them, as all of its cells together prove."""
    found: dict[tuple[int, str], Notation] = {}
    for use in plan.uses_of("field"):
        if use.field is None or use.field.kind not in (Kind.DATE, Kind.NUMBER, Kind.WHOLE_NUMBER):
            continue
        texts = (item.text for row in plan.rows for item in items.of(plan, row, use) if not item.is_number)
        mapped = use.mapped
        if use.field.kind is Kind.DATE:
            notation = Notation.of_dates(texts, (mapped and mapped.dates) or style.dates)
        else:
            notation = Notation.of_numbers(texts, (mapped and mapped.decimal) or style.decimal)
        found[use.number, use.field.key] = notation
    return found


def _account(table: _Table) -> SheetAccount:
    plan = table.plan
    columns = [
        ColumnAccount(
            use.number, use.header, use.field, use.role, use.language, _said(table.notations, use),
            table.filled[use.number], table.values[use.number],
        )
        for use in plan.uses
    ]  # fmt: skip
    columns += [
        ColumnAccount(number, header, None, "ignored" if on_purpose else "unknown")
        for number, header, on_purpose in plan.others
        if header
    ]
    columns.sort(key=lambda column: column.number)
    rows, loaded = len(plan.rows), len(table.subjects)
    header_rows = () if plan.sheet.pointers else plan.header_rows
    return SheetAccount(plan.sheet.name, plan.form.key, header_rows, tuple(columns), rows, loaded, rows - loaded)


def _said(notations: Mapping[tuple[int, str], Notation], use: Use) -> str:
    notation = notations.get((use.number, use.field.key)) if use.field else None
    return " ".join(notation.names) if notation else ""
