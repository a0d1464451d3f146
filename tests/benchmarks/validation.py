"""Measures the validator against pySHACL on a memory graph, parsing included.

Run by ``make bench``. Each measurement is a process of its own, whose processor seconds count from its start and whose
largest memory is told; medians of several runs. Both engines must give the same results, or the benchmark ends.

    validation.py                        10k and 100k triples against pySHACL, 1M alone, and a sheet against 1M
    validation.py --reference 1000000    pySHACL at 1M too: about a quarter of an hour
    validation.py --sizes 10000000 --reference 0 --runs 1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import flawed

ROWS = 1000
"""Rows of the sheet that is judged against what is published."""


def told(rows: Iterable[tuple[str, ...]], checked: int = 0) -> None:
    """Print what a process did and what it took."""
    found = sorted(rows)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    answer = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "mib": usage.ru_maxrss // 1024,
        "results": len(found),
        "digest": hashlib.sha256(repr(found).encode()).hexdigest(),
        "checked": checked,
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def ours(file: str) -> None:
    from pyoxigraph import RdfFormat

    from circkg_shapes import Shapes, validate
    from circkg_shapes.encoding import Columns

    shapes = Shapes.load([flawed.SHAPES])
    report = validate(Columns.parse(Path(file), RdfFormat.N_TRIPLES), [], shapes)
    assert report.engine.startswith("CircKG "), report.engine
    told((r.focus_node, r.value or "", r.component, r.source_shape, r.severity) for r in report.results)


def reference(file: str) -> None:
    import pyshacl
    from rdflib import SH, Graph

    from circkg_shapes.terms import from_rdflib

    data, shapes = Graph().parse(file, format="nt"), Graph().parse(flawed.SHAPES)
    _, report, text = pyshacl.validate(data, shacl_graph=shapes, inplace=True)
    assert isinstance(report, Graph), text
    parts = (SH.focusNode, SH.value, SH.sourceConstraintComponent, SH.sourceShape, SH.resultSeverity)
    told(
        tuple("" if value is None else from_rdflib(value) for value in (report.value(node, part) for part in parts))
        for node in report.objects(None, SH.result)
    )


def index(file: str, folder: str) -> None:
    from pyoxigraph import RdfFormat

    from circkg_shapes.background import Background
    from circkg_shapes.encoding import Columns

    Background.write(Path(folder), Columns.parse(Path(file), RdfFormat.N_TRIPLES).triples(), 1)
    told([])


def sheet(size: str, folder: str) -> None:
    """Judge a sheet of new participations in published initiatives, one in ten of which is wrong."""
    from circkg_shapes import Shapes, validate
    from circkg_shapes.background import Background

    many = flawed.units(int(size))
    focus = []
    for row in range(ROWS):
        node = flawed.iri(f"participation/new-{row}")
        says = {
            "organisation": flawed.iri(f"organisation/{row * 7 % many}"),
            "initiative": flawed.iri(f"initiative/{row * 11 % many}"),
            "role": '"helper"' if row % 10 == 0 else '"partner"',
            "from": flawed.typed("2021-05-01", "date"),
            "to": flawed.typed("2027-05-01", "date"),
            "share": flawed.typed("0.25", "decimal"),
        }
        focus.append((node, flawed.TYPE, flawed.term("Participation")))
        focus += [(node, flawed.term(name), value) for name, value in says.items()]
    report = validate(focus, Background.open(Path(folder)), Shapes.load([flawed.SHAPES]))
    wrong = [result for result in report.results if result.component_name == "In"]
    assert len(wrong) == ROWS // 10
    told(((r.focus_node, r.component) for r in report.results), report.checked)


PARTS = {"ours": ours, "reference": reference, "index": index, "sheet": sheet}


def measured(part: str, *arguments: str, runs: int = 1) -> dict[str, float]:
    """Return the medians of several processes."""
    taken = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, __file__, "--part", part, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        taken.append(json.loads(done.stdout))
    return {**taken[0], "cpu": statistics.median(t["cpu"] for t in taken), "mib": max(t["mib"] for t in taken)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--reference", type=int, default=100_000, help="largest size at which pySHACL is asked")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        PARTS[options.part](*options.arguments)
        return
    from rich.console import Console  # not in the processes that are measured
    from rich.table import Table

    console = Console()
    table = Table("triples", "results", "CPU s", "MiB", "pySHACL CPU s", "pySHACL MiB", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            file = Path(folder) / f"{size}.nt"
            with file.open("w", encoding="utf-8") as out:
                out.writelines(flawed.lines(size))
            with file.open("rb") as lines:
                triples = sum(1 for _ in lines)
            mine = measured("ours", str(file), runs=options.runs)
            row = [f"{triples:,}", f"{mine['results']:,}", f"{mine['cpu']:.2f}", str(mine["mib"])]
            if size <= options.reference:
                theirs = measured("reference", str(file), runs=options.runs if size <= 10_000 else 1)
                if theirs["digest"] != mine["digest"]:
                    raise SystemExit(f"At {size} triples the results are not those of pySHACL.")
                row += [f"{theirs['cpu']:.1f}", str(theirs["mib"]), f"{theirs['cpu'] / mine['cpu']:.0f}"]
            table.add_row(*row)
        console.print(table)
        largest = max(options.sizes)
        made = measured("index", str(Path(folder) / f"{largest}.nt"), f"{folder}/index")
        files = sum(path.stat().st_size for path in (Path(folder) / "index").iterdir())
        console.print(
            f"Index of {largest:,}: {made['cpu']:.1f} CPU s, {made['mib']} MiB, {files / 1e6:.0f} MB on disk."
        )
        judged = measured("sheet", str(largest), f"{folder}/index", runs=options.runs)
        console.print(
            f"A sheet of {ROWS:,} rows against it: {judged['cpu']:.2f} CPU s, {judged['mib']} MiB, "
            f"{judged['checked']:,} nodes judged, {judged['results']} results."
        )


if __name__ == "__main__":
    main()
