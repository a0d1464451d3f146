"""``/api/contributions`` over real HTTP: tokens, states, privacy, order, quotas, pages, decisions, restarts."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from circkg_server.cli import app
from circkg_server.contributions.contacts import ContactError, function_contact
from circkg_server.contributions.duplicates import candidates
from circkg_server.contributions.licences import LicenceError, compatible, licences
from circkg_server.contributions.published import by_subject
from circkg_server.contributions.settings import ContributionSettings, ValidateSettings
from circkg_server.contributions.staging import About, NoContributionError, StagedFile, Staging, State
from circkg_server.contributions.uploads import plain_name
from circkg_server.releases.archive import Archive
from circkg_server.settings import SettingsError
from circkg_server.writes.tokens import Scope, Tokens
from circkg_shapes.terms import iri, literal

from .conftest import GOOD, PATIENCE, PREFIXES, SOURCE, Served, practice, stage, start, stop, until

UNJUDGED = "@prefix a: <http://a/> . broken"


def contribute(served: Served, slug: str, content: str = GOOD, by: str = "turku", **fields: str) -> str:
    response = served.contribute(by, content, set=slug, **fields)
    assert response.status_code == 202, response.text
    found = response.json()
    assert response.headers["location"] == f"/api/contributions/{found['id']}"
    assert found["state"] == "received"
    return str(found["id"])


# ------------------------------------------------------------------ who may


def test_without_a_token_401_and_with_the_wrong_scope_403(served: Served) -> None:
    bare = httpx.post(f"{served.url}/api/contributions", data={"set": "x"}, timeout=PATIENCE)
    assert bare.status_code == 401
    assert [each.partition(" ")[0] for each in bare.headers.get_list("www-authenticate")] == ["Bearer", "Basic"]
    assert served.contribute("curator").status_code == 403
    id_ = contribute(served, "scopes")
    for verb in ("accept", "return"):
        assert served.decide(id_, verb, "turku", comment="x").status_code == 403
    for address in ("", f"/{id_}", f"/{id_}/report.json"):
        assert httpx.get(f"{served.url}/api/contributions{address}", timeout=PATIENCE).status_code == 401
    served.decide(id_, "withdraw", "turku")


def test_a_contribution_is_its_contributors_and_the_curators_only(served: Served) -> None:
    id_ = contribute(served, "private")
    served.when(id_, State.STAGED)
    for part in ("", "/report.json", "/report.html", "/difference.json", "/duplicates.json"):
        address = f"{served.url}/api/contributions/{id_}{part}"
        codes = {
            by: httpx.get(address, headers=served.headers(by), timeout=PATIENCE).status_code
            for by in ("turku", "curator", "lahti")
        }
        assert codes == {"turku": 200, "curator": 200, "lahti": 404}, part
    assert httpx.get(f"{served.url}/contributions/{id_}", headers=served.headers("lahti")).status_code == 404
    assert served.decide(id_, "withdraw", "lahti").status_code == 404
    listed = httpx.get(f"{served.url}/api/contributions", headers=served.headers("lahti")).json()["contributions"]
    assert {each["token"] for each in listed} <= {"lahti"}
    folder = served.folder / "contributions"
    assert oct(folder.stat().st_mode)[-2:] == "00"
    assert oct((folder / id_).stat().st_mode)[-2:] == "00"
    served.decide(id_, "withdraw", "turku")


@pytest.mark.parametrize("id_", ["..", "000001", "../../tokens.json", "000001-%2e%2e", "000001-aaaaaaaaaa", "x" * 300])
def test_what_is_no_contribution_is_not_found(served: Served, id_: str) -> None:
    headers = served.headers("curator")
    assert httpx.get(f"{served.url}/api/contributions/{id_}", headers=headers, timeout=PATIENCE).status_code in (
        404,
        200,
    )
    assert "circkg_" not in httpx.get(f"{served.url}/api/contributions/{id_}", headers=headers, timeout=PATIENCE).text
    with pytest.raises(NoContributionError):
        Staging(served.folder / "contributions").get(id_)


def test_a_browser_signs_in_with_the_token_as_password(served: Served) -> None:
    id_ = contribute(served, "browser")
    served.when(id_, State.STAGED)
    code = base64.b64encode(f"me:{served.tokens['curator']}".encode()).decode()
    basic = {"Authorization": f"Basic {code}", "Accept": "text/html"}
    page = httpx.get(f"{served.url}/contributions/{id_}", headers=basic, timeout=PATIENCE)
    assert page.status_code == 200
    assert "Accept and publish" in page.text
    address = f"{served.url}/api/contributions/{id_}/return"
    foreign = httpx.post(address, data={"comment": "x"}, headers=basic | {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    crossed = httpx.post(address, data={"comment": "x"}, headers=basic | {"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    ours = httpx.post(address, data={"comment": "Say more."}, headers=basic | {"Sec-Fetch-Site": "same-origin"})
    assert (ours.status_code, ours.headers["location"]) == (303, f"/contributions/{id_}")
    assert served.status(id_)["state"] == "returned"
    assert "Say more." in httpx.get(f"{served.url}/contributions/{id_}", headers=basic, timeout=PATIENCE).text


# ------------------------------------------------------------------ from upload to release


def test_from_an_upload_to_an_answer_of_the_endpoint_and_back(served: Served) -> None:
    thing = "https://w3id.org/circkg/id/practice/whole-way"
    id_ = contribute(served, "whole-way", PREFIXES + practice("whole-way", "The whole way") + SOURCE)
    staged = served.when(id_, State.STAGED)
    assert [event["state"] for event in staged["history"]] == ["received", "validated", "staged"]  # type: ignore[attr-defined]  # a list
    difference = httpx.get(f"{served.url}/api/contributions/{id_}/difference.json", headers=served.headers("turku"))
    assert {each["iri"] for each in difference.json()} >= {thing}
    done = served.decide(id_, "accept", comment="Welcome.")
    assert done.status_code in (200, 202), done.text
    accepted = served.when(id_, State.ACCEPTED)
    assert accepted["history"][-1]["comment"] == "Welcome."  # type: ignore[index]  # a list

    def answered() -> bool:
        query = f"ASK {{ GRAPH <https://w3id.org/circkg/set/whole-way> {{ <{thing}> ?p ?o }} }}"
        answer = httpx.get(f"{served.url}/sparql", params={"query": query}, timeout=PATIENCE)
        return answer.status_code == 200 and bool(answer.json()["boolean"])

    until(answered)
    assert httpx.get(f"{served.url}/status", timeout=PATIENCE).json()["snapshot"] == accepted["snapshot"]
    assert "whole-way" in httpx.get(f"{served.url}/", headers={"Accept": "text/html"}, timeout=PATIENCE).text
    catalogue = httpx.get(f"{served.url}/catalogue.ttl", timeout=PATIENCE).text
    assert "Contributed by Town of Test under CC0 1.0 Universal." in catalogue
    assert served.decide(id_, "accept").status_code == 409
    audit = (served.folder / "audit.jsonl").read_text(encoding="utf-8")
    assert f"accept {id_}" in audit
    assert "info@example.org" not in audit


def test_a_faulty_one_is_told_and_cannot_be_accepted(served: Served) -> None:
    id_ = contribute(served, "faulty", GOOD.replace('dct:title "Repair', 'dct:nothing "Repair'))
    judged = served.when(id_, State.VALIDATED)
    assert judged["conforms"] is False
    report = httpx.get(f"{served.url}/api/contributions/{id_}/report.json", headers=served.headers("turku")).json()
    assert any(fault["code"] == "missing" for fault in report["faults"])
    assert served.decide(id_, "accept").status_code == 409
    unread = contribute(served, "faulty", UNJUDGED)
    assert "not well-formed" in str(served.when(unread, State.VALIDATED)["problem"])
    assert served.decide(unread, "return").status_code == 400, "a comment is needed"
    assert served.decide(unread, "return", comment="It cannot be read.").json()["state"] == "returned"
    assert served.decide(id_, "withdraw", "turku").json()["state"] == "withdrawn"
    assert served.decide(id_, "withdraw", "turku").status_code == 409


PERSONAL = "name,country,website,contact person,contact e-mail\n" + "".join(
    f"Repair café {n},FI,https://example.org/{n},Aino Virtanen,aino.virtanen{n}@example.org\n" for n in range(12)
)


def test_of_what_looks_personal_nothing_is_kept_unless_its_contributor_has_looked(served: Served) -> None:
    def send(slug: str, **fields: str) -> str:
        data = {
            "set": slug, "title": "A list", "licence": "CC0-1.0", "publisher": "Town of Test",
            "contact": "info@example.org", "form": "practice", "language": "en",
        } | fields  # fmt: skip
        files = {"file": ("list.csv", PERSONAL.encode(), "text/csv")}
        response = httpx.post(
            f"{served.url}/api/contributions", data=data, files=files, headers=served.headers("turku"), timeout=PATIENCE
        )
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    id_ = send("personal")
    status = served.when(id_, State.RETURNED)
    last = status["history"][-1]  # type: ignore[index]  # a list of events
    assert "“contact e-mail”" in last["comment"]
    assert "“contact person”" in last["comment"]
    assert "checked=yes" in last["comment"]
    assert "irtanen" not in json.dumps(status)
    folder = served.folder / "contributions" / id_
    assert [path.name for path in folder.iterdir()] == ["status.json"]
    assert httpx.get(
        f"{served.url}/api/contributions/{id_}/report.json", headers=served.headers("turku"), timeout=PATIENCE
    ).status_code == 404  # fmt: skip
    kept = send("looked-at", checked="yes")
    served.when(kept, State.STAGED, State.VALIDATED)
    assert len(list((served.folder / "contributions" / kept).iterdir())) > 1
    served.decide(kept, "withdraw", "turku")


def test_what_a_killed_server_left_of_a_withheld_contribution_goes_at_the_next_start(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "contributions")
    scratch = staging.scratch()
    (scratch / "0").write_text("Aino Virtanen")
    about = About("a", "A", "CC0-1.0", "Town of Test", "info@example.org")
    taken = staging.add(scratch, "turku", about, (StagedFile("0", "list.csv", "text/csv", 13, ""),))
    folder = staging.folder_of(taken.id)
    assert staging.withhold(taken.id, "It looks personal.").state is State.RETURNED
    (folder / "0").write_text("Aino Virtanen")
    staging.prepare()
    assert [path.name for path in folder.iterdir()] == ["status.json"]
    assert staging.get(taken.id).history[-1].comment == "It looks personal."


def test_two_at_once_for_one_set_are_judged_in_order_and_the_second_is_told(served: Served) -> None:
    first, second = contribute(served, "twins"), contribute(served, "twins", by="lahti")
    assert first < second
    assert served.status(second)["others"] == [first]
    one, two = (served.when(id_, State.STAGED) for id_ in (first, second))
    times = [found["history"][-1]["at"] for found in (one, two)]  # type: ignore[index]  # a list
    assert times == sorted(times)
    done = served.decide(first, "accept")
    assert done.status_code in (200, 202)
    served.when(first, State.ACCEPTED)
    stale = served.decide(second, "accept")
    assert stale.status_code == 409
    assert stale.json()["kind"] == "stale"
    again = served.when(second, State.STAGED)
    assert again["judged"]["counts"]["same"] == 2, "compared with what the first one published"  # type: ignore[index]  # a dict


def test_a_curator_keeps_only_candidates_that_there_are(served: Served) -> None:
    id_ = contribute(served, "pairs")
    served.when(id_, State.STAGED)
    wrong = served.decide(id_, "accept", links=[["https://w3id.org/circkg/id/practice/a", "https://example.org/b"]])
    assert wrong.status_code == 400
    assert "no candidates" in wrong.json()["detail"]
    served.decide(id_, "withdraw", "turku")


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"set": "Not A Slug"}, 400, "no name of a set"),
        ({"set": "x-records"}, 400, "no name of a set"),
        ({"set": "000001"}, 400, "no name of a set"),
        ({"set": "small"}, 409, "kept by the editors"),
        ({"set": "interreg"}, 409, "kept by the editors"),
        ({"title": ""}, 400, "Give it a title"),
        ({"licence": "CC-BY-SA-4.0"}, 422, "not compatible"),
        ({"licence": "mine"}, 422, "not in the list"),
        ({"contact": "maria.virtanen@example.org"}, 422, "address of a person"),
        ({"contact": "somebody"}, 422, "no e-mail address"),
        ({"publisher": ""}, 400, "publisher"),
        ({"titel": "x"}, 400, "no field 'titel'"),
        ({"title": "x" * 300}, 400, "up to 200"),
    ],
)
def test_what_a_contributor_says_is_checked(served: Served, fields: dict[str, str], status: int, says: str) -> None:
    response = served.contribute(**({"set": "checked"} | fields))  # type: ignore[arg-type]  # fields are texts
    assert response.status_code == status, response.text
    assert says in response.json()["detail"]


def test_a_mapping_and_several_files_come_along(served: Served) -> None:
    table = (
        "Name,Land,Was,Wo gelesen,Projekt\nReparaturcafé,Finnland,Man repariert gemeinsam.,https://example.org/r,ceci\n"
    )
    mapping = """\
