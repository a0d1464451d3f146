"""What the repository never holds: personal data, paths of one machine, large files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 1_000_000

E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"(?<![\w/.-])\+\d{2,3}[ (]\d[\d ()-]{6,}|\b(?:[Tt]el|[Pp]hone)\.?:? ?\+?\d")
PROFILE = re.compile(r"https?://[^\s,;\"]*(?:linkedin\.com/in/|slideshare\.net/\w|(?:twitter|x|facebook)\.com/\w)")
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp)/[a-z]")


def tracked(*folders: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.is_file()]


needs_git = pytest.mark.skipif(not tracked(), reason="this is no checkout")


@needs_git
@pytest.mark.parametrize("pattern", [E_MAIL, PHONE, PROFILE, MACHINE], ids=["e-mail", "phone", "profile", "path"])
def test_what_is_published_holds_nothing_of_a_person_or_a_machine(pattern: re.Pattern[str]) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked("data", "docs", "ontology", "queries", "shapes", "README.md", "CITATION.cff")
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@needs_git
def test_no_file_is_large() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > LARGEST] == []
