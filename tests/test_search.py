"""The text search: words in the languages of the data, its order, filters, bounds, and its rewriting in SPARQL."""

from __future__ import annotations

import builtins
import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse

from circkg_loaders.registry import Role
from circkg_server.build import Build
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest, Release, to_json
from circkg_server.search import (
    NAMESPACE,
    SERVICE,
    Index,
    SearchError,
    SearchSettings,
    SearchUnavailableError,
    features,
    make,
    open_index,
    path_of,
    remove_old,
    rewrite,
)
from circkg_server.search.words import STEMMED, fold, kin
from circkg_server.settings import SettingsError

CIRC = "https://w3id.org/circkg/def#"
THEME = "https://w3id.org/circkg/def/theme/"
PREFIXES = f"PREFIX text: <{NAMESPACE}>\nPREFIX circ: <{CIRC}>\n"


@pytest.fixture(scope="module")
def index(built: Build, archive: Archive) -> Index:
    assert built.manifest
    with archive.writing():
        make(archive, built.manifest)
    return open_index(archive, built.manifest)


def publish(folder: Path, turtle: str, number: int = 1) -> tuple[Archive, Manifest]:
    """Write a release of one small graph, as the build does, and return its manifest."""
    archive = Archive(folder)
    graph = "https://w3id.org/circkg/set/test"
    prefixes = "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX dct: <http://purl.org/dc/terms/>"
    prefixes += f" PREFIX circ: <{CIRC}> PREFIX : <http://x/> "
    lines = {
        f"{quad.subject} {quad.predicate} {quad.object} <{graph}> .\n".encode()
        for quad in parse((prefixes + turtle).encode(), RdfFormat.TURTLE)
    }
    content = b"".join(sorted(lines))
    digest = hashlib.sha256(content).hexdigest()
    file = f"releases/test/{digest[:12]}.nq.gz"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(gzip.compress(content))
    release = Release("test", digest[:12], Role.STATED, graph, "Test", "", file, digest, len(lines))
    return archive, Manifest(number, (release,))


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Index]:
    """Give a function that indexes a small graph in Turtle."""

    def opened(turtle: str, settings: SearchSettings | None = None) -> Index:
        archive, manifest = publish(tmp_path, turtle)
        return open_index(archive, manifest, settings)

    return opened


def iris(index: Index, query: str, **options: object) -> list[str]:
    return [hit.iri for hit in index.search(query, **options).hits]  # type: ignore[arg-type]


# Words of the data, in the languages of the data


