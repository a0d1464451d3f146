"""SERVICE under control: the front asks allowed endpoints itself, the engine only ever sees their answers."""

from circkg_server.federation.addresses import AddressError
from circkg_server.federation.gate import (
    Answer,
    Endpoint,
    Features,
    FederationError,
    FederationSettings,
    Gate,
    NotAllowedError,
    RemoteTimeoutError,
    TooMuchError,
    features,
)
from circkg_server.federation.rewrite import Rewritten, needs_federation, refuse_load, rewrite

__all__ = [
    "AddressError",
    "Answer",
    "Endpoint",
    "Features",
    "FederationError",
    "FederationSettings",
    "Gate",
    "NotAllowedError",
    "RemoteTimeoutError",
    "Rewritten",
    "TooMuchError",
    "features",
    "needs_federation",
    "refuse_load",
    "rewrite",
]
