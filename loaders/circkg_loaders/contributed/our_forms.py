"""The forms of the classes that our shapes know, read once."""

from __future__ import annotations

from functools import cache

from circkg_loaders.contributed.rdf import parse_rdf
from circkg_shapes.forms import Form, forms
from circkg_shapes.rooms import shape_files


@cache
def our_forms() -> tuple[Form, ...]:
    """Return the form of each class of ours, with its words in all languages.

    >>> [form.key for form in our_forms()][:3]
    ['action', 'amount', 'barrier']
    """
    return forms(triple for path in shape_files() for triple in parse_rdf(path.read_bytes(), path.name))