@pytest.mark.parametrize(
    ("language", "query", "label", "theme"),
    [
        ("el", "κυκλική οικονομία", "κυκλική οικονομία", "circular-economy"),
        ("el", "κυκλικη οικονομια".upper(), "κυκλική οικονομία", "circular-economy"),
        ("el", "κυκλικη οικονομιας", "κυκλική οικονομία", "circular-economy"),
        ("pl", "gospodarka o obiegu zamknietym", "gospodarka o obiegu zamkniętym", "circular-economy"),
        ("pl", "GOSPODARKI", "gospodarka o obiegu zamkniętym", "circular-economy"),
        ("lt", "atlieku", "atliekų prevencija", "waste-prevention"),
        ("lt", "atliekos prevencija", "atliekų prevencija", "waste-prevention"),
        ("bg", "икономика", "кръгова икономика", "circular-economy"),
        ("bg", "КРЪГОВАТА икономика", "кръгова икономика", "circular-economy"),
        ("fi", "kiertotalou", "kiertotalouden hallinta", "circular-governance"),
        ("fi", "kiertotalouteen", "kiertotalouden hallinta", "circular-governance"),
        ("de", "kreislaufwirtschaft", "Kreislaufwirtschaft", "circular-economy"),
        ("de", "KREISLAUFW", "Kreislaufwirtschaft", "circular-economy"),
        ("cs", "obehove", "oběhové hospodářství", "circular-economy"),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
def test_words_of_the_data_are_found_in_their_language(
    index: Index, language: str, query: str, label: str, theme: str, asked: bool
) -> None:
    hits = index.search(query, lang=language if asked else None, limit=100).hits
    hit = next((each for each in hits if each.iri == THEME + theme), None)
    assert hit, [each.iri for each in hits]
    assert (hit.label, hit.label_language, hit.language, hit.field) == (label, language, language, "label")


def test_every_label_of_the_themes_finds_its_theme(index: Index, built: Build) -> None:
    """In each of the languages, the label itself puts its concept on the first page, accents and case aside."""
    missing = []
    for subject, predicate, term in built.loaded.of_reader("vocabularies"):
        if THEME not in subject or not predicate.endswith("core#prefLabel>"):
            continue
        text, _, language = term.removeprefix('"').rpartition('"@')
        if subject[1:-1] not in iris(index, text.upper(), lang=language):
            missing.append((subject, term))
    assert not missing


def test_a_name_is_found_without_its_accents(index: Index) -> None:
    assert iris(index, "lodz")[0] == "https://w3id.org/circkg/id/territory/lodz"
    assert "http://data.europa.eu/nuts/code/PL711" in iris(index, "łódź", lang="und")


def test_a_code_is_found_and_has_no_typing_errors(index: Index) -> None:
    result = index.search("FI1C")
    assert result.hits[0].iri == "http://data.europa.eu/nuts/code/FI1C"
    assert all("FI1C" in hit.highlight.text for hit in result.hits)
    assert index.search("FI1C99999").total == 0


# How words match


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Οδυσσεύς", "οδυσσευσ"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("Ødegård", "odegard"),
        ("Đakovo", "dakovo"),
        ("Diyarbak\u0131r", "DIYARBAKIR"),
        ("İzmir", "izmir"),
        ("e\u0301conomie", "économie"),
        ("Ærø", "aero"),
        ("ﬁsheries", "fisheries"),
        ("Йошкар", "йошкар"),
    ],
)
def test_folding(small: Callable[..., Index], text: str, query: str) -> None:
    index = small(f':a skos:prefLabel "{text}" .')
    assert not index.search(query).typing_errors
    for asked in (query, query.upper(), text, text.upper()):
        hit = index.search(asked).hits[0]
        assert hit.highlight.spans == ((0, len(text)),), asked


def test_exact_goes_before_prefix_before_stem_before_typing_errors(small: Callable[..., Index]) -> None:
    index = small(
        ':e skos:prefLabel "recyclng"@en . :d skos:prefLabel "recycled"@en . :c skos:prefLabel "recyclings"@en .'
        ':b skos:prefLabel "Recycling"@en . :a skos:prefLabel "cycling"@en . :f skos:prefLabel "biking"@en .'
    )
    assert iris(index, "recycling", lang="en") == [f"http://x/{each}" for each in "bcd"]
    assert index.search("waste").total == 0
    hits = index.search("recyclig", lang="en").hits
    assert [hit.iri[-1] for hit in hits] == ["b", "e", "c", "d"]


def test_labels_go_before_alternative_labels_before_descriptions(small: Callable[..., Index]) -> None:
    index = small(
        ':c skos:prefLabel "one waste" . :b skos:prefLabel "two x" ; skos:altLabel "one waste" .'
        ':a skos:prefLabel "three x" ; dct:description "one waste" .'
        ':d skos:prefLabel "four x" ; skos:hiddenLabel "one waste" .'
    )
    hits = index.search("waste").hits
    assert [hit.iri[-1] for hit in hits] == ["c", "b", "d", "a"]
    fields = {hit.iri[-1]: hit.field for hit in hits}
    assert fields == {"a": "description", "b": "alternative", "c": "label", "d": "hidden"}


def test_a_hidden_label_is_found_and_not_shown(small: Callable[..., Index]) -> None:
    hit = small(':a skos:prefLabel "Jyväskylä"@fi ; skos:hiddenLabel "Jyvaeskylae" .').search("jyvaeskylae").hits[0]
    assert (hit.label, hit.highlight.text, hit.highlight.spans) == ("Jyväskylä", "Jyväskylä", ())


