"""Decides in which encoding a text file is written: by its marks, its bytes, or the letters of Europe's languages."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from circkg_loaders.contributed.rdf import ContributionError

ENCODINGS = (
    "utf-8", "utf-16", "windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-1257", "iso-8859-1",
    "iso-8859-2", "iso-8859-7", "iso-8859-15",
)  # fmt: skip
"""Encodings that may be declared."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_CANDIDATES = {
    "windows-1252": (
        "äöüß", "àâäçèéêëîïôùûüœæÿ", "áéíñóúüàçòèï", "àáâãçéêíóôõúü", "àèéìíîòóùú", "äöåé", "æøåéö", "áéëïíóöúüè",
        "äöõüšž", "áðéíóúýþæö", "áéíóú",
    ),
    "windows-1250": (
        "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čšžćđ",
    ),
    "windows-1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґјљњћџђ",),
    "windows-1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",),
    "windows-1257": ("ąčęėįšųūž", "āčēģīķļņšūž"),
}  # fmt: skip
"""Letters outside ASCII of the languages that each encoding is for: an encoding fits if one language has nearly all."""

_FREQUENT = {"windows-1251": "аоеинтрсвій", "windows-1253": "αοιετσνηρπόίάή"}
"""Letters that make up most of a text in the scripts where each byte is some letter."""

_STRANGE = (
    re.compile("[\ufffd\x80-\x9f]"),
    re.compile(r"[^\W\d_][¡-©«-¹»-¿×÷˘˛¸¨][^\W\d_]|[^\W\d_][¹³]|[¹³][^\W\d_]"),  # a sign in a word
    re.compile(r"[A-Za-z][Ͱ-ӿ]|[Ͱ-ӿ][A-Za-z]"),  # two scripts in one word
    re.compile(r"[a-zà-öø-ÿα-ωά-ώа-я][À-ÖØ-ÞΑ-ΩΆ-ΏА-Я]"),  # a capital after a small letter
)
"""What hardly any text holds: each occurrence tells against an encoding."""

_WORD = re.compile(rb"[\x21-\x7e]?[\x80-\xff]+[\x21-\x7e]?")
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE = 200_000
"""Bytes outside ASCII that are looked at to decide."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, and how sure its encoding is.

    :param sure: the encoding was declared, or the bytes allow no other.
    :param rivals: encodings that would fit nearly as well and give another text.
    """

    text: str
    encoding: str
    sure: bool
    rivals: tuple[str, ...] = ()


