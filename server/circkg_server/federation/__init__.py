"""SERVICE under control: the front asks allowed endpoints itself, the engine only ever sees their answers.

``CIRCKG_SERVICE`` lists the endpoints, by preset (``eu``, ``wikidata``) or address; by default there is none.
:func:`rewrite` replaces each clause by a VALUES clause with its endpoint's whole answer:

- Values that stand before the first clause of a query are passed with it if there are few, and if the caller gives a
  way to find them. Else a clause is asked alone and should be narrow by itself.
- An answer is whole or refused: more rows or bytes than the limits, a broken-off or partial answer is an error.
- ``SILENT`` turns every failure, also that an endpoint is not allowed, into one empty solution.
- Blank nodes of an endpoint become IRIs, new in each clause. Triple terms are refused.
- The endpoint must be named by its address, not by a variable, and a clause holds no other SERVICE.
"""

from circkg_server.federation.addresses import AddressError
from circkg_server.federation.gate import FederationError, Gate, NotAllowedError, RemoteTimeoutError, TooMuchError
from circkg_server.federation.results import Answer
from circkg_server.federation.rewrite import Asked, Local, Rewritten, needs_federation, refuse_load, rewrite
from circkg_server.federation.settings import Endpoint, Features, FederationSettings, features

__all__ = [
    "AddressError",
    "Answer",
    "Asked",
    "Endpoint",
    "Features",
    "FederationError",
    "FederationSettings",
    "Gate",
    "Local",
    "NotAllowedError",
    "RemoteTimeoutError",
    "Rewritten",
    "TooMuchError",
    "features",
    "needs_federation",
    "refuse_load",
    "rewrite",
]