def test_equal_scores_are_in_the_order_of_iris(small: Callable[..., Index]) -> None:
    order = [f"n{number:03}" for number in range(300)]
    index = small(" ".join(f':{name} skos:prefLabel "same words" .' for name in reversed(order)))
    pages = [iris(index, "same", limit=70, offset=offset) for offset in range(0, 300, 70)]
    assert [iri for page in pages for iri in page] == [f"http://x/{name}" for name in order]
    assert index.search("same").total == 300


def test_a_thing_is_one_hit_however_many_languages_match(small: Callable[..., Index]) -> None:
    index = small(':a skos:prefLabel "Helsinki"@fi, "Helsinki"@en, "Helsinki"@et, "Helsinki" .')
    assert index.search("helsinki").total == 1
    assert index.search("helsinki").hits[0].language == "en"
    assert index.search("helsinki", lang="et").hits[0].language == "et"
    assert index.search("helsinki", lang="und").hits[0].language is None
    assert index.search("helsinki", lang="sv").total == 0


def test_typing_errors_by_the_length_of_the_word(small: Callable[..., Index]) -> None:
    index = small(':a skos:prefLabel "recycling" . :b skos:prefLabel "wood" . :c skos:prefLabel "bio" .')
    for query, found in [
        ("recyling", "a"),
        ("receycilng", "a"),
        ("rcyclg", ""),
        ("wodo", "b"),
        ("wodd", "b"),
        ("wxxd", ""),
        ("bia", ""),
    ]:
        assert "".join(iri[-1] for iri in iris(index, query)) == found, query


def test_typing_errors_are_looked_for_only_where_few_things_match(small: Callable[..., Index]) -> None:
    many = " ".join(f':n{number} skos:prefLabel "waste" .' for number in range(5))
    index = small(many + ':t skos:prefLabel "taste" .')
    assert index.search("waste").total == 5
    assert not index.search("waste").typing_errors
    assert index.search("wsate").typing_errors
    assert index.search("wsate").total == 5


def test_all_words_are_needed_but_words_without_meaning(small: Callable[..., Index]) -> None:
    index = small(
        ':a skos:prefLabel "Reuse of wood"@en . :b skos:prefLabel "Reuse wood"@en . :c skos:prefLabel "Reuse"@en .'
    )
    assert sorted(iris(index, "reuse wood", lang="en")) == ["http://x/a", "http://x/b"]
    assert iris(index, "the reuse of the wood", lang="en") == ["http://x/a", "http://x/b"]


def test_words_in_their_order_and_short_labels_go_first(small: Callable[..., Index]) -> None:
    index = small(
        ':a skos:prefLabel "waste from food" . :b skos:prefLabel "all about food waste" .'
        ':c skos:prefLabel "food waste" .'
    )
    assert [iri[-1] for iri in iris(index, "food waste")] == ["c", "b", "a"]


def test_filters(index: Index) -> None:
    finland, practice = "http://data.europa.eu/nuts/code/FI", f"{CIRC}Practice"
    country = "http://publications.europa.eu/resource/authority/country/FIN"
    everywhere = index.search("waste", limit=1000)
    of_type = index.search("waste", types=[practice], limit=1000)
    assert 0 < of_type.total < everywhere.total
    assert all(practice in hit.types for hit in of_type.hits)
    two = index.search("waste", types=[practice, f"{CIRC}Barrier"], limit=1000)
    assert two.total > of_type.total
    tampere = index.search("tampere", region=finland)
    assert "https://w3id.org/circkg/id/territory/tampere" in {hit.iri for hit in tampere.hits}
    assert "https://w3id.org/circkg/id/territory/tampere" in iris(index, "tampere", region=country)
    assert index.search("tampere", region="http://data.europa.eu/nuts/code/SE").total == 0
    assert finland in iris(index, "FI", region=finland)
    assert index.search("waste", types=['x" OR 1'], region="*").total == 0


def test_the_region_of_a_thing_is_followed_as_far_as_it_leads(small: Callable[..., Index]) -> None:
    index = small(
        ':a skos:prefLabel "waste" ; circ:locatedIn :city . :city circ:sameExtentAs :r3 . :r3 circ:within :r2 .'
        ":r2 circ:within :r1 . :r1 circ:within :r3 ."
    )
    for region in ("city", "r3", "r2", "r1"):
        assert index.search("waste", region=f"http://x/{region}").total == 1
    assert index.search("waste", region="http://x/other").total == 0


