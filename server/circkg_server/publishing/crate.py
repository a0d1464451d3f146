"""RO-Crate metadata: what a published directory holds, for repositories and for people who find it in ten years.

https://www.researchobject.org/ro-crate/specification/1.1/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from circkg_server.publishing.citation import Citation, authors, of_release
from circkg_server.publishing.citation_formats import licence_address
from circkg_server.publishing.publication import Publication, Published

FILE = "ro-crate-metadata.json"
_PROFILE = "https://w3id.org/ro/crate/1.1"

Entity = dict[str, Any]


def crate(publication: Publication, whole: Citation, things: Iterable[Published]) -> bytes:
    """Return the metadata.

    :param whole: how to cite the snapshot: what is said of the crate as a whole is said in this once.
    :param things: everything else that is published.
    """
    editor = publication.editor
    files = [_file(thing) for thing in things]
    names = {str(one["@id"]) for one in files}
    sets = [_data_set(publication, slug, names) for slug in publication.releases]
    of_sets = {part["@id"] for found in sets for part in found["hasPart"]}
    publisher = {
        "@id": editor.publisher.iri, "@type": "Organization", "name": editor.publisher.name,
        **({"url": editor.publisher.homepage} if editor.publisher.homepage else {}),
    }  # fmt: skip
    makers = [
        {"@id": f"#author-{number}", "@type": "Organization", "name": name} for number, name in enumerate(authors())
    ]
    licences = sorted({found.licence for releases in publication.releases.values() for found in releases})
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": whole.title,
        "description": whole.abstract,
        "datePublished": whole.issued,
        "version": whole.version,
        "identifier": whole.url,
        "keywords": ", ".join(whole.keywords),
        "license": [_to(licence_address(licence)) for licence in licences],
        "publisher": _to(publisher["@id"]),
        "author": [_to(maker["@id"]) for maker in makers],
        "hasPart": [*(_to(found["@id"]) for found in sets), *(_to(name) for name in sorted(names - of_sets))],
    }
    descriptor = {
        "@id": FILE, "@type": "CreativeWork", "about": _to("./"), "conformsTo": _to(_PROFILE),
    }  # fmt: skip
    explained = [
        {
            "@id": licence_address(licence), "@type": "CreativeWork", "name": licence,
            "description": f"The licence {licence}, as SPDX lists it.",
        }
        for licence in licences
    ]  # fmt: skip
    graph = [descriptor, root, publisher, *makers, *explained, *sets, *sorted(files, key=lambda one: str(one["@id"]))]
    known = [{name: value for name, value in entity.items() if value} for entity in graph]
    content = {"@context": f"{_PROFILE}/context", "@graph": known}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _data_set(publication: Publication, slug: str, names: set[str]) -> Entity:
    current = publication.releases[slug][-1]
    citation = of_release(current, publication.editor)
    folder = f"dumps/{slug}/"
    return {
        "@id": folder,
        "@type": "Dataset",
        "name": current.title,
        "description": citation.abstract,
        "identifier": current.graph,
        "version": current.version,
        "datePublished": citation.issued,
        "license": _to(licence_address(current.licence)),
        "creditText": citation.note,
        "keywords": ", ".join(citation.keywords),
        "hasPart": [_to(name) for name in sorted(names) if name.startswith(folder)],
    }


def _file(thing: Published) -> Entity:
    return {
        "@id": quote(thing.path),
        "@type": "File",
        "name": thing.title or thing.path,
        "encodingFormat": thing.media_type.partition(";")[0],
        "contentSize": str(thing.size) if thing.size is not None else "",
        "sha256": thing.sha256,
    }


def _to(name: object) -> dict[str, str]:
    return {"@id": str(name)}
