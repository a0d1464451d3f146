"""A judgement as a page: self-contained, in the reader's language, for a screen, a phone or paper."""

from __future__ import annotations

from typing import Final

from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.iris import BASE
from circkg_server.contributions import wording
from circkg_server.contributions.grouping import LISTED, Group, grouped, value_of
from circkg_server.contributions.judging import Judgement
from circkg_server.contributions.reports import accounts
from circkg_server.web.rendering import render

HOME: Final = BASE.rstrip("/")
"""Where links of a page lead that no server gives out."""

_TONES: Final = {Severity.VIOLATION: ("bad", "✖"), Severity.WARNING: ("warn", "▲"), Severity.INFO: ("soft", "●")}
_LONGEST: Final = 400


def as_page(judgement: Judgement, limit: int | None = None, *, root: str = HOME) -> str:
    """Return a judgement as an HTML page.

    :param limit: faults of each group that are listed; :data:`LISTED` by default.
    :param root: where links begin: the root of the server, or the home of the graph for a page in a file.
    """
    limit = LISTED if limit is None else limit
    language = judgement.language
    return render(
        "judgement.html",
        root=root,
        language=language,
        words=wording.words(language),
        outcome=accounts.outcome(judgement),
        tone="bad" if not judgement.conforms else "warn" if judgement.count(Severity.WARNING) else "good",
        totals=accounts.totals(judgement),
        files=[
            {
                "file": each.file,
                "rows": accounts.rows(each, language),
                "style": accounts.style(each, language),
                "not_read": accounts.not_read(each),
            }
            for each in judgement.contributions
        ],
        groups=[_group(g, number, judgement, limit) for number, g in enumerate(grouped(judgement.faults), start=1)],
        used=accounts.used(judgement),
    )


def _group(group: Group, number: int, judgement: Judgement, limit: int) -> dict[str, object]:
    first, language = group.faults[0], judgement.language
    tone, mark = _TONES[group.severity]
    total = len(group.faults)
    more = wording.words(language)["listed"].format(shown=limit, total=total) if total > limit else ""
    return {
        "id": f"g{number}",
        "tone": tone,
        "mark": mark,
        "count": total,
        "title": wording.title(first, language),
        "field": group.field,
        "severity": wording.severity(group.severity, language),
        "code": group.code,
        "counted": wording.counted(group.values, limit, language),
        "expected": wording.expected(first, language),
        "way_out": wording.way_out(first, language),
        "faults": [_fault(fault, judgement) for fault in group.listed(limit)],
        "more": more,
    }


def _fault(fault: Fault, judgement: Judgement) -> dict[str, object]:
    language, with_file = judgement.language, len(judgement.contributions) > 1
    published = fault.published or ""
    return {
        "place": wording.place(fault.place, language, with_file=with_file),
        "also": ", ".join(wording.place(place, language, with_file=with_file) for place in fault.also),
        "value": wording.cut(value_of(fault), _LONGEST),
        "message": wording.message(fault, language),
        "published": published if published.startswith(("https://", "http://")) else "",
        "suggestions": [
            {"text": found.text, "label": found.label, "because": wording.because(found, language)}
            for found in fault.suggestions
        ],
    }