def test_highlights_are_offsets_into_plain_text(small: Callable[..., Index]) -> None:
    long = "much before this. " * 30 + "The wasted <b>food</b> & more\\n" + "and much after. " * 30
    index = small(f':a skos:prefLabel "A & <i>B</i> waste" . :b skos:prefLabel "x" ; dct:description "{long}" .')
    first = index.search("waste b").hits[0].highlight
    assert [first.text[start:end] for start, end in first.spans] == ["B", "waste"]
    assert first.marked() == "A &amp; &lt;i&gt;<mark>B</mark>&lt;/i&gt; <mark>waste</mark>"
    second = index.search("food").hits[0].highlight
    assert len(second.text) < 260
    assert [second.text[start:end] for start, end in second.spans] == ["food"]
    assert "\n" not in second.text


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ("", {}, "no word"),
        (" -- '\" ", {}, "no word"),
        ("x" * 201, {}, "201 characters"),
        ("a b c d e f g h i j k l m", {}, "13 words"),
        ("waste", {"limit": 1001}, "1 to 1000"),
        ("waste", {"limit": -1}, "1 to 1000"),
        ("waste", {"offset": -1}, "Skip 0"),
        ("waste", {"offset": 10_001}, "Skip 0"),
        ("waste", {"lang": "*"}, "no language tag"),
    ],
)
def test_bounds(index: Index, query: str, options: dict[str, int | str], message: str) -> None:
    with pytest.raises(SearchError, match=message):
        index.search(query, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query", ["a.*", "label:waste", "+waste -wood", 'waste"', "waste~2", "[a TO z]", "\x00a", "\ud800a"]
)
def test_there_is_no_query_language(index: Index, query: str) -> None:
    plain = " ".join(re.findall(r"[a-zA-Z0-9]+", query))
    assert index.search(query) == index.search(plain)


def test_searches_of_several_threads(index: Index) -> None:
    queries = ["waste", "gospodarki", "recyling", "lodz", "kiertotalouden"] * 20
    expected = [index.search(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(index.search, queries)) == expected


def test_the_languages_are_stated() -> None:
    stated = features()
    assert {"en", "de", "fi", "el", "fr"} <= set(stated["stemmed"])
    assert {"bg", "cs", "et", "hr", "lt", "lv", "pl", "sk", "sl"} <= set(stated["prefix_only"])
    assert not set(stated["stemmed"]) & set(stated["prefix_only"])
    for language in STEMMED:
        assert kin("word", language)
    assert fold("") == ""


# Making and opening


def test_an_index_is_made_anew_when_it_was_deleted_or_is_of_another_format(tmp_path: Path) -> None:
    archive, manifest = publish(tmp_path, ':a skos:prefLabel "waste" .')
    assert open_index(archive, manifest).search("waste").total == 1
    shutil.rmtree(path_of(archive, manifest))
    assert open_index(archive, manifest).search("waste").total == 1
    (path_of(archive, manifest) / "about.json").write_text('{"format": 0}')
    assert open_index(archive, manifest).search("waste").total == 1
    (path_of(archive, manifest) / "meta.json").write_text("{")
    with pytest.raises(SearchUnavailableError, match="Delete its folder"):
        open_index(archive, manifest)


def test_an_empty_graph_has_an_index(tmp_path: Path) -> None:
    archive, manifest = publish(tmp_path, "")
    index = open_index(archive, manifest)
    assert len(index) == 0
    assert index.search("waste").total == 0
    assert "VALUES (?s) {" in rewrite(search('?s text:query "waste"'), index)


def test_two_builds_give_the_same_answers(tmp_path: Path, index: Index, archive: Archive, built: Build) -> None:
    assert built.manifest
    shutil.copytree(archive.folder / "releases", tmp_path / "releases")
    other = open_index(Archive(tmp_path), built.manifest)
    for query in ("waste", "gospodarki", "recyling", "circular economy"):
        assert other.search(query, limit=1000) == index.search(query, limit=1000)


def test_old_indexes_are_removed(tmp_path: Path) -> None:
    for number in range(1, 8):
        archive, manifest = publish(tmp_path, ':a skos:prefLabel "waste" .', number)
        make(archive, manifest)
    remove_old(archive, replace(manifest, number=1))
    assert sorted(path.name for path in (tmp_path / "search").iterdir()) == [
        f"{number:06}" for number in (1, 3, 4, 5, 6, 7)
    ]


def test_an_open_index_outlives_its_folder(tmp_path: Path) -> None:
    archive, manifest = publish(tmp_path, ':a skos:prefLabel "waste" .')
    index = open_index(archive, manifest)
    shutil.rmtree(path_of(archive, manifest))
    assert index.search("waste").hits[0].label == "waste"


@pytest.fixture
def killed_build(tmp_path: Path) -> tuple[Archive, Manifest, Manifest]:
    """Give an archive with an index, and a manifest whose index was being made when its process was killed."""
    archive, old = publish(tmp_path, ':a skos:prefLabel "waste" .', 1)
    make(archive, old)
    many = " ".join(f':n{number} skos:prefLabel "label {number} of waste"@en .' for number in range(20_000))
    _, new = publish(tmp_path, many, 2)
    script = (
        "import pathlib, sys\nfrom circkg_server.releases.archive import Archive\n"
        "from circkg_server.releases.manifest import from_json\nfrom circkg_server.search import make\n"
        "archive = Archive(pathlib.Path(sys.argv[1]))\n"
        "with archive.writing():\n    make(archive, from_json(pathlib.Path(sys.argv[2]).read_text()))\n"
    )
    manifest = tmp_path / "new.json"
    manifest.write_text(to_json(new))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(manifest)], env=environment)
    until = time.monotonic() + 20
    while not list((tmp_path / "search").glob(".*.tmp/things.bin")) and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    return archive, old, new


