"""``/queries``: the questions of the catalogue, by subject, and those that a reader looks for."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

from circkg_server.questions import Question, by_id

LONGEST_FILTER = 200


@cache
def subjects() -> dict[str, str]:
    """Return the subject of each question: of its keywords, the one that most questions share; none if it has its own.

    A question that asks other endpoints is about that first of all, since it needs them.
    """
    counts = Counter(keyword for question in by_id().values() for keyword in question.keywords)
    found = {}
    for question in by_id().values():
        shared = [keyword for keyword in question.keywords if counts[keyword] > 1 and not question.endpoints]
        found[question.id] = max(shared, key=lambda keyword: counts[keyword], default="")
    counts = Counter(found.values())
    return {id_: subject if counts[subject] > 1 else "" for id_, subject in found.items()}


def filtered(words: str, keyword: str) -> list[Question]:
    """Return the questions that have a keyword, and all of the words in their question, keywords or id."""
    wanted = words[:LONGEST_FILTER].casefold().split()
    return [
        question for question in by_id().values()
        if (not keyword or keyword in question.keywords)
        and all(word in " ".join((question.question, question.id, *question.keywords)).casefold() for word in wanted)
    ]  # fmt: skip


def grouped(found: Iterable[Question]) -> list[tuple[str, list[Question]]]:
    """Return questions by subject in alphabetical order; those that have none, or ask other endpoints, come last."""
    groups: dict[tuple[int, str], list[Question]] = defaultdict(list)
    for question in found:
        subject = subjects()[question.id]
        groups[2 if question.endpoints else 0 if subject else 1, subject].append(question)
    by_name = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1].casefold()))
    return [(subject, group) for (_, subject), group in by_name]


def shared_keywords() -> list[str]:
    """Return the keywords that several questions have, in alphabetical order."""
    counts = Counter(keyword for question in by_id().values() for keyword in question.keywords)
    return sorted((keyword for keyword, count in counts.items() if count > 1), key=str.casefold)


def as_json(found: Iterable[Question], site: str) -> bytes:
    """Return questions for programs.

    :param site: address of the server.
    """
    content = {"queries": [_entry(question, site) for question in found]}
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def _entry(question: Question, site: str) -> dict[str, Any]:
    parameters = [
        {
            "name": parameter.name, "type": parameter.type, "description": parameter.description,
            "default": question.default(parameter),
        } | ({"choices": parameter.choices} if parameter.choices else {})
        for parameter in question.parameters
    ]  # fmt: skip
    return {
        "id": question.id, "question": question.question, "subject": subjects()[question.id],
        "keywords": list(question.keywords), "parameters": parameters, "endpoints": list(question.endpoints),
        "url": f"{site}/queries/{question.id}", "query": f"{site}/queries/{question.id}.rq",
    }  # fmt: skip
