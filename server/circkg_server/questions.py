"""The query catalogue: the files of ``queries/``, their headers and their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from circkg_loaders.prefixes import PrefixError, expand
from circkg_loaders.values import ValueProblem, parse_date, parse_integer
from circkg_server.sparql.tokens import Token, tokens
from circkg_server.verification import VerifyError, header
from circkg_shapes.rooms import room
from circkg_shapes.terms import TermError, iri, literal, literal_parts

TYPES = ("iri", "string", "integer", "date", "language")


class QuestionError(ValueError):
    """There is no such query, its header has a fault, or a parameter does not fit; the message says what to do."""


class ParameterError(QuestionError):
    """A query has no such parameter, or its value does not fit.

    :param name: the parameter.
    :param takes: what it takes: a type, or the names of the parameters that there are.
    """

    def __init__(self, message: str, name: str, takes: str) -> None:
        super().__init__(message)
        self.name, self.takes = name, takes


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a query that the asker may set. Its default is the ``VALUES`` block in the query itself.

    :param choices: IRI of the class or vocabulary that its values are of; empty if that is not said.
    """

    name: str
    type: str
    description: str
    choices: str = ""

    @property
    def block(self) -> re.Pattern[str]:
        """Return the pattern of the ``VALUES`` block that holds its values."""
        return re.compile(rf"VALUES\s+\?{self.name}\s*\{{([^}}]*)\}}")


@dataclass(frozen=True, slots=True)
class Question:
    """A query of the catalogue: what it asks, in words and in SPARQL."""

    id: str
    kind: str
    question: str
    keywords: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    expects: Mapping[str, Any]
    path: Path
    text: str
    endpoints: tuple[str, ...] = ()
    """Addresses that a federated query needs."""
    header: Mapping[str, Any] = field(default_factory=dict)

    def default(self, parameter: Parameter) -> str:
        """Return the value that a parameter has if nobody sets it, as :meth:`with_values` takes it."""
        block = parameter.block.search(self.text)
        assert block is not None, "read_question checks this"
        stream = [Token("sign", "", 0), *tokens(block[1])]
        terms = (token for before, token in pairwise(stream) if before.text != "^^")
        return "|".join(_text(term) for term in terms if term.kind in ("iri", "name", "string", "number"))

    def with_values(self, values: Mapping[str, str]) -> str:
        """Return the query with its parameters set.

        :param values: text by name of parameter; several values by ``|``.
        :raises ParameterError: if there is no such parameter, or a value does not fit its type.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        blocks: list[tuple[int, int, str]] = []
        for name, value in values.items():
            if name not in known:
                offered = ", ".join(known) or "none"
                message = f"The query {self.id} has no parameter {name!r}. Its parameters: {offered}."
                raise ParameterError(message, name, offered)
            terms = " ".join(_term(known[name], item.strip()) for item in value.split("|"))
            block = known[name].block.search(self.text)
            assert block is not None, "read_question checks this"
            blocks.append((*block.span(), f"VALUES ?{name} {{ {terms} }}"))
        # Blocks are found in the text as it stands in the file, never in a value that was put in.
        text = self.text
        for start, end, block_text in sorted(blocks, reverse=True):
            text = text[:start] + block_text + text[end:]
        return text


def _term(parameter: Parameter, text: str) -> str:
    try:
        match parameter.type:
            case "iri":
                return iri(text if re.match(r"[a-z]+:/", text) or text.startswith("urn:") else expand(text))
            case "integer":
                return literal(parse_integer(text).text, datatype="http://www.w3.org/2001/XMLSchema#integer")
            case "date":
                date = parse_date(text)
                return literal(date.text, datatype=date.datatype)
            case _:
                return literal(text)
    except (TermError, PrefixError, ValueProblem) as error:
        message = f"The parameter {parameter.name} takes a value of the type {parameter.type}: {error}"
        raise ParameterError(message, parameter.name, parameter.type) from error


def _text(token: Token) -> str:
    """Return a term of a ``VALUES`` block as a person gives it."""
    return literal_parts(token.text)[0] if token.kind == "string" else token.text.strip("<>")


def read_question(path: Path) -> Question:
    """Return the query of a file.

    :raises QuestionError: if its header is not complete.
    """
    about = _header(path)
    text = path.read_text(encoding="utf-8")
    try:
        parameters = tuple(
            Parameter(name, str(entry["type"]), str(entry["description"]), _choices(entry.get("choices")))
            for name, entry in (about.get("parameters") or {}).items()
        )
        question = Question(
            id=str(about["id"]), kind=path.parent.name, question=str(about["question"]),
            keywords=tuple(about["keywords"]), parameters=parameters, expects=about.get("expects") or {},
            path=path, text=text, endpoints=tuple(about.get("endpoints") or ()), header=about,
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise QuestionError(f"{path.name}: the header lacks {error}.") from error
    except PrefixError as error:
        raise QuestionError(f"{path.name}: the choices of a parameter are a class or a vocabulary: {error}") from error
    for parameter in parameters:
        if parameter.type not in TYPES:
            raise QuestionError(f"{path.name}: the type of {parameter.name} is none of {', '.join(TYPES)}.")
        if not parameter.block.search(text):
            raise QuestionError(f"{path.name}: there is no VALUES ?{parameter.name} {{ … }} with the default.")
    return question


def without_header(text: str) -> str:
    """Return the SPARQL of a query file, without what its header says of it."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#+")).lstrip("\n")


def _choices(name: object) -> str:
    return expand(str(name)) if name is not None else ""


def _header(path: Path) -> dict[str, Any]:
    try:
        return header(path)
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path.name} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except (VerifyError, yaml.YAMLError) as error:
        raise QuestionError(f"{path.name}: the header is no YAML mapping: {error}") from error


def catalogue(folder: Path | None = None) -> Iterator[Question]:
    """Yield the queries of the catalogue, by kind and name."""
    for path in sorted((folder or room("queries")).glob("*/*.rq")):
        yield read_question(path)


@cache
def by_id() -> dict[str, Question]:
    """Return the queries of the catalogue by their id, read once."""
    return {question.id: question for question in catalogue()}


def find(name: str) -> Question:
    """Return the query of a name, or of a file that ends in ``.rq``.

    :raises QuestionError: if there is none; the message names the nearest.
    """
    if name.endswith(".rq"):
        path = Path(name)
        if not path.is_file():
            raise QuestionError(f"There is no file {name}.")
        if _header(path):
            return read_question(path)
        text = path.read_text(encoding="utf-8")
        return Question(path.stem, "file", "", (), (), {}, path, text)
    if name in by_id():
        return by_id()[name]
    near = get_close_matches(name, by_id(), n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else " `circkg query --list` shows all."
    raise QuestionError(f"There is no query {name!r} in the catalogue.{hint}")