def test_a_killed_build_leaves_the_old_index_whole(killed_build: tuple[Archive, Manifest, Manifest]) -> None:
    archive, old, new = killed_build
    assert list((archive.folder / "search").glob(".*.tmp"))
    assert not path_of(archive, new).exists()
    assert open_index(archive, old).search("waste").total == 1
    assert open_index(archive, new).search("waste").total == 20_000
    assert not list((archive.folder / "search").glob(".*.tmp"))


def test_a_missing_engine_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive, manifest = publish(tmp_path, ':a skos:prefLabel "waste" .')
    real = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name == "tantivy":
            raise ImportError("No module named 'tantivy'")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SearchUnavailableError, match="pip install tantivy"):
        make(archive, manifest)
    assert not list((tmp_path / "search").glob("*"))


@pytest.mark.parametrize("environment", [{"CIRCKG_SEARCH_LIMIT": "x"}, {"CIRCKG_SEARCH_MAX_WORDS": "0"}])
def test_settings_that_are_no_numbers_are_refused(environment: Mapping[str, str]) -> None:
    with pytest.raises(SettingsError, match="whole number"):
        SearchSettings.from_environment(environment)


# In SPARQL


def search(block: str) -> str:
    return f"{PREFIXES}SELECT * {{ SERVICE <{SERVICE}> {{ {block} }} }}"


def rows(query: str, store: Store | None = None) -> list[dict[str, str]]:
    result = (store or Store()).query(query)
    assert isinstance(result, QuerySolutions)
    names = [variable.value for variable in result.variables]
    return [{name: str(row[name]) for name in names if row[name] is not None} for row in result]


def test_a_search_in_sparql_finds_what_the_api_finds(index: Index) -> None:
    block = '?s text:query "waste" ; text:lang "en" ; text:type circ:Practice ; text:limit 7 ; text:score ?score ; '
    found = rows(rewrite(search(block + "text:label ?label"), index))
    expected = index.search("waste", lang="en", types=[f"{CIRC}Practice"], limit=7).hits
    assert [row["s"] for row in found] == [f"<{hit.iri}>" for hit in expected]
    assert [float(row["score"].split('"')[1]) for row in found] == pytest.approx(
        [hit.score for hit in expected], abs=1e-4
    )
    assert [row["label"] for row in found] == [f'"{hit.label}"@en' for hit in expected]
    assert all("XMLSchema#decimal" in row["score"] for row in found)


