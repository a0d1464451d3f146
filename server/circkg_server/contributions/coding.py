"""The code of a validation result: from the constraint component and from what the column holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from circkg_loaders.iris import NUTS_CODE
from circkg_loaders.prefixes import expand
from circkg_server.contributions.bounds import WRITTEN
from circkg_server.contributions.describing import Described
from circkg_server.contributions.terms import DEFINED_TERMS
from circkg_shapes.forms import Field, Kind
from circkg_shapes.report import VIOLATION, Result
from circkg_shapes.terms import XSD, Term, iri, is_blank, is_iri, literal_parts

LANGUAGE_TAGS: Final = iri(expand("circsh:LanguageTagShape"))
_NUMBERS: Final = ("decimal", "integer")

_OF_COMPONENT: Final = {
    "UniqueLang": "language-twice",
    "LanguageIn": "language-not-allowed",
    "MinLength": "too-short",
    "MaxLength": "too-long",
    "MinInclusive": "out-of-range",
    "MaxInclusive": "out-of-range",
    "MinExclusive": "out-of-range",
    "MaxExclusive": "out-of-range",
    "MaxCount": "too-many",
    "QualifiedMinCount": "too-few",
    "QualifiedMaxCount": "too-many",
    "Equals": "values-differ",
    "Disjoint": "values-shared",
    "Closed": "property-not-allowed",
    "HasValue": "value-required",
}
"""Codes that follow from the constraint component alone."""

_OF_KIND: Final = {
    Kind.DATE: "value-not-a-date",
    Kind.NUMBER: "value-not-a-number",
    Kind.WHOLE_NUMBER: "value-not-a-whole-number",
    Kind.CONCEPT: "not-in-list",
    Kind.COUNTRY: "country-unknown",
    Kind.CURRENCY: "currency-unknown",
    Kind.ADDRESS: "address-form",
}
"""Codes of a value that is not what its column holds, whatever component says so."""


class Coder:
    """Gives results their codes.

    :param types: returns the classes of a thing, none if it is not known.
    """

    def __init__(self, described: Described, types: Callable[[Term], Sequence[Term]]) -> None:
        self._described = described
        self._types = types

    def code(self, result: Result, field: Field | None) -> str:
        """Return the code of a result, by its component and by what its field holds."""
        component, kind = result.component_name, field.kind if field else Kind.ANY
        if result.source_shape == DEFINED_TERMS:
            return "class-missing" if component == "MinCount" else "term-unknown"
        if component == "SPARQL":
            return "language-region" if result.source_shape == LANGUAGE_TAGS else "rule-not-met"
        if component == "MinCount":
            if result.severity != VIOLATION:
                return "missing-wished"
            return "missing" if self._described.text(result.source_shape, "minCount") in ("", "1") else "too-few"
        if component in ("LessThan", "LessThanOrEquals"):
            return "dates-out-of-order" if result.path in WRITTEN or kind is Kind.DATE else "values-out-of-order"
        if result.path is None and component in ("Pattern", "NodeKind", "MinLength", "MaxLength"):
            return "identifier-form"
        if kind in (Kind.NUMBER, Kind.WHOLE_NUMBER) and not self._is_number(result.value):
            return _OF_KIND[kind]
        if component in _OF_COMPONENT:
            return _OF_COMPONENT[component]
        if result.value is None or result.path is None:
            return "rule-not-met"
        return self._code_of_value(result.value, result, kind)

    def _code_of_value(self, value: Term, result: Result, kind: Kind) -> str:
        component = result.component_name
        if kind in _OF_KIND:
            return _OF_KIND[kind]
        if kind is Kind.REGION:
            return self._code_of_region(value)
        if component == "Class" or (component == "NodeKind" and self._wants_iri(result)):
            return self._code_of_link(value)
        if component == "In":
            return "not-in-list"
        if component == "Pattern":
            return "pattern"
        if component in ("Datatype", "NodeKind") or (component == "Or" and kind in (Kind.TEXT, Kind.STRING)):
            return self._code_of_datatype(value, kind)
        return "rule-not-met"

    def _code_of_region(self, value: Term) -> str:
        if value.startswith(f"<{NUTS_CODE}"):
            return "region-other-version" if self._known(value) else "region-unknown"
        return self._code_of_link(value) if is_iri(value) and self._known(value) else "region-unknown"

    def _code_of_link(self, value: Term) -> str:
        if not is_iri(value) and not is_blank(value):
            return "link-expected"
        return "link-wrong-class" if self._known(value) else "link-unknown"

    def _code_of_datatype(self, value: Term, kind: Kind) -> str:
        if is_iri(value) or is_blank(value):
            return "wrong-type"
        _, language, datatype = literal_parts(value)
        if kind is Kind.TEXT and datatype == f"{XSD}string":
            return "language-missing"
        return "language-not-wanted" if kind is Kind.STRING and language else "wrong-type"

    def _wants_iri(self, result: Result) -> bool:
        return "IRI" in self._described.text(result.source_shape, "nodeKind")

    def _known(self, value: Term) -> bool:
        """Tell whether anything says of which class a thing is."""
        return bool(self._types(value))

    @staticmethod
    def _is_number(value: Term | None) -> bool:
        if value is None:
            return True
        if is_iri(value) or is_blank(value):
            return False
        return literal_parts(value)[2].removeprefix(XSD) in _NUMBERS
