"""``/doc/…``: what the snapshot says of a thing, in the format, profile and language that a client likes."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from circkg_loaders.iris import BASE
from circkg_server.linked_data import formats, profiles, schema_org
from circkg_server.linked_data.addresses import AddressError, Document, is_ours, of_parameter, of_path, page_of
from circkg_server.linked_data.asking import Snapshot
from circkg_server.linked_data.description import EACH, Description, describe
from circkg_server.linked_data.formats import DATA, HTML, JSON_LD, LINKSET, TRIG, Format
from circkg_server.linked_data.jsonld import framed
from circkg_server.linked_data.languages import links as links_of_languages
from circkg_server.linked_data.languages import of_page
from circkg_server.linked_data.page import Page
from circkg_server.linked_data.profiles import OURS, SCHEMA_ORG, Profile
from circkg_server.linked_data.publication import Publication
from circkg_server.linked_data.questions_about import questions_about
from circkg_server.linked_data.requests import Asked, Reply, not_acceptable
from circkg_server.linked_data.signposting import ABOUT_PAGE, Link, linkset
from circkg_server.sparql.requests import RequestProblem


@dataclass(frozen=True, slots=True)
class Choice:
    """The format and profile that were chosen for a document."""

    document: Document
    profile: Profile
    format: Format

    def address(self, site: str, format_: Format, profile: Profile) -> str:
        """Return where the document is in a format and profile."""
        document = self.document.at(format_.extension)
        if profile is OURS:
            return f"{site}{document}"
        return f"{site}{document}{'&' if '?' in document else '?'}_profile={profile.token}"


def read_document(asked: Asked) -> Document:
    """Return the document that a path asks for.

    :raises RequestProblem: if it names none.
    """
    try:
        if asked.path.partition(".")[0] == "/doc":
            if not asked.parameters.get("iri"):
                detail = "Give the IRI of what is to be described: /doc?iri=… Things of ours are at /doc/{type}/{name}."
                raise RequestProblem(HTTPStatus.BAD_REQUEST, "Of what?", detail)
            return of_parameter(asked.parameters["iri"], asked.path.removeprefix("/doc").removeprefix("."))
        return of_path(asked.path)
    except AddressError as error:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, "This address names nothing", str(error)) from error


def choose(asked: Asked, document: Document) -> Choice:
    """Return the profile and format that a client likes best.

    :raises RequestProblem: if it takes none.
    """
    profile = _profile(asked)
    wanted = asked.parameters.get("_mediatype", "")
    if document.extension:
        chosen = formats.by_extension(document.extension, profile.formats)
    else:
        chosen = formats.negotiate(wanted or asked.exchange.header(b"accept"), profile.formats)
    if chosen is None:
        raise not_acceptable([found.media_type for found in profile.formats])
    return Choice(document, profile, chosen)


def _profile(asked: Asked) -> Profile:
    named, accepted = asked.parameters.get("_profile", ""), asked.exchange.header(b"accept-profile")
    found = profiles.by_name(named) if named else profiles.negotiate(accepted) if accepted else OURS
    if found is None:
        offered = [f"{one.token} ({one.iri})" for one in profiles.PROFILES]
        raise RequestProblem(
            HTTPStatus.NOT_ACCEPTABLE, "There is no such profile",
            f"The profiles: {', '.join(offered)}. `_profile={profiles.ALTERNATES}` lists them with their formats.",
            offered=[one.iri for one in profiles.PROFILES],
        )  # fmt: skip
    return found


async def reply(asked: Asked, choice: Choice, snapshot: Snapshot, publication: Publication) -> Reply | None:
    """Return a document, or ``None`` if nothing is known of what it is about.

    :raises RequestProblem: if the snapshot cannot be asked now.
    """
    document = choice.document
    description = await describe(snapshot, document.iri, asked.language)
    if not description.exists and document.iri.startswith(f"{BASE}id/record/") and document.extension:
        # The key of a row may itself end as a file name does.
        iri_ = f"{document.iri}.{document.extension}"
        description = await describe(snapshot, iri_, asked.language)
        document = Document(iri_, f"{document.path}.{document.extension}")
        choice = choose(asked, document)
    if not description.exists and (is_ours(document.iri) or not description.incoming):
        return None
    links = _links(asked, choice, description, publication)
    content = _content(asked, choice, description, publication, links, snapshot)
    return Reply(
        content, choice.format, tuple(links), choice.address(asked.site, choice.format, choice.profile),
        of_page(asked.language) if choice.format is HTML else "", _bounded(description),
    )  # fmt: skip


def _bounded(description: Description) -> tuple[tuple[str, str], ...]:
    """Return the header that says of which properties not all statements are given, with their exact number."""
    told = "; ".join(f"{p[1:-1]} {EACH} of {count}" for p, count in sorted(description.cut.items()))
    return (("x-circkg-bounded", told),) if told else ()


def _content(
    asked: Asked, choice: Choice, description: Description, publication: Publication, links: list[Link],
    snapshot: Snapshot,
) -> bytes:  # fmt: skip
    if choice.format is HTML:
        return _page(asked, choice, description, publication, snapshot)
    if choice.format is LINKSET:
        landing = f"{asked.site}{choice.document.at('')}"
        described = [found for found in links if found.rel in ("describedby", "item")]
        back = Link("describes", landing, HTML.media_type)
        contexts = [(landing, links), *((link.href, [back]) for link in described if link.rel == "describedby")]
        contexts += [
            (link.href, [Link("collection", landing, HTML.media_type)]) for link in described if link.rel == "item"
        ]
        return linkset(contexts)
    if choice.profile is SCHEMA_ORG:
        if choice.format is JSON_LD:
            return formats.json_document(schema_org.document(description))
        return formats.written(schema_org.triples(description), choice.format)
    if choice.format is JSON_LD:
        return framed(description, publication.context, f"{asked.site}/def/context.jsonld")
    if choice.format is TRIG:
        return formats.written_with_graphs(description)
    return formats.written(description.triples(), choice.format)


def _links(asked: Asked, choice: Choice, description: Description, publication: Publication) -> list[Link]:
    """Return the typed links of a document: what it is about, its kinds, formats, licences, data sets, profile."""
    site = asked.site
    links = [Link("cite-as", description.iri), Link("type", ABOUT_PAGE)]
    links.append(Link("type", f"{schema_org.NAMESPACE}{schema_org.class_of(description)}"))
    links += [
        Link("describedby", choice.address(site, found, OURS), found.media_type, OURS.iri) for found in DATA
    ]  # fmt: skip
    links.append(
        Link("describedby", choice.address(site, JSON_LD, SCHEMA_ORG), JSON_LD.media_type, SCHEMA_ORG.iri)
    )  # fmt: skip
    links.append(Link("item", choice.address(site, TRIG, OURS), TRIG.media_type))
    links += [Link("license", licence) for licence in publication.licences(description.sets)]
    links += [Link("collection", f"{site}{page_of(graph)}") for graph in description.sets if is_ours(graph)]
    links.append(Link("linkset", choice.address(site, LINKSET, OURS), LINKSET.media_type))
    links.append(Link("alternate", choice.address(site, HTML, OURS), HTML.media_type, OURS.iri))
    links.append(Link("profile", choice.profile.iri))
    return links


def _page(
    asked: Asked, choice: Choice, description: Description, publication: Publication, snapshot: Snapshot
) -> bytes:
    address = f"{asked.site}{choice.document.at('')}"
    page = Page(description, publication.terms, asked.language, publication.titles)
    own = {"iri": description.iri} if choice.document.query else {}
    return asked.render(
        "thing.html", page=page, address=address, snapshot=snapshot.manifest.number,
        schema_org=schema_org.in_page(description, address),
        formats=[_as_data(asked, choice, found, OURS, found.name) for found in DATA]
        + [_as_data(asked, choice, JSON_LD, SCHEMA_ORG, SCHEMA_ORG.title)],
        licences=[{"href": url, "name": url.rpartition("/")[2]} for url in publication.licences(description.sets)],
        questions=questions_about(description.iri),
        languages=links_of_languages(of_page(asked.language), own),
    )  # fmt: skip


def _as_data(asked: Asked, choice: Choice, format_: Format, profile: Profile, name: str) -> dict[str, str]:
    return {"href": choice.address(asked.root, format_, profile), "type": format_.media_type, "name": name}
