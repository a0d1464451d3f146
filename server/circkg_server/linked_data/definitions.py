"""``/def…``: ontology, alignments, shapes, context, profiles and vocabularies as published things.

A concept, ``/def/{vocabulary}/{concept}``, is a document as any other thing.
"""

from __future__ import annotations

import re

from circkg_loaders.iris import BASE, is_slug
from circkg_loaders.prefixes import expand
from circkg_loaders.rdf_files import read_turtle
from circkg_server.linked_data import formats, profiles, reference, vocabularies
from circkg_server.linked_data.addresses import split_extension
from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.formats import DATA, HTML, JSON_LD, TRIG, Format
from circkg_server.linked_data.jsonld import Context
from circkg_server.linked_data.languages import links as links_of_languages
from circkg_server.linked_data.languages import of_page
from circkg_server.linked_data.publication import Publication
from circkg_server.linked_data.requests import Asked, Reply, not_acceptable
from circkg_server.linked_data.signposting import Link
from circkg_server.linked_data.terms import ONTOLOGY, Terms
from circkg_server.releases.archive import Archive
from circkg_server.releases.manifest import ManifestError
from circkg_shapes.rooms import room
from circkg_shapes.terms import Term, Triple

ALIGNMENTS = f"{ONTOLOGY}/alignments"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SPECIAL = frozenset(("context.jsonld", "profiles", "shapes", "alignments", "axioms", "prefixes", "vocabularies"))
_MATCHES = frozenset(f"<{expand(name)}>" for name in reference.MATCHES)
_GRAPHS = tuple(found for found in DATA if found is not TRIG)
_PAGE_AND_DATA = (HTML, *_GRAPHS)


def is_concept(path: str) -> bool:
    """Tell whether a path is that of a concept, and so of a document.

    >>> is_concept("/def/barrier-type/financial.ttl"), is_concept("/def/alignments/0.1.0")
    (True, False)
    """
    parts = split_extension(path)[0].strip("/").split("/")
    return len(parts) == 3 and parts[1] not in _SPECIAL and not _VERSION.fullmatch(parts[1])


async def reply(asked: Asked, snapshot: Snapshot, shared: Publication, archive: Archive) -> Reply | None:
    """Return a published definition, or ``None`` if there is none at that path.

    :raises RequestProblem: if the snapshot cannot be asked now, or no format suits.
    """
    stem, extension = split_extension(asked.path.rstrip("/"))
    parts = stem.strip("/").split("/")[1:]
    if asked.path.endswith("/context.jsonld"):
        return _context(parts, shared, archive)
    version = parts.pop() if parts and _VERSION.fullmatch(parts[-1]) else ""
    if version and parts not in ([], ["alignments"]):
        return None
    match parts:
        case [] | ["alignments"]:
            return await _ontology(asked, snapshot, shared, archive, version, extension, is_alignments=bool(parts))
        case ["shapes"]:
            return _shapes(asked, shared, extension)
        case ["profiles"]:
            return _profiles(asked, extension)
        case ["axioms" | "prefixes" as name]:
            content = list(read_turtle(room("ontology") / f"{name}.ttl"))
            return _data(asked, content, _choice(asked, extension, _GRAPHS), f"{ONTOLOGY}/{name}")
        case ["vocabularies"]:
            listed = await vocabularies.all_of(snapshot, asked.language)
            return _page(asked, "vocabularies.html", f"{ONTOLOGY}/vocabularies", vocabularies=listed)
        case [slug] if is_slug(slug):
            return await _vocabulary(asked, snapshot, slug, extension)
    return None


def _choice(asked: Asked, extension: str, offered: tuple[Format, ...]) -> Format:
    """Return the format that a client likes best.

    :raises RequestProblem: if it takes none.
    """
    chosen = (
        formats.by_extension(extension, offered) if extension
        else formats.negotiate(asked.exchange.header(b"accept"), offered)
    )  # fmt: skip
    if chosen is None:
        raise not_acceptable([found.media_type for found in offered])
    return chosen


def _data(asked: Asked, content: list[Triple], chosen: Format, iri: str) -> Reply:
    path = f"/{iri.removeprefix(BASE)}"
    here = f"{asked.site}{path}.{chosen.extension}"
    return Reply(formats.written(sorted(content), chosen), chosen, _links(asked, path, iri), here)


def _page(asked: Asked, template: str, iri: str, **values: object) -> Reply:
    path = f"/{iri.removeprefix(BASE)}"
    content = asked.render(
        template, address=f"{asked.site}{path}", iri=iri,
        languages=links_of_languages(of_page(asked.language)),
        formats=[{"href": f"{asked.root}{path}.{found.extension}", "type": found.media_type, "name": found.name}
                 for found in _GRAPHS],
        **values,
    )  # fmt: skip
    return Reply(content, HTML, _links(asked, path, iri), f"{asked.site}{path}", of_page(asked.language))


def _links(asked: Asked, path: str, iri: str) -> tuple[Link, ...]:
    here = f"{asked.site}{path}"
    described = [Link("describedby", f"{here}.{found.extension}", found.media_type) for found in _GRAPHS]
    return (Link("cite-as", iri), *described, Link("alternate", f"{here}.html", HTML.media_type))


