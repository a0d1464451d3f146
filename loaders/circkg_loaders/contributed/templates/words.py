"""The words around the columns of a template, in eight languages: ``words/{language}.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "words"


@cache
def words(language: str) -> Mapping[str, str]:
    """Return the words of a language of ours.

    >>> words("fi")["required"], words("fi")["kinds.whole-number"]
    ('pakollinen', 'Kokonaisluku.')
    """
    said: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    kinds: Mapping[str, str] = said.pop("kinds")
    return {**said, **{f"kinds.{kind}": text for kind, text in kinds.items()}}
