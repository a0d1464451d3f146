"""Linked data: every IRI of the graph leads to what is known of it, for people and for programs."""
