"""Every address takes HEAD where it takes GET, and OPTIONS; what is not allowed says what is."""

from __future__ import annotations

import httpx
import pytest

ADDRESSES = (
    "/", "/health", "/ready", "/metrics", "/status", "/admin/queries", "/sparql", "/sparql?query=ASK%20%7B%7D",
    "/graph-store?default", "/api/search?q=pilot", "/api/docs", "/api/openapi.json", "/api/licences",
    "/api/contributions", "/api/templates", "/docs/faults", "/validate", "/contributions", "/releases",
    "/feed", "/cite", "/set", "/set/ccri", "/catalogue", "/.well-known/void", "/oai?verb=Identify", "/def",
    "/def/barrier-type", "/id/initiative/ceci", "/doc/initiative/ceci", "/explore", "/robots.txt", "/sitemap.xml",
)  # fmt: skip


def allowed(response: httpx.Response) -> set[str]:
    return set(response.headers["allow"].split(", "))


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_is_get_without_its_content(site: str, address: str) -> None:
    get, head = httpx.get(f"{site}{address}"), httpx.head(f"{site}{address}")
    assert get.status_code < 405
    assert head.status_code == get.status_code
    assert head.headers.get("content-type") == get.headers.get("content-type")
    assert not head.content


@pytest.mark.parametrize("address", ADDRESSES)
def test_options_names_the_methods(site: str, address: str) -> None:
    response = httpx.options(f"{site}{address}")
    assert response.status_code == 204
    assert {"GET", "HEAD", "OPTIONS"} <= allowed(response)
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address != "/graph-store?default"])
def test_what_is_not_allowed_says_what_is(site: str, address: str) -> None:
    response = httpx.request("PROPFIND", f"{site}{address}")
    assert response.status_code == 405
    assert response.json()["status"] == 405
    assert allowed(response) == allowed(httpx.options(f"{site}{address}"))


def test_all_methods_of_an_address_are_named(site: str) -> None:
    assert allowed(httpx.options(f"{site}/api/contributions")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert allowed(httpx.options(f"{site}/api/validate")) == {"POST", "OPTIONS"}
    assert httpx.head(f"{site}/api/validate").status_code == 405


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET"])
def test_what_is_not_there_is_not_there_for_any_method(site: str, method: str) -> None:
    assert httpx.request(method, f"{site}/nothing").status_code == 404


def test_each_operation_of_the_api_has_a_name_of_its_own(site: str) -> None:
    paths = httpx.get(f"{site}/api/openapi.json").json()["paths"]
    names = [about["operationId"] for operations in paths.values() for about in operations.values()]
    assert len(names) == len(set(names))
