"""CSV on the Web: reads the metadata of a table as a mapping, and writes the metadata of a form.

Metadata Vocabulary for Tabular Data and Model for Tabular Data (W3C Recommendations, 17 December 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from circkg_loaders.contributed.columns import SEPARATOR, Column, columns_of
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.json_tables import CSVW, is_table_metadata, load_json
from circkg_loaders.contributed.known import COUNTRY
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.mapping import KEY, MappedColumn, MappedTable, Mapping
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.rdf import ContributionError, read_content
from circkg_loaders.contributed.style import Style
from circkg_loaders.contributed.subjects import composed_of
from circkg_loaders.prefixes import PrefixError, expand
from circkg_loaders.values import CURRENCY
from circkg_shapes.forms import TYPE, Field, Form, Kind
from circkg_shapes.report import Json, Messages
from circkg_shapes.terms import iri_text

_DATATYPES = {
    Kind.NUMBER: "decimal", Kind.WHOLE_NUMBER: "integer", Kind.ADDRESS: "anyURI", Kind.IRI: "anyURI",
}  # fmt: skip
"""Datatypes of columns. Dates are of three datatypes, and names of things are resolved, so these are texts."""


def find_metadata(table: Path) -> Path | None:
    """Return the metadata that lies beside a table (Model, sections 5.3 and 5.4), or ``None``."""
    beside = (table.with_name(f"{table.name}-metadata.json"), table.with_name("csv-metadata.json"))
    return next((path for path in beside if path.is_file()), None)


def read_metadata(path: Path, table: str) -> Mapping:
    """Return what a metadata file says of a table.

    :param table: name of the table's file.
    :raises ContributionError: if it is no metadata, or does not say what the rows of the table are.
    """
    return parse_metadata(read_content(path), path.name, table)


def parse_metadata(content: bytes, name: str, table: str) -> Mapping:
    """Return what metadata say of a table.

    :param name: name of the metadata file.
    :param table: name of the table's file.
    :raises ContributionError: if it is no metadata, or does not say what the rows of the table are.
    """
    value = load_json(content, name)
    if not is_table_metadata(value):
        raise ContributionError(f"{name} is no metadata of a table: its @context is not {CSVW}.")
    described = _table_of(value, table)
    if described is None:
        raise ContributionError(f"{name} does not describe {table}. Name it there by url.")
    schema = _object(described.get("tableSchema") or value.get("tableSchema"))
    columns = [_object(column) for column in _list(schema.get("columns"))]
    form = _form_of(schema, columns)
    if form is None:
        known = ", ".join(each.key for each in our_forms())
        raise ContributionError(
            f"{name} does not say what the rows of {table} are. Give tableSchema an aboutUrl such as "
            f"https://w3id.org/circkg/id/practice/{{id}}. Our forms: {known}."
        )
    language = _language(_context_language(value) or described.get("lang") or value.get("lang"))
    dialect = {**_object(value.get("dialect")), **_object(described.get("dialect"))}
    return Mapping((_mapped(form, schema, columns),), language, _style(dialect), tuple(_nulls(schema, columns)))


def _table_of(value: dict[str, Any], table: str) -> dict[str, Any] | None:
    tables = [_object(each) for each in _list(value.get("tables"))] or [value]
    named = [each for each in tables if str(each.get("url", "")).rpartition("/")[2] == table]
    return named[0] if named else tables[0] if len(tables) == 1 and not tables[0].get("url") else None


def _form_of(schema: dict[str, Any], columns: Sequence[dict[str, Any]]) -> Form | None:
    """Return the form by the IRIs of the rows, or by their class."""
    about = [str(each.get("aboutUrl", "")) for each in (schema, *columns)]
    classes = {
        _expanded(str(column.get("valueUrl", ""))) for column in columns
        if _expanded(str(column.get("propertyUrl", ""))) == iri_text(TYPE)
    }  # fmt: skip
    for form in our_forms():
        if iri_text(form.target) in classes or (form.space and any(url.startswith(form.space) for url in about)):
            return form
    return None


def _mapped(form: Form, schema: dict[str, Any], columns: Sequence[dict[str, Any]]) -> MappedTable:
    found: dict[str, tuple[MappedColumn, ...]] = {}
    ignored: list[str] = []
    constants: dict[str, tuple[str, ...]] = {}
    for column in columns:
        inherited = {**schema, **column}
        field = _field_of(form, column)
        titles = [*_titles(column.get("titles")), *([str(column["name"])] if "name" in column else [])]
        if column.get("virtual"):
            if field is not None and "valueUrl" in column:
                constants[field.key] = (*constants.get(field.key, ()), str(column["valueUrl"]))
        elif field is None and not _is_key(column, schema):
            ignored += titles if column.get("suppressOutput") else []
        else:
            said = MappedColumn(
                field.key if field else KEY, _language(column.get("lang")) if field else "",
                inherited.get("separator") if isinstance(inherited.get("separator"), str) else None,
                dates=_order(inherited.get("datatype")), decimal=_decimal(inherited.get("datatype")),
            )  # fmt: skip
            found |= dict.fromkeys(titles, (said,))
    return MappedTable(form.key, None, found, constants, tuple(ignored), complete=False)


def _field_of(form: Form, column: dict[str, Any]) -> Field | None:
    wanted = _expanded(str(column.get("propertyUrl", "")))
    by_property = [field for field in form.fields if iri_text(field.path) == wanted]
    by_name = [field for field in form.fields if folded(field.key) == folded(str(column.get("name", "")))]
    found = by_property or ([] if wanted else by_name)
    return found[0] if len(found) == 1 else next(iter(by_name), None)


def _is_key(column: dict[str, Any], schema: dict[str, Any]) -> bool:
    name = str(column.get("name", ""))
    key = schema.get("primaryKey")
    about = str(schema.get("aboutUrl", ""))
    return bool(name) and (name == KEY or key in (name, [name]) or f"{{{name}}}" in about)


def _style(dialect: dict[str, Any]) -> Style:
    rows = dialect.get("headerRowCount", 0 if dialect.get("header") is False else 1)
    skipped = dialect.get("skipRows", 0)
    declared = "headerRowCount" in dialect or "skipRows" in dialect
    sound = isinstance(rows, int) and isinstance(skipped, int) and 0 < rows < 10 and 0 <= skipped < 1000
    delimiter, quote = dialect.get("delimiter"), dialect.get("quoteChar", "")
    return Style(
        encoding=str(dialect["encoding"]) if dialect.get("encoding") else None,
        delimiter=delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else None,
        quote="" if quote is None else quote if isinstance(quote, str) and len(quote) == 1 else None,
        header_rows=tuple(range(skipped + 1, skipped + rows + 1)) if declared and sound else None,
    )


def _order(datatype: Any) -> str | None:
    """Return the order of dates of a date format such as ``d.M.yyyy``."""
    pattern = str(_object(datatype).get("format", ""))
    places = {mark: pattern.find(mark) for mark in "dMy"}
    if min(places.values()) < 0:
        return None
    first = min(places, key=lambda mark: places[mark])
    return {"d": "day-first", "M": "month-first", "y": "year-first"}[first]


def _decimal(datatype: Any) -> str | None:
    mark = _object(_object(datatype).get("format")).get("decimalChar")
    return mark if mark in (".", ",") else None


def _nulls(schema: dict[str, Any], columns: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in (schema, *columns):
        yield from (str(text) for text in _list(each.get("null")))


def _titles(titles: Any) -> list[str]:
    """Return the titles of a column in all languages (Metadata, section 6.6)."""
    if isinstance(titles, dict):
        return [text for each in titles.values() for text in _titles(each)]
    return [str(text) for text in _list(titles)]


def _context_language(value: dict[str, Any]) -> Any:
    context = value.get("@context")
    return _object(context[1]).get("@language") if isinstance(context, list) and len(context) > 1 else None


def _language(tag: Any) -> str:
    return (language_of(tag) or "") if isinstance(tag, str) and tag != "und" else ""


def _expanded(name: str) -> str:
    try:
        return expand(name)
    except PrefixError:
        return name


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def metadata_of(form: Form, url: str, *, languages: Sequence[str] = (), delimiter: str = ",") -> dict[str, Json]:
    """Return the metadata of a table of a form, with a column for each field, as a template has it.

    Titles of columns are given in all languages, so a header in any of them fits. A column whose cells hold one code
    or slug has a ``valueUrl``; where cells may hold names or several values, only we can say what they mean.

    :param url: name of the table's file.
    :param languages: languages of the texts, each with a column of its own; none: one column, without its language.
    """
    columns = columns_of(form, languages, key_required=True)
    parts = composed_of(form) or (KEY,)
    type_: dict[str, Json] = {"virtual": True, "propertyUrl": iri_text(TYPE), "valueUrl": iri_text(form.target)}
    schema: dict[str, Json] = {
        # A thing of official registers may keep its IRI, so the key is that.
        "aboutUrl": form.space + "--".join(f"{{{part}}}" for part in parts) if form.space else f"{{+{KEY}}}",
        "primaryKey": KEY if parts == (KEY,) else list(parts),
        "columns": [*(_column(column, columns) for column in columns), type_],
    }
    return {
        "@context": CSVW,
        "url": url,
        "dc:title": _described(form.names),
        "dc:description": _described(form.descriptions),
        "dialect": {"encoding": "utf-8", "delimiter": delimiter, "headerRowCount": 1},
        "tableSchema": schema,
    }


def _column(column: Column, columns: Sequence[Column]) -> Json:
    field = column.field
    said: dict[str, Json] = {"name": column.name, "titles": _all_titles(column)}
    if field is None:
        return said | {"datatype": "string", "required": column.required, "suppressOutput": True}
    if field.descriptions:
        said["dc:description"] = _described(field.descriptions)
    if field.inverse:
        said["suppressOutput"] = True  # the property leads to the row's thing, which a column cannot say
    else:
        said["propertyUrl"] = iri_text(field.path)
    said["datatype"] = _datatype(field)
    # Of a text in several languages one is enough, which cannot be said of columns one by one.
    if field.required and sum(each.field is field for each in columns) == 1:
        said["required"] = True
    if column.language:
        said["lang"] = column.language
    if column.several:
        said["separator"] = SEPARATOR
    elif not field.inverse and (address := _value_url(field, column.name)):
        said["valueUrl"] = address
    return said


def _all_titles(column: Column) -> Json:
    """Return the titles of a column by language, with the mark of a column that must be filled in and without."""
    if column.field is None:
        return [column.title("en"), *([column.header("en")] if column.required else [])]
    return {
        tag: [column.title(tag), column.header(tag)] if column.required else column.title(tag)
        for tag, _ in column.field.names
    }


def _datatype(field: Field) -> Json:
    """Return the datatype of the cells of a field (Metadata, section 6.4; Model, section 6.4 of formats)."""
    base: dict[str, Json] = {"base": _DATATYPES.get(field.kind, "string")}
    if field.kind is Kind.DATE:
        base["format"] = "[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"
    elif field.kind in (Kind.STRING, Kind.LANGUAGE) and field.pattern:
        base["format"] = field.pattern
    elif field.kind in (Kind.NUMBER, Kind.WHOLE_NUMBER) and field.minimum is not None:
        base["minimum"] = field.minimum
    elif field.kind is Kind.TEXT and not field.plain:
        limits = {"minLength": field.min_length, "maxLength": field.max_length}
        base |= {name: limit for name, limit in limits.items() if limit is not None}
    return base if len(base) > 1 else base["base"]


def _value_url(field: Field, name: str) -> str:
    """Return the template of the IRI that a cell with one code, slug or address means; empty where none is fixed."""
    spaces = [form.space for form in our_forms() if form.target in field.classes]
    match field.kind:
        case Kind.CONCEPT if field.scheme:
            return f"{iri_text(field.scheme)}/{{{name}}}"
        case Kind.COUNTRY:
            return f"{iri_text(COUNTRY)}/{{{name}}}"
        case Kind.CURRENCY:
            return f"{CURRENCY}{{{name}}}"
        case Kind.LINK if len(spaces) == 1 and spaces[0]:
            return f"{spaces[0]}{{{name}}}"
        case Kind.ADDRESS | Kind.IRI:
            return f"{{+{name}}}"
    return ""


def _described(texts: Messages) -> Json:
    return [{"@value": text, "@language": tag} for tag, text in texts]