# -- ontology -----------------------------------------------------------------------------------------------------


async def _ontology(
    asked: Asked, snapshot: Snapshot, shared: Publication, archive: Archive, version: str, extension: str, *,
    is_alignments: bool,
) -> Reply | None:  # fmt: skip
    iri = ALIGNMENTS if is_alignments else ONTOLOGY
    terms = shared.terms
    is_current = not version or version in terms.text(iri, "owl:versionInfo")
    if not is_current:
        earlier = _version(archive, version)
        if earlier is None:
            return None
        terms = earlier
    iri_ = f"{iri}/{version}" if version else iri
    chosen = _choice(asked, extension, _GRAPHS if is_alignments else _PAGE_AND_DATA)
    if chosen is not HTML:
        wanted = _alignments(terms.said) if is_alignments else _ontology_proper(terms.said)
        return _data(asked, wanted, chosen, iri_) if wanted else None
    counts = await reference.uses(snapshot) if is_current else {}
    about = {
        name: terms.text(ONTOLOGY, name) for name in ("dct:title", "dct:description", "owl:versionInfo", "dct:issued")
    }
    return _page(
        asked, "ontology.html", iri_, entries=reference.entries(terms, counts), about=about, counts=counts,
        licences=[term[1:-1] for term in terms.values(ONTOLOGY, "dct:license")],
        version_iri=next((term[1:-1] for term in terms.values(ONTOLOGY, "owl:versionIRI")), ""),
    )  # fmt: skip


def _ontology_proper(said: dict[Term, dict[Term, list[Term]]]) -> list[Triple]:
    """Return the statements of the ontology, without those that align it."""
    return [
        (s, p, o) for s, links in said.items() for p, objects in links.items() for o in objects
        if s != f"<{ALIGNMENTS}>" and p not in _MATCHES
    ]  # fmt: skip


def _alignments(said: dict[Term, dict[Term, list[Term]]]) -> list[Triple]:
    return [
        (s, p, o) for s, links in said.items() for p, objects in links.items() for o in objects
        if s == f"<{ALIGNMENTS}>" or p in _MATCHES
    ]  # fmt: skip


def _version(archive: Archive, version: str) -> Terms | None:
    """Return the ontology of an earlier version: its last release that was published."""
    numbers = sorted((int(path.stem) for path in (archive.folder / "manifests").glob("*.json")), reverse=True)
    for number in numbers:
        try:
            release = archive.number(number).release("ontology")
        except ManifestError:
            continue
        if release is not None and release.version.startswith(f"{version}-"):
            return Terms.of_triples(archive.triples(release), [])
    return None


def _context(parts: list[str], shared: Publication, archive: Archive) -> Reply | None:
    """Return the JSON-LD context, of the current ontology or of an earlier one."""
    context = shared.context
    if len(parts) == 2 and parts[0] != context.version:
        earlier = _version(archive, parts[0]) if _VERSION.fullmatch(parts[0]) else None
        if earlier is None:
            return None
        earlier.add_shapes(shared.terms.shapes)
        context = Context.of(earlier)
    elif len(parts) > 2:
        return None
    return Reply(context.written(), JSON_LD)


# -- shapes, profiles, vocabularies --------------------------------------------------------------------------------


def _shapes(asked: Asked, shared: Publication, extension: str) -> Reply:
    iri = f"{ONTOLOGY}/shapes"
    chosen = _choice(asked, extension, _PAGE_AND_DATA)
    said = shared.terms.shapes
    if chosen is not HTML:
        content = [(s, p, o) for s, links in said.items() for p, objects in links.items() for o in objects]
        return _data(asked, content, chosen, iri)
    return _page(asked, "shapes.html", iri, nodes=shared.terms.shape_pages())


def _profiles(asked: Asked, extension: str) -> Reply:
    chosen = _choice(asked, extension, (HTML, profiles.JSON))

    def address(_: Format, profile: profiles.Profile) -> str:
        return profile.iri

    if chosen is HTML:
        return Reply(asked.render("profiles.html", profiles=profiles.PROFILES, address=address, iri=""), HTML)
    return Reply(profiles.alternates(profiles.PAGE, chosen, address), chosen)


async def _vocabulary(asked: Asked, snapshot: Snapshot, slug: str, extension: str) -> Reply | None:
    iri = f"{ONTOLOGY}/{slug}"
    chosen = _choice(asked, extension, _PAGE_AND_DATA)
    found = await vocabularies.Vocabulary.of(snapshot, iri, with_uses=chosen is HTML)
    if found is None:
        return None
    if chosen is not HTML:
        return _data(asked, found.triples, chosen, iri)
    me = f"<{iri}>"
    return _page(
        asked, "vocabulary.html", iri, tree=found.tree(asked.language), size=found.size,
        title=found.texts(me, "dct:title", "skos:prefLabel", language=asked.language),
        about=found.texts(me, "dct:description", language=asked.language),
    )  # fmt: skip
