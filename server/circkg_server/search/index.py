"""The index of a snapshot, opened for reading: what is found, and in which order.

Scores: every word that is asked for is in the thing, in some form. Its form counts most if it is the word as written
(case and accents aside), less if it is a beginning, a kindred form (same stem) or differs by typing errors; and most
in a label, less in an alternative label, least in a description. A label that is the whole query, or has its words
side by side, adds to the sum; shorter labels go before longer ones. No statistics of the corpus are in it: the same
thing has the same score whatever else is published.

Typing errors are looked for where few things match as written: in the words that the index does not hold, and if
nothing is found, in all.
"""

from __future__ import annotations

import json
import mmap
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import Manifest
from circkg_server.search.asked import Asked
from circkg_server.search.hits import Found, Highlight, Hit, Hits, excerpt
from circkg_server.search.making import is_current, make, path_of
from circkg_server.search.settings import SearchError, SearchSettings, SearchUnavailableError
from circkg_server.search.texts import (
    ALL,
    ALTERNATIVE,
    DESCRIPTION,
    FIELDS,
    HIDDEN,
    LABEL,
    label_of,
    language_of,
    tag_of,
)
from circkg_server.search.words import UNTAGGED, fold, is_stop_word, kin_of_all, tantivy, typing_errors, words

if TYPE_CHECKING:
    from tantivy import Query

# What a word counts by its form, and by the field that it is in.
_WEIGHTS = {
    LABEL: {"exact": 16.0, "prefix": 8.0, "kin": 6.0, "typo1": 3.0, "typo2": 2.0},
    ALTERNATIVE: {"exact": 12.0, "prefix": 7.0, "kin": 5.0, "typo1": 2.5, "typo2": 1.5},
    DESCRIPTION: {"exact": 4.0, "prefix": 2.0, "kin": 1.5, "typo1": 1.0, "typo2": 0.5},
}
_WHOLE = {LABEL: 8.0, ALTERNATIVE: 6.0}
_PHRASE = {LABEL: 4.0, ALTERNATIVE: 3.0}
_SHORTEST_PREFIX = {LABEL: 2, ALTERNATIVE: 2, DESCRIPTION: 3}


def open_index(archive: Archive, manifest: Manifest, settings: SearchSettings | None = None) -> Index:
    """Open the index of a manifest, made anew if somebody deleted it or it is of another format.

    :raises SearchUnavailableError: if the search engine is not installed, or the index cannot be read.
    :raises StoreBusyError: if the index must be made anew while another process writes.
    """
    folder = path_of(archive, manifest)
    if not is_current(folder):
        with archive.writing():
            make(archive, manifest, settings)
    return Index(folder, settings)


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
        return label_of(texts, (_asked_language(lang) or "en", "en", UNTAGGED))

    def _find(
        self, query: str, lang: str | None, types: Sequence[str], region: str | None, limit: int, offset: int
    ) -> tuple[int, list[Found], Asked]:
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

    def _words(self, query: str, language: str | None) -> Asked:
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
        return Asked(written, needed, (language,) if language else self.languages)

    def _filters(self, language: str | None, types: Sequence[str], region: str | None) -> list[Query]:
        query = self._module.Query
        filters = [query.term_query(self._schema, "language", language or ALL, "basic")]
        if types:
            options = [query.term_query(self._schema, "type", each, "basic") for each in types]
            filters.append(query.boolean_query([(self._module.Occur.Should, each) for each in options]))
        if region:
            filters.append(query.term_query(self._schema, "region", region, "basic"))
        return [query.const_score_query(each, 0.0) for each in filters]

    def _run(self, asked: Asked, filters: list[Query], limit: int, offset: int) -> Any:
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

    def _word(self, asked: Asked, at: int) -> Query:
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

    def _hit(self, found: Found, asked: Asked, language: str | None) -> Hit:
        content = self._content(found.number)
        texts: dict[str, dict[str, list[str]]] = content["texts"]
        best: tuple[float, str, str, str, tuple[tuple[int, int], ...]] = (-1.0, "", UNTAGGED, LABEL, ())
        for kind, name in FIELDS.items():
            own = texts.get(kind, {})
            for tag in (language,) if language else sorted(own, key=lambda each: (each != "en", each)):
                for text in own.get(tag, ()):
                    score, marks = asked.seen(text, tag, _WEIGHTS[name])
                    if score > best[0]:
                        best = score, text, tag, kind, marks
        _, text, tag, kind, marks = best
        label, label_tag = label_of(texts, (language or tag, tag, "en", UNTAGGED))
        highlight = Highlight(label, ()) if kind == HIDDEN else excerpt(text, marks)
        return Hit(found.iri, found.score, tag_of(tag), label, label_tag, tuple(content["types"]), kind, highlight)


def _asked_language(lang: str | None) -> str | None:
    """Return the language that is asked for, ``None`` for all.

    :raises SearchError: if it is no language tag.
    """
    if lang is None:
        return None
    language = language_of(lang)
    if not language.isascii() or not language.isalpha() or len(language) > 8:
        raise SearchError(f"{lang!r} is no language tag. Give one such as fi, or und for texts without a language.")
    return language
