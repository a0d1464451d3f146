"""Parquet: one long table of quads, which holds everything that the release holds."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from circkg_server.publishing.blocks import Pairs
from circkg_server.publishing.outputs import Output
from circkg_shapes.terms import Term, is_blank, is_iri, literal_parts

_ROWS = 65_536
SCHEMA = pa.schema(
    [
        pa.field("subject", pa.string(), nullable=False),
        pa.field("predicate", pa.string(), nullable=False),
        pa.field("object", pa.string(), nullable=False),
        pa.field("object_kind", pa.string(), nullable=False),
        pa.field("datatype", pa.string()),
        pa.field("language", pa.string()),
        pa.field("graph", pa.string(), nullable=False),
    ]
)
"""IRIs stand without angle brackets; ``object_kind`` is iri, literal or blank; ``language`` is as written."""


class _Sink(io.RawIOBase):
    """An output as Arrow writes to it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, content: Any) -> int:
        self._written += self._output.write(bytes(content))
        return len(content)


class ParquetWriter:
    """Writes the table in row groups of constant size."""

    def __init__(self, output: Output, graph: str) -> None:
        self.output = output
        self._graph = graph
        self._rows: list[tuple[str, str, str, str, str | None, str | None]] = []
        self._file: Any = pq.ParquetWriter(_Sink(output), SCHEMA, compression="zstd")

    def block(self, subject: Term, pairs: Pairs) -> None:
        """Write the rows of a subject."""
        begin = subject if is_blank(subject) else subject[1:-1]
        self._rows += [(begin, predicate[1:-1], *_object(value)) for predicate, value in pairs]
        if len(self._rows) >= _ROWS:
            self._flush()

    def end(self) -> None:
        """Write what is held, and the footer."""
        if self._rows:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        columns = [*zip(*self._rows, strict=True), [self._graph] * len(self._rows)]
        arrays = [pa.array(column, pa.string()) for column in columns]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), row_group_size=len(self._rows))
        self._rows = []


def _object(value: Term) -> tuple[str, str, str | None, str | None]:
    if is_iri(value):
        return value[1:-1], "iri", None, None
    if is_blank(value):
        return value, "blank", None, None
    text, language, datatype = literal_parts(value)
    return text, "literal", datatype, language
