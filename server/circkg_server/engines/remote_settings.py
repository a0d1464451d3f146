"""Settings of the engine of a store elsewhere, and what kinds of stores do in their own way."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_server.engines.remote_client import Address
from circkg_server.settings import FromVariables, SettingsError


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a kind of store does in its own way.

    :param timeout: parameter of a query's time limit; empty if it has none.
    :param unit: units of that parameter in a second.
    :param suffix: what stands behind its number.
    :param merges: whether several default graphs are merged, so that a triple in two of them counts once.
    """

    timeout: str = ""
    unit: int = 1
    suffix: str = ""
    merges: bool = False


DIALECTS = {
    "generic": Dialect(),
    "oxigraph": Dialect(),  # `--timeout-s` of the server only
    "virtuoso": Dialect("timeout", 1000),
    "fuseki": Dialect("timeout", merges=True),
    "graphdb": Dialect("timeout"),
    "qlever": Dialect("timeout", suffix="s"),
    "stardog": Dialect("timeout", 1000),
    "neptune": Dialect(),  # a hint in the query only
}


@dataclass(frozen=True, slots=True)
class RemoteSettings(FromVariables):
    """Where the store is. Each is read from its name in capitals after ``CIRCKG_REMOTE_``."""

    prefix = "CIRCKG_REMOTE_"

    query: str = ""
    """address of SPARQL queries"""
    update: str = ""
    """address of SPARQL updates; empty: snapshots are pushed by somebody else"""
    graph_store: str = ""
    """address of the Graph Store Protocol, by which much data come faster; empty: they come by update"""
    kind: str = "generic"
    """generic, oxigraph, virtuoso, fuseki, graphdb, qlever, stardog or neptune"""
    default_graph: str = "named"
    """named: the default graph stands in a named graph, which queries get; own: in the store's own default graph"""
    connections: int = 16
    """queries that the store gets at once; a quarter is kept for quick ones"""
    user: str = ""
    """name at the store; empty: the password is a token"""
    password: str = ""
    """password or token at the store"""

    def __post_init__(self) -> None:
        """Check what can be checked without the store."""
        if self.connections < 1:
            raise SettingsError(f"CIRCKG_REMOTE_CONNECTIONS is {self.connections}; it takes a number from 1.")
        if self.kind not in DIALECTS:
            raise SettingsError(f"CIRCKG_REMOTE_KIND is {self.kind!r}; it takes {', '.join(DIALECTS)}.")
        if self.default_graph not in ("named", "own"):
            raise SettingsError(f"CIRCKG_REMOTE_DEFAULT_GRAPH is {self.default_graph!r}; it takes named or own.")
        for name in ("query", "update", "graph_store"):
            try:
                if getattr(self, name):
                    Address.of(getattr(self, name))
            except ValueError as error:
                raise SettingsError(f"CIRCKG_REMOTE_{name.upper()}: {error}") from error
