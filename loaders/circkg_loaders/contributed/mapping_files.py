"""Reads the file in which a person writes what the columns of a table say: YAML, with an error for each mistake.

``docs/tables.md`` says what may stand in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml
from rapidfuzz import process

from circkg_loaders.contributed.decoding import ENCODINGS
from circkg_loaders.contributed.folding import folded
from circkg_loaders.contributed.languages import language_of
from circkg_loaders.contributed.mapping import KEY, LANGUAGE, MappedColumn, MappedTable, Mapping
from circkg_loaders.contributed.notations import DECIMALS, ORDERS
from circkg_loaders.contributed.our_forms import our_forms
from circkg_loaders.contributed.rdf import ContributionError, read_content
from circkg_loaders.contributed.style import Style
from circkg_shapes.forms import Form

MAX_MAPPING = 500_000
"""Bytes of a mapping file: a thousand times the longest that a person writes."""

REST = "rest"
"""What ``ignore`` says of all columns that the mapping does not name."""

_NOTHING = ("", "null", "~", "Null", "NULL")


class MappingError(ContributionError):
    """A mapping cannot be used; the message has a line for each mistake.

    :param problems: line, path and what is wrong with the way out, such as
        ``line 7, tables[0].columns.Titel: practice has no field “titel”. Did you mean “title”?``
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{name}: {problem}" for problem in problems))
        self.problems = tuple(problems)


def read_mapping(path: Path) -> Mapping:
    """Return the mapping of a file.

    :raises MappingError: if it is no YAML, or says something that there is not.
    """
    return parse_mapping(read_content(path), path.name)


