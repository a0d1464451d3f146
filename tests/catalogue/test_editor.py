"""Who publishes is read strictly: a wrong value is one clear sentence, not a wrong catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from circkg_server.catalogue import authorities
from circkg_server.catalogue.editor import EXAMPLE_PUBLISHER, EditorError, editor_of, read_editor

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "deploy" / "catalogue.toml").read_text(encoding="utf-8")


def test_the_example_can_be_read() -> None:
    editor = read_editor(ROOT / "deploy" / "catalogue.toml")
    assert editor.publisher.name == "University of Example"
    assert (editor.availability, editor.issued) == ("STABLE", "2026-11-25")


def test_texts_come_in_several_languages(publisher: Path) -> None:
    editor = read_editor(publisher)
    assert editor.title == {"en": "Circular governance", "fi": "Kiertotalouden hallinta"}
    assert editor.description == {"en": "For a test."}


def test_the_setting_wins_then_the_store_then_the_data_room(tmp_path: Path) -> None:
    def named(folder: Path, name: str) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "catalogue.toml").write_text(EXAMPLE.replace('University of Example"\ntype', f'{name}"\ntype'))
        return folder

    nothing = tmp_path / "nothing"
    assert editor_of(nothing, nothing).publisher.iri == EXAMPLE_PUBLISHER
    data = named(tmp_path / "data", "Data")
    assert editor_of(nothing, data).publisher.name == "Data"
    store = named(tmp_path / "store", "Store")
    assert editor_of(store, data).publisher.name == "Store"
    setting = named(tmp_path / "setting", "Setting")
    assert editor_of(store, data, str(setting / "catalogue.toml")).publisher.name == "Setting"
    with pytest.raises(EditorError, match="cannot be read"):
        editor_of(store, data, str(tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[catalogue]", "[catalog]", "there is no key catalog"),
        ('frequency = "IRREG"', 'often = "IRREG"', "there is no key catalogue.often"),
        ('"IRREG"', '"SOMETIMES"', "catalogue.frequency has 'SOMETIMES'"),
        ('"STABLE"', '"EVER"', "catalogue.availability has 'EVER'"),
        ('["ENVI", "REGI"]', '["WASTE"]', "catalogue.themes has 'WASTE'"),
        ('["ENVI", "REGI"]', "[]", "need one value each"),
        ('["ENVI", "REGI"]', '"ENVI"', "catalogue.themes takes a list"),
        ('languages = ["en"]', 'languages = ["xx"]', "has the language 'xx'"),
        ('"CC-BY-4.0"', '"CC-BY"', "catalogue.licence has 'CC-BY'"),
        ('"2026-11-25"', '"25.11.2026"', "Write the day as 2026-11-25"),
        ('"2026-11-25"', "2026-11-25", "Give a text in quotation marks"),
        ('"Academia-ScientificOrganisation"', '"University"', "publisher.type has 'University'"),
        ('iri = "https://example.org/id/university-of-example"', "", "publisher.iri is missing"),
        ('iri = "https://example.org/id/', 'iri = "example.org/id/', "Give a full web address"),
        ('homepage = "https://example.org/"', 'homepage = "https://example.org/ x"', "Give a full web address"),
        ('url = "https://example.org/contact"', "", "contact.url or contact.email, are missing"),
        ('url = "https://example.org/contact"', 'email = "nobody"', "which is no address of e-mail"),
        ('title = "', "title = 1 # ", "catalogue.title takes a text"),
        ("[publisher]", "[publisher", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EXAMPLE
    path = tmp_path / "catalogue.toml"
    path.write_text(EXAMPLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EditorError, match=message.replace(".", r"\.")) as raised:
        read_editor(path)
    assert "catalogue.toml" in str(raised.value)


def test_the_codes_are_those_of_the_official_tables() -> None:
    tables = ROOT.parent / "shared" / "standards" / "dcat-ap" / "authority-tables" / "authority-uris.csv"
    if not tables.is_file():
        pytest.skip("the authority tables are not in ../shared/standards")
    known = {line.split(",")[1] for line in tables.read_text(encoding="utf-8").splitlines()}
    base = authorities.TABLES
    used = {f"{base}data-theme/{code}" for code in authorities.THEMES}
    used |= {f"{base}frequency/{code}" for code in authorities.FREQUENCIES}
    used |= {f"{base}planned-availability/{code}" for code in authorities.AVAILABILITIES}
    used |= {f"{base}licence/{code}" for code in authorities.LICENCES.values()}
    used |= {f"http://purl.org/adms/publishertype/{code}" for code in authorities.PUBLISHER_TYPES}
    used |= set(authorities.languages(pair.partition("=")[0] for pair in authorities.LANGUAGES.split()))
    used |= {authorities.PUBLIC}
    assert used <= known, used - known
    themes = {iri for iri in known if iri.startswith(f"{base}data-theme/")}
    assert {f"{base}data-theme/{code}" for code in authorities.THEMES} == {
        iri for iri in themes if not iri.endswith("/OP_DATPRO")
    }
