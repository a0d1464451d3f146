"""The jobs of the processes that judge. Each reads ``job.json`` of its folder and writes what it found there.

Everything that touches what came from outside happens here: no network, bounded memory and time, killable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from circkg_loaders.contributed.codes import nearest_language
from circkg_loaders.contributed.contribution import Contribution, Options
from circkg_loaders.contributed.faults import Severity
from circkg_loaders.contributed.mapping import Mapping
from circkg_loaders.contributed.mapping_files import parse_mapping
from circkg_loaders.contributed.rdf import ContributionError
from circkg_loaders.contributed.reading import BOOKS, SYNTAXES, read_bytes, read_together
from circkg_loaders.registry import read_retired
from circkg_server.contributions import itb
from circkg_server.contributions.background import Snapshot, snapshot, without
from circkg_server.contributions.difference import Change, difference, refused
from circkg_server.contributions.duplicates import candidates
from circkg_server.contributions.judging import Judgement, judge, our_shapes
from circkg_server.contributions.published import Published, by_subject
from circkg_server.contributions.reports.data import as_csv, as_json, as_turtle
from circkg_server.contributions.reports.page import as_page
from circkg_server.contributions.reports.workbook import as_workbook
from circkg_server.contributions.wording import message
from circkg_server.sparql.tokens import tokens
from circkg_shapes.report import SH
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, Triple, is_blank, is_iri, literal_parts
from circkg_shapes.validate import Shapes, ShapesError, validate

_DECLARED = {
    f"<{SH}prefix>": re.compile(r"(?:[^\W\d_](?:[\w.-]*[\w-])?)?"),
    f"<{SH}namespace>": re.compile(r"[^<>\"{}|^`\\\x00-\x20]*"),
}
"""What the parts of a declared prefix may be (PN_PREFIX and IRIREF of SPARQL)."""
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


class Outcome(IntEnum):
    """How a job ended: the exit code of its process."""

    DONE = 0
    FAILED = 1
    """By a fault of the program."""
    REFUSED = 20
    """By what was sent; ``problem.json`` says why."""
    OUT_OF_MEMORY = 21


class RefusedError(ValueError):
    """What was sent cannot be judged; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file to read.

    :param name: what it is called in reports; its ending says what it is, else its media type does.
    """

    path: str
    name: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are to be read and judged.

    :param form: what the rows are; empty: found out.
    :param language: of texts whose column names none.
    :param set: slug of the set that the files are for: what they describe again is not compared with itself.
    :param replaces: the files are the whole set.
    :param mapping: a file that says which column is what.
    """

    files: tuple[JobFile, ...]
    store: str
    form: str = ""
    language: str = ""
    set: str = ""
    replaces: bool = False
    mapping: JobFile | None = None


ENDINGS = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/json": "json",
    "application/ld+json": "jsonld",
    "text/turtle": "ttl",
    "application/x-turtle": "ttl",
    "text/n3": "ttl",
    "application/n-triples": "nt",
    "application/n-quads": "nq",
    "application/trig": "trig",
    "application/rdf+xml": "rdf",
    "application/xml": "rdf",
    "text/xml": "rdf",
}
"""Endings of the files of each media type."""


def named(file: JobFile) -> str:
    """Return the name of a file with an ending that says what it is.

    >>> named(JobFile("x", "", "text/csv")), named(JobFile("x", "list.xlsx", "application/octet-stream"))
    ('upload.csv', 'list.xlsx')
    """
    if PurePath(file.name).suffix.lower().removeprefix(".") in SYNTAXES:
        return file.name
    ending = ENDINGS.get(file.media_type.partition(";")[0].strip().lower())
    return f"{file.name or 'upload'}.{ending}" if ending else file.name or "upload"


_QUERIES = frozenset(f"<{SH}{name}>" for name in ("select", "ask", "construct", "update"))


@cache
def shapes() -> Shapes:
    """Return our shapes, compiled once."""
    return our_shapes()


def preload(store: str) -> None:
    """Load what every job needs, before a process is forked for it."""
    _warm(snapshot(Path(store)))


@lru_cache(maxsize=1)
def _warm(known: Snapshot) -> None:
    """Judge a small table, so that names, forms and words are read once and not by every job."""
    table = read_bytes(b"title\nA practice\n", "warm.csv", Options(form="practice", known=known.knowledge.names))
    written(judge([table], known.knowledge, shapes()), "html", Reading((), ""), "")


def work(folder: Path) -> Outcome:
    """Do the job of a folder."""
    job: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    try:
        JOBS[job.pop("kind")](folder, job)
    except (ContributionError, ShapesError, RefusedError, itb.RequestError) as error:
        _refuse(folder, str(error), of_rules=isinstance(error, ShapesError))
        return Outcome.REFUSED
    except RecursionError:
        _refuse(folder, "It is nested too deep to be judged.")
        return Outcome.REFUSED
    return Outcome.DONE


