"""Text search: labels, titles and descriptions in all languages, as an API and inside SPARQL."""

from circkg_server.search.hits import Highlight, Hit, Hits
from circkg_server.search.index import Index, open_index
from circkg_server.search.making import make, path_of, remove_old
from circkg_server.search.rewrite import NAMESPACE, SERVICE, rewrite
from circkg_server.search.settings import SearchError, SearchSettings, SearchUnavailableError
from circkg_server.search.words import features

__all__ = [
    "NAMESPACE",
    "SERVICE",
    "Highlight",
    "Hit",
    "Hits",
    "Index",
    "SearchError",
    "SearchSettings",
    "SearchUnavailableError",
    "features",
    "make",
    "open_index",
    "path_of",
    "remove_old",
    "rewrite",
]
