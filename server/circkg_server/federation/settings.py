"""Which other endpoints may be asked, and how much of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circkg_server.federation.addresses import Address, AddressError
from circkg_server.settings import SettingsError, read_number

PRESETS: Mapping[str, Mapping[str, str]] = {
    "eu": {
        "EU Knowledge Graph": "https://query.linkedopendata.eu/bigdata/namespace/wdq/sparql",
        "CORDIS": "https://cordis.europa.eu/datalab/sparql",
        "Publications Office (Cellar)": "https://publications.europa.eu/webapi/rdf/sparql",
        "data.europa.eu": "https://data.europa.eu/sparql",
    },
    "eu-knowledge-graph": {"EU Knowledge Graph": "https://query.linkedopendata.eu/bigdata/namespace/wdq/sparql"},
    "cordis": {"CORDIS": "https://cordis.europa.eu/datalab/sparql"},
    "cellar": {"Publications Office (Cellar)": "https://publications.europa.eu/webapi/rdf/sparql"},
    "data-europa": {"data.europa.eu": "https://data.europa.eu/sparql"},
    "wikidata": {"Wikidata": "https://query.wikidata.org/sparql"},
}
"""Endpoints that ``CIRCKG_SERVICE`` may name in one word."""

_FEDERATED = "http://www.w3.org/ns/sparql-service-description#BasicFederatedQuery"
_MARK = "insecure:"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that may be asked; ``insecure`` lifts the check of network addresses (for tests)."""

    name: str
    address: Address
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class FederationSettings:
    """What may be asked, and how much of it."""

    endpoints: tuple[Endpoint, ...] = ()
    timeout: float = 10.0
    """Seconds for one question, from the look-up of the host to the last byte."""
    rows: int = 10_000
    """Most rows of one answer."""
    size: int = 10 * 2**20
    """Most bytes of one answer."""
    clauses: int = 5
    """Most ``SERVICE`` clauses of a query."""
    concurrency: int = 8
    """Most questions under way at once."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> FederationSettings:
        """Read ``CIRCKG_SERVICE``, and the limits ``CIRCKG_SERVICE_TIMEOUT``, ``…_ROWS``, ``…_BYTES`` and so on.

        :raises SettingsError: if one of them cannot be read.

        >>> FederationSettings.from_environment({"CIRCKG_SERVICE": "wikidata"}).endpoints[0].name
        'Wikidata'
        """
        default = cls()
        return cls(
            endpoints=_endpoints(environment.get("CIRCKG_SERVICE", "")),
            timeout=read_number(environment, "CIRCKG_SERVICE_TIMEOUT", default.timeout, least=0.001),
            rows=read_number(environment, "CIRCKG_SERVICE_ROWS", default.rows, least=1),
            size=read_number(environment, "CIRCKG_SERVICE_BYTES", default.size, least=1),
            clauses=read_number(environment, "CIRCKG_SERVICE_CLAUSES", default.clauses, least=1),
            concurrency=read_number(environment, "CIRCKG_SERVICE_CONCURRENCY", default.concurrency, least=1),
        )


def _endpoints(text: str) -> tuple[Endpoint, ...]:
    found: dict[Address, Endpoint] = {}
    for item in (part.strip() for part in text.split(",")):
        if not item:
            continue
        insecure = item.startswith(_MARK)
        named = PRESETS.get(item.lower()) or {item.removeprefix(_MARK): item.removeprefix(_MARK)}
        for name, written in named.items():
            try:
                address = Address.parse(written)
            except AddressError as error:
                raise SettingsError(f"CIRCKG_SERVICE: {error} Presets: {', '.join(PRESETS)}.") from error
            if not insecure and not address.is_named:
                raise SettingsError(
                    f"CIRCKG_SERVICE: <{written}> has no full domain name. In tests, put {_MARK} before it."
                )
            found[address] = Endpoint(name, address, insecure)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Features:
    """What the service description says of federation."""

    features: tuple[str, ...]
    """``sd:BasicFederatedQuery``, if any endpoint may be asked."""
    endpoints: tuple[tuple[str, str], ...]
    """Name and address of each endpoint that may be asked."""


def features(settings: FederationSettings) -> Features:
    """Return what the service description says of federation.

    >>> features(FederationSettings())
    Features(features=(), endpoints=())
    """
    allowed = tuple((endpoint.name, str(endpoint.address)) for endpoint in settings.endpoints)
    return Features((_FEDERATED,) if allowed else (), allowed)
