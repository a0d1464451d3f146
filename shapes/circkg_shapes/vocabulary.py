"""Names of RDF, RDFS and SHACL that the validator reads, as terms."""

from __future__ import annotations

from typing import Final

from circkg_shapes.report import SH
from circkg_shapes.terms import Term

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
LANG_STRING: Final = f"{RDF}langString"
TYPE: Final = f"<{RDF}type>"
FIRST: Final = f"<{RDF}first>"
REST: Final = f"<{RDF}rest>"
NIL: Final = f"<{RDF}nil>"
SUBCLASS: Final = f"<{RDFS}subClassOf>"
CLASS: Final = f"<{RDFS}Class>"
OWL: Final = "http://www.w3.org/2002/07/owl#"
OWL_CLASS: Final = f"<{OWL}Class>"
IMPORTS: Final = f"<{OWL}imports>"


def sh(name: str) -> Term:
    """Return the term of a name of the SHACL vocabulary.

    >>> sh("minCount")
    '<http://www.w3.org/ns/shacl#minCount>'
    """
    return f"<{SH}{name}>"


def component(name: str) -> Term:
    """Return the term of a constraint component.

    >>> component("MinCount")
    '<http://www.w3.org/ns/shacl#MinCountConstraintComponent>'
    """
    return sh(f"{name}ConstraintComponent")


def local(term: Term) -> str:
    """Return how a message names a term: a SHACL name with its prefix, else the term.

    >>> local(sh("minCount")), local("<https://example.org/S>")
    ('sh:minCount', '<https://example.org/S>')
    """
    return f"sh:{term[len(SH) + 1 : -1]}" if term.startswith(f"<{SH}") else term