def parse_mapping(content: bytes, name: str = "mapping.yaml") -> Mapping:
    r"""Return the mapping that a YAML text writes.

    :raises MappingError: if it is no YAML, or says something that there is not.

    >>> mapping = parse_mapping(b"tables:\n- form: practice\n  columns: {Name: title, Land: country}\n")
    >>> mapping.tables[0].columns["Name"][0].field
    'title'
    """
    if len(content) > MAX_MAPPING:
        raise MappingError(name, [f"the file has more than {MAX_MAPPING // 1000} kB. Give the table, not the mapping?"])
    try:
        # All scalars stay texts: NO is Norway and 1.10 a number of a chapter.
        root = yaml.compose(content.decode("utf-8-sig"), yaml.BaseLoader)
    except UnicodeDecodeError as error:
        raise MappingError(name, ["the file is not UTF-8. Save it as UTF-8."]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingError(name, [f"no well-formed YAML: {' '.join(str(error).split())}"]) from error
    reader = _MappingReader({form.key: form for form in our_forms()})
    mapping = reader.mapping(root)
    if reader.problems:
        raise MappingError(name, reader.problems)
    return mapping


class _MappingReader:
    def __init__(self, forms: dict[str, Form]) -> None:
        self._forms = forms
        self.problems: list[str] = []

    def mapping(self, root: yaml.Node | None) -> Mapping:
        members = self._members(root, "", ("language", "missing", "style", "tables"))
        tables = self._items(members.get("tables"), "tables")
        if not tables:
            self._wrong(root, "tables", "name at least one table, with its form and its columns.")
        return Mapping(
            tuple(self._table(node, f"tables[{number}]") for number, node in enumerate(tables)),
            self._language(members.get("language"), "language"),
            self._style(members.get("style")),
            tuple(self._texts(members.get("missing"), "missing")),
        )

    def _style(self, node: yaml.Node | None) -> Style:
        if node is None:
            return Style()
        known = ("encoding", "delimiter", "quote", "header_rows", "decimal", "dates", "sheet")
        members = self._members(node, "style", known)
        rows = members.get("header_rows")
        return Style(
            encoding=self._choice(members.get("encoding"), "style.encoding", ENCODINGS),
            delimiter=self._sign(members.get("delimiter"), "style.delimiter"),
            quote=self._sign(members.get("quote"), "style.quote", empty=True),
            header_rows=self._rows(rows, "style.header_rows") if rows is not None else None,
            decimal=self._choice(members.get("decimal"), "style.decimal", DECIMALS),
            dates=self._choice(members.get("dates"), "style.dates", ORDERS),
            sheet=self._text(members.get("sheet"), "style.sheet") or None,
        )

    def _table(self, node: yaml.Node, path: str) -> MappedTable:
        members = self._members(node, path, ("form", "sheet", "columns", "constants", "ignore", "merge"))
        key = self._choice(members.get("form"), f"{path}.form", tuple(self._forms))
        if key is None:
            if "form" not in members:
                self._wrong(node, f"{path}.form", f"say what the rows are: one of {', '.join(self._forms)}.")
            return MappedTable("")
        form = self._forms[key]
        columns = {
            header: tuple(self._column(each, where, form) for each in self._one_or_more(value))
            for header, value, where in self._pairs(members.get("columns"), f"{path}.columns")
        }
        constants = {
            self._field(field, value, where, form, ()): tuple(self._texts(value, where))
            for field, value, where in self._pairs(members.get("constants"), f"{path}.constants")
        }
        ignored = tuple(self._texts(members.get("ignore"), f"{path}.ignore"))
        if not columns:
            self._wrong(node, f"{path}.columns", "say what at least one column says.")
        merge = self._choice(members.get("merge"), f"{path}.merge", ("true", "false")) == "true"
        sheet = self._text(members.get("sheet"), f"{path}.sheet") or None
        rest = ignored == (REST,)
        return MappedTable(key, sheet, columns, constants, () if rest else ignored, rest, merge)

    def _column(self, node: yaml.Node, path: str, form: Form) -> MappedColumn:
        if isinstance(node, yaml.ScalarNode):
            return MappedColumn(self._field(node.value, node, path, form, (KEY, LANGUAGE)))
        known = ("field", "language", "separator", "values", "dates", "decimal", "unit")
        members = self._members(node, path, known)
        field = members.get("field")
        if field is None:
            self._wrong(node, path, "say which field the column holds.")
            return MappedColumn("")
        values = {
            folded(text): tuple(self._texts(value, where))
            for text, value, where in self._pairs(members.get("values"), f"{path}.values")
        }
        separator = members.get("separator")
        return MappedColumn(
            self._field(self._text(field, f"{path}.field"), field, f"{path}.field", form, (KEY, LANGUAGE)),
            self._language(members.get("language"), f"{path}.language"),
            self._text(separator, f"{path}.separator") if separator is not None else None,
            values,
            self._choice(members.get("dates"), f"{path}.dates", ORDERS),
            self._choice(members.get("decimal"), f"{path}.decimal", DECIMALS),
            self._text(members.get("unit"), f"{path}.unit"),
        )

    # -- parts --------------------------------------------------------------------------------------------------

    def _wrong(self, node: yaml.Node | None, path: str, message: str) -> None:
        line = f"line {node.start_mark.line + 1}, " if node is not None else ""
        self.problems.append(f"{line}{path or 'the file'}: {message}")

    def _unknown(self, node: yaml.Node, path: str, what: str, text: str, known: Sequence[str]) -> None:
        near = process.extractOne(text, known, score_cutoff=70)
        hint = f"Did you mean “{near[0]}”?" if near else f"Known: {', '.join(known)}."
        self._wrong(node, path, f"{what} “{text[:60]}”. {hint}")

    def _pairs(self, node: yaml.Node | None, path: str) -> Iterator[tuple[str, yaml.Node, str]]:
        """Yield key, value and path of the members of an object, each key once."""
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, path, "write a name, a colon and what it stands for, one a line.")
            return
        seen: set[str] = set()
        for key, value in node.value:
            text = key.value if isinstance(key, yaml.ScalarNode) else ""
            where = f"{path}.{text[:60]}" if path else text[:60]
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, path, "a name must be a text.")
            elif text in seen:
                self._wrong(key, where, "this name stands there twice. Keep one, with a list of what it stands for.")
            else:
                seen.add(text)
                yield text, value, where

    def _members(self, node: yaml.Node | None, path: str, known: Sequence[str]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for text, value, where in self._pairs(node, path):
            if text in known:
                found[text] = value
            else:
                self._unknown(value, where, "there is no", text, known)
        return found

    def _items(self, node: yaml.Node | None, path: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, path, "write a list: each item on a line that begins with a hyphen.")
            return []
        return list(node.value)

    @staticmethod
    def _one_or_more(node: yaml.Node) -> list[yaml.Node]:
        return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def _text(self, node: yaml.Node | None, path: str) -> str:
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, path, "write one text.")
            return ""
        return str(node.value)

    def _texts(self, node: yaml.Node | None, path: str) -> list[str]:
        """Return one text or a list of them; nothing for an empty value."""
        nodes = self._one_or_more(node) if node is not None else []
        texts = [(each, self._text(each, path)) for each in nodes]
        return [t for each, t in texts if not (t in _NOTHING and getattr(each, "style", None) is None)]

    def _choice(self, node: yaml.Node | None, path: str, known: Sequence[str]) -> str | None:
        text = self._text(node, path)
        if node is None or not text:
            return None
        if text.lower() not in known:
            self._unknown(node, path, "there is no", text, known)
            return None
        return text.lower()

    def _field(self, text: str, node: yaml.Node, path: str, form: Form, more: Sequence[str]) -> str:
        keys = [*(field.key for field in form.fields), *more]
        by_label = {folded(label): field.key for field in form.fields for _, label in field.names}
        if text in keys:
            return text
        if folded(text) in by_label:
            return by_label[folded(text)]
        self._unknown(node, path, f"{form.key} has no field", text, keys)
        return ""

    def _language(self, node: yaml.Node | None, path: str) -> str:
        text = self._text(node, path)
        found = language_of(text) if text else ""
        if found is None:
            self._wrong(node, path, f"“{text[:60]}” names no language. Write its tag, such as fi.")
        return found or ""

    def _sign(self, node: yaml.Node | None, path: str, *, empty: bool = False) -> str | None:
        if node is None:
            return None
        text = {"tab": "\t", "\\t": "\t", "none": ""}.get(self._text(node, path), self._text(node, path))
        check: Callable[[str], bool] = (lambda each: len(each) <= 1) if empty else (lambda each: len(each) == 1)
        if not check(text):
            self._wrong(node, path, "write one sign in quotation marks, or tab.")
            return None
        return text

    def _rows(self, node: yaml.Node, path: str) -> tuple[int, ...] | None:
        rows = [self._text(each, path) for each in self._one_or_more(node)]
        if not rows or not all(row.isdecimal() and int(row) > 0 for row in rows):
            self._wrong(node, path, "write the number of the row that names the columns, such as 1, or a list of them.")
            return None
        return tuple(sorted(int(row) for row in rows))