def test_the_limit_in_sparql(small: Callable[..., Index]) -> None:
    index = small(" ".join(f':n{number} skos:prefLabel "waste" .' for number in range(1200)))
    assert len(rows(rewrite(search('?s text:query "waste"'), index))) == 100
    assert len(rows(rewrite(search('?s text:query "waste" ; text:limit 1000'), index))) == 1000
    with pytest.raises(SearchError, match="1 to 1000"):
        rewrite(search('?s text:query "waste" ; text:limit 1001'), index)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p ?o }",
        "SELECT * { SERVICE <http://elsewhere/> { ?s ?p ?o } }",
        f"SELECT * {{ ?s ?p 'SERVICE <{SERVICE}> {{' }} # SERVICE <{SERVICE}> {{",
        f"SELECT * {{ ?service <{SERVICE}> ?o }}",
        f"PREFIX SERVICE: <{SERVICE}> SELECT * {{ SERVICE: ?p ?o }}",
        "SELECT * { SERVICE undeclared:text-search { } }",
        "SERVICE",
        "PREFIX",
        "BASE",
    ],
)
def test_a_query_without_a_search_is_returned_as_it_is(query: str) -> None:
    def never() -> Index:
        raise AssertionError("the index is not needed")

    assert rewrite(query, never) is query


@pytest.mark.parametrize(
    "form",
    [
        "SELECT ?s {{ {} }}",
        "SELECT ?s {{ OPTIONAL {{ {} }} }}",
        "SELECT ?s {{ {{ SELECT ?s {{ {} }} LIMIT 1 }} }}",
        "SELECT ?s {{ {{ {} }} UNION {{ {} }} }}",
        "SELECT ?s {{ VALUES ?x {{ 1 }} {} BIND(1 AS ?y) }}",
        "SELECT ?s {{ {} . }}",
        "SELECT ?s {{ FILTER EXISTS {{ {} }} {} }}",
        "SELECT ?s {{ MINUS {{ ?s <a:b> 1 }} {} }}",
    ],
)
@pytest.mark.parametrize(
    "service", [f"<{SERVICE}>", "c:text-search", "SILENT <https://w3id.org/circkg/text-search>", "<text-search>"]
)
def test_a_search_wherever_a_service_may_stand(small: Callable[..., Index], form: str, service: str) -> None:
    index = small(':a skos:prefLabel "waste" .')
    block = f'seRVice {service}\n# a comment with }}\n{{ $s <{NAMESPACE}query> """waste""" ; }}'
    prologue = "BASE <https://w3id.org/circkg/x> PREFIX c: <https://w3id.org/circkg/> "
    rewritten = rewrite(prologue + form.format(block, block), index)
    assert "service" not in rewritten.lower()
    assert {row["s"] for row in rows(rewritten)} == {"<http://x/a>"}


def test_a_search_in_an_update(small: Callable[..., Index]) -> None:
    index, store = small(':a skos:prefLabel "waste" .'), Store()
    block = f"SERVICE <{SERVICE}> {{ ?s text:query 'waste' }}"
    store.update(rewrite(f"{PREFIXES}INSERT {{ ?s a circ:Found }} WHERE {{ {block} }}", index))
    assert [str(quad.subject) for quad in store] == ["<http://x/a>"]


def test_lines_keep_their_numbers(small: Callable[..., Index]) -> None:
    index = small(':a skos:prefLabel "waste" .')
    query = f'{PREFIXES}SELECT * {{\nSERVICE <{SERVICE}> {{\n?s\ntext:query\n"waste"\n}}\n}}'
    assert rewrite(query, index).count("\n") == query.count("\n")


