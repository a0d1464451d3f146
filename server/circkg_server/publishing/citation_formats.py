"""Writes a citation in the forms that reference managers and repositories read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from circkg_server.publishing.citation import Citation

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_TO_ESCAPE = re.compile("|".join(map(re.escape, _TEX)))


def text(citation: Citation) -> str:
    """Return a reference as people write it, after the guidelines of DataCite."""
    parts = [
        f"{'; '.join(citation.authors)} ({citation.year or 'n.d.'}): {citation.title}. Version {citation.version}.",
        f"{citation.publisher}." if citation.publisher else "",
        "Dataset." if citation.kind == "dataset" else "Software.",
        citation.url,
        f"({citation.credit})" if citation.credit else "",
    ]
    return " ".join(part for part in parts if part)


def bibtex(citation: Citation) -> str:
    """Return an entry for BibTeX and biblatex; names of bodies stay whole in their braces."""
    fields = {
        "author": " and ".join(f"{{{_tex(name)}}}" for name in citation.authors),
        "title": f"{{{_tex(citation.title)}}}",
        "year": citation.year,
        "date": citation.issued,
        "version": _tex(citation.version),
        "publisher": f"{{{_tex(citation.publisher)}}}" if citation.publisher else "",
        "url": citation.url.replace("{", "%7B").replace("}", "%7D"),
        "keywords": _tex(", ".join(citation.keywords)),
        "note": _tex(" ".join(part for part in (f"License: {', '.join(citation.licences)}.", citation.note) if part)),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{citation.key},\n{lines}}}\n"


def _tex(words: str) -> str:
    return _TO_ESCAPE.sub(lambda found: _TEX[found[0]], words)


def csl(citation: Citation) -> str:
    """Return CSL-JSON, as Zotero, Pandoc and Citation.js read it."""
    item: dict[str, Any] = {
        "id": citation.key,
        "type": citation.kind,
        "title": citation.title,
        "author": [{"literal": name} for name in citation.authors],
        "publisher": citation.publisher,
        "issued": {"date-parts": [[int(part) for part in citation.issued.split("-")]]} if citation.issued else None,
        "version": citation.version,
        "URL": citation.url,
        "license": ", ".join(citation.licences),
        "abstract": citation.abstract,
        "keyword": ", ".join(citation.keywords),
        "note": citation.note,
        "language": "en",
    }
    return _json([{name: value for name, value in item.items() if value}])


def datacite(citation: Citation) -> str:
    """Return metadata in the JSON of the DataCite schema 4.5.

    Whoever registers a DOI adds it, and the year where no day of issue is declared, as of the software.
    """
    dates = [{"date": citation.issued, "dateType": "Issued"}] if citation.issued else []
    kind = ("Dataset", "Knowledge graph") if citation.kind == "dataset" else ("Software", "Software")
    content: dict[str, Any] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": kind[0], "resourceType": kind[1]},
        "creators": [{"name": name, "nameType": "Organizational"} for name in citation.authors],
        "titles": [{"title": citation.title, "lang": "en"}],
        "publisher": {"name": citation.publisher or "; ".join(citation.authors)},
        "publicationYear": citation.year,
        "dates": dates,
        "language": "en",
        "version": citation.version,
        "url": citation.url,
        "alternateIdentifiers": [{"alternateIdentifier": citation.url, "alternateIdentifierType": "URL"}],
        "subjects": [{"subject": word, "lang": "en"} for word in citation.keywords],
        "rightsList": [
            {
                "rights": licence, "rightsUri": licence_address(licence), "rightsIdentifier": licence,
                "rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/",
            }
            for licence in citation.licences
        ] + ([{"rights": citation.note}] if citation.note else []),
        "descriptions": [{"description": citation.abstract, "descriptionType": "Abstract", "lang": "en"}],
        "relatedIdentifiers": [
            {
                "relatedIdentifier": citation.part_of, "relatedIdentifierType": "URL",
                "relationType": "IsVersionOf", "resourceTypeGeneral": kind[0],
            }
        ] if citation.part_of else [],
    }  # fmt: skip
    return _json({name: value for name, value in content.items() if value})


def zenodo(citation: Citation) -> str:
    """Return ``.zenodo.json``, which Zenodo reads of a deposit."""
    content: dict[str, Any] = {
        "upload_type": citation.kind,
        "title": citation.title,
        "creators": [{"name": name} for name in citation.authors],
        "publication_date": citation.issued,
        "version": citation.version,
        "description": citation.abstract,
        "keywords": list(citation.keywords),
        "access_right": "open",
        "license": citation.licences[0].lower() if len(citation.licences) == 1 else "",
        "language": "eng",
        "notes": citation.note,
        "related_identifiers": [{"identifier": citation.url, "relation": "isAlternateIdentifier", "scheme": "url"}],
    }
    return _json({name: value for name, value in content.items() if value})


def cff(citation: Citation) -> str:
    """Return ``CITATION.cff``: https://citation-file-format.github.io, version 1.2.0."""
    licences = list(citation.licences)
    content: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": f"If you use {'these data' if citation.kind == 'dataset' else 'CircKG'}, please cite as below.",
        "title": citation.title,
        "type": citation.kind,
        "version": citation.version,
        "date-released": citation.issued,
        "license": licences[0] if len(licences) == 1 else licences,
        "url": citation.url,
        "authors": [{"name": name} for name in citation.authors],
        "abstract": citation.abstract,
        "keywords": list(citation.keywords),
    }
    known = {name: value for name, value in content.items() if value}
    return str(yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=120))


def licence_address(licence: str) -> str:
    """Return where a licence is explained."""
    return f"https://spdx.org/licenses/{licence}.html"


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Format:
    """A form of a citation.

    :param name: by which it is asked for.
    :param ending: of the addresses of its files.
    :param file: name under which repositories look for it beside the data; empty: they do not.
    """

    name: str
    ending: str
    media_type: str
    title: str
    write: Callable[[Citation], str]
    file: str = ""


FORMATS = (
    Format("text", "txt", "text/plain; charset=utf-8", "Reference", lambda citation: f"{text(citation)}\n"),
    Format("bibtex", "bib", "application/x-bibtex", "BibTeX", bibtex),
    Format("csl", "csl.json", "application/vnd.citationstyles.csl+json", "CSL-JSON", csl),
    Format("datacite", "datacite.json", "application/vnd.datacite.datacite+json", "DataCite JSON", datacite),
    Format("zenodo", "zenodo.json", "application/json", "Zenodo", zenodo, ".zenodo.json"),
    Format("cff", "cff", "application/yaml", "CITATION.cff", cff, "CITATION.cff"),
)
