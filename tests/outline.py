"""What of a page matters to who cannot see it: elements that close, headings, landmarks, links, labels."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Outline(HTMLParser):
    """Notes what matters of a page: open elements, headings, landmarks, links, labels."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.count: dict[str, int] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self.inputs: list[str] = []
        self.labelled: set[str] = set()
        self.cells_without_scope = 0
        self.page_language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that opens."""
        given = dict(attrs)
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag in ("input", "textarea", "select"):
            self.inputs.append(given.get("id") or "")
        if tag == "label":
            self.labelled.add(given["for"] or "")
        if tag == "th" and not given.get("scope"):
            self.cells_without_scope += 1
        if tag == "html":
            self.page_language = given.get("lang") or ""
        if "id" in given:
            self.ids.append(given["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        """Check that what closes is what opened last."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    assert found.open == []
    return found
