"""How a file of tables is written: encoding, delimiter, header rows, numbers and dates."""

from __future__ import annotations

from dataclasses import dataclass, fields

from circkg_shapes.report import Json


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written. What is ``None`` is not declared, and detected.

    :param encoding: name of the encoding of a text file, such as ``utf-8`` or ``windows-1250``.
    :param delimiter: sign between the cells of a text file.
    :param quote: sign around cells of a text file that hold the delimiter; empty if there is none.
    :param header_rows: rows that name the columns, from 1.
    :param decimal: ``.`` or ``,``: the decimal mark of numbers that are written as text.
    :param dates: ``day-first``, ``month-first`` or ``year-first``: order of dates that are not written as 2022-05-13.
    :param sheet: name of the only sheet that is read.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_rows: tuple[int, ...] | None = None
    decimal: str | None = None
    dates: str | None = None
    sheet: str | None = None

    def over(self, other: Style) -> Style:
        """Return this style, filled up with what another one says.

        >>> Style(decimal=",").over(Style(decimal=".", encoding="utf-8")).decimal
        ','
        """
        chosen = {each.name: getattr(self, each.name) for each in fields(self)}
        return Style(**{name: getattr(other, name) if value is None else value for name, value in chosen.items()})

    def to_dict(self) -> dict[str, Json]:
        """Return what is known as values that JSON can hold."""
        rows = list(self.header_rows) if self.header_rows else None
        known: dict[str, Json] = {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "headerRows": rows,  # type: ignore[dict-item]  # a list of integers is Json
            "decimal": self.decimal,
            "dates": self.dates,
            "sheet": self.sheet,
        }
        return {name: value for name, value in known.items() if value is not None}
