"""The index of a snapshot: made at publish from the releases, opened for reading, deletable.

A folder ``search/{number}`` of the store holds the index of the manifest of that number: a Tantivy index without
stored fields, and ``things.bin``, one record a thing (IRI, labels, alternative labels, descriptions and types), which
hits are read from by memory map. A thing has one document a language, and one for all languages together, so that the
things that match are counted once, whatever the language. Documents are added in the order of the IRIs into one
segment, so equal scores are in the order of the IRIs.

Scores: every word that is asked for is in the thing, in some form. Its form counts most if it is the word as written
(case and accents aside), less if it is a beginning, a kindred form (same stem) or differs by typing errors; and most
in a label, less in an alternative label, least in a description. A label that is the whole query, or has its words
side by side, adds to the sum; shorter labels go before longer ones. No statistics of the corpus are in it: the same
thing has the same score whatever else is published.

Typing errors are looked for where few things match as written: in the words that the index does not hold, and if
nothing is found, in all.
"""

from __future__ import annotations

import html
import json
import mmap
import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circkg_server.releases.archive import Archive, keep_newest, new_folder, triple_of
from circkg_server.releases.manifest import Manifest, write_durably
from circkg_server.search.settings import SearchError, SearchSettings, SearchUnavailableError
from circkg_server.search.words import (
    UNTAGGED,
    distance,
    fold,
    is_stop_word,
    kin,
    kin_of_all,
    spans,
    tantivy,
    typing_errors,
    words,
)
from circkg_shapes.terms import XSD_STRING, iri_text, is_iri, literal_parts

if TYPE_CHECKING:
    from tantivy import Document, Query, Schema

FORMAT = 1
"""Raised when what an index holds changes: an index of another format is made anew."""

ALL = "*"
"""Language of the document that holds the texts of a thing in all languages."""

_SKOS = "http://www.w3.org/2004/02/skos/core#"
_DCT = "http://purl.org/dc/terms/"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_CIRC = "https://w3id.org/circkg/def#"
_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL, ALTERNATIVE, DESCRIPTION, HIDDEN = "label", "alternative", "description", "hidden"
TEXTS = {
    f"<{namespace}{name}>": kind
    for kind, namespace, names in (
        (LABEL, _SKOS, ("prefLabel",)),
        (LABEL, _DCT, ("title",)),
        (LABEL, _RDFS, ("label",)),
        (LABEL, "https://schema.org/", ("name",)),
        (LABEL, "http://xmlns.com/foaf/0.1/", ("name",)),
        (ALTERNATIVE, _SKOS, ("altLabel", "notation")),
        (ALTERNATIVE, _DCT, ("alternative",)),
        (HIDDEN, _SKOS, ("hiddenLabel",)),
        (DESCRIPTION, _SKOS, ("definition", "scopeNote")),
        (DESCRIPTION, _DCT, ("description", "abstract")),
        (DESCRIPTION, _RDFS, ("comment",)),
    )
    for name in names
}
"""What is searched: each property, and what its values are to a thing. Hidden labels are searched and never shown."""

PLACES = frozenset(f"<{_CIRC}{name}>" for name in ("within", "locatedIn", "sameExtentAs", "activeIn", "country"))
"""Where a thing lies: the filter by region follows these properties as far as they lead."""

# What a word counts by its form, and by the field that it is in.
_WEIGHTS = {
    LABEL: {"exact": 16.0, "prefix": 8.0, "kin": 6.0, "typo1": 3.0, "typo2": 2.0},
    ALTERNATIVE: {"exact": 12.0, "prefix": 7.0, "kin": 5.0, "typo1": 2.5, "typo2": 1.5},
    DESCRIPTION: {"exact": 4.0, "prefix": 2.0, "kin": 1.5, "typo1": 1.0, "typo2": 0.5},
}
_WHOLE = {LABEL: 8.0, ALTERNATIVE: 6.0}
_PHRASE = {LABEL: 4.0, ALTERNATIVE: 3.0}
_FIELD = {LABEL: LABEL, ALTERNATIVE: ALTERNATIVE, HIDDEN: ALTERNATIVE, DESCRIPTION: DESCRIPTION}
_SHORTEST_PREFIX = {LABEL: 2, ALTERNATIVE: 2, DESCRIPTION: 3}
_EXCERPT = 240


