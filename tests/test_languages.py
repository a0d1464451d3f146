"""The words of the shapes: the same in every language, and none without the other."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from rdflib import RDFS, SH, Graph, Literal, URIRef
from rdflib.term import Node

from circkg_loaders.contributed.reading import read
from circkg_server.contributions.judging import judge, our_shapes
from circkg_server.contributions.knowledge import Curated
from circkg_shapes import Report
from circkg_shapes.rooms import room, shape_files

SHAPES = room("shapes")
ROOT = Path(__file__).parents[1]
FAULTY = ROOT / "docs" / "examples" / "practice-with-faults.ttl"
LANGUAGES = ("de", "es", "fi", "fr", "it", "pl", "pt")
TEXTS = (RDFS.label, SH.name, SH.description, SH.message)

SAME_AS_IN_ENGLISH = {
    "de": {"DOI", "Initiative", "Name", "Organisation", "SHA-256", "Status", "Website"},
    "es": {"DOI", "SHA-256"},
    "fi": {"DOI", "SHA-256"},
    "fr": {
        *("Action", "Actions", "DOI", "Date", "Description", "Initiative", "Instruments", "Note", "Organisation"),
        *("Pages", "Participant", "Participation", "SHA-256", "Source"),
    },
    "it": {"DOI", "SHA-256"},
    "pl": {"DOI", "SHA-256"},
    "pt": {"DOI", "SHA-256"},
}
"""Words that a language shares with English."""

LITERAL = re.compile(
    r"""
      \{[?$]\w+\}                       # variable of a constraint
    | https?://(?:[^\s,;]*[^\s,;.])?    # IRI, or its beginning
    | “[^”]*”                           # name of a list
    | "[^"]*"@\w+ | @\w+                # text with its tag, tag
    | \b[a-z]+:[A-Za-z]\w*              # prefixed name
    | \b[a-z]{2}-[A-Z]{2}\b             # tag with a region
    | [A-Z]*\d(?:[\w./-]*\d)?           # number, date, code
    """,
    re.VERBOSE,
)
"""What stays as it is in every language."""
THOUSANDS = re.compile(r"(?<=\d)[,\u00a0](?=\d{3}\b)")

Key = tuple[Node, Node]


@cache
def texts(language: str) -> dict[Key, str]:
    """Return every text in a language by shape and predicate."""
    files = sorted(SHAPES.glob("*.ttl")) if language == "en" else [SHAPES / "languages" / f"{language}.ttl"]
    found: dict[Key, str] = {}
    for file in files:
        for subject, predicate, value in Graph().parse(file):
            if predicate in TEXTS and isinstance(value, Literal):
                assert value.language == language, (file.name, subject, value)
                assert (subject, predicate) not in found, (file.name, subject, predicate)
                found[subject, predicate] = str(value)
    return found


def literals(text: str) -> list[str]:
    return sorted(LITERAL.findall(THOUSANDS.sub("", text)))


def folded(header: str) -> str:
    """Return a header without case, accents and punctuation, as a reader of tables may compare it."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return re.sub(r"[\W_]+", " ", "".join(each for each in letters if not unicodedata.combining(each))).strip()


def test_each_language_has_a_file_and_the_product_reads_it() -> None:
    files = [file for file in shape_files() if file.parent.name == "languages"]
    assert tuple(file.stem for file in files) == LANGUAGES
    assert set(shape_files()) - set(files) == set(SHAPES.glob("*.ttl"))


def test_no_part_of_the_product_picks_the_files_itself() -> None:
    modules = {path for folder in ("shapes", "loaders", "server") for path in (ROOT / folder).rglob("*.py")}
    picking = {path.name for path in modules if 'room("shapes")' in path.read_text(encoding="utf-8")}
    assert picking == {"rooms.py"}, "ask shape_files()"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_of_words_holds_nothing_else(language: str) -> None:
    graph = Graph().parse(SHAPES / "languages" / f"{language}.ttl")
    assert len(graph) == len(texts(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_its_translation_and_every_translation_its_text(language: str) -> None:
    assert texts(language).keys() - texts("en").keys() == set(), "no such text in the shapes"
    assert texts("en").keys() - texts(language).keys() == set(), "not translated"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_word_stays_as_it_is(language: str) -> None:
    changed = {
        key: (literals(english), literals(texts(language)[key]))
        for key, english in texts("en").items()
        if literals(english) != literals(texts(language)[key])
    }
    assert changed == {}


def test_what_is_no_word_is_found() -> None:
    assert literals('{?value}: “strand”, https://w3id.org/x/y. Or @en, "…"@en, nuts:FI1C3, en-GB.') == sorted(
        ["{?value}", "“strand”", "https://w3id.org/x/y", "@en", '"…"@en', "nuts:FI1C3", "en-GB"]
    )
    assert literals("2 to 6,000, 2022-05-13; FI99999999.") == literals("2–6\u00a0000 FI99999999 2022-05-13")
    assert literals("2 to 300") != literals("2 to 3000")


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_words_shared_with_english_are_the_same(language: str) -> None:
    same = {english for key, english in texts("en").items() if english == texts(language)[key]}
    assert same == SAME_AS_IN_ENGLISH[language]


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_texts_are_written_cleanly(language: str) -> None:
    for key, text in texts(language).items():
        assert text == " ".join(text.split(" ")).strip(), key
        assert not re.search(r"\s\s|[\n\r\t]", text), key
        assert text == unicodedata.normalize("NFC", text), key
        if key[1] in (SH.description, SH.message):
            assert text.endswith("."), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_alike_in_english_is_said_alike(language: str) -> None:
    said: defaultdict[tuple[Node, str], set[str]] = defaultdict(set)
    for (subject, predicate), english in texts("en").items():
        said[predicate, english].add(texts(language)[subject, predicate])
    assert {key: found for key, found in said.items() if len(found) > 1} == {}


def test_a_header_means_one_property_of_a_class_whatever_its_language() -> None:
    graph = Graph()
    for file in SHAPES.glob("*.ttl"):
        graph.parse(file)
    meant: defaultdict[tuple[Node, str], set[Node]] = defaultdict(set)
    for root, target in graph.subject_objects(SH.targetClass):
        for shape in graph.objects(root, SH.property):
            path = graph.value(shape, SH.path)
            if not isinstance(path, URIRef):
                continue  # no column: what it looks at stands in several, or on another thing
            # The key of the field, such as start_date, is a header too.
            headers = {str(shape).rpartition("-")[2]} | {texts(each)[shape, SH.name] for each in ("en", *LANGUAGES)}
            for header in headers:
                meant[target, folded(header)].add(path)
    assert len(meant) > 1000
    assert {key: found for key, found in meant.items() if len(found) > 1} == {}


@pytest.fixture(scope="module")
def report() -> Report:
    return judge([read(FAULTY)], Curated(), our_shapes()).report


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fault_is_told_in_every_language(report: Report, language: str) -> None:
    assert report.results
    for result in report.results:
        shape = URIRef(result.source_shape.strip("<>"))
        assert result.message(language) == texts(language)[shape, SH.message]


def test_a_fault_is_told_in_finnish(report: Report) -> None:
    assert sorted(result.message("fi") for result in report.results) == [
        "Anna yksi ajankohta sellaisena kuin se on lähteessä: päivä (2022-05-13), kuukausi (2022-05) tai vuosi (2022).",
        "Nimeä kuvattu alue tai NUTS-luokituksen version 2021 tai 2024 alue sen virallisella tunnisteella, "
        "esimerkiksi nuts:FI1C3.",
    ]