def _refuse(folder: Path, detail: str, *, of_rules: bool = False) -> None:
    _write(folder / "problem.json", {"detail": detail, "of_rules": of_rules})


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


@contextmanager
def _by_name(files: Sequence[JobFile]) -> Iterator[list[Path]]:
    """Give the files under the names that they have in reports, each in a folder of its own."""
    with TemporaryDirectory(dir=Path(files[0].path).parent, prefix=".", suffix=".tmp") as folder:
        paths = [Path(folder) / str(number) / named(file) for number, file in enumerate(files)]
        for path, file in zip(paths, files, strict=True):
            path.parent.mkdir()
            path.symlink_to(Path(file.path).absolute())
        yield paths


def _judged(reading: Reading, language: str) -> tuple[Judgement, Snapshot, Published | None]:
    """Read files and judge them."""
    back = snapshot(Path(reading.store))
    options = Options(
        form=reading.form or None,
        language=reading.language,
        mapping=_mapping(reading.mapping),
        known=back.knowledge.names,
    )
    with _by_name(reading.files) as paths:
        read = read_together(paths, options)
    knowledge, published = back.knowledge, None
    if reading.set and back.manifest is not None:
        things = {subject for each in read for subject, _, _ in each.triples}
        published = Published.of(back.archive, back.manifest, reading.set, things)
        knowledge = without(knowledge, published, things, reading.replaces)
    return judge(read, knowledge, shapes(), language=nearest_language(language)), back, published


def written(judgement: Judgement, format_: str, reading: Reading, root: str) -> bytes:
    """Return the report on a judgement in one format.

    :param root: where links of a page begin.
    :raises RefusedError: if a workbook is asked for of what is no table.
    """
    match format_:
        case "html":
            return as_page(judgement, root=root).encode()
        case "turtle":
            return as_turtle(judgement).encode()
        case "csv":
            return as_csv(judgement).encode()
        case "xlsx":
            return _workbook(judgement, reading)
    return as_json(judgement).encode()


def _workbook(judgement: Judgement, reading: Reading) -> bytes:
    file, contribution = reading.files[0], judgement.contributions[0]
    content = Path(file.path).read_bytes()
    if contribution.style is None or contribution.syntax not in BOOKS:
        raise RefusedError(f"{contribution.file} is no table, so its faults cannot be marked. Ask for another format.")
    book = BOOKS[contribution.syntax](content, contribution.file, contribution.style)
    return as_workbook(judgement, contribution, content, book.sheets)


def _mapping(file: JobFile | None) -> Mapping | None:
    return parse_mapping(Path(file.path).read_bytes(), file.name) if file else None


def _validate(folder: Path, job: dict[str, Any]) -> None:
    """Judge an upload and write its report in one format."""
    reading = _reading(job["reading"])
    judgement, _, _ = _judged(reading, job["language"])
    (folder / "report").write_bytes(written(judgement, job["format"], reading, job["root"]))
    _write(folder / "result.json", {"conforms": judgement.conforms})


def _review(folder: Path, job: dict[str, Any]) -> None:
    """Judge a contribution, and say what it would change and what may be published already."""
    reading = _reading(job["reading"])
    judgement, back, published = _judged(reading, job["language"])
    by_file = {number: each.triples for number, each in zip(job["numbers"], judgement.contributions, strict=True)}
    for number, triples in by_file.items():
        lines = "".join(sorted({f"{s} {p} {o} .\n" for s, p, o in triples}))
        (folder / f"triples-{number}.nt").write_text(lines, encoding="utf-8", newline="\n")
    every = list(dict.fromkeys(triple for triples in by_file.values() for triple in triples))
    published = published or Published()
    changes = difference(published, every, reading.replaces)
    pairs = candidates(by_subject(every), published.traits)
    refusals = refused(every, read_retired(room("data")).keys() | set(job["retired"]))
    _write(folder / "difference.json", [change.to_dict() for change in changes])
    _write(folder / "duplicates.json", [pair.to_dict() for pair in pairs])
    for format_ in ("json", "html"):
        (folder / f"report.{format_}").write_bytes(written(judgement, format_, reading, job["root"]))
    held = back.manifest.release(reading.set) if back.manifest else None
    counts = {change.value: sum(each.change is change for each in changes) for change in Change}
    counts |= {"rows": _rows(judgement.contributions), "duplicates": len(pairs)}
    counts |= {f"{severity.name.lower()}s": judgement.count(severity) for severity in Severity}
    result = {
        "conforms": judgement.conforms and not refusals,
        "problem": " ".join(refusals[:10]),
        "snapshot": back.manifest.number if back.manifest else None,
        "base": held.version if held else "",
        "validator": judgement.used.engine,
        "shapes": judgement.used.shapes,
        "counts": counts,
        "personal": [message(fault, job["language"]) for fault in judgement.faults if fault.code == "personal-data"],
    }
    _write(folder / "result.json", result)