@dataclass(frozen=True, slots=True)
class Highlight:
    """A text that matches, plain and not escaped, and where in it the words are that were found.

    :param spans: start and end of each, in characters, in order and apart.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def marked(self, before: str = "<mark>", after: str = "</mark>") -> str:
        """Return the text escaped for HTML, with each span between two marks.

        >>> Highlight("R&D of waste", ((7, 12),)).marked()
        'R&amp;D of <mark>waste</mark>'
        """
        parts, at = [], 0
        for start, end in self.spans:
            parts += [html.escape(self.text[at:start]), before, html.escape(self.text[start:end]), after]
            at = end
        return "".join(parts) + html.escape(self.text[at:])


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found.

    :param language: language tag of the text that matched best, ``None`` if it has none.
    :param label: the thing's label in the language asked for, or of the text that matched, or in English; else any.
    :param field: what the text is to the thing: ``label``, ``alternative``, ``description``, or ``hidden``.
    """

    iri: str
    score: float
    language: str | None
    label: str
    label_language: str | None
    types: tuple[str, ...]
    field: str
    highlight: Highlight


@dataclass(frozen=True, slots=True)
class Hits:
    """The things on one page of an answer, and how many there are in all.

    :param typing_errors: whether words that differ by typing errors were looked for, as few things match as written.
    """

    total: int
    hits: tuple[Hit, ...]
    typing_errors: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was found, by its number in the index."""

    number: int
    iri: str
    score: float


@dataclass(slots=True)
class _Thing:
    texts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


def path_of(archive: Archive, manifest: Manifest) -> Path:
    """Return the folder of a manifest's index."""
    return archive.folder / "search" / f"{manifest.number:06}"


def make(archive: Archive, manifest: Manifest, settings: SearchSettings | None = None) -> Path:
    """Make the index of a manifest from its releases, unless it is there, and return its folder.

    The one who calls holds the archive's lock. A process that dies leaves only a folder that the next one removes.

    :raises SearchUnavailableError: if the search engine is not installed.
    :raises ManifestError: if a release cannot be read.
    """
    folder = path_of(archive, manifest)
    if _is_current(folder):
        return folder
    tantivy()
    with new_folder(folder) as new:
        new.mkdir()
        _write(new, _things(_statements(archive, manifest)), manifest.number, settings or SearchSettings())
    return folder


def remove_old(archive: Archive, current: Manifest, keep: int = 5) -> None:
    """Remove the indexes of snapshots that nobody can ask for any more: all but the newest ``keep``."""
    keep_newest(path_of(archive, current), keep, archive.kept())


def open_index(archive: Archive, manifest: Manifest, settings: SearchSettings | None = None) -> Index:
    """Open the index of a manifest, made anew if somebody deleted it or it is of another format.

    :raises SearchUnavailableError: if the search engine is not installed, or the index cannot be read.
    :raises StoreBusyError: if the index must be made anew while another process writes.
    """
    folder = path_of(archive, manifest)
    if not _is_current(folder):
        with archive.writing():
            make(archive, manifest, settings)
    return Index(folder, settings)


