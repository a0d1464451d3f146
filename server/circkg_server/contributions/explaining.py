"""Turns the results of a validation into faults: each with its code, its places and what the texts of the code name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from circkg_loaders.contributed.faults import Fault, Severity
from circkg_loaders.contributed.places import Place
from circkg_loaders.prefixes import shorten
from circkg_server.contributions.bounds import written_as
from circkg_server.contributions.coding import Coder
from circkg_server.contributions.describing import Described, shown
from circkg_server.contributions.knowledge import NAMES, TYPE, Knowledge
from circkg_server.contributions.locating import Locator, steps
from circkg_server.contributions.terms import DEFINED_TERMS
from circkg_shapes.forms import Field, in_language
from circkg_shapes.report import VIOLATION, WARNING, Result
from circkg_shapes.terms import Term, iri_text, is_blank, is_iri, literal_parts

_SEVERITIES: Final = {VIOLATION: Severity.VIOLATION, WARNING: Severity.WARNING}
_LIMITS: Final = {
    "MinLength": ("minLength", ""),
    "MaxLength": ("maxLength", ""),
    "MinInclusive": ("minInclusive", "≥ "),
    "MaxInclusive": ("maxInclusive", "≤ "),
    "MinExclusive": ("minExclusive", "> "),
    "MaxExclusive": ("maxExclusive", "< "),
    "MinCount": ("minCount", ""),
    "MaxCount": ("maxCount", ""),
    "QualifiedMinCount": ("qualifiedMinCount", ""),
    "QualifiedMaxCount": ("qualifiedMaxCount", ""),
}
"""The parameter that holds the limit of a component, and the sign before it."""


class Explainer:
    """Turns results into faults."""

    def __init__(self, described: Described, knowledge: Knowledge, locator: Locator, language: str) -> None:
        self._described = described
        self._knowledge = knowledge
        self._locator = locator
        self._language = language
        self._coder = Coder(described, self._types)

    def faults(self, results: Iterable[Result]) -> Iterator[Fault]:
        """Yield the faults of results in their order; what several components say of one value is one fault."""
        found: dict[tuple[object, ...], None] = {}
        for result in results:
            for fault in self._explained(result):
                language = fault.values.get("language")
                key = (fault.code, fault.focus_node, fault.path, fault.value, fault.severity, language)
                if key not in found:
                    found[key] = None
                    yield fault

    def _explained(self, result: Result) -> Iterator[Fault]:
        field = self._described.fields.get(result.source_shape)
        code = self._coder.code(result, field)
        messages = () if result.source_shape == DEFINED_TERMS else result.messages  # the text of the code says it all
        base = Fault(
            code, _SEVERITIES.get(result.severity, Severity.INFO), self._locator.files[0],
            values=self._values(result, field), messages=messages, focus_node=result.focus_node,
            source_shape=result.source_shape, component=result.component, path=result.path, value=result.value,
        )  # fmt: skip
        if not self._locator.about(result.focus_node):
            yield self._of_published(base)
        elif code == "language-twice":
            yield from self._languages_twice(base)
        elif code == "language-region":
            yield from self._language_regions(base)
        elif code in ("too-many", "dates-out-of-order", "values-out-of-order", "values-differ", "values-shared"):
            yield self._of_several(base)
        elif result.component_name in ("MinCount", "QualifiedMinCount", "HasValue"):
            place = self._locator.of_missing(result.focus_node, result.path)
            yield self._at(base, (place,) if place else ())
        elif result.path is None:
            yield self._at(base, self._locator.of_focus(result.focus_node))
        else:
            yield self._at(base, self._locator.of_values(result.focus_node, result.path, result.value))

    def _types(self, value: Term) -> list[Term]:
        own = [triple[2] for triple in self._locator.about(value) if triple[1] == TYPE]
        return own or self._knowledge.values(value, TYPE)

    # What the texts name

    def _values(self, result: Result, field: Field | None) -> dict[str, str]:
        values = {"field": self._field_name(result, field), "thing": self.thing(result.focus_node)}
        values["kind"] = self._class_names(self._types(result.focus_node))
        if result.value is not None:
            values["value"] = shown(result.value)
            if not is_iri(result.value) and not is_blank(result.value):
                text, language, _ = literal_parts(result.value)
                values |= {"length": str(len(text)), "language": language or ""}
            values["found"] = self._class_names(self._types(result.value))
        if result.component_name in _LIMITS:
            name, sign = _LIMITS[result.component_name]
            values["limit"] = sign + self._described.text(result.source_shape, name)
        if result.source_shape == DEFINED_TERMS:
            named = result.value if result.component_name == "Class" else result.path
            values["term"] = shown(named) if named else ""
        for component, name in (("Pattern", "pattern"), ("HasValue", "hasValue"), ("Datatype", "datatype")):
            if result.component_name == component:
                values["expected"] = self._described.text(result.source_shape, name)
        if field and field.scheme:
            values["list"] = self._list_name(field.scheme)
        elif result.component_name == "In":
            values["list"] = values["field"]
        wanted = list(field.classes) if field else []
        if not wanted and (kind := self._described.parameter(result.source_shape, "class")):
            wanted = [kind]
        values["class"] = self._class_names(wanted)
        return {name: text for name, text in values.items() if text}

    def _field_name(self, result: Result, field: Field | None) -> str:
        if result.source_shape == DEFINED_TERMS:
            return ""
        names = in_language(field.names, self._language) if field else ""
        names = names or self._described.name(result.source_shape, self._language)
        if result.path is None or names:
            return names
        return self._path_name(result.focus_node, result.path)

    def _path_name(self, focus: Term, path: str) -> str:
        """Return what a property is called for the class of a thing, else the names of its properties shortened."""
        named = steps(path)
        for form in self._described.forms if named else ():
            found = form.field(named[0][0]) if form.target in self._types(focus) else None
            if found and found.names:
                return in_language(found.names, self._language)
        return " / ".join(shorten(iri_text(name)) for name, _ in named)

    def told_by_field(self, fault: Fault, field: Field) -> Fault:
        """Return a fault of a table with what its column holds: label, list, classes and the rule of the shape."""
        values = {"field": in_language(field.names, self._language), "class": self._class_names(field.classes)}
        if field.scheme:
            values["list"] = self._list_name(field.scheme)
        told = {name: text for name, text in values.items() if text}
        return replace(fault, values={**fault.values, **told}, messages=fault.messages or field.messages)

    def _list_name(self, scheme: Term) -> str:
        return self._knowledge.name(scheme, self._language) or shown(scheme)

    def _class_names(self, kinds: Iterable[Term]) -> str:
        return " / ".join(self._class_name(kind) for kind in kinds)

    def _class_name(self, kind: Term) -> str:
        form = next((form for form in self._described.forms if form.target == kind), None)
        return (in_language(form.names, self._language) if form else "") or shown(kind)

    def thing(self, focus: Term) -> str:
        """Return the name of a thing in the language of the report, else its IRI; empty for a row without a name."""
        names = [literal_parts(v)[:2] for _, p, v in self._locator.about(focus) if p in NAMES and v.startswith('"')]
        texts = tuple((tag or "", text) for text, tag in names if text)
        name = in_language(texts, self._language) or self._knowledge.name(focus, self._language)
        # A blank node of a table is ours: it stands for a row that nothing names.
        return name or ("" if is_blank(focus) and self._locator.row_of(focus) else shown(focus))

    # Places

    def _at(self, fault: Fault, places: Sequence[Place]) -> Fault:
        """Return a fault at its places, the first of them as its own; at its row or file if there are none."""
        focus = fault.focus_node or ""
        found = tuple(places) or self._locator.of_focus(focus) or self._locator.files[:1]
        if len(found) == 1 and found[0].raw and "value" in fault.values:
            fault = replace(fault, values={**fault.values, "value": found[0].raw})
        return replace(fault, place=found[0], also=found[1:])

    def _of_published(self, fault: Fault) -> Fault:
        """Return a fault of a thing that is not in the files, at the cells that made it wrong."""
        focus = fault.focus_node or ""
        return self._with_source(self._at(fault, self._locator.of_change(focus, fault.path)), focus)

    def _with_source(self, fault: Fault, subject: Term, **values: str) -> Fault:
        source = self._knowledge.source(subject, self._language)
        title = source.title if source else self._knowledge.name(subject, self._language) or shown(subject)
        published = source.iri if source else iri_text(subject) if is_iri(subject) else None
        return replace(fault, published=published, values={**fault.values, "source": title, **values})

    def _of_several(self, fault: Fault) -> Fault:
        """Return a fault of values that do not go together, at all of them, with the published ones named."""
        focus, path = fault.focus_node or "", fault.path
        names = ("lessThan", "lessThanOrEquals", "equals", "disjoint")
        found = (self._described.parameter(fault.source_shape or "", name) for name in names)
        other = next(filter(None, found), None)
        paths = [path, other] if other else [path]
        places = dict.fromkeys(place for each in paths for place in self._locator.of_values(focus, each))
        if other:
            start, end = self._both(focus, path, other)
            fault = replace(fault, values={**fault.values, "start": start, "end": end})
        located = self._at(fault, tuple(places))
        own, _ = self._own_and_published(focus, path)
        published = [value for each in paths for value in self._own_and_published(focus, each)[1]]
        if not published:
            return located
        if fault.code == "too-many" and len(own) <= int(fault.values.get("limit", 0)):
            located = replace(located, code="clash-with-published")
        written = located.place.raw or " / ".join(map(shown, own))
        return self._with_source(located, focus, published_value=" / ".join(map(shown, published)), value=written)

    def _own_and_published(self, focus: Term, path: str | None) -> tuple[list[Term], list[Term]]:
        """Return the values of a path that the files state, and those that are published and not in the files."""
        written = [name for step, _ in steps(path) for name in written_as(step)]
        own = dict.fromkeys(value for _, predicate, value in self._locator.about(focus) if predicate in written)
        known = {value for name in written for value in self._knowledge.values(focus, name) if value not in own}
        return list(own), sorted(known)

    def _both(self, focus: Term, first: str | None, second: str) -> tuple[str, str]:
        """Return the values of two properties as people wrote them."""
        texts = []
        for path in (first, second):
            written = [name for step, _ in steps(path) for name in written_as(step)]
            said = [v for _, p, v in (*self._locator.about(focus), *self._knowledge.about(focus)) if p in written]
            texts.append(" / ".join(dict.fromkeys(shown(value) for value in said)))
        return texts[0], texts[1]

    def _languages_twice(self, fault: Fault) -> Iterator[Fault]:
        """Yield a fault for each language in which there are several texts, at all of them."""
        focus, path = fault.focus_node or "", fault.path
        by_language: defaultdict[str, list[Term]] = defaultdict(list)
        said = [v for _, p, v in (*self._locator.about(focus), *self._knowledge.about(focus)) if p == path]
        for value in dict.fromkeys(said):
            if value.startswith('"') and (language := literal_parts(value)[1]):
                by_language[language.lower()].append(value)
        for language, texts in sorted(by_language.items()):
            if len(texts) < 2:
                continue
            places = [place for text in texts for place in self._locator.of_values(focus, path, text)]
            found = self._at(replace(fault, values={**fault.values, "language": language}), places)
            published = [text for text in texts if not self._locator.of_values(focus, path, text)]
            if published and len(published) == len(texts) - 1:
                found = replace(found, code="clash-with-published")
                own = next(text for text in texts if text not in published)
                found = self._with_source(found, focus, published_value=shown(published[0]), value=shown(own))
            yield found

    def _language_regions(self, fault: Fault) -> Iterator[Fault]:
        """Yield a fault for each text of a thing whose language has a region."""
        focus = fault.focus_node or ""
        for triple in self._locator.about(focus):
            language = literal_parts(triple[2])[1] if triple[2].startswith('"') else None
            if language and "-" in language and (fault.value in (None, triple[2], focus)):
                named = self._path_name(focus, triple[1])
                values = {**fault.values, "language": language, "value": shown(triple[2]), "field": named}
                yield self._at(
                    replace(fault, value=triple[2], path=triple[1], values=values), self._locator.of([triple])
                )
