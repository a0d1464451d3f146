"""Writes: bearer tokens, drafts, SPARQL update, the Graph Store Protocol, and the store that takes them."""
