"""A citation says the same in all its forms, and each fact in it has one source."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from circkg_loaders.registry import Role, read_registry
from circkg_server.catalogue.editor import Editor, Publisher
from circkg_server.publishing.citation import Citation, of_query, of_release, of_snapshot, of_software
from circkg_server.publishing.citation_formats import FORMATS, bibtex, cff, csl, datacite, text, zenodo
from circkg_server.releases.manifest import Manifest, Release
from circkg_shapes.rooms import room

ROOT = Path(__file__).resolve().parents[1]
EDITOR = Editor(publisher=Publisher("https://example.org/us", "Ministère & Ämter, {R_D} 100 %"))
RELEASE = Release(
    "water", "1.2.0-0123456789ab", Role.STATED, "https://w3id.org/circkg/set/water", "Wasser & «eau»: 5 % #1",
    "CC-BY-4.0",
    "releases/water/1.2.0-0123456789ab.nq.gz", "0" * 64, 7, "What is said\nof water.", ("water", "reuse"), "2026-02-28",
    rights="© Somebody else.",
)  # fmt: skip
CITED = of_release(RELEASE, EDITOR)


def test_citation_cff_of_the_repository_is_the_one_that_is_made() -> None:
    assert (ROOT / "CITATION.cff").read_text(encoding="utf-8") == cff(of_software()), "run `make docs`"


def test_a_citation_says_what_the_registry_says() -> None:
    found = read_registry(room("data"))[0]
    release = replace(RELEASE, title=found.title, issued=found.issued, keywords=found.keywords, licence=found.licence)
    cited = of_release(release, EDITOR)
    assert found.title in cited.title
    assert (cited.issued, cited.keywords, cited.licences) == (found.issued, found.keywords, (found.licence,))


def test_every_form_says_the_same() -> None:
    title, url, version = (
        "Wasser & «eau»: 5 % #1 (CircKG)",
        "https://w3id.org/circkg/set/water/1.2.0-0123456789ab",
        "1.2.0-0123456789ab",
    )
    author, publisher = "The CircKG contributors", "Ministère & Ämter, {R_D} 100 %"
    item = json.loads(csl(CITED))[0]
    assert (item["title"], item["URL"], item["version"], item["publisher"]) == (title, url, version, publisher)
    assert (item["type"], item["author"], item["issued"]) == (
        "dataset", [{"literal": author}], {"date-parts": [[2026, 2, 28]]},
    )  # fmt: skip
    record = json.loads(datacite(CITED))
    assert (record["titles"][0]["title"], record["url"], record["version"]) == (title, url, version)
    assert (record["creators"][0]["name"], record["publisher"]["name"]) == (author, publisher)
    assert (record["publicationYear"], record["dates"][0]["date"]) == ("2026", "2026-02-28")
    assert record["relatedIdentifiers"][0]["relatedIdentifier"] == "https://w3id.org/circkg/set/water"
    assert [one["rights"] for one in record["rightsList"]] == ["CC-BY-4.0", "© Somebody else."]
    deposit = json.loads(zenodo(CITED))
    assert (deposit["title"], deposit["version"], deposit["publication_date"]) == (title, version, "2026-02-28")
    assert (deposit["license"], deposit["upload_type"], deposit["creators"]) == (
        "cc-by-4.0",
        "dataset",
        [{"name": author}],
    )
    known = yaml.safe_load(cff(CITED))
    assert (known["title"], known["url"], known["version"], known["license"]) == (title, url, version, "CC-BY-4.0")
    assert (str(known["date-released"]), known["authors"]) == ("2026-02-28", [{"name": author}])
    for part in (title, url, version, author, publisher, "2026", "© Somebody else."):
        assert part in text(CITED)


def test_bibtex_has_no_character_that_tex_would_read_otherwise() -> None:
    entry = bibtex(CITED)
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, re.MULTILINE))
    assert entry.startswith("@misc{circkg-water-1-2-0-0123456789ab,\n")
    assert fields["title"] == r"{Wasser \& «eau»: 5 \% \#1 (CircKG)}"
    assert fields["publisher"] == r"{Ministère \& Ämter, \{R\_D\} 100 \%}"
    assert fields["author"] == "{The CircKG contributors}"
    bare = re.sub(r"\\.", "", entry)
    assert bare.count("{") == bare.count("}")


def test_a_snapshot_is_cited_with_the_releases_it_holds() -> None:
    other = replace(RELEASE, set="air", licence="CC0-1.0", keywords=("air", "reuse"))
    cited = of_snapshot(Manifest(7, (RELEASE, other)), "2026-03-01", EDITOR)
    assert cited.url == "https://w3id.org/circkg/snapshot/7"
    assert cited.licences == ("CC-BY-4.0", "CC0-1.0")
    assert cited.keywords == ("water", "reuse", "air")
    assert "water 1.2.0-0123456789ab; air 1.2.0-0123456789ab" in cited.abstract
    assert "license" not in json.loads(zenodo(cited)), "Zenodo takes one licence"
    assert yaml.safe_load(cff(cited))["license"] == ["CC-BY-4.0", "CC0-1.0"]


def test_the_address_of_a_query_holds_it_whole() -> None:
    from urllib.parse import parse_qs, urlsplit

    query = 'SELECT * { ?s ?p "&=%#+ {é}" }'
    cited = of_query(query, Manifest(7, (RELEASE,)), "", EDITOR, "https://data.example.org/circkg")
    assert parse_qs(urlsplit(cited.url).query) == {"query": [query], "snapshot": ["7"]}
    assert not re.search(r"[{}\s\"]", cited.url)
    assert "n.d." in text(cited)
    assert text(cited).endswith(cited.url), "remarks are for forms that have a place for them"
    assert "issued" not in csl(cited)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("cited", [CITED, of_software()], ids=["release", "software"])
def test_forms_are_written_alike_each_time(form: object, cited: Citation) -> None:
    write = form.write  # type: ignore[attr-defined]  # a format
    assert write(cited) == write(replace(cited)).rstrip("\n") + "\n"
