"""Lists which features of SHACL some shapes use, and which engine judges by them.

``python -m circkg_shapes.features FILE…`` reads Turtle files, or folders of them, together as one set of shapes. The
exit code is 0 if our own engine takes them, 1 if they go to pySHACL, 2 if they cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from circkg_shapes.compile import ADVANCED, SILENT, WITHOUT_EFFECT
from circkg_shapes.constraints import PARAMETERS
from circkg_shapes.report import SH
from circkg_shapes.shapes import Shapes
from circkg_shapes.shapes_graph import TARGETS, ShapesError

PATHS = ("inversePath", "alternativePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath")

OURS, PYSHACL, NOBODY = "ours", "pySHACL", "without effect"


@dataclass(frozen=True, slots=True)
class Feature:
    """A word of SHACL, how often shapes use it, and who understands it."""

    name: str
    uses: int
    engine: str


def features(shapes: Shapes) -> list[Feature]:
    """Return the words of SHACL that judge, target or lead somewhere, in order of their names.

    >>> shape = "<https://example.org/S>"
    >>> said = [(shape, f"<{SH}targetNode>", "<https://example.org/a>"), (shape, f"<{SH}nodeKind>", f"<{SH}IRI>")]
    >>> one = Shapes.of(said)
    >>> [feature.name for feature in features(one)]
    ['nodeKind', 'targetNode']
    """
    uses = Counter(predicate[len(SH) + 1 : -1] for _, predicate, _ in shapes.triples if predicate.startswith(f"<{SH}"))
    known = {
        **dict.fromkeys((*PARAMETERS, *TARGETS, *PATHS), OURS),
        **dict.fromkeys((*ADVANCED, "parameter"), PYSHACL),
        **dict.fromkeys(WITHOUT_EFFECT, NOBODY),
    }
    return [Feature(name, uses[name], known[name]) for name in sorted(uses) if name in known and name not in SILENT]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the features of shapes and who judges by them."""
    parser = argparse.ArgumentParser(
        prog="python -m circkg_shapes.features", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Turtle file, or a folder of them")
    console = Console()
    try:
        shapes = Shapes.load(parser.parse_args(arguments).files)
        plan = shapes.plan
    except ShapesError as error:
        console.print(f"These shapes cannot be used: {error}", markup=False, highlight=False)
        return 2
    console.print(f"{len(plan.roots)} shapes with a target, version {shapes.version}", highlight=False)
    table = Table("word", "uses", "engine")
    for feature in features(shapes):
        table.add_row(f"sh:{feature.name}", str(feature.uses), feature.engine)
    console.print(table)
    for remark in plan.remarks:
        console.print(remark, markup=False, highlight=False)
    for reason in plan.unsupported:
        console.print(f"To pySHACL, since {reason}.", markup=False, highlight=False)
    if not plan.unsupported:
        console.print("Our own engine takes all of them.")
    return 1 if plan.unsupported else 0


if __name__ == "__main__":
    sys.exit(main())
