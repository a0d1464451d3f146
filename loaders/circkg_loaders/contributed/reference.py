"""Writes the reference of faults: ``python -m circkg_loaders.contributed.reference docs/faults.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from circkg_loaders.contributed import codes


def page() -> str:
    """Return the reference of all kinds of faults in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Faults"
    yield ""
    yield "What each kind of fault in a contribution means and what to do, with an example. Codes are stable. The same"
    yield f"in {' '.join(codes.LANGUAGES)}: `circkg explain CODE --lang XX`, or `/docs/faults/CODE` on a server."
    yield "How to read a report: [validation](validation.md)."
    yield ""
    yield "This page is generated from `loaders/circkg_loaders/contributed/messages/en.yaml` by `make docs`."
    for code, said in codes.texts("en").items():
        example = codes.examples()[code]
        yield from (
            "",
            f"## {code}",
            "",
            f"**{said.title}.** {_plain(codes.example_message(code))}",
            "",
            said.way_out,
            "",
        )
        yield "| column | wrong | mended |"
        yield "| --- | --- | --- |"
        yield f"| {_cell(example.column)} | {_cell(example.wrong)} | {_cell(example.mended)} |"


def _plain(text: str) -> str:
    return text.replace("<", "\\<")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|") or "(empty)"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
