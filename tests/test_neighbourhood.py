"""What is looked up around an IRI is what queries say of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, QuerySolutions, Store

from circkg_loaders.iris import BASE
from circkg_loaders.prefixes import expand
from circkg_loaders.registry import DataSet, Role
from circkg_server.engines.service import Engines
from circkg_server.linked_data import asking
from circkg_server.linked_data.description import Description, describe
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.settings import Settings
from circkg_server.store import neighbourhood, snapshot
from circkg_server.store.neighbourhood import Neighbourhood, TooMuchError
from circkg_server.store.neighbourhood_index import AT_ONCE, MOST, is_whole, make, write
from circkg_server.store.snapshot import Snapshot
from circkg_shapes.terms import XSD

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

    def around(self, _iri: str, _language: str) -> None:
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
                looked_up = asking.Snapshot(engines, engines.settings, manifest, engines.current.neighbourhood)
                queried = _Queried(engines, engines.settings, manifest)
                mine, theirs = await describe(looked_up, thing, language), await describe(queried, thing, language)
                assert said(mine) == said(theirs), thing
                assert mine.cut or not looked_up.jobs, thing  # no reader is asked
                assert mine.cut or list(mine.triples()) == list(theirs.triples()), thing
                assert queried.jobs > 1

    asyncio.run(compare())


PREDICATE, TITLE = "<http://example.org/p>", f"<{expand('dct:title')}>"
GRAPH = f"{BASE}set/any"


def node(name: str) -> str:
    return f"<http://example.org/{name}>"


def indexed(folder: Path, said: dict[str, list[tuple[str, str]]], *, graph: str = GRAPH) -> Neighbourhood:
    """Return an index of what is said of some subjects, all in the default graph."""
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    write(path, ((s, [(p, o, graph, True) for p, o in said[s]]) for s in sorted(said)))
    return Neighbourhood(path)


def test_too_much_is_left_to_queries(tmp_path: Path) -> None:
    said = {node(f"{n}"): [(PREDICATE, node("me"))] for n in range(AT_ONCE)}
    assert len(indexed(tmp_path, said).around(ME, "en").incoming[PREDICATE]) == AT_ONCE
    said[node("more")] = [(PREDICATE, node("me"))]
    with pytest.raises(TooMuchError):
        indexed(tmp_path, said).around(ME, "en")
    long = {node("me"): [(PREDICATE, f'"{n}"') for n in range(MOST // 2)]}
    assert len(indexed(tmp_path, long).around(ME, "en").said.own[PREDICATE]) == MOST // 2
    long[node("me")].append((PREDICATE, '"more"'))
    with pytest.raises(TooMuchError):
        indexed(tmp_path, long).around(ME, "en")


def test_names_that_are_kept_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhood, "_NAMES_KEPT", 5000)
    said = {node(f"{n}"): [(TITLE, '"title"')] for n in range(50)}
    said[node("me")] = [(PREDICATE, node(f"{n}")) for n in range(50)]
    found = indexed(tmp_path, said)
    first = found.around(ME, "en")
    assert 0 < found.kept_bytes <= 5000
    assert found.around(ME, "en") == first
    assert len(first.names) == 50


def test_literals_have_the_form_of_answers(tmp_path: Path) -> None:
    """The store writes numbers and language tags in one form; a document must say what an answer of a query says."""
    integer, plain = f"^^<{XSD}integer>", '"say \\"05\\"\\n"'
    forms = {f'"05"{integer}': f'"5"{integer}', '"a"@pt-BR': '"a"@pt-br', plain: plain}
    archive = Archive(tmp_path / "store")
    release = archive.release(
        DataSet("any", "Any", Role.STATED, "any", "1", "CC-BY-4.0", ""), [(node("me"), PREDICATE, o) for o in forms]
    )  # fmt: skip
    manifest = archive.next_manifest([release])
    found = Neighbourhood(make(archive, manifest)).around(ME, "en")
    assert set(found.said.own[PREDICATE]) == set(forms.values())
    snapshot.make(archive, manifest)
    store = Store.read_only(str(snapshot.path_of(archive, manifest)))
    answers = (str(quad.object) for quad in store.quads_for_pattern(None, None, None, DefaultGraph()))
    assert set(answers) == set(forms.values())


def published(folder: Path) -> tuple[Archive, Manifest]:
    """Return a store that publishes one statement."""
    archive = Archive(folder)
    release = archive.release(
        DataSet("any", "Any", Role.STATED, "any", "1", "CC-BY-4.0", ""), [(node("me"), PREDICATE, node("other"))]
    )  # fmt: skip
    manifest = archive.next_manifest([release])
    archive.publish(manifest)
    return archive, manifest


def test_without_an_index_things_are_described_by_queries(tmp_path: Path) -> None:
    archive, manifest = published(tmp_path / "store")
    (archive.folder / "neighbourhoods").write_text("no folder can be made here")

    async def describe_me() -> Description:
        async with serving(archive) as engines:
            assert engines.current is not None
            assert engines.current.neighbourhood is None
            return await describe(asking.Snapshot(engines, engines.settings, manifest), ME, "en")

    assert asyncio.run(describe_me()).outgoing == {PREDICATE: [node("other")]}


def test_an_index_that_is_missing_or_broken_is_made_anew(tmp_path: Path) -> None:
    archive, manifest = published(tmp_path / "store")
    path = make(archive, manifest)
    assert is_whole(path)
    path.write_bytes(b"SQLite format 3, but for the rest of it" * 100)
    assert not is_whole(path)
    assert Neighbourhood(make(archive, manifest)).around(ME, "en").said.own == {PREDICATE: [node("other")]}
