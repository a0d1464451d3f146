"""What readers look up around an IRI is what queries say of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad, QuerySolutions, Store

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_server.engines.service import Engines
from circkg_server.linked_data import asking
from circkg_server.linked_data.description import Description, describe
from circkg_server.releases.archive import Archive
from circkg_server.settings import Settings
from circkg_server.store import neighbourhood
from circkg_server.store.neighbourhood import AT_ONCE, Neighbourhood, TooMuchError
from circkg_server.store.snapshot import Snapshot

KINDS = (
    "initiative", "practice", "organisation", "participation", "claim", "source", "policy-instrument", "event",
    "action", "output", "amount", "coverage", "record",
)  # fmt: skip
OTHERS = (
    f"{BASE}def/barrier-type/financial",
    f"{BASE}def/theme/circular-economy",
    f"{BASE}id/initiative/ccri",  # to which more leads than is given as a whole
    "http://data.europa.eu/nuts/code/FI1C3",
    "http://publications.europa.eu/resource/authority/country/FIN",
    f"{BASE}id/initiative/nobody",
)
ME = "http://example.org/me"


class _Queried(asking.Snapshot):
    """A snapshot of which nothing is looked up."""

    async def around(self, _iri: str, _language: str) -> None:
        """Look nothing up."""


@asynccontextmanager
async def serving(archive: Archive) -> AsyncIterator[Engines]:
    engines = Engines(archive, Settings(readers=2))
    await engines.start()
    try:
        yield engines
    finally:
        await engines.stop()


def things(archive: Archive) -> list[str]:
    """Return a few things of each kind, the first and last by their IRIs and one of the middle."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    query = "SELECT DISTINCT ?s { { ?s a ?c } UNION { GRAPH ?g { ?s a ?c } } FILTER(ISIRI(?s)) }"
    answer = Snapshot.open(archive).query(query)
    assert isinstance(answer, QuerySolutions)
    for iri in (row["s"].value for row in answer):
        kind = iri.removeprefix(f"{BASE}id/").partition("/")[0]
        if iri.startswith(f"{BASE}id/") and kind in found:
            found[kind].add(iri)
    chosen = [sorted(iris)[place] for iris in found.values() if iris for place in (0, len(iris) // 2, -1)]
    assert len(chosen) > 2 * len(KINDS)
    return [*chosen, *OTHERS]


def said(description: Description) -> tuple[object, ...]:
    return (
        set(description.triples()), description.outgoing, description.incoming, description.counts, description.nodes,
        description.records, description.names, description.graphs, description.record_graphs,
    )  # fmt: skip


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("language", ["en", "fi"])
def test_what_is_looked_up_is_what_queries_say(archive: Archive, language: str) -> None:
    async def compare() -> None:
        async with serving(archive) as engines:
            assert engines.current is not None
            manifest = engines.current.manifest
            for thing in things(archive):
                looked_up = asking.Snapshot(engines, engines.settings, manifest)
                queried = _Queried(engines, engines.settings, manifest)
                mine, theirs = await describe(looked_up, thing, language), await describe(queried, thing, language)
                assert said(mine) == said(theirs), thing
                assert mine.cut or looked_up.jobs == 1, thing  # one way to a reader and back
                assert queried.jobs > 1

    asyncio.run(compare())


def node(name: str) -> NamedNode:
    return NamedNode(f"http://example.org/{name}")


def test_too_much_is_left_to_queries() -> None:
    store = Store()
    store.extend(Quad(node(f"{n}"), node("p"), NamedNode(ME), DefaultGraph()) for n in range(AT_ONCE))
    assert Neighbourhood(store).around(ME, "en").count(b"\n") == AT_ONCE
    store.add(Quad(node("more"), node("p"), NamedNode(ME), DefaultGraph()))
    with pytest.raises(TooMuchError):
        Neighbourhood(store).around(ME, "en")


def test_names_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhood, "_NAMES_KEPT", 2000)
    store = Store()
    for n in range(50):
        store.add(Quad(NamedNode(ME), node("p"), node(f"{n}"), DefaultGraph()))
        store.add(Quad(node(f"{n}"), NamedNode(expand("dct:title")), node("title"), DefaultGraph()))
    found = Neighbourhood(store)
    first = found.around(ME, "en")
    assert found.kept_bytes <= 2000
    assert found.around(ME, "en") == first
    assert first.count(b"/terms/title>") == 50
