"""A short way for plain requests: an HTTP protocol that answers them without a task, and leaves the rest to Uvicorn.

A connection begins here. As long as each request is the plain one of most clients (``GET /sparql?query=…``, whole in
one piece, a query of the default graph whose answer is not large) it is answered here: from the cache by the very bytes
of the request, else from a reader. With the first other request, the connection goes over to Uvicorn for good.
What a client sees is the same on both ways.
"""

from circkg_server.sparql.express.application import Application, Express

__all__ = ["Application", "Express"]