def test_labels_with_quotes_and_braces_stay_inside_their_literals(small: Callable[..., Index]) -> None:
    text = 'waste " } UNION { ?s ?p ?o } \\\\ \\n \u2028 \' """ <x> # ?y'.replace('"', '\\"')
    index = small(f':a skos:prefLabel "{text}"@en .')
    store = Store()
    store.add(Quad(NamedNode("http://x/s"), NamedNode("http://x/p"), NamedNode("http://x/o")))
    found = rows(rewrite(search('?s text:query "waste" ; text:label ?label'), index), store)
    assert len(found) == 1
    assert "UNION" in found[0]["label"]


@pytest.mark.parametrize(
    "text",
    ['waste\\" } UNION { ?s ?p ?o } #', "waste\\\\", "waste \\u0022 } {", "waste } } {{ ", "waste\\n\\t'", "<a> waste"],
)
def test_what_is_searched_for_cannot_leave_the_search(small: Callable[..., Index], text: str) -> None:
    index = small(':a skos:prefLabel "waste" .')
    rewritten = rewrite(search(f'?s text:query "{text}"'), index)
    assert "UNION" not in rewritten
    assert all(row["s"] == "<http://x/a>" for row in rows(rewritten))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("", "say what to search for"),
        ("?s text:lang 'en'", "say what to search for"),
        ("?s text:query ?words", "give a string"),
        ("?s text:query <http://x>", "give a string"),
        ("?s text:query 'a'@en", "Values are plain constants"),
        ("?s text:query 'a'^^<http://x>", "Values are plain constants"),
        ("?s text:query 'a', 'b'", "give one value"),
        ("?s text:query 'a' ; text:query 'b'", "once"),
        ("?s text:query 'a' . ?t text:query 'b'", "the block is about ?s"),
        ("<http://x> text:query 'a'", "only statements about one variable"),
        ("?s ?p 'a'", "name a property"),
        ("?s a circ:Practice", "name a property"),
        ("?s other:query 'a'", "declare its prefix"),
        ("?s circ:within 'a'", "no property of a search"),
        ("?s text:words 'a'", "Use text:query, text:lang"),
        ("?s text:query 'a' ; text:type ?type", "a variable is not possible"),
        ("?s text:query 'a' ; text:type other:x", "declare its prefix"),
        ("?s text:query 'a' ; text:limit -1", "whole number"),
        ("?s text:query 'a' ; text:limit 1.5", "whole number"),
        ("?s text:query 'a' ; text:score 1", "give a variable"),
        ("?s text:query 'a' ; text:score ?s", "different variables"),
        ("?s text:query 'a' ; text:score ?x ; text:label $x", "different variables"),
        ("?s text:query 'a' FILTER(?s > 1)", "put ; before"),
        ("FILTER(true)", "only statements about one variable"),
        ("{ ?s text:query 'a' }", "only statements about one variable"),
        ("?s text:query ''", "no word"),
        ("?s text:query '\\q'", "no escape"),
        ("?s text:query '\\uD800'", "no character"),
        ("?s text:query 'a' ; text:lang '**'", "no language tag"),
    ],
)
def test_faults_in_a_block(small: Callable[..., Index], block: str, message: str) -> None:
    index = small(':a skos:prefLabel "waste" .')
    with pytest.raises(SearchError) as caught:
        rewrite(search(block), index)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "end", ["", "{", "{ ?s", "{ ?s text:query", "{ ?s text:query 'a'", "{ ?s text:query 'a' ;", "x"]
)
def test_a_block_that_does_not_end(small: Callable[..., Index], end: str) -> None:
    index = small(':a skos:prefLabel "waste" .')
    with pytest.raises(SearchError, match=r"ends inside a text search|put \{"):
        rewrite(f"{PREFIXES}SELECT * {{ SERVICE <{SERVICE}> {end}", index)


def test_searches_of_one_query_are_counted(small: Callable[..., Index]) -> None:
    index = small(':a skos:prefLabel "waste" .')
    block = f'SERVICE <{SERVICE}> {{ ?s text:query "waste" }} '
    assert rows(rewrite(f"{PREFIXES}SELECT * {{ {block * 8} }}", index))
    with pytest.raises(SearchError, match="9 text searches"):
        rewrite(f"{PREFIXES}SELECT * {{ {block * 9} }}", index)
