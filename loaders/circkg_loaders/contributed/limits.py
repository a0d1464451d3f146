"""What is read at most: far above anything that people contribute, far below what brings a machine down."""

from __future__ import annotations

MAX_ROWS = 200_000
"""Rows of a sheet, empty ones included."""

MAX_COLUMNS = 1_000
"""Columns of a sheet."""

MAX_CELLS = 5_000_000
"""Cells of a sheet, empty ones between filled ones included."""

MAX_CELL = 20_000
"""Characters of a cell: three times the longest description that a shape allows."""

MAX_SHEETS = 100
"""Sheets of a workbook."""

MAX_VALUES = 200
"""Values in one cell."""

MAX_PARTS = 2_000
"""Files inside a workbook, which is a ZIP archive."""

MAX_UNPACKED = 300_000_000
"""Bytes of a workbook after unpacking."""

MAX_RATIO = 200
"""How many times larger a part of a workbook may be after unpacking. Sheets of real lists are packed 5 to 30 times."""

MAX_SMALL_PART = 1_000_000
"""Bytes up to which a part of a workbook may be packed as tightly as it is: short and even XML may be."""

MAX_SUGGESTED = 200
"""Different values of a file for which suggestions are looked up; what comes after them is reported without."""

MAX_KEPT = 5_000
"""Faults of one code in one column that are kept one by one; those beyond are counted in one fault."""

MAX_TEXT = 100_000_000
"""Characters of all cells of a sheet, a text that several cells share counted for each."""

MAX_PLACES = 100
"""Places of one statement that are kept: a source may stand in every row."""