def decode(content: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Return the text of a file.

    :param encoding: declared encoding; ``None``: decided by the bytes.
    :raises ContributionError: if the content is no text in the encoding, or holds NUL.

    >>> decode("Żółć, Częstochowa".encode("windows-1250"), "a.csv").encoding
    'windows-1250'
    """
    decoded = _declared(content, name, encoding) if encoding else _detected(content, name)
    nul = decoded.text.find("\0")
    if nul >= 0:
        line = decoded.text.count("\n", 0, nul) + 1
        raise ContributionError(
            f"{name}, line {line}: the file holds NUL, so it is no text. Save the table as CSV in UTF-8, or as .xlsx."
        )
    return decoded


def _declared(content: bytes, name: str, encoding: str) -> Decoded:
    try:
        python = codecs.lookup(encoding).name
        if not codecs.lookup(encoding)._is_text_encoding:  # codecs such as base64 are no encodings of text
            raise LookupError
    except LookupError:
        known = ", ".join(ENCODINGS)
        raise ContributionError(f"{name}: the encoding {encoding!r} is not known. Known: {known}.") from None
    for mark, marked in _MARKS:
        if content.startswith(mark) and python in (marked, "utf-16", "utf-8-sig"):
            content = content.removeprefix(mark)
            python = marked
    try:
        return Decoded(content.decode(python), encoding.lower(), sure=True)
    except UnicodeDecodeError as error:
        raise ContributionError(_not_in(content, name, encoding, error.start)) from error


def _not_in(content: bytes, name: str, encoding: str, start: int) -> str:
    line = content.count(b"\n", 0, start) + 1
    begin = max(start - 20, content.rfind(b"\n", 0, start) + 1)
    near = content[begin:start].decode("ascii", errors="replace").replace("\ufffd", "·")
    return (
        f"{name}, line {line}: the byte {content[start]:#04x} after {near!r} is not {encoding}. "
        "Save the file again as UTF-8, or declare the encoding that it is in."
    )


def _detected(content: bytes, name: str) -> Decoded:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return Decoded(content.removeprefix(mark).decode(encoding), encoding, sure=True)
            except UnicodeDecodeError as error:
                raise ContributionError(_not_in(content, name, encoding, error.start)) from error
    wide = _wide(content)
    if wide:
        try:
            return Decoded(content.decode(wide), wide, sure=True)
        except UnicodeDecodeError as error:
            raise ContributionError(_not_in(content, name, wide, error.start)) from error
    try:
        return Decoded(content.decode("utf-8"), "utf-8", sure=True)
    except UnicodeDecodeError as error:
        if _is_damaged_utf8(content):
            raise ContributionError(
                _not_in(content, name, "UTF-8, which the rest of the file is,", error.start)
            ) from error
    return _by_letters(content)


def _wide(content: bytes) -> str | None:
    """Return the kind of UTF-16 of a text without mark: every other byte of its ASCII letters is 0."""
    sample = content[:2_000]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) >= 4 and max(even, odd) > len(sample) // 5 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def _is_damaged_utf8(content: bytes) -> bool:
    """Tell whether most of what is outside ASCII is well-formed UTF-8: in other encodings hardly any is."""
    high = sum(len(run) for run in _HIGH.findall(content))
    good = sum(len(sequence) for sequence in _UTF8_SEQUENCE.findall(content))
    return good * 2 > high


def _by_letters(content: bytes) -> Decoded:
    scores = {encoding: _score(content, encoding) for encoding in _CANDIDATES}
    best = max(scores, key=lambda encoding: scores[encoding])
    chosen = best
    if best == "windows-1253":  # ISO-8859-7 differs in a capital letter and in signs that only one of them has
        chosen = "iso-8859-7" if _greek_capital(content) else best
    text = content.decode(chosen, errors="replace")
    near = [other for other, score in scores.items() if other != best and score > 0 and score >= scores[best] * 0.9]
    rivals = tuple(other for other in near if content.decode(other, errors="replace") != text)
    return Decoded(text, chosen, sure=False, rivals=rivals)


def _greek_capital(content: bytes) -> bool:
    """Tell whether the byte of Ά in ISO-8859-7 begins words, where Windows-1253 has ¶."""
    return re.search(rb"(?:^|[\s;,\"/(])\xb6[\xc1-\xfe]", content) is not None or (
        not re.search(rb"[\x80-\x9f\xa2\xa5]", content)
    )


def _score(content: bytes, encoding: str) -> float:
    """Return how well the letters outside ASCII fit one language of an encoding: 1 is wholly, 0 or less not at all."""
    words = _WORD.findall(content[: _SAMPLE * 10])[:_SAMPLE]
    text = b" ".join(words).decode(encoding, errors="replace")
    letters = [letter for letter in text.casefold() if letter > "\x7f" and letter.isalpha()]
    strange = sum(len(pattern.findall(text)) for pattern in _STRANGE)
    fitting = max(sum(letter in language for letter in letters) for language in _CANDIDATES[encoding])
    total = len(letters) + strange
    score = (fitting - 2 * strange) / total if total else 0.5
    frequent = _FREQUENT.get(encoding)
    if frequent and letters:
        score *= min(1.0, sum(letter in frequent for letter in letters) / len(letters) / 0.5)
    return score
