"""Decides what each sheet of a file holds, and what each of its columns says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz import fuzz, process

from circkg_loaders.contributed.contribution import Options
from circkg_loaders.contributed.faults import Fault, Severity, Suggestion
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.headers import FormNames, Header, Heading, choose_form, find_header
from circkg_loaders.contributed.mapping import KEY, MappedColumn, MappedTable
from circkg_loaders.contributed.places import Place
from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.sheets import Sheet, shown
from circkg_loaders.contributed.unread import columns, form_unknown
from circkg_shapes.forms import Field, Form

FEW_ROWS = 0.2
"""Share of rows up to which rows that are longer than the header are at fault, and not the header."""


@dataclass(slots=True)
class Use:
    """One thing that a column says; a mapped column may say several.

    :param role: ``field``, ``key`` or ``language``.
    :param mapped: what a mapping adds, such as a separator.
    """

    number: int
    header: str
    role: str
    field: Field | None
    language: str
    mapped: MappedColumn | None = None


@dataclass(slots=True)
class Plan:
    """How the rows of one sheet become things of one form.

    :param others: columns from which nothing is taken: number, header and whether that is on purpose.
    :param rows: numbers of the rows that hold something, below the header.
    """

    sheet: Sheet
    form: Form
    header_rows: tuple[int, ...]
    uses: list[Use]
    others: list[tuple[int, str, bool]]
    table: MappedTable | None = None
    rows: list[int] = field(default_factory=list)

    def uses_of(self, role: str) -> list[Use]:
        """Return the uses of a role."""
        return [use for use in self.uses if use.role == role]


def make_plans(sheets: Sequence[Sheet], options: Options, forms: Sequence[Form]) -> tuple[list[Plan], list[Fault]]:
    """Return the plan of each sheet and form, and what is wrong with sheets and headers.

    :raises ContributionError: if a form or sheet that was asked for is not there, or no sheet holds anything.
    """
    wanted = options.mapping.style.sheet if options.mapping else None
    wanted = options.style.sheet or wanted
    asked = [sheet for sheet in sheets if wanted is None or folded(sheet.name or "") == folded(wanted)]
    if not asked:
        names = ", ".join(f"“{sheet.name}”" for sheet in sheets)
        raise ContributionError(f"{sheets[0].file}: there is no sheet “{wanted}”. Its sheets are {names}.")
    asked = [sheet for sheet in asked if wanted or not is_note(sheet)] or asked
    filled = [sheet for sheet in asked if any(shown(cell).strip() for row in sheet.rows for cell in row)]
    if not filled:
        raise ContributionError(f"{sheets[0].file} is empty. The first row must name the columns.")
    visible = [sheet for sheet in filled if wanted or not sheet.hidden] or filled
    pairs: list[tuple[Sheet, MappedTable | None]] = []
    if options.mapping:
        pairs += _mapped(options.mapping.tables, filled, visible)
    else:
        pairs += [(sheet, None) for sheet in visible]
    plans, faults = _plans(pairs, options, {form.key: form for form in forms})
    if plans and not faults and not any(plan.rows for plan in plans):
        header = max(plans[0].header_rows, default=0)
        raise ContributionError(
            f"{plans[0].sheet.file}: nothing is filled in below the header, which is row {header}. Fill in a row."
        )
    return plans, faults


def is_note(sheet: Sheet) -> bool:
    """Tell whether a sheet is for people only: its name stands in brackets, as in our templates."""
    return bool(sheet.name and sheet.name.startswith("(") and sheet.name.endswith(")"))


def _mapped(
    tables: Iterable[MappedTable], filled: Sequence[Sheet], visible: Sequence[Sheet]
) -> Iterator[tuple[Sheet, MappedTable]]:
    """Yield the sheet of each mapped table: the one that it names, else the one that has most of its columns."""
    for table in tables:
        if table.sheet is None:
            wanted = {folded(header) for header in table.columns}
            rated = [
                (len(wanted & {folded(shown(cell)) for row in sheet.rows[:30] for cell in row}), -number)
                for number, sheet in enumerate(visible)
            ]
            yield visible[-max(rated)[1]], table
            continue
        named = [sheet for sheet in filled if folded(sheet.name or "") == folded(table.sheet)]
        if not named:
            names = ", ".join(f"“{sheet.name}”" for sheet in filled)
            raise ContributionError(
                f"{filled[0].file}: there is no sheet “{table.sheet}”, which the mapping names. Its sheets are {names}."
            )
        yield named[0], table


def _plans(
    pairs: Sequence[tuple[Sheet, MappedTable | None]], options: Options, forms: dict[str, Form]
) -> tuple[list[Plan], list[Fault]]:
    plans: list[Plan] = []
    faults: list[Fault] = []
    declared = options.style.header_rows or (options.mapping.style.header_rows if options.mapping else None)
    by_form = {key: FormNames(form) for key, form in forms.items()}
    unread: list[tuple[Sheet, Sequence[FormNames]]] = []
    for sheet, table in pairs:
        form = table.form if table else options.form
        if form is not None and form not in forms:
            raise ContributionError(f"{sheet.file}: there is no form {form!r}. The forms are {', '.join(forms)}.")
        if table is not None:
            names: FormNames | None = FormNames(forms[table.form], table)
        elif form is not None:
            names = by_form[form]
        else:
            names, fitting = choose_form(sheet, by_form.values(), declared)
            if names is None:
                unread.append((sheet, fitting))
                continue
        assert names is not None
        plan, wrong = _plan(sheet, names, find_header(sheet, names, declared), table)
        plans.append(plan)
        faults += wrong
    for sheet, fitting in unread:
        if plans:
            values = {"forms": ", ".join(names.form.key for names in fitting) or ", ".join(forms)}
            faults.append(Fault("sheet-not-read", Severity.INFO, Place(sheet.file, sheet.name), values=values))
        else:
            faults += form_unknown(sheet, fitting or list(by_form.values()), declared)
    return plans, faults


def _plan(sheet: Sheet, names: FormNames, header: Header, table: MappedTable | None) -> tuple[Plan, list[Fault]]:
    uses: list[Use] = []
    others: list[tuple[int, str, bool]] = []
    faults: list[Fault] = []
    first = max(header.rows, default=0) + 1
    rows = [n for n in range(first, len(sheet.rows) + 1) if any(shown(cell).strip() for cell in sheet.rows[n - 1])]
    width = max((len(sheet.rows[number - 1]) for number in rows), default=0)
    longer = _longer(sheet, rows, len(header.texts))
    faults += longer
    for number in range(1, max(width, len(header.texts)) + 1):
        text = header.texts[number - 1] if number <= len(header.texts) else ""
        heading = header.headings[number - 1] if number <= len(header.texts) else None
        found = list(_uses(number, text, heading, names, table))
        uses += found
        if found:
            continue
        on_purpose = (heading is not None and heading.role == "ignored") or (table is not None and table.rest)
        filled = next((row for row in rows if shown(sheet.cell(row, number)).strip()), None)
        others.append((number, text, on_purpose))
        if filled and not on_purpose and not (longer and number > len(header.texts)):
            faults.append(_unknown(sheet, names, header, number, text, filled))
    if not uses:
        expected = ", ".join(field.key for field in names.form.fields[:6])
        faults = [
            Fault(
                "header-missing", Severity.VIOLATION, Place(sheet.file, sheet.name, row=first),
                values={"form": names.form.key, "expected": expected}, messages=columns([(names.form, header)]),
            ),
            *(fault for fault in faults if fault.suggestions),
        ]  # fmt: skip
    elif table is not None and table.complete:
        faults += _not_there(sheet, header, table)
    return Plan(sheet, names.form, header.rows, uses, others, table, rows), faults


def _longer(sheet: Sheet, rows: Sequence[int], width: int) -> list[Fault]:
    """Return a fault for each row that is longer than the header, if few are: there a cell fell into two.

    Where many are, it is the header that lacks columns.
    """
    long = [row for row in rows if any(shown(cell).strip() for cell in sheet.rows[row - 1][width:])]
    if not width or len(long) > max(1, len(rows) * FEW_ROWS):
        return []
    return [
        Fault(
            "row-too-long", Severity.VIOLATION, sheet.place(row),
            values={"count": str(len(sheet.rows[row - 1])), "limit": str(width)},
        )
        for row in long
    ]  # fmt: skip


def _uses(
    number: int, text: str, heading: Heading | None, names: FormNames, table: MappedTable | None
) -> Iterator[Use]:
    if heading is None:
        return
    if heading.role == "mapped":
        assert table is not None
        fields = {field.key: field for field in names.form.fields}
        for column in table.columns[heading.mapped]:
            field = fields.get(column.field)
            role = "field" if field else "key" if column.field == KEY else "language"
            yield Use(number, text, role, field, column.language, column)
    elif heading.role != "ignored":
        yield Use(number, text, heading.role, heading.field, heading.language)


def _unknown(sheet: Sheet, names: FormNames, header: Header, number: int, text: str, filled: int) -> Fault:
    """Return the fault of a column that says nothing that the form has, at its header."""
    row = header.rows[-1] if header.rows and not sheet.pointers else filled
    place = replace(sheet.place(row, number, text or None), raw=text)
    values = {"header": text, "form": names.form.key}
    if not text:
        return Fault("header-empty", Severity.WARNING, place, also=(sheet.place(filled, number),), values=values)
    return Fault("header-unknown", Severity.WARNING, place, values=values, suggestions=names.suggestions(text))


def _not_there(sheet: Sheet, header: Header, table: MappedTable) -> Iterator[Fault]:
    """Yield a fault for each column that the mapping names and the sheet does not have."""
    there = {heading.mapped for heading in header.headings if heading}
    texts = [text for text in header.texts if text]
    for wanted in table.columns:
        if wanted not in there:
            near = process.extract(wanted, texts, scorer=fuzz.ratio, processor=folded, limit=3, score_cutoff=70)
            yield Fault(
                "mapped-column-missing", Severity.VIOLATION,
                Place(sheet.file, sheet.name, row=max(header.rows, default=1)), values={"header": wanted},
                suggestions=tuple(Suggestion(text, "nearest", score=round(s / 100, 2)) for text, s, _ in near),
            )  # fmt: skip
