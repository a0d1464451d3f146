"""What a parameter of a question may be: things of a class or concepts of a vocabulary, by their names."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from circkg_loaders.prefixes import PrefixError, expand
from circkg_server.linked_data.asking import Snapshot, Template
from circkg_server.linked_data.languages import best
from circkg_server.linked_data.values import spelled
from circkg_server.questions import Parameter
from circkg_shapes.terms import Term

MOST = 500
"""Most choices that a form offers; of what has more, the reader writes which."""
_KEPT = 64
_CHOICES = Template(
    """SELECT ?s ?o {
  { SELECT DISTINCT ?s { ?s a|skos:inScheme $IRI } LIMIT %d } ?s skos:prefLabel|dct:title ?o
}""".replace("%d", str(MOST + 1))
)

Choice = tuple[str, str]
"""An IRI and its name."""


@dataclass(slots=True)
class Choices:
    """The choices of classes and vocabularies, kept for a while."""

    _kept: OrderedDict[tuple[int, str, str], list[Choice]] = field(default_factory=OrderedDict)

    async def of(self, snapshot: Snapshot, parameter: Parameter, language: str) -> list[Choice]:
        """Return what a parameter may be, by name; nothing if that is not said, or too much for a form.

        :raises RequestProblem: if the snapshot cannot be asked now.
        """
        if not parameter.choices:
            return []
        key = (snapshot.manifest.number, parameter.choices, language)
        if key not in self._kept or not snapshot.manifest.number:
            self._kept[key] = await _asked(snapshot, parameter.choices, language)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


async def _asked(snapshot: Snapshot, of: str, language: str) -> list[Choice]:
    names: dict[str, list[Term]] = defaultdict(list)
    for row in await snapshot.rows(_CHOICES, of):
        names[row["s"][1:-1]].append(row["o"])
    if len(names) > MOST:
        return []
    found = [(iri, best(texts, language)[0] or spelled(iri)) for iri, texts in names.items()]
    return sorted(found, key=lambda choice: choice[1].casefold())


def same(value: str) -> str:
    """Return the IRI that a person's value stands for, to be compared with choices; else the value itself."""
    try:
        return value if value.startswith(("http://", "https://", "urn:")) else expand(value)
    except PrefixError:
        return value
