"""The redirects of w3id.org: every documented kind of identifier leads to the page that answers for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from circkg_loaders.iris import BASE, concept_iri, record_iri, scheme_iri, set_iri, source_iri, term_iri, thing_iri
from circkg_server.contributions.reports.data import PAGES

FILE = Path(__file__).resolve().parents[1] / "deploy" / "w3id" / ".htaccess"
SITE = "https://circkg.example.org"


@dataclass
class Rule:
    """A rule of mod_rewrite with its conditions: https://httpd.apache.org/docs/2.4/mod/mod_rewrite.html."""

    conditions: list[tuple[str, re.Pattern[str]]]
    pattern: re.Pattern[str]
    target: str
    flags: dict[str, str]


def rules() -> list[Rule]:
    found: list[Rule] = []
    conditions: list[tuple[str, re.Pattern[str]]] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        words = re.findall(r'"[^"]*"|\S+', line.partition("#")[0] if line.startswith("#") else line)
        if not words:
            continue
        values = [word.strip('"') for word in words[1:]]
        if words[0] == "RewriteCond":
            conditions.append((values[0], re.compile(values[1])))
        elif words[0] == "RewriteRule":
            given = dict(flag.partition("=")[::2] for flag in values[2].strip("[]").split(","))
            found.append(Rule(conditions, re.compile(values[0]), values[1], given))
            conditions = []
        else:
            assert words[0] in ("Options", "RewriteEngine")
    return found


def redirect(iri: str) -> tuple[int, str] | None:
    """Return status and target of an identifier, as Apache would find them in the folder ``circkg``."""
    sent = iri.partition("#")[0].removeprefix("https://w3id.org")
    local = unquote(sent.removeprefix("/circkg/").removeprefix("/circkg"))
    environment: dict[str, str] = {}
    for rule in rules():
        match = rule.pattern.search(local)
        variables = {"%{THE_REQUEST}": f"GET {sent} HTTP/1.1"}
        met = [pattern.search(variables[name]) for name, pattern in rule.conditions]
        if match is None or not all(met):
            continue
        if rule.target == "-":
            name, _, value = rule.flags["E"].partition(":")
            environment[name] = value
            continue
        target = re.sub(r"%\{ENV:(\w+)\}", lambda found: environment[found[1]], rule.target)
        if met and met[-1]:
            target = target.replace("%1", met[-1][1])
        if "L" in rule.flags:
            return int(rule.flags["R"]), target
    return None


IDENTIFIERS = {
    thing_iri("initiative", "ceci"): "/doc/initiative/ceci",
    f"{BASE}id/participation/ceci--lab-uas--lead-partner": "/doc/participation/ceci--lab-uas--lead-partner",
    source_iri("seed-ceci"): "/doc/source/seed-ceci",
    record_iri("ccri", "names", "organisation--land-berlin--Land Berlin--de"): (
        "/doc/record/ccri/names/organisation--land-berlin--Land%20Berlin--de"
    ),
    record_iri(
        "links", "identifiers", "initiative--ceci--website--https://projects2014-2020.interregeurope.eu/CECI/"
    ): (
        "/doc/record/links/identifiers/initiative--ceci--website--https%3A%2F%2Fprojects2014-2020.interregeurope.eu%2FCECI%2F"
    ),
    term_iri("Barrier"): "/def",
    f"{BASE}def/0.1.0": "/def/0.1.0",
    f"{BASE}def/alignments/0.1.0": "/def/alignments/0.1.0",
    f"{BASE}def/context.jsonld": "/def/context.jsonld",
    f"{BASE}def/shapes#PracticeShape": "/def/shapes",
    f"{BASE}def/profiles#description": "/def/profiles",
    scheme_iri("barrier-type"): "/def/barrier-type",
    concept_iri("barrier-type", "financial"): "/def/barrier-type/financial",
}
"""Every kind of identifier that this part of the server answers for."""
OF_THE_CATALOGUE = {
    set_iri("ccri"): "/set/ccri",
    set_iri("ccri", "0.1.0-0123456789ab"): "/set/ccri/0.1.0-0123456789ab",
    f"{BASE}catalogue": "/catalogue",
}
OF_WHAT_IS_PUBLISHED = {
    f"{BASE}snapshot/1": "/snapshot/1",
    f"{BASE}feed": "/feed",
    f"{BASE}sparql": "/sparql",
    f"{BASE}void": "/void",
    f"{PAGES}region-unknown": "/docs/faults/region-unknown",
}
"""Identifiers in citations, feed, service description, VoID and reports of validation."""


@pytest.mark.parametrize(("iri", "path"), (IDENTIFIERS | OF_THE_CATALOGUE | OF_WHAT_IS_PUBLISHED).items())
def test_an_identifier_leads_to_its_page(iri: str, path: str) -> None:
    assert redirect(iri) == (303, f"{SITE}{path}")


@pytest.mark.parametrize("path", (IDENTIFIERS | OF_WHAT_IS_PUBLISHED).values())
def test_the_page_is_there(site: str, path: str) -> None:
    assert (
        httpx.get(f"{site}{path}", headers={"Accept": "application/ld+json, text/html;q=0.5"}, timeout=60).status_code
        == 200
    )


@pytest.mark.parametrize("path", ["", "id", "id/", "definition", "settings", "other/id/x"])
def test_nothing_else_is_led_away(path: str) -> None:
    assert redirect(f"{BASE}{path}") == ((302, f"{SITE}/") if not path else None)


def test_the_address_of_the_server_stands_in_one_line() -> None:
    assert FILE.read_text(encoding="utf-8").count("https://circkg.example.org") == 1


def test_every_rule_is_one_that_apache_takes() -> None:
    known = {"R", "L", "NE", "E"}
    assert len(rules()) == 6
    for rule in rules():
        assert set(rule.flags) <= known
        assert rule.flags.get("R", "303") in ("302", "303")