language: de
tables:
- form: practice
  columns: {Name: title, Land: country, Was: description, Wo gelesen: source, Projekt: initiatives}
"""
    files = [
        ("file", ("liste.csv", table.encode(), "text/csv")),
        ("file", ("mehr.ttl", GOOD.encode(), "text/turtle")),
        ("mapping", ("mapping.yaml", mapping.encode(), "application/yaml")),
    ]
    data = {
        "set": "several", "title": "Several files", "licence": "CC-BY-4.0", "publisher": "Town of Test",
        "contact": "https://example.org/contact", "language": "de",
    }  # fmt: skip
    response = httpx.post(
        f"{served.url}/api/contributions", data=data, files=files, headers=served.headers("turku"), timeout=PATIENCE
    )
    assert response.status_code == 202, response.text
    found = served.when(response.json()["id"], State.STAGED, State.VALIDATED)
    assert found["judged"], found
    assert found["judged"]["counts"], found["problem"]  # type: ignore[index]  # a dict
    assert found["judged"]["counts"]["rows"] == 1  # type: ignore[index]  # likewise
    served.decide(str(found["id"]), "withdraw", "turku")


def test_quotas_hold(small_store: Path, tmp_path: Path) -> None:
    shutil.copytree(small_store, tmp_path / "store")
    running = start(
        tmp_path / "store", tmp_path / "log", CIRCKG_CONTRIBUTION_OPEN="2", CIRCKG_CONTRIBUTION_TOTAL_BYTES="5000",
        CIRCKG_PUBLIC_URL="https://example.org/graph",
    )  # fmt: skip
    try:
        codes = [running.contribute(set=f"s{n}").status_code for n in range(3)]
        assert codes == [202, 202, 429]
        big = running.contribute("lahti", GOOD + "#" * 5000, set="big")
        assert big.status_code == 429
        assert "full" in big.json()["detail"]
        id_ = httpx.get(f"{running.url}/api/contributions", headers=running.headers("turku")).json()["contributions"][0]
        assert id_["page"] == f"/graph/contributions/{id_['id']}"
        running.decide(id_["id"], "withdraw", "turku")
        assert running.contribute(set="again").status_code == 202
    finally:
        stop(running)


def test_what_waits_outlives_the_server(small_store: Path, tmp_path: Path) -> None:
    """The server is killed with one contribution staged and others not judged; the next one takes them up."""
    shutil.copytree(small_store, tmp_path / "store")
    running = start(tmp_path / "store", tmp_path / "log")
    ids = [running.contribute(set=f"s{n}").json()["id"] for n in range(4)]
    running.when(ids[0], State.STAGED)
    running.process.kill()
    running.process.wait()
    (tmp_path / "store" / "contributions" / ".half.tmp").mkdir()
    tokens = running.tokens
    running = start(tmp_path / "store", tmp_path / "log")
    running.tokens = tokens
    try:
        for id_ in ids:
            assert running.when(id_, State.STAGED)["conforms"] is True
        assert not (tmp_path / "store" / "contributions" / ".half.tmp").exists()
    finally:
        stop(running)


def test_where_nothing_may_be_written_nothing_is_contributed(small_store: Path, tmp_path: Path) -> None:
    shutil.copytree(small_store, tmp_path / "store")
    running = start(tmp_path / "store", tmp_path / "log", CIRCKG_WRITES="off")
    try:
        assert running.contribute().status_code == 403
        assert httpx.post(
            f"{running.url}/api/validate", content=GOOD, headers={"Content-Type": "text/turtle"}, timeout=PATIENCE
        ).json()["conforms"]
    finally:
        stop(running)


# ------------------------------------------------------------------ the command line


def test_no_text_that_could_be_an_identifier_breaks_the_staging_store(tmp_path: Path) -> None:
    for text in (
        "",
        "..",
        "000001-",
        "000001-" + "a" * 300,
        "9" * 300 + "-a",
        "٠٠٠٠٠١-abc",
        "000001-a/../b",
        "000001-\0",
    ):
        with pytest.raises(NoContributionError):
            Staging(tmp_path).get(text)


def test_titles_of_contributors_are_no_markup_at_the_command_line(store: Archive) -> None:
    staged = stage(store, GOOD.replace("Repair café", r"[/bold] \u001B[2J[link=https://example.org/]"))
    runner = CliRunner(env={"COLUMNS": "200"})
    done = runner.invoke(app, ["contribution", "show", staged.id, "--store", str(store.folder)])
    assert done.exit_code == 0, done.output
    assert "[/bold] ␛[2J[link=https://example.org/]" in done.output
    assert "\x1b[2J" not in done.output


def test_a_curator_works_at_the_command_line(store: Archive) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--store", str(store.folder)])
        assert done.exit_code == 0, done.output
        return done.output

    first, second = stage(store), stage(store)
    assert first.id in run("contribution", "list")
    assert "Repair café of Test Town" in run("contribution", "show", first.id)
    told = json.loads(run("contribution", "show", first.id, "--format", "json"))
    assert [each["change"] for each in told["difference"]] == ["new", "new"]
    run("contribution", "accept", first.id, "--comment", "Welcome.")
    run("contribution", "return", second.id, "--comment", "It is there already.")
    staging = Staging(store.folder / "contributions")
    assert [each.state for each in staging.all()] == [State.ACCEPTED, State.RETURNED]
    run("contribution", "remove", second.id)
    assert [each.id for each in staging.all()] == [first.id]
    again = CliRunner().invoke(app, ["contribution", "accept", first.id, "--store", str(store.folder)])
    assert again.exit_code == 2
    assert "accepted" in again.output


# ------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    "contact",
    ["info@turku.example", "circular.economy@a.example", "kirjaamo@lahti.example", "https://a.example/contact"],
)
def test_contacts_of_functions_are_taken(contact: str) -> None:
    assert function_contact(f" {contact} ") == contact


@pytest.mark.parametrize(
    "contact", ["m.virtanen@a.example", "maria-virtanen@a.example", "a@b", "", "javascript:alert(1)"]
)
def test_contacts_of_persons_are_not(contact: str) -> None:
    with pytest.raises(ContactError):
        function_contact(contact)


def test_every_licence_says_whether_and_why() -> None:
    assert len(licences()) > 10
    for each in licences().values():
        assert each.reason.endswith(".")
        assert each.address.startswith("https://")
        if each.compatible:
            assert compatible(each.id) is each
        else:
            with pytest.raises(LicenceError, match="not compatible"):
                compatible(each.id)


def test_candidates_are_scored_with_reasons_and_nothing_alike_is_missed() -> None:
    def thing(name: str, title: str, **more: str) -> list[tuple[str, str, str]]:
        subject = f"<https://w3id.org/circkg/id/organisation/{name}>"
        says = {"rdf": "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"}
        triples = [
            (subject, says["rdf"], iri("http://www.w3.org/ns/org#Organization")),
            (subject, iri("http://www.w3.org/2004/02/skos/core#prefLabel"), literal(title, lang="fi")),
        ]
        names = {
            "country": "https://w3id.org/circkg/def#country", "page": "http://xmlns.com/foaf/0.1/homepage",
            "vat": "https://w3id.org/circkg/def#vatNumber",
        }  # fmt: skip
        for key, value in more.items():
            triples.append((subject, iri(names[key]), literal(value) if key == "vat" else iri(value)))
        return triples

    finland, sweden = "https://c.example/FIN", "https://c.example/SWE"
    known = by_subject(
        thing("lahti-uas", "LAB-ammattikorkeakoulu", country=finland, vat="FI 2630644-6")
        + thing("turku", "Turun kaupunki", country=finland, page="https://www.turku.example/")
        + thing("lund", "Lunds kommun", country=sweden)
    )
    new = by_subject(
        thing("lab", "LAB ammattikorkeakoulu", country=finland)
        + thing("lab-2", "Another name altogether", vat="FI26306446")
        + thing("city", "City of Turku", country=finland, page="http://turku.example/en/")
        + thing("lund-2", "Lunds kommun", country=finland)
        + thing("lund-3", "Lundens kommun", country=finland)
        + thing("nobody", "Nobody knows this one", country=finland)
    )
    found = candidates(new, known)
    pairs = {(pair.thing.rpartition("/")[2][:-1], pair.known.rpartition("/")[2][:-1]): pair for pair in found}
    assert pairs.keys() == {
        ("lab", "lahti-uas"), ("lab-2", "lahti-uas"), ("city", "turku"), ("lund-2", "lund"), ("lund-3", "lund-2"),
    }  # fmt: skip
    assert pairs["lund-2", "lund"].reasons == ("the same name", "in different countries")
    assert pairs["lund-2", "lund"].score < pairs["lab", "lahti-uas"].score
    assert pairs["lab-2", "lahti-uas"].score > pairs["lab", "lahti-uas"].score
    assert "VAT number" in pairs["lab-2", "lahti-uas"].reasons[0]
    assert any("website" in reason for reason in pairs["city", "turku"].reasons)


def test_names_of_files_are_texts_and_no_paths() -> None:
    assert plain_name("a/b\\c.csv") == "c.csv"
    assert plain_name("x" * 500 + ".xlsx").endswith("x.xlsx")
    assert len(plain_name("x" * 500 + ".xlsx")) == 120
    assert len(plain_name("ä" * 500 + ".xlsx").encode()) <= 120
    assert plain_name("\u202eexe.vsc") == "exe.vsc"


def test_settings_that_cannot_be_used_are_named() -> None:
    assert ValidateSettings.from_environment({"CIRCKG_VALIDATE_TIMEOUT": "5"}).timeout == 5
    with pytest.raises(SettingsError, match="CIRCKG_VALIDATE_CONCURRENCY"):
        ValidateSettings.from_environment({"CIRCKG_VALIDATE_CONCURRENCY": "0"})
    with pytest.raises(SettingsError, match="CIRCKG_CONTRIBUTION_OPEN"):
        ContributionSettings.from_environment({"CIRCKG_CONTRIBUTION_OPEN": "many"})


def test_tokens_of_the_tests_are_what_they_say(served: Served) -> None:
    scopes = {token.name: token.scopes for token in Tokens(served.folder).all()}
    assert scopes == {"turku": (Scope.CONTRIBUTE,), "lahti": (Scope.CONTRIBUTE,), "curator": (Scope.CURATE,)}