def _rows(contributions: Sequence[Contribution]) -> int:
    return sum(each.rows["in"] for each in contributions)


def _itb(folder: Path, job: dict[str, Any]) -> None:
    """Answer a request of the Test Bed's form."""
    request, syntax = job["request"], job["syntax"]
    content = JobFile(request["content"], "", request["content_type"])
    if job["ours"]:
        reading = Reading((content,), job["store"])
        judgement, _, _ = _judged(reading, request["language"])
        report, version = judgement.report, judgement.used.shapes
    else:
        triples = list(read_bytes(Path(content.path).read_bytes(), named(content)).triples)
        known = [triple for path in job["background"] for triple in _rdf(Path(path), "text/turtle")]
        own = _own_rules(request["rules"])
        official = [triple for path in job["shapes"] for triple in _rdf(Path(path), "text/turtle")]
        report, version = validate(triples, known, Shapes.of([*official, *own])), ""
    if syntax not in (itb.XML, itb.TEXT_XML, itb.JSON):
        (folder / "report").write_bytes(itb.shacl_report(report, syntax, request["report_query"]))
        return
    context: list[tuple[str, str]] = []
    if request["add_input"]:
        context.append(("input", Path(content.path).read_text(encoding="utf-8", errors="replace")))
    if request["add_shapes"]:
        paths = [*job["shapes"], *(rule["path"] for rule in request["rules"])]
        context += [("shapes", Path(path).read_text(encoding="utf-8", errors="replace")) for path in paths]
    if request["add_rdf_report"]:
        inner = itb.shacl_report(report, request["rdf_report_syntax"], request["report_query"])
        context.append(("report", inner.decode()))
    told = itb.TestBedReport(
        itb.items(report.results, request["language"]), context, job["validation_type"], version
    )  # fmt: skip
    (folder / "report").write_bytes(told.to_json() if syntax == itb.JSON else told.to_xml())


def _own_rules(rules: Sequence[dict[str, str]]) -> list[Triple]:
    """Return the rules that a request brings.

    :raises ShapesError: if they are no RDF, or would read more than the data.
    """
    found: list[Triple] = []
    for number, rule in enumerate(rules, start=1):
        try:
            found += _rdf(Path(rule["path"]), rule["media_type"], f"rule-set-{number}")
        except ContributionError as error:
            raise ShapesError(str(error)) from error
    refuse_reading(found)
    return found


def _rdf(path: Path, media_type: str, name: str = "") -> list[Triple]:
    """Return the triples of a file of RDF, its blank nodes apart from those of other files."""
    triples = read_bytes(path.read_bytes(), named(JobFile(str(path), name, media_type))).triples
    own = f"_:{path.stem.replace('-', '')}x"
    return [
        (_apart(subject, own), predicate, _apart(value, own)) for subject, predicate, value in triples
    ]  # fmt: skip


def _apart(term: Term, prefix: str) -> Term:
    return prefix + term[2:] if is_blank(term) else term


def refuse_reading(shapes_: Iterable[Triple]) -> None:
    """Refuse shapes whose SPARQL names a data set or service: evaluating it would read files or addresses.

    A keyword may be written with escapes (SPARQL 1.1, section 19.2), and what a prefix is declared as is put before a
    query as it is.

    :raises ShapesError: if there is such a query.
    """
    for _, predicate, value in shapes_:
        if is_iri(value) or is_blank(value):
            continue
        text = literal_parts(value)[0]
        if predicate in _QUERIES:
            for written in (text, _unescaped(text)):
                for token in tokens(written):
                    if token.is_word("FROM", "SERVICE", "LOAD"):
                        raise ShapesError(f"A rule has SPARQL with {token.text.upper()}. Rules read the data alone.")
        elif (allowed := _DECLARED.get(predicate)) and not allowed.fullmatch(text):
            raise ShapesError(f"A rule declares a prefix as {text[:80]!r}, which is no {predicate[len(SH) + 1 : -1]}.")


def _unescaped(text: str) -> str:
    r"""Return SPARQL with the escapes of characters replaced.

    >>> _unescaped(r"FRO\u004D <urn:a>")
    'FROM <urn:a>'
    """
    return _ESCAPE.sub(lambda found: chr(min(int(found[1] or found[2], 16), 0x10FFFF)), text)


JOBS: dict[str, Callable[[Path, dict[str, Any]], None]] = {"validate": _validate, "review": _review, "itb": _itb}


def job_of(kind: str, folder: Path, **content: object) -> None:
    """Write a job into its folder."""
    plain = {name: asdict(value) if isinstance(value, Reading) else value for name, value in content.items()}
    _write(folder / "job.json", {"kind": kind, **plain})


def _reading(read: dict[str, Any]) -> Reading:
    mapping = JobFile(**read["mapping"]) if read["mapping"] else None
    return Reading(**(read | {"files": tuple(JobFile(**file) for file in read["files"]), "mapping": mapping}))