def _is_current(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "about.json").read_text(encoding="utf-8"))["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _statements(archive: Archive, manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield the statements of the default graph that the index is made from, terms in N-Triples form."""
    wanted = TEXTS.keys() | PLACES | {_TYPE}
    for release in manifest.releases:
        if not release.role.in_default_graph:
            continue
        for subject, predicate, value in map(triple_of, archive.n_triples(release)):
            if predicate in wanted and is_iri(subject):
                yield iri_text(subject), predicate, value


def _things(statements: Iterable[tuple[str, str, str]]) -> dict[str, _Thing]:
    things: defaultdict[str, _Thing] = defaultdict(_Thing)
    for subject, predicate, value in statements:
        thing = things[subject]
        kind = TEXTS.get(predicate)
        if kind is None:
            if value.startswith("<"):
                (thing.types if predicate == _TYPE else thing.places).add(value[1:-1])
        elif value.startswith('"'):
            text, tag, datatype = literal_parts(value)
            if text.strip() and (tag or datatype == XSD_STRING or predicate.endswith("#notation>")):
                texts = thing.texts.setdefault(kind, {}).setdefault(_language(tag), [])
                if text not in texts:
                    texts.append(text)
    places = {place for thing in things.values() for place in thing.places}
    for iri, regions in _closures(things).items():
        things[iri].places = regions
    for place in places & things.keys():
        things[place].places.add(place)
    return {iri: things[iri] for iri in sorted(things) if things[iri].texts}


def _closures(things: dict[str, _Thing]) -> dict[str, set[str]]:
    direct = {iri: thing.places for iri, thing in things.items() if thing.places}
    closures = {}
    for iri, places in direct.items():
        seen, waiting = set(places), list(places)
        while waiting:
            more = direct.get(waiting.pop(), set()) - seen
            seen |= more
            waiting += more
        closures[iri] = seen
    return closures


def _language(tag: str | None) -> str:
    return tag.partition("-")[0].lower() if tag else UNTAGGED


def _schema() -> Schema:
    builder = tantivy().SchemaBuilder()
    for name in (LABEL, ALTERNATIVE, DESCRIPTION):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
        builder.add_text_field(f"{name}_kin", tokenizer_name="whitespace", index_option="basic")
        builder.add_text_field(f"{name}_whole", tokenizer_name="raw", index_option="basic")
    for name in ("language", "type", "region"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("thing", fast=True)
    builder.add_float_field("brevity", fast=True)
    schema: Schema = builder.build()
    return schema


def _write(folder: Path, things: dict[str, _Thing], number: int, settings: SearchSettings) -> None:
    module = tantivy()
    index = module.Index(_schema(), path=str(folder))
    # One thread and room for all: one segment, in which equal scores stay in the order of the documents.
    writer = index.writer(heap_size=settings.heap_mb * 1_000_000, num_threads=1)
    starts, at, documents = array("Q"), 0, 0
    languages: defaultdict[str, int] = defaultdict(int)
    with (folder / "things.bin").open("wb") as file:
        for position, (iri, thing) in enumerate(things.items()):
            record = _record(iri, thing)
            starts.append(at)
            at += file.write(record)
            own = sorted({language for texts in thing.texts.values() for language in texts})
            for language in (ALL, *own):
                writer.add_document(_document(position, thing, language))
                languages[language] += 1
                documents += 1
        starts.append(at)
        file.flush()
        os.fsync(file.fileno())
    writer.commit()
    writer.wait_merging_threads()
    write_durably(folder / "things.starts", starts.tobytes())
    about = {
        "format": FORMAT,
        "snapshot": number,
        "things": len(things),
        "documents": documents,
        "languages": {language: languages[language] for language in sorted(languages) if language != ALL},
    }
    write_durably(folder / "about.json", (json.dumps(about, indent=2) + "\n").encode())


def _record(iri: str, thing: _Thing) -> bytes:
    content = {"types": sorted(thing.types), "texts": thing.texts}
    return f"{iri}\n{json.dumps(content, ensure_ascii=False, separators=(',', ':'))}".encode()


def _document(position: int, thing: _Thing, language: str) -> Document:
    document: Document = tantivy().Document()
    for kind, texts in thing.texts.items():
        name = _FIELD[kind]
        for own, values in texts.items():
            if language not in (ALL, own):
                continue
            for value in values:
                written = words(value)
                folded = " ".join(map(fold, written))
                document.add_text(name, folded)
                if name != DESCRIPTION:
                    document.add_text(f"{name}_whole", folded)
                document.add_text(f"{name}_kin", " ".join({key: None for word in written for key in kin(word, own)}))
    label, _ = _label(thing.texts, (language, "en", UNTAGGED))
    document.add_float("brevity", 1 + 0.25 / max(1, len(words(label))))
    document.add_unsigned("thing", position)
    document.add_text("language", language)
    for type_ in sorted(thing.types):
        document.add_text("type", type_)
    for place in sorted(thing.places):
        document.add_text("region", place)
    return document


def _label(texts: dict[str, dict[str, list[str]]], languages: Sequence[str]) -> tuple[str, str | None]:
    """Return the label of a thing in the first of these languages that has one, else in any, and its language tag."""
    for kind in (LABEL, ALTERNATIVE):
        found = texts.get(kind)
        if found:
            language = next((each for each in languages if each in found), None) or min(found)
            return found[language][0], _tag(language)
    return "", None


def _tag(language: str) -> str | None:
    return None if language == UNTAGGED else language


@dataclass(slots=True)
class _Words:
    """The words of a query: how each is looked for in the index, and how it is seen in a text.

    :param needed: which of them must be found.
    :param languages: those whose kindred forms are looked for.
    :param errors: how many typing errors each may have.
    """

    written: list[str]
    needed: list[bool]
    languages: tuple[str, ...]
    folded: list[str] = field(init=False)
    errors: list[int] = field(init=False)
    _known: dict[tuple[str, str], list[tuple[int, str]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.folded = [fold(word) for word in self.written]
        self.errors = [0] * len(self.written)

    def seen(self, text: str, language: str, weights: dict[str, float]) -> tuple[float, tuple[tuple[int, int], ...]]:
        """Return how well a text matches, and where."""
        best = [0.0] * len(self.written)
        marks = []
        for word, start, end in spans(text):
            forms = self._known.get((word, language))
            if forms is None:
                forms = self._known[word, language] = self._forms(word, language)
            for at, form in forms:
                best[at] = max(best[at], weights[form])
            if forms:
                marks.append((start, end))
        return sum(best), tuple(marks)

    def _forms(self, word: str, language: str) -> list[tuple[int, str]]:
        """Return which of the words asked for a word of a text is, and in which form."""
        folded = fold(word)
        forms = ((at, self._form(at, folded, word, language)) for at in range(len(self.written)))
        return [(at, form) for at, form in forms if form]

    def _form(self, at: int, folded: str, word: str, language: str) -> str | None:
        asked = self.folded[at]
        if folded == asked:
            return "exact"
        if len(asked) >= 2 and folded.startswith(asked):
            return "prefix"
        if not set(kin(word, language)).isdisjoint(kin(self.written[at], language)):
            return "kin"
        most = self.errors[at]
        found = distance(asked, folded, most) if most else 1
        return f"typo{found}" if found <= most else None


class Index:
    """An index opened for reading. Safe to use from several threads."""

    def __init__(self, folder: Path, settings: SearchSettings | None = None) -> None:
        """Open an index.

        :raises SearchUnavailableError: if it cannot be read.
        """
        self.settings = settings or SearchSettings()
        self._module = tantivy()
        try:
            self.about: dict[str, Any] = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            index = self._module.Index.open(str(folder))
            self._starts = array("Q")
            self._starts.frombytes((folder / "things.starts").read_bytes())
            with (folder / "things.bin").open("rb") as file:
                empty = not os.fstat(file.fileno()).st_size
                self._things = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise SearchUnavailableError(
                f"The search index {folder.name} cannot be read ({error}). Delete its folder: it is made anew."
            ) from error
        self._schema = index.schema
        self._searcher = index.searcher()
        self.languages: tuple[str, ...] = tuple(self.about["languages"])

    def __len__(self) -> int:
        """Return how many things can be found."""
        return len(self._starts) - 1

    def search(
        self,
        query: str,
        lang: str | None = None,
        types: Sequence[str] = (),
        region: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Hits:
        """Return the things whose texts hold the words of a query, best first.

        :param lang: language of the texts to search; ``und`` for texts without a language tag; all by default.
        :param types: IRIs of classes, one of which a thing must have.
        :param region: IRI of a region, territory or country that a thing must lie in.
        :raises SearchError: if the query has no word, or asks for more than the settings allow.
        """
        limit = min(self.settings.limit, self.settings.max_limit) if limit is None else limit
        total, found, asked = self._find(query, lang, types, region, limit, offset)
        hits = tuple(self._hit(each, asked, _asked_language(lang)) for each in found)
        return Hits(total, hits, any(asked.errors))

    def find(
        self,
        query: str,
        lang: str | None = None,
        types: Sequence[str] = (),
        region: str | None = None,
        limit: int = 100,
    ) -> list[Found]:
        """Return the same things with the same scores as :meth:`search`, without what is shown of them."""
        return self._find(query, lang, types, region, limit, 0)[1]

    def label(self, number: int, lang: str | None = None) -> tuple[str, str | None]:
        """Return the label of a found thing, and its language tag: in a language, or in English, or in any."""
        texts = self._content(number)["texts"]
        return _label(texts, (_asked_language(lang) or "en", "en", UNTAGGED))

    def _find(
        self, query: str, lang: str | None, types: Sequence[str], region: str | None, limit: int, offset: int
    ) -> tuple[int, list[Found], _Words]:
        settings = self.settings
        if not 1 <= limit <= settings.max_limit:
            raise SearchError(f"The limit is {limit}. Ask for 1 to {settings.max_limit} hits.")
        if not 0 <= offset <= settings.max_offset:
            raise SearchError(f"The offset is {offset}. Skip 0 to {settings.max_offset} hits; narrow the search.")
        language = _asked_language(lang)
        asked = self._words(query, language)
        filters = self._filters(language, types, region)
        result = self._run(asked, filters, limit, offset)
        if result.count < settings.few:
            most = [typing_errors(word) for word in asked.folded]
            unknown = [0 if self._holds(word) else errors for word, errors in zip(asked.folded, most, strict=True)]
            for errors, enough in ((unknown, settings.few), (most, 1)):
                if result.count < enough and any(errors) and errors != asked.errors:
                    asked.errors = errors
                    result = self._run(asked, filters, limit, offset)
        numbers = self._searcher.fast_field_values("thing", [address for _, address in result.hits])
        found = [
            Found(number, self._iri(number), score) for number, (score, _) in zip(numbers, result.hits, strict=True)
        ]
        found.sort(key=lambda each: (-each.score, each.iri))
        return result.count, found, asked

    def _words(self, query: str, language: str | None) -> _Words:
        settings = self.settings
        if len(query) > settings.max_characters:
            raise SearchError(f"The text has {len(query)} characters. Search for {settings.max_characters} at most.")
        written = list({fold(word): word for word in words(query)}.values())
        if not written:
            raise SearchError("The text holds no word. Give at least one letter or digit to search for.")
        if len(written) > settings.max_words:
            raise SearchError(f"The text has {len(written)} words. Search for {settings.max_words} at most.")
        needed = [not is_stop_word(word, language) for word in written]
        if not any(needed):
            needed = [True] * len(written)
        return _Words(written, needed, (language,) if language else self.languages)

    def _filters(self, language: str | None, types: Sequence[str], region: str | None) -> list[Query]:
        query = self._module.Query
        filters = [query.term_query(self._schema, "language", language or ALL, "basic")]
        if types:
            options = [query.term_query(self._schema, "type", each, "basic") for each in types]
            filters.append(query.boolean_query([(self._module.Occur.Should, each) for each in options]))
        if region:
            filters.append(query.term_query(self._schema, "region", region, "basic"))
        return [query.const_score_query(each, 0.0) for each in filters]

    def _run(self, asked: _Words, filters: list[Query], limit: int, offset: int) -> Any:
        query, occur = self._module.Query, self._module.Occur
        parts = [(occur.Must, each) for each in filters]
        for at, needed in enumerate(asked.needed):
            parts.append((occur.Must if needed else occur.Should, self._word(asked, at)))
        whole = " ".join(asked.folded)
        for name, weight in _WHOLE.items():
            exact = query.term_query(self._schema, f"{name}_whole", whole, "basic")
            parts.append((occur.Should, query.const_score_query(exact, weight)))
        if len(asked.folded) > 1:
            for name, weight in _PHRASE.items():
                phrase = query.phrase_query(self._schema, name, asked.folded)
                parts.append((occur.Should, query.const_score_query(phrase, weight)))
        return self._searcher.search(query.boolean_query(parts), limit, True, offset=offset, weight_by_field="brevity")

    def _word(self, asked: _Words, at: int) -> Query:
        """Return the query of one word: the best of the forms and fields that it is found in."""
        query, schema, word = self._module.Query, self._schema, asked.folded[at]
        keys = kin_of_all(asked.written[at], asked.languages)
        options: list[tuple[Query, float]] = []
        for name, weights in _WEIGHTS.items():
            options.append((query.term_query(schema, name, word, "basic"), weights["exact"]))
            if len(word) >= _SHORTEST_PREFIX[name]:
                options.append((query.fuzzy_term_query(schema, name, word, 0, True, True), weights["prefix"]))
            for key in keys:  # a term each: a set of terms costs ten times as much, however few of them there are
                options.append((query.term_query(schema, f"{name}_kin", key, "basic"), weights["kin"]))
            for errors in range(1, asked.errors[at] + 1):
                options.append((query.fuzzy_term_query(schema, name, word, errors), weights[f"typo{errors}"]))
        best: Query = query.disjunction_max_query([query.const_score_query(each, weight) for each, weight in options])
        return best

    def _holds(self, word: str) -> bool:
        return any(self._searcher.doc_freq(name, word) for name in _WEIGHTS)

    def _iri(self, number: int) -> str:
        start = self._starts[number]
        return self._things[start : self._things.find(b"\n", start)].decode()

    def _content(self, number: int) -> dict[str, Any]:
        start, end = self._starts[number], self._starts[number + 1]
        content: dict[str, Any] = json.loads(self._things[start:end].partition(b"\n")[2])
        return content

    def _hit(self, found: Found, asked: _Words, language: str | None) -> Hit:
        content = self._content(found.number)
        texts: dict[str, dict[str, list[str]]] = content["texts"]
        best: tuple[float, str, str, str, tuple[tuple[int, int], ...]] = (-1.0, "", UNTAGGED, LABEL, ())
        for kind, name in _FIELD.items():
            own = texts.get(kind, {})
            for tag in (language,) if language else sorted(own, key=lambda each: (each != "en", each)):
                for text in own.get(tag, ()):
                    score, marks = asked.seen(text, tag, _WEIGHTS[name])
                    if score > best[0]:
                        best = score, text, tag, kind, marks
        _, text, tag, kind, marks = best
        label, label_tag = _label(texts, (language or tag, tag, "en", UNTAGGED))
        highlight = Highlight(label, ()) if kind == HIDDEN else _excerpt(text, marks)
        return Hit(found.iri, found.score, _tag(tag), label, label_tag, tuple(content["types"]), kind, highlight)


def _asked_language(lang: str | None) -> str | None:
    """Return the language that is asked for, ``None`` for all.

    :raises SearchError: if it is no language tag.
    """
    if lang is None:
        return None
    language = _language(lang)
    if not language.isascii() or not language.isalpha() or len(language) > 8:
        raise SearchError(f"{lang!r} is no language tag. Give one such as fi, or und for texts without a language.")
    return language


def _excerpt(text: str, marks: tuple[tuple[int, int], ...]) -> Highlight:
    """Return the part of a text around its first match, control characters as blanks."""
    text = "".join(char if char.isprintable() else " " for char in text)
    if len(text) <= _EXCERPT:
        return Highlight(text, marks)
    start = max(0, (marks[0][0] if marks else 0) - _EXCERPT // 4)
    if start:
        start = text.find(" ", start, marks[0][0]) + 1 or start
    end = min(len(text), start + _EXCERPT)
    if end < len(text):
        end = max(text.rfind(" ", start, end), marks[0][1] if marks else start + 1)
    before, after = "… " if start else "", " …" if end < len(text) else ""
    shift = len(before) - start
    kept = tuple((first + shift, last + shift) for first, last in marks if last <= end)
    return Highlight(before + text[start:end] + after, kept)
